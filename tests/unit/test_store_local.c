/* The directory store keeps a store's promises, and its files are what docs/formats.md says. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conform/store_story.h"
#include "store/local.h"
#include "world/folder.h"

static void *suite_setup(void) { return folder_new(); }
static void suite_teardown(void *folder) { folder_free(folder); }

static struct store *open_with(const char *path, struct clock *clock)
{
    struct store *store = NULL;
    struct error err;
    if (local_store_open("lake", path, clock, random_real(), &store, &err) != RC_OK)
        print_error("%s\n", err.text);
    return store;
}

static struct store *suite_open(void *folder) { return open_with(folder, clock_real()); }

static const struct store_kind kind = {
    .name = "store: directory", .setup = suite_setup, .teardown = suite_teardown, .open = suite_open, .rounds = 200};

/* ---- names ---- */

static void a_key_is_the_path_of_its_file(void **state)
{
    struct story *s = *state;
    char *x = pattern_new(300, 1);
    memset(x, 'x', 299);
    x[299] = '\0';
    const char *long_key = arena_print(&s->arena, "p/%s", x);
    char sha256[SHA256_HEX];
    sha256_hex(str(x), sha256);
    const struct {
        const char *key, *path;
    } cases[] = {
        {"us_dw/shop.orders/dt=2025-09-12/wb=0-1/file-00000.parquet",
         "us_dw/shop.orders/dt=2025-09-12/wb=0-1/file-00000.parquet"},
        {"a b/100%", "a%20b/100%25"},
        {"\xc3\xa4/~", "%C3%A4/%7E"},
        {".waybill/x", "%2Ewaybill/x"},
        {"x/.waybill", "x/.waybill"},
        {"n", "n/%"}, /* since there is n/m */
        {"n/m", "n/m"},
        {long_key, arena_print(&s->arena, "p/%.180s~%.16s", x, sha256)},
    };
    int count = (int)(sizeof(cases) / sizeof(*cases));
    for (int i = 0; i < count; i++)
        put_text(s, cases[i].key, cases[i].key);
    for (int i = 0; i < count; i++) {
        AUTO_RELEASE(buf) got = {0};
        folder_read(s->place, cases[i].path, &got);
        assert_string_equal(got.at, cases[i].key);
    }
    free(x);
}

static void nothing_but_objects_lies_outside_the_hidden_folder(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) done = {0};
    AUTO_RELEASE(upload) open = {0};
    put_text(s, "a", "1");
    put_text(s, "a", "2");
    put_text(s, "a/b", "3");
    REFUSED(store_put(s->store, "a/b", S("x"), IF_NONE_MATCH, NULL, &s->err), RC_CONFLICT, "a/b");
    REFUSED(store_put(s->store, "c", S("x"), IF_MATCH("none"), NULL, &s->err), RC_CONFLICT, "c");
    OK(store_upload_begin(s->store, "up", &done, &s->err));
    OK(store_upload_part(s->store, &done, S("part"), &s->err));
    OK(store_upload_complete(s->store, &done, UNCONDITIONAL, NULL, &s->err));
    OK(store_upload_begin(s->store, "up2", &open, &s->err));
    OK(store_upload_part(s->store, &open, S("part"), &s->err));
    assert_int_equal(folder_files(s->place, ".waybill"), 3); /* a, a/b, up */
    assert_int_equal(folder_files(arena_print(&s->arena, "%s/.waybill/tmp", (char *)s->place), NULL), 0);
    assert_int_equal(folder_files(arena_print(&s->arena, "%s/.waybill/uploads", (char *)s->place), NULL), 2);
}

static void objects_are_for_their_owner_only(void **state)
{
    struct story *s = *state;
    struct stat st;
    AUTO_RELEASE(upload) upload = {0};
    put_text(s, "f/put", "1");
    OK(store_upload_begin(s->store, "f/up", &upload, &s->err));
    OK(store_upload_complete(s->store, &upload, UNCONDITIONAL, NULL, &s->err));
    static const char *const names[] = {"f/put", "f/up", ".waybill/lock"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stat(arena_print(&s->arena, "%s/%s", (char *)s->place, names[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    assert_int_equal(stat(arena_print(&s->arena, "%s/f", (char *)s->place), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void files_of_others_are_no_objects(void **state)
{
    struct story *s = *state;
    put_text(s, "ours", "x");
    folder_write(s->place, "README of the lake.txt", S("x")); /* a blank would be %20 */
    folder_write(s->place, "a%62", S("x"));                   /* b would be b */
    folder_write(s->place, "draft~", S("x"));
    folder_write(s->place, "%FF", S("x")); /* no UTF-8 */
    folder_write(s->place, "%", S("x"));
    folder_make(s->place, "empty");
    assert_int_equal(symlink("ours", arena_print(&s->arena, "%s/link", (char *)s->place)), 0);
    assert_int_equal(symlink(".", arena_print(&s->arena, "%s/loop", (char *)s->place)), 0);
    assert_int_equal(mkfifo(arena_print(&s->arena, "%s/pipe", (char *)s->place), 0600), 0);
    lists(s, "", "ours");
    has_none(s, "link");
    has_none(s, "loop/ours");
    has_none(s, "pipe");
    has_none(s, "empty");
    folder_write(s->place, "theirs.csv", S("id\n1\n")); /* a plain name is a key */
    lists(s, "", "ours theirs.csv");
    has_text(s, "theirs.csv", "id\n1\n");
}

static void a_long_name_without_its_note_is_never_guessed(void **state)
{
    struct story *s = *state;
    char key[301];
    memset(key, 'k', 300);
    key[300] = '\0';
    put_text(s, key, "x");
    lists(s, "", key);
    AUTO_RELEASE(buf) note = {0};
    char name[256], sha256[SHA256_HEX];
    sha256_hex(str(key), sha256);
    snprintf(name, sizeof(name), ".waybill/names/%.180s~%.16s", key, sha256);
    folder_read(s->place, name, &note);
    assert_string_equal(note.at, key);
    folder_write(s->place, name, S("another key with the same hash"));
    struct object_list page;
    REFUSED(store_list(s->store, "", NULL, &s->arena, &page, &s->err), RC_DATA, "kkk");
    assert_non_null(strstr(s->err.todo, ".waybill/names"));
    has_none(s, key);
    REFUSED(store_put(s->store, key, S("y"), UNCONDITIONAL, NULL, &s->err), RC_CONFIG, "another key");
}

static void a_folder_larger_than_a_page_is_read_in_pieces(void **state)
{
    struct story *s = *state;
    enum { FILES = 4500, FOLDERS = 3000 };
    struct object_list page = {0};
    int seen = 0;
    for (int i = 0; i < FILES; i++) { /* in no order; the folders are empty, and all before the files */
        folder_write(s->place, arena_print(&s->arena, "f%04d", i * 1009 % FILES), S("x"));
        if (i < FOLDERS)
            folder_make(s->place, arena_print(&s->arena, "a%04d", i * 1009 % FOLDERS));
    }
    do {
        OK(store_list(s->store, "", page.next, &s->arena, &page, &s->err));
        for (int i = 0; i < page.count; i++, seen++)
            assert_string_equal(page.items[i].key, arena_print(&s->arena, "f%04d", seen));
    } while (page.next != NULL);
    assert_int_equal(seen, FILES);
}

/* ---- opening ---- */

static void opening_and_reading_change_nothing(void **state)
{
    struct story *s = *state;
    const char *path = arena_print(&s->arena, "%s/new", (char *)s->place);
    AUTO(store) *store = open_with(path, clock_real());
    AUTO_RELEASE(buf) got = {0};
    struct object_list page;
    struct upload_list uploads;
    assert_string_equal(store->address, arena_print(&s->arena, "file://%s", path));
    REFUSED(store_get(store, "a", 10, &got, NULL, &s->err), RC_NOT_FOUND, "'a'");
    OK(store_list(store, "", NULL, &s->arena, &page, &s->err));
    OK(store_upload_list(store, "", NULL, &s->arena, &uploads, &s->err));
    assert_int_equal(page.count + uploads.count, 0);
    assert_false(folder_has(s->place, "new"));
    OK(store_put(store, "a", S("x"), UNCONDITIONAL, NULL, &s->err));
    assert_true(folder_has(s->place, "new/a"));
    folder_make(s->place, "old");
    AUTO(store) *old = open_with(arena_print(&s->arena, "%s/old/", (char *)s->place), clock_real());
    OK(store_list(old, "", NULL, &s->arena, &page, &s->err));
    assert_false(folder_has(s->place, "old/.waybill"));
}

static void a_place_that_cannot_be_a_store_is_refused(void **state)
{
    struct story *s = *state;
    struct store *store = NULL;
    folder_write(s->place, "file", S("x"));
    const struct {
        const char *path;
        enum rc rc;
    } cases[] = {{"missing/twice", RC_NOT_FOUND}, {"file", RC_CONFIG}, {"file/below", RC_CONFIG}};
    for (int i = 0; i < 3; i++) {
        const char *path = arena_print(&s->arena, "%s/%s", (char *)s->place, cases[i].path);
        REFUSED(local_store_open("lake", path, clock_real(), random_real(), &store, &s->err), cases[i].rc, "'lake'");
        assert_non_null(strstr(s->err.text, path));
        assert_true(s->err.todo[0] != '\0');
    }
    REFUSED(local_store_open("lake", "", clock_real(), random_real(), &store, &s->err), RC_NOT_FOUND, "'lake'");
    const char *foreign = arena_print(&s->arena, "%s/caf\xe9", (char *)s->place);
    REFUSED(local_store_open("lake", foreign, clock_real(), random_real(), &store, &s->err), RC_CONFIG, "not UTF-8");
}

static void a_store_that_becomes_a_file_is_refused_and_not_empty(void **state)
{
    struct story *s = *state;
    AUTO(store) *store = open_with(arena_print(&s->arena, "%s/late", (char *)s->place), clock_real());
    struct object_list page;
    AUTO_RELEASE(buf) got = {0};
    folder_write(s->place, "late", S("x"));
    REFUSED(store_list(store, "", NULL, &s->arena, &page, &s->err), RC_CONFIG, "late");
    REFUSED(store_get(store, "a", 10, &got, NULL, &s->err), RC_CONFIG, "late");
    REFUSED(store_put(store, "a", S("x"), UNCONDITIONAL, NULL, &s->err), RC_CONFIG, "late");
}

/* ---- content ---- */

static void a_flipped_bit_changes_the_etag(void **state)
{
    struct story *s = *state;
    struct object_info written, found;
    OK(store_put(s->store, "a", S("content"), UNCONDITIONAL, &written, &s->err));
    folder_write(s->place, "a", S("dontent"));
    OK(store_head(s->store, "a", &found, &s->err));
    assert_string_not_equal(found.checksum, written.checksum);
    assert_string_equal(found.checksum, found.etag);
    REFUSED(store_put(s->store, "a", S("new"), IF_MATCH(written.etag), NULL, &s->err), RC_CONFLICT, "'a'");
}

static void an_upload_that_lost_bytes_is_not_completed(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    OK(store_upload_begin(s->store, "a", &upload, &s->err));
    OK(store_upload_part(s->store, &upload, S("0123456789"), &s->err));
    folder_write(s->place, arena_print(&s->arena, ".waybill/uploads/%s/data", upload.id), S("01234"));
    REFUSED(store_upload_complete(s->store, &upload, UNCONDITIONAL, NULL, &s->err), RC_DATA, "'a'");
    has_none(s, "a");
}

static void bytes_of_a_part_that_failed_do_not_count(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    OK(store_upload_begin(s->store, "a", &upload, &s->err));
    OK(store_upload_part(s->store, &upload, S("first "), &s->err));
    OK(store_upload_part(s->store, &upload, S("a part whose answer was lost"), &s->err));
    upload.parts = 1;
    OK(store_upload_part(s->store, &upload, S("second"), &s->err));
    OK(store_upload_complete(s->store, &upload, UNCONDITIONAL, NULL, &s->err));
    has_text(s, "a", "first second");
}

/* A crash between the link and the end of the upload leaves both; a failed fsync makes the caller complete again. */
static void completing_what_is_linked_already_ends_the_upload(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    OK(store_upload_begin(s->store, "a", &upload, &s->err));
    OK(store_upload_part(s->store, &upload, S("whole"), &s->err));
    assert_int_equal(link(arena_print(&s->arena, "%s/.waybill/uploads/%s/data", (char *)s->place, upload.id),
                          arena_print(&s->arena, "%s/a", (char *)s->place)),
                     0);
    OK(store_upload_complete(s->store, &upload, IF_NONE_MATCH, NULL, &s->err));
    has_text(s, "a", "whole");
    assert_int_equal(uploads_count(s, ""), 0);
}

static void an_upload_id_from_elsewhere_reaches_no_other_folder(void **state)
{
    struct story *s = *state;
    put_text(s, "p/a", "x");
    OK(store_upload_abort(s->store, "p/a", "../../p", &s->err));
    OK(store_upload_abort(s->store, "p/a", "", &s->err));
    has_text(s, "p/a", "x");
    assert_true(folder_has(s->place, ".waybill/uploads"));
}

/* ---- the lock, and what the dead leave behind ---- */

struct fast_clock {
    struct clock base;
    int64_t ms;
};
static int64_t fast_now(struct clock *self) { return ((struct fast_clock *)self)->ms * 1000; }
static int64_t fast_mono(struct clock *self) { return ((struct fast_clock *)self)->ms; }
static void fast_sleep(struct clock *self, int64_t ms) { ((struct fast_clock *)self)->ms += ms; }

static void a_lock_that_is_never_given_back_is_waited_for_with_an_end(void **state)
{
    struct story *s = *state;
    struct fast_clock clock = {.base = {.now_us = fast_now, .mono_ms = fast_mono, .sleep_ms = fast_sleep}};
    AUTO(store) *store = open_with(s->place, &clock.base);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    put_text(s, "a", "1");
    int fd = open(arena_print(&s->arena, "%s/.waybill/lock", (char *)s->place), O_RDWR | O_CLOEXEC);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &whole), 0);
    REFUSED(store_put(store, "a", S("2"), UNCONDITIONAL, NULL, &s->err), RC_BUSY, ".waybill/lock");
    assert_non_null(strstr(s->err.todo, "lslocks"));
    assert_in_range(clock.ms, 30000, 31000);
    struct deleted_object item = {.key = "a"};
    REFUSED(store_delete(store, &item, 1, &s->err), RC_BUSY, ".waybill/lock");
    REFUSED(store_put(store, "a/below", S("2"), IF_NONE_MATCH, NULL, &s->err), RC_BUSY, ".waybill/lock");
    has_text(s, "a", "1");
    lists(s, "", "a");
    OK(store_put(store, "b", S("2"), IF_NONE_MATCH, NULL, &s->err)); /* a creation needs none */
    close(fd);
    OK(store_put(store, "a", S("2"), UNCONDITIONAL, NULL, &s->err));
}

static void what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not(void **state)
{
    struct story *s = *state;
    put_text(s, "a", "1");
    folder_write(s->place, ".waybill/tmp/dead", S("half"));
    folder_make(s->place, ".waybill/tmp/dead-folder");
    folder_write(s->place, ".waybill/tmp/dead-folder/key", S("half"));
    folder_write(s->place, ".waybill/tmp/new", S("half"));
    folder_write(s->place, ".waybill/tmp/living", S("half"));
    static const char *const old[] = {"dead", "dead-folder", "living"};
    for (int i = 0; i < 3; i++)
        folder_age(s->place, arena_print(&s->arena, ".waybill/tmp/%s", old[i]), 120);
    int living = open(arena_print(&s->arena, "%s/.waybill/tmp/living", (char *)s->place), O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(living, LOCK_EX), 0);
    AUTO(store) *next = open_with(s->place, clock_real());
    OK(store_put(next, "b", S("2"), UNCONDITIONAL, NULL, &s->err));
    assert_false(folder_has(s->place, ".waybill/tmp/dead"));
    assert_false(folder_has(s->place, ".waybill/tmp/dead-folder"));
    assert_true(folder_has(s->place, ".waybill/tmp/new"));
    assert_true(folder_has(s->place, ".waybill/tmp/living"));
    close(living);
}

static void deleting_the_last_object_removes_its_folders(void **state)
{
    struct story *s = *state;
    struct deleted_object items[] = {{.key = "p/t/wb=1/file"}, {.key = "p/t/wb=2/file"}, {.key = "n"}};
    put_text(s, "p/t/wb=1/file", "1");
    put_text(s, "p/t/wb=2/file", "2");
    put_text(s, "p/keep", "3");
    put_text(s, "n/m", "4");
    put_text(s, "n", "5");
    OK(store_delete(s->store, items, 3, &s->err));
    assert_true(folder_has(s->place, "p/keep"));
    assert_false(folder_has(s->place, "p/t"));
    assert_true(folder_has(s->place, "n/m"));
    assert_false(folder_has(s->place, "n/%"));
}

static const struct CMUnitTest own[] = {
    STORY(a_key_is_the_path_of_its_file),
    STORY(nothing_but_objects_lies_outside_the_hidden_folder),
    STORY(objects_are_for_their_owner_only),
    STORY(files_of_others_are_no_objects),
    STORY(a_long_name_without_its_note_is_never_guessed),
    STORY(a_folder_larger_than_a_page_is_read_in_pieces),
    STORY(opening_and_reading_change_nothing),
    STORY(a_place_that_cannot_be_a_store_is_refused),
    STORY(a_store_that_becomes_a_file_is_refused_and_not_empty),
    STORY(a_flipped_bit_changes_the_etag),
    STORY(an_upload_that_lost_bytes_is_not_completed),
    STORY(bytes_of_a_part_that_failed_do_not_count),
    STORY(completing_what_is_linked_already_ends_the_upload),
    STORY(an_upload_id_from_elsewhere_reaches_no_other_folder),
    STORY(a_lock_that_is_never_given_back_is_waited_for_with_an_end),
    STORY(what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not),
    STORY(deleting_the_last_object_removes_its_folders),
};

int main(void)
{
    int failed = store_suite_run(&kind);
    return failed + cmocka_run_group_tests_name("store: directory: files", own, NULL, NULL);
}

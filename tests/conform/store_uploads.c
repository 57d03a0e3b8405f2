/* Stories of uploads: parts that become one object at once, or never. */
#include <stdlib.h>

#include "conform/store_story.h"

#define KEY       "p/orders/wb=1/file-00000.parquet"
#define MIB       ((size_t)1 << 20)
#define BIG_BYTES (40 * MIB)

/* Parts as large as the store wants them, and a small last one. */
static size_t part_bytes(const struct story *s)
{
    return s->store->part_bytes_min > 0 ? (size_t)s->store->part_bytes_min : 1000;
}

static void begin(struct story *s, struct upload *ret) { OK(store_upload_begin(s->store, KEY, ret, &s->err)); }

static void send(struct story *s, struct upload *upload, struct str bytes)
{
    OK(store_upload_part(s->store, upload, bytes, &s->err));
}

static void has_bytes(struct story *s, const char *key, struct str bytes)
{
    AUTO_RELEASE(buf) got = {0};
    OK(store_get(s->store, key, BIG_BYTES, &got, NULL, &s->err));
    assert_true(str_eq(buf_str(&got), bytes));
}

/* An upload of two parts and its content, which the caller frees. */
static struct str two_parts(struct story *s, struct upload *ret, unsigned seed)
{
    size_t first = part_bytes(s), whole = first + 123;
    char *bytes = pattern_new(whole, seed);
    begin(s, ret);
    send(s, ret, (struct str){bytes, first});
    send(s, ret, (struct str){bytes + first, whole - first});
    return (struct str){bytes, whole};
}

static void parts_become_one_object(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    struct object_info info, found;
    char checksum[CHECKSUM_TEXT];
    struct str whole = two_parts(s, &upload, 1);
    assert_int_equal(upload.parts, 2);
    OK(store_upload_complete(s->store, &upload, UNCONDITIONAL, &info, &s->err));
    has_bytes(s, KEY, whole);
    OK(store_head(s->store, KEY, &found, &s->err));
    assert_int_equal(info.bytes, whole.len);
    assert_string_equal(info.etag, found.etag);
    checksum_of(s->store->checksum, whole, checksum);
    assert_string_equal(info.checksum, checksum);
    lists(s, "", KEY);
    assert_int_equal(uploads_count(s, ""), 0);
    free((char *)(uintptr_t)whole.at);
}

static void an_upload_is_invisible_until_it_is_complete(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    struct str whole = two_parts(s, &upload, 2);
    has_none(s, KEY);
    lists(s, "", "");
    assert_int_equal(uploads_count(s, ""), 1);
    OK(store_upload_complete(s->store, &upload, UNCONDITIONAL, NULL, &s->err));
    has_bytes(s, KEY, whole);
    free((char *)(uintptr_t)whole.at);
}

static void completing_again_after_a_lost_answer_is_well(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    struct object_info first, again;
    struct str whole = two_parts(s, &upload, 3);
    OK(store_upload_complete(s->store, &upload, IF_NONE_MATCH, &first, &s->err));
    OK(store_upload_complete(s->store, &upload, IF_NONE_MATCH, &again, &s->err));
    assert_string_equal(first.etag, again.etag);
    assert_int_equal(first.bytes, again.bytes);
    has_bytes(s, KEY, whole);
    put_text(s, KEY, "replaced by another");
    REFUSED(store_upload_complete(s->store, &upload, UNCONDITIONAL, NULL, &s->err), RC_NOT_FOUND, KEY);
    has_text(s, KEY, "replaced by another");
    free((char *)(uintptr_t)whole.at);
}

static void a_condition_holds_for_complete_as_for_put(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    struct object_info there, now;
    struct str whole = two_parts(s, &upload, 4);
    OK(store_put(s->store, KEY, S("there"), UNCONDITIONAL, &there, &s->err));
    REFUSED(store_upload_complete(s->store, &upload, IF_NONE_MATCH, NULL, &s->err), RC_CONFLICT, KEY);
    REFUSED(store_upload_complete(s->store, &upload, IF_MATCH("nobody's"), NULL, &s->err), RC_CONFLICT, KEY);
    has_text(s, KEY, "there");
    OK(store_upload_complete(s->store, &upload, IF_MATCH(there.etag), &now, &s->err));
    assert_string_not_equal(now.etag, there.etag);
    has_bytes(s, KEY, whole);
    assert_int_equal(uploads_count(s, ""), 0);
    free((char *)(uintptr_t)whole.at);
}

static void an_aborted_upload_leaves_nothing(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    struct str whole = two_parts(s, &upload, 5);
    OK(store_upload_abort(s->store, KEY, upload.id, &s->err));
    OK(store_upload_abort(s->store, KEY, upload.id, &s->err));
    OK(store_upload_abort(s->store, KEY, "no-such-upload/../../x", &s->err));
    assert_int_equal(uploads_count(s, ""), 0);
    REFUSED(store_upload_part(s->store, &upload, S("more"), &s->err), RC_NOT_FOUND, KEY);
    REFUSED(store_upload_complete(s->store, &upload, UNCONDITIONAL, NULL, &s->err), RC_NOT_FOUND, KEY);
    has_none(s, KEY);
    lists(s, "", "");
    free((char *)(uintptr_t)whole.at);
}

static void aborting_what_is_complete_keeps_the_object(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    struct str whole = two_parts(s, &upload, 6);
    OK(store_upload_complete(s->store, &upload, UNCONDITIONAL, NULL, &s->err));
    OK(store_upload_abort(s->store, KEY, upload.id, &s->err));
    has_bytes(s, KEY, whole);
    free((char *)(uintptr_t)whole.at);
}

static void unfinished_uploads_are_found_by_key_and_by_any_client(void **state)
{
    struct story *s = *state;
    AUTO(store) *other = s->kind->open(s->place);
    struct upload_list page;
    static const char *const keys[] = {"p/a/1", "p/a/1", "p/b/2", "q/3"};
    struct upload uploads[4] = {0};
    for (int i = 0; i < 4; i++)
        OK(store_upload_begin(s->store, keys[i], &uploads[i], &s->err));
    assert_string_not_equal(uploads[0].id, uploads[1].id);
    assert_int_equal(uploads_count(s, "p/a/"), 2);
    assert_int_equal(uploads_count(s, "p/"), 3);
    OK(store_upload_list(other, "p/b/", NULL, &s->arena, &page, &s->err));
    assert_int_equal(page.count, 1);
    assert_string_equal(page.items[0].key, "p/b/2");
    assert_string_equal(page.items[0].upload_id, uploads[2].id);
    OK(store_upload_abort(other, page.items[0].key, page.items[0].upload_id, &s->err));
    assert_int_equal(uploads_count(s, ""), 3);
    for (int i = 0; i < 4; i++)
        upload_release(&uploads[i]);
}

static void thousands_of_uploads_come_in_pages(void **state)
{
    struct story *s = *state;
    if (s->kind->one_upload_page)
        skip();
    for (int i = 0; i < LIST_PAGE_MAX + 3; i++) {
        AUTO_RELEASE(upload) upload = {0};
        OK(store_upload_begin(s->store, KEY, &upload, &s->err));
    }
    assert_int_equal(uploads_count(s, "p/"), LIST_PAGE_MAX + 3);
}

static void two_uploads_of_one_key_do_not_mix(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) first = {0};
    AUTO_RELEASE(upload) second = {0};
    struct str one = two_parts(s, &first, 7), two = two_parts(s, &second, 8);
    OK(store_upload_complete(s->store, &second, IF_NONE_MATCH, NULL, &s->err));
    REFUSED(store_upload_complete(s->store, &first, IF_NONE_MATCH, NULL, &s->err), RC_CONFLICT, KEY);
    has_bytes(s, KEY, two);
    OK(store_upload_complete(s->store, &first, UNCONDITIONAL, NULL, &s->err));
    has_bytes(s, KEY, one);
    free((char *)(uintptr_t)one.at);
    free((char *)(uintptr_t)two.at);
}

static void forty_megabytes_arrive_whole(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    struct object_info info;
    char *bytes = pattern_new(BIG_BYTES, 9), at[16];
    begin(s, &upload);
    for (size_t sent = 0; sent < BIG_BYTES; sent += 8 * MIB)
        send(s, &upload, (struct str){bytes + sent, 8 * MIB});
    OK(store_upload_complete(s->store, &upload, IF_NONE_MATCH, &info, &s->err));
    assert_int_equal(info.bytes, BIG_BYTES);
    has_bytes(s, KEY, (struct str){bytes, BIG_BYTES});
    OK(store_get_range(s->store, KEY, 31 * MIB + 5, at, sizeof(at), &s->err));
    assert_memory_equal(at, bytes + 31 * MIB + 5, sizeof(at));
    OK(store_put(s->store, "as one", (struct str){bytes, BIG_BYTES}, UNCONDITIONAL, NULL, &s->err));
    has_bytes(s, "as one", (struct str){bytes, BIG_BYTES});
    free(bytes);
}

const struct CMUnitTest store_upload_stories[] = {
    STORY(parts_become_one_object),
    STORY(an_upload_is_invisible_until_it_is_complete),
    STORY(completing_again_after_a_lost_answer_is_well),
    STORY(a_condition_holds_for_complete_as_for_put),
    STORY(an_aborted_upload_leaves_nothing),
    STORY(aborting_what_is_complete_keeps_the_object),
    STORY(unfinished_uploads_are_found_by_key_and_by_any_client),
    STORY(thousands_of_uploads_come_in_pages),
    STORY(two_uploads_of_one_key_do_not_mix),
    STORY(forty_megabytes_arrive_whole),
};
const size_t store_upload_count = sizeof(store_upload_stories) / sizeof(*store_upload_stories);

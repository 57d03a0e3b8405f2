/* The SQLite source and the other programs that use its file: whom it waits for, whom it does not keep waiting, and
 * that it changes nothing. */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "io/sqlite.h"
#include "sqlite_shop.h"
#include "test.h"

static const char table_sql[] =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME NOT NULL); CREATE INDEX i ON t (at);"
    "INSERT INTO t VALUES (1, '2024-01-01 00:00:00'), (2, '2024-01-01 00:00:01'), (3, '2024-01-01 00:00:02')";

static const struct table *describe(struct source *source)
{
    const struct table *table = NULL;
    struct error err;
    struct table_request request = {.name = "t", .cursor = "at", .wants_cursor = true};
    enum rc rc = source_describe(source, &request, &table, &err);
    if (rc != RC_OK)
        print_error("%s\n", err.text);
    assert_int_equal(rc, RC_OK);
    return table;
}

static int64_t read_all(struct source *source, enum range_kind kind)
{
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch;
    struct error err;
    int64_t rows = 0;
    struct range range = {.kind = kind, .hi = {.shape = POSITION_AT, .at = "2024-01-02 00:00:00"}};
    assert_int_equal(source_read(source, describe(source), &range, &reader, &err), RC_OK);
    for (;;) {
        assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
        if (batch == NULL)
            return rows;
        rows += batch->rows;
    }
}

static sqlite3 *writer;
static int sleeps;
static void commit_at_the_third_sleep(void)
{
    if (++sleeps == 3)
        shop_run(writer, "COMMIT");
}

static void the_clock_waits_for_a_writer_and_then_says_who_it_is(const char *pragma)
{
    sqlite3 *app = shop_new(pragma);
    struct source *source = shop_source(0);
    struct error err;
    int64_t us = 0, began_ms = shop_clock.waited_ms;
    char me[SQLITE_HOLDER_TEXT];
    shop_run(app, table_sql);
    shop_run(app, "BEGIN IMMEDIATE; INSERT INTO t VALUES (4, '2024-01-01 00:00:03')");
    assert_int_equal(source_now(source, &us, &err), RC_BUSY);
    assert_int_equal(shop_clock.waited_ms - began_ms, SQLITE_WAIT_MS);
    assert_int_equal(rc_exit_status(err.rc), 5);
    assert_non_null(strstr(err.text, SHOP_PATH));
    assert_non_null(strstr(err.todo, "end its transaction"));
    if (sqlite_lock_holder(SHOP_PATH, me)) { /* where the kernel tells */
        snprintf(me, sizeof(me), "process %ld (", (long)getpid());
        assert_non_null(strstr(err.todo, me));
    }
    assert_int_equal(us, 0);
    writer = app;
    sleeps = 0;
    shop_clock.slept = commit_at_the_third_sleep;
    assert_int_equal(source_now(source, &us, &err), RC_OK);
    assert_true(sleeps == 3 && us == shop_clock.wall_us);
    source_free(source);
    shop_close(app);
}

static void the_clock_waits_for_a_writer(void **state)
{
    the_clock_waits_for_a_writer_and_then_says_who_it_is("PRAGMA journal_mode = DELETE");
    the_clock_waits_for_a_writer_and_then_says_who_it_is("PRAGMA journal_mode = WAL");
}

/* The writer that is not let in at the clock is let in as soon as the clock was read. */
static void the_lock_is_given_back_at_once(void **state)
{
    sqlite3 *app = shop_new("PRAGMA journal_mode = DELETE");
    struct source *source = shop_source(0);
    AUTO_RELEASE(arena) arena = {0};
    struct error err;
    int64_t us;
    const char *ceiling;
    shop_run(app, table_sql);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(source_now(source, &us, &err), RC_OK);
        shop_run(app, "UPDATE t SET at = '2024-01-01 00:00:05' WHERE id = 1");
        assert_int_equal(source_ceiling(source, describe(source), &arena, &ceiling, &err), RC_OK);
        assert_string_equal(ceiling, "3");
        shop_run(app, "UPDATE t SET at = '2024-01-01 00:00:00' WHERE id = 1");
    }
    shop_run(app, "BEGIN IMMEDIATE");
    assert_int_equal(source_now(source, &us, &err), RC_BUSY);
    assert_int_equal(source_ceiling(source, describe(source), &arena, &ceiling, &err), RC_BUSY);
    shop_run(app, "COMMIT");
    assert_int_equal(source_now(source, &us, &err), RC_OK);
    source_free(source);
    shop_close(app);
}

static void a_signal_ends_the_wait(void **state)
{
    sqlite3 *app = shop_new("PRAGMA journal_mode = DELETE");
    struct source *source = shop_source(0);
    struct error err;
    int64_t us, began_ms = shop_clock.waited_ms;
    shop_run(app, table_sql);
    shop_run(app, "BEGIN IMMEDIATE");
    shop_stop = SIGTERM;
    assert_int_equal(source_now(source, &us, &err), RC_TERMINATED);
    assert_true(shop_clock.waited_ms - began_ms < 100);
    shop_stop = 0;
    shop_run(app, "COMMIT");
    assert_int_equal(source_now(source, &us, &err), RC_OK);
    source_free(source);
    shop_close(app);
}

/* A reader of the batch before does not stand in the way of a COMMIT; this is what pages are for. */
static void a_writer_commits_between_two_batches(void **state)
{
    sqlite3 *app = shop_new("PRAGMA journal_mode = DELETE");
    struct source *source = shop_source(1);
    struct batch_reader *reader = NULL;
    const struct batch *batch;
    struct error err;
    shop_run(app, table_sql);
    struct range range = {.kind = RANGE_WALK, .hi = {.shape = POSITION_AT, .at = "2024-01-02 00:00:00"}};
    assert_int_equal(source_read(source, describe(source), &range, &reader, &err), RC_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
        assert_int_equal(batch->rows, 1);
        shop_run(app, "UPDATE t SET at = at"); /* no busy timeout: it would fail at once */
    }
    batch_reader_free(reader);
    struct range all = {.kind = RANGE_ALL};
    assert_int_equal(source_read(source, describe(source), &all, &reader, &err), RC_OK);
    assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    assert_int_equal(sqlite3_exec(app, "UPDATE t SET at = at", NULL, NULL, NULL), SQLITE_BUSY); /* one snapshot does */
    batch_reader_free(reader);
    shop_run(app, "UPDATE t SET at = at");
    source_free(source);
    shop_close(app);
}

static void hash_file(char ret[SHA256_HEX])
{
    AUTO_RELEASE(buf) bytes = {0};
    char part[4096];
    FILE *file = fopen(SHOP_PATH, "rb");
    assert_non_null(file);
    for (size_t len; (len = fread(part, 1, sizeof(part), file)) > 0;)
        buf_add(&bytes, part, len);
    fclose(file);
    sha256_hex(buf_str(&bytes), ret);
}

/* Invariant e: looking changes no byte. */
static void the_source_changes_no_byte(void **state)
{
    sqlite3 *app = shop_new("PRAGMA journal_mode = DELETE");
    AUTO_RELEASE(arena) arena = {0};
    char before[SHA256_HEX], after[SHA256_HEX];
    struct error err;
    int64_t us;
    const char *text;
    shop_run(app, table_sql);
    hash_file(before);
    struct source *source = shop_source(0);
    assert_int_equal(source_now(source, &us, &err), RC_OK);
    assert_int_equal(source_identity(source, &arena, &text, &err), RC_OK);
    assert_true(text[0] == '/' && strcmp(strrchr(text, '/'), "/" SHOP_PATH) == 0);
    assert_int_equal(source_ceiling(source, describe(source), &arena, &text, &err), RC_OK);
    assert_int_equal(read_all(source, RANGE_WALK), 3);
    assert_int_equal(read_all(source, RANGE_ALL), 3);
    source_free(source);
    hash_file(after);
    assert_string_equal(before, after);
    assert_int_equal(access(SHOP_PATH "-journal", F_OK), -1);
    shop_close(app);
}

/* The same file by another name is the same source. */
static void the_identity_is_the_real_path(void **state)
{
    sqlite3 *app = shop_new("PRAGMA journal_mode = DELETE");
    AUTO_RELEASE(arena) arena = {0};
    struct sqlite_source_options options = {.clock = &shop_clock.clock};
    struct source *source = shop_source(0), *other = NULL;
    struct error err;
    const char *one, *two;
    shop_run(app, table_sql);
    assert_int_equal(symlink(SHOP_PATH, "other.db"), 0);
    assert_int_equal(sqlite_source_open("other", "other.db", &options, &other, &err), RC_OK);
    assert_int_equal(source_identity(source, &arena, &one, &err), RC_OK);
    assert_int_equal(source_identity(other, &arena, &two, &err), RC_OK);
    assert_string_equal(one, two);
    source_free(source);
    source_free(other);
    unlink("other.db");
    shop_close(app);
}

/* Waybills name the source, and they are JSON. */
static void an_identity_that_is_not_utf8_is_refused(void **state)
{
    sqlite3 *app = shop_new("PRAGMA journal_mode = DELETE");
    AUTO_RELEASE(arena) arena = {0};
    struct sqlite_source_options options = {.clock = &shop_clock.clock};
    struct source *source = NULL;
    struct error err;
    const char *id;
    shop_run(app, table_sql);
    assert_int_equal(sqlite3_close(app), SQLITE_OK);
    assert_int_equal(rename(SHOP_PATH, "caf\xe9.db"), 0);
    assert_int_equal(sqlite_source_open("shop", "caf\xe9.db", &options, &source, &err), RC_OK);
    assert_int_equal(source_identity(source, &arena, &id, &err), RC_CONFIG);
    source_free(source);
    unlink("caf\xe9.db");
}

/* With no right to write, writers cannot be kept out, and so a transaction may be open that is not seen. */
static void a_file_that_can_only_be_read_is_read_and_hides_transactions(void **state)
{
    enum { NOBODY = 65534 };
    sqlite3 *app = shop_new("PRAGMA journal_mode = DELETE");
    AUTO_RELEASE(arena) arena = {0};
    struct open_transactions open;
    struct error err;
    int64_t us;
    const char *ceiling;
    bool was_root = geteuid() == 0; /* root may write every file */
    shop_run(app, table_sql);
    shop_run(app, "BEGIN IMMEDIATE");
    assert_int_equal(chmod(".", 0755), 0);
    assert_int_equal(chmod(SHOP_PATH, 0444), 0);
    assert_true(!was_root || seteuid(NOBODY) == 0);
    struct source *source = shop_source(0);
    assert_true(!was_root || seteuid(0) == 0);
    assert_int_equal(source_now(source, &us, &err), RC_OK);
    assert_int_equal(us, shop_clock.wall_us);
    assert_int_equal(source_oldest_open(source, &open, &err), RC_OK);
    assert_true(open.hidden && !open.any);
    assert_int_equal(source_ceiling(source, describe(source), &arena, &ceiling, &err), RC_OK);
    assert_string_equal(ceiling, "3");
    assert_int_equal(read_all(source, RANGE_WALK), 3);
    source_free(source);
    shop_run(app, "COMMIT");
    assert_int_equal(chmod(SHOP_PATH, 0644), 0);
    source = shop_source(0);
    assert_int_equal(source_oldest_open(source, &open, &err), RC_OK);
    assert_false(open.hidden);
    source_free(source);
    shop_close(app);
}

static void a_file_that_another_program_has_for_itself_is_busy(void **state)
{
    sqlite3 *app = shop_new("PRAGMA locking_mode = EXCLUSIVE");
    struct sqlite_source_options options = {.clock = &shop_clock.clock, .wait_ms = 200};
    struct source *source = NULL;
    struct error err;
    int64_t began_ms = shop_clock.waited_ms;
    shop_run(app, table_sql);
    assert_int_equal(sqlite_source_open("shop", SHOP_PATH, &options, &source, &err), RC_BUSY);
    assert_int_equal(shop_clock.waited_ms - began_ms, 200);
    assert_null(source);
    shop_close(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_waits_for_a_writer),
        cmocka_unit_test(the_lock_is_given_back_at_once),
        cmocka_unit_test(a_signal_ends_the_wait),
        cmocka_unit_test(a_writer_commits_between_two_batches),
        cmocka_unit_test(the_source_changes_no_byte),
        cmocka_unit_test(the_identity_is_the_real_path),
        cmocka_unit_test(an_identity_that_is_not_utf8_is_refused),
        cmocka_unit_test(a_file_that_can_only_be_read_is_read_and_hides_transactions),
        cmocka_unit_test(a_file_that_another_program_has_for_itself_is_busy),
    };
    return cmocka_run_group_tests(tests, shop_enter, shop_leave);
}

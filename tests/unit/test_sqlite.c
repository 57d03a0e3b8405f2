/* io/sqlite: files that are not there, are no database, may not be written or are locked are told apart. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/sqlite.h"
#include "test.h"

static char folder[] = "/tmp/waybill-sqlite-XXXXXX";
static const struct sqlite_patience *patience(void)
{
    static struct sqlite_patience some;
    some = (struct sqlite_patience){.clock = clock_real(), .wait_ms = 20};
    return &some;
}

static int make_folder(void **state) { return mkdtemp(folder) == NULL || chdir(folder) != 0; }

static int remove_folder(void **state)
{
    static const char *const names[] = {"new.db",  "text.db", "read.db", "lock.db", "file:odd?mode=memory",
                                        "stop.db", "full.db"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(names[i]);
    return chdir("/") != 0 || rmdir(folder) != 0;
}

static void a_missing_file_a_folder_and_another_file_are_told_apart(void **state)
{
    AUTO(sqlite) *db = NULL;
    struct error err;
    assert_int_equal(sqlite_open("none.db", SQLITE_TO_WRITE, patience(), &db, &err), RC_NOT_FOUND);
    assert_non_null(strstr(err.text, "none.db"));
    assert_int_equal(access("none.db", F_OK), -1);
    assert_int_equal(sqlite_open(folder, SQLITE_TO_READ, patience(), &db, &err), RC_CONFIG);
    int file = open("text.db", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < 100; i++)
        assert_int_equal(write(file, "not a database\n", 15), 15);
    close(file);
    assert_int_equal(sqlite_open("text.db", SQLITE_TO_READ, patience(), &db, &err), RC_DATA);
    assert_string_equal(err.vendor, "SQLITE_NOTADB");
    assert_non_null(strstr(err.text, "text.db"));
    assert_null(db);
}

static void a_file_is_made_only_when_asked_for_and_its_name_is_only_a_name(void **state)
{
    AUTO(sqlite) *db = NULL, *odd = NULL;
    struct error err;
    assert_int_equal(sqlite_open("new.db", SQLITE_TO_CREATE, patience(), &db, &err), RC_OK);
    assert_int_equal(sqlite_run(db, "CREATE TABLE t (a)", &err), RC_OK);
    assert_int_equal(access("new.db", F_OK), 0);
    assert_int_equal(sqlite_open("file:odd?mode=memory", SQLITE_TO_CREATE, patience(), &odd, &err), RC_OK);
    assert_int_equal(sqlite_run(odd, "CREATE TABLE t (a)", &err), RC_OK);
    assert_int_equal(access("file:odd?mode=memory", F_OK), 0);
}

static void a_file_that_cannot_be_written_is_denied_or_opened_to_read(void **state)
{
    AUTO(sqlite) *made = NULL, *db = NULL;
    struct error err;
    assert_int_equal(sqlite_open("read.db", SQLITE_TO_CREATE, patience(), &made, &err), RC_OK);
    assert_int_equal(sqlite_run(made, "CREATE TABLE t (a)", &err), RC_OK);
    assert_int_equal(chmod("read.db", 0400), 0);
    if (geteuid() == 0) /* root may write everything */
        return;
    assert_int_equal(sqlite_open("read.db", SQLITE_TO_WRITE, patience(), &db, &err), RC_DENIED);
    assert_true(err.todo[0] != '\0');
    assert_int_equal(sqlite_open("read.db", SQLITE_TO_EITHER, patience(), &db, &err), RC_OK);
    assert_true(db->read_only);
    assert_int_equal(sqlite_run(db, "DELETE FROM t", &err), RC_DENIED);
}

/* A clock that moves only by sleeping, and does something at the third sleep. */
struct sleeper {
    struct clock clock;
    int64_t ms;
    int sleeps;
    struct sqlite *owner;
};
static int64_t sleeper_mono(struct clock *clock) { return ((struct sleeper *)clock)->ms; }
static void sleeper_sleep(struct clock *clock, int64_t ms)
{
    struct sleeper *self = (struct sleeper *)clock;
    self->ms += ms;
    if (++self->sleeps == 3 && self->owner != NULL)
        sqlite_rollback(self->owner);
}

static void a_lock_is_waited_for_until_the_patience_ends(void **state)
{
    AUTO(sqlite) *owner = NULL, *db = NULL;
    struct error err;
    struct sleeper sleeper = {.clock = {.mono_ms = sleeper_mono, .sleep_ms = sleeper_sleep}};
    struct sqlite_patience long_one = {.clock = &sleeper.clock};
    assert_int_equal(sqlite_open("lock.db", SQLITE_TO_CREATE, patience(), &owner, &err), RC_OK);
    assert_int_equal(sqlite_open("lock.db", SQLITE_TO_WRITE, &long_one, &db, &err), RC_OK);
    assert_int_equal(sqlite_run(owner, "BEGIN IMMEDIATE", &err), RC_OK);
    assert_int_equal(sqlite_run(db, "BEGIN IMMEDIATE", &err), RC_BUSY);
    assert_int_equal(sleeper.ms, SQLITE_WAIT_MS);
    assert_string_equal(err.vendor, "SQLITE_BUSY");
    assert_non_null(strstr(err.todo, "lock.db"));
    sleeper.owner = owner;
    sleeper.sleeps = 0;
    assert_int_equal(sqlite_run(db, "BEGIN IMMEDIATE", &err), RC_OK);
    assert_int_equal(sleeper.sleeps, 3);
}

static void a_signal_ends_a_wait_and_a_long_statement(void **state)
{
    static atomic_int stop;
    AUTO(sqlite) *owner = NULL, *db = NULL;
    struct error err;
    struct sqlite_patience stoppable = {.clock = clock_real(), .wait_ms = 60000, .stop = &stop};
    int64_t count;
    stop = 0;
    assert_int_equal(sqlite_open("stop.db", SQLITE_TO_CREATE, &stoppable, &db, &err), RC_OK);
    assert_int_equal(sqlite_open("stop.db", SQLITE_TO_WRITE, patience(), &owner, &err), RC_OK);
    assert_int_equal(sqlite_run(owner, "BEGIN IMMEDIATE", &err), RC_OK);
    stop = SIGTERM;
    assert_int_equal(sqlite_run(db, "BEGIN IMMEDIATE", &err), RC_TERMINATED);
    stop = SIGINT;
    assert_int_equal(
        sqlite_query_int64(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
                           &count, &err),
        RC_INTERRUPTED);
}

static void what_cannot_be_stored_is_data_and_a_full_database_is_unavailable(void **state)
{
    AUTO(sqlite) *db = NULL;
    AUTO(sqlite3_stmt) *insert = NULL;
    struct error err;
    bool is_row;
    assert_int_equal(sqlite_open("full.db", SQLITE_TO_CREATE, patience(), &db, &err), RC_OK);
    assert_int_equal(sqlite_run(db, "CREATE TABLE t (a INTEGER NOT NULL UNIQUE, b); PRAGMA max_page_count = 4", &err),
                     RC_OK);
    assert_int_equal(sqlite_prepare(db, "INSERT INTO t VALUES (?1, ?2)", &insert, &err), RC_OK);
    sqlite_bind_null(insert, 1);
    assert_int_equal(sqlite_step(db, insert, &is_row, &err), RC_DATA);
    assert_string_equal(err.vendor, "SQLITE_CONSTRAINT");
    sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, 100000);
    AUTO_RELEASE(buf) wide = {0};
    buf_reserve(&wide, 200000);
    memset(wide.at, 'x', 200000);
    assert_int_equal(sqlite_bind_text(db, insert, 2, (struct str){wide.at, 200000}, &err), RC_DATA);
    assert_int_equal(sqlite_bind_blob(db, insert, 2, (struct str){wide.at, 90000}, &err), RC_OK);
    sqlite_bind_int64(insert, 1, INT64_MIN);
    assert_int_equal(sqlite_step(db, insert, &is_row, &err), RC_UNAVAILABLE);
    assert_string_equal(err.vendor, "SQLITE_FULL");
}

static void an_identifier_is_quoted_whatever_it_holds(void **state)
{
    AUTO_RELEASE(buf) out = {0};
    sqlite_quote(&out, "a \"b\" 'c'; --");
    assert_string_equal(out.at, "\"a \"\"b\"\" 'c'; --\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_file_a_folder_and_another_file_are_told_apart),
        cmocka_unit_test(a_file_is_made_only_when_asked_for_and_its_name_is_only_a_name),
        cmocka_unit_test(a_file_that_cannot_be_written_is_denied_or_opened_to_read),
        cmocka_unit_test(a_lock_is_waited_for_until_the_patience_ends),
        cmocka_unit_test(a_signal_ends_a_wait_and_a_long_statement),
        cmocka_unit_test(what_cannot_be_stored_is_data_and_a_full_database_is_unavailable),
        cmocka_unit_test(an_identifier_is_quoted_whatever_it_holds),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

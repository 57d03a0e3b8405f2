/* The SQLite target on files that are missing, denied, full, failing or locked: what is certain, and what is not. */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/sqlite_story.h"
#include "world/fault_vfs.h"

/* ---- looking, and being denied ---- */

static void looking_makes_no_file(void **state)
{
    struct load_story *s = *state;
    AUTO_RELEASE(buf) ddl = {0};
    struct target_position at;
    load_use_schema(s, "id:l name:u");
    OK(target_position(s->target, &s->table, &s->arena, &at, &s->err));
    assert_false(at.exists);
    OK(target_prepare(s->target, &s->table, true, &ddl, &s->err));
    assert_string_equal(ddl.at,
                        "CREATE TABLE \"orders\" (\"id\" INTEGER NOT NULL, \"name\" TEXT, PRIMARY KEY (\"id\"));\n");
    assert_int_equal(access(FILE_PATH, F_OK), -1);
}

static void a_file_that_can_only_be_read_is_denied_when_it_is_to_be_written(void **state)
{
    struct load_story *s = *state;
    struct target_position at;
    load_ready(s);
    target_free(s->target);
    assert_int_equal(chmod(FILE_PATH, 0444), 0);
    assert_int_equal(chmod(file_folder, 0555), 0);
    bool was_root = geteuid() == 0;
    if (was_root)
        assert_int_equal(seteuid(65534), 0);
    s->target = file_target();
    enum rc looked = target_position(s->target, &s->table, &s->arena, &at, &s->err);
    enum rc fenced = target_fence(s->target, &s->table, 1, &s->arena, &at, &s->err);
    if (was_root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(file_folder, 0755), 0);
    assert_int_equal(looked, RC_OK);
    assert_int_equal(fenced, RC_DENIED);
    SAYS("'dw'");
    SAYS(FILE_PATH);
    assert_true(s->err.todo[0] != '\0');
}

static void S98_a_position_of_a_newer_format_is_refused_politely(void **state)
{
    struct load_story *s = *state;
    struct target_position at;
    struct target_move move = {.prev = "", .waybill = "w1", .pos = "{}"};
    bool moved = false;
    load_ready(s);
    file_run("UPDATE waybill_position SET format = 2");
    assert_int_equal(target_position(s->target, &s->table, &s->arena, &at, &s->err), RC_DATA);
    SAYS("format 2");
    SAYS("newer");
    assert_int_equal(target_fence(s->target, &s->table, 9, &s->arena, &at, &s->err), RC_DATA);
    assert_int_equal(target_create_position(s->target, &s->table, "id", &s->err), RC_DATA);
    assert_int_equal(target_begin(s->target, &s->table, &move, &moved, &s->err), RC_DATA);
    assert_string_equal(file_query("SELECT token, waybill FROM waybill_position"), "0|\n");
}

static void S15_a_renamed_pipeline_is_told_how_to_go_on(void **state)
{
    struct load_story *s = *state;
    load_ready(s);
    s->table.scope = "new/orders";
    s->table.name = "ORDERS"; /* the same table to SQLite */
    assert_int_equal(target_create_position(s->target, &s->table, "id", &s->err), RC_CONFIG);
    SAYS("p/orders");
    SAYS("new/orders");
    SAYS("shared: true");
    SAYS("restore --from-target");
    file_run("UPDATE waybill_position SET scope = 'new/orders' WHERE scope = 'p/orders'"); /* what it says */
    OK(target_create_position(s->target, &s->table, "id", &s->err));
}

/* ---- disks and locks ---- */

static void a_full_disk_during_the_load_leaves_nothing_and_says_so(void **state)
{
    struct load_story *s = *state;
    struct fault_vfs *disk = fault_vfs_install();
    AUTO_RELEASE(buf) many = {0};
    OK(target_reconnect(s->target, &s->err));
    load_ready(s);
    for (int i = 0; i < 20000; i++) /* more than SQLite keeps in memory */
        buf_addf(&many, "%d|%0200d\n", i, i);
    s->table.mode = MODE_APPEND;
    disk->bytes_left = 1 << 20;
    assert_int_equal(load_bring(s, s->target, "", "w1", many.at), RC_UNAVAILABLE);
    SAYS("full");
    SAYS("free some space");
    target_rollback(s->target);
    disk->bytes_left = -1;
    assert_string_equal(file_query("SELECT count(*), (SELECT waybill FROM waybill_position) FROM orders"), "0|\n");
    load_whole(s, "", "w1", many.at);
    assert_string_equal(file_query("SELECT count(*), (SELECT waybill FROM waybill_position) FROM orders"),
                        "20000|w1\n");
}

static void s72_large_rows_are_merged_a_few_at_a_time(void **state)
{
    struct load_story *s = *state;
    enum { ROWS = 40, ROW_BYTES = 1 << 20 };
    AUTO_RELEASE(buf) many = {0};
    load_ready(s);
    for (int i = 0; i < ROWS; i++)
        buf_addf(&many, "%d|%0*d\n", i * 7 % ROWS, ROW_BYTES, i);
    s->table.mode = MODE_MERGE;
    sqlite3_memory_highwater(true);
    load_whole(s, "", "w1", many.at);
    assert_in_range(sqlite3_memory_highwater(false), ROW_BYTES, 10 * ROW_BYTES);
    assert_string_equal(file_query("SELECT count(*) FROM orders"), "40\n");
}

static void a_merge_on_a_full_disk_names_both_places(void **state)
{
    struct load_story *s = *state;
    struct fault_vfs *disk = fault_vfs_install();
    AUTO_RELEASE(buf) many = {0};
    OK(target_reconnect(s->target, &s->err));
    load_ready(s);
    for (int i = 0; i < 20000; i++)
        buf_addf(&many, "%d|%0200d\n", i, i);
    disk->bytes_left = 1 << 20; /* the temporary file is the first that is full */
    assert_int_equal(load_bring(s, s->target, "", "w1", many.at), RC_UNAVAILABLE);
    SAYS("SQLITE_TMPDIR");
    SAYS(FILE_PATH);
    target_rollback(s->target);
    disk->bytes_left = -1;
    load_whole(s, "", "w1", many.at);
    assert_string_equal(file_query("SELECT count(*) FROM orders"), "20000\n");
}

static void a_full_disk_at_commit_is_certainly_not_committed(void **state)
{
    struct load_story *s = *state;
    struct fault_vfs *disk = fault_vfs_install();
    OK(target_reconnect(s->target, &s->err));
    load_ready(s);
    OK(load_bring(s, s->target, "", "w1", "1|ada\n"));
    disk->bytes_left = 0;
    assert_int_equal(target_commit(s->target, &s->err), RC_UNAVAILABLE);
    SAYS("full");
    disk->bytes_left = -1;
    load_whole(s, "", "w1", "1|ada\n");
    assert_string_equal(file_query("SELECT count(*) FROM orders"), "1\n");
}

static void a_commit_that_failed_to_reach_the_disk_is_of_unknown_fate(void **state)
{
    struct load_story *s = *state;
    struct fault_vfs *disk = fault_vfs_install();
    OK(target_reconnect(s->target, &s->err));
    load_ready(s);
    for (int was_done = 0; was_done < 2; was_done++) {
        struct target_move move = {.prev = "", .waybill = "w1", .pos = "{}", .token = 1};
        bool moved = was_done;
        OK(load_bring(s, s->target, "", "w1", "1|ada\n"));
        disk->fails_sync = !was_done;
        disk->loses_delete = was_done;
        assert_int_equal(target_commit(s->target, &s->err), RC_UNKNOWN);
        disk->fails_sync = disk->loses_delete = false;
        OK(target_reconnect(s->target, &s->err));
        OK(target_begin(s->target, &s->table, &move, &moved, &s->err));
        assert_int_equal(moved, !was_done);
        target_rollback(s->target);
        assert_string_equal(file_query("SELECT count(*) FROM orders"), was_done ? "1\n" : "0\n");
    }
}

static void a_commit_is_on_the_disk_before_it_is_answered(void **state)
{
    struct load_story *s = *state;
    struct fault_vfs *disk = fault_vfs_install();
    OK(target_reconnect(s->target, &s->err));
    load_ready(s);
    OK(load_bring(s, s->target, "", "w1", "1|ada\n"));
    int before = disk->syncs;
    OK(target_commit(s->target, &s->err));
    assert_int_equal(disk->syncs, before + 3); /* the journal, its header, the database: synchronous=FULL */
}

static sqlite3 *other;

static void other_commits(void)
{
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
}

static void other_begins(const char *sql)
{
    other = file_beside();
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
    file_while_waiting = other_commits;
}

static void S31_a_fence_waits_for_an_open_load_and_then_tells_where_it_went(void **state)
{
    struct load_story *s = *state;
    struct target_position at;
    load_ready(s);
    for (int wal = 0; wal < 2; wal++) {
        other_begins("UPDATE waybill_position SET waybill = 'w' || (token + 1)");
        OK(target_fence(s->target, &s->table, wal + 1, &s->arena, &at, &s->err));
        assert_string_equal(at.waybill, wal ? "w2" : "w1");
        OK(target_reconnect(s->target, &s->err));
        file_run("PRAGMA journal_mode = WAL");
    }
}

static void a_prepare_that_waited_sees_what_the_faster_one_did(void **state)
{
    struct load_story *s = *state;
    AUTO_RELEASE(buf) ddl = {0};
    load_ready(s);
    load_use_schema(s, "id:l! name:u note:u more:u");
    other_begins("ALTER TABLE orders ADD COLUMN note TEXT");
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
    assert_string_equal(ddl.at, "ALTER TABLE \"orders\" ADD COLUMN \"more\" TEXT;\n");
}

static void the_signal_comes(void) { file_stop = SIGTERM; }

static void S71_a_signal_ends_the_wait_for_a_lock(void **state)
{
    struct load_story *s = *state;
    struct target_position at;
    load_ready(s);
    other_begins("UPDATE waybill_position SET waybill = 'w1'");
    file_while_waiting = the_signal_comes;
    int64_t start_ms = file_waited_ms;
    assert_int_equal(target_fence(s->target, &s->table, 1, &s->arena, &at, &s->err), RC_TERMINATED);
    assert_true(file_waited_ms - start_ms < 1000);
    other_commits();
}

static void a_reader_that_does_not_end_lets_the_commit_fail_and_nothing_is_committed(void **state)
{
    struct load_story *s = *state;
    load_ready(s);
    sqlite3 *reader = file_beside();
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM orders", NULL, NULL, NULL), SQLITE_OK);
    OK(load_bring(s, s->target, "", "w1", "1|ada\n"));
    int64_t start_ms = file_waited_ms;
    assert_int_equal(target_commit(s->target, &s->err), RC_BUSY);
    assert_true(file_waited_ms - start_ms >= SQLITE_WAIT_MS);
    sqlite3_close(reader);
    load_whole(s, "", "w1", "1|ada\n");
    assert_string_equal(file_query("SELECT count(*) FROM orders"), "1\n");
}

static void a_hot_journal_of_a_killed_loader_is_rolled_back_by_looking(void **state)
{
    struct load_story *s = *state;
    struct target_position at;
    load_ready(s);
    load_whole(s, "", "w1", "1|ada\n");
    target_free(TAKE(s->target));
    pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *db = NULL; /* dies inside a transaction whose pages are already in the file */
        sqlite3_open(FILE_PATH, &db);
        sqlite3_exec(db,
                     "PRAGMA cache_size = 2; BEGIN IMMEDIATE; UPDATE waybill_position SET waybill = 'w2'; WITH "
                     "RECURSIVE n(i) AS (SELECT 2 "
                     "UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO orders SELECT i, 'lost' FROM n",
                     NULL, NULL, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(access(FILE_PATH "-journal", F_OK), 0);
    s->target = file_target();
    OK(target_position(s->target, &s->table, &s->arena, &at, &s->err));
    assert_string_equal(at.waybill, "w1");
    assert_string_equal(file_query("SELECT count(*) FROM orders"), "1\n");
}

int main(void)
{
    static const struct CMUnitTest stories[] = {
        STORY(looking_makes_no_file),
        STORY(a_file_that_can_only_be_read_is_denied_when_it_is_to_be_written),
        STORY(S98_a_position_of_a_newer_format_is_refused_politely),
        STORY(S15_a_renamed_pipeline_is_told_how_to_go_on),
        STORY(a_full_disk_during_the_load_leaves_nothing_and_says_so),
        STORY(s72_large_rows_are_merged_a_few_at_a_time),
        STORY(a_merge_on_a_full_disk_names_both_places),
        STORY(a_full_disk_at_commit_is_certainly_not_committed),
        STORY(a_commit_that_failed_to_reach_the_disk_is_of_unknown_fate),
        STORY(a_commit_is_on_the_disk_before_it_is_answered),
        STORY(S31_a_fence_waits_for_an_open_load_and_then_tells_where_it_went),
        STORY(a_prepare_that_waited_sees_what_the_faster_one_did),
        STORY(S71_a_signal_ends_the_wait_for_a_lock),
        STORY(a_reader_that_does_not_end_lets_the_commit_fail_and_nothing_is_committed),
        STORY(a_hot_journal_of_a_killed_loader_is_rolled_back_by_looking),
    };
    if (file_make_folder() != 0)
        return 1;
    int failed = cmocka_run_group_tests_name("target: SQLite, files", stories, NULL, NULL);
    return failed + file_remove_folder();
}

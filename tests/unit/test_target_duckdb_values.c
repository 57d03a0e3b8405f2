/* What DuckDB holds, and what it would change: names, types of columns that are there, locks. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/duckdb_story.h"

/* Refused with RC_DATA naming `word`, and nothing of it stays. */
static void is_refused(struct load_story *s, const char *text, const char *word)
{
    AUTO_RELEASE(buf) before = {0}, after = {0};
    duck_print_rows(s->table.name, s->schema, &before);
    assert_int_equal(load_bring(s, s->target, "", "w1", text), RC_DATA);
    SAYS(word);
    target_rollback(s->target);
    duck_print_rows(s->table.name, s->schema, &after);
    assert_string_equal(or_empty(before.at), or_empty(after.at));
    assert_string_equal(duck_query("SELECT waybill FROM waybill_position"), "\n");
}

/* ---- names ---- */

static void S66_odd_names_are_only_names(void **state)
{
    duck_keep(); /* what is opened anew is not the question here, and costs the most of a load */
    load_odd_names(*state, "rowid_", duck_print_rows);
}

static void a_schema_in_the_name_is_made(void **state)
{
    struct load_story *s = *state;
    s->table.name = "ods x.orders";
    load_ready(s);
    load_whole(s, "", "w1", "1|ada\n");
    assert_string_equal(duck_query("SELECT * FROM \"ods x\".orders"), "1|ada\n");
    s->table.name = "MAIN.Waybill_Position";
    assert_int_equal(load_prepare(s), RC_CONFIG);
}

static void columns_are_the_same_whatever_their_case(void **state)
{
    struct load_story *s = *state;
    duck_run("CREATE TABLE Orders (ID BIGINT PRIMARY KEY, Name VARCHAR, extra INT NOT NULL DEFAULT 7)");
    load_ready(s);
    load_whole(s, "", "w1", "1|ada\n");
    s->table.name = "ORDERS";
    load_whole(s, "w1", "w2", "1|eve\n");
    assert_string_equal(duck_query("SELECT * FROM orders"), "1|eve|7\n");
    load_use_schema(s, "id:l name:u NAME:u");
    assert_int_equal(load_prepare(s), RC_CONFIG);
    SAYS("NAME");
}

/* ---- tables that are there ---- */

static void what_is_refused_names_a_statement_that_mends_it(void **state)
{
    static const struct {
        const char *made, *says, *mend;
    } cases[] = {
        {"id BIGINT, name VARCHAR", "unique",
         "CREATE UNIQUE INDEX \"orders_merge_key\" ON \"main\".\"orders\" (\"id\")"},
        {"id BIGINT, name VARCHAR, PRIMARY KEY (id, name)", "unique",
         "CREATE UNIQUE INDEX \"orders_merge_key\" ON \"main\".\"orders\" (\"id\")"},
        {"id BIGINT PRIMARY KEY, name INTEGER", "name: INTEGER -> VARCHAR",
         "ALTER TABLE \"main\".\"orders\" ALTER COLUMN \"name\" TYPE VARCHAR"},
        {"id BIGINT PRIMARY KEY, name VARCHAR, region VARCHAR NOT NULL", "region",
         "ALTER TABLE \"main\".\"orders\" DROP COLUMN \"region\""},
    };
    struct load_story *s = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_RELEASE(buf) sql = {0};
        buf_addf(&sql, "DROP TABLE IF EXISTS orders; CREATE TABLE orders (%s)", cases[i].made);
        duck_run(sql.at);
        assert_int_equal(load_prepare(s), RC_DATA);
        SAYS(cases[i].says);
        SAYS(cases[i].mend);
        duck_run(cases[i].mend);
        OK(load_prepare(s));
    }
    duck_run("DROP TABLE orders; CREATE VIEW orders AS SELECT 1 AS id, '' AS name");
    assert_int_equal(load_prepare(s), RC_DATA);
    SAYS("view");
    s->table.key_count = 0;
    assert_int_equal(load_prepare(s), RC_CONFIG);
    SAYS("key");
}

static void a_unique_index_on_an_odd_name_is_seen(void **state)
{
    static const char *const key[] = {"a b"};
    struct load_story *s = *state;
    AUTO(schema) *schema = schema_new();
    schema_add(schema, &(struct field){.name = "a b", .type = TYPE_INT64});
    s->table.schema = schema;
    s->table.key = key;
    duck_run("CREATE TABLE orders (\"a b\" BIGINT); CREATE UNIQUE INDEX i ON orders (\"a b\")");
    load_ready(s);
    load_whole(s, "", "w1", "1\n2\n2\n");
    load_whole(s, "w1", "w2", "2\n3\n");
    assert_int_equal(s->counts.inserted * 10 + s->counts.updated, 11);
    assert_string_equal(duck_query("SELECT * FROM orders ORDER BY 1"), "1\n2\n3\n");
}

static void columns_keep_their_types_where_these_hold_the_values(void **state)
{
    struct load_story *s = *state;
    duck_run("CREATE TYPE mood AS ENUM ('ok', 'sad'); CREATE TABLE orders (\"at\" TIMESTAMP_MS, id HUGEINT PRIMARY KEY,"
             " who UUID, feels mood, doc JSON, price DECIMAL(20,4), n DECIMAL(19,0), real DOUBLE)");
    load_use_schema(s, "id:l! at:tss: who:u feels:u doc:u price:d:10,2 n:l real:f");
    load_ready(s);
    load_whole(s, "", "w1",
               "1|2024-02-29 10:00:00|123E4567-e89b-12d3-a456-426655440000|sad|{\"a\":  1}|12.50|-7|0.1\n");
    assert_string_equal(
        duck_query("SELECT id::TEXT, \"at\"::TEXT, who::TEXT, feels::TEXT, doc::TEXT, price::TEXT, n::TEXT,"
                   " real = 0.1::FLOAT::DOUBLE FROM orders"),
        "1|2024-02-29 10:00:00|123e4567-e89b-12d3-a456-426655440000|sad|{\"a\":  1}|12.5000|-7|1\n");
    assert_int_equal(load_bring(s, s->target, "w1", "w2", "2|NULL|NULL|merry of heart|NULL|NULL|NULL|NULL\n"), RC_DATA);
    if (strstr(s->err.text, "merry") != NULL)
        fail_msg("'%s' has a value in it", s->err.text);
    target_rollback(s->target);
}

static void columns_are_widened_where_that_loses_nothing(void **state)
{
    struct load_story *s = *state;
    duck_run("CREATE TABLE orders (id BIGINT PRIMARY KEY, a SMALLINT, b DECIMAL(5,2), c FLOAT, d TIMESTAMP_S);"
             "INSERT INTO orders VALUES (1, 7, 1.25, 0.5, '2024-01-01 00:00:00')");
    load_use_schema(s, "id:l! a:i b:d:12,1 c:g d:tsu:");
    load_ready(s);
    assert_string_equal(duck_query("SELECT data_type FROM duckdb_columns() WHERE table_name = 'orders'"
                                   " AND column_name <> 'id' ORDER BY column_index"),
                        "INTEGER\nDECIMAL(13,2)\nDOUBLE\nTIMESTAMP\n");
    load_whole(s, "", "w1", "2|100000|99999999999.5|0.1|2024-01-01 00:00:00.000001\n");
    assert_string_equal(duck_query("SELECT a, b::TEXT, c, d::TEXT FROM orders ORDER BY id"),
                        "7|1.25|0.5|2024-01-01 00:00:00\n"
                        "100000|99999999999.50|0.10000000000000001|2024-01-01 00:00:00.000001\n");
}

/* ---- values ---- */

static void the_widest_values_of_each_type(void **state)
{
    struct load_story *s = *state;
    load_use_schema(s, "id:l! wide:d:38,10 whole:d:38,0 share:f real:g at:tsu: day:tdD");
    load_ready(s);
    load_whole(
        s, "", "w1",
        "1|1234567890123456789012345678.0123456789|99999999999999999999999999999999999999|nan|-inf|"
        "@9223372036854775806|@2147483646\n"
        "2|-0.0000000001|-99999999999999999999999999999999999999|-0|5e-324|@-9223372022400000000|@-2147483646\n");
    assert_string_equal(
        duck_query("SELECT wide::TEXT, whole::TEXT, share::TEXT, epoch_us(\"at\") FROM orders ORDER BY id"),
        "1234567890123456789012345678.0123456789|99999999999999999999999999999999999999|nan|"
        "9223372036854775806\n"
        "-0.0000000001|-99999999999999999999999999999999999999|-0.0|-9223372022400000000\n");
    assert_string_equal(duck_query("SELECT real = '-inf'::DOUBLE, real = 5e-324 FROM orders ORDER BY id"),
                        "1|0\n0|1\n");
}

static void what_DuckDB_would_take_for_something_else_is_refused(void **state)
{
    static const struct {
        const char *schema, *row;
    } cases[] = {
        {"id:l! x:tdD", "1|@2147483647\n"},           {"id:l! x:tdD", "1|@-2147483647\n"},
        {"id:l! x:tsu:", "1|@9223372036854775807\n"}, {"id:l! x:tsu:UTC", "1|@-9223372036854775807\n"},
        {"id:l! x:tss:", "1|@9223372036855\n"},       {"id:l! x:tsm:", "1|@-9223372036854776\n"},
    };
    struct load_story *s = *state;
    duck_keep();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        duck_run("DROP TABLE IF EXISTS orders");
        load_use_schema(s, cases[i].schema);
        load_ready(s);
        is_refused(s, cases[i].row, "'x'");
    }
}

static void a_batch_of_many_rows_and_wide_ones_goes_in_whole(void **state)
{
    struct load_story *s = *state;
    AUTO_RELEASE(buf) rows = {0};
    for (int i = 0; i < 5000; i++)
        buf_addf(&rows, "%d|%0*d\n", i, i % 100 == 0 ? 20000 : i % 20, i);
    s->table.mode = MODE_APPEND;
    load_ready(s);
    load_whole(s, "", "w1", rows.at);
    assert_string_equal(duck_query("SELECT count(*), sum(strlen(name))::BIGINT, sum(name::INT)::BIGINT FROM orders"),
                        "5000|1049595|12497500\n");
}

static void no_message_holds_a_value(void **state)
{
    struct load_story *s = *state;
    duck_run("CREATE TABLE orders (id BIGINT PRIMARY KEY, name VARCHAR UNIQUE, CHECK (name <> 'plant3d'))");
    load_ready(s);
    static const char *const rows[] = {"1|tw1ce-planted\n2|tw1ce-planted\n", "1|plant3d\n"};
    for (int i = 0; i < 2; i++) {
        enum rc rc = load_bring(s, s->target, "", "w1", rows[i]);
        if (rc == RC_OK)
            rc = target_commit(s->target, &s->err);
        else
            target_rollback(s->target);
        assert_int_equal(rc, RC_DATA);
        if (strstr(s->err.text, "tw1ce-planted") != NULL)
            fail_msg("'%s' has a value in it", s->err.text);
        assert_string_equal(duck_query("SELECT count(*) FROM orders"), "0\n");
    }
}

/* ---- locks ---- */

/* Another process that has the file. */
static pid_t other_process(int *ret_pipe)
{
    int ready[2], done[2];
    char byte;
    assert_int_equal(pipe(ready) + pipe(done), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(done[1]);
        duck_keep();
        (void)!write(ready[1], "x", 1);
        (void)!read(done[0], &byte, 1);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    close(done[0]);
    *ret_pipe = done[1];
    return pid;
}

static pid_t other;
static int other_pipe;

static void end_other(void)
{
    close(other_pipe);
    assert_int_equal(waitpid(other, NULL, 0), other);
}

static void a_file_that_another_process_has_is_waited_for(void **state)
{
    struct load_story *s = *state;
    struct target_position at;
    other = other_process(&other_pipe);
    duck_waited_ms = duck_waits = 0;
    assert_int_equal(target_create_position(s->target, &s->table, "id", &s->err), RC_BUSY);
    assert_in_range(duck_waited_ms, WAIT_MS, WAIT_MS + 1000);
    assert_in_range(duck_waits, 50, 100); /* each try opens a database: the longer it waits, the fewer */
    SAYS("PID");
    duck_while_waiting = end_other;
    OK(target_create_position(s->target, &s->table, "id", &s->err));
    OK(target_position(s->target, &s->table, &s->arena, &at, &s->err));
    assert_true(at.exists);
}

static void whoever_waits_for_a_file_can_be_asked_to_stop(void **state)
{
    struct load_story *s = *state;
    other = other_process(&other_pipe);
    duck_stop = 15;
    assert_int_equal(target_create_position(s->target, &s->table, "id", &s->err), RC_TERMINATED);
    end_other();
}

/* As another process sees it: a fork shares what this one has open, but not its locks. */
static bool file_is_locked(void)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(DUCK_PATH, O_RDWR | O_CLOEXEC);
        _exit(fd < 0 || fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status != 0;
}

static void between_two_questions_the_file_is_everybodys(void **state)
{
    struct load_story *s = *state;
    load_ready(s);
    load_whole(s, "", "w1", "1|ada\n");
    for (int i = 0; i < 2; i++) { /* it can be had by another process after a load, and after a look */
        assert_false(file_is_locked());
        other = other_process(&other_pipe);
        end_other();
        struct target_position at;
        OK(target_position(s->target, &s->table, &s->arena, &at, &s->err));
        assert_string_equal(at.waybill, "w1");
    }
}

static void who_only_looks_makes_no_file(void **state)
{
    struct load_story *s = *state;
    struct target_position at;
    AUTO_RELEASE(buf) ddl = {0};
    bool is_new = false;
    OK(target_position(s->target, &s->table, &s->arena, &at, &s->err));
    OK(target_prepare(s->target, &s->table, true, &ddl, &s->err));
    OK(target_check(s->target, &is_new, &s->err));
    assert_true(is_new && !at.exists && ddl.len > 0);
    assert_int_not_equal(access(DUCK_PATH, F_OK), 0);
}

static void sharers_of_a_table_load_one_after_the_other(void **state)
{
    struct load_story *s = *state;
    bool moved = false;
    const struct target_move move = {.prev = "", .waybill = "w1", .pos = "{}", .epoch = 1, .token = 1};
    s->table.shared = true;
    struct target_table second = s->table;
    second.scope = "second/orders";
    load_ready(s);
    AUTO(target) *sharer = duck_target();
    OK(target_create_position(sharer, &second, "id", &s->err));
    OK(load_bring(s, s->target, "", "w1", "1|ada\n"));
    assert_int_equal(target_begin(sharer, &second, &move, &moved, &s->err), RC_BUSY);
    OK(target_commit(s->target, &s->err));
    OK(target_begin(sharer, &second, &move, &moved, &s->err));
    assert_true(moved);
    target_rollback(sharer);
}

int main(void)
{
    static const struct CMUnitTest stories[] = {
        STORY(S66_odd_names_are_only_names),
        STORY(a_schema_in_the_name_is_made),
        STORY(columns_are_the_same_whatever_their_case),
        STORY(what_is_refused_names_a_statement_that_mends_it),
        STORY(a_unique_index_on_an_odd_name_is_seen),
        STORY(columns_keep_their_types_where_these_hold_the_values),
        STORY(columns_are_widened_where_that_loses_nothing),
        STORY(the_widest_values_of_each_type),
        STORY(what_DuckDB_would_take_for_something_else_is_refused),
        STORY(a_batch_of_many_rows_and_wide_ones_goes_in_whole),
        STORY(no_message_holds_a_value),
        STORY(a_file_that_another_process_has_is_waited_for),
        STORY(whoever_waits_for_a_file_can_be_asked_to_stop),
        STORY(between_two_questions_the_file_is_everybodys),
        STORY(who_only_looks_makes_no_file),
        STORY(sharers_of_a_table_load_one_after_the_other),
    };
    if (!duck_begin())
        return DUCKDB_MISSING;
    int failed = cmocka_run_group_tests_name("target: DuckDB, values, shapes, locks", stories, NULL, NULL);
    duck_end();
    return failed;
}

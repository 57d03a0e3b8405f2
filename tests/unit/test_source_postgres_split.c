/* S57: keys of every kind are split between the readers of PostgreSQL. */
#include "connect/postgres/source.h"
#include "unit/postgres_story.h"
#include "unit/split_story.h"

enum { ROWS = 44000 };

static struct source *open_source(void)
{
    struct opening with = {.clock = clock_real(), .random = random_real()};
    struct postgres_source_options options = {.address = postgres_address(), .schema = PG_SCHEMA, .connections = 4};
    struct source *source = NULL;
    struct error err;
    if (postgres_source_open("shop", &options, &with, &source, &err) != RC_OK)
        fail_msg("%s", err.text);
    return source;
}

/* `key` and its value for the number n; cursors tie. */
static void split(const char *declared, const char *value)
{
    const char *const key[] = {"k"};
    AUTO_RELEASE(buf) sql = {0};
    pg_clean();
    buf_addf(&sql,
             "CREATE TABLE t (k %s PRIMARY KEY, at timestamp(6) NOT NULL, note text);"
             " INSERT INTO t SELECT %s, timestamp '2024-01-01' + (n / 7) * interval '1 second', 'note ' || n"
             " FROM generate_series(1, %d) AS n; CREATE INDEX ON t (at); ANALYZE t",
             declared, value, ROWS);
    pg_run(sql.at);
    AUTO(source) *source = open_source();
    split_all_ways(source, "t", key, 1, ROWS);
}

static void s57_sparse_and_negative_numbers_are_split(void **state)
{
    split("integer", "n * 40000 - 900000000");
    split("bigint", "CASE WHEN n < 20000 THEN -9223372036854775808 + n ELSE 9223372036854775807 - n END");
    split("numeric(20,2)", "n * 1000000007.25 - 50000000000000");
}

static void s57_texts_are_split_as_their_collation_orders_them(void **state)
{
    split("text", "md5(n::text)");
    split("text COLLATE \"C\"", "chr(65 + n % 26) || chr(97 + n % 7) || n");
    split("varchar(60) COLLATE \"und-x-icu\"",
          "CASE n % 3 WHEN 0 THEN 'ä' WHEN 1 THEN 'A' ELSE 'a-' END || n || ' '''");
}

static void s57_uuids_bytes_and_times_are_split(void **state)
{
    split("uuid", "md5(n::text)::uuid");
    split("bytea", "decode(md5(n::text), 'hex')");
    split("timestamp(6)", "timestamp '1999-12-31' + n * interval '7 microseconds'");
    split("date", "date '1700-01-01' + n");
}

static void s57_keys_of_several_columns_are_split(void **state)
{
    const char *const key[] = {"grp", "k"};
    AUTO_RELEASE(buf) sql = {0};
    pg_clean();
    buf_addf(
        &sql,
        "CREATE TABLE t (grp text, k integer, at timestamp(6) NOT NULL, PRIMARY KEY (grp, k)); INSERT INTO t SELECT"
        " 'g' || n %% 3, n, timestamp '2024-01-01' + n * interval '1 second' FROM generate_series(1, %d) AS n;"
        " CREATE INDEX ON t (at); ANALYZE t",
        ROWS);
    pg_run(sql.at);
    AUTO(source) *source = open_source();
    split_all_ways(source, "t", key, 2, ROWS);
}

/* Without any key, and with partitions, each of which has pages of its own. */
static void a_whole_table_is_split_whatever_it_has(void **state)
{
    static const char *const makes[] = {
        "CREATE TABLE t (a integer, note text); INSERT INTO t SELECT n % 10, repeat('x', n % 50) FROM"
        " generate_series(1, 44000) AS n",
        "CREATE TABLE t (a integer, note text) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (0, "
        "1,"
        " 2); CREATE TABLE t2 PARTITION OF t DEFAULT; INSERT INTO t SELECT n % 10, repeat('x', n % 50) FROM"
        " generate_series(1, 44000) AS n",
    };
    for (size_t i = 0; i < sizeof(makes) / sizeof(*makes); i++) {
        const struct table_request request = {.name = "t", .is_whole = true};
        const struct table *table = NULL;
        struct error err;
        struct range pieces[SOURCE_PIECES_MAX];
        AUTO_RELEASE(arena) arena = {0};
        AUTO_RELEASE(fingerprint) whole, all;
        int count = 0;
        pg_clean();
        pg_run(makes[i]);
        AUTO(source) *source = open_source();
        assert_int_equal(source_describe(source, &request, &table, &err), RC_OK);
        fingerprint_init(&whole, table->schema);
        fingerprint_init(&all, table->schema);
        split_read(source, table, &(struct range){.kind = RANGE_ALL}, &whole);
        assert_int_equal(source_split(source, table, &(struct range){.kind = RANGE_ALL}, SPLIT_READERS, &arena, pieces,
                                      &count, &err),
                         RC_OK);
        assert_in_range(count, SPLIT_READERS, SOURCE_PIECES_MAX);
        split_read_all(source, table, pieces, count, &all);
        assert_int_equal(fingerprint_check(&all, fingerprint_print(&whole, &arena), &err), RC_OK);
    }
}

static int64_t rows_of(struct source *source, const struct table *table)
{
    struct range_facts facts = {0};
    struct error err;
    if (source_facts(source, table, &(struct range){.kind = RANGE_ALL}, &facts, &err) != RC_OK)
        fail_msg("%s", err.text);
    return facts.rows;
}

/* Statistics that are out of date never make rows of none, nor many of a few. */
static void a_range_is_counted_unless_it_is_large_by_its_statistics_too(void **state)
{
    const struct table_request request = {.name = "t", .is_whole = true};
    const struct table *table = NULL;
    struct error err;
    pg_clean();
    pg_run("CREATE TABLE t (k integer PRIMARY KEY) WITH (autovacuum_enabled = off);"
           " INSERT INTO t SELECT generate_series(1, 150000); ANALYZE t");
    AUTO(source) *source = open_source();
    assert_int_equal(source_describe(source, &request, &table, &err), RC_OK);
    assert_in_range(rows_of(source, table), 140000, 160000);
    pg_run("DELETE FROM t WHERE k > 44000; ANALYZE t");
    assert_int_equal(rows_of(source, table), ROWS);
    pg_run("INSERT INTO t SELECT generate_series(44001, 150000); ANALYZE t; DELETE FROM t WHERE k > 7");
    assert_int_equal(rows_of(source, table), 7);
    pg_run("DELETE FROM t");
    assert_int_equal(rows_of(source, table), 0);
}

static bool is_held(void)
{
    return text_eq(
        pg_query("SELECT bool_or(mode = 'AccessShareLock')::text FROM pg_locks WHERE relation = 't'::regclass"),
        "true\n");
}

/* Several hundred pages. */
static struct source *open_source_of_wide_rows(void)
{
    pg_clean();
    pg_run("CREATE TABLE t (a integer, note text); INSERT INTO t SELECT n, repeat('x', 50) FROM generate_series(1, "
           "44000) AS n");
    return open_source();
}

static const struct table *split_whole(struct source *source, struct arena *arena, struct range *ret_pieces,
                                       int *ret_count)
{
    const struct table_request request = {.name = "t", .is_whole = true};
    const struct table *table = NULL;
    struct error err;
    assert_int_equal(source_describe(source, &request, &table, &err), RC_OK);
    assert_int_equal(source_split(source, table, &(struct range){.kind = RANGE_ALL}, SPLIT_READERS, arena, ret_pieces,
                                  ret_count, &err),
                     RC_OK);
    return table;
}

/* To their snapshot it would look empty. */
static void nobody_empties_a_table_while_readers_have_still_to_begin(void **state)
{
    struct range pieces[SOURCE_PIECES_MAX];
    AUTO_RELEASE(arena) arena = {0};
    struct error err;
    int count = 0;
    AUTO(source) *source = open_source_of_wide_rows();
    const struct table *table = split_whole(source, &arena, pieces, &count);
    assert_in_range(count, SPLIT_READERS, SOURCE_PIECES_MAX);
    assert_true(is_held());
    for (int p = 0; p < SPLIT_READERS; p++) {
        AUTO(batch_reader) *reader = NULL;
        assert_int_equal(source_read(source, table, &pieces[p], &reader, &err), RC_OK);
        assert_true(is_held());
    }
}

static void begin_truncate(struct pq *db)
{
    enum { PATIENCE_MS = 20000 };
    struct error err;
    assert_int_equal(pq_run(db, "SET lock_timeout = '10s'", NULL, &err), RC_OK);
    assert_int_equal(PQsendQuery(db->handle, "TRUNCATE " PG_SCHEMA ".t"), 1);
    assert_int_equal(PQflush(db->handle), 0);
    for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
        if (text_eq(pg_query("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass"), "1\n"))
            return;
        clock_real()->sleep_ms(clock_real(), 10);
    }
    fail_msg("nobody waits for the table: %s", PQresultErrorMessage(PQgetResult(db->handle)));
}

static bool is_waiting(struct pq *db) { return PQconsumeInput(db->handle) == 1 && PQisBusy(db->handle) == 1; }

/* It waits for all readers, and no reader waits for it: each holds the table from its first piece on. With the last
 * piece nobody holds anything any more. */
static void whoever_waits_to_alter_a_table_stops_no_reader_of_it(void **state)
{
    struct range pieces[SOURCE_PIECES_MAX];
    AUTO_RELEASE(arena) arena = {0};
    struct error err;
    int count = 0;
    int64_t rows = 0;
    AUTO(source) *source = open_source_of_wide_rows();
    const struct pq_address address = postgres_address();
    AUTO(pq) *other = NULL;
    assert_int_equal(pq_open(&address, clock_real(), NULL, &other, &err), RC_OK);
    const struct table *table = split_whole(source, &arena, pieces, &count);
    AUTO(batch_reader) *beside = NULL;
    assert_int_equal(source_read(source, table, &pieces[0], &beside, &err), RC_OK);
    for (int p = 1; p < count; p++) {
        AUTO(batch_reader) *reader = NULL;
        assert_int_equal(source_read(source, table, &pieces[p], &reader, &err), RC_OK);
        if (p == 1)
            begin_truncate(other);
        for (const struct batch *batch = NULL;;) {
            assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
            if (batch == NULL)
                break;
            rows += batch->rows;
        }
    }
    assert_in_range(rows, 1, ROWS - 1);
    assert_true(is_waiting(other)); /* for the first one, which is still being read */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s57_sparse_and_negative_numbers_are_split),
        cmocka_unit_test(s57_texts_are_split_as_their_collation_orders_them),
        cmocka_unit_test(s57_uuids_bytes_and_times_are_split),
        cmocka_unit_test(s57_keys_of_several_columns_are_split),
        cmocka_unit_test(a_whole_table_is_split_whatever_it_has),
        cmocka_unit_test(a_range_is_counted_unless_it_is_large_by_its_statistics_too),
        cmocka_unit_test(nobody_empties_a_table_while_readers_have_still_to_begin),
        cmocka_unit_test(whoever_waits_to_alter_a_table_stops_no_reader_of_it),
    };
    if (!postgres_start())
        return POSTGRES_MISSING;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    postgres_stop();
    return failed;
}

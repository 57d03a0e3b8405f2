/* Rows read from the socket and rows read by libpq, as under TLS, are the same, and so is what ends them early
 * (io/pq_copy_out.c). */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "connect/postgres/source.h"
#include "unit/postgres_story.h"

static atomic_int stop;
static const struct range everything = {.kind = RANGE_ALL}, in_order = {.kind = RANGE_KEY};

static struct source *open_road(bool by_libpq, int64_t stall_ms)
{
    struct opening with = {.clock = clock_real(), .random = random_real(), .stop = &stop};
    struct postgres_source_options options = {.address = postgres_address(), .schema = PG_SCHEMA, .batch_rows = 1000};
    struct source *source = NULL;
    struct error err;
    options.address.rows_by_libpq = by_libpq;
    options.address.stall_ms = stall_ms;
    if (postgres_source_open("shop", &options, &with, &source, &err) != RC_OK)
        fail_msg("%s", err.text);
    return source;
}

/* `out` NULL: rows are only read. */
static RC read_all(struct source *source, const struct table_request *request, struct buf *out, struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    TRY(source_describe(source, request, &table, err));
    TRY(source_read(source, table, table->key_count > 0 ? &in_order : &everything, &reader, err));
    for (;;) {
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return RC_OK;
        for (int64_t row = 0; out != NULL && row < batch->rows; row++) {
            buf_addf(out, "%lld", (long long)batch_int64(batch, 0, row));
            for (int i = 1; i < batch->schema->count; i++) {
                struct str text = batch_bytes(batch, i, row);
                buf_add_str(out, batch_is_null(batch, i, row) ? S("|NULL") : S("|"));
                buf_add_str(out, text);
            }
            buf_add_str(out, S("\n"));
        }
    }
}

static void gives_the_same(const char *table, const char *as_server_says)
{
    AUTO_RELEASE(buf) socket = {0}, libpq = {0};
    struct error err;
    for (int by_libpq = 0; by_libpq < 2; by_libpq++) {
        AUTO(source) *source = open_road(by_libpq != 0, 0);
        if (read_all(source, &(struct table_request){.name = table}, by_libpq ? &libpq : &socket, &err) != RC_OK)
            fail_msg("%s", err.text);
    }
    struct str told = str(pg_query(as_server_says));
    assert_true(str_eq(buf_str(&socket), buf_str(&libpq)));
    if (!str_eq(buf_str(&socket), told))
        fail_msg("%s: %zu bytes, and the server says %zu: %.200s / %.200s", table, socket.len, told.len, socket.at,
                 told.at);
}

static int clean(void **state)
{
    pg_clean();
    stop = 0;
    return 0;
}

/* Of a table's columns the first is a bigint, and the others are texts. */
static void rows_of_all_widths_are_the_same_on_both_roads(void **state)
{
    pg_run("CREATE TABLE narrow (id bigint PRIMARY KEY, a text, b text);"
           " INSERT INTO narrow SELECT i, CASE WHEN i % 7 > 0 THEN repeat('x', i % 90) END, 'end ' || i FROM"
           " generate_series(1, 20000) AS i");
    gives_the_same("narrow", "SELECT id || '|' || coalesce(a, 'NULL') || '|' || b FROM narrow ORDER BY id");
    pg_run("CREATE TABLE wide (id bigint PRIMARY KEY, a text, b text); INSERT INTO wide SELECT i, repeat(md5(i::text),"
           " i * i * 700), 'end' FROM generate_series(0, 14) AS i");
    gives_the_same("wide", "SELECT id || '|' || a || '|' || b FROM wide ORDER BY id");
    pg_run("CREATE TABLE empty (id bigint PRIMARY KEY)");
    gives_the_same("empty", "SELECT id FROM empty");
}

/* Behind rows that were sent: what the server says of it, and a source that goes on. */
static void a_failure_behind_rows_is_told_and_the_source_goes_on(void **state)
{
    static const struct table_request failing = {.name = "mine",
                                                 .sql = "SELECT id, at, 1 / (15000 - id) AS q FROM orders",
                                                 .cursor = "at",
                                                 .wants_cursor = true};
    pg_run("CREATE TABLE orders (id bigint PRIMARY KEY, at timestamptz NOT NULL); INSERT INTO orders SELECT i, now()"
           " FROM generate_series(1, 20000) AS i");
    for (int by_libpq = 0; by_libpq < 2; by_libpq++) {
        AUTO(source) *source = open_road(by_libpq != 0, 0);
        struct error err = {0};
        assert_int_equal(read_all(source, &failing, NULL, &err), RC_DATA);
        assert_non_null(strstr(err.text, "division by zero"));
        assert_string_equal(err.vendor, "22012");
        assert_int_equal(read_all(source, &(struct table_request){.name = "orders"}, NULL, &err), RC_OK);
    }
}

static void a_table_that_is_gone_is_told_before_any_row(void **state)
{
    for (int by_libpq = 0; by_libpq < 2; by_libpq++) {
        AUTO(source) *source = open_road(by_libpq != 0, 0);
        AUTO(batch_reader) *reader = NULL;
        const struct table *table = NULL;
        struct error err = {0};
        pg_run("CREATE TABLE orders (id bigint PRIMARY KEY)");
        assert_int_equal(source_describe(source, &(struct table_request){.name = "orders"}, &table, &err), RC_OK);
        pg_run("DROP TABLE orders");
        assert_int_equal(source_read(source, table, &everything, &reader, &err), RC_NOT_FOUND);
        assert_non_null(strstr(err.text, "orders"));
    }
}

/* The bytes would fit: eight of an integer are eight of a double, or of a time. */
static void a_column_that_has_another_type_by_now_is_told(void **state)
{
    static const char *const types[] = {"double precision USING n", "timestamptz USING to_timestamp(n)"};
    for (size_t i = 0; i < 2 * sizeof(types) / sizeof(*types); i++) {
        AUTO(source) *source = open_road(i % 2 != 0, 0);
        AUTO(batch_reader) *reader = NULL;
        const struct table *table = NULL;
        const struct batch *batch = NULL;
        struct error err = {0};
        AUTO_RELEASE(buf) alter = {0};
        pg_clean();
        pg_run("CREATE TABLE orders (id bigint PRIMARY KEY, n bigint); INSERT INTO orders VALUES (1, 42)");
        assert_int_equal(source_describe(source, &(struct table_request){.name = "orders"}, &table, &err), RC_OK);
        buf_addf(&alter, "ALTER TABLE orders ALTER n TYPE %s", types[i / 2]);
        pg_run(alter.at);
        assert_int_equal(source_read(source, table, &in_order, &reader, &err), RC_OK);
        enum rc rc = batch_reader_next(reader, &batch, &err);
        while (rc == RC_OK && batch != NULL)
            rc = batch_reader_next(reader, &batch, &err);
        assert_int_equal(rc, RC_BUSY);
        assert_non_null(strstr(err.text, "was altered just now"));
    }
}

/* ---- a server that says nothing ---- */

static void a_silent_server_is_waited_for_only_so_long(void **state)
{
    pg_run("CREATE TABLE orders (id bigint PRIMARY KEY)");
    for (int by_libpq = 0; by_libpq < 2; by_libpq++) {
        AUTO(source) *source = open_road(by_libpq != 0, 300);
        AUTO(batch_reader) *reader = NULL;
        const struct table *table = NULL;
        struct error err = {0};
        assert_int_equal(source_describe(source, &(struct table_request){.name = "orders"}, &table, &err), RC_OK);
        pg_run("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
        assert_int_equal(source_read(source, table, &everything, &reader, &err), RC_UNAVAILABLE);
        pg_run("COMMIT");
    }
}

static void *stop_soon(void *unused)
{
    usleep(200 * 1000);
    stop = SIGTERM;
    return NULL;
}

static void a_stop_ends_a_wait(void **state)
{
    pg_run("CREATE TABLE orders (id bigint PRIMARY KEY)");
    for (int by_libpq = 0; by_libpq < 2; by_libpq++) {
        AUTO(source) *source = open_road(by_libpq != 0, 0);
        AUTO(batch_reader) *reader = NULL;
        const struct table *table = NULL;
        struct error err = {0};
        pthread_t other;
        assert_int_equal(source_describe(source, &(struct table_request){.name = "orders"}, &table, &err), RC_OK);
        pg_run("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
        pthread_create(&other, NULL, stop_soon, NULL);
        assert_int_equal(source_read(source, table, &everything, &reader, &err), RC_TERMINATED);
        pthread_join(other, NULL);
        stop = 0;
        pg_run("COMMIT");
    }
}

#undef STORY
#define STORY(name) cmocka_unit_test_setup(name, clean)
int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(rows_of_all_widths_are_the_same_on_both_roads),
        STORY(a_failure_behind_rows_is_told_and_the_source_goes_on),
        STORY(a_table_that_is_gone_is_told_before_any_row),
        STORY(a_column_that_has_another_type_by_now_is_told),
        STORY(a_silent_server_is_waited_for_only_so_long),
        STORY(a_stop_ends_a_wait),
    };
    if (!postgres_start())
        return POSTGRES_MISSING;
    int failed = cmocka_run_group_tests_name("source: PostgreSQL, two roads", tests, NULL, NULL);
    postgres_stop();
    return failed;
}

/* Which transactions the PostgreSQL source finds open, and since when (S20, S27, S90); who may look; what it says of
 * rows that the server does not show or stops to send (S61). */
#include <signal.h>
#include <unistd.h>

#include "connect/postgres/source.h"
#include "unit/postgres_story.h"

static struct source *open_as(const char *user)
{
    struct opening with = {.clock = clock_real(), .random = random_real()};
    struct postgres_source_options options = {.address = postgres_address(), .schema = PG_SCHEMA, .batch_rows = 100};
    struct source *source = NULL;
    struct error err;
    options.address.user = user;
    if (postgres_source_open("shop", &options, &with, &source, &err) != RC_OK)
        fail_msg("%s", err.text);
    return source;
}

static int64_t now_of(struct source *source)
{
    struct error err;
    int64_t us;
    assert_int_equal(source_now(source, &us, &err), RC_OK);
    return us;
}

static struct open_transactions open_in(struct source *source)
{
    struct error err;
    struct open_transactions open = {0};
    if (source_oldest_open(source, &open, &err) != RC_OK)
        fail_msg("%s", err.text);
    return open;
}

static int make_shop(void **state)
{
    pg_clean();
    pg_run("CREATE TABLE orders (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());"
           " CREATE INDEX ON orders (at)");
    *state = open_as("admin");
    return 0;
}

static int close_shop(void **state)
{
    source_free(*state);
    return 0;
}

static void nothing_is_open_where_nothing_runs(void **state)
{
    struct open_transactions open = open_in(*state);
    assert_false(open.any || open.hidden);
}

/* now() is the start of the transaction: nothing that it will ever stamp is older. */
static void s27_a_transaction_is_open_since_what_its_now_says(void **state)
{
    struct source *source = *state;
    int64_t before = now_of(source);
    pg_run("BEGIN; SELECT 1");
    int64_t after = now_of(source);
    usleep(20000);
    struct open_transactions open = open_in(source);
    assert_true(open.any && !open.hidden);
    assert_in_range(open.since_us, before, after);
    pg_run("INSERT INTO orders DEFAULT VALUES");
    assert_string_equal(pg_query("SELECT bool_and(extract(epoch FROM at) * 1000000 <= extract(epoch FROM "
                                 "clock_timestamp()) * 1000000 - 20000) FROM orders"),
                        "t\n");
    pg_run("COMMIT");
    nothing_is_open_where_nothing_runs(state);
}

static void a_prepared_transaction_says_when_it_was_prepared_and_not_when_it_began(void **state)
{
    pg_run("BEGIN; INSERT INTO orders DEFAULT VALUES; PREPARE TRANSACTION 'half'");
    struct open_transactions open = open_in(*state);
    postgres_run("COMMIT PREPARED 'half'"); /* whatever was found: it would hold its table for ever */
    assert_true(open.any && open.hidden);
    assert_non_null(strstr(open.hidden_todo, "pg_prepared_xacts"));
    nothing_is_open_where_nothing_runs(state);
}

static void who_may_not_see_other_sessions_is_told_the_grant(void **state)
{
    postgres_run("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN");
    AUTO(source) *source = open_as("reader");
    struct open_transactions open = open_in(source);
    assert_true(open.hidden);
    assert_string_equal(open.hidden_todo, "GRANT pg_read_all_stats TO \"reader\"");
    postgres_run("GRANT pg_read_all_stats TO reader");
    open = open_in(source);
    assert_false(open.hidden);
}

/* Only a superuser may switch it off, and whoever did shows nothing at all. */
static void a_session_that_shows_nothing_of_itself_hides_a_transaction(void **state)
{
    pg_run("SET track_activities = off; BEGIN; INSERT INTO orders DEFAULT VALUES");
    struct open_transactions open = open_in(*state);
    pg_run("COMMIT; SET track_activities = on");
    assert_true(open.hidden);
    assert_non_null(strstr(open.hidden_todo, "track_activities"));
    nothing_is_open_where_nothing_runs(state);
}

/* ---- our own ---- */

static struct batch_reader *start_reading(struct source *source, const struct table_request *request)
{
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    struct batch_reader *reader = NULL;
    struct error err = {0};
    if (source_describe(source, request, &table, &err) != RC_OK ||
        source_read(source, table, &(struct range){.kind = RANGE_ALL}, &reader, &err) != RC_OK) {
        fail_msg("%s", err.text);
        return NULL; /* not reached */
    }
    assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    assert_non_null(batch);
    return reader;
}

/* Else a table would be held back for as long as another is read, by this run or by one beside it. */
static void readers_are_not_open_but_a_statement_of_the_users_own_is(void **state)
{
    static const struct table_request theirs = {
        .name = "mine", .sql = "SELECT id, at FROM orders", .cursor = "at", .wants_cursor = true};
    AUTO(source) *beside = open_as("admin");
    pg_run("INSERT INTO orders SELECT i, now() FROM generate_series(1, 200000) AS i");
    struct batch_reader *reader = start_reading(beside, &(struct table_request){.name = "orders"});
    assert_string_equal(pg_query("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "
                                 "'" SOURCE_READS "COPY (SELECT%'"),
                        "1\n");
    nothing_is_open_where_nothing_runs(state);
    batch_reader_free(reader);
    reader = start_reading(beside, &theirs);
    assert_true(open_in(*state).any);
    batch_reader_free(reader);
}

/* Between two statements, too: it shows the last one. */
static void who_shares_a_snapshot_is_not_open(void **state)
{
    struct source *source = *state;
    AUTO(source) *beside = open_as("admin");
    AUTO_RELEASE(arena) arena = {0};
    const struct table *table = NULL;
    struct range pieces[SOURCE_PIECES_MAX];
    struct error err;
    int count;
    pg_run("INSERT INTO orders SELECT i, now() FROM generate_series(1, 20000) AS i");
    assert_int_equal(source_describe(beside, &(struct table_request){.name = "orders"}, &table, &err), RC_OK);
    assert_int_equal(source_split(beside, table, &(struct range){.kind = RANGE_ALL}, 2, &arena, pieces, &count, &err),
                     RC_OK);
    assert_in_range(count, 2, SOURCE_PIECES_MAX);
    assert_string_equal(pg_query("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"), "1\n");
    assert_false(open_in(source).any);
}

/* ---- rows ---- */

static RC read_all(struct source *source, int64_t *ret_rows, struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    TRY(source_describe(source, &(struct table_request){.name = "orders"}, &table, err));
    TRY(source_read(source, table, &(struct range){.kind = RANGE_ALL}, &reader, err));
    for (*ret_rows = 0;; *ret_rows += batch->rows) {
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return RC_OK;
    }
}

static void a_table_without_select_is_denied(void **state)
{
    struct error err = {0};
    int64_t rows = 0;
    postgres_run("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN; GRANT USAGE ON SCHEMA " PG_SCHEMA
                 " TO stranger");
    AUTO(source) *source = open_as("stranger");
    assert_int_equal(read_all(source, &rows, &err), RC_DENIED);
    postgres_run("DROP OWNED BY stranger");
}

/* Who is refused while rows come is not told that the table was altered: the same command would be refused again. */
static void a_right_that_is_gone_behind_the_rows_is_denied(void **state)
{
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    struct error err = {0};
    postgres_run("DROP ROLE IF EXISTS leaver; CREATE ROLE leaver LOGIN; GRANT USAGE ON SCHEMA " PG_SCHEMA " TO leaver");
    pg_run("INSERT INTO orders DEFAULT VALUES; GRANT SELECT ON orders TO leaver");
    AUTO(source) *source = open_as("leaver");
    AUTO(batch_reader) *reader = NULL;
    assert_int_equal(source_describe(source, &(struct table_request){.name = "orders"}, &table, &err), RC_OK);
    assert_int_equal(source_read(source, table, &(struct range){.kind = RANGE_ALL}, &reader, &err), RC_OK);
    pg_run("REVOKE SELECT ON orders FROM leaver");
    enum rc rc = batch_reader_next(reader, &batch, &err);
    while (rc == RC_OK && batch != NULL)
        rc = batch_reader_next(reader, &batch, &err);
    assert_int_equal(rc, RC_DENIED);
    postgres_run("DROP OWNED BY leaver");
}

/* Row security hides rows from whoever is not the owner: that is an error, and never fewer rows. */
static void rows_that_a_policy_hides_are_an_error(void **state)
{
    struct error err = {0};
    int64_t rows = 0;
    postgres_run("DROP ROLE IF EXISTS tenant; CREATE ROLE tenant LOGIN; GRANT USAGE ON SCHEMA " PG_SCHEMA " TO tenant");
    pg_run("INSERT INTO orders DEFAULT VALUES; GRANT SELECT ON orders TO tenant; ALTER TABLE orders ENABLE ROW LEVEL"
           " SECURITY; CREATE POLICY none_of_it ON orders FOR SELECT USING (false)");
    AUTO(source) *source = open_as("tenant");
    assert_int_not_equal(read_all(source, &rows, &err), RC_OK);
    assert_non_null(strstr(err.text, "row-level security"));
    postgres_run("DROP OWNED BY tenant");
}

/* S61: a server that goes away in the middle is not the end of the table. */
static void s61_a_cut_stream_is_not_the_end(void **state)
{
    struct source *source = *state;
    AUTO(batch_reader) *reader = NULL;
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    struct error err = {0};
    enum rc rc = RC_OK;
    pg_run("INSERT INTO orders SELECT i, now() FROM generate_series(1, 200000) AS i");
    assert_int_equal(source_describe(source, &(struct table_request){.name = "orders"}, &table, &err), RC_OK);
    assert_int_equal(source_read(source, table, &(struct range){.kind = RANGE_ALL}, &reader, &err), RC_OK);
    assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    pg_query("SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity WHERE query LIKE '" SOURCE_READS
             "COPY (SELECT%'");
    while (rc == RC_OK && batch != NULL)
        rc = batch_reader_next(reader, &batch, &err);
    assert_int_equal(rc, RC_UNAVAILABLE);
    batch_reader_free(TAKE(reader));
    int64_t rows = 0;
    assert_int_equal(read_all(source, &rows, &err), RC_OK); /* on a new connection */
    assert_int_equal(rows, 200000);
}

/* What is given up does not go on at the server. */
static void a_query_that_is_given_up_ends_on_the_server(void **state)
{
    struct source *source = *state;
    struct batch_reader *reader = NULL;
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    struct error err = {0};
    pg_run("INSERT INTO orders SELECT i, now() FROM generate_series(1, 200000) AS i");
    assert_int_equal(source_describe(source, &(struct table_request){.name = "orders"}, &table, &err), RC_OK);
    assert_int_equal(source_read(source, table, &(struct range){.kind = RANGE_ALL}, &reader, &err), RC_OK);
    assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    batch_reader_free(reader);
    const char *left = "";
    for (int i = 0; i < 50 && strcmp(left, "0\n") != 0; i++) {
        left = pg_query("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '" SOURCE_READS
                        "COPY (SELECT%'");
        usleep(20000);
    }
    assert_string_equal(left, "0\n");
}

#undef STORY
#define STORY(name) cmocka_unit_test_setup_teardown(name, make_shop, close_shop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(nothing_is_open_where_nothing_runs),
        STORY(s27_a_transaction_is_open_since_what_its_now_says),
        STORY(a_prepared_transaction_says_when_it_was_prepared_and_not_when_it_began),
        STORY(a_session_that_shows_nothing_of_itself_hides_a_transaction),
        STORY(readers_are_not_open_but_a_statement_of_the_users_own_is),
        STORY(who_shares_a_snapshot_is_not_open),
        STORY(who_may_not_see_other_sessions_is_told_the_grant),
        STORY(a_table_without_select_is_denied),
        STORY(a_right_that_is_gone_behind_the_rows_is_denied),
        STORY(rows_that_a_policy_hides_are_an_error),
        STORY(s61_a_cut_stream_is_not_the_end),
        STORY(a_query_that_is_given_up_ends_on_the_server),
    };
    if (!postgres_start())
        return POSTGRES_MISSING;
    int failed = cmocka_run_group_tests_name("source: PostgreSQL, open transactions", tests, NULL, NULL);
    postgres_stop();
    return failed;
}

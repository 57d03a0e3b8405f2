/* Which transactions and statements the MySQL source finds open, and since when (S20, S27, S90). */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "mysql_server.h"
#include "test.h"

static MYSQL *app;
enum { SECOND_US = 1000000 };

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

/* A statement's thread is still in the list for a moment after its client has the answer. */
static bool nothing_is_open(struct source *source)
{
    for (int i = 0; i < 12; i++) {
        struct open_transactions open = open_in(source);
        if (!open.any && !open.hidden)
            return true;
        usleep(30 * 1000);
    }
    return false;
}

static int make_shop(void **state)
{
    server_clear(app);
    server_run(app, "CREATE TABLE orders (id BIGINT PRIMARY KEY AUTO_INCREMENT, at DATETIME(6) NOT NULL, KEY (at))");
    *state = server_source(0);
    return 0;
}
static int close_shop(void **state)
{
    source_free(*state);
    return 0;
}

static void nothing_is_open_where_nothing_runs(void **state) { assert_true(nothing_is_open(*state)); }

/* The server's zone is nine hours ahead, and its list has whole seconds. */
static void s27_a_transaction_is_open_since_its_second(void **state)
{
    struct source *source = *state;
    int64_t before = now_of(source);
    server_run(app, "START TRANSACTION; INSERT INTO orders (at) VALUES (UTC_TIMESTAMP(6))");
    int64_t after = now_of(source);
    usleep(1200 * 1000);
    for (int i = 0; i < 3; i++) { /* the server's list is not renewed for each of these */
        struct open_transactions open = open_in(source);
        assert_true(open.any && !open.hidden);
        assert_in_range(open.since_us, before - SECOND_US, after);
    }
    server_run(app, "COMMIT");
    assert_true(nothing_is_open(source));
}

static void a_transaction_that_can_only_read_is_not_open(void **state)
{
    server_run(app, "START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT; SELECT * FROM orders");
    assert_true(nothing_is_open(*state));
    server_run(app, "COMMIT");
}

/* Somebody else reads innodb_trx every 20 ms, so that the server does not renew its copy. */
static atomic_bool is_polling;
static void *poll_transactions(void *unused)
{
    MYSQL *monitor = server_app();
    while (is_polling) {
        server_run(monitor, "SELECT COUNT(*) FROM information_schema.innodb_trx");
        usleep(20 * 1000);
    }
    mysql_close(monitor);
    return NULL;
}

static void an_old_list_of_transactions_is_not_believed(void **state)
{
    struct source *source = *state;
    struct open_transactions open = {0};
    struct error err;
    pthread_t monitor;
    is_polling = true;
    pthread_create(&monitor, NULL, poll_transactions, NULL);
    usleep(300 * 1000);
    server_run(app, "START TRANSACTION; INSERT INTO orders (at) VALUES (UTC_TIMESTAMP(6))");
    enum rc rc = source_oldest_open(source, &open, &err);
    is_polling = false;
    pthread_join(monitor, NULL);
    assert_true(rc == RC_BUSY || (rc == RC_OK && open.any));
    assert_true(open_in(source).any);
    server_run(app, "ROLLBACK");
}

/* ---- statements ---- */

static void *insert_slowly(void *unused)
{
    MYSQL *other = server_app();
    server_run(other, "INSERT INTO orders (at) SELECT UTC_TIMESTAMP(6) FROM (SELECT SLEEP(2)) AS s");
    mysql_close(other);
    return NULL;
}

/* NOW() is the statement's start, and an autocommit INSERT that has touched no row yet is no transaction. */
static void s20_a_statement_that_runs_is_open_since_its_start(void **state)
{
    struct source *source = *state;
    pthread_t other;
    int64_t before = now_of(source);
    pthread_create(&other, NULL, insert_slowly, NULL);
    usleep(1000 * 1000);
    struct open_transactions open = open_in(source);
    assert_true(open.any);
    assert_in_range(open.since_us, before - SECOND_US, before + SECOND_US);
    pthread_join(other, NULL);
    assert_true(nothing_is_open(source));
}

static void *wait_for_nothing(void *unused)
{
    MYSQL *other = server_app();
    server_run(other, "SELECT SLEEP(1)");
    mysql_close(other);
    return NULL;
}

static void a_select_that_only_waits_is_not_open(void **state)
{
    pthread_t other;
    pthread_create(&other, NULL, wait_for_nothing, NULL);
    usleep(300 * 1000);
    assert_true(nothing_is_open(*state));
    pthread_join(other, NULL);
}

/* ---- our own ---- */

static const char sleeping[] =
    "SELECT COALESCE(MAX(id), '') FROM information_schema.processlist WHERE info LIKE '" SOURCE_READS
    "SELECT SLEEP(60)'";

static void *read_for_long(void *unused)
{
    MYSQL *other = server_app();
    if (mysql_query(other, SOURCE_READS "SELECT SLEEP(60)") == 0)
        mysql_free_result(mysql_store_result(other));
    mysql_close(other);
    return NULL;
}

/* A reader of another run, say, that no list of transactions has: it begins, or has touched no table of InnoDB. */
static void what_sources_send_is_not_open(void **state)
{
    pthread_t other;
    char reader[32] = "";
    pthread_create(&other, NULL, read_for_long, NULL);
    for (int i = 0; i < 500 && reader[0] == '\0'; i++) {
        usleep(20 * 1000);
        snprintf(reader, sizeof(reader), "%s", server_ask(app, sleeping));
    }
    bool is_seen_as_none = nothing_is_open(*state), is_there = text_eq(server_ask(app, sleeping), reader);
    server_runf(app, "KILL QUERY %s", reader);
    pthread_join(other, NULL);
    assert_true(is_there && is_seen_as_none);
}

static void read_all(struct source *source, const struct table_request *request)
{
    static const struct range everything = {.kind = RANGE_ALL};
    AUTO(batch_reader) *reader = NULL;
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    struct range_facts facts;
    struct error err;
    assert_int_equal(source_describe(source, request, &table, &err), RC_OK);
    assert_int_equal(source_facts(source, table, &everything, &facts, &err), RC_OK);
    assert_int_equal(source_read(source, table, &everything, &reader, &err), RC_OK);
    do
        assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    while (batch != NULL);
}

static int64_t logged(const char *condition)
{
    char sql[256];
    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM mysql.general_log WHERE command_type IN ('Query', 'Prepare', 'Execute') AND "
             "thread_id <> CONNECTION_ID() AND argument %s",
             condition);
    return strtoll(server_ask(app, sql), NULL, 10);
}

/* A statement of the user's own may call a function that writes, whatever the session may. */
static void all_that_sources_send_is_marked_but_for_what_is_the_users_own(void **state)
{
    static const struct table_request own = {.name = "orders"}, theirs = {.name = "mine",
                                                                          .sql = "SELECT id, at FROM orders AS of_mine",
                                                                          .cursor = "at",
                                                                          .wants_cursor = true};
    server_run(app, "SET GLOBAL log_output = 'TABLE', GLOBAL general_log = 1");
    for (int in_text = 0; in_text < 2; in_text++) {
        server_in_text = in_text != 0;
        AUTO(source) *source = server_source(0);
        server_run(app, "TRUNCATE mysql.general_log");
        server_in_text = false;
        read_all(source, &own);
        assert_in_range(logged("LIKE '" SOURCE_READS "SELECT %'"), 3, 1000);
        assert_int_equal(logged("NOT LIKE '" SOURCE_READS "%'"), 0);
        read_all(source, &theirs);
        assert_in_range(logged("LIKE '%of_mine%'"), 3, 100);
        assert_int_equal(logged("LIKE '" SOURCE_READS "%of_mine%'"), 0);
    }
    server_run(app, "SET GLOBAL general_log = 0");
}

/* ---- prepared ---- */

static void a_prepared_transaction_is_open_though_its_session_is_gone(void **state)
{
    struct source *source = *state;
    MYSQL *other = server_app();
    int64_t before = now_of(source);
    server_run(other, "XA START 'x'; INSERT INTO orders (at) VALUES (UTC_TIMESTAMP(6)); XA END 'x'; XA PREPARE 'x'");
    mysql_close(other);
    usleep(200 * 1000);
    struct open_transactions open = {0};
    struct error err = {0};
    /* This server has just been started: the source cannot tell it from one that was prepared before. */
    enum rc rc = source_oldest_open(source, &open, &err);
    assert_true((rc == RC_BUSY && strstr(err.todo, "XA RECOVER") != NULL) ||
                (rc == RC_OK && open.any && open.since_us >= before - SECOND_US));
    source_free(source);
    mysql_close(app);
    server_restart();
    app = server_app();
    *state = source = server_source(0);
    assert_int_equal(source_oldest_open(source, &open, &err), RC_BUSY);
    assert_non_null(strstr(err.text, "before its last start"));
    server_run(app, "XA ROLLBACK 'x'");
    assert_true(nothing_is_open(source));
}

/* ---- rights ---- */

static void without_the_right_to_see_others_they_are_hidden_and_never_none(void **state)
{
    struct mysql_options options = server_options();
    struct opening with = {.clock = clock_real(), .random = random_real()};
    AUTO(source) *source = NULL;
    struct open_transactions open;
    struct error err;
    server_run(app, "CREATE OR REPLACE USER reader@localhost; GRANT SELECT ON shop.* TO reader@localhost");
    options.user = "reader";
    assert_int_equal(mysql_source_open("shop", &options, &with, &source, &err), RC_OK);
    assert_int_equal(source_oldest_open(source, &open, &err), RC_OK);
    assert_true(open.hidden);
    assert_non_null(strstr(open.hidden_todo, "GRANT PROCESS ON *.* TO"));
    server_run(app, "GRANT PROCESS ON *.* TO reader@localhost");
    source_free(TAKE(source));
    assert_int_equal(mysql_source_open("shop", &options, &with, &source, &err), RC_OK);
    assert_false(open_in(source).hidden);
}

/* S90: a smaller id commits after a larger one. */
static void s90_a_ceiling_is_read_before_what_is_open(void **state)
{
    struct source *source = *state;
    AUTO_RELEASE(arena) arena = {0};
    const struct table *table = NULL;
    const char *ceiling = NULL;
    struct error err;
    server_run(app, "START TRANSACTION; INSERT INTO orders (at) VALUES (UTC_TIMESTAMP(6))"); /* 1, not committed */
    MYSQL *other = server_app();
    server_run(other, "INSERT INTO orders (at) VALUES (UTC_TIMESTAMP(6))"); /* 2 */
    assert_int_equal(source_describe(source, &(struct table_request){.name = "orders"}, &table, &err), RC_OK);
    assert_int_equal(source_ceiling(source, table, &arena, &ceiling, &err), RC_OK);
    assert_string_equal(ceiling, "2");
    assert_true(open_in(source).any);
    server_run(app, "COMMIT");
    assert_true(nothing_is_open(source));
    mysql_close(other);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, make_shop, close_shop)
int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(nothing_is_open_where_nothing_runs),
        STORY(s27_a_transaction_is_open_since_its_second),
        STORY(a_transaction_that_can_only_read_is_not_open),
        STORY(an_old_list_of_transactions_is_not_believed),
        STORY(s20_a_statement_that_runs_is_open_since_its_start),
        STORY(a_select_that_only_waits_is_not_open),
        STORY(what_sources_send_is_not_open),
        STORY(all_that_sources_send_is_marked_but_for_what_is_the_users_own),
        STORY(a_prepared_transaction_is_open_though_its_session_is_gone),
        STORY(without_the_right_to_see_others_they_are_hidden_and_never_none),
        STORY(s90_a_ceiling_is_read_before_what_is_open),
    };
    if (!server_enter())
        return 0;
    app = server_app();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mysql_close(app);
    server_leave();
    return failed;
}

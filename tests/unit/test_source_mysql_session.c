/* Logging in, TLS, cut connections and stops: what the MySQL source says and does when the server is not there. */
#include <pthread.h>
#include <unistd.h>

#include "connect/mysql/session.h"
#include "mysql_server.h"
#include "test.h"

static MYSQL *app;
enum { ROWS = 200000 };

static RC open_with(const struct mysql_options *options, struct source **ret, struct error *err)
{
    static atomic_int unstopped;
    struct opening with = {.clock = clock_real(), .random = random_real(), .stop = &unstopped};
    static struct opening kept;
    kept = with;
    return mysql_source_open("shop", options, &kept, ret, err);
}

static void opens(const struct mysql_options *options)
{
    AUTO(source) *source = NULL;
    struct error err;
    if (open_with(options, &source, &err) != RC_OK)
        fail_msg("%s", err.text);
}

static void refused(const struct mysql_options *options, enum rc rc, const char *words)
{
    AUTO(source) *source = NULL;
    struct error err = {0};
    enum rc got = open_with(options, &source, &err);
    if (got != rc || (strstr(err.text, words) == NULL && strstr(err.todo, words) == NULL))
        fail_msg("%s: '%s', '%s'", rc_name(got), err.text, err.todo);
}

/* ---- logging in ---- */

/* S64: whatever a password holds, it is one. */
static void s64_strong_passwords_work_and_are_never_told(void **state)
{
    static const char *const passwords[] = {"it's \\ \"x\"; DROP TABLE orders; -- %s", "p\xC3\xA4ss w\xC3\xB6rd",
                                            "$ecret${X}"};
    for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
        AUTO_RELEASE(buf) sql = {0};
        AUTO_RELEASE(secret) secret = {0};
        struct mysql_options options = server_options();
        struct error err = {0};
        AUTO(source) *source = NULL;
        char quoted[128];
        mysql_real_escape_string(app, quoted, passwords[i], strlen(passwords[i]));
        buf_addf(&sql, "CREATE OR REPLACE USER strong@localhost IDENTIFIED BY '%s'", quoted);
        server_run(app, sql.at);
        options.user = "strong";
        options.database = NULL;
        secret_set(&secret, str(passwords[i]));
        options.password = secret;
        opens(&options);
        secret_set(&secret, S("another"));
        options.password = secret;
        assert_int_equal(open_with(&options, &source, &err), RC_DENIED);
        assert_null(strstr(err.text, "another"));
        assert_non_null(strstr(err.todo, "password"));
    }
}

static void what_is_not_there_or_not_allowed_is_said(void **state)
{
    struct mysql_options options = server_options();
    options.database = "nowhere";
    refused(&options, RC_NOT_FOUND, "nowhere");
    server_run(app, "CREATE OR REPLACE USER nobody@localhost");
    options = server_options();
    options.user = "nobody";
    refused(&options, RC_DENIED, "GRANT SELECT ON");
    options = server_options();
    options.socket = "/nowhere/socket";
    refused(&options, RC_UNAVAILABLE, "'socket'");
    options = server_tcp_options();
    options.port = 1;
    refused(&options, RC_UNAVAILABLE, "'port'");
    options.socket = "/run/socket";
    refused(&options, RC_CONFIG, "one of them");
}

static void a_table_that_is_near_is_named(void **state)
{
    AUTO(source) *source = server_source(0);
    const struct table *table;
    struct error err;
    assert_int_equal(source_describe(source, &(struct table_request){.name = "Rows"}, &table, &err), RC_NOT_FOUND);
    assert_non_null(strstr(err.text, "did you mean 'rows'?"));
    server_run(app, "CREATE OR REPLACE VIEW seen AS SELECT 1 AS one");
    assert_int_equal(source_describe(source, &(struct table_request){.name = "seen"}, &table, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "VIEW"));
}

/* ---- TLS ---- */

static void a_self_signed_server_is_trusted_only_by_its_own_certificate(void **state)
{
    struct mysql_options options = server_tcp_options();
    char ca[256];
    snprintf(ca, sizeof(ca), "%s/cert.pem", server_folder());
    opens(&options); /* this machine: no TLS is asked for */
    options.tls = MYSQL_TLS_VERIFY;
    refused(&options, RC_DENIED, "tls_ca");
    options.tls_ca = ca;
    opens(&options);
    options.tls_ca = NULL;
    options.tls = MYSQL_TLS_REQUIRE;
    opens(&options);
}

/* ---- reading that ends early ---- */

static int make_rows(void **state)
{
    server_clear(app);
    server_runf(app,
                "CREATE TABLE `rows` (id INT PRIMARY KEY, note CHAR(100)) AS SELECT seq AS id, REPEAT('x', 100) AS "
                "note FROM seq_1_to_%d",
                ROWS);
    return 0;
}

static const struct range everything = {.kind = RANGE_ALL};

static struct batch_reader *start_reading(struct source *source)
{
    const struct table *table;
    const struct batch *batch = NULL;
    struct batch_reader *reader = NULL;
    struct error err;
    assert_int_equal(source_describe(source, &(struct table_request){.name = "rows"}, &table, &err), RC_OK);
    assert_int_equal(source_read(source, table, &everything, &reader, &err), RC_OK);
    assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
    assert_non_null(batch);
    return reader;
}

static const char reading[] = "SELECT GROUP_CONCAT(id) FROM information_schema.processlist WHERE info LIKE '%SELECT "
                              "SQL_NO_CACHE%' AND id <> CONNECTION_ID()";

static enum rc read_on(struct batch_reader *reader, int64_t *rows, struct error *err)
{
    const struct batch *batch = NULL;
    for (*rows = 0;; *rows += batch->rows) {
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return RC_OK;
    }
}

/* A session that was killed is listed until its thread has noticed. */
static void assert_nobody_reads_any_more(void)
{
    for (int i = 0; i < 500 && server_ask(app, reading)[0] != '\0'; i++)
        usleep(20 * 1000);
    assert_string_equal(server_ask(app, reading), "");
}

static void s61_a_cut_stream_is_never_an_end(void **state)
{
    for (int i = 0; i < 2; i++) {
        AUTO(source) *source = server_source(100);
        AUTO(batch_reader) *reader = start_reading(source);
        struct error err = {0};
        int64_t rows;
        char sql[64];
        snprintf(sql, sizeof(sql), i == 0 ? "KILL %s" : "KILL QUERY %s", server_ask(app, reading));
        server_run(app, sql);
        assert_int_equal(read_on(reader, &rows, &err), RC_UNAVAILABLE);
        assert_true(rows < ROWS - 100);
        assert_non_null(strstr(err.text, "reading 'rows'"));
        assert_nobody_reads_any_more();
    }
}

static void a_stop_ends_the_reading_and_the_servers_query(void **state)
{
    AUTO(source) *source = server_source(100);
    struct batch_reader *reader = start_reading(source);
    struct error err;
    int64_t rows;
    assert_string_not_equal(server_ask(app, reading), "");
    server_stop = SIGTERM;
    assert_int_equal(read_on(reader, &rows, &err), RC_TERMINATED);
    batch_reader_free(reader);
    assert_nobody_reads_any_more();
    server_stop = 0;
}

static void *stop_soon(void *unused)
{
    usleep(300 * 1000);
    server_stop = SIGINT;
    return NULL;
}

/* The server is silent: the wait itself must see the stop. */
static void a_stop_ends_a_wait_for_a_silent_server(void **state)
{
    AUTO(source) *source = server_source(0);
    const struct table *table;
    AUTO(batch_reader) *reader = NULL;
    struct error err;
    pthread_t other;
    assert_int_equal(source_describe(source, &(struct table_request){.name = "rows"}, &table, &err), RC_OK);
    server_run(app, "LOCK TABLES `rows` WRITE");
    pthread_create(&other, NULL, stop_soon, NULL);
    int64_t since = clock_real()->mono_ms(clock_real());
    assert_int_equal(source_read(source, table, &everything, &reader, &err), RC_INTERRUPTED);
    assert_true(clock_real()->mono_ms(clock_real()) - since < 3000);
    pthread_join(other, NULL);
    server_run(app, "UNLOCK TABLES");
    server_stop = 0;
}

static void a_connection_is_used_again(void **state)
{
    AUTO(source) *source = server_source(0);
    struct error err;
    int64_t rows, before = -1;
    for (int i = 0; i < 3; i++) {
        struct batch_reader *reader = start_reading(source);
        assert_int_equal(read_on(reader, &rows, &err), RC_OK);
        batch_reader_free(reader);
        int64_t now = strtoll(server_ask(app, "SELECT COUNT(*) FROM information_schema.processlist"), NULL, 10);
        assert_true(before < 0 || now == before);
        before = now;
    }
}

#define STORY(name) cmocka_unit_test_setup(name, make_rows)
int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(s64_strong_passwords_work_and_are_never_told),
        STORY(what_is_not_there_or_not_allowed_is_said),
        STORY(a_table_that_is_near_is_named),
        STORY(a_self_signed_server_is_trusted_only_by_its_own_certificate),
        STORY(s61_a_cut_stream_is_never_an_end),
        STORY(a_stop_ends_the_reading_and_the_servers_query),
        STORY(a_stop_ends_a_wait_for_a_silent_server),
        STORY(a_connection_is_used_again),
    };
    const struct CMUnitTest in_text[] = {
        STORY(s61_a_cut_stream_is_never_an_end),
        STORY(a_stop_ends_the_reading_and_the_servers_query),
        STORY(a_stop_ends_a_wait_for_a_silent_server),
        STORY(a_connection_is_used_again),
    };
    if (!server_enter())
        return 0;
    app = server_app();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    server_in_text = true;
    failed += cmocka_run_group_tests(in_text, NULL, NULL);
    mysql_close(app);
    server_leave();
    return failed;
}

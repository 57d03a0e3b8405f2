/* Who may not, what is not there, and what is said of it. */
#include "unit/postgres_story.h"
#include "unit/tcp_proxy.h"

static int64_t now_ms(void) { return clock_real()->mono_ms(clock_real()); }

static enum rc check_as(struct load_story *s, const struct postgres_target_options *options)
{
    bool is_new = true;
    AUTO(target) *target = pg_target_as(options);
    return target_check(target, &is_new, &s->err);
}

static void what_is_wrong_with_a_connection_is_told_apart(void **state)
{
    struct load_story *s = *state;
    struct postgres_target_options options = pg_options();
    struct secret wrong = {0};
    secret_set(&wrong, S("hunter2-is-wrong"));
    OK(check_as(s, &options));

    options.address.database = "nowhere";
    assert_int_equal(check_as(s, &options), RC_NOT_FOUND);
    SAYS("\"nowhere\" does not exist");

    options = pg_options();
    options.address.user = "nobody";
    assert_int_equal(check_as(s, &options), RC_DENIED);
    SAYS("nobody");

    options = pg_options();
    options.address.host = "127.0.0.1";
    options.address.user = "locked";
    assert_int_equal(check_as(s, &options), RC_DENIED);
    SAYS("give the connection a `password`");
    options.address.password = &wrong;
    assert_int_equal(check_as(s, &options), RC_DENIED);
    SAYS("password authentication failed");
    SAYS_NOT("hunter2");
    secret_release(&wrong);

    options = pg_options();
    options.address.host = "127.0.0.1";
    options.address.tls = PQ_TLS_REQUIRE;
    assert_int_equal(check_as(s, &options), RC_DENIED);
    SAYS("tls: off");

    options = pg_options();
    options.address.port = 1;
    assert_int_equal(check_as(s, &options), RC_UNAVAILABLE);
    SAYS("host");

    options = pg_options();
    options.schema = "nothere";
    assert_int_equal(check_as(s, &options), RC_NOT_FOUND);
    SAYS("CREATE SCHEMA \"nothere\"");
}

static void TLS_is_verified_by_default_and_each_refusal_says_what_to_do(void **state)
{
    struct load_story *s = *state;
    struct postgres_target_options options = pg_options();
    options.address.host = "localhost";
    options.address.tls = PQ_TLS_VERIFY;
    assert_int_equal(check_as(s, &options), RC_DENIED); /* no TLS at all so far */
    SAYS("tls: off");
    const char *certificate = postgres_use_tls();
    assert_int_equal(check_as(s, &options), RC_DENIED);
    SAYS("certificate verify failed");
    SAYS("`tls_ca`");
    options.address.ca = certificate;
    OK(check_as(s, &options));
    options.address.host = "127.0.0.1";
    assert_int_equal(check_as(s, &options), RC_DENIED);
    SAYS("does not match host name");
    options.address.tls = PQ_TLS_REQUIRE;
    options.address.ca = NULL;
    OK(check_as(s, &options));
    options.address.ca = "/nowhere/ca.pem";
    options.address.tls = PQ_TLS_VERIFY;
    assert_int_equal(check_as(s, &options), RC_CONFIG);
    SAYS("/nowhere/ca.pem");
    postgres_run("ALTER SYSTEM RESET ssl");
    postgres_run("SELECT pg_reload_conf()");
}

static void a_server_that_accepts_and_says_nothing_is_given_up(void **state)
{
    struct load_story *s = *state;
    struct tcp_proxy *proxy = tcp_proxy_new(postgres.port);
    struct postgres_target_options options = pg_options();
    tcp_proxy_break(proxy, PROXY_STALL);
    options.address.host = "127.0.0.1";
    options.address.port = tcp_proxy_port(proxy);
    options.address.connect_ms = 300;
    int64_t since = now_ms();
    assert_int_equal(check_as(s, &options), RC_UNAVAILABLE);
    SAYS("no connection in time");
    assert_true(now_ms() - since < 5000);
    tcp_proxy_free(proxy);
}

/* Each right that is missing is named with what grants it, and that is enough. */
static void rights_are_told_apart_and_each_grant_that_is_named_is_enough(void **state)
{
    struct load_story *s = *state;
    struct postgres_target_options options = pg_options();
    options.address.user = "guest";
    postgres_run("REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC");
    static const char *const grants[] = {"GRANT USAGE, CREATE ON SCHEMA \"story\" TO \"guest\"",
                                         "GRANT TEMPORARY ON DATABASE \"postgres\" TO \"guest\""};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(check_as(s, &options), RC_DENIED);
        SAYS(grants[i]);
        postgres_run(grants[i]);
    }
    OK(check_as(s, &options));
    load_ready(s); /* by the admin: now the tables are somebody else's */
    assert_int_equal(check_as(s, &options), RC_DENIED);
    SAYS("GRANT SELECT, INSERT, UPDATE ON \"story\".waybill_position TO \"guest\"");
    postgres_run("GRANT SELECT, INSERT, UPDATE ON \"story\".waybill_position TO \"guest\"");
    OK(check_as(s, &options));

    target_free(s->target);
    s->target = pg_target_as(&options);
    assert_int_equal(load_prepare(s), RC_DENIED);
    SAYS("GRANT SELECT, INSERT, UPDATE ON \"story\".\"orders\" TO guest");
    postgres_run("GRANT SELECT, INSERT, UPDATE ON \"story\".\"orders\" TO guest");
    OK(load_prepare(s));
    load_whole(s, "", "w1", "1|ada\n");
    load_whole(s, "w1", "w2", "1|eve\n");
    load_use_schema(s, "id:l! name:u more:l");
    assert_int_equal(load_prepare(s), RC_DENIED);
    SAYS("ALTER TABLE \"story\".\"orders\" ADD COLUMN \"more\" bigint");
    target_free(s->target);
    s->target = pg_target();
    postgres_run("DROP OWNED BY guest; GRANT TEMPORARY ON DATABASE postgres TO PUBLIC");
}

int main(void)
{
    static const struct CMUnitTest stories[] = {
        STORY(what_is_wrong_with_a_connection_is_told_apart),
        STORY(TLS_is_verified_by_default_and_each_refusal_says_what_to_do),
        STORY(a_server_that_accepts_and_says_nothing_is_given_up),
        STORY(rights_are_told_apart_and_each_grant_that_is_named_is_enough),
    };
    if (!postgres_start())
        return POSTGRES_MISSING;
    postgres_run("CREATE ROLE guest LOGIN; CREATE ROLE locked LOGIN PASSWORD 'right'");
    int failed = cmocka_run_group_tests_name("target: PostgreSQL, connections and rights", stories, NULL, NULL);
    postgres_stop();
    return failed;
}

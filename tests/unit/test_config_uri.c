/* Connections by URI, and pipelines from the command line: they become what a file would hold. */
#include <stdlib.h>
#include <unistd.h>

#include "io/secret_resolve.h"
#include "move/config.h"
#include "test.h"

static struct config *config;
static struct secret_resolver resolver;
static struct error err;
static const char *prefix;

static const char *environment(const char *name) { return text_eq(name, "SHOP_PASSWORD") ? "hush" : NULL; }

static int begin(void **state)
{
    secret_resolver_init(&resolver, clock_real());
    resolver.environment = environment;
    config = config_new(&resolver.resolver);
    err = (struct error){0};
    return 0;
}

static int end(void **state)
{
    config_free(config);
    return 0;
}

/* "type host=... port=...", as a file would have it; or the error. */
static const char *read_as(const char *uri)
{
    AUTO_RELEASE(buf) out = {0};
    const char *name = NULL;
    if (config_add_uri(config, uri, "--source", &name, &prefix, &err) != RC_OK)
        return arena_print(&config->arena, "%s: %s (%s)", rc_name(err.rc), err.text, err.todo);
    const struct connection_config *added = &config->connections[config->connection_count - 1];
    assert_string_equal(added->name, name);
    buf_addf(&out, "%s:", name);
    for (const struct yaml_node *node = added->node->first; node != NULL; node = node->next)
        buf_addf(&out, " %s=%s", node->key, node->text);
    return arena_str(&config->arena, buf_str(&out));
}

static void says(const char *uri, const char *words)
{
    const char *said = read_as(uri);
    if (strstr(said, words) == NULL)
        fail_msg("'%s' is not in '%s'", words, said);
    assert_null(strstr(said, "hush"));
}

static void a_uri_says_what_a_file_would(void **state)
{
    assert_string_equal(
        read_as("mysql://etl@db.internal:3307/shop"),
        "mysql://etl@db.internal:3307/shop: type=mysql user=etl host=db.internal port=3307 database=shop");
    assert_string_equal(read_as("mariadb://etl@[::1]:3306/shop?tls=require&read_timeout=1m"),
                        "mariadb://etl@[::1]:3306/shop: type=mariadb user=etl host=::1 port=3306 database=shop "
                        "tls=require read_timeout=1m");
    assert_string_equal(read_as("postgresql:///warehouse?host=/run/postgresql&schema=ods"),
                        "postgresql:///run/postgresql/warehouse: type=postgresql database=warehouse "
                        "host=/run/postgresql schema=ods");
    assert_string_equal(read_as("postgres://a%40b@h/a%2Fb%20c"),
                        "postgres://a@b@h/a/b c: type=postgres user=a@b host=h "
                        "database=a/b c");
    assert_string_equal(read_as("sqlite:shop.db"), "sqlite:shop.db: type=sqlite path=shop.db");
    assert_string_equal(read_as("sqlite:///var/shop.db"), "sqlite:/var/shop.db: type=sqlite path=/var/shop.db");
    assert_string_equal(read_as("file:///mnt/lake"), "file:/mnt/lake: type=directory path=/mnt/lake");
    assert_string_equal(read_as("./lake"), "file:./lake: type=directory path=./lake");
    assert_string_equal(read_as("s3://acme/shop/raw?region=eu-west-1&endpoint=http://127.0.0.1:7070"),
                        "s3://acme: type=s3 bucket=acme region=eu-west-1 endpoint=http://127.0.0.1:7070");
    assert_string_equal(prefix, "shop/raw");
    assert_string_equal(read_as("s3://acme"), "s3://acme #2: type=s3 bucket=acme");
    assert_string_equal(prefix, "");
}

static void what_is_a_uri_is_told_from_a_name(void **state)
{
    assert_true(config_is_uri("mysql://h/d"));
    assert_true(config_is_uri("sqlite:shop.db"));
    assert_true(config_is_uri("/mnt/lake"));
    assert_true(config_is_uri("../lake"));
    assert_false(config_is_uri("shop"));
    assert_false(config_is_uri("lake/prefix"));
    assert_false(config_is_uri("none"));
}

static void a_secret_in_a_uri_is_a_reference_or_nothing(void **state)
{
    says("mysql://etl:hush@h/shop", "--source:1:13: the password stands in the URI itself");
    says("mysql://etl@h/shop?password=hush", "--source:1:29: the password stands in the URI itself");
    says("s3://acme?secret_access_key=hush&access_key_id=A", "the secret_access_key stands in the URI itself");
    says("mysql://etl:${SHOP_PASSWORD}@h/shop", "mysql://etl@h/shop: ");
    says("mysql://etl:file%3A%2Frun%2Fpw@h/shop", "password=file:/run/pw");
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    says("mysq://h/d", "there is no type of connection 'mysq'");
    says("mysql://etl@h/d?tsl=off", "--source:1:21: unknown option 'tsl', did you mean 'tls'?");
    says("mysql://etl@h/d?tls", "--source:1:17: 'tls' has no value");
    says("mysql://etl@h:99999/d", "--source:1:15: port: '99999' is too large");
    says("mysql://etl@h/d?host=g", "'host' stands in the URI twice");
    says("mysql://etl@h/d%zz", "a '%' that is not followed by two hexadecimal digits");
    says("mysql://etl@h/d%00", "a '%' that is not followed by two hexadecimal digits");
    says("sqlite://host/x.db", "a connection of type 'sqlite' has no host");
}

static char *route(const char *source, const char *target)
{
    const char *tables[] = {"orders"}, *name = NULL;
    struct route_words words = {.source = source, .target = target, .stage = "/tmp", .tables = {tables, 1}};
    config_free(config);
    begin(NULL);
    assert_int_equal(config_add_route(config, &words, &name, &err), RC_OK);
    return xstrdup(name);
}

static void assert_route(const char *source, const char *target, const char *wanted, bool same)
{
    char *name = route(source, target);
    if (same)
        assert_string_equal(name, wanted);
    else
        assert_string_not_equal(name, wanted);
    free(name);
}

static void a_routes_name_is_made_from_where_rows_come_from_and_go_to(void **state)
{
    char *name = route("mysql://etl@db/shop", "postgresql://h/dw");
    assert_int_equal(strncmp(name, "shop-dw-", 8), 0);
    assert_int_equal(strlen(name), 16);
    /* Who logs in, and how, is all the same; so is what the default says. */
    assert_route("mariadb://other@db:3306/shop?tls=off", "postgres://x@h:5432/dw", name, true);
    assert_route("mysql://etl@db:3307/shop", "postgresql://h/dw", name, false);
    assert_route("mysql://etl@db/shop", "postgresql://h2/dw", name, false);
    free(name);
}

static void a_routes_name_does_not_change_when_its_file_comes_to_be(void **state)
{
    char folder[] = "/tmp/waybill-route-XXXXXX", path[64] = "shop.dbXXXXXX", before[512];
    assert_non_null(mkdtemp(folder));
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(folder), 0);
    char *name = route("sqlite:shop.db", "none");
    assert_int_equal(close(mkstemp(path)), 0);
    assert_int_equal(rename(path, "shop.db"), 0);
    assert_route("sqlite:./shop.db", "none", name, true);
    snprintf(path, sizeof(path), "sqlite://%s/shop.db", folder);
    assert_route(path, "none", name, true);
    free(name);
    unlink("shop.db");
    assert_int_equal(chdir(before), 0);
    rmdir(folder);
}

static void a_route_is_checked_as_a_file_is(void **state)
{
    const char *tables[] = {"orders", "log_*", "orders"}, *keys[] = {"a", "b"}, *name = NULL;
    struct route_words words = {.source = "sqlite:a.db",
                                .target = "none",
                                .stage = "s3://lake/raw/shop",
                                .name = "mine",
                                .increment = "timestamp_only",
                                .cursor = "changed",
                                .key = {keys, 2},
                                .tables = {tables, 3}};
    const struct pipeline_config *picked = NULL;
    assert_int_equal(config_add_route(config, &words, &name, &err), RC_OK);
    assert_string_equal(name, "mine");
    assert_int_equal(config_pick_pipeline(config, name, NULL, 0, &picked, &err), RC_OK);
    assert_string_equal(picked->stage_prefix, "raw/shop");
    assert_null(picked->target);
    assert_int_equal(picked->table_count, 2);
    assert_string_equal(picked->tables[0].cursor, "changed");
    assert_int_equal(picked->tables[0].increment, INCREMENT_TIMESTAMP_ONLY);
    assert_int_equal(picked->tables[0].key.count, 2);
    assert_string_equal(picked->tables[0].key.items[1], "b");
    assert_true(picked->tables[1].is_pattern);
    assert_int_equal(config_add_route(config, &words, &name, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "has a pipeline 'mine' already"));
    words.name = "again";
    words.mode = "append";
    assert_int_equal(config_add_route(config, &words, &name, &err), RC_OK);
    assert_int_equal(config_pick_pipeline(config, name, NULL, 0, &picked, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "--mode:1:1: table 'orders': 'mode: append'"));
    words.name = "watermark";
    assert_int_equal(config_add_route(config, &words, &name, &err), RC_CONFIG);
    words.name = "third";
    words.source = "shop";
    assert_int_equal(config_add_route(config, &words, &name, &err), RC_OK);
    assert_int_equal(config_pick_pipeline(config, name, NULL, 0, &picked, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "there is no connection 'shop'"));
    assert_non_null(strstr(err.todo, "a database's file sqlite:shop,"));
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(a_uri_says_what_a_file_would),
        STORY(what_is_a_uri_is_told_from_a_name),
        STORY(a_secret_in_a_uri_is_a_reference_or_nothing),
        STORY(what_is_wrong_is_told_with_its_place),
        STORY(a_routes_name_is_made_from_where_rows_come_from_and_go_to),
        STORY(a_routes_name_does_not_change_when_its_file_comes_to_be),
        STORY(a_route_is_checked_as_a_file_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

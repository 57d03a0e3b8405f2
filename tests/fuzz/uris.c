/* Connections and pipelines from the command line. The input, a line each: source, target, stage, the pipeline's name
 * (none when empty), increment, and tables.
 *
 * Parser: src/move/config_uri.c src/move/config_route.c
 * Bytes: 1024 */
#include "fuzz.h"
#include "io/secret_resolve.h"
#include "move/config.h"

enum { TABLES_MAX_HERE = 4 };

static const char *environment(const char *name) { return strcmp(name, "V") == 0 ? "hush" : NULL; }

/* The program's resolver runs commands and reads files, which is not for a fuzzer. */
static RC no_secret(struct resolver *self, const struct yaml_node *node, struct secret *ret, struct error *err)
{
    return fail(err, RC_CONFIG, "no secrets here");
}

/* What was taken can be told of, and holds no secret in plain: a URI stands in argv. */
static void check_connection(struct config *config, const struct connection_config *connection)
{
    static const char *const secrets[] = {"password", "secret_access_key", "session_token"};
    const struct shown_option *shown;
    int count = 0;
    assert(str_is_utf8(str(connection->name)) && connection->name[0] != '\0');
    enum rc rc = config_show(config, connection->name, &config->arena, &shown, &count);
    assert(rc == RC_OK);
    for (int i = 0; i < count; i++)
        assert(str_is_utf8(str(shown[i].text)));
    for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
        const struct yaml_node *node = yaml_find(connection->node, secrets[i]);
        assert(node == NULL || strncmp(node->text, "${", 2) == 0 || strncmp(node->text, "file:", 5) == 0 ||
               strncmp(node->text, "cmd:", 4) == 0);
    }
}

/* The pipeline's name; NULL: it was refused. */
static const char *add_route(struct config *config, const struct route_words *words)
{
    struct error err = {0};
    const char *name = NULL;
    enum rc rc = config_add_route(config, words, &name, &err);
    fuzz_check(rc, &err);
    for (int i = 0; i < config->connection_count; i++)
        check_connection(config, &config->connections[i]);
    if (rc != RC_OK)
        return NULL;
    const struct pipeline_config *pipeline;
    rc = config_pick_pipeline(config, name, NULL, 0, &pipeline, &err);
    fuzz_check(rc, &err);
    assert(rc != RC_OK || (str_is_utf8(str(pipeline->stage_prefix)) && str_is_utf8(str(pipeline->name))));
    return name;
}

static void add_both(struct secret_resolver *resolver, const struct route_words *words)
{
    AUTO(config) *first = config_new(&resolver->resolver), *second = config_new(&resolver->resolver);
    const char *name = add_route(first, words), *again = add_route(second, words);
    assert(text_eq(name, again)); /* the same each time: marks lie below it */
    if (name != NULL)
        add_route(first, words);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    struct secret_resolver resolver;
    char *texts[5 + TABLES_MAX_HERE];
    const char *tables[TABLES_MAX_HERE];
    int count = 0;
    if (!str_is_utf8((struct str){(const char *)bytes, size}) || (size > 0 && memchr(bytes, '\0', size) != NULL))
        return 0; /* the command line has refused it */
    secret_resolver_init(&resolver, clock_real());
    resolver.environment = environment;
    resolver.resolver.secret = no_secret;
    for (int i = 0; i < 5; i++)
        texts[i] = fuzz_text(fuzz_until(&in, '\n'));
    for (; count < TABLES_MAX_HERE && in.left > 0; count++)
        tables[count] = texts[5 + count] = fuzz_text(fuzz_until(&in, '\n'));
    struct route_words words = {.source = texts[0],
                                .target = texts[1],
                                .stage = texts[2],
                                .name = texts[3][0] != '\0' ? texts[3] : NULL,
                                .increment = texts[4][0] != '\0' ? texts[4] : NULL,
                                .tables = {tables, count}};
    if (words.increment != NULL && count > 0)
        words.key = (struct text_list){tables, 1};
    add_both(&resolver, &words);
    for (int i = 0; i < 5 + count; i++)
        free(texts[i]);
    return 0;
}

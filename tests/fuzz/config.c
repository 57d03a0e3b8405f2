/* waybill.yml, as a text and as what it means. The input: names of tables on the command line, one per line, an empty
 * line, and the file.
 *
 * Parser: src/base/yaml.c src/base/options.c src/move/config.c src/move/config_pipeline.c src/move/config_tables.c
 * Bytes: 4096 */
#include "fuzz.h"
#include "io/secret_resolve.h"
#include "move/config.h"

enum { NAMES_MAX = 8 };

static const char *environment(const char *name)
{
    return strcmp(name, "HOME") == 0 ? "/root" : strcmp(name, "V") == 0 ? "eu ${V} 'x'\n: y" : NULL;
}

/* The program's resolver runs commands and reads files, which is not for a fuzzer. */
static RC no_secret(struct resolver *self, const struct yaml_node *node, struct secret *ret, struct error *err)
{
    return fail(err, RC_CONFIG, "no secrets here");
}

static RC resolve(struct config *config, const char *const *names, int count, struct error *err)
{
    static const char *const existing[] = {"a", "log_1", "log_2", "s.orders", "orders"};
    const struct config_override limit = {"max_memory", "128MiB", ORIGIN_FLAG, "--max-memory"};
    const struct pipeline_config *pipeline;
    const struct table_config *tables;
    int table_count = 0;
    TRY(config_pick_pipeline(config, NULL, &limit, 1, &pipeline, err));
    (void)tables_need_listing(pipeline, names, count);
    TRY(tables_resolve(config, pipeline, names, count, existing, 5, &tables, &table_count, err));
    for (int i = 0; i < table_count; i++) {
        struct table_request request = table_request_of(&tables[i]);
        assert(request.name != NULL && !tables[i].is_pattern && tables[i].target != NULL);
    }
    return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    AUTO(config) *config = NULL;
    struct error err = {0};
    struct secret_resolver resolver;
    char *names[NAMES_MAX];
    int count = 0;
    for (struct str name; (name = fuzz_until(&in, '\n')).len > 0;) {
        if (count < NAMES_MAX)
            names[count++] = fuzz_text(name);
    }
    secret_resolver_init(&resolver, clock_real());
    resolver.environment = environment;
    resolver.resolver.secret = no_secret;
    enum rc rc = config_load(fuzz_file(0, fuzz_rest(&in)), &resolver.resolver, &config, &err);
    if (rc == RC_OK)
        rc = resolve(config, (const char *const *)names, count, &err);
    fuzz_check(rc, &err);
    while (count > 0)
        free(names[--count]);
    return 0;
}

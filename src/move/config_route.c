/* A pipeline from the command line: it becomes what the configuration file would hold, and is checked as that is. */
#include <stdlib.h>

#include "base/hash.h"
#include "move/config_intern.h"

enum { PART_BYTES = 32, HASH_DIGITS = 8 };

/* ---- its name ---- */

/* A file's path from the root, whether it exists yet or not. */
static const char *whole_path(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash == NULL   ? "."
                         : slash == path ? "/"
                                         : arena_str(arena, (struct str){path, (size_t)(slash - path)});
    char *whole = realpath(folder, NULL);
    const char *found = arena_print(arena, "%s/%s", whole != NULL ? whole : folder, slash != NULL ? slash + 1 : path);
    free(whole);
    return found;
}

/* Where a connection leads to, whoever logs in and however: the same text each time. */
static void add_place(struct config *config, const char *name, struct buf *out)
{
    const struct connection_config *connection = config_connection(config, name);
    static const char *const parts[] = {"host", "port", "database", "bucket", "path"};
    struct option_table table = {0};
    size_t bytes;
    if (connection == NULL || !config_options_of_type(connection->type, &table, &bytes))
        return;
    bool is_maria = text_eq(connection->type, "mariadb"), is_postgres = strncmp(connection->type, "postgres", 8) == 0;
    buf_addf(out, "%s", is_maria ? "mysql" : is_postgres ? "postgres" : connection->type);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        const struct yaml_node *given = yaml_find(connection->node, parts[i]);
        const struct option *option = option_find(table, parts[i]);
        const char *text = given != NULL ? given->text : option != NULL ? option->preset : NULL;
        if (text == NULL && option != NULL && text_eq(parts[i], "port"))
            text = is_postgres ? "5432" : "3306"; /* as the libraries have it */
        bool is_path = given != NULL && text != NULL && text_eq(parts[i], "path");
        buf_addf(out, "|%s", is_path ? whole_path(text, &config->arena) : or_empty(text));
    }
}

/* The last piece of where it leads to, in letters that a name may have: "shop" of mysql://h/shop and
 * sqlite:///d/shop.db. */
static const char *short_name(struct config *config, const char *name)
{
    const struct connection_config *connection = config_connection(config, name);
    const struct yaml_node *node = connection != NULL ? yaml_find(connection->node, "database") : NULL;
    if (node == NULL && connection != NULL)
        node = yaml_find(connection->node, "path");
    const char *text = node != NULL ? node->text : name, *slash = strrchr(text, '/');
    text = slash != NULL && slash[1] != '\0' ? slash + 1 : text;
    char *word = arena_print(&config->arena, "%.*s", PART_BYTES, text);
    word[strcspn(word, ".")] = '\0';
    for (char *at = word; *at != '\0'; at++) {
        bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        *at = is_plain || *at == '_' ? *at : '-';
    }
    return word;
}

/* "shop-warehouse" of two names, "shop-warehouse-1f3a9c2e" where one is a URI. */
static const char *route_name(struct config *config, const struct route_words *words, const char *source,
                              const char *target)
{
    if (!config_is_uri(words->source) && !config_is_uri(words->target))
        return arena_print(&config->arena, "%s-%s", source, target);
    AUTO_RELEASE(buf) places = {0};
    char hash[SHA256_HEX];
    const char *const names[] = {source, target}, *const given[] = {words->source, words->target};
    for (int i = 0; i < 2; i++) {
        if (config_is_uri(given[i]))
            add_place(config, names[i], &places);
        else
            buf_addf(&places, "%s", names[i]);
        buf_addf(&places, "\n");
    }
    sha256_hex(buf_str(&places), hash);
    return arena_print(&config->arena, "%s-%s-%.*s", short_name(config, source), short_name(config, target),
                       HASH_DIGITS, hash);
}

/* ---- the pipeline ---- */

static RC find(struct config *config, const char *given, const char *by, const char **ret_name, const char **ret_prefix,
               struct error *err)
{
    *ret_prefix = "";
    *ret_name = given;
    return config_is_uri(given) ? config_add_uri(config, given, by, ret_name, ret_prefix, err) : RC_OK;
}

/* "lake/some/prefix": a connection's name has no '/'. */
static RC find_stage(struct config *config, const char *given, const char **ret_name, const char **ret_prefix,
                     struct error *err)
{
    const char *slash = strchr(given, '/');
    TRY(find(config, given, "--stage", ret_name, ret_prefix, err));
    if (!config_is_uri(given) && slash != NULL) {
        *ret_name = arena_str(&config->arena, (struct str){given, (size_t)(slash - given)});
        *ret_prefix = slash + 1;
    }
    return RC_OK;
}

static void add_text(struct config *config, struct yaml_node *map, const char *key, const char *text, const char *by)
{
    if (text != NULL)
        config_node_add(map, config_node(&config->arena, key, text, (struct where){by, 1, 1}));
}

static void add_key(struct config *config, struct yaml_node *table, const struct text_list *key)
{
    const struct where at = {"--key", 1, 1};
    struct yaml_node *list = config_node(&config->arena, "key", NULL, at);
    list->kind = YAML_LIST;
    for (int i = 0; i < key->count; i++) {
        struct yaml_node *item = config_node(&config->arena, "", key->items[i], at);
        item->key = NULL;
        config_node_add(list, item);
    }
    if (key->count > 0)
        config_node_add(table, list);
}

static struct yaml_node *tables_of(struct config *config, const struct route_words *words)
{
    const struct where at = {"--table", 1, 1};
    struct yaml_node *tables = config_node(&config->arena, "tables", NULL, at);
    for (int i = 0; i < words->tables.count; i++) {
        struct yaml_node *table = config_node(&config->arena, words->tables.items[i], NULL, at);
        if (yaml_find(tables, words->tables.items[i]) != NULL)
            continue;
        add_text(config, table, "increment", words->increment, "--increment");
        add_text(config, table, "mode", words->mode, "--mode");
        add_text(config, table, "cursor", words->cursor, "--cursor");
        add_key(config, table, &words->key);
        config_node_add(tables, table);
    }
    return tables;
}

static RC check_name(const struct config *config, const char *name, struct error *err)
{
    for (int i = 0; i < config->pipeline_count; i++) {
        if (!text_eq(config->pipelines[i].name, name))
            continue;
        fail(err, RC_CONFIG, "'%s' has a pipeline '%s' already, at " WHERE_FMT, config->path, name,
             WHERE_ARG(config->pipelines[i].where));
        return fail_todo(err, "run that one: waybill sync pipeline -p %s; or give another name with -p", name);
    }
    const struct yaml_node entry = {.key = name, .key_where = {"--pipeline", 1, 1}};
    TRY(config_check_name(&entry, "pipeline", err));
    if (config_is_reserved(str(name))) {
        fail(err, RC_CONFIG, "'%s' cannot be the name of a pipeline: other documents lie there", name);
        return fail_todo(err, "give it another name");
    }
    return RC_OK;
}

RC config_add_route(struct config *self, const struct route_words *words, const char **ret_name, struct error *err)
{
    const char *source, *target, *store, *prefix, *ignored;
    TRY(find(self, words->source, "--source", &source, &ignored, err));
    TRY(find(self, words->target, "--target", &target, &ignored, err));
    TRY(find_stage(self, words->stage, &store, &prefix, err));
    const char *name = words->name != NULL ? words->name : route_name(self, words, source, target);
    TRY(check_name(self, name, err));
    if (self->pipeline_count == PIPELINES_MAX) {
        fail(err, RC_CONFIG, "more than %d pipelines", PIPELINES_MAX);
        return fail_todo(err, "keep several configurations, and name one with --config FILE");
    }
    struct yaml_node *node = config_node(&self->arena, name, NULL, (struct where){"the command line", 1, 1});
    struct yaml_node *stage = config_node(&self->arena, "stage", NULL, (struct where){"--stage", 1, 1});
    add_text(self, stage, "store", store, "--stage");
    add_text(self, stage, "prefix", prefix, "--stage");
    add_text(self, node, "source", source, "--source");
    config_node_add(node, stage);
    add_text(self, node, "target", target, "--target");
    config_node_add(node, tables_of(self, words));
    self->pipelines[self->pipeline_count++] =
        (struct pipeline_config){.name = node->key, .where = node->key_where, .node = node};
    *ret_name = node->key;
    return RC_OK;
}

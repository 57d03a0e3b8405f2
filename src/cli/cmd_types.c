#include "cli/print.h"
#include "connect/registry.h"
#include "move/mapping.h"

/* The configuration, where a word is neither a system nor a URI. */
static RC load_for(struct cli *cli, const char *const words[2], struct error *err)
{
    const char *named[2] = {NULL, NULL};
    int count = 0;
    for (int i = 0; i < 2; i++) {
        if (database_type_find(words[i]) == NULL)
            named[count++] = words[i];
    }
    if (count == 0 || cli_load_for(cli, named, count, err) == RC_OK)
        return RC_OK;
    const char *word = config_is_uri(named[0]) && count > 1 ? named[1] : named[0];
    return fail_in(err, "'%s' is no database system, so it would be a connection", word);
}

/* A system's own name, a URI, or the name of a connection. */
static RC find_system(struct cli *cli, const char *word, const struct database_type **ret, struct error *err)
{
    const char *prefix;
    *ret = database_type_find(word);
    if (*ret != NULL)
        return RC_OK;
    if (config_is_uri(word))
        TRY(config_add_uri(cli->config, word, "the URI", &word, &prefix, err));
    for (int i = 0; i < cli->config->connection_count; i++) {
        if (!text_eq(cli->config->connections[i].name, word))
            continue;
        *ret = database_type_find(cli->config->connections[i].type);
        return *ret != NULL ? RC_OK : fail(err, RC_CONFIG, "'%s' is a store, which has no types of columns", word);
    }
    AUTO_RELEASE(buf) systems = {0};
    for (int i = 0; database_types[i] != NULL; i++)
        buf_addf(&systems, "%s%s", i > 0 ? ", " : "", database_types[i]->name);
    fail(err, RC_CONFIG, "'%s' is neither a database system nor a connection of '%s'", word, cli->config->path);
    return fail_todo(err, "the systems are: %s", systems.at);
}

/* One line of the answer. */
struct line {
    const char *declared;
    char staged[FORMAT_TEXT];
    struct target_type target;
    struct type_verdict verdict;
    const char *advice; /* NULL: none is needed */
};

static struct line line_of(const struct source_type *type, const struct database_type *target, struct arena *arena)
{
    struct line line = {.declared = type->declared, .verdict = type->verdict};
    if (type->verdict.fidelity != FIDELITY_LOSSY) {
        field_type_name(&type->field, line.staged);
        target->target_type(&type->field, &line.target);
        line.verdict = verdict_join(&type->verdict, &line.target.verdict, arena);
    }
    if (line.verdict.as != NULL)
        line.advice = arena_print(arena, "columns: {COLUMN: {as: %s}}", line.verdict.as);
    return line;
}

static void print_line(struct text_table *table, const struct line *line, struct arena *arena)
{
    const char *why = or_empty(line->verdict.why);
    text_table_add(table, line->declared);
    text_table_add(table, line->staged[0] != '\0' ? line->staged : NULL);
    text_table_add(table, line->target.declared[0] != '\0' ? line->target.declared : NULL);
    text_table_add(table, fidelity_name(line->verdict.fidelity));
    text_table_add(table, line->advice != NULL ? arena_print(arena, "%s: %s", why, line->advice) : why);
}

static json_t *line_to_json(const struct line *line)
{
    json_t *json = json_object();
    json_put_text(json, "source", line->declared);
    json_put_text(json, "waybill", line->staged[0] != '\0' ? line->staged : NULL);
    json_put_text(json, "target", line->target.declared[0] != '\0' ? line->target.declared : NULL);
    json_put_text(json, "fidelity", fidelity_name(line->verdict.fidelity));
    json_put_text(json, "why", line->verdict.why);
    json_put_text(json, "override", line->advice);
    return json;
}

static RC check_roles(const char *const words[2], const struct database_type *source,
                      const struct database_type *target, struct error *err)
{
    if (source->source_types == NULL)
        return fail(err, RC_CONFIG, "'%s' is %s, which is no source", words[0], source->summary);
    if (target->target_type == NULL && target->open_target != NULL)
        return fail(err, RC_CONFIG, "'%s' is %s: name the system that the driver is for", words[1], target->summary);
    if (target->target_type == NULL)
        return fail(err, RC_CONFIG, "'%s' is %s, which is no target", words[1], target->summary);
    return RC_OK;
}

static void print_all(struct cli *cli, const struct database_type *source, const struct database_type *target)
{
    AUTO_RELEASE(text_table) table = {.columns = 5};
    json_t *lines = json_array();
    int count = 0;
    const struct source_type *types = source->source_types(&cli->arena, &count);
    const char *const heads[] = {source->name, "waybill", target->name, "", ""};
    for (int i = 0; i < table.columns; i++)
        text_table_add(&table, heads[i]);
    for (int i = 0; i < count; i++) {
        const struct line line = line_of(&types[i], target, &cli->arena);
        print_line(&table, &line, &cli->arena);
        json_array_append_new(lines, line_to_json(&line));
    }
    AUTO_JSON *json = json_object();
    json_put_text(json, "source", source->name);
    json_put_text(json, "target", target->name);
    json_put(json, "types", lines);
    if (cli_is_json(cli))
        print_json(cli, json);
    else
        text_table_print(&table, cli->out);
}

static RC run_types(struct cli *cli, struct error *err)
{
    const char *const words[2] = {cli->words[0], cli->words[1]};
    const struct database_type *source = NULL, *target = NULL;
    TRY(load_for(cli, words, err));
    TRY(find_system(cli, words[0], &source, err));
    TRY(find_system(cli, words[1], &target, err));
    TRY(check_roles(words, source, target, err));
    print_all(cli, source, target);
    return RC_OK;
}

const struct command cmd_types = {
    .path = "types",
    .group = GROUP_LOOK,
    .summary = "Says what becomes of each type of a source, in the waybill and in a target",
    .words = "SOURCE TARGET",
    .words_min = 2,
    .words_max = 2,
    .about =
        "Each of the two is a database system (mysql, postgres, sqlite, duckdb), a URI, or the name of a connection.\n"
        "exact: each value comes out as it went in, or is refused. widened: the same, in a type that could hold\n"
        "others. lossy: values would change, so that the plan fails until the table's entry says how to take the\n"
        "column; the line shows what to write. `waybill plan -v` says it of the columns of a table.\n",
    .examples = "  waybill types mysql postgres\n"
                "  waybill types shop warehouse --output json\n"
                "  waybill types sqlite:shop.db postgresql://loader@dw/warehouse\n",
    .run = run_types,
};

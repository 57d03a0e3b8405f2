#include "cli/plan_report.h"

#include "base/log.h"
#include "cli/show.h"
#include "cli/sync_report.h"
#include "move/look.h"
#include "move/mapping.h"

/* A table and what a look at it came to; a failure is in the route's result. */
struct look {
    struct route *r;
    struct plan plan;
    bool origins;
};

/* ---- for people ---- */

static void print_line(struct cli *cli, const char *name, const char *text)
{
    fprintf(cli->out, "  %-11s ", name);
    print_safe(cli->out, text);
    fputs("\n", cli->out);
}

static void print_found(struct cli *cli, const struct table *table, enum increment increment)
{
    AUTO_RELEASE(buf) key = {0};
    if (increment_is_timed(increment) && table->cursor >= 0) {
        AUTO_RELEASE(buf) cursor = {0};
        const struct field *field = &table->schema->fields[table->cursor];
        buf_addf(&cursor, "%s (%s%s)%s%s", field->name, field->source_type,
                 table->form.kind != FORM_EPOCH ? ""
                 : table->form.digits == 3      ? ", ms since 1970"
                                                : ", s since 1970",
                 table->cursor_found ? ", found by itself" : "",
                 table->cursor_indexed || increment == INCREMENT_CUSTOM_SQL
                     ? ""
                     : ", without an index: every page scans the table");
        print_line(cli, "cursor", cursor.at);
    }
    for (int i = 0; i < table->key_count; i++)
        buf_addf(&key, "%s%s", i > 0 ? ", " : "", table->schema->fields[table->key[i]].name);
    print_line(cli, "key", key.len > 0 ? key.at : "-");
}

/* From where to where: also when nothing lies in between. */
static struct range range_of(const struct look *look)
{
    struct range range =
        look->plan.has_range ? look->plan.range : (struct range){.lo = look->r->lo, .hi = look->r->bound.hi};
    if (look->r->increment == INCREMENT_FULL_SYNC)
        range.lo = (struct position){0}; /* the whole table, whatever was read before */
    return range;
}

static void print_range(struct cli *cli, const struct look *look)
{
    const struct plan *plan = &look->plan;
    const struct range range = range_of(look);
    AUTO_RELEASE(buf) lo = {0};
    AUTO_RELEASE(buf) hi = {0};
    AUTO_RELEASE(buf) rows = {0};
    char bytes[HUMAN_TEXT], count[HUMAN_TEXT];
    show_position(&range.lo, &lo);
    show_position(&range.hi, &hi);
    print_line(cli, "from", range.lo.shape != POSITION_NONE ? lo.at : "the beginning");
    print_line(cli, "to", hi.at);
    human_bytes(plan->facts.rows * plan->facts.row_bytes, bytes);
    human_count(plan->facts.rows, count);
    buf_addf(&rows, "%s, about %s before compression", count, bytes);
    bool empties = plan->has_range && plan->facts.rows == 0 && look->r->mode == MODE_DELETE_INSERT;
    print_line(cli, "rows",
               empties           ? "none: those of the target in this range go"
               : plan->has_range ? rows.at
                                 : "none");
    if (plan->is_backfill) {
        buf_reset(&rows);
        show_position(&look->r->bound.aside.mark, &rows);
        bool may_advance = option_find(cli->set.table, "advance") != NULL;
        buf_addf(&rows, may_advance ? " (a backfill moves no mark; --advance does)" : " (a repair moves no mark)");
        print_line(cli, "mark stays", rows.at);
    }
    if (plan->again_from != NULL) {
        buf_reset(&rows);
        human_count(plan->again_rows, count);
        buf_addf(&rows, "%s, from %s up to the mark%s", count, plan->again_from,
                 look->r->config->lookback_ms > 0 ? " (lookback)" : "");
        print_line(cli, "read again", rows.at);
    }
}

/* "name" the first line, nothing before the others */
static void print_lines(struct cli *cli, const char *name, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        fprintf(cli->out, "  %-11s %.*s\n", name, (int)len, text);
        text += len + (text[len] == '\n');
        name = "";
    }
}

static void print_origins(struct cli *cli, const struct option_set *set)
{
    AUTO_RELEASE(text_table) table = {.columns = 4};
    AUTO_RELEASE(arena) arena = {0};
    for (int i = 0; i < set->table.count; i++) {
        const struct option *option = &set->table.options[i];
        const struct option_origin *origin = option_origin_of(set, option->name);
        if (option->type == OPTION_NODE)
            continue;
        text_table_add(&table, " ");
        text_table_add(&table, option->name);
        text_table_add(&table, origin->text);
        text_table_add(&table, option_origin_text(origin, &arena));
    }
    text_table_print(&table, cli->out);
}

/* What becomes of each column. */
static void print_columns(struct cli *cli, struct route *r)
{
    AUTO_RELEASE(text_table) table = {.columns = 7};
    for (int i = 0; i < route_schema(r)->count; i++) {
        const struct mapping mapping = mapping_of(r, i);
        char staged[FORMAT_TEXT];
        field_type_name(mapping.staged, staged);
        text_table_add(&table, i == 0 ? "  columns   " : "");
        text_table_add(&table, mapping.source->name);
        text_table_add(&table, mapping.source->source_type);
        text_table_addf(&table, "-> %s", staged);
        text_table_addf(&table, "-> %s%s%s",
                        text_eq(mapping.staged->name, mapping.source->name) ? "" : mapping.staged->name,
                        text_eq(mapping.staged->name, mapping.source->name) ? "" : " ", mapping.target.declared);
        text_table_add(&table, fidelity_name(mapping.verdict.fidelity));
        text_table_add(&table, or_empty(mapping.verdict.why));
    }
    text_table_print(&table, cli->out);
}

/* What a load does besides bringing rows. */
static void print_manner(struct cli *cli, const struct route *r)
{
    const struct table_config *config = r->config;
    const struct target *target = r->target;
    AUTO_RELEASE(buf) text = {0};
    bool swaps = r->mode == MODE_REPLACE && config->replace_by == REPLACE_BY_SWAP;
    if (swaps && target != NULL && target->ops->swap_note != NULL) {
        buf_addf(&text, "swap: %s", target->ops->swap_note);
        print_line(cli, "replace", text.at);
        buf_reset(&text);
    }
    if (config->delete_detection == DELETES_UNSEEN || r->increment == INCREMENT_FULL_SYNC)
        return;
    buf_addf(&text, "by keys: rows that are gone from the source are %s%s; no more than %lld %% of them at once",
             config->soft_delete != NULL ? "noted in " : "deleted", or_empty(config->soft_delete),
             (long long)config->delete_max);
    print_line(cli, "deletes", text.at);
}

static void print_table(struct cli *cli, const struct look *look)
{
    const struct route *r = look->r;
    const struct plan *plan = &look->plan;
    AUTO_RELEASE(buf) count = {0};
    print_safe(cli->out, r->config->name);
    if (r->run->pipeline->target != NULL) {
        fprintf(cli->out, " -> %s ", r->run->pipeline->target);
        print_safe(cli->out, r->config->target);
    }
    fputs("\n", cli->out);
    print_line(cli, "increment", increment_name(r->increment));
    print_line(cli, "mode", mode_name(r->mode));
    print_manner(cli, r);
    const char *one_for_all = r->source != NULL ? r->source->one_for_all : NULL;
    if (r->increment == INCREMENT_FULL_SYNC && one_for_all != NULL) {
        AUTO_RELEASE(buf) reader = {0};
        buf_addf(&reader, "one: %s", one_for_all);
        print_line(cli, "readers", reader.at);
    }
    if (plan->table != NULL) {
        print_found(cli, plan->table, r->increment);
        print_range(cli, look);
    }
    if (plan->facts.null_cursors > 0) {
        show_count(plan->facts.null_cursors, "row", &count);
        bool is_read = r->config->null_cursor == NULL_CURSOR_INCLUDE;
        buf_addf(&count, " without a cursor (null_cursor: %s)", is_read ? "include" : "exclude");
        print_line(cli, is_read ? "read along" : "left out", count.at);
    }
    if (plan->waiting > 0) {
        buf_reset(&count);
        show_count(plan->waiting, "waybill", &count);
        buf_addf(&count, " staged and not loaded");
        print_line(cli, "waiting", count.at);
    }
    print_lines(cli, "changed", or_empty(r->schema_changes));
    if (r->result.warning != NULL)
        print_line(cli, "note", r->result.warning);
    print_lines(cli, "DDL", plan->ddl);
    if (look->origins && plan->table != NULL)
        print_columns(cli, look->r);
    if (look->origins)
        print_origins(cli, r->config->options);
}

/* ---- for machines ---- */

static json_t *origins_to_json(const struct option_set *set)
{
    AUTO_RELEASE(arena) arena = {0};
    json_t *json = json_object();
    for (int i = 0; i < set->table.count; i++) {
        const struct option *option = &set->table.options[i];
        const struct option_origin *origin = option_origin_of(set, option->name);
        if (option->type == OPTION_NODE)
            continue;
        json_t *value = json_object();
        json_put_text(value, "value", origin->text);
        json_put_text(value, "origin", option_origin_text(origin, &arena));
        json_put(json, option->name, value);
    }
    return json;
}

static json_t *cursor_to_json(const struct table *table, enum increment increment)
{
    if (table->cursor < 0 || !increment_is_timed(increment))
        return json_null();
    char form[FORM_TEXT_MAX];
    json_t *json = json_object();
    form_name(&table->form, form);
    json_put_text(json, "column", table->schema->fields[table->cursor].name);
    json_put_text(json, "type", table->schema->fields[table->cursor].source_type);
    json_put_text(json, "form", form);
    json_put(json, "found", json_boolean(table->cursor_found));
    json_put(json, "indexed", json_boolean(table->cursor_indexed));
    return json;
}

static void put_found(json_t *json, const struct look *look)
{
    const struct plan *plan = &look->plan;
    const struct table *table = plan->table;
    const struct range range = range_of(look);
    json_t *key = json_array();
    for (int i = 0; i < table->key_count; i++)
        json_array_append_new(key, json_string(table->schema->fields[table->key[i]].name));
    json_put(json, "cursor", cursor_to_json(table, look->r->increment));
    json_put(json, "key", key);
    json_put(json, "lo", position_to_json(&range.lo));
    json_put(json, "hi", position_to_json(&range.hi));
    json_put_int(json, "rows", plan->has_range ? plan->facts.rows : 0);
    json_put_int(json, "row_bytes", plan->facts.row_bytes);
    if (plan->again_from != NULL) {
        json_put_text(json, "again_from", plan->again_from);
        json_put_int(json, "again_rows", plan->again_rows);
    }
    if (plan->is_backfill) {
        json_put(json, "backfill", json_true());
        json_put(json, "mark", position_to_json(&look->r->bound.aside.mark));
    }
    json_put_int(json, "null_cursors", plan->facts.null_cursors);
    json_put_int(json, "odd_cursors", plan->facts.odd_cursors);
}

static json_t *ddl_to_json(const char *ddl)
{
    json_t *json = json_array();
    while (*ddl != '\0') {
        size_t len = strcspn(ddl, "\n");
        json_array_append_new(json, json_stringn(ddl, len));
        ddl += len + (ddl[len] == '\n');
    }
    return json;
}

static json_t *columns_to_json(struct route *r)
{
    json_t *json = json_array();
    for (int i = 0; i < route_schema(r)->count; i++) {
        const struct mapping mapping = mapping_of(r, i);
        char staged[FORMAT_TEXT];
        json_t *column = json_object();
        field_type_name(mapping.staged, staged);
        json_put_text(column, "column", mapping.source->name);
        json_put_text(column, "source_type", mapping.source->source_type);
        json_put_text(column, "waybill", staged);
        json_put_text(column, "name", mapping.staged->name);
        json_put_text(column, "target", mapping.target.declared[0] != '\0' ? mapping.target.declared : NULL);
        json_put_text(column, "fidelity", fidelity_name(mapping.verdict.fidelity));
        json_put_text(column, "why", mapping.verdict.why);
        json_array_append_new(json, column);
    }
    return json;
}

static json_t *table_to_json(const struct look *look)
{
    const struct route *r = look->r;
    json_t *json = json_object();
    json_put_text(json, "table", r->config->name);
    json_put_text(json, "target", r->run->pipeline->target != NULL ? r->config->target : NULL);
    json_put_text(json, "increment", increment_name(r->increment));
    json_put_text(json, "mode", mode_name(r->mode));
    if (r->mode == MODE_REPLACE)
        json_put_text(json, "replace", r->config->replace_by == REPLACE_BY_SWAP ? "swap" : "delete");
    if (r->config->delete_detection != DELETES_UNSEEN)
        json_put_text(json, "deletes", r->config->soft_delete != NULL ? "noted" : "deleted");
    if (r->result.error.rc != RC_OK) {
        AUTO_JSON *failure = error_to_json(&r->result.error);
        json_put(json, "error", json_incref(json_object_get(failure, "error")));
    } else {
        if (look->plan.table != NULL)
            put_found(json, look);
        json_put_int(json, "waiting", look->plan.waiting);
        json_put(json, "ddl", ddl_to_json(look->plan.ddl));
        if (r->schema_changes != NULL)
            json_put(json, "changed_columns", ddl_to_json(r->schema_changes));
        if (r->result.warning != NULL)
            json_put_text(json, "warning", r->result.warning);
    }
    if (look->origins && look->plan.table != NULL)
        json_put(json, "columns", columns_to_json(look->r));
    if (look->origins)
        json_put(json, "options", origins_to_json(r->config->options));
    return json;
}

/* ---- both ---- */

static void print_all_json(struct cli *cli, const struct run *run, const struct look *looks, bool origins)
{
    AUTO_JSON *json = json_object();
    json_t *tables = json_array();
    json_put_text(json, "pipeline", run->pipeline->name);
    for (int i = 0; i < run->route_count; i++)
        json_array_append_new(tables, table_to_json(&looks[i]));
    json_put(json, "tables", tables);
    if (origins)
        json_put(json, "options", origins_to_json(run->pipeline->options));
    print_json(cli, json);
}

void plan_report(struct session *self, bool origins)
{
    struct cli *cli = self->cli;
    struct run *run = self->run;
    struct look *looks = arena_take(&self->arena, sizeof(*looks) * (size_t)run->route_count);
    for (int i = 0; i < run->route_count && !ferror(cli->out); i++) {
        struct route *r = &run->routes[i];
        looks[i] = (struct look){.r = r, .plan.ddl = "", .origins = origins};
        log_context(NULL, run->pipeline->name, r->config->name);
        r->result.through = look_plan(r, &looks[i].plan, &r->result.error) == RC_OK;
        if (r->result.through)
            r->result.error = (struct error){0};
        if (r->result.through && !cli_is_json(cli)) {
            print_table(cli, &looks[i]);
            fflush(cli->out); /* of hundreds of tables, each is seen when it is known */
        }
    }
    log_context(NULL, NULL, NULL);
    if (cli_is_json(cli))
        print_all_json(cli, run, looks, origins);
    else if (origins) {
        fprintf(cli->out, "pipeline %s\n", run->pipeline->name);
        print_origins(cli, run->pipeline->options);
    }
    sync_report_failures(cli, run);
    cli->status = run_exit_status(run);
}

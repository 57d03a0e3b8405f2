#include "cli/grants_report.h"

#include <stdlib.h>

#include "cli/check.h"
#include "cli/outcome.h"
#include "connect/registry.h"
#include "state/keys.h"
#include "store/probe.h"
#include "store/registry.h"

struct report {
    struct cli *cli;
    const struct pipeline_config **pipelines; /* that are looked at */
    int pipeline_count;
    struct text_table table;
    json_t *rows;
    struct buf statements; /* to paste, and where */
    struct outcome outcome;
    bool lacks;
    struct arena arena;
};

/* One connection in one of its roles. */
struct role {
    const struct connection_config *connection;
    const char *as; /* "source", "target", "store" */
    RC (*look)(struct report *self, const struct role *role, struct grant_list *ret, struct error *err);
    /* What a pipeline has there; the connection's name where it has this one. */
    const char *(*used)(const struct pipeline_config *pipeline);
};

static const char *source_of(const struct pipeline_config *pipeline) { return pipeline->source; }
static const char *target_of(const struct pipeline_config *pipeline) { return pipeline->target; }
static const char *store_of(const struct pipeline_config *pipeline) { return pipeline->stage_store; }

static bool uses(const struct pipeline_config *pipeline, const struct role *role)
{
    return text_eq(role->used(pipeline), role->connection->name);
}

/* ---- which tables ---- */

static bool has_patterns(const struct pipeline_config *pipeline)
{
    for (int i = 0; i < pipeline->table_count; i++) {
        if (pipeline->tables[i].is_pattern)
            return true;
    }
    return false;
}

/* The tables that an entry means: of a pattern, those that the source shows. One that means none means none yet. */
static RC take_entry(struct report *self, const struct pipeline_config *pipeline, int entry, const char **existing,
                     int existing_count, const struct table_config **ret, int *ret_count, struct error *err)
{
    const char *name = pipeline->tables[entry].name;
    *ret_count = 0;
    enum rc rc = tables_resolve(self->cli->config, pipeline, &name, 1, existing, existing_count, ret, ret_count, err);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static RC list_source(struct report *self, const struct pipeline_config *pipeline, const char ***ret, int *ret_count,
                      struct error *err)
{
    AUTO(source) *source = NULL;
    *ret_count = 0;
    if (!has_patterns(pipeline))
        return RC_OK;
    TRY(config_open_source(self->cli->config, pipeline->source, self->cli->clock, random_real(), &source, err));
    return source_tables(source, &self->arena, ret, ret_count, err);
}

/* ---- roles ---- */

static bool is_named(const struct source_use *use, const char *name)
{
    for (int i = 0; i < use->table_count; i++) {
        if (strcmp(use->tables[i], name) == 0)
            return true;
    }
    return false;
}

static void use_source(struct source_use *use, const char **names, const struct table_config *tables, int count)
{
    for (int i = 0; i < count; i++) {
        use->needs_open |= tables[i].increment != INCREMENT_FULL_SYNC && !tables[i].lag_is_given;
        if (tables[i].sql == NULL && !is_named(use, tables[i].name))
            names[use->table_count++] = tables[i].name;
    }
}

static RC look_at_source(struct report *self, const struct role *role, struct grant_list *ret, struct error *err)
{
    AUTO(source) *source = NULL;
    const char **names = arena_take(&self->arena, sizeof(*names) * TABLES_MAX);
    struct source_use use = {.tables = names};
    TRY(config_open_source(self->cli->config, role->connection->name, self->cli->clock, random_real(), &source, err));
    for (int i = 0; i < self->pipeline_count; i++) {
        const struct pipeline_config *pipeline = self->pipelines[i];
        const char **existing = NULL;
        int existing_count, count;
        if (!uses(pipeline, role))
            continue;
        use.has_patterns |= has_patterns(pipeline);
        TRY(list_source(self, pipeline, &existing, &existing_count, err));
        for (int k = 0; k < pipeline->table_count; k++) {
            const struct table_config *tables = NULL;
            TRY(take_entry(self, pipeline, k, existing, existing_count, &tables, &count, err));
            if (use.table_count + count <= TABLES_MAX)
                use_source(&use, names, tables, count);
        }
    }
    return source_grants(source, &use, ret, err);
}

static RC look_at_target(struct report *self, const struct role *role, struct grant_list *ret, struct error *err)
{
    AUTO(target) *target = NULL;
    struct target_use *used = arena_take(&self->arena, sizeof(*used) * TABLES_MAX);
    int used_count = 0;
    TRY(config_open_target(self->cli->config, role->connection->name, self->cli->clock, random_real(), &target, err));
    for (int i = 0; i < self->pipeline_count; i++) {
        const struct pipeline_config *pipeline = self->pipelines[i];
        const char **existing = NULL;
        int existing_count, count;
        if (!uses(pipeline, role))
            continue;
        TRY(list_source(self, pipeline, &existing, &existing_count, err));
        for (int k = 0; k < pipeline->table_count; k++) {
            const struct table_config *tables = NULL;
            TRY(take_entry(self, pipeline, k, existing, existing_count, &tables, &count, err));
            for (int t = 0; t < count && used_count < TABLES_MAX; t++)
                used[used_count++] = (struct target_use){.table = tables[t].target,
                                                         .mode = tables[t].mode,
                                                         .is_audited = tables[t].audit != AUDIT_NONE,
                                                         .swaps = tables[t].mode == MODE_REPLACE &&
                                                                  tables[t].replace_by == REPLACE_BY_SWAP,
                                                         .deletes = tables[t].delete_detection != DELETES_UNSEEN,
                                                         .notes = tables[t].soft_delete};
        }
    }
    return target_grants(target, used, used_count, ret, err);
}

static RC look_at_store(struct report *self, const struct role *role, struct grant_list *ret, struct error *err)
{
    enum { PER_PIPELINE = 4 };
    AUTO(store) *store = NULL;
    struct arena *arena = &self->arena;
    const char **prefixes = arena_take(arena, sizeof(*prefixes) * (size_t)(PER_PIPELINE * self->pipeline_count + 1));
    struct store_use use = {.prefixes = prefixes, .trial = store_probe_key(self->cli->clock, random_real(), arena)};
    prefixes[use.prefix_count++] = STORE_PROBE_FOLDER;
    for (int i = 0; i < self->pipeline_count; i++) {
        const struct pipeline_config *pipeline = self->pipelines[i];
        if (!uses(pipeline, role))
            continue;
        prefixes[use.prefix_count++] = key_scope_prefix(arena, pipeline->name);
        prefixes[use.prefix_count++] = key_histories_prefix(arena, pipeline->name);
        prefixes[use.prefix_count++] = key_markers_prefix(arena, pipeline->name, NULL, NULL);
        prefixes[use.prefix_count++] = key_pipeline_prefix(arena, pipeline->stage_prefix, pipeline->name);
    }
    if (use.prefix_count == 1)
        prefixes[0] = ""; /* nobody says what is read and written there */
    TRY(config_open_store(self->cli->config, role->connection->name, self->cli->clock, random_real(), &store, err));
    return store_grants(store, &use, ret, err);
}

/* ---- what is said ---- */

static void add_statement(struct report *self, const struct role *role, const char *text, bool is_first, json_t *list)
{
    if (is_first)
        buf_addf(&self->statements, "\nto be given by an administrator of %s:\n", role->connection->name);
    buf_addf(&self->statements, "%s\n", text);
    json_array_append_new(list, json_string(text));
}

static bool was_said(const json_t *statements, const char *text)
{
    for (size_t i = 0; i < json_array_size(statements); i++) {
        if (strcmp(json_string_value(json_array_get(statements, i)), text) == 0)
            return true;
    }
    return false;
}

static json_t *statements_of(struct report *self, const struct role *role, const struct grant_list *list)
{
    json_t *statements = json_array();
    for (int i = 0; i < list->count; i++) {
        const struct grant *grant = &list->items[i];
        if (grant->state != GRANT_THERE && grant->statement != NULL && !was_said(statements, grant->statement))
            add_statement(self, role, grant->statement, json_array_size(statements) == 0, statements);
    }
    return statements;
}

static void add_grant(struct report *self, const struct role *role, const struct grant *grant, json_t *list)
{
    const char *state = grant_state_name(grant->state);
    bool is_spare = grant->is_optional && grant->state == GRANT_MISSING;
    text_table_add(&self->table, role->connection->name);
    text_table_add(&self->table, role->as);
    text_table_addf(&self->table, "%s%s", state, is_spare ? ", not needed" : "");
    text_table_add(&self->table, grant->right);
    text_table_add(&self->table, grant->what);
    json_t *row = json_object();
    json_put_text(row, "right", grant->right);
    json_put_text(row, "for", grant->what);
    json_put_text(row, "state", state);
    json_put(row, "needed", json_boolean(!grant->is_optional));
    json_array_append_new(list, row);
}

static void report_role(struct report *self, const struct role *role)
{
    struct grant_list list = {.arena = &self->arena};
    struct error err = {0};
    enum rc rc = role->look(self, role, &list, &err);
    json_t *row = json_object(), *grants = json_array();
    for (int i = 0; i < list.count; i++)
        add_grant(self, role, &list.items[i], grants);
    json_put_text(row, "connection", role->connection->name);
    json_put_text(row, "type", role->connection->type);
    json_put_text(row, "as", role->as);
    json_put(row, "grants", grants);
    json_put(row, "statements", statements_of(self, role, &list));
    if (rc != RC_OK) {
        AUTO_JSON *failure = error_to_json(&err);
        json_put(row, "error", json_incref(json_object_get(failure, "error")));
        print_error_message(self->cli, &err);
    }
    json_array_append_new(self->rows, row);
    outcome_add(&self->outcome, rc);
    self->lacks |= grants_lack(&list);
}

/* ---- which, and as what ---- */

static bool is_used(const struct report *self, const struct role *role)
{
    for (int i = 0; i < self->pipeline_count; i++) {
        if (uses(self->pipelines[i], role))
            return true;
    }
    return false;
}

/* What no pipeline uses is looked at where it was named, as what it can be. */
static void report_connection(struct report *self, const struct connection_config *connection, bool is_named)
{
    const struct database_type *database = database_type_find(connection->type);
    const struct role roles[] = {{connection, "source", look_at_source, source_of},
                                 {connection, "target", look_at_target, target_of},
                                 {connection, "store", look_at_store, store_of}};
    const bool can_be[] = {database != NULL && database->open_source != NULL,
                           database != NULL && database->open_target != NULL,
                           store_type_find(connection->type) != NULL};
    bool was_used = false;
    for (int i = 0; i < 3; i++) {
        if (can_be[i] && is_used(self, &roles[i])) {
            report_role(self, &roles[i]);
            was_used = true;
        }
    }
    for (int i = 0; i < 3 && is_named && !was_used; i++) {
        if (can_be[i]) {
            report_role(self, &roles[i]);
            was_used = true;
        }
    }
}

static RC pick_pipelines(struct report *self, const char *name, struct error *err)
{
    struct cli *cli = self->cli;
    int count = name != NULL ? 1 : cli->config->pipeline_count;
    self->pipelines = arena_take(&self->arena, sizeof(*self->pipelines) * (size_t)(count + 1));
    for (int i = 0; i < count; i++) {
        const char *wanted = name != NULL ? name : cli->config->pipelines[i].name;
        TRY(cli_pick(cli, wanted, &self->pipelines[self->pipeline_count++], err));
    }
    return RC_OK;
}

static void print_report(struct report *self)
{
    struct cli *cli = self->cli;
    if (!cli_is_json(cli)) {
        text_table_print(&self->table, cli->out);
        if (self->statements.len > 0)
            fputs(self->statements.at, cli->out);
        return;
    }
    AUTO_JSON *document = json_object();
    json_put(document, "connections", json_incref(self->rows));
    print_json(cli, document);
}

static RC report(struct report *self, const char *pipeline, const char *word, struct error *err)
{
    static const char *const heads[] = {"connection", "as", "state", "right", "for"};
    struct cli *cli = self->cli;
    const char *name;
    TRY(check_pick(cli, word, &name, err));
    TRY(pick_pipelines(self, pipeline, err));
    for (int i = 0; i < self->table.columns; i++)
        text_table_add(&self->table, heads[i]);
    for (int i = 0; i < cli->config->connection_count; i++) {
        const struct connection_config *connection = &cli->config->connections[i];
        if (name == NULL || text_eq(connection->name, name))
            report_connection(self, connection, name != NULL);
    }
    print_report(self);
    int status = outcome_status(&self->outcome);
    cli->status = self->lacks && status < 128 ? rc_exit_status(RC_DENIED) : status;
    return RC_OK;
}

RC grants_report(struct cli *cli, const char *pipeline, const char *word, struct error *err)
{
    struct report self = {.cli = cli, .table = {.columns = 5}, .rows = json_array()};
    enum rc rc = report(&self, pipeline, word, err);
    text_table_release(&self.table);
    buf_release(&self.statements);
    json_decref(self.rows);
    arena_release(&self.arena);
    return rc;
}

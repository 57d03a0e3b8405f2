#include "base/log.h"
#include "cli/outcome.h"
#include "cli/session.h"
#include "cli/show.h"
#include "move/look.h"

struct status_flags {
    const char *pipeline;
    struct text_list tables;
};

static const struct option status_table[] = {
    OPTION("pipeline", STRING, status_flags, pipeline, .letter = 'p', .argument = "NAME",
           .help = "pipeline; all of them without"),
    OPTION("table", LIST, status_flags, tables, .letter = 't', .argument = "NAME",
           .help = "table; without, those that are listed and those that were moved"),
};

/* All pipelines' rows, in one table or one document. */
struct status {
    struct cli *cli;
    struct text_table table;
    json_t *rows;
    struct outcome outcome;
};

static void add_row(struct status *self, const struct route *r, const struct standing *s)
{
    struct text_table *table = &self->table;
    char lag[HUMAN_TEXT];
    human_time(s->lag_us / 1000000, lag);
    text_table_add(table, r->run->pipeline->name);
    text_table_add(table, r->config->name);
    text_table_add_position(table, &s->marks->extracted.pos);
    text_table_add(table, s->lag_us >= 0 ? lag : NULL);
    text_table_addf(table, "%lld", (long long)s->waiting);
    text_table_add_lease(table, &s->lease);
    text_table_add(table, s->last_result);
    text_table_add(table, s->next);
}

static void add_row_json(struct status *self, const struct route *r, const struct standing *s)
{
    json_t *row = json_object();
    json_put_text(row, "pipeline", r->run->pipeline->name);
    json_put_text(row, "table", r->config->name);
    json_put(row, "mark", position_to_json(&s->marks->extracted.pos));
    json_put(row, "lag_seconds", s->lag_us >= 0 ? json_integer(s->lag_us / 1000000) : json_null());
    json_put_int(row, "waiting", s->waiting);
    json_put(row, "lease", lease_to_json(&s->lease));
    json_put_text(row, "last_result", s->last_result);
    json_put_text(row, "next", s->next);
    json_array_append_new(self->rows, row);
}

/* A table that cannot be looked at has a row too. */
static void add_failure(struct status *self, const struct route *r, struct error *err)
{
    static const char *const empty[] = {NULL, NULL, NULL, NULL};
    fail_in(err, "%s/%s", r->run->pipeline->name, r->config->name);
    text_table_add(&self->table, r->run->pipeline->name);
    text_table_add(&self->table, r->config->name);
    for (int i = 0; i < 4; i++)
        text_table_add(&self->table, empty[i]);
    text_table_add(&self->table, "unreadable");
    text_table_add(&self->table, NULL);
    json_t *row = error_to_json(err);
    json_put_text(row, "pipeline", r->run->pipeline->name);
    json_put_text(row, "table", r->config->name);
    json_array_append_new(self->rows, row);
    print_error_message(self->cli, err);
}

static void look_at(struct status *self, struct route *r)
{
    struct standing standing;
    struct error err;
    log_context(NULL, r->run->pipeline->name, r->config->name);
    enum rc rc = look_standing(r, &standing, &err);
    outcome_add(&self->outcome, rc);
    if (rc != RC_OK) {
        add_failure(self, r, &err);
        return;
    }
    add_row(self, r, &standing);
    add_row_json(self, r, &standing);
}

static RC look_at_pipeline(struct status *self, const char *pipeline, struct error *err)
{
    const struct status_flags *flags = self->cli->flags;
    AUTO_RELEASE(session) session = {.cli = self->cli};
    const struct session_wants wants = {.pipeline = pipeline, .tables = flags->tables, .known = true};
    const struct run_options options = {0};
    TRY(session_open(&session, &wants, err));
    session_begin(&session, &options, NULL);
    for (int i = 0; i < session.run->route_count; i++)
        look_at(self, &session.run->routes[i]);
    return RC_OK;
}

/* Of several pipelines one may be unusable, and the others still be told of. */
static RC look_at_all(struct status *self, struct error *err)
{
    const struct status_flags *flags = self->cli->flags;
    TRY(cli_load(self->cli, err));
    const struct config *config = self->cli->config;
    if (flags->pipeline != NULL || config->pipeline_count <= 1)
        return look_at_pipeline(self, flags->pipeline, err);
    for (int i = 0; i < config->pipeline_count; i++) {
        if (look_at_pipeline(self, config->pipelines[i].name, err) == RC_OK)
            continue;
        outcome_add(&self->outcome, err->rc);
        fail_in(err, "pipeline '%s'", config->pipelines[i].name);
        print_error_message(self->cli, err);
    }
    return RC_OK;
}

static void print_status(struct status *self)
{
    if (!cli_is_json(self->cli)) {
        text_table_print(&self->table, self->cli->out);
        return;
    }
    AUTO_JSON *document = json_object();
    json_put(document, "tables", json_incref(self->rows));
    print_json(self->cli, document);
}

static RC run_status_verb(struct cli *cli, struct error *err)
{
    static const char *const heads[] = {"pipeline", "table", "mark",        "lag",
                                        "waiting",  "lease", "last result", "next command"};
    struct status status = {.cli = cli, .table = {.columns = 8, .right = 1 << 3 | 1 << 4}, .rows = json_array()};
    for (int i = 0; i < status.table.columns; i++)
        text_table_add(&status.table, heads[i]);
    enum rc rc = look_at_all(&status, err);
    log_context(NULL, NULL, NULL);
    if (rc == RC_OK) {
        print_status(&status);
        cli->status = outcome_status(&status.outcome);
    }
    text_table_release(&status.table);
    json_decref(status.rows);
    return rc;
}

const struct command cmd_status = {
    .path = "status",
    .group = GROUP_LOOK,
    .summary = "Says where each table stands: mark, lag, what waits, who works on it",
    .flags = &OPTION_TABLE(status_table),
    .flags_bytes = sizeof(struct status_flags),
    .about = "mark: every row before it has been extracted. lag: how old the mark is now. waiting: waybills that are "
             "staged and\n"
             "not loaded. Only the stage's store is read.\n",
    .examples = "  waybill status\n"
                "  waybill status -p shop -t orders --output json\n",
    .run = run_status_verb,
};

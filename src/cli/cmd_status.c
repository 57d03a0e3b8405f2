#include "cli/each_table.h"
#include "cli/route_flags.h"
#include "cli/show.h"
#include "move/look.h"

struct status_flags {
    struct route_flags route;
    const char *pipeline;
    struct text_list tables;
};

static const struct option status_table[] = {
    OPTION("pipeline", STRING, status_flags, pipeline, .letter = 'p', .argument = "NAME",
           .help = "pipeline; all of them without"),
    OPTION("table", LIST, status_flags, tables, .letter = 't', .argument = "NAME",
           .help = "table; without, those that are listed and those that were moved"),
    ROUTE_FLAGS(status_flags),
};

static void add_row(struct each_table *self, const struct route *r, const struct standing *s)
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

static void add_row_json(struct each_table *self, const struct route *r, const struct standing *s)
{
    const struct error none = {0};
    json_t *row = each_table_object(self, r, &none);
    json_put(row, "mark", position_to_json(&s->marks->extracted.pos));
    json_put(row, "lag_seconds", s->lag_us >= 0 ? json_integer(s->lag_us / 1000000) : json_null());
    json_put_int(row, "waiting", s->waiting);
    json_put(row, "lease", lease_to_json(&s->lease));
    json_put_text(row, "last_result", s->last_result);
    json_put_text(row, "next", s->next);
}

/* A table that cannot be looked at has a row too. */
static void add_failure(struct each_table *self, const struct route *r, struct error *err)
{
    static const char *const empty[] = {NULL, NULL, NULL, NULL};
    fail_in(err, "%s/%s", r->run->pipeline->name, r->config->name);
    text_table_add(&self->table, r->run->pipeline->name);
    text_table_add(&self->table, r->config->name);
    for (int i = 0; i < 4; i++)
        text_table_add(&self->table, empty[i]);
    text_table_add(&self->table, "unreadable");
    text_table_add(&self->table, NULL);
    each_table_object(self, r, err);
    print_error_message(self->cli, err);
}

/* What stands on the command line alone goes on as it began; how its rows are chosen is not known here. */
static const char *next_command(const struct each_table *self, const struct route *r, const struct standing *s)
{
    const struct status_flags *flags = self->cli->flags;
    if (!route_is_given(&flags->route))
        return s->next;
    return text_eq(s->last_result, "running") ? NULL : route_command(&flags->route, r->config->name, &self->cli->arena);
}

static void look_at(struct each_table *self, struct route *r)
{
    struct standing standing;
    struct error err;
    enum rc rc = look_standing(r, &standing, &err);
    outcome_add(&self->outcome, rc);
    if (rc != RC_OK) {
        add_failure(self, r, &err);
        return;
    }
    standing.next = next_command(self, r, &standing);
    add_row(self, r, &standing);
    add_row_json(self, r, &standing);
}

static RC look_at_pipeline(struct each_table *self, const char *pipeline, struct error *err)
{
    const struct status_flags *flags = self->cli->flags;
    const struct session_wants wants = {.pipeline = pipeline, .tables = flags->tables, .known = true};
    return each_table_look(self, &wants, look_at, err);
}

/* Of several pipelines one may be unusable, and the others still be told of. */
static RC look_at_all(struct each_table *self, struct error *err)
{
    struct status_flags *flags = self->cli->flags;
    TRY(route_flags_add(self->cli, &flags->route, &flags->tables, NULL, &flags->pipeline, err));
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

static RC run_status_verb(struct cli *cli, struct error *err)
{
    static const char *const heads[] = {"pipeline", "table", "mark",        "lag",
                                        "waiting",  "lease", "last result", "next command"};
    struct each_table status;
    each_table_begin(&status, cli, heads, 8, 1 << 3 | 1 << 4);
    return each_table_end(&status, look_at_all(&status, err));
}

const struct command cmd_status = {
    .path = "status",
    .group = GROUP_LOOK,
    .summary = "Says where each table stands: mark, lag, what waits, who works on it",
    .flags = &OPTION_TABLE(status_table),
    .flags_bytes = sizeof(struct status_flags),
    .about = "mark: every row before it has been extracted. lag: how old the mark is now. waiting: waybills that are "
             "staged and\n"
             "not loaded. Only the stage's store is read.\n" ROUTE_ABOUT,
    .examples =
        "  waybill status\n"
        "  waybill status -p shop -t orders --output json\n"
        "  waybill status -s mysql://etl@db/shop -r postgresql://etl@dw/warehouse --stage s3://acme-lake/shop\n",
    .run = run_status_verb,
};

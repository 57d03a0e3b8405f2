#include "cli/session.h"

#include <pwd.h>
#include <unistd.h>

#include "cli/marker_store.h"
#include "cli/stop.h"
#include "move/look.h"

/* ---- opening ---- */

/* One more session of the target's, which knows where staged files lie. */
static RC open_target(struct session *self, struct target **ret, struct error *err)
{
    AUTO(target) *target = NULL;
    TRY(config_open_target(self->cli->config, self->pipeline->target, self->cli->clock, random_real(), &target, err));
    TRY(target_use_stage(target, self->store, err));
    *ret = TAKE(target);
    return RC_OK;
}

static RC open_connections(struct session *self, const struct session_wants *wants, struct error *err)
{
    struct config *config = self->cli->config;
    const struct pipeline_config *pipeline = self->pipeline;
    struct clock *clock = self->cli->clock;
    struct random *random = random_real();
    config->memory_bytes = pipeline->max_memory_bytes;
    if (wants->markers != NULL) /* first: a failure of the others is announced there */
        TRY(marker_store_open(self->cli, wants->markers, pipeline, &self->markers, err));
    TRY(config_open_store(config, pipeline->stage_store, clock, random, &self->store, err));
    if (wants->source)
        TRY(config_open_source(config, pipeline->source, clock, random, &self->source, err));
    return wants->target && pipeline->target != NULL ? open_target(self, &self->target, err) : RC_OK;
}

static RC resolve_tables(struct session *self, const struct text_list *wanted, struct error *err)
{
    const char **existing = NULL;
    int count = 0;
    if (tables_need_listing(self->pipeline, wanted->items, wanted->count)) {
        if (self->source != NULL)
            TRY(source_tables(self->source, &self->arena, &existing, &count, err));
        else
            TRY(look_scopes(self->store, self->pipeline->name, &self->arena, &existing, &count, err));
    }
    return tables_resolve(self->cli->config, self->pipeline, wanted->items, wanted->count, existing, count,
                          &self->tables, &self->table_count, err);
}

/* Names that are listed, then those of scope documents; patterns among the listed ones are answered by the latter. */
static RC known_names(struct session *self, struct text_list *ret, struct error *err)
{
    const struct pipeline_config *pipeline = self->pipeline;
    const char **scopes;
    int scope_count;
    TRY(look_scopes(self->store, pipeline->name, &self->arena, &scopes, &scope_count, err));
    ret->items = arena_take(&self->arena, sizeof(*ret->items) * (size_t)(pipeline->table_count + scope_count + 1));
    for (int i = 0; i < pipeline->table_count; i++) {
        if (!pipeline->tables[i].is_pattern)
            ret->items[ret->count++] = pipeline->tables[i].name;
    }
    for (int i = 0; i < scope_count; i++)
        ret->items[ret->count++] = scopes[i];
    return RC_OK;
}

static RC resolve_known(struct session *self, struct error *err)
{
    static const struct table_config none[1];
    struct text_list names = {0};
    TRY(known_names(self, &names, err));
    self->tables = none;
    return names.count > 0 ? resolve_tables(self, &names, err) : RC_OK;
}

RC session_open(struct session *self, const struct session_wants *wants, struct error *err)
{
    TRY(cli_pick(self->cli, wants->pipeline, &self->pipeline, err));
    TRY(open_connections(self, wants, err));
    return wants->known && wants->tables.count == 0 ? resolve_known(self, err)
                                                    : resolve_tables(self, &wants->tables, err);
}

/* ---- the run ---- */

static RC open_ends(void *context, struct ends *ret, struct error *err)
{
    struct session *self = context;
    struct config *config = self->cli->config;
    struct clock *clock = self->cli->clock;
    AUTO(source) *source = NULL;
    AUTO(target) *target = NULL;
    if (self->source != NULL)
        TRY(config_open_source(config, self->pipeline->source, clock, random_real(), &source, err));
    if (self->target != NULL && !self->target->is_exclusive)
        TRY(open_target(self, &target, err));
    ret->source = TAKE(source);
    ret->target = TAKE(target);
    return RC_OK;
}

void session_watch(struct session *self, int64_t lease_ms)
{
    struct cli *cli = self->cli;
    self->progress = progress_view_new(cli->global.progress, cli->clock, NULL);
    cli_log_through(cli, self->progress);
    self->heartbeat = heartbeat_start(lease_ms / 6);
}

void session_unwatch(struct session *self)
{
    heartbeat_free(TAKE(self->heartbeat)); /* it beats the run's scopes */
    if (self->progress != NULL)
        cli_log_through(self->cli, NULL);
    progress_view_free(TAKE(self->progress));
}

void session_begin(struct session *self, const struct run_options *options, const struct table_config *only)
{
    const struct run_world world = {
        .ends = {self->source, self->target},
        .open_ends = open_ends,
        .store = self->store,
        .markers = self->markers,
        .clock = self->cli->clock,
        .random = random_real(),
        .host = host_real(),
        .progress = self->progress != NULL ? progress_of(self->progress) : NULL,
        .heartbeat = self->heartbeat,
        .threads = true,
        .stopped = stop_asked,
        .context = self,
    };
    run_free(TAKE(self->run));
    self->run = run_new(&world, options, self->pipeline, only != NULL ? only : self->tables,
                        only != NULL ? 1 : self->table_count);
}

void session_release(struct session *self)
{
    session_unwatch(self);
    run_free(TAKE(self->run));
    source_free(TAKE(self->source));
    target_free(TAKE(self->target));
    store_free(TAKE(self->store));
    store_free(TAKE(self->markers));
    arena_release(&self->arena);
}

const char *session_author(struct arena *arena)
{
    const struct passwd *user = getpwuid(geteuid());
    if (user != NULL)
        return arena_print(arena, "%s@%s", user->pw_name, host_real()->name);
    return arena_print(arena, "%u@%s", (unsigned)geteuid(), host_real()->name);
}

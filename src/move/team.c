#include "move/team.h"

#include <stdlib.h>

#include "base/log.h"
#include "move/lane.h"
#include "move/schedule.h"
#include "move/spine.h"

/* ---- who there is ---- */

static void team_init(struct team *self, struct run *run, struct ends ends, bool owns_ends)
{
    *self = (struct team){.run = run, .ends = ends, .owns_ends = owns_ends};
}

static void team_release(struct team *self)
{
    worker_free(self->worker);
    for (int i = 0; i < LANES_MAX; i++)
        lane_free(self->lanes[i]);
    if (!self->owns_ends)
        return;
    source_free(self->ends.source);
    if (self->ends.target != self->run->world.ends.target)
        target_free(self->ends.target);
}

void teams_init(struct run *run)
{
    run->teams = xcalloc(PARALLEL_MAX, sizeof(*run->teams));
    team_init(&run->teams[0], run, run->world.ends, false);
    run->team_count = 1;
}

void teams_release(struct run *run)
{
    for (int i = 0; i < run->team_count; i++)
        team_release(&run->teams[i]);
    free(run->teams);
}

void team_take(struct team *team, struct route *r)
{
    r->source = team->ends.source;
    r->target = team->ends.target;
    r->lanes = team->lanes;
}

/* ---- how many ---- */

static int teams_wanted(const struct run *run)
{
    const struct pipeline_config *pipeline = run->pipeline;
    if (pipeline->strategy != STRATEGY_INTER_TABLE || run->world.open_ends == NULL)
        return 1;
    const int64_t limits[] = {pipeline->parallel, run->route_count, pipeline->max_memory_bytes / TEAM_MEMORY_BYTES_MIN};
    int64_t wanted = PARALLEL_MAX;
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
        wanted = limits[i] < wanted ? limits[i] : wanted;
    if (wanted < pipeline->parallel && wanted < run->route_count)
        log_warn("parallel.limited", KV("tables_at_once", wanted), KV("by", "max_memory"),
                 KV("bytes_each", (int64_t)TEAM_MEMORY_BYTES_MIN));
    return wanted > 1 ? (int)wanted : 1;
}

void teams_gather(struct run *run)
{
    struct run_world *world = &run->world;
    int wanted = teams_wanted(run);
    while (run->team_count < wanted) {
        struct ends ends = {0};
        struct error err;
        if (world->open_ends(world->context, &ends, &err) != RC_OK) {
            log_warn("parallel.limited", KV("tables_at_once", run->team_count), KV("by", err.text));
            return;
        }
        if (ends.target == NULL)
            ends.target = world->ends.target;
        team_init(&run->teams[run->team_count++], run, ends, true);
    }
}

/* ---- moving ---- */

static void team_move_table(struct team *self, struct route *r)
{
    struct run *run = self->run;
    struct clock *clock = run->world.clock;
    log_context(run->run_id, run->pipeline->name, r->config->name);
    team_take(self, r);
    r->result.started_us = clock->now_us(clock);
    enum rc rc = spine_move(r, &r->result.error);
    r->result.ended_us = clock->now_us(clock);
    route_went(r, rc);
    route_progress(r, "announce", false); /* of all tables together */
}

static RC team_work(void *context, void *job, struct error *err)
{
    struct team *self = job;
    for (struct route *r; (r = schedule_next(self->schedule)) != NULL;) {
        team_move_table(self, r);
        schedule_done(self->schedule, r);
    }
    log_context(NULL, NULL, NULL);
    return RC_OK;
}

void teams_move(struct run *run, struct schedule *schedule)
{
    struct error none; /* a table's failure is in its result */
    for (int i = run->team_count - 1; i >= 0; i--) {
        struct team *team = &run->teams[i];
        team->schedule = schedule;
        if (team->worker == NULL)
            team->worker = worker_new(run->world.threads && i > 0 ? 1 : 0, team_work, NULL);
        enum rc rc = worker_give(team->worker, team, &none);
        (void)rc;
    }
    for (int i = 0; i < run->team_count; i++) {
        enum rc rc = worker_finish(run->teams[i].worker, &none);
        (void)rc;
    }
}

#include "move/run.h"

#include "base/log.h"
#include "move/announce.h"
#include "move/audit.h"
#include "move/route.h"
#include "move/schedule.h"
#include "move/spine.h"
#include "move/team.h"

static void run_name(struct run *self)
{
    struct clock *clock = self->world.clock;
    char stamp[STAMP_TEXT], own[32];
    uint32_t chance;
    self->started_us = clock->now_us(clock);
    stamp_print(self->started_us, 0, stamp); /* 2025-09-12T14:30:22Z */
    snprintf(own, sizeof(own), "%.4s%.2s%.2s_%.2s%.2s%.2s", stamp, stamp + 5, stamp + 8, stamp + 11, stamp + 14,
             stamp + 17);
    self->world.random->fill(self->world.random, &chance, sizeof(chance));
    snprintf(self->execution_id, sizeof(self->execution_id), "sync_%s_%08x", own, chance);
    snprintf(self->stamp, sizeof(self->stamp), "%s",
             self->options.marker_stamp != NULL ? self->options.marker_stamp : own);
    uuid7(clock, self->world.random, self->run_id);
}

struct run *run_new(const struct run_world *world, const struct run_options *options,
                    const struct pipeline_config *pipeline, const struct table_config *tables, int table_count)
{
    struct run *self = xcalloc(1, sizeof(*self));
    pthread_mutex_init(&self->lock, NULL);
    pthread_mutex_init(&self->target_turn, NULL);
    self->world = *world;
    self->options = *options;
    self->pipeline = pipeline;
    run_name(self);
    teams_init(self);
    self->routes = xcalloc((size_t)table_count, sizeof(*self->routes));
    self->route_count = table_count;
    for (int i = 0; i < table_count; i++) {
        route_init(&self->routes[i], self, &tables[i]);
        team_take(&self->teams[0], &self->routes[i]);
    }
    return self;
}

void run_free(struct run *self)
{
    if (self == NULL)
        return;
    for (int i = 0; i < self->route_count; i++)
        route_release(&self->routes[i]);
    teams_release(self);
    pthread_mutex_destroy(&self->target_turn);
    pthread_mutex_destroy(&self->lock);
    free(self->routes);
    free(self);
}

struct settling run_settling(const struct run *run)
{
    return (struct settling){run->world.store, run->world.clock, run->world.random};
}

RC run_check_stopped(const struct run *run, struct error *err)
{
    if (run->world.stopped != NULL && run->world.stopped(run->world.context, err))
        return err->rc;
    return RC_OK;
}

/* Rows of several readers queue up behind one another; time in which nothing was read is not made up for. */
int64_t run_pace(struct run *run, int64_t rows)
{
    struct clock *clock = run->world.clock;
    int64_t per_second = run->options.max_rows_per_second, until_ms = 0;
    if (per_second == 0)
        per_second = run->pipeline->max_rows_per_second;
    if (per_second == 0)
        return 0;
    pthread_mutex_lock(&run->lock);
    int64_t now_ms = clock->mono_ms(clock);
    if (run->paced_until_ms < now_ms)
        run->paced_until_ms = now_ms;
    until_ms = run->paced_until_ms += rows * 1000 / per_second;
    pthread_mutex_unlock(&run->lock);
    return until_ms;
}

static void run_move(struct run *self)
{
    AUTO(schedule) *schedule = schedule_new(self);
    teams_gather(self);
    teams_move(self, schedule);
}

/* After the close: it never holds the mark. What it finds is the table's error, though all its rows are through. */
static void run_audit(struct route *r)
{
    struct table_result *result = &r->result;
    struct audit audit;
    if (r->config->audit == AUDIT_NONE || !route_loads(r) || !route_extracts(r))
        return;
    route_progress(r, "audit", false);
    if (audit_table(r, &audit, &result->error) != RC_OK) {
        result->audit = "error";
        return;
    }
    result->error = (struct error){0};
    result->audit = audit_judge(r, &audit, &result->error) == RC_OK ? "passed" : "failed";
    if (audit.aside > 0 && result->warning == NULL)
        result->warning = audit_aside_text(r, &audit);
}

static void run_close(struct run *self)
{
    for (int i = 0; i < self->route_count; i++) {
        struct route *r = &self->routes[i];
        log_context(self->run_id, self->pipeline->name, r->config->name);
        if (!r->result.through)
            continue;
        if (self->error.rc != RC_OK) {
            spine_fail(r); /* not closed: the next run announces it again */
            continue;
        }
        log_debug("arrow", KV("name", "close"), KV("at", "begin"));
        route_went(r, spine_close(r, &r->result.error));
        if (!r->result.through)
            continue;
        log_debug("arrow", KV("name", "close"), KV("at", "end"));
        run_audit(r);
    }
}

static bool run_was_audited(const struct run *self)
{
    for (int i = 0; i < self->route_count; i++) {
        if (self->routes[i].result.audit != NULL)
            return true;
    }
    return false;
}

RC run_execute(struct run *self, struct error *err)
{
    struct clock *clock = self->world.clock;
    run_move(self);
    self->ended_us = clock->now_us(clock);
    log_context(self->run_id, self->pipeline->name, NULL);
    log_debug("arrow", KV("name", "announce"), KV("at", "begin"));
    if (spine_announce(self, &self->error) == RC_OK)
        self->error = (struct error){0};
    log_context(self->run_id, self->pipeline->name, NULL); /* receipts are a table's matter */
    log_debug("arrow", KV("name", "announce"), KV("at", "end"));
    int before = run_exit_status(self);
    run_close(self);
    if (run_exit_status(self) != before || run_was_audited(self)) {
        struct error ignored; /* the JSON output must not stay green; the close's own failure is what is reported */
        if (announce_outputs(self, &ignored) != RC_OK)
            log_warn("outputs.not_corrected", KV("why", ignored.text));
    }
    log_context(self->run_id, self->pipeline->name, NULL);
    for (int i = 0; i < self->route_count; i++)
        route_progress(&self->routes[i], "done", true);
    log_context(NULL, NULL, NULL);
    if (self->error.rc != RC_OK)
        *err = self->error;
    for (int i = self->route_count - 1; i >= 0; i--) {
        if (self->routes[i].result.error.rc != RC_OK)
            *err = self->routes[i].result.error;
    }
    return run_exit_status(self) == 0 ? RC_OK : err->rc;
}

void run_refuse(struct run *self, const struct error *why)
{
    self->error = *why;
    self->ended_us = self->world.clock->now_us(self->world.clock);
    for (int i = 0; i < self->route_count; i++) {
        struct table_result *result = &self->routes[i].result;
        *result = (struct table_result){.error = *why, .started_us = self->started_us, .ended_us = self->ended_us};
    }
}

int run_exit_status(const struct run *self)
{
    int failed = 0, common = 0;
    for (int i = 0; i < self->route_count; i++) {
        const struct table_result *result = &self->routes[i].result;
        if (result->error.rc == RC_OK)
            continue;
        int status = rc_exit_status(result->error.rc);
        if (rc_is_stop(result->error.rc))
            return status;
        common = failed == 0 || common == status ? status : 1;
        failed++;
    }
    if (failed > 0)
        return failed < self->route_count ? 3 : common;
    return rc_exit_status(self->error.rc);
}

const char *run_status(const struct run *self)
{
    int status = run_exit_status(self);
    return status == 0 ? "success" : status == 3 ? "partial" : "failed";
}

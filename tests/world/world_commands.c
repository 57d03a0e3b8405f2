/* What people do to a table besides moving it; each command is a process of its own, and may be hit by faults. */
#include "world/world_intern.h"

static struct world_report command_end(struct world *self, struct run *run, struct world_report report)
{
    report.exit_status = rc_exit_status(report.rc);
    if (report.rc != RC_OK)
        buf_addf(&self->log, "%s\n%s\n", report.error.text, report.error.todo);
    world_close(self, run);
    return report;
}

struct world_report world_clean(struct world *self, bool hit)
{
    struct world_report report = {0};
    struct orphans orphans;
    world_clock_move_ms(&self->clock, 1000);
    struct run *run = world_open(self, hit);
    report.rc = orphans_clean(run, 0, false, &orphans, &report.error);
    if (report.rc == RC_OK && orphans.failed > 0)
        report.rc = fail(&report.error, RC_UNAVAILABLE, "%s", orphans.failure);
    return command_end(self, run, report);
}

struct world_report world_clean_parts(struct world *self, bool hit)
{
    struct world_report report = {0};
    const struct parts_wanted wanted = {.sealed = self->no_target};
    struct cleaned cleaned;
    world_clock_move_ms(&self->clock, 1000);
    struct run *run = world_open(self, hit);
    report.rc = parts_clean(run, &wanted, false, &cleaned, &report.error);
    if (report.rc == RC_OK && cleaned.failed > 0)
        report.rc = fail(&report.error, RC_UNAVAILABLE, "%s", cleaned.failure);
    report.results[0].files_created = cleaned.count;
    return command_end(self, run, report);
}

struct world_report world_reset(struct world *self, bool hit)
{
    static const struct watermark_change change = {.name = "reset", .reason = "read it again", .author = "a person"};
    struct world_report report = {0};
    struct run *run = world_open(self, hit);
    report.rc = watermark_reset(run, &change, &report.error);
    return command_end(self, run, report);
}

struct world_report world_restore(struct world *self, bool hit)
{
    static const struct watermark_change change = {
        .from_target = true, .reason = "the mark was lost", .author = "a person"};
    struct world_report report = {0};
    struct run *run = world_open(self, hit);
    report.rc = watermark_restore(run, &change, &report.error);
    return command_end(self, run, report);
}

void world_break_leases(struct world *self)
{
    AUTO(store) *store = world_store(self);
    struct scope_world world = {.store = store,
                                .clock = &self->clock.clock,
                                .random = &self->random.random,
                                .host = &self->hosts.host[0],
                                .run_id = "operator",
                                .ttl_ms = WORLD_TTL_MS};
    for (int i = 0; i < self->table_count; i++) {
        struct error err;
        AUTO(scope) *scope = scope_new(&world, "shop", self->tables[i].name);
        bool broken =
            scope_read(scope, &err) == RC_OK && (!scope_lease(scope).held || scope_break(scope, &err) == RC_OK);
        if (!broken)
            buf_addf(&self->log, "lease break: %s\n", err.text);
    }
}

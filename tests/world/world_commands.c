/* What people do to a table besides moving it; each command is a process of its own, and may be hit by faults. */
#include <assert.h>

#include "world/mem_database.h"
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

static bool has_key(const struct mem_table *table, const struct mem_row *row, const char *key)
{
    AUTO_RELEASE(buf) text = {0};
    int column = table->key[table->key_count - 1];
    struct value value = mem_row_value(row, column);
    value_print(&value, &table->fields[column], &text);
    return strcmp(text.at, key) == 0;
}

void world_spoil(struct world *self, enum world_table table, const char *key, const char *column, const char *now)
{
    struct mem_database *database = self->database;
    struct mem_table *copy = mem_copy_table(database, mem_find_table(&database->state, world_table_name(table)));
    int at = mem_find_column(copy, column), spoilt = 0;
    assert(at >= 0);
    for (int64_t i = 0; i < copy->rows.count; i++) {
        const struct mem_row *was = copy->rows.at[i];
        if (!has_key(copy, was, key))
            continue;
        size_t bytes = sizeof(*was) + (size_t)was->count * sizeof(*was->values);
        struct mem_row *row = memcpy(arena_take(&database->arena, bytes), was, bytes);
        row->values[at] = value_parse(&copy->fields[at], str(now), &database->arena);
        copy->rows.at[i] = row;
        spoilt++;
    }
    assert(spoilt == 1);
    mem_put_table(&database->state, copy);
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

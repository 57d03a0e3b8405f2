#include "sweep/scenarios.h"

#include <assert.h>

static void run_clean(struct world *w)
{
    struct world_report report = world_run(w, false);
    if (report.rc != RC_OK)
        fprintf(stderr, "a run without faults failed: %s\n", report.error.text);
    assert(report.rc == RC_OK);
}

static void nothing_moved_yet(struct world *w) { world_fill(w); }

/* New rows, changed rows, a tie that a chunk must cut, and a column that the source did not have. */
static void moved_once(struct world *w)
{
    world_fill(w);
    run_clean(w);
    world_add_column(w, ORDERS);
    world_change(w);
}

static void stage(struct world *w)
{
    w->options = (struct run_options){.backup_only = true};
    run_clean(w);
    w->options = (struct run_options){0};
}

/* Waybills wait for their load. */
static void staged_twice(struct world *w)
{
    world_fill(w);
    stage(w);
    world_change(w);
    stage(w);
}

/* A process dies at a call of an arrow. */
static void die_in(struct world *w, const char *arrow, int call)
{
    w->options = (struct run_options){.backup_only = true};
    w->plan = (struct fault_plan){.fault = FAULT_CRASH_AFTER};
    w->hit_arrow = arrow;
    w->hit_call = call;
    world_run(w, true);
    assert(w->plan.crashed);
    w->hit_arrow = NULL;
    w->options = (struct run_options){0};
}

/* Two waybills wait, and a process died while it extracted the next one. */
static void died_in_extract(struct world *w)
{
    world_fill(w);
    run_clean(w);
    world_change(w);
    stage(w);
    world_change(w);
    stage(w);
    world_add_column(w, ORDERS);
    world_change(w);
    die_in(w, "extract", 8);
}

/* A process died between the seal's PUT and the mark: its waybill is sealed, and S does not name it. */
static void died_in_seal(struct world *w)
{
    world_fill(w);
    run_clean(w);
    world_change(w);
    die_in(w, "seal", 2);
    assert(strcmp(w->plan.operation, "put") == 0);
}

#define SCENARIOS(name, variant)                                                                                       \
    {name "/first", variant, nothing_moved_yet, {0}, false, {0}},                                                      \
        {name "/incremental", variant, moved_once, {0}, false, {0}},                                                   \
        {name "/recovery", variant, died_in_extract, {0}, false, {0}},                                                 \
        {name "/sealed", variant, died_in_seal, {0}, false, {0}},                                                      \
        {name "/backup-only", variant, moved_once, {.backup_only = true}, false, {.waiting = true}},                   \
        {name "/load-only", variant, staged_twice, {.redshift_only = true}, false, {0}},                               \
        {name "/refresh", variant, moved_once, {.full_refresh = true}, false, {0}},                                    \
    {                                                                                                                  \
        name "/no-target", variant, moved_once, {0}, true, { .waiting = true }                                         \
    }

const struct scenario scenarios[] = {SCENARIOS("append", WORLD_APPEND), SCENARIOS("merge", WORLD_MERGE)};
const int scenario_count = sizeof(scenarios) / sizeof(*scenarios);

/* What the numbered cases of sync share: a world in memory, and short words for what happens in it. */
#pragma once

#include <inttypes.h>

#include "move/arrows.h"
#include "move/look.h"
#include "test.h"
#include "world/world.h"

/* A clean run of the next options; asserts its outcome. */
static inline struct world_report run_expecting(struct world *w, enum rc expected)
{
    struct world_report report = world_run(w, false);
    if (report.rc != expected)
        print_error("rc %s: %s (%s)\n", rc_name(report.rc), report.error.text, report.error.todo);
    assert_int_equal(report.rc, expected);
    return report;
}

static inline struct world_report run_ok(struct world *w) { return run_expecting(w, RC_OK); }

/* One table only, so that numbers are plain. */
static inline struct world *world_of(enum world_variant variant, enum world_table table)
{
    struct world *w = world_new(variant, NULL);
    w->tables[0] = w->tables[table];
    w->table_count = 1;
    return w;
}

static inline void assert_all_is_well(struct world *w)
{
    AUTO_RELEASE(buf) why = {0};
    if (!world_check(w, (struct world_rules){0}, &why))
        fail_msg("%s", why.at);
}

static inline void assert_rows_equal(struct world *w, enum world_table table)
{
    AUTO_RELEASE(buf) source = {0}, target = {0};
    world_print_source(w, table, &source);
    world_print_target(w, table, &target);
    assert_string_equal(source.len ? source.at : "", target.len ? target.at : "");
}

static inline int64_t target_rows(struct world *w, const char *table) { return mem_database_rows(w->database, table); }

/* The process dies at the `call`-th call of an arrow (before or after it was done). */
static inline struct world_report die_in(struct world *w, const char *arrow, int call, enum fault fault)
{
    w->plan = (struct fault_plan){.fault = fault};
    w->hit_arrow = arrow;
    w->hit_call = call;
    struct world_report report = world_run(w, true);
    assert_true(w->plan.fired > 0);
    w->hit_arrow = NULL;
    w->plan = (struct fault_plan){0};
    return report;
}

/* S's own text. */
static inline struct str scope_text(struct world *w, const char *table)
{
    char key[128];
    struct mem_object object;
    snprintf(key, sizeof(key), "watermark/tables/shop/%s.json", table);
    assert_true(mem_objects_find(w->objects, key, &object));
    return object.body;
}

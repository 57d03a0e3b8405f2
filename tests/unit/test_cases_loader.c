/* The loader beside the extraction: nobody goes on as if it had ended. Its COMMIT is held up until the run has come to
 * where it must wait for it, so that no story here is left to chance. */
#include "case.h"

#include <stdatomic.h>

enum { LOOK_MS = 1, LOOKS_MAX = 20000, PATIENCE_MS = 1000 };

struct gate {
    struct world *world;
    void (*hold)(struct gate *self); /* in the loader's thread, before its COMMIT */
    atomic_bool was_held, is_held;
    atomic_bool has_announced; /* the run had begun to announce while the COMMIT was held */
    int bounds;
    pthread_t mover;        /* the thread that moves the table, once a bound has failed there */
    atomic_bool has_failed; /* one has */
    atomic_bool went_on;    /* and the mover went on while the COMMIT was held */
};

static void look_again(void) { clock_real()->sleep_ms(clock_real(), LOOK_MS); }

static struct world *world_with_gate(struct gate *gate, void (*hold)(struct gate *self),
                                     void (*asked)(struct fault_plan *plan, const char *seam, const char *operation))
{
    struct world *w = world_of(WORLD_APPEND, ORDERS);
    w->threads = true;
    w->pipeline.max_memory_bytes = 1 << 30;
    *gate = (struct gate){.world = w, .hold = hold};
    w->plan = (struct fault_plan){.asked = asked, .context = gate};
    world_fill(w);
    return w;
}

static bool hold_commit(struct gate *gate, const char *seam, const char *operation)
{
    if (gate->was_held || strcmp(seam, "target") != 0 || strcmp(operation, "commit") != 0)
        return false;
    gate->was_held = gate->is_held = true;
    gate->hold(gate);
    gate->is_held = false;
    return true;
}

/* ---- a run that is through ---- */

static void asked_of_any(struct fault_plan *plan, const char *seam, const char *operation)
{
    hold_commit(plan->context, seam, operation);
}

/* Behind the last bound there is nothing to do but to wait for the loader, or else to announce. */
static bool has_come_to_the_end(struct gate *gate)
{
    struct world *w = gate->world;
    pthread_mutex_lock(&w->log_lock);
    const char *at = strstr(w->log.at, "name=seal at=end");
    at = at != NULL ? strstr(at, "name=bound at=end") : NULL;
    gate->has_announced = at != NULL && strstr(at, "name=announce at=begin") != NULL;
    bool waits = at != NULL && strstr(at, "name=load at=begin") != NULL;
    pthread_mutex_unlock(&w->log_lock);
    return waits || gate->has_announced;
}

static void until_the_end(struct gate *gate)
{
    for (int i = 0; i < LOOKS_MAX && !has_come_to_the_end(gate); i++)
        look_again();
}

static void a_run_announces_when_its_loader_has_ended(void **state)
{
    struct gate gate;
    AUTO(world) *w = world_with_gate(&gate, until_the_end, asked_of_any);
    w->tables[0].chunk.rows = 100;
    assert_int_equal(world_run(w, true).rc, RC_OK);
    assert_true(gate.was_held);
    assert_false(gate.has_announced);
    assert_all_is_well(w);
}

/* ---- a table that fails ---- */

/* The third chunk's bound fails while the first chunk's COMMIT is held. */
static void asked_where_a_bound_fails(struct fault_plan *plan, const char *seam, const char *operation)
{
    struct gate *gate = plan->context;
    if (hold_commit(gate, seam, operation))
        return;
    gate->went_on |= gate->has_failed && gate->is_held && pthread_equal(pthread_self(), gate->mover);
    if (strcmp(operation, "boundary") != 0)
        return;
    gate->bounds++;
    for (int i = 0; i < LOOKS_MAX && gate->bounds == 2 && !gate->is_held; i++)
        look_again();
    if (gate->bounds != 3)
        return;
    gate->mover = pthread_self();
    gate->has_failed = true;
    plan->fault = FAULT_FAIL;
    plan->at = plan->calls; /* this one: whoever else there is stands still */
}

/* A sound run waits for the COMMIT, and nothing tells that it does. */
static void until_it_goes_on(struct gate *gate)
{
    for (int i = 0; i < LOOKS_MAX && !gate->has_failed; i++)
        look_again();
    for (int i = 0; i < PATIENCE_MS && !gate->went_on; i++)
        look_again();
}

static void a_table_that_has_failed_keeps_its_lease_until_its_loader_has_ended(void **state)
{
    struct gate gate;
    AUTO(world) *w = world_with_gate(&gate, until_it_goes_on, asked_where_a_bound_fails);
    w->tables[0].chunk.rows = 2;
    struct world_report report = world_run(w, true);
    assert_int_equal(report.rc, RC_UNAVAILABLE);
    assert_true(gate.was_held && w->plan.fired == 1);
    assert_false(gate.went_on);
    assert_int_equal(target_rows(w, "orders"), report.results[0].rows_loaded);
    assert_true(report.results[0].rows_loaded > 0);
    w->plan = (struct fault_plan){0};
    run_ok(w);
    assert_all_is_well(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_announces_when_its_loader_has_ended),
        cmocka_unit_test(a_table_that_has_failed_keeps_its_lease_until_its_loader_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

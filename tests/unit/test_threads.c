/* The engine with threads: lanes, uploaders and the loader at work at once, hurt at random, then healed. What happens
 * when is left to chance; run it under ThreadSanitizer (make tsan). */
#include "case.h"

enum { ROUNDS = 24, CHUNK_ROWS = 40, ROWS = 130, HEAL_RUNS_MAX = 3 };

/* Small waybills, several lanes in each, and room for a load beside them. Two at once take turns with the target. */
static struct world *threaded_world(enum world_variant variant, int tables_at_once)
{
    struct world *w = world_new(variant, NULL);
    w->threads = true;
    w->pipeline.max_memory_bytes = 1 << 30;
    w->pipeline.part_bytes = 300;
    w->pipeline.max_pending = 2;
    w->pipeline.strategy = tables_at_once > 1 ? STRATEGY_INTER_TABLE : STRATEGY_SEQUENTIAL;
    w->pipeline.parallel = tables_at_once;
    w->takes_turns = tables_at_once == 2;
    for (int i = 0; i < w->table_count; i++)
        w->tables[i].chunk.rows = CHUNK_ROWS;
    return w;
}

/* Stamps tie now and then. */
static void fill(struct world *w)
{
    for (int id = 1; id <= ROWS; id++) {
        world_insert(w, ORDERS, id, id % 7 < 3);
        world_insert(w, EVENTS, id, id % 5 < 2);
        if (id % 10 == 0)
            world_insert(w, REGIONS, id / 10, true);
    }
    world_wait(w);
}

static void change(struct world *w)
{
    for (int id = 1; id <= ROWS; id += 3)
        world_update(w, ORDERS, id);
    for (int id = ROWS + 1; id <= ROWS + 60; id++)
        world_insert(w, EVENTS, id, id % 5 < 2);
    world_wait(w);
}

static void many_lanes_and_a_loader_move_the_same_rows(void **state)
{
    static const enum world_variant variants[] = {WORLD_APPEND, WORLD_MERGE, WORLD_TIME};
    for (int i = 0; i < 3; i++) {
        AUTO(world) *w = threaded_world(variants[i], 1);
        fill(w);
        struct world_report report = run_ok(w);
        assert_int_equal(report.results[ORDERS].rows_extracted, ROWS);
        assert_int_equal(report.results[ORDERS].rows_loaded, ROWS);
        assert_true(report.results[ORDERS].waybills >= ROWS / CHUNK_ROWS);
        assert_non_null(strstr(w->log.at, "file-00003.parquet")); /* there was a fourth lane */
        assert_all_is_well(w);
        change(w);
        run_ok(w);
        assert_all_is_well(w);
    }
}

/* ---- hurt ---- */

static uint32_t chance(struct world *w, uint32_t below)
{
    uint32_t number;
    w->random.random.fill(&w->random.random, &number, sizeof(number));
    return number % below;
}

static void hurt(struct world *w, int calls)
{
    static const enum fault faults[] = {FAULT_FAIL, FAULT_LATE, FAULT_TORN, FAULT_CRASH_BEFORE, FAULT_CRASH_AFTER};
    static const enum mem_death deaths[] = {MEM_DEATH_ROLLED_BACK, MEM_DEATH_LINGERS, MEM_DEATH_COMMIT_SENT};
    w->plan = (struct fault_plan){.fault = faults[chance(w, 5)], .at = 1 + (int)chance(w, (uint32_t)calls)};
    w->plan.sticky = w->plan.fault == FAULT_FAIL && chance(w, 2) == 0;
    mem_database_set_death(w->database, deaths[chance(w, 3)]);
}

static void must_hold(struct world *w, struct world_rules rules)
{
    AUTO_RELEASE(buf) why = {0};
    if (!world_check(w, rules, &why))
        fail_msg("%s\n(%s at %d: %s %s)\n%s", why.at, fault_name(w->plan.fault), w->plan.at, or_empty(w->plan.seam),
                 or_empty(w->plan.operation), w->log.at + (w->log.len > 6000 ? w->log.len - 6000 : 0));
}

static void heal(struct world *w)
{
    struct fault_plan was = w->plan;
    struct world_report report = {.rc = RC_FAILED};
    w->plan = (struct fault_plan){0};
    for (int i = 0; i < HEAL_RUNS_MAX && report.rc != RC_OK; i++)
        report = world_run(w, false);
    if (report.rc != RC_OK)
        fail_msg("%s (%s at %d: %s %s)", report.error.text, fault_name(was.fault), was.at, or_empty(was.seam),
                 or_empty(was.operation));
    w->plan = was;
}

static int calls_of_a_sound_run(enum world_variant variant)
{
    AUTO(world) *w = threaded_world(variant, 1);
    fill(w);
    w->plan = (struct fault_plan){0};
    assert_int_equal(world_run(w, true).rc, RC_OK);
    return w->plan.calls;
}

static void whatever_is_hurt_at_random_arrives_once(void **state)
{
    int calls[] = {calls_of_a_sound_run(WORLD_APPEND), calls_of_a_sound_run(WORLD_MERGE),
                   calls_of_a_sound_run(WORLD_TIME)};
    for (int round = 0; round < ROUNDS; round++) {
        enum world_variant variant = (enum world_variant)(round % 3);
        AUTO(world) *w = threaded_world(variant, 1 + round / 3 % WORLD_TABLES);
        world_random_init(&w->random, (uint64_t)round);
        fill(w);
        for (int step = 0; step < 2; step++) {
            hurt(w, calls[round % 3]);
            struct world_report report = world_run(w, true);
            bool died = w->plan.crashed;
            assert_true(report.rc == RC_OK || (report.exit_status != 0 && report.error.text[0] != '\0'));
            must_hold(w, (struct world_rules){.anytime = report.rc != RC_OK || died});
            heal(w);
            must_hold(w, (struct world_rules){0});
            change(w);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_lanes_and_a_loader_move_the_same_rows),
        cmocka_unit_test(whatever_is_hurt_at_random_arrives_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

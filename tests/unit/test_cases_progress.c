/* What a run says of how much it will come to: what is counted of it, limits and all, and nothing that is not known. */
#include "case.h"
#include "move/progress.h"

enum { TOLD_MAX = 4096 };

/* What the first table's run said, extracting and later. */
static struct told {
    struct progress progress; /* the first */
    int64_t total[TOLD_MAX], work_total[TOLD_MAX];
    int count;
    struct progress_state last;
} told;

static void listen(struct progress *self, const struct progress_state *state)
{
    if (state->is_done || text_eq(state->phase, "announce") || (!text_eq(state->phase, "extract") && told.count == 0))
        return;
    assert_true(told.count < TOLD_MAX);
    assert_true(state->is_working); /* the bound of every further chunk, too */
    told.total[told.count] = state->rows_total;
    told.work_total[told.count++] = state->work_total;
    told.last = *state;
}

static struct world *world_that_tells(enum world_table table)
{
    struct world *w = world_of(WORLD_APPEND, table);
    told = (struct told){.progress = {listen}};
    w->progress = &told.progress;
    return w;
}

static void run_and_listen(struct world *w)
{
    told.count = 0;
    run_ok(w);
    assert_true(told.count > 0);
}

static void assert_told(int64_t total, int64_t work_total)
{
    for (int i = 0; i < told.count; i++) {
        assert_int_equal(told.total[i], total);
        assert_int_equal(told.work_total[i], work_total);
    }
    assert_int_equal(told.last.rows, total);
    assert_int_equal(told.last.work, work_total);
}

static void a_run_tells_how_much_it_will_extract_and_load(void **state)
{
    static const enum world_table tables[] = {ORDERS, EVENTS, REGIONS};
    static const int64_t rows[] = {7, 6, 3};
    for (int i = 0; i < 3; i++) {
        AUTO(world) *w = world_that_tells(tables[i]);
        world_fill(w);
        run_and_listen(w);
        assert_told(rows[i], 2 * rows[i]);
    }
}

static void limits_bound_what_a_run_will_come_to(void **state)
{
    AUTO(world) *w = world_that_tells(ORDERS);
    world_fill(w);
    w->options.limit = 4;
    run_and_listen(w);
    assert_told(4, 8);
    w->options = (struct run_options){.max_chunks = 1};
    w->tables[0].chunk.rows = 2;
    run_and_listen(w); /* the walk goes on */
    assert_told(2, 4);
}

/* A first load that was stopped goes on: the rest of the walk, and what has moved since it began. Rows that were still
 * to come when they moved are counted on either side. */
static void a_walk_that_goes_on_tells_what_is_left_of_it_and_what_has_moved_since(void **state)
{
    AUTO(world) *w = world_that_tells(ORDERS);
    world_fill(w);
    w->options.limit = 4;
    run_and_listen(w);
    assert_told(4, 8);
    world_insert(w, ORDERS, 100, false);
    world_insert(w, ORDERS, 101, false);
    world_update(w, ORDERS, 1); /* walked already */
    world_wait(w);
    w->options.limit = 0;
    run_and_listen(w);
    assert_told(3 + 3, 2 * (3 + 3));
    assert_all_is_well(w);
}

static void what_is_read_beside_a_walk_that_goes_on_is_not_counted_before(void **state)
{
    AUTO(world) *w = world_that_tells(ORDERS);
    w->tables[0].lookback_ms = 60000;
    world_fill(w);
    w->options.limit = 4;
    run_and_listen(w);
    world_change(w);
    w->options.limit = 0;
    run_and_listen(w);
    assert_int_equal(told.total[0], -1);
    assert_int_equal(told.work_total[0], -1);
    assert_int_equal(told.total[told.count - 1], told.last.rows);
    assert_int_equal(told.work_total[told.count - 1], told.last.work);
    assert_all_is_well(w);
}

static void what_an_earlier_run_left_to_load_is_work_too(void **state)
{
    AUTO(world) *w = world_that_tells(EVENTS);
    world_fill(w);
    w->options.backup_only = true;
    run_and_listen(w);
    assert_told(6, 6);
    w->options.backup_only = false;
    world_insert(w, EVENTS, 100, false);
    world_wait(w);
    run_and_listen(w);
    assert_told(1, 6 + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_tells_how_much_it_will_extract_and_load),
        cmocka_unit_test(limits_bound_what_a_run_will_come_to),
        cmocka_unit_test(a_walk_that_goes_on_tells_what_is_left_of_it_and_what_has_moved_since),
        cmocka_unit_test(what_is_read_beside_a_walk_that_goes_on_is_not_counted_before),
        cmocka_unit_test(what_an_earlier_run_left_to_load_is_work_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

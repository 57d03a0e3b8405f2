/* timestamp_only: ranges of a time cursor that need no key, cut between groups of equal cursors only. */
#include "case.h"

/* ---- groups of equal cursors ---- */

/* `count` rows with one stamp, then the clock moves on. */
static void insert_group(struct world *w, int first, int count)
{
    for (int i = 0; i < count; i++)
        world_insert(w, EVENTS, first + i, true);
    world_clock_move_ms(&w->clock, 1000);
}

/* A LIMIT cut a group of equal cursors, and its rest was never read. */
static void s25_a_limit_inside_a_group_moves_back_to_the_groups_start(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, EVENTS);
    insert_group(w, 1, 2);
    insert_group(w, 10, 3);
    insert_group(w, 20, 2);
    world_wait(w);
    w->options.limit = 4;
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 2);
    assert_null(report.results[0].warning);
    w->options.limit = 0;
    run_ok(w);
    assert_int_equal(target_rows(w, "events"), 7);
    assert_all_is_well(w);
}

/* The window's end was the mark although a LIMIT had cut the read. */
static void s58_after_a_cut_the_mark_is_where_the_next_group_begins(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, EVENTS);
    insert_group(w, 1, 2);
    insert_group(w, 10, 2);
    world_wait(w);
    w->options.limit = 3;
    run_ok(w);
    struct scope *s = world_scope(w, EVENTS);
    assert_string_equal(scope_marks(s)->extracted.pos.at, "2024-06-01 00:00:01");
    assert_int_equal(scope_marks(s)->extracted.pos.key_count, 0);
    scope_free(s);
    w->options.limit = 0;
    run_ok(w);
    assert_all_is_well(w);
}

static void s89_a_group_larger_than_limit_and_chunk_is_taken_whole_and_told_of(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, EVENTS);
    insert_group(w, 1, 30);
    insert_group(w, 100, 2);
    world_wait(w);
    w->options.limit = 3;
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 30);
    assert_int_equal(report.results[0].waybills, 1);
    assert_non_null(strstr(w->log.at, "group.taken_whole"));
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 0);
    assert_all_is_well(w);
}

/* The next group is taken whole or not at all; what was taken before fills the limit. */
static void a_group_that_would_break_the_limit_waits_for_the_next_run(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, EVENTS);
    insert_group(w, 1, 4);
    insert_group(w, 10, 3);
    insert_group(w, 20, 3);
    world_wait(w);
    w->options.limit = 9;
    assert_int_equal(run_ok(w).results[0].rows_extracted, 7);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 3);
    assert_all_is_well(w);
}

/* ---- with a key, and without ---- */

static void a_first_load_walks_by_key_and_then_goes_by_the_cursor(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, ORDERS);
    world_fill(w);
    w->options.limit = 3;
    run_ok(w);
    struct scope *s = world_scope(w, ORDERS);
    assert_int_equal(scope_marks(s)->extracted.pos.shape, POSITION_WALK);
    scope_free(s);
    w->options.limit = 0;
    run_ok(w);
    assert_all_is_well(w);
    world_change(w);
    run_ok(w);
    assert_all_is_well(w);
}

static void rows_that_are_merged_need_a_key(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, EVENTS);
    w->tables[0].mode = MODE_MERGE;
    world_fill(w);
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.text, "merged by their key"));
    assert_non_null(strstr(report.error.todo, "insert_only: true"));
}

/* A position inside a group of equal cursors is worth nothing without the key. */
static void a_mark_inside_a_group_is_refused_with_the_way_out(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    world_change(w);
    w->options.limit = 2;
    run_ok(w);
    w->options.limit = 0;
    w->tables[0].increment = INCREMENT_TIMESTAMP_ONLY;
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.todo, "--full-refresh"));
    w->tables[0].increment = INCREMENT_HYBRID;
    run_ok(w);
    w->tables[0].increment = INCREMENT_TIMESTAMP_ONLY;
    world_change(w);
    run_ok(w);
    assert_rows_equal(w, ORDERS);
}

static void a_mark_is_set_by_time_only(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, ORDERS);
    struct error err;
    world_fill(w);
    run_ok(w);
    struct watermark_change change = {.timestamp = "2024-06-01 00:00:02", .id = "5", .reason = "r", .author = "a"};
    struct run *run = world_open(w, false);
    assert_int_equal(watermark_set(run, &change, &err), RC_CONFIG);
    assert_non_null(strstr(err.todo, "--timestamp only"));
    world_close(w, run);
    change.id = NULL;
    run = world_open(w, false);
    assert_int_equal(watermark_set(run, &change, &err), RC_OK);
    world_close(w, run);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 5);
    assert_rows_equal(w, ORDERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s25_a_limit_inside_a_group_moves_back_to_the_groups_start),
        cmocka_unit_test(s58_after_a_cut_the_mark_is_where_the_next_group_begins),
        cmocka_unit_test(s89_a_group_larger_than_limit_and_chunk_is_taken_whole_and_told_of),
        cmocka_unit_test(a_group_that_would_break_the_limit_waits_for_the_next_run),
        cmocka_unit_test(a_first_load_walks_by_key_and_then_goes_by_the_cursor),
        cmocka_unit_test(rows_that_are_merged_need_a_key),
        cmocka_unit_test(a_mark_inside_a_group_is_refused_with_the_way_out),
        cmocka_unit_test(a_mark_is_set_by_time_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

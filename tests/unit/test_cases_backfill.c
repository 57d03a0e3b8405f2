/* --start-time and --end-time: a run that is bounded reads what was asked for, and leaves the mark where it is, or
 * takes it along (--advance). And rows without a cursor, which every run reads (null_cursor: include). */
#include "case.h"
#include "conform/rows.h"

enum { HOUR_S = 3600 };

/* Orders come an hour apart: id 1 at 2024-06-01 01:00, 2 at 02:00, ... */
static struct world *world_of_hours(int orders)
{
    struct world *w = world_of(WORLD_APPEND, ORDERS);
    for (int id = 1; id <= orders; id++) {
        world_clock_move_ms(&w->clock, INT64_C(1000) * HOUR_S);
        mem_server_put(w->server, "orders",
                       arena_print(&w->arena, "%d|version %d|1.25|2024-06-01 %02d:00:00", id, w->row++, id));
    }
    world_clock_move_ms(&w->clock, INT64_C(1000) * HOUR_S);
    return w;
}

static int64_t hour_us(int hour)
{
    int64_t us;
    char text[32];
    snprintf(text, sizeof(text), "2024-06-01T%02d:00:00Z", hour);
    assert_true(stamp_parse(text, &us));
    return us;
}

static void ask(struct world *w, int from, int to)
{
    w->options = (struct run_options){.has_start = from >= 0, .has_end = to >= 0};
    w->options.start_us = from >= 0 ? hour_us(from) : 0;
    w->options.end_us = to >= 0 ? hour_us(to) : 0;
}

static void ask_to_advance(struct world *w, int from, int to)
{
    ask(w, from, to);
    w->options.advance = true;
}

static void ask_nothing(struct world *w) { w->options = (struct run_options){0}; }

static const char *mark_of(struct world *w)
{
    struct scope *s = world_scope(w, ORDERS);
    AUTO_RELEASE(buf) mark = {0};
    position_print(&scope_marks(s)->extracted.pos, &mark);
    const char *text = arena_str(&w->arena, buf_str(&mark));
    scope_free(s);
    return text;
}

/* ---- backfills ---- */

static void a_backfill_reads_from_the_start_on_and_not_the_end_and_leaves_the_mark(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    run_ok(w);
    const char *mark = mark_of(w);
    ask(w, 2, 5);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 3);
    assert_int_equal(report.results[0].rows_loaded, 3);
    assert_int_equal(report.results[0].fresh_us, 0);
    assert_string_equal(mark_of(w), mark);
    ask_nothing(w);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 0);
    assert_all_is_well(w);
}

static void a_bound_between_two_stamps_takes_neither_too_much_nor_too_little(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    run_ok(w);
    ask(w, 2, 5);
    w->options.start_us += 1; /* the row of 02:00:00 is before it */
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    ask(w, 2, 5);
    w->options.end_us += 1; /* that of 05:00:00, too */
    assert_int_equal(run_ok(w).results[0].rows_extracted, 4);
    assert_all_is_well(w);
}

static void a_backfill_of_a_table_that_was_never_read_leaves_its_first_load_to_be_done(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    ask(w, -1, 4);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 3);
    assert_string_equal(mark_of(w), "");
    assert_int_equal(target_rows(w, "orders"), 3);
    ask_nothing(w);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 6);
    assert_all_is_well(w);
}

/* The bound is the least of what was asked for and what is final. */
static void a_backfill_goes_no_further_than_what_is_final(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    run_ok(w);
    world_begin_late(w, ORDERS, 70); /* stamped now; it will commit */
    world_clock_move_ms(&w->clock, INT64_C(1000) * HOUR_S);
    world_insert(w, ORDERS, 71, true);
    ask(w, 6, 23);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 1);
    world_commit_late(w);
    world_wait(w);
    ask_nothing(w);
    run_ok(w);
    assert_all_is_well(w);
}

static void chunks_of_a_backfill_cut_groups_of_equal_cursors(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    for (int id = 20; id < 27; id++)
        mem_server_put(w->server, "orders", arena_print(&w->arena, "%d|tie %d|1.25|2024-06-01 03:00:00", id, w->row++));
    run_ok(w);
    const char *mark = mark_of(w);
    w->tables[0].chunk.rows = 2;
    ask(w, 3, 5);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 9);
    assert_true(report.results[0].waybills >= 5);
    assert_string_equal(mark_of(w), mark);
    assert_all_is_well(w);
}

static void a_limit_bounds_a_backfill(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    run_ok(w);
    ask(w, 1, 6);
    w->options.limit = 2;
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    assert_all_is_well(w);
}

static void a_backfill_that_dies_anywhere_is_done_by_the_same_command(void **state)
{
    static const char *const arrows[] = {"begin", "extract", "seal", "load"};
    for (size_t a = 0; a < sizeof(arrows) / sizeof(*arrows); a++) {
        for (int call = 1; call <= 3; call++) {
            AUTO(world) *w = world_of_hours(6);
            run_ok(w);
            const char *mark = mark_of(w);
            w->tables[0].chunk.rows = 2;
            ask(w, 1, 6);
            die_in(w, arrows[a], call, FAULT_CRASH_AFTER);
            run_ok(w);
            assert_string_equal(mark_of(w), mark);
            assert_all_is_well(w);
        }
    }
}

/* It was staged before they were, and comes after them by a person's hand. */
static void s84_rows_of_a_backfill_do_not_overwrite_newer_ones(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    run_ok(w);
    ask(w, 2, 4);
    w->options.backup_only = true;
    run_ok(w);
    for (int id = 1; id <= 6; id++) {
        const char *key = arena_print(&w->arena, "%d", id);
        world_spoil(w, ORDERS, key, "note", "newer");
        world_spoil(w, ORDERS, key, "updated_at", "2024-06-01 23:00:00");
    }
    ask_nothing(w);
    w->options.redshift_only = true;
    run_ok(w);
    AUTO_RELEASE(buf) rows = {0};
    world_print_target(w, ORDERS, &rows);
    int newer = 0;
    for (const char *at = rows.at; (at = strstr(at, "newer")) != NULL; at++)
        newer++;
    assert_int_equal(newer, 6);
}

/* ---- with --advance ---- */

static void a_bounded_run_that_advances_takes_the_mark_along(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    ask_to_advance(w, -1, 3);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    assert_string_equal(mark_of(w), "{\"at\":\"2024-06-01 03:00:00\"}");
    ask_to_advance(w, -1, 5);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    ask_nothing(w);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    assert_all_is_well(w);
}

/* What lies before it is left out on purpose. */
static void a_table_that_was_never_read_begins_where_it_is_told_to(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    ask_to_advance(w, 4, -1);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 3);
    ask_nothing(w);
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 3);
}

static void a_start_before_the_mark_reads_again_and_then_goes_on(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    ask_to_advance(w, -1, 4);
    run_ok(w);
    ask_to_advance(w, 2, 6);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 4);
    assert_string_equal(mark_of(w), "{\"at\":\"2024-06-01 06:00:00\"}");
    ask_to_advance(w, 1, 3);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2); /* and nothing beyond the end */
    assert_string_equal(mark_of(w), "{\"at\":\"2024-06-01 06:00:00\"}");
    ask_nothing(w);
    run_ok(w);
    assert_all_is_well(w);
}

/* Invariant b: the mark never passes rows that nobody has read. */
static void a_start_behind_the_mark_leaves_no_gap(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    ask_to_advance(w, -1, 3);
    run_ok(w);
    const char *mark = mark_of(w);
    ask_to_advance(w, 5, -1);
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.text, "would never be read"));
    assert_string_equal(mark_of(w), mark);
    ask(w, 5, -1); /* a backfill may */
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    assert_string_equal(mark_of(w), mark);
}

static void a_first_load_that_advances_and_dies_goes_on(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    w->tables[0].chunk.rows = 1;
    ask_to_advance(w, -1, 4);
    die_in(w, "extract", 12, FAULT_CRASH_AFTER);
    run_ok(w);
    assert_string_equal(mark_of(w), "{\"at\":\"2024-06-01 04:00:00\"}");
    ask_nothing(w);
    run_ok(w);
    assert_all_is_well(w);
}

static void a_plan_says_that_the_mark_stays(void **state)
{
    AUTO(world) *w = world_of_hours(6);
    struct error err;
    struct plan plan;
    run_ok(w);
    ask(w, 2, 5);
    struct run *run = world_open(w, false);
    assert_int_equal(look_plan(&run->routes[0], &plan, &err), RC_OK);
    assert_true(plan.has_range && plan.is_backfill);
    assert_string_equal(plan.range.lo.at, "2024-06-01 02:00:00");
    assert_string_equal(plan.range.hi.at, "2024-06-01 05:00:00");
    assert_int_equal(plan.facts.rows, 3);
    world_close(w, run);
}

/* ---- rows without a cursor ---- */

static struct world *world_with_holes(void)
{
    struct world *w = world_new(WORLD_APPEND, NULL);
    mem_server_table(w->server, "holes", schema_of("id:l! note:u updated_at:tss:"), "id", "updated_at");
    w->tables[0] = w->tables[ORDERS];
    w->tables[0].name = w->tables[0].target = "holes";
    w->tables[0].null_cursor = NULL_CURSOR_INCLUDE;
    w->table_count = 1;
    mem_server_put(w->server, "holes", "1|first|2024-05-31 10:00:00");
    mem_server_put(w->server, "holes", "2|second|NULL");
    mem_server_put(w->server, "holes", "3|third|NULL");
    mem_server_put(w->server, "holes", "4|fourth|2024-05-31 11:00:00");
    return w;
}

static void assert_holes_equal(struct world *w)
{
    AUTO_RELEASE(buf) source = {0}, target = {0};
    mem_server_print(w->server, "holes", &source);
    mem_database_print(w->database, "holes", &target);
    assert_string_equal(source.at, target.at);
}

static void rows_without_a_cursor_come_with_every_run(void **state)
{
    AUTO(world) *w = world_with_holes();
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 4);
    assert_int_equal(report.results[0].null_cursors, 2);
    assert_holes_equal(w);
    mem_server_put(w->server, "holes", "2|changed|NULL");
    mem_server_put(w->server, "holes", "5|new|NULL");
    report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 3);
    assert_holes_equal(w);
}

/* Merge lets no older cursor win; without one, what was read last is what is so. */
static void a_row_that_loses_its_cursor_or_gets_one_is_as_it_was_read_last(void **state)
{
    AUTO(world) *w = world_with_holes();
    run_ok(w);
    mem_server_put(w->server, "holes", "1|lost it|NULL");
    mem_server_put(w->server, "holes", "2|got it|2024-06-01 00:00:10");
    world_wait(w);
    run_ok(w);
    assert_holes_equal(w);
    mem_server_put(w->server, "holes", "2|lost it again|NULL");
    run_ok(w);
    assert_holes_equal(w);
}

static void rows_without_a_cursor_leave_the_mark_and_count_for_no_limit(void **state)
{
    AUTO(world) *w = world_with_holes();
    w->tables[0].chunk.rows = 1;
    w->options.limit = 2;
    w->options.max_chunks = 0;
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2); /* a limit came first */
    w->options.limit = 0;
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    assert_holes_equal(w);
    mem_server_put(w->server, "holes", "6|sixth|2024-06-01 00:00:01");
    world_wait(w);
    w->options.limit = 5;
    assert_int_equal(run_ok(w).results[0].rows_extracted, 3);
    assert_holes_equal(w);
}

static void a_table_of_rows_without_a_cursor_is_loaded(void **state)
{
    AUTO(world) *w = world_with_holes();
    mem_server_delete(w->server, "holes", "1");
    mem_server_delete(w->server, "holes", "4");
    run_ok(w);
    assert_holes_equal(w);
    mem_server_put(w->server, "holes", "7|seventh|2024-06-01 00:00:01");
    world_wait(w);
    run_ok(w);
    assert_holes_equal(w);
}

static void a_run_that_dies_among_rows_without_a_cursor_converges(void **state)
{
    for (int call = 1; call <= 30; call += 3) {
        AUTO(world) *w = world_with_holes();
        w->tables[0].chunk.rows = 1;
        die_in(w, "extract", call, FAULT_CRASH_AFTER);
        run_ok(w);
        assert_holes_equal(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backfill_reads_from_the_start_on_and_not_the_end_and_leaves_the_mark),
        cmocka_unit_test(a_bound_between_two_stamps_takes_neither_too_much_nor_too_little),
        cmocka_unit_test(a_backfill_of_a_table_that_was_never_read_leaves_its_first_load_to_be_done),
        cmocka_unit_test(a_backfill_goes_no_further_than_what_is_final),
        cmocka_unit_test(chunks_of_a_backfill_cut_groups_of_equal_cursors),
        cmocka_unit_test(a_limit_bounds_a_backfill),
        cmocka_unit_test(a_backfill_that_dies_anywhere_is_done_by_the_same_command),
        cmocka_unit_test(s84_rows_of_a_backfill_do_not_overwrite_newer_ones),
        cmocka_unit_test(a_bounded_run_that_advances_takes_the_mark_along),
        cmocka_unit_test(a_table_that_was_never_read_begins_where_it_is_told_to),
        cmocka_unit_test(a_start_before_the_mark_reads_again_and_then_goes_on),
        cmocka_unit_test(a_start_behind_the_mark_leaves_no_gap),
        cmocka_unit_test(a_first_load_that_advances_and_dies_goes_on),
        cmocka_unit_test(a_plan_says_that_the_mark_stays),
        cmocka_unit_test(rows_without_a_cursor_come_with_every_run),
        cmocka_unit_test(a_row_that_loses_its_cursor_or_gets_one_is_as_it_was_read_last),
        cmocka_unit_test(rows_without_a_cursor_leave_the_mark_and_count_for_no_limit),
        cmocka_unit_test(a_table_of_rows_without_a_cursor_is_loaded),
        cmocka_unit_test(a_run_that_dies_among_rows_without_a_cursor_converges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

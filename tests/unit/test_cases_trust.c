/* A source that is not what it was at the last waybill, with every run green: it lost what it had, its clock was set
 * back and has caught up, it gives numbers out again, or it has columns again that were left out for a while. */
#include "case.h"
#include "conform/rows.h"
#include "move/history.h"

/* Orders that are loaded; the server then is at `place`. */
static struct world *moved(const char *place)
{
    struct world *w = world_of(WORLD_APPEND, ORDERS);
    mem_server_set_place(w->server, place, NULL);
    world_fill(w);
    run_ok(w);
    return w;
}

static const char *kept_place(struct world *w)
{
    AUTO(scope) *s = world_scope(w, ORDERS);
    return arena_text(&w->arena, scope_marks(s)->source_place);
}

static bool was_logged(struct world *w, const char *event)
{
    bool was = strstr(w->log.at, event) != NULL;
    buf_reset(&w->log);
    return was;
}

static void set_mark(struct world *w, struct watermark_change change)
{
    struct error err;
    struct run *run = world_open(w, false);
    change.name = HISTORY_SET;
    change.reason = change.author = "test";
    assert_int_equal(watermark_set(run, &change, &err), RC_OK);
    world_close(w, run);
}

/* ---- a history that was cut ---- */

static void a_source_that_lost_what_was_read_is_refused_until_accepted(void **state)
{
    AUTO(world) *w = moved("1 at 100");
    mem_server_set_place(w->server, "2 at 120", "it had come as far as 90");
    world_change(w);
    struct world_report report = run_expecting(w, RC_DATA);
    assert_int_equal(report.exit_status, 6);
    assert_string_equal(report.error.id, "source-lost-changes");
    assert_non_null(strstr(report.error.text, "as far as 90"));
    assert_non_null(strstr(report.error.todo, "--full-refresh"));
    assert_string_equal(kept_place(w), "1 at 100");
    w->options.accept_source = true;
    run_ok(w);
    w->options.accept_source = false;
    run_ok(w);
    assert_all_is_well(w);
}

/* Nothing is new, so nothing is sealed: what was accepted stays accepted all the same. */
static void what_was_accepted_once_is_not_asked_again(void **state)
{
    AUTO(world) *w = moved("1 at 100");
    mem_server_set_place(w->server, "2 at 120", "it had come as far as 90");
    w->options.accept_source = true;
    assert_int_equal(run_ok(w).results[0].waybills, 0);
    w->options.accept_source = false;
    run_ok(w);
    assert_string_equal(kept_place(w), "2 at 120");
}

/* A row that the target has, and the source has lost, goes with it. */
static void a_full_refresh_takes_the_source_as_it_is(void **state)
{
    AUTO(world) *w = moved("1 at 100");
    mem_server_delete(w->server, "orders", "7");
    mem_server_set_place(w->server, "2 at 120", "it had come as far as 90");
    w->options.full_refresh = true;
    run_ok(w);
    w->options.full_refresh = false;
    run_ok(w);
    assert_all_is_well(w);
}

/* The proof that nothing is lost may be gone when the next row comes. */
static void a_failover_that_lost_nothing_is_no_trouble_and_is_kept_at_once(void **state)
{
    AUTO(world) *w = moved("1 at 100");
    mem_server_set_place(w->server, "2 at 120", NULL);
    assert_null(run_ok(w).results[0].warning);
    assert_string_equal(kept_place(w), "2 at 120");
}

/* MySQL: each server has an identity of its own, and identifiers that all of them share. */
static void another_server_of_the_same_history_goes_on_where_the_first_one_was(void **state)
{
    AUTO(world) *w = moved("a at 100");
    mem_server_set_id(w->server, "the standby");
    mem_server_set_place(w->server, "b at 120", NULL);
    assert_string_equal(run_expecting(w, RC_DATA).error.id, "another-source");
    mem_server_set_place(w->server, "b at 120", "it has not executed 95-100");
    assert_string_equal(run_expecting(w, RC_DATA).error.id, "source-lost-changes");
    mem_server_set_place(w->server, "b at 120", NULL);
    mem_server_set_kin(w->server, true);
    run_ok(w);
    assert_string_equal(kept_place(w), "b at 120");
    mem_server_set_kin(w->server, false); /* its identity was kept, too */
    world_change(w);
    run_ok(w);
    assert_all_is_well(w);
}

/* Where it is when nothing is read has no part in what was read. */
static void a_place_is_kept_with_the_waybill_that_it_belongs_to(void **state)
{
    AUTO(world) *w = moved("1 at 100");
    assert_string_equal(kept_place(w), "1 at 100");
    world_change(w);
    mem_server_set_place(w->server, "1 at 200", NULL);
    die_in(w, "extract", 1, FAULT_FAIL);
    run_ok(w);
    assert_string_equal(kept_place(w), "1 at 200");
    assert_all_is_well(w);
}

/* ---- a clock that was set back and has caught up ---- */

static void a_clock_that_was_set_back_and_has_caught_up_is_told_with_the_command_that_helps(void **state)
{
    const int64_t minutes_us = INT64_C(600) * 1000000;
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    w->source_ahead_us = minutes_us;
    world_fill(w);
    run_ok(w);
    w->source_ahead_us = 0;
    world_clock_move_ms(&w->clock, 5000);
    mem_server_put(w->server, "orders", "42|late|1.25|2024-06-01 00:02:30");
    world_clock_move_ms(&w->clock, 1200000);
    mem_server_put(w->server, "orders", "43|later|1.25|2024-06-01 00:15:00");
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 1); /* that is what is wrong */
    assert_non_null(strstr(report.results[0].warning, "set back by 600 s"));
    const char *command = strstr(report.results[0].warning, "waybill watermark set -p shop -t orders --timestamp ");
    assert_non_null(command);
    assert_true(was_logged(w, "clock.stepped"));
    set_mark(w, (struct watermark_change){.timestamp = strstr(command, "2024")});
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    assert_rows_equal(w, ORDERS);
}

/* Two clocks never go alike: what they drift apart in a day is no step. */
static void clocks_that_drift_apart_a_little_are_no_step(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    w->source_ahead_us = 40000000;
    world_fill(w);
    run_ok(w);
    w->source_ahead_us = 0;
    world_clock_move_ms(&w->clock, 86400000);
    world_change(w);
    assert_null(run_ok(w).results[0].warning);
    assert_all_is_well(w);
}

/* ---- numbers that are given out again ---- */

static void a_number_that_was_given_out_again_is_told_though_larger_ones_have_come(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    assert_null(run_ok(w).results[0].warning);
    mem_server_delete(w->server, "events", "6");
    world_insert(w, EVENTS, 6, false);
    world_insert(w, EVENTS, 7, false);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 1);
    assert_non_null(strstr(report.results[0].warning, "waybill sync pipeline -p shop -t events --full-refresh"));
    assert_true(was_logged(w, "ids.again"));
    run_ok(w);
    assert_false(was_logged(w, "ids.again")); /* the mark has moved on */
}

static void a_chunks_end_is_the_row_that_is_looked_at(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    w->options.limit = 3;
    run_ok(w);
    w->options.limit = 0;
    world_update(w, EVENTS, 6);
    run_ok(w);
    assert_false(was_logged(w, "ids.again"));
    assert_all_is_well(w);
}

static void a_mark_that_was_set_to_another_row_is_not_compared_with_the_last_one(void **state)
{
    AUTO(world) *w = world_of(WORLD_MERGE, EVENTS);
    world_fill(w);
    run_ok(w);
    set_mark(w, (struct watermark_change){.id = "2"});
    run_ok(w);
    assert_false(was_logged(w, "ids.again"));
}

/* ---- columns that come later ---- */

static void a_column_that_was_left_out_for_a_while_is_told_of_when_it_comes_back(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    mem_server_alter(w->server, "orders", schema_of("id:l! note:u updated_at:tss:!"));
    mem_server_put(w->server, "orders", "1|a|2024-06-01 00:00:00");
    world_clock_move_ms(&w->clock, 60000);
    run_ok(w);
    mem_server_alter(w->server, "orders", schema_of("id:l! updated_at:tss:!"));
    mem_server_put(w->server, "orders", "1|2024-06-01 00:01:00");
    world_clock_move_ms(&w->clock, 120000);
    run_ok(w);
    mem_server_alter(w->server, "orders", schema_of("id:l! note:u updated_at:tss:! price:l"));
    mem_server_put(w->server, "orders", "2|b|2024-06-01 00:03:00|7");
    world_clock_move_ms(&w->clock, 240000);
    const char *warning = run_ok(w).results[0].warning;
    assert_non_null(warning);
    assert_non_null(strstr(warning, "'note', 'price'"));
    assert_non_null(strstr(warning, "waybill sync pipeline -p shop -t orders --full-refresh"));
    assert_true(was_logged(w, "columns.added"));
    assert_null(run_ok(w).results[0].warning);
    w->options.full_refresh = true;
    run_ok(w);
    assert_rows_equal(w, ORDERS);
}

static void a_table_that_is_read_whole_has_its_new_columns_at_once(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, REGIONS);
    world_fill(w);
    run_ok(w);
    world_add_column(w, REGIONS);
    assert_null(run_ok(w).results[0].warning);
    assert_all_is_well(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_that_lost_what_was_read_is_refused_until_accepted),
        cmocka_unit_test(what_was_accepted_once_is_not_asked_again),
        cmocka_unit_test(a_full_refresh_takes_the_source_as_it_is),
        cmocka_unit_test(a_failover_that_lost_nothing_is_no_trouble_and_is_kept_at_once),
        cmocka_unit_test(another_server_of_the_same_history_goes_on_where_the_first_one_was),
        cmocka_unit_test(a_place_is_kept_with_the_waybill_that_it_belongs_to),
        cmocka_unit_test(a_clock_that_was_set_back_and_has_caught_up_is_told_with_the_command_that_helps),
        cmocka_unit_test(clocks_that_drift_apart_a_little_are_no_step),
        cmocka_unit_test(a_number_that_was_given_out_again_is_told_though_larger_ones_have_come),
        cmocka_unit_test(a_chunks_end_is_the_row_that_is_looked_at),
        cmocka_unit_test(a_mark_that_was_set_to_another_row_is_not_compared_with_the_last_one),
        cmocka_unit_test(a_column_that_was_left_out_for_a_while_is_told_of_when_it_comes_back),
        cmocka_unit_test(a_table_that_is_read_whole_has_its_new_columns_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

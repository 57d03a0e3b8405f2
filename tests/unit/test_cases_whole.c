/* A table that is taken whole (full_sync): appended once for each run that is through, however often it is begun; and
 * replaced, by nothing too. */
#include "case.h"

static struct world *world_that_appends_whole(void)
{
    struct world *w = world_of(WORLD_APPEND, REGIONS);
    w->tables[0].mode = MODE_APPEND;
    world_fill(w);
    return w;
}

static int64_t source_rows(struct world *w)
{
    AUTO_RELEASE(buf) rows = {0};
    world_print_source(w, REGIONS, &rows);
    int64_t count = 0;
    for (size_t i = 0; i < rows.len; i++)
        count += rows.at[i] == '\n';
    return count;
}

static void each_run_adds_the_whole_table(void **state)
{
    AUTO(world) *w = world_that_appends_whole();
    const int64_t rows = source_rows(w);
    assert_true(rows > 0);
    for (int run = 1; run <= 3; run++) {
        assert_int_equal(run_ok(w).results[0].rows_extracted, rows);
        assert_int_equal(target_rows(w, "regions"), run * rows);
    }
}

static void a_table_without_rows_adds_none(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, REGIONS);
    w->tables[0].mode = MODE_APPEND;
    run_ok(w);
    run_ok(w);
    assert_int_equal(target_rows(w, "regions"), 0);
}

/* Whatever was sealed, loaded or announced before it died: the same command makes one of it. */
static void a_run_that_dies_anywhere_and_the_same_command_add_the_table_once(void **state)
{
    static const char *const arrows[] = {"take", "begin", "extract", "seal", "load", "announce"};
    for (size_t a = 0; a < sizeof(arrows) / sizeof(*arrows); a++) {
        for (int call = 1; call <= 4; call++) {
            for (int first = 0; first <= 1; first++) {
                AUTO(world) *w = world_that_appends_whole();
                if (!first)
                    run_ok(w);
                w->plan = (struct fault_plan){.fault = call % 2 == 0 ? FAULT_CRASH_BEFORE : FAULT_CRASH_AFTER};
                w->hit_arrow = arrows[a];
                w->hit_call = call;
                bool is_through = world_run(w, true).rc == RC_OK && w->plan.fired == 0;
                w->hit_arrow = NULL;
                w->plan = (struct fault_plan){0};
                if (!is_through)
                    run_ok(w);
                assert_int_equal(target_rows(w, "regions"), source_rows(w) * (first ? 1 : 2));
                run_ok(w);
                assert_int_equal(target_rows(w, "regions"), source_rows(w) * (first ? 2 : 3));
            }
        }
    }
}

/* What a run for the stage alone has sealed was meant, and so is the next one. */
static void what_was_staged_by_a_run_that_was_through_is_loaded_beside_the_next(void **state)
{
    AUTO(world) *w = world_that_appends_whole();
    w->options.backup_only = true;
    run_ok(w);
    run_ok(w);
    w->options.backup_only = false;
    run_ok(w);
    assert_int_equal(target_rows(w, "regions"), 3 * source_rows(w));
}

static void a_run_for_the_stage_that_dies_is_finished_by_the_same_command(void **state)
{
    AUTO(world) *w = world_that_appends_whole();
    w->options.backup_only = true;
    die_in(w, "seal", 3, FAULT_CRASH_AFTER);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 0);
    assert_non_null(strstr(report.results[0].warning, "is finished"));
    w->options = (struct run_options){.redshift_only = true};
    run_ok(w);
    assert_int_equal(target_rows(w, "regions"), source_rows(w));
}

static void s43_a_whole_table_without_rows_replaces_all_there_were(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, REGIONS);
    world_fill(w);
    run_ok(w);
    assert_int_equal(target_rows(w, "regions"), 3);
    for (int id = 1; id <= 3; id++)
        mem_server_delete(w->server, "regions", arena_print(&w->arena, "r%02d", id));
    assert_int_equal(run_ok(w).results[0].loads, 1);
    assert_int_equal(target_rows(w, "regions"), 0);
    assert_all_is_well(w);
}

/* ---- once, of a table that is appended to: what comes next begins behind it ---- */

static void refresh(struct world *w, enum rc expected)
{
    w->options.full_refresh = true;
    run_expecting(w, expected);
    w->options.full_refresh = false;
}

static void a_merged_table_that_a_refresh_has_made_has_the_key_of_its_merges(void **state)
{
    (void)state;
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    refresh(w, RC_OK);
    world_change(w);
    world_wait(w);
    run_ok(w);
    assert_rows_equal(w, ORDERS);
    assert_all_is_well(w);
}

/* The next runs bring each row that the refresh has not, and no other. */
static void assert_goes_on(struct world *w)
{
    world_rest(w);
    run_ok(w);
    assert_rows_equal(w, EVENTS);
    world_change(w);
    world_wait(w);
    run_ok(w);
    assert_rows_equal(w, EVENTS);
}

static void an_event_comes(struct world *w, const char *operation)
{
    (void)operation;
    if (w->moves++ < 20)
        world_insert(w, EVENTS, 20 + w->moves, false);
}

static void rows_that_come_while_a_table_is_refreshed_are_appended_once(void **state)
{
    static const enum world_variant variants[] = {WORLD_APPEND, WORLD_TIME};
    for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
        AUTO(world) *w = world_of(variants[i], EVENTS);
        world_fill(w);
        run_ok(w);
        w->moving = an_event_comes;
        refresh(w, RC_OK);
        assert_goes_on(w);
    }
}

static void rows_within_the_lag_are_not_in_a_refresh_that_is_appended_to(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, EVENTS);
    world_fill(w);
    run_ok(w);
    world_insert(w, EVENTS, 21, true);
    refresh(w, RC_OK);
    assert_goes_on(w);
}

static void the_first_event_comes(struct world *w, const char *operation)
{
    if (text_eq(operation, "next") && w->moves++ == 0)
        world_insert(w, EVENTS, 1, false);
}

/* Nothing could say up to which id it was read. */
static void a_table_whose_first_rows_come_while_it_is_refreshed_is_begun_anew(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    w->moving = the_first_event_comes;
    refresh(w, RC_BUSY);
    refresh(w, RC_OK);
    assert_goes_on(w);
}

static void what_was_a_snapshot_is_not_appended_to(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, EVENTS);
    struct table_config timed = w->tables[0];
    world_fill(w);
    w->tables[0].increment = INCREMENT_FULL_SYNC;
    w->tables[0].mode = MODE_REPLACE;
    run_ok(w);
    w->tables[0] = timed;
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.todo, "--full-refresh"));
    refresh(w, RC_OK);
    assert_goes_on(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_run_adds_the_whole_table),
        cmocka_unit_test(a_table_without_rows_adds_none),
        cmocka_unit_test(a_run_that_dies_anywhere_and_the_same_command_add_the_table_once),
        cmocka_unit_test(what_was_staged_by_a_run_that_was_through_is_loaded_beside_the_next),
        cmocka_unit_test(a_run_for_the_stage_that_dies_is_finished_by_the_same_command),
        cmocka_unit_test(s43_a_whole_table_without_rows_replaces_all_there_were),
        cmocka_unit_test(a_merged_table_that_a_refresh_has_made_has_the_key_of_its_merges),
        cmocka_unit_test(rows_that_come_while_a_table_is_refreshed_are_appended_once),
        cmocka_unit_test(rows_within_the_lag_are_not_in_a_refresh_that_is_appended_to),
        cmocka_unit_test(a_table_whose_first_rows_come_while_it_is_refreshed_is_begun_anew),
        cmocka_unit_test(what_was_a_snapshot_is_not_appended_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* docs/cases.md, "The protocol": processes that stop, stall and come back, waybills that wait, rows that move
 * meanwhile, and what is announced. What is refused: test_cases_refusals.c. */
#include "case.h"

enum { WAIT_FOR_TTL_MS = WORLD_TTL_MS + 2000 };

/* ---- processes that stop, stall and come back ---- */

static int asked;
static bool stop_after_a_while(void *context, struct error *err)
{
    if (++asked < 9)
        return false;
    fail(err, RC_TERMINATED, "asked to end (SIGTERM)");
    return true;
}

static void s71_a_sigterm_gives_up_the_file_and_the_lease(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    struct error err;
    world_fill(w);
    asked = 0;
    struct run *run = world_open(w, false);
    run->world.stopped = stop_after_a_while;
    assert_int_equal(run_execute(run, &err), RC_TERMINATED);
    assert_int_equal(run_exit_status(run), 143);
    world_close(w, run);
    assert_int_equal(mem_objects_uploads(w->objects), 0);
    struct scope *s = world_scope(w, EVENTS);
    assert_false(scope_lease(s).held);
    scope_free(s);
    run_ok(w);
    assert_all_is_well(w);
}

struct second {
    struct world *w;
    struct world_report report;
};

static void run_a_second_one(void *context)
{
    struct second *second = context;
    world_clock_move_ms(&second->w->clock, WAIT_FOR_TTL_MS);
    second->report = world_run(second->w, false);
}

/* The first stalls at the `call`-th call of an arrow, past its lease, and a second run does everything meanwhile. */
static struct world_report stall_in(struct world *w, const char *arrow, int call, struct second *second)
{
    *second = (struct second){.w = w};
    w->plan = (struct fault_plan){.fault = FAULT_STALL, .stalled = run_a_second_one, .context = second};
    w->hit_arrow = arrow;
    w->hit_call = call;
    struct world_report report = world_run(w, true);
    w->hit_arrow = NULL;
    assert_true(w->plan.fired > 0);
    w->plan = (struct fault_plan){0};
    assert_int_equal(second->report.rc, RC_OK);
    return report;
}

static void assert_well_but_for_leftovers(struct world *w)
{
    AUTO_RELEASE(buf) why = {0};
    if (!world_check(w, (struct world_rules){.zombies = true}, &why))
        fail_msg("%s", why.at);
}

static void s76_what_a_sleeper_seals_after_it_was_replaced_changes_nothing(void **state)
{
    static const char *const arrows[] = {"extract", "seal"};
    for (int i = 0; i < 2; i++) {
        AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
        struct second second;
        world_fill(w);
        assert_int_equal(stall_in(w, arrows[i], 2, &second).rc, RC_LEASE);
        assert_int_equal(second.report.results[0].rows_loaded, 6);
        run_ok(w);
        assert_well_but_for_leftovers(w);
        assert_int_equal(target_rows(w, "events"), 6);
    }
}

static void s99_a_paused_owner_loads_nothing_that_its_successor_has_not_loaded(void **state)
{
    for (int call = 1; call <= 12; call++) {
        AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
        struct second second;
        world_fill(w);
        w->options = (struct run_options){.backup_only = true};
        run_ok(w);
        w->options = (struct run_options){0};
        struct world_report first = stall_in(w, "load", call, &second);
        assert_true(first.rc != RC_OK);
        run_ok(w);
        assert_well_but_for_leftovers(w);
        assert_int_equal(target_rows(w, "events"), 6);
    }
}

/* ---- many waybills wait ---- */

static void s78_five_hundred_staged_runs_load_in_order_and_once(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    w->options = (struct run_options){.backup_only = true};
    for (int i = 1; i <= 500; i++) {
        world_insert(w, EVENTS, i, true);
        buf_reset(&w->log);
        run_ok(w);
    }
    w->options = (struct run_options){.redshift_only = true};
    assert_int_equal(run_ok(w).results[0].loads, 500);
    assert_all_is_well(w);
    int count;
    const struct mem_seen *seen = mem_database_history(w->database, &count);
    for (int i = 1; i < count; i++) /* one row more with each waybill: never two at once, never back */
        assert_true(seen[i].rows == seen[i - 1].rows + 1);
}

static void s79_a_sealed_waybill_that_the_mark_does_not_know_is_finished(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    die_in(w, "seal", 2, FAULT_CRASH_AFTER);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 2); /* the other chunk only */
    assert_int_equal(report.results[0].rows_loaded, 6);
    assert_all_is_well(w);
}

static void a_receipt_that_was_not_written_is_written_later_and_is_no_failure(void **state)
{
    int loaded = 0;
    for (int call = 1; call <= 30; call++) {
        AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
        world_fill(w);
        w->options = (struct run_options){.backup_only = true};
        run_ok(w);
        w->options = (struct run_options){0};
        die_in(w, "load", call, FAULT_CRASH_AFTER);
        loaded += target_rows(w, "events") > 0; /* and its receipt may be missing */
        assert_int_equal(run_ok(w).exit_status, 0);
        assert_all_is_well(w);
    }
    assert_true(loaded > 0);
}

static void s83_a_reset_drops_the_waybills_that_wait(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    world_change(w);
    w->options = (struct run_options){.backup_only = true};
    run_ok(w);
    w->options = (struct run_options){0};
    struct run *run = world_open(w, false);
    struct watermark_change change = {.timestamp = "2024-06-01 00:01:00", .reason = "test", .author = "test"};
    struct error err;
    assert_int_equal(watermark_set(run, &change, &err), RC_OK);
    world_close(w, run);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 7); /* from the mark that was set */
    assert_int_equal(report.results[0].loads, 2);          /* and none of the two that had waited */
    assert_rows_equal(w, ORDERS);
}

/* ---- ranges ---- */

static void s89_a_group_of_equal_cursors_larger_than_limit_and_chunk_arrives(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_insert(w, ORDERS, 1, false);
    world_wait(w);
    run_ok(w);
    for (int id = 100; id < 140; id++)
        world_insert(w, ORDERS, id, true);
    world_wait(w);
    int64_t extracted = 0;
    w->options.limit = 7;
    for (int i = 0; i < 6; i++)
        extracted += run_ok(w).results[0].rows_extracted;
    assert_int_equal(extracted, 40); /* each once */
    assert_all_is_well(w);
}

static void s90_a_smaller_id_that_commits_later_arrives(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    mem_server_set_now(w->server, w->clock.us);
    struct mem_transaction *late = mem_server_begin(w->server);
    mem_transaction_put(late, "events", "5|late");
    world_insert(w, EVENTS, 4, false);
    world_insert(w, EVENTS, 6, false);
    run_ok(w);
    assert_int_equal(target_rows(w, "events"), -1); /* 6 is the ceiling, and not final while 5 may come */
    run_ok(w);
    assert_int_equal(target_rows(w, "events"), -1);
    mem_transaction_commit(late);
    world_clock_move_ms(&w->clock, 1000);
    run_ok(w);
    assert_all_is_well(w);
    assert_int_equal(target_rows(w, "events"), 3);
}

/* Something is always open, but never the same for long: the ceiling of the run before becomes usable. */
static void s90_a_busy_source_is_followed_one_run_behind(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    struct mem_transaction *open = NULL;
    for (int i = 1; i <= 5; i++) {
        world_insert(w, EVENTS, i, false);
        mem_server_set_now(w->server, w->clock.us);
        struct mem_transaction *next = mem_server_begin(w->server);
        if (open != NULL)
            mem_transaction_rollback(open);
        open = next;
        world_clock_move_ms(&w->clock, 1000);
        run_ok(w);
    }
    assert_int_equal(target_rows(w, "events"), 4);
    mem_transaction_rollback(open);
    run_ok(w);
    assert_all_is_well(w);
}

static void move_a_row(void *context, const char *operation)
{
    struct world *w = context;
    mem_server_set_now(w->server, w->clock.us);
    if (strcmp(operation, "next") != 0 || w->row >= 8)
        return;
    world_update(w, ORDERS, 5); /* it leaves the walk: its cursor is above the walk's hi now */
}

static void s92_a_row_that_moves_while_the_first_load_walks_arrives(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    struct error err;
    world_fill(w);
    struct run *run = world_open(w, false);
    mem_server_hook(w->server, move_a_row, w);
    assert_int_equal(run_execute(run, &err), RC_OK);
    world_close(w, run);
    world_wait(w);
    run_ok(w);
    assert_all_is_well(w);
}

/* Its key is one that the walk has passed, and its new stamp lies between the walk's end and that of the next run. */
static void s92_a_row_that_moves_behind_a_walk_between_two_runs_arrives(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    w->options.limit = 4;
    run_ok(w);
    w->options.limit = 0;
    world_update(w, ORDERS, 2);
    world_wait(w);
    run_ok(w);
    assert_all_is_well(w);
}

/* The walk's rest moves away altogether between two runs: the mark must not stay in the walk for ever. */
static void a_walk_whose_rest_has_moved_goes_on_by_cursor(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    w->options.limit = 4;
    run_ok(w);
    w->options.limit = 0;
    for (int id = 5; id <= 7; id++)
        world_update(w, ORDERS, id);
    world_wait(w);
    run_ok(w);
    assert_all_is_well(w);
    struct scope *s = world_scope(w, ORDERS);
    assert_int_equal(scope_marks(s)->extracted.pos.shape, POSITION_AT);
    scope_free(s);
}

/* ---- announcing ---- */

static int64_t marker_rows(struct world *w, int *ret_count)
{
    int64_t rows = -1;
    *ret_count = 0;
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        struct mem_object object = mem_objects_at(w->objects, i);
        if (strstr(object.key, "completion_marker.txt") == NULL)
            continue;
        const char *at = strstr(object.body.at, "\nRows: ");
        assert_non_null(at);
        rows = strtoll(at + 7, NULL, 10);
        (*ret_count)++;
    }
    return rows;
}

static void s95_a_crash_between_announce_and_close_announces_again_with_the_same_counts(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    int count;
    world_fill(w);
    die_in(w, "close", 1, FAULT_CRASH_BEFORE);
    assert_int_equal(marker_rows(w, &count), 6);
    assert_int_equal(count, 1);
    world_clock_move_ms(&w->clock, 60000);
    run_ok(w);
    assert_int_equal(marker_rows(w, &count), 6); /* the last one by name */
    assert_int_equal(count, 2);
    assert_all_is_well(w);
}

/* ---- looking ---- */

/* Invariant e of docs/cases.md. */
static void looking_changes_no_byte(void **state)
{
    AUTO(world) *w = world_new(WORLD_APPEND, NULL);
    char before[SHA256_HEX], after[SHA256_HEX];
    struct error err;
    world_fill(w);
    for (int i = 0; i < 2; i++) {
        world_digest(w, before);
        struct run *run = world_open(w, false);
        for (int t = 0; t < run->route_count; t++) {
            struct plan plan;
            struct standing standing;
            assert_int_equal(look_plan(&run->routes[t], &plan, &err), RC_OK);
            assert_int_equal(look_standing(&run->routes[t], &standing, &err), RC_OK);
        }
        world_close(w, run);
        world_digest(w, after);
        assert_string_equal(before, after);
        run_ok(w);
        world_change(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s71_a_sigterm_gives_up_the_file_and_the_lease),
        cmocka_unit_test(s76_what_a_sleeper_seals_after_it_was_replaced_changes_nothing),
        cmocka_unit_test(s99_a_paused_owner_loads_nothing_that_its_successor_has_not_loaded),
        cmocka_unit_test(s78_five_hundred_staged_runs_load_in_order_and_once),
        cmocka_unit_test(s79_a_sealed_waybill_that_the_mark_does_not_know_is_finished),
        cmocka_unit_test(a_receipt_that_was_not_written_is_written_later_and_is_no_failure),
        cmocka_unit_test(s83_a_reset_drops_the_waybills_that_wait),
        cmocka_unit_test(s89_a_group_of_equal_cursors_larger_than_limit_and_chunk_arrives),
        cmocka_unit_test(s90_a_smaller_id_that_commits_later_arrives),
        cmocka_unit_test(s90_a_busy_source_is_followed_one_run_behind),
        cmocka_unit_test(s92_a_row_that_moves_while_the_first_load_walks_arrives),
        cmocka_unit_test(s92_a_row_that_moves_behind_a_walk_between_two_runs_arrives),
        cmocka_unit_test(a_walk_whose_rest_has_moved_goes_on_by_cursor),
        cmocka_unit_test(s95_a_crash_between_announce_and_close_announces_again_with_the_same_counts),
        cmocka_unit_test(looking_changes_no_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

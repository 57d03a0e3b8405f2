/* What does not fit together is refused, with the word by which it goes on: T and the chain, another target, another
 * server, a store that ignores conditions, a file that is gone, another owner, a newer format (docs/cases.md). */
#include "case.h"
#include "move/history.h"

/* ---- S, T and the target do not fit ---- */

static void s80_a_target_restored_from_a_backup_is_loaded_again_along_the_chain(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    const struct mem_snapshot *backup = mem_database_snapshot(w->database);
    world_change(w);
    run_ok(w);
    mem_database_restore(w->database, backup);
    struct world_report report = run_ok(w);
    assert_non_null(strstr(report.results[0].warning, "restored from a backup"));
    assert_int_equal(report.results[0].rows_extracted, 0);
    assert_int_equal(report.results[0].rows_loaded, 5);
    assert_all_is_well(w);
}

static struct world_report restore_from_target(struct world *w)
{
    struct world_report report = {0};
    struct run *run = world_open(w, false);
    struct watermark_change change = {.from_target = true, .reason = "test", .author = "test"};
    report.rc = watermark_restore(run, &change, &report.error);
    world_close(w, run);
    return report;
}

static void s81_a_lost_scope_document_is_refused_and_rebuilt_from_the_target(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    assert_true(mem_objects_remove(w->objects, "watermark/tables/shop/events.json"));
    struct world_report report = run_expecting(w, RC_DATA);
    assert_int_equal(report.exit_status, 6);
    assert_non_null(strstr(report.error.todo, "watermark restore --from-target"));
    assert_int_equal(restore_from_target(w).rc, RC_OK);
    world_change(w);
    report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 5);
    assert_int_equal(report.results[0].rows_announced,
                     11); /* what was applied is announced: the count is not known any more */
    assert_rows_equal(w, EVENTS);
}

static void s81_a_scope_document_put_back_by_hand_is_refused(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    AUTO_RELEASE(buf) old = {0};
    buf_add_str(&old, scope_text(w, "events"));
    world_change(w);
    run_ok(w);
    mem_objects_put(w->objects, "watermark/tables/shop/events.json", buf_str(&old));
    struct world_report report = run_expecting(w, RC_DATA);
    assert_non_null(strstr(report.error.text, "not on the chain"));
    assert_int_equal(restore_from_target(w).rc, RC_OK);
    run_ok(w);
    assert_rows_equal(w, EVENTS);
}

static void change_target(struct world *w)
{
    mem_database_free(w->database);
    w->database = mem_database_new();
}

static void s82_another_target_is_refused_until_it_is_accepted(void **state)
{
    AUTO(world) *w = world_of(WORLD_MERGE, EVENTS);
    world_fill(w);
    run_ok(w);
    change_target(w);
    struct world_report report = run_expecting(w, RC_DATA);
    assert_int_equal(report.exit_status, 6);
    assert_non_null(strstr(report.error.todo, "--accept-target"));
    w->options.accept_target = true;
    run_ok(w);
    w->options.accept_target = false;
    assert_rows_equal(w, EVENTS);
    run_ok(w);
}

static void s82_an_emptied_append_target_needs_a_word_about_duplicates(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    change_target(w);
    w->options.accept_target = true;
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.todo, "--allow-duplicates"));
    w->options.allow_duplicates = true;
    run_ok(w);
    assert_rows_equal(w, EVENTS);
}

static enum rc read_everything_anew(struct world *w)
{
    struct error err;
    struct run *run = world_open(w, false);
    struct watermark_change change = {.allow_duplicates = true, .reason = "test", .author = "test"};
    enum rc rc = watermark_reset(run, &change, &err);
    world_close(w, run);
    return rc;
}

/* Somebody drops the table, so that it be loaded anew; made anew it would have what is new alone. */
static void a_table_that_is_gone_is_refused_and_not_made_for_what_is_new_alone(void **state)
{
    static const enum world_variant variants[] = {WORLD_APPEND, WORLD_MERGE};
    for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
        AUTO(world) *w = world_of(variants[i], EVENTS);
        world_fill(w);
        run_ok(w);
        mem_database_drop_table(w->database, "events");
        world_change(w);
        struct world_report report = run_expecting(w, RC_DATA);
        assert_int_equal(report.exit_status, 6);
        assert_non_null(strstr(report.error.text, "'events' is gone"));
        assert_non_null(strstr(report.error.todo, "watermark reset"));
        run_expecting(w, RC_DATA);
        assert_int_equal(target_rows(w, "events"), -1);
        assert_int_equal(read_everything_anew(w), RC_OK);
        run_ok(w);
        assert_rows_equal(w, EVENTS);
    }
}

static void rows_that_are_read_aside_make_no_table_anew_either(void **state)
{
    AUTO(world) *w = world_of(WORLD_MERGE, ORDERS);
    world_fill(w);
    run_ok(w);
    mem_database_drop_table(w->database, "orders");
    w->options = (struct run_options){.has_end = true, .end_us = w->clock.us};
    assert_non_null(strstr(run_expecting(w, RC_DATA).error.text, "'orders' is gone"));
}

static void a_table_that_is_replaced_may_be_gone(void **state)
{
    AUTO(world) *w = world_of(WORLD_MERGE, EVENTS);
    world_fill(w);
    run_ok(w);
    mem_database_drop_table(w->database, "events");
    w->options.full_refresh = true;
    run_ok(w);
    assert_rows_equal(w, EVENTS);
}

static void a_table_that_is_to_begin_with_what_is_new_is_accepted(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    mem_database_drop_table(w->database, "events");
    world_change(w);
    w->options.accept_target = true;
    assert_int_equal(target_rows(w, "events"), -1);
    struct world_report report = run_ok(w);
    assert_int_equal(target_rows(w, "events"), report.results[0].rows_extracted);
}

static enum rc plan_of(struct world *w, struct error *err)
{
    struct plan plan;
    struct run *run = world_open(w, false);
    enum rc rc = look_plan(&run->routes[0], &plan, err);
    world_close(w, run);
    return rc;
}

static void a_table_that_is_gone_is_seen_by_a_run_that_has_nothing_to_load(void **state)
{
    static const enum world_variant variants[] = {WORLD_APPEND, WORLD_MERGE};
    for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
        AUTO(world) *w = world_of(variants[i], EVENTS);
        struct error err;
        world_fill(w);
        run_ok(w);
        mem_database_drop_table(w->database, "events");
        assert_string_equal(run_expecting(w, RC_DATA).error.id, "target-table-gone");
        assert_int_equal(plan_of(w, &err), RC_DATA);
        w->options.redshift_only = true;
        run_expecting(w, RC_DATA);
        w->options = (struct run_options){.backup_only = true};
        run_ok(w);
        w->options = (struct run_options){0};
        assert_int_equal(read_everything_anew(w), RC_OK);
        assert_int_equal(plan_of(w, &err), RC_OK);
        run_ok(w);
        assert_rows_equal(w, EVENTS);
    }
}

static void a_table_that_may_begin_with_what_is_new_is_made_at_once(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    mem_database_drop_table(w->database, "events");
    w->options.accept_target = true;
    assert_non_null(strstr(run_ok(w).results[0].warning, "made anew"));
    assert_int_equal(target_rows(w, "events"), 0);
    w->options.accept_target = false;
    run_ok(w);
    world_change(w);
    struct world_report report = run_ok(w);
    assert_int_equal(target_rows(w, "events"), report.results[0].rows_extracted);
}

static bool tells_of_emptied(struct world *w)
{
    return strstr(or_empty(run_ok(w).results[0].warning), "empty") != NULL;
}

/* By a hand that does not know that what was loaded does not come again. */
static void a_merged_table_that_was_emptied_is_told_of(void **state)
{
    AUTO(world) *w = world_of(WORLD_MERGE, EVENTS);
    world_fill(w);
    assert_false(tells_of_emptied(w));
    assert_false(tells_of_emptied(w));
    mem_database_empty_table(w->database, "events");
    assert_true(tells_of_emptied(w));
    world_change(w);
    assert_true(tells_of_emptied(w)); /* before what is new hides it */
    mem_database_empty_table(w->database, "events");
    w->options.backup_only = true;
    world_insert(w, EVENTS, 900, false);
    world_wait(w);
    assert_false(tells_of_emptied(w));
    w->options = (struct run_options){.redshift_only = true};
    assert_true(tells_of_emptied(w)); /* by the load of what waits */
}

static void a_table_that_may_be_empty_is_not_told_of(void **state)
{
    AUTO(world) *staging = world_of(WORLD_APPEND, EVENTS), *mirror = world_of(WORLD_MERGE, ORDERS);
    world_fill(staging);
    run_ok(staging);
    mem_database_empty_table(staging->database, "events");
    assert_false(tells_of_emptied(staging));
    mirror->tables[0].delete_detection = DELETES_BY_KEYS;
    mirror->tables[0].delete_max = 100;
    world_fill(mirror);
    run_ok(mirror);
    mem_database_empty_table(mirror->database, "orders");
    assert_false(tells_of_emptied(mirror));
}

/* ---- the source is not what it was ---- */

static void s86_a_source_whose_clock_went_back_is_refused_until_accepted(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    w->clock.us -= INT64_C(3600000000);
    struct world_report report = run_expecting(w, RC_DATA);
    assert_non_null(strstr(report.error.text, "gone back"));
    assert_non_null(strstr(report.error.todo, "--accept-source"));
    w->options.accept_source = true;
    run_ok(w);
}

static void s86_what_a_clock_that_went_back_stamps_is_read_once_the_mark_is_set_back(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    w->clock.us -= INT64_C(3600000000);
    const char *back = arena_print(&w->arena, "%s", "2024-05-31 23:00:00");
    world_insert(w, ORDERS, 40, false);
    world_wait(w);
    assert_non_null(strstr(run_expecting(w, RC_DATA).error.todo, "watermark set"));
    w->options.accept_source = true;
    assert_int_equal(run_ok(w).results[0].rows_extracted, 0);
    assert_non_null(strstr(w->log.at, "mark.ahead"));
    struct run *run = world_open(w, false);
    struct watermark_change change = {.name = HISTORY_SET, .timestamp = back, .reason = "test", .author = "test"};
    struct error err;
    assert_int_equal(watermark_set(run, &change, &err), RC_OK);
    world_close(w, run);
    assert_null(run_ok(w).results[0].warning);
    assert_rows_equal(w, ORDERS);
}

static void ids_that_may_be_given_out_again_are_told(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    assert_null(run_ok(w).results[0].warning);
    mem_server_delete(w->server, "events", "6");
    run_ok(w);
    assert_non_null(strstr(w->log.at, "ids.behind"));
}

static void rows_that_are_stamped_in_the_future_are_told_by_every_run(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    mem_server_put(w->server, "orders", "41|from a wrong clock|1.25|2024-06-01 12:00:00");
    assert_int_equal(run_ok(w).results[0].rows_extracted, 0);
    assert_null(strstr(w->log.at, "rows.ahead")); /* half a day is a writer's zone, and comes soon */
    mem_server_put(w->server, "orders", "42|from a form|1.25|2099-01-01 00:00:00");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run_ok(w).results[0].rows_extracted, 0);
        assert_non_null(strstr(w->log.at, "rows.ahead"));
        buf_reset(&w->log);
    }
}

static void s86_another_server_is_refused_until_accepted(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    mem_server_set_id(w->server, "server-2");
    struct world_report report = run_expecting(w, RC_DATA);
    assert_int_equal(report.exit_status, 6);
    assert_non_null(strstr(report.error.text, "server-2"));
    w->options.accept_source = true;
    run_ok(w);
    w->options.accept_source = false;
    run_ok(w); /* the new one is the known one now */
}

static void hidden_transactions_need_a_lag_that_somebody_chose(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    mem_server_hide_transactions(w->server, true);
    w->tables[0].lag_is_given = false;
    assert_int_equal(run_expecting(w, RC_CONFIG).exit_status, 2);
    w->tables[0].lag_is_given = true;
    run_ok(w);
    assert_all_is_well(w);
}

/* Whatever the lag: nothing tells what is still to come. A whole table is what it is. */
static void s27_a_replica_that_stands_still_is_read_by_no_range(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    mem_server_hide_transactions(w->server, true);
    w->tables[0].lag_is_given = true;
    mem_server_stand_still(w->server, RC_BUSY);
    struct world_report report = run_expecting(w, RC_BUSY);
    assert_int_equal(report.exit_status, 5);
    assert_string_equal(error_id(&report.error), "replica-stands-still");
    assert_string_equal(report.error.todo, "start it again");
    mem_server_stand_still(w->server, RC_DENIED);
    assert_int_equal(run_expecting(w, RC_DENIED).exit_status, 8);
    mem_server_stand_still(w->server, RC_OK);
    run_ok(w);
    assert_all_is_well(w);
}

/* ---- the store is not what it should be ---- */

static void s87_a_store_that_ignores_conditions_is_found_out_on_first_use(void **state)
{
    for (int i = 0; i < 2; i++) {
        AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
        world_fill(w);
        mem_objects_set(w->objects, (struct mem_manners){.ignores_if_none_match = i == 0, .ignores_if_match = i == 1});
        struct world_report report = run_expecting(w, RC_CONFIG);
        assert_non_null(strstr(report.error.text, i == 0 ? "If-None-Match" : "If-Match"));
        assert_int_equal(target_rows(w, "orders"), -1);
    }
}

static void s88_a_staged_file_that_is_gone_names_the_way_out(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    w->options = (struct run_options){.backup_only = true};
    run_ok(w);
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        struct mem_object object = mem_objects_at(w->objects, i);
        if (strstr(object.key, ".parquet") == NULL)
            continue;
        char key[256];
        snprintf(key, sizeof(key), "%s", object.key);
        assert_true(mem_objects_remove(w->objects, key));
        break;
    }
    w->options = (struct run_options){0};
    struct world_report report = run_expecting(w, RC_DATA);
    assert_int_equal(report.exit_status, 6);
    assert_non_null(strstr(report.error.text, ".parquet"));
    assert_non_null(strstr(report.error.todo, "watermark restore --from-target"));
    struct run *run = world_open(w, false); /* the target has no row yet, so nothing can come twice */
    struct watermark_change change = {
        .from_target = true, .allow_duplicates = true, .reason = "test", .author = "test"};
    struct error err;
    assert_int_equal(watermark_restore(run, &change, &err), RC_OK);
    world_close(w, run);
    run_ok(w);
    assert_rows_equal(w, EVENTS);
}

/* ---- others have been here ---- */

static void s94_a_second_pipeline_on_one_target_table_is_refused(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    w->tables[0].name = "orders";
    w->tables[0].increment = INCREMENT_ID_ONLY;
    struct mem_object object;
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_false(mem_objects_find(w->objects, "watermark/tables/shop/orders.json", &object));
    assert_non_null(strstr(report.error.text, "shop/events"));
    assert_non_null(strstr(report.error.todo, "shared: true"));
}

static void s98_a_waybill_of_a_newer_format_is_refused(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    w->options = (struct run_options){.backup_only = true};
    run_ok(w);
    w->options = (struct run_options){0};
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        struct mem_object object = mem_objects_at(w->objects, i);
        if (strstr(object.key, "waybill.json") == NULL)
            continue;
        AUTO_RELEASE(buf) newer = {0};
        char key[256];
        snprintf(key, sizeof(key), "%s", object.key);
        buf_addf(&newer, "{\n  \"format\": 3%s", strchr(object.body.at, ','));
        mem_objects_put(w->objects, key, buf_str(&newer));
        break;
    }
    struct world_report report = run_expecting(w, RC_DATA);
    assert_non_null(strstr(report.error.text, "format 3"));
    assert_non_null(strstr(report.error.todo, "newer"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s80_a_target_restored_from_a_backup_is_loaded_again_along_the_chain),
        cmocka_unit_test(s81_a_lost_scope_document_is_refused_and_rebuilt_from_the_target),
        cmocka_unit_test(s81_a_scope_document_put_back_by_hand_is_refused),
        cmocka_unit_test(s82_another_target_is_refused_until_it_is_accepted),
        cmocka_unit_test(s82_an_emptied_append_target_needs_a_word_about_duplicates),
        cmocka_unit_test(a_table_that_is_gone_is_refused_and_not_made_for_what_is_new_alone),
        cmocka_unit_test(rows_that_are_read_aside_make_no_table_anew_either),
        cmocka_unit_test(a_table_that_is_replaced_may_be_gone),
        cmocka_unit_test(a_table_that_is_to_begin_with_what_is_new_is_accepted),
        cmocka_unit_test(a_table_that_is_gone_is_seen_by_a_run_that_has_nothing_to_load),
        cmocka_unit_test(a_table_that_may_begin_with_what_is_new_is_made_at_once),
        cmocka_unit_test(a_merged_table_that_was_emptied_is_told_of),
        cmocka_unit_test(a_table_that_may_be_empty_is_not_told_of),
        cmocka_unit_test(s86_a_source_whose_clock_went_back_is_refused_until_accepted),
        cmocka_unit_test(s86_what_a_clock_that_went_back_stamps_is_read_once_the_mark_is_set_back),
        cmocka_unit_test(ids_that_may_be_given_out_again_are_told),
        cmocka_unit_test(rows_that_are_stamped_in_the_future_are_told_by_every_run),
        cmocka_unit_test(s86_another_server_is_refused_until_accepted),
        cmocka_unit_test(hidden_transactions_need_a_lag_that_somebody_chose),
        cmocka_unit_test(s27_a_replica_that_stands_still_is_read_by_no_range),
        cmocka_unit_test(s87_a_store_that_ignores_conditions_is_found_out_on_first_use),
        cmocka_unit_test(s88_a_staged_file_that_is_gone_names_the_way_out),
        cmocka_unit_test(s94_a_second_pipeline_on_one_target_table_is_refused),
        cmocka_unit_test(s98_a_waybill_of_a_newer_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rows that are deleted in the source (delete_detection: keys), ranges that are replaced, tables that are swapped. */
#include "case.h"
#include "move/mend.h"
#include "world/mem_database.h"

static struct world *world_that_detects(enum world_variant variant)
{
    struct world *w = world_of(variant, ORDERS);
    w->tables[0].delete_detection = DELETES_BY_KEYS;
    w->tables[0].delete_max = 10;
    return w;
}

static void rows_that_are_deleted_in_the_source_go_from_the_target(void **state)
{
    for (int variant = WORLD_APPEND; variant <= WORLD_TIME; variant++) {
        AUTO(world) *w = world_that_detects((enum world_variant)variant);
        world_fill(w);
        assert_int_equal(run_ok(w).results[0].rows_deleted, 0);
        assert_all_is_well(w);
        mem_server_delete(w->server, "orders", variant == WORLD_MERGE ? "south|2" : "2");
        mem_server_delete(w->server, "orders", variant == WORLD_MERGE ? "north|5" : "5");
        struct world_report report = run_ok(w);
        assert_int_equal(report.results[0].rows_deleted, 2);
        assert_int_equal(report.results[0].rows_extracted, 0);
        assert_int_equal(report.results[0].rows_announced, 0);
        assert_int_equal(target_rows(w, "orders"), 5);
        assert_all_is_well(w);
    }
}

static void keys_leave_the_mark_and_the_counts_alone(void **state)
{
    AUTO(world) *w = world_that_detects(WORLD_APPEND);
    world_fill(w);
    run_ok(w);
    AUTO(scope) *before = world_scope(w, ORDERS);
    mem_server_delete(w->server, "orders", "7");
    run_ok(w);
    AUTO(scope) *after = world_scope(w, ORDERS);
    assert_true(position_equal(&scope_marks(before)->extracted.pos, &scope_marks(after)->extracted.pos));
    assert_string_not_equal(scope_marks(before)->extracted.id, scope_marks(after)->extracted.id);
    assert_int_equal(scope_marks(after)->total.rows, 7);
}

static void a_row_that_is_inserted_again_comes_back(void **state)
{
    AUTO(world) *w = world_that_detects(WORLD_APPEND);
    world_fill(w);
    run_ok(w);
    mem_server_delete(w->server, "orders", "3");
    run_ok(w);
    world_insert(w, ORDERS, 3, false);
    world_wait(w);
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 7);
    assert_all_is_well(w);
}

/* Pieces are cut for the rows' columns, and a key that moved from one piece to another would look gone. */
static void keys_are_read_by_one_reader_however_many_there_are(void **state)
{
    AUTO(world) *w = world_that_detects(WORLD_APPEND);
    w->threads = true;
    w->pipeline.strategy = STRATEGY_INTRA_TABLE;
    w->pipeline.max_memory_bytes = 1 << 30;
    w->pipeline.part_bytes = w->pipeline.file_bytes = 16 << 20; /* one file for each reader */
    w->tables[0].chunk.rows = 1000;
    world_fill(w);
    run_ok(w);
    world_change(w);
    mem_server_delete(w->server, "orders", "3");
    assert_int_equal(run_ok(w).results[0].rows_deleted, 1);
    int of_rows = 0, of_keys = 0; /* waybills of more than one file */
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        struct mem_object object = mem_objects_at(w->objects, i);
        if (strstr(object.key, "/waybill.json") == NULL || strstr(object.body.at, "file-00001.parquet") == NULL)
            continue;
        bool is_keys = strstr(object.body.at, "\"mode\": \"keys\"") != NULL;
        of_keys += is_keys;
        of_rows += !is_keys;
    }
    assert_true(of_rows == 2 && of_keys == 0);
    assert_all_is_well(w);
}

/* Keys are read behind the last chunk, so what comes meanwhile is no reason to delete anything. */
static void rows_that_come_while_keys_are_read_stay(void **state)
{
    AUTO(world) *w = world_that_detects(WORLD_APPEND);
    w->tables[0].lag_ms = 0;
    world_fill(w);
    run_ok(w);
    w->moving = world_keep_moving;
    for (int i = 0; i < 5; i++) {
        world_change(w);
        assert_int_equal(run_ok(w).results[0].rows_deleted, 0);
    }
    world_rest(w);
    run_ok(w);
    assert_all_is_well(w);
}

static void an_emptied_source_is_not_believed_unasked(void **state)
{
    AUTO(world) *w = world_that_detects(WORLD_APPEND);
    world_fill(w);
    run_ok(w);
    for (int id = 1; id <= 7; id++)
        mem_server_delete(w->server, "orders", arena_print(&w->arena, "%d", id));
    struct world_report report = run_expecting(w, RC_DATA);
    assert_string_equal(error_id(&report.error), "too-many-deletes");
    assert_int_equal(report.exit_status, 6);
    assert_int_equal(target_rows(w, "orders"), 7);
    run_expecting(w, RC_DATA);
    w->options.allow_deletes = true;
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 0);
    assert_all_is_well(w);
}

static void rows_that_are_gone_may_stay_and_be_noted(void **state)
{
    AUTO(world) *w = world_that_detects(WORLD_APPEND);
    w->tables[0].soft_delete = "gone_at";
    w->tables[0].audit = AUDIT_PROFILE;
    world_fill(w);
    run_ok(w);
    mem_server_delete(w->server, "orders", "2");
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_deleted, 1);
    assert_string_equal(report.results[0].audit, "passed");
    assert_int_equal(target_rows(w, "orders"), 7);
    AUTO_RELEASE(buf) rows = {0};
    mem_database_print(w->database, "orders", &rows);
    assert_non_null(strstr(rows.at, "|2024-06-01T"));
}

static void keys_that_were_staged_delete_when_they_are_loaded(void **state)
{
    AUTO(world) *w = world_that_detects(WORLD_APPEND);
    world_fill(w);
    run_ok(w);
    w->options.backup_only = true;
    mem_server_delete(w->server, "orders", "2");
    run_ok(w);
    world_insert(w, ORDERS, 30, false);
    world_wait(w);
    run_ok(w);
    w->options = (struct run_options){.redshift_only = true};
    assert_int_equal(run_ok(w).results[0].rows_deleted, 1);
    w->options = (struct run_options){0};
    assert_all_is_well(w);
}

/* Staged by one run, loaded by another, and somebody has changed the configuration in between. */
static void what_was_sealed_says_whether_rows_are_noted_or_deleted(void **state)
{
    for (int was_noted = 0; was_noted < 2; was_noted++) {
        AUTO(world) *w = world_that_detects(WORLD_APPEND);
        w->tables[0].soft_delete = was_noted ? "gone_at" : NULL;
        world_fill(w);
        run_ok(w);
        mem_server_delete(w->server, "orders", "2");
        w->options.backup_only = true;
        run_ok(w);
        w->options = (struct run_options){.redshift_only = true};
        w->tables[0].soft_delete = was_noted ? NULL : "gone_at";
        assert_int_equal(run_ok(w).results[0].rows_deleted, 1);
        assert_int_equal(target_rows(w, "orders"), was_noted ? 7 : 6);
    }
}

static void keys_that_were_sealed_count_though_nobody_looks_for_any_now(void **state)
{
    AUTO(world) *w = world_that_detects(WORLD_APPEND);
    w->tables[0].soft_delete = "gone_at";
    w->options.backup_only = true;
    world_fill(w);
    run_ok(w);
    mem_server_delete(w->server, "orders", "2");
    run_ok(w);
    w->options = (struct run_options){.redshift_only = true};
    w->tables[0].soft_delete = NULL;
    w->tables[0].delete_detection = DELETES_UNSEEN;
    assert_int_equal(run_ok(w).results[0].rows_deleted, 1); /* in a table that this run has made */
    AUTO_RELEASE(buf) rows = {0};
    mem_database_print(w->database, "orders", &rows);
    assert_non_null(strstr(rows.at, "|2024-06-01T"));
}

static void a_limited_run_reads_no_keys(void **state)
{
    AUTO(world) *w = world_that_detects(WORLD_APPEND);
    world_fill(w);
    run_ok(w);
    mem_server_delete(w->server, "orders", "2");
    world_change(w);
    w->options.limit = 1;
    assert_int_equal(run_ok(w).results[0].rows_deleted, 0);
    w->options.limit = 0;
    assert_int_equal(run_ok(w).results[0].rows_deleted, 0); /* it has come again with the change */
    assert_all_is_well(w);
}

static void a_refresh_needs_no_keys(void **state)
{
    AUTO(world) *w = world_that_detects(WORLD_APPEND);
    world_fill(w);
    run_ok(w);
    mem_server_delete(w->server, "orders", "2");
    w->options.full_refresh = true;
    assert_int_equal(run_ok(w).results[0].waybills, 1);
    w->options.full_refresh = false;
    run_ok(w);
    assert_all_is_well(w);
}

/* ---- ranges ---- */

static void ranges_are_replaced_and_what_was_read_again_is_there_once(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, EVENTS);
    w->tables[0].mode = MODE_DELETE_INSERT;
    w->tables[0].lookback_ms = INT64_C(24) * 3600 * 1000;
    world_fill(w);
    run_ok(w);
    assert_all_is_well(w);
    for (int i = 0; i < 3; i++) {
        world_change(w);
        run_ok(w);
        assert_all_is_well(w);
    }
}

static void a_reset_replaces_ranges_and_doubles_nothing(void **state)
{
    for (int variant = WORLD_APPEND; variant <= WORLD_TIME; variant += WORLD_TIME) {
        AUTO(world) *w = world_of((enum world_variant)variant, EVENTS);
        w->tables[0].mode = MODE_DELETE_INSERT;
        world_fill(w);
        run_ok(w);
        world_change(w);
        run_ok(w);
        assert_int_equal(world_reset(w, false).rc, RC_OK);
        run_ok(w);
        assert_all_is_well(w);
    }
}

static void a_walk_by_key_makes_room_once(void **state)
{
    AUTO(world) *w = world_of(WORLD_TIME, ORDERS);
    w->tables[0].mode = MODE_DELETE_INSERT;
    w->tables[0].insert_only = true;
    w->tables[0].chunk.rows = 2;
    world_fill(w);
    run_ok(w);
    assert_all_is_well(w);
    assert_int_equal(world_reset(w, false).rc, RC_OK);
    w->options.max_chunks = 2; /* in the middle of the walk */
    run_ok(w);
    w->options.max_chunks = 0;
    run_ok(w);
    assert_all_is_well(w);
}

/* ---- ranges that the source has no rows of any more ---- */

static struct world *world_that_replaces(enum world_variant variant, enum world_table table)
{
    struct world *w = world_of(variant, table);
    w->tables[0].mode = MODE_DELETE_INSERT;
    w->tables[0].insert_only = true;
    world_fill(w);
    run_ok(w);
    return w;
}

static void forget(struct world *w, const char *table, int from, int to)
{
    for (int id = from; id <= to; id++)
        mem_server_delete(w->server, table, arena_print(&w->arena, "%d", id));
}

static void set_mark(struct world *w, const char *timestamp, const char *id)
{
    const struct watermark_change change = {
        .timestamp = timestamp, .id = id, .name = "set", .reason = "read it again", .author = "a person"};
    struct error err = {0};
    struct run *run = world_open(w, false);
    assert_int_equal(watermark_set(run, &change, &err), RC_OK);
    world_close(w, run);
}

static const char *mark_of(struct world *w)
{
    AUTO(scope) *scope = world_scope(w, EVENTS);
    AUTO_RELEASE(buf) text = {0};
    position_print(&scope_marks(scope)->extracted.pos, &text);
    return arena_text(&w->arena, text.at);
}

static void the_last_ids_go_with_the_range_that_ended_with_them(void **state)
{
    AUTO(world) *w = world_that_replaces(WORLD_APPEND, EVENTS);
    w->tables[0].chunk.rows = 2;
    forget(w, "events", 5, 6);
    set_mark(w, NULL, "1");
    run_ok(w);
    assert_int_equal(target_rows(w, "events"), 4);
    assert_all_is_well(w);
    assert_string_equal(mark_of(w), "{\"after\":[\"4\"]}");
}

static void a_range_of_ids_that_are_all_gone_is_emptied_once_and_the_mark_stays(void **state)
{
    for (int last = 1; last <= 3; last += 2) { /* the largest id that is left: below the mark, and the mark itself */
        AUTO(world) *w = world_that_replaces(WORLD_APPEND, EVENTS);
        forget(w, "events", last + 1, 6);
        set_mark(w, NULL, "3");
        assert_int_equal(run_ok(w).results[0].waybills, 1);
        assert_int_equal(target_rows(w, "events"), 3);
        assert_string_equal(mark_of(w), "{\"after\":[\"3\"]}");
        assert_int_equal(run_ok(w).results[0].waybills, 0);
        world_insert(w, EVENTS, 9, false);
        world_wait(w);
        run_ok(w);
        assert_int_equal(target_rows(w, "events"), 4);
    }
}

static void a_limit_ends_the_range_where_it_ends_the_reading(void **state)
{
    AUTO(world) *w = world_that_replaces(WORLD_APPEND, EVENTS);
    forget(w, "events", 6, 6);
    set_mark(w, NULL, "1");
    w->options.limit = 2;
    run_ok(w);
    assert_int_equal(target_rows(w, "events"), 6); /* what lies behind the limit is the next run's */
    w->options.limit = 0;
    run_ok(w);
    assert_all_is_well(w);
}

static void a_time_that_has_no_rows_any_more_is_emptied(void **state)
{
    AUTO(world) *w = world_that_replaces(WORLD_TIME, ORDERS);
    forget(w, "orders", 1, 7);
    w->options = (struct run_options){.has_start = true, .start_us = 0};
    run_ok(w); /* a backfill */
    assert_int_equal(target_rows(w, "orders"), 0);
    assert_all_is_well(w);
}

static void all_that_is_gone_behind_a_mark_that_was_set_back_goes(void **state)
{
    for (int looks_back = 0; looks_back < 2; looks_back++) {
        for (int resets = 0; resets < 2; resets++) {
            AUTO(world) *w = world_that_replaces(WORLD_TIME, ORDERS);
            w->tables[0].lookback_ms = looks_back ? 3600 * 1000 : 0;
            forget(w, "orders", 1, 7);
            if (resets)
                assert_int_equal(world_reset(w, false).rc, RC_OK);
            else
                set_mark(w, "2024-01-01 00:00:00", NULL);
            assert_int_equal(run_ok(w).results[0].waybills, 1);
            assert_int_equal(target_rows(w, "orders"), 0);
            assert_all_is_well(w);
            assert_int_equal(run_ok(w).results[0].waybills, looks_back ? 1 : 0);
        }
    }
}

/* Its waybill would be the newest, and say that the mark was read from. */
static void before_that_nothing_is_read_beside_the_mark(void **state)
{
    AUTO(world) *w = world_that_replaces(WORLD_TIME, ORDERS);
    set_mark(w, "2024-01-01 00:00:00", NULL);
    w->options = (struct run_options){.has_start = true, .has_end = true};
    w->options.start_us = w->clock.us - INT64_C(2) * 86400000000;
    w->options.end_us = w->clock.us - INT64_C(86400000000);
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.text, "were not replaced since"));
    w->options = (struct run_options){0};
    forget(w, "orders", 1, 7);
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 0);
    w->options = (struct run_options){.has_start = true, .start_us = 0};
    run_ok(w); /* the rows of the mark are replaced: now it may */
}

/* What is advised is what helps: no run would take anything from a mark that is ahead of the clock. */
static void a_mark_that_was_set_ahead_is_set_back_before_that(void **state)
{
    AUTO(world) *w = world_that_replaces(WORLD_TIME, ORDERS);
    const struct run_options backfill = {.has_start = true, .start_us = 0};
    set_mark(w, "2999-01-01 00:00:00", NULL);
    assert_int_equal(run_ok(w).results[0].waybills, 0);
    w->options = backfill;
    struct world_report report = run_expecting(w, RC_CONFIG);
    const char *back = strstr(report.error.todo, "set it back, waybill watermark set -p shop -t orders --timestamp ");
    assert_non_null(back);
    char stamp[32];
    snprintf(stamp, sizeof(stamp), "%.20s", strstr(back, "--timestamp ") + strlen("--timestamp "));
    w->options = (struct run_options){0};
    set_mark(w, stamp, NULL);
    world_wait(w);
    assert_int_equal(run_ok(w).results[0].waybills, 1);
    w->options = backfill;
    run_ok(w);
    assert_all_is_well(w);
}

static void a_source_that_is_empty_is_replaced_as_a_whole_before_that(void **state)
{
    static const struct mend_request request = {.from = "2", .to = "3"};
    AUTO(world) *w = world_that_replaces(WORLD_APPEND, EVENTS);
    forget(w, "events", 1, 6);
    set_mark(w, NULL, "3");
    assert_int_equal(run_ok(w).results[0].waybills, 0);
    w->options = (struct run_options){.repair = &request, .overwrites = true};
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.todo, "waybill sync pipeline -p shop -t events --full-refresh"));
    w->options = (struct run_options){.full_refresh = true};
    run_ok(w);
    assert_int_equal(target_rows(w, "events"), 0);
    assert_all_is_well(w);
}

static void before_that_no_range_of_ids_is_repaired(void **state)
{
    static const struct mend_request request = {.from = "2", .to = "3"};
    AUTO(world) *w = world_that_replaces(WORLD_APPEND, EVENTS);
    forget(w, "events", 4, 6);
    set_mark(w, NULL, "3");
    w->options = (struct run_options){.repair = &request, .overwrites = true};
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.text, "were not replaced since"));
    w->options = (struct run_options){0};
    run_ok(w);
    assert_int_equal(target_rows(w, "events"), 3);
    w->options = (struct run_options){.repair = &request, .overwrites = true};
    run_ok(w);
    assert_all_is_well(w);
}

static void a_repaired_range_of_ids_that_are_gone_is_emptied(void **state)
{
    static const struct mend_request request = {.from = "2", .to = "4"};
    AUTO(world) *w = world_that_replaces(WORLD_APPEND, EVENTS);
    forget(w, "events", 2, 4);
    w->options = (struct run_options){.repair = &request, .overwrites = true};
    run_ok(w);
    assert_int_equal(target_rows(w, "events"), 3);
    assert_all_is_well(w);
}

static void what_has_no_new_rows_makes_no_waybill(void **state)
{
    AUTO(world) *w = world_that_replaces(WORLD_APPEND, EVENTS);
    assert_int_equal(run_ok(w).results[0].waybills, 0);
    AUTO(world) *by_time = world_that_replaces(WORLD_TIME, ORDERS);
    world_wait(by_time);
    assert_int_equal(run_ok(by_time).results[0].waybills, 0);
}

/* ---- what a target lacks ---- */

static void swap_in(struct world *w) { w->tables[0].replace_by = REPLACE_BY_SWAP; }

static void a_swapped_table_is_right_after_every_run(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, REGIONS);
    swap_in(w);
    for (int i = 0; i < 3; i++) {
        world_change(w);
        run_ok(w);
        assert_all_is_well(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_are_deleted_in_the_source_go_from_the_target),
        cmocka_unit_test(keys_leave_the_mark_and_the_counts_alone),
        cmocka_unit_test(a_row_that_is_inserted_again_comes_back),
        cmocka_unit_test(keys_are_read_by_one_reader_however_many_there_are),
        cmocka_unit_test(rows_that_come_while_keys_are_read_stay),
        cmocka_unit_test(an_emptied_source_is_not_believed_unasked),
        cmocka_unit_test(rows_that_are_gone_may_stay_and_be_noted),
        cmocka_unit_test(keys_that_were_staged_delete_when_they_are_loaded),
        cmocka_unit_test(what_was_sealed_says_whether_rows_are_noted_or_deleted),
        cmocka_unit_test(keys_that_were_sealed_count_though_nobody_looks_for_any_now),
        cmocka_unit_test(a_limited_run_reads_no_keys),
        cmocka_unit_test(a_refresh_needs_no_keys),
        cmocka_unit_test(ranges_are_replaced_and_what_was_read_again_is_there_once),
        cmocka_unit_test(a_reset_replaces_ranges_and_doubles_nothing),
        cmocka_unit_test(a_walk_by_key_makes_room_once),
        cmocka_unit_test(the_last_ids_go_with_the_range_that_ended_with_them),
        cmocka_unit_test(a_range_of_ids_that_are_all_gone_is_emptied_once_and_the_mark_stays),
        cmocka_unit_test(a_limit_ends_the_range_where_it_ends_the_reading),
        cmocka_unit_test(a_time_that_has_no_rows_any_more_is_emptied),
        cmocka_unit_test(all_that_is_gone_behind_a_mark_that_was_set_back_goes),
        cmocka_unit_test(before_that_nothing_is_read_beside_the_mark),
        cmocka_unit_test(a_mark_that_was_set_ahead_is_set_back_before_that),
        cmocka_unit_test(a_source_that_is_empty_is_replaced_as_a_whole_before_that),
        cmocka_unit_test(before_that_no_range_of_ids_is_repaired),
        cmocka_unit_test(a_repaired_range_of_ids_that_are_gone_is_emptied),
        cmocka_unit_test(what_has_no_new_rows_makes_no_waybill),
        cmocka_unit_test(a_swapped_table_is_right_after_every_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

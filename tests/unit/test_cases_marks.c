/* docs/cases.md, "Marks and resuming": the failures of earlier systems, each as a story that would bring it back. */
#include "case.h"
#include "conform/rows.h"
#include "state/keys.h"

/* The mark was the maximum of the whole window, not of the extracted rows: rows between were never read. */
static void s01_a_limit_moves_the_mark_to_the_last_row_taken(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    w->options.limit = 3;
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 3);
    struct scope *s = world_scope(w, ORDERS);
    assert_string_equal(scope_marks(s)->extracted.pos.key[0], "3");
    assert_string_equal(scope_marks(s)->last_mysql_data_timestamp, "2024-06-01 00:00:02");
    scope_free(s);
    w->options.limit = 0;
    run_ok(w);
    assert_all_is_well(w);
}

static void s02_files_of_an_earlier_run_are_not_loaded_again(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    world_change(w);
    assert_int_equal(run_ok(w).results[0].rows_loaded, 5);
    assert_int_equal(run_ok(w).results[0].rows_loaded, 0);
    assert_all_is_well(w);
}

static void s03_a_run_loads_what_it_has_just_extracted(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 7);
    assert_int_equal(report.results[0].rows_loaded, 7);
    assert_all_is_well(w);
}

static void s04_files_staged_days_ago_are_loaded(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    w->options = (struct run_options){.backup_only = true};
    run_ok(w);
    world_clock_move_ms(&w->clock, INT64_C(5) * 86400000);
    w->options = (struct run_options){.redshift_only = true};
    assert_int_equal(run_ok(w).results[0].rows_loaded, 7);
    assert_all_is_well(w);
}

/* An instant and a wall clock are told apart by the form of the cursor, and bounds are printed in that form. */
static void s05_a_cursor_with_a_zone_is_bounded_in_its_own_form(void **state)
{
    AUTO(world) *w = world_new(WORLD_APPEND, NULL);
    mem_server_table(w->server, "instants", schema_of("id:l! updated_at:tsm:UTC!"), "id", "updated_at");
    w->tables[0] = w->tables[ORDERS];
    w->tables[0].name = w->tables[0].target = "instants";
    w->table_count = 1;
    mem_server_put(w->server, "instants", "1|2024-05-31T23:59:00.500Z");
    mem_server_put(w->server, "instants", "2|2024-05-31T23:59:59.999Z"); /* within lag of now: not yet */
    run_ok(w);
    assert_int_equal(target_rows(w, "instants"), 1);
    assert_non_null(strstr(scope_text(w, "instants").at, "2024-05-31T23:59:56.0"));
    world_wait(w);
    run_ok(w);
    assert_int_equal(target_rows(w, "instants"), 2);
}

static void s06_no_mark_yet_is_null_and_never_a_word(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    run_ok(w); /* an empty table */
    assert_non_null(strstr(scope_text(w, "orders").at, "\"last_mysql_data_timestamp\": null"));
    assert_non_null(strstr(scope_text(w, "orders").at, "\"extracted\": null"));
    assert_null(strstr(scope_text(w, "orders").at, "\"None\""));
    world_fill(w);
    run_ok(w);
    assert_all_is_well(w);
}

static void s07_session_and_total_counts_are_two_numbers(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    world_change(w);
    run_ok(w);
    struct scope *s = world_scope(w, EVENTS);
    const struct marks *marks = scope_marks(s);
    assert_int_equal(marks->mysql_rows_extracted, 5);
    assert_int_equal(marks->redshift_rows_loaded, 5);
    assert_int_equal(marks->total.rows, 11);
    assert_int_equal(marks->session.rows, 0);
    scope_free(s);
}

static struct world_report set_mark(struct world *w, const char *timestamp, const char *id, bool duplicates)
{
    struct world_report report = {0};
    struct run *run = world_open(w, false);
    struct watermark_change change = {
        .timestamp = timestamp, .id = id, .reason = "test", .author = "test", .allow_duplicates = duplicates};
    report.rc = watermark_set(run, &change, &report.error);
    world_close(w, run);
    return report;
}

static void s08_setting_the_id_does_not_blank_the_time(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    assert_int_equal(set_mark(w, "2024-06-01 00:00:02", NULL, false).rc, RC_OK);
    assert_int_equal(set_mark(w, NULL, "4", false).rc, RC_OK);
    struct scope *s = world_scope(w, ORDERS);
    assert_string_equal(scope_marks(s)->extracted.pos.at, "2024-06-01 00:00:02");
    assert_string_equal(scope_marks(s)->extracted.pos.key[0], "4");
    scope_free(s);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 3); /* 5, 6 and 7 again */
    assert_rows_equal(w, ORDERS);
}

static void s09_each_table_has_its_own_numbers(void **state)
{
    AUTO(world) *w = world_new(WORLD_APPEND, NULL);
    world_fill(w);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[ORDERS].rows_extracted, 7);
    assert_int_equal(report.results[EVENTS].rows_extracted, 6);
    assert_int_equal(report.results[REGIONS].rows_extracted, 3);
    assert_int_equal(report.results[REGIONS].files_created, 1);
    assert_all_is_well(w);
}

static void s10_staged_is_not_loaded(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    w->options.backup_only = true;
    run_ok(w);
    assert_non_null(strstr(scope_text(w, "events").at, "\"processed_s3_files\": []"));
    w->options.backup_only = false;
    assert_int_equal(run_ok(w).results[0].rows_loaded, 6);
    assert_non_null(strstr(scope_text(w, "events").at, "file-00000.parquet"));
    assert_all_is_well(w);
}

static void s11_what_a_dead_run_has_sealed_is_not_read_again(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    die_in(w, "seal", 8, FAULT_CRASH_AFTER); /* the first chunk is sealed, and not loaded */
    struct scope *s = world_scope(w, ORDERS);
    assert_string_equal(scope_marks(s)->extracted.pos.key[0], "4");
    scope_free(s);
    assert_true(target_rows(w, "orders") <= 0);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 3);
    assert_all_is_well(w);
}

/* In New York it is written by a clock that is five hours behind: taken as it stands, the time would be five hours
 * later, and what was written in between never read. */
static void a_time_that_is_set_is_utc_whatever_clock_writes_the_cursor(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    w->tables[0].lag_ms = 0;
    mem_server_set_ahead(w->server, -5 * INT64_C(3600000000), false);
    assert_true(stamp_parse("2024-06-01T12:00:00Z", &w->clock.us));
    mem_server_put(w->server, "orders", "1|early|1.25|2024-06-01 05:59:59"); /* 10:59:59 UTC */
    mem_server_put(w->server, "orders", "2|late|1.25|2024-06-01 06:00:00");
    run_ok(w);
    assert_int_equal(set_mark(w, "2024-06-01 11:00:00", NULL, false).rc, RC_OK);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 1);
    struct run *run = world_open(w, false);
    struct standing standing;
    struct error err;
    assert_int_equal(look_standing(&run->routes[0], &standing, &err), RC_OK);
    world_close(w, run);
    assert_in_range(standing.lag_us, 0, 60 * 1000000);
}

static struct world_report reset_mark(struct world *w)
{
    struct world_report report = {0};
    struct run *run = world_open(w, false);
    struct watermark_change change = {.reason = "test", .author = "test"};
    report.rc = watermark_reset(run, &change, &report.error);
    world_close(w, run);
    return report;
}

/* A sealed waybill left in flight must not bring the old mark back. */
static void s12_a_reset_is_not_undone_by_what_was_in_flight(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    world_change(w);
    die_in(w, "seal", 2, FAULT_CRASH_AFTER);
    assert_int_equal(reset_mark(w).rc, RC_OK);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 11); /* all of them, not only those behind the old mark */
    assert_rows_equal(w, ORDERS);
}

static void s13_an_id_set_by_hand_is_where_the_next_run_begins(void **state)
{
    AUTO(world) *w = world_of(WORLD_MERGE, EVENTS);
    world_fill(w);
    run_ok(w);
    assert_int_equal(set_mark(w, NULL, "4", false).rc, RC_OK);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    assert_int_equal(set_mark(w, NULL, "four", false).rc, RC_CONFIG);
    assert_rows_equal(w, EVENTS);
}

static void s14_the_last_id_is_read_and_not_computed(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    static const int ids[] = {-9, 1, 100, 101, 5000, 5001, 900000};
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        world_insert(w, EVENTS, ids[i], true);
    w->options.max_chunks = 1;
    run_ok(w);
    struct scope *s = world_scope(w, EVENTS);
    assert_string_equal(scope_marks(s)->extracted.pos.key[0], "101");
    scope_free(s);
    w->options.max_chunks = 0;
    run_ok(w);
    assert_all_is_well(w);
}

static void s15_a_renamed_pipeline_does_not_silently_begin_anew(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    w->pipeline.name = "renamed";
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.text, "shop/events"));
    assert_non_null(strstr(report.error.text, "renamed/events"));
    assert_int_equal(target_rows(w, "events"), 6);
}

static void s16_one_function_names_everything_so_odd_names_are_found_again(void **state)
{
    AUTO(world) *w = world_new(WORLD_APPEND, NULL);
    static const char odd[] = "Main.Odd: name/with %2F";
    mem_server_table(w->server, odd, schema_of("id:l! note:u"), "id", NULL);
    w->tables[0] = w->tables[EVENTS];
    w->tables[0].name = odd;
    w->tables[0].target = "odd";
    w->table_count = 1;
    mem_server_put(w->server, odd, "1|a");
    mem_server_put(w->server, odd, "2|b");
    w->options = (struct run_options){.backup_only = true};
    run_ok(w);
    w->options = (struct run_options){.redshift_only = true};
    assert_int_equal(run_ok(w).results[0].rows_loaded, 2);
    struct arena arena = {0};
    assert_string_equal(key_segment_name(&arena, str(key_segment(&arena, odd))), odd);
    assert_string_equal(key_segment(&arena, ".."), "%2E%2E");
    arena_release(&arena);
}

static void s17_a_status_in_progress_blocks_nothing(void **state)
{
    static const char *const arrows[] = {"begin", "extract", "seal", "load"};
    for (int i = 0; i < 4; i++) {
        AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
        world_fill(w);
        die_in(w, arrows[i], 2, FAULT_CRASH_AFTER);
        run_ok(w);
        assert_all_is_well(w);
    }
}

static void s18_the_mark_is_lost_after_the_rows_were_committed(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    die_in(w, "announce", 1, FAULT_CRASH_BEFORE);
    assert_int_equal(target_rows(w, "events"), 6);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_loaded, 0);
    assert_int_equal(report.results[0].rows_announced, 6);
    assert_all_is_well(w);
}

static void s19_the_mark_does_not_grow_with_the_number_of_runs(void **state)
{
    AUTO(world) *w = world_of(WORLD_MERGE, EVENTS);
    size_t early = 0;
    for (int i = 1; i <= 60; i++) {
        world_insert(w, EVENTS, i, false);
        run_ok(w);
        if (i == 10)
            early = scope_text(w, "events").len;
    }
    assert_in_range(scope_text(w, "events").len, early - 16, early + 16);
    assert_all_is_well(w);
}

static void s20_a_row_committed_late_in_the_same_second_arrives(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    w->tables[0].lag_ms = 0; /* which would hide it */
    mem_server_put(w->server, "orders", "1|early|1.25|2024-06-01 00:00:01");
    world_clock_move_ms(&w->clock, 300);
    run_ok(w); /* the second is not over: nothing is taken from it */
    mem_server_put(w->server, "orders", "2|late|2.25|2024-06-01 00:00:01");
    world_wait(w);
    run_ok(w);
    assert_all_is_well(w);
    assert_int_equal(target_rows(w, "orders"), 2);
}

static void s21_an_integer_cursor_is_compared_as_a_number(void **state)
{
    AUTO(world) *w = world_of(WORLD_MERGE, ORDERS);
    mem_server_put(w->server, "orders", "north|1|a|999999999");
    mem_server_put(w->server, "orders", "north|2|b|1000000000"); /* one digit more, and sorts before it as text */
    run_ok(w);                                                   /* walked by its key */
    assert_int_equal(set_mark(w, "2001-09-09 01:46:39", NULL, false).rc, RC_OK); /* at the first one */
    w->options.limit = 1;
    for (int i = 0; i < 2; i++)
        assert_int_equal(run_ok(w).results[0].rows_extracted, 1);
    w->options.limit = 0;
    assert_int_equal(run_ok(w).results[0].rows_extracted, 0);
    assert_rows_equal(w, ORDERS);
}

static void s22_an_epoch_stays_an_integer_all_the_way(void **state)
{
    AUTO(world) *w = world_of(WORLD_MERGE, ORDERS);
    world_fill(w);
    run_ok(w);
    struct scope *s = world_scope(w, ORDERS);
    assert_string_equal(scope_marks(s)->cursor_form, "int s");
    assert_int_equal(strspn(scope_marks(s)->extracted.pos.at, "0123456789"), 10);
    assert_int_equal(strspn(scope_marks(s)->last_mysql_data_timestamp, "0123456789"), 10);
    scope_free(s);
    assert_all_is_well(w);
}

static void s23_the_mark_waits_for_the_last_file_of_its_chunk(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    w->tables[0].chunk.rows = 50;
    w->pipeline.file_bytes = 300;
    for (int id = 1; id <= 12; id++)
        world_insert(w, EVENTS, id, true);
    w->plan = (struct fault_plan){.fault = FAULT_CRASH_BEFORE};
    w->hit_arrow = "extract";
    w->hit_call = 14; /* the first file is in the store */
    world_run(w, true);
    w->hit_arrow = NULL;
    w->plan = (struct fault_plan){0};
    assert_non_null(strstr(w->log.at, "file-00000.parquet"));
    struct scope *s = world_scope(w, EVENTS);
    assert_int_equal(scope_marks(s)->extracted.pos.shape, POSITION_NONE);
    scope_free(s);
    run_ok(w);
    assert_all_is_well(w);
}

static void s24_a_failed_run_blanks_nothing(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    struct scope *before = world_scope(w, ORDERS);
    world_change(w);
    w->plan = (struct fault_plan){.fault = FAULT_FAIL};
    w->hit_arrow = "extract";
    w->hit_call = 3;
    assert_int_equal(world_run(w, true).rc, RC_UNAVAILABLE);
    w->plan = (struct fault_plan){0};
    struct scope *after = world_scope(w, ORDERS);
    assert_string_equal(scope_marks(after)->mysql_status, "failed");
    assert_string_equal(scope_marks(after)->last_mysql_data_timestamp, scope_marks(before)->last_mysql_data_timestamp);
    assert_string_equal(scope_marks(after)->last_redshift_load_time, scope_marks(before)->last_redshift_load_time);
    assert_true(position_equal(&scope_marks(after)->extracted.pos, &scope_marks(before)->extracted.pos));
    assert_int_equal(scope_marks(after)->redshift_rows_loaded, 7);
    scope_free(before);
    scope_free(after);
}

static void s25_a_limit_inside_a_group_of_equal_cursors_loses_nothing(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    world_change(w); /* six rows of one stamp */
    for (int i = 0; i < 3; i++) {
        w->options.limit = 2;
        assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    }
    w->options.limit = 0;
    run_ok(w);
    assert_all_is_well(w);
}

/* N*M of `--limit N --max-chunks M` went past what a number holds: no rows, and green. */
static void a_limit_without_end_is_none(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    w->options.limit = INT64_MAX / 2;
    w->options.max_chunks = 3;
    assert_true(run_ok(w).results[0].rows_extracted > 0);
    w->options.limit = w->options.max_chunks = 0;
    run_ok(w);
    assert_all_is_well(w);
}

static void s26_no_page_is_read_twice(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_insert(w, ORDERS, 1, false);
    world_wait(w);
    run_ok(w);
    for (int id = 10; id < 40; id++)
        world_insert(w, ORDERS, id, true);
    world_wait(w);
    w->options.max_chunks = 30; /* more than it takes, so that a page that comes for ever ends */
    assert_int_equal(run_ok(w).results[0].rows_extracted, 30);
    w->options.max_chunks = 0;
    assert_all_is_well(w);
}

static void s27_a_long_transaction_commits_rows_behind_the_clock(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_insert(w, ORDERS, 1, false);
    world_wait(w);
    mem_server_set_now(w->server, w->clock.us);
    struct mem_transaction *late = mem_server_begin(w->server);
    char row[96];
    snprintf(row, sizeof(row), "2|late|2.25|2024-06-01 00:%02d:%02d", (int)(w->clock.us / 60000000 % 60),
             (int)(w->clock.us / 1000000 % 60));
    mem_transaction_put(late, "orders", row);
    world_clock_move_ms(&w->clock, 1000);
    world_insert(w, ORDERS, 3, false);
    world_wait(w);
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 1); /* 3 is above the open transaction's start: it waits */
    mem_transaction_commit(late);
    run_ok(w);
    assert_all_is_well(w);
    assert_int_equal(target_rows(w, "orders"), 3);
}

/* A transaction of the primary may reach its replica later than others that began after it: the lag, which says how
 * long one lasts at most, counts from the last that did. */
static void s27_what_a_replica_has_not_applied_yet_is_not_passed(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    const int64_t second = 1000000;
    w->tables[0].lag_ms = 10000;
    world_insert(w, ORDERS, 1, false);
    world_wait(w);
    mem_server_set_now(w->server, w->clock.us);
    mem_server_hide_transactions(w->server, true);
    struct mem_transaction *late = mem_server_begin(w->server);
    char row[96];
    snprintf(row, sizeof(row), "2|late|2.25|2024-06-01 00:%02d:%02d", (int)(w->clock.us / 60000000 % 60),
             (int)(w->clock.us / 1000000 % 60));
    mem_transaction_put(late, "orders", row);
    mem_server_show_until(w->server, w->clock.us + 8 * second);
    world_clock_move_ms(&w->clock, 30000);
    mem_server_set_now(w->server, w->clock.us);
    run_ok(w);
    mem_transaction_commit(late);
    mem_server_show_until(w->server, 0);
    run_ok(w);
    assert_all_is_well(w);
    assert_int_equal(target_rows(w, "orders"), 2);
}

/* An instant of a full_sync, or an id, says nothing about a cursor. */
static void a_mark_of_another_increment_is_refused_with_the_way_out(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    w->tables[0].increment = INCREMENT_FULL_SYNC;
    w->tables[0].mode = MODE_REPLACE;
    w->tables[0].cursor = NULL;
    run_ok(w);
    w->tables[0].increment = INCREMENT_HYBRID;
    w->tables[0].mode = MODE_MERGE;
    w->tables[0].cursor = "updated_at";
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.todo, "--full-refresh"));
    w->options.full_refresh = true;
    run_ok(w);
    w->options.full_refresh = false;
    world_change(w);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 7);
    assert_rows_equal(w, ORDERS);
}

static int64_t a_day_ahead_us(struct clock *clock) { return INT64_C(1717200000000000) + INT64_C(86400000000); }

/* The client's wall clock is a day ahead: bounds come from the source's. */
static void s59_the_sources_clock_counts_and_not_the_clients(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_insert(w, ORDERS, 1, true);
    struct run *run = world_open(w, false);
    struct clock ahead = *run->world.clock;
    int64_t (*real)(struct clock *) = run->world.clock->now_us;
    run->world.clock->now_us = a_day_ahead_us;
    struct error err;
    assert_int_equal(run_execute(run, &err), RC_OK);
    run->world.clock->now_us = real;
    (void)ahead;
    world_close(w, run);
    assert_int_equal(target_rows(w, "orders"), -1); /* within lag by the source's clock */
    world_insert(w, ORDERS, 2, true);
    world_wait(w);
    run_ok(w);
    assert_all_is_well(w);
    assert_int_equal(target_rows(w, "orders"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s01_a_limit_moves_the_mark_to_the_last_row_taken),
        cmocka_unit_test(s02_files_of_an_earlier_run_are_not_loaded_again),
        cmocka_unit_test(s03_a_run_loads_what_it_has_just_extracted),
        cmocka_unit_test(s04_files_staged_days_ago_are_loaded),
        cmocka_unit_test(s05_a_cursor_with_a_zone_is_bounded_in_its_own_form),
        cmocka_unit_test(s06_no_mark_yet_is_null_and_never_a_word),
        cmocka_unit_test(s07_session_and_total_counts_are_two_numbers),
        cmocka_unit_test(s08_setting_the_id_does_not_blank_the_time),
        cmocka_unit_test(s09_each_table_has_its_own_numbers),
        cmocka_unit_test(s10_staged_is_not_loaded),
        cmocka_unit_test(s11_what_a_dead_run_has_sealed_is_not_read_again),
        cmocka_unit_test(a_time_that_is_set_is_utc_whatever_clock_writes_the_cursor),
        cmocka_unit_test(s12_a_reset_is_not_undone_by_what_was_in_flight),
        cmocka_unit_test(s13_an_id_set_by_hand_is_where_the_next_run_begins),
        cmocka_unit_test(s14_the_last_id_is_read_and_not_computed),
        cmocka_unit_test(s15_a_renamed_pipeline_does_not_silently_begin_anew),
        cmocka_unit_test(s16_one_function_names_everything_so_odd_names_are_found_again),
        cmocka_unit_test(s17_a_status_in_progress_blocks_nothing),
        cmocka_unit_test(s18_the_mark_is_lost_after_the_rows_were_committed),
        cmocka_unit_test(s19_the_mark_does_not_grow_with_the_number_of_runs),
        cmocka_unit_test(s20_a_row_committed_late_in_the_same_second_arrives),
        cmocka_unit_test(s21_an_integer_cursor_is_compared_as_a_number),
        cmocka_unit_test(s22_an_epoch_stays_an_integer_all_the_way),
        cmocka_unit_test(s23_the_mark_waits_for_the_last_file_of_its_chunk),
        cmocka_unit_test(s24_a_failed_run_blanks_nothing),
        cmocka_unit_test(s25_a_limit_inside_a_group_of_equal_cursors_loses_nothing),
        cmocka_unit_test(a_limit_without_end_is_none),
        cmocka_unit_test(s26_no_page_is_read_twice),
        cmocka_unit_test(s27_a_long_transaction_commits_rows_behind_the_clock),
        cmocka_unit_test(s27_what_a_replica_has_not_applied_yet_is_not_passed),
        cmocka_unit_test(a_mark_of_another_increment_is_refused_with_the_way_out),
        cmocka_unit_test(s59_the_sources_clock_counts_and_not_the_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

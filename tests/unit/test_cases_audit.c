/* Audits: what differs between source and target is found, its column named, and the mark never waits for it. */
#include "audit_story.h"
#include "conform/rows.h"
#include "move/history.h"

static struct world *filled(enum world_variant variant, enum world_table table)
{
    struct world *w = world_of(variant, table);
    world_fill(w);
    run_ok(w);
    return w;
}

static void what_was_moved_passes_in_every_mode(void **state)
{
    for (int variant = WORLD_APPEND; variant <= WORLD_TIME; variant++) {
        for (int table = ORDERS; table <= REGIONS; table++) {
            AUTO(world) *w = filled(variant, table);
            struct audit found = {0};
            struct error err = {0};
            enum rc rc = audit(w, &found, &err);
            if (rc != RC_OK)
                fail_msg("variant %d, table %d: %s", variant, table, err.text);
            assert_true(found.source_rows > 0);
            assert_int_equal(found.source_rows, found.target_rows);
            assert_int_equal(found.stage.cover, STAGE_WHOLE);
            assert_int_equal(found.stage.rows, found.target_rows);
            world_change(w);
            run_ok(w);
            rc = audit(w, &found, &err);
            if (rc != RC_OK)
                fail_msg("variant %d, table %d: %s", variant, table, err.text);
            bool has_versions = found.stage.rows > found.target_rows;
            assert_int_equal(found.stage.cover, has_versions ? STAGE_UPDATES : STAGE_WHOLE);
            assert_true(!has_versions || strcmp(mode_name(w->tables[0].mode), "merge") == 0);
        }
    }
}

static void a_planted_difference_is_found_and_its_column_named(void **state)
{
    static const struct {
        int column;
        const char *text, *said;
    } cases[] = {
        {1, "NULL", "column 'note'"},
        {1, "~~~~~", "column 'note': the greatest"},
        {2, "99999.99", "column 'price': the sums"},
        {3, "1999-01-01 00:00:00", "column 'updated_at': the least"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO(world) *w = filled(WORLD_APPEND, ORDERS);
        struct audit found = {0};
        struct error err = {0};
        spoil_target(w, "orders", cases[i].column, cases[i].text);
        assert_int_equal(audit(w, &found, &err), RC_DATA);
        if (strstr(err.text, cases[i].said) == NULL)
            fail_msg("'%s' does not say '%s'", err.text, cases[i].said);
        assert_non_null(strstr(err.text, " of stage and target differ"));
        assert_null(strstr(err.text, cases[i].column == 1 ? "~~~" : cases[i].text)); /* never a value */
        assert_non_null(strstr(err.todo, "--accept"));
    }
}

static void rows_that_are_missing_or_deleted_are_found(void **state)
{
    AUTO(world) *w = filled(WORLD_APPEND, ORDERS);
    struct audit found = {0};
    struct error err = {0};
    mem_server_delete(w->server, "orders", "1");
    assert_int_equal(audit(w, &found, &err), RC_DATA);
    assert_int_equal(found.source_rows + 1, found.target_rows);
}

static void what_has_changed_since_the_load_does_not_disturb(void **state)
{
    for (int variant = WORLD_APPEND; variant <= WORLD_MERGE; variant++) {
        AUTO(world) *w = filled(variant, ORDERS);
        struct audit found = {0};
        struct error err = {0};
        world_update(w, ORDERS, 1);
        world_update(w, ORDERS, 3);
        world_insert(w, ORDERS, 777, false);
        enum rc rc = audit(w, &found, &err);
        if (rc != RC_OK)
            fail_msg("%s", err.text);
        assert_int_equal(found.changed, 3);
        assert_int_equal(found.source_rows, found.target_rows);
        spoil_target(w, "orders", variant == WORLD_MERGE ? 2 : 1, "~~~~~"); /* among the others */
        assert_int_equal(audit(w, &found, &err), RC_DATA);
    }
}

/* Nothing has moved it, and nothing will for long: both sides agree without it. */
static void a_row_that_is_stamped_in_the_future_is_told(void **state)
{
    AUTO(world) *w = filled(WORLD_APPEND, ORDERS);
    struct audit found = {0};
    struct error err = {0};
    assert_int_equal(audit(w, &found, &err), RC_OK);
    assert_int_equal(found.ahead, 0);
    mem_server_put(w->server, "orders", "42|from a form|1.25|2099-01-01 00:00:00");
    assert_int_equal(audit(w, &found, &err), RC_OK);
    assert_int_equal(found.ahead, 1);
}

/* ---- rows that may come late, and rows without a cursor ---- */

static void insert_stamped(struct world *w, int id, const char *stamp)
{
    mem_server_put(w->server, "orders", arena_print(&w->arena, "%d|version %d|1.25|%s", id, w->row++, stamp));
}

static struct world *world_that_looks_back(int64_t hours)
{
    struct world *w = world_of(WORLD_APPEND, ORDERS);
    w->tables[0].lookback_ms = hours * 3600 * 1000;
    world_clock_move_ms(&w->clock, INT64_C(24) * 3600 * 1000);
    world_fill(w);
    return w;
}

static void assert_audit(struct world *w, enum rc expected)
{
    struct audit found = {0};
    struct error err = {0};
    enum rc rc = audit(w, &found, &err);
    if (rc != expected)
        fail_msg("%s: %s (%d)", rc_name(rc), err.text, found.differences);
}

static void a_row_that_came_late_does_not_disturb_where_it_will_be_read_again(void **state)
{
    AUTO(world) *w = world_that_looks_back(2);
    run_ok(w);
    assert_audit(w, RC_OK);
    insert_stamped(w, 50, "2024-06-01 23:30:00"); /* half an hour before the mark */
    insert_stamped(w, 1, "2024-06-01 23:40:00");  /* and a row that was loaded, stamped back */
    assert_audit(w, RC_OK);
    spoil_target(w, "orders", 1, "~~~~~"); /* one of the same window, but loaded and unchanged: found by the next run */
    run_ok(w);
    assert_audit(w, RC_OK);
    insert_stamped(w, 51, "2024-06-01 12:00:00"); /* too late for the lookback: nobody will read it */
    assert_audit(w, RC_DATA);
}

static void a_first_load_under_way_is_audited_without_what_its_lookback_will_read(void **state)
{
    AUTO(world) *w = world_that_looks_back(2);
    w->options.max_chunks = 1;
    run_ok(w);
    w->options.max_chunks = 0;
    insert_stamped(w, -5, "2024-06-01 23:30:00"); /* the walk has passed its key */
    assert_audit(w, RC_OK);
}

static void rows_within_a_long_lookback_are_compared_while_nothing_comes_late(void **state)
{
    AUTO(world) *w = world_that_looks_back(2);
    w->batch_rows = 1000; /* and chunks to match: else there are thousands of both, of a few rows each */
    w->tables[0].chunk.rows = 2 * SOURCE_CHANGED_MAX;
    w->pipeline.file_bytes = w->pipeline.part_bytes = 1 << 20;
    for (int id = 100; id < 100 + SOURCE_CHANGED_MAX + 1; id++)
        insert_stamped(w, id, "2024-06-01 23:45:00");
    run_ok(w);
    assert_audit(w, RC_OK);
    insert_stamped(w, 50, "2024-06-01 23:30:00");
    struct audit found = {0};
    struct error err = {0};
    assert_int_equal(audit(w, &found, &err), RC_BUSY);
    assert_non_null(strstr(err.text, "within the lookback"));
}

static void rows_without_a_cursor_are_left_out_on_both_sides(void **state)
{
    AUTO(world) *w = world_new(WORLD_APPEND, NULL);
    mem_server_table(w->server, "holes", schema_of("id:l! note:u updated_at:tss:"), "id", "updated_at");
    w->tables[0] = w->tables[ORDERS];
    w->tables[0].name = w->tables[0].target = "holes";
    w->tables[0].null_cursor = NULL_CURSOR_INCLUDE;
    w->table_count = 1;
    mem_server_put(w->server, "holes", "1|first|2024-05-31 10:00:00");
    mem_server_put(w->server, "holes", "2|second|NULL");
    mem_server_put(w->server, "holes", "3|third|NULL");
    mem_server_put(w->server, "holes", "4|fourth|2024-05-31 11:00:00");
    assert_int_equal(run_ok(w).results[0].rows_loaded, 4);
    assert_audit(w, RC_OK);
    mem_server_put(w->server, "holes", "2|changed|NULL"); /* since, as nobody can tell */
    mem_server_put(w->server, "holes", "5|new|NULL");
    mem_server_put(w->server, "holes", "1|first|NULL"); /* had a cursor when it was loaded */
    assert_audit(w, RC_OK);
    spoil_target(w, "holes", 1, "~~~~~"); /* the last one, which has one still */
    assert_audit(w, RC_DATA);
}

/* Each run adds the whole table: the target is no copy of it. */
static void a_table_that_is_appended_whole_is_not_audited(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, REGIONS);
    w->tables[0].mode = MODE_APPEND;
    world_fill(w);
    run_ok(w);
    assert_audit(w, RC_CONFIG);
}

static void a_first_load_that_is_not_through_is_audited_as_far_as_it_is(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    struct audit found = {0};
    struct error err = {0};
    world_fill(w);
    w->options.max_chunks = 1;
    run_ok(w);
    w->options.max_chunks = 0;
    enum rc rc = audit(w, &found, &err);
    if (rc != RC_OK)
        fail_msg("%s", err.text);
    assert_true(found.source_rows > 0);
    assert_true(found.source_rows < target_rows(w, "orders") + 1);
}

static void before_the_first_load_there_is_nothing_to_audit(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    struct audit found = {0};
    struct error err = {0};
    world_fill(w);
    assert_int_equal(audit(w, &found, &err), RC_NOT_FOUND);
}

/* ---- the stage ---- */

/* The staged files of the oldest waybill, or of all of them, are cleaned. */
static void clean_stage(struct world *w, bool all)
{
    char first[512] = "", key[512];
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        snprintf(key, sizeof(key), "%s", mem_objects_at(w->objects, i).key);
        const char *name = strstr(key, "/file-");
        if (name == NULL || (!all && first[0] != '\0' && strncmp(first, key, (size_t)(name - key)) != 0))
            continue;
        snprintf(first, sizeof(first), "%s", key);
        assert_true(mem_objects_remove(w->objects, key));
        i--;
    }
    assert_true(first[0] != '\0');
}

static void a_difference_says_on_which_hop_it_came_about(void **state)
{
    AUTO(world) *w = filled(WORLD_APPEND, ORDERS);
    struct audit found = {0};
    struct error err = {0};
    mem_server_delete(w->server, "orders", "1");
    assert_int_equal(audit(w, &found, &err), RC_DATA);
    assert_non_null(strstr(err.text, "the source has "));
    assert_non_null(strstr(err.text, "stage and target agree"));
    spoil_target(w, "orders", 2, "99999.99");
    assert_int_equal(audit(w, &found, &err), RC_DATA);
    assert_null(strstr(err.text, "stage and target agree"));
    assert_non_null(strstr(err.text, "column 'price': the sums of stage and target differ"));
}

static void what_was_cleaned_is_not_compared_and_said(void **state)
{
    AUTO(world) *w = filled(WORLD_APPEND, EVENTS);
    struct audit found = {0};
    struct error err = {0};
    world_change(w);
    run_ok(w);
    assert_int_equal(audit(w, &found, &err), RC_OK);
    assert_int_equal(found.stage.cover, STAGE_WHOLE);
    assert_true(found.stage.waybills > 1);
    clean_stage(w, false);
    assert_int_equal(audit(w, &found, &err), RC_OK);
    assert_int_equal(found.stage.cover, STAGE_PART);
    assert_int_equal(found.stage.read, found.stage.waybills - 1);
    assert_true(found.stage.rows > 0 && found.stage.rows < found.target_rows);
    clean_stage(w, true);
    assert_int_equal(audit(w, &found, &err), RC_OK);
    assert_int_equal(found.stage.cover, STAGE_NONE);
    assert_int_equal(found.stage.rows, 0);
}

static void a_full_refresh_is_where_the_stage_begins(void **state)
{
    AUTO(world) *w = filled(WORLD_APPEND, EVENTS);
    struct audit found = {0};
    struct error err = {0};
    clean_stage(w, true);
    w->options.full_refresh = true;
    run_ok(w);
    w->options.full_refresh = false;
    world_change(w);
    run_ok(w);
    assert_int_equal(audit(w, &found, &err), RC_OK);
    assert_int_equal(found.stage.cover, STAGE_WHOLE);
    assert_int_equal(found.stage.rows, found.target_rows);
}

static void a_staged_file_that_was_damaged_since_is_found(void **state)
{
    AUTO(world) *w = filled(WORLD_MERGE, ORDERS);
    struct audit found = {0};
    struct error err = {0};
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        char key[512];
        snprintf(key, sizeof(key), "%s", mem_objects_at(w->objects, i).key);
        if (strstr(key, "/file-") != NULL) {
            assert_true(mem_objects_damage(w->objects, key, 60));
            break;
        }
    }
    assert_int_equal(audit(w, &found, &err), RC_DATA);
    assert_non_null(strstr(err.text, "auditing 'orders': in the stage: 'stage/"));
    assert_non_null(strstr(err.text, "/file-00000.parquet': row group 1, column 'id'"));
}

/* ---- after a run ---- */

static void an_audit_after_the_run_never_holds_the_mark(void **state)
{
    AUTO(world) *w = filled(WORLD_APPEND, ORDERS);
    w->tables[0].audit = AUDIT_PROFILE;
    world_change(w);
    struct world_report report = run_ok(w);
    assert_string_equal(report.results[0].audit, "passed");
    spoil_target(w, "orders", 1, "~~~~~");
    world_update(w, ORDERS, 1);
    world_update(w, ORDERS, 2);
    world_wait(w);
    report = run_expecting(w, RC_DATA);
    assert_int_equal(report.exit_status, 6);
    assert_string_equal(report.results[0].audit, "failed");
    assert_true(report.results[0].through);
    AUTO(scope) *scope = world_scope(w, ORDERS);
    const struct marks *marks = scope_marks(scope);
    assert_string_equal(marks->loaded.id, marks->extracted.id); /* closed, and the lease is given */
    assert_false(scope_lease(scope).held);
}

static void what_is_accepted_is_kept_with_who_and_why(void **state)
{
    AUTO(world) *w = filled(WORLD_APPEND, ORDERS);
    struct audit found = {0};
    struct error err = {0};
    struct history_entry *entries;
    int count;
    spoil_target(w, "orders", 1, "NULL");
    struct run *run = world_open(w, false);
    struct route *r = &run->routes[0];
    assert_int_equal(scope_read(r->scope, &err), RC_OK);
    assert_int_equal(audit_table(r, &found, &err), RC_OK);
    assert_true(found.differences > 0);
    assert_int_equal(audit_accept(r, &found, "by hand", "ada@desk", &err), RC_OK);
    assert_int_equal(history_list(&run->routes[0], &entries, &count, &err), RC_OK);
    assert_int_equal(count, 1);
    assert_string_equal(entries[0].author, "ada@desk");
    assert_non_null(strstr(entries[0].reason, "by hand"));
    assert_non_null(strstr(entries[0].reason, "column 'note'"));
    world_close(w, run);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_moved_passes_in_every_mode),
        cmocka_unit_test(a_planted_difference_is_found_and_its_column_named),
        cmocka_unit_test(rows_that_are_missing_or_deleted_are_found),
        cmocka_unit_test(what_has_changed_since_the_load_does_not_disturb),
        cmocka_unit_test(a_row_that_is_stamped_in_the_future_is_told),
        cmocka_unit_test(a_row_that_came_late_does_not_disturb_where_it_will_be_read_again),
        cmocka_unit_test(a_first_load_under_way_is_audited_without_what_its_lookback_will_read),
        cmocka_unit_test(rows_within_a_long_lookback_are_compared_while_nothing_comes_late),
        cmocka_unit_test(rows_without_a_cursor_are_left_out_on_both_sides),
        cmocka_unit_test(a_table_that_is_appended_whole_is_not_audited),
        cmocka_unit_test(a_first_load_that_is_not_through_is_audited_as_far_as_it_is),
        cmocka_unit_test(before_the_first_load_there_is_nothing_to_audit),
        cmocka_unit_test(a_difference_says_on_which_hop_it_came_about),
        cmocka_unit_test(what_was_cleaned_is_not_compared_and_said),
        cmocka_unit_test(a_full_refresh_is_where_the_stage_begins),
        cmocka_unit_test(a_staged_file_that_was_damaged_since_is_found),
        cmocka_unit_test(an_audit_after_the_run_never_holds_the_mark),
        cmocka_unit_test(what_is_accepted_is_kept_with_who_and_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Columns that change in the source: what is taken along, what is said, and what stops the run. */
#include "case.h"
#include "conform/rows.h"

static void alter(struct world *w, const char *schema) { mem_server_alter(w->server, "orders", schema_of(schema)); }

static void put(struct world *w, const char *row)
{
    struct form form = {.kind = FORM_TEXT, .separator = ' '};
    char now[CURSOR_TEXT];
    world_clock_move_ms(&w->clock, 1000);
    form_print(&form, w->clock.us, now);
    mem_server_put(w->server, "orders", arena_print(&w->arena, "%s|%s", row, now));
    world_wait(w);
}

static struct world *moved(void)
{
    struct world *w = world_of(WORLD_APPEND, ORDERS);
    mem_server_alter(w->server, "orders", schema_of("id:s! note:u updated_at:tss:!"));
    put(w, "1|a");
    put(w, "2|b");
    run_ok(w);
    return w;
}

static const char *target_text(struct world *w)
{
    AUTO_RELEASE(buf) rows = {0};
    mem_database_print(w->database, "orders", &rows);
    return arena_text(&w->arena, or_empty(rows.at));
}

static void S36_columns_that_were_added_between_others_or_reordered_are_matched_by_name(void **state)
{
    AUTO(world) *w = moved();
    alter(w, "note:u id:s! price:l updated_at:tss:!");
    put(w, "c|3|7");
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 3);
    assert_non_null(strstr(target_text(w), "3|c|2024"));
    assert_non_null(strstr(target_text(w), "|7\n"));
}

static void s67_a_column_that_was_added_meanwhile_is_seen_and_filled(void **state)
{
    AUTO(world) *w = moved();
    alter(w, "id:s! note:u updated_at:tss:! colour:u");
    world_clock_move_ms(&w->clock, 1000);
    mem_server_set_now(w->server, w->clock.us);
    mem_server_put(w->server, "orders", "2|b|2024-06-01 00:10:00|red");
    world_clock_move_ms(&w->clock, 1000000);
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 2);
    assert_non_null(strstr(target_text(w), "2|b|2024-06-01 00:10:00|red"));
    assert_rows_equal(w, ORDERS);
}

static void a_wider_type_widens_the_target(void **state)
{
    AUTO(world) *w = moved();
    alter(w, "id:l! note:u updated_at:tss:!");
    put(w, "3000000000|c");
    struct world_report report = run_ok(w);
    assert_null(report.results[0].warning);
    assert_non_null(strstr(target_text(w), "3000000000|c"));
    assert_rows_equal(w, ORDERS);
}

/* Its rows are older than the change, and load after it. */
static void S74_what_was_staged_before_the_change_loads_after_it(void **state)
{
    AUTO(world) *w = moved();
    w->options.backup_only = true;
    put(w, "3|staged");
    run_ok(w);
    alter(w, "id:l! note:u price:l updated_at:tss:!");
    put(w, "3000000000|c|1");
    run_ok(w);
    w->options = (struct run_options){.redshift_only = true};
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 4);
    assert_non_null(strstr(target_text(w), "3|staged|"));
}

static void a_column_that_is_gone_is_said_and_stays_in_the_target(void **state)
{
    AUTO(world) *w = moved();
    alter(w, "id:s! updated_at:tss:!");
    put(w, "3");
    put(w, "1");
    struct world_report report = run_ok(w);
    assert_non_null(report.results[0].warning);
    assert_non_null(strstr(target_text(w), "3|NULL|"));
    assert_non_null(strstr(target_text(w), "1|a|"));
    put(w, "4");
    assert_null(run_ok(w).results[0].warning);
}

static void what_may_be_a_new_name_or_is_another_type_stops_the_run(void **state)
{
    static const struct {
        const char *schema, *row, *said;
    } cases[] = {
        {"id:s! remark:u updated_at:tss:!", "3|c", "+ remark utf8"},
        {"id:s! note:l updated_at:tss:!", "3|4", "~ note: utf8 -> int64"},
        {"id:u! note:u updated_at:tss:!", "3|c", "~ id: int16 -> utf8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO(world) *w = moved();
        char before[SHA256_HEX], after[SHA256_HEX];
        AUTO_RELEASE(buf) was = {0}, is = {0};
        mem_database_print(w->database, "orders", &was);
        mem_server_alter(w->server, "orders", schema_of(cases[i].schema));
        world_digest(w, before);
        struct run *run = world_open(w, false);
        struct plan plan;
        struct error err;
        assert_int_equal(look_plan(&run->routes[0], &plan, &err), RC_DATA);
        world_close(w, run);
        world_digest(w, after);
        assert_string_equal(before, after);
        struct world_report report = run_expecting(w, RC_DATA);
        assert_string_equal(error_id(&report.error), "columns-changed");
        assert_non_null(strstr(report.error.text, cases[i].said));
        mem_database_print(w->database, "orders", &is);
        assert_string_equal(was.at, is.at);
    }
}

/* Its name in the target stays, where the configuration says so. */
static void a_new_name_goes_on_under_the_old_one(void **state)
{
    static const struct column_wish wish = {.column = "remark", .name = "note"};
    AUTO(world) *w = moved();
    alter(w, "id:s! remark:u updated_at:tss:!");
    w->tables[0].wishes = &wish;
    w->tables[0].wish_count = 1;
    put(w, "3|c");
    run_ok(w);
    assert_non_null(strstr(target_text(w), "3|c|"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(S36_columns_that_were_added_between_others_or_reordered_are_matched_by_name),
        cmocka_unit_test(s67_a_column_that_was_added_meanwhile_is_seen_and_filled),
        cmocka_unit_test(a_wider_type_widens_the_target),
        cmocka_unit_test(S74_what_was_staged_before_the_change_loads_after_it),
        cmocka_unit_test(a_column_that_is_gone_is_said_and_stays_in_the_target),
        cmocka_unit_test(what_may_be_a_new_name_or_is_another_type_stops_the_run),
        cmocka_unit_test(a_new_name_goes_on_under_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

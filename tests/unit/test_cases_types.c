/* Types that do not survive the way: the run does not begin before somebody said what is to become of them. */
#include "case.h"
#include "conform/rows.h"

static const struct field took = {.name = "took", .type = TYPE_TIME, .nullable = true, .source_type = "TIME(6)"};

static void a_lossy_type_stops_the_run_until_its_column_is_overridden(void **state)
{
    static const struct column_wish wish = {.column = "took", .as = "text"};
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    mem_server_add_column(w->server, "orders", &took);
    struct world_report report = run_expecting(w, RC_CONFIG);
    assert_non_null(strstr(report.error.text, "'took' of 'orders' is TIME(6): no times here"));
    assert_string_equal(report.error.todo, "say how to take it in the table's entry: columns: {took: {as: text}}");
    assert_true(report.results[0].rows_extracted == 0 && target_rows(w, "orders") < 0); /* no table */
    w->tables[0].wishes = &wish;
    w->tables[0].wish_count = 1;
    run_ok(w);
}

/* Nobody asks the target of a run that has none: what is staged is exact. */
static void a_type_that_only_the_target_lacks_may_be_staged(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    mem_server_add_column(w->server, "orders", &took);
    w->options.backup_only = true;
    run_ok(w);
}

static void what_is_to_become_of_no_column_stops_the_run(void **state)
{
    static const struct column_wish wish = {.column = "took", .treatment = TREAT_HASH};
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    w->tables[0].wishes = &wish;
    w->tables[0].wish_count = 1;
    run_expecting(w, RC_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests_here[] = {
        cmocka_unit_test(a_lossy_type_stops_the_run_until_its_column_is_overridden),
        cmocka_unit_test(a_type_that_only_the_target_lacks_may_be_staged),
        cmocka_unit_test(what_is_to_become_of_no_column_stops_the_run),
    };
    return cmocka_run_group_tests(tests_here, NULL, NULL);
}

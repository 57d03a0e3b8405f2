/* sync repair: rows that somebody names come from the source again, and the mark stays. */
#include "case.h"
#include "move/mend.h"

static struct mend_request request; /* of the next run; must outlive it */
static const char *named[8];

static void ask_keys(struct world *w, int count, const char *const *keys, bool delete_gone)
{
    memcpy(named, keys, sizeof(*keys) * (size_t)count);
    request = (struct mend_request){.keys = {named, count}, .delete_gone = delete_gone};
    w->options = (struct run_options){.repair = &request, .overwrites = true};
}
#define ASK(w, delete_gone, ...)                                                                                       \
    ask_keys(w, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__},          \
             delete_gone)

static void ask_range(struct world *w, const char *from, const char *to)
{
    request = (struct mend_request){.from = from, .to = to};
    w->options = (struct run_options){.repair = &request, .overwrites = true};
}

static struct world *filled(enum world_variant variant, enum world_table table)
{
    struct world *w = world_of(variant, table);
    world_fill(w);
    run_ok(w);
    return w;
}

static void rows_that_are_named_are_as_in_the_source_again(void **state)
{
    AUTO(world) *w = filled(WORLD_APPEND, ORDERS);
    AUTO(scope) *before = world_scope(w, ORDERS);
    world_spoil(w, ORDERS, "2", "note", "spoilt");
    world_spoil(w, ORDERS, "5", "updated_at",
                "2031-01-01 00:00:00"); /* a newer stamp than the source's does not help it */
    ASK(w, false, "2,5");
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 2);
    assert_int_equal(report.results[0].rows_gone, 0);
    assert_rows_equal(w, ORDERS);
    AUTO(scope) *after = world_scope(w, ORDERS);
    assert_true(position_equal(&scope_marks(before)->extracted.pos, &scope_marks(after)->extracted.pos));
    w->options = (struct run_options){0};
    world_change(w);
    run_ok(w);
    assert_all_is_well(w);
}

static void keys_of_several_columns_are_arrays(void **state)
{
    AUTO(world) *w = filled(WORLD_MERGE, ORDERS);
    world_spoil(w, ORDERS, "2", "note", "spoilt");
    ASK(w, false, "[\"south\", 2]", "[\"north\", 3]");
    assert_int_equal(run_ok(w).results[0].rows_extracted, 2);
    assert_rows_equal(w, ORDERS);
    ASK(w, false, "2");
    assert_non_null(strstr(run_expecting(w, RC_CONFIG).error.todo, "JSON"));
}

static void keys_that_are_gone_are_said_and_deleted_where_that_is_asked(void **state)
{
    AUTO(world) *w = filled(WORLD_APPEND, ORDERS);
    mem_server_delete(w->server, "orders", "3");
    ASK(w, false, "3", "4", "99");
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_gone, 2);
    assert_int_equal(report.results[0].rows_deleted, 0);
    assert_int_equal(target_rows(w, "orders"), 7);
    ASK(w, true, "3", "4", "99");
    assert_int_equal(run_ok(w).results[0].rows_deleted, 1);
    assert_int_equal(target_rows(w, "orders"), 6);
    ASK(w, true, "3"); /* and where no row is left to bring */
    assert_int_equal(run_ok(w).results[0].rows_extracted, 0);
    w->options = (struct run_options){0};
    run_ok(w);
    assert_all_is_well(w);
}

static void a_range_of_ids_is_read_in_chunks_up_to_the_mark(void **state)
{
    AUTO(world) *w = filled(WORLD_MERGE, EVENTS);
    w->tables[0].chunk.rows = 2;
    world_spoil(w, EVENTS, "2", "note", "spoilt");
    world_spoil(w, EVENTS, "6", "note", "spoilt");
    world_insert(w, EVENTS, 7, false);
    ask_range(w, "2", "100");
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 5);
    assert_int_equal(report.results[0].waybills, 3);
    w->options = (struct run_options){0};
    world_wait(w);
    run_ok(w);
    assert_all_is_well(w);
    ask_range(w, "50", "100");
    run_expecting(w, RC_CONFIG);
    ask_range(w, "5", "x");
    run_expecting(w, RC_CONFIG);
}

static void a_range_that_is_replaced_loses_what_the_source_has_not(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    w->tables[0].mode = MODE_DELETE_INSERT;
    world_fill(w);
    run_ok(w);
    mem_server_delete(w->server, "events", "3");
    ask_range(w, "2", "4");
    run_ok(w);
    w->options = (struct run_options){0};
    assert_all_is_well(w);
}

static void a_range_of_times_overwrites_and_replaces(void **state)
{
    for (int mode = MODE_MERGE; mode <= MODE_DELETE_INSERT; mode += MODE_DELETE_INSERT - MODE_MERGE) {
        AUTO(world) *w = world_of(WORLD_TIME, ORDERS);
        w->tables[0].mode = (enum mode)mode;
        w->tables[0].insert_only = mode == MODE_DELETE_INSERT;
        world_fill(w);
        run_ok(w);
        if (mode == MODE_MERGE)
            world_spoil(w, ORDERS, "2", "updated_at", "2031-01-01 00:00:00");
        w->options = (struct run_options){.overwrites = true, .has_start = true, .has_end = true};
        w->options.start_us = w->clock.us - INT64_C(86400000000);
        w->options.end_us = w->clock.us;
        assert_int_equal(run_ok(w).results[0].rows_extracted, 7);
        w->options = (struct run_options){0};
        assert_all_is_well(w);
    }
}

static void a_table_that_cannot_take_rows_again_is_refused(void **state)
{
    AUTO(world) *w = filled(WORLD_APPEND, EVENTS);
    ASK(w, false, "2");
    assert_non_null(strstr(run_expecting(w, RC_CONFIG).error.text, "come twice"));
    AUTO(world) *fresh = world_of(WORLD_APPEND, ORDERS);
    world_fill(fresh);
    ASK(fresh, false, "2");
    run_expecting(fresh, RC_NOT_FOUND);
}

static void a_repair_that_dies_anywhere_leaves_the_chain_whole(void **state)
{
    for (int call = 1; call < 20; call++) {
        AUTO(world) *w = filled(WORLD_APPEND, ORDERS);
        mem_server_delete(w->server, "orders", "3");
        ASK(w, true, "2", "3");
        w->plan = (struct fault_plan){.fault = FAULT_CRASH_AFTER};
        w->hit_arrow = "bound";
        w->hit_call = call;
        world_run(w, true);
        w->hit_arrow = NULL;
        w->plan = (struct fault_plan){0};
        run_ok(w); /* the same command again */
        w->options = (struct run_options){0};
        run_ok(w);
        assert_all_is_well(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_are_named_are_as_in_the_source_again),
        cmocka_unit_test(keys_of_several_columns_are_arrays),
        cmocka_unit_test(keys_that_are_gone_are_said_and_deleted_where_that_is_asked),
        cmocka_unit_test(a_range_of_ids_is_read_in_chunks_up_to_the_mark),
        cmocka_unit_test(a_range_that_is_replaced_loses_what_the_source_has_not),
        cmocka_unit_test(a_range_of_times_overwrites_and_replaces),
        cmocka_unit_test(a_table_that_cannot_take_rows_again_is_refused),
        cmocka_unit_test(a_repair_that_dies_anywhere_leaves_the_chain_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

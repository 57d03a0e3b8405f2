/* `lookback`: rows so far before the mark are read again, since their stamps may come late; the mark stays. */
#include "case.h"

enum { HOUR_S = 3600 };

static struct world *world_that_looks_back(void)
{
    struct world *w = world_of(WORLD_APPEND, ORDERS);
    w->tables[0].lookback_ms = INT64_C(2) * HOUR_S * 1000;
    world_clock_move_ms(&w->clock, INT64_C(24) * HOUR_S * 1000);
    return w;
}

/* Committed, or sent, so late that its stamp lies so far back. */
static void insert_late(struct world *w, int id, int seconds)
{
    w->clock.us -= seconds * INT64_C(1000000);
    world_insert(w, ORDERS, id, true);
    w->clock.us += seconds * INT64_C(1000000);
}

static struct position mark_of(struct world *w)
{
    struct scope *s = world_scope(w, ORDERS);
    struct position mark = scope_marks(s)->extracted.pos;
    mark.at = arena_text(&w->arena, mark.at);
    scope_free(s);
    return mark;
}

static void a_row_that_comes_with_an_old_stamp_arrives(void **state)
{
    AUTO(world) *w = world_that_looks_back();
    world_fill(w);
    run_ok(w);
    const struct position mark = mark_of(w);
    insert_late(w, 50, HOUR_S);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 8); /* and the seven of the last two hours */
    assert_true(form_compare(&(struct form){.kind = FORM_TEXT, .separator = ' '}, mark_of(w).at, mark.at) >= 0);
    assert_all_is_well(w);
    world_change(w);
    insert_late(w, 51, HOUR_S);
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 13);
    assert_all_is_well(w);
}

static void a_first_load_reads_nothing_twice(void **state)
{
    AUTO(world) *w = world_that_looks_back();
    world_fill(w);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 7);
}

/* Paging within what is read again would come to the same page for ever. */
static void a_limit_counts_only_what_is_new(void **state)
{
    AUTO(world) *w = world_that_looks_back();
    world_fill(w);
    run_ok(w);
    for (int id = 60; id < 70; id++)
        insert_late(w, id, HOUR_S);
    world_change(w);
    w->options.limit = 2;
    w->options.max_chunks = 1;
    const struct position mark = mark_of(w);
    assert_int_equal(run_ok(w).results[0].rows_extracted, 14 + 2);
    assert_false(position_equal(&mark, &(struct position){.shape = POSITION_NONE}));
    assert_string_not_equal(mark_of(w).at, mark.at);
    w->options = (struct run_options){0};
    run_ok(w);
    assert_all_is_well(w);
}

static void a_run_that_dies_while_it_reads_again_leaves_the_mark_where_it_was(void **state)
{
    for (int call = 1; call <= 12; call++) { /* from its first chunk's seal on */
        AUTO(world) *w = world_that_looks_back();
        world_fill(w);
        run_ok(w);
        const struct position mark = mark_of(w);
        insert_late(w, 50, HOUR_S);
        die_in(w, "seal", call, FAULT_CRASH_AFTER);
        const struct position after = mark_of(w);
        assert_true(position_equal(&mark, &after));
        run_ok(w);
        assert_all_is_well(w);
    }
}

/* The end of a walk was fixed when it began, which may be days ago. */
static void a_walk_that_an_earlier_run_began_is_looked_back_from(void **state)
{
    AUTO(world) *w = world_that_looks_back();
    world_fill(w);
    w->options.limit = 3;
    run_ok(w);
    w->options.limit = 0;
    world_clock_move_ms(&w->clock, INT64_C(24) * HOUR_S * 1000);
    insert_late(w, -1, 24 * HOUR_S + HOUR_S); /* the walk has passed its key */
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 8);
    assert_all_is_well(w);
}

/* 2024-10-27 01:00 UTC: Berlin's clocks go back from 03:00 to 02:00. */
static void berlin(struct world *w, const char *utc, int ahead_hours)
{
    int64_t us;
    assert_true(stamp_parse(utc, &us));
    w->clock.us = us;
    mem_server_set_ahead(w->server, ahead_hours * INT64_C(3600000000), true);
}

static void put(struct world *w, int id, const char *stamp)
{
    mem_server_put(w->server, "orders",
                   arena_print(&w->arena, "%d|version %d|1.25|2024-10-27 %s", id, w->row++, stamp));
}

/* A cursor without a zone at the end of summer time: stamps of 02:00 to 03:00 come twice, and a later change may have
 * the smaller one. */
static void s91_the_hour_that_comes_twice_is_read_twice(void **state)
{
    AUTO(world) *w = world_that_looks_back();
    w->tables[0].lag_ms = 0;
    berlin(w, "2024-10-27T00:50:00Z", 2);
    put(w, 1, "02:30:00");
    put(w, 2, "02:49:59");
    run_ok(w);
    assert_string_equal(mark_of(w).at, "2024-10-27 02:50:01");
    berlin(w, "2024-10-27T01:20:00Z", 1);
    put(w, 2, "02:15:00");
    put(w, 3, "02:19:00");
    run_ok(w);
    assert_string_equal(mark_of(w).at, "2024-10-27 02:50:01");
    assert_all_is_well(w);
    berlin(w, "2024-10-27T08:00:00Z", 1);
    put(w, 1, "02:10:00"); /* nobody looked for hours */
    put(w, 4, "08:59:00");
    run_ok(w);
    assert_int_equal(target_rows(w, "orders"), 4);
    assert_all_is_well(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_comes_with_an_old_stamp_arrives),
        cmocka_unit_test(a_first_load_reads_nothing_twice),
        cmocka_unit_test(a_limit_counts_only_what_is_new),
        cmocka_unit_test(a_run_that_dies_while_it_reads_again_leaves_the_mark_where_it_was),
        cmocka_unit_test(a_walk_that_an_earlier_run_began_is_looked_back_from),
        cmocka_unit_test(s91_the_hour_that_comes_twice_is_read_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

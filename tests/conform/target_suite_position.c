/* T and the transaction that moves it: nobody loads twice, and nobody out of turn. */
#include <stdlib.h>
#include <string.h>

#include "conform/target_story.h"

/* ---- the position row ---- */

static void the_position_is_missing_until_it_is_created(void **state)
{
    struct target_story *s = *state;
    struct target_position at;
    OK(target_position(s->target, &s->table, &s->arena, &at, &s->err));
    assert_false(at.exists);
    OK(target_create_position(s->target, &s->table, DW_TARGET_ID, &s->err));
    OK(target_position(s->target, &s->table, &s->arena, &at, &s->err));
    assert_true(at.exists);
    assert_string_equal(at.target_id, DW_TARGET_ID);
    assert_string_equal(at.waybill, "");
    assert_string_equal(at.pos, "");
    assert_string_equal(at.table, "orders");
    assert_int_equal(at.token, 0);
    assert_int_equal(at.epoch, 0);
}

static void creating_the_position_again_keeps_what_is_there(void **state)
{
    struct target_story *s = *state;
    struct target_position at;
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "1|ada|2024-01-01 00:00:00\n");
    OK(target_create_position(s->target, &s->table, "018f0000-0000-7000-8000-000000000002", &s->err));
    OK(target_position(s->target, &s->table, &s->arena, &at, &s->err));
    assert_string_equal(at.target_id, DW_TARGET_ID);
    assert_string_equal(at.waybill, "w1");
    assert_int_equal(at.epoch, 1);
    assert_int_equal(at.token, 1);
    assert_string_equal(at.pos, "{\"at\":\"2024-01-01\"}");
}

/* Whoever only looks hears the same, and leaves nothing behind. */
static void owner_refuses(struct target_story *s, const struct target_table *table, const char *word)
{
    REFUSED(target_check_owner(s->target, table, &s->err), RC_CONFIG, word);
    REFUSED(target_create_position(s->target, table, DW_TARGET_ID, &s->err), RC_CONFIG, word);
}

static void owner_allows(struct target_story *s, const struct target_table *table)
{
    struct target_position before, after;
    OK(target_position(s->target, table, &s->arena, &before, &s->err));
    OK(target_check_owner(s->target, table, &s->err));
    OK(target_position(s->target, table, &s->arena, &after, &s->err));
    assert_int_equal(before.exists, after.exists);
    OK(target_create_position(s->target, table, DW_TARGET_ID, &s->err));
}

static void S94_a_second_pipeline_on_a_target_table_needs_shared_in_both(void **state)
{
    struct target_story *s = *state;
    struct target_table other = s->table;
    other.scope = "second/orders";
    owner_allows(s, &s->table);
    owner_refuses(s, &other, DW_SCOPE);
    SAYS("second/orders");
    SAYS("shared: true");
    other.shared = true;
    owner_refuses(s, &other, DW_SCOPE);
    s->table.shared = true;
    owner_allows(s, &s->table);
    owner_allows(s, &other);
    s->table.shared = false; /* now it would take it for itself */
    owner_refuses(s, &s->table, "second/orders");
}

static void a_shared_table_is_never_replaced(void **state)
{
    struct target_story *s = *state;
    s->table.shared = true;
    s->table.mode = MODE_REPLACE;
    owner_refuses(s, &s->table, "replace");
}

static void S82_a_scope_does_not_change_its_table_unnoticed(void **state)
{
    struct target_story *s = *state;
    OK(target_create_position(s->target, &s->table, DW_TARGET_ID, &s->err));
    struct target_move step = dw_move("", "w1");
    bool moved = false;
    s->table.name = "other_orders";
    owner_refuses(s, &s->table, "other_orders");
    REFUSED(target_begin(s->target, &s->table, &step, &moved, &s->err), RC_CONFIG, "other_orders");
    s->table.name = "orders";
    dw_stands_at(s, "");
}

static void shared_scopes_load_side_by_side(void **state)
{
    struct target_story *s = *state;
    s->table.shared = true;
    dw_ready(s, MODE_APPEND);
    struct target_table first = s->table;
    s->table.scope = "second/orders";
    dw_ready(s, MODE_APPEND);
    dw_load(s, "", "w1", "1|ada|2024-01-01 00:00:00\n");
    s->table = first;
    dw_load(s, "", "v1", "2|bob|2024-01-01 00:00:00\n");
    dw_holds(s, "1|ada|2024-01-01 00:00:00\n2|bob|2024-01-01 00:00:00\n");
    dw_stands_at(s, "v1");
}

/* ---- the fence and the compare-and-swap ---- */

static void a_fence_raises_the_token_and_never_lowers_it(void **state)
{
    struct target_story *s = *state;
    struct target_position at;
    const struct target_table other = {.scope = "other/scope", .name = "orders"};
    REFUSED(target_fence(s->target, &s->table, 5, &s->arena, &at, &s->err), RC_NOT_FOUND, DW_SCOPE);
    OK(target_create_position(s->target, &s->table, DW_TARGET_ID, &s->err));
    REFUSED(target_fence(s->target, &other, 5, &s->arena, &at, &s->err), RC_NOT_FOUND, "other/scope");
    OK(target_fence(s->target, &s->table, 5, &s->arena, &at, &s->err));
    assert_int_equal(at.token, 5);
    OK(target_fence(s->target, &s->table, 3, &s->arena, &at, &s->err));
    assert_int_equal(at.token, 5);
    OK(target_position(s->target, &s->table, &s->arena, &at, &s->err));
    assert_int_equal(at.token, 5);
    assert_string_equal(at.waybill, "");
    assert_string_equal(at.target_id, DW_TARGET_ID);
}

static void a_load_moves_the_position_only_from_where_it_stands(void **state)
{
    struct target_story *s = *state;
    dw_ready(s, MODE_APPEND);
    assert_false(dw_begins(s, s->target, dw_move("w0", "w1")));
    dw_load(s, "", "w1", "1|ada|NULL\n");
    assert_false(dw_begins(s, s->target, dw_move("", "w2")));
    dw_load(s, "w1", "w2", "2|bob|NULL\n");
    dw_stands_at(s, "w2");
}

static void S99_an_owner_with_an_older_token_loads_nothing(void **state)
{
    struct target_story *s = *state;
    struct target_position at;
    dw_ready(s, MODE_APPEND);
    OK(target_fence(s->target, &s->table, 2, &s->arena, &at, &s->err));
    assert_false(dw_begins(s, s->target, dw_move("", "w1")));
    struct target_move step = dw_move("", "w1");
    step.token = 2;
    assert_true(dw_begins(s, s->target, step));
    target_rollback(s->target);
    dw_stands_at(s, "");
}

static void begin_without_a_position_moves_nothing(void **state)
{
    struct target_story *s = *state;
    assert_false(dw_begins(s, s->target, dw_move("", "w1")));
}

static void rollback_leaves_neither_rows_nor_a_move(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts;
    struct target_move step = dw_move("", "w1");
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        s->table.name = mode_name(mode);
        s->table.scope = mode_name(mode);
        dw_ready(s, mode);
        OK(dw_bring(s, s->target, &step, "1|ada|2024-01-01 00:00:00\n", &counts));
        target_rollback(s->target);
        target_rollback(s->target); /* nothing to roll back is fine */
        dw_holds(s, "");
        dw_load(s, "", "w1", "2|bob|2024-01-01 00:00:00\n");
        dw_holds(s, "2|bob|2024-01-01 00:00:00\n");
    }
}

static void a_process_that_dies_inside_a_load_leaves_nothing(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts;
    struct target_move step = dw_move("", "w1");
    dw_ready(s, MODE_REPLACE);
    dw_load(s, "", "w0", "7|old|NULL\n");
    step.prev = "w0";
    OK(dw_bring(s, s->target, &step, "1|ada|NULL\n", &counts));
    target_free(s->target);
    s->target = s->kind->open(s->database);
    dw_holds(s, "7|old|NULL\n");
    dw_stands_at(s, "w0");
    dw_load(s, "w0", "w1", "1|ada|NULL\n");
    dw_holds(s, "1|ada|NULL\n");
}

static void S49_after_a_lost_answer_the_same_move_tells_that_it_was_committed(void **state)
{
    struct target_story *s = *state;
    dw_ready(s, MODE_APPEND);
    dw_load(s, "", "w1", "1|ada|NULL\n"); /* done, but say that the answer was lost */
    OK(target_reconnect(s->target, &s->err));
    assert_false(dw_begins(s, s->target, dw_move("", "w1")));
    dw_stands_at(s, "w1");
    dw_holds(s, "1|ada|NULL\n");
}

static void S49_after_a_lost_connection_the_same_move_tells_that_nothing_was_committed(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts;
    struct target_move step = dw_move("", "w1");
    dw_ready(s, MODE_APPEND);
    OK(dw_bring(s, s->target, &step, "1|ada|NULL\n", &counts));
    OK(target_reconnect(s->target, &s->err));
    OK(dw_bring(s, s->target, &step, "1|ada|NULL\n", &counts));
    OK(target_commit(s->target, &s->err));
    dw_holds(s, "1|ada|NULL\n");
    dw_stands_at(s, "w1");
}

static void S77_of_two_loaders_of_one_waybill_one_loads(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts;
    struct target_move step = dw_move("", "w1");
    dw_ready(s, MODE_APPEND);
    AUTO(target) *other = s->kind->open(s->database);
    OK(dw_bring(s, s->target, &step, "1|ada|NULL\n", &counts));
    bool moved = false;
    enum rc rc = target_begin(other, &s->table, &step, &moved, &s->err);
    if (s->kind->waits) {
        assert_int_equal(rc, RC_BUSY);
        OK(target_commit(s->target, &s->err));
        assert_false(dw_begins(s, other, step));
    } else {
        OK(rc);
        target_rollback(other);
        REFUSED(target_commit(s->target, &s->err), RC_UNAVAILABLE, "connection");
        OK(dw_bring(s, other, &step, "1|ada|NULL\n", &counts));
        OK(target_commit(other, &s->err));
    }
    dw_holds(s, "1|ada|NULL\n");
}

static void S31_a_fence_stops_a_load_that_is_still_open_or_waits_for_it(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts;
    struct target_position at;
    struct target_move step = dw_move("", "w1");
    dw_ready(s, MODE_APPEND);
    AUTO(target) *successor = s->kind->open(s->database);
    OK(dw_bring(s, s->target, &step, "1|ada|NULL\n", &counts));
    enum rc rc = target_fence(successor, &s->table, 9, &s->arena, &at, &s->err);
    if (s->kind->waits && !s->kind->fence_ends_loads) {
        REFUSED(rc, RC_BUSY, s->target->name);
        target_rollback(s->target);
        OK(target_fence(successor, &s->table, 9, &s->arena, &at, &s->err));
    } else {
        OK(rc);
        rc = target_commit(s->target, &s->err); /* a session that was ended may not have been told so yet */
        assert_true(rc == RC_UNAVAILABLE || rc == RC_UNKNOWN);
        OK(target_reconnect(s->target, &s->err));
    }
    assert_int_equal(at.token, 9);
    assert_string_equal(at.waybill, "");
    assert_false(dw_begins(s, s->target, step));
    dw_holds(s, "");
}

int target_suite_position(void)
{
    static const struct CMUnitTest stories[] = {
        STORY(the_position_is_missing_until_it_is_created),
        STORY(creating_the_position_again_keeps_what_is_there),
        STORY(S94_a_second_pipeline_on_a_target_table_needs_shared_in_both),
        STORY(a_shared_table_is_never_replaced),
        STORY(S82_a_scope_does_not_change_its_table_unnoticed),
        STORY(shared_scopes_load_side_by_side),
        STORY(a_fence_raises_the_token_and_never_lowers_it),
        STORY(a_load_moves_the_position_only_from_where_it_stands),
        STORY(S99_an_owner_with_an_older_token_loads_nothing),
        STORY(begin_without_a_position_moves_nothing),
        STORY(rollback_leaves_neither_rows_nor_a_move),
        STORY(a_process_that_dies_inside_a_load_leaves_nothing),
        STORY(S49_after_a_lost_answer_the_same_move_tells_that_it_was_committed),
        STORY(S49_after_a_lost_connection_the_same_move_tells_that_nothing_was_committed),
        STORY(S77_of_two_loaders_of_one_waybill_one_loads),
        STORY(S31_a_fence_stops_a_load_that_is_still_open_or_waits_for_it),
    };
    return cmocka_run_group_tests_name(dw_kind->name, stories, NULL, NULL);
}

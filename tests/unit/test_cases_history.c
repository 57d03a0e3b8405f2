/* What is kept of a mark's history, and what `watermark restore` makes of it. */
#include "case.h"
#include "move/audit.h"
#include "move/history.h"

static struct world *moved_world(void)
{
    struct world *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    return w;
}

static void change(struct world *w, const char *name,
                   RC (*how)(struct run *, const struct watermark_change *, struct error *), const char *timestamp)
{
    struct error err = {0};
    const struct watermark_change wanted = {
        .name = name, .timestamp = timestamp, .reason = "because", .author = "a person"};
    world_clock_move_ms(&w->clock, 1000);
    struct run *run = world_open(w, false);
    if (how(run, &wanted, &err) != RC_OK)
        fail_msg("%s: %s", name, err.text);
    world_close(w, run);
}

static void set(struct world *w, const char *timestamp) { change(w, HISTORY_SET, watermark_set, timestamp); }

static int history_of(struct world *w, struct run **ret_run, struct history_entry **ret)
{
    struct error err = {0};
    int count = 0;
    *ret_run = world_open(w, false);
    assert_int_equal(history_list(&(*ret_run)->routes[0], ret, &count, &err), RC_OK);
    return count;
}

static void assert_history(struct world *w, const char *changes)
{
    AUTO_RELEASE(buf) found = {0};
    struct run *run;
    struct history_entry *entries;
    int count = history_of(w, &run, &entries);
    for (int i = 0; i < count; i++)
        buf_addf(&found, "%s%s", i > 0 ? " " : "", or_empty(entries[i].change));
    assert_string_equal(or_empty(found.at), changes);
    world_close(w, run);
}

static void assert_mark(struct world *w, const char *at)
{
    AUTO(scope) *scope = world_scope(w, ORDERS);
    assert_string_equal(or_empty(scope_marks(scope)->extracted.pos.at), at);
}

static void every_change_of_a_mark_is_kept_with_its_word(void **state)
{
    AUTO(world) *w = moved_world();
    set(w, "2024-05-01 00:00:00");
    change(w, HISTORY_RESET, watermark_reset, NULL);
    change(w, HISTORY_RESTORE, watermark_restore, NULL);
    assert_history(w, "set reset restore");
    assert_mark(w, "2024-05-01 00:00:00");
    run_ok(w);
    assert_all_is_well(w);
}

static void so_many_entries_are_kept_as_the_pipeline_says(void **state)
{
    AUTO(world) *w = moved_world();
    w->pipeline.history_count = 3;
    for (int day = 1; day <= 6; day++)
        set(w, arena_print(&w->arena, "2024-05-%02d 00:00:00", day));
    change(w, HISTORY_RESET, watermark_reset, NULL);
    assert_history(w, "set set reset");
    change(w, HISTORY_RESTORE, watermark_restore, NULL);
    assert_mark(w, "2024-05-06 00:00:00");
}

static void entries_are_kept_for_so_long_and_the_newest_for_ever(void **state)
{
    enum { DAY_MS = 86400000 };
    AUTO(world) *w = moved_world();
    set(w, "2024-05-01 00:00:00");
    world_clock_move_ms(&w->clock, DAY_MS);
    set(w, "2024-05-02 00:00:00");
    assert_history(w, "set set"); /* nothing was said of how long */
    w->pipeline.history_ms = 2 * DAY_MS;
    world_clock_move_ms(&w->clock, DAY_MS);
    set(w, "2024-05-03 00:00:00");
    assert_history(w, "set set");
    world_clock_move_ms(&w->clock, INT64_C(100) * DAY_MS);
    change(w, HISTORY_RESTORE, watermark_restore, NULL); /* what it needs is still there, however old */
    assert_mark(w, "2024-05-02 00:00:00");
    assert_history(w, "restore");
}

/* Accepting an audit leaves the mark as it is: going back to what was before it would change nothing. */
static void what_was_only_accepted_is_nothing_to_restore_and_drives_nothing_out(void **state)
{
    AUTO(world) *w = moved_world();
    struct error err = {0};
    w->pipeline.history_count = 2;
    set(w, "2024-05-01 00:00:00");
    run_ok(w);
    for (int i = 0; i < 4; i++) {
        struct run *run = world_open(w, false);
        struct audit none = {.text = ""};
        world_clock_move_ms(&w->clock, 1000);
        assert_int_equal(scope_read(run->routes[0].scope, &err), RC_OK);
        assert_int_equal(audit_accept(&run->routes[0], &none, "known", "a person", &err), RC_OK);
        world_close(w, run);
    }
    assert_history(w, "set accept-audit accept-audit");
    AUTO(scope) *before = world_scope(w, ORDERS);
    change(w, HISTORY_RESTORE, watermark_restore, NULL);
    AUTO(scope) *after = world_scope(w, ORDERS);
    assert_string_not_equal(scope_marks(before)->extracted.pos.at, "2024-05-01 00:00:00");
    assert_true(scope_marks(after)->epoch > scope_marks(before)->epoch);
}

static void another_source_is_accepted_once_and_that_is_kept(void **state)
{
    AUTO(world) *w = moved_world();
    mem_server_set_id(w->server, "server-2");
    world_change(w);
    run_expecting(w, RC_DATA);
    w->options.accept_source = true;
    run_ok(w);
    run_ok(w); /* there is nothing to accept any more */
    assert_history(w, "accept-source");
    assert_all_is_well(w);
}

static void a_history_that_cannot_be_shortened_holds_no_change_up(void **state)
{
    AUTO(world) *w = moved_world();
    struct error err = {0};
    const struct watermark_change wanted = {.name = HISTORY_RESET, .reason = "because", .author = "a person"};
    set(w, "2024-05-01 00:00:00");
    w->pipeline.history_count = 1;
    w->plan = (struct fault_plan){.fault = FAULT_FAIL, .at = 1 << 20};
    struct run *run = world_open(w, true);
    assert_int_equal(watermark_reset(run, &wanted, &err), RC_OK);
    int calls = w->plan.calls;
    world_close(w, run);
    world_clock_move_ms(&w->clock, 1000);
    w->plan = (struct fault_plan){.fault = FAULT_FAIL, .at = calls};
    run = world_open(w, true);
    assert_int_equal(watermark_reset(run, &wanted, &err), RC_OK);
    world_close(w, run);
    assert_int_equal(w->plan.fired, 1);
    assert_string_equal(w->plan.operation, "delete");
    assert_non_null(strstr(w->log.at, "history.not_pruned"));
    w->plan = (struct fault_plan){0};
    assert_history(w, "reset reset");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_of_a_mark_is_kept_with_its_word),
        cmocka_unit_test(so_many_entries_are_kept_as_the_pipeline_says),
        cmocka_unit_test(entries_are_kept_for_so_long_and_the_newest_for_ever),
        cmocka_unit_test(what_was_only_accepted_is_nothing_to_restore_and_drives_nothing_out),
        cmocka_unit_test(another_source_is_accepted_once_and_that_is_kept),
        cmocka_unit_test(a_history_that_cannot_be_shortened_holds_no_change_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

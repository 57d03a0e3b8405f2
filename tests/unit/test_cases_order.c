/* What is compared, and what comes before what: each of these orders and counts is a rule of the protocol. */
#include "case.h"
#include "conform/rows.h"

/* ---- the order of the two readings in `bound` ---- */

struct between {
    struct world *w;
    int readings; /* of clock, ceiling and open transactions in this run */
    struct mem_transaction *late;
    bool by_id;
};

/* Between the first reading and the second one a transaction begins, and time goes on. */
static void begin_between(void *context, const char *operation)
{
    struct between *between = context;
    struct world *w = between->w;
    bool is_reading =
        strcmp(operation, "oldest_open") == 0 || strcmp(operation, between->by_id ? "ceiling" : "now") == 0;
    mem_server_set_now(w->server, w->clock.us);
    if (!is_reading || ++between->readings != 2)
        return;
    between->late = mem_server_begin(w->server);
    mem_transaction_put(between->late, between->by_id ? "events" : "orders",
                        between->by_id ? "50|late" : "50|late|1.25|2024-06-01 00:01:30");
    if (between->by_id)
        mem_server_put(w->server, "events", "60|now");
    world_clock_move_ms(&w->clock, 60000);
    mem_server_set_now(w->server, w->clock.us);
}

static void a_transaction_between_two_readings_is_not_missed(bool by_id)
{
    AUTO(world) *w = world_of(WORLD_APPEND, by_id ? EVENTS : ORDERS);
    struct between between = {.w = w, .by_id = by_id};
    struct error err;
    world_fill(w);
    world_clock_move_ms(&w->clock, (INT64_C(1717200090000000) - w->clock.us) / 1000); /* 00:01:30 */
    struct run *run = world_open(w, false);
    mem_server_hook(w->server, begin_between, &between);
    assert_int_equal(run_execute(run, &err), RC_OK);
    world_close(w, run);
    assert_non_null(between.late);
    mem_transaction_commit(between.late);
    world_wait(w);
    run_ok(w);
    run_ok(w);
    assert_all_is_well(w);
}

static void the_clock_is_read_before_the_open_transactions(void **state)
{
    a_transaction_between_two_readings_is_not_missed(false);
}
static void the_ceiling_is_read_before_the_open_transactions(void **state)
{
    a_transaction_between_two_readings_is_not_missed(true);
}

/* ---- the fence ---- */

static bool stop_after_the_take(void *context, struct error *err)
{
    const struct run *run = context;
    if (!text_eq(run->routes[0].arrow, "adopt"))
        return false;
    fail(err, RC_TERMINATED, "asked to end");
    return true;
}

/* A second owner takes the lease, fences T, and ends before it loads anything. */
static void take_and_end(void *context)
{
    struct world *w = context;
    struct error err;
    world_clock_move_ms(&w->clock, WORLD_TTL_MS + 2000);
    struct run *run = world_open(w, false);
    run->world.stopped = stop_after_the_take;
    run->world.context = run;
    assert_int_equal(run_execute(run, &err), RC_TERMINATED);
    world_close(w, run);
}

static void a_fenced_owner_loads_nothing_any_more(void **state)
{
    for (int call = 1;; call++) { /* until it is the one that begins the load's transaction */
        AUTO(world) *other = world_of(WORLD_APPEND, EVENTS);
        world_fill(other);
        other->options = (struct run_options){.backup_only = true};
        run_ok(other);
        other->options = (struct run_options){0};
        other->plan = (struct fault_plan){.fault = FAULT_STALL, .stalled = take_and_end, .context = other};
        other->hit_arrow = "load";
        other->hit_call = call;
        struct world_report first = world_run(other, true);
        other->hit_arrow = NULL;
        bool was_begin = strcmp(other->plan.operation, "begin") == 0;
        other->plan = (struct fault_plan){0};
        if (!was_begin)
            continue;
        assert_int_equal(first.rc, RC_LEASE);
        assert_int_equal(target_rows(other, "events"), 0);
        run_ok(other);
        assert_all_is_well(other);
        break;
    }
}

/* ---- orphans: the list first, then S ---- */

static void run_another(void *context)
{
    struct world *w = context;
    world_clock_move_ms(&w->clock, WORLD_TTL_MS + 2000);
    world_run(w, false);
}

/* The lease is taken away by an operator's word: no time passes, and nothing tells the owner. */
static void break_the_lease_and_run_another(void *context)
{
    struct world *w = context;
    struct error err;
    AUTO(store) *store = mem_store_open(w->objects, "lake");
    struct scope_world world = {.store = store,
                                .clock = &w->clock.clock,
                                .random = &w->random.random,
                                .host = &w->hosts.host[15],
                                .run_id = "operator",
                                .ttl_ms = WORLD_TTL_MS};
    AUTO(scope) *scope = scope_new(&world, "shop", "events");
    if (scope_read(scope, &err) == RC_OK && scope_exists(scope) && scope_lease(scope).held)
        assert_int_equal(scope_break(scope, &err), RC_OK);
    world_run(w, false);
}

static void what_another_run_stages_while_orphans_are_listed_stays(void **state)
{
    for (int i = 0; i < 80; i++) {
        int at = 1 + i / 2;
        AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
        struct orphans orphans;
        struct error err;
        world_fill(w);
        run_ok(w);
        world_change(w);
        w->plan = (struct fault_plan){.fault = FAULT_STALL,
                                      .at = at,
                                      .context = w,
                                      .stalled = i % 2 == 0 ? run_another : break_the_lease_and_run_another};
        struct run *run = world_open(w, true);
        enum rc rc = orphans_clean(run, 0, false, &orphans, &err);
        world_close(w, run);
        assert_true(rc == RC_OK || rc == RC_LEASE || rc == RC_UNAVAILABLE || rc == RC_DATA);
        w->plan = (struct fault_plan){0};
        run_ok(w);
        assert_all_is_well(w);
    }
}

/* ---- markers ---- */

static bool has_object(struct world *w, const char *name)
{
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        if (strstr(mem_objects_at(w->objects, i).key, name) != NULL)
            return true;
    }
    return false;
}

static void the_completion_marker_is_written_last(void **state)
{
    for (int call = 1; call <= 30; call++) {
        AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
        world_fill(w);
        w->plan = (struct fault_plan){.fault = FAULT_CRASH_AFTER};
        w->hit_arrow = "announce";
        w->hit_call = call;
        world_run(w, true);
        w->hit_arrow = NULL;
        w->plan = (struct fault_plan){0};
        if (has_object(w, "completion_marker.txt")) {
            assert_true(has_object(w, "execution_metadata.json"));
            assert_true(has_object(w, "table_metrics.json"));
        }
    }
}

static void a_failed_table_gets_a_failure_marker_only(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    w->plan = (struct fault_plan){.fault = FAULT_FAIL};
    w->hit_arrow = "extract";
    w->hit_call = 3;
    assert_int_equal(world_run(w, true).rc, RC_UNAVAILABLE);
    w->hit_arrow = NULL;
    w->plan = (struct fault_plan){0};
    assert_true(has_object(w, "failure_marker.txt"));
    assert_true(has_object(w, "execution_metadata.json"));
    assert_false(has_object(w, "completion_marker.txt"));
}

/* ---- receipts ---- */

/* Announced is applied: whatever happens in a load, a receipt is never there before the rows. */
static void a_receipt_is_written_after_the_commit(void **state)
{
    for (int call = 1; call <= 24; call++) {
        AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
        world_fill(w);
        w->options.backup_only = true;
        run_ok(w);
        w->options.backup_only = false;
        w->plan = (struct fault_plan){.fault = FAULT_CRASH_BEFORE};
        w->hit_arrow = "load";
        w->hit_call = call;
        world_run(w, true);
        w->hit_arrow = NULL;
        w->plan = (struct fault_plan){0};
        for (int i = 0; i < mem_objects_count(w->objects); i++) {
            const char *key = mem_objects_at(w->objects, i).key, *folder = strstr(key, "/wb=");
            char id[UUID_TEXT] = "";
            if (folder == NULL || strstr(key, "receipt.json") == NULL)
                continue;
            memcpy(id, folder + 4, UUID_TEXT - 1);
            assert_int_equal(mem_database_loads(w->database, id), 1);
        }
    }
}

/* S49: done, not done, or still under way: the same compare-and-swap tells, and the run goes on. */
static void s49_a_lost_answer_to_commit_does_not_fail_the_run(void **state)
{
    static const enum mem_commit faults[] = {MEM_COMMIT_LOST_DONE, MEM_COMMIT_LOST_NOT_DONE, MEM_COMMIT_LOST_LATE};
    for (int i = 0; i < 3; i++) {
        AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
        world_fill(w);
        mem_database_break_commit(w->database, faults[i]);
        run_ok(w);
        assert_all_is_well(w);
    }
}

/* S50: nothing of the transaction is there, and all of it is done again. */
static void s50_a_transaction_that_another_one_was_in_the_way_of_is_done_again_as_a_whole(void **state)
{
    static const enum world_table tables[] = {ORDERS, EVENTS, REGIONS}; /* merged, appended, replaced */
    for (int i = 0; i < 3; i++) {
        AUTO(world) *w = world_of(WORLD_APPEND, tables[i]);
        world_fill(w);
        mem_database_break_commit(w->database, MEM_COMMIT_IN_THE_WAY);
        run_ok(w);
        assert_all_is_well(w);
    }
}

/* ---- what is counted ---- */

/* A store that says it holds other bytes than it was given. */
static RC put_and_lie(struct store *store, const char *key, struct str body, struct condition when,
                      struct object_info *ret, struct error *err);
static RC put_and_shrink(struct store *store, const char *key, struct str body, struct condition when,
                         struct object_info *ret, struct error *err);
static const struct store_ops *honest;

static RC put_and_lie(struct store *store, const char *key, struct str body, struct condition when,
                      struct object_info *ret, struct error *err)
{
    TRY(honest->put(store, key, body, when, ret, err));
    if (ret != NULL && strstr(key, ".parquet") != NULL)
        ret->checksum[0] = ret->checksum[0] == '0' ? '1' : '0';
    return RC_OK;
}

static RC put_and_shrink(struct store *store, const char *key, struct str body, struct condition when,
                         struct object_info *ret, struct error *err)
{
    TRY(honest->put(store, key, body, when, ret, err));
    if (ret != NULL && strstr(key, ".parquet") != NULL)
        ret->bytes--;
    return RC_OK;
}

static struct world_report run_with_put(struct world *w,
                                        RC (*put)(struct store *, const char *, struct str, struct condition,
                                                  struct object_info *, struct error *))
{
    struct world_report report = {0};
    struct run *run = world_open(w, false);
    struct store_ops ops = *run->world.store->ops;
    honest = run->world.store->ops;
    ops.put = put;
    run->world.store->ops = &ops;
    report.rc = run_execute(run, &report.error);
    run->world.store->ops = honest;
    world_close(w, run);
    return report;
}

static void a_file_that_the_store_does_not_confirm_is_not_sealed(void **state)
{
    for (int i = 0; i < 2; i++) {
        AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
        w->pipeline.part_bytes = 16 << 20; /* one put holds a file */
        world_fill(w);
        struct world_report report = run_with_put(w, i == 0 ? put_and_lie : put_and_shrink);
        assert_int_equal(report.rc, RC_DATA);
        assert_false(has_object(w, "waybill.json"));
        run_ok(w);
        assert_all_is_well(w);
    }
}

static RC take_one_row_less(struct target *target, const struct staged_file *file, int64_t *ret_rows,
                            struct error *err);
static const struct target_ops *honest_target;

static RC take_one_row_less(struct target *target, const struct staged_file *file, int64_t *ret_rows, struct error *err)
{
    TRY(honest_target->load_file(target, file, ret_rows, err));
    (*ret_rows)--;
    return RC_OK;
}

static void a_file_of_which_the_target_took_less_is_not_committed(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    struct error err;
    world_fill(w);
    struct run *run = world_open(w, false);
    struct target_ops ops = *run->world.ends.target->ops;
    honest_target = run->world.ends.target->ops;
    ops.load_file = take_one_row_less;
    run->world.ends.target->ops = &ops;
    assert_int_equal(run_execute(run, &err), RC_DATA);
    assert_non_null(strstr(err.text, "the target took"));
    run->world.ends.target->ops = honest_target;
    world_close(w, run);
    assert_int_equal(target_rows(w, "events"), 0);
    run_ok(w);
    assert_all_is_well(w);
}

static void a_staged_file_that_was_changed_is_not_loaded(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    w->options = (struct run_options){.backup_only = true};
    run_ok(w);
    w->options = (struct run_options){0};
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        struct mem_object object = mem_objects_at(w->objects, i);
        char key[256];
        snprintf(key, sizeof(key), "%s", object.key);
        if (strstr(key, ".parquet") == NULL)
            continue;
        AUTO_RELEASE(buf) other = {0};
        buf_add_str(&other, object.body);
        other.at[40] ^= 1;
        mem_objects_put(w->objects, key, buf_str(&other));
    }
    struct world_report report = run_expecting(w, RC_DATA);
    assert_non_null(strstr(report.error.text, "is not what was sealed"));
    assert_non_null(strstr(report.error.todo, "restore --from-target"));
}

static void rows_without_a_cursor_stop_the_run_or_are_counted(void **state)
{
    AUTO(world) *w = world_new(WORLD_APPEND, NULL);
    mem_server_table(w->server, "holes", schema_of("id:l! updated_at:tss:"), "id", "updated_at");
    w->tables[0] = w->tables[ORDERS];
    w->tables[0].name = w->tables[0].target = "holes";
    w->table_count = 1;
    mem_server_put(w->server, "holes", "1|2024-05-31 10:00:00");
    mem_server_put(w->server, "holes", "2|NULL");
    struct world_report report = run_expecting(w, RC_DATA);
    assert_non_null(strstr(report.error.todo, "null_cursor: exclude"));
    w->tables[0].null_cursor = NULL_CURSOR_EXCLUDE;
    report = run_ok(w);
    assert_int_equal(report.results[0].null_cursors, 1);
    assert_int_equal(target_rows(w, "holes"), 1);
}

static void rows_with_a_cursor_of_another_form_stop_the_run(void **state)
{
    AUTO(world) *w = world_new(WORLD_APPEND, NULL);
    mem_server_table(w->server, "texts", schema_of("id:l! updated_at:u!"), "id", "updated_at");
    w->tables[0] = w->tables[ORDERS];
    w->tables[0].name = w->tables[0].target = "texts";
    w->table_count = 1;
    mem_server_put(w->server, "texts", "1|2024-05-31 10:00:00");
    mem_server_put(w->server, "texts", "2|yesterday");
    struct world_report report = run_expecting(w, RC_DATA);
    assert_non_null(strstr(report.error.text, "1 rows"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_is_read_before_the_open_transactions),
        cmocka_unit_test(the_ceiling_is_read_before_the_open_transactions),
        cmocka_unit_test(a_fenced_owner_loads_nothing_any_more),
        cmocka_unit_test(what_another_run_stages_while_orphans_are_listed_stays),
        cmocka_unit_test(the_completion_marker_is_written_last),
        cmocka_unit_test(a_failed_table_gets_a_failure_marker_only),
        cmocka_unit_test(a_receipt_is_written_after_the_commit),
        cmocka_unit_test(s49_a_lost_answer_to_commit_does_not_fail_the_run),
        cmocka_unit_test(s50_a_transaction_that_another_one_was_in_the_way_of_is_done_again_as_a_whole),
        cmocka_unit_test(a_file_that_the_store_does_not_confirm_is_not_sealed),
        cmocka_unit_test(a_file_of_which_the_target_took_less_is_not_committed),
        cmocka_unit_test(a_staged_file_that_was_changed_is_not_loaded),
        cmocka_unit_test(rows_without_a_cursor_stop_the_run_or_are_counted),
        cmocka_unit_test(rows_with_a_cursor_of_another_form_stop_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

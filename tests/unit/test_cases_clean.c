/* s3clean: which staged files may go, and when; what no chain reaches. */
#include "case.h"
#include "store/probe.h"
#include "state/keys.h"

/* ---- parts ---- */

static int parts_there(const struct world *w)
{
    int count = 0;
    for (int i = 0; i < mem_objects_count(w->objects); i++)
        count += strstr(mem_objects_at(w->objects, i).key, ".parquet") != NULL;
    return count;
}

static int64_t clean_ok(struct world *w)
{
    struct world_report report = world_clean_parts(w, false);
    assert_int_equal(report.rc, RC_OK);
    return report.results[0].files_created;
}

static void assert_all_is_well_but_cleaned(struct world *w)
{
    AUTO_RELEASE(buf) why = {0};
    if (!world_check(w, (struct world_rules){.cleaned = true}, &why))
        fail_msg("%s", why.at);
}

static void what_was_loaded_is_cleaned_and_the_chain_goes_on(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    assert_true(parts_there(w) > 0);
    assert_int_equal(clean_ok(w), 2);
    assert_int_equal(parts_there(w), 0);
    assert_int_equal(clean_ok(w), 0);
    world_change(w);
    run_ok(w);
    assert_all_is_well_but_cleaned(w);
}

static void what_waits_for_its_load_stays(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    world_change(w);
    w->options = (struct run_options){.backup_only = true};
    run_ok(w);
    w->options = (struct run_options){0};
    int before = parts_there(w);
    int64_t cleaned = clean_ok(w);
    assert_int_equal(parts_there(w), before - cleaned);
    assert_true(parts_there(w) > 0);
    run_ok(w);
    assert_all_is_well_but_cleaned(w);
}

/* A receipt tells that it was loaded once. The target was put back since then: it is loaded again. */
static void what_a_target_that_was_put_back_needs_stays_though_it_has_a_receipt(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    const struct mem_snapshot *backup = mem_database_snapshot(w->database);
    world_change(w);
    run_ok(w);
    mem_database_restore(w->database, backup);
    assert_int_equal(clean_ok(w), 2);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_loaded, 5);
    assert_all_is_well_but_cleaned(w);
}

static int receipts_there(const struct world *w)
{
    int count = 0;
    for (int i = 0; i < mem_objects_count(w->objects); i++)
        count += strstr(mem_objects_at(w->objects, i).key, "/receipt.json") != NULL;
    return count;
}

/* Committed, and its receipt was not written: nobody has been told of it yet. */
static void without_a_receipt_nothing_goes(void **state)
{
    int without = 0;
    for (int call = 1; call <= 30; call++) {
        AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
        world_fill(w);
        w->options = (struct run_options){.backup_only = true};
        run_ok(w);
        w->options = (struct run_options){0};
        die_in(w, "load", call, FAULT_CRASH_AFTER);
        int before = parts_there(w), receipts = receipts_there(w);
        assert_int_equal(clean_ok(w), receipts);
        assert_int_equal(parts_there(w), before - receipts);
        without += target_rows(w, "events") > 0 && receipts == 0;
        run_ok(w);
        assert_all_is_well_but_cleaned(w);
    }
    assert_true(without > 0);
}

/* The process dies when the first thousand is deleted. */
static void die_after_a_deletion(struct fault_plan *plan, const char *seam, const char *operation)
{
    if (plan->at == 0 && strcmp(seam, "store") == 0 && strcmp(operation, "delete") == 0)
        plan->at = plan->calls;
}

static void s37_more_parts_than_a_page_are_all_cleaned_and_a_kill_in_the_middle_is_made_good(void **state)
{
    enum { PARTS = 1100 };
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    w->tables[0].chunk.rows = 1;
    for (int i = 1; i <= PARTS; i++)
        world_insert(w, EVENTS, i, false);
    world_wait(w);
    run_ok(w);
    assert_int_equal(parts_there(w), PARTS);
    w->plan = (struct fault_plan){.fault = FAULT_CRASH_AFTER, .asked = die_after_a_deletion};
    world_clean_parts(w, true);
    assert_true(w->plan.crashed);
    assert_int_equal(parts_there(w), PARTS - LIST_PAGE_MAX);
    assert_int_equal(clean_ok(w), PARTS - LIST_PAGE_MAX);
    assert_int_equal(parts_there(w), 0);
    world_insert(w, EVENTS, PARTS + 1, false);
    world_wait(w);
    run_ok(w);
    assert_rows_equal(w, EVENTS);
}

/* ---- what names the files of a waybill ---- */

/* As a target that reads them by itself writes one (key_manifest), beside each file but the first. */
static int put_manifests(struct world *w)
{
    AUTO_RELEASE(arena) arena = {0};
    const char **keys = arena_take(&arena, sizeof(*keys) * (size_t)mem_objects_count(w->objects));
    int count = 0, skipped = 0;
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        const char *key = mem_objects_at(w->objects, i).key;
        if (strstr(key, ".parquet") != NULL && skipped++ > 0)
            keys[count++] = key_manifest(&arena, key);
    }
    for (int i = 0; i < count; i++)
        mem_objects_put(w->objects, keys[i], S("{}"));
    return count;
}

static int manifests_there(const struct world *w)
{
    int count = 0;
    for (int i = 0; i < mem_objects_count(w->objects); i++)
        count += strstr(mem_objects_at(w->objects, i).key, "/manifest.json") != NULL;
    return count;
}

static void a_manifest_goes_with_the_last_file_that_it_names(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    run_ok(w);
    world_change(w);
    w->options = (struct run_options){.backup_only = true};
    run_ok(w);
    w->options = (struct run_options){0};
    int waiting = parts_there(w) - 2, manifests = put_manifests(w);
    assert_true(waiting > 0);
    assert_int_equal(clean_ok(w), 2 + 1);
    assert_int_equal(parts_there(w), waiting);
    assert_int_equal(manifests_there(w), manifests - 1);
    run_ok(w);
    assert_int_equal(clean_ok(w), 2 * waiting);
    assert_int_equal(manifests_there(w), 0);
    assert_all_is_well_but_cleaned(w);
}

/* The page of deletions ends between a file and its manifest. */
static void a_manifest_that_a_kill_has_left_without_files_goes_the_next_time(void **state)
{
    enum { PARTS = 600 };
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    w->tables[0].chunk.rows = 1;
    for (int i = 1; i <= PARTS; i++)
        world_insert(w, EVENTS, i, false);
    world_wait(w);
    run_ok(w);
    assert_int_equal(put_manifests(w), PARTS - 1);
    w->plan = (struct fault_plan){.fault = FAULT_CRASH_AFTER, .asked = die_after_a_deletion};
    world_clean_parts(w, true);
    assert_true(w->plan.crashed);
    int parts = parts_there(w), manifests = manifests_there(w);
    assert_int_equal(parts + manifests, 2 * PARTS - 1 - LIST_PAGE_MAX);
    assert_int_equal(manifests, parts + 1);
    assert_int_equal(clean_ok(w), parts + manifests);
    assert_int_equal(manifests_there(w), 0);
}

/* ---- orphans ---- */

static struct error clean_orphans(struct world *w, bool dry, struct orphans *ret)
{
    struct error err = {0};
    struct run *run = world_open(w, false);
    err.rc = orphans_clean(run, 0, dry, ret, &err);
    ret->items = NULL; /* they live as long as the run */
    ret->failure = NULL;
    world_close(w, run);
    return err;
}

static void orphans_are_what_no_chain_reaches(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    struct orphans orphans;
    world_fill(w);
    run_ok(w);
    world_clock_move_ms(&w->clock, 1000);
    assert_int_equal(clean_orphans(w, false, &orphans).rc, RC_OK);
    assert_int_equal(orphans.count, 0);
    mem_objects_put(w->objects,
                    "stage/shop/events/dt=2024-01-01/wb=018fd119-8a27-7cce-9b2f-5aaaa29525cb/file-00000.parquet",
                    S("left by nobody knows whom"));
    world_clock_move_ms(&w->clock, 1000);
    assert_int_equal(clean_orphans(w, true, &orphans).rc, RC_OK);
    assert_int_equal(orphans.count, 1);
    assert_int_equal(orphans.bytes, 25);
    assert_int_equal(clean_orphans(w, false, &orphans).rc, RC_OK);
    assert_int_equal(clean_orphans(w, false, &orphans).rc, RC_OK);
    assert_int_equal(orphans.count, 0);
    assert_all_is_well(w);
}

static void what_a_killed_probe_of_the_store_left_is_taken(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    struct error err;
    AUTO_RELEASE(upload) upload = {0};
    mem_objects_put(w->objects, STORE_PROBE_FOLDER "018fd119-8a27-7cce-9b2f-5aaaa29525cb", S("first"));
    AUTO(store) *store = mem_store_open(w->objects, "lake");
    assert_int_equal(
        store_upload_begin(store, STORE_PROBE_FOLDER "018fd119-8a27-7cce-9b2f-5aaaa29525cc", &upload, &err), RC_OK);
    world_clock_move_ms(&w->clock, 3600000);
    struct run *run = world_open(w, false); /* of a table that never came so far as to have a scope document */
    struct orphans orphans = {0};
    assert_int_equal(orphans_clean_probes(run, 7200000, false, &orphans, &err), RC_OK);
    assert_int_equal(orphans.count, 0);
    assert_int_equal(orphans_clean_probes(run, 1800000, true, &orphans, &err), RC_OK);
    assert_int_equal(orphans.count, 2);
    assert_int_equal(orphans_clean_probes(run, 1800000, false, &orphans, &err), RC_OK);
    orphans = (struct orphans){0};
    assert_int_equal(orphans_clean_probes(run, 0, false, &orphans, &err), RC_OK);
    assert_int_equal(orphans.count, 0);
    world_close(w, run);
}

static void s37_orphans_of_more_than_a_page_are_all_found(void **state)
{
    enum { MANY = 2 * LIST_PAGE_MAX + 1 };
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    struct orphans orphans;
    world_fill(w);
    run_ok(w);
    for (int i = 0; i < MANY; i++) {
        const char *key = arena_print(
            &w->arena, "stage/shop/events/dt=2024-01-01/wb=018fd119-8a27-7cce-9b2f-%012x/file-00000.parquet", i);
        mem_objects_put(w->objects, key, S("x"));
    }
    world_clock_move_ms(&w->clock, 1000);
    assert_int_equal(clean_orphans(w, false, &orphans).rc, RC_OK);
    assert_int_equal(orphans.count, MANY);
    assert_int_equal(clean_orphans(w, true, &orphans).rc, RC_OK);
    assert_int_equal(orphans.count, 0);
    assert_all_is_well(w);
}

/* A pipeline `events` with the prefix stage/shop stages below stage/shop/events/, too. */
static void objects_of_another_pipeline_below_the_same_prefix_are_no_orphans(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    static const char another[] =
        "stage/shop/events/orders/dt=2024-01-01/wb=018fd119-8a27-7cce-9b2f-5aaaa29525cb/waybill.json";
    struct orphans orphans;
    struct mem_object object;
    world_fill(w);
    run_ok(w);
    mem_objects_put(w->objects, another, S("{}"));
    world_clock_move_ms(&w->clock, 1000);
    assert_int_equal(clean_orphans(w, false, &orphans).rc, RC_OK);
    assert_int_equal(orphans.count, 0);
    assert_true(mem_objects_find(w->objects, another, &object));
}

static void orphans_are_not_looked_for_where_s_is_missing_or_t_is_off_the_chain(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    struct orphans orphans;
    world_fill(w);
    run_ok(w);
    AUTO_RELEASE(buf) old = {0};
    buf_add_str(&old, scope_text(w, "events"));
    world_change(w);
    run_ok(w);
    mem_objects_put(w->objects, "watermark/tables/shop/events.json", buf_str(&old));
    int before = mem_objects_count(w->objects);
    assert_int_equal(clean_orphans(w, false, &orphans).rc, RC_DATA);
    assert_true(mem_objects_remove(w->objects, "watermark/tables/shop/events.json"));
    assert_int_equal(clean_orphans(w, false, &orphans).rc, RC_DATA);
    assert_int_equal(mem_objects_count(w->objects), before - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_loaded_is_cleaned_and_the_chain_goes_on),
        cmocka_unit_test(what_waits_for_its_load_stays),
        cmocka_unit_test(what_a_target_that_was_put_back_needs_stays_though_it_has_a_receipt),
        cmocka_unit_test(without_a_receipt_nothing_goes),
        cmocka_unit_test(a_manifest_goes_with_the_last_file_that_it_names),
        cmocka_unit_test(a_manifest_that_a_kill_has_left_without_files_goes_the_next_time),
        cmocka_unit_test(s37_more_parts_than_a_page_are_all_cleaned_and_a_kill_in_the_middle_is_made_good),
        cmocka_unit_test(orphans_are_what_no_chain_reaches),
        cmocka_unit_test(what_a_killed_probe_of_the_store_left_is_taken),
        cmocka_unit_test(s37_orphans_of_more_than_a_page_are_all_found),
        cmocka_unit_test(objects_of_another_pipeline_below_the_same_prefix_are_no_orphans),
        cmocka_unit_test(orphans_are_not_looked_for_where_s_is_missing_or_t_is_off_the_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

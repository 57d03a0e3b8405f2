/* spec/sync.md 6, "Load" and what comes before it: which files a load takes, when, and under which names. */
#include "case.h"
#include "move/announce.h"

static bool is_file(const char *key) { return strstr(key, ".parquet") != NULL; }

static int files_there(const struct world *w)
{
    int count = 0;
    for (int i = 0; i < mem_objects_count(w->objects); i++)
        count += is_file(mem_objects_at(w->objects, i).key);
    return count;
}

/* So many rows of events in one waybill of many files. */
static struct world *world_of_small_files(int rows)
{
    struct world *w = world_of(WORLD_APPEND, EVENTS);
    w->tables[0].chunk.rows = 100;
    w->pipeline.file_bytes = 300;
    w->batch_rows = 1;
    for (int id = 1; id <= rows; id++)
        world_insert(w, EVENTS, id, true);
    return w;
}

static void stage(struct world *w)
{
    w->options = (struct run_options){.backup_only = true};
    run_ok(w);
    w->options = (struct run_options){0};
}

static void s33_the_table_that_is_made_is_the_one_that_is_loaded(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    w->tables[0].target = "Events of 2026";
    world_fill(w);
    run_ok(w);
    run_ok(w);
    assert_int_equal(target_rows(w, "Events of 2026"), 6);
    assert_int_equal(target_rows(w, "events"), -1);
}

static void s38_waybills_of_other_days_are_found_by_their_reference(void **state)
{
    const int64_t day_ms = 86400000;
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    for (int day = 0; day < 3; day++) {
        world_insert(w, EVENTS, 1 + day, true);
        world_wait(w);
        stage(w);
        world_clock_move_ms(&w->clock, day_ms);
    }
    w->options = (struct run_options){.redshift_only = true};
    assert_int_equal(run_ok(w).results[0].rows_loaded, 3);
    assert_all_is_well(w);
}

static void delete_regions(struct world *w)
{
    for (int id = 1; id <= 2; id++)
        mem_server_delete(w->server, "regions", arena_print(&w->arena, "r%02d", id));
}

/* Two snapshots wait, each of several files: the second one is what stays, and all of it. */
static void s39_of_several_snapshots_the_last_stays_and_all_of_its_files(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, REGIONS);
    w->pipeline.file_bytes = 300;
    w->batch_rows = 1;
    for (int id = 1; id <= 24; id++)
        world_insert(w, REGIONS, id, true);
    stage(w);
    const int files = files_there(w);
    assert_true(files > 1);
    delete_regions(w);
    stage(w);
    assert_true(files_there(w) > files + 1);
    w->options = (struct run_options){.redshift_only = true};
    assert_int_equal(run_ok(w).results[0].loads, 2);
    assert_int_equal(target_rows(w, "regions"), 22);
    assert_all_is_well(w);
}

/* Until its COMMIT whoever reads the target sees the rows of before. */
static void s39_a_replace_that_dies_leaves_the_rows_of_before(void **state)
{
    for (int call = 1; call <= 3; call++) {
        AUTO(world) *w = world_of(WORLD_APPEND, REGIONS);
        world_fill(w);
        run_ok(w);
        delete_regions(w);
        stage(w);
        die_in(w, "load", call, FAULT_CRASH_BEFORE);
        assert_int_equal(target_rows(w, "regions"), 3);
        run_ok(w);
        assert_all_is_well(w);
    }
}

static void s40_what_was_staged_once_is_never_written_again(void **state)
{
    AUTO(world) *w = world_of(WORLD_MERGE, EVENTS);
    world_fill(w);
    run_ok(w);
    const int count = mem_objects_count(w->objects);
    struct mem_object *before = arena_take(&w->arena, sizeof(*before) * (size_t)count);
    for (int i = 0; i < count; i++) {
        before[i] = mem_objects_at(w->objects, i);
        before[i].key = arena_text(&w->arena, before[i].key);
    }
    assert_int_equal(world_reset(w, false).rc, RC_OK);
    assert_int_equal(run_ok(w).results[0].rows_loaded, 6);
    assert_int_equal(files_there(w), 4);
    for (int i = 0; i < count; i++) {
        struct mem_object now;
        assert_true(mem_objects_find(w->objects, before[i].key, &now));
        if (strstr(now.key, "/wb=") != NULL)
            assert_int_equal(now.modified_us, before[i].modified_us);
    }
}

static void s42_a_file_that_is_gone_is_no_green_run_and_nothing_of_its_waybill_is_loaded(void **state)
{
    AUTO(world) *w = world_of_small_files(12);
    stage(w);
    char key[256] = "";
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        if (is_file(mem_objects_at(w->objects, i).key))
            snprintf(key, sizeof(key), "%s", mem_objects_at(w->objects, i).key); /* the last one */
    }
    assert_true(files_there(w) > 1);
    assert_true(mem_objects_remove(w->objects, key));
    struct world_report report = run_expecting(w, RC_DATA);
    assert_int_equal(report.exit_status, 6);
    assert_non_null(strstr(report.error.text, key));
    assert_int_equal(target_rows(w, "events"), 0);
}

/* However the rows come, a file is as large as asked for. */
static void s44_many_small_batches_are_one_file(void **state)
{
    AUTO(world) *w = world_of_small_files(51);
    w->pipeline.file_bytes = 1 << 20;
    assert_int_equal(run_ok(w).results[0].files_created, 1);
    assert_all_is_well(w);
}

static void s45_a_limit_bounds_what_is_loaded_too(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    w->options.limit = 6; /* more than a chunk, less than two */
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 6);
    assert_int_equal(report.results[0].rows_loaded, 6);
    assert_int_equal(target_rows(w, "orders"), 6);
    w->options.limit = 0;
    run_ok(w);
    assert_all_is_well(w);
}

/* ---- what comes meanwhile ---- */

static void insert_while_it_is_read(struct world *w, const char *operation)
{
    enum { MOVES_MAX = 200 };
    if (w->moves++ < MOVES_MAX)
        world_insert(w, EVENTS, 1000 + w->moves, true);
}

/* The end of the range is fixed before its first row: what grows as fast as it is read still ends. */
static void s55_a_first_load_does_not_chase_live_inserts(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    for (int id = 1; id <= 20; id++)
        world_insert(w, EVENTS, id, true);
    w->moving = insert_while_it_is_read;
    struct world_report report = run_ok(w);
    assert_in_range(report.results[0].rows_extracted, 20, 30); /* some came before the ceiling was read */
    world_rest(w);
    run_ok(w);
    assert_all_is_well(w);
}

/* ---- after a failure ---- */

static struct world_report fail_in_load(struct world *w)
{
    w->plan = (struct fault_plan){.fault = FAULT_FAIL};
    w->hit_arrow = "load";
    w->hit_call = 3;
    struct world_report report = world_run(w, true);
    assert_true(w->plan.fired > 0);
    w->hit_arrow = NULL;
    w->plan = (struct fault_plan){0};
    return report;
}

static void s69_what_waits_for_its_load_is_not_cleaned_away_after_a_failure(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    world_fill(w);
    stage(w);
    const int files = files_there(w);
    assert_int_equal(fail_in_load(w).rc, RC_UNAVAILABLE);
    world_clock_move_ms(&w->clock, WORLD_TTL_MS + 2000);
    assert_int_equal(world_clean(w, false).rc, RC_OK);
    assert_int_equal(world_clean_parts(w, false).rc, RC_OK);
    assert_int_equal(files_there(w), files);
    assert_int_equal(run_ok(w).results[0].rows_loaded, 6);
    assert_all_is_well(w);
}

/* Whoever looks asks the exit status and the document; what was logged takes no part. */
static void s70_a_failure_is_told_by_status_and_document(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    struct error err;
    world_fill(w);
    w->plan = (struct fault_plan){.fault = FAULT_FAIL};
    w->hit_arrow = "load";
    w->hit_call = 4; /* the source's clock */
    struct run *run = world_open(w, true);
    assert_int_equal(run_execute(run, &err), RC_UNAVAILABLE);
    assert_int_equal(run_exit_status(run), 5);
    AUTO_JSON *document = announce_document(run);
    const json_t *table = json_object_get(json_object_get(document, "table_results"), "events");
    assert_string_equal(json_text(document, "status"), "failed");
    assert_string_equal(json_text(table, "status"), "failed");
    world_close(w, run);
}

/* ---- markers ---- */

/* A store whose identity may put and list; anything else ends the test. */
struct narrow {
    struct store base;
    struct store *inner;
};

static enum rc narrow_put(struct store *self, const char *key, struct str body, struct condition when,
                          struct object_info *ret, struct error *err)
{
    assert_true(!when.if_none_match && when.if_match == NULL); /* s3:PutObject alone may not ask what is there */
    return store_put(((struct narrow *)self)->inner, key, body, when, ret, err);
}

static enum rc narrow_list(struct store *self, const char *prefix, const char *after, struct arena *arena,
                           struct object_list *ret, struct error *err)
{
    return store_list(((struct narrow *)self)->inner, prefix, after, arena, ret, err);
}

static const struct store_ops narrow_ops = {.type = "narrow", .put = narrow_put, .list = narrow_list};

static void s96_markers_need_no_more_than_put_and_list(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, EVENTS);
    struct error err;
    int markers = 0;
    world_fill(w);
    struct run *run = world_open(w, false);
    struct narrow narrow = {.base = {.ops = &narrow_ops, .name = "marks", .address = "narrow://marks"},
                            .inner = run->world.markers};
    run->world.markers = &narrow.base;
    assert_int_equal(run_execute(run, &err), RC_OK);
    world_close(w, run);
    for (int i = 0; i < mem_objects_count(w->objects); i++)
        markers += strncmp(mem_objects_at(w->objects, i).key, "completion_markers/", 19) == 0;
    assert_int_equal(markers, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s33_the_table_that_is_made_is_the_one_that_is_loaded),
        cmocka_unit_test(s38_waybills_of_other_days_are_found_by_their_reference),
        cmocka_unit_test(s39_of_several_snapshots_the_last_stays_and_all_of_its_files),
        cmocka_unit_test(s39_a_replace_that_dies_leaves_the_rows_of_before),
        cmocka_unit_test(s40_what_was_staged_once_is_never_written_again),
        cmocka_unit_test(s42_a_file_that_is_gone_is_no_green_run_and_nothing_of_its_waybill_is_loaded),
        cmocka_unit_test(s44_many_small_batches_are_one_file),
        cmocka_unit_test(s45_a_limit_bounds_what_is_loaded_too),
        cmocka_unit_test(s55_a_first_load_does_not_chase_live_inserts),
        cmocka_unit_test(s69_what_waits_for_its_load_is_not_cleaned_away_after_a_failure),
        cmocka_unit_test(s70_a_failure_is_told_by_status_and_document),
        cmocka_unit_test(s96_markers_need_no_more_than_put_and_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

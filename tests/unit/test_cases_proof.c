/* What the encoder wrote is not what it was given: the store keeps it faithfully, and counts and checksums agree. Only
 * the rows' fingerprint can tell, and it does so before anything is wrong for good. */
#include "case.h"
#include "data/parquet/writer.h"

/* Linked in place of parquet_writer_add (--wrap): the memory it reads is not what was read. */
static int spoiled_column = -1, spoiled_batches;
static bool swaps_rows;

/* NOLINTNEXTLINE(bugprone-reserved-identifier): --wrap names it */
RC __real_parquet_writer_add(struct parquet_writer *self, const struct batch *batch, struct error *err);
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
RC __wrap_parquet_writer_add(struct parquet_writer *self, const struct batch *batch, struct error *err);

static void swap(char *a, char *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

RC __wrap_parquet_writer_add(struct parquet_writer *self, const struct batch *batch, struct error *err)
{
    if (spoiled_column < 0 || spoiled_column >= batch->schema->count || batch->rows < 2)
        return __real_parquet_writer_add(self, batch, err);
    const struct ArrowArray *array = batch->array.children[spoiled_column];
    bool is_text = batch->schema->fields[spoiled_column].type == TYPE_UTF8;
    char *at = (char *)(uintptr_t)array->buffers[is_text ? 2 : 1];
    spoiled_batches++;
    if (swaps_rows)
        swap(at, at + sizeof(int64_t), sizeof(int64_t));
    else
        at[0] ^= 1;
    enum rc rc = __real_parquet_writer_add(self, batch, err);
    if (swaps_rows)
        swap(at, at + sizeof(int64_t), sizeof(int64_t));
    else
        at[0] ^= 1;
    return rc;
}

static void spoil(int column, bool swaps)
{
    spoiled_column = column;
    swaps_rows = swaps;
    spoiled_batches = 0;
}

static struct world *orders_world(void)
{
    struct world *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    return w;
}

static int end(void **state)
{
    spoil(-1, false);
    return 0;
}

static void assert_says(const struct world_report *report, const char *what)
{
    assert_true(spoiled_batches > 0);
    if (strstr(report->error.text, what) == NULL)
        fail_msg("'%s' does not say '%s'", report->error.text, what);
    assert_non_null(strstr(report->error.text, ".parquet"));
    assert_null(strstr(report->error.text, WORLD_SECRET));
    assert_true(report->error.todo[0] != '\0');
}

/* ---- at the load ---- */

static void a_file_with_other_values_is_not_loaded_and_its_column_is_named(void **state)
{
    static const char *const said[] = {"column 'id'", "column 'note'", "column 'price'"};
    for (int column = 0; column < 3; column++) {
        AUTO(world) *w = orders_world();
        spoil(column, false);
        struct world_report report = run_expecting(w, RC_DATA);
        assert_int_equal(report.exit_status, 6);
        assert_says(&report, said[column]);
        assert_int_equal(target_rows(w, "orders"), 0);
        spoil(-1, false);
    }
}

static void values_that_changed_rows_are_not_loaded(void **state)
{
    AUTO(world) *w = orders_world();
    spoil(0, true);
    struct world_report report = run_expecting(w, RC_DATA);
    assert_says(&report, "changed places");
    assert_int_equal(target_rows(w, "orders"), 0);
}

static void after_a_bad_file_the_advice_leads_on(void **state)
{
    AUTO(world) *w = orders_world();
    spoil(1, false);
    struct world_report report = run_expecting(w, RC_DATA);
    assert_non_null(strstr(report.error.todo, "watermark restore --from-target"));
    spoil(-1, false);
    run_expecting(w, RC_DATA); /* the file is what it is */
    assert_int_equal(world_restore(w, false).rc, RC_OK);
    run_ok(w);
    assert_rows_equal(w, ORDERS);
}

/* ---- before the seal ---- */

static void where_no_load_follows_a_file_is_read_back_before_it_is_sealed(void **state)
{
    AUTO(world) *w = orders_world();
    w->options.backup_only = true;
    spoil(2, false);
    struct world_report report = run_expecting(w, RC_DATA);
    assert_int_equal(report.exit_status, 6);
    assert_says(&report, "column 'price'");
    spoil(-1, false);
    run_ok(w); /* nothing was sealed: the same command goes on */
    w->options.backup_only = false;
    run_ok(w);
    assert_all_is_well(w);
}

static void verify_stage_reads_back_though_a_load_follows(void **state)
{
    AUTO(world) *w = orders_world();
    w->pipeline.verify = VERIFY_STAGE;
    spoil(2, false);
    struct world_report report = run_expecting(w, RC_DATA);
    assert_non_null(strstr(report.error.text, "reading back"));
    assert_says(&report, "column 'price'");
    spoil(-1, false);
    run_ok(w);
    assert_all_is_well(w);
}

static void verify_none_leaves_it_to_the_load(void **state)
{
    AUTO(world) *w = orders_world();
    w->pipeline.verify = VERIFY_NONE;
    w->options.backup_only = true;
    spoil(2, false);
    run_ok(w);
    assert_true(spoiled_batches > 0);
    w->options = (struct run_options){.redshift_only = true};
    spoil(-1, false);
    run_expecting(w, RC_DATA);
    assert_int_equal(target_rows(w, "orders"), 0);
}

/* ---- documents ---- */

static void a_waybill_of_before_is_loaded_as_ever(void **state)
{
    AUTO(world) *w = orders_world();
    w->options.backup_only = true;
    run_ok(w);
    bool changed = false;
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        struct mem_object object = mem_objects_at(w->objects, i);
        for (char *at = NULL; strstr(object.key, "waybill.json") != NULL &&
                              (at = memmem(object.body.at, object.body.len, "\"fingerprint\"", 13)) != NULL;) {
            at[8] = 'y'; /* another word, of the same length */
            changed = true;
        }
    }
    assert_true(changed);
    w->options.backup_only = false;
    run_ok(w);
    assert_rows_equal(w, ORDERS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_file_with_other_values_is_not_loaded_and_its_column_is_named, end),
        cmocka_unit_test_teardown(values_that_changed_rows_are_not_loaded, end),
        cmocka_unit_test_teardown(after_a_bad_file_the_advice_leads_on, end),
        cmocka_unit_test_teardown(where_no_load_follows_a_file_is_read_back_before_it_is_sealed, end),
        cmocka_unit_test_teardown(verify_stage_reads_back_though_a_load_follows, end),
        cmocka_unit_test_teardown(verify_none_leaves_it_to_the_load, end),
        cmocka_unit_test_teardown(a_waybill_of_before_is_loaded_as_ever, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

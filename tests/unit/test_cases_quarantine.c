/* Rows that do not fit: the run ends, or they are set aside, counted and told, and all others arrive. */
#include "audit_story.h"
#include "conform/rows.h"
#include "data/parquet/reader.h"
#include "state/keys.h"
#include "world/value.h"

/* ---- the shop ---- */

#define NOT_UTF8 "caf\xE9"

static void put(struct world *w, const char *row)
{
    struct form form = {.kind = FORM_TEXT, .separator = ' '};
    char now[CURSOR_TEXT];
    world_clock_move_ms(&w->clock, 1000);
    form_print(&form, w->clock.us, now);
    mem_server_put(w->server, "orders", arena_print(&w->arena, "%s|%s", row, now));
    world_wait(w);
}

static struct world *shop(int64_t quarantine)
{
    struct world *w = world_of(WORLD_APPEND, ORDERS);
    mem_server_alter(w->server, "orders", schema_of("id:s! note:u updated_at:tss:!"));
    w->tables[0].quarantine = quarantine;
    return w;
}

/* Four rows, of which the second does not fit anywhere, and the third not into a target whose texts end at 8 bytes. */
static struct world *shop_with_two_misfits(int64_t quarantine)
{
    struct world *w = shop(quarantine);
    mem_database_set_text_max(w->database, 8);
    put(w, "1|a");
    put(w, "2|" NOT_UTF8);
    put(w, "3|far too long");
    put(w, "4|d");
    return w;
}

/* ---- what is to be seen ---- */

static bool find_object(const struct world *w, const char *word, struct mem_object *ret)
{
    for (int i = 0; i < mem_objects_count(w->objects); i++) {
        *ret = mem_objects_at(w->objects, i);
        if (strstr(ret->key, word) != NULL)
            return true;
    }
    return false;
}

static RC read_object(void *context, int64_t offset, void *into, size_t bytes, struct error *err)
{
    memcpy(into, ((const struct str *)context)->at + offset, bytes);
    return RC_OK;
}

/* The rows that were set aside: "2|NULL|...|[{...}]\n", a line each. */
static const char *rows_aside(struct world *w)
{
    AUTO_RELEASE(buf) out = {0};
    AUTO(parquet_reader) *reader = NULL;
    struct mem_object object;
    struct error err;
    if (!find_object(w, QUARANTINE_FOLDER, &object))
        return "";
    const struct parquet_input input = {
        .bytes = (int64_t)object.body.len, .read = read_object, .context = &object.body};
    assert_int_equal(parquet_reader_open(&input, NULL, &reader, &err), RC_OK);
    struct batch_reader *batches = parquet_reader_batches(reader);
    for (const struct batch *batch = NULL;;) {
        assert_int_equal(batch_reader_next(batches, &batch, &err), RC_OK);
        if (batch == NULL)
            return arena_str(&w->arena, buf_str(&out));
        for (int64_t row = 0; row < batch->rows; row++) {
            for (int i = 0; i < batch->schema->count; i++) {
                struct value value = value_of(batch, i, row, &w->arena);
                buf_add_str(&out, i > 0 ? S("|") : S(""));
                value_print(&value, &batch->schema->fields[i], &out);
            }
            buf_add_str(&out, S("\n"));
        }
    }
}

static const char *target_text(struct world *w)
{
    AUTO_RELEASE(buf) rows = {0};
    mem_database_print(w->database, "orders", &rows);
    return arena_text(&w->arena, or_empty(rows.at));
}

static json_t *document(const struct world *w, const char *word)
{
    struct mem_object object;
    struct error err;
    json_t *doc = NULL;
    assert_true(find_object(w, word, &object));
    assert_int_equal(json_read(object.body, word, &doc, &err), RC_OK);
    return doc;
}

/* Everything of the protocol but that source and target are equal: they are not. */
static void assert_chain_is_well(struct world *w)
{
    AUTO_RELEASE(buf) why = {0};
    if (!world_check(w, (struct world_rules){.moving = true}, &why))
        fail_msg("%s", why.at);
}

/* ---- the stories ---- */

static void without_a_quarantine_the_run_ends_and_nothing_is_sealed(void **state)
{
    AUTO(world) *w = shop(0);
    put(w, "1|a");
    put(w, "2|" NOT_UTF8);
    struct world_report report = run_expecting(w, RC_DATA);
    assert_non_null(strstr(report.error.text, "column 'note' of 'orders' holds a text that is not UTF-8"));
    assert_int_equal(report.results[0].waybills, 0);
    assert_int_equal(target_rows(w, "orders"), -1);
}

static void rows_that_do_not_fit_are_set_aside_and_all_others_arrive(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(2);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 4);
    assert_int_equal(report.results[0].rows_loaded, 2);
    assert_int_equal(report.results[0].rows_quarantined, 2);
    assert_non_null(strstr(target_text(w), "1|a|"));
    assert_non_null(strstr(target_text(w), "4|d|"));
    assert_int_equal(target_rows(w, "orders"), 2);
    assert_chain_is_well(w);
}

static void each_of_them_lies_in_a_file_of_its_own_with_its_reason(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(2);
    run_ok(w);
    const char *rows = rows_aside(w);
    assert_non_null(strstr(rows, "2|NULL|"));
    assert_non_null(strstr(rows, "[{\"column\":\"note\",\"why\":\"a text that is not UTF-8\",\"hex\":\"636166e9\"}]"));
    assert_non_null(strstr(rows, "3|far too long|"));
    assert_non_null(strstr(rows, "[{\"column\":\"note\",\"why\":\"a text that is too long\"}]"));
}

static void waybill_and_receipt_count_them_beside_the_rows(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(2);
    run_ok(w);
    AUTO_JSON *waybill = document(w, "waybill.json"), *receipt = document(w, "receipt.json");
    const json_t *files = json_object_get(waybill, "quarantine");
    assert_int_equal(json_int(waybill, "format", 0), 2);
    assert_int_equal(json_int(waybill, "rows", -1), 2);
    assert_int_equal(json_int(waybill, "quarantined", -1), 2);
    assert_int_equal(json_array_size(files), 1);
    assert_int_equal(json_int(json_array_get(files, 0), "rows", -1), 2);
    assert_non_null(strstr(json_text(json_array_get(files, 0), "key"), "/" QUARANTINE_FOLDER "rows-00000.parquet"));
    assert_int_equal(json_int(receipt, "rows", -1), 2);
    assert_int_equal(json_int(receipt, "quarantined", -1), 2);
}

static void more_than_are_allowed_end_the_run_and_nothing_is_sealed(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(1);
    struct world_report report = run_expecting(w, RC_DATA);
    assert_string_equal(error_id(&report.error), "quarantine-full");
    assert_non_null(strstr(report.error.text, "more than 1 row of a chunk do not fit"));
    assert_int_equal(report.results[0].rows_extracted, 0);
    assert_int_equal(target_rows(w, "orders"), -1);
    w->tables[0].quarantine = 2;
    assert_int_equal(run_ok(w).results[0].rows_quarantined, 2);
    assert_int_equal(target_rows(w, "orders"), 2);
    assert_chain_is_well(w); /* nothing of the first run is left */
}

/* Its rows would otherwise be passed over without a word: the mark moves on. */
static void a_chunk_of_nothing_else_is_sealed_and_told(void **state)
{
    AUTO(world) *w = shop(5);
    put(w, "1|" NOT_UTF8);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].waybills, 1);
    assert_int_equal(report.results[0].rows_quarantined, 1);
    assert_int_equal(target_rows(w, "orders"), 0);
    assert_int_equal(run_ok(w).results[0].rows_quarantined, 0);
    assert_chain_is_well(w);
}

static void a_row_that_is_mended_in_the_source_arrives(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(2);
    run_ok(w);
    put(w, "2|b");
    put(w, "3|c");
    assert_int_equal(run_ok(w).results[0].rows_quarantined, 0);
    assert_int_equal(target_rows(w, "orders"), 4);
    assert_all_is_well(w);
}

static void rows_set_aside_by_a_run_that_died_are_told_by_the_next_one(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(2);
    die_in(w, "seal", 2, FAULT_CRASH_AFTER);
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 0);
    assert_int_equal(report.results[0].rows_loaded, 2);
    assert_int_equal(report.results[0].rows_quarantined, 2);
    assert_chain_is_well(w);
}

static void a_run_without_a_target_sets_aside_and_tells_too(void **state)
{
    AUTO(world) *w = shop(5);
    w->options.backup_only = true;
    put(w, "1|a");
    put(w, "2|" NOT_UTF8);
    assert_int_equal(run_ok(w).results[0].rows_quarantined, 1);
    w->options.backup_only = false;
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_loaded, 1);
    assert_int_equal(report.results[0].rows_quarantined, 1);
    assert_chain_is_well(w);
}

static void rows_set_aside_count_for_a_limit(void **state)
{
    AUTO(world) *w = shop(5);
    for (int id = 1; id <= 4; id++)
        put(w, arena_print(&w->arena, id <= 2 ? "%d|" NOT_UTF8 : "%d|a", id));
    w->options.limit = 2;
    struct world_report report = run_ok(w);
    assert_int_equal(report.results[0].rows_extracted, 2);
    assert_int_equal(report.results[0].rows_quarantined, 2);
    w->options.limit = 0;
    assert_int_equal(run_ok(w).results[0].rows_loaded, 2);
    assert_chain_is_well(w);
}

/* By the key a row is told from all others: without it nobody could say which one was set aside. */
static void a_value_of_the_key_is_never_set_aside(void **state)
{
    AUTO(world) *w = shop(5);
    mem_server_alter(w->server, "orders", schema_of("id:u! note:u updated_at:tss:!"));
    put(w, NOT_UTF8 "|a");
    struct world_report report = run_expecting(w, RC_DATA);
    assert_non_null(strstr(report.error.text, "column 'id'"));
}

static void a_value_that_is_hashed_is_not_shown_there_either(void **state)
{
    static const struct column_wish wish = {.column = "note", .treatment = TREAT_HASH};
    AUTO(world) *w = shop(5);
    w->tables[0].wishes = &wish;
    w->tables[0].wish_count = 1;
    put(w, "1|" NOT_UTF8);
    run_ok(w);
    const char *rows = rows_aside(w);
    assert_non_null(strstr(rows, "[{\"column\":\"note\",\"why\":\"a text that is not UTF-8\"}]"));
    assert_null(strstr(rows, "636166e9"));
}

static void a_value_that_cannot_be_cast_is_set_aside(void **state)
{
    static const struct column_wish wish = {.column = "note", .as = "int64"};
    AUTO(world) *w = shop(5);
    w->tables[0].wishes = &wish;
    w->tables[0].wish_count = 1;
    put(w, "1|17");
    put(w, "2|seventeen");
    assert_int_equal(run_ok(w).results[0].rows_quarantined, 1);
    assert_non_null(strstr(target_text(w), "1|17|"));
    assert_non_null(strstr(rows_aside(w), "\"value\":\"seventeen\""));
}

static void several_readers_count_together(void **state)
{
    enum { ROWS = 40 };
    AUTO(world) *w = shop(ROWS / 2 - 1);
    w->threads = true;
    w->pipeline.strategy = STRATEGY_INTRA_TABLE;
    w->tables[0].chunk.rows = ROWS;
    for (int i = 0; i < ROWS; i++)
        put(w, arena_print(&w->arena, i % 2 == 0 ? "%d|" NOT_UTF8 : "%d|a", i));
    const struct world_report refused = run_expecting(w, RC_DATA);
    assert_string_equal(error_id(&refused.error), "quarantine-full");
    w->tables[0].quarantine = ROWS / 2;
    assert_int_equal(run_ok(w).results[0].rows_quarantined, ROWS / 2);
    assert_int_equal(target_rows(w, "orders"), ROWS / 2);
    assert_chain_is_well(w);
}

/* Staged rows that were loaded may go; these were not, and are all there is of them beside the source. */
static void the_cleaner_of_loaded_files_leaves_them(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(2);
    struct mem_object object;
    run_ok(w);
    assert_int_equal(world_clean_parts(w, false).rc, RC_OK);
    assert_false(find_object(w, "/file-", &object));
    assert_true(find_object(w, QUARANTINE_FOLDER, &object));
    assert_int_equal(world_clean(w, false).rc, RC_OK);
    assert_true(find_object(w, QUARANTINE_FOLDER, &object));
}

static void what_no_chain_reaches_goes_with_the_orphans(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(2);
    struct mem_object object;
    run_ok(w);
    static const char orphan[] =
        "stage/shop/orders/dt=2024-05-31/wb=0192dead-0000-7000-8000-000000000000/" QUARANTINE_FOLDER
        "rows-00000.parquet";
    mem_objects_put(w->objects, orphan, S("a zombie's"));
    assert_int_equal(world_clean(w, false).rc, RC_OK);
    assert_false(find_object(w, "0192dead", &object));
    assert_true(find_object(w, QUARANTINE_FOLDER, &object));
}

/* ---- audits ---- */

static void assert_audit(struct world *w, enum rc expected, int64_t aside)
{
    struct audit found = {0};
    struct error err = {0};
    enum rc rc = audit(w, &found, &err);
    if (rc != expected || found.aside != aside)
        fail_msg("%s, %" PRId64 " rows set aside: %s", rc_name(rc), found.aside, err.text);
}

static void an_audit_knows_the_rows_that_are_set_aside(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(2);
    run_ok(w);
    assert_audit(w, RC_OK, 2);
    put(w, "1|~"); /* the target has no row of 2 or 3, and an earlier version of this one */
    put(w, "1|" NOT_UTF8);
    run_ok(w);
    assert_audit(w, RC_OK, 3);
    spoil_target(w, "orders", 1, "~~~"); /* of a row that is not among them */
    assert_audit(w, RC_DATA, 3);
}

static void a_row_that_was_set_aside_and_has_come_since_is_compared_as_any_other(void **state)
{
    AUTO(world) *w = shop(2);
    put(w, "1|a");
    put(w, "2|" NOT_UTF8);
    put(w, "9|" NOT_UTF8);
    run_ok(w);
    assert_audit(w, RC_OK, 2);
    put(w, "9|i");
    run_ok(w);
    assert_audit(w, RC_OK, 1);
    spoil_target(w, "orders", 1, "~~~"); /* the last one, which is that row */
    assert_audit(w, RC_DATA, 1);
    put(w, "9|i");
    put(w, "2|b");
    run_ok(w);
    assert_audit(w, RC_OK, 0);
    spoil_target(w, "orders", 1, "~~~");
    assert_audit(w, RC_DATA, 0);
}

static void the_audit_behind_each_run_passes_meanwhile(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(2);
    w->tables[0].audit = AUDIT_PROFILE;
    struct world_report report = run_ok(w);
    assert_string_equal(report.results[0].audit, "passed");
    put(w, "5|e");
    report = run_ok(w);
    assert_string_equal(report.results[0].audit, "passed");
    assert_int_equal(report.results[0].rows_quarantined, 0);
}

static void without_their_file_an_audit_cannot_tell_and_says_so(void **state)
{
    AUTO(world) *w = shop_with_two_misfits(2);
    struct mem_object object = {0};
    struct audit found = {0};
    struct error err = {0};
    run_ok(w);
    assert_true(find_object(w, QUARANTINE_FOLDER, &object));
    assert_true(mem_objects_remove(w->objects, arena_text(&w->arena, object.key)));
    assert_int_equal(audit(w, &found, &err), RC_DATA);
    assert_non_null(strstr(err.text, "2 rows did not fit, and were set aside"));
    assert_non_null(strstr(err.text, "' is gone"));
}

static void without_a_key_they_cannot_be_told_from_others(void **state)
{
    AUTO(world) *w = world_of(WORLD_APPEND, REGIONS);
    struct audit found = {0};
    struct error err = {0};
    mem_server_table(w->server, "logs", schema_of("line:u"), "", NULL);
    w->tables[0].name = w->tables[0].target = "logs";
    w->tables[0].quarantine = 5;
    mem_server_put(w->server, "logs", "a");
    mem_server_put(w->server, "logs", NOT_UTF8);
    assert_int_equal(run_ok(w).results[0].rows_quarantined, 1);
    assert_int_equal(audit(w, &found, &err), RC_DATA);
    assert_non_null(strstr(err.text, "1 row did not fit, and was set aside by the waybills: the table has no key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_quarantine_the_run_ends_and_nothing_is_sealed),
        cmocka_unit_test(rows_that_do_not_fit_are_set_aside_and_all_others_arrive),
        cmocka_unit_test(each_of_them_lies_in_a_file_of_its_own_with_its_reason),
        cmocka_unit_test(waybill_and_receipt_count_them_beside_the_rows),
        cmocka_unit_test(more_than_are_allowed_end_the_run_and_nothing_is_sealed),
        cmocka_unit_test(a_chunk_of_nothing_else_is_sealed_and_told),
        cmocka_unit_test(a_row_that_is_mended_in_the_source_arrives),
        cmocka_unit_test(rows_set_aside_by_a_run_that_died_are_told_by_the_next_one),
        cmocka_unit_test(a_run_without_a_target_sets_aside_and_tells_too),
        cmocka_unit_test(rows_set_aside_count_for_a_limit),
        cmocka_unit_test(a_value_of_the_key_is_never_set_aside),
        cmocka_unit_test(a_value_that_is_hashed_is_not_shown_there_either),
        cmocka_unit_test(a_value_that_cannot_be_cast_is_set_aside),
        cmocka_unit_test(several_readers_count_together),
        cmocka_unit_test(the_cleaner_of_loaded_files_leaves_them),
        cmocka_unit_test(what_no_chain_reaches_goes_with_the_orphans),
        cmocka_unit_test(an_audit_knows_the_rows_that_are_set_aside),
        cmocka_unit_test(a_row_that_was_set_aside_and_has_come_since_is_compared_as_any_other),
        cmocka_unit_test(the_audit_behind_each_run_passes_meanwhile),
        cmocka_unit_test(without_their_file_an_audit_cannot_tell_and_says_so),
        cmocka_unit_test(without_a_key_they_cannot_be_told_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

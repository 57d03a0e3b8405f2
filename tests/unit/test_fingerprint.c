/* Fingerprints of rows: what they see, and what they must not see. */
#include "data/fingerprint.h"

#include "conform/rows.h"
#include "parquet_story.h"

/* The text of what a file of these rows comes to. */
static void add_rows(struct fingerprint *self, const struct rows *rows)
{
    struct error err;
    struct staged_file file = rows_file(rows, "rows");
    AUTO(batch_reader) *reader = NULL;
    assert_int_equal(file.open(&file, &reader, &err), RC_OK);
    for (const struct batch *batch = NULL;;) {
        assert_int_equal(batch_reader_next(reader, &batch, &err), RC_OK);
        if (batch == NULL)
            break;
        fingerprint_add(self, batch);
    }
}

static const char *print_of(const char *format, const char *text, struct arena *arena)
{
    AUTO(schema) *schema = schema_of(format);
    AUTO(rows) *rows = rows_new(schema, text);
    AUTO_RELEASE(fingerprint) of;
    fingerprint_init(&of, schema);
    add_rows(&of, rows);
    return fingerprint_print(&of, arena);
}

/* What fingerprint_check says of `now` where `before` was read; "" : nothing. */
static void assert_seen(const char *format, const char *before, const char *now, const char *seen)
{
    struct arena arena = {0};
    struct error err = {0};
    AUTO(schema) *schema = schema_of(format);
    AUTO(rows) *rows = rows_new(schema, now);
    AUTO_RELEASE(fingerprint) of;
    fingerprint_init(&of, schema);
    add_rows(&of, rows);
    enum rc rc = fingerprint_check(&of, print_of(format, before, &arena), &err);
    assert_int_equal(rc, seen[0] != '\0' ? RC_DATA : RC_OK);
    if (rc != RC_OK && strstr(err.text, seen) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, seen);
    arena_release(&arena);
}

static void the_order_of_rows_does_not_matter(void **state)
{
    assert_seen("id:l! name:u", "1|ada\n2|bob\n3|eve\n4|\n5|NULL\n", "5|NULL\n3|eve\n1|ada\n4|\n2|bob\n", "");
}

static void a_changed_value_is_seen_and_its_column_named(void **state)
{
    static const struct {
        const char *format, *before, *now;
    } cases[] = {
        {"id:l! v:b", "1|true\n", "1|false\n"},
        {"id:l! v:s", "1|-1\n", "1|1\n"},
        {"id:l! v:i", "1|65536\n", "1|0\n"},
        {"id:l! v:l", "1|4294967296\n", "1|0\n"},
        {"id:l! v:f", "1|0.5\n", "1|0.25\n"},
        {"id:l! v:g", "1|0\n", "1|-0\n"},
        {"id:l! v:u", "1|ada\n", "1|adb\n"},
        {"id:l! v:u", "1|exactly sixteen!\n", "1|exactly sixteen?\n"},
        {"id:l! v:u", "1|a text of more than sixteen bytes\n", "1|a text of more than sixteen bytez\n"},
        {"id:l! v:u", "1|a text of more than sixteen bytes\n", "1|b text of more than sixteen bytes\n"},
        {"id:l! v:u", "1|\n", "1|NULL\n"},
        {"id:l! v:u", "1|aa\n", "1|aaa\n"},
        {"id:l! v:z", "1|00\n", "1|0000\n"},
        {"id:l! v:l", "1|0\n", "1|NULL\n"},
        {"id:l! v:tdD", "1|2024-02-29\n", "1|2024-03-01\n"},
        {"id:l! v:tsu:", "1|2024-02-29 10:00:00.000001\n", "1|2024-02-29 10:00:00.000002\n"},
        {"id:l! v:d:10,2", "1|1.25\n", "1|12.50\n"},
        {"id:l! v:d:38,0", "1|1\n", "1|18446744073709551617\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_seen(cases[i].format, cases[i].before, cases[i].now, "column 'v'");
}

static void sums_of_values_do_not_hide_them(void **state)
{
    assert_seen("id:l! v:l", "1|1\n2|4\n", "1|2\n2|3\n", "column 'v'");
    assert_seen("id:l! v:l", "1|0\n2|0\n", "1|-1\n2|1\n", "column 'v'");
    assert_seen("id:l! v:u", "1|ab\n2|cd\n", "1|ad\n2|cb\n", "column 'v'");
}

static void rows_that_come_twice_or_not_at_all_are_seen(void **state)
{
    assert_seen("id:l! v:l", "1|5\n2|5\n", "1|5\n", "1 rows; 2 were read");
    assert_seen("id:l! v:l", "1|5\n2|5\n", "1|5\n1|5\n", "column 'id'");
    assert_seen("id:l! v:l", "1|5\n1|5\n2|5\n2|5\n", "1|5\n1|5\n1|5\n2|5\n", "column 'id'");
}

static void values_that_changed_places_are_seen(void **state)
{
    assert_seen("id:l! v:l", "1|5\n2|6\n", "1|6\n2|5\n", "changed places");
    assert_seen("id:l! v:l w:l", "1|5|7\n1|6|8\n", "1|5|8\n1|6|7\n", "changed places");
}

static void equal_values_of_two_columns_are_not_mixed_up(void **state)
{
    assert_seen("a:l! b:l", "1|2\n", "2|1\n", "column 'a'");
    assert_seen("a:l! b:l c:l", "0|1|2\n0|2|1\n", "0|1|1\n0|2|2\n", "changed places");
}

static void what_is_under_a_null_is_not_seen(void **state)
{
    struct arena arena = {0};
    AUTO(schema) *schema = schema_of("id:l! v:l");
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO_RELEASE(fingerprint) of;
    fingerprint_init(&of, schema);
    builder_int64(builder, 0, 1);
    builder_null(builder, 1);
    builder_end_row(builder);
    const struct batch *batch = builder_finish(builder);
    *(int64_t *)(uintptr_t)batch->array.children[1]->buffers[1] = 77;
    fingerprint_add(&of, batch);
    assert_string_equal(fingerprint_print(&of, &arena), print_of("id:l! v:l", "1|NULL\n", &arena));
    arena_release(&arena);
}

/* ---- through a file ---- */

static void read_into(struct memory_file *file, const struct schema *schema, struct fingerprint *of)
{
    struct error err;
    struct parquet_input input = memory_input(file);
    AUTO(parquet_reader) *reader = NULL;
    assert_int_equal(parquet_reader_open(&input, schema, &reader, &err), RC_OK);
    for (const struct batch *batch = NULL;;) {
        assert_int_equal(batch_reader_next(parquet_reader_batches(reader), &batch, &err), RC_OK);
        if (batch == NULL)
            break;
        fingerprint_add(of, batch);
    }
}

static void a_file_gives_back_the_fingerprint_of_its_rows_however_they_are_cut(void **state)
{
    AUTO(schema) *schema = schema_of_everything();
    struct arena arena = {0};
    AUTO_RELEASE(fingerprint) added, read;
    AUTO_RELEASE(memory_file) file = {0};
    fingerprint_init(&added, schema);
    fingerprint_init(&read, schema);
    struct parquet_options options = {.row_group_bytes = 200000};
    AUTO(parquet_writer) *writer = parquet_writer_new(schema, &options, memory_sink(&file));
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    struct error err;
    for (int64_t row = 0; row < 3000; row++) {
        for (int i = 0; i < schema->count; i++) {
            struct value value = story_value(&schema->fields[i], row, i, &arena);
            value_build(&value, &schema->fields[i], builder, i);
        }
        builder_end_row(builder);
        if (builder_rows(builder) < 700 && row + 1 < 3000)
            continue;
        const struct batch *batch = builder_finish(builder);
        fingerprint_add(&added, batch);
        assert_int_equal(parquet_writer_add(writer, batch, &err), RC_OK);
    }
    assert_int_equal(parquet_writer_end(writer, &err), RC_OK);
    assert_true(parquet_writer_written(writer).row_groups > 1);
    read_into(&file, schema, &read);
    assert_string_equal(fingerprint_print(&read, &arena), fingerprint_print(&added, &arena));
    arena_release(&arena);
}

/* ---- the text ---- */

static void texts_of_files_add_up(void **state)
{
    struct arena arena = {0};
    AUTO(schema) *schema = schema_of("id:l! v:u");
    AUTO_RELEASE(fingerprint) total;
    fingerprint_init(&total, schema);
    assert_true(fingerprint_merge_text(&total, print_of("id:l! v:u", "1|ada\n2|bob\n", &arena)));
    assert_true(fingerprint_merge_text(&total, print_of("id:l! v:u", "3|\n", &arena)));
    assert_string_equal(fingerprint_print(&total, &arena), print_of("id:l! v:u", "2|bob\n3|\n1|ada\n", &arena));
    arena_release(&arena);
}

/* Waybills are kept for years: what is written today must mean the same then. */
static void the_numbers_stay_what_they_are(void **state)
{
    struct arena arena = {0};
    assert_string_equal(
        print_of("id:l! v:u d:d:10,2", "1|ada|1.25\n2|a text of more than sixteen bytes|NULL\n", &arena),
        "1:2:d1324d451a50a4e99c2f496584838cb1:1b6a050ec231b15a,dec32d5bca5d2361,81c62ef6b1803e42");
    assert_string_equal(print_of("id:l!", "", &arena), "1:0:00000000000000000000000000000000:0000000000000000");
    arena_release(&arena);
}

static void another_version_says_nothing_and_a_damaged_text_is_refused(void **state)
{
    struct arena arena = {0};
    struct error err;
    AUTO(schema) *schema = schema_of("id:l! v:u");
    AUTO_RELEASE(fingerprint) of;
    fingerprint_init(&of, schema);
    assert_int_equal(fingerprint_check(&of, NULL, &err), RC_OK);
    assert_int_equal(fingerprint_check(&of, "2:whatever", &err), RC_OK);
    assert_int_equal(fingerprint_check(&of, "", &err), RC_OK);
    assert_false(fingerprint_merge_text(&of, NULL));
    assert_false(fingerprint_merge_text(&of, "2:whatever"));
    const char *good = fingerprint_print(&of, &arena);
    assert_int_equal(fingerprint_check(&of, good, &err), RC_OK);
    for (size_t len = 2; len < strlen(good); len++)
        assert_int_equal(fingerprint_check(&of, arena_print(&arena, "%.*s", (int)len, good), &err), RC_DATA);
    assert_int_equal(fingerprint_check(&of, arena_print(&arena, "%s,0123456789abcdef", good), &err), RC_DATA);
    arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_rows_does_not_matter),
        cmocka_unit_test(a_changed_value_is_seen_and_its_column_named),
        cmocka_unit_test(sums_of_values_do_not_hide_them),
        cmocka_unit_test(rows_that_come_twice_or_not_at_all_are_seen),
        cmocka_unit_test(values_that_changed_places_are_seen),
        cmocka_unit_test(equal_values_of_two_columns_are_not_mixed_up),
        cmocka_unit_test(what_is_under_a_null_is_not_seen),
        cmocka_unit_test(a_file_gives_back_the_fingerprint_of_its_rows_however_they_are_cut),
        cmocka_unit_test(texts_of_files_add_up),
        cmocka_unit_test(the_numbers_stay_what_they_are),
        cmocka_unit_test(another_version_says_nothing_and_a_damaged_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

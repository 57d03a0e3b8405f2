/* Our Parquet reader reads what our writer wrote, whatever stood in it; memory is bounded; what cannot be kept is
 * refused. That others read it as well is for tests/integration/test_parquet.py. */
#include "memory_peak.h"
#include "parquet_story.h"

static struct schema *one_column(const char *format, bool nullable)
{
    struct schema *schema = schema_new();
    struct field field = {.name = "c", .nullable = nullable};
    assert_true(field_parse_format(format, &field));
    schema_add(schema, &field);
    return schema;
}

static void every_type_comes_back_whatever_the_sizes_of_pages_groups_and_batches(void **state)
{
    static const struct {
        size_t page_bytes, group_bytes;
        int64_t rows, batch_rows;
    } cases[] = {{0, 0, 2500, 0},     {1, 0, 300, 0},          {64, 1, 200, 7},    {100, 5000, 1000, 1},
                 {1000, 0, 3100, 97}, {4096, 40000, 40000, 0}, {1 << 20, 0, 1, 0}, {37, 100000, 2000, 1999}};
    AUTO(schema) *schema = schema_of_everything();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO_RELEASE(memory_file) file = {0};
        struct error err = {0};
        struct story story = {.schema = schema,
                              .rows = cases[i].rows,
                              .batch_rows = cases[i].batch_rows,
                              .options = {.page_bytes = cases[i].page_bytes, .row_group_bytes = cases[i].group_bytes}};
        story_write(&story, &file);
        assert_int_equal(story_read(&story, schema, &file, &err), RC_OK);
        assert_int_equal(file.closed, 1);
    }
}

static void a_file_without_rows_or_without_columns_is_a_file(void **state)
{
    AUTO(schema) *schema = schema_of_everything(), *none = schema_new();
    struct error err = {0};
    AUTO_RELEASE(memory_file) empty = {0}, narrow = {0};
    struct story no_rows = {.schema = schema}, no_columns = {.schema = none, .rows = 20000};
    story_write(&no_rows, &empty);
    story_write(&no_columns, &narrow);
    assert_int_equal(story_read(&no_rows, schema, &empty, &err), RC_OK);
    assert_int_equal(story_read(&no_columns, none, &narrow, &err), RC_OK);
}

static void without_an_expected_schema_it_is_the_files_and_only_seconds_have_become_milliseconds(void **state)
{
    AUTO(schema) *schema = schema_of_everything();
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    struct story story = {.schema = schema, .rows = 10, .batch_rows = 4, .options = {.row_group_bytes = 1}};
    story_write(&story, &file);
    struct parquet_input input = memory_input(&file);
    AUTO(parquet_reader) *reader = NULL;
    assert_int_equal(parquet_reader_open(&input, NULL, &reader, &err), RC_OK);
    const struct schema *found = parquet_reader_schema(reader);
    assert_int_equal(found->count, schema->count);
    for (int i = 0; i < schema->count; i++) {
        struct field should = schema->fields[i];
        if (should.type == TYPE_TIMESTAMP && should.unit == UNIT_SECOND)
            should.unit = UNIT_MILLI;
        assert_true(field_same_type(&should, &found->fields[i]) && should.nullable == found->fields[i].nullable);
        assert_string_equal(should.name, found->fields[i].name);
    }
    assert_int_equal(parquet_reader_group_count(reader), 3);
    assert_int_equal(parquet_reader_group(reader, 2)->rows, 2);
}

static void a_file_of_another_schema_is_refused_with_the_first_difference(void **state)
{
    static const struct {
        const char *formats[3], *says;
    } cases[] = {
        {{"l", "u", NULL}, NULL},
        {{"l", NULL, NULL}, "has a column 2, 'b', that should not be there"},
        {{"l", "u", "g"}, "lacks column 3, 'c'"},
        {{"l", "z", NULL}, "column 'b' of the file is utf8, it should be binary"},
        {{"d:18,0", "u", NULL}, "column 'a' of the file is int64, it should be decimal(18,0)"},
        {{"tss:", "u", NULL}, "column 'a' of the file is int64, it should be timestamp(s)"},
    };
    static const char *const names[] = {"a", "b", "c"};
    AUTO(schema) *schema = schema_new();
    schema_add(schema, &(struct field){.name = "a", .type = TYPE_INT64});
    schema_add(schema, &(struct field){.name = "b", .type = TYPE_UTF8, .nullable = true});
    AUTO_RELEASE(memory_file) file = {0};
    struct story story = {.schema = schema, .rows = 5};
    story_write(&story, &file);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO(schema) *expected = schema_new();
        struct error err = {0};
        for (int column = 0; column < 3 && cases[i].formats[column] != NULL; column++) {
            struct field field = {.name = names[column], .nullable = true};
            assert_true(field_parse_format(cases[i].formats[column], &field));
            schema_add(expected, &field);
        }
        assert_int_equal(story_read(&story, expected, &file, &err), cases[i].says == NULL ? RC_OK : RC_DATA);
        assert_true(cases[i].says == NULL || strstr(err.text, cases[i].says) != NULL);
    }
}

/* One value into a file of one column. */
static enum rc write_one(const struct schema *schema, const struct value *value, struct memory_file *file,
                         struct error *err)
{
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO(parquet_writer) *writer = parquet_writer_new(schema, &(struct parquet_options){0}, memory_sink(file));
    value_build(value, &schema->fields[0], builder, 0);
    builder_end_row(builder);
    TRY(parquet_writer_add(writer, builder_finish(builder), err));
    return parquet_writer_end(writer, err);
}

static void a_value_that_the_file_cannot_hold_is_refused_not_bent(void **state)
{
    static const struct {
        const char *format;
        struct value value;
        const char *says;
    } cases[] = {
        {"d:9,2", {.number = 1000000000}, "more than the 9 digits of decimal(9,2)"},
        {"d:9,2", {.number = -1000000000}, "more than the 9 digits"},
        {"d:18,0", {.number = (__int128)1 << 64}, "more than the 18 digits"},
        {"d:20,0", {.number = -((__int128)1 << 70)}, "more than the 20 digits"},
        {"tss:", {.number = INT64_MAX / 1000 + 1}, "too far away"},
        {"tss:", {.number = INT64_MIN}, "too far away"},
        {"l", {.null = true}, "declared without NULLs, and has 1"},
        {"d:9,2", {.number = 999999999}, NULL},
        {"tss:", {.number = INT64_MIN / 1000}, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO(schema) *schema = one_column(cases[i].format, false);
        AUTO_RELEASE(memory_file) file = {0};
        struct error err = {0};
        assert_int_equal(write_one(schema, &cases[i].value, &file, &err), cases[i].says == NULL ? RC_OK : RC_DATA);
        assert_true(cases[i].says == NULL || strstr(err.text, cases[i].says) != NULL);
    }
}

static void nulls_in_a_column_that_should_have_none_are_refused(void **state)
{
    AUTO(schema) *nullable = one_column("l", true), *required = one_column("l", false);
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    AUTO(parquet_reader) *reader = NULL;
    const struct batch *batch = NULL;
    assert_int_equal(write_one(nullable, &(struct value){.null = true}, &file, &err), RC_OK);
    struct parquet_input input = memory_input(&file);
    assert_int_equal(parquet_reader_open(&input, required, &reader, &err), RC_OK);
    assert_int_equal(batch_reader_next(parquet_reader_batches(reader), &batch, &err), RC_DATA);
    assert_non_null(strstr(err.text, "it has NULLs in a column that should have none"));
}

static void seconds_are_not_read_from_milliseconds_of_another_clock(void **state)
{
    AUTO(schema) *wall = one_column("tsm:", false), *instants = one_column("tss:UTC", false);
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    AUTO(parquet_reader) *reader = NULL;
    assert_int_equal(write_one(wall, &(struct value){.number = 1000}, &file, &err), RC_OK);
    struct parquet_input input = memory_input(&file);
    assert_int_equal(parquet_reader_open(&input, instants, &reader, &err), RC_DATA);
    assert_non_null(strstr(err.text, "column 'c' of the file is timestamp(ms), it should be timestamp(s, UTC)"));
}

static void milliseconds_that_are_no_whole_seconds_are_refused_as_seconds(void **state)
{
    AUTO(schema) *millis = one_column("tsm:", false), *seconds = one_column("tss:", false);
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    struct value value = {.number = -1500};
    AUTO(parquet_reader) *reader = NULL;
    const struct batch *batch = NULL;
    assert_int_equal(write_one(millis, &value, &file, &err), RC_OK);
    struct parquet_input input = memory_input(&file);
    assert_int_equal(parquet_reader_open(&input, seconds, &reader, &err), RC_OK);
    assert_int_equal(batch_reader_next(parquet_reader_batches(reader), &batch, &err), RC_DATA);
    assert_non_null(
        strstr(err.text, "row group 1, column 'c': page at 4: a timestamp is finer than its column's unit"));
}

static void what_the_sink_or_the_input_answers_is_passed_on(void **state)
{
    AUTO(schema) *schema = one_column("l", false);
    struct value value = {.number = 1};
    struct story story = {.schema = schema, .rows = 1};
    AUTO_RELEASE(memory_file) whole = {0};
    story_write(&story, &whole);
    for (int64_t n = 1; n <= 3; n++) {
        AUTO_RELEASE(memory_file) file = {.fail_at = n};
        struct error err = {0};
        assert_int_equal(write_one(schema, &value, &file, &err), RC_UNAVAILABLE);
    }
    for (int64_t n = 1; n <= 4; n++) {
        struct error err = {0};
        whole.reads = whole.closed = 0;
        whole.fail_at = n;
        assert_int_equal(story_read(&story, schema, &whole, &err), RC_UNAVAILABLE);
        assert_int_equal(whole.closed, n > 3); /* a reader that did not open leaves the input to its caller */
    }
}

/* Bytes that no compressor makes shorter. */
static void wide_value(struct buf *out, size_t bytes, uint64_t seed)
{
    buf_reset(out);
    buf_reserve(out, bytes + 8);
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t word = mix(seed, i);
        memcpy(out->at + i, &word, sizeof(word));
    }
    out->len = bytes;
}

static RC drop(void *context, struct str bytes, struct error *err)
{
    *(int64_t *)context += (int64_t)bytes.len;
    return RC_OK;
}

static void rows_of_eight_mebibytes_are_written_in_bounded_memory(void **state)
{
    AUTO(schema) *schema = one_column("z", true);
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO_RELEASE(buf) value = {0};
    int64_t dropped = 0;
    struct error err = {0};
    AUTO(parquet_writer) *writer =
        parquet_writer_new(schema, &(struct parquet_options){0}, (struct parquet_sink){drop, &dropped});
    int64_t before = 0;
    for (uint64_t i = 0; i < 40; i++) {
        wide_value(&value, 8 << 20, i);
        builder_bytes(builder, 0, buf_str(&value));
        builder_end_row(builder);
        if (i == 0)
            before = memory_peak_restart(); /* the value and its batch are not the writer's */
        assert_int_equal(parquet_writer_add(writer, builder_finish(builder), &err), RC_OK);
        struct parquet_written written = parquet_writer_written(writer);
        assert_true(written.bytes == dropped && written.file_bytes - written.bytes < 64 << 20);
    }
    if (COUNTS_MEMORY)
        assert_true(memory_peak_bytes() - before < 68 << 20);
    assert_int_equal(parquet_writer_end(writer, &err), RC_OK);
    assert_int_equal(parquet_writer_written(writer).row_groups, 5);
}

static void one_value_of_forty_mebibytes_comes_back_between_small_ones(void **state)
{
    AUTO(schema) *schema = one_column("z", true);
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO_RELEASE(buf) value = {0};
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    AUTO(parquet_writer) *writer = parquet_writer_new(schema, &(struct parquet_options){0}, memory_sink(&file));
    wide_value(&value, 40 << 20, 1);
    for (int i = 0; i < 5; i++) {
        if (i == 1)
            builder_null(builder, 0);
        else
            builder_bytes(builder, 0, i == 2 ? buf_str(&value) : S("small"));
        builder_end_row(builder);
    }
    assert_int_equal(parquet_writer_add(writer, builder_finish(builder), &err), RC_OK);
    assert_int_equal(parquet_writer_end(writer, &err), RC_OK);

    struct parquet_input input = memory_input(&file);
    AUTO(parquet_reader) *reader = NULL;
    const struct batch *batch = NULL;
    int64_t row = 0;
    assert_int_equal(parquet_reader_open(&input, schema, &reader, &err), RC_OK);
    for (;; row += batch->rows) {
        assert_int_equal(batch_reader_next(parquet_reader_batches(reader), &batch, &err), RC_OK);
        if (batch == NULL)
            break;
        for (int64_t i = 0; i < batch->rows; i++) {
            assert_int_equal(batch_is_null(batch, 0, i), row + i == 1);
            if (row + i != 1)
                assert_true(str_eq(batch_bytes(batch, 0, i), row + i == 2 ? buf_str(&value) : S("small")));
        }
    }
    assert_int_equal(row, 5);
}

/* A reader needs a page of each column, a batch, and compressed bytes of one column; the row group has 60 MiB. */
static void a_row_group_of_wide_values_is_read_a_page_at_a_time(void **state)
{
    enum { TEXTS = 5, ROWS = 6, TEXT_BYTES = 2 << 20 };
    AUTO(schema) *schema = schema_new();
    for (int i = 0; i < TEXTS; i++)
        schema_add(schema, &(struct field){.name = (char[]){(char)('a' + i), 0}, .type = TYPE_BINARY});
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO_RELEASE(buf) value = {0};
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    AUTO(parquet_writer) *writer = parquet_writer_new(schema, &(struct parquet_options){0}, memory_sink(&file));
    for (uint64_t row = 0; row < ROWS; row++) {
        for (int i = 0; i < TEXTS; i++) {
            wide_value(&value, TEXT_BYTES, row * TEXTS + (uint64_t)i);
            builder_bytes(builder, i, buf_str(&value));
        }
        builder_end_row(builder);
        assert_int_equal(parquet_writer_add(writer, builder_finish(builder), &err), RC_OK);
    }
    assert_int_equal(parquet_writer_end(writer, &err), RC_OK);
    assert_int_equal(parquet_writer_written(writer).row_groups, 1);

    struct parquet_input input = memory_input(&file);
    AUTO(parquet_reader) *reader = NULL;
    const struct batch *batch = NULL;
    int64_t before = memory_peak_restart();
    assert_int_equal(parquet_reader_open(&input, schema, &reader, &err), RC_OK);
    for (uint64_t row = 0; row < ROWS; row++) {
        assert_int_equal(batch_reader_next(parquet_reader_batches(reader), &batch, &err), RC_OK);
        assert_int_equal(batch->rows, 1);
        for (int i = 0; i < TEXTS; i++) {
            wide_value(&value, TEXT_BYTES, row * TEXTS + (uint64_t)i);
            assert_true(str_eq(batch_bytes(batch, i, 0), buf_str(&value)));
        }
    }
    assert_true(file.read_bytes_max <= TEXT_BYTES + 1000);
    if (COUNTS_MEMORY)
        assert_true(memory_peak_bytes() - before < 2 * TEXTS * TEXT_BYTES + 2 * TEXT_BYTES);
}

static void batches_stay_small_though_pages_are_large(void **state)
{
    enum { TEXTS = 3, ROWS = 60, TEXT_BYTES = 300000 };
    AUTO(schema) *schema = schema_new();
    for (int i = 0; i < TEXTS; i++)
        schema_add(schema, &(struct field){.name = (const char *const[]){"a", "b", "c"}[i], .type = TYPE_BINARY});
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO_RELEASE(buf) value = {0};
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    struct parquet_options options = {.page_bytes = 32 << 20};
    AUTO(parquet_writer) *writer = parquet_writer_new(schema, &options, memory_sink(&file));
    wide_value(&value, TEXT_BYTES, 1);
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < TEXTS; i++)
            builder_bytes(builder, i, buf_str(&value));
        builder_end_row(builder);
        if (builder_is_full(builder))
            assert_int_equal(parquet_writer_add(writer, builder_finish(builder), &err), RC_OK);
    }
    assert_int_equal(parquet_writer_add(writer, builder_finish(builder), &err), RC_OK);
    assert_int_equal(parquet_writer_end(writer, &err), RC_OK);

    struct parquet_input input = memory_input(&file);
    AUTO(parquet_reader) *reader = NULL;
    const struct batch *batch = NULL;
    int64_t rows = 0;
    assert_int_equal(parquet_reader_open(&input, schema, &reader, &err), RC_OK);
    for (;; rows += batch->rows) {
        assert_int_equal(batch_reader_next(parquet_reader_batches(reader), &batch, &err), RC_OK);
        if (batch == NULL)
            break;
        assert_true(batch->bytes <= BATCH_BYTES && batch->bytes == (size_t)batch->rows * TEXTS * (TEXT_BYTES + 4));
    }
    assert_int_equal(rows, ROWS);
}

static void a_row_group_also_ends_when_what_is_held_is_larger_than_what_came(void **state)
{
    AUTO(schema) *schema = one_column("l", false);
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    /* 80 raw bytes in a batch, and ten pages with a header each */
    struct story story = {
        .schema = schema, .rows = 100, .batch_rows = 10, .options = {.page_bytes = 1, .row_group_bytes = 300}};
    story_write(&story, &file);
    struct parquet_input input = memory_input(&file);
    AUTO(parquet_reader) *reader = NULL;
    assert_int_equal(parquet_reader_open(&input, schema, &reader, &err), RC_OK);
    assert_int_equal(parquet_reader_group_count(reader), 10);
}

static void a_row_group_ends_with_the_batch_that_reaches_its_raw_bytes(void **state)
{
    AUTO(schema) *schema = one_column("l", false);
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    struct parquet_options options = {.page_bytes = 4000, .row_group_bytes = 15000};
    AUTO(parquet_writer) *writer = parquet_writer_new(schema, &options, memory_sink(&file));
    for (int i = 0; i < 9000; i++) { /* zeros: what is held of them stays small */
        builder_int64(builder, 0, 0);
        builder_end_row(builder);
        if (builder_rows(builder) == 1000)
            assert_int_equal(parquet_writer_add(writer, builder_finish(builder), &err), RC_OK);
    }
    assert_int_equal(parquet_writer_written(writer).row_groups, 4);
    assert_true(parquet_writer_written(writer).raw_bytes == 72000);
    assert_int_equal(parquet_writer_end(writer, &err), RC_OK);
    assert_int_equal(parquet_writer_written(writer).row_groups, 5);
}

static void two_thousand_columns_are_written_and_read(void **state)
{
    static const char *const formats[] = {"l", "u", "d:20,2", "b"};
    AUTO(schema) *schema = schema_new();
    for (int i = 0; i < COLUMNS_MAX; i++) {
        char name[16];
        struct field field = {.name = name, .nullable = i % 3 == 0};
        snprintf(name, sizeof(name), "c%d", i);
        assert_true(field_parse_format(formats[i % 4], &field));
        schema_add(schema, &field);
    }
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    struct story story = {.schema = schema, .rows = 50, .batch_rows = 20, .options = {.row_group_bytes = 1 << 20}};
    story_write(&story, &file);
    assert_int_equal(story_read(&story, schema, &file, &err), RC_OK);
    assert_true(file.read_bytes_max < 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back_whatever_the_sizes_of_pages_groups_and_batches),
        cmocka_unit_test(a_file_without_rows_or_without_columns_is_a_file),
        cmocka_unit_test(without_an_expected_schema_it_is_the_files_and_only_seconds_have_become_milliseconds),
        cmocka_unit_test(a_file_of_another_schema_is_refused_with_the_first_difference),
        cmocka_unit_test(a_value_that_the_file_cannot_hold_is_refused_not_bent),
        cmocka_unit_test(nulls_in_a_column_that_should_have_none_are_refused),
        cmocka_unit_test(seconds_are_not_read_from_milliseconds_of_another_clock),
        cmocka_unit_test(milliseconds_that_are_no_whole_seconds_are_refused_as_seconds),
        cmocka_unit_test(what_the_sink_or_the_input_answers_is_passed_on),
        cmocka_unit_test(rows_of_eight_mebibytes_are_written_in_bounded_memory),
        cmocka_unit_test(one_value_of_forty_mebibytes_comes_back_between_small_ones),
        cmocka_unit_test(a_row_group_of_wide_values_is_read_a_page_at_a_time),
        cmocka_unit_test(batches_stay_small_though_pages_are_large),
        cmocka_unit_test(a_row_group_also_ends_when_what_is_held_is_larger_than_what_came),
        cmocka_unit_test(a_row_group_ends_with_the_batch_that_reaches_its_raw_bytes),
        cmocka_unit_test(two_thousand_columns_are_written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

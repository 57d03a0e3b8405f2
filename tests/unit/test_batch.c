/* Batches: what was put in comes out, in Arrow's layout, and memory is used again without leaving traces. */
#include "data/batch.h"
#include "memory_peak.h"
#include "test.h"

static const struct field fields[] = {
    {.name = "flag", .type = TYPE_BOOL, .nullable = true},
    {.name = "id", .type = TYPE_INT64, .nullable = true},
    {.name = "ratio", .type = TYPE_DOUBLE, .nullable = true},
    {.name = "name", .type = TYPE_UTF8, .nullable = true},
    {.name = "raw", .type = TYPE_BINARY, .nullable = true},
    {.name = "day", .type = TYPE_DATE, .nullable = true},
    {.name = "at", .type = TYPE_TIMESTAMP, .nullable = true},
    {.name = "small", .type = TYPE_INT16, .nullable = true},
    {.name = "middle", .type = TYPE_INT32, .nullable = true},
    {.name = "share", .type = TYPE_FLOAT, .nullable = true},
    {.name = "took", .type = TYPE_TIME, .nullable = true},
    {.name = "price", .type = TYPE_DECIMAL, .precision = 38, .nullable = true},
};
enum {
    FIELDS = sizeof(fields) / sizeof(*fields),
    FLAG = 0,
    ID,
    RATIO,
    NAME,
    RAW,
    DAY,
    AT,
    SMALL,
    MIDDLE,
    SHARE,
    TOOK,
    PRICE
};

static struct schema *schema_of_all(void)
{
    struct schema *schema = schema_new();
    for (int i = 0; i < FIELDS; i++)
        schema_add(schema, &fields[i]);
    return schema;
}

static bool is_null(int64_t row, int column) { return (row * 7 + column) % 3 == 0; }
static __int128 price_of(int64_t row) { return ((__int128)row << 90) * (row % 2 ? -1 : 1); }
static struct str name_of(int64_t row, char text[32])
{
    int len = snprintf(text, 32, "row\n%ld", (long)row);
    text[3] = '\0'; /* text may hold NULs */
    return (struct str){text, row % 5 == 0 ? 0 : (size_t)len};
}

static void add_row(struct batch_builder *b, int64_t row, bool with_nulls)
{
    char text[32];
    for (int i = FIELDS - 1; i >= 0; i--) {
        if (with_nulls && is_null(row, i)) {
            builder_null(b, i);
            continue;
        }
        switch (i) {
        case FLAG: builder_bool(b, i, row % 2); break;
        case ID: builder_int64(b, i, INT64_MIN + row); break;
        case RATIO: builder_double(b, i, (double)row / 3); break;
        case NAME:
        case RAW: builder_bytes(b, i, name_of(row, text)); break;
        case DAY: builder_date(b, i, (int32_t)-row); break;
        case AT: builder_int64(b, i, INT64_MAX - row); break;
        case SMALL: builder_int16(b, i, (int16_t)(INT16_MIN + row)); break;
        case MIDDLE: builder_int32(b, i, INT32_MIN + (int32_t)row); break;
        case SHARE: builder_float(b, i, (float)row / 3); break;
        case TOOK: builder_int64(b, i, -row); break;
        default: builder_decimal(b, i, price_of(row));
        }
    }
    builder_end_row(b);
}

static void check_row(const struct batch *b, int64_t at, int64_t row, bool with_nulls)
{
    char text[32];
    for (int i = 0; i < FIELDS; i++) {
        bool null = with_nulls && is_null(row, i);
        assert_int_equal(batch_is_null(b, i, at), null);
        if (null)
            continue;
        switch (i) {
        case FLAG: assert_int_equal(batch_bool(b, i, at), row % 2); break;
        case ID: assert_int_equal(batch_int64(b, i, at), INT64_MIN + row); break;
        case RATIO: assert_true(batch_double(b, i, at) == (double)row / 3); break;
        case NAME:
        case RAW: assert_true(str_eq(batch_bytes(b, i, at), name_of(row, text))); break;
        case DAY: assert_int_equal(batch_date(b, i, at), -row); break;
        case AT: assert_int_equal(batch_int64(b, i, at), INT64_MAX - row); break;
        case SMALL: assert_int_equal(batch_int16(b, i, at), INT16_MIN + row); break;
        case MIDDLE: assert_int_equal(batch_int32(b, i, at), INT32_MIN + row); break;
        case SHARE: assert_true(batch_float(b, i, at) == (float)row / 3); break;
        case TOOK: assert_int_equal(batch_integer(b, i, at), -row); break;
        default: assert_true(batch_decimal(b, i, at) == price_of(row));
        }
    }
}

static void values_of_every_type_come_out_as_they_went_in(void **state)
{
    AUTO(schema) *schema = schema_of_all();
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    int64_t row = 0;
    for (int batch = 0; batch < 4; batch++) {
        bool with_nulls = batch % 2 == 0;
        int64_t first = row, rows = batch == 0 ? BATCH_ROWS_MAX : 100 + batch;
        for (; row < first + rows; row++)
            add_row(builder, row, with_nulls);
        assert_int_equal(builder_is_full(builder), batch == 0);
        const struct batch *b = builder_finish(builder);
        assert_int_equal(b->rows, rows);
        for (int64_t i = 0; i < rows; i++)
            check_row(b, i, first + i, with_nulls);
        assert_int_equal(builder_rows(builder), 0);
    }
}

static void the_layout_is_arrows(void **state)
{
    AUTO(schema) *schema = schema_of_all();
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    for (int64_t row = 1; row <= 9; row++)
        add_row(builder, row, false);
    const struct batch *b = builder_finish(builder);
    assert_true(b->array.length == 9 && b->array.n_children == FIELDS && b->array.n_buffers == 1 &&
                b->array.buffers[0] == NULL);
    for (int i = 0; i < FIELDS; i++) {
        const struct ArrowArray *child = b->array.children[i];
        assert_true(child->length == 9 && child->offset == 0 && child->null_count == 0 && child->buffers[0] == NULL);
        assert_int_equal(child->n_buffers, i == NAME || i == RAW ? 3 : 2);
    }
    const uint8_t *bits = b->array.children[FLAG]->buffers[1];
    assert_int_equal(bits[0], 0x55);
    assert_int_equal(bits[1] & 1, 1);
    const int32_t *offsets = b->array.children[NAME]->buffers[1];
    assert_true(offsets[0] == 0 && offsets[1] == 5 && offsets[5] == 20);
    b->array.release((struct ArrowArray *)(uintptr_t)&b->array); /* a reader that was given the array gives it back */
    assert_null(b->array.release);

    add_row(builder, 3, true);
    b = builder_finish(builder);
    const uint8_t *validity = b->array.children[FLAG]->buffers[0];
    assert_true(b->array.release != NULL && b->array.children[FLAG]->null_count == 1 && (validity[0] & 1) == 0);
}

static void a_batch_without_rows_or_without_columns_is_a_batch(void **state)
{
    AUTO(schema) *schema = schema_of_all(), *none = schema_new();
    AUTO(batch_builder) *builder = batch_builder_new(schema), *narrow = batch_builder_new(none);
    const struct batch *b = builder_finish(builder);
    assert_true(b->rows == 0 && b->bytes == 0 && b->array.children[NAME]->buffers[1] != NULL);
    add_row(builder, 1, false);
    assert_int_equal(builder_finish(builder)->rows, 1);
    assert_int_equal(builder_finish(builder)->rows, 0);
    builder_end_row(narrow);
    builder_end_row(narrow);
    assert_int_equal(builder_finish(narrow)->rows, 2);
}

static void a_batch_is_full_at_the_row_that_reaches_the_bytes(void **state)
{
    AUTO(schema) *schema = schema_new();
    schema_add(schema, &fields[NAME]);
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO_RELEASE(buf) wide = {0};
    buf_reserve(&wide, BATCH_BYTES);
    memset(wide.at, 'x', BATCH_BYTES);
    for (int i = 0; i < 3; i++) {
        builder_bytes(builder, 0, (struct str){wide.at, BATCH_BYTES / 2 - 4});
        builder_end_row(builder);
        assert_false(builder_is_full(builder));
        builder_bytes(builder, 0, (struct str){wide.at, BATCH_BYTES / 2 - 4});
        builder_end_row(builder);
        assert_true(builder_is_full(builder));
        assert_int_equal(builder_finish(builder)->bytes, BATCH_BYTES);
        assert_false(builder_is_full(builder));
    }
}

/* Each column is wide in its turn: what the builder keeps for the next batch is bounded all the same. */
static void memory_of_wide_values_is_not_kept_in_every_column(void **state)
{
    enum { COLUMNS = 12 };
    AUTO(schema) *schema = schema_new();
    for (int i = 0; i < COLUMNS; i++)
        schema_add(schema, &(struct field){.name = (char[]){(char)('a' + i), 0}, .type = TYPE_UTF8});
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO_RELEASE(buf) wide = {0};
    buf_reserve(&wide, BATCH_BYTES);
    memset(wide.at, 'x', BATCH_BYTES);
    int64_t before = memory_peak_restart();
    for (int turn = 0; turn < COLUMNS; turn++) {
        for (int i = 0; i < COLUMNS; i++)
            builder_bytes(builder, i, (struct str){wide.at, i == turn ? BATCH_BYTES : 10});
        builder_end_row(builder);
        assert_int_equal(builder_finish(builder)->rows, 1);
    }
    if (COUNTS_MEMORY)
        assert_true(memory_peak_bytes() - before < (int64_t)4 * BATCH_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_type_come_out_as_they_went_in),
        cmocka_unit_test(the_layout_is_arrows),
        cmocka_unit_test(a_batch_without_rows_or_without_columns_is_a_batch),
        cmocka_unit_test(memory_of_wide_values_is_not_kept_in_every_column),
        cmocka_unit_test(a_batch_is_full_at_the_row_that_reaches_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rows of a binary COPY, taken many at once: what none of them can tell alone. */
#include <endian.h>

#include "connect/postgres/tuples.h"
#include "test.h"

static const struct field fields[] = {
    {.name = "id", .type = TYPE_INT64},
    {.name = "day", .type = TYPE_DATE, .nullable = true},
    {.name = "note", .type = TYPE_UTF8, .nullable = true},
    {.name = "price", .type = TYPE_DECIMAL, .precision = 9, .scale = 2, .nullable = true},
};
enum { ID, DAY, NOTE, PRICE, FIELDS, ROWS = 40 };
static const struct tuple_column columns[FIELDS] = {
    {.wire = WIRE_INT8, .field = &fields[ID]},
    {.wire = WIRE_DATE, .field = &fields[DAY], .misfit = "an infinite day"},
    {.wire = WIRE_TEXT, .field = &fields[NOTE], .misfit = "no UTF-8", .may_be_no_utf8 = true},
    {.wire = WIRE_NUMERIC, .field = &fields[PRICE], .misfit = "too many digits"},
};

static struct schema *new_schema(void)
{
    struct schema *schema = schema_new();
    for (int i = 0; i < FIELDS; i++)
        schema_add(schema, &fields[i]);
    return schema;
}

/* ---- what a server sends ---- */

struct sent {
    struct buf bytes;
    size_t starts[TUPLES_MAX + 1];
    int count;
};

static void add(struct buf *out, uint64_t value, size_t bytes)
{
    value = htobe64(value);
    buf_add(out, (const char *)&value + sizeof(value) - bytes, bytes);
}

static void add_null(struct buf *out) { add(out, UINT32_MAX, 4); }

static void add_text(struct buf *out, struct str text)
{
    add(out, text.len, 4);
    buf_add_str(out, text);
}

/* 12.5 is 12 and 5000. */
static void add_numeric(struct buf *out, uint16_t units, uint16_t fraction)
{
    const uint16_t words[] = {2, 0, 0, 2, units, fraction};
    add(out, sizeof(words), 4);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        add(out, words[i], sizeof(*words));
}

static void begin_row(struct sent *self, int64_t id)
{
    self->starts[self->count++] = self->bytes.len;
    add(&self->bytes, FIELDS, 2);
    add(&self->bytes, 8, 4);
    add(&self->bytes, (uint64_t)id, 8);
}

static void add_day(struct buf *out, int32_t day)
{
    add(out, 4, 4);
    add(out, (uint32_t)day, 4);
}

static void add_row(struct sent *self, int64_t id, int32_t day, struct str note, uint16_t fraction)
{
    begin_row(self, id);
    add_day(&self->bytes, day);
    add_text(&self->bytes, note);
    add_numeric(&self->bytes, (uint16_t)id, fraction);
}

static void add_trailer(struct sent *self)
{
    self->starts[self->count++] = self->bytes.len;
    add(&self->bytes, UINT16_MAX, 2);
}

static enum tuple take(const struct sent *self, struct batch_builder *builder, int *ret_rows)
{
    struct str pieces[TUPLES_MAX];
    int column;
    for (int i = 0; i < self->count; i++) {
        size_t end = i + 1 < self->count ? self->starts[i + 1] : self->bytes.len;
        pieces[i] = (struct str){self->bytes.at + self->starts[i], end - self->starts[i]};
    }
    return tuples_take(columns, FIELDS, pieces, self->count, builder, ret_rows, &column);
}

/* ---- stories ---- */

static void rows_taken_at_once_are_each_as_it_was_sent(void **state)
{
    AUTO(schema) *schema = new_schema();
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    struct sent sent = {0};
    char wide[200];
    int rows = 0;
    memset(wide, 'w', sizeof(wide));
    for (int i = 0; i < ROWS; i++) {
        begin_row(&sent, i);
        i % 3 == 0 ? add_null(&sent.bytes) : add_day(&sent.bytes, i);
        i % 5 == 0 ? add_null(&sent.bytes) : add_text(&sent.bytes, (struct str){wide, (size_t)i * 5});
        i % 7 == 0 ? add_null(&sent.bytes) : add_numeric(&sent.bytes, (uint16_t)i, 2500);
    }
    assert_int_equal(take(&sent, builder, &rows), TUPLE_ROW);
    assert_int_equal(rows, ROWS);
    const struct batch *batch = builder_finish(builder);
    assert_int_equal(batch->rows, ROWS);
    assert_null(batch->rejects);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(batch_int64(batch, ID, i), i);
        assert_int_equal(batch_is_null(batch, DAY, i), i % 3 == 0);
        assert_int_equal(batch_is_null(batch, NOTE, i), i % 5 == 0);
        assert_int_equal(batch_is_null(batch, PRICE, i), i % 7 == 0);
        if (i % 3 != 0)
            assert_int_equal(batch_date(batch, DAY, i), 10957 + i);
        if (i % 5 != 0)
            assert_true(str_eq(batch_bytes(batch, NOTE, i), (struct str){wide, (size_t)i * 5}));
        if (i % 7 != 0)
            assert_int_equal((int64_t)batch_decimal(batch, PRICE, i), i * 100 + 25);
    }
    buf_release(&sent.bytes);
}

/* They are found column by column, and set aside row by row. */
static void values_that_do_not_fit_are_told_in_the_order_of_their_rows(void **state)
{
    AUTO(schema) *schema = new_schema();
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    struct sent sent = {0};
    int rows = 0;
    add_row(&sent, 0, 1, S("fits"), 100);
    add_row(&sent, 1, 1, S("\xff"), 100);
    add_row(&sent, 2, INT32_MAX, S("fits"), 100);
    add_row(&sent, 3, INT32_MIN, S("fits"), 101);
    add_row(&sent, 4, 1, S("fits, too"), 100);
    assert_int_equal(take(&sent, builder, &rows), TUPLE_ROW);
    assert_int_equal(rows, 5);
    const struct batch *batch = builder_finish(builder);
    static const struct {
        int row, column;
    } expected[] = {{1, NOTE}, {2, DAY}, {3, DAY}, {3, PRICE}};
    assert_non_null(batch->rejects);
    assert_int_equal(batch->rejects->count, 4);
    for (int i = 0; i < 4; i++) {
        const struct reject *reject = &batch->rejects->items[i];
        assert_int_equal(reject->row, expected[i].row);
        assert_int_equal(reject->column, expected[i].column);
        assert_string_equal(reject->why, columns[expected[i].column].misfit);
        assert_true(batch_is_null(batch, reject->column, reject->row));
    }
    assert_true(str_eq(batch->rejects->items[0].value, S("\xff")));
    assert_true(str_eq(batch_bytes(batch, NOTE, 2), S("fits")));
    assert_true(str_eq(batch_bytes(batch, NOTE, 4), S("fits, too")));
    buf_release(&sent.bytes);
}

static void the_trailer_ends_the_rows_before_it(void **state)
{
    AUTO(schema) *schema = new_schema();
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    struct sent sent = {0};
    int rows = 0;
    add_row(&sent, 7, 1, S("last"), 100);
    add_trailer(&sent);
    assert_int_equal(take(&sent, builder, &rows), TUPLE_END);
    assert_int_equal(rows, 1);
    assert_int_equal(builder_finish(builder)->rows, 1);
    buf_release(&sent.bytes);
}

static void one_damaged_row_damages_them_all(void **state)
{
    for (int damage = 0; damage < 3; damage++) {
        AUTO(schema) *schema = new_schema();
        AUTO(batch_builder) *builder = batch_builder_new(schema);
        struct sent sent = {0};
        int rows = 0;
        for (int i = 0; i < 3; i++)
            add_row(&sent, i, 1, S("text"), 100);
        size_t row = sent.starts[1];
        if (damage == 0)
            sent.bytes.at[row + 1]++; /* the number of fields */
        else if (damage == 1)
            sent.bytes.at[row + 5]--; /* the length of the first, which then begins another */
        else
            sent.starts[2]++; /* a row that goes on behind its last field */
        assert_int_equal(take(&sent, builder, &rows), TUPLE_DAMAGED);
        buf_release(&sent.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_taken_at_once_are_each_as_it_was_sent),
        cmocka_unit_test(values_that_do_not_fit_are_told_in_the_order_of_their_rows),
        cmocka_unit_test(the_trailer_ends_the_rows_before_it),
        cmocka_unit_test(one_damaged_row_damages_them_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

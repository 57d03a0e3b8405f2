#include "data/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "data/column.h"

static bool bit_at(const uint8_t *bits, int64_t i) { return (bits[i >> 3] >> (i & 7)) & 1; }

static const struct ArrowArray *child(const struct batch *b, int column, int64_t row)
{
    assert(column >= 0 && column < b->schema->count && row >= 0 && row < b->rows);
    return b->array.children[column];
}

bool batch_is_null(const struct batch *b, int column, int64_t row)
{
    const uint8_t *validity = child(b, column, row)->buffers[0];
    return validity != NULL && !bit_at(validity, row);
}

bool batch_bool(const struct batch *b, int column, int64_t row)
{
    return bit_at(child(b, column, row)->buffers[1], row);
}

int16_t batch_int16(const struct batch *b, int column, int64_t row)
{
    return ((const int16_t *)child(b, column, row)->buffers[1])[row];
}

int32_t batch_int32(const struct batch *b, int column, int64_t row)
{
    return ((const int32_t *)child(b, column, row)->buffers[1])[row];
}

int64_t batch_int64(const struct batch *b, int column, int64_t row)
{
    return ((const int64_t *)child(b, column, row)->buffers[1])[row];
}

int64_t batch_integer(const struct batch *b, int column, int64_t row)
{
    switch (b->schema->fields[column].type) {
    case TYPE_INT16: return batch_int16(b, column, row);
    case TYPE_INT32: return batch_int32(b, column, row);
    case TYPE_DATE: return batch_date(b, column, row);
    default: return batch_int64(b, column, row);
    }
}

float batch_float(const struct batch *b, int column, int64_t row)
{
    return ((const float *)child(b, column, row)->buffers[1])[row];
}

double batch_double(const struct batch *b, int column, int64_t row)
{
    return ((const double *)child(b, column, row)->buffers[1])[row];
}

int32_t batch_date(const struct batch *b, int column, int64_t row)
{
    return ((const int32_t *)child(b, column, row)->buffers[1])[row];
}

__int128 batch_decimal(const struct batch *b, int column, int64_t row)
{
    __int128 value;
    memcpy(&value, (const char *)child(b, column, row)->buffers[1] + row * (int64_t)sizeof(value), sizeof(value));
    return value;
}

struct str batch_bytes(const struct batch *b, int column, int64_t row)
{
    const struct ArrowArray *array = child(b, column, row);
    const int32_t *offsets = array->buffers[1];
    return (struct str){(const char *)array->buffers[2] + offsets[row], (size_t)(offsets[row + 1] - offsets[row])};
}

/* What is kept for the next batch after a few very wide rows. */
enum { ROWS_FIRST = 64, DATA_KEPT_BYTES = 2 * BATCH_BYTES };

struct batch_builder {
    const struct schema *schema;
    struct column *columns;
    int64_t *filled; /* per column: rows that have their value */
    int filled_now;  /* columns that have theirs in the row being built */
    int64_t rows, capacity;
    size_t row_bytes;  /* what the fixed parts of one row count */
    size_t data_bytes; /* of all text */
    bool is_finished;  /* the next value starts a new batch */
    struct batch batch;
};

struct batch_builder *batch_builder_new(const struct schema *schema)
{
    struct batch_builder *self = xcalloc(1, sizeof(*self));
    self->schema = schema;
    self->columns = xcalloc((size_t)schema->count, sizeof(*self->columns));
    self->filled = xcalloc((size_t)schema->count, sizeof(*self->filled));
    self->capacity = ROWS_FIRST;
    for (int i = 0; i < schema->count; i++) {
        column_init(&self->columns[i], schema->fields[i].type);
        column_reserve(&self->columns[i], self->capacity);
        self->row_bytes += column_fixed_bytes(schema->fields[i].type);
    }
    self->batch.schema = schema;
    batch_array_init(&self->batch.array, self->columns, schema->count);
    return self;
}

void batch_builder_free(struct batch_builder *self)
{
    if (self == NULL)
        return;
    batch_array_release(&self->batch.array);
    for (int i = 0; i < self->schema->count; i++)
        column_release(&self->columns[i]);
    free(self->columns);
    free(self->filled);
    free(self);
}

static void start_over(struct batch_builder *b)
{
    size_t kept = 0;
    for (int i = 0; i < b->schema->count; i++) {
        struct column *column = &b->columns[i];
        column_reset(column);
        kept += column->data.size;
        if (kept > DATA_KEPT_BYTES) {
            kept -= column->data.size;
            buf_release(&column->data);
        }
        b->filled[i] = 0;
    }
    b->rows = 0;
    b->data_bytes = 0;
    b->is_finished = false;
}

static struct column *fill(struct batch_builder *b, int column)
{
    if (b->is_finished)
        start_over(b);
    assert(column >= 0 && column < b->schema->count);
    assert(b->filled[column] == b->rows && "a column gets one value per row");
    b->filled[column]++;
    b->filled_now++;
    return &b->columns[column];
}

void builder_null(struct batch_builder *b, int column)
{
    struct column *c = fill(b, column);
    column_null(c, b->rows);
    if (column_is_text(c))
        c->offsets[b->rows + 1] = c->offsets[b->rows];
    else if (c->type == TYPE_BOOL)
        c->values[b->rows >> 3] &= (uint8_t) ~(1u << (b->rows & 7));
    else
        memset(c->values + (size_t)b->rows * c->width, 0, c->width);
}

void builder_bool(struct batch_builder *b, int column, bool value)
{
    struct column *c = fill(b, column);
    assert(c->type == TYPE_BOOL);
    uint8_t bit = (uint8_t)(1u << (b->rows & 7)), *byte = &c->values[b->rows >> 3];
    *byte = value ? *byte | bit : *byte & (uint8_t)~bit;
}

void builder_int16(struct batch_builder *b, int column, int16_t value)
{
    struct column *c = fill(b, column);
    assert(c->type == TYPE_INT16);
    ((int16_t *)(void *)c->values)[b->rows] = value;
}

void builder_int32(struct batch_builder *b, int column, int32_t value)
{
    struct column *c = fill(b, column);
    assert(c->type == TYPE_INT32);
    ((int32_t *)(void *)c->values)[b->rows] = value;
}

void builder_int64(struct batch_builder *b, int column, int64_t value)
{
    struct column *c = fill(b, column);
    assert(c->type == TYPE_INT64 || c->type == TYPE_TIME || c->type == TYPE_TIMESTAMP);
    ((int64_t *)(void *)c->values)[b->rows] = value;
}

void builder_float(struct batch_builder *b, int column, float value)
{
    struct column *c = fill(b, column);
    assert(c->type == TYPE_FLOAT);
    ((float *)(void *)c->values)[b->rows] = value;
}

void builder_double(struct batch_builder *b, int column, double value)
{
    struct column *c = fill(b, column);
    assert(c->type == TYPE_DOUBLE);
    ((double *)(void *)c->values)[b->rows] = value;
}

void builder_date(struct batch_builder *b, int column, int32_t days)
{
    struct column *c = fill(b, column);
    assert(c->type == TYPE_DATE);
    ((int32_t *)(void *)c->values)[b->rows] = days;
}

void builder_decimal(struct batch_builder *b, int column, __int128 unscaled)
{
    struct column *c = fill(b, column);
    assert(c->type == TYPE_DECIMAL);
    memcpy(c->values + (size_t)b->rows * sizeof(unscaled), &unscaled, sizeof(unscaled));
}

void builder_bytes(struct batch_builder *b, int column, struct str value)
{
    struct column *c = fill(b, column);
    assert(column_is_text(c));
    buf_add(&c->data, value.at, value.len);
    c->offsets[b->rows + 1] = (int32_t)c->data.len;
    b->data_bytes += value.len;
}

void builder_end_row(struct batch_builder *b)
{
    if (b->is_finished)
        start_over(b);
    assert(b->filled_now == b->schema->count && "each column has its value");
    assert(b->rows < BATCH_ROWS_MAX && "a full batch is finished first");
    b->filled_now = 0;
    if (++b->rows < b->capacity || b->capacity >= BATCH_ROWS_MAX)
        return;
    b->capacity *= 2;
    for (int i = 0; i < b->schema->count; i++)
        column_reserve(&b->columns[i], b->capacity);
}

static size_t raw_bytes(const struct batch_builder *b) { return (size_t)b->rows * b->row_bytes + b->data_bytes; }

bool builder_is_full(const struct batch_builder *b)
{
    return !b->is_finished && (b->rows >= BATCH_ROWS_MAX || raw_bytes(b) >= BATCH_BYTES);
}

int64_t builder_rows(const struct batch_builder *b) { return b->is_finished ? 0 : b->rows; }

const struct batch *builder_finish(struct batch_builder *b)
{
    assert(b->filled_now == 0 && "the last row was ended");
    if (b->is_finished)
        start_over(b);
    b->batch.rows = b->rows;
    b->batch.bytes = raw_bytes(b);
    batch_array_point(&b->batch.array, b->columns, b->rows);
    b->is_finished = true;
    return &b->batch;
}

/* Rows in columns, in Arrow's memory layout (C Data Interface), so that the same memory goes to our Parquet writer, to
 * an ADBC driver or to DuckDB without a copy. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/error.h"
#include "base/str.h"
#include "data/column.h"
#include "data/reject.h"
#include "data/schema.h"

enum { BATCH_ROWS_MAX = 16384, BATCH_BYTES = 8 << 20 }; /* a batch ends at the row that reaches BATCH_BYTES */

/* One batch: child i of `array` is column i of `schema`, offset 0. Buffers: validity bitmap (NULL when no nulls), then
 * values (bit-packed for bool, integers and floats of their width, int32 days for dates, int64 for times and
 * timestamps, 16-byte little-endian for decimals), or int32 offsets and bytes for utf8 and binary. Whoever fills
 * a utf8 column has seen that each value is UTF-8. Lives until its owner makes the next one. */
struct batch {
    const struct schema *schema;
    int64_t rows;
    size_t bytes; /* raw size of the values, for cutting row groups and reporting */
    struct ArrowArray array;
    const struct reject_list *rejects; /* values that do not fit, where the reader was asked for them; NULL: all do */
};

/* Values one by one; they are called for every value of every row, and so stand here. */
static inline const struct ArrowArray *batch_column(const struct batch *b, int column, int64_t row)
{
    assert(column >= 0 && column < b->schema->count && row >= 0 && row < b->rows);
    return b->array.children[column];
}

static inline bool batch_is_null(const struct batch *b, int column, int64_t row)
{
    const uint8_t *validity = batch_column(b, column, row)->buffers[0];
    return validity != NULL && !((validity[row >> 3] >> (row & 7)) & 1);
}

static inline bool batch_bool(const struct batch *b, int column, int64_t row)
{
    return (((const uint8_t *)batch_column(b, column, row)->buffers[1])[row >> 3] >> (row & 7)) & 1;
}

static inline int16_t batch_int16(const struct batch *b, int column, int64_t row)
{
    return ((const int16_t *)batch_column(b, column, row)->buffers[1])[row];
}

static inline int32_t batch_int32(const struct batch *b, int column, int64_t row)
{
    return ((const int32_t *)batch_column(b, column, row)->buffers[1])[row];
}

static inline int64_t batch_int64(const struct batch *b, int column, int64_t row) /* TYPE_TIME, TYPE_TIMESTAMP, too */
{
    return ((const int64_t *)batch_column(b, column, row)->buffers[1])[row];
}

int64_t batch_integer(const struct batch *b, int column, int64_t row); /* all of these, and TYPE_DATE */

static inline float batch_float(const struct batch *b, int column, int64_t row)
{
    return ((const float *)batch_column(b, column, row)->buffers[1])[row];
}

static inline double batch_double(const struct batch *b, int column, int64_t row)
{
    return ((const double *)batch_column(b, column, row)->buffers[1])[row];
}

static inline int32_t batch_date(const struct batch *b, int column, int64_t row)
{
    return ((const int32_t *)batch_column(b, column, row)->buffers[1])[row];
}

static inline __int128 batch_decimal(const struct batch *b, int column, int64_t row)
{
    __int128 value; /* Arrow promises eight bytes of alignment, not sixteen */
    memcpy(&value, (const char *)batch_column(b, column, row)->buffers[1] + row * (int64_t)sizeof(value),
           sizeof(value));
    return value;
}

static inline struct str batch_bytes(const struct batch *b, int column, int64_t row) /* TYPE_UTF8, TYPE_BINARY */
{
    const struct ArrowArray *array = batch_column(b, column, row);
    const int32_t *offsets = array->buffers[1];
    return (struct str){(const char *)array->buffers[2] + offsets[row], (size_t)(offsets[row + 1] - offsets[row])};
}

/* Fills batches row by row: one value per column in any order, then builder_end_row. The batch it finishes is the
 * builder's own and is overwritten by the first value after it: memory is reused, nothing is allocated per batch. */
struct batch_builder { /* only for the functions below */
    const struct schema *schema;
    struct column *columns;
    int64_t row;    /* the one being built; -1: the batch is finished, the next value starts a new one */
    int filled_now; /* columns that have their value in it */
    int64_t capacity;
    size_t row_bytes; /* what the fixed parts of one row count */
    struct reject_list rejects;
    struct batch batch;
};
struct batch_builder *batch_builder_new(const struct schema *schema); /* the schema must outlive it */
void batch_builder_free(struct batch_builder *self);
AUTO_DEFINE(batch_builder)

void builder_start(struct batch_builder *b); /* behind a finished batch; the first value does it */
void builder_grow(struct batch_builder *b);

static inline struct column *builder_column(struct batch_builder *b, int column)
{
    assert(column >= 0 && column < b->schema->count);
    if (__builtin_expect(b->row < 0, 0))
        builder_start(b);
    struct column *c = &b->columns[column];
    assert(c->filled == b->row && "a column gets one value per row");
    c->filled++;
    b->filled_now++;
    return c;
}

void builder_null(struct batch_builder *b, int column);
/* The NULL that was just put into the row under way stands for a value that does not fit; see data/reject.h. */
void builder_reject(struct batch_builder *b, int column, const char *why, struct str value);
/* The same of a NULL in a whole row; in any order. */
void builder_reject_row(struct batch_builder *b, int64_t row, int column, const char *why, struct str value);
/* The value of another batch; both columns are of one type. */
void builder_copy(struct batch_builder *b, int column, const struct batch *from, int from_column, int64_t row);
void builder_bool(struct batch_builder *b, int column, bool value);

static inline void builder_int16(struct batch_builder *b, int column, int16_t value)
{
    struct column *c = builder_column(b, column);
    column_put_int16(c, b->row, value);
}

static inline void builder_int32(struct batch_builder *b, int column, int32_t value)
{
    struct column *c = builder_column(b, column);
    column_put_int32(c, b->row, value);
}

/* TYPE_INT64, TYPE_TIME, TYPE_TIMESTAMP */
static inline void builder_int64(struct batch_builder *b, int column, int64_t value)
{
    struct column *c = builder_column(b, column);
    column_put_int64(c, b->row, value);
}

static inline void builder_float(struct batch_builder *b, int column, float value)
{
    struct column *c = builder_column(b, column);
    column_put_float(c, b->row, value);
}

static inline void builder_double(struct batch_builder *b, int column, double value)
{
    struct column *c = builder_column(b, column);
    column_put_double(c, b->row, value);
}

static inline void builder_date(struct batch_builder *b, int column, int32_t days)
{
    struct column *c = builder_column(b, column);
    column_put_int32(c, b->row, days);
}

static inline void builder_decimal(struct batch_builder *b, int column, __int128 unscaled)
{
    struct column *c = builder_column(b, column);
    column_put_decimal(c, b->row, unscaled);
}

static inline void builder_bytes(struct batch_builder *b, int column, struct str value)
{
    struct column *c = builder_column(b, column);
    column_put_bytes(c, b->row, value);
    b->batch.bytes += value.len;
}

static inline void builder_end_row(struct batch_builder *b) /* asserts that each column has its value */
{
    if (__builtin_expect(b->row < 0, 0))
        builder_start(b);
    assert(b->filled_now == b->schema->count && "each column has its value");
    assert(b->row < BATCH_ROWS_MAX && "a full batch is finished first");
    b->filled_now = 0;
    b->batch.bytes += b->row_bytes;
    if (__builtin_expect(++b->row == b->capacity, 0))
        builder_grow(b);
}

/* Rows whose values are all at hand are put into their columns directly: each column gets its values in the rows
 * `number` and on, of up to `room` rows, by functions of column.h, before builder_end_whole_rows. In a batch that has
 * such rows, all are. */
struct whole_rows {
    struct column *columns;
    int64_t number, room; /* at least 1 */
};
static inline struct whole_rows builder_whole_rows(struct batch_builder *b)
{
    if (__builtin_expect(b->row < 0, 0))
        builder_start(b);
    assert(b->filled_now == 0 && b->row < BATCH_ROWS_MAX);
    return (struct whole_rows){b->columns, b->row, b->capacity - b->row};
}
static inline void builder_end_whole_rows(struct batch_builder *b, int64_t rows, size_t text_bytes) /* of all texts */
{
    b->batch.bytes += (size_t)rows * b->row_bytes + text_bytes;
    b->row += rows;
    if (__builtin_expect(b->row == b->capacity, 0))
        builder_grow(b);
}

static inline int64_t builder_rows(const struct batch_builder *b) { return b->row < 0 ? 0 : b->row; }
static inline bool builder_is_full(const struct batch_builder *b) /* rows or bytes have reached the limit */
{
    return b->row >= 0 && (b->row >= BATCH_ROWS_MAX || b->batch.bytes >= BATCH_BYTES);
}
const struct batch *builder_finish(struct batch_builder *b); /* rows may be 0 */

/* Where batches come from: a source's range, a staged file. */
struct batch_reader;
struct batch_reader_ops {
    /* *ret = NULL at the end; a batch lives until the next call. A stream that was cut is an error, never an end. */
    RC (*next)(struct batch_reader *self, const struct batch **ret, struct error *err);
    void (*free)(struct batch_reader *self);
};
struct batch_reader {
    const struct batch_reader_ops *ops;
};
static inline RC batch_reader_next(struct batch_reader *r, const struct batch **ret, struct error *err)
{
    return r->ops->next(r, ret, err);
}
static inline void batch_reader_free(struct batch_reader *r)
{
    if (r != NULL)
        r->ops->free(r);
}
AUTO_DEFINE(batch_reader)

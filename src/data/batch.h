/* Rows in columns, in Arrow's memory layout (C Data Interface), so that the same memory goes to our Parquet writer, to
 * an ADBC driver or to DuckDB without a copy. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/error.h"
#include "base/str.h"
#include "data/schema.h"

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

enum { BATCH_ROWS_MAX = 16384, BATCH_BYTES = 8 << 20 }; /* a batch ends at the row that reaches BATCH_BYTES */

/* One batch: child i of `array` is column i of `schema`, offset 0. Buffers: validity bitmap (NULL when no nulls), then
 * values (bit-packed for bool, integers and floats of their width, int32 days for dates, int64 for times and
 * timestamps, 16-byte little-endian for decimals), or int32 offsets and bytes for utf8 and binary. Lives until its
 * owner makes the next one. */
struct batch {
    const struct schema *schema;
    int64_t rows;
    size_t bytes; /* raw size of the values, for cutting row groups and reporting */
    struct ArrowArray array;
};

bool batch_is_null(const struct batch *b, int column, int64_t row);
bool batch_bool(const struct batch *b, int column, int64_t row);
int16_t batch_int16(const struct batch *b, int column, int64_t row);
int32_t batch_int32(const struct batch *b, int column, int64_t row);
int64_t batch_int64(const struct batch *b, int column, int64_t row);   /* TYPE_INT64, TYPE_TIME, TYPE_TIMESTAMP */
int64_t batch_integer(const struct batch *b, int column, int64_t row); /* all of these, and TYPE_DATE */
float batch_float(const struct batch *b, int column, int64_t row);
double batch_double(const struct batch *b, int column, int64_t row);
int32_t batch_date(const struct batch *b, int column, int64_t row);
__int128 batch_decimal(const struct batch *b, int column, int64_t row);
struct str batch_bytes(const struct batch *b, int column, int64_t row); /* TYPE_UTF8, TYPE_BINARY */

/* Fills batches row by row: one value per column in any order, then builder_end_row. The batch it finishes is the
 * builder's own and is overwritten by the first value after it: memory is reused, nothing is allocated per batch. */
struct batch_builder;
struct batch_builder *batch_builder_new(const struct schema *schema); /* the schema must outlive it */
void batch_builder_free(struct batch_builder *self);
AUTO_DEFINE(batch_builder)

void builder_null(struct batch_builder *b, int column);
void builder_bool(struct batch_builder *b, int column, bool value);
void builder_int16(struct batch_builder *b, int column, int16_t value);
void builder_int32(struct batch_builder *b, int column, int32_t value);
void builder_int64(struct batch_builder *b, int column, int64_t value); /* TYPE_INT64, TYPE_TIME, TYPE_TIMESTAMP */
void builder_float(struct batch_builder *b, int column, float value);
void builder_double(struct batch_builder *b, int column, double value);
void builder_date(struct batch_builder *b, int column, int32_t days);
void builder_decimal(struct batch_builder *b, int column, __int128 unscaled);
void builder_bytes(struct batch_builder *b, int column, struct str value);
void builder_end_row(struct batch_builder *b);       /* asserts that each column has its value */
bool builder_is_full(const struct batch_builder *b); /* rows or bytes have reached the limit */
int64_t builder_rows(const struct batch_builder *b);
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

/* The memory of one column of a batch in Arrow's layout, filled row by row (batch_builder) or column by column (the
 * Parquet reader). Internal to data/. */
#pragma once

#include <assert.h>

#include "base/str.h"
#include "data/arrow.h"
#include "data/schema.h"

struct column {
    enum type type;
    size_t width;     /* bytes of a value; of an int32 offset for text; 0 for bool, which is bits */
    int64_t capacity; /* rows there is room for, in all but `data` */
    int64_t filled;   /* batch_builder: rows that have their value */
    int64_t nulls;
    uint8_t *validity; /* all ones but for the NULLs: a value that is there costs nothing */
    uint8_t *values;   /* not for text; a NULL's value is zero */
    int32_t *offsets;  /* text only: capacity + 1 of them, the first is 0 */
    struct buf data;   /* text only; without a NUL behind it */
};

void column_init(struct column *self, enum type type);
void column_release(struct column *self);
void column_reset(struct column *self);                 /* no rows; the memory is kept */
void column_reserve(struct column *self, int64_t rows); /* room for this many rows in all */
size_t column_fixed_bytes(enum type type); /* raw bytes of a value that a batch counts; text: of its offset */

static inline bool column_is_text(const struct column *self)
{
    return self->type == TYPE_UTF8 || self->type == TYPE_BINARY;
}

static inline void column_null(struct column *self, int64_t row)
{
    self->validity[row >> 3] &= (uint8_t) ~(1u << (row & 7));
    self->nulls++;
}

/* One value of a row there is room for, without a count of which rows have theirs. */
static inline void column_put_int16(struct column *self, int64_t row, int16_t value)
{
    assert(self->type == TYPE_INT16);
    ((int16_t *)(void *)self->values)[row] = value;
}

static inline void column_put_int32(struct column *self, int64_t row, int32_t value) /* TYPE_DATE, too */
{
    assert(self->type == TYPE_INT32 || self->type == TYPE_DATE);
    ((int32_t *)(void *)self->values)[row] = value;
}

static inline void column_put_int64(struct column *self, int64_t row,
                                    int64_t value) /* TYPE_TIME, TYPE_TIMESTAMP, too */
{
    assert(self->type == TYPE_INT64 || self->type == TYPE_TIME || self->type == TYPE_TIMESTAMP);
    ((int64_t *)(void *)self->values)[row] = value;
}

static inline void column_put_float(struct column *self, int64_t row, float value)
{
    assert(self->type == TYPE_FLOAT);
    ((float *)(void *)self->values)[row] = value;
}

static inline void column_put_double(struct column *self, int64_t row, double value)
{
    assert(self->type == TYPE_DOUBLE);
    ((double *)(void *)self->values)[row] = value;
}

static inline void column_put_decimal(struct column *self, int64_t row, __int128 unscaled)
{
    assert(self->type == TYPE_DECIMAL);
    memcpy(self->values + (size_t)row * sizeof(unscaled), &unscaled, sizeof(unscaled));
}

static inline void column_put_bool(struct column *self, int64_t row, bool value)
{
    assert(self->type == TYPE_BOOL);
    uint8_t bit = (uint8_t)(1u << (row & 7)), *byte = &self->values[row >> 3];
    *byte = (uint8_t)(value ? *byte | bit : *byte & ~bit);
}

void column_grow_text(struct column *self, size_t more);
static inline void column_put_bytes(struct column *self, int64_t row, struct str value)
{
    assert(column_is_text(self));
    if (__builtin_expect(value.len > self->data.size - self->data.len, 0))
        column_grow_text(self, value.len);
    if (value.len != 0)
        memcpy(self->data.at + self->data.len, value.at, value.len);
    self->data.len += value.len;
    self->offsets[row + 1] = (int32_t)self->data.len;
}

void column_put_null(struct column *self, int64_t row);

/* The struct array over `count` columns that a batch hands out; `children` are made by batch_array_init. */
void batch_array_init(struct ArrowArray *self, const struct column *columns, int count);
void batch_array_release(struct ArrowArray *self);
void batch_array_point(struct ArrowArray *self, const struct column *columns, int64_t rows);

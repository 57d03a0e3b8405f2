#include "data/batch.h"

#include <stdlib.h>
#include <string.h>

int64_t batch_integer(const struct batch *b, int column, int64_t row)
{
    switch (b->schema->fields[column].type) {
    case TYPE_INT16: return batch_int16(b, column, row);
    case TYPE_INT32: return batch_int32(b, column, row);
    case TYPE_DATE: return batch_date(b, column, row);
    default: return batch_int64(b, column, row);
    }
}

/* What is kept for the next batch after a few very wide rows. */
enum { ROWS_FIRST = 64, DATA_KEPT_BYTES = 2 * BATCH_BYTES };

struct batch_builder *batch_builder_new(const struct schema *schema)
{
    struct batch_builder *self = xcalloc(1, sizeof(*self));
    self->schema = schema;
    self->columns = xcalloc((size_t)schema->count, sizeof(*self->columns));
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
    reject_list_release(&self->rejects);
    free(self->columns);
    free(self);
}

void builder_start(struct batch_builder *b)
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
    }
    reject_list_reset(&b->rejects);
    b->row = 0;
    b->batch.bytes = 0;
}

void builder_grow(struct batch_builder *b)
{
    if (b->capacity >= BATCH_ROWS_MAX)
        return;
    b->capacity *= 2;
    for (int i = 0; i < b->schema->count; i++)
        column_reserve(&b->columns[i], b->capacity);
}

void builder_null(struct batch_builder *b, int column)
{
    struct column *c = builder_column(b, column); /* which may begin the row */
    column_put_null(c, b->row);
}

void builder_bool(struct batch_builder *b, int column, bool value)
{
    struct column *c = builder_column(b, column);
    column_put_bool(c, b->row, value);
}

void builder_reject(struct batch_builder *b, int column, const char *why, struct str value)
{
    assert(b->row >= 0 && "its NULL was put");
    builder_reject_row(b, b->row, column, why, value);
}

void builder_reject_row(struct batch_builder *b, int64_t row, int column, const char *why, struct str value)
{
    reject_list_add(&b->rejects, row, column, why, value);
}

void builder_copy(struct batch_builder *b, int column, const struct batch *from, int from_column, int64_t row)
{
    if (batch_is_null(from, from_column, row)) {
        builder_null(b, column);
        return;
    }
    switch (from->schema->fields[from_column].type) {
    case TYPE_BOOL: builder_bool(b, column, batch_bool(from, from_column, row)); break;
    case TYPE_INT16: builder_int16(b, column, batch_int16(from, from_column, row)); break;
    case TYPE_INT32: builder_int32(b, column, batch_int32(from, from_column, row)); break;
    case TYPE_INT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP: builder_int64(b, column, batch_int64(from, from_column, row)); break;
    case TYPE_FLOAT: builder_float(b, column, batch_float(from, from_column, row)); break;
    case TYPE_DOUBLE: builder_double(b, column, batch_double(from, from_column, row)); break;
    case TYPE_UTF8:
    case TYPE_BINARY: builder_bytes(b, column, batch_bytes(from, from_column, row)); break;
    case TYPE_DATE: builder_date(b, column, batch_date(from, from_column, row)); break;
    case TYPE_DECIMAL: builder_decimal(b, column, batch_decimal(from, from_column, row)); break;
    }
}

const struct batch *builder_finish(struct batch_builder *b)
{
    assert(b->filled_now == 0 && "the last row was ended");
    if (b->row < 0)
        builder_start(b);
    b->batch.rows = b->row;
    reject_list_sort(&b->rejects);
    b->batch.rejects = b->rejects.count > 0 ? &b->rejects : NULL;
    batch_array_point(&b->batch.array, b->columns, b->row);
    b->row = -1;
    return &b->batch;
}

#include "data/column.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    size_t width, counted;
} sizes[] = {
    [TYPE_BOOL] = {0, 1},  [TYPE_INT16] = {2, 2},  [TYPE_INT32] = {4, 4},     [TYPE_INT64] = {8, 8},
    [TYPE_FLOAT] = {4, 4}, [TYPE_DOUBLE] = {8, 8}, [TYPE_UTF8] = {4, 4},      [TYPE_BINARY] = {4, 4},
    [TYPE_DATE] = {4, 4},  [TYPE_TIME] = {8, 8},   [TYPE_TIMESTAMP] = {8, 8}, [TYPE_DECIMAL] = {16, 16},
};

size_t column_fixed_bytes(enum type type) { return sizes[type].counted; }

void column_init(struct column *self, enum type type)
{
    *self = (struct column){.type = type, .width = sizes[type].width, .data = {.max = INT32_MAX}};
}

void column_release(struct column *self)
{
    free(self->validity);
    free(self->values);
    free(self->offsets);
    buf_release(&self->data);
}

static size_t bitmap_bytes(int64_t rows) { return ((size_t)rows + 7) / 8; }

static void *grown(void *old, size_t old_bytes, size_t bytes, int fill)
{
    char *at = xrealloc(old, bytes);
    memset(at + old_bytes, fill, bytes - old_bytes);
    return at;
}

void column_reserve(struct column *self, int64_t rows)
{
    if (rows <= self->capacity)
        return;
    size_t old_bitmap = self->validity != NULL ? bitmap_bytes(self->capacity) : 0, bitmap = bitmap_bytes(rows);
    self->validity = grown(self->validity, old_bitmap, bitmap, 0xFF);
    if (self->type == TYPE_BOOL) {
        self->values = grown(self->values, old_bitmap, bitmap, 0);
    } else if (column_is_text(self)) {
        self->offsets = xrealloc(self->offsets, ((size_t)rows + 1) * sizeof(int32_t));
        if (self->capacity == 0)
            self->offsets[0] = 0;
    } else {
        self->values = xrealloc(self->values, (size_t)rows * self->width);
    }
    self->capacity = rows;
}

void column_reset(struct column *self)
{
    if (self->nulls != 0)
        memset(self->validity, 0xFF, bitmap_bytes(self->capacity));
    self->nulls = self->filled = 0;
    buf_reset(&self->data);
}

void column_grow_text(struct column *self, size_t more) { buf_reserve(&self->data, more); }

void column_put_null(struct column *self, int64_t row)
{
    column_null(self, row);
    if (column_is_text(self))
        self->offsets[row + 1] = self->offsets[row];
    else if (self->type == TYPE_BOOL)
        self->values[row >> 3] &= (uint8_t) ~(1u << (row & 7));
    else
        memset(self->values + (size_t)row * self->width, 0, self->width);
}

/* The memory stays the batch owner's: to release an array only marks it so. */
static void array_release(struct ArrowArray *array)
{
    for (int64_t i = 0; i < array->n_children; i++)
        array->children[i]->release = NULL;
    array->release = NULL;
}

enum { BUFFERS_PER_COLUMN = 3 };

void batch_array_init(struct ArrowArray *self, const struct column *columns, int count)
{
    *self = (struct ArrowArray){.n_buffers = 1, .n_children = count};
    self->buffers = xcalloc(1 + BUFFERS_PER_COLUMN * (size_t)count, sizeof(*self->buffers));
    self->children = xcalloc((size_t)count, sizeof(*self->children));
    struct ArrowArray *children = xcalloc((size_t)count, sizeof(*children));
    self->private_data = children;
    for (int i = 0; i < count; i++) {
        children[i].buffers = self->buffers + 1 + (size_t)BUFFERS_PER_COLUMN * (size_t)i;
        children[i].n_buffers = column_is_text(&columns[i]) ? 3 : 2;
        self->children[i] = &children[i];
    }
}

void batch_array_release(struct ArrowArray *self)
{
    free(self->private_data);
    free(self->children);
    free(self->buffers);
}

void batch_array_point(struct ArrowArray *self, const struct column *columns, int64_t rows)
{
    self->length = rows;
    self->release = array_release;
    for (int64_t i = 0; i < self->n_children; i++) {
        const struct column *column = &columns[i];
        struct ArrowArray *child = self->children[i];
        child->length = rows;
        child->null_count = column->nulls;
        child->release = array_release;
        child->buffers[0] = column->nulls != 0 ? column->validity : NULL;
        child->buffers[1] = column_is_text(column) ? (const void *)column->offsets : column->values;
        if (column_is_text(column))
            child->buffers[2] = column->data.at != NULL ? column->data.at : "";
    }
}

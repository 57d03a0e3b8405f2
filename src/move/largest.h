/* The largest cursor of many rows, kept as a value and printed once at the end. */
#pragma once

#include "data/batch.h"
#include "data/position.h"

struct largest {
    bool any;
    int64_t number;
    struct buf text;
};
void largest_take(struct largest *self, const struct batch *batch, int column);
void largest_merge(struct largest *self, const struct largest *other);
/* In the source's own form; NULL: none was seen. */
const char *largest_print(const struct largest *self, const struct field *field, const struct form *form,
                          struct arena *arena);
void largest_reset(struct largest *self); /* keeps the memory */
void largest_release(struct largest *self);

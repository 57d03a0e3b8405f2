/* Values that do not fit, told beside the batch that they came in (batch.rejects), so that whoever takes the rows may
 * set them aside and keep the others. The value itself is NULL in the batch, or still in its place where only what
 * follows cannot have it. Pure. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

struct reject {
    int64_t row;
    int column;       /* of the batch's schema */
    const char *why;  /* "a text that is not UTF-8"; static */
    struct str value; /* as it came; `at` NULL: it stands in the batch, was NULL, or has no form to be shown in */
};

struct reject_list {
    struct reject *items; /* in the order of their rows */
    int count, room;
    struct arena values;
};
void reject_list_add(struct reject_list *self, int64_t row, int column, const char *why, struct str value);
void reject_list_reset(struct reject_list *self);   /* keeps the memory */
void reject_list_release(struct reject_list *self); /* a zeroed one is fine, too */
/* By rows, and by columns within a row, when they were added in another order. */
void reject_list_sort(struct reject_list *self);
/* [{"column","why","value","hex"}] of one row, from items[*at] on, which is moved behind them. A value that is not
 * UTF-8 is told in hex digits, and `names` are of the batch's columns. */
struct schema;
void reject_print_row(const struct reject_list *self, int *at, const struct schema *names, struct buf *out);

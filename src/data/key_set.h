/* Rows by their keys, to be found again among the rows of a batch: a key_list, and where in it a key is. Keys are
 * compared by their texts, as profile_print_value writes them. Pure. */
#pragma once

#include "data/profile.h"

struct key_set {
    struct key_list keys;
    int *slots; /* place + 1, 0: free; a power of two, at most half of them taken */
    int slot_count;
};
void key_set_init(struct key_set *self, const struct schema *schema, const int *key, int key_count);
/* Of these; the list stays the caller's. */
void key_set_init_copy(struct key_set *self, const struct key_list *keys);
void key_set_release(struct key_set *self); /* a zeroed one is fine, too */

/* The place of a row of `batch` in `keys`, whose columns are `columns` there; -1: it is not among them, or its key is
 * not of a type that keys are looked up by. */
int key_set_find(const struct key_set *self, const struct batch *batch, const int *columns, int64_t row);
/* The same, added when it is not there yet; -1: not of such a type. */
int key_set_add(struct key_set *self, const struct batch *batch, const int *columns, int64_t row);

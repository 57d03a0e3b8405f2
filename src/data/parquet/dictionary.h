/* The distinct values of a column chunk, numbered in the order they came, while it is being written. */
#pragma once

#include "data/parquet/dense.h"
#include "data/parquet/indices.h"
#include "data/parquet/storage.h"

enum { DICTIONARY_BYTES_MAX = 1 << 20 }; /* of its values in PLAIN: what other writers hold to as well */

struct dictionary;
/* For integers and floats of 4 and 8 bytes, and texts. */
struct dictionary *dictionary_new(const struct storage *storage);
void dictionary_free(struct dictionary *self);

/* Numbers the values [first, first + count) of `dense`. Returns how many it could before it was full. */
int64_t dictionary_index(struct dictionary *self, const struct dense *dense, int64_t first, int64_t count,
                         uint16_t *indices);
int64_t dictionary_count(const struct dictionary *self);
/* The entries in PLAIN: what the dictionary page holds. */
struct str dictionary_plain(const struct dictionary *self);
/* The entries [first, count) as values to take statistics of; texts point into the dictionary until it grows. */
void dictionary_dense(struct dictionary *self, int64_t first, struct dense *ret);
/* What it holds in memory. */
size_t dictionary_held_bytes(const struct dictionary *self);

/* The encoding DELTA_BYTE_ARRAY: of each text how many bytes it begins with that the one before begins with, and the
 * rest. First all these numbers, then the lengths of all rests, both as in DELTA_BINARY_PACKED, then the rests. */
#pragma once

#include "data/parquet/delta.h"

/* Appends `count` texts, which stand one behind the other at `bytes`. */
void delta_texts_write(struct buf *out, const char *bytes, const uint32_t *lengths, int64_t count, struct buf *scratch);

/* Where reading stands. The text before is kept, for the next one begins like it; a copy of the struct is no bookmark,
 * but delta_texts_peek looks ahead. */
struct delta_texts {
    struct delta shared, rest;
    const uint8_t *at;
    struct buf last;
};
void delta_texts_release(struct delta_texts *self);

/* false: these are no `count` texts that end at `end`, or one is longer than `longest_max`. */
bool delta_texts_open(struct delta_texts *self, const uint8_t *at, const uint8_t *end, int64_t count,
                      size_t longest_max);
/* How many bytes the next `count` texts have. */
size_t delta_texts_peek(const struct delta_texts *self, int64_t count);
/* Appends the next `count` texts to `into`, which has room for them, and tells their lengths. */
void delta_texts_take(struct delta_texts *self, int64_t count, char *into, int32_t *ret_lengths);

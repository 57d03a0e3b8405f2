/* The encoding DELTA_BINARY_PACKED: each integer as its difference from the one before, less the smallest difference of
 * its block, in as many bits as its miniblock of 32 needs.
 *
 * Integers of four bytes wrap around in four, as other readers expect: no difference takes more than 32 bits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Appends `count` little-endian integers of `width` bytes (4 or 8), as they would stand in PLAIN. */
void delta_write(struct buf *out, const void *values, int64_t count, int width);
/* What delta_write would need of bytes, more or less, from a sample of the values: to choose an encoding by. */
int64_t delta_estimate(const void *values, int64_t count, int width);

/* Where reading stands; a copy of the struct is a bookmark. PACKED_SLACK bytes behind the end may be read. */
struct delta {
    const uint8_t *at, *end; /* the next block's header, or what the current block has left of it */
    const uint8_t *widths;   /* of the miniblocks not yet begun */
    uint64_t per_miniblock;
    uint32_t miniblocks, miniblocks_left;
    int64_t count; /* values not yet taken */
    uint64_t last, least;
    bool is_first;
    const uint8_t *packed; /* the current miniblock */
    int width;
    uint64_t used; /* of its values */
};

/* Reads the header. false: it is none, or its widths and counts cannot be of `count` values that end at or before
 * `end`; ret_end is where they do. Differences of integers of four bytes may have more than 32 bits, as DuckDB writes
 * them; all that counts is the low ones of the sums. */
bool delta_open(struct delta *self, const uint8_t *at, const uint8_t *end, int64_t count, const uint8_t **ret_end);
/* The next `count` values; there are as many. */
void delta_take(struct delta *self, int64_t *into, int64_t count);

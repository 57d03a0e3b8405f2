/* Indices into a dictionary, as the data pages of RLE_DICTIONARY hold them: a byte that is the width, then Parquet's
 * hybrid of run lengths and packed bits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { INDICES_MAX = 1 << 16 }; /* that we write: an index is a uint16_t */

/* Appends `count` indices, each less than `entries` (1..INDICES_MAX). */
void indices_write(struct buf *out, const uint16_t *indices, int64_t count, int64_t entries);

/* Where reading stands; a copy of the struct is a bookmark. PACKED_SLACK bytes behind the end may be read. */
struct indices {
    const uint8_t *at, *end;
    int width;
    bool is_packed;
    uint32_t value;   /* of a run of equal indices */
    int64_t run_left; /* indices */
    int64_t used;     /* of those packed at `at` */
};

/* false: the page is none of `count` indices less than `entries`. Packed ones may be padded at the end
 * (PADDING_MAX). */
bool indices_open(struct indices *self, const uint8_t *at, const uint8_t *end, int64_t count, uint32_t entries);
/* Takes up to `most` of the next indices, one run of them, which are there. Returns how many. */
int64_t indices_take(struct indices *self, uint32_t *into, int64_t most);
void indices_fill(struct indices *self, uint32_t *into, int64_t count); /* just `count` of them */

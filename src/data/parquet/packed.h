/* Integers of a fixed number of bits, one behind the other, least significant first. */
#pragma once

#include <stdint.h>
#include <string.h>

/* Bytes that unpacking may read and packing may write behind the last one it needs. */
enum { PACKED_SLACK = 16, PACKED_WIDTH_MAX = 64 };

/* Levels and indices behind the last one, with any value: the format fills up groups of eight, DuckDB blocks of 256. */
enum { PADDING_MAX = 256 };

static inline int bits_needed(uint64_t value) { return value == 0 ? 0 : 64 - __builtin_clzll(value); }
static inline uint64_t packed_mask(int width) { return width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << width) - 1; }

/* Value `at` of those at `from`. */
static inline uint64_t packed_get(const uint8_t *from, int64_t at, int width)
{
    uint64_t low, bit = (uint64_t)at * (uint64_t)width, shift = bit & 7;
    memcpy(&low, from + (bit >> 3), sizeof(low));
    low >>= shift;
    if (shift + (uint64_t)width > 64)
        low |= (uint64_t)from[(bit >> 3) + 8] << (64 - shift);
    return low & packed_mask(width);
}

/* Packs `count` values, a multiple of eight, each less than 2^width. Returns where they end. */
uint8_t *packed_put(uint8_t *to, const uint64_t *values, int64_t count, int width);
uint8_t *packed_put_indices(uint8_t *to, const uint16_t *values, int64_t count, int width); /* up to 16 bits */

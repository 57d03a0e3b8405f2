/* Runs of bits, least significant first: Arrow's validity and booleans, Parquet's levels and booleans. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline bool bits_get(const uint8_t *bits, int64_t at) { return (bits[at >> 3] >> (at & 7)) & 1; }
static inline void bits_put(uint8_t *bits, int64_t at, bool value)
{
    uint8_t mask = (uint8_t)(1u << (at & 7));
    bits[at >> 3] = value ? bits[at >> 3] | mask : bits[at >> 3] & (uint8_t)~mask;
}

/* Exactly `count` bits are written, from none of the two is read or written a byte beyond the last bit. */
void bits_fill(uint8_t *to, int64_t to_at, bool value, int64_t count);
void bits_copy(uint8_t *to, int64_t to_at, const uint8_t *from, int64_t from_at, int64_t count);
int64_t bits_count(const uint8_t *bits, int64_t at, int64_t count); /* ones */

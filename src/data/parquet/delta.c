#include "data/parquet/delta.h"

#include <assert.h>

#include "data/parquet/packed.h"
#include "data/parquet/varint.h"

enum { BLOCK = 128, MINIBLOCKS = 4, MINIBLOCK = BLOCK / MINIBLOCKS, MINIBLOCKS_MAX = 1 << 10, MINIBLOCK_MAX = 1 << 16 };

/* ---- writing ---- */

static int64_t value_at(const void *values, int64_t i, int width)
{
    int32_t narrow;
    int64_t wide;
    if (width == sizeof(wide)) {
        memcpy(&wide, (const char *)values + i * width, sizeof(wide));
        return wide;
    }
    memcpy(&narrow, (const char *)values + i * width, sizeof(narrow));
    return narrow;
}

/* The differences of values [from, from + count) from those before them, and the least of them. */
#define DIFFERENCES(signed_type, unsigned_type)                                                                        \
    do {                                                                                                               \
        unsigned_type last, value;                                                                                     \
        memcpy(&last, (const char *)values + (from - 1) * (int64_t)sizeof(last), sizeof(last));                        \
        signed_type low = (signed_type)((unsigned_type)-1 >> 1);                                                       \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            memcpy(&value, (const char *)values + (from + i) * (int64_t)sizeof(value), sizeof(value));                 \
            signed_type difference = (signed_type)(unsigned_type)(value - last);                                       \
            low = difference < low ? difference : low;                                                                 \
            differences[i] = (uint64_t)difference;                                                                     \
            last = value;                                                                                              \
        }                                                                                                              \
        least = low;                                                                                                   \
    } while (0)

static int64_t differences_of(const void *values, int64_t from, int64_t count, int width, uint64_t differences[BLOCK])
{
    int64_t least;
    if (width == sizeof(int64_t))
        DIFFERENCES(int64_t, uint64_t);
    else
        DIFFERENCES(int32_t, uint32_t);
    return least;
}

static int width_of(const uint64_t *differences)
{
    uint64_t all = 0;
    for (int i = 0; i < MINIBLOCK; i++)
        all |= differences[i];
    return bits_needed(all);
}

/* A miniblock without values has no bytes, the last one with values is filled up with zeros. */
static uint8_t *block_write(uint8_t *to, const void *values, int64_t from, int64_t count, int width)
{
    uint64_t differences[BLOCK];
    int64_t least = differences_of(values, from, count, width, differences);
    for (int64_t i = 0; i < count; i++)
        differences[i] -= (uint64_t)least;
    memset(differences + count, 0, (size_t)(BLOCK - count) * sizeof(*differences));
    to = varint_put(to, zigzag(least));
    uint8_t *widths = to;
    to += MINIBLOCKS;
    for (int i = 0; i < MINIBLOCKS; i++) {
        int64_t first = (int64_t)i * MINIBLOCK;
        widths[i] = (uint8_t)width_of(differences + first);
        if (first < count)
            to = packed_put(to, differences + first, MINIBLOCK, widths[i]);
    }
    return to;
}

void delta_write(struct buf *out, const void *values, int64_t count, int width)
{
    enum { HEADER_BYTES_MAX = 3 * VARINT_BYTES_MAX + 4, BLOCK_BYTES_MAX = VARINT_BYTES_MAX + MINIBLOCKS + 8 * BLOCK };
    assert(width == 4 || width == 8);
    int64_t blocks = (count + BLOCK - 1) / BLOCK;
    buf_reserve(out, HEADER_BYTES_MAX + (size_t)(blocks + 1) * (BLOCK_BYTES_MAX - 8 * BLOCK + (size_t)width * BLOCK) +
                         PACKED_SLACK);
    uint8_t *start = (uint8_t *)out->at + out->len, *to = varint_put(start, BLOCK);
    to = varint_put(to, MINIBLOCKS);
    to = varint_put(to, (uint64_t)count);
    to = varint_put(to, zigzag(count > 0 ? value_at(values, 0, width) : 0));
    for (int64_t from = 1; from < count; from += BLOCK)
        to = block_write(to, values, from, count - from < BLOCK ? count - from : BLOCK, width);
    out->len += (size_t)(to - start);
}

int64_t delta_estimate(const void *values, int64_t count, int width)
{
    enum { SAMPLES = 32 };
    int64_t blocks = (count - 1) / BLOCK, step = blocks > SAMPLES ? blocks / SAMPLES : 1, bytes = 0, seen = 0;
    uint8_t room[VARINT_BYTES_MAX + MINIBLOCKS + 8 * BLOCK + PACKED_SLACK];
    if (count < 2)
        return count * width;
    for (int64_t i = 0; i == 0 || i < blocks; i += step) {
        int64_t from = 1 + i * BLOCK, some = count - from < BLOCK ? count - from : BLOCK;
        bytes += block_write(room, values, from, some, width) - room;
        seen += some;
    }
    return bytes * count / seen;
}

/* ---- reading ---- */

/* Passes over a block's header and miniblocks, and says how many values it has. */
static bool block_pass(struct delta *self, int64_t left)
{
    uint64_t ignored, per_miniblock = self->per_miniblock;
    if (!varint_get(&self->at, self->end, &ignored) || self->end - self->at < (int64_t)self->miniblocks)
        return false;
    const uint8_t *widths = self->at;
    self->at += self->miniblocks;
    for (uint32_t i = 0; i < self->miniblocks && left > 0; i++, left -= (int64_t)per_miniblock) {
        uint64_t bytes = per_miniblock / 8 * widths[i];
        if (widths[i] > PACKED_WIDTH_MAX || bytes > (uint64_t)(self->end - self->at))
            return false;
        self->at += bytes;
    }
    return true;
}

bool delta_open(struct delta *self, const uint8_t *at, const uint8_t *end, int64_t count, const uint8_t **ret_end)
{
    uint64_t block, miniblocks, said, first;
    if (!varint_get(&at, end, &block) || !varint_get(&at, end, &miniblocks) || !varint_get(&at, end, &said) ||
        !varint_get(&at, end, &first))
        return false;
    if (miniblocks == 0 || miniblocks > MINIBLOCKS_MAX || block % miniblocks != 0 || said != (uint64_t)count)
        return false;
    uint64_t per_miniblock = block / miniblocks;
    if (per_miniblock == 0 || per_miniblock > MINIBLOCK_MAX || per_miniblock % 8 != 0)
        return false;
    *self = (struct delta){.at = at,
                           .end = end,
                           .per_miniblock = per_miniblock,
                           .miniblocks = (uint32_t)miniblocks,
                           .count = count,
                           .last = (uint64_t)unzigzag(first),
                           .is_first = true};
    struct delta passing = *self;
    for (int64_t left = count - 1; left > 0; left -= (int64_t)block) {
        if (!block_pass(&passing, left))
            return false;
    }
    *ret_end = passing.at;
    return true;
}

static void next_miniblock(struct delta *self)
{
    if (self->miniblocks_left == 0) {
        uint64_t least = 0;
        bool is_sound = varint_get(&self->at, self->end, &least);
        assert(is_sound && "delta_open has passed over it");
        self->least = (uint64_t)unzigzag(least);
        self->widths = self->at;
        self->at += self->miniblocks;
        self->miniblocks_left = self->miniblocks;
    }
    self->width = *self->widths++;
    self->packed = self->at;
    self->at += self->per_miniblock / 8 * (uint64_t)self->width;
    self->miniblocks_left--;
    self->used = 0;
}

static uint64_t sum_up(struct delta *self, int64_t *into, int64_t count)
{
    uint64_t last = self->last, least = self->least;
    int width = self->width;
    if (width == 0) {
        for (int64_t i = 0; i < count; i++)
            into[i] = (int64_t)(last += least);
        return last;
    }
    for (int64_t i = 0; i < count; i++) {
        last += least + packed_get(self->packed, (int64_t)self->used + i, width);
        into[i] = (int64_t)last;
    }
    return last;
}

void delta_take(struct delta *self, int64_t *into, int64_t count)
{
    assert(count <= self->count);
    self->count -= count;
    if (self->is_first && count > 0) {
        *into++ = (int64_t)self->last;
        count--;
        self->is_first = false;
        self->used = self->per_miniblock;
    }
    while (count > 0) {
        if (self->used == self->per_miniblock)
            next_miniblock(self);
        int64_t left = (int64_t)(self->per_miniblock - self->used), some = count < left ? count : left;
        self->last = sum_up(self, into, some);
        self->used += (uint64_t)some;
        into += some;
        count -= some;
    }
}

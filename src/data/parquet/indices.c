#include "data/parquet/indices.h"

#include <assert.h>

#include "data/parquet/packed.h"
#include "data/parquet/varint.h"

enum { WIDTH_MAX = 32, GROUP_BITS_MAX = 8 * WIDTH_MAX, HEADERS_BYTES = 2 * VARINT_BYTES_MAX };
enum { GROUP = 8, RUN_MIN = 2 * GROUP }; /* a run that is shorter is packed with its neighbours */

/* ---- writing ---- */

static bool group_is_equal(const uint16_t *group)
{
    uint64_t low, high;
    memcpy(&low, group, sizeof(low));
    memcpy(&high, group + 4, sizeof(high));
    return low == high && low == group[0] * UINT64_C(0x0001000100010001);
}

static int64_t run_length(const uint16_t *indices, int64_t count)
{
    int64_t length = 1;
    while (length < count && indices[length] == indices[0])
        length++;
    return length;
}

/* Whole groups, but at the end, where zeros fill the last one up. */
static uint8_t *packed_write(uint8_t *to, const uint16_t *indices, int64_t count, int width)
{
    int64_t whole = count / GROUP * GROUP, groups = (count + GROUP - 1) / GROUP;
    if (count == 0)
        return to;
    to = varint_put(to, (uint64_t)groups << 1 | 1);
    to = packed_put_indices(to, indices, whole, width);
    if (whole == count)
        return to;
    uint16_t last[GROUP] = {0};
    memcpy(last, indices + whole, (size_t)(count - whole) * sizeof(*last));
    return packed_put_indices(to, last, GROUP, width);
}

static uint8_t *run_write(uint8_t *to, uint16_t index, int64_t count, int width)
{
    to = varint_put(to, (uint64_t)count << 1);
    *to++ = (uint8_t)index;
    if (width > 8)
        *to++ = (uint8_t)(index >> 8);
    return to;
}

void indices_write(struct buf *out, const uint16_t *indices, int64_t count, int64_t entries)
{
    assert(entries >= 1 && entries <= INDICES_MAX);
    /* Some readers take a width of 0 for damage. */
    int width = entries > 2 ? bits_needed((uint64_t)entries - 1) : 1;
    /* A run of 16 takes at most 5 bytes, which packed are at least 2: no more than twice the bits, and headers. */
    buf_reserve(out, (size_t)(count / GROUP + 2) * ((size_t)width + 5) + HEADERS_BYTES + PACKED_SLACK);
    uint8_t *start = (uint8_t *)out->at + out->len, *to = start;
    int64_t packed = 0, at = 0; /* [packed, at) waits to be packed: whole groups */
    *to++ = (uint8_t)width;
    while (at + GROUP <= count) {
        int64_t run = group_is_equal(indices + at) ? run_length(indices + at, count - at) : 0;
        if (run < RUN_MIN) {
            at += GROUP;
            continue;
        }
        to = packed_write(to, indices + packed, at - packed, width);
        to = run_write(to, indices[at], run, width);
        packed = at += run;
    }
    to = packed_write(to, indices + packed, count - packed, width);
    out->len += (size_t)(to - start);
}

/* ---- reading ---- */

static bool next_run(struct indices *self)
{
    uint64_t header, bytes = ((uint64_t)self->width + 7) / 8;
    if (self->is_packed)
        self->at += self->used / GROUP * self->width;
    if (!varint_get(&self->at, self->end, &header) || header >> 1 > INT64_MAX / GROUP_BITS_MAX)
        return false;
    self->is_packed = header & 1;
    self->used = 0;
    self->value = 0;
    if (self->is_packed) {
        self->run_left = (int64_t)(header >> 1) * GROUP;
        return (int64_t)(header >> 1) * self->width <= self->end - self->at;
    }
    self->run_left = (int64_t)(header >> 1);
    if (bytes > (uint64_t)(self->end - self->at))
        return false;
    memcpy(&self->value, self->at, bytes);
    self->at += bytes;
    return true;
}

static uint32_t largest_packed(const struct indices *self, int64_t count)
{
    uint32_t largest = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t index = (uint32_t)packed_get(self->at, i, self->width);
        largest = index > largest ? index : largest;
    }
    return largest;
}

/* Every run is looked at; a packed one only where an index of its width could be too large. */
static bool runs_check(struct indices *self, int64_t count, uint32_t entries)
{
    bool may_be_beyond = packed_mask(self->width) >= entries;
    for (int64_t left = count; left > 0;) {
        if (!next_run(self) || self->run_left == 0)
            return false;
        int64_t some = self->run_left < left ? self->run_left : left;
        if (self->is_packed ? may_be_beyond && largest_packed(self, some) >= entries : self->value >= entries)
            return false;
        left -= some;
        self->run_left -= some;
        self->used = self->is_packed ? (some + GROUP - 1) / GROUP * GROUP : 0;
    }
    int64_t padding = self->is_packed ? self->run_left / GROUP * self->width : 0;
    const uint8_t *end = self->at + (self->is_packed ? self->used / GROUP * self->width : 0) + padding;
    return (self->run_left == 0 || (self->is_packed && self->run_left < PADDING_MAX)) && end == self->end;
}

bool indices_open(struct indices *self, const uint8_t *at, const uint8_t *end, int64_t count, uint32_t entries)
{
    if (at == end)
        return count == 0;
    *self = (struct indices){.at = at + 1, .end = end, .width = *at};
    if (self->width > WIDTH_MAX)
        return false;
    struct indices checked = *self;
    return runs_check(&checked, count, entries);
}

int64_t indices_take(struct indices *self, uint32_t *into, int64_t most)
{
    while (self->run_left == 0) {
        bool is_sound = next_run(self);
        assert(is_sound && "indices_open has looked at it");
    }
    int64_t count = most < self->run_left ? most : self->run_left;
    if (self->is_packed) {
        for (int64_t i = 0; i < count; i++)
            into[i] = (uint32_t)packed_get(self->at, self->used + i, self->width);
        self->used += count;
    } else {
        for (int64_t i = 0; i < count; i++)
            into[i] = self->value;
    }
    self->run_left -= count;
    return count;
}

void indices_fill(struct indices *self, uint32_t *into, int64_t count)
{
    while (count > 0) {
        int64_t some = indices_take(self, into, count);
        into += some;
        count -= some;
    }
}

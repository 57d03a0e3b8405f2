#include "data/parquet/levels.h"

#include "data/parquet/bits.h"
#include "data/parquet/packed.h"

enum { VARINT_SHIFT_MAX = 28 };

static void put_varint(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_add(out, &(char){(char)(value | 0x80)}, 1);
    buf_add(out, &(char){(char)value}, 1);
}

void levels_write(struct buf *out, const uint8_t *bits, int64_t rows)
{
    size_t start = out->len;
    uint32_t bytes = 0;
    buf_add(out, &bytes, LEVELS_LENGTH_BYTES);
    if (bits != NULL) {
        uint64_t groups = ((uint64_t)rows + 7) / 8;
        put_varint(out, groups << 1 | 1);
        buf_add(out, bits, groups);
    } else if (rows > 0) {
        put_varint(out, (uint64_t)rows << 1);
        buf_add(out, "\1", 1);
    }
    bytes = (uint32_t)(out->len - start - LEVELS_LENGTH_BYTES);
    memcpy(out->at + start, &bytes, LEVELS_LENGTH_BYTES); /* little-endian, as every machine this runs on */
}

bool levels_open(struct levels *self, const uint8_t **page, const uint8_t *page_end)
{
    uint32_t bytes;
    if (page_end - *page < LEVELS_LENGTH_BYTES)
        return false;
    memcpy(&bytes, *page, LEVELS_LENGTH_BYTES);
    const uint8_t *at = *page + LEVELS_LENGTH_BYTES;
    if (bytes > (uint64_t)(page_end - at))
        return false;
    *self = (struct levels){.at = at, .end = at + bytes};
    *page = at + bytes;
    return true;
}

static bool next_run(struct levels *self)
{
    uint64_t header = 0;
    for (int shift = 0;; shift += 7) {
        if (self->at == self->end || shift > VARINT_SHIFT_MAX)
            return false;
        header |= (uint64_t)(*self->at & 0x7F) << shift;
        if ((*self->at++ & 0x80) == 0)
            break;
    }
    self->is_packed = header & 1;
    self->bit = 0;
    self->run_left = (int64_t)(header >> 1);
    if (self->is_packed) {
        int64_t groups = self->end - self->at < self->run_left ? self->end - self->at : self->run_left;
        self->run_left = groups * 8;
        return true;
    }
    if (self->at == self->end || *self->at > 1)
        return false;
    self->value = *self->at++;
    return true;
}

/* The next run, or what is left of it, up to `most` levels; 0: there is none. */
static int64_t run_at_hand(struct levels *self, int64_t most)
{
    while (self->run_left == 0) {
        if (!next_run(self))
            return 0;
    }
    return most < self->run_left ? most : self->run_left;
}

static void run_skip(struct levels *self, int64_t count)
{
    self->run_left -= count;
    if (!self->is_packed)
        return;
    int64_t bit = self->bit + count;
    self->at += bit >> 3;
    self->bit = (int)(bit & 7); /* 0 at the end of the run: it is whole bytes */
}

static bool pass_over(struct levels *self, int64_t rows, int64_t *ret_nulls)
{
    int64_t nulls = 0;
    for (int64_t done = 0; done < rows;) {
        int64_t count = run_at_hand(self, rows - done);
        if (count == 0)
            return false;
        if (self->is_packed)
            nulls += count - bits_count(self->at, self->bit, count);
        else if (!self->value)
            nulls += count;
        run_skip(self, count);
        done += count;
    }
    *ret_nulls = nulls;
    return true;
}

bool levels_count_nulls(const struct levels *self, int64_t rows, int64_t *ret_nulls)
{
    struct levels levels = *self;
    return pass_over(&levels, rows, ret_nulls);
}

bool levels_check(const struct levels *self, int64_t rows, int64_t *ret_nulls)
{
    struct levels levels = *self;
    if (!pass_over(&levels, rows, ret_nulls))
        return false;
    if (levels.run_left == 0)
        return levels.at == levels.end;
    const uint8_t *padding = levels.at + (levels.bit != 0);
    return levels.is_packed && levels.run_left < PADDING_MAX && levels.end - padding == levels.run_left / 8;
}

bool levels_take(struct levels *self, uint8_t *validity, int64_t row, int64_t count, int64_t *ret_nulls)
{
    bool has_nulls = false;
    for (int64_t done = 0; done < count;) {
        int64_t take = run_at_hand(self, count - done);
        if (take == 0)
            return false;
        if (self->is_packed)
            bits_copy(validity, row + done, self->at, self->bit, take);
        else if (!self->value)
            bits_fill(validity, row + done, false, take);
        has_nulls |= self->is_packed || !self->value;
        run_skip(self, take);
        done += take;
    }
    *ret_nulls = has_nulls ? count - bits_count(validity, row, count) : 0;
    return true;
}

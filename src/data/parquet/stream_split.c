#include "data/parquet/stream_split.h"

/* Eight values of eight bytes, turned around their diagonal: pieces of four bytes change places, then of two, of one.
 */
static void turn(uint64_t rows[8])
{
    static const uint64_t masks[] = {0x00000000FFFFFFFF, 0x0000FFFF0000FFFF, 0x00FF00FF00FF00FF};
    for (int step = 4, round = 0; step > 0; step /= 2, round++) {
        for (int i = 0; i < 8; i++) {
            if ((i & step) != 0)
                continue;
            uint64_t low = rows[i], high = rows[i + step], mask = masks[round];
            rows[i] = (low & mask) | (high & mask) << (8 * step);
            rows[i + step] = (low >> (8 * step) & mask) | (high & ~mask);
        }
    }
}

static void write_wide(const uint8_t *in, int64_t count, int64_t all, uint8_t *to)
{
    for (int64_t i = 0; i < count; i += 8) {
        uint64_t rows[8];
        memcpy(rows, in + i * 8, sizeof(rows));
        turn(rows);
        for (int byte = 0; byte < 8; byte++)
            memcpy(to + byte * all + i, &rows[byte], sizeof(rows[byte]));
    }
}

void stream_split_write(struct buf *out, const void *values, int64_t count, int width)
{
    const uint8_t *in = values;
    buf_reserve(out, (size_t)count * (size_t)width);
    uint8_t *to = (uint8_t *)out->at + out->len;
    int64_t done = width == 8 ? count & ~(int64_t)7 : 0;
    write_wide(in, done, count, to);
    for (int byte = 0; byte < width; byte++) {
        for (int64_t i = done; i < count; i++)
            to[byte * count + i] = in[i * width + byte];
    }
    out->len += (size_t)count * (size_t)width;
}

void stream_split_read(const uint8_t *from, int64_t all, int width, int64_t first, int64_t count, uint8_t *into)
{
    for (int byte = 0; byte < width; byte++) {
        const uint8_t *in = from + byte * all + first;
        for (int64_t i = 0; i < count; i++)
            into[i * width + byte] = in[i];
    }
}

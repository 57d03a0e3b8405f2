#include "data/parquet/packed.h"

uint8_t *packed_put(uint8_t *to, const uint64_t *values, int64_t count, int width)
{
    uint64_t word = 0;
    int bits = 0;
    if (width == 0)
        return to;
    for (int64_t i = 0; i < count; i++) {
        word |= values[i] << bits;
        bits += width;
        if (bits < 64)
            continue;
        memcpy(to, &word, sizeof(word));
        to += sizeof(word);
        bits -= 64;
        word = bits > 0 ? values[i] >> (width - bits) : 0;
    }
    memcpy(to, &word, sizeof(word));
    return to + bits / 8; /* whole bytes, for there are whole eights of values */
}

/* Eight values at a time: two words of four, which become one of up to 128 bits. */
uint8_t *packed_put_indices(uint8_t *to, const uint16_t *values, int64_t count, int width)
{
    for (int64_t i = 0; i < count; i += 8, to += width) {
        const uint16_t *v = values + i;
        uint64_t low = v[0] | (uint64_t)v[1] << width | (uint64_t)v[2] << 2 * width | (uint64_t)v[3] << 3 * width;
        uint64_t high = v[4] | (uint64_t)v[5] << width | (uint64_t)v[6] << 2 * width | (uint64_t)v[7] << 3 * width;
        unsigned __int128 all = (unsigned __int128)high << 4 * width | low;
        memcpy(to, &all, sizeof(all));
    }
    return to;
}

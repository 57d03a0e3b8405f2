#include "data/parquet/bits.h"

#include <string.h>

void bits_fill(uint8_t *to, int64_t to_at, bool value, int64_t count)
{
    for (; count > 0 && (to_at & 7) != 0; count--)
        bits_put(to, to_at++, value);
    memset(to + (to_at >> 3), value ? 0xFF : 0, (size_t)(count >> 3));
    for (int64_t done = count & ~(int64_t)7; done < count; done++)
        bits_put(to, to_at + done, value);
}

void bits_copy(uint8_t *to, int64_t to_at, const uint8_t *from, int64_t from_at, int64_t count)
{
    for (; count > 0 && (to_at & 7) != 0; count--)
        bits_put(to, to_at++, bits_get(from, from_at++));
    uint8_t *out = to + (to_at >> 3);
    const uint8_t *in = from + (from_at >> 3);
    int shift = (int)(from_at & 7);
    int64_t bytes = count >> 3;
    if (shift == 0) {
        memcpy(out, in, (size_t)bytes);
    } else {
        for (int64_t i = 0; i < bytes; i++)
            out[i] = (uint8_t)(in[i] >> shift | in[i + 1] << (8 - shift));
    }
    for (int64_t done = bytes * 8; done < count; done++)
        bits_put(to, to_at + done, bits_get(from, from_at + done));
}

int64_t bits_count(const uint8_t *bits, int64_t at, int64_t count)
{
    int64_t ones = 0;
    for (; count > 0 && (at & 7) != 0; count--)
        ones += bits_get(bits, at++);
    const uint8_t *p = bits + (at >> 3);
    for (; count >= 64; count -= 64, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        ones += __builtin_popcountll(word);
    }
    for (int64_t i = 0; i < count; i++)
        ones += bits_get(p, i);
    return ones;
}

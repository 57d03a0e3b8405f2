#include "base/crc.h"

#include <openssl/evp.h>
#include <pthread.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Both are reflected: bit 0 of the register is the highest power of x, so one code serves every width up to 64. */
struct crc {
    uint64_t polynomial; /* reflected */
    int width;
    uint64_t table[8][256]; /* [n][b]: byte b with n zero bytes behind it */
    uint64_t power[64];     /* x to the 2^n */
    uint64_t fold_lanes[2]; /* what moves 16 bytes over eight lanes of 16, their first 8 and their last 8 */
    uint64_t fold_one[2];   /* the same over one lane */
};

enum { LANES = 8, LANE_BYTES = 16, FOLD_BYTES_MIN = 4 * LANES * LANE_BYTES };

static struct crc nvme = {.polynomial = 0x9A6C9329AC4BC9B5, .width = 64};
static struct crc castagnoli = {.polynomial = 0x82F63B78, .width = 32};

/* ---- tables ---- */

static uint64_t times_x(const struct crc *self, uint64_t a) { return a & 1 ? (a >> 1) ^ self->polynomial : a >> 1; }

static uint64_t times(const struct crc *self, uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (int bit = self->width - 1; bit >= 0; bit--) {
        product ^= (b >> bit) & 1 ? a : 0;
        a = times_x(self, a);
    }
    return product;
}

/* x to the n, modulo the polynomial. */
static uint64_t power_of_x(const struct crc *self, uint64_t n)
{
    uint64_t product = (uint64_t)1 << (self->width - 1);
    for (int i = 0; n != 0; i++, n >>= 1) {
        if (n & 1)
            product = times(self, product, self->power[i]);
    }
    return product;
}

/* A product without carry of two reflected factors of 64 bits is one power of x too large. */
static void fold_init(const struct crc *self, uint64_t bytes, uint64_t ret[2])
{
    ret[0] = power_of_x(self, 8 * bytes + 63) << (64 - self->width);
    ret[1] = power_of_x(self, 8 * bytes - 1) << (64 - self->width);
}

static void crc_init(struct crc *self)
{
    for (int byte = 0; byte < 256; byte++) {
        uint64_t value = (uint64_t)byte;
        for (int bit = 0; bit < 8; bit++)
            value = times_x(self, value);
        self->table[0][byte] = value;
    }
    for (int n = 1; n < 8; n++) {
        for (int byte = 0; byte < 256; byte++) {
            uint64_t before = self->table[n - 1][byte];
            self->table[n][byte] = (before >> 8) ^ self->table[0][before & 255];
        }
    }
    self->power[0] = (uint64_t)1 << (self->width - 2);
    for (int n = 1; n < 64; n++)
        self->power[n] = times(self, self->power[n - 1], self->power[n - 1]);
    fold_init(self, LANES * LANE_BYTES, self->fold_lanes);
    fold_init(self, LANE_BYTES, self->fold_one);
}

static void init_both(void)
{
    crc_init(&nvme);
    crc_init(&castagnoli);
}

static void ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_both);
}

/* ---- the register over bytes ---- */

/* Eight bytes at a time, one table for each. */
static uint64_t add_plain(const struct crc *self, uint64_t state, const unsigned char *at, size_t len)
{
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word = 0;
        memcpy(&word, at, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        word ^= state;
        state = self->table[7][word & 255] ^ self->table[6][(word >> 8) & 255] ^ self->table[5][(word >> 16) & 255] ^
                self->table[4][(word >> 24) & 255] ^ self->table[3][(word >> 32) & 255] ^
                self->table[2][(word >> 40) & 255] ^ self->table[1][(word >> 48) & 255] ^ self->table[0][word >> 56];
    }
    for (; len > 0; at++, len--)
        state = (state >> 8) ^ self->table[0][(state ^ *at) & 255];
    return state;
}

#if defined(__x86_64__)
#define FOLDS __attribute__((target("pclmul,sse4.1")))

FOLDS static inline __m128i load(const unsigned char *at) { return _mm_loadu_si128((const __m128i *)(const void *)at); }

FOLDS static inline __m128i fold(__m128i lane, __m128i by, __m128i next)
{
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(lane, by, 0x00), _mm_clmulepi64_si128(lane, by, 0x11)),
                         next);
}

/* Eight lanes run over the bytes, each folding what it has onto what comes eight lanes later; in the end all fold onto
 * the last, whose 16 bytes, with what is left behind them, have the same remainder as everything had. */
FOLDS static uint64_t add_folding(const struct crc *self, uint64_t state, const unsigned char *at, size_t len)
{
    __m128i lanes[LANES], by = load((const unsigned char *)self->fold_lanes);
    for (int i = 0; i < LANES; i++)
        lanes[i] = load(at + (ptrdiff_t)i * LANE_BYTES);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi64_si128((int64_t)state));
    at += LANES * LANE_BYTES;
    for (len -= LANES * LANE_BYTES; len >= LANES * LANE_BYTES; len -= LANES * LANE_BYTES, at += LANES * LANE_BYTES) {
#pragma GCC unroll 8
        for (int i = 0; i < LANES; i++)
            lanes[i] = fold(lanes[i], by, load(at + (ptrdiff_t)i * LANE_BYTES));
    }
    by = load((const unsigned char *)self->fold_one);
    for (int i = 1; i < LANES; i++)
        lanes[i] = fold(lanes[i - 1], by, lanes[i]);
    unsigned char last[LANE_BYTES];
    _mm_storeu_si128((__m128i *)(void *)last, lanes[LANES - 1]);
    return add_plain(self, add_plain(self, 0, last, LANE_BYTES), at, len);
}
#endif

static uint64_t add(const struct crc *self, uint64_t state, const unsigned char *at, size_t len)
{
#if defined(__x86_64__)
    if (len >= FOLD_BYTES_MIN && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"))
        return add_folding(self, state, at, len);
#endif
    return add_plain(self, state, at, len);
}

/* ---- the two checksums ---- */

uint64_t crc64nvme_add(uint64_t crc, struct str bytes)
{
    ready();
    return ~add(&nvme, ~crc, (const unsigned char *)bytes.at, bytes.len);
}

uint32_t crc32c_add(uint32_t crc, struct str bytes)
{
    ready();
    return ~(uint32_t)add(&castagnoli, (uint32_t)~crc, (const unsigned char *)bytes.at, bytes.len);
}

uint64_t crc64nvme_add_plain(uint64_t crc, struct str bytes)
{
    ready();
    return ~add_plain(&nvme, ~crc, (const unsigned char *)bytes.at, bytes.len);
}

uint32_t crc32c_add_plain(uint32_t crc, struct str bytes)
{
    ready();
    return ~(uint32_t)add_plain(&castagnoli, (uint32_t)~crc, (const unsigned char *)bytes.at, bytes.len);
}

/* The register's first and last complement cancel out between the two. */
static uint64_t join(const struct crc *self, uint64_t first, uint64_t second, uint64_t second_bytes)
{
    return times(self, first, power_of_x(self, 8 * second_bytes)) ^ second;
}

uint64_t crc64nvme_join(uint64_t first, uint64_t second, uint64_t second_bytes)
{
    ready();
    return join(&nvme, first, second, second_bytes);
}

uint32_t crc32c_join(uint32_t first, uint32_t second, uint64_t second_bytes)
{
    ready();
    return (uint32_t)join(&castagnoli, first, second, second_bytes);
}

/* ---- as text ---- */

static void print_big_endian(uint64_t value, int bytes, char *ret)
{
    unsigned char digits[8];
    for (int i = 0; i < bytes; i++)
        digits[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
    EVP_EncodeBlock((unsigned char *)ret, digits, bytes);
}

void crc64nvme_print(uint64_t crc, char ret[CRC64_TEXT]) { print_big_endian(crc, 8, ret); }

void crc32c_print(uint32_t crc, char ret[CRC32_TEXT]) { print_big_endian(crc, 4, ret); }

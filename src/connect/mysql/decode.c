#include "connect/mysql/decode.h"

#include <math.h>

#include "connect/mysql/decode_parts.h"

/* ---- digits ---- */

static inline uint64_t load32(const char *at)
{
    uint32_t bytes;
    memcpy(&bytes, at, sizeof(bytes));
    return bytes;
}

static inline uint64_t load16(const char *at)
{
    uint16_t bytes;
    memcpy(&bytes, at, sizeof(bytes));
    return bytes;
}

/* Kept apart: what has an array on its stack is guarded, and so would be all that it is a part of. */
__attribute__((noinline)) static uint64_t load_some(const char *at, size_t len)
{
    char copy[8] = {0};
    memcpy(copy, at, len);
    return load64(copy);
}

/* Eight digits at once, the first in the lowest byte: pairs, then fours, then all. */
static inline bool eight_digits(uint64_t text, uint64_t *ret)
{
    const uint64_t high = UINT64_C(0xF0F0F0F0F0F0F0F0);
    bool are_digits = ((text & high) == ZEROS) & (((text + UINT64_C(0x0606060606060606)) & high) == ZEROS);
    text = (text & UINT64_C(0x0F0F0F0F0F0F0F0F)) * 2561 >> 8;
    text = (text & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
    *ret = (text & UINT64_C(0x0000FFFF0000FFFF)) * UINT64_C(42949672960001) >> 32;
    return are_digits;
}

/* Up to eight digits. Their number varies from row to row, which no branch predictor likes: where eight bytes can be
 * loaded (`end` is how far) they are, and what is no digit of these is shifted out. */
static inline bool few_digits(const char *at, size_t len, const char *end, uint64_t *ret)
{
    if (len - 1 > 7)
        return false;
    unsigned used = 8 * (unsigned)len;
    uint64_t text = end - at >= 8 ? load64(at) : load_some(at, len);
    return eight_digits(text << (64 - used) | ZEROS >> 1 >> (used - 1), ret);
}

enum { UINT64_DIGITS_SURE = 19, DECIMAL_DIGITS_MAX = 38 };

/* 1 to 19 digits. */
static inline bool digits(const char *at, size_t len, const char *end, uint64_t *ret)
{
    uint64_t value, more;
    if (len <= 8)
        return few_digits(at, len, end, ret);
    if (len > UINT64_DIGITS_SURE)
        return false;
    size_t head = len % 8 == 0 ? 8 : len % 8;
    if (!few_digits(at, head, end, &value))
        return false;
    for (at += head, len -= head; len > 0; at += 8, len -= 8) {
        if (!eight_digits(load64(at), &more))
            return false;
        value = value * 100000000 + more;
    }
    *ret = value;
    return true;
}

/* Up to 38 digits. */
static bool many_digits(const char *at, size_t len, const char *end, unsigned __int128 *ret)
{
    unsigned __int128 value = *ret;
    while (len > 0) {
        size_t now = len % 16 == 0 ? 16 : len % 16;
        uint64_t part, ten = 1;
        if (!digits(at, now, end, &part))
            return false;
        for (size_t i = 0; i < now; i++)
            ten *= 10;
        value = value * ten + part;
        at += now;
        len -= now;
    }
    *ret = value;
    return true;
}

/* ---- numbers ---- */

static bool put_integer(const struct decoding *self, struct str value, const char *end, struct column *column,
                        int64_t row)
{
    bool negative = value.len > 0 && value.at[0] == '-';
    uint64_t magnitude;
    if (!digits(value.at + negative, value.len - negative, end, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    return put_whole(self, (int64_t)(negative ? -magnitude : magnitude), column, row);
}

static bool put_decimal(const struct decoding *self, struct str value, const char *end, struct column *column,
                        int64_t row)
{
    bool negative = value.len > 0 && value.at[0] == '-';
    const char *at = value.at + negative;
    size_t len = value.len - negative, scale = (size_t)self->scale, whole = scale > 0 ? len - scale - 1 : len;
    unsigned __int128 unscaled = 0;
    int64_t narrow;
    if (end - at >= DECIMAL_LOAD_BYTES && short_decimal(value, scale, &narrow)) {
        column_put_decimal(column, row, narrow);
        return true;
    }
    if (len < scale + 1 || (scale > 0 && at[whole] != '.'))
        return false;
    for (; whole > 0 && *at == '0'; whole--)
        at++;
    if (whole + scale > DECIMAL_DIGITS_MAX || !many_digits(at, whole, end, &unscaled) ||
        !many_digits(at + whole + (scale > 0), scale, end, &unscaled))
        return false;
    column_put_decimal(column, row, negative ? -(__int128)unscaled : (__int128)unscaled);
    return true;
}

/* Up to 2^53 times or over up to 10^22 are both exact doubles, so that one operation rounds once, and rightly. */
static bool short_real(struct str value, double *ret)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    bool negative = value.len > 0 && value.at[0] == '-', has_point = false;
    uint64_t mantissa = 0;
    int behind = 0;
    size_t i = negative;
    if (i == value.len)
        return false;
    for (; i < value.len; i++) {
        unsigned digit = (unsigned)(value.at[i] - '0');
        if (value.at[i] == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (digit > 9 || mantissa >= (UINT64_C(1) << 53) / 10)
            return false;
        mantissa = mantissa * 10 + digit;
        behind += has_point;
    }
    if (behind > 22)
        return false;
    double magnitude = (double)mantissa / tens[behind];
    *ret = negative ? -magnitude : magnitude;
    return true;
}

enum { REAL_TEXT = 400 };

static bool put_real(const struct decoding *self, struct str value, const char *end, struct column *column, int64_t row)
{
    double real;
    if (!short_real(value, &real)) {
        char text[REAL_TEXT], *behind;
        if (value.len == 0 || value.len >= sizeof(text))
            return false;
        memcpy(text, value.at, value.len);
        text[value.len] = '\0';
        real = strtod(text, &behind);
        if (*behind != '\0' || !isfinite(real))
            return false;
    }
    return put_number(self, real, column, row);
}

static bool put_bits(const struct decoding *self, struct str value, const char *end, struct column *column, int64_t row)
{
    uint64_t bits = 0;
    if (value.len == 0 || value.len > sizeof(bits))
        return false;
    for (size_t i = 0; i < value.len; i++)
        bits = bits << 8 | (unsigned char)value.at[i];
    if (self->type == TYPE_DECIMAL)
        column_put_decimal(column, row, (__int128)bits);
    else
        column_put_int64(column, row, (int64_t)bits);
    return true;
}

/* ---- times ---- */

/* Days from the ten bytes YYYY-MM-DD. */
static inline bool date_days(const char *at, int32_t *ret)
{
    uint64_t number;
    if (!eight_digits(load32(at) | load16(at + 5) << 32 | load16(at + 8) << 48, &number) || at[4] != '-' ||
        at[7] != '-')
        return false;
    return calendar_days((uint32_t)number / 10000, (uint32_t)number / 100 % 100, (uint32_t)number % 100, ret);
}

/* Seconds from the eight bytes HH:MM:SS. */
static inline bool clock_seconds(const char *at, uint32_t *ret)
{
    uint64_t number;
    if (!eight_digits(load16(at) | load16(at + 3) << 16 | load16(at + 6) << 32 | UINT64_C(0x3030) << 48, &number) ||
        at[2] != ':' || at[5] != ':')
        return false;
    uint32_t packed = (uint32_t)number / 100, hour = packed / 10000, minute = packed / 100 % 100, second = packed % 100;
    *ret = hour * 3600 + minute * 60 + second;
    return minute < 60 && second < 60;
}

/* Microseconds from '' or '.f' with 1 to 6 digits. */
static inline bool fraction_us(const char *at, size_t len, const char *end, uint64_t *ret)
{
    static const uint32_t tens[] = {0, 0, 100000, 10000, 1000, 100, 10, 1};
    uint64_t value = 0;
    if (len > 7 || len == 1 || (len > 0 && (at[0] != '.' || !few_digits(at + 1, len - 1, end, &value))))
        return false;
    *ret = value * tens[len];
    return true;
}

static bool put_stamp(const struct decoding *self, struct str value, const char *end, struct column *column,
                      int64_t row)
{
    int32_t days;
    uint32_t seconds;
    uint64_t us;
    if (value.len < 19 || !date_days(value.at, &days) || !clock_seconds(value.at + 11, &seconds) || seconds >= 86400 ||
        !fraction_us(value.at + 19, value.len - 19, end, &us))
        return false;
    return put_moment(self, days, seconds, (uint32_t)us, column, row);
}

static bool put_time(const struct decoding *self, struct str value, const char *end, struct column *column, int64_t row)
{
    bool negative = value.len > 0 && value.at[0] == '-';
    const char *at = value.at + negative, *stop = value.at + value.len;
    uint64_t hours, us;
    uint32_t rest;
    const char *colon = memchr(at, ':', (size_t)(stop - at));
    if (colon == NULL || colon - at > 4 || stop - colon < 6 || !few_digits(at, (size_t)(colon - at), end, &hours))
        return false;
    char clock[] = "00:00:00";
    memcpy(clock + 2, colon, 6);
    if (!clock_seconds(clock, &rest) || !fraction_us(colon + 6, (size_t)(stop - colon) - 6, end, &us))
        return false;
    int64_t all = (int64_t)(hours * 3600 + rest) * 1000000 + (int64_t)us;
    column_put_int64(column, row, negative ? -all : all);
    return true;
}

bool decode_is_zero_date(const struct decoding *self, struct str value)
{
    uint64_t number;
    uint32_t seconds;
    bool is_date = self->kind == DECODE_DATE && value.len == 10;
    bool is_stamp = self->kind == DECODE_STAMP && value.len >= 19 && clock_seconds(value.at + 11, &seconds);
    return (is_date || is_stamp) && value.at[4] == '-' && value.at[7] == '-' &&
           eight_digits(load32(value.at) | load16(value.at + 5) << 32 | load16(value.at + 8) << 48, &number);
}

/* ---- texts ---- */

static inline bool is_ascii(struct str value, const char *end)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t seen = 0;
    if (value.len >= 8) {
        for (size_t i = 0; i + 8 <= value.len; i += 8)
            seen |= load64(value.at + i);
        seen |= load64(value.at + value.len - 8);
    } else if (end - value.at >= 8) {
        seen = load64(value.at) & ((UINT64_C(1) << 8 * value.len) - 1);
    } else {
        for (size_t i = 0; i < value.len; i++)
            seen |= (unsigned char)value.at[i];
    }
    return (seen & high) == 0;
}

static bool put_text(const struct decoding *self, struct str value, const char *end, struct column *column, int64_t row)
{
    if (!is_ascii(value, end) && !str_is_utf8(value))
        return false;
    column_put_bytes(column, row, value);
    return true;
}

static bool put_date(const struct decoding *self, struct str value, const char *end, struct column *column, int64_t row)
{
    int32_t days;
    if (value.len != 10 || !date_days(value.at, &days))
        return false;
    column_put_int32(column, row, days);
    return true;
}

static bool put_enum(const struct decoding *self, struct str value, const char *end, struct column *column, int64_t row)
{
    bool is_none = value.len == 1 && value.at[0] == '\0';
    return !is_none && put_text(self, value, end, column, row);
}

static bool put_bytes(const struct decoding *self, struct str value, const char *end, struct column *column,
                      int64_t row)
{
    column_put_bytes(column, row, value);
    return true;
}

typedef bool put_fn(const struct decoding *self, struct str value, const char *end, struct column *column, int64_t row);

bool decode_put(const struct decoding *self, struct str value, const char *end, struct column *column, int64_t row)
{
    static put_fn *const puts[] = {
        [DECODE_INTEGER] = put_integer, [DECODE_DECIMAL] = put_decimal, [DECODE_REAL] = put_real,
        [DECODE_BITS] = put_bits,       [DECODE_DATE] = put_date,       [DECODE_STAMP] = put_stamp,
        [DECODE_TIME] = put_time,       [DECODE_TEXT] = put_text,       [DECODE_ENUM] = put_enum,
        [DECODE_BYTES] = put_bytes};
    return puts[self->kind](self, value, end, column, row);
}

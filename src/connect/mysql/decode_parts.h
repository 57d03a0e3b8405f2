/* What both decoders end in, of texts (decode.c) and of binary rows (decode_row.c): inside these two only. */
#pragma once

#include <math.h>

#include "connect/mysql/decode.h"

enum { DAYS_TO_1970 = 719469 }; /* from 0000-02-29 */

static inline uint64_t load64(const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof(bytes));
    return bytes;
}

#define ZEROS UINT64_C(0x3030303030303030) /* "00000000" */

/* What is left of eight bytes that were "0" to "9" once '0' is taken from each. */
static inline bool eight_numerals(uint64_t numerals, uint64_t *ret)
{
    bool are_digits = (((numerals + UINT64_C(0x7676767676767676)) | numerals) & UINT64_C(0x8080808080808080)) == 0;
    numerals = numerals * 2561 >> 8;
    numerals = (numerals & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
    *ret = (numerals & UINT64_C(0x0000FFFF0000FFFF)) * UINT64_C(42949672960001) >> 32;
    return are_digits;
}

enum { DECIMAL_LOAD_BYTES = 17 };

/* A decimal of up to sixteen bytes and a sign, of which DECIMAL_LOAD_BYTES can be loaded. They are moved up to where
 * the last is the highest byte, and what stands before the point one further, which closes the gap. false: it is
 * longer, or not of this form. */
static inline bool short_decimal(struct str value, size_t scale, int64_t *ret)
{
    bool negative = value.len > 0 && value.at[0] == '-';
    const char *at = value.at + negative;
    size_t len = value.len - negative;
    uint64_t high = 0, low;
    bool are_digits;
    if (len - 1 > 15 || len < scale + 1 || (scale > 0 && at[len - scale - 1] != '.'))
        return false;
    if (len <= 8) {
        uint64_t text = (load64(at) ^ ZEROS) << (64 - 8 * len);
        if (scale > 0) {
            uint64_t behind = UINT64_MAX << (64 - 8 * scale);
            text = (text & behind) | (text << 8 & ~behind);
        }
        are_digits = eight_numerals(text, &low);
    } else {
        unsigned __int128 text = (unsigned __int128)(load64(at + 8) ^ ZEROS) << 64 | (load64(at) ^ ZEROS);
        text <<= 128 - 8 * len;
        if (scale > 0) {
            unsigned __int128 behind = ~(unsigned __int128)0 << (128 - 8 * scale);
            text = (text & behind) | (text << 8 & ~behind);
        }
        are_digits = eight_numerals((uint64_t)text, &high);
        are_digits &= eight_numerals((uint64_t)(text >> 64), &low); /* no branch */
    }
    int64_t magnitude = (int64_t)(high * 100000000 + low);
    *ret = negative ? -magnitude : magnitude;
    return are_digits;
}

/* Days since 1970; false for a zero, partial or impossible date (sql_mode may have let it in). Years are counted from
 * March, so that the day that only leap years have is their last. */
static inline bool calendar_days(uint32_t year, uint32_t month, uint32_t day, int32_t *ret)
{
    static const uint8_t lengths[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const uint16_t before_month[] = {0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275};
    if (year == 0 || month - 1 > 11 || day - 1 >= lengths[month])
        return false;
    if (__builtin_expect(day == 29 && month == 2, 0) && (year & (year % 100 != 0 ? 3 : 15)) != 0)
        return false; /* a century that 16 divides is one that 400 divides */
    uint32_t march_year = year - (month < 3), century = march_year / 100;
    uint32_t days = 365 * march_year + march_year / 4 - century + century / 4 + before_month[month] + day;
    *ret = (int32_t)days - DAYS_TO_1970;
    return true;
}

/* false: it is finer than the column's unit. */
static inline bool put_moment(const struct decoding *self, int32_t days, uint32_t seconds, uint32_t us,
                              struct column *column, int64_t row)
{
    int64_t at = (int64_t)days * 86400 + seconds;
    bool is_whole = true;
    switch (self->unit) {
    case UNIT_SECOND: is_whole = us == 0; break;
    case UNIT_MILLI:
        is_whole = us % 1000 == 0;
        at = at * 1000 + us / 1000;
        break;
    case UNIT_MICRO: at = at * 1000000 + us; break;
    }
    if (is_whole)
        column_put_int64(column, row, at);
    return is_whole;
}

static inline bool put_whole(const struct decoding *self, int64_t number, struct column *column, int64_t row)
{
    switch (self->type) {
    case TYPE_INT16:
        if (number != (int16_t)number)
            return false;
        column_put_int16(column, row, (int16_t)number);
        return true;
    case TYPE_INT32:
        if (number != (int32_t)number)
            return false;
        column_put_int32(column, row, (int32_t)number);
        return true;
    default: column_put_int64(column, row, number); return true;
    }
}

static inline bool put_number(const struct decoding *self, double number, struct column *column, int64_t row)
{
    if (!isfinite(number))
        return false;
    if (self->type == TYPE_DOUBLE)
        column_put_double(column, row, number);
    else if ((double)(float)number != number)
        return false; /* the server has stored a float, and gave it as a double */
    else
        column_put_float(column, row, (float)number);
    return true;
}

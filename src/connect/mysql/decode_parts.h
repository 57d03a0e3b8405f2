/* What both decoders end in, of texts (decode.c) and of binary rows (decode_row.c): inside these two only. */
#pragma once

#include <math.h>

#include "connect/mysql/decode.h"

enum { DAYS_TO_1970 = 719528 }; /* from 0000-01-01 */

/* Days since 1970; false for a zero, partial or impossible date (sql_mode may have let it in). */
static inline bool calendar_days(uint32_t year, uint32_t month, uint32_t day, int32_t *ret)
{
    static const uint16_t month_starts[2][14] = {{0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365},
                                                 {0, 0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366}};
    bool leap = (year & (year % 100 != 0 ? 3 : 15)) == 0; /* a century that 16 divides is one that 400 divides */
    if (year == 0 || month - 1 > 11 || day - 1 >= (uint32_t)(month_starts[leap][month + 1] - month_starts[leap][month]))
        return false;
    uint32_t before = year - 1, days = 366 + 365 * before + before / 4 - before / 100 + before / 400;
    *ret = (int32_t)(days + month_starts[leap][month] + day - 1) - DAYS_TO_1970;
    return true;
}

/* false: it is finer than the column's unit. */
static inline bool put_moment(const struct decoding *self, int32_t days, uint32_t seconds, uint32_t us,
                              struct batch_builder *builder, int column)
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
        builder_int64(builder, column, at);
    return is_whole;
}

static inline bool put_whole(const struct decoding *self, int64_t number, struct batch_builder *builder, int column)
{
    switch (self->type) {
    case TYPE_INT16:
        if (number != (int16_t)number)
            return false;
        builder_int16(builder, column, (int16_t)number);
        return true;
    case TYPE_INT32:
        if (number != (int32_t)number)
            return false;
        builder_int32(builder, column, (int32_t)number);
        return true;
    default: builder_int64(builder, column, number); return true;
    }
}

static inline bool put_number(const struct decoding *self, double number, struct batch_builder *builder, int column)
{
    if (!isfinite(number))
        return false;
    if (self->type == TYPE_DOUBLE)
        builder_double(builder, column, number);
    else if ((double)(float)number != number)
        return false; /* the server has stored a float, and gave it as a double */
    else
        builder_float(builder, column, (float)number);
    return true;
}

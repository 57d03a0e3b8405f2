#include "connect/mysql/decode_row.h"

#include "connect/mysql/decode_parts.h"

enum {
    NULLS_BEFORE = 2, /* bits of the bitmap that stand for nothing */
    LENGTH_8_MAX = 0xfa,
    LENGTH_16 = 0xfc, /* so many bits of length follow */
    LENGTH_24 = 0xfd,
    LENGTH_64 = 0xfe,
    DATE_BYTES = 4,
    CLOCK_BYTES = 7, /* a date and HH MM SS */
    STAMP_BYTES = 11,
    TIME_BYTES = 8, /* sign, days, HH MM SS */
    TIME_US_BYTES = 12,
    DAYS_IN_TIME_MAX = 416, /* 9999 hours, as many as the text protocol is believed */
    SECONDS_PER_DAY = 86400,
    US_PER_SECOND = 1000000,
};

/* ---- which form ---- */

static bool plan_integer(enum enum_field_types type, bool is_unsigned, enum row_form *ret)
{
    switch (type) {
    case MYSQL_TYPE_TINY: *ret = is_unsigned ? ROW_UINT8 : ROW_INT8; return true;
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_YEAR: *ret = is_unsigned ? ROW_UINT16 : ROW_INT16; return true;
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG: *ret = is_unsigned ? ROW_UINT32 : ROW_INT32; return true;
    case MYSQL_TYPE_LONGLONG: *ret = is_unsigned ? ROW_UINT64 : ROW_INT64; return true;
    default: return false;
    }
}

static bool is_bytes(enum enum_field_types type)
{
    switch (type) {
    case MYSQL_TYPE_VARCHAR:
    case MYSQL_TYPE_VAR_STRING:
    case MYSQL_TYPE_STRING:
    case MYSQL_TYPE_TINY_BLOB:
    case MYSQL_TYPE_MEDIUM_BLOB:
    case MYSQL_TYPE_LONG_BLOB:
    case MYSQL_TYPE_BLOB:
    case MYSQL_TYPE_ENUM:
    case MYSQL_TYPE_SET:
    case MYSQL_TYPE_JSON:
    case MYSQL_TYPE_GEOMETRY: return true;
    default: return false;
    }
}

static bool plan_form(const struct decoding *decoding, enum enum_field_types type, bool is_unsigned, enum row_form *ret)
{
    bool is_decimal = type == MYSQL_TYPE_NEWDECIMAL || type == MYSQL_TYPE_DECIMAL;
    *ret = ROW_TEXT;
    switch (decoding->kind) {
    case DECODE_INTEGER: return plan_integer(type, is_unsigned, ret);
    case DECODE_DECIMAL:
        if (type == MYSQL_TYPE_LONGLONG && decoding->scale == 0)
            *ret = is_unsigned ? ROW_DECIMAL_OF_UINT64 : ROW_DECIMAL_OF_INT64;
        return is_decimal || *ret != ROW_TEXT;
    case DECODE_REAL: *ret = type == MYSQL_TYPE_FLOAT ? ROW_FLOAT : ROW_DOUBLE; break;
    case DECODE_BITS: return type == MYSQL_TYPE_BIT;
    case DECODE_DATE: *ret = ROW_DATE; return type == MYSQL_TYPE_DATE || type == MYSQL_TYPE_NEWDATE;
    case DECODE_STAMP: *ret = ROW_STAMP; return type == MYSQL_TYPE_DATETIME || type == MYSQL_TYPE_TIMESTAMP;
    case DECODE_TIME: *ret = ROW_TIME; return type == MYSQL_TYPE_TIME;
    case DECODE_TEXT:
    case DECODE_ENUM:
    case DECODE_BYTES: return is_bytes(type) || is_decimal || type == MYSQL_TYPE_BIT;
    }
    return type == MYSQL_TYPE_FLOAT || type == MYSQL_TYPE_DOUBLE;
}

bool row_column_plan(struct row_column *self, const struct decoding *decoding, const struct reply_column *reply)
{
    self->decoding = *decoding;
    return plan_form(decoding, reply->type, reply->is_unsigned, &self->form);
}

/* ---- bytes ---- */

/* What is left of a row. */
struct cursor {
    const char *at, *end;
};

/* So many bytes, or NULL: it ends before. */
static inline const char *take(struct cursor *self, size_t bytes)
{
    const char *at = self->at;
    if (__builtin_expect((size_t)(self->end - at) < bytes, 0))
        return NULL;
    self->at = at + bytes;
    return at;
}

static inline bool take_into(struct cursor *self, void *ret, size_t bytes)
{
    const char *at = take(self, bytes);
    if (at != NULL)
        memcpy(ret, at, bytes);
    return at != NULL;
}

/* 0xfb, which is NULL in the text protocol, and 0xff stand for nothing here. */
static bool take_long_text(struct cursor *self, uint8_t first, struct str *ret)
{
    size_t width = first == LENGTH_16 ? 2 : first == LENGTH_24 ? 3 : first == LENGTH_64 ? 8 : 0;
    uint64_t len = 0;
    if (width == 0 || !take_into(self, &len, width))
        return false;
    *ret = (struct str){take(self, len), len};
    return ret->at != NULL;
}

static inline bool take_text(struct cursor *self, struct str *ret)
{
    const char *at = take(self, 1);
    if (at == NULL)
        return false;
    if (__builtin_expect((uint8_t)*at > LENGTH_8_MAX, 0))
        return take_long_text(self, (uint8_t)*at, ret);
    *ret = (struct str){take(self, (uint8_t)*at), (uint8_t)*at};
    return ret->at != NULL;
}

/* ---- values ---- */

enum outcome {
    PUT,
    MISFIT,
    ZERO_DATE, /* zero, partial or impossible, as some sql_mode lets it in */
    MALFORMED,
};

static inline bool clock_seconds(const char *at, uint32_t *ret)
{
    uint32_t hour = (uint8_t)at[0], minute = (uint8_t)at[1], second = (uint8_t)at[2];
    *ret = hour * 3600 + minute * 60 + second;
    return (hour < 24) & (minute < 60) & (second < 60);
}

static inline bool date_days(const char *at, int32_t *ret)
{
    uint16_t year;
    memcpy(&year, at, sizeof(year));
    return calendar_days(year, (uint8_t)at[2], (uint8_t)at[3], ret);
}

static inline bool micros(const char *at, uint32_t *ret)
{
    memcpy(ret, at, sizeof(*ret));
    return *ret < US_PER_SECOND;
}

/* Trailing parts that are zero are left out. */
static inline enum outcome put_date(struct cursor *cursor, struct batch_builder *builder, int column)
{
    struct str parts;
    int32_t days;
    if (!take_text(cursor, &parts) || (parts.len != 0 && parts.len != DATE_BYTES))
        return MALFORMED;
    if (parts.len == 0 || !date_days(parts.at, &days))
        return ZERO_DATE;
    builder_date(builder, column, days);
    return PUT;
}

static inline enum outcome put_stamp(const struct decoding *decoding, struct cursor *cursor,
                                     struct batch_builder *builder, int column)
{
    struct str parts;
    int32_t days;
    uint32_t seconds = 0, us = 0;
    if (!take_text(cursor, &parts))
        return MALFORMED;
    switch (parts.len) {
    case STAMP_BYTES:
        if (!micros(parts.at + CLOCK_BYTES, &us))
            return MALFORMED;
        __attribute__((fallthrough));
    case CLOCK_BYTES:
        if (!clock_seconds(parts.at + DATE_BYTES, &seconds))
            return MALFORMED;
        break;
    case DATE_BYTES: break;
    case 0: return ZERO_DATE;
    default: return MALFORMED;
    }
    if (!date_days(parts.at, &days))
        return ZERO_DATE;
    return put_moment(decoding, days, seconds, us, builder, column) ? PUT : MISFIT;
}

static enum outcome put_time(struct cursor *cursor, struct batch_builder *builder, int column)
{
    struct str parts;
    uint32_t days = 0, seconds = 0, us = 0;
    bool negative = false;
    if (!take_text(cursor, &parts) || (parts.len != 0 && parts.len != TIME_BYTES && parts.len != TIME_US_BYTES))
        return MALFORMED;
    if (parts.len > 0) {
        negative = parts.at[0] != 0;
        memcpy(&days, parts.at + 1, sizeof(days));
        if (days > DAYS_IN_TIME_MAX || !clock_seconds(parts.at + 5, &seconds) ||
            (parts.len > TIME_BYTES && !micros(parts.at + TIME_BYTES, &us)))
            return MALFORMED;
    }
    int64_t all = ((int64_t)days * SECONDS_PER_DAY + seconds) * US_PER_SECOND + us;
    builder_int64(builder, column, negative ? -all : all);
    return PUT;
}

static inline enum outcome put_text(const struct decoding *decoding, struct cursor *cursor,
                                    struct batch_builder *builder, int column)
{
    struct str text;
    if (!take_text(cursor, &text))
        return MALFORMED;
    return decode_put(decoding, text, cursor->end + WIRE_SLACK, builder, column) ? PUT : MISFIT;
}

/* A number of fixed width, which `put` takes as `number`. */
#define PUT_FIXED(type, put)                                                                                           \
    ({                                                                                                                 \
        type number;                                                                                                   \
        !take_into(cursor, &number, sizeof(number)) ? MALFORMED : (put) ? PUT : MISFIT;                                \
    })
#define PUT_WHOLE(type) PUT_FIXED(type, put_whole(decoding, (int64_t)number, builder, column))

static inline enum outcome put_value(const struct row_column *self, struct cursor *cursor,
                                     struct batch_builder *builder, int column)
{
    const struct decoding *decoding = &self->decoding;
    switch (self->form) {
    case ROW_INT8: return PUT_WHOLE(int8_t);
    case ROW_INT16: return PUT_WHOLE(int16_t);
    case ROW_INT32: return PUT_WHOLE(int32_t);
    case ROW_INT64: return PUT_WHOLE(int64_t);
    case ROW_UINT8: return PUT_WHOLE(uint8_t);
    case ROW_UINT16: return PUT_WHOLE(uint16_t);
    case ROW_UINT32: return PUT_WHOLE(uint32_t);
    case ROW_UINT64:
        return PUT_FIXED(uint64_t, number <= INT64_MAX && put_whole(decoding, (int64_t)number, builder, column));
    case ROW_DECIMAL_OF_INT64: return PUT_FIXED(int64_t, (builder_decimal(builder, column, number), true));
    case ROW_DECIMAL_OF_UINT64: return PUT_FIXED(uint64_t, (builder_decimal(builder, column, number), true));
    case ROW_FLOAT: return PUT_FIXED(float, put_number(decoding, number, builder, column));
    case ROW_DOUBLE: return PUT_FIXED(double, put_number(decoding, number, builder, column));
    case ROW_DATE: return put_date(cursor, builder, column);
    case ROW_STAMP: return put_stamp(decoding, cursor, builder, column);
    case ROW_TIME: return put_time(cursor, builder, column);
    case ROW_TEXT: break;
    }
    return put_text(decoding, cursor, builder, column);
}

/* ---- rows ---- */

static enum outcome put_null(const struct row_column *self, struct batch_builder *builder, int column)
{
    if (!self->nullable)
        return MISFIT;
    builder_null(builder, column);
    return PUT;
}

enum row_result row_put(const struct row_column *columns, int count, struct str row, struct batch_builder *builder,
                        int *ret_column, int64_t *zero_dates)
{
    size_t bitmap_bytes = ((size_t)count + NULLS_BEFORE + 7) / 8;
    struct cursor cursor = {row.at + 1, row.at + row.len};
    const uint8_t *nulls = row.len > 0 ? (const uint8_t *)take(&cursor, bitmap_bytes) : NULL;
    if (nulls == NULL)
        return ROW_MALFORMED;
    for (int i = 0, bit = NULLS_BEFORE; i < count; i++, bit++) {
        bool is_null = nulls[bit >> 3] >> (bit & 7) & 1;
        enum outcome outcome =
            is_null ? put_null(&columns[i], builder, i) : put_value(&columns[i], &cursor, builder, i);
        if (__builtin_expect(outcome == PUT, 1))
            continue;
        if (outcome == MALFORMED)
            return ROW_MALFORMED;
        *ret_column = i;
        if (outcome == MISFIT || !columns[i].zero_is_null)
            return ROW_MISFIT;
        builder_null(builder, i);
        ++*zero_dates;
    }
    if (cursor.at != cursor.end)
        return ROW_MALFORMED;
    builder_end_row(builder);
    return ROW_PUT;
}

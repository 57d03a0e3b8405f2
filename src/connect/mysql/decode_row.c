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
    STAMP_SHOWN = 40, /* bytes of "YYYY-MM-DD HH:MM:SS.ffffff", whatever its numbers are */
};

/* ---- which form ---- */

static bool plan_integer(enum enum_field_types type, bool is_unsigned, enum type to, enum row_form *ret)
{
    switch (type) {
    case MYSQL_TYPE_TINY: *ret = is_unsigned ? ROW_UINT8 : ROW_INT8; return true;
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_YEAR: *ret = is_unsigned ? ROW_UINT16 : ROW_INT16; return true;
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
        *ret = is_unsigned ? ROW_UINT32 : to == TYPE_INT32 ? ROW_INT32_AS_IT_IS : ROW_INT32;
        return true;
    case MYSQL_TYPE_LONGLONG:
        *ret = is_unsigned ? ROW_UINT64 : to == TYPE_INT64 ? ROW_INT64_AS_IT_IS : ROW_INT64;
        return true;
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
    *ret = ROW_DECIMAL;
    switch (decoding->kind) {
    case DECODE_INTEGER: return plan_integer(type, is_unsigned, decoding->type, ret);
    case DECODE_DECIMAL:
        if (type == MYSQL_TYPE_LONGLONG && decoding->scale == 0)
            *ret = is_unsigned ? ROW_DECIMAL_OF_UINT64 : ROW_DECIMAL_OF_INT64;
        return is_decimal || *ret != ROW_DECIMAL;
    case DECODE_REAL: *ret = type == MYSQL_TYPE_FLOAT ? ROW_FLOAT : ROW_DOUBLE; break;
    case DECODE_BITS: *ret = ROW_BITS; return type == MYSQL_TYPE_BIT;
    case DECODE_DATE: *ret = ROW_DATE; return type == MYSQL_TYPE_DATE || type == MYSQL_TYPE_NEWDATE;
    case DECODE_STAMP: *ret = ROW_STAMP; return type == MYSQL_TYPE_DATETIME || type == MYSQL_TYPE_TIMESTAMP;
    case DECODE_TIME: *ret = ROW_TIME; return type == MYSQL_TYPE_TIME;
    case DECODE_TEXT:
    case DECODE_ENUM:
    case DECODE_BYTES: *ret = ROW_TEXT; return is_bytes(type) || is_decimal || type == MYSQL_TYPE_BIT;
    }
    return type == MYSQL_TYPE_FLOAT || type == MYSQL_TYPE_DOUBLE;
}

bool row_column_plan(struct row_column *self, const struct decoding *decoding, const struct reply_column *reply)
{
    self->decoding = *decoding;
    return plan_form(decoding, reply->type, reply->is_unsigned, &self->form);
}

/* ---- bytes ---- */

/* How far a row was read, and what became of the value there. By value, all of them: what has an address is written to
 * memory for each value. */
enum outcome {
    PUT,
    MISFIT,
    ZERO_DATE, /* zero, partial or impossible, as some sql_mode lets it in */
    MALFORMED,
};
struct step {
    const char *at;
    enum outcome outcome;
};

static inline struct step step_to(const char *at, bool is_put) { return (struct step){at, is_put ? PUT : MISFIT}; }
static inline struct step malformed(void) { return (struct step){NULL, MALFORMED}; }

static inline bool has(const char *at, const char *end, size_t bytes)
{
    return __builtin_expect((size_t)(end - at) >= bytes, 1);
}

/* 0xfb, which is NULL in the text protocol, and 0xff stand for nothing here. `at` NULL: it ends before. */
__attribute__((noinline)) static struct str long_text(const char *at, const char *end)
{
    uint8_t first = (uint8_t)*at;
    size_t width = first == LENGTH_16 ? 2 : first == LENGTH_24 ? 3 : first == LENGTH_64 ? 8 : 0;
    uint64_t len = 0;
    if (width == 0 || !has(++at, end, width))
        return (struct str){NULL, 0};
    memcpy(&len, at, width);
    return has(at + width, end, len) ? (struct str){at + width, len} : (struct str){NULL, 0};
}

/* The length may stand behind the end, where there is slack: then there is no room for what it says. */
static inline struct str text_at(const char *at, const char *end)
{
    ptrdiff_t len = (uint8_t)*at;
    if (__builtin_expect(len > LENGTH_8_MAX, 0))
        return at < end ? long_text(at, end) : (struct str){NULL, 0};
    return __builtin_expect(end - at > len, 1) ? (struct str){at + 1, (size_t)len} : (struct str){NULL, 0};
}

/* ---- times ---- */

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
static inline struct step put_date(struct str parts, struct column *column, int64_t row)
{
    int32_t days;
    if (parts.at == NULL || (parts.len != 0 && parts.len != DATE_BYTES))
        return malformed();
    if (parts.len == 0 || !date_days(parts.at, &days))
        return (struct step){parts.at + parts.len, ZERO_DATE};
    column_put_int32(column, row, days);
    return step_to(parts.at + parts.len, true);
}

static inline struct step put_stamp(const struct decoding *decoding, struct str parts, struct column *column,
                                    int64_t row)
{
    int32_t days;
    uint32_t seconds = 0, us = 0;
    bool is_well = parts.at != NULL;
    if (is_well && parts.len >= CLOCK_BYTES)
        is_well = clock_seconds(parts.at + DATE_BYTES, &seconds);
    if (is_well && parts.len == STAMP_BYTES)
        is_well = micros(parts.at + CLOCK_BYTES, &us);
    else
        is_well = is_well && (parts.len == CLOCK_BYTES || parts.len == DATE_BYTES || parts.len == 0);
    if (!is_well)
        return malformed();
    if (parts.len == 0 || !date_days(parts.at, &days))
        return (struct step){parts.at + parts.len, ZERO_DATE};
    return step_to(parts.at + parts.len, put_moment(decoding, days, seconds, us, column, row));
}

static struct step put_time(struct str parts, struct column *column, int64_t row)
{
    uint32_t days = 0, seconds = 0, us = 0;
    bool negative = false;
    if (parts.at == NULL || (parts.len != 0 && parts.len != TIME_BYTES && parts.len != TIME_US_BYTES))
        return malformed();
    if (parts.len > 0) {
        negative = parts.at[0] != 0;
        memcpy(&days, parts.at + 1, sizeof(days));
        if (days > DAYS_IN_TIME_MAX || !clock_seconds(parts.at + 5, &seconds) ||
            (parts.len > TIME_BYTES && !micros(parts.at + TIME_BYTES, &us)))
            return malformed();
    }
    int64_t all = ((int64_t)days * SECONDS_PER_DAY + seconds) * US_PER_SECOND + us;
    column_put_int64(column, row, negative ? -all : all);
    return step_to(parts.at + parts.len, true);
}

/* ---- texts ---- */

/* Texts of most columns are short, and pass here by the million: copied sixteen bytes at a time, whatever stands behind
 * the last of them, and looked at meanwhile. false: it is longer, or no ASCII, or there is no room yet. */
static inline bool put_short_text(const struct decoding *decoding, struct str text, struct column *column, int64_t row)
{
    enum { SHORT_MAX = 64, STEP = 16 };
    static const char high_bits[2 * STEP] = {-128, -128, -128, -128, -128, -128, -128, -128,
                                             -128, -128, -128, -128, -128, -128, -128, -128};
    uint64_t words[2], highs[2], seen = 0;
    const char *from = text.at;
    size_t left = text.len;
    if (left > SHORT_MAX || column->data.size - column->data.len < SHORT_MAX + STEP)
        return false;
    char *to = column->data.at + column->data.len;
    for (; left > STEP; left -= STEP, from += STEP, to += STEP) {
        memcpy(words, from, STEP);
        memcpy(to, words, STEP);
        seen |= words[0] | words[1];
    }
    memcpy(highs, high_bits + STEP - left, STEP); /* of as many bytes as are left */
    memcpy(words, from, STEP);
    memcpy(to, words, STEP);
    seen = (seen & UINT64_C(0x8080808080808080)) | (words[0] & highs[0]) | (words[1] & highs[1]);
    if (seen != 0 && decoding->kind != DECODE_BYTES)
        return false;
    column->data.len += text.len;
    column->offsets[row + 1] = (int32_t)column->data.len;
    return true;
}

static inline struct step put_text(const struct decoding *decoding, struct str text, const char *end,
                                   struct column *column, int64_t row, size_t *text_bytes)
{
    if (text.at == NULL)
        return malformed();
    bool is_put = decoding->kind != DECODE_ENUM && put_short_text(decoding, text, column, row);
    if (!is_put)
        is_put = decode_put(decoding, text, end + WIRE_SLACK, column, row);
    *text_bytes += text.len;
    return step_to(text.at + text.len, is_put);
}

static inline struct step put_decimal(const struct decoding *decoding, struct str text, const char *end,
                                      struct column *column, int64_t row)
{
    int64_t unscaled;
    if (text.at == NULL)
        return malformed();
    if (short_decimal(text, (size_t)decoding->scale, &unscaled)) {
        column_put_decimal(column, row, unscaled);
        return step_to(text.at + text.len, true);
    }
    return step_to(text.at + text.len, decode_put(decoding, text, end + WIRE_SLACK, column, row));
}

static inline struct step put_bits(const struct decoding *decoding, struct str bits, const char *end,
                                   struct column *column, int64_t row)
{
    if (bits.at == NULL)
        return malformed();
    return step_to(bits.at + bits.len, decode_put(decoding, bits, end + WIRE_SLACK, column, row));
}

/* ---- values ---- */

/* A number of fixed width, which `put` takes as `number`. */
#define PUT_FIXED(type, put)                                                                                           \
    ({                                                                                                                 \
        type number;                                                                                                   \
        if (!has(at, end, sizeof(number)))                                                                             \
            return malformed();                                                                                        \
        memcpy(&number, at, sizeof(number));                                                                           \
        step_to(at + sizeof(number), (put));                                                                           \
    })
#define PUT_WHOLE(type) PUT_FIXED(type, put_whole(decoding, (int64_t)number, column, row))

static inline struct step put_value(const struct row_column *self, const char *at, const char *end,
                                    struct column *column, int64_t row, size_t *text_bytes)
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
        return PUT_FIXED(uint64_t, number <= INT64_MAX && put_whole(decoding, (int64_t)number, column, row));
    case ROW_INT32_AS_IT_IS: return PUT_FIXED(int32_t, (column_put_int32(column, row, number), true));
    case ROW_INT64_AS_IT_IS: return PUT_FIXED(int64_t, (column_put_int64(column, row, number), true));
    case ROW_DECIMAL_OF_INT64: return PUT_FIXED(int64_t, (column_put_decimal(column, row, number), true));
    case ROW_DECIMAL_OF_UINT64: return PUT_FIXED(uint64_t, (column_put_decimal(column, row, number), true));
    case ROW_FLOAT: return PUT_FIXED(float, put_number(decoding, number, column, row));
    case ROW_DOUBLE: return PUT_FIXED(double, put_number(decoding, number, column, row));
    case ROW_DATE: return put_date(text_at(at, end), column, row);
    case ROW_STAMP: return put_stamp(decoding, text_at(at, end), column, row);
    case ROW_TIME: return put_time(text_at(at, end), column, row);
    case ROW_DECIMAL: return put_decimal(decoding, text_at(at, end), end, column, row);
    case ROW_BITS: return put_bits(decoding, text_at(at, end), end, column, row);
    case ROW_TEXT: return put_text(decoding, text_at(at, end), end, column, row, text_bytes);
    }
    return malformed();
}

/* ---- rows ---- */

static struct step put_null(const struct row_column *self, const char *at, struct column *column, int64_t row)
{
    if (self->nullable)
        column_put_null(column, row);
    return step_to(at, self->nullable);
}

/* What a value that does not fit looks like: a text as it came, a date as it is written. */
static struct str shown(const struct row_column *self, const char *at, const char *end, char room[STAMP_SHOWN])
{
    uint16_t year = 0;
    uint32_t us = 0;
    uint8_t parts[5] = {0};
    if (self->form == ROW_TEXT || self->form == ROW_DECIMAL || self->form == ROW_BITS)
        return text_at(at, end);
    if (self->form != ROW_DATE && self->form != ROW_STAMP)
        return (struct str){NULL, 0};
    const struct str bytes = text_at(at, end);
    if (bytes.len >= DATE_BYTES) {
        memcpy(&year, bytes.at, sizeof(year));
        memcpy(parts, bytes.at + sizeof(year), bytes.len < CLOCK_BYTES ? DATE_BYTES - sizeof(year) : sizeof(parts));
    }
    if (bytes.len == STAMP_BYTES)
        memcpy(&us, bytes.at + CLOCK_BYTES, sizeof(us));
    int len = snprintf(room, STAMP_SHOWN, "%04u-%02u-%02u", year, parts[0], parts[1]);
    if (self->form == ROW_STAMP)
        len += snprintf(room + len, STAMP_SHOWN - (size_t)len, " %02u:%02u:%02u", parts[2], parts[3], parts[4]);
    if (us != 0)
        len += snprintf(room + len, STAMP_SHOWN - (size_t)len, ".%06u", us);
    return (struct str){room, (size_t)len};
}

/* Kept apart, as it is rare and has an array on its stack. */
__attribute__((noinline)) static void set_aside(const struct row_column *self, int number, const char *at,
                                                const char *end, struct column *column, struct whole_rows to,
                                                struct batch_builder *builder)
{
    char room[STAMP_SHOWN];
    column_put_null(column, to.number);
    builder_reject(builder, number, self->misfit, at != NULL ? shown(self, at, end, room) : (struct str){NULL, 0});
}

enum row_result row_put(const struct row_column *columns, int count, struct str row, struct batch_builder *builder,
                        int *ret_column, int64_t *zero_dates)
{
    const size_t bitmap_bytes = ((size_t)count + NULLS_BEFORE + 7) / 8;
    const char *at = row.at + 1 + bitmap_bytes, *end = row.at + row.len;
    const uint8_t *nulls = (const uint8_t *)row.at + 1;
    const struct whole_rows to = builder_whole_rows(builder);
    size_t text_bytes = 0;
    uint8_t any_null = 0;
    if (row.len < 1 + bitmap_bytes)
        return ROW_MALFORMED;
    for (size_t i = 0; i < bitmap_bytes; i++)
        any_null |= nulls[i];
    for (int i = 0; i < count; i++) {
        int bit = i + NULLS_BEFORE;
        bool is_null = __builtin_expect(any_null != 0, 0) && (nulls[bit >> 3] >> (bit & 7) & 1) != 0;
        struct column *column = &to.columns[i];
        const char *from = at;
        struct step step = is_null ? put_null(&columns[i], at, column, to.number)
                                   : put_value(&columns[i], at, end, column, to.number, &text_bytes);
        at = step.at;
        if (__builtin_expect(step.outcome == PUT, 1))
            continue;
        if (step.outcome == MALFORMED)
            return ROW_MALFORMED;
        *ret_column = i;
        if (step.outcome == ZERO_DATE && columns[i].zero_is_null) {
            column_put_null(column, to.number);
            ++*zero_dates;
            continue;
        }
        if (columns[i].misfit == NULL)
            return ROW_MISFIT;
        set_aside(&columns[i], i, is_null ? NULL : from, end, column, to, builder);
    }
    if (at != end)
        return ROW_MALFORMED;
    builder_end_whole_rows(builder, 1, text_bytes);
    return ROW_PUT;
}

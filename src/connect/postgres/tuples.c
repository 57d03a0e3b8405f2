#include "connect/postgres/tuples.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EPOCH_DAYS = 10957, /* from 1970-01-01 to 2000-01-01, where PostgreSQL's times begin */
    NUMERIC_POSITIVE = 0x0000,
    NUMERIC_NEGATIVE = 0x4000,
    NUMERIC_HEAD = 8,
    UUID_BYTES = 16,
};
static const uint32_t null_bytes = UINT32_MAX; /* in the place of a length */
static const int64_t epoch_us = EPOCH_DAYS * INT64_C(86400) * 1000000;

static inline uint16_t get16(const char *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return be16toh(value);
}

static inline uint32_t get32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

static inline uint64_t get64(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return be64toh(value);
}

bool tuple_head_skip(struct str *piece)
{
    static const char signature[11] = "PGCOPY\n\377\r\n";
    enum { FLAGS = sizeof(signature), MORE = FLAGS + 4, HEAD = MORE + 4 };
    if (piece->len < HEAD || memcmp(piece->at, signature, sizeof(signature)) != 0 || get32(piece->at + FLAGS) != 0)
        return false;
    uint32_t more = get32(piece->at + MORE);
    if (more > piece->len - HEAD)
        return false;
    *piece = (struct str){piece->at + HEAD + more, piece->len - HEAD - more};
    return true;
}

/* ---- numeric ---- */

static bool times(__int128 *value, int tens)
{
    for (; tens > 0; tens--) {
        if (__builtin_mul_overflow(*value, 10, value))
            return false;
    }
    return true;
}

/* Groups of four digits; the first one stands `weight` groups before the point. Digits behind the field's scale have to
 * be zeros. */
static bool read_numeric(struct str text, const struct field *field, __int128 *ret)
{
    static const uint16_t cuts[] = {1, 10, 100, 1000};
    uint16_t groups = text.len >= NUMERIC_HEAD ? get16(text.at) : 0,
             sign = text.len >= NUMERIC_HEAD ? get16(text.at + 4) : 1;
    int left = 0; /* places between the last digit taken and the scale */
    __int128 value = 0;
    if ((sign != NUMERIC_POSITIVE && sign != NUMERIC_NEGATIVE) || text.len != NUMERIC_HEAD + 2 * (size_t)groups)
        return false;
    for (int i = 0; i < groups; i++) {
        uint16_t group = get16(text.at + NUMERIC_HEAD + 2 * i);
        left = 4 * ((int16_t)get16(text.at + 2) - i) + field->scale;
        int cut = left >= 0 ? 0 : left > -4 ? -left : 4;
        if (group > 9999 || (cut == 4 ? group != 0 : group % cuts[cut] != 0))
            return false;
        if (cut < 4 && (!times(&value, 4 - cut) || __builtin_add_overflow(value, group / cuts[cut], &value)))
            return false;
    }
    if (left > 0 && value != 0 && !times(&value, left))
        return false;
    __int128 limit = 1;
    times(&limit, field->precision);
    *ret = sign == NUMERIC_NEGATIVE ? -value : value;
    return value < limit;
}

/* The same of up to four groups and eighteen digits, which most values are; false: it is not of these, or none that
 * fits. */
static inline bool read_short_numeric(struct str text, const struct field *field, int64_t *ret)
{
    enum { GROUPS_MAX = 4, DIGITS_MAX = 18 };
    static const int64_t tens[DIGITS_MAX + 1] = {1,
                                                 10,
                                                 100,
                                                 1000,
                                                 10000,
                                                 100000,
                                                 1000000,
                                                 10000000,
                                                 100000000,
                                                 1000000000,
                                                 10000000000,
                                                 100000000000,
                                                 1000000000000,
                                                 10000000000000,
                                                 100000000000000,
                                                 1000000000000000,
                                                 10000000000000000,
                                                 100000000000000000,
                                                 1000000000000000000};
    int64_t value = 0;
    if (text.len < NUMERIC_HEAD || text.len > NUMERIC_HEAD + 2 * GROUPS_MAX)
        return false;
    uint64_t head = get64(text.at);
    int groups = (int)(head >> 48), weight = (int16_t)(head >> 32);
    bool is_negative = (head >> 16 & UINT16_MAX) == NUMERIC_NEGATIVE;
    if (text.len != NUMERIC_HEAD + 2 * (size_t)groups ||
        (!is_negative && (head >> 16 & UINT16_MAX) != NUMERIC_POSITIVE))
        return false;
    for (int i = 0; i < groups; i++) {
        uint16_t group = get16(text.at + NUMERIC_HEAD + 2 * i);
        if (group > 9999)
            return false;
        value = value * 10000 + group;
    }
    int left = groups > 0 ? 4 * (weight + 1 - groups) + field->scale : 0;
    if (left < -3 || 4 * groups + left > DIGITS_MAX)
        return false;
    if (left >= 0) {
        value *= tens[left];
    } else { /* by a constant: a division by anything else takes as long as all of the rest */
        int64_t cut = left == -1 ? value / 10 : left == -2 ? value / 100 : value / 1000;
        if (cut * tens[-left] != value)
            return false;
        value = cut;
    }
    *ret = is_negative ? -value : value;
    return field->precision >= DIGITS_MAX || value < tens[field->precision];
}

static inline bool put_numeric(struct str text, const struct field *field, struct column *column, int64_t row)
{
    __int128 value;
    int64_t short_value;
    if (read_short_numeric(text, field, &short_value))
        value = short_value;
    else if (!read_numeric(text, field, &value))
        return false;
    column_put_decimal(column, row, value);
    return true;
}

/* ---- times ---- */

static inline bool put_date(int32_t days, struct column *column, int64_t row)
{
    if (days == INT32_MAX || days == INT32_MIN || __builtin_add_overflow(days, EPOCH_DAYS, &days))
        return false;
    column_put_int32(column, row, days);
    return true;
}

static inline bool put_units(int64_t us, int64_t unit_us, struct column *column, int64_t row)
{
    column_put_int64(column, row, us / unit_us);
    return us % unit_us == 0;
}

static inline bool put_timestamp(int64_t us, enum time_unit unit, struct column *column, int64_t row)
{
    if (us == INT64_MAX || us == INT64_MIN || __builtin_add_overflow(us, epoch_us, &us))
        return false;
    switch (unit) {
    case UNIT_SECOND: return put_units(us, 1000000, column, row);
    case UNIT_MILLI: return put_units(us, 1000, column, row);
    case UNIT_MICRO: break;
    }
    return put_units(us, 1, column, row);
}

/* ---- texts ---- */

/* Of the fixed number of bytes that most texts are shorter than, whatever stands behind the last of them. */
static inline void put_bytes(struct str bytes, const char *end, struct column *column, int64_t row)
{
    enum { AT_ONCE = 32 };
    if (bytes.len > AT_ONCE || end - bytes.at < AT_ONCE || column->data.size - column->data.len < AT_ONCE) {
        column_put_bytes(column, row, bytes);
        return;
    }
    memcpy(column->data.at + column->data.len, bytes.at, AT_ONCE);
    column->data.len += bytes.len;
    column->offsets[row + 1] = (int32_t)column->data.len;
}

static inline bool put_text(const struct tuple_column *c, struct str text, const char *end, struct column *column,
                            int64_t row, size_t *text_bytes)
{
    if (c->may_be_no_utf8 && !str_is_utf8(text))
        return false;
    put_bytes(text, end, column, row);
    *text_bytes += text.len;
    return true;
}

enum { UUID_TEXT_BYTES = 2 * UUID_BYTES + 4 };

static void put_uuid(const uint8_t *bytes, struct column *column, int64_t row)
{
    static const char digits[] = "0123456789abcdef";
    char text[UUID_TEXT_BYTES], *to = text;
    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    column_put_bytes(column, row, (struct str){text, sizeof(text)});
}

/* ---- values ---- */

static inline void put_integer(int64_t value, struct column *column, int64_t row)
{
    if (column->type == TYPE_INT32)
        column_put_int32(column, row, (int32_t)value);
    else if (column->type == TYPE_INT16)
        column_put_int16(column, row, (int16_t)value);
    else
        column_put_int64(column, row, value);
}

static inline void put_float(uint32_t bits, struct column *column, int64_t row)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    column_put_float(column, row, value);
}

static inline void put_double(uint64_t bits, struct column *column, int64_t row)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    column_put_double(column, row, value);
}

static inline enum tuple if_fits(bool fits) { return __builtin_expect(fits, 1) ? TUPLE_ROW : TUPLE_MISFIT; }
static inline enum tuple done(void) { return TUPLE_ROW; }

/* A value of so many bytes, or the stream is damaged. */
#define OF_WIDTH(bytes, put) (__builtin_expect(value.len == (bytes), 1) ? (put) : TUPLE_DAMAGED)

/* Up to `end` bytes may be read. */
static inline enum tuple put_value(const struct tuple_column *c, struct str value, const char *end,
                                   struct column *column, int64_t row, size_t *text_bytes)
{
    const char *at = value.at;
    switch (c->wire) {
    case WIRE_BOOL: return OF_WIDTH(1, (column_put_bool(column, row, at[0] != 0), done()));
    case WIRE_INT2: return OF_WIDTH(2, (put_integer((int16_t)get16(at), column, row), done()));
    case WIRE_INT4:
        return OF_WIDTH(4,
                        (put_integer(c->is_unsigned ? (int64_t)get32(at) : (int32_t)get32(at), column, row), done()));
    case WIRE_INT8: return OF_WIDTH(8, (put_integer((int64_t)get64(at), column, row), done()));
    case WIRE_FLOAT4: return OF_WIDTH(4, (put_float(get32(at), column, row), done()));
    case WIRE_FLOAT8: return OF_WIDTH(8, (put_double(get64(at), column, row), done()));
    case WIRE_NUMERIC: return if_fits(put_numeric(value, c->field, column, row));
    case WIRE_DATE: return OF_WIDTH(4, if_fits(put_date((int32_t)get32(at), column, row)));
    case WIRE_TIMESTAMP: return OF_WIDTH(8, if_fits(put_timestamp((int64_t)get64(at), c->field->unit, column, row)));
    case WIRE_TIME: return OF_WIDTH(8, (column_put_int64(column, row, (int64_t)get64(at)), done()));
    case WIRE_JSONB: /* a version before the text */
        if (value.len < 1 || at[0] != 1)
            return TUPLE_DAMAGED;
        value = (struct str){at + 1, value.len - 1};
        return if_fits(put_text(c, value, end, column, row, text_bytes));
    case WIRE_TEXT: return if_fits(put_text(c, value, end, column, row, text_bytes));
    case WIRE_UUID:
        *text_bytes += UUID_TEXT_BYTES;
        return OF_WIDTH(UUID_BYTES, (put_uuid((const uint8_t *)at, column, row), done()));
    case WIRE_BYTES: *text_bytes += value.len; return (put_bytes(value, end, column, row), done());
    case WIRE_INTERVAL:
    case WIRE_CAST: break;
    }
    abort();
}

/* What a value that does not fit looks like, if it is a text. */
static struct str shown(const struct tuple_column *c, struct str value)
{
    return c->wire == WIRE_TEXT ? value : (struct str){NULL, 0};
}

enum tuple tuple_take(const struct tuple_column *columns, int count, struct str piece, struct batch_builder *builder,
                      int *ret_column)
{
    const char *at = piece.at, *end = piece.at + piece.len;
    size_t text_bytes = 0;
    if (piece.len == 2 && get16(at) == UINT16_MAX)
        return TUPLE_END;
    if (piece.len < 2 || get16(at) != count)
        return TUPLE_DAMAGED;
    at += 2;
    const struct whole_row to = builder_whole_row(builder);
    for (int i = 0; i < count; i++) {
        struct column *column = &to.columns[i];
        enum tuple taken = TUPLE_ROW;
        if (end - at < 4)
            return TUPLE_DAMAGED;
        uint32_t len = get32(at);
        at += 4;
        bool is_there = __builtin_expect(len <= (size_t)(end - at), 1);
        struct str value = {is_there ? at : NULL, is_there ? len : 0};
        if (is_there)
            taken = put_value(&columns[i], value, end, column, to.number, &text_bytes);
        else if (len != null_bytes)
            return TUPLE_DAMAGED;
        else if (columns[i].field->nullable)
            column_put_null(column, to.number);
        else
            taken = TUPLE_MISFIT;
        if (__builtin_expect(taken != TUPLE_ROW, 0)) {
            *ret_column = i;
            if (taken == TUPLE_DAMAGED || columns[i].misfit == NULL)
                return taken;
            column_put_null(column, to.number);
            builder_reject(builder, i, columns[i].misfit, shown(&columns[i], value));
        }
        at += value.len;
    }
    if (at != end)
        return TUPLE_DAMAGED;
    builder_end_whole_row(builder, text_bytes);
    return TUPLE_ROW;
}

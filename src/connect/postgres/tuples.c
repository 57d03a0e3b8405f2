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

/* ---- times ---- */

static bool put_date(int32_t days, struct batch_builder *builder, int column)
{
    if (days == INT32_MAX || days == INT32_MIN || __builtin_add_overflow(days, EPOCH_DAYS, &days))
        return false;
    builder_date(builder, column, days);
    return true;
}

static int64_t floor_div(int64_t value, int64_t by) { return value / by - (value % by < 0); }

static bool put_timestamp(int64_t us, const struct field *field, struct batch_builder *builder, int column)
{
    static const int64_t units[] = {[UNIT_SECOND] = 1000000, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1};
    if (us == INT64_MAX || us == INT64_MIN || __builtin_add_overflow(us, epoch_us, &us) || us % units[field->unit] != 0)
        return false;
    builder_int64(builder, column, floor_div(us, units[field->unit]));
    return true;
}

/* ---- values ---- */

static void put_uuid(const uint8_t *bytes, struct batch_builder *builder, int column)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * UUID_BYTES + 4], *to = text;
    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    builder_bytes(builder, column, (struct str){text, sizeof(text)});
}

static void put_integer(int64_t value, enum type type, struct batch_builder *builder, int column)
{
    if (type == TYPE_INT16)
        builder_int16(builder, column, (int16_t)value);
    else if (type == TYPE_INT32)
        builder_int32(builder, column, (int32_t)value);
    else
        builder_int64(builder, column, value);
}

static void put_float(uint32_t bits, struct batch_builder *builder, int column)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    builder_float(builder, column, value);
}

static void put_double(uint64_t bits, struct batch_builder *builder, int column)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    builder_double(builder, column, value);
}

static bool put_text(const struct tuple_column *c, struct str text, struct batch_builder *builder, int column)
{
    if (c->may_be_no_utf8 && !str_is_utf8(text))
        return false;
    builder_bytes(builder, column, text);
    return true;
}

/* Bytes of a value; 0: as many as there are. */
static size_t width_of(enum wire wire)
{
    static const uint8_t widths[] = {[WIRE_BOOL] = 1,      [WIRE_INT2] = 2,   [WIRE_INT4] = 4,          [WIRE_INT8] = 8,
                                     [WIRE_FLOAT4] = 4,    [WIRE_FLOAT8] = 8, [WIRE_UUID] = UUID_BYTES, [WIRE_DATE] = 4,
                                     [WIRE_TIMESTAMP] = 8, [WIRE_TIME] = 8,   [WIRE_CAST] = 0};
    return widths[wire];
}

static enum tuple put_value(const struct tuple_column *c, struct str value, struct batch_builder *builder, int column)
{
    __int128 decimal;
    bool fits = true;
    if (width_of(c->wire) != 0 && width_of(c->wire) != value.len)
        return TUPLE_DAMAGED;
    switch (c->wire) {
    case WIRE_BOOL: builder_bool(builder, column, value.at[0] != 0); break;
    case WIRE_INT2: put_integer((int16_t)get16(value.at), c->field->type, builder, column); break;
    case WIRE_INT4:
        put_integer(c->is_unsigned ? (int64_t)get32(value.at) : (int32_t)get32(value.at), c->field->type, builder,
                    column);
        break;
    case WIRE_INT8: put_integer((int64_t)get64(value.at), c->field->type, builder, column); break;
    case WIRE_FLOAT4: put_float(get32(value.at), builder, column); break;
    case WIRE_FLOAT8: put_double(get64(value.at), builder, column); break;
    case WIRE_NUMERIC:
        fits = read_numeric(value, c->field, &decimal);
        if (fits)
            builder_decimal(builder, column, decimal);
        break;
    case WIRE_TEXT: fits = put_text(c, value, builder, column); break;
    case WIRE_JSONB: /* a version before the text */
        if (value.len < 1 || value.at[0] != 1)
            return TUPLE_DAMAGED;
        fits = put_text(c, (struct str){value.at + 1, value.len - 1}, builder, column);
        break;
    case WIRE_UUID: put_uuid((const uint8_t *)value.at, builder, column); break;
    case WIRE_BYTES: builder_bytes(builder, column, value); break;
    case WIRE_DATE: fits = put_date((int32_t)get32(value.at), builder, column); break;
    case WIRE_TIMESTAMP: fits = put_timestamp((int64_t)get64(value.at), c->field, builder, column); break;
    case WIRE_TIME: builder_int64(builder, column, (int64_t)get64(value.at)); break;
    case WIRE_INTERVAL:
    case WIRE_CAST: abort();
    }
    return fits ? TUPLE_ROW : TUPLE_MISFIT;
}

/* What a value that does not fit looks like, if it is a text. */
static struct str shown(const struct tuple_column *c, const char *at, int32_t len)
{
    const bool is_text = len >= 0 && c->wire == WIRE_TEXT;
    return (struct str){is_text ? at : NULL, is_text ? (size_t)len : 0};
}

enum tuple tuple_take(const struct tuple_column *columns, int count, struct str piece, struct batch_builder *builder,
                      int *ret_column)
{
    const char *at = piece.at, *end = piece.at + piece.len;
    if (piece.len == 2 && get16(at) == UINT16_MAX)
        return TUPLE_END;
    if (piece.len < 2 || get16(at) != count)
        return TUPLE_DAMAGED;
    at += 2;
    for (int i = 0; i < count; i++) {
        if (end - at < 4)
            return TUPLE_DAMAGED;
        int32_t len = (int32_t)get32(at);
        at += 4;
        enum tuple taken = TUPLE_ROW;
        if (len < -1 || len > end - at)
            return TUPLE_DAMAGED;
        if (len >= 0)
            taken = put_value(&columns[i], (struct str){at, (size_t)len}, builder, i);
        else if (columns[i].field->nullable)
            builder_null(builder, i);
        else
            taken = TUPLE_MISFIT;
        *ret_column = i;
        if (taken == TUPLE_MISFIT && columns[i].misfit != NULL) {
            builder_null(builder, i);
            builder_reject(builder, i, columns[i].misfit, shown(&columns[i], at, len));
        } else if (taken != TUPLE_ROW) {
            return taken;
        }
        at += len > 0 ? len : 0;
    }
    if (at != end)
        return TUPLE_DAMAGED;
    builder_end_row(builder);
    return TUPLE_ROW;
}

#include "connect/postgres/tuples.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NUMERIC_POSITIVE = 0x0000,
    NUMERIC_NEGATIVE = 0x4000,
    NUMERIC_HEAD = 8,
    UUID_BYTES = 16,
};
static const uint32_t null_bytes = UINT32_MAX; /* in the place of a length */
static const int64_t epoch_us = PG_EPOCH_DAYS * INT64_C(86400) * 1000000;

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
static __attribute__((noinline)) bool read_numeric(struct str text, const struct field *field, __int128 *ret)
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

/* Up to four groups as one number, all of them at once: the first stands highest. false: one of them is none. */
static inline bool read_groups(uint64_t groups, int64_t *ret)
{
    static const uint64_t above = UINT64_C(0x58f058f058f058f0); /* 2^15 - 10000, four times: with it 10000 has bit 15 */
    static const uint64_t bit15 = UINT64_C(0x8000800080008000), odd = UINT64_C(0x0000ffff0000ffff);
    uint64_t pairs = (groups >> 16 & odd) * 10000 + (groups & odd);
    *ret = (int64_t)((pairs >> 32) * 100000000 + (uint32_t)pairs);
    return ((groups | (groups + above)) & bit15) == 0;
}

/* The same of up to four groups and eighteen digits, which most values are; false: it is not of these, or none that
 * fits. Up to `end` bytes may be read. */
static inline bool read_short_numeric(struct str text, const char *end, const struct field *field, int64_t *ret)
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
    int64_t value;
    if (text.len < NUMERIC_HEAD || text.len > NUMERIC_HEAD + 2 * GROUPS_MAX ||
        end - text.at < NUMERIC_HEAD + 2 * GROUPS_MAX)
        return false;
    uint64_t head = get64(text.at);
    int groups = (int)(head >> 48), weight = (int16_t)(head >> 32);
    uint64_t sign = head >> 16 & UINT16_MAX;
    if (text.len != NUMERIC_HEAD + 2 * (size_t)groups || (sign != NUMERIC_POSITIVE && sign != NUMERIC_NEGATIVE))
        return false;
    /* In two steps: none of four groups would be a shift by all 64 bits. */
    uint64_t digits = get64(text.at + NUMERIC_HEAD) >> 8 * (GROUPS_MAX - groups) >> 8 * (GROUPS_MAX - groups);
    int left = groups > 0 ? 4 * (weight + 1 - groups) + field->scale : 0;
    if (!read_groups(digits, &value) || left < -3 || 4 * groups + left > DIGITS_MAX)
        return false;
    if (left >= 0) {
        value *= tens[left];
    } else { /* by a constant: a division by anything else takes as long as all of the rest */
        int64_t cut = left == -1 ? value / 10 : left == -2 ? value / 100 : value / 1000;
        if (cut * tens[-left] != value)
            return false;
        value = cut;
    }
    *ret = sign == NUMERIC_NEGATIVE ? -value : value;
    return field->precision >= DIGITS_MAX || value < tens[field->precision];
}

static inline bool put_numeric(struct str text, const char *end, const struct field *field, struct column *column,
                               int64_t row)
{
    __int128 value;
    int64_t short_value;
    if (read_short_numeric(text, end, field, &short_value))
        value = short_value;
    else if (!read_numeric(text, field, &value))
        return false;
    column_put_decimal(column, row, value);
    return true;
}

/* ---- times ---- */

static inline bool put_date(int32_t days, struct column *column, int64_t row)
{
    if (days == INT32_MAX || days == INT32_MIN || __builtin_add_overflow(days, PG_EPOCH_DAYS, &days))
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

/* ---- values ---- */

enum { UUID_TEXT_BYTES = 2 * UUID_BYTES + 4 };

static void print_uuid(const uint8_t *bytes, char text[UUID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *text++ = '-';
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
}

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

/* Any value but a text. Up to `end` bytes may be read. */
static inline __attribute__((always_inline)) enum tuple put_number(const struct tuple_column *c, enum wire wire,
                                                                   struct str value, const char *end,
                                                                   struct column *column, int64_t row)
{
    const char *at = value.at;
    switch (wire) {
    case WIRE_BOOL: return OF_WIDTH(1, (column_put_bool(column, row, at[0] != 0), done()));
    case WIRE_INT2: return OF_WIDTH(2, (put_integer((int16_t)get16(at), column, row), done()));
    case WIRE_INT4:
        return OF_WIDTH(4,
                        (put_integer(c->is_unsigned ? (int64_t)get32(at) : (int32_t)get32(at), column, row), done()));
    case WIRE_INT8: return OF_WIDTH(8, (put_integer((int64_t)get64(at), column, row), done()));
    case WIRE_FLOAT4: return OF_WIDTH(4, (put_float(get32(at), column, row), done()));
    case WIRE_FLOAT8: return OF_WIDTH(8, (put_double(get64(at), column, row), done()));
    case WIRE_NUMERIC: return if_fits(put_numeric(value, end, c->field, column, row));
    case WIRE_DATE: return OF_WIDTH(4, if_fits(put_date((int32_t)get32(at), column, row)));
    case WIRE_TIMESTAMP: return OF_WIDTH(8, if_fits(put_timestamp((int64_t)get64(at), c->field->unit, column, row)));
    case WIRE_TIME: return OF_WIDTH(8, (column_put_int64(column, row, (int64_t)get64(at)), done()));
    default: abort();
    }
}

/* ---- texts ---- */

static struct buf with_room(struct buf data, size_t bytes)
{
    buf_reserve(&data, bytes);
    return data;
}

/* Of the fixed number of bytes that most texts are shorter than, whatever stands behind the last of them. */
static inline void put_bytes(struct str bytes, const char *limit, struct column *column, int64_t row)
{
    enum { AT_ONCE = 32 };
    struct buf *data = &column->data;
    if (bytes.len <= AT_ONCE && limit - bytes.at >= AT_ONCE && data->size - data->len >= AT_ONCE) {
        memcpy(data->at + data->len, bytes.at, AT_ONCE);
    } else {
        if (bytes.len > data->size - data->len)
            *data = with_room(*data, bytes.len);
        if (bytes.len > 0)
            memcpy(data->at + data->len, bytes.at, bytes.len);
    }
    data->len += bytes.len;
    column->offsets[row + 1] = (int32_t)data->len;
}

static inline __attribute__((always_inline)) enum tuple put_text(const struct tuple_column *c, enum wire wire,
                                                                 struct str value, const char *limit,
                                                                 struct column *column, int64_t row)
{
    char uuid[UUID_TEXT_BYTES];
    if (wire == WIRE_UUID) {
        if (value.len != UUID_BYTES)
            return TUPLE_DAMAGED;
        print_uuid((const uint8_t *)value.at, uuid);
        value = (struct str){uuid, sizeof(uuid)};
        limit = uuid + sizeof(uuid);
    } else if (wire == WIRE_JSONB) { /* a version before the text */
        if (value.len < 1 || value.at[0] != 1)
            return TUPLE_DAMAGED;
        value = (struct str){value.at + 1, value.len - 1};
    }
    if (c->may_be_no_utf8 && wire != WIRE_BYTES && !str_is_utf8(value))
        return TUPLE_MISFIT;
    put_bytes(value, limit, column, row);
    return TUPLE_ROW;
}

/* ---- a column of a block ---- */

/* Rows that are taken together, column by column: what is true of a column is then found out once for all of them. */
struct block {
    const struct tuple_column *columns;
    struct batch_builder *builder;
    struct whole_rows to;
    int count;         /* of rows */
    const char *limit; /* so far may be read */
    size_t text_bytes; /* that were put */
    struct tuple_row {
        const char *at, *end; /* of what has not been read */
    } rows[TUPLES_MAX];
};

/* The value that a row goes on with; at NULL: there is none, and *ret_len says what instead. */
static inline struct str next_value(struct tuple_row *row, uint32_t *ret_len)
{
    static const struct str none = {NULL, 0};
    *ret_len = 0;
    if (__builtin_expect((size_t)(row->end - row->at) < sizeof(*ret_len), 0))
        return none;
    uint32_t len = *ret_len = get32(row->at);
    const char *at = row->at += sizeof(len);
    if (__builtin_expect(len > (size_t)(row->end - at), 0))
        return none;
    row->at += len;
    return (struct str){at, len};
}

/* What a value that does not fit looks like, if it is a text. */
static struct str shown(const struct tuple_column *c, struct str value)
{
    return c->wire == WIRE_TEXT ? value : (struct str){NULL, 0};
}

/* A NULL, or what could not be put (`taken`). */
static enum tuple put_other(struct block *block, int number, int64_t row, struct str value, uint32_t len,
                            enum tuple taken)
{
    const struct tuple_column *c = &block->columns[number];
    struct column *column = &block->to.columns[number];
    if (value.at == NULL && len != null_bytes)
        return TUPLE_DAMAGED;
    if (value.at == NULL && c->field->nullable) {
        column_put_null(column, row);
        return TUPLE_ROW;
    }
    if (taken == TUPLE_DAMAGED || c->misfit == NULL)
        return taken;
    column_put_null(column, row);
    builder_reject_row(block->builder, row, number, c->misfit, shown(c, value));
    return TUPLE_ROW;
}

/* Of which there is a copy for each wire. Nothing points to `to`, which so can stay in registers. */
static inline __attribute__((always_inline)) enum tuple take_column(struct block *block, int number, enum wire wire)
{
    bool is_text = wire == WIRE_TEXT || wire == WIRE_JSONB || wire == WIRE_UUID || wire == WIRE_BYTES;
    const struct tuple_column c = block->columns[number];
    struct column *column = &block->to.columns[number], to = *column;
    const size_t before = to.data.len;
    const int64_t first = block->to.number, end = first + block->count;
    const char *limit = block->limit;
    struct tuple_row *tuple = block->rows;
    enum tuple taken = TUPLE_ROW;
    for (int64_t row = first; row < end && __builtin_expect(taken == TUPLE_ROW, 1); row++) {
        uint32_t len;
        struct str value = next_value(tuple++, &len);
        taken = TUPLE_MISFIT;
        if (__builtin_expect(value.at != NULL, 1))
            taken = is_text ? put_text(&c, wire, value, limit, &to, row) : put_number(&c, wire, value, limit, &to, row);
        if (__builtin_expect(taken != TUPLE_ROW, 0))
            taken = put_other(block, number, row, value, len, taken);
    }
    column->data = to.data; /* it may have grown, however this ended */
    block->text_bytes += to.data.len - before;
    return taken;
}

#define TAKER(name, wire)                                                                                              \
    static __attribute__((noinline)) enum tuple name(struct block *block, int number)                                  \
    {                                                                                                                  \
        return take_column(block, number, wire);                                                                       \
    }

TAKER(take_bool, WIRE_BOOL)
TAKER(take_int2, WIRE_INT2)
TAKER(take_int4, WIRE_INT4)
TAKER(take_int8, WIRE_INT8)
TAKER(take_float4, WIRE_FLOAT4)
TAKER(take_float8, WIRE_FLOAT8)
TAKER(take_numeric, WIRE_NUMERIC)
TAKER(take_text, WIRE_TEXT)
TAKER(take_jsonb, WIRE_JSONB)
TAKER(take_uuid, WIRE_UUID)
TAKER(take_bytes, WIRE_BYTES)
TAKER(take_date, WIRE_DATE)
TAKER(take_timestamp, WIRE_TIMESTAMP)
TAKER(take_time, WIRE_TIME)

static enum tuple (*const takers[])(struct block *, int) = {
    [WIRE_BOOL] = take_bool,       [WIRE_INT2] = take_int2,           [WIRE_INT4] = take_int4,
    [WIRE_INT8] = take_int8,       [WIRE_FLOAT4] = take_float4,       [WIRE_FLOAT8] = take_float8,
    [WIRE_NUMERIC] = take_numeric, [WIRE_TEXT] = take_text,           [WIRE_JSONB] = take_jsonb,
    [WIRE_UUID] = take_uuid,       [WIRE_BYTES] = take_bytes,         [WIRE_DATE] = take_date,
    [WIRE_TIME] = take_time,       [WIRE_TIMESTAMP] = take_timestamp,
};

/* ---- a block ---- */

/* As many rows as there are before the trailer, or before a piece that is no row of so many columns. */
static enum tuple begin_block(struct block *block, int columns, const struct str *pieces, int count)
{
    for (int i = 0; i < count; i++) {
        const char *at = pieces[i].at, *end = at + pieces[i].len;
        if (pieces[i].len == 2 && get16(at) == UINT16_MAX)
            return TUPLE_END;
        if (pieces[i].len < 2 || get16(at) != columns)
            return TUPLE_DAMAGED;
        block->rows[block->count++] = (struct tuple_row){at + 2, end};
        block->limit = end;
    }
    return TUPLE_ROW;
}

enum tuple tuples_take(const struct tuple_column *columns, int count, const struct str *pieces, int piece_count,
                       struct batch_builder *builder, int *ret_rows, int *ret_column)
{
    struct block block = {.columns = columns, .builder = builder, .to = builder_whole_rows(builder)};
    assert(piece_count <= TUPLES_MAX && piece_count <= block.to.room);
    enum tuple ended = begin_block(&block, count, pieces, piece_count);
    if (ended == TUPLE_DAMAGED)
        return ended;
    for (int i = 0; i < count; i++) {
        enum tuple taken = takers[columns[i].wire](&block, i);
        *ret_column = i;
        if (taken != TUPLE_ROW)
            return taken;
    }
    for (int i = 0; i < block.count; i++) {
        if (block.rows[i].at != block.rows[i].end)
            return TUPLE_DAMAGED;
    }
    builder_end_whole_rows(builder, block.count, block.text_bytes);
    *ret_rows = block.count;
    return ended;
}

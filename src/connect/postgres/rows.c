#include "connect/postgres/rows.h"

#include "connect/target.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIXED_BYTES_MAX = 4 + 8 + 2 * 11, /* a numeric of 38 digits: its length, its head, 11 groups of 4 digits */
};
static const int64_t day_us = 86400 * INT64_C(1000000);
/* https://github.com/postgres/postgres/blob/REL_15_STABLE/src/include/datatype/timestamp.h */
static const int64_t date_min = -2451545, date_end = 2145031949;
static const int64_t timestamp_min = INT64_C(-211813488000000000), timestamp_end = INT64_C(9223371331200000000);

/* A column of the batch under way. */
struct lane {
    enum wire wire;
    int width; /* bytes of a value */
    const uint8_t *valid, *values;
    const int32_t *offsets;
};

struct row_writer {
    struct pq *db;
    const char *table;
    const struct row_column *columns;
    int count;
    bool is_numbered;
    int64_t number;
    struct lane *lanes;
    uint8_t *out;
    size_t used, size, row_bytes; /* row_bytes: a row without its texts, at most */
    int nul_column;
};

struct row_writer *row_writer_new(struct pq *db, const char *table, const struct row_column *columns, int count,
                                  bool is_numbered)
{
    struct row_writer *self = xcalloc(1, sizeof(*self));
    *self = (struct row_writer){
        .db = db, .table = table, .columns = columns, .count = count, .is_numbered = is_numbered, .nul_column = -1};
    self->lanes = xcalloc((size_t)count, sizeof(*self->lanes));
    self->row_bytes = 2 + 12 + (size_t)count * FIXED_BYTES_MAX;
    self->size = PQ_CHUNK_BYTES + self->row_bytes;
    self->out = xcalloc(1, self->size);
    return self;
}

void row_writer_free(struct row_writer *self)
{
    if (self == NULL)
        return;
    free(self->lanes);
    free(self->out);
    free(self);
}

int row_writer_nul_column(const struct row_writer *self) { return self->nul_column; }

/* ---- the buffer ---- */

static RC send_out(struct row_writer *self, struct error *err)
{
    size_t used = self->used;
    self->used = 0;
    return used > 0 ? pq_copy_put(self->db, self->out, used, err) : RC_OK;
}

static inline uint8_t *put16(uint8_t *at, uint16_t value)
{
    value = htobe16(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static inline uint8_t *put32(uint8_t *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static inline uint8_t *put64(uint8_t *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

void row_writer_begin(struct row_writer *self)
{
    static const char header[19] = "PGCOPY\n\377\r\n";
    assert(self->used == 0);
    memcpy(self->out, header, sizeof(header));
    self->used = sizeof(header);
}

RC row_writer_end(struct row_writer *self, struct error *err)
{
    self->used = (size_t)(put16(self->out + self->used, UINT16_MAX) - self->out);
    return send_out(self, err);
}

/* ---- values ---- */

static enum rc fail_value(const struct row_writer *self, int column, struct error *err, const char *why,
                          const char *todo)
{
    fail(err, RC_DATA, "column '%s' of '%s': %s", self->columns[column].field->name, self->table, why);
    return todo != NULL ? fail_todo(err, "%s", todo) : err->rc;
}

static inline int64_t integer_at(const struct lane *lane, int64_t row)
{
    switch (lane->width) {
    case 2: return ((const int16_t *)(const void *)lane->values)[row];
    case 4: return ((const int32_t *)(const void *)lane->values)[row];
    case 8: return ((const int64_t *)(const void *)lane->values)[row];
    default: return (int64_t)((const __int128 *)(const void *)lane->values)[row]; /* decimals that fit */
    }
}

static inline double real_at(const struct lane *lane, int64_t row)
{
    if (lane->width == sizeof(float))
        return (double)((const float *)(const void *)lane->values)[row];
    return ((const double *)(const void *)lane->values)[row];
}

static inline uint8_t *put_float4(uint8_t *at, const struct lane *lane, int64_t row)
{
    uint32_t bits;
    memcpy(&bits, lane->values + row * 4, sizeof(bits));
    return put32(put32(at, 4), bits);
}

static inline uint8_t *put_float8(uint8_t *at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return put64(put32(at, 8), bits);
}

/* {digits, weight, sign, scale} and the digits in base 10000, the highest first; zeros at both ends are left out. */
static uint8_t *put_numeric(uint8_t *at, __int128 value, int scale)
{
    static const uint16_t tens[] = {1, 10, 100, 1000};
    uint16_t groups[12]; /* the lowest first */
    int count = 0, low = 0, rest = scale & 3;
    unsigned __int128 left = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    if (rest > 0) { /* the last group of the fraction is filled up with zeros */
        groups[count++] = (uint16_t)(left % tens[rest] * tens[4 - rest]);
        left /= tens[rest];
    }
    for (; left >> 64 != 0; left /= 10000)
        groups[count++] = (uint16_t)(left % 10000);
    for (uint64_t small = (uint64_t)left; small != 0; small /= 10000)
        groups[count++] = (uint16_t)(small % 10000);
    int weight = count - (scale + 3) / 4 - 1;
    while (low < count && groups[low] == 0)
        low++;
    bool is_zero = low == count;
    at = put32(at, (uint32_t)(8 + 2 * (count - low)));
    at = put16(at, (uint16_t)(count - low));
    at = put16(at, is_zero ? 0 : (uint16_t)weight);
    at = put16(at, value < 0 ? 0x4000 : 0);
    at = put16(at, (uint16_t)scale);
    for (int i = count - 1; i >= low; i--)
        at = put16(at, groups[i]);
    return at;
}

static inline uint8_t *put_decimal(uint8_t *at, const struct lane *lane, int64_t row, int scale)
{
    __int128 value;
    if (lane->width == 16)
        memcpy(&value, lane->values + row * 16, sizeof(value));
    else
        value = integer_at(lane, row);
    return put_numeric(at, value, scale);
}

static const char no_nul[] = "texts with a NUL byte, which PostgreSQL cannot hold",
                  no_date[] = "a date outside of what PostgreSQL has (4713 BC to 5874897 AD)",
                  no_time[] = "a time outside of what PostgreSQL has (4713 BC to 294276 AD)";

/* Days since 1970 to days since 2000. */
static bool to_date(int64_t days, int32_t *ret)
{
    days -= PG_EPOCH_DAYS;
    *ret = (int32_t)days;
    return days >= date_min && days < date_end;
}

/* Units since 1970 to microseconds since 2000. */
static bool to_timestamp(int64_t value, enum time_unit unit, int64_t *ret)
{
    static const int64_t us[] = {[UNIT_SECOND] = 1000000, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1};
    bool fits =
        !__builtin_mul_overflow(value, us[unit], &value) && !__builtin_sub_overflow(value, PG_EPOCH_DAYS * day_us, ret);
    return fits && *ret >= timestamp_min && *ret < timestamp_end;
}

static RC put_date(struct row_writer *self, int column, int64_t days, uint8_t **at, struct error *err)
{
    int32_t date;
    if (!to_date(days, &date))
        return fail_value(self, column, err, no_date, NULL);
    *at = put32(put32(*at, 4), (uint32_t)date);
    return RC_OK;
}

static RC put_timestamp(struct row_writer *self, int column, int64_t value, uint8_t **at, struct error *err)
{
    int64_t us;
    if (!to_timestamp(value, self->columns[column].field->unit, &us))
        return fail_value(self, column, err, no_time, NULL);
    *at = put64(put32(*at, 8), (uint64_t)us);
    return RC_OK;
}

static RC put_time(struct row_writer *self, int column, int64_t value, uint8_t **at, struct error *err)
{
    if (value < 0 || value > day_us)
        return fail_value(self, column, err,
                          "a time of more than a day, or less than none, fits no column of type `time`",
                          "ALTER the column to `interval`, or stage it `as: text`" STAGED_OTHERWISE);
    *at = put64(put32(*at, 8), (uint64_t)value);
    return RC_OK;
}

static inline uint8_t *put_interval(uint8_t *at, int64_t value)
{
    return put32(put32(put64(put32(at, 16), (uint64_t)value), 0), 0);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static RC put_uuid(struct row_writer *self, int column, struct str text, uint8_t **at, struct error *err)
{
    uint8_t *byte = put32(*at, 16);
    int digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.at[i]);
        if (text.at[i] == '-' && digits % 4 == 0)
            continue;
        if (digit < 0 || digits == 32)
            return fail_value(self, column, err, "a text that is no UUID", "ALTER the column to text");
        byte[digits / 2] = (uint8_t)((digits % 2 == 0 ? 0 : byte[digits / 2] << 4) | digit);
        digits++;
    }
    if (digits != 32)
        return fail_value(self, column, err, "a text that is no UUID", "ALTER the column to text");
    *at = byte + 16;
    return RC_OK;
}

/* ---- texts ---- */

static inline struct str text_at(const struct lane *lane, int64_t row)
{
    int32_t from = lane->offsets[row];
    return (struct str){(const char *)lane->values + from, (size_t)(lane->offsets[row + 1] - from)};
}

/* PostgreSQL would clip blanks off in silence, and tell of the rest without its column. */
static RC check_chars(struct row_writer *self, int column, struct str text, struct error *err)
{
    int64_t chars = 0, max = self->columns[column].fitting.chars_max;
    char why[96];
    if (max == 0 || (int64_t)text.len <= max)
        return RC_OK;
    for (size_t i = 0; i < text.len; i++)
        chars += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    if (chars <= max)
        return RC_OK;
    snprintf(why, sizeof(why), "a text of more than the column's %lld characters", (long long)max);
    return fail_value(self, column, err, why, "ALTER the column to text, or to a longer varchar");
}

/* A text that the buffer has no room for goes out from where it is. */
static RC put_text(struct row_writer *self, int column, struct str text, uint8_t **at, struct error *err)
{
    const struct lane *lane = &self->lanes[column];
    bool has_version = lane->wire == WIRE_JSONB;
    TRY(check_chars(self, column, text, err));
    *at = put32(*at, (uint32_t)(text.len + has_version));
    if (has_version)
        *(*at)++ = 1;
    size_t left = self->size - (size_t)(*at - self->out);
    if (left >= text.len + self->row_bytes) {
        memcpy(*at, text.at, text.len);
        *at += text.len;
        return RC_OK;
    }
    self->used = (size_t)(*at - self->out);
    TRY(send_out(self, err));
    *at = self->out;
    if (text.len <= PQ_CHUNK_BYTES) {
        memcpy(*at, text.at, text.len);
        *at += text.len;
        return RC_OK;
    }
    return pq_copy_put(self->db, text.at, text.len, err);
}

int64_t rows_with_nul(const struct batch *batch, int column)
{
    int64_t count = 0;
    for (int64_t row = 0; row < batch->rows; row++) {
        struct str text = batch_bytes(batch, column, row);
        count += text.len > 0 && memchr(text.at, '\0', text.len) != NULL;
    }
    return count;
}

static bool is_text(enum wire wire) { return wire == WIRE_TEXT || wire == WIRE_JSONB || wire == WIRE_CAST; }

bool row_value_has_gaps(const struct field *field)
{
    return field->type == TYPE_UTF8 || field->type == TYPE_DATE || field->type == TYPE_TIMESTAMP;
}

bool row_value_holds(const struct batch *batch, int column, int64_t row, const char **ret_why)
{
    const struct field *field = &batch->schema->fields[column];
    int32_t date;
    int64_t us;
    if (field->type == TYPE_UTF8) {
        const struct str text = batch_bytes(batch, column, row);
        *ret_why = "a text with a NUL byte, which PostgreSQL cannot hold";
        return text.len == 0 || memchr(text.at, '\0', text.len) == NULL;
    }
    *ret_why = field->type == TYPE_DATE ? no_date : no_time;
    return field->type == TYPE_DATE ? to_date(batch_date(batch, column, row), &date)
                                    : to_timestamp(batch_int64(batch, column, row), field->unit, &us);
}

/* ---- rows ---- */

static void point_lane(struct row_writer *self, const struct batch *batch, int column)
{
    static const int widths[] = {
        [TYPE_BOOL] = 0,  [TYPE_INT16] = 2,  [TYPE_INT32] = 4,     [TYPE_INT64] = 8,
        [TYPE_FLOAT] = 4, [TYPE_DOUBLE] = 8, [TYPE_UTF8] = 0,      [TYPE_BINARY] = 0,
        [TYPE_DATE] = 4,  [TYPE_TIME] = 8,   [TYPE_TIMESTAMP] = 8, [TYPE_DECIMAL] = 16,
    };
    const struct ArrowArray *array = batch->array.children[column];
    const struct field *field = self->columns[column].field;
    bool is_bytes = field->type == TYPE_UTF8 || field->type == TYPE_BINARY;
    self->lanes[column] = (struct lane){
        .wire = self->columns[column].fitting.wire,
        .width = widths[field->type],
        .valid = array->buffers[0],
        .values = array->buffers[is_bytes ? 2 : 1],
        .offsets = is_bytes ? array->buffers[1] : NULL,
    };
}

/* All texts of a column lie in one piece, so that one look is enough. */
static RC check_lane(struct row_writer *self, const struct batch *batch, int column, struct error *err)
{
    const struct lane *lane = &self->lanes[column];
    assert(!is_text(lane->wire) || lane->offsets != NULL);
    if (is_text(lane->wire) && lane->offsets[batch->rows] > lane->offsets[0] &&
        memchr(lane->values + lane->offsets[0], '\0', (size_t)(lane->offsets[batch->rows] - lane->offsets[0]))) {
        self->nul_column = column;
        return fail_value(self, column, err, no_nul, NULL);
    }
    if (!self->columns[column].refuses_null)
        return RC_OK;
    for (int64_t row = 0; row < batch->rows; row++) {
        if (batch_is_null(batch, column, row))
            return fail_value(self, column, err, "a key must not be NULL", NULL);
    }
    return RC_OK;
}

static inline RC put_value(struct row_writer *self, int column, int64_t row, uint8_t **at, struct error *err)
{
    const struct lane *lane = &self->lanes[column];
    if (lane->valid != NULL && (lane->valid[row >> 3] >> (row & 7) & 1) == 0) {
        *at = put32(*at, UINT32_MAX);
        return RC_OK;
    }
    switch (lane->wire) {
    case WIRE_BOOL:
        *at = put32(*at, 1);
        *(*at)++ = lane->values[row >> 3] >> (row & 7) & 1;
        return RC_OK;
    case WIRE_INT2: *at = put16(put32(*at, 2), (uint16_t)integer_at(lane, row)); return RC_OK;
    case WIRE_INT4: *at = put32(put32(*at, 4), (uint32_t)integer_at(lane, row)); return RC_OK;
    case WIRE_INT8: *at = put64(put32(*at, 8), (uint64_t)integer_at(lane, row)); return RC_OK;
    case WIRE_FLOAT4: *at = put_float4(*at, lane, row); return RC_OK;
    case WIRE_FLOAT8: *at = put_float8(*at, real_at(lane, row)); return RC_OK;
    case WIRE_NUMERIC: *at = put_decimal(*at, lane, row, self->columns[column].field->scale); return RC_OK;
    case WIRE_TEXT:
    case WIRE_JSONB:
    case WIRE_BYTES:
    case WIRE_CAST: return put_text(self, column, text_at(lane, row), at, err);
    case WIRE_UUID: return put_uuid(self, column, text_at(lane, row), at, err);
    case WIRE_DATE: return put_date(self, column, integer_at(lane, row), at, err);
    case WIRE_TIMESTAMP: return put_timestamp(self, column, integer_at(lane, row), at, err);
    case WIRE_TIME: return put_time(self, column, integer_at(lane, row), at, err);
    case WIRE_INTERVAL: *at = put_interval(*at, integer_at(lane, row)); return RC_OK;
    }
    abort();
}

static RC put_row(struct row_writer *self, int64_t row, struct error *err)
{
    uint8_t *at = put16(self->out + self->used, (uint16_t)(self->count + self->is_numbered));
    if (self->is_numbered)
        at = put64(put32(at, 8), (uint64_t)self->number++);
    for (int column = 0; column < self->count; column++)
        TRY(put_value(self, column, row, &at, err));
    self->used = (size_t)(at - self->out);
    return RC_OK;
}

RC row_writer_batch(struct row_writer *self, const struct batch *batch, struct error *err)
{
    self->nul_column = -1;
    for (int column = 0; column < self->count; column++) {
        point_lane(self, batch, column);
        TRY(check_lane(self, batch, column, err));
    }
    for (int64_t row = 0; row < batch->rows; row++) {
        TRY(put_row(self, row, err));
        if (self->used + self->row_bytes > self->size)
            TRY(send_out(self, err));
    }
    return RC_OK;
}

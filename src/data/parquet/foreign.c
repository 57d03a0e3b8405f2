#include "data/parquet/foreign.h"

#include <stdio.h>

#include "data/parquet/bits.h"

enum { JULIAN_DAY_OF_1970 = 2440588, NANOS_PER_MICRO = 1000, MICROS_PER_MILLI = 1000, MILLIS_PER_SECOND = 1000 };
#define MICROS_PER_DAY INT64_C(86400000000)

/* ---- of a fixed width ---- */

/* Calls `read` for each row that has a value, which takes the bytes at `in` and gives `value`. */
#define SCATTER(type, read)                                                                                            \
    do {                                                                                                               \
        type *out = values;                                                                                            \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            type value = 0;                                                                                            \
            if (validity == NULL || bits_get(validity, row + i)) {                                                     \
                read;                                                                                                  \
                in += width;                                                                                           \
            }                                                                                                          \
            out[i] = value;                                                                                            \
        }                                                                                                              \
    } while (0)

static uint64_t get_unsigned(const uint8_t *in, int width)
{
    uint64_t value = 0;
    memcpy(&value, in, (size_t)width);
    return value;
}

/* The next wider signed type holds them all; 64 bits become decimal(20,0). */
static RC read_unsigned(const struct storage *storage, const uint8_t *in, const uint8_t *validity, int64_t row,
                        int64_t count, void *values, struct error *err)
{
    int width = storage->width;
    uint64_t beyond = 0, mask = storage->bits == 64 ? 0 : ~UINT64_C(0) << storage->bits;
#define READ(type)                                                                                                     \
    SCATTER(type, {                                                                                                    \
        uint64_t stored = get_unsigned(in, width);                                                                     \
        beyond |= stored & mask;                                                                                       \
        value = (type)stored;                                                                                          \
    })
    switch (storage->bits) {
    case 8: READ(int16_t); break;
    case 16: READ(int32_t); break;
    case 32: READ(int64_t); break;
    default: READ(__int128);
    }
#undef READ
    return beyond == 0 ? RC_OK : fail(err, RC_DATA, "a value has more than the column's %d bits", storage->bits);
}

static void read_millis(const uint8_t *in, const uint8_t *validity, int64_t row, int64_t count, void *values)
{
    enum { width = sizeof(int32_t) };
    int32_t stored;
    SCATTER(int64_t, {
        memcpy(&stored, in, sizeof(stored));
        value = stored * (int64_t)MICROS_PER_MILLI;
    });
}

static RC read_int96(const uint8_t *in, const uint8_t *validity, int64_t row, int64_t count, void *values,
                     struct error *err)
{
    enum { width = 12 };
    int64_t nanos, rest = 0, micros = 0;
    int32_t day;
    bool is_far = false;
    SCATTER(int64_t, {
        memcpy(&nanos, in, sizeof(nanos));
        memcpy(&day, in + sizeof(nanos), sizeof(day));
        rest |= nanos % NANOS_PER_MICRO;
        is_far |= __builtin_mul_overflow((int64_t)day - JULIAN_DAY_OF_1970, MICROS_PER_DAY, &micros);
        is_far |= __builtin_add_overflow(micros, nanos / NANOS_PER_MICRO, &value);
    });
    if (is_far)
        return fail(err, RC_DATA, "a timestamp is too far away to be kept in microseconds");
    return rest == 0 ? RC_OK : fail(err, RC_DATA, "a timestamp has nanoseconds; no finer than microseconds are kept");
}

/* Sign, five bits of exponent, ten of fraction: all are floats as well. */
static float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31, fraction = half & 1023, bits;
    float value;
    if (exponent == 0) { /* fractions of 2^-14 */
        value = (float)fraction * 0x1p-24F;
        memcpy(&bits, &value, sizeof(bits));
    } else {
        bits = (exponent == 31 ? 255 : exponent + 127 - 15) << 23 | fraction << 13;
    }
    bits |= sign;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void read_halves(const uint8_t *in, const uint8_t *validity, int64_t row, int64_t count, void *values)
{
    enum { width = sizeof(uint16_t) };
    uint16_t half;
    SCATTER(float, {
        memcpy(&half, in, sizeof(half));
        value = half_to_float(half);
    });
}

RC foreign_read(const struct storage *storage, const uint8_t *in, const uint8_t *validity, int64_t row, int64_t count,
                void *values, struct error *err)
{
    switch (storage->stored) {
    case STORED_MILLIS: read_millis(in, validity, row, count, values); return RC_OK;
    case STORED_HALF: read_halves(in, validity, row, count, values); return RC_OK;
    case STORED_INT96: return read_int96(in, validity, row, count, values, err);
    default: return read_unsigned(storage, in, validity, row, count, values, err);
    }
}

/* ---- by bytes ---- */

static struct str bytes_at(const struct column *bytes, int64_t row)
{
    int32_t start = bytes->offsets[row];
    return (struct str){bytes->data.at + start, (size_t)(bytes->offsets[row + 1] - start)};
}

/* false: no bytes, or more of them than the largest decimal takes that say something. */
static bool decimal_of_bytes(struct str bytes, __int128 *ret)
{
    unsigned __int128 value = bytes.len > 0 && (int8_t)bytes.at[0] < 0 ? ~(unsigned __int128)0 : 0, sign = value;
    for (size_t i = 0; i < bytes.len; i++) {
        if (i + DECIMAL_BYTES_MAX < bytes.len && (uint8_t)bytes.at[i] != (uint8_t)sign)
            return false;
        value = value << 8 | (uint8_t)bytes.at[i];
    }
    *ret = (__int128)value;
    return bytes.len > 0 && ((*ret < 0) == (sign != 0));
}

static RC make_decimals(const struct field *field, const struct column *bytes, int64_t rows, __int128 *values,
                        struct error *err)
{
    for (int64_t i = 0; i < rows; i++) {
        values[i] = 0;
        if (!bits_get(bytes->validity, i))
            continue;
        if (!decimal_of_bytes(bytes_at(bytes, i), &values[i]) || !decimal_fits(values[i], field->precision))
            return fail(err, RC_DATA, "a value is no decimal of the column's %d digits", field->precision);
    }
    return RC_OK;
}

static size_t uuid_print(struct str bytes, char to[FOREIGN_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    char *at = to;
    for (size_t i = 0; i < bytes.len; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[(uint8_t)bytes.at[i] >> 4];
        *at++ = digits[(uint8_t)bytes.at[i] & 15];
    }
    return (size_t)(at - to);
}

static size_t interval_print(struct str bytes, char to[FOREIGN_TEXT_MAX])
{
    uint32_t parts[3]; /* months, days, milliseconds, each unsigned */
    memcpy(parts, bytes.at, sizeof(parts));
    return (size_t)snprintf(to, FOREIGN_TEXT_MAX, "P%uM%uDT%u.%03uS", parts[0], parts[1], parts[2] / MILLIS_PER_SECOND,
                            parts[2] % MILLIS_PER_SECOND);
}

static void make_texts(const struct storage *storage, const struct column *bytes, int64_t rows, struct column *into)
{
    char text[FOREIGN_TEXT_MAX];
    for (int64_t i = 0; i < rows; i++) {
        size_t len = 0;
        if (bits_get(bytes->validity, i))
            len = storage->stored == STORED_UUID ? uuid_print(bytes_at(bytes, i), text)
                                                 : interval_print(bytes_at(bytes, i), text);
        buf_add(&into->data, text, len);
        into->offsets[i + 1] = (int32_t)into->data.len;
    }
}

RC foreign_make(const struct field *field, const struct storage *storage, const struct column *bytes, int64_t rows,
                int64_t row, struct column *into, struct error *err)
{
    if (rows == 0)
        return RC_OK;
    if (storage->stored == STORED_DECIMAL_TEXT)
        return make_decimals(field, bytes, rows, (__int128 *)(void *)into->values + row, err);
    make_texts(storage, bytes, rows, into);
    return RC_OK;
}

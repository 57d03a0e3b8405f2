#include "data/parquet/plain.h"

#include <assert.h>

#include "data/parquet/bits.h"
#include "data/parquet/foreign.h"

/* Room for `bytes` more, which the caller fills. */
static uint8_t *extend(struct buf *out, size_t bytes)
{
    buf_reserve(out, bytes);
    uint8_t *at = (uint8_t *)out->at + out->len;
    out->len += bytes;
    return at;
}

static void put_big_endian(__int128 value, int width, uint8_t *to)
{
    uint64_t halves[2] = {__builtin_bswap64((uint64_t)(value >> 64)), __builtin_bswap64((uint64_t)value)};
    memcpy(to, (const char *)halves + sizeof(halves) - width, (size_t)width);
}

static void write_fixed(const char *values, int64_t count, int width, struct buf *out)
{
    uint8_t *to = extend(out, (size_t)count * (size_t)width);
    for (int64_t i = 0; i < count; i++, to += width) {
        __int128 value;
        memcpy(&value, values + i * (int64_t)sizeof(value), sizeof(value));
        put_big_endian(value, width, to);
    }
}

void plain_write(const struct storage *storage, const void *values, int64_t first, int64_t count, struct buf *out)
{
    assert(storage->width != 0);
    if (storage->physical == PHYSICAL_FIXED)
        write_fixed((const char *)values + first * (int64_t)sizeof(__int128), count, storage->width, out);
    else
        memcpy(extend(out, (size_t)count * (size_t)storage->width), (const char *)values + first * storage->width,
               (size_t)count * (size_t)storage->width);
}

int plain_write_integer(const struct storage *storage, __int128 value, uint8_t out[16])
{
    if (storage->physical == PHYSICAL_FIXED)
        put_big_endian(value, storage->width, out);
    else
        memcpy(out, &value, (size_t)storage->width);
    return storage->width;
}

/* Calls for one row after the other what `read` says, which takes the bytes at `in` and gives `out[i]`. */
#define SCATTER(type, read)                                                                                            \
    do {                                                                                                               \
        type *out = values;                                                                                            \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            out[i] = 0;                                                                                                \
            if (validity != NULL && !bits_get(validity, row + i))                                                      \
                continue;                                                                                              \
            read;                                                                                                      \
            in += width;                                                                                               \
        }                                                                                                              \
    } while (0)

static RC read_seconds(const struct storage *storage, const uint8_t *in, const uint8_t *validity, int64_t row,
                       int64_t count, int64_t *values, struct error *err)
{
    int width = storage->width;
    int64_t stored, rest = 0;
    SCATTER(int64_t, {
        memcpy(&stored, in, sizeof(stored));
        out[i] = stored / storage->multiplier;
        rest |= stored % storage->multiplier;
    });
    return rest == 0 ? RC_OK : fail(err, RC_DATA, "a timestamp is finer than its column's unit");
}

static RC read_int16(const struct storage *storage, const uint8_t *in, const uint8_t *validity, int64_t row,
                     int64_t count, int16_t *values, struct error *err)
{
    enum { width = sizeof(int32_t) };
    int32_t stored, beyond = 0;
    SCATTER(int16_t, {
        memcpy(&stored, in, sizeof(stored));
        out[i] = (int16_t)stored;
        beyond |= stored ^ (storage->bits == 8 ? (int8_t)stored : (int16_t)stored);
    });
    return beyond == 0 ? RC_OK : fail(err, RC_DATA, "a value has more than the column's %d bits", storage->bits);
}

static __int128 get_big_endian(const uint8_t *in, int width)
{
    unsigned __int128 value = (int8_t)in[0] < 0 ? ~(unsigned __int128)0 : 0;
    for (int i = 0; i < width; i++)
        value = value << 8 | in[i];
    return (__int128)value;
}

static __int128 get_narrow(const uint8_t *in, int width)
{
    int32_t narrow;
    int64_t wide;
    if (width == sizeof(narrow)) {
        memcpy(&narrow, in, sizeof(narrow));
        return narrow;
    }
    memcpy(&wide, in, sizeof(wide));
    return wide;
}

static RC read_decimals(const struct field *field, const struct storage *storage, const uint8_t *in,
                        const uint8_t *validity, int64_t row, int64_t count, __int128 *values, struct error *err)
{
    int width = storage->width;
    __int128 least = 0, most = 0;
    if (storage->physical == PHYSICAL_FIXED)
        SCATTER(__int128, out[i] = get_big_endian(in, width));
    else
        SCATTER(__int128, out[i] = get_narrow(in, width));
    for (int64_t i = 0; i < count; i++) {
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    if (!decimal_fits(least, field->precision) || !decimal_fits(most, field->precision))
        return fail(err, RC_DATA, "a value has more than the column's %d digits", field->precision);
    return RC_OK;
}

RC plain_read(const struct field *field, const struct storage *storage, const uint8_t *in, const uint8_t *validity,
              int64_t row, int64_t count, void *values, struct error *err)
{
    int width = storage->width;
    if (count == 0)
        return RC_OK; /* an empty dictionary has no memory */
    if (storage->stored != STORED_AS_IS)
        return foreign_read(storage, in, validity, row, count, values, err);
    if (field->type == TYPE_DECIMAL)
        return read_decimals(field, storage, in, validity, row, count, values, err);
    if (storage->multiplier != 1)
        return read_seconds(storage, in, validity, row, count, values, err);
    if (field->type == TYPE_INT16)
        return read_int16(storage, in, validity, row, count, values, err);
    if (validity == NULL)
        memcpy(values, in, (size_t)count * (size_t)width);
    else if (width == sizeof(int32_t))
        SCATTER(int32_t, memcpy(&out[i], in, sizeof(int32_t)));
    else
        SCATTER(int64_t, memcpy(&out[i], in, sizeof(int64_t)));
    return RC_OK;
}

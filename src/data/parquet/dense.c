#include "data/parquet/dense.h"

#include <assert.h>
#include <stdlib.h>

#include "data/parquet/bits.h"

void dense_room_release(struct dense_room *self) { free(self->at); }

static void *room_for(struct dense_room *self, size_t bytes)
{
    if (bytes > self->bytes) {
        free(self->at);
        self->at = xcalloc(bytes, 1);
        self->bytes = bytes;
    }
    return self->at;
}

/* Every value is converted, and the place advances only behind one that is there: no branch to guess wrong. A NULL's
 * value is zero in our own batches and anything in others'; `seen` is told of those that are there only. */
#define GATHER(from_type, to_type, convert, seen)                                                                      \
    do {                                                                                                               \
        const from_type *in = column->buffers[1];                                                                      \
        to_type *out = into;                                                                                           \
        if (validity == NULL) {                                                                                        \
            for (int64_t i = 0; i < rows; i++) {                                                                       \
                from_type value = in[i];                                                                               \
                seen;                                                                                                  \
                out[i] = (convert);                                                                                    \
            }                                                                                                          \
        } else {                                                                                                       \
            for (int64_t i = 0; i < rows; i++) {                                                                       \
                from_type value = in[i];                                                                               \
                if (bits_get(validity, i)) {                                                                           \
                    seen;                                                                                              \
                }                                                                                                      \
                *out = (convert);                                                                                      \
                out += bits_get(validity, i);                                                                          \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

struct decimal_bytes { /* no __int128: a batch from elsewhere may be aligned to 8 bytes only */
    uint64_t low, high;
};

static void gather_bits(const uint8_t *values, const uint8_t *validity, int64_t rows, uint8_t *into)
{
    int64_t count = 0;
    assert(validity != NULL && "without NULLs they stay where they are");
    for (int64_t i = 0; i < rows; i++) {
        bits_put(into, count, bits_get(values, i));
        count += bits_get(validity, i);
    }
}

static void gather_texts(const struct ArrowArray *column, const uint8_t *validity, struct str *into)
{
    const int32_t *offsets = column->buffers[1];
    const char *data = column->buffers[2];
    for (int64_t i = 0; i < column->length; i++) {
        *into = (struct str){data + offsets[i], (size_t)(offsets[i + 1] - offsets[i])};
        into += validity == NULL || bits_get(validity, i);
    }
}

enum rc fail_digits(const struct field *field, struct error *err)
{
    return fail(err, RC_DATA, "column '%s': a value has more than the %d digits of decimal(%d,%d)", field->name,
                field->precision, field->precision, field->scale);
}

/* Whether they have no more digits than the column is for statistics to say; here, that none loses bits. */
static RC gather_decimals(const struct ArrowArray *column, const uint8_t *validity, const struct field *field,
                          const struct storage *storage, void *into, struct error *err)
{
    uint64_t lost = 0;
    int64_t rows = column->length;
    if (storage->physical == PHYSICAL_FIXED)
        GATHER(struct decimal_bytes, struct decimal_bytes, value, );
    else if (storage->physical == PHYSICAL_INT64)
        GATHER(struct decimal_bytes, int64_t, (int64_t)value.low,
               lost |= value.high ^ (uint64_t)((int64_t)value.low >> 63));
    else
        GATHER(struct decimal_bytes, int32_t, (int32_t)value.low,
               lost |=
               (value.high ^ (uint64_t)((int64_t)value.low >> 63)) | (value.low ^ (uint64_t)(int32_t)value.low));
    return lost == 0 ? RC_OK : fail_digits(field, err);
}

static RC gather_seconds(const struct ArrowArray *column, const uint8_t *validity, const struct field *field,
                         int64_t multiplier, int64_t *into, struct error *err)
{
    bool is_far = false;
    int64_t rows = column->length, product = 0;
    GATHER(int64_t, int64_t, (int64_t)((uint64_t)value * (uint64_t)multiplier),
           is_far |= __builtin_mul_overflow(value, multiplier, &product));
    if (is_far)
        return fail(err, RC_DATA, "column '%s': a timestamp is too far away for the unit it is kept in", field->name);
    return RC_OK;
}

/* Whether the values stand in the batch as they do in the file. */
static bool is_stored_so(const struct field *field, const struct storage *storage)
{
    return field->type != TYPE_INT16 && storage->physical != PHYSICAL_BYTE_ARRAY && storage->multiplier == 1 &&
           (field->type != TYPE_DECIMAL || storage->physical == PHYSICAL_FIXED);
}

RC dense_take(const struct ArrowArray *column, const struct field *field, const struct storage *storage,
              struct dense_room *room, struct dense *ret, struct error *err)
{
    const uint8_t *validity = column->buffers[0];
    int64_t rows = column->length;
    *ret = (struct dense){.rows = rows, .count = rows, .values = column->buffers[1]};
    if (validity != NULL)
        ret->count = bits_count(validity, 0, rows);
    validity = ret->validity = ret->count < rows ? validity : NULL;
    if (validity == NULL && is_stored_so(field, storage))
        return RC_OK;
    void *into = room_for(room, ((size_t)rows + 1) * sizeof(__int128));
    ret->values = into;
    if (field->type == TYPE_DECIMAL)
        return gather_decimals(column, validity, field, storage, into, err);
    if (storage->multiplier != 1)
        return gather_seconds(column, validity, field, storage->multiplier, into, err);
    if (storage->physical == PHYSICAL_BYTE_ARRAY)
        gather_texts(column, validity, into);
    else if (storage->physical == PHYSICAL_BOOLEAN)
        gather_bits(column->buffers[1], validity, rows, into);
    else if (field->type == TYPE_INT16)
        GATHER(int16_t, int32_t, value, );
    else if (storage->width == sizeof(int32_t))
        GATHER(int32_t, int32_t, value, );
    else
        GATHER(int64_t, int64_t, value, );
    return RC_OK;
}

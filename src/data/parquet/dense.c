#include "data/parquet/dense.h"

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

/* Every value is copied, and the place advances only behind one that is there: no branch to guess wrong. */
#define GATHER(type, values, validity, rows, into)                                                                     \
    do {                                                                                                               \
        const type *in = (values);                                                                                     \
        type *out = (into);                                                                                            \
        for (int64_t i = 0; i < (rows); i++) {                                                                         \
            *out = in[i];                                                                                              \
            out += bits_get((validity), i);                                                                            \
        }                                                                                                              \
    } while (0)

struct decimal_bytes { /* no __int128: a batch from elsewhere may be aligned to 8 bytes only */
    uint64_t low, high;
};

static void gather_bits(const uint8_t *values, const uint8_t *validity, int64_t rows, uint8_t *into)
{
    int64_t count = 0;
    for (int64_t i = 0; i < rows; i++) {
        bits_put(into, count, bits_get(values, i));
        count += bits_get(validity, i);
    }
}

static void gather_text(const struct ArrowArray *column, const uint8_t *validity, struct str *into)
{
    const int32_t *offsets = column->buffers[1];
    const char *data = column->buffers[2];
    for (int64_t i = 0; i < column->length; i++) {
        *into = (struct str){data + offsets[i], (size_t)(offsets[i + 1] - offsets[i])};
        into += validity == NULL || bits_get(validity, i);
    }
}

void dense_take(const struct ArrowArray *column, enum type type, struct dense_room *room, struct dense *ret)
{
    const uint8_t *validity = column->buffers[0];
    int64_t rows = column->length;
    *ret = (struct dense){.rows = rows, .count = rows, .values = column->buffers[1]};
    if (validity != NULL)
        ret->count = bits_count(validity, 0, rows);
    if (ret->count < rows)
        ret->validity = validity;
    bool is_text = type == TYPE_UTF8 || type == TYPE_BINARY;
    if (!is_text && ret->validity == NULL)
        return;
    void *into = room_for(room, ((size_t)rows + 1) * sizeof(__int128));
    if (is_text)
        gather_text(column, ret->validity, into);
    else if (type == TYPE_BOOL)
        gather_bits(ret->values, ret->validity, rows, into);
    else if (type == TYPE_INT16)
        GATHER(int16_t, ret->values, ret->validity, rows, into);
    else if (type == TYPE_DATE || type == TYPE_INT32 || type == TYPE_FLOAT)
        GATHER(int32_t, ret->values, ret->validity, rows, into);
    else if (type == TYPE_DECIMAL)
        GATHER(struct decimal_bytes, ret->values, ret->validity, rows, into);
    else
        GATHER(int64_t, ret->values, ret->validity, rows, into); /* and double, time, timestamp */
    ret->values = into;
}

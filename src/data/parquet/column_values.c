/* The values of a page, by its encoding, into a column of a batch. */
#include <assert.h>

#include "data/parquet/bits.h"
#include "data/parquet/column_reader.h"
#include "data/parquet/plain.h"
#include "data/parquet/stream_split.h"

enum { TAKE = 512, FIXED_WIDTH_MAX = DECIMAL_BYTES_MAX }; /* values that are decoded at once, on the stack */

static size_t page_left(const struct column_reader *self) { return (size_t)(self->page.end - self->page.at); }

/* ---- looking at the whole page ---- */

static bool fixed_open(struct column_reader *self, int64_t values)
{
    self->values_at = 0;
    self->values_all = values;
    if (self->storage.physical == PHYSICAL_BOOLEAN)
        return ((size_t)values + 7) / 8 == page_left(self);
    return (uint64_t)values * (uint64_t)self->storage.width == page_left(self);
}

static bool plain_open(struct column_reader *self, int64_t values)
{
    return self->storage.physical == PHYSICAL_BYTE_ARRAY ? texts_open(self, values) : fixed_open(self, values);
}

static bool delta_values_open(struct column_reader *self, int64_t values)
{
    const uint8_t *end;
    bool is_sound = delta_open(&self->delta, self->page.at, self->page.end, values, &end);
    return is_sound && end == self->page.end;
}

static bool bools_open(struct column_reader *self, int64_t values)
{
    int64_t ignored;
    return levels_open(&self->bools, &self->page.at, self->page.end) && self->page.at == self->page.end &&
           levels_check(&self->bools, values, &ignored);
}

bool values_open(struct column_reader *self, int64_t values)
{
    if (values == 0 && page_left(self) == 0)
        return true;
    switch (self->page.encoding) {
    case ENCODING_PLAIN: return plain_open(self, values);
    case ENCODING_RLE: return bools_open(self, values);
    case ENCODING_RLE_DICTIONARY:
        return indices_open(&self->indices, self->page.at, self->page.end, values, self->entries);
    case ENCODING_DELTA_BINARY_PACKED: return delta_values_open(self, values);
    case ENCODING_BYTE_STREAM_SPLIT: return fixed_open(self, values);
    case ENCODING_DELTA_LENGTH_BYTE_ARRAY:
    case ENCODING_DELTA_BYTE_ARRAY: return texts_open(self, values);
    default: return false;
    }
}

/* ---- bools ---- */

static void take_bools(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity, int64_t nulls,
                       uint8_t *into)
{
    uint8_t room[BATCH_ROWS_MAX / 8];
    const uint8_t *bits = self->page.at;
    int64_t at = self->values_at, ignored;
    if (self->page.encoding == ENCODING_RLE) {
        memset(room, 0xFF, sizeof(room));
        bool is_sound = levels_take(&self->bools, room, 0, rows - nulls, &ignored);
        assert(is_sound && "the page was checked");
        bits = room;
        at = 0;
    }
    if (validity == NULL)
        bits_copy(into, row, bits, at, rows);
    for (int64_t i = row; validity != NULL && i < row + rows; i++) {
        bool is_there = bits_get(validity, i);
        bits_put(into, i, is_there && bits_get(bits, at));
        at += is_there;
    }
    self->values_at += rows - nulls;
}

/* ---- values of a fixed width ---- */

struct bytes16 {
    uint64_t halves[2];
};

/* The entries of the indices at `next`, one for each row that is not NULL. */
#define GATHER(type)                                                                                                   \
    do {                                                                                                               \
        const type *entries = (const void *)self->dictionary.values;                                                   \
        type *out = (type *)(void *)into->values + row;                                                                \
        if (validity == NULL) {                                                                                        \
            for (int64_t i = 0; i < rows; i++)                                                                         \
                out[i] = entries[next[i]];                                                                             \
        } else {                                                                                                       \
            for (int64_t i = 0; i < rows; i++) {                                                                       \
                bool is_there = bits_get(validity, row + i);                                                           \
                out[i] = is_there ? entries[*next] : (type){0};                                                        \
                next += is_there;                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

static void gather(const struct column_reader *self, const uint32_t *next, int64_t row, int64_t rows,
                   const uint8_t *validity, struct column *into)
{
    switch (into->width) {
    case sizeof(uint16_t): GATHER(uint16_t); break;
    case sizeof(uint32_t): GATHER(uint32_t); break;
    case sizeof(uint64_t): GATHER(uint64_t); break;
    default: GATHER(struct bytes16);
    }
}

static int64_t count_of(const uint8_t *validity, int64_t row, int64_t rows)
{
    return validity != NULL ? bits_count(validity, row, rows) : rows;
}

static void take_indexed(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity,
                         struct column *into)
{
    uint32_t indices[TAKE + 1] = {0};
    for (int64_t done = 0; done < rows; done += TAKE) {
        int64_t some = rows - done < TAKE ? rows - done : TAKE;
        indices_fill(&self->indices, indices, count_of(validity, row + done, some));
        if (self->entries > 0)
            gather(self, indices, row + done, some, validity, into);
        else
            memset(into->values + (size_t)(row + done) * into->width, 0, (size_t)some * into->width);
    }
}

static RC plain_take(const struct column_reader *self, const void *from, int64_t row, int64_t rows,
                     const uint8_t *validity, struct column *into, struct error *err)
{
    return plain_read(self->field, &self->storage, from, validity, row, rows, into->values + (size_t)row * into->width,
                      err);
}

/* Decoded into what would stand in PLAIN, and then as from there. */
static RC take_delta(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity,
                     struct column *into, struct error *err)
{
    int64_t wide[TAKE];
    int32_t narrow[TAKE];
    bool is_narrow = self->storage.width == sizeof(*narrow);
    for (int64_t done = 0; done < rows; done += TAKE) {
        int64_t some = rows - done < TAKE ? rows - done : TAKE, values = count_of(validity, row + done, some);
        delta_take(&self->delta, wide, values);
        for (int64_t i = 0; is_narrow && i < values; i++)
            narrow[i] = (int32_t)wide[i];
        TRY(plain_take(self, is_narrow ? (const void *)narrow : wide, row + done, some, validity, into, err));
    }
    return RC_OK;
}

/* Values of the page's width from PLAIN or BYTE_STREAM_SPLIT, as they would stand in PLAIN. */
void page_take_fixed(struct column_reader *self, int64_t values, uint8_t *into)
{
    int width = self->storage.width;
    size_t bytes = (size_t)values * (size_t)width;
    if (self->page.encoding == ENCODING_BYTE_STREAM_SPLIT)
        stream_split_read(self->page.at, self->values_all, width, self->values_at, values, into);
    else if (bytes != 0)
        memcpy(into, self->page.at + self->values_at * width, bytes);
    self->values_at += values;
}

/* As take_delta, from encodings of numbers that are for texts as well. */
static RC take_turned(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity,
                      struct column *into, struct error *err)
{
    uint8_t room[TAKE * FIXED_WIDTH_MAX];
    int32_t lengths[TAKE];
    for (int64_t done = 0; done < rows; done += TAKE) {
        int64_t some = rows - done < TAKE ? rows - done : TAKE, values = count_of(validity, row + done, some);
        if (self->page.encoding == ENCODING_BYTE_STREAM_SPLIT)
            page_take_fixed(self, values, room);
        else
            delta_texts_take(&self->delta_texts, values, (char *)room, lengths);
        TRY(plain_take(self, room, row + done, some, validity, into, err));
    }
    return RC_OK;
}

/* The bytes that values are made of, as texts, and then they. */
static RC take_by_bytes(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity, int64_t nulls,
                        struct column *into, struct error *err)
{
    struct column *bytes = &self->bytes;
    column_reserve(bytes, rows);
    column_reset(bytes);
    if (validity != NULL) {
        bits_copy(bytes->validity, 0, validity, row, rows);
        bytes->nulls = nulls;
        validity = bytes->validity;
    }
    texts_take(self, rows, validity, nulls, bytes);
    return foreign_make(self->field, &self->storage, bytes, rows, row, into, err);
}

RC values_take(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity, int64_t nulls,
               struct column *into, struct error *err)
{
    enum encoding encoding = self->page.encoding;
    if (into->type == TYPE_BOOL) {
        take_bools(self, row, rows, validity, nulls, into->values);
    } else if (encoding == ENCODING_RLE_DICTIONARY && !column_is_text(into)) {
        take_indexed(self, row, rows, validity, into);
    } else if (encoding != ENCODING_RLE_DICTIONARY && foreign_is_by_bytes(&self->storage)) {
        return take_by_bytes(self, row, rows, validity, nulls, into, err);
    } else if (column_is_text(into)) {
        texts_take(self, rows, validity, nulls, into); /* texts are taken from their first row on */
        return encoding != ENCODING_RLE_DICTIONARY ? texts_check(into, rows, err) : RC_OK; /* its entries were */
    } else if (encoding == ENCODING_DELTA_BINARY_PACKED) {
        return take_delta(self, row, rows, validity, into, err);
    } else if (encoding != ENCODING_PLAIN) {
        return take_turned(self, row, rows, validity, into, err);
    } else {
        TRY(plain_take(self, self->page.at, row, rows, validity, into, err));
        self->page.at += (rows - nulls) * self->storage.width;
    }
    return RC_OK;
}

/* ---- the dictionary ---- */

RC values_take_dictionary(struct column_reader *self, struct error *err)
{
    struct column *into = &self->dictionary;
    int64_t entries = self->page.rows;
    bool is_by_bytes = foreign_is_by_bytes(&self->storage);
    if (!plain_open(self, entries))
        return fail(err, RC_DATA, "its values are damaged, or are more or fewer than it says");
    if (is_by_bytes && entries > INT32_MAX / FOREIGN_TEXT_MAX)
        return fail(err, RC_DATA, "it has %lld entries, more than are read", (long long)entries);
    column_reserve(into, entries);
    self->entries = (uint32_t)entries;
    self->longest = 0;
    if (is_by_bytes)
        TRY(take_by_bytes(self, 0, entries, NULL, 0, into, err));
    else if (!column_is_text(into))
        return entries == 0 ? RC_OK : plain_take(self, self->page.at, 0, entries, NULL, into, err);
    else
        texts_take(self, entries, NULL, 0, into);
    if (!column_is_text(into))
        return RC_OK;
    self->longest = texts_longest(into, entries);
    return texts_check(into, entries, err);
}

/* The values of a page, by its encoding, into a column of a batch. */
#include <assert.h>

#include "data/parquet/bits.h"
#include "data/parquet/column_reader.h"
#include "data/parquet/plain.h"

enum { TAKE = 512 }; /* values that are decoded at once, on the stack */

static size_t page_left(const struct column_reader *self) { return (size_t)(self->page.end - self->page.at); }

/* ---- looking at the whole page ---- */

/* Walks over `count` lengths; NULL: they do not fit into the page. */
static const uint8_t *texts_end(const struct page *page, int64_t count, size_t *ret_bytes)
{
    const uint8_t *at = page->at;
    size_t bytes = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t len;
        if (page->end - at < TEXT_LENGTH_BYTES)
            return NULL;
        memcpy(&len, at, TEXT_LENGTH_BYTES);
        at += TEXT_LENGTH_BYTES;
        if (len > (size_t)(page->end - at))
            return NULL;
        at += len;
        bytes += len;
    }
    *ret_bytes = bytes;
    return at;
}

static bool plain_open(struct column_reader *self, int64_t values)
{
    size_t ignored;
    self->values_at = 0;
    if (self->storage.physical == PHYSICAL_BOOLEAN)
        return ((size_t)values + 7) / 8 == page_left(self);
    if (self->storage.physical != PHYSICAL_BYTE_ARRAY)
        return (uint64_t)values * (uint64_t)self->storage.width == page_left(self);
    return texts_end(&self->page, values, &ignored) == self->page.end;
}

/* Sums up the next `count` lengths; false: one is negative, or the sum is more than `most`. */
static bool lengths_sum(struct delta lengths, int64_t count, uint64_t most, uint64_t *ret)
{
    int64_t some[TAKE];
    uint64_t sum = 0;
    for (int64_t left = count; left > 0; left -= TAKE) {
        int64_t take = left < TAKE ? left : TAKE;
        delta_take(&lengths, some, take);
        for (int64_t i = 0; i < take; i++) {
            if (some[i] < 0 || some[i] > INT32_MAX)
                return false;
            sum += (uint64_t)some[i];
        }
        if (sum > most)
            return false;
    }
    *ret = sum;
    return true;
}

static bool delta_values_open(struct column_reader *self, int64_t values)
{
    const uint8_t *end;
    bool is_sound = delta_open(&self->delta, self->page.at, self->page.end, values, self->storage.width, &end);
    return is_sound && end == self->page.end;
}

static bool delta_lengths_open(struct column_reader *self, int64_t values)
{
    uint64_t sum;
    if (!delta_open(&self->delta, self->page.at, self->page.end, values, TEXT_LENGTH_BYTES, &self->page.at))
        return false;
    return lengths_sum(self->delta, values, page_left(self), &sum) && sum == page_left(self);
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
    case ENCODING_DELTA_LENGTH_BYTE_ARRAY: return delta_lengths_open(self, values);
    default: return false;
    }
}

/* ---- texts ---- */

static void indices_fill(struct indices *self, uint32_t *into, int64_t count)
{
    while (count > 0) {
        int64_t some = indices_take(self, into, count);
        into += some;
        count -= some;
    }
}

static size_t indexed_bytes(const struct column_reader *self, int64_t count)
{
    const int32_t *offsets = self->dictionary.offsets;
    struct indices indices = self->indices;
    uint32_t some[TAKE];
    size_t bytes = 0;
    for (int64_t left = count; left > 0; left -= TAKE) {
        int64_t take = left < TAKE ? left : TAKE;
        indices_fill(&indices, some, take);
        for (int64_t i = 0; i < take; i++)
            bytes += (size_t)(offsets[some[i] + 1] - offsets[some[i]]);
    }
    return bytes;
}

size_t values_text_bytes(const struct column_reader *self, int64_t values)
{
    size_t bytes = 0;
    uint64_t sum = 0;
    bool is_sound = true;
    if (self->page.encoding == ENCODING_RLE_DICTIONARY)
        return indexed_bytes(self, values);
    if (self->page.encoding == ENCODING_DELTA_LENGTH_BYTE_ARRAY)
        is_sound = lengths_sum(self->delta, values, UINT64_MAX, &sum);
    else
        is_sound = texts_end(&self->page, values, &bytes) != NULL;
    assert(is_sound && "the page was checked");
    return bytes + sum;
}

/* Text columns are taken from their first row on, so `into` is empty and row is 0. */
static void take_plain_texts(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls,
                             struct column *into)
{
    size_t bytes = 0;
    const uint8_t *end = texts_end(&self->page, rows - nulls, &bytes), *at = self->page.at;
    assert(end != NULL);
    buf_reserve(&into->data, bytes);
    char *to = into->data.at;
    for (int64_t i = 0; i < rows; i++) {
        if (validity == NULL || bits_get(validity, i)) {
            uint32_t len;
            memcpy(&len, at, TEXT_LENGTH_BYTES);
            memcpy(to, at + TEXT_LENGTH_BYTES, len);
            at += TEXT_LENGTH_BYTES + len;
            to += len;
        }
        into->offsets[i + 1] = (int32_t)(to - into->data.at);
    }
    into->data.len = bytes;
    self->page.at = end;
}

static void take_delta_texts(struct column_reader *self, int64_t rows, const uint8_t *validity, struct column *into)
{
    int64_t lengths[TAKE + 1] = {0}; /* one more: a NULL looks at the length after it */
    int32_t offset = 0;
    for (int64_t row = 0; row < rows; row += TAKE) {
        int64_t some = rows - row < TAKE ? rows - row : TAKE;
        delta_take(&self->delta, lengths, validity != NULL ? bits_count(validity, row, some) : some);
        int64_t *next = lengths;
        for (int64_t i = row; i < row + some; i++) {
            bool is_there = validity == NULL || bits_get(validity, i);
            offset += is_there ? (int32_t)*next : 0;
            next += is_there;
            into->offsets[i + 1] = offset;
        }
    }
    if (offset != 0)
        buf_add(&into->data, self->page.at, (size_t)offset);
    self->page.at += offset;
}

/* Entries of up to 16 bytes are copied as if they had 16: there is room behind both. */
enum { SHORT_TEXT = 16 };

static char *put_entry(char *to, const struct column_reader *self, uint32_t index)
{
    int32_t start = self->dictionary.offsets[index];
    size_t len = (size_t)(self->dictionary.offsets[index + 1] - start);
    const char *from = self->dictionary.data.at + start;
    memcpy(to, from, self->longest <= SHORT_TEXT ? SHORT_TEXT : len);
    return to + len;
}

static void take_indexed_texts(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls,
                               struct column *into)
{
    uint32_t indices[TAKE + 1] = {0};
    size_t most = self->longest <= SHORT_TEXT ? (size_t)rows * self->longest : indexed_bytes(self, rows - nulls);
    buf_reserve(&into->data, most + SHORT_TEXT);
    char *to = into->data.at;
    for (int64_t row = 0; row < rows; row += TAKE) {
        int64_t some = rows - row < TAKE ? rows - row : TAKE;
        indices_fill(&self->indices, indices, validity != NULL ? bits_count(validity, row, some) : some);
        uint32_t *next = indices;
        for (int64_t i = row; i < row + some; i++) {
            if (validity == NULL || bits_get(validity, i))
                to = put_entry(to, self, *next++);
            into->offsets[i + 1] = (int32_t)(to - into->data.at);
        }
    }
    into->data.len = (size_t)(to - into->data.at);
}

static void take_texts(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls,
                       struct column *into)
{
    switch (self->page.encoding) {
    case ENCODING_RLE_DICTIONARY: take_indexed_texts(self, rows, validity, nulls, into); break;
    case ENCODING_DELTA_LENGTH_BYTE_ARRAY: take_delta_texts(self, rows, validity, into); break;
    default: take_plain_texts(self, rows, validity, nulls, into);
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

RC values_take(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity, int64_t nulls,
               struct column *into, struct error *err)
{
    if (column_is_text(into)) {
        take_texts(self, rows, validity, nulls, into);
    } else if (into->type == TYPE_BOOL) {
        take_bools(self, row, rows, validity, nulls, into->values);
    } else if (self->page.encoding == ENCODING_RLE_DICTIONARY) {
        take_indexed(self, row, rows, validity, into);
    } else if (self->page.encoding == ENCODING_DELTA_BINARY_PACKED) {
        return take_delta(self, row, rows, validity, into, err);
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
    if (!plain_open(self, entries))
        return fail(err, RC_DATA, "its values are damaged, or are more or fewer than it says");
    column_reserve(into, entries);
    self->entries = (uint32_t)entries;
    self->longest = 0;
    if (!column_is_text(into))
        return plain_take(self, self->page.at, 0, entries, NULL, into, err);
    take_plain_texts(self, entries, NULL, 0, into);
    buf_reserve(&into->data, SHORT_TEXT);
    for (int64_t i = 0; i < entries; i++) {
        size_t len = (size_t)(into->offsets[i + 1] - into->offsets[i]);
        self->longest = len > self->longest ? len : self->longest;
    }
    return RC_OK;
}

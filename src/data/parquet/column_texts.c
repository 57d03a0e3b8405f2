/* The texts of a page, by its encoding, into a column of a batch: whatever stands in BYTE_ARRAY or FIXED and is no
 * number. */
#include <assert.h>

#include "data/parquet/bits.h"
#include "data/parquet/column_reader.h"
#include "data/parquet/plain.h"

enum { TAKE = 512 }; /* values that are decoded at once, on the stack */

static size_t page_left(const struct column_reader *self) { return (size_t)(self->page.end - self->page.at); }
static bool is_fixed(const struct column_reader *self) { return self->storage.physical == PHYSICAL_FIXED; }

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

static bool delta_lengths_open(struct column_reader *self, int64_t values)
{
    uint64_t sum;
    if (!delta_open(&self->delta, self->page.at, self->page.end, values, &self->page.at))
        return false;
    return lengths_sum(self->delta, values, page_left(self), &sum) && sum == page_left(self);
}

/* Of FIXED all have its width, so none is longer and all together have just that. */
static bool delta_texts_of_page_open(struct column_reader *self, int64_t values)
{
    enum { DECIMAL_TEXT_MAX = 64 };
    size_t longest = is_fixed(self)                                ? (size_t)self->storage.width
                     : self->storage.stored == STORED_DECIMAL_TEXT ? DECIMAL_TEXT_MAX
                                                                   : INT32_MAX;
    if (!delta_texts_open(&self->delta_texts, self->page.at, self->page.end, values, longest))
        return false;
    return !is_fixed(self) || delta_texts_peek(&self->delta_texts, values) == (size_t)values * longest;
}

bool texts_open(struct column_reader *self, int64_t values)
{
    size_t ignored;
    switch (self->page.encoding) {
    case ENCODING_DELTA_LENGTH_BYTE_ARRAY: return delta_lengths_open(self, values);
    case ENCODING_DELTA_BYTE_ARRAY: return delta_texts_of_page_open(self, values);
    default: return texts_end(&self->page, values, &ignored) == self->page.end;
    }
}

/* Together they are UTF-8, and none begins inside of a character. */
RC texts_check(const struct column *texts, int64_t rows, struct error *err)
{
    struct str all = buf_str(&texts->data);
    bool is_sound = texts->type != TYPE_UTF8 || str_is_utf8(all);
    for (int64_t i = 0; i < rows && is_sound && texts->type == TYPE_UTF8; i++) {
        size_t at = (size_t)texts->offsets[i];
        is_sound = at == all.len || ((unsigned char)all.at[at] & 0xC0) != 0x80;
    }
    if (is_sound)
        return RC_OK;
    fail(err, RC_DATA, "it holds a text that is not UTF-8, which its type promises");
    return fail_todo(err, "whoever writes the file has to write that column in UTF-8, or as bytes (not as String)");
}

/* ---- how many bytes ---- */

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

size_t texts_bytes(const struct column_reader *self, int64_t values)
{
    size_t bytes = 0;
    uint64_t sum = 0;
    bool is_sound = true;
    if (self->page.encoding == ENCODING_RLE_DICTIONARY)
        return indexed_bytes(self, values);
    if (foreign_is_by_bytes(&self->storage))
        return (size_t)values * FOREIGN_TEXT_MAX;
    if (is_fixed(self))
        return (size_t)values * (size_t)self->storage.width;
    if (self->page.encoding == ENCODING_DELTA_BYTE_ARRAY)
        return delta_texts_peek(&self->delta_texts, values);
    if (self->page.encoding == ENCODING_DELTA_LENGTH_BYTE_ARRAY)
        is_sound = lengths_sum(self->delta, values, UINT64_MAX, &sum);
    else
        is_sound = texts_end(&self->page, values, &bytes) != NULL;
    assert(is_sound && "the page was checked");
    return bytes + sum;
}

/* ---- taking ---- */

static void take_plain(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls,
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

static void take_fixed(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls,
                       struct column *into)
{
    int32_t width = self->storage.width, offset = 0;
    size_t bytes = (size_t)(rows - nulls) * (size_t)width;
    buf_reserve(&into->data, bytes);
    page_take_fixed(self, rows - nulls, (uint8_t *)into->data.at);
    for (int64_t i = 0; i < rows; i++) {
        offset += validity == NULL || bits_get(validity, i) ? width : 0;
        into->offsets[i + 1] = offset;
    }
    into->data.len = bytes;
}

static void take_delta_lengths(struct column_reader *self, int64_t rows, const uint8_t *validity, struct column *into)
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

static void take_delta_texts(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls,
                             struct column *into)
{
    int32_t lengths[TAKE + 1] = {0}, offset = 0;
    buf_reserve(&into->data, delta_texts_peek(&self->delta_texts, rows - nulls));
    for (int64_t row = 0; row < rows; row += TAKE) {
        int64_t some = rows - row < TAKE ? rows - row : TAKE;
        int64_t values = validity != NULL ? bits_count(validity, row, some) : some;
        delta_texts_take(&self->delta_texts, values, into->data.at + offset, lengths);
        int32_t *next = lengths;
        for (int64_t i = row; i < row + some; i++) {
            bool is_there = validity == NULL || bits_get(validity, i);
            offset += is_there ? *next : 0;
            next += is_there;
            into->offsets[i + 1] = offset;
        }
    }
    into->data.len = (size_t)offset;
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

static void take_indexed(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls,
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

void texts_take(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls, struct column *into)
{
    switch (self->page.encoding) {
    case ENCODING_RLE_DICTIONARY: take_indexed(self, rows, validity, nulls, into); break;
    case ENCODING_DELTA_LENGTH_BYTE_ARRAY: take_delta_lengths(self, rows, validity, into); break;
    case ENCODING_DELTA_BYTE_ARRAY: take_delta_texts(self, rows, validity, nulls, into); break;
    default:
        if (is_fixed(self))
            take_fixed(self, rows, validity, nulls, into);
        else
            take_plain(self, rows, validity, nulls, into);
    }
}

size_t texts_longest(struct column *dictionary, int64_t entries)
{
    size_t longest = 0;
    buf_reserve(&dictionary->data, SHORT_TEXT);
    for (int64_t i = 0; i < entries; i++) {
        size_t len = (size_t)(dictionary->offsets[i + 1] - dictionary->offsets[i]);
        longest = len > longest ? len : longest;
    }
    return longest;
}

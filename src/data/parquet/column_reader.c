#include "data/parquet/column_reader.h"

#include <assert.h>

#include "data/parquet/bits.h"
#include "data/parquet/plain.h"

void column_reader_open(struct column_reader *self, const struct chunk *chunk, int64_t rows)
{
    page_reader_open(&self->pages, chunk);
    self->page.rows = 0;
    self->rows_left = rows;
}

void column_reader_release(struct column_reader *self) { page_reader_release(&self->pages); }

static RC damaged(const struct column_reader *self, const char *what, struct error *err)
{
    return fail(err, RC_DATA, "page at %lld: %s", (long long)self->pages.page_offset, what);
}

static size_t page_left(const struct column_reader *self) { return (size_t)(self->page.end - self->page.at); }

/* Walks over `count` lengths; NULL: they do not fit into the page. */
static const uint8_t *texts_end(const struct column_reader *self, int64_t count, size_t *ret_bytes)
{
    const uint8_t *at = self->page.at;
    size_t bytes = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t len;
        if (self->page.end - at < TEXT_LENGTH_BYTES)
            return NULL;
        memcpy(&len, at, TEXT_LENGTH_BYTES);
        at += TEXT_LENGTH_BYTES;
        if (len > (size_t)(self->page.end - at))
            return NULL;
        at += len;
        bytes += len;
    }
    *ret_bytes = bytes;
    return at;
}

/* What `values` values take of the page; more than there is: they do not fit. */
static size_t values_bytes(const struct column_reader *self, int64_t values)
{
    size_t ignored, left = page_left(self);
    if (self->storage.physical == PHYSICAL_BOOLEAN)
        return ((size_t)values + 7) / 8;
    if (self->storage.physical != PHYSICAL_BYTE_ARRAY)
        return (size_t)values * (size_t)self->storage.width;
    const uint8_t *end = texts_end(self, values, &ignored);
    return end != NULL ? (size_t)(end - self->page.at) : left + 1;
}

/* The whole page is looked at before the first of its rows is taken: damage elsewhere, in the footer, could make sound
 * bytes mean other values. */
static RC page_check(const struct column_reader *self, struct error *err)
{
    int64_t nulls = 0;
    if (self->storage.optional && !levels_check(&self->page.levels, self->page.rows, &nulls))
        return damaged(self, "its levels are damaged", err);
    size_t bytes = values_bytes(self, self->page.rows - nulls);
    if (bytes > page_left(self))
        return damaged(self, "its values end too early", err);
    if (bytes < page_left(self))
        return damaged(self, "it has more values than rows", err);
    if (nulls != 0 && !self->field->nullable)
        return damaged(self, "it has NULLs in a column that should have none", err);
    return RC_OK;
}

RC column_reader_need_page(struct column_reader *self, struct error *err)
{
    while (self->page.rows == 0) {
        TRY(page_reader_next(&self->pages, self->storage.optional, &self->page, err));
        if (self->page.rows > self->rows_left)
            return damaged(self, "it has more rows than are left of its row group", err);
        TRY(page_check(self, err));
        self->values_at = 0;
        self->rows_left -= self->page.rows;
    }
    return RC_OK;
}

size_t column_reader_text_bytes(const struct column_reader *self, int64_t rows)
{
    int64_t nulls = 0;
    size_t bytes = 0;
    bool is_sound = !self->storage.optional || levels_count_nulls(&self->page.levels, rows, &nulls);
    is_sound = is_sound && texts_end(self, rows - nulls, &bytes) != NULL;
    assert(is_sound && "the page was checked");
    return bytes;
}

static void take_texts(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls,
                       struct column *into)
{
    size_t bytes = 0;
    const uint8_t *end = texts_end(self, rows - nulls, &bytes), *at = self->page.at;
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

static void take_bools(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity, int64_t nulls,
                       uint8_t *into)
{
    int64_t at = self->values_at;
    if (validity == NULL)
        bits_copy(into, row, self->page.at, at, rows);
    for (int64_t i = row; validity != NULL && i < row + rows; i++) {
        bool is_there = bits_get(validity, i);
        bits_put(into, i, is_there && bits_get(self->page.at, at));
        at += is_there;
    }
    self->values_at += rows - nulls;
}

static RC take_fixed(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity, int64_t nulls,
                     struct column *into, struct error *err)
{
    char *to = (char *)into->values + (size_t)row * into->width;
    if (plain_read(self->field, &self->storage, self->page.at, validity, row, rows, to, err) != RC_OK)
        return fail_in(err, "page at %lld", (long long)self->pages.page_offset);
    self->page.at += (rows - nulls) * self->storage.width;
    return RC_OK;
}

/* `rows` rows, all of the current page, behind the `row` that are in `into`. */
static RC take_of_page(struct column_reader *self, int64_t row, int64_t rows, struct column *into, struct error *err)
{
    int64_t nulls = 0;
    bool is_sound = !self->storage.optional || levels_take(&self->page.levels, into->validity, row, rows, &nulls);
    assert(is_sound && "the page was checked");
    into->nulls += nulls;
    self->page.rows -= rows;
    const uint8_t *validity = nulls != 0 ? into->validity : NULL;
    if (column_is_text(into))
        take_texts(self, rows, validity, nulls, into);
    else if (into->type == TYPE_BOOL)
        take_bools(self, row, rows, validity, nulls, into->values);
    else
        return take_fixed(self, row, rows, validity, nulls, into, err);
    return RC_OK;
}

RC column_reader_take(struct column_reader *self, int64_t rows, struct column *into, struct error *err)
{
    for (int64_t row = 0; row < rows;) {
        TRY(column_reader_need_page(self, err));
        int64_t take = rows - row < self->page.rows ? rows - row : self->page.rows;
        TRY(take_of_page(self, row, take, into, err));
        row += take;
    }
    return RC_OK;
}

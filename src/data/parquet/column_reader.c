#include "data/parquet/column_reader.h"

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

RC column_reader_need_page(struct column_reader *self, struct error *err)
{
    while (self->page.rows == 0) {
        TRY(page_reader_next(&self->pages, self->storage.optional, &self->page, err));
        self->values_at = 0;
        if (self->page.rows > self->rows_left)
            return damaged(self, "it has more rows than are left of its row group", err);
        self->rows_left -= self->page.rows;
    }
    return RC_OK;
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

RC column_reader_text_bytes(const struct column_reader *self, int64_t rows, uint8_t *scratch, size_t *ret_bytes,
                            struct error *err)
{
    int64_t nulls = 0;
    struct levels levels = self->page.levels; /* only looked at */
    if (self->storage.optional && !levels_take(&levels, scratch, 0, rows, &nulls))
        return damaged(self, "its levels are damaged", err);
    if (texts_end(self, rows - nulls, ret_bytes) == NULL)
        return damaged(self, "its values end too early", err);
    return RC_OK;
}

/* The bytes were walked over once: they are inside the page. */
static RC take_texts(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls,
                     struct column *into, struct error *err)
{
    size_t bytes;
    if (texts_end(self, rows - nulls, &bytes) == NULL)
        return damaged(self, "its values end too early", err);
    buf_reserve(&into->data, bytes);
    const uint8_t *at = self->page.at;
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
    self->page.at = at;
    return RC_OK;
}

static RC take_bools(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity, int64_t nulls,
                     uint8_t *into, struct error *err)
{
    int64_t count = rows - nulls;
    if (((uint64_t)(self->values_at + count) + 7) / 8 > page_left(self))
        return damaged(self, "its values end too early", err);
    if (validity == NULL)
        bits_copy(into, row, self->page.at, self->values_at, count);
    int64_t at = self->values_at;
    for (int64_t i = row; validity != NULL && i < row + rows; i++) {
        bool is_there = bits_get(validity, i);
        bits_put(into, i, is_there && bits_get(self->page.at, at));
        at += is_there;
    }
    self->values_at += count;
    return RC_OK;
}

static RC take_fixed(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity, int64_t nulls,
                     struct column *into, struct error *err)
{
    size_t bytes = (size_t)(rows - nulls) * (size_t)self->storage.width;
    if (bytes > page_left(self))
        return damaged(self, "its values end too early", err);
    char *to = (char *)into->values + (size_t)row * into->width;
    if (plain_read(self->field, &self->storage, self->page.at, validity, row, rows, to, err) != RC_OK)
        return fail_in(err, "page at %lld", (long long)self->pages.page_offset);
    self->page.at += bytes;
    return RC_OK;
}

/* `rows` rows, all of the current page, behind the `row` that are in `into`. */
static RC take_of_page(struct column_reader *self, int64_t row, int64_t rows, struct column *into, struct error *err)
{
    int64_t nulls = 0;
    if (self->storage.optional && !levels_take(&self->page.levels, into->validity, row, rows, &nulls))
        return damaged(self, "its levels are damaged", err);
    if (nulls != 0 && !self->field->nullable)
        return damaged(self, "it has NULLs in a column that should have none", err);
    into->nulls += nulls;
    const uint8_t *validity = nulls != 0 ? into->validity : NULL;
    if (column_is_text(into))
        TRY(take_texts(self, rows, validity, nulls, into, err));
    else if (into->type == TYPE_BOOL)
        TRY(take_bools(self, row, rows, validity, nulls, into->values, err));
    else
        TRY(take_fixed(self, row, rows, validity, nulls, into, err));
    self->page.rows -= rows;
    if (self->page.rows == 0 && into->type != TYPE_BOOL && page_left(self) != 0)
        return damaged(self, "it has more values than rows", err);
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

#include "data/parquet/column_reader.h"

#include <assert.h>

void column_reader_init(struct column_reader *self, const struct field *field, const struct storage *storage)
{
    self->field = field;
    self->storage = *storage;
    column_init(&self->dictionary, field->type);
    column_init(&self->bytes, TYPE_BINARY);
}

void column_reader_open(struct column_reader *self, const struct chunk *chunk, int64_t rows)
{
    page_reader_open(&self->pages, chunk);
    self->page.rows = 0;
    self->rows_left = rows;
    self->entries = 0;
    column_reset(&self->dictionary);
}

void column_reader_release(struct column_reader *self)
{
    page_reader_release(&self->pages);
    column_release(&self->dictionary);
    column_release(&self->bytes);
    delta_texts_release(&self->delta_texts);
}

static RC damaged(const struct column_reader *self, const char *what, struct error *err)
{
    return fail(err, RC_DATA, "page at %lld: %s", (long long)self->pages.page_offset, what);
}

/* The encodings that a column of this physical type can have. */
static bool may_be(const struct column_reader *self, enum encoding encoding)
{
    enum physical physical = self->storage.physical;
    switch (encoding) {
    case ENCODING_PLAIN: return true;
    case ENCODING_RLE: return physical == PHYSICAL_BOOLEAN;
    case ENCODING_RLE_DICTIONARY: return physical != PHYSICAL_BOOLEAN;
    case ENCODING_DELTA_BINARY_PACKED: return physical == PHYSICAL_INT32 || physical == PHYSICAL_INT64;
    case ENCODING_DELTA_LENGTH_BYTE_ARRAY: return physical == PHYSICAL_BYTE_ARRAY;
    case ENCODING_DELTA_BYTE_ARRAY: return physical == PHYSICAL_BYTE_ARRAY || physical == PHYSICAL_FIXED;
    case ENCODING_BYTE_STREAM_SPLIT:
        return physical != PHYSICAL_BOOLEAN && physical != PHYSICAL_INT96 && physical != PHYSICAL_BYTE_ARRAY;
    default: return false;
    }
}

/* The whole page is looked at before the first of its rows is taken: damage elsewhere, in the footer, could make sound
 * bytes mean other values. */
static RC page_check(struct column_reader *self, struct error *err)
{
    int64_t nulls = 0;
    if (!may_be(self, self->page.encoding))
        return fail(err, RC_DATA, "page at %lld: its encoding is %d, which is not read of this type",
                    (long long)self->pages.page_offset, (int)self->page.encoding);
    if (self->storage.optional && !levels_check(&self->page.levels, self->page.rows, &nulls))
        return damaged(self, "its levels are damaged", err);
    if (!values_open(self, self->page.rows - nulls))
        return damaged(self, "its values are damaged, or are more or fewer than its rows", err);
    if (nulls != 0 && !self->field->nullable)
        return damaged(self, "it has NULLs in a column that should have none", err);
    return RC_OK;
}

/* It comes before all data pages. */
static RC dictionary_read(struct column_reader *self, bool is_first, struct error *err)
{
    if (!is_first)
        return damaged(self, "a dictionary that is not the first page", err);
    if (self->page.encoding != ENCODING_PLAIN || self->storage.physical == PHYSICAL_BOOLEAN)
        return damaged(self, "a dictionary that is not PLAIN", err);
    if (values_take_dictionary(self, err) != RC_OK)
        return fail_in(err, "page at %lld", (long long)self->pages.page_offset);
    self->page.rows = 0;
    return RC_OK;
}

RC column_reader_need_page(struct column_reader *self, struct error *err)
{
    while (self->page.rows == 0) {
        bool is_first = page_reader_is_first(&self->pages);
        TRY(page_reader_next(&self->pages, self->storage.optional, &self->page, err));
        if (self->page.is_dictionary) {
            TRY(dictionary_read(self, is_first, err));
            continue;
        }
        if (self->page.rows > self->rows_left)
            return damaged(self, "it has more rows than are left of its row group", err);
        TRY(page_check(self, err));
        self->rows_left -= self->page.rows;
    }
    return RC_OK;
}

size_t column_reader_text_bound(const struct column_reader *self, int64_t rows)
{
    if (self->page.encoding == ENCODING_RLE_DICTIONARY)
        return self->longest * (size_t)rows;
    if (foreign_is_by_bytes(&self->storage))
        return FOREIGN_TEXT_MAX * (size_t)rows;
    if (self->page.encoding == ENCODING_DELTA_BYTE_ARRAY)
        return column_reader_text_bytes(self, rows);
    return (size_t)(self->page.end - self->page.at);
}

size_t column_reader_text_bytes(const struct column_reader *self, int64_t rows)
{
    int64_t nulls = 0;
    bool is_sound = !self->storage.optional || levels_count_nulls(&self->page.levels, rows, &nulls);
    assert(is_sound && "the page was checked");
    return texts_bytes(self, rows - nulls);
}

/* `rows` rows, all of the current page, behind the `row` that are in `into`. */
static RC take_of_page(struct column_reader *self, int64_t row, int64_t rows, struct column *into, struct error *err)
{
    int64_t nulls = 0;
    bool is_sound = !self->storage.optional || levels_take(&self->page.levels, into->validity, row, rows, &nulls);
    assert(is_sound && "the page was checked");
    into->nulls += nulls;
    self->page.rows -= rows;
    if (values_take(self, row, rows, nulls != 0 ? into->validity : NULL, nulls, into, err) != RC_OK)
        return fail_in(err, "page at %lld", (long long)self->pages.page_offset);
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

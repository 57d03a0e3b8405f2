#include "data/parquet/column_writer.h"

#include <stdlib.h>

#include "data/parquet/bits.h"
#include "data/parquet/levels.h"
#include "data/parquet/plain.h"

void column_writer_init(struct column_writer *self, const struct field *field)
{
    *self = (struct column_writer){.field = field, .values = {.max = INT32_MAX}};
    storage_of(field, &self->storage);
    STAILQ_INIT(&self->blocks);
}

static void blocks_free(struct page_blocks *blocks)
{
    for (struct page_block *block; (block = STAILQ_FIRST(blocks)) != NULL;) {
        STAILQ_REMOVE_HEAD(blocks, next);
        free(block);
    }
}

void column_writer_release(struct column_writer *self)
{
    blocks_free(&self->blocks);
    buf_release(&self->values);
    buf_release(&self->bits);
}

void column_writer_reset(struct column_writer *self)
{
    column_writer_release(self);
    column_writer_init(self, self->field);
}

int64_t column_writer_held_bytes(const struct column_writer *self)
{
    return self->blocks_bytes + (int64_t)self->values.len + (int64_t)self->bits.len;
}

static void page_reset(struct column_writer *self)
{
    self->page_rows = self->page_values = 0;
    self->has_bits = false;
    buf_reset(&self->values);
    buf_reset(&self->bits);
}

/* The page is the open one's levels and values, and `last`, a value that went past them. */
static void page_close(struct column_writer *self, struct page_maker *maker, struct str last)
{
    struct str pieces[PAGE_PIECES_MAX] = {S(""), buf_str(&self->values), last};
    buf_reset(&maker->levels);
    if (self->storage.optional) {
        levels_write(&maker->levels, self->has_bits ? (const uint8_t *)self->bits.at : NULL, self->page_rows);
        pieces[0] = buf_str(&maker->levels);
    }
    struct page_block *block = page_pack(maker->compressor, pieces, PAGE_PIECES_MAX, self->page_rows);
    STAILQ_INSERT_TAIL(&self->blocks, block, next);
    self->blocks_bytes += (int64_t)block->len;
    self->blocks_raw_bytes += (int64_t)block->raw_bytes;
    page_reset(self);
}

void column_writer_finish(struct column_writer *self, struct page_maker *maker)
{
    if (self->page_rows > 0)
        page_close(self, maker, S(""));
}

static void page_close_if_full(struct column_writer *self, struct page_maker *maker)
{
    if (self->values.len >= maker->page_bytes || self->page_rows >= PAGE_ROWS_MAX)
        page_close(self, maker, S(""));
}

/* Makes the bits [0, rows) exist; what is new is zero. */
static uint8_t *bits_extend(struct column_writer *self, int64_t rows)
{
    size_t bytes = ((size_t)rows + 7) / 8, more = bytes - self->bits.len;
    buf_reserve(&self->bits, more);
    memset(self->bits.at + self->bits.len, 0, more);
    self->bits.len = bytes;
    return (uint8_t *)self->bits.at;
}

/* Rows [at, at + rows) of the batch join the open page; it keeps bits only from its first NULL on. */
static void page_add_rows(struct column_writer *self, const uint8_t *validity, int64_t at, int64_t rows, int64_t values)
{
    if (self->has_bits || values < rows) {
        uint8_t *bits = bits_extend(self, self->page_rows + rows);
        if (!self->has_bits)
            bits_fill(bits, 0, true, self->page_rows);
        self->has_bits = true;
        if (values < rows)
            bits_copy(bits, self->page_rows, validity, at, rows);
        else
            bits_fill(bits, self->page_rows, true, rows);
    }
    self->page_rows += rows;
    self->page_values += values;
    self->rows += rows;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void write_bools(struct column_writer *self, const void *values, int64_t first, int64_t count)
{
    size_t bytes = ((size_t)(self->page_values + count) + 7) / 8, more = bytes - self->values.len;
    buf_reserve(&self->values, more);
    memset(self->values.at + self->values.len, 0, more);
    self->values.len = bytes;
    bits_copy((uint8_t *)self->values.at, self->page_values, values, first, count);
}

static void add_fixed(struct column_writer *self, struct page_maker *maker, const struct dense *dense)
{
    int64_t value = 0;
    for (int64_t row = 0; row < dense->rows;) {
        int64_t rows = least(dense->rows - row, PAGE_ROWS_MAX - self->page_rows);
        if (self->storage.width != 0)
            rows = least(rows, 1 + (int64_t)(maker->page_bytes - self->values.len - 1) / self->storage.width);
        int64_t count = dense->validity != NULL ? bits_count(dense->validity, row, rows) : rows;
        if (self->storage.width == 0)
            write_bools(self, dense->values, value, count);
        else
            plain_write(self->field, &self->storage, dense->values, value, count, &self->values);
        page_add_rows(self, dense->validity, row, rows, count);
        page_close_if_full(self, maker);
        row += rows;
        value += count;
    }
}

/* How many of the values fit into what is left of the page. */
static int64_t texts_that_fit(const struct str *values, int64_t count, size_t left)
{
    int64_t fit = 0;
    while (fit < count && values[fit].len + TEXT_LENGTH_BYTES <= left)
        left -= values[fit++].len + TEXT_LENGTH_BYTES;
    return fit;
}

/* The rows before the value after the next `values`: theirs, and NULLs. */
static int64_t rows_of_values(const uint8_t *validity, int64_t row, int64_t rows, int64_t values)
{
    if (validity == NULL)
        return values;
    int64_t end = row;
    for (int64_t seen = 0; end < row + rows; end++) {
        seen += bits_get(validity, end);
        if (seen > values)
            break;
    }
    return end - row;
}

static void write_texts(struct buf *out, const struct str *values, int64_t count)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < count; i++)
        bytes += values[i].len + TEXT_LENGTH_BYTES;
    buf_reserve(out, bytes);
    char *at = out->at + out->len;
    for (int64_t i = 0; i < count; i++) {
        uint32_t len = (uint32_t)values[i].len;
        memcpy(at, &len, TEXT_LENGTH_BYTES);
        memcpy(at + TEXT_LENGTH_BYTES, values[i].at, len);
        at += TEXT_LENGTH_BYTES + len;
    }
    out->len += bytes;
}

/* A value as long as a page goes from the batch to the compressor without a copy, in a page of its own. */
static void write_long_text(struct column_writer *self, struct page_maker *maker, struct str value)
{
    if (self->page_rows > 0)
        page_close(self, maker, S(""));
    uint32_t len = (uint32_t)value.len;
    buf_add(&self->values, &len, TEXT_LENGTH_BYTES);
    page_add_rows(self, NULL, 0, 1, 1);
    page_close(self, maker, value);
}

static void add_texts(struct column_writer *self, struct page_maker *maker, const struct dense *dense)
{
    const struct str *values = dense->values, *end = values + dense->count;
    for (int64_t row = 0; row < dense->rows;) {
        int64_t rows = least(dense->rows - row, PAGE_ROWS_MAX - self->page_rows);
        int64_t fit = texts_that_fit(values, end - values, maker->page_bytes - self->values.len);
        rows = least(rows, rows_of_values(dense->validity, row, dense->rows - row, fit));
        if (rows > 0) {
            int64_t count = dense->validity != NULL ? bits_count(dense->validity, row, rows) : rows;
            write_texts(&self->values, values, count);
            page_add_rows(self, dense->validity, row, rows, count);
            page_close_if_full(self, maker);
            row += rows;
            values += count;
        } else if (values->len + TEXT_LENGTH_BYTES > maker->page_bytes) {
            write_long_text(self, maker, *values++);
            row++;
        } else {
            page_close(self, maker, S(""));
        }
    }
}

static RC check_texts(const struct column_writer *self, const struct dense *dense, struct error *err)
{
    const struct str *values = dense->values;
    for (int64_t i = 0; i < dense->count; i++) {
        if (values[i].len > PARQUET_TEXT_BYTES_MAX)
            return fail(err, RC_DATA, "column '%s': a value of %zu bytes is longer than the %d that a file can hold",
                        self->field->name, values[i].len, PARQUET_TEXT_BYTES_MAX);
    }
    return RC_OK;
}

RC column_writer_add(struct column_writer *self, struct page_maker *maker, const struct ArrowArray *array,
                     struct error *err)
{
    struct dense dense;
    dense_take(array, self->field->type, &maker->room, &dense);
    if (dense.count < dense.rows && !self->storage.optional)
        return fail(err, RC_DATA, "column '%s' is declared without NULLs, and has %lld", self->field->name,
                    (long long)(dense.rows - dense.count));
    bool is_text = self->storage.physical == PHYSICAL_BYTE_ARRAY;
    if (is_text)
        TRY(check_texts(self, &dense, err));
    TRY(statistics_add(&self->statistics, self->field, &self->storage, &dense, err));
    if (is_text)
        add_texts(self, maker, &dense);
    else
        add_fixed(self, maker, &dense);
    return RC_OK;
}

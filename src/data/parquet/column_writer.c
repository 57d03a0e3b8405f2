#include "data/parquet/column_writer.h"

#include <stdlib.h>

#include "data/parquet/bits.h"
#include "data/parquet/plain.h"
#include "data/parquet/writer.h"

/* A dictionary is judged when there are this many values; a hopeless one earlier. */
enum { VALUES_TO_DECIDE = 16384, VALUES_TO_DESPAIR = 4096 };

void column_writer_init(struct column_writer *self, const struct field *field, const struct profile *profile)
{
    *self =
        (struct column_writer){.field = field, .profile = profile, .values = {.max = INT32_MAX}, .codec = CODEC_NONE};
    storage_of(field, profile, &self->storage);
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
    dictionary_free(TAKE(self->dictionary));
    buf_release(&self->values);
    buf_release(&self->lengths);
    buf_release(&self->bits);
}

void column_writer_reset(struct column_writer *self)
{
    column_writer_release(self);
    column_writer_init(self, self->field, self->profile);
}

int64_t column_writer_held_bytes(const struct column_writer *self)
{
    size_t open = self->values.len + self->lengths.len + self->bits.len;
    size_t dictionary = self->dictionary != NULL ? dictionary_held_bytes(self->dictionary) : 0;
    return self->held_bytes + (int64_t)(open + dictionary);
}

int64_t column_writer_file_bytes(const struct column_writer *self)
{
    size_t open = self->values.len + self->lengths.len + self->bits.len;
    size_t dictionary = self->dictionary != NULL ? dictionary_plain(self->dictionary).len : 0;
    return self->held_bytes + (int64_t)(open + dictionary);
}

static bool is_text(const struct column_writer *self) { return self->storage.physical == PHYSICAL_BYTE_ARRAY; }
static bool is_real(const struct column_writer *self)
{
    return self->storage.physical == PHYSICAL_FLOAT || self->storage.physical == PHYSICAL_DOUBLE;
}

/* ---- the dictionary ---- */

static void dictionary_start(struct column_writer *self, const struct page_maker *maker)
{
    bool may_have = self->storage.physical != PHYSICAL_BOOLEAN && self->storage.physical != PHYSICAL_FIXED;
    self->is_indexing = may_have && (maker->profile.encodings & PARQUET_DICTIONARY) != 0;
    if (self->is_indexing)
        self->dictionary = dictionary_new(&self->storage);
}

/* Bounds of the entries are bounds of the values. */
static RC entries_state(struct column_writer *self, struct error *err)
{
    struct dense entries;
    if (is_real(self) || self->dictionary == NULL)
        return RC_OK;
    dictionary_dense(self->dictionary, self->entries_stated, &entries);
    self->entries_stated += entries.count;
    return statistics_add(&self->statistics, self->field, &self->storage, &entries, err);
}

/* It is dropped as if it had never been there. */
static void dictionary_drop(struct column_writer *self)
{
    column_page_unindex(self);
    dictionary_free(TAKE(self->dictionary));
    self->is_indexing = false;
}

/* `is_all`: no more values will come. */
static RC dictionary_decide(struct column_writer *self, struct page_maker *maker, bool is_all, struct error *err)
{
    if (!self->is_indexing || self->is_decided)
        return RC_OK;
    TRY(entries_state(self, err));
    self->is_decided = column_dictionary_pays(self, maker, is_all);
    if (!self->is_decided)
        dictionary_drop(self);
    return RC_OK;
}

/* Full: the pages that have used it keep it. */
static RC dictionary_leave(struct column_writer *self, struct page_maker *maker, struct error *err)
{
    TRY(entries_state(self, err));
    if (!self->is_decided) {
        dictionary_drop(self);
        return RC_OK;
    }
    if (self->page_rows > 0)
        column_page_close(self, maker, (struct str){NULL, 0});
    self->is_indexing = false;
    return RC_OK;
}

static bool is_time_to_decide(const struct column_writer *self)
{
    if (!self->is_indexing || self->is_decided || self->page_values < VALUES_TO_DESPAIR)
        return false;
    bool is_hopeless = dictionary_count(self->dictionary) > self->page_values - self->page_values / 16;
    return is_hopeless || self->page_values >= VALUES_TO_DECIDE;
}

/* ---- pages ---- */

static size_t page_bytes(const struct column_writer *self) { return self->values.len + self->lengths.len; }

static RC page_close(struct column_writer *self, struct page_maker *maker, struct error *err)
{
    TRY(dictionary_decide(self, maker, false, err));
    column_page_close(self, maker, (struct str){NULL, 0});
    return RC_OK;
}

static RC page_close_if_full(struct column_writer *self, struct page_maker *maker, struct error *err)
{
    bool is_full = page_bytes(self) >= maker->page_bytes || self->page_rows >= PAGE_ROWS_MAX;
    return is_full ? page_close(self, maker, err) : RC_OK;
}

/* What it still has to say of values was said when they came. */
void column_writer_finish(struct column_writer *self, struct page_maker *maker)
{
    if (self->is_indexing && !self->is_decided) {
        self->is_decided = column_dictionary_pays(self, maker, true);
        if (!self->is_decided)
            dictionary_drop(self);
    }
    if (self->page_rows > 0)
        column_page_close(self, maker, (struct str){NULL, 0});
    column_pages_finish(self, maker);
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

/* How much of a batch is taken. */
struct progress {
    int64_t row, value;
};

static int64_t values_of(const struct dense *dense, int64_t row, int64_t rows)
{
    return dense->validity != NULL ? bits_count(dense->validity, row, rows) : rows;
}

static RC rows_taken(struct column_writer *self, struct page_maker *maker, const struct dense *dense,
                     struct progress *at, int64_t rows, int64_t values, struct error *err)
{
    page_add_rows(self, dense->validity, at->row, rows, values);
    at->row += rows;
    at->value += values;
    return page_close_if_full(self, maker, err);
}

/* ---- values ---- */

/* Rows that still fit into the page, where each value takes `width` bytes; 0: less than one. */
static int64_t rows_that_fit(const struct column_writer *self, const struct page_maker *maker,
                             const struct dense *dense, const struct progress *at, int width)
{
    int64_t rows = least(dense->rows - at->row, PAGE_ROWS_MAX - self->page_rows);
    return width == 0 ? rows : least(rows, 1 + (int64_t)(maker->page_bytes - self->values.len - 1) / width);
}

static int64_t bytes_of_texts(const struct str *texts, int64_t count)
{
    int64_t bytes = 0;
    for (int64_t i = 0; i < count; i++)
        bytes += (int64_t)texts[i].len;
    return bytes;
}

/* As indices, until the batch ends or the dictionary is left. */
static RC add_indices(struct column_writer *self, struct page_maker *maker, const struct dense *dense,
                      struct progress *at, struct error *err)
{
    while (at->row < dense->rows && self->is_indexing) {
        int64_t rows = rows_that_fit(self, maker, dense, at, sizeof(uint16_t));
        if (!self->is_decided)
            rows = least(rows, VALUES_TO_DESPAIR); /* a hopeless dictionary is not filled by a whole batch */
        int64_t values = values_of(dense, at->row, rows);
        buf_reserve(&self->values, (size_t)values * sizeof(uint16_t));
        uint16_t *indices = (void *)(self->values.at + self->values.len);
        if (dictionary_index(self->dictionary, dense, at->value, values, indices) < values)
            return dictionary_leave(self, maker, err);
        self->values.len += (size_t)values * sizeof(uint16_t);
        if (is_text(self))
            self->text_bytes += bytes_of_texts((const struct str *)dense->values + at->value, values);
        TRY(rows_taken(self, maker, dense, at, rows, values, err));
        if (is_time_to_decide(self))
            TRY(dictionary_decide(self, maker, false, err));
    }
    return RC_OK;
}

static void write_bools(struct column_writer *self, const void *values, int64_t first, int64_t count)
{
    size_t bytes = ((size_t)(self->page_values + count) + 7) / 8, more = bytes - self->values.len;
    buf_reserve(&self->values, more);
    memset(self->values.at + self->values.len, 0, more);
    self->values.len = bytes;
    bits_copy((uint8_t *)self->values.at, self->page_values, values, first, count);
}

static RC add_fixed(struct column_writer *self, struct page_maker *maker, const struct dense *dense,
                    struct progress *at, struct error *err)
{
    while (at->row < dense->rows) {
        int64_t rows = rows_that_fit(self, maker, dense, at, self->storage.width);
        int64_t values = values_of(dense, at->row, rows);
        if (self->storage.width == 0)
            write_bools(self, dense->values, at->value, values);
        else
            plain_write(&self->storage, dense->values, at->value, values, &self->values);
        TRY(rows_taken(self, maker, dense, at, rows, values, err));
    }
    return RC_OK;
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

static void write_lengths(struct column_writer *self, const struct str *values, int64_t count)
{
    buf_reserve(&self->lengths, (size_t)count * TEXT_LENGTH_BYTES);
    uint32_t *lengths = (void *)(self->lengths.at + self->lengths.len);
    for (int64_t i = 0; i < count; i++)
        lengths[i] = (uint32_t)values[i].len;
    self->lengths.len += (size_t)count * TEXT_LENGTH_BYTES;
}

/* Texts that lie one behind the other, as in a batch without NULLs, are one run of bytes. */
static void write_texts(struct column_writer *self, const struct str *values, int64_t count)
{
    size_t bytes = (size_t)bytes_of_texts(values, count);
    if (count == 0)
        return;
    write_lengths(self, values, count);
    buf_reserve(&self->values, bytes);
    char *to = self->values.at + self->values.len;
    self->values.len += bytes;
    const char *start = values[0].at, *end = values[count - 1].at + values[count - 1].len;
    bool is_run = (uintptr_t)end - (uintptr_t)start == bytes;
    for (int64_t i = 1; i < count && is_run; i++)
        is_run = values[i].at == values[i - 1].at + values[i - 1].len;
    if (is_run && bytes != 0)
        memcpy(to, start, bytes);
    for (int64_t i = 0; i < count && !is_run; i++) {
        if (values[i].len != 0)
            memcpy(to, values[i].at, values[i].len);
        to += values[i].len;
    }
}

/* A value as long as a page goes from the batch to the compressor without a copy, in a page of its own. */
static void write_long_text(struct column_writer *self, struct page_maker *maker, struct str value)
{
    if (self->page_rows > 0)
        column_page_close(self, maker, (struct str){NULL, 0});
    write_lengths(self, &value, 1);
    page_add_rows(self, NULL, 0, 1, 1);
    column_page_close(self, maker, value);
}

static RC add_texts(struct column_writer *self, struct page_maker *maker, const struct dense *dense,
                    struct progress *at, struct error *err)
{
    const struct str *texts = dense->values;
    while (at->row < dense->rows) {
        int64_t rows = least(dense->rows - at->row, PAGE_ROWS_MAX - self->page_rows);
        const struct str *next = texts + at->value;
        int64_t fit = texts_that_fit(next, dense->count - at->value, maker->page_bytes - page_bytes(self));
        rows = least(rows, rows_of_values(dense->validity, at->row, dense->rows - at->row, fit));
        if (rows > 0) {
            int64_t values = values_of(dense, at->row, rows);
            write_texts(self, next, values);
            TRY(rows_taken(self, maker, dense, at, rows, values, err));
        } else if (next->len + TEXT_LENGTH_BYTES > maker->page_bytes) {
            write_long_text(self, maker, *next);
            at->row++;
            at->value++;
        } else {
            column_page_close(self, maker, (struct str){NULL, 0});
        }
    }
    return RC_OK;
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

/* Statistics of the values from `at` on; NULLs are counted by the batch. */
static RC rest_state(struct column_writer *self, const struct dense *dense, const struct progress *at,
                     struct error *err)
{
    int64_t count = dense->count - at->value;
    size_t width = is_text(self)                              ? sizeof(struct str)
                   : self->storage.physical == PHYSICAL_FIXED ? sizeof(__int128)
                                                              : (size_t)self->storage.width;
    struct dense rest = {
        .rows = count, .count = count, .values = (const char *)dense->values + (size_t)at->value * width};
    return statistics_add(&self->statistics, self->field, &self->storage, &rest, err);
}

static RC add(struct column_writer *self, struct page_maker *maker, const struct dense *dense, struct error *err)
{
    struct progress at = {0, 0};
    bool is_stated = is_real(self) || !self->is_indexing;
    if (is_stated)
        TRY(rest_state(self, dense, &at, err));
    TRY(add_indices(self, maker, dense, &at, err));
    TRY(entries_state(self, err));
    TRY(page_close_if_full(self, maker, err));
    if (!is_stated)
        TRY(rest_state(self, dense, &at, err));
    return is_text(self) ? add_texts(self, maker, dense, &at, err) : add_fixed(self, maker, dense, &at, err);
}

RC column_writer_add(struct column_writer *self, struct page_maker *maker, const struct ArrowArray *array,
                     struct error *err)
{
    struct dense dense;
    TRY(dense_take(array, self->field, &self->storage, &maker->room, &dense, err));
    if (dense.count < dense.rows && !self->storage.optional)
        return fail(err, RC_DATA, "column '%s' is declared without NULLs, and has %lld", self->field->name,
                    (long long)(dense.rows - dense.count));
    if (is_text(self))
        TRY(check_texts(self, &dense, err));
    if (self->rows == 0 && dense.rows > 0)
        dictionary_start(self, maker);
    self->statistics.nulls += dense.rows - dense.count;
    return add(self, maker, &dense, err);
}

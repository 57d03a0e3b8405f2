/* One column of the row group being read: rows are taken off its pages into a column of a batch. */
#pragma once

#include "data/column.h"
#include "data/parquet/delta_text.h"
#include "data/parquet/foreign.h"
#include "data/parquet/indices.h"
#include "data/parquet/page_reader.h"

struct column_reader {
    const struct field *field;
    struct storage storage;
    struct page_reader pages;
    struct page page;  /* rows: those not yet taken */
    int64_t rows_left; /* of the row group, behind the current page */

    /* Where the values of the page stand, by its encoding: page.at is where its bytes are, for what has any. */
    int64_t values_at, values_all; /* BYTE_STREAM_SPLIT, and bool, PLAIN: how many are taken, and how many there were */
    struct levels bools;           /* bool, RLE */
    struct indices indices;        /* RLE_DICTIONARY */
    struct delta delta;            /* DELTA_BINARY_PACKED: the values; DELTA_LENGTH_BYTE_ARRAY: the lengths */
    struct delta_texts delta_texts; /* DELTA_BYTE_ARRAY */
    struct column bytes;            /* what values are made of that are not stored as they are (foreign.h) */

    struct column dictionary; /* the chunk's entries, as a batch has them */
    uint32_t entries;
    size_t longest; /* of them, where they are texts */
};

void column_reader_init(struct column_reader *self, const struct field *field, const struct storage *storage);
/* The row group's chunk; the reader keeps its memory from chunk to chunk. */
void column_reader_open(struct column_reader *self, const struct chunk *chunk, int64_t rows);
void column_reader_release(struct column_reader *self);

/* Makes sure that there is a page with rows (there are rows left); it was checked, so that taking cannot overrun it. */
RC column_reader_need_page(struct column_reader *self, struct error *err);
/* utf8 and binary: the bytes of the next `rows` rows, all of the current page. */
size_t column_reader_text_bytes(const struct column_reader *self, int64_t rows);
/* No less than that, without a look at the rows. */
size_t column_reader_text_bound(const struct column_reader *self, int64_t rows);
/* Takes `rows` rows into a column that is empty and has room for them. Text: of the current page. */
RC column_reader_take(struct column_reader *self, int64_t rows, struct column *into, struct error *err);

/* Internal to the column's reader (column_values.c). Whether the page holds just `values` values; they are then where
 * the next call begins. */
bool values_open(struct column_reader *self, int64_t values);
/* Takes the values of `rows` rows, `nulls` of them NULL (validity NULL: none), into a column from `row` on. */
RC values_take(struct column_reader *self, int64_t row, int64_t rows, const uint8_t *validity, int64_t nulls,
               struct column *into, struct error *err);
/* The values of a dictionary page, which is the current one, become the dictionary. */
RC values_take_dictionary(struct column_reader *self, struct error *err);
void page_take_fixed(struct column_reader *self, int64_t values, uint8_t *into);

/* Internal (column_texts.c): the same for texts, of BYTE_ARRAY or FIXED; `into` is empty, `validity` begins with it. */
bool texts_open(struct column_reader *self, int64_t values);
size_t texts_bytes(const struct column_reader *self, int64_t values); /* no less than the next values have */
void texts_take(struct column_reader *self, int64_t rows, const uint8_t *validity, int64_t nulls, struct column *into);
/* RC_DATA: utf8, and one of them is not. */
RC texts_check(const struct column *texts, int64_t rows, struct error *err);
/* The longest entry; room is made behind the last one. */
size_t texts_longest(struct column *dictionary, int64_t entries);

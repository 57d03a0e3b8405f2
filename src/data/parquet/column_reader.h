/* One column of the row group being read: rows are taken off its pages into a column of a batch. */
#pragma once

#include "data/column.h"
#include "data/parquet/page_reader.h"

struct column_reader {
    const struct field *field;
    struct storage storage;
    struct page_reader pages;
    struct page page;  /* rows: those not yet taken */
    int64_t values_at; /* bool: bits of the page that are taken */
    int64_t rows_left; /* of the row group, behind the current page */
};

/* The row group's chunk; the reader keeps its memory from chunk to chunk. */
void column_reader_open(struct column_reader *self, const struct chunk *chunk, int64_t rows);
void column_reader_release(struct column_reader *self);

/* Makes sure that there is a page with rows (there are rows left); it was checked, so that taking cannot overrun it. */
RC column_reader_need_page(struct column_reader *self, struct error *err);
/* utf8 and binary: the bytes of the next `rows` rows, all of the current page. */
size_t column_reader_text_bytes(const struct column_reader *self, int64_t rows);
/* Takes `rows` rows into a column that is empty and has room for them. Text: of the current page. */
RC column_reader_take(struct column_reader *self, int64_t rows, struct column *into, struct error *err);

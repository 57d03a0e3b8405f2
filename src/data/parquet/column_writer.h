/* One column of the row group being written: its statistics, its open page, and its finished pages, compressed and held
 * until the row group is written, because a file has the columns of a row group one behind the other. */
#pragma once

#include "data/parquet/dense.h"
#include "data/parquet/page_writer.h"
#include "data/parquet/statistics.h"

/* What the columns of a file share; they take turns. */
struct page_maker {
    struct compressor *compressor;
    size_t page_bytes;
    struct dense_room room;
    struct buf levels;
};

/* A text of this length and more is refused: a page's length is 31 bits, and other readers have lower limits. */
enum { PARQUET_TEXT_BYTES_MAX = 1 << 30, PAGE_ROWS_MAX = 1 << 17 };

struct column_writer {
    const struct field *field;
    struct storage storage;
    struct statistics statistics;
    struct page_blocks blocks;
    int64_t blocks_bytes, blocks_raw_bytes; /* headers are counted in both */
    int64_t rows;                           /* of the row group */
    int64_t page_rows, page_values;
    struct buf values; /* of the open page */
    struct buf bits;   /* its validity, once it has a NULL */
    bool has_bits;
};

void column_writer_init(struct column_writer *self, const struct field *field);
void column_writer_release(struct column_writer *self);

/* Takes the column's values of a batch. RC_DATA: a value that the file cannot hold. */
RC column_writer_add(struct column_writer *self, struct page_maker *maker, const struct ArrowArray *array,
                     struct error *err);
/* Finishes the open page; the blocks are then the whole column chunk. */
void column_writer_finish(struct column_writer *self, struct page_maker *maker);
/* What is held in memory. */
int64_t column_writer_held_bytes(const struct column_writer *self);
/* For the next row group; the memory is given back. */
void column_writer_reset(struct column_writer *self);

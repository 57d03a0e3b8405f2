/* One column of the row group being written: its statistics, its open page, and its finished pages, held until the row
 * group is written, because a file has the columns of a row group one behind the other.
 *
 * How values are encoded is found out from the values. A column chunk begins with a dictionary, if its type can have
 * one; it is dropped when the first thousands of values show that it does not pay, and nothing is lost, for they still
 * stand in the open page. One that is full later on stays for the pages that have used it. Without a dictionary the
 * encoding that makes a sample of the first page shortest is taken for it and the next few pages. A chunk that
 * compression makes hardly shorter is not compressed. */
#pragma once

#include "data/parquet/dense.h"
#include "data/parquet/dictionary.h"
#include "data/parquet/page_writer.h"
#include "data/parquet/statistics.h"

/* What the columns of a file share; they take turns. */
struct page_maker {
    struct compressor *compressor;
    size_t page_bytes;
    struct profile profile;
    struct dense_room room;
    struct buf levels, encoded, scratch;
};

/* A text of this length and more is refused: a page's length is 31 bits, and other readers have lower limits. */
enum { PARQUET_TEXT_BYTES_MAX = 1 << 30, PAGE_ROWS_MAX = 1 << 17 };

struct column_writer {
    const struct field *field;
    const struct profile *profile;
    struct storage storage;
    struct statistics statistics;

    struct page_blocks blocks;                                /* once it is finished, the dictionary is the first */
    int64_t held_bytes;                                       /* of the blocks */
    int64_t blocks_bytes, blocks_raw_bytes, dictionary_bytes; /* once it is finished; headers are counted in all */
    enum codec_id codec;
    unsigned encodings; /* bits: 1 << enum encoding */
    int64_t rows;       /* of the row group */

    struct dictionary *dictionary; /* NULL: none */
    bool is_indexing;              /* the open page holds indices */
    bool is_decided;               /* the dictionary has shown that it pays */
    int64_t entries_stated;        /* of the dictionary, in the statistics */
    enum encoding choice;          /* of the values of pages without it */
    int choice_pages;              /* for which it is good, yet */

    int64_t page_rows, page_values;
    struct buf values;  /* of the open page: as in PLAIN, or bytes of texts, or indices as uint16_t */
    struct buf lengths; /* of its texts, as uint32_t */
    int64_t text_bytes; /* of those that stand there as indices */
    struct buf bits;    /* its validity, once it has a NULL */
    bool has_bits;
};

void column_writer_init(struct column_writer *self, const struct field *field, const struct profile *profile);
void column_writer_release(struct column_writer *self);

/* Takes the column's values of a batch. RC_DATA: a value that the file cannot hold. */
RC column_writer_add(struct column_writer *self, struct page_maker *maker, const struct ArrowArray *array,
                     struct error *err);
/* Finishes the open page; the blocks are then the whole column chunk. */
void column_writer_finish(struct column_writer *self, struct page_maker *maker);
/* What is held in memory. */
int64_t column_writer_held_bytes(const struct column_writer *self);
/* What the file would get of it, the open page and the dictionary uncompressed. */
int64_t column_writer_file_bytes(const struct column_writer *self);
/* For the next row group; the memory is given back. */
void column_writer_reset(struct column_writer *self);

/* Internal to the column's writer (column_page.c): the open page becomes a block, of which `last` is the end: a text
 * that went past the page's own bytes; at NULL: there is none. */
void column_page_close(struct column_writer *self, struct page_maker *maker, struct str last);
/* The dictionary's page becomes the first block, and the blocks get their headers. */
void column_pages_finish(struct column_writer *self, struct page_maker *maker);
/* Internal (column_choice.c): what the open page is to be encoded by. */
enum encoding column_choose(const struct column_writer *self, struct page_maker *maker);
/* Internal (column_dictionary.c): whether it pays for the values of the open page, and those that may follow. */
bool column_dictionary_pays(const struct column_writer *self, const struct page_maker *maker, bool is_all);
/* The indices of the open page become its values. */
void column_page_unindex(struct column_writer *self);

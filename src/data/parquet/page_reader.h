/* The pages of one column chunk, one after the other: checked, decompressed, with their levels taken off. Data pages
 * v1 and v2, and dictionary pages. */
#pragma once

#include "data/parquet/codec.h"
#include "data/parquet/footer.h"
#include "data/parquet/levels.h"
#include "data/parquet/packed.h"

/* Compressed bytes that were read ahead. */
struct window {
    char *at;
    size_t size, start, len; /* what is there: [start, start + len) */
};

struct page_reader {
    const struct parquet_input *input;
    struct decompressor *decompressor; /* shared by all columns */
    size_t window_bytes;               /* read at least this much at once */
    struct window window;
    enum codec_id codec;
    int64_t page_offset;        /* where the current page's header lies, for messages */
    int64_t start, offset, end; /* in the file: the chunk, behind the window, behind the chunk */
    char *raw;                  /* the current page */
    size_t raw_size;
};

/* PACKED_SLACK zero bytes lie behind the end. */
struct page {
    bool is_dictionary;
    enum encoding encoding;  /* of the values; PLAIN_DICTIONARY has become RLE_DICTIONARY, or PLAIN of a dictionary */
    int64_t rows;            /* of a dictionary: its entries */
    const uint8_t *at, *end; /* its values */
    struct levels levels;    /* only where there may be NULLs */
};

void page_reader_open(struct page_reader *self, const struct chunk *chunk);
bool page_reader_is_first(const struct page_reader *self); /* the next page is the chunk's first */
void page_reader_release(struct page_reader *self);
/* The next page; the one before is gone. RC_DATA also where there is none: the caller knows how many rows must come. */
RC page_reader_next(struct page_reader *self, bool has_levels, struct page *ret, struct error *err);

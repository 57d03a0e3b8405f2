/* The pages of one column chunk, one after the other: checked, decompressed, with their levels taken off. */
#pragma once

#include "data/parquet/codec.h"
#include "data/parquet/footer.h"
#include "data/parquet/levels.h"

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
    int64_t page_offset; /* where the current page's header lies, for messages */
    int64_t offset, end; /* in the file: behind the window, behind the chunk */
    char *raw;           /* the current page */
    size_t raw_size;
};

struct page {
    int64_t rows;
    const uint8_t *at, *end; /* its values */
    struct levels levels;    /* only where there may be NULLs */
};

void page_reader_open(struct page_reader *self, const struct chunk *chunk);
void page_reader_release(struct page_reader *self);
/* The next page; the one before is gone. RC_DATA also where there is none: the caller knows how many rows must come. */
RC page_reader_next(struct page_reader *self, bool has_levels, struct page *ret, struct error *err);

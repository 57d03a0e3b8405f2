/* One page on its way to the file: levels and values, compressed or not, held until its row group is written. */
#pragma once

#include <sys/queue.h>

#include "data/parquet/codec.h"
#include "data/parquet/format.h"

enum { PAGE_HEADER_BYTES_MAX = 64 };

struct page_block {
    STAILQ_ENTRY(page_block) next;
    enum page_type type;
    enum encoding encoding;
    int64_t values;   /* rows, NULLs too; of a dictionary its entries */
    int64_t nulls;    /* data pages v2 say so */
    size_t levels;    /* data pages v2: bytes of the levels, which are never compressed */
    size_t raw_bytes; /* of the page, without its header */
    size_t len;       /* of the page as it is held, at bytes + PAGE_HEADER_BYTES_MAX */
    size_t header;    /* length of the header right before it; 0: page_seal was not there yet */
    bool is_packed;
    char bytes[];
};
STAILQ_HEAD(page_blocks, page_block);

/* What loses less than one byte in PAGE_GAIN by compression is not worth a reader's time. */
enum { PAGE_PIECES_MAX = 4, PAGE_GAIN = 50 };

struct page_content {
    enum page_type type;
    enum encoding encoding;
    int64_t values, nulls;
    struct str pieces[PAGE_PIECES_MAX]; /* the page from its start; the first is its levels, if it has any */
};

/* The caller frees the block. Of a data page v2 only what follows the levels is compressed. */
struct page_block *page_pack(struct compressor *compressor, const struct page_content *content);
struct page_block *page_keep(const struct page_content *content); /* not compressed */
/* A block that was kept, compressed; the old one is freed. */
struct page_block *page_repack(struct compressor *compressor, struct page_block *kept);
/* Whether compression would make it shorter by enough, judged by a piece of it. */
bool page_is_worth_packing(struct compressor *compressor, const struct page_content *content);
bool page_has_gained(const struct page_block *packed);

/* Puts the header before the page. */
void page_seal(struct page_block *block);
struct str page_sealed(const struct page_block *block); /* header and page */

/* One page: levels and values become a compressed block with its header before it, ready to be written. */
#pragma once

#include <sys/queue.h>

#include "data/parquet/codec.h"

struct page_block {
    STAILQ_ENTRY(page_block) next;
    size_t start, len; /* header and data in `bytes` */
    size_t raw_bytes;  /* the same, had it not been compressed */
    char bytes[];
};
STAILQ_HEAD(page_blocks, page_block);

enum { PAGE_PIECES_MAX = 3 };

/* `rows` counts NULLs too; the pieces are the page from its start. The caller frees the block. */
struct page_block *page_pack(struct compressor *compressor, const struct str *pieces, int count, int64_t rows);

/* A Parquet file by hand: one column, whatever its schema and its pages say. */
#pragma once

#include "base/str.h"
#include "data/parquet/format.h"

struct page_made {
    enum page_type type;
    int64_t encoding, rows, nulls, levels_bytes;
    int64_t raw_bytes; /* -1: as many as there are */
    struct str content;
};

struct type_made {
    int physical, length, converted, logical, precision, unit; /* -1: not there */
};

/* One row group of all the pages. */
void parquet_by_hand(const struct type_made *type, bool optional, enum codec_id codec, const struct page_made *pages,
                     int count, struct buf *out);

/* The values of one column of a batch without its NULLs: what Parquet stores, and what statistics are of. */
#pragma once

#include "data/batch.h"

struct dense {
    const uint8_t *validity; /* NULL: no NULLs */
    int64_t rows, count;     /* rows with NULLs, values without */
    const void *values; /* by type: bits, integers and floats of its width, 16 bytes, struct str; into the batch where
                           it can be */
};

/* Memory that is used again from column to column. */
struct dense_room {
    void *at;
    size_t bytes;
};
void dense_room_release(struct dense_room *self);

/* Lives as long as the batch, and until the room is used for the next column. */
void dense_take(const struct ArrowArray *column, enum type type, struct dense_room *room, struct dense *ret);

/* The values of one column of a batch as the file stores them, without NULLs: what is encoded, and what statistics are
 * of. */
#pragma once

#include "data/batch.h"
#include "data/parquet/storage.h"

struct dense {
    const uint8_t *validity; /* NULL: no NULLs */
    int64_t rows, count;     /* rows with NULLs, values without */
    /* By physical type: bits, int32_t, int64_t, float, double, __int128 (FIXED, any alignment), struct str; into the
     * batch where they stand there in the same way. */
    const void *values;
};

/* Memory that is used again from column to column. */
struct dense_room {
    void *at;
    size_t bytes;
};
void dense_room_release(struct dense_room *self);

/* Lives as long as the batch, and until the room is used for the next column. RC_DATA: a value does not fit. */
RC dense_take(const struct ArrowArray *column, const struct field *field, const struct storage *storage,
              struct dense_room *room, struct dense *ret, struct error *err);
/* The error for a decimal that has more digits than its column. */
enum rc fail_digits(const struct field *field, struct error *err);

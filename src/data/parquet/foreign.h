/* Values that other writers store otherwise than ours does (storage.h: enum stored), made into values of the field. */
#pragma once

#include "base/error.h"
#include "data/column.h"
#include "data/parquet/storage.h"

enum { FOREIGN_TEXT_MAX = 48 }; /* what is printed is no longer */

/* Those of a fixed width that stay of a fixed width; as plain_read. */
RC foreign_read(const struct storage *storage, const uint8_t *in, const uint8_t *validity, int64_t row, int64_t count,
                void *values, struct error *err);

/* The others: first their bytes are taken as if they were texts, then they are made of them. */
static inline bool foreign_is_by_bytes(const struct storage *storage)
{
    return storage->stored == STORED_DECIMAL_TEXT || storage->stored == STORED_UUID ||
           storage->stored == STORED_INTERVAL;
}
/* `rows` of `bytes` (its validity says which are there) into a column from `row` on; text: `into` has no rows yet. */
RC foreign_make(const struct field *field, const struct storage *storage, const struct column *bytes, int64_t rows,
                int64_t row, struct column *into, struct error *err);

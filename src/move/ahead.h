/* A staged file, read as batches: whole row groups come in one request each, and the next one is on its way while the
 * rows of the one before are taken. A row group that is too large for that comes as the Parquet reader asks for it. */
#pragma once

#include "data/batch.h"
#include "store/store.h"

struct ahead_options {
    bool threads;         /* else a row group is fetched when it is needed */
    int64_t memory_bytes; /* for row groups at hand */
};
/* The key must outlive the reader. RC_DATA: it is no file of this schema. */
RC ahead_open(struct store *store, const char *key, int64_t bytes, const struct schema *schema,
              struct ahead_options options, struct batch_reader **ret, struct error *err);

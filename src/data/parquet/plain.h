/* The encoding PLAIN: values one behind the other, little-endian, fixed-length decimals big-endian, texts behind four
 * bytes of their length. Columns are written and read by whole runs; text and bool are the callers' own loops. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "data/parquet/storage.h"

enum { TEXT_LENGTH_BYTES = 4 };

/* Appends `count` values (dense.h's layout) from `first` on. They fit: statistics_add has looked at their bounds. */
void plain_write(const struct storage *storage, const void *values, int64_t first, int64_t count, struct buf *out);
/* One value as it stands in statistics; `out` has room for 16 bytes. Returns its length. */
int plain_write_integer(const struct storage *storage, __int128 value, uint8_t out[16]);

/* Reads values of storage->width bytes into Arrow's layout; a row whose bit in `validity` is 0 gets zero and takes no
 * bytes. RC_DATA: a value is no value of the field. `in` has the bytes. */
RC plain_read(const struct field *field, const struct storage *storage, const uint8_t *in, const uint8_t *validity,
              int64_t row, int64_t count, void *values, struct error *err);

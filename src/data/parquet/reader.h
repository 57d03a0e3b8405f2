/* Rows of one Parquet file as batches.
 *
 * It reads what our writer, pyarrow, DuckDB and Spark write: flat tables in every encoding of the format, data pages v1
 * and v2; compressed by zstd, snappy, gzip, lz4 (alone or in Hadoop's frames), or not. Nested columns, encryption,
 * Brotli and LZO are refused by name. Beside the types of storage.h:
 *
 *     Integer(8, signed)              int16         Integer(8 | 16 | 32 | 64, unsigned)   int16, int32, int64,
 * decimal(20,0) Float16                         float         Decimal in any physical type, of up to 38 digits decimal
 *     Time, in any unit               time          Timestamp(nanos), INT96 (an instant)   timestamp(us)
 *     Enum, Json                      utf8          Bson, Geometry, Geography, bytes of fixed length     binary
 *     Uuid, Interval                  utf8, as RFC 9562 and ISO 8601 write them
 *     Unknown (nothing but NULLs)     the physical type's own
 *
 * Nanoseconds that are no whole microseconds are refused, not rounded, and so is a text that is not UTF-8: whatever
 * takes batches relies on it, as on a column's type. Nothing in the file is trusted: whatever is
 * damaged, cut short or lies about its lengths is RC_DATA with the place, never an allocation that the file's own size
 * does not justify. Rows are certain once the stream has ended well: a count that was damaged may show only at the end
 * of its row group.
 *
 * Memory: per column one page, its dictionary and a window onto the compressed bytes, and one batch (BATCH_BYTES, or a
 * single row that is wider); the footer; never a row group. */
#pragma once

#include "base/error.h"
#include "data/batch.h"

/* A file that can be read anywhere. `read` fills all of `bytes` or fails; it is only asked for what lies inside the
 * file. `close` may be NULL; it is called once, when the reader is freed. */
struct parquet_input {
    int64_t bytes;
    RC (*read)(void *context, int64_t offset, void *into, size_t bytes, struct error *err);
    void (*close)(void *context);
    void *context;
};

struct parquet_group {
    int64_t rows, raw_bytes;
    int64_t offset, bytes; /* where its pages lie in the file */
};

struct parquet_reader;
/* Reads the footer. With `expected` (a waybill's schema; copied) the batches have that schema, and a file that has
 * other columns is RC_DATA, naming the first difference; only what the format has no word for comes back as it was:
 * timestamps, which may rest in a finer unit, times, which rest as int64, and source_type. Without (NULL) the schema is
 * the file's. On failure the input stays the caller's. */
RC parquet_reader_open(const struct parquet_input *input, const struct schema *expected, struct parquet_reader **ret,
                       struct error *err);
void parquet_reader_free(struct parquet_reader *self);
AUTO_DEFINE(parquet_reader)

const struct schema *parquet_reader_schema(const struct parquet_reader *self);
int64_t parquet_reader_rows(const struct parquet_reader *self);
int parquet_reader_group_count(const struct parquet_reader *self);
const struct parquet_group *parquet_reader_group(const struct parquet_reader *self, int i);

/* The same object as a stream of all its rows, from the first on: free one of the two. After an error nothing may
 * follow. */
struct batch_reader *parquet_reader_batches(struct parquet_reader *self);

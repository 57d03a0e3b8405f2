/* Rows into one Parquet file, in one pass: bytes only ever go forward, into a sink.
 *
 * The file: data pages v1, PLAIN, zstd, a checksum per page, statistics per column chunk; what rests as what stands in
 * storage.h. Every reader of Parquet knows these, Redshift and Snowflake among them.
 *
 * Memory: a row group is held compressed until it is written, so the writer holds at most row_group_bytes, one batch
 * and what zstd needs (less than 2 MiB at level 1), whatever the number of columns and the width of rows. One value as
 * long as a page is a page of its own. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "data/batch.h"

enum {
    PARQUET_ZSTD_LEVEL = 1, /* level 3 is 8 % smaller and takes a third more time */
    PARQUET_ROW_GROUP_BYTES = 64 << 20,
    PARQUET_PAGE_BYTES = 1 << 20,
    PARQUET_PAGE_BYTES_MAX = 256 << 20,
};

/* Where the bytes go. Called with one page or less at a time, in file order; the bytes live until it returns. */
struct parquet_sink {
    RC (*write)(void *context, struct str bytes, struct error *err);
    void *context;
};

struct parquet_pair {
    const char *key, *value;
};

/* What columns may be encoded with beside PLAIN, which is always there. pyarrow, DuckDB and Spark read all of them,
 * Redshift only dictionaries. */
enum parquet_encodings {
    PARQUET_PLAIN = 1, /* nothing else */
    PARQUET_DICTIONARY = 2,
    PARQUET_DELTA = 4,        /* DELTA_BINARY_PACKED: integers, dates, timestamps, decimals of up to 18 digits */
    PARQUET_DELTA_LENGTH = 8, /* DELTA_LENGTH_BYTE_ARRAY: texts, bytes */
    PARQUET_ENCODINGS = PARQUET_DICTIONARY | PARQUET_DELTA | PARQUET_DELTA_LENGTH,
};

struct parquet_options {
    int zstd_level;         /* 0: PARQUET_ZSTD_LEVEL */
    size_t row_group_bytes; /* raw; 0: PARQUET_ROW_GROUP_BYTES. A row group ends with the batch that reaches it */
    size_t page_bytes;      /* raw; 0: PARQUET_PAGE_BYTES */
    unsigned encodings;     /* of enum parquet_encodings; 0: PARQUET_ENCODINGS */
    const struct parquet_pair *pairs; /* key-value metadata of the file */
    int pair_count;
};

/* How far the file is. */
struct parquet_written {
    int64_t rows, row_groups;
    int64_t raw_bytes;  /* the batches' own count */
    int64_t bytes;      /* given to the sink */
    int64_t file_bytes; /* what the file would have, were it ended now; open pages count uncompressed */
};

struct parquet_writer;
/* Schema and pairs must outlive it. Nothing is written before the first row group is. */
struct parquet_writer *parquet_writer_new(const struct schema *schema, const struct parquet_options *options,
                                          struct parquet_sink sink);
void parquet_writer_free(struct parquet_writer *self);
AUTO_DEFINE(parquet_writer)

/* RC_DATA: a value that the file cannot hold, or a NULL in a column declared without; else what the sink returned.
 * After a failure the file is lost: nothing but parquet_writer_free may follow. */
RC parquet_writer_add(struct parquet_writer *self, const struct batch *batch, struct error *err);
/* Writes the last row group and the footer. No rows make a file, too. */
RC parquet_writer_end(struct parquet_writer *self, struct error *err);
struct parquet_written parquet_writer_written(const struct parquet_writer *self);

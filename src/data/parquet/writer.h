/* Rows into one Parquet file, in one pass: bytes only ever go forward, into a sink.
 *
 * The file: data pages in the encodings of its profile, compressed where that makes them shorter, a checksum per page,
 * statistics per column chunk; what rests as what stands in storage.h.
 *
 * Memory: a row group is held compressed until it is written, so the writer holds at most row_group_bytes, one batch
 * and what the compression needs (zstd: less than 2 MiB at level 1), whatever the number of columns and the width of
 * rows. One value as long as a page is a page of its own. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "data/batch.h"

enum {
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

/* zstd at level 1 makes files a third smaller than snappy and lz4 do, for half their speed, which is still several
 * times what a database delivers; level 3 makes them another 2 % smaller and takes a fifth more time. */
enum parquet_compression { PARQUET_ZSTD, PARQUET_SNAPPY, PARQUET_LZ4, PARQUET_GZIP, PARQUET_UNCOMPRESSED };

/* Who is to read the file. PARQUET_DEFAULT: pyarrow, DuckDB, Spark, and us; data pages v1. PARQUET_REDSHIFT: only what
 * Redshift's COPY is known to take: data pages v1, PLAIN and dictionaries, decimals of up to 18 digits as INT64, no
 * times in milliseconds. PARQUET_MODERN: all there is, data pages v2: smallest; Spark 4.0 does not read it. */
enum parquet_profile { PARQUET_DEFAULT, PARQUET_REDSHIFT, PARQUET_MODERN };

/* What columns may be encoded with beside PLAIN, which is always there. What is taken is found out from the values. */
enum parquet_encodings {
    PARQUET_PLAIN = 1, /* nothing else */
    PARQUET_DICTIONARY = 2,
    PARQUET_DELTA = 4,        /* DELTA_BINARY_PACKED: integers, dates, timestamps, decimals of up to 18 digits */
    PARQUET_DELTA_LENGTH = 8, /* DELTA_LENGTH_BYTE_ARRAY: texts, bytes */
    PARQUET_DELTA_TEXT = 16,  /* DELTA_BYTE_ARRAY: texts and bytes that begin as the one before */
    PARQUET_SPLIT = 32,       /* BYTE_STREAM_SPLIT: float, double; DuckDB reads no others in it */
    PARQUET_ENCODINGS = PARQUET_DICTIONARY | PARQUET_DELTA | PARQUET_DELTA_LENGTH | PARQUET_DELTA_TEXT | PARQUET_SPLIT,
};

struct parquet_options {
    enum parquet_compression compression;
    enum parquet_profile profile;
    int level;              /* of zstd (1..22; 0: 1) and gzip (1..9; 0: 6) */
    size_t row_group_bytes; /* raw; 0: PARQUET_ROW_GROUP_BYTES. A row group ends with the batch that reaches it */
    size_t page_bytes;      /* raw; 0: PARQUET_PAGE_BYTES */
    unsigned encodings;     /* of enum parquet_encodings; 0: the profile's */
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

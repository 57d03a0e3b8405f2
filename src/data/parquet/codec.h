/* Compression of pages: zstd, snappy, lz4, gzip. One context serves all columns of a file, one page after the other. */
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "base/str.h"
#include "data/parquet/format.h"

/* ---- writing ---- */

struct compressor;
/* CODEC_NONE: its `run` is not called. `level`: of zstd and gzip; 0 is their default. CODEC_LZ4_HADOOP is only read. */
struct compressor *compressor_new(enum codec_id codec, int level);
void compressor_free(struct compressor *self);
AUTO_DEFINE(compressor)

enum codec_id compressor_codec(const struct compressor *self);
size_t compressor_bound(const struct compressor *self, size_t raw_bytes);
/* Several pieces as one frame. `into` has room for compressor_bound of their sum. */
size_t compressor_run(struct compressor *self, const struct str *pieces, int count, char *into, size_t into_bytes);

/* ---- reading ---- */

/* The method of a column chunk, as the footer numbers it. RC_DATA: it is not read. */
RC codec_check(int64_t codec, struct error *err);

struct decompressor;
struct decompressor *decompressor_new(void);
void decompressor_free(struct decompressor *self);
AUTO_DEFINE(decompressor)

/* Whether `packed` can be what `raw_bytes` became at all, to be asked before room is made for them: a lie of a few
 * bytes must not cost gigabytes. RC_DATA says why not. */
RC decompressor_check(enum codec_id codec, struct str packed, size_t raw_bytes, struct error *err);
/* Exactly raw_bytes, or RC_DATA. */
RC decompressor_run(struct decompressor *self, enum codec_id codec, struct str packed, char *into, size_t raw_bytes,
                    struct error *err);

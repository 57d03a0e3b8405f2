/* Compression of pages: zstd. One context serves all columns of a file, one page after the other. */
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "base/str.h"

struct compressor;
struct compressor *compressor_new(int zstd_level);
void compressor_free(struct compressor *self);
AUTO_DEFINE(compressor)

size_t compressor_bound(size_t raw_bytes);
/* Several pieces as one frame that knows its length. `into` has room for compressor_bound of their sum. */
size_t compressor_run(struct compressor *self, const struct str *pieces, int count, char *into, size_t into_bytes);

struct decompressor;
struct decompressor *decompressor_new(void);
void decompressor_free(struct decompressor *self);
AUTO_DEFINE(decompressor)

/* Whether `packed` can be a frame of `raw_bytes` at all, to be asked before room is made for them: a lie of a few bytes
 * must not cost gigabytes. RC_DATA says why not. */
RC decompressor_check(struct str packed, size_t raw_bytes, struct error *err);
/* Exactly raw_bytes, or RC_DATA. */
RC decompressor_run(struct decompressor *self, struct str packed, char *into, size_t raw_bytes, struct error *err);

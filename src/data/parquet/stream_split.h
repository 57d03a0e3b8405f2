/* The encoding BYTE_STREAM_SPLIT: the first bytes of all values, then their second bytes, and so on. It makes nothing
 * shorter, but bytes of one kind stand together, and compression finds more in them. */
#pragma once

#include <stdint.h>

#include "base/str.h"

/* Appends `count` values of `width` bytes, which stand one behind the other. */
void stream_split_write(struct buf *out, const void *values, int64_t count, int width);
/* Values [first, first + count) of the `all` that begin at `from`, as they would stand in PLAIN. */
void stream_split_read(const uint8_t *from, int64_t all, int width, int64_t first, int64_t count, uint8_t *into);

/* What the Parquet reader asks for, and pages without checksums: tests that link --wrap=xrealloc, xcalloc, crc32_of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

extern size_t allocated_most;     /* the largest piece since it was set to 0 */
extern bool is_without_checksums; /* a page that has a checksum hides its decoder from damage */

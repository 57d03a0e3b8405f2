/* What the targets of whole Parquet files share. */
#pragma once

#include "data/parquet/reader.h"

/* Reads the file to its end, or to its first failure, or as far as is worth it; touches every value. What could be read
 * to its end is written by our writer, and read again: all values must be the same. */
void fuzz_parquet_read(struct str file);

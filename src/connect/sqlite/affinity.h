/* What SQLite does to the values of a column, by its declared type. */
#pragma once

#include <stdbool.h>

enum affinity { AFFINITY_INTEGER, AFFINITY_REAL, AFFINITY_TEXT, AFFINITY_BLOB, AFFINITY_NUMERIC };

/* https://www.sqlite.org/datatype3.html#determination_of_column_affinity; `is_strict`: of a STRICT table. */
enum affinity affinity_of(const char *declared, bool is_strict);

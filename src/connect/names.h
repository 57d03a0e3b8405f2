/* Names of columns and tables, as every source looks at them. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "connect/source.h"

/* A column whose name tells that each update changes it: "updated_at". */
bool name_says_changed(const char *column);
/* After columns were left out: key and cursor in their new `places` (-1: left out). NULL: well; else what is missing,
 * "key" or "cursor". A table that is read as a whole then simply has none. */
const char *excluded_order(struct table *table, const int *places, bool is_whole);

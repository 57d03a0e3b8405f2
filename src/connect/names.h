/* Names of columns and tables, as every source looks at them. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "connect/source.h"

/* A column whose name tells that each update changes it: "updated_at". */
bool name_says_changed(const char *column);
/* RC_CONFIG: the table has no column of that name, which was asked for as `what` ("key"); the nearest of `names` is
 * told.
 */
enum rc names_fail_column(const char *table, const char *const *names, int count, const char *what, const char *name,
                          struct error *err);
/* What a column is to be taken as, "text" or "binary": a text that lives for ever. RC_CONFIG: neither. */
RC names_override(const char *table, const struct column_override *override, const char **ret, struct error *err);
/* One more column at the end of the key. RC_CONFIG: there is no room. */
RC names_add_key(struct table *table, int column, struct error *err);
/* After columns were left out: key and cursor in their new `places` (-1: left out). A table that is read as a whole
 * then simply has none; else RC_CONFIG: rows are ordered by it. */
RC names_exclude(struct table *table, const int *places, bool is_whole, struct error *err);

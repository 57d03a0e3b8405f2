/* A merge where the system enforces the key (docs/formats.md): rows wait in a table of their own, of those with one key
 * the latest stays, and ON CONFLICT does the rest. Where nothing enforces it, a target counts and matches by itself. */
#pragma once

#include "connect/sql/sql.h"

/* Merges what waits, `rows` of them, and checks every count. RC_DATA: one that does not fit. */
RC sql_merge(const struct sql_on *on, int64_t rows, struct load_counts *counts, struct error *err);
/* All that waits goes into the table; `has_conflicts`: as a merge. */
RC sql_insert_waiting(const struct sql_on *on, bool has_conflicts, int64_t *ret_changes, struct error *err);

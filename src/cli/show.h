/* How the engine's own values look to people, and in JSON. */
#pragma once

#include "cli/print.h"
#include "data/position.h"
#include "state/scope.h"

/* "2025-09-12 14:30:22", "2025-09-12 14:30:22, up to key 17", "first load, below 2025-09-12 14:30:22, up to key 17",
 * "up to key 17"; "-" for none. */
void show_position(const struct position *self, struct buf *out);
/* A cell with a position. */
void text_table_add_position(struct text_table *table, const struct position *self);
/* "host pid 4711, last beat 2025-09-12T14:30:22Z"; "-" for none. */
void text_table_add_lease(struct text_table *table, const struct lease *self);
/* {"run_id", "host", "pid", "beat_at", "ttl_seconds"} or null. */
json_t *lease_to_json(const struct lease *self);
/* "1 row", "1,234 rows" */
void show_count(int64_t number, const char *what, struct buf *out);

/* What world.c, world_check.c and world_real.c share. */
#pragma once

#include "world/world.h"

const char *world_table_name(enum world_table table);
struct store *world_store(struct world *self); /* a handle for onlookers; the caller frees it */

/* ---- world_real.c ---- */
void real_make(struct world *self);
void real_put(struct world *self, const char *table, const char *row);
void real_add_column(struct world *self, const char *table);
void real_open(struct world *self, struct source **source, struct target **target, struct store **store);
void real_print(struct world *self, const char *database, const char *table, struct buf *out);

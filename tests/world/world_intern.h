/* What the files world*.c share. */
#pragma once

#include "world/world.h"

const char *world_table_name(enum world_table table);
struct store *world_store(struct world *self); /* a handle for onlookers; the caller frees it */

/* ---- world_look.c ---- */

enum { LINKS_MAX = 1024 };

/* One table, as an onlooker sees it. */
struct looking {
    struct world *world;
    enum world_table table;
    struct world_rules rules;
    struct store *store;
    struct scope *scope;
    struct arena arena;
    struct target_position t;
    struct link links[LINKS_MAX]; /* the chain, newest first, as far as it was followed */
    int link_count;
};
bool look_begin(struct looking *self, struct world *world, enum world_table table, struct world_rules rules,
                struct buf *why);
void look_end(struct looking *self); /* also when look_begin failed */
struct target_position look_position(struct looking *self);
const json_t *look_json(struct looking *self, const char *key); /* belongs to the world; NULL: missing, or no JSON */
void world_forget_documents(struct world *self);

/* ---- world_real.c ---- */
void real_make(struct world *self);
void real_put(struct world *self, const char *table, const char *row);
void real_add_column(struct world *self, const char *table);
struct ends real_open_ends(struct world *self, bool again); /* again: an exclusive target is not opened twice */
struct store *real_open_store(struct world *self);
struct target_position real_position(struct world *self, const char *scope, struct arena *arena);
void real_print(struct world *self, const char *database, const char *table, struct buf *out);

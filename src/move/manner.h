/* How one waybill is applied: what the target is given for it besides its rows.
 *
 * What it means was sealed with it: mode, range, key, columns, which rows go and whether they are noted or deleted.
 * What the configuration says at the load is how that is carried out: `replace` (swap or delete), `delete_max`, layout.
 */
#pragma once

#include "move/route.h"

struct manner {
    bool is_keys;          /* its rows are keys (move/keys.h) */
    struct schema *schema; /* of its files */
    struct target_table table;
    struct target_span span; /* of delete_insert */
    struct key_list gone;    /* of a repair */
};

/* The waybill and the route outlive it. RC_DATA: a mode that this program does not know. */
RC manner_init(struct manner *self, struct route *r, const struct waybill *waybill, struct error *err);
void manner_release(struct manner *self); /* a zeroed one is fine */

/* What the target's table has: the staged columns, and the one that says which rows are gone (NULL: none). The caller
 * frees it. */
struct schema *manner_prepared_schema(const struct schema *staged, const char *soft_delete);
/* target_prepare for the waybill's table: it is made for rows, before it is told which of them are gone. */
RC manner_prepare(const struct manner *self, struct route *r, const struct waybill *waybill, struct buf *ret_ddl,
                  struct error *err);

/* The history of a scope: what S was before a person changed or accepted something, who did it and why
 * (docs/formats.md). `watermark restore` reads it. */
#pragma once

#include "move/route.h"

/* What somebody did; a word that stays. */
#define HISTORY_SET           "set"
#define HISTORY_RESET         "reset"
#define HISTORY_RESTORE       "restore"
#define HISTORY_ACCEPT_SOURCE "accept-source"
#define HISTORY_ACCEPT_TARGET "accept-target"
#define HISTORY_ACCEPT_AUDIT  "accept-audit" /* the mark stays as it was: nothing to restore */

struct history_entry {
    const char *key, *name;                    /* name: "<ms>-<epoch>" */
    const char *at, *author, *reason, *change; /* change: one of the words above; NULL: of an older waybill */
    struct position pos;                       /* S.extracted.pos then */
};
/* Oldest first; into the route's arena. */
RC history_list(struct route *r, struct history_entry **ret, int *ret_count, struct error *err);
/* The entry `name`; NULL: the newest that a mark was changed after. RC_NOT_FOUND: there is none. */
RC history_find(struct route *r, const char *name, struct history_entry *ret, struct error *err);
/* Deletes, by their keys, the entries that the pipeline's `history` does not keep, and never the one that `restore`
 * without a name would take. When the change is through; a failure is logged, and holds nothing up. */
void history_prune(struct route *r);

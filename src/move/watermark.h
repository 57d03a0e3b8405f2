/* What a person may do to a scope's mark (docs/protocol.md, "What a person can do"). Each takes the lease,
 * fences T, keeps a history entry, and writes a new epoch whose chain begins at what T names: pending waybills are
 * dropped. */
#pragma once

#include "move/route.h"

struct watermark_change {
    const char *timestamp; /* set: NULL keeps the time that is there */
    const char *id;        /* set: NULL keeps the id only where the time is kept too */
    const char *entry;     /* restore: "<ms>-<epoch>" of the history; NULL: the newest */
    bool from_target;      /* restore: what T says */
    const char *name;      /* of the history: HISTORY_SET, ... (history.h) */
    const char *reason, *author;
    bool allow_duplicates; /* append: rows may come twice */
};

/* All work on the run's first route. */
RC watermark_set(struct run *run, const struct watermark_change *change, struct error *err);
RC watermark_reset(struct run *run, const struct watermark_change *change, struct error *err);
RC watermark_restore(struct run *run, const struct watermark_change *change, struct error *err);

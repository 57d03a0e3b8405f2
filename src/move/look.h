/* What the looking commands see; nothing here changes anything anywhere. */
#pragma once

#include "move/route.h"

/* What a run of this table would do now. */
struct plan {
    const struct table *table;
    struct range range; /* the first chunk's range, uncut */
    bool has_range;     /* false: nothing to take */
    struct range_facts facts;
    bool is_backfill;       /* the range leaves the mark where it is */
    const char *again_from; /* from this cursor up to the mark rows are read again; NULL: no */
    int64_t again_rows;
    const char *ddl; /* statements to come, one per line; "" : none */
    int64_t waiting; /* waybills sealed and not loaded */
};
/* All failures a run would meet before its first change are met here too. */
RC look_plan(struct route *r, struct plan *ret, struct error *err);

/* Where a table stands. */
struct standing {
    bool exists; /* there is a scope document */
    const struct marks *marks;
    struct lease lease;
    int64_t waiting;         /* waybills from S.loaded (exclusive) to S.extracted */
    int64_t lag_us;          /* wall clock minus the cursor's position; -1: not a time */
    const char *last_result; /* "success", "failed", "running", "never" */
    const char *next;        /* the command that makes sense now */
};
RC look_standing(struct route *r, struct standing *ret, struct error *err);

/* Names of the tables of a pipeline that have a scope document, sorted, with segments decoded. */
RC look_scopes(struct store *store, const char *pipeline, struct arena *arena, const char ***ret, int *ret_count,
               struct error *err);

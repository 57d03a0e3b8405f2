/* PostgreSQL as a target.
 *
 * T is one row of `waybill_position` in the connection's schema, so that rows and position are one transaction. Its row
 * lock is what a fence waits for; a fence that has waited for FENCE_PATIENCE_MS ends a load whose server session only
 * waits for its client (it sleeps, or its machine is gone), which no limit on idle transactions reaches inside a COPY.
 * A table is named `table`, in the connection's schema, or `schema.table`. Rows come by binary COPY: append and replace
 * straight into the table; merge, and columns that only a cast can fill, through a temporary table. Column types:
 * types.h. A replace deletes and inserts, so that grants, views and foreign keys stay; foreign keys to the table have
 * to be deferrable, and must not cascade. */
#pragma once

#include "connect/target.h"
#include "io/opening.h"
#include "io/pq.h"

enum { FENCE_PATIENCE_MS = 15000 };
_Static_assert((int)FENCE_PATIENCE_MS < (int)PQ_LOCK_MS, "who is ended leaves time to wait for its end");

struct postgres_target_options {
    struct pq_address address;
    struct tunnel_settings ssh;
    const char *schema;        /* "public" when NULL */
    int64_t fence_patience_ms; /* 0: FENCE_PATIENCE_MS */
};

void postgres_target_type(const struct field *field, struct target_type *ret); /* as target_type_of */

/* Connects when it is used first. Everything is copied but the clock and the stop flag of `with`. */
RC postgres_target_open(const char *name, const struct postgres_target_options *options, const struct opening *with,
                        struct target **ret, struct error *err);

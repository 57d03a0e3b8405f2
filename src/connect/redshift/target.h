/* Amazon Redshift as a target. It reads the staged files by itself, from S3, by one COPY from a manifest per waybill.
 *
 * T is a table of one row per target table, waybill_position_<16 hex of its name>, in the connection's schema: Redshift
 * enforces no keys, so the table's name is what two that make it at once would meet on, and loads into different tables
 * never meet. A table is named `table`, in the connection's schema, or `schema.table`; names are in lower case, as
 * Redshift folds them, and of at most 127 bytes. Column types: types.h.
 *
 * append and replace COPY into the table; merge, and columns that take a cast, through a temporary one. A merge finds
 * the rows there are by their key and its length (blanks at the end do not count for Redshift), and leaves one row per
 * key: the latest by its cursor. A replace deletes and inserts. Statements that may not run in a transaction run before
 * it (S46). A session is given up after any failure. */
#pragma once

#include "connect/target.h"
#include "io/opening.h"
#include "io/pq.h"

enum {
    REDSHIFT_PORT = 5439,
    REDSHIFT_NAME_BYTES = 127,
    REDSHIFT_PATIENCE_MS = 15000, /* how long a fence waits for a load before it looks who it is */
};

struct redshift_target_options {
    struct pq_address address;
    struct tunnel_settings ssh;
    const char *schema;   /* "public" when NULL */
    const char *iam_role; /* that COPY reads with: an ARN, or "default"; NULL: with the store's own keys */
    int64_t patience_ms;  /* 0: REDSHIFT_PATIENCE_MS */
};

void redshift_target_type(const struct field *field, struct target_type *ret); /* as target_type_of */

/* Connects when it is used first. Everything is copied but the clock and the stop flag of `with`. RC_CONFIG: an
 * iam_role that cannot be one. */
RC redshift_target_open(const char *name, const struct redshift_target_options *options, const struct opening *with,
                        struct target **ret, struct error *err);

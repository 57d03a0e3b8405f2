/* A database of PostgreSQL as a source.
 *
 * Session: UTF-8, zone UTC, read only, row security an error, and texts that depend on no setting (source.c). Reading:
 * a range is one COPY (SELECT ...) TO STDOUT in the binary form, streamed, on a connection of the reader's own; one
 * statement is one snapshot. What is given up is cancelled on the server.
 * Clock: the server's. Open transactions: pg_stat_activity by their start, which is what now() says in them; sessions
 * of other roles are hidden without the rights of pg_read_all_stats; a prepared transaction does not tell when it
 * began, and a replica not what is open on its primary, so both need an explicit lag.
 *
 * Types: boolean, smallint, integer, bigint, real, double precision (NaN and infinities too), date, time, timestamp,
 * timestamptz (an instant in UTC), numeric(p,s) of up to 38 digits, bytea as they are; oid an int64; uuid, json, jsonb,
 * enums and texts utf8; of a domain its base type. Any other type - intervals, arrays, ranges, composites, addresses,
 * bit strings, geometry, money - is utf8, as the server writes it as text with ISO dates, ISO 8601 intervals and no
 * locale; it goes back with a cast of that text. Infinite dates and times, NaN in a numeric, and a numeric without
 * digits declared or with more than 38 have no exact type: `as: text`. `as: binary` takes the text's bytes.
 *
 * Positions: texts as the server writes them, compared by the server under the column's collation; bytes as hex digits.
 * A table's name is `table`, in the connection's schema, or `schema.table`. */
#pragma once

#include "connect/source.h"
#include "io/opening.h"
#include "io/pq.h"

enum { POSTGRES_CONNECTIONS_MAX = 32 };

struct postgres_source_options {
    struct pq_address address; /* stall_ms: how long the server may be silent while rows are waited for */
    struct tunnel_settings ssh;
    const char *schema;  /* "public" when NULL */
    int64_t connections; /* readers at once; 0: one */
    int64_t batch_rows;  /* 0: as many as a batch has; tests take fewer */
};

/* What becomes of PostgreSQL's types; in the arena. */
const struct source_type *postgres_source_types(struct arena *arena, int *ret_count);

/* RC_DENIED, RC_UNAVAILABLE, RC_NOT_FOUND, RC_CONFIG as pq_open. Everything is copied but what `with` points at. */
RC postgres_source_open(const char *name, const struct postgres_source_options *options, const struct opening *with,
                        struct source **ret, struct error *err);

/* A SQLite file as a source.
 *
 * Clock: the machine's, read under the write lock, so that no writer's transaction is open and hidden below it.
 * Reading: pages of at most 10,000 rows, each a transaction of its own, since a long reader blocks a rollback-journal
 * writer's COMMIT; RANGE_ALL holds one snapshot, and does block it. A file that can only be read works too, but then
 * writers are not seen: source_oldest_open says hidden.
 *
 * Types: a declaration binds no value in SQLite, so a column that is new is looked at, all of it, once. DATE, DATETIME,
 * TIMESTAMP, DECIMAL(p,s), NUMERIC(p,s) and BOOLEAN become what they say when every value comes back from that type as
 * it was; timestamps in one of the forms 'YYYY-MM-DD HH:MM:SS[.fff[fff]]' and 'YYYY-MM-DDTHH:MM:SS[.fff[fff]]Z' (UTC).
 * Else the one storage class that all values have: int64, double, utf8, binary. Several classes, or texts that are not
 * UTF-8, are RC_DATA unless the configuration says `as: text` (numbers written out, exactly) or `as: binary`.
 *
 * Positions: integers and REALs as decimal numbers, texts as they are, BLOBs as hex digits. */
#pragma once

#include <stdatomic.h>

#include "base/clock.h"
#include "connect/source.h"

enum { SQLITE_PAGE_ROWS = 10000 };

struct sqlite_source_options {
    struct clock *clock;    /* outlives the source */
    int64_t wait_ms;        /* for locks; 0: 30 s */
    const atomic_int *stop; /* ends waits and scans; NULL: nothing does */
    int page_rows;          /* at most SQLITE_PAGE_ROWS, which 0 means */
};

/* What becomes of each declared type whose values are all of it. */
const struct source_type *sqlite_source_types(struct arena *arena, int *ret_count);

/* RC_NOT_FOUND, RC_DENIED, RC_DATA (not a database), RC_BUSY: see io/sqlite.h. The texts are copied. */
RC sqlite_source_open(const char *name, const char *path, const struct sqlite_source_options *options,
                      struct source **ret, struct error *err);

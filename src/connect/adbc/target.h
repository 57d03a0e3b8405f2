/* A database behind an ADBC driver as a target: DuckDB (type duckdb), and SQLite or PostgreSQL by their drivers (type
 * adbc).
 *
 * T is one row of `waybill_position` in the same database, so that rows and position are one transaction. Rows go to
 * the driver as the Arrow memory of their batches: append and replace straight into the table where its columns are
 * the waybill's, else, and for a merge, through a temporary table. A table is named `table`, in the connection's
 * schema, or `schema.table`. Whoever meets another writer tries again for WAIT_MS, then RC_BUSY: DuckDB lets one
 * process have its file, and tells of conflicting transactions at once and does not wait.
 *
 * A DuckDB file is open only while a load, or one of the short questions, is under way, so that others can use it in
 * between; whoever only looks opens it for reading. */
#pragma once

#include "base/options.h"
#include "connect/target.h"
#include "io/opening.h"

struct adbc_target_options {
    const char *driver, *entry; /* the library, and its function that initialises a driver */
    const char *driver_todo;    /* how to get it, where it is missing */
    const char *shown;          /* for people: "duckdb:dw.duckdb" */
    const char *vendor;         /* the only one that it may be; NULL: any that is known */
    const char *schema;         /* of tables without one; NULL: the engine's usual one */
    const char *path; /* of the file that the engine has in this process; NULL: there is none, or it is not known */
    const struct secret_map *settings; /* of the driver */
};

enum { WAIT_MS = 30000 };

void duckdb_target_type(const struct field *field, struct target_type *ret); /* as target_type_of */

/* Everything is copied but the clock and the stop flag of `with`. With a path nothing is opened yet; without one the
 * driver is asked which database it is for. RC_CONFIG: no driver, or one of a database that is not known here. */
RC adbc_target_open(const char *name, const struct adbc_target_options *options, const struct opening *with,
                    struct target **ret, struct error *err);

/* A session with a database through an ADBC driver, a library that is loaded when it is first needed. Statements carry
 * no parameters: what stands in them is quoted (adbc_quote, adbc_literal). Rows go in as Arrow memory.
 *
 *     AUTO_RELEASE(answer) rows = {0};
 *     TRY(adbc_query(db, "SELECT a FROM t WHERE b = 'x'", &rows, err));
 *     for (int row = 0; row < rows.rows; row++)
 *         use(answer_text(&rows, row, 0));
 *
 * Sessions of one process that have the same address share one database object of the driver: an engine that lives in
 * the process, as DuckDB does, tells nobody of the same process that its file is in use. A session is used by one
 * thread at a time. No message holds a row's value. */
#pragma once

#include <stdatomic.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/error.h"
#include "base/options.h"
#include "data/arrow.h"

/* Where to; everything lives as long as the session. */
struct adbc_address {
    const char *shown;                 /* for people, no secret: "duckdb:dw.duckdb" */
    const char *driver, *entry;        /* the library, by path or by name, and its AdbcDriverInitFunc */
    const char *driver_todo;           /* how to get it, where it is missing; NULL: nothing is known */
    const struct secret_map *settings; /* of the database, told to the driver as they are */
    bool is_reading; /* the last setting keeps it from writing: a database that is open without it does as well */
};

struct adbc;
/* Loads the driver, opens database and session, and asks for transactions. RC_CONFIG: no such library, no driver of
 * ADBC 1.0 or 1.1, one without transactions or bulk ingestion, or settings it does not know. RC_BUSY: another process
 * has the file. `stop` may be NULL; it ends long statements where the driver can. */
RC adbc_open(const struct adbc_address *address, const atomic_int *stop, struct adbc **ret, struct error *err);
/* An open transaction is rolled back. NULL is fine. */
void adbc_free(struct adbc *self);
AUTO_DEFINE(adbc)

/* As the driver says: "duckdb" and "v1.5.5"; they live as long as the session. */
const char *adbc_vendor(const struct adbc *self);
const char *adbc_version(const struct adbc *self);

/* What a statement has answered: texts, and whole numbers and booleans (1, 0) as their digits. */
enum { ANSWER_ROWS_MAX = 100000 };
struct answer {
    struct arena arena; /* zero-initialise the struct */
    struct str *cells;  /* with a NUL behind each; `at` NULL for NULL */
    int rows, columns;
    int64_t changes; /* rows that the driver says it has changed; -1: it does not say */
};
void answer_release(struct answer *self);
struct str answer_str(const struct answer *self, int row, int column);
const char *answer_text(const struct answer *self, int row, int column); /* NULL for NULL */
int64_t answer_int64(const struct answer *self, int row, int column);    /* 0 for NULL and for what is no integer */

RC adbc_query(struct adbc *db, const char *sql, struct answer *ret, struct error *err);
RC adbc_run(struct adbc *db, const char *sql, struct error *err);

/* A transaction; within it a failure leaves nothing but adbc_rollback to be done. */
RC adbc_begin(struct adbc *db, struct error *err);
/* RC_AGAIN, RC_BUSY, RC_DATA: certainly not committed. RC_UNKNOWN: whatever else it was. The transaction is over. */
RC adbc_commit(struct adbc *db, struct error *err);
/* false: the session is of no use any more. Nothing to roll back is fine. */
bool adbc_rollback(struct adbc *db);
/* Whoever opens the same address next gets a database object of its own: this one has failed for good. */
void adbc_spoil(struct adbc *db);

/* A table that rows go into. */
struct adbc_place {
    const char *catalog, *schema; /* NULL: the session's own */
    const char *table;
    bool is_temporary; /* catalog and schema are not looked at */
};
/* Appends the rows of a struct array, its children being the table's columns by their order and by their names. The
 * driver is through with the memory when this returns. */
RC adbc_ingest(struct adbc *db, const struct adbc_place *into, const struct ArrowArray *rows,
               struct ArrowSchema *schema, struct error *err);

void adbc_quote(struct buf *out, const char *identifier);
void adbc_literal(struct buf *out, const char *text);

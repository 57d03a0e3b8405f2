/* A thin layer over sqlite3: files are opened with an error that names them and says why, result codes become RC, and
 * a lock is waited for until a deadline or until the program is asked to stop. Statements stay sqlite3's own:
 *
 *     AUTO(sqlite3_stmt) *count = NULL;
 *     TRY(sqlite_prepare(db, "SELECT count(*) FROM t", &count, err));
 *     TRY(sqlite_step(db, count, &is_row, err));
 *
 * One connection is used by one thread at a time. Codes: https://www.sqlite.org/rescode.html */
#pragma once

#include <sqlite3.h>
#include <stdatomic.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

enum { SQLITE_WAIT_MS = 30000 }; /* then RC_BUSY: the same command may do */

enum sqlite_access {
    SQLITE_TO_READ,   /* never writes */
    SQLITE_TO_EITHER, /* to write if the file allows it; else sqlite.read_only is true */
    SQLITE_TO_WRITE,  /* RC_DENIED when the file cannot be written */
    SQLITE_TO_CREATE, /* the same, and the file is made where there is none */
};

/* How long a lock of another connection is waited for. */
struct sqlite_patience {
    struct clock *clock;
    int64_t wait_ms;        /* 0: SQLITE_WAIT_MS */
    const atomic_int *stop; /* the signal that asks the program to end, 0 so far; NULL: none is looked for */
};

struct sqlite {
    sqlite3 *handle;
    char *path;
    bool read_only;
    struct sqlite_patience patience;
    int64_t give_up_ms; /* monotonic: when the wait under way ends */
};

/* RC_NOT_FOUND: no such file. RC_DENIED: no right to it. RC_CONFIG: a folder. RC_DATA: not an SQLite database. RC_BUSY:
 * locked for longer than the patience. The clock must outlive the connection. */
RC sqlite_open(const char *path, enum sqlite_access access, const struct sqlite_patience *patience, struct sqlite **ret,
               struct error *err);
/* Every statement was finalized before; an open transaction is rolled back by SQLite. */
void sqlite_free(struct sqlite *self);
AUTO_DEFINE(sqlite)

static inline void sqlite3_stmt_auto(struct sqlite3_stmt **self) { sqlite3_finalize(*self); }

/* Fills err from the connection's last failure `code`:
 *   BUSY, LOCKED, PROTOCOL, SCHEMA -> RC_BUSY;  FULL, IOERR, NOMEM -> RC_UNAVAILABLE;  READONLY, PERM, AUTH ->
 * RC_DENIED CORRUPT, NOTADB, TOOBIG, CONSTRAINT, MISMATCH -> RC_DATA;  INTERRUPT -> RC_INTERRUPTED or RC_TERMINATED
 *   CANTOPEN -> by its errno;  anything else -> RC_FAILED */
enum rc sqlite_fail(struct sqlite *db, int code, struct error *err);

/* "process 1234 (python3)": who holds a write lock on the file or its WAL now, as far as the kernel tells; false: it
 * does not. */
enum { SQLITE_HOLDER_TEXT = 64 };
bool sqlite_lock_holder(const char *path, char ret[SQLITE_HOLDER_TEXT]);

RC sqlite_prepare(struct sqlite *db, const char *sql, sqlite3_stmt **ret, struct error *err);
/* *ret_row = false at the end. After a failure the statement is reset, so that it holds no lock. */
RC sqlite_step(struct sqlite *db, sqlite3_stmt *statement, bool *ret_row, struct error *err);
/* Runs statements that return nothing of interest: "BEGIN IMMEDIATE", DDL. */
RC sqlite_run(struct sqlite *db, const char *sql, struct error *err);
/* The first column of the first row; RC_NOT_FOUND when there is no row. */
RC sqlite_query_int64(struct sqlite *db, const char *sql, int64_t *ret, struct error *err);
/* Nothing to roll back is fine; a failure leaves the transaction to sqlite_free. */
void sqlite_rollback(struct sqlite *db);

/* Parameters count from 1. Text and bytes are not copied: they stay where they are until the statement was stepped and
 * is reset or bound anew. RC_DATA: longer than SQLite can hold (1 GB by default). */
void sqlite_bind_null(sqlite3_stmt *statement, int parameter);
void sqlite_bind_int64(sqlite3_stmt *statement, int parameter, int64_t value);
void sqlite_bind_double(sqlite3_stmt *statement, int parameter, double value); /* SQLite stores NaN as NULL */
RC sqlite_bind_text(struct sqlite *db, sqlite3_stmt *statement, int parameter, struct str value, struct error *err);
RC sqlite_bind_blob(struct sqlite *db, sqlite3_stmt *statement, int parameter, struct str value, struct error *err);

/* The bytes of a TEXT or BLOB column of the row stepped to; they live until the next step or reset. */
struct str sqlite_column_str(sqlite3_stmt *statement, int column);

/* "name", with quotes inside doubled: every identifier goes through here. */
void sqlite_quote(struct buf *out, const char *identifier);

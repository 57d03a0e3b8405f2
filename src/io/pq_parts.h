/* Inside io/pq: pq_connect.c, pq.c (statements, COPY in), pq_copy_out.c (COPY out), pq_error.c (what went wrong, for
 * people and for retries). */
#pragma once

#include "io/pq.h"

/* ---- pq_error.c ---- */

/* What a server says of a failure; NULL: nothing. */
struct pq_said {
    const char *state, *message, *detail, *table, *column, *constraint, *context;
};

/* All fill err from what libpq knows and return its rc. */
enum rc pq_fail_result(struct pq *db, const PGresult *result, struct error *err); /* by its SQLSTATE */
enum rc pq_fail_said(struct pq *db, const struct pq_said *said, struct error *err);
enum rc pq_fail_connection(struct pq *db, struct error *err); /* lost: RC_UNAVAILABLE */
enum rc pq_fail_connecting(struct pq *db, struct error *err); /* never was there */
enum rc pq_fail_stopped(struct pq *db, struct error *err);

/* ---- pq.c ---- */

/* Until the socket can be read or written, whichever is asked for (POLLIN, POLLOUT); *ret_ready = false: not before the
 * deadline. `stops`: asked to stop, it fails. */
RC pq_wait_socket(struct pq *db, short events, int64_t deadline_ms, bool stops, bool *ret_ready, struct error *err);

/* A statement without parameters is sent, and answered: the first failure, else the last result. */
RC pq_ask(struct pq *db, const char *sql, int64_t wait_ms, bool stops, struct pq_answer *ret, struct error *err);
RC pq_collect(struct pq *db, int64_t wait_ms, bool stops, struct pq_answer *ret, struct error *err);
/* The statement as it is sent; in `out` where it has a lead. */
const char *pq_with_lead(const struct pq *db, const char *sql, struct buf *out);

/* What failed while it was under way leaves a connection that nobody can use: it is closed, by pq_give_up after the
 * server was told to end the statement. All return err's or the given rc. */
enum rc pq_give_up(struct pq *db, enum rc rc, struct error *err);
enum rc pq_fail_lost(struct pq *db, struct error *err); /* just now */
enum rc pq_fail_gone(struct pq *db, struct error *err); /* before */
int64_t pq_now_ms(struct pq *db);

/* ---- pq_copy_out.c ---- */

void pq_incoming_release(struct pq_incoming *self);

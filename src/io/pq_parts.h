/* Inside io/pq: pq_connect.c, pq.c (statements, COPY), pq_error.c (what went wrong, for people and for retries). */
#pragma once

#include "io/pq.h"

/* All fill err from what libpq knows and return its rc. */
enum rc pq_fail_result(struct pq *db, const PGresult *result, struct error *err); /* by its SQLSTATE */
enum rc pq_fail_connection(struct pq *db, struct error *err);                     /* lost: RC_UNAVAILABLE */
enum rc pq_fail_connecting(struct pq *db, struct error *err);                     /* never was there */
enum rc pq_fail_stopped(struct pq *db, struct error *err);

/* Until the socket can be read or written, whichever is asked for (POLLIN, POLLOUT); *ret_ready = false: not before the
 * deadline. `stops`: asked to stop, it fails. */
RC pq_wait_socket(struct pq *db, short events, int64_t deadline_ms, bool stops, bool *ret_ready, struct error *err);

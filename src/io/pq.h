/* A thin layer over libpq: every wait has a deadline and ends when the program is asked to stop, SQLSTATEs become RC,
 * and no message holds a row's value or a password.
 *
 *     AUTO_RELEASE(pq_answer) rows = {0};
 *     TRY(pq_query(db, "SELECT a FROM t WHERE b = $1", 1, (const char *[]){"x"}, &rows, err));
 *     for (int row = 0; row < pq_rows(&rows); row++)
 *         use(pq_text(&rows, row, 0));
 *
 * A connection is used by one thread at a time. Codes: https://www.postgresql.org/docs/15/errcodes-appendix.html */
#pragma once

#include <endian.h>
#include <libpq-fe.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/str.h"
#include "io/tunnel.h"

enum pq_tls {
    PQ_TLS_AUTO,    /* off on a Unix socket, to this machine and through a tunnel, else as PQ_TLS_VERIFY */
    PQ_TLS_OFF,     /* never encrypted */
    PQ_TLS_REQUIRE, /* encrypted, whoever the server is */
    PQ_TLS_VERIFY,  /* encrypted; the certificate and its name are checked */
};

enum {
    PQ_CONNECT_MS = 10000,
    PQ_LOCK_MS = 90000, /* longer than PQ_IDLE_MS: a session that sleeps is gone before who waits for it gives up */
    PQ_IDLE_MS = 60000,
    PQ_STATEMENT_MS = 3600000,
    PQ_STALL_MS = 120000, /* COPY: nothing could be sent for as long */
    PQ_ANSWER_MS = 3000,  /* how much later than the server this side gives up, so that the server can say why */
    PQ_CANCEL_MS = 2000,  /* a request to cancel is not waited for any longer */
    PQ_NAME_BYTES = 63,   /* NAMEDATALEN - 1: PostgreSQL cuts longer identifiers off */
    PQ_DETAIL_TEXT = 2048,
    PQ_HIDDEN_BYTES = 8,         /* so much of a secret in a message is too much */
    PQ_BUFFER_BYTES = 256 << 10, /* of what a COPY sends: more than a socket holds; a row that is wider makes it grow */
    PQ_HEAD_BYTES = 5,           /* of a message: its kind, and its length, which counts itself */
    PQ_CHUNK_BYTES = 64 << 10    /* measured: larger messages are not faster, smaller ones are slower */
};
_Static_assert((int)PQ_LOCK_MS > (int)PQ_IDLE_MS, "who waits for a lock outlives a session that holds it and sleeps");

/* Where to and how; texts NULL and numbers 0: the default. The texts live as long as the call. */
struct pq_address {
    const char *host;      /* a name, an address, or the folder of a Unix socket; NULL: the usual socket folder */
    int64_t port;          /* 5432 */
    struct tunnel *tunnel; /* its folder, or with TLS a port of this machine, takes the place of host, which is then for
                            * people and for the certificate; NULL: none */
    const char *database, *user;
    const char *service; /* of libpq's service file: says what is NULL here, as PGHOST, PGPASSWORD, ~/.pgpass do */
    const struct secret *password; /* not set: a server that asks for one is RC_DENIED */
    enum pq_tls tls;
    const char *ca, *cert, *key; /* files; ca: this machine's own list */
    int64_t connect_ms, lock_ms, idle_ms, statement_ms, stall_ms;
    const char *lead;   /* stands before every statement, for who looks at the server's list of them; NULL: nothing */
    bool rows_by_libpq; /* tests: of a COPY, also where they can be read without it */
    bool is_redshift;   /* which has neither limits on locks nor on idle transactions: lock_ms and idle_ms do nothing */
};

/* What a COPY has sent, and nobody has taken yet: [start, end). Without a buffer libpq reads it. */
struct pq_incoming {
    char *buffer;
    size_t size, start, end;
    int64_t rows; /* as the server says behind the last; -1: not yet */
};

struct pq {
    PGconn *handle;
    const char *password_from; /* for people: "the configuration", "PGPASSWORD"; NULL: the server asked for none */
    char *address;             /* "postgresql://etl@db.internal:5432/dw": for people, no secret */
    struct clock *clock;
    const atomic_int *stop; /* the signal that asks the program to end, 0 so far; NULL: none is looked for */
    int64_t lock_ms, statement_ms, stall_ms;
    const char *lead;
    bool rows_by_libpq;
    struct pq_incoming incoming;
    char *copied;                /* what pq_copy_get gave last, where libpq reads */
    char detail[PQ_DETAIL_TEXT]; /* what the server said of the last failure besides its message; it may hold values,
                                    and is not for people */
    const struct secret *const *hidden; /* of the statement under way */
    int hidden_count;
};

/* "TLSv1.3", "none"; NULL: it goes over a Unix socket. As long as the connection is. */
const char *pq_tls(const struct pq *self);
/* The address's tunnel, where `ssh` wants one: the owner frees it after its last session. RC_CONFIG: it contradicts the
 * rest of the address. Else as tunnel_new. */
RC pq_dig_tunnel(struct pq_address *address, const char *name, const struct tunnel_settings *ssh,
                 const struct opening *with, struct error *err);

/* Connects, makes sure that no pooler shares the session (RC_CONFIG), and sets it up: UTF-8, limits on locks, idle
 * transactions and statements, keepalives on both sides, no rows hidden by row security. RC_UNAVAILABLE: nobody
 * answers, or not yet. RC_DENIED: user, password, pg_hba.conf, certificate. RC_NOT_FOUND: no such database or host.
 * RC_CONFIG: the address cannot be right. */
RC pq_open(const struct pq_address *address, struct clock *clock, const atomic_int *stop, struct pq **ret,
           struct error *err);
/* An open transaction is rolled back by the server, which may take it a moment. NULL is fine. */
void pq_free(struct pq *self);
AUTO_DEFINE(pq)
/* A copy whose texts are in the arena, for who connects again later; its password goes into `password`, which the
 * caller releases. */
void pq_address_keep(const struct pq_address *address, struct arena *arena, struct secret *password,
                     struct pq_address *ret);
/* The address as it is shown. */
void pq_address_print(const struct pq_address *address, struct buf *out);

struct pq_answer {
    PGresult *result; /* zero-initialise the struct */
};
void pq_answer_release(struct pq_answer *self);
static inline int pq_rows(const struct pq_answer *a) { return PQntuples(a->result); }
static inline bool pq_is_null(const struct pq_answer *a, int row, int column)
{
    return PQgetisnull(a->result, row, column) != 0;
}
/* "" for NULL; lives as long as the answer. */
static inline const char *pq_text(const struct pq_answer *a, int row, int column)
{
    return PQgetvalue(a->result, row, column);
}
static inline bool pq_bool(const struct pq_answer *a, int row, int column) { return pq_text(a, row, column)[0] == 't'; }
int64_t pq_int64(const struct pq_answer *a, int row, int column); /* 0 for NULL and for what is no integer */
int64_t pq_changes(const struct pq_answer *a);                    /* rows an INSERT, UPDATE, DELETE or COPY has taken */

/* One statement with parameters $1 ... as text; the types are the server's guess, so cast in the SQL. A failure leaves
 * an open transaction to be rolled back; a lost connection is RC_UNAVAILABLE, and everything after it too. */
RC pq_query(struct pq *db, const char *sql, int count, const char *const *values, struct pq_answer *ret,
            struct error *err);
/* Statements without parameters, separated by ';', of whose answers only the last one's count of rows is of interest;
 * ret_changes may be NULL. */
RC pq_run(struct pq *db, const char *sql, int64_t *ret_changes, struct error *err);
/* The same of one statement that holds secrets: what the server says is left out where it repeats a piece of one (S47).
 */
RC pq_run_hiding(struct pq *db, const char *sql, const struct secret *const *secrets, int count, struct error *err);
/* How long a statement may take from now on, for the server and for us. */
RC pq_set_timeout(struct pq *db, int64_t statement_ms, struct error *err);
/* COMMIT; waits for its answer even when the program is asked to stop. RC_UNKNOWN: the answer was lost. Anything else:
 * certainly not committed. */
RC pq_commit(struct pq *db, struct error *err);
/* Ends what is under way, a COPY too. false: the connection is lost; the server rolls back by itself. */
bool pq_rollback(struct pq *db);
/* What has been sent to us while nobody looked is read; false: the connection is gone. */
bool pq_is_alive(struct pq *db);

/* COPY ... FROM STDIN: begin, put as often as needed, end; any failure leaves pq_rollback. Pieces may be cut anywhere.
 * PQ_CHUNK_BYTES at a time is best. */
RC pq_copy_begin(struct pq *db, const char *sql, struct error *err);
RC pq_copy_put(struct pq *db, const void *bytes, size_t len, struct error *err);
RC pq_copy_end(struct pq *db, int64_t *ret_rows, struct error *err);

/* COPY ... TO STDOUT: begin, then get until ret->at is NULL, which means that the server has said how many rows it sent
 * (*ret_rows) and that these were all (S61). A piece is one row of the binary form, the first one with the stream's
 * head before it, or the trailer (https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-COPY); it lives until
 * the next call. RC_UNAVAILABLE: nothing came for stall_ms. Between the two nothing else is asked of the connection.
 *
 * Rows come by the million, and libpq allocates and copies each of them: but under TLS they are read from the socket
 * itself (pq_copy_out.c). */
RC pq_copy_out(struct pq *db, const char *sql, struct error *err);
static inline RC pq_copy_get(struct pq *db, struct str *ret, int64_t *ret_rows, struct error *err);
/* The piece behind the last one, in the same memory, where it has come already; they then live as long as each other.
 */
static inline bool pq_copy_more(struct pq *db, struct str *ret);
/* Ends what is under way, on the server too, and the connection with it. */
void pq_abandon(struct pq *db);

/* ---- of pq_copy_get ---- */

/* What is no row at first sight, or has not come as a whole. */
RC pq_copy_look(struct pq *db, struct str *ret, int64_t *ret_rows, struct error *err);
static inline bool pq_copy_more(struct pq *db, struct str *ret)
{
    struct pq_incoming *in = &db->incoming;
    uint32_t len;
    if (in->end - in->start < PQ_HEAD_BYTES || in->buffer[in->start] != 'd')
        return false;
    memcpy(&len, in->buffer + in->start + 1, sizeof(len));
    len = be32toh(len);
    if (len < sizeof(len) || len >= in->end - in->start) /* the length counts itself, and not the kind */
        return false;
    *ret = (struct str){in->buffer + in->start + PQ_HEAD_BYTES, len - sizeof(len)};
    in->start += 1 + (size_t)len;
    return true;
}
static inline RC pq_copy_get(struct pq *db, struct str *ret, int64_t *ret_rows, struct error *err)
{
    return pq_copy_more(db, ret) ? RC_OK : pq_copy_look(db, ret, ret_rows, err);
}

/* 'text' as a literal: with standard_conforming_strings nothing in it can end it early. */
void pq_literal(struct buf *out, struct str text);
/* "name", with quotes inside doubled, cut as PostgreSQL cuts it: every identifier goes through here. */
void pq_quote(struct buf *out, const char *identifier);
/* The bytes that PostgreSQL keeps of a name. */
struct str pq_name(const char *identifier);

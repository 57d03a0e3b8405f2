/* One connection to a MySQL or MariaDB server, over libmariadb: set up so that what it returns depends on nothing that
 * a server's configuration or another program can change, with deadlines, and with an end when the program is asked to
 * stop. Used by one thread at a time. Codes: https://mariadb.com/kb/en/mariadb-error-code-reference/ */
#pragma once

#include <mysql.h>

#include "base/auto.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/str.h"
#include "connect/reads.h"
#include "io/opening.h"
#include "io/tunnel.h"

enum mysql_tls {
    MYSQL_TLS_AUTO,    /* verified, but off on this machine: loopback addresses and Unix sockets */
    MYSQL_TLS_OFF,     /* the rows travel in the clear */
    MYSQL_TLS_REQUIRE, /* encrypted, but anybody may pose as the server */
    MYSQL_TLS_VERIFY,  /* encrypted, and the certificate is for this host and of a known authority */
};

/* Texts and secrets belong to whoever opened the source, and outlive every session. */
struct mysql_settings {
    const char *name;      /* the connection's, for messages */
    const char *host;      /* NULL with a socket */
    const char *socket;    /* path of a Unix socket; NULL: TCP */
    struct tunnel *tunnel; /* that makes the socket, and is opened first; NULL: none */
    int port;
    const char *database; /* NULL: none chosen */
    const char *user;
    const struct secret *password;
    enum mysql_tls tls;
    const char *tls_ca, *tls_cert, *tls_key; /* files; NULL: the system's authorities, no certificate of our own */
    int64_t connect_ms, read_ms;             /* how long the server may take to answer, and to send the next bytes */
    const struct opening *with;
};

struct mysql_session {
    MYSQL *handle;
    const struct mysql_settings *settings;
    unsigned long id; /* the server's number for this connection */
    bool is_maria;
    bool is_broken;   /* it lost its server, or rows were left unread: what is asked next begins it anew */
    bool is_for_user; /* it has sent a statement that holds one of the user's: nothing begins with SOURCE_READS now */
};

enum {
    MYSQL_ROW_BYTES_MAX = 96 << 20, /* of one row: 32 MiB values, and several of them */
    MYSQL_KILL_MS = 3000,           /* what ending a query on a connection of its own may take */
};

/* RC_DENIED: the server does not let us in, or its certificate is not to be trusted. RC_NOT_FOUND: no such database.
 * RC_UNAVAILABLE, RC_BUSY: it cannot be reached, or has no room. */
RC mysql_session_open(const struct mysql_settings *settings, struct mysql_session **ret, struct error *err);
void mysql_session_free(struct mysql_session *self);
AUTO_DEFINE(mysql_session)

/* A statement as it is sent: with SOURCE_READS before it, unless the session is_for_user. */
void mysql_session_add_sql(const struct mysql_session *self, struct str sql, struct buf *out);

/* A statement that returns no rows. */
RC mysql_session_run(struct mysql_session *self, const char *sql, struct error *err);
/* A small result, held whole: never for the rows of a table. */
RC mysql_session_ask(struct mysql_session *self, const char *sql, MYSQL_RES **ret, struct error *err);
/* A result that is read as it comes. mysql_session_next gives its rows; the caller frees it with mysql_free_result once
 * *ret_row was false, or with mysql_session_abandon. */
RC mysql_session_stream(struct mysql_session *self, const char *sql, MYSQL_RES **ret, struct error *err);
/* S61: *ret_row = NULL only when the server said that this was the last row. */
RC mysql_session_next(struct mysql_session *self, MYSQL_RES *rows, MYSQL_ROW *ret_row, struct error *err);
/* Ends a query that is under way: on the server, by KILL QUERY on another connection, and here; rows NULL: libmariadb
 * has none of it. The session is broken afterwards. May be called from any thread that is not the session's. */
void mysql_session_abandon(struct mysql_session *self, MYSQL_RES *rows);

/* The first value of the first row as a text in `ret`; "" for NULL. RC_DATA when there is no row or no room. */
RC mysql_session_text(struct mysql_session *self, const char *sql, char *ret, size_t size, struct error *err);
RC mysql_session_int64(struct mysql_session *self, const char *sql, int64_t *ret, struct error *err);

/* Fills err from the session's last failure, in the words of session_errors.c. */
enum rc mysql_session_fail(struct mysql_session *self, struct error *err);
/* The same for a failure that libmariadb has not seen: the server's own, or CR_... with a text of ours. */
enum rc mysql_session_fail_with(struct mysql_session *self, unsigned code, const char *sqlstate, const char *says,
                                struct error *err);
/* The last failure was this one: ER_... or CR_... */
bool mysql_session_failed_with(const struct mysql_session *self, unsigned code);
/* As poll(): 1 ready, 0 time is up (below 0: never), -1 failed. Looks at the stop flag meanwhile, which ends the wait
 * as a failure. */
int mysql_wait(const struct mysql_settings *settings, int socket, bool is_read, int64_t timeout_ms);
/* RC_INTERRUPTED or RC_TERMINATED when the program is asked to stop. */
RC mysql_check_stopped(const struct mysql_settings *settings, struct error *err);

/* `name`, with backticks inside doubled: every identifier goes through here. */
void mysql_quote(struct buf *out, const char *identifier);
/* A text or bytes as a literal of hex digits: no sql_mode and no character in it can end it early. */
void mysql_literal_text(struct buf *out, struct str text);
void mysql_literal_bytes(struct buf *out, struct str bytes);

static inline void mysql_result_auto(MYSQL_RES **self) { mysql_free_result(*self); }
#define AUTO_RESULT __attribute__((cleanup(mysql_result_auto))) MYSQL_RES

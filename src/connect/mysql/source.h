/* A database of MySQL or MariaDB as a source.
 *
 * Session: utf8mb4, zone UTC, no sql_mode, read only, and timeouts that a slow consumer does not meet (session.c).
 * Reading: a range is one SELECT, streamed, in the binary protocol or in text (source_read.c); each reader has a
 * connection of its own. One statement is one read view of InnoDB, so RANGE_ALL is one snapshot. A query that is given
 * up is killed on the server. Clock: the server's. Open transactions: innodb_trx, prepared XA transactions among them,
 * and the statements that run now, whose NOW() is their start; without the PROCESS privilege, and on a replica, they
 * are hidden.
 *
 * Types: integers as narrow as they are declared, unsigned ones to the next wider; BIGINT UNSIGNED is decimal(20,0).
 * DECIMAL up to 38 digits; FLOAT and DOUBLE exactly; BIT(n) an integer (BIT(64): decimal(20,0)); YEAR int16; TIME a
 * time; DATETIME a wall clock; TIMESTAMP an instant in UTC; texts of any charset utf8; BINARY and BLOB bytes; spatial
 * values WKB. `as: text` and `as: binary` take a column in those forms. Zero and partial dates, and values of an ENUM
 * that it does not have, are RC_DATA where the column is not `as: text`.
 *
 * Positions: numbers as decimal digits, texts as they are, bytes as hex digits, ENUM and SET as their number. What is
 * compared is compared by the server, under the column's collation. A table's name is `table`, in the connection's
 * database, or `database.table`. */
#pragma once

#include "base/options.h"
#include "connect/source.h"
#include "io/opening.h"
#include "io/tunnel.h"

enum { MYSQL_CONNECTIONS_MAX = 32 };

struct mysql_options {
    const char *host, *socket, *database, *user; /* with port and password: filled in from option_file.h */
    int64_t port;
    struct secret password;
    int tls; /* enum mysql_tls */
    const char *tls_ca, *tls_cert, *tls_key, *defaults_file;
    struct tunnel_settings ssh;
    int64_t connect_ms, read_ms;
    int64_t connections; /* readers at once */
    int64_t batch_rows;  /* 0: as many as a batch has; tests take fewer */
    bool text_only;      /* tests: rows in the text protocol also where binary ones can be read */
};
enum { MYSQL_OPTIONS = 14 + TUNNEL_OPTIONS };
extern const struct option mysql_option_list[MYSQL_OPTIONS];

/* What becomes of each type there is. */
const struct source_type *mysql_source_types(struct arena *arena, int *ret_count);

/* RC_CONFIG: options that contradict each other. Else as mysql_session_open. Texts and secrets are copied. */
RC mysql_source_open(const char *name, const struct mysql_options *options, const struct opening *with,
                     struct source **ret, struct error *err);

/* A SELECT as a prepared statement without parameters, read over `struct wire`: its rows come in the binary protocol,
 * which costs the server less, and us nothing but a copy into columns.
 * https://mariadb.com/kb/en/com_stmt_prepare/, https://mariadb.com/kb/en/com_stmt_execute/ */
#pragma once

#include "connect/mysql/wire.h"

/* What the answer says of one of its columns. */
struct reply_column {
    enum enum_field_types type;
    bool is_unsigned;
};

struct statement {
    struct wire wire;
    uint32_t id;       /* the server's; 0: it has none */
    bool ends_with_ok; /* CLIENT_DEPRECATE_EOF: nothing between definitions and rows, and an OK behind these */
    bool is_open;      /* the answer has not been read to its end */
    struct reply_column *columns;
    int column_count;
};

/* `session` is asked for nothing else until the rows were read. */
void statement_init(struct statement *self, struct mysql_session *session, int socket);
/* Over the bytes of an answer, from statement_read_head on. */
void statement_init_bytes(struct statement *self, struct mysql_session *session, struct str bytes);
void statement_release(struct statement *self); /* memory only */

/* *ret_refused: this server, or what stands between, prepares no such statement, and the session is as before: let it
 * be asked in text. Other failures of the server's own are errors. `sql` is shorter than a packet (wire_send). */
RC statement_prepare(struct statement *self, struct str sql, bool *ret_refused, struct error *err);
/* Has its rows sent. *ret_refused: it did not come to that, as above. `columns` are those of the answer now. */
RC statement_execute(struct statement *self, bool *ret_refused, struct error *err);
/* The answer to that command, on its own. */
RC statement_read_head(struct statement *self, bool *ret_refused, struct error *err);

/* S61: false in *ret_is_row only when the server said that there is no more. A row lives until the next call, with
 * WIRE_SLACK behind it; of its bytes only the first was looked at. */
static inline RC statement_next(struct statement *self, bool *ret_is_row, struct str *ret, struct error *err);
/* The server may forget it. Not while its rows are being read. */
RC statement_close(struct statement *self, struct error *err);

/* ---- of statement_next ---- */

/* What is no row at first sight: the end, an error, a report of progress with the next row behind it. */
RC statement_look(struct statement *self, struct str *packet, bool *ret_is_row, struct error *err);
static inline RC statement_next(struct statement *self, bool *ret_is_row, struct str *ret, struct error *err)
{
    TRY(wire_next(&self->wire, ret, err));
    *ret_is_row = ret->len > 0 && ret->at[0] == 0;
    return __builtin_expect(*ret_is_row, 1) ? RC_OK : statement_look(self, ret, ret_is_row, err);
}

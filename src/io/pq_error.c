/* SQLSTATEs become RC, and messages lose the values that PostgreSQL puts into them. */
#include <stdio.h>
#include <string.h>

#include "io/opening.h"
#include "io/pq_parts.h"

/* The longest prefix decides; classes (two letters) stand for what is not listed. */
static const struct {
    const char *state;
    enum rc rc;
    const char *todo;
} codes[] = {
    {"08", RC_UNAVAILABLE, NULL},
    {"0A", RC_FAILED, NULL},
    {"22", RC_DATA, NULL},
    {"23", RC_DATA, NULL},
    {"25006", RC_DENIED, "this server is read-only (a standby, or default_transaction_read_only): give the primary"},
    {"25P03", RC_UNAVAILABLE, "the session slept inside a transaction for too long: run the same command again"},
    {"28", RC_DENIED, "check `user` and `password` of the connection, and the server's pg_hba.conf"},
    {"3D000", RC_NOT_FOUND, "create the database, or correct `database` of the connection"},
    {"3F000", RC_NOT_FOUND, "create the schema, or correct `schema` of the connection"},
    {"40", RC_BUSY, NULL},
    {"40001", RC_BUSY,
     "run the same command again: others changed the same rows. A standby waits for its readers by "
     "max_standby_streaming_delay, or has its primary keep their rows by hot_standby_feedback = on"},
    {"42501", RC_DENIED, NULL},
    {"42804", RC_DATA, NULL},
    {"42P01", RC_NOT_FOUND, NULL},
    {"44", RC_DATA, NULL},
    {"53", RC_UNAVAILABLE, NULL},
    {"53100", RC_UNAVAILABLE, "free some space on the server's disk, then run the same command again"},
    {"53300", RC_UNAVAILABLE, "the server has no connection left: wait, or raise its max_connections"},
    {"54", RC_DATA, NULL},
    {"55006", RC_BUSY, NULL},
    {"55P03", RC_BUSY, NULL},
    {"57014", RC_UNAVAILABLE, "raise `statement_timeout` of the connection if the work takes as long"},
    {"57", RC_UNAVAILABLE, NULL},
    {"58", RC_UNAVAILABLE, NULL},
    {"P0001", RC_DATA, NULL},
    {"XX", RC_FAILED, NULL},
};

static int code_find(const char *state)
{
    int found = -1;
    size_t longest = 0;
    for (int i = 0; i < (int)(sizeof(codes) / sizeof(codes[0])); i++) {
        size_t len = strlen(codes[i].state);
        if (len > longest && strncmp(state, codes[i].state, len) == 0) {
            found = i;
            longest = len;
        }
    }
    return found;
}

/* Some piece of a secret stands in it. */
static bool repeats(const char *text, const struct secret *secret)
{
    const char *hidden = secret_reveal(secret);
    size_t len = strlen(hidden), piece = len < PQ_HIDDEN_BYTES ? len : PQ_HIDDEN_BYTES, size = strlen(text);
    for (size_t i = 0; len > 0 && i + piece <= len; i++) {
        if (memmem(text, size, hidden + i, piece) != NULL)
            return true;
    }
    return false;
}

static const char *without_secrets(const struct pq *db, const char *text)
{
    for (int i = 0; i < db->hidden_count; i++) {
        if (repeats(text, db->hidden[i]))
            return "its message repeats a secret of the statement, and is left out";
    }
    return text;
}

/* What stands in quotes in a message about a value is the value: "invalid input syntax for type uuid: "..."", and so is
 * what a function's author wrote. Names of columns and constraints come as fields of their own. */
static void add_message(const char *state, const char *message, struct buf *out)
{
    if (strcmp(state, "P0001") == 0) {
        buf_add_str(out, S("a trigger or a function of the table has refused it"));
        return;
    }
    if (strncmp(state, "22", 2) != 0) {
        buf_add_str(out, str(message));
        return;
    }
    bool is_quoted = false;
    for (const char *at = message; *at != '\0' && strncmp(at, ": 0x", 4) != 0; at++) {
        if (*at == '"') {
            is_quoted = !is_quoted;
            buf_add_str(out, is_quoted ? S("\"") : S("...\""));
        } else if (!is_quoted) {
            buf_add(out, at, 1);
        }
    }
}

/* A binary COPY names line and column in its context, and no value: "COPY t, line 3, column c". */
static void add_copy_column(const char *context, struct buf *out)
{
    const char *copy = context != NULL ? strstr(context, "COPY ") : NULL;
    const char *column = copy != NULL ? strstr(copy, ", column ") : NULL;
    size_t line = copy != NULL ? strcspn(copy, "\n") : 0;
    if (column == NULL || (size_t)(column - copy) >= line)
        return;
    column += strlen(", column ");
    buf_addf(out, " (column '%.*s')", (int)strcspn(column, ":\n"), column);
}

static void add_place(const struct pq_said *said, struct buf *out)
{
    if (said->table != NULL)
        buf_addf(out, " (table '%s'", said->table);
    if (said->table != NULL && said->column != NULL)
        buf_addf(out, ", column '%s'", said->column);
    if (said->table != NULL && said->constraint != NULL)
        buf_addf(out, ", constraint '%s'", said->constraint);
    if (said->table != NULL)
        buf_add_str(out, S(")"));
    else
        add_copy_column(said->context, out);
}

static bool is_stopped(const struct pq *db) { return db->stop != NULL && *db->stop != 0; }

enum rc pq_fail_stopped(struct pq *db, struct error *err)
{
    return fail(err, stop_rc(*db->stop), "'%s': asked to stop", db->address);
}

enum rc pq_fail_said(struct pq *db, const struct pq_said *said, struct error *err)
{
    const char *state = or_empty(said->state);
    if (is_stopped(db) && strcmp(state, "57014") == 0)
        return pq_fail_stopped(db, err);
    AUTO_RELEASE(buf) text = {0};
    int code = code_find(state);
    add_message(state, without_secrets(db, or_empty(said->message)), &text);
    snprintf(db->detail, sizeof(db->detail), "%s", without_secrets(db, or_empty(said->detail)));
    add_place(said, &text);
    fail(err, code >= 0 ? codes[code].rc : RC_FAILED, "'%s': %s", db->address, or_empty(text.at));
    snprintf(err->vendor, sizeof(err->vendor), "%s", state);
    if (strcmp(state, "42501") == 0)
        fail_id(err, "no-right");
    return code >= 0 && codes[code].todo != NULL ? fail_todo(err, "%s", codes[code].todo) : err->rc;
}

enum rc pq_fail_result(struct pq *db, const PGresult *result, struct error *err)
{
    const struct pq_said said = {
        .state = PQresultErrorField(result, PG_DIAG_SQLSTATE),
        .message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
        .detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
        .table = PQresultErrorField(result, PG_DIAG_TABLE_NAME),
        .column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME),
        .constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME),
        .context = PQresultErrorField(result, PG_DIAG_CONTEXT),
    };
    return said.state != NULL ? pq_fail_said(db, &said, err) : pq_fail_connection(db, err);
}

/* libpq's own words: several lines, each ended. */
static void add_lines(const char *message, struct buf *out)
{
    size_t len = strlen(message);
    while (len > 0 && message[len - 1] == '\n')
        len--;
    for (size_t i = 0; i < len; i++)
        buf_add(out, message[i] == '\n' || message[i] == '\t' ? " " : &message[i], 1);
}

enum rc pq_fail_connection(struct pq *db, struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    add_lines(without_secrets(db, PQerrorMessage(db->handle)), &text);
    fail(err, RC_UNAVAILABLE, "'%s': the connection is lost: %s", db->address,
         text.len > 0 ? text.at : "the server has closed it");
    return fail_todo(err, "run the same command again once the server answers: it goes on where it stopped");
}

/* No SQLSTATE reaches the client of a connection that never was; the words do, and are not translated: lc_messages
 * counts only once a user is known, and libpq's own depend on this process's locale, which is C. */
enum rc pq_fail_connecting(struct pq *db, struct error *err)
{
    static const struct {
        const char *words;
        enum rc rc;
        const char *todo;
    } reasons[] = {
        {"password authentication failed", RC_DENIED, "check `user` and `password` of the connection"},
        {"no password supplied", RC_DENIED, "give the connection a `password`"},
        {"authentication failed", RC_DENIED, "check `user` of the connection, and the server's pg_hba.conf"},
        {"no encryption", RC_DENIED,
         "let this user in by the server's pg_hba.conf; where it lets nobody in without TLS: `tls: verify`"},
        {"SSL connection is required", RC_DENIED, "`tls: verify`, or `tls: require`"},
        {"no pg_hba.conf entry", RC_DENIED, "let this user in by the server's pg_hba.conf"},
        {"pg_hba.conf rejects", RC_DENIED, "let this user in by the server's pg_hba.conf"},
        {"is not permitted to log in", RC_DENIED, "ALTER ROLE ... LOGIN, or give another `user`"},
        {"permission denied for database", RC_DENIED, "GRANT CONNECT ON DATABASE ... TO the user"},
        {"definition of service", RC_CONFIG, "correct `service` of the connection, or ~/.pg_service.conf"},
        {"service file", RC_CONFIG, "correct `service` of the connection, or PGSERVICEFILE"},
        {"root certificate file", RC_CONFIG, "correct `tls_ca` of the connection"},
        {"certificate file", RC_CONFIG, "correct `tls_cert` and `tls_key` of the connection"},
        {"private key file", RC_CONFIG, "correct `tls_cert` and `tls_key` of the connection"},
        {"valid client certificate", RC_DENIED,
         "show the server a certificate that its authority (ssl_ca_file) has signed: `tls_cert` and `tls_key`"},
        {"alert unknown ca", RC_DENIED,
         "show the server a certificate that its authority (ssl_ca_file) has signed: `tls_cert` and `tls_key`"},
        {"FATAL:  role ", RC_DENIED, "create the user, or correct `user` of the connection"},
        {"does not exist", RC_NOT_FOUND, "create the database, or correct `database` of the connection"},
        {"could not translate host name", RC_UNAVAILABLE, "check `host` of the connection: its name is not known"},
        {"certificate", RC_DENIED,
         "give the server's own authority as `tls_ca`; `tls: require` encrypts without knowing who it is"},
        {"server does not support SSL", RC_DENIED,
         "switch TLS on at the server; `tls: off` sends rows and password readable through the network"},
        {"too many clients", RC_UNAVAILABLE, "wait, or raise the server's max_connections"},
        {"remaining connection slots", RC_UNAVAILABLE, "wait, or raise the server's max_connections"},
        {"starting up", RC_UNAVAILABLE, "wait until the server is up"},
        {"shutting down", RC_UNAVAILABLE, "wait until the server is up again"},
        {"recovery mode", RC_UNAVAILABLE, "wait until the server is up again"},
    };
    AUTO_RELEASE(buf) text = {0};
    add_lines(PQerrorMessage(db->handle), &text);
    const char *words = or_empty(text.at);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        bool is_socket = strstr(words, "No such file or directory") != NULL; /* of the socket, not of a database */
        if (strstr(words, reasons[i].words) == NULL || is_socket)
            continue;
        fail(err, reasons[i].rc, "'%s': %s", db->address, words);
        if (strstr(reasons[i].words, "password") != NULL)
            fail_id(err, "wrong-login");
        else if (strcmp(reasons[i].words, "certificate") == 0)
            fail_id(err, "untrusted-certificate");
        return fail_todo(err, "%s", reasons[i].todo);
    }
    fail(err, RC_UNAVAILABLE, "'%s': %s", db->address, words);
    fail_id(err, "unreachable");
    return fail_todo(err, "check `host` and `port` of the connection, and that the server runs");
}

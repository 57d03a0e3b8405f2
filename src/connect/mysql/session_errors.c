/* What a server's or libmariadb's error number means here, and what to do about it. */
#include <errmsg.h>
#include <errno.h>
#include <stdlib.h>
#include <mysqld_error.h>

#include "connect/mysql/session.h"

/* Numbers that one of the two systems has alone, so that its header does not name them for the other. */
enum {
    ERROR_QUERY_TIMEOUT = 3024,  /* MySQL */
    ERROR_ACCOUNT_LOCKED = 3118, /* MySQL */
    ERROR_ACCOUNT_LOCKED_MARIA = 4151,
    ERROR_CLIENT_INTERACTION = 4031, /* MySQL: disconnected because of inactivity */
    ERROR_NO_TLS = 2026,
};

/* `says`: the server's own text holds names only, no value of a row and no part of a statement. */
static const struct {
    unsigned code;
    enum rc rc;
    bool says;
    const char *todo;
} known[] = {
    {ER_ACCESS_DENIED_ERROR, RC_DENIED, true,
     "check 'user' and 'password', from which hosts this user may come, and whether it has to show a certificate "
     "('tls_cert', 'tls_key')"},
    {ER_ACCESS_DENIED_NO_PASSWORD_ERROR, RC_DENIED, true, "check 'user' and 'password': this one may have no password"},
    {ER_DBACCESS_DENIED_ERROR, RC_DENIED, true,
     "check 'database' (one that is not there is denied, too), or: GRANT SELECT ON <database>.* TO this user"},
    {ER_TABLEACCESS_DENIED_ERROR, RC_DENIED, true, "GRANT SELECT ON <database>.<table> TO this user"},
    {ER_COLUMNACCESS_DENIED_ERROR, RC_DENIED, true, "GRANT SELECT ON <database>.<table> TO this user"},
    {ER_SPECIFIC_ACCESS_DENIED_ERROR, RC_DENIED, true, "grant it to this user"},
    {ER_XAER_RMERR, RC_DENIED, true, "GRANT XA_RECOVER_ADMIN ON *.* TO this user"}, /* what XA RECOVER says */
    {ER_HOST_NOT_PRIVILEGED, RC_DENIED, true, "create the user for this host: CREATE USER '<user>'@'<host>'"},
    {ER_HOST_IS_BLOCKED, RC_DENIED, true, "FLUSH HOSTS on the server"},
    {ER_MUST_CHANGE_PASSWORD, RC_DENIED, true, "log in once with another client and change the password"},
    {ER_MUST_CHANGE_PASSWORD_LOGIN, RC_DENIED, true, "log in once with another client and change the password"},
    {ERROR_ACCOUNT_LOCKED, RC_DENIED, true, "ALTER USER ... ACCOUNT UNLOCK"},
    {ERROR_ACCOUNT_LOCKED_MARIA, RC_DENIED, true, "ALTER USER ... ACCOUNT UNLOCK"},
    {ER_BAD_DB_ERROR, RC_NOT_FOUND, true, "check 'database'; SHOW DATABASES lists what this user may see"},
    {ER_NO_SUCH_TABLE, RC_NOT_FOUND, true, "the table was dropped or renamed just now; run the same command again"},
    {ER_BAD_FIELD_ERROR, RC_DATA, false, "a column was dropped or renamed just now; run the same command again"},
    {ER_TABLE_DEF_CHANGED, RC_BUSY, true, "the table is being altered; run the same command again afterwards"},
    {ER_LOCK_WAIT_TIMEOUT, RC_BUSY, true, "somebody locks the table (SHOW PROCESSLIST); run the same command again"},
    {ER_LOCK_DEADLOCK, RC_BUSY, true, "run the same command again"},
    {ER_UNKNOWN_COM_ERROR, RC_UNAVAILABLE, true,
     "a node of a Galera cluster says so while it is not one of the majority (wsrep_ready): wait until it is, or read "
     "from another"},
    {ER_CON_COUNT_ERROR, RC_BUSY, true, "the server has no connection to spare; run again, or lower 'connections'"},
    {ER_TOO_MANY_USER_CONNECTIONS, RC_BUSY, true, "this user has no connection to spare; lower 'connections'"},
    {ER_USER_LIMIT_REACHED, RC_BUSY, true, "a limit of this user is reached; run the same command again later"},
    {ER_SERVER_SHUTDOWN, RC_UNAVAILABLE, true, "run the same command again when the server is back"},
    {ER_QUERY_INTERRUPTED, RC_UNAVAILABLE, true, "somebody killed the query; run the same command again"},
    {ER_CONNECTION_KILLED, RC_UNAVAILABLE, true, "somebody killed the connection; run the same command again"},
    {ER_STATEMENT_TIMEOUT, RC_UNAVAILABLE, true, "raise the server's max_statement_time for this user"},
    {ERROR_QUERY_TIMEOUT, RC_UNAVAILABLE, true, "raise the server's max_execution_time for this user"},
    {ERROR_CLIENT_INTERACTION, RC_UNAVAILABLE, true, "run the same command again"},
    {ER_NET_READ_ERROR, RC_UNAVAILABLE, true, "run the same command again"},
    {ER_NET_READ_INTERRUPTED, RC_UNAVAILABLE, true, "run the same command again"},
    {ER_NET_ERROR_ON_WRITE, RC_UNAVAILABLE, true, "run the same command again"},
    {ER_NET_WRITE_INTERRUPTED, RC_UNAVAILABLE, true, "run the same command again"},
    {ER_NET_PACKET_TOO_LARGE, RC_DATA, true, "raise the server's max_allowed_packet: a row is wider"},
    {CR_NET_PACKET_TOO_LARGE, RC_DATA, true, "a row is wider than 96 MiB: leave its widest column out"},
    {CR_CONNECTION_ERROR, RC_UNAVAILABLE, true,
     "check 'host' and 'port', or 'socket', and that the server runs and listens there"},
    {CR_CONN_HOST_ERROR, RC_UNAVAILABLE, true,
     "check 'host' and 'port', or 'socket', and that the server runs and listens there"},
    {CR_UNKNOWN_HOST, RC_UNAVAILABLE, true, "check 'host': its name is not known"},
    {CR_SERVER_GONE_ERROR, RC_UNAVAILABLE, true, "run the same command again"},
    {CR_SERVER_LOST, RC_UNAVAILABLE, true, "run the same command again"},
    {CR_SERVER_LOST_EXTENDED, RC_UNAVAILABLE, true, "run the same command again"},
    {CR_AUTH_PLUGIN_CANNOT_LOAD, RC_DENIED, true, "let the user log in with a password the usual way"},
    {ERROR_NO_TLS, RC_DENIED, true,
     "name the authority's certificate with 'tls_ca' (the server's own, where it is self-signed), or say 'tls: "
     "require' (encrypted, the server not verified) or 'tls: off'"},
};

bool mysql_session_failed_with(const struct mysql_session *self, unsigned code)
{
    return mysql_errno(self->handle) == code;
}

RC mysql_check_stopped(const struct mysql_settings *settings, struct error *err)
{
    const atomic_int *stop = settings->with->stop;
    int signal = stop != NULL ? *stop : 0;
    if (signal == 0)
        return RC_OK;
    return fail(err, stop_rc(signal), "asked to stop while '%s' was being read", settings->name);
}

static bool loses_the_server(unsigned code)
{
    return (code >= CR_MIN_ERROR && code <= CR_MAX_ERROR) || code == ER_SERVER_SHUTDOWN ||
           code == ER_CONNECTION_KILLED || code == ERROR_CLIENT_INTERACTION || code == ER_NET_PACKET_TOO_LARGE;
}

/* "TLS/SSL error: Connection reset by peer (104)": what OpenSSL has no reason for, the library tells with its errno. */
static bool tells_an_errno(const char *says)
{
    size_t len = strlen(says), digits = 0;
    if (len == 0 || says[--len] != ')')
        return false;
    while (len > 0 && says[len - 1] >= '0' && says[len - 1] <= '9') {
        len--;
        digits++;
    }
    return digits > 0 && len > 0 && says[len - 1] == '(';
}

/* The library has one number for all that happens below TLS. Once we were let in, it is never the certificate; nor is
 * it before, where the connection was lost or silent. */
static unsigned code_of(const struct mysql_session *self)
{
    unsigned code = mysql_errno(self->handle);
    if (code != ERROR_NO_TLS)
        return code;
    const char *says = mysql_error(self->handle);
    bool is_lost = self->id != 0 || tells_an_errno(says) || strstr(says, "unexpected eof") != NULL;
    return is_lost ? CR_SERVER_LOST : code;
}

/* "TLS/SSL error: Resource temporarily unavailable (11)", "... system error: 11": the time for an answer is over. */
static const char *says_of(const struct mysql_session *self)
{
    const char *says = mysql_error(self->handle), *last = says + strlen(says);
    last -= last > says && last[-1] == ')';
    while (last > says && last[-1] >= '0' && last[-1] <= '9')
        last--;
    bool is_silent = code_of(self) == CR_SERVER_LOST && strtol(last, NULL, 10) == EAGAIN;
    return is_silent ? "Lost connection to server: it was silent for too long" : says;
}

static const char *id_of(unsigned code, enum rc rc)
{
    switch (code) {
    case ER_ACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR: return ERROR_ID("wrong-login");
    case ERROR_NO_TLS: return ERROR_ID("untrusted-certificate");
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST: return ERROR_ID("unreachable");
    default: return rc == RC_DENIED ? ERROR_ID("no-right") : NULL;
    }
}

enum rc mysql_session_fail_with(struct mysql_session *self, unsigned code, const char *sqlstate, const char *says,
                                struct error *err)
{
    const struct mysql_settings *settings = self->settings;
    self->is_broken |= loses_the_server(code);
    TRY(mysql_check_stopped(settings, err));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].code != code)
            continue;
        fail(err, known[i].rc, "'%s': %s (%u)", settings->name,
             known[i].says ? says : "the statement does not fit the table", code);
        snprintf(err->vendor, sizeof(err->vendor), "%u", code);
        fail_id(err, id_of(code, known[i].rc));
        return fail_todo(err, "%s", known[i].todo);
    }
    bool is_clients = code >= CR_MIN_ERROR && code <= CR_MAX_ERROR;
    fail(err, is_clients ? RC_UNAVAILABLE : RC_FAILED, "'%s': %s%serror %u (SQLSTATE %s)", settings->name,
         is_clients ? says : "", is_clients ? ", " : "", code, sqlstate);
    snprintf(err->vendor, sizeof(err->vendor), "%u", code);
    return err->rc;
}

enum rc mysql_session_fail(struct mysql_session *self, struct error *err)
{
    return mysql_session_fail_with(self, code_of(self), mysql_sqlstate(self->handle), says_of(self), err);
}

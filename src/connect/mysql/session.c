#include "connect/mysql/session.h"

#include <assert.h>
#include <errmsg.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    STOP_LOOK_MS = 100,
    /* S30, S61: a dead peer is found in 30 + 6 x 10 s; a living one may be slow for as long as the read deadline. */
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_EVERY_S = 10,
    KEEPALIVE_COUNT = 6,
};

/* ---- waiting ---- */

/* libmariadb gives its wait callback a socket and nothing else; a session is used by one thread at a time, so what it
 * waits for can be left here for the time of a call. */
static _Thread_local const struct mysql_settings *waiting;

static bool is_stopped(const struct mysql_settings *settings)
{
    const atomic_int *stop = settings != NULL ? settings->with->stop : NULL;
    return stop != NULL && *stop != 0;
}

int mysql_wait(const struct mysql_settings *settings, int socket, bool is_read, int64_t timeout_ms)
{
    struct pollfd fd = {.fd = socket, .events = is_read ? POLLIN : POLLOUT};
    for (int64_t waited = 0; timeout_ms < 0 || waited < timeout_ms; waited += STOP_LOOK_MS) {
        int64_t left = timeout_ms < 0 ? STOP_LOOK_MS : timeout_ms - waited;
        int ready = poll(&fd, 1, (int)(left < STOP_LOOK_MS ? left : STOP_LOOK_MS));
        if (ready > 0)
            return ready;
        if (is_stopped(settings))
            return -1;
    }
    return 0;
}

static int wait_io(my_socket socket, my_bool is_read, int timeout_ms)
{
    return mysql_wait(waiting, socket, is_read, timeout_ms);
}

/* ---- opening ---- */

static bool is_local(const struct mysql_settings *settings)
{
    return settings->socket != NULL || strcmp(settings->host, "localhost") == 0 ||
           strncmp(settings->host, "127.", 4) == 0 || strcmp(settings->host, "::1") == 0;
}

static bool wants_tls(const struct mysql_settings *settings)
{
    return settings->tls == MYSQL_TLS_AUTO ? !is_local(settings) : settings->tls != MYSQL_TLS_OFF;
}

static void set_tls(MYSQL *handle, const struct mysql_settings *settings)
{
    static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";
    my_bool on = 1, verify = settings->tls != MYSQL_TLS_REQUIRE;
    if (!wants_tls(settings))
        return;
    mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, &on);
    mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (verify || settings->tls_ca != NULL)
        mysql_options(handle, MYSQL_OPT_SSL_CA, settings->tls_ca != NULL ? settings->tls_ca : system_authorities);
    if (settings->tls_cert != NULL)
        mysql_options(handle, MYSQL_OPT_SSL_CERT, settings->tls_cert);
    if (settings->tls_key != NULL)
        mysql_options(handle, MYSQL_OPT_SSL_KEY, settings->tls_key);
}

static unsigned seconds_of(int64_t ms) { return ms <= 0 ? 1 : (unsigned)((ms + 999) / 1000); }

static void set_options(MYSQL *handle, const struct mysql_settings *settings)
{
    unsigned connect_s = seconds_of(settings->connect_ms), read_s = seconds_of(settings->read_ms), off = 0;
    unsigned protocol = settings->socket != NULL ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    unsigned long row_bytes = MYSQL_ROW_BYTES_MAX;
    my_bool no = 0;
    mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &read_s);
    mysql_options(handle, MYSQL_OPT_WRITE_TIMEOUT, &read_s);
    mysql_options(handle, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(handle, MYSQL_OPT_RECONNECT, &no); /* a session that comes back has lost its settings */
    mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &off);
    mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, &row_bytes);
    mysql_options4(handle, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "waybill");
    mysql_options(handle, MARIADB_OPT_IO_WAIT, (const void *)wait_io);
    set_tls(handle, settings);
}

static void keep_alive(MYSQL *handle)
{
    static const int on = 1, idle = KEEPALIVE_IDLE_S, every = KEEPALIVE_EVERY_S, count = KEEPALIVE_COUNT;
    int fd = mysql_get_socket(handle);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)); /* of no use, and no harm, on a Unix socket */
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

/* What a server's configuration may have set, and what would change or cut what we read: zone, limits, the meaning of
 * literals, timeouts that a slow consumer (an upload) would meet. */
static RC set_session(struct mysql_session *self, struct error *err)
{
    static const char common[] =
        "SET time_zone = '+00:00', sql_mode = '', autocommit = 1, sql_select_limit = 18446744073709551615, "
        "sql_big_selects = 1, sql_auto_is_null = 0, net_write_timeout = 86400, net_read_timeout = 3600, "
        "wait_timeout = 86400, lock_wait_timeout = 60, ";
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "%s%s = 0", common, self->is_maria ? "max_statement_time" : "max_execution_time");
    TRY(mysql_session_run(self, sql.at, err));
    TRY(mysql_session_run(self, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", err));
    return mysql_session_run(self, "SET SESSION TRANSACTION READ ONLY", err);
}

static RC connect_to(struct mysql_session *self, struct error *err)
{
    const struct mysql_settings *settings = self->settings;
    if (settings->tunnel != NULL)
        TRY(tunnel_ensure(settings->tunnel, err));
    waiting = settings;
    const MYSQL *done =
        mysql_real_connect(self->handle, settings->host, settings->user, secret_reveal(settings->password),
                           settings->database, (unsigned)settings->port, settings->socket, CLIENT_MULTI_RESULTS);
    waiting = NULL;
    if (done == NULL) {
        enum rc rc = mysql_session_fail(self, err);
        return settings->tunnel != NULL ? tunnel_explain(settings->tunnel, err) : rc;
    }
    if (wants_tls(settings) && mysql_get_ssl_cipher(self->handle) == NULL)
        return fail(err, RC_DENIED, "'%s' answered without TLS", settings->name);
    keep_alive(self->handle);
    self->id = mysql_thread_id(self->handle);
    self->is_maria = strstr(mysql_get_server_info(self->handle), "MariaDB") != NULL;
    return set_session(self, err);
}

static MYSQL *new_handle(const struct mysql_settings *settings)
{
    MYSQL *handle = mysql_init(NULL);
    if (handle == NULL)
        abort(); /* no memory */
    set_options(handle, settings);
    return handle;
}

static void library_init(void) { mysql_library_init(0, NULL, NULL); }

RC mysql_session_open(const struct mysql_settings *settings, struct mysql_session **ret, struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_init);
    TRY(mysql_check_stopped(settings, err));
    AUTO(mysql_session) *self = xcalloc(1, sizeof(*self));
    self->settings = settings;
    self->handle = new_handle(settings);
    TRY(connect_to(self, err));
    *ret = TAKE(self);
    return RC_OK;
}

void mysql_session_free(struct mysql_session *self)
{
    if (self == NULL)
        return;
    mysql_close(self->handle);
    free(self);
}

/* ---- asking ---- */

/* A session that was lost is begun anew with whatever is asked next: the next table of a run. What was open in it is
 * not, so whoever asks several things in one transaction stops at the first failure. */
static RC begin_anew(struct mysql_session *self, struct error *err)
{
    mysql_close(self->handle);
    self->handle = new_handle(self->settings);
    self->id = 0;
    self->is_broken = false;
    enum rc rc = connect_to(self, err);
    self->is_broken = rc != RC_OK;
    return rc;
}

void mysql_session_add_sql(const struct mysql_session *self, struct str sql, struct buf *out)
{
    buf_add_str(out, self->is_for_user ? S("") : S(SOURCE_READS));
    buf_add_str(out, sql);
}

static RC send_sql(struct mysql_session *self, const char *sql, struct error *err)
{
    AUTO_RELEASE(buf) sent = {0};
    TRY(mysql_check_stopped(self->settings, err));
    if (self->is_broken)
        TRY(begin_anew(self, err));
    mysql_session_add_sql(self, str(sql), &sent);
    waiting = self->settings;
    int failed = mysql_real_query(self->handle, sent.at, sent.len);
    waiting = NULL;
    return failed == 0 ? RC_OK : mysql_session_fail(self, err);
}

RC mysql_session_run(struct mysql_session *self, const char *sql, struct error *err)
{
    MYSQL_RES *rows = NULL;
    TRY(mysql_session_ask(self, sql, &rows, err));
    mysql_free_result(rows);
    return RC_OK;
}

RC mysql_session_ask(struct mysql_session *self, const char *sql, MYSQL_RES **ret, struct error *err)
{
    TRY(send_sql(self, sql, err));
    waiting = self->settings;
    MYSQL_RES *rows = mysql_store_result(self->handle);
    waiting = NULL;
    if (rows == NULL && mysql_errno(self->handle) != 0)
        return mysql_session_fail(self, err);
    *ret = rows;
    return RC_OK;
}

RC mysql_session_stream(struct mysql_session *self, const char *sql, MYSQL_RES **ret, struct error *err)
{
    TRY(send_sql(self, sql, err));
    MYSQL_RES *rows = mysql_use_result(self->handle);
    if (rows == NULL)
        return mysql_session_fail(self, err);
    *ret = rows;
    return RC_OK;
}

RC mysql_session_next(struct mysql_session *self, MYSQL_RES *rows, MYSQL_ROW *ret_row, struct error *err)
{
    waiting = self->settings;
    MYSQL_ROW row = mysql_fetch_row(rows);
    waiting = NULL;
    if (row == NULL && mysql_errno(self->handle) != 0)
        return mysql_session_fail(self, err);
    *ret_row = row;
    return RC_OK;
}

RC mysql_session_text(struct mysql_session *self, const char *sql, char *ret, size_t size, struct error *err)
{
    AUTO_RESULT *rows = NULL;
    TRY(mysql_session_ask(self, sql, &rows, err));
    MYSQL_ROW row = rows != NULL ? mysql_fetch_row(rows) : NULL;
    if (row == NULL || strlen(or_empty(row[0])) >= size)
        return fail(err, RC_DATA, "'%s' has no usable answer to a question about itself", self->settings->name);
    snprintf(ret, size, "%s", or_empty(row[0]));
    return RC_OK;
}

RC mysql_session_int64(struct mysql_session *self, const char *sql, int64_t *ret, struct error *err)
{
    char text[32];
    TRY(mysql_session_text(self, sql, text, sizeof(text), err));
    if (!str_to_int64(str(text), ret))
        return fail(err, RC_DATA, "'%s' answers with no number where one is asked for", self->settings->name);
    return RC_OK;
}

/* ---- ending ---- */

/* KILL QUERY on a connection of its own; a failure is nobody's: the server ends the query when it next sends. */
static void mysql_session_kill(const struct mysql_session *self)
{
    struct opening unstopped = *self->settings->with;
    struct mysql_settings settings = *self->settings;
    AUTO(mysql_session) *other = NULL;
    struct error ignored;
    char sql[64];
    unstopped.stop = NULL;
    settings.with = &unstopped;
    settings.connect_ms = settings.read_ms = MYSQL_KILL_MS;
    snprintf(sql, sizeof(sql), "KILL %s%lu", self->is_maria ? "HARD QUERY " : "QUERY ", self->id);
    if (mysql_session_open(&settings, &other, &ignored) == RC_OK && mysql_session_run(other, sql, &ignored) != RC_OK)
        return; /* it has ended by itself */
}

void mysql_session_abandon(struct mysql_session *self, MYSQL_RES *rows)
{
    if (!self->is_broken)
        mysql_session_kill(self);
    self->is_broken = true;
    shutdown(mysql_get_socket(self->handle), SHUT_RDWR); /* else mysql_free_result reads all rows that are left */
    mysql_free_result(rows);
}

/* ---- words ---- */

void mysql_quote(struct buf *out, const char *identifier)
{
    buf_add_str(out, S("`"));
    for (const char *at = identifier; *at != '\0'; at++) {
        if (*at == '`')
            buf_add_str(out, S("`"));
        buf_add(out, at, 1);
    }
    buf_add_str(out, S("`"));
}

void mysql_literal_bytes(struct buf *out, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    buf_add_str(out, S("X'"));
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        buf_add(out, (char[]){digits[byte >> 4], digits[byte & 15]}, 2);
    }
    buf_add_str(out, S("'"));
}

void mysql_literal_text(struct buf *out, struct str text)
{
    buf_add_str(out, S("_utf8mb4 "));
    mysql_literal_bytes(out, text);
}

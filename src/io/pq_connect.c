#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/pq_parts.h"

static bool is_this_machine(const char *host)
{
    return host == NULL || host[0] == '/' || strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Where libpq will go to: what is not said here, it finds in a service file or in its variables. */
static bool goes_to_this_machine(const struct pq_address *address)
{
    const char *number = variable("PGHOSTADDR");
    bool is_elsewhere = number != NULL && !is_this_machine(number);
    bool is_service = address->service != NULL || variable("PGSERVICE") != NULL;
    if (is_elsewhere || (address->host == NULL && is_service))
        return false;
    return is_this_machine(address->host != NULL ? address->host : variable("PGHOST"));
}

/* libpq encrypts nothing on a Unix socket: where TLS is asked for, a tunnel leads from a port of this machine. The host
 * stays the server's, whose certificate is checked by it. */
static bool goes_by_port(const struct pq_address *address)
{
    return address->tunnel != NULL && (address->tls == PQ_TLS_REQUIRE || address->tls == PQ_TLS_VERIFY);
}

static const char *tls_mode(const struct pq_address *address)
{
    if (address->tunnel != NULL && !goes_by_port(address))
        return "disable";
    switch (address->tls) {
    case PQ_TLS_OFF: return "disable";
    case PQ_TLS_REQUIRE: return "require";
    case PQ_TLS_AUTO:
        if (goes_to_this_machine(address))
            return "allow"; /* only when the server insists */
        return "verify-full";
    case PQ_TLS_VERIFY: return "verify-full";
    }
    abort();
}

/* libpq 15 looks for authorities in ~/.postgresql only. */
static const char *machine_authorities(void)
{
    static const char *const files[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                        "/etc/ssl/cert.pem"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (access(files[i], R_OK) == 0)
            return files[i];
    }
    return NULL;
}

static int64_t or_default(int64_t value, int64_t standard) { return value > 0 ? value : standard; }

static PGconn *start(const struct pq_address *address)
{
    char port[24] = "";
    const char *mode = tls_mode(address), *ca = address->ca;
    bool by_port = goes_by_port(address), by_socket = address->tunnel != NULL && !by_port;
    if (by_port)
        snprintf(port, sizeof(port), "%d", tunnel_port(address->tunnel));
    else if (address->port > 0)
        snprintf(port, sizeof(port), "%lld", (long long)address->port);
    if (ca == NULL && strcmp(mode, "verify-full") == 0)
        ca = machine_authorities();
    const struct {
        const char *name, *value;
    } pairs[] = {
        {"service", address->service},
        {"host", by_socket ? tunnel_folder(address->tunnel) : address->host},
        {"hostaddr", by_port ? "127.0.0.1" : NULL},
        {"port", port},
        {"dbname", address->database},
        {"user", address->user},
        {"password", address->password != NULL ? secret_reveal(address->password) : NULL},
        {"sslmode", mode},
        {"sslrootcert", ca},
        {"sslcert", address->cert},
        {"sslkey", address->key},
        {"gssencmode", "disable"},
        {"application_name", "waybill"},
        {"client_encoding", "UTF8"},
        {"keepalives", "1"}, /* a dead peer is known after a minute, while sending and while waiting (S30) */
        {"keepalives_idle", "30"},
        {"keepalives_interval", "10"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", "60000"},
    };
    enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };
    const char *names[PAIRS + 1] = {NULL}, *values[PAIRS + 1] = {NULL};
    for (int i = 0; i < PAIRS; i++) {
        names[i] = pairs[i].name;
        values[i] = pairs[i].value;
    }
    return PQconnectStartParams(names, values, 0);
}

static RC connect_until(struct pq *db, int64_t deadline_ms, struct error *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    if (PQstatus(db->handle) == CONNECTION_BAD)
        return pq_fail_connecting(db, err);
    while (state != PGRES_POLLING_OK) {
        bool ready = false;
        TRY(pq_wait_socket(db, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms, true, &ready, err));
        if (!ready) {
            fail(err, RC_UNAVAILABLE, "'%s': no connection in time", db->address);
            return fail_todo(err, "check `host` and `port` of the connection, and what stands between");
        }
        state = PQconnectPoll(db->handle);
        if (state == PGRES_POLLING_FAILED)
            return pq_fail_connecting(db, err);
    }
    return PQsetnonblocking(db->handle, 1) == 0 ? RC_OK : pq_fail_connecting(db, err);
}

/* One statement at a time. Texts of floats have the digits that tell them from all others. */
static RC set_up_redshift(struct pq *db, struct error *err)
{
    AUTO_RELEASE(buf) timeout = {0};
    buf_addf(&timeout, "SET statement_timeout TO %lld", (long long)db->statement_ms);
    TRY(pq_run(db, timeout.at, NULL, err));
    TRY(pq_run(db, "SET timezone TO 'UTC'", NULL, err));
    return pq_run(db, "SET extra_float_digits TO 2", NULL, err);
}

/* row_security: an error instead of rows that are silently not there. The server's own keepalives free the locks of a
 * client whose machine is gone. A COMMIT that is answered is on disk. */
static RC set_up(struct pq *db, const struct pq_address *address, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    if (address->is_redshift)
        return set_up_redshift(db, err);
    buf_addf(&sql,
             "SET lock_timeout = %lld; SET idle_in_transaction_session_timeout = %lld; SET statement_timeout = %lld;"
             " SET row_security = off; SET client_min_messages = warning;"
             " SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;"
             " SELECT set_config('synchronous_commit', 'on', false)"
             " WHERE current_setting('synchronous_commit') = 'off'",
             (long long)db->lock_ms, (long long)or_default(address->idle_ms, PQ_IDLE_MS), (long long)db->statement_ms);
    return pq_run(db, sql.at, NULL, err);
}

static const char *password_from(const struct pq *db, const struct pq_address *address)
{
    if (!PQconnectionUsedPassword(db->handle))
        return NULL;
    if (address->password != NULL && secret_is_set(address->password))
        return "the configuration";
    bool is_service = address->service != NULL || variable("PGSERVICE") != NULL;
    if (variable("PGPASSWORD") != NULL && !is_service)
        return "PGPASSWORD";
    return is_service                       ? "the service file, PGPASSWORD or the password file"
           : variable("PGPASSFILE") != NULL ? "the file of PGPASSFILE"
                                            : "'~/.pgpass'";
}

static void ignore_notice(void *context, const char *message) {}

void pq_address_keep(const struct pq_address *address, struct arena *arena, struct secret *password,
                     struct pq_address *ret)
{
    *ret = *address;
    ret->host = arena_text(arena, address->host);
    ret->database = arena_text(arena, address->database);
    ret->user = arena_text(arena, address->user);
    ret->service = arena_text(arena, address->service);
    ret->ca = arena_text(arena, address->ca);
    ret->cert = arena_text(arena, address->cert);
    ret->key = arena_text(arena, address->key);
    ret->password = NULL;
    if (address->password == NULL || !secret_is_set(address->password))
        return;
    secret_set(password, str(secret_reveal(address->password)));
    ret->password = password;
}

void pq_address_print(const struct pq_address *address, struct buf *out)
{
    const char *host = or_empty(address->host);
    bool is_socket = host[0] == '/';
    buf_addf(out, "postgresql://%s%s", or_empty(address->user), address->user != NULL ? "@" : "");
    buf_addf(out, "%s", is_socket ? "" : host);
    if (address->port > 0 && !is_socket)
        buf_addf(out, ":%lld", (long long)address->port);
    buf_addf(out, "/%s", or_empty(address->database));
    if (is_socket)
        buf_addf(out, "?host=%s", host);
    if (address->port > 0 && is_socket)
        buf_addf(out, "&port=%lld", (long long)address->port);
    if (address->service != NULL)
        buf_addf(out, "%sservice=%s", is_socket ? "&" : "?", address->service);
}

RC pq_dig_tunnel(struct pq_address *address, const char *name, const struct tunnel_settings *ssh,
                 const struct opening *with, struct error *err)
{
    char leaf[32];
    if (!tunnel_is_wanted(ssh))
        return RC_OK;
    if (address->service != NULL)
        return fail(err, RC_CONFIG, "connection '%s': 'service' may lead around 'ssh': say host and port here", name);
    int64_t port = address->port > 0 ? address->port : 5432;
    snprintf(leaf, sizeof(leaf), ".s.PGSQL.%lld", (long long)port); /* libpq's own name of a Unix socket */
    address->port = port;
    TRY(tunnel_new(name, ssh, address->host, port, leaf, with, &address->tunnel, err));
    if (goes_by_port(address))
        tunnel_use_port(address->tunnel);
    return RC_OK;
}

/* An address that libpq has from elsewhere would go before the tunnel's folder. */
static RC open_tunnel(const struct pq_address *address, struct error *err)
{
    static const char *const around[] = {"PGHOSTADDR", "PGSERVICE"};
    for (int i = 0; i < 2; i++) {
        if (variable(around[i]) == NULL)
            continue;
        fail(err, RC_CONFIG, "%s is set in the environment, and may lead around the SSH tunnel", around[i]);
        return fail_todo(err, "unset %s", around[i]);
    }
    return tunnel_ensure(address->tunnel, err);
}

/* ---- poolers ---- */

/* Connected, and not set up. */
static RC pq_connect(const struct pq_address *address, struct clock *clock, const atomic_int *stop, struct pq **ret,
                     struct error *err)
{
    AUTO_RELEASE(buf) shown = {0};
    AUTO(pq) *db = xcalloc(1, sizeof(*db));
    pq_address_print(address, &shown);
    *db = (struct pq){.address = xstrdup(shown.at),
                      .clock = clock,
                      .stop = stop,
                      .lead = address->lead,
                      .lock_ms = or_default(address->lock_ms, PQ_LOCK_MS),
                      .statement_ms = or_default(address->statement_ms, PQ_STATEMENT_MS),
                      .stall_ms = or_default(address->stall_ms, PQ_STALL_MS)};
    if (address->tunnel != NULL)
        TRY(open_tunnel(address, err));
    db->handle = start(address);
    assert(db->handle != NULL && "libpq has memory");
    PQsetNoticeProcessor(db->handle, ignore_notice, NULL);
    enum rc rc = connect_until(db, clock->mono_ms(clock) + or_default(address->connect_ms, PQ_CONNECT_MS), err);
    if (rc != RC_OK)
        return address->tunnel != NULL ? tunnel_explain(address->tunnel, err) : rc;
    db->password_from = password_from(db, address);
    db->rows_by_libpq = address->rows_by_libpq || PQsslInUse(db->handle) != 0;
    *ret = TAKE(db);
    return RC_OK;
}

static RC ask_backend(struct pq *db, int64_t *ret_pid, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    TRY(pq_query(db, "SELECT pg_backend_pid()", 0, NULL, &answer, err));
    *ret_pid = pq_int64(&answer, 0, 0);
    return RC_OK;
}

/* A pooler stands between where the process that answers is not the one that was connected to. One that gives a process
 * to others between two transactions (pgbouncer's pool_mode transaction) loses the session: its settings, temporary
 * tables and locks. Then a second connection is answered by the first one's process, which is idle just now. */
static RC check_pooler(struct pq *db, const struct pq_address *address, struct error *err)
{
    AUTO(pq) *second = NULL;
    int64_t pid = 0, other = 0;
    TRY(ask_backend(db, &pid, err));
    if (pid == PQbackendPID(db->handle))
        return RC_OK;
    TRY(pq_connect(address, db->clock, db->stop, &second, err));
    TRY(ask_backend(second, &other, err));
    if (other != pid)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' is a pooler that gives one session of the server to several clients in turn",
         db->address);
    fail_id(err, "shared-pooler");
    return fail_todo(err, "give the address of the server itself, or of a pool that keeps sessions apart (pgbouncer: "
                          "pool_mode = session)");
}

RC pq_open(const struct pq_address *address, struct clock *clock, const atomic_int *stop, struct pq **ret,
           struct error *err)
{
    AUTO(pq) *db = NULL;
    TRY(pq_connect(address, clock, stop, &db, err));
    assert(db != NULL);
    TRY(check_pooler(db, address, err));
    TRY(set_up(db, address, err));
    *ret = TAKE(db);
    return RC_OK;
}

void pq_free(struct pq *self)
{
    if (self == NULL)
        return;
    PQfreemem(self->copied);
    pq_incoming_release(&self->incoming);
    PQfinish(self->handle);
    free(self->address);
    free(self);
}

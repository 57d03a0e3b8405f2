#include "connect/mysql/source.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "connect/mysql/option_file.h"
#include "connect/mysql/source_parts.h"

static const char *const tls_names[] = {"auto", "off", "require", "verify", NULL};

const struct option mysql_option_list[MYSQL_OPTIONS] = {
    OPTION("host", STRING, mysql_options, host, .help = "name or address of the server"),
    OPTION("port", INT, mysql_options, port, .min = 1, .max = 65535, .help = "its TCP port; 3306 without"),
    OPTION("socket", PATH, mysql_options, socket, .help = "its Unix socket, in place of host and port"),
    OPTION("database", STRING, mysql_options, database, .help = "where tables without a database in their name are"),
    OPTION("user", STRING, mysql_options, user, .help = "who logs in; as ~/.my.cnf says without"),
    OPTION("password", SECRET, mysql_options, password, .help = "and with what; as ~/.my.cnf or MYSQL_PWD say without"),
    OPTION("defaults_file", PATH, mysql_options, defaults_file,
           .help = "option file of MySQL's clients in place of ~/.my.cnf, for what is not said here"),
    OPTION("tls", ENUM, mysql_options, tls, .names = tls_names, .preset = "auto",
           .help = "auto (verify, but for this machine), off, require (encrypted, to whomever), verify"),
    OPTION("tls_ca", PATH, mysql_options, tls_ca, .help = "certificates of the authorities; the system's without"),
    OPTION("tls_cert", PATH, mysql_options, tls_cert, .help = "certificate that we show"),
    OPTION("tls_key", PATH, mysql_options, tls_key, .help = "and its key"),
    OPTION("connect_timeout", DURATION, mysql_options, connect_ms, .preset = "10s", .min = 1000, .max = 600000,
           .help = "how long the server may take to let us in"),
    OPTION("read_timeout", DURATION, mysql_options, read_ms, .preset = "10m", .min = 1000, .max = 86400000,
           .help = "how long it may be silent while we wait for rows"),
    OPTION("connections", INT, mysql_options, connections, .preset = "2", .min = 1, .max = MYSQL_CONNECTIONS_MAX,
           .help = "how many read at once"),
    TUNNEL_OPTION_LIST(mysql_options),
};

/* ---- connections ---- */

RC mysql_source_take(struct mysql_source *self, struct mysql_session **ret, struct error *err)
{
    struct mysql_session *idle = NULL;
    pthread_mutex_lock(&self->lock);
    if (self->idle_count > 0)
        idle = self->idle[--self->idle_count];
    pthread_mutex_unlock(&self->lock);
    if (idle == NULL)
        return mysql_session_open(&self->settings, ret, err);
    *ret = idle;
    return RC_OK;
}

void mysql_source_give(struct mysql_source *self, struct mysql_session *session)
{
    bool kept = false;
    pthread_mutex_lock(&self->lock);
    if (session != NULL && !session->is_broken && self->idle_count < self->base.readers_max) {
        self->idle[self->idle_count++] = session;
        kept = true;
    }
    pthread_mutex_unlock(&self->lock);
    if (!kept)
        mysql_session_free(session);
}

/* ---- who it is ---- */

/* MariaDB has no number of its own that outlives a change of its machine: there it is the address. */
static RC mysql_source_identity(struct source *base, struct arena *arena, const char **ret_id, struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)base;
    char uuid[UUID_TEXT];
    if (self->control->is_maria) {
        *ret_id = arena_print(arena, "%s/%s", base->address, or_empty(self->settings.database));
        return RC_OK;
    }
    TRY(mysql_session_text(self->control, "SELECT @@server_uuid", uuid, sizeof(uuid), err));
    *ret_id = arena_text(arena, uuid);
    return RC_OK;
}

static RC mysql_source_tables(struct source *base, struct arena *arena, const char ***ret_names, int *ret_count,
                              struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)base;
    AUTO_RESULT *rows = NULL;
    AUTO_RELEASE(buf) sql = {0};
    bool has_database = self->settings.database != NULL;
    int count = 0;
    MYSQL_ROW row;
    buf_addf(
        &sql,
        "SELECT %s AS name FROM information_schema.tables WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND ",
        has_database ? "table_name" : "CONCAT(table_schema, '.', table_name)");
    if (has_database) {
        buf_add_str(&sql, S("table_schema = "));
        mysql_literal_text(&sql, str(self->settings.database));
    } else {
        buf_add_str(&sql, S("table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"));
    }
    buf_add_str(&sql, S(" ORDER BY BINARY name"));
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    const char **names = arena_take(arena, ((size_t)mysql_num_rows(rows) + 1) * sizeof(*names));
    while ((row = mysql_fetch_row(rows)) != NULL)
        names[count++] = arena_text(arena, row[0]);
    *ret_names = names;
    *ret_count = count;
    return RC_OK;
}

/* ---- clock and ceiling ---- */

static RC mysql_source_now(struct source *base, int64_t *ret_us, struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)base;
    char stamp[CURSOR_TEXT];
    TRY(mysql_session_text(self->control, "SELECT UTC_TIMESTAMP(6)", stamp, sizeof(stamp), err));
    return stamp_parse(stamp, ret_us) ? RC_OK : fail(err, RC_DATA, "the clock of '%s' cannot be read", base->name);
}

/* Not MAX(): that is served by an index only for a plain column. */
static RC mysql_source_ceiling(struct source *base, const struct table *table, struct arena *arena, const char **ret,
                               struct error *err)
{
    static const struct range by_key = {.kind = RANGE_KEY};
    struct mysql_source *self = (struct mysql_source *)base;
    const struct mysql_table *t = mysql_table_of(table);
    AUTO_RESULT *rows = NULL;
    AUTO_RELEASE(buf) sql = {0};
    struct position position = {0};
    buf_add_str(&sql, S("SELECT "));
    mysql_range_select_position(t, &by_key, &sql);
    TRY(mysql_range_from(t, &by_key, &sql, err));
    mysql_range_order(t, &by_key, &sql);
    buf_add_str(&sql, S(" DESC LIMIT 1"));
    if (mysql_session_ask(self->control, sql.at, &rows, err) != RC_OK)
        return fail_in(err, "finding the largest key of '%s'", table->name);
    MYSQL_ROW row = mysql_fetch_row(rows);
    if (row != NULL && row[0] != NULL)
        TRY(mysql_range_position(t, &by_key, row, mysql_fetch_lengths(rows), arena, &position, err));
    *ret = position.key[0];
    return RC_OK;
}

/* ---- opening ---- */

static void mysql_source_free(struct source *base)
{
    struct mysql_source *self = (struct mysql_source *)base;
    for (int i = 0; i < self->idle_count; i++)
        mysql_session_free(self->idle[i]);
    mysql_session_free(self->control);
    tunnel_free(self->tunnel);
    secret_release(&self->password);
    pthread_mutex_destroy(&self->lock);
    arena_release(&self->arena);
    free(self);
}

static const struct source_ops mysql_source_ops = {
    .type = "mysql",
    .identity = mysql_source_identity,
    .tables = mysql_source_tables,
    .describe = mysql_source_describe,
    .now = mysql_source_now,
    .oldest_open = mysql_source_oldest_open,
    .ceiling = mysql_source_ceiling,
    .facts = mysql_source_facts,
    .boundary = mysql_source_boundary,
    .split = mysql_source_split,
    .read = mysql_source_read,
    .profile = mysql_source_profile,
    .grants = mysql_source_grants,
    .place = mysql_source_place,
    .free = mysql_source_free,
};

/* The library says of a file that is not there only that there is no TLS. */
static RC check_files(const char *name, const struct mysql_options *options, struct error *err)
{
    const struct {
        const char *option, *path;
    } files[] = {{"tls_ca", options->tls_ca}, {"tls_cert", options->tls_cert}, {"tls_key", options->tls_key}};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        if (files[i].path == NULL || access(files[i].path, R_OK) == 0)
            continue;
        fail_errno(err, errno, "connection '%s': its '%s', '%s'", name, files[i].option, files[i].path);
        err->rc = RC_CONFIG;
        return fail_todo(err, "give the path of a PEM file that this user may read as '%s'", files[i].option);
    }
    return RC_OK;
}

static RC check_login(const char *name, const struct mysql_login *login, struct error *err)
{
    if (login->socket == NULL && login->host == NULL) {
        fail(err, RC_CONFIG, "connection '%s' has neither 'host' nor 'socket'", name);
        return fail_todo(err, "host: localhost, or socket: /run/mysqld/mysqld.sock");
    }
    if (login->user != NULL)
        return RC_OK;
    fail(err, RC_CONFIG, "connection '%s' lacks 'user'", name);
    return fail_todo(err, "say who logs in, here or in [client] of ~/.my.cnf");
}

static RC check_options(const char *name, const struct mysql_options *options, struct error *err)
{
    if (options->socket != NULL && options->host != NULL)
        return fail(err, RC_CONFIG, "connection '%s' has both 'host' and 'socket': it takes one of them", name);
    if ((options->tls_cert != NULL) != (options->tls_key != NULL))
        return fail(err, RC_CONFIG, "connection '%s': 'tls_cert' and 'tls_key' go together", name);
    if (options->tls == MYSQL_TLS_OFF && (options->tls_ca != NULL || options->tls_cert != NULL))
        return fail(err, RC_CONFIG, "connection '%s' names certificates, and says 'tls: off'", name);
    if (tunnel_is_wanted(&options->ssh) && options->tls == MYSQL_TLS_VERIFY) {
        fail(err, RC_CONFIG, "connection '%s': a certificate's name cannot be checked through 'ssh'", name);
        return fail_todo(err, "leave 'tls' out: ssh encrypts as far as the bastion; or 'tls: require', which encrypts "
                              "all the way, and checks nobody");
    }
    return check_files(name, options, err);
}

static void copy_settings(struct mysql_source *self, const struct mysql_options *options,
                          const struct mysql_login *login, const struct opening *with)
{
    struct arena *arena = &self->arena;
    secret_set(&self->password, str(secret_reveal(&login->password)));
    self->with = *with;
    self->batch_rows =
        options->batch_rows > 0 && options->batch_rows < BATCH_ROWS_MAX ? options->batch_rows : BATCH_ROWS_MAX;
    self->text_only = options->text_only;
    self->settings = (struct mysql_settings){
        .name = self->base.name,
        .host = arena_text(arena, login->host),
        .socket = arena_text(arena, login->socket),
        .port = (int)login->port,
        .database = arena_text(arena, login->database),
        .user = arena_text(arena, login->user),
        .password = &self->password,
        .tls = (enum mysql_tls)options->tls,
        .tls_ca = arena_text(arena, options->tls_ca),
        .tls_cert = arena_text(arena, options->tls_cert),
        .tls_key = arena_text(arena, options->tls_key),
        .connect_ms = options->connect_ms,
        .read_ms = options->read_ms,
        .with = &self->with,
    };
    self->base.address =
        login->socket != NULL ? self->settings.socket : arena_print(arena, "%s:%d", login->host, self->settings.port);
    self->base.password_from = arena_text(arena, login->password_from);
    self->base.readers_max = (int)options->connections;
    self->base.one_for_all = "MySQL shares no snapshot between connections";
}

static const char *from_process(const char *name) { return getenv(name); }

/* The sessions see a Unix socket; the address stays that of the server. */
static RC dig_tunnel(struct mysql_source *self, const struct tunnel_settings *ssh, struct error *err)
{
    if (!tunnel_is_wanted(ssh))
        return RC_OK;
    TRY(tunnel_new(self->base.name, ssh, self->settings.host, self->settings.port, "mysql.sock", &self->with,
                   &self->tunnel, err));
    self->settings.tunnel = self->tunnel;
    self->settings.host = NULL;
    self->settings.socket = tunnel_socket(self->tunnel);
    return RC_OK;
}

static const char *tls_of(struct mysql_source *self)
{
    const char *version = NULL;
    if (mysql_get_ssl_cipher(self->control->handle) == NULL)
        return self->settings.socket != NULL ? NULL : "none";
    if (mariadb_get_infov(self->control->handle, MARIADB_CONNECTION_TLS_VERSION, &version) != 0)
        version = NULL;
    return arena_text(&self->arena, version != NULL ? version : "TLS");
}

RC mysql_source_open(const char *name, const struct mysql_options *options, const struct opening *with,
                     struct source **ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(mysql_login) login = {0};
    TRY(check_options(name, options, err));
    if (mysql_login_find(options, from_process, &arena, &login, err) != RC_OK)
        return fail_in(err, "connection '%s'", name);
    TRY(check_login(name, &login, err));
    struct mysql_source *self = xcalloc(1, sizeof(*self));
    AUTO(source) *opened = &self->base;
    self->base.ops = &mysql_source_ops;
    self->base.name = arena_text(&self->arena, name);
    pthread_mutex_init(&self->lock, NULL);
    copy_settings(self, options, &login, with);
    TRY(dig_tunnel(self, &options->ssh, err));
    if (mysql_session_open(&self->settings, &self->control, err) != RC_OK)
        return fail_in(err, "connecting to %s", self->base.address);
    self->base.tls = tls_of(self);
    self->base.knows_kin = !self->control->is_maria;
    self->base.version = arena_print(&self->arena, "%s %s", self->control->is_maria ? "MariaDB" : "MySQL",
                                     mysql_get_server_info(self->control->handle));
    *ret = TAKE(opened);
    return RC_OK;
}

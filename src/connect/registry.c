#include "connect/registry.h"

#include <stdlib.h>

#include "connect/adbc/target.h"
#include "connect/mysql/source.h"
#include "connect/postgres/source.h"
#include "connect/postgres/target.h"
#include "connect/redshift/target.h"
#include "connect/sqlite/source.h"
#include "connect/sqlite/target.h"

struct sqlite_options {
    const char *path;
};

static const struct option sqlite_table[] = {
    OPTION("path", PATH, sqlite_options, path, .required = true, .help = "file of the database"),
};

static RC sqlite_open_source(const char *name, const void *options, const struct opening *with, struct source **ret,
                             struct error *err)
{
    const struct sqlite_options *sqlite = options;
    struct sqlite_source_options how = {.clock = with->clock, .stop = with->stop};
    return sqlite_source_open(name, sqlite->path, &how, ret, err);
}

static RC sqlite_open_target(const char *name, const void *options, const struct opening *with, struct target **ret,
                             struct error *err)
{
    const struct sqlite_options *sqlite = options;
    return sqlite_target_open(name, sqlite->path, with->clock, with->stop, ret, err);
}

static const struct database_type sqlite_type = {
    .name = "sqlite",
    .summary = "a SQLite file",
    .options = OPTION_TABLE(sqlite_table),
    .options_bytes = sizeof(struct sqlite_options),
    .source_types = sqlite_source_types,
    .target_type = sqlite_target_type,
    .open_source = sqlite_open_source,
    .open_target = sqlite_open_target,
};

/* ---- DuckDB, and other engines by their ADBC drivers ---- */

struct duckdb_options {
    const char *path, *driver, *schema;
    int64_t memory;
};

static const struct option duckdb_table[] = {
    OPTION("path", PATH, duckdb_options, path, .required = true, .help = "file of the database"),
    OPTION("driver", PATH, duckdb_options, driver,
           .help = "libduckdb.so; WAYBILL_DUCKDB_DRIVER, or where this machine looks for libraries, without"),
    OPTION("schema", STRING, duckdb_options, schema, .preset = "main",
           .help = "schema of tables without one, and of waybill_position"),
    OPTION("memory", SIZE, duckdb_options, memory, .min = INT64_C(16) << 20, .max = INT64_C(1) << 50,
           .help = "what DuckDB may use; half of max_memory without"),
};

struct adbc_options {
    const char *driver, *entry, *schema;
    struct secret_map settings;
};

static const struct option adbc_table[] = {
    OPTION("driver", PATH, adbc_options, driver, .required = true, .help = "library of the driver"),
    OPTION("entry", STRING, adbc_options, entry, .preset = "AdbcDriverInit",
           .help = "its function that initialises a driver"),
    OPTION("schema", STRING, adbc_options, schema,
           .help = "schema of tables without one, and of waybill_position; the database's usual one without"),
    OPTION("options", SECRETS, adbc_options, settings,
           .help = "what the driver is told of the database: {uri: ...}; each may be a secret"),
};

/* A name without a folder is a file, too, and nothing to be looked for. */
static const char *library_of(const char *given, struct buf *room)
{
    if (strchr(given, '/') == NULL)
        buf_add_str(room, S("./"));
    buf_add_str(room, str(given));
    return room->at;
}

static RC open_duckdb(const char *name, const struct duckdb_options *duckdb, const char *driver, int64_t memory_bytes,
                      const struct opening *with, struct target **ret, struct error *err)
{
    AUTO_RELEASE(buf) shown = {0}, memory = {0};
    struct secret values[4] = {0};
    const char *names[4] = {"path", "autoinstall_known_extensions", "autoload_known_extensions", "memory_limit"};
    struct secret_map settings = {names, values, memory_bytes > 0 ? 4 : 3};
    buf_addf(&shown, "duckdb:%s", duckdb->path);
    buf_addf(&memory, "%lldB", (long long)memory_bytes);
    secret_set(&values[0], str(duckdb->path));
    secret_set(&values[1], S("false")); /* nothing is fetched from anywhere */
    secret_set(&values[2], S("false"));
    secret_set(&values[3], buf_str(&memory));
    const struct adbc_target_options how = {
        .driver = driver,
        .entry = "duckdb_adbc_init",
        .driver_todo =
            "libduckdb.so comes with DuckDB's C library (libduckdb-linux-*.zip of its releases): give its path "
            "as `driver` of the connection or as WAYBILL_DUCKDB_DRIVER",
        .shown = shown.at,
        .vendor = "duckdb",
        .schema = duckdb->schema,
        .path = duckdb->path,
        .settings = &settings,
    };
    enum rc rc = adbc_target_open(name, &how, with, ret, err);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        secret_release(&values[i]);
    return rc;
}

static RC duckdb_open_target(const char *name, const void *options, const struct opening *with, struct target **ret,
                             struct error *err)
{
    const struct duckdb_options *duckdb = options;
    AUTO_RELEASE(buf) library = {0};
    const char *driver = getenv("WAYBILL_DUCKDB_DRIVER");
    if (duckdb->driver != NULL)
        driver = library_of(duckdb->driver, &library);
    else if (driver == NULL || driver[0] == '\0')
        driver = "libduckdb.so";
    return open_duckdb(name, duckdb, driver, duckdb->memory > 0 ? duckdb->memory : with->memory_bytes / 2, with, ret,
                       err);
}

static RC adbc_open_target(const char *name, const void *options, const struct opening *with, struct target **ret,
                           struct error *err)
{
    const struct adbc_options *adbc = options;
    AUTO_RELEASE(buf) library = {0}, shown = {0};
    const char *driver = library_of(adbc->driver, &library);
    buf_addf(&shown, "adbc:%s", strrchr(driver, '/') + 1);
    const struct adbc_target_options how = {
        .driver = driver,
        .entry = adbc->entry,
        .driver_todo = "give the path of the driver's library as `driver` of the connection",
        .shown = shown.at,
        .schema = adbc->schema,
        .settings = &adbc->settings,
    };
    return adbc_target_open(name, &how, with, ret, err);
}

static const struct database_type duckdb_type = {
    .name = "duckdb",
    .summary = "a DuckDB file",
    .options = OPTION_TABLE(duckdb_table),
    .options_bytes = sizeof(struct duckdb_options),
    .target_type = duckdb_target_type,
    .open_target = duckdb_open_target,
};

static const struct database_type adbc_type = {
    .name = "adbc",
    .summary = "a database by its ADBC driver",
    .options = OPTION_TABLE(adbc_table),
    .options_bytes = sizeof(struct adbc_options),
    .open_target = adbc_open_target,
};

/* ---- PostgreSQL ---- */

struct postgres_options {
    const char *host, *database, *user, *schema, *service;
    int64_t port;
    struct secret password;
    enum pq_tls tls;
    const char *ca, *cert, *key;
    int64_t connect_timeout, lock_timeout, statement_timeout, read_timeout, connections;
    struct tunnel_settings ssh;
};

static const char *const postgres_tls[] = {
    [PQ_TLS_AUTO] = "auto", [PQ_TLS_OFF] = "off", [PQ_TLS_REQUIRE] = "require", [PQ_TLS_VERIFY] = "verify", NULL};

static const struct option postgres_table[] = {
    OPTION("host", STRING, postgres_options, host, .help = "name, address, or the folder of a Unix socket"),
    OPTION("port", INT, postgres_options, port, .min = 1, .max = 65535, .help = "port of the server; 5432 without"),
    OPTION("database", STRING, postgres_options, database, .help = "name of the database"),
    OPTION("user", STRING, postgres_options, user, .help = "user to log in as; this machine's user when not given"),
    OPTION("password", SECRET, postgres_options, password,
           .help = "its password; as PGPASSWORD, ~/.pgpass or PGPASSFILE say without"),
    OPTION("service", STRING, postgres_options, service,
           .help = "section of ~/.pg_service.conf or PGSERVICEFILE that says what is not said here"),
    OPTION("schema", STRING, postgres_options, schema, .preset = "public",
           .help = "schema of tables without one, and of waybill_position"),
    OPTION("tls", ENUM, postgres_options, tls, .preset = "auto", .names = postgres_tls,
           .help = "auto (verify, but for this machine), off, require (encrypted, to whomever), verify"),
    OPTION("tls_ca", PATH, postgres_options, ca,
           .help = "file of the authorities to trust; this machine's when not given"),
    OPTION("tls_cert", PATH, postgres_options, cert, .help = "file of the client's own certificate"),
    OPTION("tls_key", PATH, postgres_options, key, .help = "file of the client's own key"),
    OPTION("connect_timeout", DURATION, postgres_options, connect_timeout, .preset = "10s", .min = 100, .max = 600000,
           .help = "how long a connection may take to be made"),
    OPTION("lock_timeout", DURATION, postgres_options, lock_timeout, .preset = "90s", .min = 100, .max = 86400000,
           .help = "how long the locks of others are waited for"),
    OPTION("statement_timeout", DURATION, postgres_options, statement_timeout, .preset = "1h", .min = 1000,
           .max = 604800000, .help = "how long one statement of a load may take"),
    OPTION("read_timeout", DURATION, postgres_options, read_timeout, .preset = "10m", .min = 1000, .max = 86400000,
           .help = "how long it may be silent while we wait for rows"),
    OPTION("connections", INT, postgres_options, connections, .preset = "2", .min = 1, .max = POSTGRES_CONNECTIONS_MAX,
           .help = "how many read at once"),
    TUNNEL_OPTION_LIST(postgres_options),
};

static RC postgres_address_of(const char *name, const struct postgres_options *given, struct pq_address *ret,
                              struct error *err)
{
    if (given->database == NULL && given->service == NULL && getenv("PGSERVICE") == NULL &&
        getenv("PGDATABASE") == NULL) {
        fail(err, RC_CONFIG, "connection '%s' lacks 'database'", name);
        return fail_todo(err, "say which database, or the 'service' that does");
    }
    *ret = (struct pq_address){.host = given->host,
                               .port = given->port,
                               .database = given->database,
                               .user = given->user,
                               .service = given->service,
                               .password = &given->password,
                               .tls = given->tls,
                               .ca = given->ca,
                               .cert = given->cert,
                               .key = given->key,
                               .connect_ms = given->connect_timeout,
                               .lock_ms = given->lock_timeout,
                               .statement_ms = given->statement_timeout};
    return RC_OK;
}

static RC postgres_open_source(const char *name, const void *options, const struct opening *with, struct source **ret,
                               struct error *err)
{
    const struct postgres_options *given = options;
    struct postgres_source_options how = {
        .schema = given->schema, .connections = given->connections, .ssh = given->ssh};
    TRY(postgres_address_of(name, given, &how.address, err));
    how.address.stall_ms = given->read_timeout;
    return postgres_source_open(name, &how, with, ret, err);
}

static RC postgres_open_target(const char *name, const void *options, const struct opening *with, struct target **ret,
                               struct error *err)
{
    const struct postgres_options *given = options;
    struct postgres_target_options how = {.schema = given->schema, .ssh = given->ssh};
    TRY(postgres_address_of(name, given, &how.address, err));
    return postgres_target_open(name, &how, with, ret, err);
}

#define POSTGRES_TYPE(name_, summary_)                                                                                 \
    {                                                                                                                  \
        .name = name_, .summary = summary_, .options = OPTION_TABLE(postgres_table),                                   \
        .options_bytes = sizeof(struct postgres_options), .source_types = postgres_source_types,                       \
        .open_source = postgres_open_source, .target_type = postgres_target_type, .open_target = postgres_open_target, \
    }
static const struct database_type postgres_type = POSTGRES_TYPE("postgres", "a PostgreSQL database"),
                                  postgresql_type = POSTGRES_TYPE("postgresql", "the same as postgres");

/* ---- Redshift ---- */

struct redshift_options {
    const char *host, *database, *user, *schema, *iam_role;
    int64_t port;
    struct secret password;
    enum pq_tls tls;
    const char *ca;
    int64_t connect_timeout, lock_timeout, statement_timeout;
    struct tunnel_settings ssh;
};

static const struct option redshift_table[] = {
    OPTION("host", STRING, redshift_options, host, .required = true,
           .help = "endpoint of the cluster or workgroup, without port and database"),
    OPTION("port", INT, redshift_options, port, .preset = "5439", .min = 1, .max = 65535, .help = "its port"),
    OPTION("database", STRING, redshift_options, database, .required = true, .help = "name of the database"),
    OPTION("user", STRING, redshift_options, user, .required = true, .help = "user to log in as"),
    OPTION("password", SECRET, redshift_options, password,
           .help = "its password; as PGPASSWORD or ~/.pgpass say without"),
    OPTION("schema", STRING, redshift_options, schema, .preset = "public",
           .help = "schema of tables without one, and of the tables waybill_position_..."),
    OPTION("iam_role", STRING, redshift_options, iam_role,
           .help = "role that COPY reads the stage with: its ARN, or default; the stage's own keys without"),
    OPTION("tls", ENUM, redshift_options, tls, .preset = "auto", .names = postgres_tls,
           .help = "auto (verify, but for this machine), off, require (encrypted, to whomever), verify"),
    OPTION("tls_ca", PATH, redshift_options, ca,
           .help = "file of the authorities to trust, such as Amazon's; this machine's when not given"),
    OPTION("connect_timeout", DURATION, redshift_options, connect_timeout, .preset = "30s", .min = 100, .max = 600000,
           .help = "how long a connection may take to be made"),
    OPTION("lock_timeout", DURATION, redshift_options, lock_timeout, .preset = "90s", .min = 100, .max = 86400000,
           .help = "how long a load that is under way is waited for"),
    OPTION("statement_timeout", DURATION, redshift_options, statement_timeout, .preset = "1h", .min = 1000,
           .max = 604800000, .help = "how long one statement of a load may take, a COPY too"),
    TUNNEL_OPTION_LIST(redshift_options),
};

static RC redshift_open_target(const char *name, const void *options, const struct opening *with, struct target **ret,
                               struct error *err)
{
    const struct redshift_options *given = options;
    const struct redshift_target_options how = {.address = {.host = given->host,
                                                            .port = given->port,
                                                            .database = given->database,
                                                            .user = given->user,
                                                            .password = &given->password,
                                                            .tls = given->tls,
                                                            .ca = given->ca,
                                                            .connect_ms = given->connect_timeout,
                                                            .lock_ms = given->lock_timeout,
                                                            .statement_ms = given->statement_timeout},
                                                .schema = given->schema,
                                                .iam_role = given->iam_role,
                                                .ssh = given->ssh};
    return redshift_target_open(name, &how, with, ret, err);
}

static const struct database_type redshift_type = {
    .name = "redshift",
    .summary = "an Amazon Redshift cluster or workgroup",
    .options = OPTION_TABLE(redshift_table),
    .options_bytes = sizeof(struct redshift_options),
    .target_type = redshift_target_type,
    .reads_s3 = true,
    .has_layout = true,
    .open_target = redshift_open_target,
};

/* ---- MySQL and MariaDB ---- */

static RC mysql_open_source(const char *name, const void *options, const struct opening *with, struct source **ret,
                            struct error *err)
{
    return mysql_source_open(name, options, with, ret, err);
}

#define MYSQL_TYPE(variable, type_name, words)                                                                         \
    static const struct database_type variable = {                                                                     \
        .name = type_name,                                                                                             \
        .summary = words,                                                                                              \
        .options = OPTION_TABLE(mysql_option_list),                                                                    \
        .options_bytes = sizeof(struct mysql_options),                                                                 \
        .source_types = mysql_source_types,                                                                            \
        .open_source = mysql_open_source,                                                                              \
    }
MYSQL_TYPE(mysql_type, "mysql", "a MySQL server");
MYSQL_TYPE(mariadb_type, "mariadb", "a MariaDB server");

const struct database_type *const database_types[] = {&adbc_type,     &duckdb_type,   &mariadb_type,
                                                      &mysql_type,    &postgres_type, &postgresql_type,
                                                      &redshift_type, &sqlite_type,   NULL};

const struct database_type *database_type_find(const char *name)
{
    for (int i = 0; database_types[i] != NULL; i++) {
        if (text_eq(database_types[i]->name, name))
            return database_types[i];
    }
    return NULL;
}

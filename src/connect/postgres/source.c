#include "connect/postgres/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "connect/postgres/source_parts.h"

enum { READ_STALL_MS = 600000 };

/* ---- connections ---- */

/* Texts of values depend on nothing that a server, a database or a role can be set to. Names of functions and operators
 * are the system's own. One statement may take as long as it takes: what it sends is waited for with a limit. */
static const char session_sql[] =
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 1;"
    " SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET xmlbinary = 'base64'; SET quote_all_identifiers = off;"
    " SET standard_conforming_strings = on; SET search_path = pg_catalog; SET default_transaction_isolation ="
    " 'read committed'; SET default_transaction_read_only = on; SET statement_timeout = 0; SET jit = off";

static RC connect_one(struct postgres_source *self, struct pq **ret, struct error *err)
{
    AUTO(pq) *db = NULL;
    TRY(pq_open(&self->address, self->with.clock, self->with.stop, &db, err));
    TRY(pq_run(db, session_sql, NULL, err));
    *ret = TAKE(db);
    return RC_OK;
}

RC postgres_source_take(struct postgres_source *self, struct pq **ret, struct error *err)
{
    AUTO(pq) *idle = NULL;
    pthread_mutex_lock(&self->lock);
    if (self->idle_count > 0)
        idle = self->idle[--self->idle_count];
    pthread_mutex_unlock(&self->lock);
    if (idle == NULL || !pq_is_alive(idle))
        return connect_one(self, ret, err);
    *ret = TAKE(idle);
    return RC_OK;
}

void postgres_source_give(struct postgres_source *self, struct pq *db)
{
    bool kept = false;
    pthread_mutex_lock(&self->lock);
    if (db != NULL && db->handle != NULL && self->idle_count < self->base.readers_max) {
        self->idle[self->idle_count++] = db;
        kept = true;
    }
    pthread_mutex_unlock(&self->lock);
    if (!kept)
        pq_free(db);
}

RC postgres_source_ask(struct postgres_source *self, const char *sql, struct pq_answer *ret, struct error *err)
{
    pg_snapshot_end(self);
    if (self->control == NULL || !pq_is_alive(self->control)) {
        struct pq *db = NULL;
        TRY(connect_one(self, &db, err));
        pq_free(self->control);
        self->control = db;
    }
    return pq_query(self->control, sql, 0, NULL, ret, err);
}

static RC number_of(const struct postgres_source *self, const struct pq_answer *rows, int64_t *ret, struct error *err)
{
    if (pq_rows(rows) != 1 || !str_to_int64(str(pq_text(rows, 0, 0)), ret))
        return fail(err, RC_DATA, "'%s' does not answer with a number", self->base.name);
    return RC_OK;
}

RC postgres_source_int64(struct postgres_source *self, const char *sql, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    TRY(postgres_source_ask(self, sql, &rows, err));
    return number_of(self, &rows, ret, err);
}

RC pg_range_ask(struct postgres_source *self, const struct pg_table *table, const struct range *range, const char *sql,
                struct pq_answer *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) alive = {0};
    if (table->sql == NULL)
        return postgres_source_ask(self, sql, ret, err);
    TRY(postgres_source_ask(self, "SELECT 1", &alive, err)); /* or a new connection would not know the bounds */
    TRY(pg_custom_bind(self, table, range, self->control, err));
    return pq_query(self->control, sql, 0, NULL, ret, err);
}

RC pg_range_int64(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                  const char *sql, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    TRY(pg_range_ask(self, table, range, sql, &rows, err));
    return number_of(self, &rows, ret, err);
}

/* ---- who it is ---- */

/* The identifier is the cluster's, and stays when a replica takes over. */
static RC postgres_source_identity(struct source *base, struct arena *arena, const char **ret_id, struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)base;
    AUTO_RELEASE(pq_answer) rows = {0};
    TRY(postgres_source_ask(self, "SELECT system_identifier, current_database() FROM pg_control_system()", &rows, err));
    *ret_id = arena_print(arena, "%s/%s", pq_text(&rows, 0, 0), pq_text(&rows, 0, 1));
    return RC_OK;
}

/* Partitions are part of their table. */
static RC postgres_source_tables(struct source *base, struct arena *arena, const char ***ret_names, int *ret_count,
                                 struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)base;
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT name FROM (SELECT CASE WHEN n.nspname = "));
    pq_literal(&sql, str(self->schema));
    buf_add_str(&sql, S(" THEN c.relname ELSE n.nspname || '.' || c.relname END AS name FROM pg_class c JOIN"
                        " pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT"
                        " c.relispartition AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' AND"
                        " c.relname <> 'waybill_position' AND has_schema_privilege(n.oid, 'USAGE') AND"
                        " has_table_privilege(c.oid, 'SELECT')) AS t ORDER BY name COLLATE \"C\""));
    TRY(postgres_source_ask(self, sql.at, &rows, err));
    const char **names = arena_take(arena, ((size_t)pq_rows(&rows) + 1) * sizeof(*names));
    for (int row = 0; row < pq_rows(&rows); row++)
        names[row] = arena_text(arena, pq_text(&rows, row, 0));
    *ret_names = names;
    *ret_count = pq_rows(&rows);
    return RC_OK;
}

/* ---- clock and ceiling ---- */

static RC postgres_source_now(struct source *base, int64_t *ret_us, struct error *err)
{
    return postgres_source_int64((struct postgres_source *)base,
                                 "SELECT trunc(extract(epoch FROM clock_timestamp()) * 1000000)::bigint", ret_us, err);
}

static RC postgres_source_ceiling(struct source *base, const struct table *table, struct arena *arena, const char **ret,
                                  struct error *err)
{
    static const struct range by_key = {.kind = RANGE_KEY};
    struct postgres_source *self = (struct postgres_source *)base;
    const struct pg_table *t = pg_table_of(table);
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    struct position position = {0};
    TRY(pg_range_check(self, t, &by_key, err));
    buf_add_str(&sql, S("SELECT "));
    pg_range_select_position(t, &by_key, &sql);
    TRY(pg_range_from(t, &by_key, &sql, err));
    pg_range_order(t, &by_key, " DESC", &sql);
    buf_add_str(&sql, S(" LIMIT 1"));
    if (postgres_source_ask(self, sql.at, &rows, err) != RC_OK)
        return fail_in(err, "finding the largest key of '%s'", table->name);
    if (pq_rows(&rows) > 0)
        TRY(pg_range_position(t, &by_key, &rows, 0, arena, &position, err));
    *ret = position.key[0];
    return RC_OK;
}

/* ---- opening ---- */

static void postgres_source_free(struct source *base)
{
    struct postgres_source *self = (struct postgres_source *)base;
    for (int i = 0; i < self->idle_count; i++)
        pq_free(self->idle[i]);
    for (int i = 0; i < self->viewing_count; i++)
        pq_free(self->viewing[i]);
    pq_free(self->control);
    tunnel_free(self->address.tunnel);
    secret_release(&self->password);
    pthread_mutex_destroy(&self->lock);
    arena_release(&self->arena);
    free(self);
}

static const struct source_ops postgres_source_ops = {
    .type = "postgres",
    .identity = postgres_source_identity,
    .tables = postgres_source_tables,
    .describe = postgres_source_describe,
    .now = postgres_source_now,
    .oldest_open = postgres_source_oldest_open,
    .ceiling = postgres_source_ceiling,
    .facts = postgres_source_facts,
    .boundary = postgres_source_boundary,
    .split = postgres_source_split,
    .read = postgres_source_read,
    .grants = postgres_source_grants,
    .place = postgres_source_place,
    .free = postgres_source_free,
};

static void copy_options(struct postgres_source *self, const struct postgres_source_options *options)
{
    struct arena *arena = &self->arena;
    AUTO_RELEASE(buf) shown = {0};
    pq_address_keep(&options->address, arena, &self->password, &self->address);
    self->address.lead = SOURCE_READS;
    self->address.stall_ms = options->address.stall_ms > 0 ? options->address.stall_ms : READ_STALL_MS;
    self->schema = arena_text(arena, options->schema != NULL ? options->schema : "public");
    self->batch_rows =
        options->batch_rows > 0 && options->batch_rows < BATCH_ROWS_MAX ? options->batch_rows : BATCH_ROWS_MAX;
    self->base.readers_max = options->connections > 1 ? (int)options->connections : 1;
    pq_address_print(&self->address, &shown);
    self->base.address = arena_str(arena, buf_str(&shown));
}

enum { OLDEST_SERVER = 12, PAGES_SERVER = 14 };

static RC look_at_server(struct postgres_source *self, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    int version = PQserverVersion(self->control->handle) / 10000;
    if (version < OLDEST_SERVER)
        return fail(err, RC_CONFIG,
                    "'%s': this is version %d of PostgreSQL's protocol, and %d is the oldest that works",
                    self->base.address, version, OLDEST_SERVER);
    TRY(postgres_source_ask(self,
                            "SELECT split_part(current_setting('server_version'), ' ', 1),"
                            " current_setting('server_encoding') = 'SQL_ASCII'",
                            &rows, err));
    self->base.tls = pq_tls(self->control);
    self->base.version = arena_print(&self->arena, "PostgreSQL %s", pq_text(&rows, 0, 0));
    self->base.shares_snapshot = version >= PAGES_SERVER;
    if (!self->base.shares_snapshot)
        self->base.one_for_all = "PostgreSQL reads a table by its pages, for several at once, from version 14 on";
    self->may_be_no_utf8 = pq_bool(&rows, 0, 1);
    self->base.password_from = self->control->password_from;
    return RC_OK;
}

RC postgres_source_open(const char *name, const struct postgres_source_options *options, const struct opening *with,
                        struct source **ret, struct error *err)
{
    struct postgres_source *self = xcalloc(1, sizeof(*self));
    AUTO(source) *opened = &self->base;
    self->base.ops = &postgres_source_ops;
    self->base.name = arena_text(&self->arena, name);
    self->with = *with;
    pthread_mutex_init(&self->lock, NULL);
    copy_options(self, options);
    TRY(pq_dig_tunnel(&self->address, self->base.name, &options->ssh, &self->with, err));
    if (connect_one(self, &self->control, err) != RC_OK || look_at_server(self, err) != RC_OK)
        return fail_in(err, "source '%s'", name);
    *ret = TAKE(opened);
    return RC_OK;
}

#include "connect/postgres/target_parts.h"
#include "connect/sql/grants.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void postgres_table_quote(const struct postgres_target *self, const char *table, struct buf *out)
{
    sql_quote_table(&postgres_sql, &self->base, table, out);
}

/* ---- the connection ---- */

static void disconnect(struct postgres_target *self)
{
    postgres_target_end_load(self);
    pq_free(TAKE(self->db));
}

/* Older ones lack what the queries of target_shape.c ask for; Redshift says that it is an 8. */
enum { OLDEST_SERVER = 12 };

static RC read_version(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    if (PQserverVersion(self->db->handle) < OLDEST_SERVER * 10000)
        return fail(err, RC_CONFIG,
                    "'%s': this is version %d of PostgreSQL's protocol, and %d is the oldest that works",
                    self->base.address, PQserverVersion(self->db->handle) / 10000, OLDEST_SERVER);
    self->base.tls = pq_tls(self->db);
    TRY(pq_query(self->db, "SHOW server_version", 0, NULL, &answer, err));
    snprintf(self->version, sizeof(self->version), "PostgreSQL %.*s", (int)strcspn(pq_text(&answer, 0, 0), " "),
             pq_text(&answer, 0, 0));
    return RC_OK;
}

RC postgres_target_connect(struct postgres_target *self, struct error *err)
{
    if (self->db != NULL && pq_is_alive(self->db))
        return RC_OK;
    disconnect(self);
    if (pq_open(&self->address, self->with.clock, self->with.stop, &self->db, err) != RC_OK ||
        read_version(self, err) != RC_OK)
        return fail_in(err, "target '%s'", self->base.name);
    return RC_OK;
}

/* Waybill's own changes of tables wait for each other: two that make one table at once would fail on each other. */
RC postgres_target_lock(struct postgres_target *self, struct error *err)
{
    TRY(postgres_target_connect(self, err));
    return pq_run(self->db,
                  "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock(hashtext('waybill'))",
                  NULL, err);
}

/* What is done under the lock is done again by the next run, so that an unknown end is no more than a failure. */
RC postgres_target_unlock(struct postgres_target *self, struct error *err)
{
    enum rc rc = pq_commit(self->db, err);
    if (rc == RC_UNKNOWN)
        rc = err->rc = RC_UNAVAILABLE;
    return rc;
}

void postgres_target_abort(struct postgres_target *self)
{
    if (self->db != NULL && !pq_rollback(self->db))
        pq_free(TAKE(self->db));
}

/* The lock on pg_class makes the session hear what others have made while it waited for postgres_target_lock: alone,
 * to_regclass goes on believing what it was told before. */
RC postgres_target_has_table(struct postgres_target *self, const char *quoted, bool *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    TRY(pq_query(self->db, "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1))", 1, &quoted, &answer,
                 err));
    *ret = pq_bool(&answer, 0, 0);
    return RC_OK;
}

/* ---- the load's transaction ---- */

static void postgres_target_rollback(struct target *base)
{
    struct postgres_target *self = (struct postgres_target *)base;
    postgres_target_end_load(self);
    postgres_target_abort(self);
}

/* READ COMMITTED, whatever the server's default: a swap that has waited looks at the row as it is then. */
static RC swap_and_start(struct postgres_target *self, const struct target_table *table, const struct target_move *move,
                         bool *ret_moved, struct error *err)
{
    bool is_there = false, moved = false;
    TRY(postgres_target_has_table(self, self->position, &is_there, err));
    if (is_there) {
        TRY(pq_run(self->db, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", NULL, err));
        TRY(postgres_target_swap(self, table, move, &moved, err));
    }
    if (moved) {
        self->table = table;
        TRY(postgres_target_start_load(self, err));
    }
    *ret_moved = moved;
    return RC_OK;
}

static RC postgres_target_begin(struct target *base, const struct target_table *table, const struct target_move *move,
                                bool *ret_moved, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    assert(self->table == NULL && "one load at a time");
    TRY(postgres_target_connect(self, err));
    if (swap_and_start(self, table, move, ret_moved, err) != RC_OK) {
        postgres_target_rollback(base);
        return fail_in(err, "target '%s': beginning to load '%s'", base->name, table->name);
    }
    if (!*ret_moved)
        postgres_target_rollback(base);
    return RC_OK;
}

static RC postgres_target_commit(struct target *base, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    assert(self->table != NULL && "a load has begun");
    const char *table = self->table->name;
    postgres_target_end_load(self);
    if (pq_commit(self->db, err) != RC_OK) {
        postgres_target_abort(self);
        return fail_in(err, "target '%s': committing the load of '%s'", base->name, table);
    }
    return RC_OK;
}

static RC postgres_target_reconnect(struct target *base, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    disconnect(self);
    return postgres_target_connect(self, err);
}

/* ---- may it? ---- */

static RC check_rights(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(pq_answer) rights = {0};
    AUTO_RELEASE(buf) to = {0};
    const char *values[] = {self->position};
    TRY(sql_check_schema(&postgres_sql, &self->base, err));
    TRY(pq_query(self->db,
                 "SELECT pg_is_in_recovery(), CASE WHEN to_regclass($1) IS NULL THEN true ELSE"
                 " has_table_privilege(to_regclass($1), 'SELECT') AND has_table_privilege(to_regclass($1), 'INSERT')"
                 " AND has_table_privilege(to_regclass($1), 'UPDATE') END, current_user",
                 1, values, &rights, err));
    if (pq_bool(&rights, 0, 0)) {
        fail(err, RC_DENIED, "'%s' is a standby, which takes no writes", self->base.address);
        return fail_todo(err, "give the primary's address");
    }
    if (!pq_bool(&rights, 0, 1)) {
        fail(err, RC_DENIED, "'%s' connects, but may not write %s", pq_text(&rights, 0, 2), self->position);
        pq_quote(&to, pq_text(&rights, 0, 2));
        return fail_todo(err, "GRANT SELECT, INSERT, UPDATE ON %s TO %s", self->position, to.at);
    }
    return RC_OK;
}

static RC postgres_target_check(struct target *base, bool *ret_is_new, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    TRY(postgres_target_connect(self, err));
    if (check_rights(self, err) != RC_OK)
        return fail_in(err, "target '%s'", base->name);
    base->password_from = self->db->password_from;
    *ret_is_new = false; /* a database is made by its owner, never by us */
    return RC_OK;
}

/* ---- making it ---- */

static void postgres_target_free(struct target *base)
{
    struct postgres_target *self = (struct postgres_target *)base;
    disconnect(self);
    tunnel_free(self->address.tunnel);
    secret_release(&self->password);
    arena_release(&self->load_arena);
    arena_release(&self->arena);
    free(self);
}

static void type_of(const struct target *self, const struct field *field, struct target_type *ret)
{
    postgres_target_type(field, ret);
}

static bool has_gaps(const struct target *self, const struct field *field) { return row_value_has_gaps(field); }

static bool holds(const struct target *self, const struct batch *batch, int column, int64_t row, const char **ret_why)
{
    return row_value_holds(batch, column, row, ret_why);
}

static const struct target_ops postgres_target_ops = {
    .type = "postgres",
    .features = TARGET_DELETE_INSERT | TARGET_DELETES | TARGET_SWAP,
    .swap_note = "a new table takes the name, with owner, grants, indexes and comments of the old one; views, foreign "
                 "keys, triggers and policies would stay with the old one, and are refused",
    .type_of = type_of,
    .has_gaps = has_gaps,
    .holds = holds,
    .position = postgres_target_position,
    .check_owner = postgres_target_check_owner,
    .create_position = postgres_target_create_position,
    .fence = postgres_target_fence,
    .prepare = postgres_target_prepare,
    .is_there = postgres_target_is_there,
    .has_rows = postgres_target_has_rows,
    .begin = postgres_target_begin,
    .load_file = postgres_target_load_file,
    .apply = postgres_target_apply,
    .commit = postgres_target_commit,
    .rollback = postgres_target_rollback,
    .reconnect = postgres_target_reconnect,
    .check = postgres_target_check,
    .profile = postgres_target_profile,
    .grants = postgres_target_grants,
    .free = postgres_target_free,
};

RC postgres_target_open(const char *name, const struct postgres_target_options *options, const struct opening *with,
                        struct target **ret, struct error *err)
{
    AUTO_RELEASE(buf) address = {0}, position = {0};
    struct postgres_target *self = xcalloc(1, sizeof(*self));
    pq_address_keep(&options->address, &self->arena, &self->password, &self->address);
    pq_address_print(&options->address, &address);
    self->schema = arena_text(&self->arena, options->schema != NULL ? options->schema : "public");
    pq_quote(&position, self->schema);
    buf_add_str(&position, S(".waybill_position"));
    self->position = arena_text(&self->arena, position.at);
    self->fence_patience_ms = options->fence_patience_ms > 0 ? options->fence_patience_ms : FENCE_PATIENCE_MS;
    self->lock_ms = options->address.lock_ms > 0 ? options->address.lock_ms : PQ_LOCK_MS;
    self->with = *with;
    self->base = (struct target){.ops = &postgres_target_ops,
                                 .name = arena_text(&self->arena, name),
                                 .address = arena_text(&self->arena, address.at),
                                 .version = self->version};
    snprintf(self->version, sizeof(self->version), "PostgreSQL");
    if (pq_dig_tunnel(&self->address, self->base.name, &options->ssh, &self->with, err) != RC_OK) {
        postgres_target_free(&self->base);
        return err->rc;
    }
    *ret = &self->base;
    return RC_OK;
}

/* T, the position row: which waybill was applied last (docs/protocol.md, docs/formats.md). */
#include "connect/postgres/target_parts.h"
#include "connect/sql/position.h"

#include <inttypes.h>
#include <stdio.h>

enum { NUMBER_TEXT = 24 };

/* ---- reading it ---- */

static RC read_position(struct postgres_target *self, const struct target_table *table, struct arena *arena,
                        struct target_position *ret, struct error *err)
{
    const struct sql_on on = postgres_on(self, table);
    bool is_there = false;
    TRY(postgres_target_has_table(self, self->position, &is_there, err));
    if (is_there)
        return sql_position_read(&on, arena, ret, err);
    *ret = sql_position_none();
    return RC_OK;
}

RC postgres_target_position(struct target *base, const struct target_table *table, struct arena *arena,
                            struct target_position *ret, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    TRY(postgres_target_connect(self, err));
    if (read_position(self, table, arena, ret, err) != RC_OK)
        return fail_in(err, "target '%s': reading the position of '%s'", base->name, table->scope);
    return RC_OK;
}

RC postgres_target_check_owner(struct target *base, const struct target_table *table, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    bool is_there = false;
    TRY(sql_check_sharing(table, err));
    TRY(postgres_target_connect(self, err));
    TRY(postgres_target_has_table(self, self->position, &is_there, err));
    const struct sql_on on = postgres_on(self, table);
    if (!is_there || sql_position_check(&on, &arena, &now, err) == RC_OK)
        return RC_OK;
    return fail_in(err, "target '%s': the position of '%s'", base->name, table->scope);
}

/* ---- creating it ---- */

/* fillfactor: every load writes the row again; with room on its page no index has to know of it. */
static RC create_table(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    bool is_there = false;
    TRY(postgres_target_has_table(self, self->position, &is_there, err));
    if (is_there)
        return RC_OK;
    buf_addf(&sql,
             "CREATE TABLE %s (format integer NOT NULL, scope text NOT NULL PRIMARY KEY, target_table text NOT NULL,"
             " target_id text NOT NULL, shared boolean NOT NULL DEFAULT false, epoch bigint NOT NULL DEFAULT 0,"
             " token bigint NOT NULL DEFAULT 0, waybill text NOT NULL DEFAULT '', pos text NOT NULL DEFAULT '',"
             " loaded_at timestamptz) WITH (fillfactor = 50);"
             "CREATE UNIQUE INDEX waybill_position_owner ON %s (target_table) WHERE NOT shared",
             self->position, self->position);
    enum rc rc = pq_run(self->db, sql.at, NULL, err);
    if (rc != RC_DENIED)
        return rc;
    return fail_todo(err,
                     "GRANT USAGE, CREATE ON SCHEMA \"%s\" TO this user; `waybill check` tells what else is missing",
                     self->schema);
}

static RC create_locked(struct postgres_target *self, const struct target_table *table, const char *target_id,
                        struct error *err)
{
    const struct sql_on on = postgres_on(self, table);
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) sql = {0};
    struct target_position now;
    TRY(create_table(self, err));
    TRY(sql_position_check(&on, &arena, &now, err));
    if (now.exists)
        sql_position_share(&on, &sql);
    else
        sql_position_insert(&on, target_id, &sql);
    TRY(pq_run(self->db, sql.at, NULL, err));
    return postgres_target_unlock(self, err);
}

RC postgres_target_create_position(struct target *base, const struct target_table *table, const char *target_id,
                                   struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    TRY(sql_check_sharing(table, err));
    if (postgres_target_lock(self, err) != RC_OK || create_locked(self, table, target_id, err) != RC_OK) {
        postgres_target_abort(self);
        return fail_in(err, "target '%s': the position of '%s'", base->name, table->scope);
    }
    return RC_OK;
}

/* ---- who holds the row ---- */

/* The transaction that has written a row that nobody else sees yet is its xmax, and that transaction's lock names the
 * session. `waits_for_client`: it sleeps between two statements or inside a COPY. Only a load of an older token holds
 * the row of a scope whose token is below ours: ending it is what a fence is for. */
static RC read_holder(struct postgres_target *self, const char *scope, int64_t token, bool ends_it,
                      struct pq_answer *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    char number[NUMBER_TEXT];
    snprintf(number, sizeof(number), "%" PRId64, token);
    const char *values[] = {scope, number, ends_it ? "t" : "f"};
    buf_addf(&sql,
             "SELECT a.pid, a.application_name, a.state, to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD "
             "HH24:MI:SS'), CASE WHEN $3::boolean AND p.token < $2::bigint AND a.usename = current_user"
             " AND (a.state = 'idle in transaction' OR a.wait_event_type = 'Client')"
             " THEN pg_terminate_backend(a.pid) ELSE false END"
             " FROM %s p JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.transactionid = p.xmax"
             " JOIN pg_stat_activity a ON a.pid = l.pid WHERE p.scope = $1",
             self->position);
    return pq_query(self->db, sql.at, 3, values, ret, err);
}

/* Says of a wait that was in vain who it was for. */
static enum rc explain_busy(struct postgres_target *self, const char *scope, struct error *err)
{
    AUTO_RELEASE(pq_answer) holder = {0};
    struct error ignored;
    if (err->rc != RC_BUSY || strcmp(err->vendor, "55P03") != 0)
        return err->rc;
    postgres_target_abort(self);
    if (self->db == NULL || read_holder(self, scope, 0, false, &holder, &ignored) != RC_OK || pq_rows(&holder) == 0)
        return fail_todo(err, "another session changes the position row of '%s': run the same command again", scope);
    return fail_todo(err,
                     "the server process %s (%s, %s, since %s UTC) still loads '%s': wait for it, or end it with "
                     "SELECT pg_terminate_backend(%s)",
                     pq_text(&holder, 0, 0), pq_text(&holder, 0, 1), pq_text(&holder, 0, 2), pq_text(&holder, 0, 3),
                     scope, pq_text(&holder, 0, 0));
}

/* ---- moving it ---- */

static RC raise_token(struct postgres_target *self, const struct target_table *table, int64_t token, int64_t wait_ms,
                      struct error *err)
{
    const struct sql_on on = postgres_on(self, table);
    AUTO_RELEASE(buf) sql = {0}, begin = {0};
    buf_addf(&begin, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = %" PRId64, wait_ms);
    sql_position_raise(&on, token, &sql);
    TRY(pq_run(self->db, begin.at, NULL, err));
    return pq_run(self->db, sql.at, NULL, err);
}

/* A load under way gets some time to end by itself; then it is ended if it only waits for its client, and waited for if
 * the server is at work on it. */
static RC raise_token_patiently(struct postgres_target *self, const struct target_table *table, int64_t token,
                                struct error *err)
{
    AUTO_RELEASE(pq_answer) holder = {0};
    int64_t first_ms = self->fence_patience_ms < self->lock_ms ? self->fence_patience_ms : self->lock_ms;
    enum rc rc = raise_token(self, table, token, first_ms, err);
    if (rc != RC_BUSY || self->lock_ms <= first_ms)
        return rc;
    postgres_target_abort(self);
    TRY(postgres_target_connect(self, err));
    TRY(read_holder(self, table->scope, token, true, &holder, err));
    return raise_token(self, table, token, self->lock_ms - first_ms, err);
}

static RC fence(struct postgres_target *self, const struct target_table *table, int64_t token, struct arena *arena,
                struct target_position *ret, struct error *err)
{
    const struct sql_on on = postgres_on(self, table);
    struct target_position now;
    TRY(read_position(self, table, arena, &now, err));
    if (!now.exists)
        return fail(err, RC_NOT_FOUND, "there is no position row for '%s'", table->scope);
    if (raise_token_patiently(self, table, token, err) != RC_OK)
        return explain_busy(self, table->scope, err);
    TRY(sql_position_read(&on, arena, &now, err));
    TRY(postgres_target_unlock(self, err));
    *ret = now;
    return RC_OK;
}

RC postgres_target_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                         struct target_position *ret, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    TRY(postgres_target_connect(self, err));
    if (fence(self, table, token, arena, ret, err) != RC_OK) {
        postgres_target_abort(self);
        return fail_in(err, "target '%s': fencing '%s'", base->name, table->scope);
    }
    return RC_OK;
}

/* T of another table is not a lost race. */
static RC explain_no_move(struct postgres_target *self, const struct target_table *table, struct error *err)
{
    const struct sql_on on = postgres_on(self, table);
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    TRY(sql_position_read(&on, &arena, &now, err));
    return sql_check_same_table(&on, &now, err);
}

RC postgres_target_swap(struct postgres_target *self, const struct target_table *table, const struct target_move *move,
                        bool *ret_moved, struct error *err)
{
    const struct sql_on on = postgres_on(self, table);
    AUTO_RELEASE(buf) sql = {0};
    int64_t changes = 0;
    sql_position_swap(&on, move, &sql);
    if (pq_run(self->db, sql.at, &changes, err) != RC_OK)
        return explain_busy(self, table->scope, err);
    *ret_moved = changes == 1;
    return *ret_moved ? RC_OK : explain_no_move(self, table, err);
}

/* T, the position row: which waybill was applied last (design section 3; formats.md 4). */
#include "connect/postgres/target_parts.h"

#include <inttypes.h>
#include <stdio.h>

enum { POSITION_FORMAT = 1, NUMBER_TEXT = 24 };

static const char *number_text(int64_t number, char ret[NUMBER_TEXT])
{
    snprintf(ret, NUMBER_TEXT, "%" PRId64, number);
    return ret;
}

/* ---- reading it ---- */

static RC check_format(struct postgres_target *self, const char *scope, int64_t format, struct error *err)
{
    if (format <= POSITION_FORMAT)
        return RC_OK;
    fail(err, RC_DATA, "the position row of '%s' in '%s' has format %" PRId64 ", this program knows %d", scope,
         self->base.address, format, POSITION_FORMAT);
    return fail_todo(err, "a newer waybill has written it: use that version or a later one");
}

static RC read_row(struct postgres_target *self, const char *scope, struct arena *arena, struct target_position *ret,
                   struct error *err)
{
    AUTO_RELEASE(pq_answer) row = {0};
    AUTO_RELEASE(buf) sql = {0};
    struct target_position at = {.pos = "", .table = ""};
    buf_addf(&sql, "SELECT format, target_id, epoch, token, waybill, pos, target_table FROM %s WHERE scope = $1",
             self->position);
    TRY(pq_query(self->db, sql.at, 1, &scope, &row, err));
    at.exists = pq_rows(&row) == 1;
    if (at.exists) {
        TRY(check_format(self, scope, pq_int64(&row, 0, 0), err));
        snprintf(at.target_id, sizeof(at.target_id), "%s", pq_text(&row, 0, 1));
        at.epoch = pq_int64(&row, 0, 2);
        at.token = pq_int64(&row, 0, 3);
        snprintf(at.waybill, sizeof(at.waybill), "%s", pq_text(&row, 0, 4));
        at.pos = arena_text(arena, pq_text(&row, 0, 5));
        at.table = arena_text(arena, pq_text(&row, 0, 6));
    }
    *ret = at;
    return RC_OK;
}

static RC read_position(struct postgres_target *self, const char *scope, struct arena *arena,
                        struct target_position *ret, struct error *err)
{
    bool is_there = false;
    TRY(postgres_target_has_table(self, self->position, &is_there, err));
    if (is_there)
        return read_row(self, scope, arena, ret, err);
    *ret = (struct target_position){.pos = "", .table = ""};
    return RC_OK;
}

RC postgres_target_position(struct target *base, const struct target_table *table, struct arena *arena,
                            struct target_position *ret, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    TRY(postgres_target_connect(self, err));
    if (read_position(self, table->scope, arena, ret, err) != RC_OK)
        return fail_in(err, "target '%s': reading the position of '%s'", base->name, table->scope);
    return RC_OK;
}

/* ---- who owns a table ---- */

static RC fail_owned(struct postgres_target *self, const struct target_table *table, const char *owner,
                     struct error *err)
{
    fail(err, RC_CONFIG, "the table '%s' is loaded by '%s', so '%s' cannot load into it", table->name, owner,
         table->scope);
    return fail_todo(
        err,
        "two pipelines on purpose: `shared: true` in both, and run '%s' first. A pipeline with a new name: "
        "give the old one back, or hand the table over with UPDATE %s SET scope = '%s' WHERE scope = '%s' "
        "and then `waybill watermark restore --from-target`",
        owner, self->position, table->scope, owner);
}

static RC check_owner(struct postgres_target *self, const struct target_table *table, const char *name,
                      struct error *err)
{
    AUTO_RELEASE(pq_answer) others = {0};
    AUTO_RELEASE(buf) sql = {0};
    const char *values[] = {name, table->scope, table->shared ? "t" : "f"};
    buf_addf(&sql,
             "SELECT scope FROM %s WHERE target_table = $1 AND scope <> $2 AND NOT (shared AND $3::boolean)"
             " ORDER BY scope LIMIT 1",
             self->position);
    TRY(pq_query(self->db, sql.at, 3, values, &others, err));
    return pq_rows(&others) > 0 ? fail_owned(self, table, pq_text(&others, 0, 0), err) : RC_OK;
}

static RC check_table(const struct target_table *table, const char *name, const struct target_position *now,
                      struct error *err)
{
    if (!now->exists || strcmp(now->table, name) == 0)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' loads into the table '%s' so far, and not into '%s'", table->scope, now->table, name);
    return fail_todo(err, "set `target: %s` again; another table starts from zero in a pipeline of another name",
                     now->table);
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

static RC change_row(struct postgres_target *self, const char *sql, int count, const char *const *values,
                     struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    return pq_query(self->db, sql, count, values, &answer, err);
}

static RC update_shared(struct postgres_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const char *values[] = {table->scope, table->shared ? "t" : "f"};
    buf_addf(&sql, "UPDATE %s SET shared = $2::boolean WHERE scope = $1 AND shared <> $2::boolean", self->position);
    return change_row(self, sql.at, 2, values, err);
}

static RC insert_position(struct postgres_target *self, const struct target_table *table, const char *name,
                          const char *target_id, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const char *values[] = {table->scope, name, target_id, table->shared ? "t" : "f"};
    buf_addf(&sql,
             "INSERT INTO %s (format, scope, target_table, target_id, shared) VALUES (%d, $1, $2, $3, $4::boolean)",
             self->position, POSITION_FORMAT);
    return change_row(self, sql.at, 4, values, err);
}

static RC create_locked(struct postgres_target *self, const struct target_table *table, const char *target_id,
                        struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) name = {0};
    struct target_position now;
    postgres_table_name(self, table->name, &name);
    TRY(create_table(self, err));
    TRY(read_row(self, table->scope, &arena, &now, err));
    TRY(check_table(table, name.at, &now, err));
    TRY(check_owner(self, table, name.at, err));
    TRY(now.exists ? update_shared(self, table, err) : insert_position(self, table, name.at, target_id, err));
    return postgres_target_unlock(self, err);
}

RC postgres_target_create_position(struct target *base, const struct target_table *table, const char *target_id,
                                   struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    if (table->shared && table->mode == MODE_REPLACE) {
        fail(err, RC_CONFIG, "'%s': `mode: replace` would delete what others load into the shared table '%s'",
             table->scope, table->name);
        return fail_todo(err, "use append or merge, or a table of its own without `shared: true`");
    }
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
    const char *values[] = {scope, number_text(token, number), ends_it ? "t" : "f"};
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

static RC raise_token(struct postgres_target *self, const char *scope, int64_t token, int64_t wait_ms,
                      struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, begin = {0};
    char number[NUMBER_TEXT];
    const char *values[] = {scope, number_text(token, number)};
    buf_addf(&begin, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = %" PRId64, wait_ms);
    buf_addf(&sql, "UPDATE %s SET token = $2::bigint WHERE scope = $1 AND token < $2::bigint", self->position);
    TRY(pq_run(self->db, begin.at, NULL, err));
    return change_row(self, sql.at, 2, values, err);
}

/* A load under way gets some time to end by itself; then it is ended if it only waits for its client, and waited for if
 * the server is at work on it. */
static RC raise_token_patiently(struct postgres_target *self, const char *scope, int64_t token, struct error *err)
{
    AUTO_RELEASE(pq_answer) holder = {0};
    int64_t first_ms = self->fence_patience_ms < self->lock_ms ? self->fence_patience_ms : self->lock_ms;
    enum rc rc = raise_token(self, scope, token, first_ms, err);
    if (rc != RC_BUSY || self->lock_ms <= first_ms)
        return rc;
    postgres_target_abort(self);
    TRY(postgres_target_connect(self, err));
    TRY(read_holder(self, scope, token, true, &holder, err));
    return raise_token(self, scope, token, self->lock_ms - first_ms, err);
}

static RC fence(struct postgres_target *self, const char *scope, int64_t token, struct arena *arena,
                struct target_position *ret, struct error *err)
{
    struct target_position now;
    TRY(read_position(self, scope, arena, &now, err));
    if (!now.exists)
        return fail(err, RC_NOT_FOUND, "there is no position row for '%s'", scope);
    if (raise_token_patiently(self, scope, token, err) != RC_OK)
        return explain_busy(self, scope, err);
    TRY(read_row(self, scope, arena, &now, err));
    TRY(postgres_target_unlock(self, err));
    *ret = now;
    return RC_OK;
}

RC postgres_target_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                         struct target_position *ret, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    TRY(postgres_target_connect(self, err));
    if (fence(self, table->scope, token, arena, ret, err) != RC_OK) {
        postgres_target_abort(self);
        return fail_in(err, "target '%s': fencing '%s'", base->name, table->scope);
    }
    return RC_OK;
}

/* T of another table is not a lost race. */
static RC explain_no_move(struct postgres_target *self, const struct target_table *table, const char *name,
                          struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    TRY(read_row(self, table->scope, &arena, &now, err));
    return check_table(table, name, &now, err);
}

RC postgres_target_swap(struct postgres_target *self, const struct target_table *table, const struct target_move *move,
                        bool *ret_moved, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    AUTO_RELEASE(buf) sql = {0}, name = {0};
    char epoch[NUMBER_TEXT], token[NUMBER_TEXT];
    postgres_table_name(self, table->name, &name);
    const char *values[] = {
        move->waybill, move->pos, number_text(move->epoch, epoch), number_text(move->token, token), table->scope,
        move->prev,    name.at};
    buf_addf(&sql,
             "UPDATE %s SET waybill = $1, pos = $2, epoch = $3::bigint, token = $4::bigint, loaded_at = now()"
             " WHERE scope = $5 AND waybill = $6 AND token <= $4::bigint AND format <= %d AND target_table = $7",
             self->position, POSITION_FORMAT);
    if (pq_query(self->db, sql.at, 7, values, &answer, err) != RC_OK)
        return explain_busy(self, table->scope, err);
    *ret_moved = pq_changes(&answer) == 1;
    return *ret_moved ? RC_OK : explain_no_move(self, table, name.at, err);
}

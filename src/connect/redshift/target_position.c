/* T, the position row: which waybill was applied last (docs/protocol.md, docs/formats.md). One small table per target
 * table, which `CREATE TABLE ... AS SELECT` makes with its row: two that do so at once meet on its name, and one of
 * them is told that it is there. Rows of further scopes (`shared`) are added under the table's lock. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "connect/redshift/target_parts.h"
#include "connect/sql/position.h"

enum { NAME_DIGITS = 16, TABLES_AT_ONCE = 50, CONFLICTS_MAX = 5 };
static const char prefix[] = "waybill_position_";

/* ---- its name ---- */

static const char *position_name(const struct redshift_target *self, const char *table, struct arena *arena)
{
    char hash[SHA256_HEX];
    sha256_hex(str(redshift_table_name(self, table, arena)), hash);
    return arena_print(arena, "%s%.*s", prefix, NAME_DIGITS, hash);
}

const char *redshift_position_table(const struct redshift_target *self, const char *table, struct arena *arena)
{
    AUTO_RELEASE(buf) quoted = {0};
    redshift_quote(&quoted, self->schema);
    buf_addf(&quoted, ".\"%s\"", position_name(self, table, arena));
    return arena_str(arena, buf_str(&quoted));
}

bool redshift_is_position_name(const char *name)
{
    return strncmp(name, prefix, strlen(prefix)) == 0 && strlen(name) == strlen(prefix) + NAME_DIGITS;
}

/* *ret_oid NULL: there is no such table. */
static RC find_table(struct redshift_target *self, const char *table, struct arena *arena, const char **ret_oid,
                     struct error *err)
{
    AUTO_RELEASE(pq_answer) row = {0};
    const char *values[] = {redshift_fold(self->schema, arena), position_name(self, table, arena)};
    TRY(redshift_query(self,
                       "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                       " WHERE n.nspname = $1 AND c.relname = $2",
                       2, values, &row, err));
    *ret_oid = pq_rows(&row) > 0 ? arena_text(arena, pq_text(&row, 0, 0)) : NULL;
    return RC_OK;
}

/* ---- reading it ---- */

static RC read_row(struct redshift_target *self, const struct target_table *table, struct arena *arena,
                   struct target_position *ret, struct error *err)
{
    const struct sql_on on = redshift_on(self, table);
    return sql_position_read(&on, arena, ret, err);
}

static RC read_position(struct redshift_target *self, const struct target_table *table, struct arena *arena,
                        struct target_position *ret, struct error *err)
{
    const char *oid = NULL;
    TRY(redshift_connect(self, err));
    TRY(find_table(self, table->name, arena, &oid, err));
    if (oid != NULL)
        return read_row(self, table, arena, ret, err);
    *ret = sql_position_none();
    return RC_OK;
}

RC redshift_position(struct target *base, const struct target_table *table, struct arena *arena,
                     struct target_position *ret, struct error *err)
{
    if (read_position((struct redshift_target *)base, table, arena, ret, err) != RC_OK)
        return fail_in(err, "target '%s': reading the position of '%s'", base->name, table->scope);
    return RC_OK;
}

/* ---- S82: does the scope load into another table? Only asked where this table knows nothing of it. ---- */

static void add_search(const struct redshift_target *self, const char *name, const char *scope, struct buf *sql)
{
    buf_add_str(sql, sql->len > 0 ? S(" UNION ALL ") : S(""));
    buf_add_str(sql, S("SELECT target_table FROM "));
    redshift_quote(sql, self->schema);
    buf_addf(sql, ".\"%s\" WHERE scope = ", name);
    redshift_literal(sql, scope);
}

static RC search(struct redshift_target *self, const struct target_table *table, const struct buf *sql,
                 struct error *err)
{
    AUTO_RELEASE(pq_answer) found = {0};
    if (sql->len == 0)
        return RC_OK;
    TRY(redshift_query(self, sql->at, 0, NULL, &found, err));
    return pq_rows(&found) > 0 ? sql_fail_other_table(table, pq_text(&found, 0, 0), err) : RC_OK;
}

static RC check_other_tables(struct redshift_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(pq_answer) names = {0};
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) sql = {0};
    const char *own = position_name(self, table->name, &arena), *schema = redshift_fold(self->schema, &arena);
    int count = 0;
    TRY(redshift_query(self,
                       "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                       " WHERE n.nspname = $1 AND c.relname LIKE 'waybill%'",
                       1, &schema, &names, err));
    for (int i = 0; i < pq_rows(&names); i++) {
        const char *name = pq_text(&names, i, 0);
        if (!redshift_is_position_name(name) || strcmp(name, own) == 0)
            continue;
        add_search(self, name, table->scope, &sql);
        if (++count % TABLES_AT_ONCE == 0) {
            TRY(search(self, table, &sql, err));
            buf_reset(&sql);
        }
    }
    return search(self, table, &sql, err);
}

/* ---- creating it ---- */

static void add_first_row(const struct target_table *table, const char *name, const char *target_id, struct buf *sql)
{
    const char *const texts[] = {table->scope, name, target_id};
    static const char *const as[] = {"varchar(2048) AS scope", "varchar(600) AS target_table",
                                     "varchar(64) AS target_id"};
    buf_addf(sql, "SELECT %d::integer AS format", POSITION_FORMAT);
    for (int i = 0; i < 3; i++) {
        buf_add_str(sql, S(", "));
        redshift_literal(sql, texts[i]);
        buf_addf(sql, "::%s", as[i]);
    }
    buf_addf(sql,
             ", %s::boolean AS shared, 0::bigint AS epoch, 0::bigint AS token, ''::varchar(64) AS waybill,"
             " ''::varchar(65535) AS pos, NULL::timestamp AS loaded_at",
             table->shared ? "true" : "false");
}

static bool exists_already(const struct error *err)
{
    return strcmp(err->vendor, "42P07") == 0 || strstr(err->text, "already exists") != NULL;
}

/* Somebody else's table of this name is as good as ours. */
static RC create_table(struct redshift_target *self, const struct target_table *table, const char *target_id,
                       struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "CREATE TABLE %s AS ", redshift_position_table(self, table->name, &arena));
    add_first_row(table, redshift_table_name(self, table->name, &arena), target_id, &sql);
    enum rc rc = redshift_run(self, sql.at, NULL, err);
    if (rc == RC_OK || exists_already(err))
        return RC_OK;
    if (rc == RC_DENIED)
        fail_todo(err, "GRANT USAGE, CREATE ON SCHEMA \"%s\" TO this user; `waybill check` tells what else is missing",
                  self->schema);
    return rc;
}

/* The lock comes first: what the transaction sees is what is there once it has it. */
static RC add_row(struct redshift_target *self, const struct target_table *table, const char *target_id,
                  struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) lock = {0}, insert = {0};
    const struct sql_on on = redshift_on(self, table);
    struct target_position now = {0};
    const char *position = redshift_position_table(self, table->name, &arena);
    buf_addf(&lock, "LOCK TABLE %s", position);
    buf_addf(&insert, "INSERT INTO %s ", position);
    add_first_row(table, redshift_table_name(self, table->name, &arena), target_id, &insert);
    TRY(redshift_run(self, "BEGIN", NULL, err));
    TRY(redshift_run(self, lock.at, NULL, err));
    TRY(read_row(self, table, &arena, &now, err));
    TRY(sql_check_owner(&on, err));
    if (!now.exists)
        TRY(redshift_run(self, insert.at, NULL, err));
    enum rc rc = pq_commit(self->db, err);
    if (rc == RC_UNKNOWN)
        rc = err->rc = RC_UNAVAILABLE; /* the next run looks */
    return rc;
}

/* Only where it changes: whatever writes the table keeps loads from it. */
static RC update_shared(struct redshift_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(pq_answer) now = {0};
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) look = {0}, sql = {0};
    const struct sql_on on = redshift_on(self, table);
    buf_addf(&look, "SELECT shared FROM %s WHERE scope = $1", redshift_position_table(self, table->name, &arena));
    TRY(redshift_query(self, look.at, 1, &table->scope, &now, err));
    if (pq_rows(&now) > 0 && pq_bool(&now, 0, 0) == table->shared)
        return RC_OK;
    sql_position_share(&on, &sql);
    return redshift_run(self, sql.at, NULL, err);
}

/* *ret_oid NULL: nobody loads the table yet. */
static RC look_for_owner(struct redshift_target *self, const struct target_table *table, struct arena *arena,
                         const char **ret_oid, struct target_position *ret_now, struct error *err)
{
    const struct sql_on on = redshift_on(self, table);
    TRY(redshift_connect(self, err));
    TRY(find_table(self, table->name, arena, ret_oid, err));
    if (*ret_oid != NULL)
        TRY(read_row(self, table, arena, ret_now, err));
    if (!ret_now->exists)
        TRY(check_other_tables(self, table, err));
    return *ret_oid != NULL ? sql_check_owner(&on, err) : RC_OK;
}

RC redshift_check_owner(struct target *base, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now = {0};
    const char *oid = NULL;
    TRY(sql_check_sharing(table, err));
    if (look_for_owner((struct redshift_target *)base, table, &arena, &oid, &now, err) == RC_OK)
        return RC_OK;
    return fail_in(err, "target '%s': the position of '%s'", base->name, table->scope);
}

static RC create_position(struct redshift_target *self, const struct target_table *table, const char *target_id,
                          struct error *err)
{
    const struct sql_on on = redshift_on(self, table);
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now = {0};
    const char *oid = NULL;
    TRY(look_for_owner(self, table, &arena, &oid, &now, err));
    if (oid == NULL) {
        TRY(create_table(self, table, target_id, err));
        TRY(sql_check_owner(&on, err)); /* somebody else may have made it meanwhile */
    }
    TRY(read_row(self, table, &arena, &now, err));
    return now.exists ? update_shared(self, table, err) : add_row(self, table, target_id, err);
}

RC redshift_create_position(struct target *base, const struct target_table *table, const char *target_id,
                            struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    TRY(sql_check_sharing(table, err));
    if (create_position(self, table, target_id, err) != RC_OK) {
        redshift_abort(self);
        return fail_in(err, "target '%s': the position of '%s'", base->name, table->scope);
    }
    return RC_OK;
}

/* ---- who holds it ---- */

/* The session that has written the table and not yet ended its transaction; pid 0: none can be seen. */
struct holder {
    int64_t pid;
    char since[32];
    bool is_idle;
};

/* Locks are the leader's to tell, and what runs is the whole cluster's: two questions. */
static RC find_holder(struct redshift_target *self, const char *oid, struct holder *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) locks = {0}, running = {0};
    *ret = (struct holder){0};
    TRY(redshift_query(self,
                       "SELECT pid, txn_start FROM svv_transactions WHERE relation = $1 AND granted"
                       " AND lock_mode <> 'AccessShareLock' ORDER BY txn_start",
                       1, &oid, &locks, err));
    if (pq_rows(&locks) == 0)
        return RC_OK;
    const char *pid = pq_text(&locks, 0, 0);
    snprintf(ret->since, sizeof(ret->since), "%.19s", pq_text(&locks, 0, 1));
    TRY(redshift_query(self, "SELECT count(*) FROM sys_query_history WHERE session_id = $1 AND status = 'running'", 1,
                       &pid, &running, err));
    ret->pid = pq_int64(&locks, 0, 0);
    ret->is_idle = pq_int64(&running, 0, 0) == 0;
    return RC_OK;
}

static RC terminate(struct redshift_target *self, const struct holder *holder, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SELECT pg_terminate_backend(%" PRId64 ")", holder->pid);
    return redshift_run(self, sql.at, NULL, err);
}

/* A lock that was not had in time: the server has cancelled the statement, or we have given it up. */
static bool has_waited(const struct error *err)
{
    return strcmp(err->vendor, "57014") == 0 || (err->rc == RC_UNAVAILABLE && strstr(err->text, "in time") != NULL);
}

static enum rc explain_busy(struct redshift_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct error ignored;
    struct holder holder = {0};
    const char *oid = NULL;
    if (!has_waited(err))
        return err->rc;
    redshift_abort(self);
    fail(err, RC_BUSY, "the position row of '%s' is locked, and was so for %" PRId64 " s", table->scope,
         self->lock_ms / 1000);
    bool is_known = redshift_connect(self, &ignored) == RC_OK &&
                    find_table(self, table->name, &arena, &oid, &ignored) == RC_OK && oid != NULL &&
                    find_holder(self, oid, &holder, &ignored) == RC_OK && holder.pid != 0;
    if (!is_known)
        return fail_todo(err, "another session still loads '%s': run the same command again", table->scope);
    return fail_todo(err,
                     "the session %" PRId64 " (since %s UTC) still loads '%s': wait for it, or end it with SELECT "
                     "pg_terminate_backend(%" PRId64 ")",
                     holder.pid, holder.since, table->scope, holder.pid);
}

/* ---- moving it ---- */

static RC raise_token_once(struct redshift_target *self, const struct target_table *table, int64_t token,
                           int64_t wait_ms, struct error *err)
{
    const struct sql_on on = redshift_on(self, table);
    AUTO_RELEASE(buf) sql = {0};
    sql_position_raise(&on, token, &sql);
    TRY(redshift_connect(self, err));
    TRY(pq_set_timeout(self->db, wait_ms, err));
    TRY(redshift_run(self, sql.at, NULL, err));
    return pq_set_timeout(self->db, self->statement_ms, err);
}

/* A statement of its own that met a commit of the load it has waited for is simply done again. */
static RC raise_token(struct redshift_target *self, const struct target_table *table, int64_t token, int64_t wait_ms,
                      struct error *err)
{
    enum { PAUSE_MS = 200 };
    for (int attempt = 1;; attempt++) {
        enum rc rc = raise_token_once(self, table, token, wait_ms, err);
        if (rc != RC_AGAIN || attempt == CONFLICTS_MAX)
            return rc;
        redshift_abort(self);
        self->with.clock->sleep_ms(self->with.clock, PAUSE_MS * attempt);
    }
}

/* A load under way gets some time to end by itself; then its session is ended if it only waits for its client (which
 * sleeps, or is gone), since nothing else ends it for hours, and waited for if the server is at work on it. */
static RC raise_token_patiently(struct redshift_target *self, const struct target_table *table, const char *oid,
                                int64_t token, struct error *err)
{
    struct holder holder = {0};
    struct error ignored;
    int64_t first_ms = self->patience_ms < self->lock_ms ? self->patience_ms : self->lock_ms;
    enum rc rc = raise_token(self, table, token, first_ms, err);
    if (rc == RC_OK || !has_waited(err) || self->lock_ms <= first_ms)
        return rc;
    redshift_abort(self);
    TRY(redshift_connect(self, err));
    if (find_holder(self, oid, &holder, &ignored) != RC_OK)
        redshift_abort(self); /* not allowed to look: it is waited for */
    else if (holder.pid != 0 && holder.is_idle)
        TRY(terminate(self, &holder, err));
    return raise_token(self, table, token, self->lock_ms - first_ms, err);
}

static RC fence(struct redshift_target *self, const struct target_table *table, int64_t token, struct arena *arena,
                struct target_position *ret, struct error *err)
{
    struct target_position now = {0};
    const char *oid = NULL;
    TRY(redshift_connect(self, err));
    TRY(find_table(self, table->name, arena, &oid, err));
    if (oid != NULL)
        TRY(read_row(self, table, arena, &now, err));
    if (!now.exists)
        return fail(err, RC_NOT_FOUND, "there is no position row for '%s'", table->scope);
    if (raise_token_patiently(self, table, oid, token, err) != RC_OK)
        return explain_busy(self, table, err);
    return read_row(self, table, arena, ret, err);
}

RC redshift_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                  struct target_position *ret, struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    if (fence(self, table, token, arena, ret, err) != RC_OK) {
        redshift_abort(self);
        return fail_in(err, "target '%s': fencing '%s'", base->name, table->scope);
    }
    return RC_OK;
}

static RC swap(struct redshift_target *self, const struct target_table *table, const struct target_move *move,
               bool *ret_moved, struct error *err)
{
    const struct sql_on on = redshift_on(self, table);
    AUTO_RELEASE(buf) sql = {0};
    int64_t changes = 0;
    sql_position_swap(&on, move, &sql);
    TRY(pq_set_timeout(self->db, self->lock_ms, err));
    TRY(redshift_run(self, "BEGIN", NULL, err));
    TRY(redshift_run(self, sql.at, &changes, err));
    *ret_moved = changes == 1;
    return *ret_moved ? pq_set_timeout(self->db, self->statement_ms, err) : RC_OK;
}

RC redshift_swap(struct redshift_target *self, const struct target_table *table, const struct target_move *move,
                 bool *ret_moved, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const char *oid = NULL;
    TRY(find_table(self, table->name, &arena, &oid, err));
    *ret_moved = false;
    if (oid == NULL)
        return RC_OK;
    return swap(self, table, move, ret_moved, err) == RC_OK ? RC_OK : explain_busy(self, table, err);
}

RC redshift_check_not_moved(struct redshift_target *self, const struct target_table *table, struct error *err)
{
    const struct sql_on on = redshift_on(self, table);
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now = {0};
    TRY(read_position(self, table, &arena, &now, err));
    return now.exists ? sql_check_same_table(&on, &now, err) : check_other_tables(self, table, err);
}

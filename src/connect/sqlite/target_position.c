/* T, the position row: which waybill was applied last (docs/protocol.md, docs/formats.md). */
#include "connect/sql/position.h"
#include "connect/sqlite/target_parts.h"

/* The index has the folding of SQLite's own table names. */
static const char create_table[] = "CREATE TABLE IF NOT EXISTS main.waybill_position (format INTEGER NOT NULL, scope "
                                   "TEXT NOT NULL PRIMARY KEY, target_table TEXT NOT NULL,"
                                   " target_id TEXT NOT NULL, shared INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT "
                                   "NULL DEFAULT 0, token INTEGER NOT NULL DEFAULT 0,"
                                   " waybill TEXT NOT NULL DEFAULT '', pos TEXT NOT NULL DEFAULT '', loaded_at TEXT);"
                                   "CREATE UNIQUE INDEX IF NOT EXISTS main.waybill_position_owner ON waybill_position "
                                   "(target_table COLLATE NOCASE) WHERE NOT shared";

static RC read_position(struct sqlite_target *self, const struct target_table *table, struct arena *arena,
                        struct target_position *ret, struct error *err)
{
    const struct sql_on on = sqlite_on(self, table);
    bool is_there = false;
    if (self->db != NULL)
        TRY(sqlite_target_has_table(self, "waybill_position", &is_there, err));
    *ret = sql_position_none();
    return is_there ? sql_position_read(&on, arena, ret, err) : RC_OK;
}

RC sqlite_target_position(struct target *base, const struct target_table *table, struct arena *arena,
                          struct target_position *ret, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    TRY(sqlite_target_look(self, err));
    if (read_position(self, table, arena, ret, err) != RC_OK)
        return fail_in(err, "target '%s': reading the position of '%s'", base->name, table->scope);
    return RC_OK;
}

RC sqlite_target_check_owner(struct target *base, const struct target_table *table, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    bool is_there = false;
    TRY(sql_check_sharing(table, err));
    TRY(sqlite_target_look(self, err));
    if (self->db != NULL)
        TRY(sqlite_target_has_table(self, "waybill_position", &is_there, err));
    const struct sql_on on = sqlite_on(self, table);
    if (!is_there || sql_position_check(&on, &arena, &now, err) == RC_OK)
        return RC_OK;
    return fail_in(err, "target '%s'", base->name);
}

/* ---- creating it ---- */

static RC create_locked(struct sqlite_target *self, const struct target_table *table, const char *target_id,
                        struct error *err)
{
    const struct sql_on on = sqlite_on(self, table);
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) sql = {0};
    struct target_position now;
    TRY(sqlite_run(self->db, create_table, err));
    TRY(sql_position_check(&on, &arena, &now, err));
    if (now.exists)
        sql_position_share(&on, &sql);
    else
        sql_position_insert(&on, target_id, &sql);
    TRY(sqlite_run(self->db, sql.at, err));
    return sqlite_target_unlock(self, err);
}

RC sqlite_target_create_position(struct target *base, const struct target_table *table, const char *target_id,
                                 struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    TRY(sql_check_sharing(table, err));
    TRY(sqlite_target_lock(self, err));
    if (create_locked(self, table, target_id, err) != RC_OK) {
        sqlite_rollback(self->db);
        return fail_in(err, "target '%s'", base->name);
    }
    return RC_OK;
}

/* ---- moving it ---- */

static RC fence_locked(struct sqlite_target *self, const struct target_table *table, int64_t token, struct arena *arena,
                       struct target_position *ret, struct error *err)
{
    const struct sql_on on = sqlite_on(self, table);
    AUTO_RELEASE(buf) sql = {0};
    struct target_position now;
    TRY(read_position(self, table, arena, &now, err));
    if (!now.exists)
        return fail(err, RC_NOT_FOUND, "there is no position row for '%s'", table->scope);
    sql_position_raise(&on, token, &sql);
    TRY(sqlite_run(self->db, sql.at, err));
    TRY(sqlite_target_unlock(self, err));
    if (now.token < token)
        now.token = token;
    *ret = now;
    return RC_OK;
}

RC sqlite_target_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                       struct target_position *ret, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    TRY(sqlite_target_lock(self, err));
    if (fence_locked(self, table, token, arena, ret, err) != RC_OK) {
        sqlite_rollback(self->db);
        return fail_in(err, "target '%s': fencing '%s'", base->name, table->scope);
    }
    return RC_OK;
}

/* T of another table is not a lost race. */
static RC explain_no_move(struct sqlite_target *self, const struct target_table *table, struct error *err)
{
    const struct sql_on on = sqlite_on(self, table);
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    TRY(sql_position_read(&on, &arena, &now, err));
    return sql_check_same_table(&on, &now, err);
}

RC sqlite_target_swap(struct sqlite_target *self, const struct target_table *table, const struct target_move *move,
                      bool *ret_moved, struct error *err)
{
    const struct sql_on on = sqlite_on(self, table);
    AUTO_RELEASE(buf) sql = {0};
    bool is_there = false;
    TRY(sqlite_target_has_table(self, "waybill_position", &is_there, err));
    *ret_moved = false;
    if (!is_there)
        return RC_OK;
    sql_position_swap(&on, move, &sql);
    TRY(sqlite_run(self->db, sql.at, err));
    *ret_moved = sqlite3_changes64(self->db->handle) == 1;
    return *ret_moved ? RC_OK : explain_no_move(self, table, err);
}

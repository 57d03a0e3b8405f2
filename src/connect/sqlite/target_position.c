/* T, the position row: which waybill was applied last (design section 3; formats.md 4). */
#include "connect/sqlite/target_parts.h"

#include <stdio.h>

enum { POSITION_FORMAT = 1 };

/* The index has the folding of SQLite's own table names. */
static const char create_table[] = "CREATE TABLE IF NOT EXISTS main.waybill_position (format INTEGER NOT NULL, scope "
                                   "TEXT NOT NULL PRIMARY KEY, target_table TEXT NOT NULL,"
                                   " target_id TEXT NOT NULL, shared INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT "
                                   "NULL DEFAULT 0, token INTEGER NOT NULL DEFAULT 0,"
                                   " waybill TEXT NOT NULL DEFAULT '', pos TEXT NOT NULL DEFAULT '', loaded_at TEXT);"
                                   "CREATE UNIQUE INDEX IF NOT EXISTS main.waybill_position_owner ON waybill_position "
                                   "(target_table COLLATE NOCASE) WHERE NOT shared";

static void copy_text(sqlite3_stmt *row, int column, char *ret, size_t size)
{
    struct str text = sqlite_column_str(row, column);
    snprintf(ret, size, STR_FMT, STR_ARG(text));
}

static RC read_row(struct sqlite_target *self, const char *scope, struct arena *arena, struct target_position *ret,
                   struct error *err)
{
    AUTO(sqlite3_stmt) *read = NULL;
    struct target_position at = {.pos = "", .table = ""};
    TRY(sqlite_prepare(self->db,
                       "SELECT format, target_id, epoch, token, waybill, pos, target_table FROM main.waybill_position "
                       "WHERE scope = ?1",
                       &read, err));
    TRY(sqlite_bind_text(self->db, read, 1, str(scope), err));
    TRY(sqlite_step(self->db, read, &at.exists, err));
    if (at.exists) {
        int64_t format = sqlite3_column_int64(read, 0);
        if (format > POSITION_FORMAT) {
            fail(err, RC_DATA, "the position row of '%s' in '%s' has format %lld, this program knows %d", scope,
                 self->base.address, (long long)format, POSITION_FORMAT);
            return fail_todo(err, "a newer waybill has written it: use that version or a later one");
        }
        copy_text(read, 1, at.target_id, sizeof(at.target_id));
        at.epoch = sqlite3_column_int64(read, 2);
        at.token = sqlite3_column_int64(read, 3);
        copy_text(read, 4, at.waybill, sizeof(at.waybill));
        at.pos = arena_str(arena, sqlite_column_str(read, 5));
        at.table = arena_str(arena, sqlite_column_str(read, 6));
    }
    *ret = at;
    return RC_OK;
}

static RC read_position(struct sqlite_target *self, const char *scope, struct arena *arena, struct target_position *ret,
                        struct error *err)
{
    bool is_there = false;
    if (self->db != NULL)
        TRY(sqlite_target_has_table(self, "waybill_position", &is_there, err));
    if (is_there)
        return read_row(self, scope, arena, ret, err);
    *ret = (struct target_position){.pos = "", .table = ""};
    return RC_OK;
}

RC sqlite_target_position(struct target *base, const struct target_table *table, struct arena *arena,
                          struct target_position *ret, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    TRY(sqlite_target_look(self, err));
    if (read_position(self, table->scope, arena, ret, err) != RC_OK)
        return fail_in(err, "target '%s': reading the position of '%s'", base->name, table->scope);
    return RC_OK;
}

/* ---- who owns a table ---- */

static RC fail_owned(struct sqlite_target *self, const struct target_table *table, const char *owner, struct error *err)
{
    fail(err, RC_CONFIG, "the table '%s' is loaded by '%s', so '%s' cannot load into it", table->name, owner,
         table->scope);
    return fail_todo(
        err,
        "two pipelines on purpose: `shared: true` in both, and run '%s' first. A pipeline with a new name: "
        "give the old one back, or hand the table over with sqlite3 '%s' \"UPDATE waybill_position SET "
        "scope = '%s' WHERE scope = '%s'\" and then `waybill watermark restore --from-target`",
        owner, self->base.address, table->scope, owner);
}

static RC check_owner(struct sqlite_target *self, const struct target_table *table, struct error *err)
{
    AUTO(sqlite3_stmt) *others = NULL;
    AUTO_RELEASE(arena) arena = {0};
    bool is_owned = false;
    TRY(sqlite_prepare(self->db,
                       "SELECT scope FROM main.waybill_position WHERE target_table = ?1 COLLATE NOCASE AND scope <> ?2"
                       " AND NOT (shared AND ?3) ORDER BY scope LIMIT 1",
                       &others, err));
    TRY(sqlite_bind_text(self->db, others, 1, str(table->name), err));
    TRY(sqlite_bind_text(self->db, others, 2, str(table->scope), err));
    sqlite_bind_int64(others, 3, table->shared);
    TRY(sqlite_step(self->db, others, &is_owned, err));
    return is_owned ? fail_owned(self, table, arena_str(&arena, sqlite_column_str(others, 0)), err) : RC_OK;
}

static RC check_table(const struct target_table *table, const struct target_position *now, struct error *err)
{
    if (!now->exists || sqlite3_stricmp(now->table, table->name) == 0)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' loads into the table '%s' so far, and not into '%s'", table->scope, now->table,
         table->name);
    return fail_todo(err, "set `target: %s` again; another table starts from zero in a pipeline of another name",
                     now->table);
}

/* ---- creating it ---- */

static RC step_once(struct sqlite_target *self, sqlite3_stmt *statement, struct error *err)
{
    bool is_row;
    return sqlite_step(self->db, statement, &is_row, err);
}

static RC update_shared(struct sqlite_target *self, const struct target_table *table, struct error *err)
{
    AUTO(sqlite3_stmt) *update = NULL;
    TRY(sqlite_prepare(self->db, "UPDATE main.waybill_position SET shared = ?2 WHERE scope = ?1 AND shared <> ?2",
                       &update, err));
    TRY(sqlite_bind_text(self->db, update, 1, str(table->scope), err));
    sqlite_bind_int64(update, 2, table->shared);
    return step_once(self, update, err);
}

static RC insert_position(struct sqlite_target *self, const struct target_table *table, const char *target_id,
                          struct error *err)
{
    AUTO(sqlite3_stmt) *insert = NULL;
    TRY(sqlite_prepare(self->db,
                       "INSERT INTO main.waybill_position (format, scope, target_table, target_id, shared) VALUES (?1, "
                       "?2, ?3, ?4, ?5)",
                       &insert, err));
    sqlite_bind_int64(insert, 1, POSITION_FORMAT);
    TRY(sqlite_bind_text(self->db, insert, 2, str(table->scope), err));
    TRY(sqlite_bind_text(self->db, insert, 3, str(table->name), err));
    TRY(sqlite_bind_text(self->db, insert, 4, str(target_id), err));
    sqlite_bind_int64(insert, 5, table->shared);
    return step_once(self, insert, err);
}

static RC create_locked(struct sqlite_target *self, const struct target_table *table, const char *target_id,
                        struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    TRY(sqlite_run(self->db, create_table, err));
    TRY(read_row(self, table->scope, &arena, &now, err));
    TRY(check_table(table, &now, err));
    TRY(check_owner(self, table, err));
    TRY(now.exists ? update_shared(self, table, err) : insert_position(self, table, target_id, err));
    return sqlite_target_unlock(self, err);
}

RC sqlite_target_create_position(struct target *base, const struct target_table *table, const char *target_id,
                                 struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    if (table->shared && table->mode == MODE_REPLACE) {
        fail(err, RC_CONFIG, "'%s': `mode: replace` would delete what others load into the shared table '%s'",
             table->scope, table->name);
        return fail_todo(err, "use append or merge, or a table of its own without `shared: true`");
    }
    TRY(sqlite_target_lock(self, err));
    if (create_locked(self, table, target_id, err) != RC_OK) {
        sqlite_rollback(self->db);
        return fail_in(err, "target '%s'", base->name);
    }
    return RC_OK;
}

/* ---- moving it ---- */

static RC fence_locked(struct sqlite_target *self, const char *scope, int64_t token, struct arena *arena,
                       struct target_position *ret, struct error *err)
{
    AUTO(sqlite3_stmt) *raise = NULL;
    struct target_position now;
    TRY(read_position(self, scope, arena, &now, err));
    if (!now.exists)
        return fail(err, RC_NOT_FOUND, "there is no position row for '%s'", scope);
    TRY(sqlite_prepare(self->db, "UPDATE main.waybill_position SET token = ?2 WHERE scope = ?1 AND token < ?2", &raise,
                       err));
    TRY(sqlite_bind_text(self->db, raise, 1, str(scope), err));
    sqlite_bind_int64(raise, 2, token);
    TRY(step_once(self, raise, err));
    sqlite3_reset(raise);
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
    if (fence_locked(self, table->scope, token, arena, ret, err) != RC_OK) {
        sqlite_rollback(self->db);
        return fail_in(err, "target '%s': fencing '%s'", base->name, table->scope);
    }
    return RC_OK;
}

static RC bind_move(struct sqlite_target *self, sqlite3_stmt *swap, const struct target_table *table,
                    const struct target_move *move, const char *now, struct error *err)
{
    TRY(sqlite_bind_text(self->db, swap, 1, str(move->waybill), err));
    TRY(sqlite_bind_text(self->db, swap, 2, str(move->pos), err));
    sqlite_bind_int64(swap, 3, move->epoch);
    sqlite_bind_int64(swap, 4, move->token);
    TRY(sqlite_bind_text(self->db, swap, 5, str(now), err));
    TRY(sqlite_bind_text(self->db, swap, 6, str(table->scope), err));
    TRY(sqlite_bind_text(self->db, swap, 7, str(move->prev), err));
    sqlite_bind_int64(swap, 8, POSITION_FORMAT);
    return sqlite_bind_text(self->db, swap, 9, str(table->name), err);
}

/* T of another table is not a lost race. */
static RC explain_no_move(struct sqlite_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    TRY(read_row(self, table->scope, &arena, &now, err));
    return check_table(table, &now, err);
}

RC sqlite_target_swap(struct sqlite_target *self, const struct target_table *table, const struct target_move *move,
                      bool *ret_moved, struct error *err)
{
    AUTO(sqlite3_stmt) *swap = NULL;
    char now[STAMP_TEXT];
    bool is_there = false;
    TRY(sqlite_target_has_table(self, "waybill_position", &is_there, err));
    *ret_moved = false;
    if (!is_there)
        return RC_OK;
    TRY(sqlite_prepare(
        self->db,
        "UPDATE main.waybill_position SET waybill = ?1, pos = ?2, epoch = ?3, token = ?4, loaded_at = ?5"
        " WHERE scope = ?6 AND waybill = ?7 AND token <= ?4 AND format <= ?8 AND target_table = ?9 COLLATE NOCASE",
        &swap, err));
    stamp_print(self->patience.clock->now_us(self->patience.clock), 3, now);
    TRY(bind_move(self, swap, table, move, now, err));
    TRY(step_once(self, swap, err));
    *ret_moved = sqlite3_changes64(self->db->handle) == 1;
    return *ret_moved ? RC_OK : explain_no_move(self, table, err);
}

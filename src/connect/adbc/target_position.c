/* T, the position row: which waybill was applied last (docs/protocol.md, docs/formats.md). */
#include "connect/adbc/target_parts.h"
#include "connect/sql/position.h"

#include <inttypes.h>
#include <stdio.h>

RC adbc_target_has_position(struct adbc_target *self, bool *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct sql_shape shape;
    TRY(adbc_shape_read(self, "waybill_position", &arena, &shape, err));
    *ret = shape.exists;
    return RC_OK;
}

/* ---- reading it ---- */

static RC read_position(struct adbc_target *self, const struct target_table *table, struct arena *arena,
                        struct target_position *ret, struct error *err)
{
    bool is_there = false;
    if (self->db != NULL)
        TRY(adbc_target_has_position(self, &is_there, err));
    *ret = sql_position_none();
    if (!is_there)
        return RC_OK;
    const struct sql_on on = adbc_on(self, table);
    return sql_position_read(&on, arena, ret, err);
}

RC adbc_target_position(struct target *base, const struct target_table *table, struct arena *arena,
                        struct target_position *ret, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    TRY(adbc_target_look(self, err));
    enum rc rc = read_position(self, table, arena, ret, err);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': reading the position of '%s'", base->name, table->scope);
}

static RC look_for_owner(struct adbc_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    bool is_there = false;
    if (self->db != NULL)
        TRY(adbc_target_has_position(self, &is_there, err));
    if (!is_there)
        return RC_OK;
    const struct sql_on on = adbc_on(self, table);
    return sql_position_check(&on, &arena, &now, err);
}

RC adbc_target_check_owner(struct target *base, const struct target_table *table, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    TRY(sql_check_sharing(table, err));
    TRY(adbc_target_look(self, err));
    enum rc rc = look_for_owner(self, table, err);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': the position of '%s'", base->name, table->scope);
}

/* ---- creating it ---- */

struct creating {
    const struct target_table *table;
    const char *target_id;
};

/* Asked for first: two that say IF NOT EXISTS at once would be in each other's way. */
static RC create_table(struct adbc_target *self, struct error *err)
{
    AUTO_RELEASE(buf) table = {0}, index = {0};
    bool is_there = false;
    TRY(adbc_target_has_position(self, &is_there, err));
    if (is_there)
        return RC_OK;
    buf_add_str(&table, S("CREATE TABLE "));
    adbc_sql_position(&self->base, NULL, &table);
    buf_addf(&table,
             " (format INTEGER NOT NULL, scope TEXT NOT NULL PRIMARY KEY, target_table TEXT NOT NULL,"
             " target_id TEXT NOT NULL, shared BOOLEAN NOT NULL DEFAULT %s, epoch BIGINT NOT NULL DEFAULT 0,"
             " token BIGINT NOT NULL DEFAULT 0, waybill TEXT NOT NULL DEFAULT '', pos TEXT NOT NULL DEFAULT '',"
             " loaded_at %s)",
             self->dialect->no, self->dialect->moment);
    TRY(adbc_run(self->db, table.at, err));
    buf_addf(&index, "CREATE UNIQUE INDEX %swaybill_position_owner ON ", self->dialect->index_place);
    if (self->dialect->index_place[0] == '\0')
        adbc_sql_position(&self->base, NULL, &index);
    else
        buf_add_str(&index, S("waybill_position"));
    buf_addf(&index, " %s", self->dialect->owner_index);
    return adbc_run(self->db, index.at, err);
}

/* Every UPDATE of T says RETURNING, also where nobody asks. DuckDB makes a deletion and an insertion of such a one, and
 * changes a row in place without: it finds two of a kind in each other's way, but not one of each, and of these the
 * first to commit would be lost without a word. */
static RC change_position(struct adbc_target *self, struct buf *update, bool *ret_changed, struct error *err)
{
    AUTO_RELEASE(answer) changed = {0};
    buf_add_str(update, S(" RETURNING scope"));
    TRY(adbc_query(self->db, update->at, &changed, err));
    if (ret_changed != NULL)
        *ret_changed = changed.rows == 1;
    return RC_OK;
}

static RC create(struct adbc_target *self, void *context, struct error *err)
{
    const struct creating *how = context;
    const struct sql_on on = adbc_on(self, how->table);
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) sql = {0};
    struct target_position now;
    TRY(create_table(self, err));
    TRY(sql_position_check(&on, &arena, &now, err));
    if (now.exists) {
        sql_position_share(&on, &sql);
        return change_position(self, &sql, NULL, err);
    }
    sql_position_insert(&on, how->target_id, &sql);
    return adbc_run(self->db, sql.at, err);
}

RC adbc_target_create_position(struct target *base, const struct target_table *table, const char *target_id,
                               struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    struct creating how = {table, target_id};
    TRY(sql_check_sharing(table, err));
    enum rc rc = adbc_target_transact(self, create, &how, err);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': the position of '%s'", base->name, table->scope);
}

/* ---- moving it ---- */

struct fencing {
    const struct target_table *table;
    int64_t token;
    struct arena *arena;
    struct target_position *ret;
};

/* The row is written first: whoever has written it and has not committed is met here, and not later. */
static RC raise_token(struct adbc_target *self, void *context, struct error *err)
{
    const struct fencing *how = context;
    AUTO_RELEASE(buf) sql = {0};
    bool is_there = false;
    TRY(adbc_target_has_position(self, &is_there, err));
    if (is_there) {
        const struct sql_on on = adbc_on(self, how->table);
        sql_position_raise(&on, how->token, &sql);
        TRY(change_position(self, &sql, NULL, err));
    }
    TRY(read_position(self, how->table, how->arena, how->ret, err));
    return how->ret->exists ? RC_OK : fail(err, RC_NOT_FOUND, "there is no position row for '%s'", how->table->scope);
}

RC adbc_target_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                     struct target_position *ret, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    struct fencing how = {table, token, arena, ret};
    enum rc rc = adbc_target_transact(self, raise_token, &how, err);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': fencing '%s'", base->name, table->scope);
}

/* T of another table is not a lost race. */
static RC explain_no_move(struct adbc_target *self, const struct target_table *table, struct error *err)
{
    const struct sql_on on = adbc_on(self, table);
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    TRY(sql_position_read(&on, &arena, &now, err));
    return sql_check_same_table(&on, &now, err);
}

/* Whoever shares the table loads before or after, not meanwhile: rows of one key that two bring at once would be told
 * apart no better than T's. */
static RC hold_sharers(struct adbc_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, name = {0};
    if (!table->shared || !self->dialect->locks_file)
        return RC_OK;
    adbc_sql_spelling(&self->base, table->name, &name);
    buf_add_str(&sql, S("UPDATE "));
    adbc_sql_position(&self->base, NULL, &sql);
    buf_add_str(&sql, S(" SET token = token WHERE shared AND target_table = "));
    adbc_literal(&sql, name.at);
    return change_position(self, &sql, NULL, err);
}

RC adbc_target_swap(struct adbc_target *self, const struct target_table *table, const struct target_move *move,
                    bool *ret_moved, struct error *err)
{
    const struct sql_on on = adbc_on(self, table);
    AUTO_RELEASE(buf) sql = {0};
    sql_position_swap(&on, move, &sql);
    TRY(change_position(self, &sql, ret_moved, err));
    return *ret_moved ? hold_sharers(self, table, err) : explain_no_move(self, table, err);
}

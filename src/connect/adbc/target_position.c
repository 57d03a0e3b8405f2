/* T, the position row: which waybill was applied last (design section 3; formats.md 4). */
#include "connect/adbc/target_parts.h"

#include <inttypes.h>
#include <stdio.h>

enum { POSITION_FORMAT = 1 };

static void add_position(const struct adbc_target *self, struct buf *out)
{
    if (self->dialect->schema != NULL)
        adbc_quote(out, adbc_target_schema(self));
    else
        buf_add_str(out, str(self->dialect->place));
    buf_add_str(out, S(".waybill_position"));
}

RC adbc_target_has_position(struct adbc_target *self, bool *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct shape shape;
    TRY(adbc_shape_read(self, "waybill_position", &arena, &shape, err));
    *ret = shape.exists;
    return RC_OK;
}

/* ---- reading it ---- */

static RC take_row(struct adbc_target *self, const char *scope, const struct answer *row, struct arena *arena,
                   struct target_position *ret, struct error *err)
{
    int64_t format = answer_int64(row, 0, 0);
    if (format > POSITION_FORMAT) {
        fail(err, RC_DATA, "the position row of '%s' in '%s' has format %" PRId64 ", this program knows %d", scope,
             self->base.address, format, POSITION_FORMAT);
        return fail_todo(err, "a newer waybill has written it: use that version or a later one");
    }
    *ret = (struct target_position){.exists = true,
                                    .epoch = answer_int64(row, 0, 2),
                                    .token = answer_int64(row, 0, 3),
                                    .pos = arena_text(arena, or_empty(answer_text(row, 0, 5))),
                                    .table = arena_text(arena, or_empty(answer_text(row, 0, 6)))};
    snprintf(ret->target_id, sizeof(ret->target_id), "%s", or_empty(answer_text(row, 0, 1)));
    snprintf(ret->waybill, sizeof(ret->waybill), "%s", or_empty(answer_text(row, 0, 4)));
    return RC_OK;
}

static RC read_row(struct adbc_target *self, const char *scope, struct arena *arena, struct target_position *ret,
                   struct error *err)
{
    AUTO_RELEASE(answer) row = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT format, target_id, epoch, token, waybill, pos, target_table FROM "));
    add_position(self, &sql);
    buf_add_str(&sql, S(" WHERE scope = "));
    adbc_literal(&sql, scope);
    TRY(adbc_query(self->db, sql.at, &row, err));
    *ret = (struct target_position){.pos = "", .table = ""};
    return row.rows == 1 ? take_row(self, scope, &row, arena, ret, err) : RC_OK;
}

static RC read_position(struct adbc_target *self, const char *scope, struct arena *arena, struct target_position *ret,
                        struct error *err)
{
    bool is_there = false;
    if (self->db != NULL)
        TRY(adbc_target_has_position(self, &is_there, err));
    if (is_there)
        return read_row(self, scope, arena, ret, err);
    *ret = (struct target_position){.pos = "", .table = ""};
    return RC_OK;
}

RC adbc_target_position(struct target *base, const struct target_table *table, struct arena *arena,
                        struct target_position *ret, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    TRY(adbc_target_look(self, err));
    enum rc rc = read_position(self, table->scope, arena, ret, err);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': reading the position of '%s'", base->name, table->scope);
}

/* ---- who owns a table ---- */

static RC fail_owned(struct adbc_target *self, const struct target_table *table, const char *owner, struct error *err)
{
    AUTO_RELEASE(buf) position = {0};
    add_position(self, &position);
    fail(err, RC_CONFIG, "the table '%s' is loaded by '%s', so '%s' cannot load into it", table->name, owner,
         table->scope);
    return fail_todo(
        err,
        "two pipelines on purpose: `shared: true` in both, and run '%s' first. A pipeline with a new name: "
        "give the old one back, or hand the table over with UPDATE %s SET scope = '%s' WHERE scope = '%s' "
        "and then `waybill watermark restore --from-target`",
        owner, position.at, table->scope, owner);
}

static RC check_owner(struct adbc_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(answer) others = {0};
    AUTO_RELEASE(buf) sql = {0};
    const char *fold = self->dialect->folds_names ? "lower" : "";
    buf_add_str(&sql, S("SELECT scope FROM "));
    add_position(self, &sql);
    buf_addf(&sql, " WHERE %s(target_table) = %s(", fold, fold);
    adbc_literal(&sql, adbc_table_name(self, table->name));
    buf_add_str(&sql, S(") AND scope <> "));
    adbc_literal(&sql, table->scope);
    buf_addf(&sql, "%s ORDER BY scope LIMIT 1", table->shared ? " AND NOT shared" : "");
    TRY(adbc_query(self->db, sql.at, &others, err));
    return others.rows > 0 ? fail_owned(self, table, answer_text(&others, 0, 0), err) : RC_OK;
}

static RC check_table(const struct adbc_target *self, const struct target_table *table,
                      const struct target_position *now, struct error *err)
{
    if (!now->exists || adbc_names_equal(self, now->table, adbc_table_name(self, table->name)))
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' loads into the table '%s' so far, and not into '%s'", table->scope, now->table,
         table->name);
    return fail_todo(err, "set `target: %s` again; another table starts from zero in a pipeline of another name",
                     now->table);
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
    add_position(self, &table);
    buf_addf(&table,
             " (format INTEGER NOT NULL, scope TEXT NOT NULL PRIMARY KEY, target_table TEXT NOT NULL,"
             " target_id TEXT NOT NULL, shared BOOLEAN NOT NULL DEFAULT %s, epoch BIGINT NOT NULL DEFAULT 0,"
             " token BIGINT NOT NULL DEFAULT 0, waybill TEXT NOT NULL DEFAULT '', pos TEXT NOT NULL DEFAULT '',"
             " loaded_at %s)",
             self->dialect->no, self->dialect->moment);
    TRY(adbc_run(self->db, table.at, err));
    buf_addf(&index, "CREATE UNIQUE INDEX %swaybill_position_owner ON ", self->dialect->index_place);
    if (self->dialect->index_place[0] == '\0')
        add_position(self, &index);
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

static RC update_shared(struct adbc_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const char *word = table->shared ? "true" : "false";
    buf_add_str(&sql, S("UPDATE "));
    add_position(self, &sql);
    buf_addf(&sql, " SET shared = %s WHERE shared <> %s AND scope = ", word, word);
    adbc_literal(&sql, table->scope);
    return change_position(self, &sql, NULL, err);
}

static RC insert_position(struct adbc_target *self, const struct creating *how, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("INSERT INTO "));
    add_position(self, &sql);
    buf_addf(&sql, " (format, scope, target_table, target_id, shared) VALUES (%d, ", POSITION_FORMAT);
    adbc_literal(&sql, how->table->scope);
    buf_add_str(&sql, S(", "));
    adbc_literal(&sql, adbc_table_name(self, how->table->name));
    buf_add_str(&sql, S(", "));
    adbc_literal(&sql, how->target_id);
    buf_addf(&sql, ", %s)", how->table->shared ? "true" : "false");
    return adbc_run(self->db, sql.at, err);
}

static RC create(struct adbc_target *self, void *context, struct error *err)
{
    const struct creating *how = context;
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    TRY(create_table(self, err));
    TRY(read_row(self, how->table->scope, &arena, &now, err));
    TRY(check_table(self, how->table, &now, err));
    TRY(check_owner(self, how->table, err));
    return now.exists ? update_shared(self, how->table, err) : insert_position(self, how, err);
}

RC adbc_target_create_position(struct target *base, const struct target_table *table, const char *target_id,
                               struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    struct creating how = {table, target_id};
    if (table->shared && table->mode == MODE_REPLACE) {
        fail(err, RC_CONFIG, "'%s': `mode: replace` would delete what others load into the shared table '%s'",
             table->scope, table->name);
        return fail_todo(err, "use append or merge, or a table of its own without `shared: true`");
    }
    enum rc rc = adbc_target_transact(self, create, &how, err);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': the position of '%s'", base->name, table->scope);
}

/* ---- moving it ---- */

struct fencing {
    const char *scope;
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
        buf_add_str(&sql, S("UPDATE "));
        add_position(self, &sql);
        buf_addf(&sql, " SET token = %" PRId64 " WHERE token < %" PRId64 " AND scope = ", how->token, how->token);
        adbc_literal(&sql, how->scope);
        TRY(change_position(self, &sql, NULL, err));
    }
    TRY(read_position(self, how->scope, how->arena, how->ret, err));
    return how->ret->exists ? RC_OK : fail(err, RC_NOT_FOUND, "there is no position row for '%s'", how->scope);
}

RC adbc_target_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                     struct target_position *ret, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    struct fencing how = {table->scope, token, arena, ret};
    enum rc rc = adbc_target_transact(self, raise_token, &how, err);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': fencing '%s'", base->name, table->scope);
}

static void add_swap(struct adbc_target *self, const struct target_table *table, const struct target_move *move,
                     struct buf *sql)
{
    struct clock *clock = self->with.clock;
    char now[STAMP_TEXT];
    stamp_print(clock->now_us(clock), 3, now);
    buf_add_str(sql, S("UPDATE "));
    add_position(self, sql);
    buf_add_str(sql, S(" SET waybill = "));
    adbc_literal(sql, move->waybill);
    buf_add_str(sql, S(", pos = "));
    adbc_literal(sql, move->pos);
    buf_addf(sql, ", epoch = %" PRId64 ", token = %" PRId64 ", loaded_at = '%s' WHERE scope = ", move->epoch,
             move->token, now);
    adbc_literal(sql, table->scope);
    buf_add_str(sql, S(" AND waybill = "));
    adbc_literal(sql, move->prev);
    buf_addf(sql, " AND token <= %" PRId64 " AND format <= %d AND %s(target_table) = %s(", move->token, POSITION_FORMAT,
             self->dialect->folds_names ? "lower" : "", self->dialect->folds_names ? "lower" : "");
    adbc_literal(sql, adbc_table_name(self, table->name));
    buf_add_str(sql, S(")"));
}

/* T of another table is not a lost race. */
static RC explain_no_move(struct adbc_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct target_position now;
    TRY(read_row(self, table->scope, &arena, &now, err));
    return check_table(self, table, &now, err);
}

/* Whoever shares the table loads before or after, not meanwhile: rows of one key that two bring at once would be told
 * apart no better than T's. */
static RC hold_sharers(struct adbc_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    if (!table->shared || !self->dialect->locks_file)
        return RC_OK;
    buf_add_str(&sql, S("UPDATE "));
    add_position(self, &sql);
    buf_add_str(&sql, S(" SET token = token WHERE shared AND target_table = "));
    adbc_literal(&sql, adbc_table_name(self, table->name));
    return change_position(self, &sql, NULL, err);
}

RC adbc_target_swap(struct adbc_target *self, const struct target_table *table, const struct target_move *move,
                    bool *ret_moved, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    add_swap(self, table, move, &sql);
    TRY(change_position(self, &sql, ret_moved, err));
    return *ret_moved ? hold_sharers(self, table, err) : explain_no_move(self, table, err);
}

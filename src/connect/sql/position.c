#include "connect/sql/position.h"

#include <inttypes.h>
#include <stdio.h>

static void add_position(const struct sql_on *on, struct buf *out)
{
    on->sql->position(on->target, on->table->name, out);
}

static void add_scope(const struct sql_on *on, struct buf *out)
{
    buf_add_str(out, S(" WHERE scope = "));
    on->sql->literal(out, on->table->scope);
}

static void add_spelling(const struct sql_on *on, struct buf *out)
{
    AUTO_RELEASE(buf) name = {0};
    on->sql->spelling(on->target, on->table->name, &name);
    on->sql->literal(out, or_empty(name.at));
}

/* ---- reading it ---- */

static RC take_row(const struct sql_on *on, const struct sql_row *row, struct arena *arena, struct target_position *ret,
                   struct error *err)
{
    int64_t rows = sql_row_int64(row, 0), format = sql_row_int64(row, 1);
    if (rows > 1)
        return fail(err, RC_DATA, "'%s' has %" PRId64 " position rows of '%s', where one is all there may be",
                    on->target->address, rows, on->table->scope);
    if (format > POSITION_FORMAT) {
        fail(err, RC_DATA, "the position row of '%s' in '%s' has format %" PRId64 ", this program knows %d",
             on->table->scope, on->target->address, format, POSITION_FORMAT);
        return fail_todo(err, "a newer waybill has written it: use that version or a later one");
    }
    *ret = (struct target_position){.exists = true,
                                    .epoch = sql_row_int64(row, 3),
                                    .token = sql_row_int64(row, 4),
                                    .pos = arena_text(arena, sql_row_text(row, 6)),
                                    .table = arena_text(arena, sql_row_text(row, 7))};
    snprintf(ret->target_id, sizeof(ret->target_id), "%s", sql_row_text(row, 2));
    snprintf(ret->waybill, sizeof(ret->waybill), "%s", sql_row_text(row, 5));
    return RC_OK;
}

/* How many rows there are is asked along: where no key is enforced, two would be two answers. */
RC sql_position_read(const struct sql_on *on, struct arena *arena, struct target_position *ret, struct error *err)
{
    AUTO_RELEASE(sql_row) row = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT count(*) OVER (), format, target_id, epoch, token, waybill, pos, target_table FROM "));
    add_position(on, &sql);
    add_scope(on, &sql);
    TRY(on->sql->ask(on->target, sql.at, &row, err));
    *ret = sql_position_none();
    return row.count > 0 ? take_row(on, &row, arena, ret, err) : RC_OK;
}

/* ---- writing it ---- */

static const char *word_of(bool value) { return value ? "true" : "false"; }

void sql_position_insert(const struct sql_on *on, const char *target_id, struct buf *out)
{
    buf_add_str(out, S("INSERT INTO "));
    add_position(on, out);
    buf_addf(out, " (format, scope, target_table, target_id, shared) VALUES (%d, ", POSITION_FORMAT);
    on->sql->literal(out, on->table->scope);
    buf_add_str(out, S(", "));
    add_spelling(on, out);
    buf_add_str(out, S(", "));
    on->sql->literal(out, target_id);
    buf_addf(out, ", %s)", word_of(on->table->shared));
}

void sql_position_share(const struct sql_on *on, struct buf *out)
{
    const char *word = word_of(on->table->shared);
    buf_add_str(out, S("UPDATE "));
    add_position(on, out);
    buf_addf(out, " SET shared = %s", word);
    add_scope(on, out);
    buf_addf(out, " AND shared <> %s", word);
}

void sql_position_raise(const struct sql_on *on, int64_t token, struct buf *out)
{
    buf_add_str(out, S("UPDATE "));
    add_position(on, out);
    buf_addf(out, " SET token = %" PRId64, token);
    add_scope(on, out);
    buf_addf(out, " AND token < %" PRId64, token);
}

void sql_position_swap(const struct sql_on *on, const struct target_move *move, struct buf *out)
{
    const char *fold = on->sql->folds_names ? "lower" : "";
    buf_add_str(out, S("UPDATE "));
    add_position(on, out);
    buf_add_str(out, S(" SET waybill = "));
    on->sql->literal(out, move->waybill);
    buf_add_str(out, S(", pos = "));
    on->sql->literal(out, move->pos);
    buf_addf(out, ", epoch = %" PRId64 ", token = %" PRId64 ", loaded_at = ", move->epoch, move->token);
    on->sql->now(on->target, out);
    add_scope(on, out);
    buf_add_str(out, S(" AND waybill = "));
    on->sql->literal(out, move->prev);
    buf_addf(out, " AND token <= %" PRId64 " AND format <= %d AND %s(target_table) = %s(", move->token, POSITION_FORMAT,
             fold, fold);
    add_spelling(on, out);
    buf_add_str(out, S(")"));
}

/* ---- who owns a table ---- */

RC sql_check_sharing(const struct target_table *table, struct error *err)
{
    if (!table->shared || table->mode != MODE_REPLACE)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s': `mode: replace` would delete what others load into the shared table '%s'", table->scope,
         table->name);
    return fail_todo(err, "use append or merge, or a table of its own without `shared: true`");
}

static enum rc fail_owned(const struct sql_on *on, const char *owner, struct error *err)
{
    AUTO_RELEASE(buf) position = {0};
    const struct target_table *table = on->table;
    add_position(on, &position);
    fail(err, RC_CONFIG, "the table '%s' is loaded by '%s', so '%s' cannot load into it", table->name, owner,
         table->scope);
    return fail_todo(
        err,
        "two pipelines on purpose: `shared: true` in both, and run '%s' first. A pipeline with a new name: "
        "give the old one back, or hand the table over with UPDATE %s SET scope = '%s' WHERE scope = '%s' "
        "and then `waybill watermark restore --from-target`",
        owner, position.at, table->scope, owner);
}

RC sql_check_owner(const struct sql_on *on, struct error *err)
{
    AUTO_RELEASE(sql_row) other = {0};
    AUTO_RELEASE(buf) sql = {0};
    const char *fold = on->sql->folds_names ? "lower" : "";
    buf_add_str(&sql, S("SELECT scope FROM "));
    add_position(on, &sql);
    buf_addf(&sql, " WHERE %s(target_table) = %s(", fold, fold);
    add_spelling(on, &sql);
    buf_add_str(&sql, S(") AND scope <> "));
    on->sql->literal(&sql, on->table->scope);
    buf_addf(&sql, "%s ORDER BY scope LIMIT 1", on->table->shared ? " AND NOT shared" : "");
    TRY(on->sql->ask(on->target, sql.at, &other, err));
    return other.count > 0 ? fail_owned(on, sql_row_text(&other, 0), err) : RC_OK;
}

enum rc sql_fail_other_table(const struct target_table *table, const char *so_far, struct error *err)
{
    fail(err, RC_CONFIG, "'%s' loads into the table '%s' so far, and not into '%s'", table->scope, so_far, table->name);
    return fail_todo(err, "set `target: %s` again; another table starts from zero in a pipeline of another name",
                     so_far);
}

RC sql_check_same_table(const struct sql_on *on, const struct target_position *now, struct error *err)
{
    AUTO_RELEASE(buf) name = {0};
    on->sql->spelling(on->target, on->table->name, &name);
    if (!now->exists || sql_names_equal(on->sql, now->table, or_empty(name.at)))
        return RC_OK;
    return sql_fail_other_table(on->table, now->table, err);
}

RC sql_position_check(const struct sql_on *on, struct arena *arena, struct target_position *ret, struct error *err)
{
    TRY(sql_position_read(on, arena, ret, err));
    TRY(sql_check_same_table(on, ret, err));
    return sql_check_owner(on, err);
}

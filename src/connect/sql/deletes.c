#include "connect/sql/deletes.h"

/* ---- rows by their keys ---- */

static bool add_value(const struct sql_on *on, const struct field *field, const char *text, struct buf *out)
{
    return on->sql->value(on->target, field, text, out);
}

static bool add_is_value(const struct sql_on *on, const struct field *field, const char *text, struct buf *out)
{
    if (on->sql->is_value != NULL)
        return on->sql->is_value(on->target, field, text, out);
    on->sql->quote(out, field->name);
    buf_add_str(out, S(" = "));
    return add_value(on, field, text, out);
}

static bool add_or(const struct sql_on *on, const struct key_list *keys, struct buf *out)
{
    bool is_taken = true;
    for (int row = 0; row < keys->count; row++) {
        buf_add_str(out, row > 0 ? S(") OR (") : S("(("));
        for (int i = 0; i < keys->columns; i++) {
            buf_add_str(out, i > 0 ? S(" AND ") : S(""));
            is_taken &= add_is_value(on, keys->fields[i], keys->texts[row * keys->columns + i], out);
        }
    }
    buf_add_str(out, S("))"));
    return is_taken;
}

static bool add_in(const struct sql_on *on, const struct key_list *keys, struct buf *out)
{
    bool is_taken = true;
    for (int i = 0; i < keys->columns; i++) {
        buf_add_str(out, i > 0 ? S(", ") : S("("));
        on->sql->quote(out, keys->fields[i]->name);
    }
    buf_add_str(out, on->sql->keys == SQL_KEYS_IN_VALUES ? S(") IN (VALUES ") : S(") IN ("));
    for (int row = 0; row < keys->count; row++) {
        buf_add_str(out, row > 0 ? S("), (") : S("("));
        for (int i = 0; i < keys->columns; i++) {
            buf_add_str(out, i > 0 ? S(", ") : S(""));
            is_taken &= add_value(on, keys->fields[i], keys->texts[row * keys->columns + i], out);
        }
    }
    buf_add_str(out, S("))"));
    return is_taken;
}

/* What one of the rows named so is, in parentheses where it has to be. RC_DATA: a key of a type that has no literal. */
static RC sql_add_keys(const struct sql_on *on, const struct key_list *keys, struct buf *out, struct error *err)
{
    if (on->sql->keys == SQL_KEYS_OR ? add_or(on, keys, out) : add_in(on, keys, out))
        return RC_OK;
    return fail(err, RC_DATA, "rows of '%s' cannot be named by their key, which is no number, text or time",
                on->table->name);
}

RC sql_add_meant(const struct sql_on *on, const char *soft, const struct key_list *without, struct buf *out,
                 struct error *err)
{
    if (soft != NULL) {
        buf_add_str(out, S(" WHERE "));
        on->sql->quote(out, soft);
        buf_add_str(out, S(" IS NULL"));
    }
    if (without == NULL || without->count == 0)
        return RC_OK;
    buf_add_str(out, soft != NULL ? S(" AND NOT ") : S(" WHERE NOT "));
    return sql_add_keys(on, without, out, err);
}

/* ---- a range ---- */

/* Texts by their bytes, whatever the collation. */
static RC add_bound(const struct sql_on *on, const struct field *field, const char *joint, const char *sign,
                    const char *text, struct buf *out, struct error *err)
{
    AUTO_RELEASE(buf) name = {0}, value = {0};
    on->sql->quote(&name, field->name);
    if (!add_value(on, field, text, &value))
        return fail(err, RC_DATA, "a bound of '%s' is none of its type", field->name);
    buf_add_str(out, str(joint));
    on->sql->by_bytes(on->target, field, name.at, out);
    buf_addf(out, " %s ", sign);
    on->sql->by_bytes(on->target, field, value.at, out);
    return RC_OK;
}

RC sql_delete_span(const struct sql_on *on, int64_t *ret_deleted, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct target_span *span = on->table->span;
    int column = span != NULL ? schema_find(on->table->schema, span->column) : -1;
    if (column < 0)
        return span == NULL ? RC_OK : fail(err, RC_DATA, "the waybill has no column '%s'", span->column);
    const struct field *field = &on->table->schema->fields[column];
    buf_addf(&sql, "%sDELETE FROM ", or_empty(on->sql->defer));
    sql_table(on, &sql);
    if (span->lo != NULL)
        TRY(add_bound(on, field, " WHERE ", span->is_key ? ">" : ">=", span->lo, &sql, err));
    if (span->hi != NULL)
        TRY(add_bound(on, field, span->lo != NULL ? " AND " : " WHERE ", span->is_key ? "<=" : "<", span->hi, &sql,
                      err));
    return on->sql->change(on->target, sql.at, ret_deleted, err);
}

RC sql_delete_all(const struct sql_on *on, int64_t *ret_deleted, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "%sDELETE FROM ", or_empty(on->sql->defer));
    sql_table(on, &sql);
    return on->sql->change(on->target, sql.at, ret_deleted, err);
}

/* ---- what the source has not any more ---- */

/* "DELETE FROM t WHERE ", or the same as an update of the column that says so. */
static void begin_removal(const struct sql_on *on, struct buf *sql)
{
    const struct target_deletes *deletes = &on->table->deletes;
    AUTO_RELEASE(buf) soft = {0};
    buf_add_str(sql, deletes->soft_column == NULL ? S("DELETE FROM ") : S("UPDATE "));
    sql_table(on, sql);
    buf_add_str(sql, str(on->sql->alias));
    if (deletes->soft_column == NULL) {
        buf_add_str(sql, S(" WHERE "));
        return;
    }
    on->sql->quote(&soft, deletes->soft_column);
    buf_addf(sql, " SET %s = ", soft.at);
    on->sql->noted(on->target, deletes->at, sql);
    buf_addf(sql, " WHERE %s IS NULL AND ", soft.at);
}

static void add_is_known(const struct sql_on *on, struct buf *sql)
{
    buf_add_str(sql, S("EXISTS (SELECT 1 FROM "));
    on->sql->waiting(on->target, sql);
    buf_addf(sql, "%s WHERE ", on->sql->waiting_alias);
    on->sql->match(on->target, sql);
    buf_add_str(sql, S(")"));
}

static RC count_rows(const struct sql_on *on, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT count(*) FROM "));
    sql_table(on, &sql);
    TRY(sql_add_meant(on, on->table->deletes.soft_column, NULL, &sql, err));
    return sql_count(on, sql.at, ret, err);
}

/* What has come back is not deleted any more. */
static RC forget_deletion(const struct sql_on *on, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, soft = {0};
    on->sql->quote(&soft, on->table->deletes.soft_column);
    buf_add_str(&sql, S("UPDATE "));
    sql_table(on, &sql);
    buf_addf(&sql, "%s SET %s = NULL WHERE %s IS NOT NULL AND ", on->sql->alias, soft.at, soft.at);
    add_is_known(on, &sql);
    return on->sql->change(on->target, sql.at, NULL, err);
}

RC sql_delete_missing(const struct sql_on *on, int64_t keys, int64_t *ret_deleted, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    int64_t rows = 0;
    TRY(count_rows(on, &rows, err));
    begin_removal(on, &sql);
    buf_add_str(&sql, S("NOT "));
    add_is_known(on, &sql);
    TRY(on->sql->change(on->target, sql.at, ret_deleted, err));
    TRY(target_check_deletes(on->table, keys, *ret_deleted, rows, err));
    return on->table->deletes.soft_column != NULL ? forget_deletion(on, err) : RC_OK;
}

RC sql_delete_keys(const struct sql_on *on, int64_t *ret_deleted, struct error *err)
{
    const struct key_list *keys = on->table->deletes.keys;
    AUTO_RELEASE(buf) sql = {0};
    *ret_deleted = 0;
    if (keys == NULL || keys->count == 0)
        return RC_OK;
    begin_removal(on, &sql);
    TRY(sql_add_keys(on, keys, &sql, err));
    return on->sql->change(on->target, sql.at, ret_deleted, err);
}

/* Rows that go: those of a range before its rows come, and those that the source has not any more. */
#include "connect/adbc/target_parts.h"

/* ---- a range ---- */

static RC add_bound(const struct adbc_target *self, const struct field *field, const char *joint, const char *sign,
                    const char *text, struct buf *sql, struct error *err)
{
    const char *by_bytes = field->type == TYPE_UTF8 ? self->dialect->by_bytes : "";
    buf_add_str(sql, str(joint));
    adbc_quote(sql, field->name);
    buf_addf(sql, "%s %s ", by_bytes, sign);
    if (self->dialect->key_literal(field, text, sql))
        return RC_OK;
    return fail(err, RC_DATA, "a bound of '%s' is none of its type", field->name);
}

RC adbc_target_delete_span(struct adbc_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct target_span *span = self->table->span;
    int column = span != NULL ? schema_find(self->table->schema, span->column) : -1;
    if (column < 0)
        return span == NULL ? RC_OK : fail(err, RC_DATA, "the waybill has no column '%s'", span->column);
    const struct field *field = &self->table->schema->fields[column];
    if (self->dialect->is_unordered != NULL && self->dialect->is_unordered(field))
        return fail(err, RC_DATA, "column '%s' is a text in %s, which has no ranges of its numbers", span->column,
                    self->dialect->shown);
    buf_add_str(&sql, S("DELETE FROM "));
    adbc_table_quote(self, self->table->name, &sql);
    if (span->lo != NULL)
        TRY(add_bound(self, field, " WHERE ", span->is_key ? ">" : ">=", span->lo, &sql, err));
    if (span->hi != NULL)
        TRY(add_bound(self, field, span->lo != NULL ? " AND " : " WHERE ", span->is_key ? "<=" : "<", span->hi, &sql,
                      err));
    return adbc_target_change(self, sql.at, &self->deleted, err);
}

/* ---- what the source has not any more ---- */

/* "DELETE FROM t AS t WHERE ", or the same as an update of the column that says so. */
static void begin_removal(const struct adbc_target *self, struct buf *sql)
{
    const struct target_deletes *deletes = &self->table->deletes;
    AUTO_RELEASE(buf) name = {0}, soft = {0};
    adbc_table_quote(self, self->table->name, &name);
    if (deletes->soft_column == NULL) {
        buf_addf(sql, "DELETE FROM %s AS t WHERE ", name.at);
        return;
    }
    adbc_quote(&soft, deletes->soft_column);
    buf_addf(sql, "UPDATE %s AS t SET %s = '%s' WHERE t.%s IS NULL AND ", name.at, soft.at, deletes->at, soft.at);
}

static void add_is_known(const struct adbc_target *self, struct buf *sql)
{
    buf_addf(sql, "EXISTS (SELECT 1 FROM %s s WHERE ", self->dialect->waiting);
    adbc_target_match(self, sql);
    buf_add_str(sql, S(")"));
}

/* What has come back is not deleted any more. */
static RC forget_deletion(struct adbc_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, soft = {0};
    int64_t ignored;
    adbc_quote(&soft, self->table->deletes.soft_column);
    buf_add_str(&sql, S("UPDATE "));
    adbc_table_quote(self, self->table->name, &sql);
    buf_addf(&sql, " AS t SET %s = NULL WHERE t.%s IS NOT NULL AND ", soft.at, soft.at);
    add_is_known(self, &sql);
    return adbc_target_change(self, sql.at, &ignored, err);
}

static RC count_rows(struct adbc_target *self, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT count(*) FROM "));
    adbc_table_quote(self, self->table->name, &sql);
    if (self->table->deletes.soft_column != NULL) {
        buf_add_str(&sql, S(" WHERE "));
        adbc_quote(&sql, self->table->deletes.soft_column);
        buf_add_str(&sql, S(" IS NULL"));
    }
    return adbc_target_number(self, sql.at, ret, err);
}

RC adbc_target_delete_missing(struct adbc_target *self, int64_t keys, struct load_counts *counts, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    int64_t rows = 0;
    TRY(count_rows(self, &rows, err));
    begin_removal(self, &sql);
    buf_add_str(&sql, S("NOT "));
    add_is_known(self, &sql);
    TRY(adbc_target_change(self, sql.at, &counts->deleted, err));
    TRY(target_check_deletes(self->table, keys, counts->deleted, rows, err));
    return self->table->deletes.soft_column != NULL ? forget_deletion(self, err) : RC_OK;
}

bool adbc_target_keys(const struct adbc_target *self, const struct key_list *keys, struct buf *out)
{
    bool is_taken = true;
    for (int row = 0; row < keys->count; row++) {
        buf_add_str(out, row > 0 ? S(") OR (") : S("(("));
        for (int i = 0; i < keys->columns; i++) {
            buf_add_str(out, i > 0 ? S(" AND ") : S(""));
            adbc_quote(out, keys->fields[i]->name);
            buf_add_str(out, S(" = "));
            is_taken &= self->dialect->key_literal(keys->fields[i], keys->texts[row * keys->columns + i], out);
        }
    }
    buf_add_str(out, S("))"));
    return is_taken;
}

RC adbc_target_delete_keys(struct adbc_target *self, struct load_counts *counts, struct error *err)
{
    const struct key_list *keys = self->table->deletes.keys;
    AUTO_RELEASE(buf) sql = {0};
    if (keys == NULL || keys->count == 0)
        return RC_OK;
    begin_removal(self, &sql);
    if (!adbc_target_keys(self, keys, &sql))
        return fail(err, RC_DATA, "rows of '%s' cannot be named by their key, which is no number, text or time",
                    self->table->name);
    return adbc_target_change(self, sql.at, &counts->deleted, err);
}

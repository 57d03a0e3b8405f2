/* Rows that go: those of a range before its rows come, and those that the source has not any more. */
#include "connect/redshift/target_parts.h"

static RC change(struct redshift_target *self, const char *sql, int64_t *ret_changes, struct error *err)
{
    self->statements++;
    return redshift_run(self, sql, ret_changes, err);
}

/* ---- values of positions and keys ---- */

/* An instant is the wall clock of UTC, in a column without a zone as in one of a session in UTC. */
void redshift_value(const struct field *field, const char *text, struct buf *out)
{
    AUTO_RELEASE(arena) arena = {0};
    char *plain = arena_text(&arena, text);
    size_t len = strlen(plain);
    if (field->type == TYPE_TIMESTAMP && len > 10) {
        plain[10] = ' ';
        plain[len - 1] = plain[len - 1] == 'Z' ? '\0' : plain[len - 1];
    }
    redshift_literal(out, plain);
}

void redshift_keys(const struct key_list *keys, struct buf *out)
{
    for (int row = 0; row < keys->count; row++) {
        buf_add_str(out, row > 0 ? S(" OR (") : S("(("));
        for (int i = 0; i < keys->columns; i++) {
            const char *text = keys->texts[row * keys->columns + i];
            buf_add_str(out, i > 0 ? S(" AND ") : S(""));
            redshift_quote(out, keys->fields[i]->name);
            buf_add_str(out, S(" = "));
            redshift_value(keys->fields[i], text, out);
            if (keys->fields[i]->type != TYPE_UTF8)
                continue;
            buf_add_str(out, S(" AND octet_length("));
            redshift_quote(out, keys->fields[i]->name);
            buf_addf(out, ") = %zu", strlen(text));
        }
        buf_add_str(out, S(")"));
    }
    buf_add_str(out, keys->count > 0 ? S(")") : S("(false)"));
}

/* ---- a range ---- */

static void add_bound(const struct field *field, const char *joint, const char *sign, const char *text, struct buf *sql)
{
    buf_add_str(sql, str(joint));
    redshift_quote(sql, field->name);
    buf_addf(sql, " %s ", sign);
    redshift_value(field, text, sql);
}

RC redshift_delete_span(struct redshift_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct target_span *span = self->table->span;
    int column = span != NULL ? schema_find(self->table->schema, span->column) : -1;
    if (column < 0)
        return span == NULL ? RC_OK : fail(err, RC_DATA, "the waybill has no column '%s'", span->column);
    const struct field *field = &self->table->schema->fields[column];
    buf_add_str(&sql, S("DELETE FROM "));
    redshift_table_quote(self, self->table->name, &sql);
    if (span->lo != NULL)
        add_bound(field, " WHERE ", span->is_key ? ">" : ">=", span->lo, &sql);
    if (span->hi != NULL)
        add_bound(field, span->lo != NULL ? " AND " : " WHERE ", span->is_key ? "<=" : "<", span->hi, &sql);
    return change(self, sql.at, &self->deleted, err);
}

/* ---- what the source has not any more ---- */

/* "DELETE FROM t WHERE ", or the same as an update of the column that says so. */
static void begin_removal(const struct redshift_target *self, struct buf *sql)
{
    const char *soft = self->table->deletes.soft_column;
    const struct field instant = {.type = TYPE_TIMESTAMP, .utc = true};
    buf_add_str(sql, soft == NULL ? S("DELETE FROM ") : S("UPDATE "));
    redshift_table_quote(self, self->table->name, sql);
    if (soft == NULL) {
        buf_add_str(sql, S(" WHERE "));
        return;
    }
    buf_add_str(sql, S(" SET "));
    redshift_quote(sql, soft);
    buf_add_str(sql, S(" = "));
    redshift_value(&instant, self->table->deletes.at, sql);
    buf_add_str(sql, S(" WHERE "));
    redshift_quote(sql, soft);
    buf_add_str(sql, S(" IS NULL AND "));
}

static void add_is_known(const struct redshift_target *self, struct buf *sql)
{
    buf_addf(sql, "EXISTS (SELECT 1 FROM %s WHERE ", self->waiting);
    redshift_match(self, self->waiting, true, sql);
    buf_add_str(sql, S(")"));
}

static RC count(struct redshift_target *self, const char *sql, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    self->statements++;
    TRY(redshift_query(self, sql, 0, NULL, &answer, err));
    *ret = pq_int64(&answer, 0, 0);
    return RC_OK;
}

static RC count_rows(struct redshift_target *self, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT count(*) FROM "));
    redshift_table_quote(self, self->table->name, &sql);
    if (self->table->deletes.soft_column != NULL) {
        buf_add_str(&sql, S(" WHERE "));
        redshift_quote(&sql, self->table->deletes.soft_column);
        buf_add_str(&sql, S(" IS NULL"));
    }
    return count(self, sql.at, ret, err);
}

/* What has come back is not deleted any more. */
static RC forget_deletion(struct redshift_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, soft = {0};
    redshift_quote(&soft, self->table->deletes.soft_column);
    buf_add_str(&sql, S("UPDATE "));
    redshift_table_quote(self, self->table->name, &sql);
    buf_addf(&sql, " SET %s = NULL WHERE %s IS NOT NULL AND ", soft.at, soft.at);
    add_is_known(self, &sql);
    return change(self, sql.at, NULL, err);
}

RC redshift_delete_missing(struct redshift_target *self, int64_t keys, struct load_counts *counts, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, waiting = {0}, drop = {0};
    int64_t rows = 0;
    buf_addf(&waiting, "SELECT count(*) FROM %s", self->waiting);
    TRY(count(self, waiting.at, &counts->rows, err));
    if (counts->rows != keys)
        return RC_OK; /* the caller tells */
    TRY(count_rows(self, &rows, err));
    begin_removal(self, &sql);
    buf_add_str(&sql, S("NOT "));
    add_is_known(self, &sql);
    TRY(change(self, sql.at, &counts->deleted, err));
    TRY(target_check_deletes(self->table, keys, counts->deleted, rows, err));
    if (self->table->deletes.soft_column != NULL)
        TRY(forget_deletion(self, err));
    buf_addf(&drop, "DROP TABLE %s", self->waiting);
    return change(self, drop.at, NULL, err);
}

RC redshift_delete_keys(struct redshift_target *self, int64_t *ret_deleted, struct error *err)
{
    const struct key_list *keys = self->table->deletes.keys;
    AUTO_RELEASE(buf) sql = {0};
    *ret_deleted = 0;
    if (keys == NULL || keys->count == 0)
        return RC_OK;
    begin_removal(self, &sql);
    redshift_keys(keys, &sql);
    return change(self, sql.at, ret_deleted, err);
}

/* Rows that go: those of a range before its rows come, and those that the source has not any more. */
#include "connect/postgres/target_parts.h"

static RC change(struct postgres_target *self, const char *sql, int64_t *ret_changes, struct error *err)
{
    self->statements++;
    return pq_run(self->db, sql, ret_changes, err);
}

/* ---- values of positions and keys ---- */

void postgres_target_literal(const struct field *field, const char *text, struct buf *out)
{
    AUTO_RELEASE(buf) value = {0};
    size_t len = strlen(text);
    bool is_instant = field->type == TYPE_TIMESTAMP && field->utc;
    buf_addf(&value, "%s%s", text, is_instant && (len == 0 || text[len - 1] != 'Z') ? "+00" : "");
    pq_literal(out, buf_str(&value));
}

void postgres_target_keys(const struct key_list *keys, const char *in, struct buf *out)
{
    for (int i = 0; i < keys->columns; i++) {
        buf_add_str(out, i > 0 ? S(", ") : S("("));
        pq_quote(out, keys->fields[i]->name);
    }
    for (int row = 0; row < keys->count; row++) {
        buf_addf(out, row > 0 ? "), (" : ") %s ((", in);
        for (int i = 0; i < keys->columns; i++) {
            buf_add_str(out, i > 0 ? S(", ") : S(""));
            postgres_target_literal(keys->fields[i], keys->texts[row * keys->columns + i], out);
        }
    }
    buf_add_str(out, S("))"));
}

/* ---- a range ---- */

/* Texts by their bytes, whatever the collation. */
static void add_bound(const struct field *field, const char *joint, const char *sign, const char *text, struct buf *sql)
{
    buf_add_str(sql, str(joint));
    pq_quote(sql, field->name);
    buf_addf(sql, "%s %s ", field->type == TYPE_UTF8 ? " COLLATE \"C\"" : "", sign);
    postgres_target_literal(field, text, sql);
}

RC postgres_target_delete_span(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct target_span *span = self->table->span;
    int column = span != NULL ? schema_find(self->table->schema, span->column) : -1;
    if (column < 0)
        return span == NULL ? RC_OK : fail(err, RC_DATA, "the waybill has no column '%s'", span->column);
    const struct field *field = &self->table->schema->fields[column];
    buf_add_str(&sql, S("SET CONSTRAINTS ALL DEFERRED; DELETE FROM ")); /* as a replace */
    postgres_table_quote(self, self->table->name, &sql);
    if (span->lo != NULL)
        add_bound(field, " WHERE ", span->is_key ? ">" : ">=", span->lo, &sql);
    if (span->hi != NULL)
        add_bound(field, span->lo != NULL ? " AND " : " WHERE ", span->is_key ? "<=" : "<", span->hi, &sql);
    return change(self, sql.at, &self->deleted, err);
}

/* ---- what the source has not any more ---- */

/* "DELETE FROM t t WHERE ", or the same as an update of the column that says so. */
static void begin_removal(const struct postgres_target *self, struct buf *sql)
{
    const struct target_deletes *deletes = &self->table->deletes;
    buf_add_str(sql, deletes->soft_column == NULL ? S("DELETE FROM ") : S("UPDATE "));
    postgres_table_quote(self, self->table->name, sql);
    buf_add_str(sql, S(" t"));
    if (deletes->soft_column != NULL) {
        buf_add_str(sql, S(" SET "));
        pq_quote(sql, deletes->soft_column);
        buf_add_str(sql, S(" = "));
        pq_literal(sql, str(deletes->at));
    }
    buf_add_str(sql, S(" WHERE "));
    if (deletes->soft_column != NULL) {
        pq_quote(sql, deletes->soft_column);
        buf_add_str(sql, S(" IS NULL AND "));
    }
}

static void add_is_known(const struct postgres_target *self, struct buf *sql)
{
    const struct target_table *table = self->table;
    buf_add_str(sql, S("EXISTS (SELECT 1 FROM " WAITING_ROWS " s WHERE "));
    for (int i = 0; i < table->key_count; i++) {
        buf_add_str(sql, i > 0 ? S(" AND ") : S(""));
        postgres_target_waiting(self, schema_find(table->schema, table->key[i]), sql);
        buf_add_str(sql, S(" = t."));
        pq_quote(sql, table->key[i]);
    }
    buf_add_str(sql, S(")"));
}

static RC count(struct postgres_target *self, const char *sql, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    TRY(pq_query(self->db, sql, 0, NULL, &answer, err));
    *ret = pq_int64(&answer, 0, 0);
    self->statements++;
    return RC_OK;
}

static RC count_rows(struct postgres_target *self, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT count(*) FROM "));
    postgres_table_quote(self, self->table->name, &sql);
    if (self->table->deletes.soft_column != NULL) {
        buf_add_str(&sql, S(" WHERE "));
        pq_quote(&sql, self->table->deletes.soft_column);
        buf_add_str(&sql, S(" IS NULL"));
    }
    return count(self, sql.at, ret, err);
}

/* What has come back is not deleted any more. */
static RC forget_deletion(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("UPDATE "));
    postgres_table_quote(self, self->table->name, &sql);
    buf_add_str(&sql, S(" t SET "));
    pq_quote(&sql, self->table->deletes.soft_column);
    buf_add_str(&sql, S(" = NULL WHERE "));
    pq_quote(&sql, self->table->deletes.soft_column);
    buf_add_str(&sql, S(" IS NOT NULL AND "));
    add_is_known(self, &sql);
    return change(self, sql.at, NULL, err);
}

RC postgres_target_delete_missing(struct postgres_target *self, int64_t keys, struct load_counts *counts,
                                  struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    int64_t rows = 0;
    TRY(count(self, "SELECT count(*) FROM " WAITING_ROWS, &counts->rows, err));
    if (counts->rows != keys)
        return RC_OK; /* the caller tells */
    TRY(postgres_target_analyze(self, err));
    TRY(postgres_target_lock_table(self, err));
    TRY(count_rows(self, &rows, err));
    begin_removal(self, &sql);
    buf_add_str(&sql, S("NOT "));
    add_is_known(self, &sql);
    TRY(change(self, sql.at, &counts->deleted, err));
    TRY(target_check_deletes(self->table, keys, counts->deleted, rows, err));
    if (self->table->deletes.soft_column != NULL)
        TRY(forget_deletion(self, err));
    return pq_run(self->db, "DROP TABLE " WAITING_ROWS, NULL, err);
}

RC postgres_target_delete_keys(struct postgres_target *self, struct load_counts *counts, struct error *err)
{
    const struct key_list *keys = self->table->deletes.keys;
    AUTO_RELEASE(buf) sql = {0};
    if (keys == NULL || keys->count == 0)
        return RC_OK;
    begin_removal(self, &sql);
    postgres_target_keys(keys, "IN", &sql);
    return change(self, sql.at, &counts->deleted, err);
}

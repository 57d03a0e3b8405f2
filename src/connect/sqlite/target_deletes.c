/* Rows that go: those of a range before its rows come, and those that the source has not any more. */
#include "connect/sqlite/target_parts.h"

#include <string.h>

/* ---- values of positions and keys ---- */

static bool add_stamp(const struct field *field, const char *text, struct buf *out)
{
    static const int64_t us_per[] = {[UNIT_SECOND] = 1000000, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1};
    char room[VALUE_TEXT];
    int64_t us, per = us_per[field->unit];
    if (!stamp_parse(text, &us))
        return false;
    const char *end = text_timestamp(room, us / per - (us % per < 0), field);
    if (end == NULL)
        return false;
    buf_addf(out, "'%.*s'", (int)(end - room), room);
    return true;
}

bool sqlite_target_literal(const struct field *field, const char *text, struct buf *out)
{
    switch (field->type) {
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DECIMAL:
        buf_add_str(out, str(text));
        return text[0] != '\0' && strspn(text, "-.0123456789") == strlen(text);
    case TYPE_TIMESTAMP: return add_stamp(field, text, out);
    case TYPE_DATE:
    case TYPE_UTF8: break;
    case TYPE_BOOL:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_BINARY:
    case TYPE_TIME: return false;
    }
    buf_add_str(out, S("'"));
    for (const char *at = text; *at != '\0'; at++)
        buf_addf(out, "%s%c", *at == '\'' ? "'" : "", *at);
    buf_add_str(out, S("'"));
    return true;
}

bool sqlite_target_keys(const struct key_list *keys, const char *in, struct buf *out)
{
    bool is_taken = true;
    for (int i = 0; i < keys->columns; i++) {
        buf_add_str(out, i > 0 ? S(", ") : S("("));
        sqlite_quote(out, keys->fields[i]->name);
    }
    for (int row = 0; row < keys->count; row++) {
        buf_addf(out, row > 0 ? "), (" : ") %s (VALUES (", in);
        for (int i = 0; i < keys->columns; i++) {
            buf_add_str(out, i > 0 ? S(", ") : S(""));
            is_taken &= sqlite_target_literal(keys->fields[i], keys->texts[row * keys->columns + i], out);
        }
    }
    buf_add_str(out, S("))"));
    return is_taken;
}

static RC change(struct sqlite_target *self, const char *sql, int64_t *ret_changes, struct error *err)
{
    TRY(sqlite_run(self->db, sql, err));
    *ret_changes = sqlite3_changes64(self->db->handle);
    self->statements++;
    return RC_OK;
}

/* ---- a range ---- */

static RC add_bound(const struct field *field, const char *joint, const char *sign, const char *text, struct buf *sql,
                    struct error *err)
{
    buf_add_str(sql, str(joint));
    sqlite_quote(sql, field->name);
    buf_addf(sql, " COLLATE BINARY %s ", sign);
    if (sqlite_target_literal(field, text, sql))
        return RC_OK;
    return fail(err, RC_DATA, "a bound of '%s' is none of its type", field->name);
}

RC sqlite_target_delete_span(struct sqlite_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, name = {0};
    const struct target_span *span = self->table->span;
    int column = span != NULL ? schema_find(self->table->schema, span->column) : -1;
    if (column < 0)
        return span == NULL ? RC_OK : fail(err, RC_DATA, "the waybill has no column '%s'", span->column);
    const struct field *field = &self->table->schema->fields[column];
    sqlite_quote(&name, self->table->name);
    buf_addf(&sql, "DELETE FROM main.%s", name.at);
    if (span->lo != NULL)
        TRY(add_bound(field, " WHERE ", span->is_key ? ">" : ">=", span->lo, &sql, err));
    if (span->hi != NULL)
        TRY(add_bound(field, span->lo != NULL ? " AND " : " WHERE ", span->is_key ? "<=" : "<", span->hi, &sql, err));
    return change(self, sql.at, &self->deleted, err);
}

/* ---- what the source has not any more ---- */

/* "DELETE FROM t AS t WHERE ", or the same as an update of the column that says so. */
static void begin_removal(const struct sqlite_target *self, struct buf *sql)
{
    const struct target_deletes *deletes = &self->table->deletes;
    AUTO_RELEASE(buf) name = {0}, soft = {0};
    sqlite_quote(&name, self->table->name);
    if (deletes->soft_column == NULL) {
        buf_addf(sql, "DELETE FROM main.%s AS t WHERE ", name.at);
        return;
    }
    sqlite_quote(&soft, deletes->soft_column);
    buf_addf(sql, "UPDATE main.%s AS t SET %s = '%s' WHERE %s IS NULL AND ", name.at, soft.at, deletes->at, soft.at);
}

static void add_is_known(const struct sqlite_target *self, struct buf *sql)
{
    const struct target_table *table = self->table;
    buf_add_str(sql, S("EXISTS (SELECT 1 FROM " WAITING_ROWS " AS s WHERE "));
    for (int i = 0; i < table->key_count; i++) {
        buf_addf(sql, "%ss.c%d = t.", i > 0 ? " AND " : "", schema_find(table->schema, table->key[i]));
        sqlite_quote(sql, table->key[i]);
        buf_add_str(sql, S(" COLLATE BINARY"));
    }
    buf_add_str(sql, S(")"));
}

/* What has come back is not deleted any more. */
static RC forget_deletion(struct sqlite_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, name = {0}, soft = {0};
    int64_t ignored;
    sqlite_quote(&name, self->table->name);
    sqlite_quote(&soft, self->table->deletes.soft_column);
    buf_addf(&sql, "UPDATE main.%s AS t SET %s = NULL WHERE %s IS NOT NULL AND ", name.at, soft.at, soft.at);
    add_is_known(self, &sql);
    return change(self, sql.at, &ignored, err);
}

static RC count_rows(struct sqlite_target *self, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT count(*) FROM main."));
    sqlite_quote(&sql, self->table->name);
    if (self->table->deletes.soft_column != NULL) {
        buf_add_str(&sql, S(" WHERE "));
        sqlite_quote(&sql, self->table->deletes.soft_column);
        buf_add_str(&sql, S(" IS NULL"));
    }
    return sqlite_query_int64(self->db, sql.at, ret, err);
}

/* Without the index every row of the table would walk all keys. */
static RC index_keys(struct sqlite_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("CREATE INDEX temp.waybill_keys ON waybill_rows ("));
    for (int i = 0; i < self->table->schema->count; i++)
        buf_addf(&sql, "%sc%d", i > 0 ? ", " : "", i);
    buf_add_str(&sql, S(")"));
    return sqlite_run(self->db, sql.at, err);
}

RC sqlite_target_delete_missing(struct sqlite_target *self, int64_t keys, struct load_counts *counts, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    int64_t rows = 0;
    TRY(sqlite_query_int64(self->db, "SELECT count(*) FROM " WAITING_ROWS, &counts->rows, err));
    if (counts->rows != keys)
        return RC_OK; /* the caller tells */
    TRY(index_keys(self, err));
    TRY(count_rows(self, &rows, err));
    begin_removal(self, &sql);
    buf_add_str(&sql, S("NOT "));
    add_is_known(self, &sql);
    TRY(change(self, sql.at, &counts->deleted, err));
    TRY(target_check_deletes(self->table, keys, counts->deleted, rows, err));
    if (self->table->deletes.soft_column != NULL)
        TRY(forget_deletion(self, err));
    return sqlite_run(self->db, "DROP TABLE " WAITING_ROWS, err);
}

RC sqlite_target_delete_keys(struct sqlite_target *self, struct load_counts *counts, struct error *err)
{
    const struct key_list *keys = self->table->deletes.keys;
    AUTO_RELEASE(buf) sql = {0};
    if (keys == NULL || keys->count == 0)
        return RC_OK;
    begin_removal(self, &sql);
    if (!sqlite_target_keys(keys, "IN", &sql))
        return fail(err, RC_DATA, "rows of '%s' cannot be named by their key, which is no number, text or time",
                    self->table->name);
    return change(self, sql.at, &counts->deleted, err);
}

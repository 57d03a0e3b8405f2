/* Merge (docs/formats.md) and every check that may refuse a load before COMMIT. */
#include "connect/sql/deletes.h"
#include "connect/sqlite/target_parts.h"

#include <assert.h>
#include <string.h>

static RC query(struct sqlite_target *self, const char *sql, int64_t *ret_first, int64_t *ret_second, struct error *err)
{
    AUTO(sqlite3_stmt) *statement = NULL;
    bool is_row = false;
    TRY(sqlite_prepare(self->db, sql, &statement, err));
    TRY(sqlite_step(self->db, statement, &is_row, err));
    assert(is_row && "an aggregate has a row");
    *ret_first = sqlite3_column_int64(statement, 0);
    if (ret_second != NULL)
        *ret_second = sqlite3_column_int64(statement, 1);
    self->statements++;
    return RC_OK;
}

static RC change(struct sqlite_target *self, const char *sql, int64_t *ret_changes, struct error *err)
{
    TRY(sqlite_run(self->db, sql, err));
    *ret_changes = sqlite3_changes64(self->db->handle);
    self->statements++;
    return RC_OK;
}

/* "c0, c3": the key's columns among the waiting rows. */
static void add_waiting_key(const struct target_table *table, struct buf *out)
{
    for (int i = 0; i < table->key_count; i++)
        buf_addf(out, "%sc%d", i > 0 ? ", " : "", schema_find(table->schema, table->key[i]));
}

/* Of rows with one key the latest stays: by cursor, where a NULL is older than any, then by the order of reading. */
static RC remove_duplicates(struct sqlite_target *self, int64_t rows, int64_t *ret_distinct, struct error *err)
{
    AUTO_RELEASE(buf) key = {0}, count = {0}, remove = {0}, order = {0};
    int64_t removed = 0;
    add_waiting_key(self->table, &key);
    buf_addf(&count, "SELECT count(*) FROM (SELECT 1 FROM " WAITING_ROWS " GROUP BY %s)", key.at);
    TRY(query(self, count.at, ret_distinct, NULL, err));
    if (*ret_distinct == rows)
        return RC_OK;
    if (self->table->cursor != NULL)
        buf_addf(&order, "c%d DESC, ", schema_find(self->table->schema, self->table->cursor));
    buf_addf(&remove,
             "DELETE FROM " WAITING_ROWS
             " WHERE rowid IN (SELECT number FROM (SELECT rowid AS number, row_number() OVER "
             "(PARTITION BY %s ORDER BY %srowid DESC) AS place FROM " WAITING_ROWS ") WHERE place > 1)",
             key.at, or_empty(order.at));
    TRY(change(self, remove.at, &removed, err));
    if (rows - removed != *ret_distinct)
        return fail(err, RC_DATA, "%lld rows have %lld keys, but %lld duplicates were found", (long long)rows,
                    (long long)*ret_distinct, (long long)removed);
    return RC_OK;
}

/* True where the row in the target (t) is newer than the one that comes (`now`). Bytes decide, whatever the collation.
 */
static void add_is_newer(const struct target_table *table, const char *now, struct buf *out)
{
    AUTO_RELEASE(buf) name = {0};
    if (table->cursor == NULL) {
        buf_add_str(out, S("0"));
        return;
    }
    sqlite_quote(&name, table->cursor);
    buf_addf(out, "(t.%s IS NOT NULL AND (%s IS NULL OR t.%s > %s COLLATE BINARY))", name.at, now, name.at, now);
}

/* How many keys are in the target already, and of these how many rows stay as they are. */
static RC count_matches(struct sqlite_target *self, int64_t *ret_matched, int64_t *ret_kept, struct error *err)
{
    const struct target_table *table = self->table;
    AUTO_RELEASE(buf) sql = {0}, now = {0};
    buf_addf(&now, "s.c%d", table->cursor != NULL ? schema_find(table->schema, table->cursor) : 0);
    buf_add_str(&sql, S("SELECT count(*), total("));
    add_is_newer(table, now.at, &sql);
    buf_add_str(&sql, S(") FROM " WAITING_ROWS " AS s CROSS JOIN main.")); /* CROSS: SQLite keeps this order */
    sqlite_quote(&sql, table->name);
    buf_add_str(&sql, S(" AS t ON "));
    for (int i = 0; i < table->key_count; i++) {
        buf_add_str(&sql, i > 0 ? S(" AND t.") : S("t."));
        sqlite_quote(&sql, table->key[i]);
        buf_addf(&sql, " = s.c%d COLLATE BINARY", schema_find(table->schema, table->key[i]));
    }
    return query(self, sql.at, ret_matched, ret_kept, err);
}

static void add_assignments(const struct target_table *table, struct buf *sql)
{
    int added = 0;
    for (int i = 0; i < table->schema->count; i++) {
        const char *name = table->schema->fields[i].name;
        if (sql_is_key(table, name) && table->schema->count > table->key_count)
            continue;
        buf_add_str(sql, added++ > 0 ? S(", ") : S(""));
        sqlite_quote(sql, name);
        buf_add_str(sql, S(" = excluded."));
        sqlite_quote(sql, name);
    }
}

static RC upsert(struct sqlite_target *self, int64_t *ret_changes, struct error *err)
{
    const struct target_table *table = self->table;
    const struct sql_on on = sqlite_on(self, table);
    AUTO_RELEASE(buf) sql = {0}, now = {0};
    buf_add_str(&sql, S("INSERT OR ABORT INTO main."));
    sqlite_quote(&sql, table->name);
    buf_add_str(&sql, S(" AS t ("));
    sql_columns(&on, &sql);
    /* By key, so that the tree is walked once. Only keys are sorted: a sorter holds many of its rows at a time, and a
     * row may be large. LIMIT keeps SQLite from dropping the order of a subquery. */
    buf_add_str(&sql, S(") SELECT s.* FROM (SELECT rowid AS number FROM " WAITING_ROWS " ORDER BY "));
    add_waiting_key(table, &sql);
    buf_add_str(&sql, S(" LIMIT -1) CROSS JOIN " WAITING_ROWS " AS s ON s.rowid = number WHERE true ON CONFLICT ("));
    for (int i = 0; i < table->key_count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        sqlite_quote(&sql, table->key[i]);
    }
    buf_add_str(&sql, S(") DO UPDATE SET "));
    add_assignments(table, &sql);
    if (table->cursor != NULL) {
        buf_add_str(&now, S("excluded."));
        sqlite_quote(&now, table->cursor);
    }
    buf_add_str(&sql, S(" WHERE NOT "));
    add_is_newer(table, now.at, &sql);
    return change(self, sql.at, ret_changes, err);
}

static RC merge(struct sqlite_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    int64_t distinct = 0, matched = 0, changes = 0;
    TRY(query(self, "SELECT count(*) FROM " WAITING_ROWS, &counts->rows, NULL, err));
    if (counts->rows != rows)
        return RC_OK; /* the caller tells */
    TRY(remove_duplicates(self, rows, &distinct, err));
    TRY(count_matches(self, &matched, &counts->kept, err));
    TRY(upsert(self, &changes, err));
    counts->inserted = distinct - matched;
    counts->updated = matched - counts->kept;
    if (changes != counts->inserted + counts->updated)
        return fail(err, RC_DATA,
                    "%lld keys: %lld to insert, %lld to update and %lld to keep, but %lld rows were changed",
                    (long long)distinct, (long long)counts->inserted, (long long)counts->updated,
                    (long long)counts->kept, (long long)changes);
    return sqlite_run(self->db, "DROP TABLE " WAITING_ROWS, err);
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

static RC delete_missing(struct sqlite_target *self, int64_t keys, struct load_counts *counts, struct error *err)
{
    const struct sql_on on = sqlite_on(self, self->table);
    TRY(query(self, "SELECT count(*) FROM " WAITING_ROWS, &counts->rows, NULL, err));
    if (counts->rows != keys)
        return RC_OK; /* the caller tells */
    TRY(index_keys(self, err));
    TRY(sql_delete_missing(&on, keys, &counts->deleted, err));
    return sqlite_run(self->db, "DROP TABLE " WAITING_ROWS, err);
}

static RC apply(struct sqlite_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    const struct sql_on on = sqlite_on(self, self->table);
    if (self->table->mode == MODE_MERGE)
        TRY(merge(self, rows, counts, err));
    else if (self->table->mode == MODE_KEYS)
        TRY(delete_missing(self, rows, counts, err));
    else
        counts->rows = counts->inserted = self->rows;
    if (self->table->mode == MODE_MERGE)
        TRY(sql_delete_keys(&on, &counts->deleted, err));
    if (self->table->swaps)
        TRY(sqlite_target_swap_end(self, err));
    if (counts->rows != rows)
        return fail(err, RC_DATA, "the target has %lld rows of this waybill, the waybill says %lld",
                    (long long)counts->rows, (long long)rows);
    return RC_OK;
}

RC sqlite_target_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    struct load_counts counts = {0};
    assert(self->table != NULL && "a load has begun");
    sqlite3_finalize(TAKE(self->insert));
    if (apply(self, rows, &counts, err) != RC_OK)
        return sqlite_target_fail_load(self, mode_name(self->table->mode), err);
    counts.deleted += self->deleted;
    counts.statements = self->statements;
    *ret = counts;
    return RC_OK;
}

/* Merge (formats.md 4) and every check that may refuse a load before COMMIT. */
#include <assert.h>
#include <inttypes.h>

#include "connect/adbc/target_parts.h"
#include "connect/sql/deletes.h"

static int column_index(const struct target_table *table, const char *name) { return schema_find(table->schema, name); }

/* "s.c0, CAST(s.c3 AS UUID)": the key among the waiting rows. */
static void add_waiting_key(const struct adbc_target *self, struct buf *out)
{
    for (int i = 0; i < self->table->key_count; i++) {
        buf_add_str(out, i > 0 ? S(", ") : S(""));
        adbc_target_waiting(self, column_index(self->table, self->table->key[i]), out);
    }
}

/* Bytes decide which of two texts is later, whatever the collation. */
static const char *byte_order(const struct adbc_target *self)
{
    const struct field *field = &self->table->schema->fields[column_index(self->table, self->table->cursor)];
    return field->type == TYPE_UTF8 ? self->dialect->by_bytes : "";
}

/* Of rows with one key the latest stays: by cursor, where a NULL is older than any, then by the order of reading. */
static RC remove_duplicates(struct adbc_target *self, int64_t rows, int64_t *ret_distinct, struct error *err)
{
    AUTO_RELEASE(buf) key = {0}, count = {0}, remove = {0}, order = {0};
    const char *waiting = self->dialect->waiting, *number = self->dialect->number;
    int64_t removed = 0;
    add_waiting_key(self, &key);
    buf_addf(&count, "SELECT count(*) FROM (SELECT 1 FROM %s s GROUP BY %s) k", waiting, key.at);
    TRY(adbc_target_number(self, count.at, ret_distinct, err));
    if (*ret_distinct == rows)
        return RC_OK;
    if (self->table->cursor != NULL) {
        adbc_target_waiting(self, column_index(self->table, self->table->cursor), &order);
        buf_addf(&order, "%s DESC NULLS LAST, ", byte_order(self));
    }
    buf_addf(&remove,
             "DELETE FROM %s WHERE %s IN (SELECT number FROM (SELECT s.%s AS number, row_number() OVER"
             " (PARTITION BY %s ORDER BY %ss.%s DESC) AS place FROM %s s) o WHERE place > 1)",
             waiting, number, number, key.at, or_empty(order.at), number, waiting);
    TRY(adbc_target_change(self, remove.at, &removed, err));
    if (rows - removed != *ret_distinct)
        return fail(err, RC_DATA, "%" PRId64 " rows have %" PRId64 " keys, but %" PRId64 " duplicates were found", rows,
                    *ret_distinct, removed);
    return RC_OK;
}

/* True where the row in the target (t) is newer than the one that comes (`now`). */
static void add_is_newer(const struct adbc_target *self, const char *now, struct buf *out)
{
    AUTO_RELEASE(buf) name = {0};
    if (self->table->cursor == NULL) {
        buf_add_str(out, S("(1 = 0)"));
        return;
    }
    adbc_quote(&name, self->table->cursor);
    buf_addf(out, "(t.%s IS NOT NULL AND (%s IS NULL OR t.%s%s > %s%s))", name.at, now, name.at, byte_order(self), now,
             byte_order(self));
}

/* How many keys are in the target already, and of these how many rows stay as they are. */
static RC count_matches(struct adbc_target *self, int64_t *ret_matched, int64_t *ret_kept, struct error *err)
{
    const struct target_table *table = self->table;
    AUTO_RELEASE(buf) sql = {0}, now = {0};
    AUTO_RELEASE(answer) counts = {0};
    if (table->cursor != NULL)
        adbc_target_waiting(self, column_index(table, table->cursor), &now);
    buf_add_str(&sql, S("SELECT count(*), count(CASE WHEN "));
    add_is_newer(self, or_empty(now.at), &sql);
    buf_addf(&sql, " THEN 1 END) FROM %s s JOIN ", self->dialect->waiting);
    adbc_table_quote(self, table->name, &sql);
    buf_add_str(&sql, S(" t ON "));
    adbc_sql_match(&self->base, &sql);
    TRY(adbc_query(self->db, sql.at, &counts, err));
    self->statements++;
    *ret_matched = answer_int64(&counts, 0, 0);
    *ret_kept = answer_int64(&counts, 0, 1);
    return RC_OK;
}

static void add_assignments(const struct target_table *table, struct buf *sql)
{
    int added = 0;
    for (int i = 0; i < table->schema->count; i++) {
        const char *name = table->schema->fields[i].name;
        if (sql_is_key(table, name))
            continue;
        buf_add_str(sql, added++ > 0 ? S(", ") : S(""));
        adbc_quote(sql, name);
        buf_add_str(sql, S(" = excluded."));
        adbc_quote(sql, name);
    }
}

/* Rows that are nothing but their key are only looked at. */
static void add_conflict(const struct adbc_target *self, struct buf *sql)
{
    const struct target_table *table = self->table;
    AUTO_RELEASE(buf) now = {0};
    buf_add_str(sql, S(" ON CONFLICT ("));
    for (int i = 0; i < table->key_count; i++) {
        buf_add_str(sql, i > 0 ? S(", ") : S(""));
        adbc_quote(sql, table->key[i]);
    }
    if (table->schema->count == table->key_count) {
        buf_add_str(sql, S(") DO NOTHING"));
        return;
    }
    buf_add_str(sql, S(") DO UPDATE SET "));
    add_assignments(table, sql);
    if (table->cursor != NULL) {
        buf_add_str(&now, S("excluded."));
        adbc_quote(&now, table->cursor);
    }
    buf_add_str(sql, S(" WHERE NOT "));
    add_is_newer(self, or_empty(now.at), sql);
}

static RC insert_waiting(struct adbc_target *self, bool has_conflicts, int64_t *ret_changes, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct sql_on on = adbc_on(self, self->table);
    buf_add_str(&sql, S("INSERT INTO "));
    sql_table(&on, &sql);
    buf_add_str(&sql, S(" AS t ("));
    sql_columns(&on, &sql);
    buf_add_str(&sql, S(") SELECT "));
    for (int i = 0; i < self->table->schema->count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        adbc_target_waiting(self, i, &sql);
    }
    buf_addf(&sql, " FROM %s s WHERE true", self->dialect->waiting); /* SQLite takes ON for a join's without WHERE */
    if (has_conflicts)
        add_conflict(self, &sql);
    return adbc_target_change(self, sql.at, ret_changes, err);
}

static RC hold_table(struct adbc_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    if (self->dialect->hold_table == NULL)
        return RC_OK;
    buf_add_str(&sql, S("LOCK TABLE "));
    adbc_table_quote(self, self->table->name, &sql);
    buf_addf(&sql, " %s", self->dialect->hold_table);
    return adbc_run(self->db, sql.at, err);
}

static RC merge(struct adbc_target *self, struct load_counts *counts, struct error *err)
{
    int64_t distinct = 0, matched = 0, changes = 0;
    TRY(remove_duplicates(self, counts->rows, &distinct, err));
    TRY(hold_table(self, err));
    TRY(count_matches(self, &matched, &counts->kept, err));
    TRY(insert_waiting(self, matched > 0, &changes, err));
    bool is_key_alone = self->table->schema->count == self->table->key_count;
    counts->inserted = distinct - matched;
    counts->updated = matched - counts->kept;
    if (changes != counts->inserted + (is_key_alone ? 0 : counts->updated))
        return fail(err, RC_DATA,
                    "%" PRId64 " keys: %" PRId64 " to insert, %" PRId64 " to update and %" PRId64
                    " to keep, but %" PRId64 " rows were changed",
                    distinct, counts->inserted, counts->updated, counts->kept, changes);
    return RC_OK;
}

static RC apply_waiting(struct adbc_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    AUTO_RELEASE(buf) drop = {0};
    const struct sql_on on = adbc_on(self, self->table);
    TRY(adbc_target_count(self, &counts->rows, err));
    if (counts->rows != rows)
        return RC_OK; /* the caller tells */
    if (self->table->mode == MODE_MERGE) {
        TRY(merge(self, counts, err));
        TRY(sql_delete_keys(&on, &counts->deleted, err));
    } else if (self->table->mode == MODE_KEYS) {
        TRY(sql_delete_missing(&on, rows, &counts->deleted, err));
    } else {
        TRY(insert_waiting(self, false, &counts->inserted, err));
        counts->rows = counts->inserted;
    }
    buf_addf(&drop, "DROP TABLE %s", self->dialect->waiting);
    return adbc_run(self->db, drop.at, err);
}

static RC apply_straight(struct adbc_target *self, struct load_counts *counts, struct error *err)
{
    TRY(adbc_target_count(self, &counts->rows, err));
    counts->inserted = counts->rows;
    return RC_OK;
}

static RC apply(struct adbc_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    TRY(self->is_waiting ? apply_waiting(self, rows, counts, err) : apply_straight(self, counts, err));
    if (counts->rows != rows)
        return fail(err, RC_DATA, "the target has %" PRId64 " rows of this waybill, the waybill says %" PRId64,
                    counts->rows, rows);
    return RC_OK;
}

RC adbc_target_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    struct load_counts counts = {0};
    assert(self->table != NULL && "a load has begun");
    if (apply(self, rows, &counts, err) != RC_OK)
        return adbc_target_fail_load(self, mode_name(self->table->mode), err);
    counts.deleted += self->deleted;
    counts.statements = self->statements;
    *ret = counts;
    return RC_OK;
}

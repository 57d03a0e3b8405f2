/* Merge (formats.md 4) and every check that may refuse a load before COMMIT. */
#include "connect/postgres/target_parts.h"
#include "connect/sql/deletes.h"

#include <assert.h>

static RC query(struct postgres_target *self, const char *sql, int64_t *ret_first, int64_t *ret_second,
                struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    TRY(pq_query(self->db, sql, 0, NULL, &answer, err));
    *ret_first = pq_int64(&answer, 0, 0);
    if (ret_second != NULL)
        *ret_second = pq_int64(&answer, 0, 1);
    self->statements++;
    return RC_OK;
}

static RC change(struct postgres_target *self, const char *sql, int64_t *ret_changes, struct error *err)
{
    self->statements++;
    return pq_run(self->db, sql, ret_changes, err);
}

static int column_index(const struct target_table *table, const char *name) { return schema_find(table->schema, name); }

/* "s.id, s.feeling::mood": the key among the waiting rows. */
static void add_waiting_key(const struct postgres_target *self, struct buf *out)
{
    for (int i = 0; i < self->table->key_count; i++) {
        buf_add_str(out, i > 0 ? S(", ") : S(""));
        postgres_target_waiting(self, column_index(self->table, self->table->key[i]), out);
    }
}

/* Bytes decide which of two texts is later, whatever the collation. */
static const char *byte_order(const struct postgres_target *self)
{
    const struct field *field = &self->table->schema->fields[column_index(self->table, self->table->cursor)];
    return field->type == TYPE_UTF8 ? " COLLATE \"C\"" : "";
}

/* Plans for a table of which nothing is known are bad ones; the keys are enough to know. */
static RC analyze_keys(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    for (int i = 0; i < self->table->key_count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S("ANALYZE " WAITING_ROWS " ("));
        pq_quote(&sql, self->table->key[i]);
    }
    buf_add_str(&sql, S(")"));
    return change(self, sql.at, NULL, err);
}

/* Of rows with one key the latest stays: by cursor, where a NULL is older than any, then by the order of reading. */
static RC remove_duplicates(struct postgres_target *self, int64_t rows, int64_t *ret_distinct, struct error *err)
{
    AUTO_RELEASE(buf) key = {0}, count = {0}, remove = {0}, order = {0};
    int64_t removed = 0;
    add_waiting_key(self, &key);
    buf_addf(&count, "SELECT count(*) FROM (SELECT 1 FROM " WAITING_ROWS " s GROUP BY %s) k", key.at);
    TRY(query(self, count.at, ret_distinct, NULL, err));
    if (*ret_distinct == rows)
        return RC_OK;
    if (self->table->cursor != NULL) {
        postgres_target_waiting(self, column_index(self->table, self->table->cursor), &order);
        buf_addf(&order, "%s DESC NULLS LAST, ", byte_order(self));
    }
    buf_addf(&remove,
             "DELETE FROM " WAITING_ROWS
             " d USING (SELECT s.%s AS number, row_number() OVER (PARTITION BY %s ORDER BY %ss.%s"
             " DESC) AS place FROM " WAITING_ROWS " s) o WHERE o.number = d.%s AND o.place > 1",
             self->number, key.at, or_empty(order.at), self->number, self->number);
    TRY(change(self, remove.at, &removed, err));
    if (rows - removed != *ret_distinct)
        return fail(err, RC_DATA, "%lld rows have %lld keys, but %lld duplicates were found", (long long)rows,
                    (long long)*ret_distinct, (long long)removed);
    return RC_OK;
}

/* True where the row in the target (t) is newer than the one that comes (`now`). */
static void add_is_newer(const struct postgres_target *self, const char *now, struct buf *out)
{
    AUTO_RELEASE(buf) name = {0};
    if (self->table->cursor == NULL) {
        buf_add_str(out, S("false"));
        return;
    }
    pq_quote(&name, self->table->cursor);
    buf_addf(out, "(t.%s IS NOT NULL AND (%s IS NULL OR t.%s%s > %s%s))", name.at, now, name.at, byte_order(self), now,
             byte_order(self));
}

/* How many keys are in the target already, and of these how many rows stay as they are. */
static RC count_matches(struct postgres_target *self, int64_t *ret_matched, int64_t *ret_kept, struct error *err)
{
    const struct target_table *table = self->table;
    AUTO_RELEASE(buf) sql = {0}, now = {0};
    if (table->cursor != NULL)
        postgres_target_waiting(self, column_index(table, table->cursor), &now);
    buf_add_str(&sql, S("SELECT count(*), count(*) FILTER (WHERE "));
    add_is_newer(self, or_empty(now.at), &sql);
    buf_add_str(&sql, S(") FROM " WAITING_ROWS " s JOIN "));
    postgres_table_quote(self, table->name, &sql);
    buf_add_str(&sql, S(" t ON "));
    postgres_sql.match(&self->base, &sql);
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
        pq_quote(sql, name);
        buf_add_str(sql, S(" = excluded."));
        pq_quote(sql, name);
    }
}

static void add_conflict(const struct postgres_target *self, struct buf *sql)
{
    const struct target_table *table = self->table;
    AUTO_RELEASE(buf) now = {0};
    buf_add_str(sql, S(" ON CONFLICT ("));
    for (int i = 0; i < table->key_count; i++) {
        buf_add_str(sql, i > 0 ? S(", ") : S(""));
        pq_quote(sql, table->key[i]);
    }
    buf_add_str(sql, S(") DO UPDATE SET "));
    add_assignments(table, sql);
    if (table->cursor != NULL) {
        buf_add_str(&now, S("excluded."));
        pq_quote(&now, table->cursor);
    }
    buf_add_str(sql, S(" WHERE NOT "));
    add_is_newer(self, or_empty(now.at), sql);
}

/* OVERRIDING: an identity column takes the source's numbers, as COPY does. */
static RC insert_waiting(struct postgres_target *self, bool has_conflicts, int64_t *ret_changes, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct sql_on on = postgres_on(self, self->table);
    buf_addf(&sql, "INSERT INTO %s AS t (", self->into);
    sql_columns(&on, &sql);
    buf_add_str(&sql, S(") OVERRIDING SYSTEM VALUE SELECT "));
    for (int i = 0; i < self->table->schema->count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        postgres_target_waiting(self, i, &sql);
    }
    buf_add_str(&sql, S(" FROM " WAITING_ROWS " s"));
    if (has_conflicts)
        add_conflict(self, &sql);
    return change(self, sql.at, ret_changes, err);
}

/* Readers go on; writers wait, so that what was counted stays true until COMMIT. */
static RC lock_table(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("LOCK TABLE "));
    postgres_table_quote(self, self->table->name, &sql);
    buf_add_str(&sql, S(" IN SHARE ROW EXCLUSIVE MODE"));
    return change(self, sql.at, NULL, err);
}

static RC merge(struct postgres_target *self, struct load_counts *counts, struct error *err)
{
    int64_t distinct = 0, matched = 0, changes = 0;
    TRY(analyze_keys(self, err));
    TRY(remove_duplicates(self, counts->rows, &distinct, err));
    TRY(lock_table(self, err));
    TRY(count_matches(self, &matched, &counts->kept, err));
    TRY(insert_waiting(self, matched > 0, &changes, err));
    counts->inserted = distinct - matched;
    counts->updated = matched - counts->kept;
    if (changes != counts->inserted + counts->updated)
        return fail(err, RC_DATA,
                    "%lld keys: %lld to insert, %lld to update and %lld to keep, but %lld rows were changed",
                    (long long)distinct, (long long)counts->inserted, (long long)counts->updated,
                    (long long)counts->kept, (long long)changes);
    return RC_OK;
}

/* What a merge is told to delete goes in the same transaction. */
static RC apply_mode(struct postgres_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    const struct sql_on on = postgres_on(self, self->table);
    if (self->table->mode == MODE_MERGE) {
        TRY(merge(self, counts, err));
        return sql_delete_keys(&on, &counts->deleted, err);
    }
    if (self->table->mode == MODE_KEYS) {
        TRY(analyze_keys(self, err));
        TRY(lock_table(self, err));
        return sql_delete_missing(&on, rows, &counts->deleted, err);
    }
    TRY(insert_waiting(self, false, &counts->inserted, err));
    counts->rows = counts->inserted;
    return RC_OK;
}

static RC apply_waiting(struct postgres_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    TRY(query(self, "SELECT count(*) FROM " WAITING_ROWS, &counts->rows, NULL, err));
    if (counts->rows != rows)
        return RC_OK; /* the caller tells */
    TRY(apply_mode(self, rows, counts, err));
    return pq_run(self->db, "DROP TABLE " WAITING_ROWS, NULL, err);
}

static RC apply(struct postgres_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    if (self->is_waiting)
        TRY(apply_waiting(self, rows, counts, err));
    else
        counts->rows = counts->inserted = self->rows;
    if (self->table->swaps)
        TRY(postgres_target_swap_end(self, err));
    if (counts->rows != rows)
        return fail(err, RC_DATA, "the target has %lld rows of this waybill, the waybill says %lld",
                    (long long)counts->rows, (long long)rows);
    return RC_OK;
}

RC postgres_target_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    struct load_counts counts = {0};
    assert(self->table != NULL && "a load has begun");
    if (apply(self, rows, &counts, err) != RC_OK)
        return postgres_target_fail_load(self, mode_name(self->table->mode), err);
    counts.deleted += self->deleted;
    counts.statements = self->statements;
    *ret = counts;
    return RC_OK;
}

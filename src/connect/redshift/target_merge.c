/* Merge (docs/formats.md) and every check that may refuse a load before COMMIT.
 *
 * Redshift enforces no key, and to it 'a' and 'a ' are equal: rows are matched by their key and by its length, texts
 * that are cursors compared by their bytes. Rows of one key that the table had more than once become one, the latest by
 * its cursor, before they are counted. */
#include <assert.h>

#include "connect/redshift/target_parts.h"
#include "connect/sql/deletes.h"

#define LATEST_ROWS "waybill_rows_latest"
#define SINGLE_ROWS "waybill_rows_single"

static RC change(struct redshift_target *self, const char *sql, int64_t *ret_changes, struct error *err)
{
    self->statements++;
    return redshift_run(self, sql, ret_changes, err);
}

static RC ask(struct redshift_target *self, const char *sql, int64_t *ret, int count, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    self->statements++;
    TRY(redshift_query(self, sql, 0, NULL, &answer, err));
    for (int i = 0; i < count; i++)
        ret[i] = pq_int64(&answer, 0, i); /* a sum of nothing is NULL: 0 */
    return RC_OK;
}

/* ---- pieces ---- */

static struct sql_on on_table(struct redshift_target *self) { return redshift_on(self, self->table); }

static int column_of(const struct redshift_target *self, const char *name)
{
    return schema_find(self->table->schema, name);
}

static bool is_text(const struct redshift_target *self, const char *column)
{
    return self->table->schema->fields[column_of(self, column)].type == TYPE_UTF8;
}

/* The table, under the name that its columns have in a statement. */
static void add_table(const struct redshift_target *self, struct buf *out)
{
    redshift_quote(out, sql_name_alone(&redshift_sql, self->table->name));
}

static void add_of(const struct redshift_target *self, const char *owner, const char *column, struct buf *out)
{
    if (owner != NULL)
        buf_addf(out, "%s.", owner);
    else
        add_table(self, out), buf_add_str(out, S("."));
    redshift_quote(out, column);
}

/* `owner` NULL: the table. "r.a, octet_length(r.a)": what tells one key from another. */
static void add_key(const struct redshift_target *self, const char *owner, struct buf *out)
{
    const struct target_table *table = self->table;
    for (int i = 0; i < table->key_count; i++) {
        buf_add_str(out, i > 0 ? S(", ") : S(""));
        add_of(self, owner, table->key[i], out);
        if (!is_text(self, table->key[i]))
            continue;
        buf_add_str(out, S(", octet_length("));
        add_of(self, owner, table->key[i], out);
        buf_add_str(out, S(")"));
    }
}

void redshift_match(const struct redshift_target *self, const char *other, bool in_type, struct buf *out)
{
    const struct target_table *table = self->table;
    for (int i = 0; i < table->key_count; i++) {
        AUTO_RELEASE(buf) key = {0};
        if (in_type)
            redshift_waiting(self, column_of(self, table->key[i]), &key);
        else
            add_of(self, other, table->key[i], &key);
        buf_add_str(out, i > 0 ? S(" AND ") : S(""));
        add_of(self, NULL, table->key[i], out);
        buf_addf(out, " = %s", key.at);
        if (!is_text(self, table->key[i]))
            continue;
        buf_add_str(out, S(" AND octet_length("));
        add_of(self, NULL, table->key[i], out);
        buf_addf(out, ") = octet_length(%s)", key.at);
    }
}

/* The cursor, so that it can be compared. */
static void add_ordered(const struct redshift_target *self, const char *cursor, struct buf *out)
{
    const struct field *field = &self->table->schema->fields[column_of(self, self->table->cursor)];
    redshift_sql.by_bytes(&self->base, field, cursor, out);
}

/* True where the table's row is newer than the one that comes. */
static void add_is_newer(const struct redshift_target *self, struct buf *out)
{
    AUTO_RELEASE(buf) comes = {0}, there = {0};
    if (self->table->cursor == NULL) {
        buf_add_str(out, S("false"));
        return;
    }
    redshift_waiting(self, column_of(self, self->table->cursor), &comes);
    add_of(self, NULL, self->table->cursor, &there);
    buf_addf(out, "(%s IS NOT NULL AND (%s IS NULL OR ", there.at, comes.at);
    add_ordered(self, there.at, out);
    buf_add_str(out, S(" > "));
    add_ordered(self, comes.at, out);
    buf_add_str(out, S("))"));
}

/* " ORDER BY cursor DESC NULLS LAST": the latest first; nothing where there is no cursor. */
static void add_latest_first(const struct redshift_target *self, const char *owner, struct buf *out)
{
    AUTO_RELEASE(buf) cursor = {0};
    if (self->table->cursor == NULL)
        return;
    add_of(self, owner, self->table->cursor, &cursor);
    buf_add_str(out, S(" ORDER BY "));
    add_ordered(self, cursor.at, out);
    buf_add_str(out, S(" DESC NULLS LAST"));
}

/* ---- duplicates inside the waybill ---- */

/* Of rows with one key the latest stays, where a NULL is older than any. Which of two of one instant was read last is
 * known to nobody: COPY keeps no order. */
static RC keep_latest(struct redshift_target *self, int64_t *ret_kept, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, order = {0}, key = {0}, names = {0};
    const struct sql_on on = on_table(self);
    const char *place = sql_free_name(&on, "waybill_place", &self->load_arena);
    sql_columns(&on, &names);
    add_key(self, self->waiting, &key);
    add_latest_first(self, self->waiting, &order);
    buf_addf(&sql,
             "CREATE TEMPORARY TABLE " LATEST_ROWS
             " AS SELECT %s FROM (SELECT %s, row_number() OVER (PARTITION BY %s%s)"
             " AS %s FROM %s) ranked WHERE %s = 1",
             names.at, names.at, key.at, order.len > 0 ? order.at : " ORDER BY 1", place, self->waiting, place);
    TRY(change(self, sql.at, NULL, err));
    self->waiting = LATEST_ROWS;
    return ask(self, "SELECT count(*) FROM " LATEST_ROWS, ret_kept, 1, err);
}

static RC remove_duplicates(struct redshift_target *self, int64_t rows, int64_t *ret_distinct, struct error *err)
{
    AUTO_RELEASE(buf) key = {0}, count = {0};
    int64_t kept = 0;
    add_key(self, self->waiting, &key);
    buf_addf(&count, "SELECT count(*) FROM (SELECT 1 FROM %s GROUP BY %s) keys", self->waiting, key.at);
    TRY(ask(self, count.at, ret_distinct, 1, err));
    if (*ret_distinct == rows)
        return RC_OK;
    TRY(keep_latest(self, &kept, err));
    if (kept != *ret_distinct)
        return fail(err, RC_DATA, "%lld rows have %lld keys, but %lld are the latest of theirs", (long long)rows,
                    (long long)*ret_distinct, (long long)kept);
    return RC_OK;
}

/* ---- duplicates that the table had ---- */

/* All columns of the table but those that number rows by themselves. */
static void add_all_columns(const struct redshift_target *self, struct buf *out)
{
    for (int i = 0; i < self->shape.count; i++) {
        if (self->shape.columns[i].is_generated)
            continue;
        buf_add_str(out, out->len > 0 ? S(", ") : S(""));
        redshift_quote(out, self->shape.columns[i].name);
    }
}

/* Only of keys that come now: the latest row of each goes aside, all of them go, and it comes back. */
static RC set_singles_aside(struct redshift_target *self, const char *names, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, order = {0}, key = {0}, match = {0}, table = {0}, alone = {0};
    add_table(self, &alone);
    redshift_table_quote(self, self->table->name, &table);
    add_key(self, NULL, &key);
    add_latest_first(self, NULL, &order);
    redshift_match(self, self->waiting, true, &match);
    buf_addf(
        &sql,
        "CREATE TEMPORARY TABLE " SINGLE_ROWS " AS SELECT %s FROM (SELECT %s.*, row_number() OVER (PARTITION BY %s%s)"
        " AS waybill_place, count(*) OVER (PARTITION BY %s) AS waybill_copies FROM %s JOIN %s ON %s) ranked"
        " WHERE waybill_place = 1 AND waybill_copies > 1",
        names, alone.at, key.at, order.len > 0 ? order.at : " ORDER BY 1", key.at, table.at, self->waiting, match.at);
    return change(self, sql.at, NULL, err);
}

static RC make_single(struct redshift_target *self, struct error *err)
{
    AUTO_RELEASE(buf) names = {0}, remove = {0}, put = {0}, table = {0}, match = {0};
    int64_t removed = 0, back = 0;
    add_all_columns(self, &names);
    TRY(set_singles_aside(self, names.at, err));
    redshift_table_quote(self, self->table->name, &table);
    redshift_match(self, SINGLE_ROWS, false, &match);
    buf_addf(&remove, "DELETE FROM %s USING " SINGLE_ROWS " WHERE %s", table.at, match.at);
    buf_addf(&put, "INSERT INTO %s (%s) SELECT %s FROM " SINGLE_ROWS, table.at, names.at, names.at);
    TRY(change(self, remove.at, &removed, err));
    TRY(change(self, put.at, &back, err));
    self->deleted += removed - back;
    return change(self, "DROP TABLE " SINGLE_ROWS, NULL, err);
}

/* ---- what comes, and what is there ---- */

struct matches {
    int64_t keys, rows, kept; /* that are in the table already, how many of its rows they are, and where it is newer */
};

static RC count_matches(struct redshift_target *self, struct matches *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, match = {0}, newer = {0}, key = {0}, table = {0};
    int64_t counts[3] = {0};
    redshift_table_quote(self, self->table->name, &table);
    redshift_match(self, self->waiting, true, &match);
    add_is_newer(self, &newer);
    add_key(self, self->waiting, &key);
    buf_addf(&sql,
             "SELECT count(*), sum(copies), sum(newer) FROM (SELECT count(*) AS copies, max(CASE WHEN %s THEN 1 ELSE 0 "
             "END) AS newer FROM %s JOIN %s ON %s GROUP BY %s) matched",
             newer.at, table.at, self->waiting, match.at, key.at);
    TRY(ask(self, sql.at, counts, 3, err));
    *ret = (struct matches){.keys = counts[0], .rows = counts[1], .kept = counts[2]};
    return RC_OK;
}

static RC update_matches(struct redshift_target *self, int64_t *ret_changes, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct target_table *table = self->table;
    int added = 0;
    buf_add_str(&sql, S("UPDATE "));
    redshift_table_quote(self, table->name, &sql);
    buf_add_str(&sql, S(" SET "));
    for (int i = 0; i < table->schema->count; i++) {
        if (sql_is_key(table, table->schema->fields[i].name) && table->schema->count > table->key_count)
            continue;
        buf_add_str(&sql, added++ > 0 ? S(", ") : S(""));
        redshift_quote(&sql, table->schema->fields[i].name);
        buf_add_str(&sql, S(" = "));
        redshift_waiting(self, i, &sql);
    }
    buf_addf(&sql, " FROM %s WHERE ", self->waiting);
    redshift_match(self, self->waiting, true, &sql);
    buf_add_str(&sql, S(" AND NOT "));
    add_is_newer(self, &sql);
    return change(self, sql.at, ret_changes, err);
}

/* Where `is_new_only`, rows whose key the table has not. */
static RC insert_waiting(struct redshift_target *self, bool is_new_only, int64_t *ret_changes, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, table = {0};
    const struct sql_on on = on_table(self);
    sql_table(&on, &table);
    buf_addf(&sql, "INSERT INTO %s (", table.at);
    sql_columns(&on, &sql);
    buf_add_str(&sql, S(") SELECT "));
    for (int i = 0; i < self->table->schema->count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        redshift_waiting(self, i, &sql);
    }
    buf_addf(&sql, " FROM %s", self->waiting);
    if (is_new_only) {
        buf_addf(&sql, " LEFT JOIN %s ON ", table.at);
        redshift_match(self, self->waiting, true, &sql);
        buf_add_str(&sql, S(" WHERE "));
        add_of(self, NULL, self->table->key[0], &sql);
        buf_add_str(&sql, S(" IS NULL"));
    }
    return change(self, sql.at, ret_changes, err);
}

static RC check_changes(const struct load_counts *counts, int64_t distinct, int64_t updated, int64_t inserted,
                        struct error *err)
{
    if (updated == counts->updated && inserted == counts->inserted)
        return RC_OK;
    return fail(
        err, RC_DATA,
        "%lld keys: %lld to insert, %lld to update and %lld to keep, but %lld rows were inserted and %lld updated",
        (long long)distinct, (long long)counts->inserted, (long long)counts->updated, (long long)counts->kept,
        (long long)inserted, (long long)updated);
}

static RC merge(struct redshift_target *self, struct load_counts *counts, struct error *err)
{
    struct matches matches;
    int64_t distinct = 0, updated = 0, inserted = 0;
    TRY(remove_duplicates(self, counts->rows, &distinct, err));
    TRY(count_matches(self, &matches, err));
    if (matches.rows > matches.keys) {
        TRY(make_single(self, err));
        TRY(count_matches(self, &matches, err));
    }
    counts->kept = matches.kept;
    counts->updated = matches.keys - matches.kept;
    counts->inserted = distinct - matches.keys;
    if (counts->updated > 0)
        TRY(update_matches(self, &updated, err));
    if (counts->inserted > 0)
        TRY(insert_waiting(self, matches.keys > 0, &inserted, err));
    return check_changes(counts, distinct, updated, inserted, err);
}

/* What a merge is told to delete goes in the same transaction. */
static RC apply_mode(struct redshift_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    const struct sql_on on = on_table(self);
    if (self->table->mode == MODE_MERGE) {
        TRY(merge(self, counts, err));
        return sql_delete_keys(&on, &counts->deleted, err);
    }
    if (self->table->mode == MODE_KEYS)
        return sql_delete_missing(&on, rows, &counts->deleted, err);
    TRY(insert_waiting(self, false, &counts->inserted, err));
    counts->rows = counts->inserted;
    return RC_OK;
}

static RC apply_waiting(struct redshift_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    AUTO_RELEASE(buf) count = {0}, drop = {0};
    const char *first = self->waiting;
    buf_addf(&count, "SELECT count(*) FROM %s", first);
    TRY(ask(self, count.at, &counts->rows, 1, err));
    if (counts->rows != rows)
        return RC_OK; /* the caller tells */
    TRY(apply_mode(self, rows, counts, err));
    if (strcmp(self->waiting, first) != 0)
        TRY(change(self, "DROP TABLE " LATEST_ROWS, NULL, err));
    buf_addf(&drop, "DROP TABLE %s", first);
    return change(self, drop.at, NULL, err);
}

static RC apply(struct redshift_target *self, int64_t rows, struct load_counts *counts, struct error *err)
{
    if (self->is_waiting)
        TRY(apply_waiting(self, rows, counts, err));
    else
        counts->rows = counts->inserted = self->rows;
    counts->deleted += self->deleted;
    if (counts->rows != rows)
        return fail(err, RC_DATA, "the target has %lld rows of this waybill, the waybill says %lld",
                    (long long)counts->rows, (long long)rows);
    return RC_OK;
}

RC redshift_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    struct load_counts counts = {0};
    assert(self->table != NULL && "a load has begun");
    if (apply(self, rows, &counts, err) != RC_OK)
        return fail_in(err, "target '%s': loading '%s' into '%s'", base->name, mode_name(self->table->mode),
                       self->table->name);
    counts.statements = self->statements;
    *ret = counts;
    return RC_OK;
}

#include "connect/sql/merge.h"

#include <inttypes.h>

static void add_waiting_column(const struct sql_on *on, const char *name, struct buf *out)
{
    on->sql->waiting_column(on->target, schema_find(on->table->schema, name), out);
}

/* The rows that wait, under their alias. */
static void add_waiting(const struct sql_on *on, struct buf *out)
{
    on->sql->waiting(on->target, out);
    buf_add_str(out, str(on->sql->waiting_alias));
}

/* The cursor, so that bytes decide which of two texts is later. */
static void add_ordered(const struct sql_on *on, const char *value, struct buf *out)
{
    const struct field *field = &on->table->schema->fields[schema_find(on->table->schema, on->table->cursor)];
    on->sql->by_bytes(on->target, field, value, out);
}

/* ---- duplicates inside the waybill ---- */

/* Of rows with one key the latest stays: by cursor, where a NULL is older than any, then by the order of reading. */
static void add_removal(const struct sql_on *on, const char *key, struct buf *sql)
{
    AUTO_RELEASE(buf) waiting = {0}, cursor = {0};
    const char *number = on->sql->waiting_number(on->target);
    on->sql->waiting(on->target, &waiting);
    buf_addf(sql,
             "DELETE FROM %s WHERE %s IN (SELECT number FROM (SELECT s.%s AS number, row_number() OVER"
             " (PARTITION BY %s ORDER BY ",
             waiting.at, number, number, key);
    if (on->table->cursor != NULL) {
        add_waiting_column(on, on->table->cursor, &cursor);
        add_ordered(on, cursor.at, sql);
        buf_add_str(sql, S(" DESC NULLS LAST, "));
    }
    buf_addf(sql, "s.%s DESC) AS place FROM %s%s) o WHERE place > 1)", number, waiting.at, on->sql->waiting_alias);
}

static RC remove_duplicates(const struct sql_on *on, int64_t rows, int64_t *ret_distinct, struct error *err)
{
    AUTO_RELEASE(buf) key = {0}, count = {0}, remove = {0};
    int64_t removed = 0;
    for (int i = 0; i < on->table->key_count; i++) {
        buf_add_str(&key, i > 0 ? S(", ") : S(""));
        add_waiting_column(on, on->table->key[i], &key);
    }
    buf_add_str(&count, S("SELECT count(*) FROM (SELECT 1 FROM "));
    add_waiting(on, &count);
    buf_addf(&count, " GROUP BY %s) k", key.at);
    TRY(sql_count(on, count.at, ret_distinct, err));
    if (*ret_distinct == rows)
        return RC_OK;
    add_removal(on, key.at, &remove);
    TRY(on->sql->change(on->target, remove.at, &removed, err));
    if (rows - removed != *ret_distinct)
        return fail(err, RC_DATA, "%" PRId64 " rows have %" PRId64 " keys, but %" PRId64 " duplicates were found", rows,
                    *ret_distinct, removed);
    return RC_OK;
}

/* ---- what comes, and what is there ---- */

/* True where the row in the target (t) is newer than the one that comes (`now`). */
static void add_is_newer(const struct sql_on *on, const char *now, struct buf *out)
{
    AUTO_RELEASE(buf) there = {0};
    if (on->table->cursor == NULL) {
        buf_add_str(out, S("(1 = 0)"));
        return;
    }
    buf_add_str(&there, S("t."));
    on->sql->quote(&there, on->table->cursor);
    buf_addf(out, "(%s IS NOT NULL AND (%s IS NULL OR ", there.at, now);
    add_ordered(on, there.at, out);
    buf_add_str(out, S(" > "));
    add_ordered(on, now, out);
    buf_add_str(out, S("))"));
}

/* How many keys are in the target already, and of these how many rows stay as they are. */
static RC count_matches(const struct sql_on *on, int64_t *ret_matched, int64_t *ret_kept, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, now = {0};
    AUTO_RELEASE(sql_row) counts = {0};
    if (on->table->cursor != NULL)
        add_waiting_column(on, on->table->cursor, &now);
    buf_add_str(&sql, S("SELECT count(*), count(CASE WHEN "));
    add_is_newer(on, or_empty(now.at), &sql);
    buf_add_str(&sql, S(" THEN 1 END) FROM "));
    add_waiting(on, &sql);
    buf_add_str(&sql, S(" JOIN "));
    sql_table(on, &sql);
    buf_addf(&sql, "%s ON ", on->sql->alias);
    on->sql->match(on->target, &sql);
    TRY(on->sql->ask(on->target, sql.at, &counts, err));
    *ret_matched = sql_row_int64(&counts, 0);
    *ret_kept = sql_row_int64(&counts, 1);
    return RC_OK;
}

static void add_assignments(const struct sql_on *on, struct buf *sql)
{
    int added = 0;
    for (int i = 0; i < on->table->schema->count; i++) {
        const char *name = on->table->schema->fields[i].name;
        if (sql_is_key(on->table, name))
            continue;
        buf_add_str(sql, added++ > 0 ? S(", ") : S(""));
        on->sql->quote(sql, name);
        buf_add_str(sql, S(" = excluded."));
        on->sql->quote(sql, name);
    }
}

static bool is_key_alone(const struct target_table *table) { return table->schema->count == table->key_count; }

/* Rows that are nothing but their key are only looked at. */
static void add_conflict(const struct sql_on *on, struct buf *sql)
{
    AUTO_RELEASE(buf) now = {0};
    buf_add_str(sql, S(" ON CONFLICT ("));
    sql_key(on, sql);
    if (is_key_alone(on->table)) {
        buf_add_str(sql, S(") DO NOTHING"));
        return;
    }
    buf_add_str(sql, S(") DO UPDATE SET "));
    add_assignments(on, sql);
    if (on->table->cursor != NULL) {
        buf_add_str(&now, S("excluded."));
        on->sql->quote(&now, on->table->cursor);
    }
    buf_add_str(sql, S(" WHERE NOT "));
    add_is_newer(on, or_empty(now.at), sql);
}

RC sql_insert_waiting(const struct sql_on *on, bool has_conflicts, int64_t *ret_changes, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("INSERT INTO "));
    if (on->sql->into != NULL)
        on->sql->into(on->target, &sql);
    else
        sql_table(on, &sql);
    buf_add_str(&sql, S(" AS t ("));
    sql_columns(on, &sql);
    buf_addf(&sql, ")%s SELECT ", or_empty(on->sql->overriding));
    for (int i = 0; i < on->table->schema->count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        on->sql->waiting_column(on->target, i, &sql);
    }
    buf_add_str(&sql, S(" FROM "));
    add_waiting(on, &sql);
    buf_add_str(&sql, S(" WHERE true")); /* SQLite takes ON for a join's without WHERE */
    if (has_conflicts)
        add_conflict(on, &sql);
    return on->sql->change(on->target, sql.at, ret_changes, err);
}

RC sql_merge(const struct sql_on *on, int64_t rows, struct load_counts *counts, struct error *err)
{
    int64_t distinct = 0, matched = 0, changes = 0;
    TRY(remove_duplicates(on, rows, &distinct, err));
    TRY(on->sql->hold(on->target, err));
    TRY(count_matches(on, &matched, &counts->kept, err));
    TRY(sql_insert_waiting(on, matched > 0, &changes, err));
    counts->inserted = distinct - matched;
    counts->updated = matched - counts->kept;
    if (changes != counts->inserted + (is_key_alone(on->table) ? 0 : counts->updated))
        return fail(err, RC_DATA,
                    "%" PRId64 " keys: %" PRId64 " to insert, %" PRId64 " to update and %" PRId64
                    " to keep, but %" PRId64 " rows were changed",
                    distinct, counts->inserted, counts->updated, counts->kept, changes);
    return RC_OK;
}

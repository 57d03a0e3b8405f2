/* A table as it is: columns, types, what is unique. */
#include "connect/postgres/target_parts.h"

#include <string.h>

static const char *kind_name(char kind)
{
    switch (kind) {
    case 'r':
    case 'p': return "table";
    case 'v': return "view";
    case 'm': return "materialized view";
    case 'f': return "foreign table";
    default: return "relation of another kind";
    }
}

static RC read_kind(struct postgres_target *self, const char *table, struct arena *arena, struct sql_shape *ret,
                    struct error *err)
{
    AUTO_RELEASE(pq_answer) row = {0};
    AUTO_RELEASE(buf) quoted = {0};
    postgres_table_quote(self, table, &quoted);
    const char *values[] = {quoted.at};
    TRY(pq_query(self->db, "SELECT oid, relkind FROM pg_class WHERE oid = to_regclass($1)", 1, values, &row, err));
    ret->exists = pq_rows(&row) == 1;
    if (ret->exists) {
        ret->id = arena_text(arena, pq_text(&row, 0, 0));
        ret->kind = kind_name(pq_text(&row, 0, 1)[0]);
    }
    return RC_OK;
}

static struct sql_column column_of_row(const struct pq_answer *rows, int row, struct arena *arena)
{
    struct pg_target_column *own = arena_take(arena, sizeof(*own));
    const char *shown = arena_text(arena, pq_text(rows, row, 1));
    *own = (struct pg_target_column){
        .type = {.shown = shown,
                 .oid = pq_int64(rows, row, 2),
                 .modifier = (int)pq_int64(rows, row, 3),
                 .category = pq_text(rows, row, 4)[0]},
        .is_always_identity = pq_bool(rows, row, 8),
        .folding = pq_is_null(rows, row, 9) ? NULL : arena_text(arena, pq_text(rows, row, 9)),
        .collate = pq_is_null(rows, row, 10) ? NULL : arena_text(arena, pq_text(rows, row, 10)),
    };
    return (struct sql_column){
        .name = arena_text(arena, pq_text(rows, row, 0)),
        .type = shown,
        .not_null = pq_bool(rows, row, 5),
        .has_default = pq_bool(rows, row, 6),
        .is_generated = pq_bool(rows, row, 7),
        .own = own,
    };
}

/* Of a domain its base type counts: the same bytes go over the wire. */
static RC read_columns(struct postgres_target *self, struct arena *arena, struct sql_shape *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    TRY(pq_query(self->db,
                 "SELECT a.attname, format_type(a.atttypid, a.atttypmod), b.oid,"
                 " CASE WHEN t.typbasetype <> 0 THEN t.typtypmod ELSE a.atttypmod END, b.typcategory,"
                 " a.attnotnull OR t.typnotnull, a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL,"
                 " a.attgenerated <> '', a.attidentity = 'a',"
                 " CASE WHEN b.typname = 'citext' THEN b.typname WHEN NOT c.collisdeterministic THEN c.collname END,"
                 " CASE WHEN c.oid <> t.typcollation THEN format('%I.%I', n.nspname, c.collname) END"
                 " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
                 " JOIN pg_type b ON b.oid = CASE WHEN t.typbasetype <> 0 THEN t.typbasetype ELSE t.oid END"
                 " LEFT JOIN pg_collation c ON c.oid = a.attcollation"
                 " LEFT JOIN pg_namespace n ON n.oid = c.collnamespace"
                 " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
                 1, &ret->id, &rows, err));
    ret->count = pq_rows(&rows);
    ret->columns = arena_take(arena, (size_t)ret->count * sizeof(*ret->columns));
    for (int row = 0; row < ret->count; row++)
        ret->columns[row] = column_of_row(&rows, row, arena);
    return RC_OK;
}

RC postgres_shape_read(struct postgres_target *self, const char *table, struct arena *arena, struct sql_shape *ret,
                       struct error *err)
{
    struct sql_shape shape = {.kind = ""};
    TRY(read_kind(self, table, arena, &shape, err));
    if (shape.exists)
        TRY(read_columns(self, arena, &shape, err));
    *ret = shape;
    return RC_OK;
}

static bool is_one_of_key(const struct target_table *wanted, const char *column)
{
    for (int i = 0; i < wanted->key_count; i++) {
        if (str_eq(pq_name(wanted->key[i]), str(column)))
            return true;
    }
    return false;
}

/* An expression has no column; a deferrable index cannot decide conflicts; equality that ignores case would make one
 * row of two. */
RC postgres_shape_key_is_unique(struct postgres_target *self, const struct sql_shape *shape,
                                const struct target_table *wanted, bool *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    *ret = false;
    TRY(pq_query(self->db,
                 "SELECT i.indexrelid, a.attname FROM pg_index i CROSS JOIN generate_series(0, i.indnkeyatts - 1) n"
                 " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[n] AND a.attnum > 0"
                 " WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate"
                 " AND i.indpred IS NULL AND i.indexprs IS NULL ORDER BY i.indexrelid, n",
                 1, &shape->id, &rows, err));
    for (int row = 0, end; row < pq_rows(&rows) && !*ret; row = end) {
        bool fits = true;
        for (end = row; end < pq_rows(&rows) && strcmp(pq_text(&rows, end, 0), pq_text(&rows, row, 0)) == 0; end++)
            fits = fits && is_one_of_key(wanted, pq_text(&rows, end, 1));
        *ret = fits && end - row == wanted->key_count;
    }
    return RC_OK;
}

RC postgres_target_is_there(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    AUTO_RELEASE(buf) quoted = {0};
    postgres_table_quote(self, table->name, &quoted);
    enum rc rc = postgres_target_connect(self, err);
    if (rc == RC_OK)
        rc = postgres_target_has_table(self, quoted.at, ret, err);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': looking for '%s'", base->name, table->name);
}

/* A table that somebody alters, or whose pages are all of rows that are gone, is not waited for. */
static RC look_for_rows(struct postgres_target *self, const struct target_table *table, bool *ret, struct error *err)
{
    AUTO_RELEASE(buf) begin = {0};
    const struct sql_on on = postgres_on(self, table);
    buf_add_str(&begin, S("BEGIN READ ONLY; SET LOCAL statement_timeout = '2s'; LOCK TABLE "));
    postgres_table_quote(self, table->name, &begin);
    buf_add_str(&begin, S(" IN ACCESS SHARE MODE NOWAIT"));
    TRY(pq_run(self->db, begin.at, NULL, err));
    return sql_has_rows(&on, ret, err);
}

RC postgres_target_has_rows(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    TRY(postgres_target_connect(self, err));
    enum rc rc = look_for_rows(self, table, ret, err);
    postgres_target_abort(self);
    if (rc != RC_OK && strcmp(err->vendor, "57014") == 0)
        err->rc = RC_BUSY;
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': looking into '%s'", base->name, table->name);
}

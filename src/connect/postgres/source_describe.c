#include <stdlib.h>

#include "base/options.h"
#include "connect/postgres/source_parts.h"

/* ---- the table ---- */

static RC is_there(struct postgres_source *self, struct pg_table *table, const char *schema, const char *name,
                   bool *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0}, quoted = {0};
    buf_add_str(&sql,
                S("SELECT c.oid, c.relkind, c.relkind = 'r' AND EXISTS(SELECT 1 FROM pg_inherits WHERE inhparent ="
                  " c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = "));
    pq_literal(&sql, str(schema));
    buf_add_str(&sql, S(" AND c.relname = "));
    pq_literal(&sql, str(name));
    buf_add_str(&sql, S(" AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"));
    TRY(postgres_source_ask(self, sql.at, &rows, err));
    *ret = pq_rows(&rows) == 1;
    if (!*ret)
        return RC_OK;
    if (strchr("rp", pq_text(&rows, 0, 1)[0]) == NULL)
        return source_fail_no_rows(table->base.name, self->base.name, "view or a foreign table", err);
    pq_quote(&quoted, schema);
    buf_add_str(&quoted, S("."));
    pq_quote(&quoted, name);
    table->quoted = arena_str(&self->arena, buf_str(&quoted));
    table->oid = arena_text(&self->arena, pq_text(&rows, 0, 0));
    table->has_children = pq_bool(&rows, 0, 2);
    return RC_OK;
}

static enum rc fail_no_table(struct postgres_source *self, const char *name, struct error *err)
{
    const char *todo =
        arena_print(&self->arena, "a table of another schema than '%s' is named schema.table", self->schema);
    return source_fail_no_table(&self->base, name, self->base.name, todo, err);
}

/* `table` in the connection's schema (its name may have a dot), or `schema.table`. */
static RC find_table(struct postgres_source *self, struct pg_table *table, struct error *err)
{
    const char *name = table->base.name, *dot = strchr(name, '.');
    bool found = false;
    TRY(is_there(self, table, self->schema, name, &found, err));
    if (!found && dot != NULL)
        TRY(is_there(self, table, arena_str(&self->arena, (struct str){name, (size_t)(dot - name)}), dot + 1, &found,
                     err));
    return found ? RC_OK : fail_no_table(self, name, err);
}

/* ---- its columns ---- */

static void read_column(struct postgres_source *self, const struct pq_answer *rows, int row, struct pg_column *column)
{
    *column = (struct pg_column){
        .base.name = arena_text(&self->arena, pq_text(rows, row, 0)),
        .base.declared = arena_text(&self->arena, pq_text(rows, row, 1)),
        .oid = pq_int64(rows, row, 2),
        .modifier = (int)pq_int64(rows, row, 3),
        .is_enum = pq_bool(rows, row, 4),
        .base.not_null = pq_bool(rows, row, 5),
        .tuple = {.may_be_no_utf8 = self->may_be_no_utf8},
    };
}

/* Of a domain, and of a domain over it, the type that is below counts, and the first digits that one of them says. */
static RC list_columns(struct postgres_source *self, struct pg_table *table, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(
        &sql,
        "WITH RECURSIVE base(num, type, modifier, not_null) AS (SELECT attnum, atttypid, atttypmod, attnotnull FROM"
        " pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped UNION ALL SELECT num, typbasetype,"
        " CASE WHEN modifier >= 0 THEN modifier ELSE typtypmod END, not_null OR typnotnull FROM base JOIN pg_type t"
        " ON t.oid = type WHERE t.typtype = 'd') SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.oid,"
        " b.modifier, t.typtype = 'e', b.not_null FROM base b JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd'"
        " JOIN pg_attribute a ON a.attrelid = %s AND a.attnum = b.num ORDER BY b.num",
        table->oid, table->oid);
    TRY(postgres_source_ask(self, sql.at, &rows, err));
    int count = pq_rows(&rows);
    if (count == 0)
        return fail(err, RC_CONFIG, "'%s' has no column", table->base.name);
    if (count > COLUMNS_MAX)
        return fail(err, RC_CONFIG, "'%s' has more than %d columns", table->base.name, COLUMNS_MAX);
    table->columns = arena_take(&self->arena, (size_t)count * sizeof(*table->columns));
    for (table->column_count = 0; table->column_count < count; table->column_count++)
        read_column(self, &rows, table->column_count, &table->columns[table->column_count]);
    return RC_OK;
}

/* ---- its indexes ---- */

/* One index: rows [first, end) of the list, a column each. */
struct index_lines {
    const struct pq_answer *rows;
    int first, end;
};

static const char *line_column(const struct index_lines *index, int place) /* "" : an expression */
{
    return pq_text(index->rows, index->first + place, 1);
}

/* Do these columns, in this order, begin the index? */
static bool begins_with(const struct pg_table *table, const struct index_lines *index, const int *columns, int count)
{
    if (count == 0 || count > index->end - index->first)
        return false;
    for (int i = 0; i < count; i++) {
        if (strcmp(line_column(index, i), table->columns[columns[i]].base.name) != 0)
            return false;
    }
    return true;
}

/* All its columns are in the key, and none of them NULL. */
static bool makes_unique(const struct pg_table *table, const struct index_lines *index)
{
    const struct columns columns = pg_columns(table);
    for (int place = 0; place < index->end - index->first; place++) {
        int column = column_find(&columns, line_column(index, place));
        if (column < 0 || !key_has(&table->base, column) || !table->columns[column].base.not_null)
            return false;
    }
    return pq_bool(index->rows, index->first, 2) && !table->has_children;
}

static void look_at_index(struct pg_table *table, const struct index_lines *index, bool key_is_known)
{
    const struct columns columns = pg_columns(table);
    int by_cursor[1] = {table->base.cursor}, first = column_find(&columns, line_column(index, 0));
    if (!key_is_known) {
        if (first >= 0)
            table->columns[first].base.indexed = true;
        for (int place = 0; pq_bool(index->rows, index->first, 3) && place < index->end - index->first; place++)
            table->columns[column_find(&columns, line_column(index, place))].base.primary = place + 1;
        return;
    }
    table->key_is_unique |= makes_unique(table, index);
    table->key_is_indexed |= begins_with(table, index, table->base.key, table->base.key_count);
    table->cursor_is_indexed |= table->base.cursor >= 0 && begins_with(table, index, by_cursor, 1);
}

static void look_at_indexes(struct pg_table *table, const struct pq_answer *rows, bool key_is_known)
{
    for (int first = 0, end; first < pq_rows(rows); first = end) {
        for (end = first + 1; end < pq_rows(rows) && strcmp(pq_text(rows, end, 0), pq_text(rows, first, 0)) == 0;)
            end++;
        look_at_index(table, &(struct index_lines){rows, first, end}, key_is_known);
    }
}

/* B-trees over all rows; of an index only what it is ordered by. */
static RC list_indexes(struct postgres_source *self, const struct pg_table *table, struct pq_answer *ret,
                       struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(
        &sql,
        "SELECT i.indexrelid, coalesce(a.attname, ''), i.indisunique, i.indisprimary FROM pg_index i JOIN pg_class c"
        " ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree' CROSS JOIN LATERAL"
        " unnest(i.indkey::int2[]) WITH ORDINALITY AS k(num, place) LEFT JOIN pg_attribute a ON a.attrelid ="
        " i.indrelid AND a.attnum = k.num WHERE i.indrelid = %s AND i.indisvalid AND i.indpred IS NULL AND k.place"
        " <= i.indnkeyatts ORDER BY i.indexrelid, k.place",
        table->oid);
    return postgres_source_ask(self, sql.at, ret, err);
}

RC postgres_source_describe(struct source *base, const struct table_request *request, const struct table **ret,
                            struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)base;
    struct pg_table *table = arena_take(&self->arena, sizeof(*table));
    AUTO_RELEASE(pq_answer) indexes = {0};
    struct columns columns;
    table->base.name = arena_text(&self->arena, request->name);
    table->base.sets_aside = request->sets_aside;
    if (request->sql != NULL) {
        TRY(pg_custom_describe(self, table, request->sql, err));
    } else {
        TRY(find_table(self, table, err));
        TRY(list_columns(self, table, err));
    }
    columns = pg_columns(table);
    TRY(columns_apply(&columns, &table->base, request, err));
    TRY(list_indexes(self, table, &indexes, err));
    look_at_indexes(table, &indexes, false);
    for (int i = 0; i < table->column_count; i++) {
        if (pg_column_decide(&table->columns[i], table->base.name, &self->arena, err) != RC_OK &&
            !table->columns[i].base.excluded)
            return err->rc;
    }
    TRY(key_take(&columns, &table->base, request, err));
    TRY(pg_cursor_find(table, request, err));
    TRY(pg_zone_find(self, table, request, err));
    look_at_indexes(table, &indexes, true);
    TRY(columns_drop_excluded(&columns, &table->base, request->is_whole, err));
    table->column_count = columns.count;
    pg_custom_finish(self, table);
    columns_finish(&columns, &table->base, &self->arena);
    for (int i = 0; i < table->column_count; i++)
        table->columns[i].tuple.field = &table->base.schema->fields[i];
    *ret = &table->base;
    return RC_OK;
}

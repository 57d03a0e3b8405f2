#include <stdlib.h>

#include "base/options.h"
#include "connect/names.h"
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
    AUTO_RELEASE(arena) arena = {0};
    const char **names;
    int count;
    TRY(source_tables(&self->base, &arena, &names, &count, err));
    const char *near = nearest_name(name, names, count);
    fail(err, RC_NOT_FOUND, "there is no table '%s' in '%s'%s%s%s", name, self->base.name,
         near != NULL ? "; did you mean '" : "", or_empty(near), near != NULL ? "'?" : "");
    return fail_todo(err, "a table of another schema than '%s' is named schema.table", self->schema);
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
        .name = arena_text(&self->arena, pq_text(rows, row, 0)),
        .declared = arena_text(&self->arena, pq_text(rows, row, 1)),
        .oid = pq_int64(rows, row, 2),
        .modifier = (int)pq_int64(rows, row, 3),
        .is_enum = pq_bool(rows, row, 4),
        .not_null = pq_bool(rows, row, 5),
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

int pg_column_find(const struct pg_table *table, const char *name)
{
    for (int i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            return i;
    }
    return -1;
}

static enum rc pg_fail_no_column(const struct pg_table *table, const char *what, const char *name, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const char **names = arena_take(&arena, (size_t)table->column_count * sizeof(*names));
    for (int i = 0; i < table->column_count; i++)
        names[i] = table->columns[i].name;
    return names_fail_column(table->base.name, names, table->column_count, what, name, err);
}

static RC apply_overrides(struct pg_table *table, const struct table_request *request, struct error *err)
{
    for (int i = 0; i < request->override_count; i++) {
        const struct column_override *override = &request->overrides[i];
        int column = pg_column_find(table, override->column);
        if (column < 0)
            return pg_fail_no_column(table, "override", override->column, err);
        TRY(names_override(table->base.name, override, &table->columns[column].as, err));
    }
    for (int i = 0; i < request->excluded_count; i++) {
        int column = pg_column_find(table, request->excluded[i]);
        if (column < 0)
            return pg_fail_no_column(table, "excluded", request->excluded[i], err);
        table->columns[column].excluded = true;
    }
    return RC_OK;
}

/* ---- its indexes ---- */

static bool is_in_key(const struct pg_table *table, const char *name)
{
    for (int i = 0; i < table->base.key_count; i++) {
        if (strcmp(table->columns[table->base.key[i]].name, name) == 0)
            return true;
    }
    return false;
}

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
        if (strcmp(line_column(index, i), table->columns[columns[i]].name) != 0)
            return false;
    }
    return true;
}

/* All its columns are in the key, and none of them NULL. */
static bool makes_unique(const struct pg_table *table, const struct index_lines *index)
{
    for (int place = 0; place < index->end - index->first; place++) {
        int column = pg_column_find(table, line_column(index, place));
        if (column < 0 || !is_in_key(table, line_column(index, place)) || !table->columns[column].not_null)
            return false;
    }
    return pq_bool(index->rows, index->first, 2) && !table->has_children;
}

static void look_at_index(struct pg_table *table, const struct index_lines *index, bool key_is_known)
{
    int by_cursor[1] = {table->base.cursor}, first = pg_column_find(table, line_column(index, 0));
    if (!key_is_known) {
        if (first >= 0)
            table->columns[first].indexed = true;
        for (int place = 0; pq_bool(index->rows, index->first, 3) && place < index->end - index->first; place++)
            table->columns[pg_column_find(table, line_column(index, place))].primary = place + 1;
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

/* ---- its key ---- */

static RC take_named_key(struct pg_table *table, const struct table_request *request, struct error *err)
{
    for (int i = 0; i < request->key_count; i++) {
        int at = pg_column_find(table, request->key[i]);
        if (at < 0)
            return pg_fail_no_column(table, "key", request->key[i], err);
        if (table->columns[at].as != NULL)
            return fail(err, RC_CONFIG, "key column '%s' of '%s' is compared as it is: it can have no override",
                        request->key[i], table->base.name);
        if (!table->columns[at].has_order)
            return fail(err, RC_CONFIG, "key column '%s' of '%s' is %s, which has no order that a position can say",
                        request->key[i], table->base.name, table->columns[at].declared);
        TRY(names_add_key(&table->base, at, err));
    }
    return RC_OK;
}

/* The primary key; one that no position can say is none: full_sync is what is left. */
static RC take_primary_key(struct pg_table *table, struct error *err)
{
    for (int place = 1, found = 1; found; place++) {
        found = 0;
        for (int i = 0; i < table->column_count && !found; i++) {
            if (table->columns[i].primary != place)
                continue;
            found = 1;
            if (table->columns[i].as != NULL || !table->columns[i].has_order) {
                table->base.key_count = 0;
                return RC_OK;
            }
            TRY(names_add_key(&table->base, i, err));
        }
    }
    return RC_OK;
}

static RC drop_excluded(struct pg_table *table, const struct table_request *request, struct error *err)
{
    int kept = 0, places[COLUMNS_MAX];
    for (int i = 0; i < table->column_count; i++) {
        places[i] = table->columns[i].excluded ? -1 : kept;
        if (!table->columns[i].excluded)
            table->columns[kept++] = table->columns[i];
    }
    table->column_count = kept;
    return names_exclude(&table->base, places, request->is_whole, err);
}

static void build_schema(struct postgres_source *self, struct pg_table *table)
{
    struct schema *schema = schema_new();
    struct type_verdict *verdicts = arena_take(&self->arena, (size_t)table->column_count * sizeof(*verdicts));
    for (int i = 0; i < table->column_count; i++) {
        verdicts[i] = table->columns[i].verdict;
        schema_add(schema, &table->columns[i].field);
        table->columns[i].tuple.field = &table->columns[i].field;
    }
    self->schemas = xrealloc(self->schemas, (size_t)(self->schema_count + 1) * sizeof(struct schema *));
    self->schemas[self->schema_count++] = schema;
    table->base.schema = schema;
    table->base.verdicts = verdicts;
}

RC postgres_source_describe(struct source *base, const struct table_request *request, const struct table **ret,
                            struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)base;
    struct pg_table *table = arena_take(&self->arena, sizeof(*table));
    AUTO_RELEASE(pq_answer) indexes = {0};
    table->base.name = arena_text(&self->arena, request->name);
    table->base.sets_aside = request->sets_aside;
    if (request->sql != NULL) {
        TRY(pg_custom_describe(self, table, request->sql, err));
    } else {
        TRY(find_table(self, table, err));
        TRY(list_columns(self, table, err));
    }
    TRY(apply_overrides(table, request, err));
    TRY(list_indexes(self, table, &indexes, err));
    look_at_indexes(table, &indexes, false);
    for (int i = 0; i < table->column_count; i++) {
        if (pg_column_decide(&table->columns[i], table->base.name, &self->arena, err) != RC_OK &&
            !table->columns[i].excluded)
            return err->rc;
    }
    TRY(request->key != NULL ? take_named_key(table, request, err) : take_primary_key(table, err));
    TRY(pg_cursor_find(table, request, err));
    TRY(pg_zone_find(self, table, request, err));
    look_at_indexes(table, &indexes, true);
    TRY(drop_excluded(table, request, err));
    TRY(pg_custom_finish(self, table, err));
    build_schema(self, table);
    *ret = &table->base;
    return RC_OK;
}

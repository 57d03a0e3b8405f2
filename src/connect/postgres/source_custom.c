/* A statement in the place of a table (connect/custom.h). COPY takes no parameters: the bounds are settings of the
 * session, given to it as parameters, which the statement reads. */
#include "connect/postgres/source_parts.h"

#include <assert.h>

static const struct custom_dialect dialect = {.has_dollar_quotes = true, .has_nested_comments = true};

/* Before anything of the user's is sent. Tables that it names without a schema are the connection's; what is built in
 * goes first, as in all that we ask. */
static RC set_path(const struct postgres_source *self, struct pq *db, struct error *err)
{
    db->lead = NULL; /* from now on: nobody vouches for what a statement of the user's calls */
    AUTO_RELEASE(pq_answer) set = {0};
    AUTO_RELEASE(buf) path = {0};
    buf_add_str(&path, S("pg_catalog, "));
    pq_quote(&path, self->schema);
    return pq_query(db, "SELECT set_config('search_path', $1, false)", 1, (const char *[]){path.at}, &set, err);
}

/* What the server makes of the statement; nothing of it is executed. */
static RC ask_columns(struct postgres_source *self, const char *sql, struct pq_answer *ret, struct error *err)
{
    static const char *const names[] = {"$1", "$2", "$3"};
    static const char *const untold[CUSTOM_PARAMETERS];
    const char *instead[CUSTOM_PARAMETERS] = {0};
    AUTO_RELEASE(pq_answer) alive = {0};
    AUTO_RELEASE(buf) asked = {0};
    int used = 0;
    for (int i = 0; i < CUSTOM_PARAMETERS; i++) { /* numbered as far as they are used: others would have no type */
        AUTO_RELEASE(buf) plain = {0}, marked = {0};
        const char *none[CUSTOM_PARAMETERS] = {"", "", ""}, *one[CUSTOM_PARAMETERS] = {"", "", ""};
        one[i] = "?";
        custom_write(sql, &dialect, none, &plain);
        custom_write(sql, &dialect, one, &marked);
        instead[i] = marked.len > plain.len ? names[used++] : "";
    }
    buf_add_str(&asked, S("SELECT * FROM "));
    custom_write(sql, &dialect, instead, &asked);
    buf_add_str(&asked, S(" AS t LIMIT 0"));
    TRY(postgres_source_ask(self, "SELECT 1", &alive, err));
    TRY(set_path(self, self->control, err));
    return pq_query(self->control, asked.at, used, untold, ret, err);
}

/* Their types in words, and which are enums. */
static RC ask_types(struct postgres_source *self, struct pg_table *table, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT format_type(v.o, v.m), t.typtype = 'e' FROM (VALUES "));
    for (int i = 0; i < table->column_count; i++)
        buf_addf(&sql, "%s(%d, %lld::oid, %d)", i > 0 ? ", " : "", i, (long long)table->columns[i].oid,
                 table->columns[i].modifier);
    buf_add_str(&sql, S(") AS v(i, o, m) JOIN pg_type t ON t.oid = v.o ORDER BY v.i"));
    TRY(postgres_source_ask(self, sql.at, &rows, err));
    if (pq_rows(&rows) != table->column_count)
        return fail(err, RC_DATA, "'%s' does not know the types of its own columns", self->base.name);
    for (int i = 0; i < table->column_count; i++) {
        table->columns[i].base.declared = arena_text(&self->arena, pq_text(&rows, i, 0));
        table->columns[i].is_enum = pq_bool(&rows, i, 1);
    }
    return RC_OK;
}

static RC take_columns(struct postgres_source *self, struct pg_table *table, const PGresult *columns, struct error *err)
{
    int count = PQnfields(columns);
    if (count < 1 || count > COLUMNS_MAX)
        return fail(err, RC_CONFIG, "the 'sql' of '%s' has %d columns, and may have 1 to %d", table->base.name, count,
                    COLUMNS_MAX);
    table->columns = arena_take(&self->arena, (size_t)count * sizeof(*table->columns));
    for (int i = 0; i < count; i++) {
        const char *name = PQfname(columns, i);
        const struct columns before = pg_columns(table);
        if (column_find(&before, name) >= 0)
            return fail(err, RC_CONFIG, "the 'sql' of '%s' has two columns '%s': give one another name (AS)",
                        table->base.name, name);
        table->columns[table->column_count++] = (struct pg_column){.base.name = arena_text(&self->arena, name),
                                                                   .oid = PQftype(columns, i),
                                                                   .modifier = PQfmod(columns, i),
                                                                   .tuple = {.may_be_no_utf8 = self->may_be_no_utf8}};
    }
    return ask_types(self, table, err);
}

RC pg_custom_describe(struct postgres_source *self, struct pg_table *table, const char *sql, struct error *err)
{
    AUTO_RELEASE(pq_answer) columns = {0};
    TRY(custom_check(table->base.name, sql, &dialect, err));
    table->sql = arena_text(&self->arena, sql);
    table->oid = "0"; /* of nothing: it has no indexes */
    if (ask_columns(self, sql, &columns, err) != RC_OK)
        return custom_fail(table->base.name, err);
    return take_columns(self, table, columns.result, err);
}

void pg_custom_finish(struct postgres_source *self, struct pg_table *table)
{
    AUTO_RELEASE(buf) asked = {0};
    if (table->sql == NULL)
        return;
    assert(table->base.cursor >= 0 && "a configuration without one is refused");
    const char *type = table->columns[table->base.cursor].base.declared;
    const char *instead[] = {arena_print(&self->arena, "(current_setting('waybill.lower')::%s)", type),
                             arena_print(&self->arena, "(current_setting('waybill.upper')::%s)", type),
                             "(current_setting('waybill.limit')::bigint)"};
    custom_write(table->sql, &dialect, instead, &asked);
    table->quoted = arena_str(&self->arena, buf_str(&asked));
    for (int i = 0; i < table->base.key_count; i++)
        table->columns[table->base.key[i]].base.field.nullable = false; /* it is looked for before rows are read */
}

RC pg_custom_bind(const struct postgres_source *self, const struct pg_table *table, const struct range *range,
                  struct pq *db, struct error *err)
{
    AUTO_RELEASE(pq_answer) set = {0};
    char lower[CURSOR_TEXT], upper[CURSOR_TEXT];
    if (table->sql == NULL)
        return RC_OK;
    custom_bounds(&table->base.form, range, lower, upper);
    TRY(set_path(self, db, err));
    return pq_query(db,
                    "SELECT set_config('waybill.lower', $1, false), set_config('waybill.upper', $2, false),"
                    " set_config('waybill.limit', $3, false)",
                    CUSTOM_PARAMETERS, (const char *[]){lower, upper, CUSTOM_LIMIT_TEXT}, &set, err);
}

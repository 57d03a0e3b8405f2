/* A statement in the place of a table (connect/custom.h): its parameters are SQLite's own. */
#include "connect/sqlite/source_parts.h"

static const struct custom_dialect dialect = {.has_brackets = true};
static const char *const as_they_are[] = {":lower", ":upper", ":limit"};

static RC take_columns(struct sqlite_source *self, struct sqlite_table *table, sqlite3_stmt *statement,
                       struct error *err)
{
    int count = sqlite3_column_count(statement);
    if (count > COLUMNS_MAX)
        return fail(err, RC_CONFIG, "the 'sql' of '%s' has more than %d columns", table->base.name, COLUMNS_MAX);
    table->columns = arena_take(&self->arena, (size_t)count * sizeof(*table->columns));
    for (int i = 0; i < count; i++) {
        struct sqlite_column *column = &table->columns[i];
        const char *name = sqlite3_column_name(statement, i);
        if (name == NULL || name[0] == '\0' || !str_is_utf8(str(name)))
            return fail(err, RC_CONFIG, "column %d of the 'sql' of '%s' has no name in UTF-8", i + 1, table->base.name);
        const struct columns before = sqlite_columns(table);
        if (column_find(&before, name) >= 0)
            return fail(err, RC_CONFIG, "the 'sql' of '%s' has two columns '%s': give one another name (AS)",
                        table->base.name, name);
        column->base.name = arena_text(&self->arena, name);
        column->base.has_order = true;
        column->base.declared = or_empty(arena_text(&self->arena, sqlite3_column_decltype(statement, i)));
        table->column_count++;
        sqlite_column_declare(column);
    }
    return RC_OK;
}

RC sqlite_custom_describe(struct sqlite_source *self, struct sqlite_table *table, const char *sql, struct error *err)
{
    AUTO(sqlite3_stmt) *statement = NULL;
    AUTO_RELEASE(buf) asked = {0};
    TRY(custom_check(table->base.name, sql, &dialect, err));
    table->sql = arena_text(&self->arena, sql);
    custom_write(sql, &dialect, as_they_are, &asked);
    table->quoted = arena_str(&self->arena, buf_str(&asked));
    if (sqlite_prepare(self->db, arena_print(&self->arena, "SELECT * FROM %s", table->quoted), &statement, err) !=
        RC_OK)
        return custom_fail(table->base.name, err);
    return take_columns(self, table, statement, err);
}

/* A parameter that the statement does not have is 0 to SQLite, and needs nothing. */
static RC bind_bounds(struct sqlite_source *self, const struct sqlite_table *table, const struct range *range,
                      sqlite3_stmt *statement, struct error *err)
{
    static const struct form texts = {.kind = FORM_TEXT, .separator = ' '};
    const struct form *form = &table->base.form;
    const bool is_unknown =
        form->kind == FORM_NONE; /* values are looked at to find it: below all integers, above all texts */
    char ends[2][CURSOR_TEXT];
    int64_t number = INT64_MIN;
    custom_bounds(is_unknown ? &texts : form, range, ends[0], ends[1]);
    for (int i = 0; i < 2; i++) {
        int at = sqlite3_bind_parameter_index(statement, as_they_are[i]);
        bool is_number = form->kind == FORM_EPOCH ? str_to_int64(str(ends[i]), &number) : is_unknown && i == 0;
        if (at > 0 && is_number)
            sqlite_bind_int64(statement, at, number);
        else if (at > 0 && sqlite3_bind_text(statement, at, ends[i], -1, SQLITE_TRANSIENT) != SQLITE_OK)
            return sqlite_fail(self->db, SQLITE_NOMEM, err);
    }
    int limit = sqlite3_bind_parameter_index(statement, as_they_are[CUSTOM_LIMIT]);
    if (limit > 0)
        sqlite_bind_int64(statement, limit, INT64_MAX);
    return RC_OK;
}

RC sqlite_table_prepare(struct sqlite_source *self, const struct sqlite_table *table, const struct range *range,
                        const char *sql, sqlite3_stmt **ret, struct error *err)
{
    AUTO(sqlite3_stmt) *statement = NULL;
    TRY(sqlite_prepare(self->db, sql, &statement, err));
    if (table->sql != NULL)
        TRY(bind_bounds(self, table, range, statement, err));
    *ret = TAKE(statement);
    return RC_OK;
}

RC sqlite_table_int64(struct sqlite_source *self, const struct sqlite_table *table, const struct range *range,
                      const char *sql, int64_t *ret, struct error *err)
{
    AUTO(sqlite3_stmt) *row = NULL;
    bool is_row;
    TRY(sqlite_table_prepare(self, table, range, sql, &row, err));
    TRY(sqlite_step(self->db, row, &is_row, err));
    if (!is_row)
        return fail(err, RC_NOT_FOUND, "no row");
    *ret = sqlite3_column_int64(row, 0);
    return RC_OK;
}

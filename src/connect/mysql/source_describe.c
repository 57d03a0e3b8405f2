#include <stdlib.h>
#include <strings.h>

#include "connect/mysql/source_parts.h"

/* ---- the table ---- */

static RC ask_for(struct mysql_source *self, const char *sql, const char *schema, const char *table, const char *rest,
                  MYSQL_RES **ret, struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    buf_addf(&text, "%s WHERE table_schema = ", sql);
    mysql_literal_text(&text, str(schema));
    buf_add_str(&text, S(" AND table_name = "));
    mysql_literal_text(&text, str(table));
    buf_add_str(&text, str(rest));
    return mysql_session_ask(self->control, text.at, ret, err);
}

/* The catalogue compares without case; two tables may differ in nothing else. */
static RC is_there(struct mysql_source *self, struct mysql_table *table, const char *schema, const char *name,
                   bool *ret, struct error *err)
{
    AUTO_RESULT *rows = NULL;
    MYSQL_ROW row;
    *ret = false;
    TRY(ask_for(self, "SELECT table_schema, table_name, table_type FROM information_schema.tables", schema, name, "",
                &rows, err));
    while ((row = mysql_fetch_row(rows)) != NULL) {
        if (strcmp(row[0], schema) != 0 || strcmp(row[1], name) != 0)
            continue;
        if (strcmp(row[2], "BASE TABLE") != 0 && strcmp(row[2], "SYSTEM VERSIONED") != 0)
            return source_fail_no_rows(table->base.name, self->base.name, row[2], err);
        *ret = true;
    }
    table->schema_name = arena_text(&self->arena, schema);
    table->table_name = arena_text(&self->arena, name);
    return RC_OK;
}

static enum rc fail_no_table(struct mysql_source *self, const char *name, struct error *err)
{
    const char *todo =
        arena_print(&self->arena, "SHOW TABLES lists what user '%s' may see: a table without SELECT is not among them",
                    self->settings.user);
    return source_fail_no_table(&self->base, name, self->base.name, todo, err);
}

/* `table` in the connection's database (its name may have a dot), or `database.table`. */
static RC find_table(struct mysql_source *self, struct mysql_table *table, struct error *err)
{
    AUTO_RELEASE(buf) quoted = {0};
    const char *name = table->base.name, *dot = strchr(name, '.');
    bool found = false;
    if (self->settings.database != NULL)
        TRY(is_there(self, table, self->settings.database, name, &found, err));
    if (!found && dot != NULL)
        TRY(is_there(self, table, arena_str(&self->arena, (struct str){name, (size_t)(dot - name)}), dot + 1, &found,
                     err));
    if (!found)
        return fail_no_table(self, name, err);
    mysql_quote(&quoted, table->schema_name);
    buf_add_str(&quoted, S("."));
    mysql_quote(&quoted, table->table_name);
    table->quoted = arena_str(&self->arena, buf_str(&quoted));
    return RC_OK;
}

/* ---- its columns ---- */

static int64_t number_at(MYSQL_ROW row, int at) { return strtoll(or_empty(row[at]), NULL, 10); }

static void read_column(struct mysql_source *self, MYSQL_ROW row, struct mysql_column *column)
{
    *column = (struct mysql_column){
        .base.name = arena_text(&self->arena, row[0]),
        .type = arena_text(&self->arena, row[1]),
        .base.declared = arena_text(&self->arena, row[2]),
        .base.not_null = strcmp(row[3], "NO") == 0,
        .precision = number_at(row, 4),
        .has_scale = row[5] != NULL,
        .scale = number_at(row, 5),
        .digits = number_at(row, 6),
        .octets = number_at(row, 7),
    };
    column->is_unsigned =
        strstr(column->base.declared, "unsigned") != NULL && strchr(column->base.declared, '\'') == NULL;
}

static RC list_columns(struct mysql_source *self, struct mysql_table *table, struct error *err)
{
    AUTO_RESULT *rows = NULL;
    MYSQL_ROW row;
    TRY(ask_for(self,
                "SELECT column_name, LOWER(data_type), column_type, is_nullable, numeric_precision, numeric_scale, "
                "datetime_precision, character_octet_length FROM information_schema.columns",
                table->schema_name, table->table_name, " ORDER BY ordinal_position", &rows, err));
    uint64_t count = mysql_num_rows(rows);
    if (count == 0)
        return fail_no_table(self, table->base.name, err);
    if (count > COLUMNS_MAX)
        return fail(err, RC_CONFIG, "'%s' has more than %d columns", table->base.name, COLUMNS_MAX);
    table->columns = arena_take(&self->arena, (size_t)count * sizeof(*table->columns));
    while ((row = mysql_fetch_row(rows)) != NULL)
        read_column(self, row, &table->columns[table->column_count++]);
    return RC_OK;
}

/* ---- its indexes ---- */

/* One line of an index: its columns come by turns. */
struct index_line {
    const char *index, *column; /* column NULL: an expression */
    int place;
    bool unique, is_prefix;
};

struct indexes {
    struct index_line *lines;
    int count;
};

static RC list_indexes(struct mysql_source *self, const struct mysql_table *table, struct indexes *ret,
                       struct error *err)
{
    AUTO_RESULT *rows = NULL;
    MYSQL_ROW row;
    TRY(ask_for(self,
                "SELECT index_name, column_name, seq_in_index, non_unique = 0, sub_part IS NOT NULL "
                "FROM information_schema.statistics",
                table->schema_name, table->table_name,
                " AND index_type IN ('BTREE', 'RTREE') ORDER BY index_name, seq_in_index", &rows, err));
    ret->lines = arena_take(&self->arena, ((size_t)mysql_num_rows(rows) + 1) * sizeof(*ret->lines));
    while ((row = mysql_fetch_row(rows)) != NULL)
        ret->lines[ret->count++] = (struct index_line){.index = arena_text(&self->arena, row[0]),
                                                       .column = arena_text(&self->arena, row[1]),
                                                       .place = (int)number_at(row, 2),
                                                       .unique = number_at(row, 3) == 1,
                                                       .is_prefix = number_at(row, 4) == 1};
    return RC_OK;
}

static void mark_indexed(struct mysql_table *table, const struct indexes *indexes)
{
    const struct columns columns = mysql_columns(table);
    for (int i = 0; i < indexes->count; i++) {
        const struct index_line *line = &indexes->lines[i];
        int column = line->column != NULL ? column_find(&columns, line->column) : -1;
        if (column < 0)
            continue;
        if (strcmp(line->index, "PRIMARY") == 0)
            table->columns[column].base.primary = line->place;
        table->columns[column].base.indexed |= line->place == 1 && !line->is_prefix;
    }
}

/* Do these columns, in this order, begin the index whose first line is `at`? */
static bool begins_with(const struct mysql_table *table, const struct indexes *indexes, int at, const int *columns,
                        int count)
{
    for (int i = 0; i < count; i++) {
        if (at + i >= indexes->count || indexes->lines[at + i].place != i + 1 || indexes->lines[at + i].is_prefix ||
            indexes->lines[at + i].column == NULL ||
            strcmp(indexes->lines[at + i].column, table->columns[columns[i]].base.name) != 0)
            return false;
    }
    return true;
}

/* A unique index whose columns are all in the key, and none of them NULL. */
static bool makes_unique(const struct mysql_table *table, const struct indexes *indexes, int at)
{
    const struct columns columns = mysql_columns(table);
    for (int i = at; i < indexes->count && (i == at || indexes->lines[i].place > 1); i++) {
        const struct index_line *line = &indexes->lines[i];
        int column = line->column != NULL ? column_find(&columns, line->column) : -1;
        if (!line->unique || column < 0 || !key_has(&table->base, column) || !table->columns[column].base.not_null)
            return false;
    }
    return true;
}

static const char *find_index(const struct mysql_table *table, const struct indexes *indexes, const int *columns,
                              int count)
{
    const char *found = NULL;
    for (int i = 0; i < indexes->count && count > 0; i++) {
        if (indexes->lines[i].place != 1 || !begins_with(table, indexes, i, columns, count))
            continue;
        if (found == NULL || strcmp(indexes->lines[i].index, "PRIMARY") == 0)
            found = indexes->lines[i].index;
    }
    return found;
}

/* Of the indexes that begin with the cursor, best one that goes on with the key. (InnoDB's end with the primary key.)
 */
static void find_order(struct mysql_table *table, const struct indexes *indexes)
{
    int by_cursor[1 + KEY_COLUMNS_MAX] = {table->base.cursor};
    memcpy(by_cursor + 1, table->base.key, sizeof(int) * (size_t)table->base.key_count);
    table->key_index = find_index(table, indexes, table->base.key, table->base.key_count);
    for (int i = 0; i < indexes->count && !table->key_is_unique; i++)
        table->key_is_unique = indexes->lines[i].place == 1 && makes_unique(table, indexes, i);
    if (table->base.cursor < 0)
        return;
    table->cursor_index = find_index(table, indexes, by_cursor, 1 + table->base.key_count);
    if (table->cursor_index == NULL)
        table->cursor_index = find_index(table, indexes, by_cursor, 1);
}

/* Not the cursor and the key: what orders rows has to be a date. */
static RC apply_zero_dates(struct mysql_source *self, struct mysql_table *table, enum zero_dates policy,
                           struct error *err)
{
    for (int i = 0; i < table->column_count && policy != ZERO_DATES_FAIL; i++) {
        struct mysql_column *column = &table->columns[i];
        bool is_date = column->decoding.kind == DECODE_DATE || column->decoding.kind == DECODE_STAMP;
        if (!is_date || i == table->base.cursor || key_has(&table->base, i))
            continue;
        column->zero_is_null = policy == ZERO_DATES_NULL;
        column->base.as = policy == ZERO_DATES_TEXT ? "text" : NULL;
        TRY(mysql_column_decide(column, table->base.name, &self->arena, err));
        column->base.field.nullable |= column->zero_is_null;
    }
    return RC_OK;
}

enum rc mysql_source_describe(struct source *base, const struct table_request *request, const struct table **ret,
                              struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)base;
    struct mysql_table *table = arena_take(&self->arena, sizeof(*table));
    struct indexes indexes = {0};
    struct columns columns;
    table->base.name = arena_text(&self->arena, request->name);
    table->base.sets_aside = request->sets_aside;
    if (request->sql != NULL) {
        TRY(mysql_custom_describe(self, table, request->sql, err));
    } else {
        TRY(find_table(self, table, err));
        TRY(list_columns(self, table, err));
        TRY(list_indexes(self, table, &indexes, err));
    }
    columns = mysql_columns(table);
    TRY(columns_apply(&columns, &table->base, request, err));
    mark_indexed(table, &indexes);
    for (int i = 0; i < table->column_count; i++) {
        if (mysql_column_decide(&table->columns[i], table->base.name, &self->arena, err) != RC_OK &&
            !table->columns[i].base.excluded)
            return err->rc;
    }
    TRY(key_take(&columns, &table->base, request, err));
    TRY(mysql_cursor_find(table, request, err));
    TRY(mysql_zone_find(self, table, request, err));
    TRY(apply_zero_dates(self, table, request->zero_dates, err));
    find_order(table, &indexes);
    TRY(columns_drop_excluded(&columns, &table->base, request->is_whole, err));
    table->column_count = columns.count;
    mysql_custom_finish(self, table);
    columns_finish(&columns, &table->base, &self->arena);
    *ret = &table->base;
    return RC_OK;
}

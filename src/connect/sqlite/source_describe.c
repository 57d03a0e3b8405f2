#include "connect/sqlite/source_parts.h"

#include "connect/cursor.h"

/* ---- what the database says of the table ---- */

/* The columns of a result, by turns; text columns are copied. */
static const char *text_at(struct sqlite_source *self, sqlite3_stmt *row, int at)
{
    return arena_str(&self->arena, sqlite_column_str(row, at));
}

static RC prepare_for(struct sqlite_source *self, const char *sql, const char *name, sqlite3_stmt **ret,
                      struct error *err)
{
    TRY(sqlite_prepare(self->db, sql, ret, err));
    return sqlite_bind_text(self->db, *ret, 1, str(name), err);
}

static enum rc fail_no_table(struct sqlite_source *self, const char *name, struct error *err)
{
    const char *todo =
        arena_print(&self->arena, "sqlite3 '%s' .tables lists what is there; where that is nothing, check the path",
                    self->db->path);
    return source_fail_no_table(&self->base, name, self->db->path, todo, err);
}

static RC find_table(struct sqlite_source *self, struct sqlite_table *table, bool *ret_has_rowid, int *ret_columns,
                     struct error *err)
{
    AUTO(sqlite3_stmt) *row = NULL;
    bool is_row = false;
    TRY(prepare_for(self, "SELECT type, wr, ncol FROM pragma_table_list WHERE schema = 'main' AND name = ?",
                    table->base.name, &row, err));
    TRY(sqlite_step(self->db, row, &is_row, err));
    if (!is_row)
        return fail_no_table(self, table->base.name, err);
    struct str type = sqlite_column_str(row, 0);
    if (!str_eq(type, S("table")))
        return source_fail_no_rows(table->base.name, self->db->path, arena_str(&self->arena, type), err);
    *ret_has_rowid = sqlite3_column_int(row, 1) == 0;
    *ret_columns = sqlite3_column_int(row, 2);
    if (*ret_columns > COLUMNS_MAX)
        return fail(err, RC_CONFIG, "'%s' has more than %d columns", table->base.name, COLUMNS_MAX);
    return RC_OK;
}

static RC list_columns(struct sqlite_source *self, struct sqlite_table *table, int columns, struct error *err)
{
    AUTO(sqlite3_stmt) *row = NULL;
    bool is_row = true;
    table->columns = arena_take(&self->arena, (size_t)columns * sizeof(*table->columns));
    TRY(prepare_for(self, "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?) ORDER BY cid",
                    table->base.name, &row, err));
    for (;;) {
        TRY(sqlite_step(self->db, row, &is_row, err));
        if (!is_row)
            return RC_OK;
        if (table->column_count == columns)
            return fail(err, RC_BUSY, "'%s' gets another column just now", table->base.name);
        struct sqlite_column *column = &table->columns[table->column_count++];
        column->base.name = text_at(self, row, 0);
        column->base.has_order = true;
        column->base.declared = text_at(self, row, 1);
        column->base.not_null = sqlite3_column_int(row, 2) != 0;
        column->base.primary = sqlite3_column_int(row, 3);
        if (!str_is_utf8(str(column->base.name)) || column->base.name[0] == '\0' ||
            !str_is_utf8(str(column->base.declared)))
            return fail(err, RC_CONFIG, "column %d of '%s' has no name in UTF-8", table->column_count,
                        table->base.name);
        const char *collation = NULL;
        if (sqlite3_table_column_metadata(self->db->handle, "main", table->base.name, column->base.name, NULL,
                                          &collation, NULL, NULL, NULL) == SQLITE_OK)
            column->collation = arena_text(&self->arena, collation);
        sqlite_column_declare(column);
    }
}

/* The column that is the rowid: INTEGER PRIMARY KEY, and nothing else. */
static struct sqlite_column *rowid_column(struct sqlite_table *table)
{
    struct sqlite_column *found = NULL;
    int primary_count = 0;
    for (int i = 0; i < table->column_count; i++) {
        primary_count += table->columns[i].base.primary > 0;
        if (table->columns[i].base.primary > 0 && strcasecmp(table->columns[i].base.declared, "INTEGER") == 0)
            found = &table->columns[i];
    }
    return primary_count == 1 ? found : NULL;
}

static const struct sqlite_column *primary_column(const struct sqlite_table *table, int place)
{
    for (int i = 0; i < table->column_count; i++) {
        if (table->columns[i].base.primary == place)
            return &table->columns[i];
    }
    return NULL;
}

/* What tells any two rows apart. */
static RC find_tie(struct sqlite_table *table, bool has_rowid, struct sqlite_column *alias, struct error *err)
{
    static const char *const rowids[] = {"rowid", "oid", "_rowid_"};
    if (alias != NULL) {
        alias->base.not_null = true;
        table->tie[table->tie_count++] = alias->base.name;
        return RC_OK;
    }
    const struct sqlite_column *column;
    while (!has_rowid && (column = primary_column(table, table->tie_count + 1)) != NULL) {
        if (table->tie_count == KEY_COLUMNS_MAX)
            return fail(err, RC_CONFIG, "the primary key of '%s' has more than %d columns", table->base.name,
                        KEY_COLUMNS_MAX);
        table->tie[table->tie_count++] = column->base.name;
    }
    for (size_t i = 0; has_rowid && table->tie_count == 0 && i < sizeof(rowids) / sizeof(rowids[0]); i++) {
        bool is_hidden = false;
        for (int j = 0; j < table->column_count; j++)
            is_hidden |= strcasecmp(table->columns[j].base.name, rowids[i]) == 0;
        if (!is_hidden)
            table->tie[table->tie_count++] = rowids[i];
    }
    return table->tie_count > 0
               ? RC_OK
               : fail(err, RC_CONFIG, "the columns of '%s' hide its rowid under all three names", table->base.name);
}

/* ---- its indexes ---- */

/* Unique under the collation that the column is compared with here; what differs in bytes may be equal in another. */
static bool compares_alike(const struct sqlite_column *column, struct str collation)
{
    return column->collation == NULL || strcasecmp(column->collation, "BINARY") == 0 ||
           str_eq(collation, str(column->collation));
}

/* One index: does it begin with a column, and does the key hold all of its columns? */
static RC look_at_index(struct sqlite_source *self, struct sqlite_table *table, const char *index, bool is_unique,
                        struct error *err)
{
    AUTO(sqlite3_stmt) *row = NULL;
    const struct columns columns = sqlite_columns(table);
    bool is_row = true, covers = is_unique, is_first = true;
    TRY(prepare_for(self, "SELECT name, coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", index, &row, err));
    for (;; is_first = false) {
        TRY(sqlite_step(self->db, row, &is_row, err));
        if (!is_row)
            break;
        const char *name = text_at(self, row, 0); /* "" for an expression */
        int column = column_find(&columns, name);
        if (column >= 0 && is_first)
            table->columns[column].base.indexed = true;
        covers &= column >= 0 && key_has(&table->base, column) &&
                  compares_alike(&table->columns[column], sqlite_column_str(row, 1));
    }
    table->key_is_unique |= covers && !is_first;
    return RC_OK;
}

static RC look_at_indexes(struct sqlite_source *self, struct sqlite_table *table, const struct sqlite_column *alias,
                          struct error *err)
{
    AUTO(sqlite3_stmt) *row = NULL;
    bool is_row = true;
    TRY(prepare_for(self, "SELECT name, \"unique\" FROM pragma_index_list(?) WHERE NOT partial", table->base.name, &row,
                    err));
    for (;;) {
        TRY(sqlite_step(self->db, row, &is_row, err));
        if (!is_row)
            break;
        TRY(look_at_index(self, table, text_at(self, row, 0), sqlite3_column_int(row, 1) != 0, err));
    }
    table->key_is_unique |= alias != NULL && key_has(&table->base, (int)(alias - table->columns));
    return RC_OK;
}

/* ---- types ---- */

static void take_known(struct sqlite_table *table, const struct schema *known)
{
    for (int i = 0; i < table->column_count; i++) {
        struct sqlite_column *column = &table->columns[i];
        if (column->base.as != NULL)
            sqlite_column_override(column);
        column->decided |= column->base.excluded;
        if (known != NULL)
            sqlite_column_recall(column, known);
    }
}

/* Columns whose values have to be seen: types not decided, and cursors whose form nobody knows. */
static int columns_to_see(const struct sqlite_table *table, const struct table_request *request, int *ret)
{
    int count = 0;
    for (int i = 0; i < table->column_count; i++) {
        const struct sqlite_column *column = &table->columns[i];
        bool may_be_cursor = request->cursor != NULL
                                 ? strcmp(request->cursor, column->base.name) == 0
                                 : request->wants_cursor && cursor_name_says_changed(column->base.name);
        bool needs_form = may_be_cursor && request->known_form == NULL && column->base.field.type == TYPE_UTF8;
        if (!column->decided || needs_form)
            ret[count++] = i;
    }
    return count;
}

static RC see_values(struct sqlite_source *self, const struct sqlite_table *table, const int *columns, int count,
                     struct tally *tallies, struct error *err)
{
    static const struct range everything = {.kind = RANGE_ALL};
    AUTO_RELEASE(pages) pages = {0};
    bool is_row = true;
    pages_init(&pages, self, table, &everything, columns, count);
    while (count > 0) {
        TRY(pages_next(&pages, &is_row, err));
        if (!is_row)
            break;
        for (int i = 0; i < count; i++)
            tally_add(&tallies[columns[i]], &table->columns[columns[i]], pages.statement, i);
    }
    return RC_OK;
}

/* SQLite lets NULL into a primary key that is neither the rowid nor declared NOT NULL, and real databases have it:
 * https://www.sqlite.org/quirks.html#primary_keys_can_sometimes_contain_nulls */
static void name_fields(struct sqlite_source *self, struct sqlite_table *table, bool is_whole)
{
    for (int i = 0; i < table->column_count; i++) {
        struct sqlite_column *column = &table->columns[i];
        bool keeps_null_out = !is_whole && key_has(&table->base, i);
        column->base.field.name = column->base.name;
        column->base.field.source_type = sqlite_column_source_type(column, &self->arena);
        column->base.field.nullable = !column->base.not_null && !keeps_null_out;
    }
}

enum rc sqlite_source_describe(struct source *base, const struct table_request *request, const struct table **ret,
                               struct error *err)
{
    struct sqlite_source *self = (struct sqlite_source *)base;
    struct sqlite_table *table = arena_take(&self->arena, sizeof(*table));
    AUTO_RELEASE(arena) scratch = {0};
    struct sqlite_column *alias = NULL;
    bool has_rowid = true;
    int columns_max = 0;
    struct columns columns;
    if (request->cursor_zone != NULL || request->zero_dates != ZERO_DATES_FAIL) {
        const char *option = request->cursor_zone != NULL ? "cursor_zone" : "zero_dates";
        fail(err, RC_CONFIG, "'%s' is in a SQLite file, where '%s' means nothing", request->name, option);
        return fail_todo(err, "remove '%s'", option);
    }
    table->base.name = arena_text(&self->arena, request->name);
    table->base.sets_aside = request->sets_aside;
    if (request->sql != NULL) {
        TRY(sqlite_custom_describe(self, table, request->sql, err));
    } else {
        AUTO_RELEASE(buf) quoted = {0};
        TRY(find_table(self, table, &has_rowid, &columns_max, err));
        TRY(list_columns(self, table, columns_max, err));
        alias = has_rowid ? rowid_column(table) : NULL;
        TRY(find_tie(table, has_rowid, alias, err));
        buf_add_str(&quoted, S("main."));
        sqlite_quote(&quoted, table->base.name);
        table->quoted = arena_str(&self->arena, buf_str(&quoted));
    }
    columns = sqlite_columns(table);
    TRY(columns_apply(&columns, &table->base, request, err));
    take_known(table, request->known);
    TRY(key_take(&columns, &table->base, request, err));
    if (request->sql == NULL)
        TRY(look_at_indexes(self, table, alias, err));

    struct tally *tallies = arena_take(&scratch, (size_t)table->column_count * sizeof(*tallies));
    for (int i = 0; i < table->column_count; i++)
        tallies[i].others_go = request->sets_aside;
    int *seen = arena_take(&scratch, (size_t)table->column_count * sizeof(*seen));
    int count = columns_to_see(table, request, seen);
    TRY(see_values(self, table, seen, count, tallies, err));
    for (int i = 0; i < table->column_count; i++) {
        if (!table->columns[i].decided)
            TRY(sqlite_column_decide(&table->columns[i], &tallies[i], table->base.name, err));
    }
    TRY(sqlite_cursor_find(table, request, tallies, err));
    TRY(columns_drop_excluded(&columns, &table->base, request->is_whole, err));
    table->column_count = columns.count;
    name_fields(self, table, request->is_whole);
    columns_finish(&columns, &table->base, &self->arena);
    *ret = &table->base;
    return RC_OK;
}

#include "connect/sqlite/source_parts.h"

#include "base/options.h"

/* ---- names ---- */

int column_find(const struct sqlite_table *table, const char *name)
{
    for (int i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            return i;
    }
    return -1;
}

enum rc fail_no_column(const struct sqlite_table *table, const char *what, const char *name, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const char **names = arena_take(&arena, (size_t)table->column_count * sizeof(*names));
    for (int i = 0; i < table->column_count; i++)
        names[i] = table->columns[i].name;
    return names_fail_column(table->base.name, names, table->column_count, what, name, err);
}

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
    AUTO_RELEASE(arena) arena = {0};
    const char **names;
    int count;
    TRY(source_tables(&self->base, &arena, &names, &count, err));
    const char *near = nearest_name(name, names, count);
    fail(err, RC_NOT_FOUND, "there is no table '%s' in '%s'%s%s%s", name, self->db->path,
         near != NULL ? "; did you mean '" : "", or_empty(near), near != NULL ? "'?" : "");
    return count == 0 ? fail_todo(err, "the database has no tables: check its path")
                      : fail_todo(err, "sqlite3 '%s' .tables lists what is there", self->db->path);
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
        column->name = text_at(self, row, 0);
        column->declared = text_at(self, row, 1);
        column->not_null = sqlite3_column_int(row, 2) != 0;
        column->primary = sqlite3_column_int(row, 3);
        if (!str_is_utf8(str(column->name)) || column->name[0] == '\0' || !str_is_utf8(str(column->declared)))
            return fail(err, RC_CONFIG, "column %d of '%s' has no name in UTF-8", table->column_count,
                        table->base.name);
        const char *collation = NULL;
        if (sqlite3_table_column_metadata(self->db->handle, "main", table->base.name, column->name, NULL, &collation,
                                          NULL, NULL, NULL) == SQLITE_OK)
            column->collation = arena_text(&self->arena, collation);
        column_declare(column);
    }
}

/* The column that is the rowid: INTEGER PRIMARY KEY, and nothing else. */
static struct sqlite_column *rowid_column(struct sqlite_table *table)
{
    struct sqlite_column *found = NULL;
    int primary_count = 0;
    for (int i = 0; i < table->column_count; i++) {
        primary_count += table->columns[i].primary > 0;
        if (table->columns[i].primary > 0 && strcasecmp(table->columns[i].declared, "INTEGER") == 0)
            found = &table->columns[i];
    }
    return primary_count == 1 ? found : NULL;
}

static const struct sqlite_column *primary_column(const struct sqlite_table *table, int place)
{
    for (int i = 0; i < table->column_count; i++) {
        if (table->columns[i].primary == place)
            return &table->columns[i];
    }
    return NULL;
}

/* What tells any two rows apart. */
static RC find_tie(struct sqlite_table *table, bool has_rowid, struct sqlite_column *alias, struct error *err)
{
    static const char *const rowids[] = {"rowid", "oid", "_rowid_"};
    if (alias != NULL) {
        alias->not_null = true;
        table->tie[table->tie_count++] = alias->name;
        return RC_OK;
    }
    const struct sqlite_column *column;
    while (!has_rowid && (column = primary_column(table, table->tie_count + 1)) != NULL) {
        if (table->tie_count == KEY_COLUMNS_MAX)
            return fail(err, RC_CONFIG, "the primary key of '%s' has more than %d columns", table->base.name,
                        KEY_COLUMNS_MAX);
        table->tie[table->tie_count++] = column->name;
    }
    for (size_t i = 0; has_rowid && table->tie_count == 0 && i < sizeof(rowids) / sizeof(rowids[0]); i++) {
        bool is_hidden = false;
        for (int j = 0; j < table->column_count; j++)
            is_hidden |= strcasecmp(table->columns[j].name, rowids[i]) == 0;
        if (!is_hidden)
            table->tie[table->tie_count++] = rowids[i];
    }
    return table->tie_count > 0
               ? RC_OK
               : fail(err, RC_CONFIG, "the columns of '%s' hide its rowid under all three names", table->base.name);
}

/* ---- the key ---- */

static RC find_key(struct sqlite_table *table, const struct table_request *request, struct error *err)
{
    const struct sqlite_column *column;
    for (int i = 0; i < request->key_count && request->key != NULL; i++) {
        int at = column_find(table, request->key[i]);
        if (at < 0)
            return fail_no_column(table, "key", request->key[i], err);
        if (table->columns[at].as != NULL)
            return fail(err, RC_CONFIG, "key column '%s' of '%s' is compared as it is: it can have no override",
                        request->key[i], table->base.name);
        TRY(names_add_key(&table->base, at, err));
    }
    for (int place = 1; request->key == NULL && (column = primary_column(table, place)) != NULL; place++) {
        if (column->as != NULL) { /* nothing to order by: full_sync is what is left */
            table->base.key_count = 0;
            return RC_OK;
        }
        TRY(names_add_key(&table->base, (int)(column - table->columns), err));
    }
    return RC_OK;
}

static bool is_in_key(const struct sqlite_table *table, const char *name)
{
    for (int i = 0; i < table->base.key_count; i++) {
        if (strcmp(table->columns[table->base.key[i]].name, name) == 0)
            return true;
    }
    return false;
}

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
    bool is_row = true, covers = is_unique, is_first = true;
    TRY(prepare_for(self, "SELECT name, coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", index, &row, err));
    for (;; is_first = false) {
        TRY(sqlite_step(self->db, row, &is_row, err));
        if (!is_row)
            break;
        const char *name = text_at(self, row, 0); /* "" for an expression */
        int column = column_find(table, name);
        if (column >= 0 && is_first)
            table->columns[column].indexed = true;
        covers &=
            column >= 0 && is_in_key(table, name) && compares_alike(&table->columns[column], sqlite_column_str(row, 1));
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
    table->key_is_unique |= alias != NULL && is_in_key(table, alias->name);
    return RC_OK;
}

/* ---- types ---- */

static RC apply_request(struct sqlite_table *table, const struct table_request *request, struct error *err)
{
    for (int i = 0; i < request->override_count; i++) {
        const struct column_override *override = &request->overrides[i];
        const char *as = NULL;
        int column = column_find(table, override->column);
        if (column < 0)
            return fail_no_column(table, "override", override->column, err);
        TRY(names_override(table->base.name, override, &as, err));
        column_override(&table->columns[column], as);
    }
    for (int i = 0; i < request->excluded_count; i++) {
        int column = column_find(table, request->excluded[i]);
        if (column < 0)
            return fail_no_column(table, "excluded", request->excluded[i], err);
        table->columns[column].excluded = table->columns[column].decided = true;
    }
    for (int i = 0; i < table->column_count && request->known != NULL; i++)
        column_recall(&table->columns[i], request->known);
    return RC_OK;
}

/* Columns whose values have to be seen: types not decided, and cursors whose form nobody knows. */
static int columns_to_see(const struct sqlite_table *table, const struct table_request *request, int *ret)
{
    int count = 0;
    for (int i = 0; i < table->column_count; i++) {
        const struct sqlite_column *column = &table->columns[i];
        bool may_be_cursor = request->cursor != NULL ? strcmp(request->cursor, column->name) == 0
                                                     : request->wants_cursor && name_says_changed(column->name);
        bool needs_form = may_be_cursor && request->known_form == NULL && column->field.type == TYPE_UTF8;
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
static void build_schema(struct sqlite_source *self, struct sqlite_table *table, bool is_whole)
{
    struct schema *schema = schema_new();
    for (int i = 0; i < table->column_count; i++) {
        struct sqlite_column *column = &table->columns[i];
        column->field.name = column->name;
        column->field.source_type = column_source_type(column, &self->arena);
        bool keeps_null_out = !is_whole && is_in_key(table, column->name);
        column->field.nullable = !column->not_null && !keeps_null_out;
        schema_add(schema, &column->field);
    }
    self->schemas = xrealloc(self->schemas, (size_t)(self->schema_count + 1) * sizeof(struct schema *));
    self->schemas[self->schema_count++] = schema;
    table->base.schema = schema;
}

/* Excluded columns were needed until here: to say of a key or a cursor that it cannot be without. */
static RC drop_excluded(struct sqlite_table *table, const struct table_request *request, struct error *err)
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

enum rc sqlite_source_describe(struct source *base, const struct table_request *request, const struct table **ret,
                               struct error *err)
{
    struct sqlite_source *self = (struct sqlite_source *)base;
    struct sqlite_table *table = arena_take(&self->arena, sizeof(*table));
    AUTO_RELEASE(arena) scratch = {0};
    struct sqlite_column *alias = NULL;
    bool has_rowid = true;
    int columns_max = 0;
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
    TRY(apply_request(table, request, err));
    TRY(find_key(table, request, err));
    if (request->sql == NULL)
        TRY(look_at_indexes(self, table, alias, err));

    struct tally *tallies = arena_take(&scratch, (size_t)table->column_count * sizeof(*tallies));
    for (int i = 0; i < table->column_count; i++)
        tallies[i].others_go = request->sets_aside;
    int *columns = arena_take(&scratch, (size_t)table->column_count * sizeof(*columns));
    int count = columns_to_see(table, request, columns);
    TRY(see_values(self, table, columns, count, tallies, err));
    for (int i = 0; i < table->column_count; i++) {
        if (!table->columns[i].decided)
            TRY(sqlite_column_decide(&table->columns[i], &tallies[i], table->base.name, err));
    }
    TRY(cursor_find(table, request, tallies, err));
    TRY(drop_excluded(table, request, err));
    build_schema(self, table, request->is_whole);
    *ret = &table->base;
    return RC_OK;
}

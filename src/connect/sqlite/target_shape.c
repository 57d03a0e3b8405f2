/* A table as it is: columns, affinities, what is unique. */
#include "connect/sqlite/target_parts.h"

#include <string.h>

static RC read_kind(struct sqlite_target *self, const char *table, struct arena *arena, struct shape *ret,
                    struct error *err)
{
    AUTO(sqlite3_stmt) *list = NULL;
    TRY(sqlite_prepare(self->db,
                       "SELECT type, strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE",
                       &list, err));
    TRY(sqlite_bind_text(self->db, list, 1, str(table), err));
    TRY(sqlite_step(self->db, list, &ret->exists, err));
    if (!ret->exists)
        return RC_OK;
    ret->kind = arena_str(arena, sqlite_column_str(list, 0));
    ret->is_strict = sqlite3_column_int(list, 1) != 0;
    return RC_OK;
}

static struct shape_column column_of_row(sqlite3_stmt *row, bool is_strict, struct arena *arena)
{
    const char *declared = arena_str(arena, sqlite_column_str(row, 1));
    return (struct shape_column){
        .name = arena_str(arena, sqlite_column_str(row, 0)),
        .declared = declared,
        .affinity = affinity_of(declared, is_strict),
        .not_null = sqlite3_column_int(row, 2) != 0,
        .has_default = sqlite3_column_type(row, 3) != SQLITE_NULL,
        .key = sqlite3_column_int(row, 4),
        .is_generated = sqlite3_column_int(row, 5) >= 2,
    };
}

static RC read_columns(struct sqlite_target *self, const char *table, struct arena *arena, struct shape *ret,
                       struct error *err)
{
    AUTO(sqlite3_stmt) *info = NULL;
    TRY(sqlite_prepare(self->db,
                       "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, 'main')",
                       &info, err));
    TRY(sqlite_bind_text(self->db, info, 1, str(table), err));
    ret->columns = arena_take(arena, COLUMNS_MAX * sizeof(*ret->columns));
    for (;;) {
        bool is_row = false;
        TRY(sqlite_step(self->db, info, &is_row, err));
        if (!is_row)
            return RC_OK;
        if (ret->count == COLUMNS_MAX)
            return fail(err, RC_DATA, "the table '%s' has more than %d columns", table, COLUMNS_MAX);
        ret->columns[ret->count++] = column_of_row(info, ret->is_strict, arena);
    }
}

/* A single INTEGER PRIMARY KEY is the rowid itself; in a table WITHOUT ROWID it refuses NULL and is unique all the
 * same. */
static int find_rowid(const struct shape *shape)
{
    int found = -1;
    for (int i = 0; i < shape->count; i++) {
        if (shape->columns[i].key > 1)
            return -1;
        if (shape->columns[i].key == 1)
            found = i;
    }
    return found >= 0 && sqlite3_stricmp(shape->columns[found].declared, "INTEGER") == 0 ? found : -1;
}

RC shape_read(struct sqlite_target *self, const char *table, struct arena *arena, struct shape *ret, struct error *err)
{
    struct shape shape = {.kind = "", .rowid = -1};
    TRY(read_kind(self, table, arena, &shape, err));
    if (shape.exists)
        TRY(read_columns(self, table, arena, &shape, err));
    shape.rowid = find_rowid(&shape);
    *ret = shape;
    return RC_OK;
}

int shape_find(const struct shape *self, const char *name)
{
    for (int i = 0; i < self->count; i++) {
        if (sqlite3_stricmp(self->columns[i].name, name) == 0)
            return i;
    }
    return -1;
}

/* Every column of the index is one of the key, compared by bytes, and there are as many. */
static RC index_is_key(struct sqlite_target *self, const char *index, const struct target_table *wanted, bool *ret,
                       struct error *err)
{
    AUTO(sqlite3_stmt) *info = NULL;
    int count = 0;
    bool fits = true;
    TRY(sqlite_prepare(self->db, "SELECT name, coll FROM pragma_index_xinfo(?1, 'main') WHERE key", &info, err));
    TRY(sqlite_bind_text(self->db, info, 1, str(index), err));
    for (bool is_row = true;; count++) {
        TRY(sqlite_step(self->db, info, &is_row, err));
        if (!is_row)
            break;
        bool is_in_key = false; /* an expression has no name */
        const char *name = (const char *)sqlite3_column_text(info, 0),
                   *collation = (const char *)sqlite3_column_text(info, 1);
        for (int i = 0; name != NULL && i < wanted->key_count; i++)
            is_in_key |= sqlite3_stricmp(name, wanted->key[i]) == 0;
        fits &= is_in_key && sqlite3_stricmp(or_empty(collation), "BINARY") == 0;
    }
    *ret = fits && count == wanted->key_count;
    return RC_OK;
}

RC shape_key_is_unique(struct sqlite_target *self, const char *table, const struct shape *shape,
                       const struct target_table *wanted, bool *ret, struct error *err)
{
    AUTO(sqlite3_stmt) *list = NULL;
    *ret = wanted->key_count == 1 && shape->rowid >= 0 &&
           sqlite3_stricmp(shape->columns[shape->rowid].name, wanted->key[0]) == 0;
    TRY(sqlite_prepare(self->db, "SELECT name FROM pragma_index_list(?1, 'main') WHERE \"unique\" AND NOT partial",
                       &list, err));
    TRY(sqlite_bind_text(self->db, list, 1, str(table), err));
    while (!*ret) {
        bool is_row = false;
        TRY(sqlite_step(self->db, list, &is_row, err));
        if (!is_row)
            return RC_OK;
        AUTO_RELEASE(arena) arena = {0};
        TRY(index_is_key(self, arena_str(&arena, sqlite_column_str(list, 0)), wanted, ret, err));
    }
    return RC_OK;
}

RC sqlite_target_is_there(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    AUTO_RELEASE(arena) arena = {0};
    struct shape shape = {0};
    enum rc rc = sqlite_target_look(self, err);
    if (rc == RC_OK && self->db != NULL)
        rc = read_kind(self, table->name, &arena, &shape, err);
    if (rc != RC_OK)
        return fail_in(err, "target '%s': looking for '%s'", base->name, table->name);
    *ret = shape.exists;
    return RC_OK;
}

RC sqlite_target_has_rows(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    const struct sql_on on = sqlite_on(self, table);
    enum rc rc = sqlite_target_look(self, err);
    if (rc == RC_OK && self->db != NULL)
        rc = sql_has_rows(&on, ret, err);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': looking into '%s'", base->name, table->name);
}

#include "connect/columns.h"

#include <string.h>

#include "base/arena.h"
#include "base/options.h"

int column_find(const struct columns *columns, const char *name)
{
    for (int i = 0; i < columns->count; i++) {
        if (strcmp(column_at(columns, i)->name, name) == 0)
            return i;
    }
    return -1;
}

enum rc column_fail_missing(const struct columns *columns, const char *table, const char *what, const char *name,
                            struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const char **names = arena_take(&arena, (size_t)columns->count * sizeof(*names));
    for (int i = 0; i < columns->count; i++)
        names[i] = column_at(columns, i)->name;
    const char *near = nearest_name(name, names, columns->count);
    fail(err, RC_CONFIG, "'%s' has no column '%s' (%s)%s%s%s", table, name, what,
         near != NULL ? "; did you mean '" : "", or_empty(near), near != NULL ? "'?" : "");
    return fail_todo_names(err, "its columns are", names, columns->count);
}

/* ---- overrides ---- */

static RC override(const struct table *table, struct source_column *column, const char *as, struct error *err)
{
    bool is_text = strcmp(as, "text") == 0;
    if (!is_text && strcmp(as, "binary") != 0)
        return fail(err, RC_CONFIG, "column '%s' of '%s' cannot be taken as '%s': it is text or binary", column->name,
                    table->name, as);
    column->as = is_text ? "text" : "binary";
    return RC_OK;
}

RC columns_apply(const struct columns *columns, const struct table *table, const struct table_request *request,
                 struct error *err)
{
    for (int i = 0; i < request->override_count; i++) {
        const struct column_override *wanted = &request->overrides[i];
        int column = column_find(columns, wanted->column);
        if (column < 0)
            return column_fail_missing(columns, table->name, "override", wanted->column, err);
        TRY(override(table, column_at(columns, column), wanted->as, err));
    }
    for (int i = 0; i < request->excluded_count; i++) {
        int column = column_find(columns, request->excluded[i]);
        if (column < 0)
            return column_fail_missing(columns, table->name, "excluded", request->excluded[i], err);
        column_at(columns, column)->excluded = true;
    }
    return RC_OK;
}

/* ---- the key ---- */

static RC key_add(struct table *table, int column, struct error *err)
{
    if (table->key_count == KEY_COLUMNS_MAX)
        return fail(err, RC_CONFIG, "the key of '%s' has more than %d columns", table->name, KEY_COLUMNS_MAX);
    table->key[table->key_count++] = column;
    return RC_OK;
}

static RC key_take_named(const struct columns *columns, struct table *table, const struct table_request *request,
                         struct error *err)
{
    for (int i = 0; i < request->key_count; i++) {
        int at = column_find(columns, request->key[i]);
        if (at < 0)
            return column_fail_missing(columns, table->name, "key", request->key[i], err);
        const struct source_column *column = column_at(columns, at);
        if (column->as != NULL)
            return fail(err, RC_CONFIG, "key column '%s' of '%s' is compared as it is: it can have no override",
                        column->name, table->name);
        if (!column->has_order)
            return fail(err, RC_CONFIG, "key column '%s' of '%s' is %s, which has no order that a position can say",
                        column->name, table->name, column->declared);
        TRY(key_add(table, at, err));
    }
    return RC_OK;
}

static int primary_column(const struct columns *columns, int place)
{
    for (int i = 0; i < columns->count; i++) {
        if (column_at(columns, i)->primary == place)
            return i;
    }
    return -1;
}

RC key_take(const struct columns *columns, struct table *table, const struct table_request *request, struct error *err)
{
    if (request->key != NULL)
        return key_take_named(columns, table, request, err);
    for (int place = 1, at; (at = primary_column(columns, place)) >= 0; place++) {
        const struct source_column *column = column_at(columns, at);
        if (column->as != NULL || !column->has_order) {
            table->key_count = 0;
            return RC_OK;
        }
        TRY(key_add(table, at, err));
    }
    return RC_OK;
}

bool key_has(const struct table *table, int column)
{
    for (int i = 0; i < table->key_count; i++) {
        if (table->key[i] == column)
            return true;
    }
    return false;
}

/* ---- what is left out ---- */

/* Key and cursor in their new `places` (-1: left out). */
static RC move_order(struct table *table, const int *places, bool is_whole, struct error *err)
{
    bool has_key = true, has_cursor = table->cursor < 0 || places[table->cursor] >= 0;
    for (int i = 0; i < table->key_count; i++) {
        has_key &= places[table->key[i]] >= 0;
        table->key[i] = places[table->key[i]];
    }
    table->cursor = has_cursor && table->cursor >= 0 ? places[table->cursor] : -1;
    if (!has_key)
        table->key_count = 0;
    if (is_whole || (has_key && has_cursor))
        return RC_OK;
    fail(err, RC_CONFIG, "the %s of '%s' is excluded, and rows are ordered by it", has_key ? "cursor" : "key",
         table->name);
    return fail_todo(err, "take it out of 'exclude_columns', name another %s, or take increment: full_sync",
                     has_key ? "cursor" : "key");
}

RC columns_drop_excluded(struct columns *columns, struct table *table, bool is_whole, struct error *err)
{
    int kept = 0, places[COLUMNS_MAX];
    for (int i = 0; i < columns->count; i++) {
        const struct source_column *column = column_at(columns, i);
        places[i] = column->excluded ? -1 : kept;
        if (!column->excluded)
            memmove(column_at(columns, kept++), column, columns->each_bytes);
    }
    columns->count = kept;
    return move_order(table, places, is_whole, err);
}

void columns_finish(const struct columns *columns, struct table *table, struct arena *arena)
{
    struct schema *schema = arena_take(arena, sizeof(*schema));
    struct type_verdict *verdicts = arena_take(arena, (size_t)columns->count * sizeof(*verdicts));
    schema->fields = arena_take(arena, (size_t)columns->count * sizeof(*schema->fields));
    for (; schema->count < columns->count; schema->count++) {
        schema->fields[schema->count] = column_at(columns, schema->count)->field;
        verdicts[schema->count] = column_at(columns, schema->count)->verdict;
    }
    table->schema = schema;
    table->verdicts = verdicts;
}

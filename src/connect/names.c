#include "connect/names.h"

#include <strings.h>

#include "base/options.h"

bool name_says_changed(const char *column)
{
    static const char *const names[] = {
        "updated_at",      "modified_at",  "last_modified", "last_updated", "last_modified_at",
        "last_updated_at", "update_time",  "modify_time",   "updated",      "modified",
        "mtime",           "updated_on",   "modified_on",   "update_date",  "modified_date",
        "changed_at",      "gmt_modified", "updatedat",     "modifiedat",   "lastmodified",
        "lastupdated",     "updated_time",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(column, names[i]) == 0)
            return true;
    }
    return false;
}

enum rc names_fail_column(const char *table, const char *const *names, int count, const char *what, const char *name,
                          struct error *err)
{
    const char *near = nearest_name(name, names, count);
    fail(err, RC_CONFIG, "'%s' has no column '%s' (%s)%s%s%s", table, name, what,
         near != NULL ? "; did you mean '" : "", or_empty(near), near != NULL ? "'?" : "");
    return fail_todo_names(err, "its columns are", names, count);
}

enum rc names_override(const char *table, const struct column_override *override, const char **ret, struct error *err)
{
    bool is_text = strcmp(override->as, "text") == 0;
    if (!is_text && strcmp(override->as, "binary") != 0)
        return fail(err, RC_CONFIG, "column '%s' of '%s' cannot be taken as '%s': it is text or binary",
                    override->column, table, override->as);
    *ret = is_text ? "text" : "binary";
    return RC_OK;
}

enum rc names_add_key(struct table *table, int column, struct error *err)
{
    if (table->key_count == KEY_COLUMNS_MAX)
        return fail(err, RC_CONFIG, "the key of '%s' has more than %d columns", table->name, KEY_COLUMNS_MAX);
    table->key[table->key_count++] = column;
    return RC_OK;
}

enum rc names_exclude(struct table *table, const int *places, bool is_whole, struct error *err)
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

#include "connect/names.h"

#include <strings.h>

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

const char *excluded_order(struct table *table, const int *places, bool is_whole)
{
    bool has_key = true, has_cursor = table->cursor < 0 || places[table->cursor] >= 0;
    for (int i = 0; i < table->key_count; i++) {
        has_key &= places[table->key[i]] >= 0;
        table->key[i] = places[table->key[i]];
    }
    table->cursor = has_cursor && table->cursor >= 0 ? places[table->cursor] : -1;
    if (!has_key)
        table->key_count = 0;
    if (is_whole)
        return NULL;
    return !has_key ? "key" : !has_cursor ? "cursor" : NULL;
}

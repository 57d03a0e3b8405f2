/* Which tables a command means: names, patterns, entries. */
#include <assert.h>

#include "move/config_intern.h"

bool is_pattern(const char *name) { return strpbrk(name, "*?") != NULL; }

/* Goes back to the last star only, so that a hostile pattern costs no more than pattern x name. '?' takes one UTF-8
 * character. */
bool pattern_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == '?') {
            pattern++;
            do
                name++;
            while (((unsigned char)*name & 0xC0) == 0x80);
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* The entry that a table has in the configuration: its own, else the first pattern that takes it. */
static const struct table_config *entry_of(const struct pipeline_config *pipeline, const char *name)
{
    const struct table_config *by_pattern = NULL;
    for (int i = 0; i < pipeline->table_count; i++) {
        const struct table_config *entry = &pipeline->tables[i];
        if (text_eq(entry->name, name))
            return entry;
        if (by_pattern != NULL || !entry->is_pattern || !pattern_matches(entry->name, name))
            continue;
        bool excluded = false;
        for (int e = 0; e < entry->exclude.count && !excluded; e++)
            excluded = pattern_matches(entry->exclude.items[e], name);
        by_pattern = excluded ? NULL : entry;
    }
    return by_pattern;
}

bool tables_need_listing(const struct pipeline_config *pipeline, const char *const *wanted, int wanted_count)
{
    for (int i = 0; i < wanted_count; i++) {
        const struct table_config *entry = entry_of(pipeline, wanted[i]);
        if (is_pattern(wanted[i]) || (entry != NULL && entry->is_pattern && text_eq(entry->name, wanted[i])))
            return true;
    }
    for (int i = 0; wanted_count == 0 && i < pipeline->table_count; i++) {
        if (pipeline->tables[i].is_pattern)
            return true;
    }
    return false;
}

/* The result as it grows. */
struct resolving {
    struct config *config;
    const struct pipeline_config *pipeline;
    const char *const *existing;
    int existing_count;
    struct table_config *tables;
    int count, size;
};

static void add_table(struct resolving *r, const struct table_config *table, const char *name)
{
    for (int i = 0; i < r->count; i++) {
        if (text_eq(r->tables[i].name, name))
            return;
    }
    if (r->count == r->size) {
        r->size = r->size != 0 ? 2 * r->size : 16;
        r->tables = xrealloc(r->tables, sizeof(*r->tables) * (size_t)r->size);
    }
    struct table_config *added = &r->tables[r->count++];
    *added = *table;
    added->name = arena_text(&r->config->arena, name);
    added->is_pattern = false;
    if (!option_is_given(table->options, "target"))
        added->target = added->name;
}

static RC add_pattern(struct resolving *r, const struct table_config *entry, struct error *err)
{
    int matches = 0;
    for (int i = 0; i < r->existing_count; i++) {
        if (entry_of(r->pipeline, r->existing[i]) == entry) {
            add_table(r, entry, r->existing[i]);
            matches++;
        }
    }
    if (matches > 0)
        return RC_OK;
    fail(err, RC_NOT_FOUND, WHERE_FMT ": the pattern '%s' matches no table of '%s' that has no entry of its own",
         WHERE_ARG(entry->where), entry->name, r->pipeline->source);
    return fail_todo(err, "correct the pattern, or remove it");
}

static RC add_named(struct resolving *r, const char *name, struct error *err)
{
    const struct table_config *entry = entry_of(r->pipeline, name);
    struct table_config unlisted = {0};
    if (entry == NULL) {
        TRY(table_default(r->config, r->pipeline, name, &unlisted, err));
        entry = &unlisted;
    }
    add_table(r, entry, name);
    return RC_OK;
}

static bool is_existing(const struct resolving *r, const char *name)
{
    for (int i = 0; i < r->existing_count; i++) {
        if (text_eq(r->existing[i], name))
            return true;
    }
    return false;
}

/* Of the tables that the pipeline lists, where it lists any: what its patterns leave out was left out on purpose. */
static RC add_wanted_pattern(struct resolving *r, const char *pattern, struct error *err)
{
    int matches = 0;
    for (int i = 0; i < r->existing_count; i++) {
        const char *name = r->existing[i];
        if (!pattern_matches(pattern, name) || (r->pipeline->table_count > 0 && entry_of(r->pipeline, name) == NULL))
            continue;
        TRY(add_named(r, name, err));
        matches++;
    }
    if (matches > 0)
        return RC_OK;
    fail(err, RC_NOT_FOUND, "the pattern '%s' matches no table of '%s'%s", pattern, r->pipeline->source,
         r->pipeline->table_count > 0 ? " that the pipeline lists" : "");
    return fail_todo(err, "correct the pattern; `waybill plan` without -t shows the tables there are");
}

static RC add_wanted(struct resolving *r, const char *name, struct error *err)
{
    const struct table_config *entry = entry_of(r->pipeline, name);
    if (entry != NULL && entry->is_pattern && text_eq(entry->name, name))
        return add_pattern(r, entry, err);
    return is_pattern(name) && !is_existing(r, name) ? add_wanted_pattern(r, name, err) : add_named(r, name, err);
}

static RC add_all(struct resolving *r, const char *const *wanted, int wanted_count, struct error *err)
{
    for (int i = 0; i < wanted_count; i++)
        TRY(add_wanted(r, wanted[i], err));
    for (int i = 0; wanted_count == 0 && i < r->pipeline->table_count; i++) {
        const struct table_config *entry = &r->pipeline->tables[i];
        if (entry->is_pattern)
            TRY(add_pattern(r, entry, err));
        else
            add_table(r, entry, entry->name);
    }
    return RC_OK;
}

RC tables_resolve(struct config *self, const struct pipeline_config *pipeline, const char *const *wanted,
                  int wanted_count, const char *const *existing, int existing_count, const struct table_config **ret,
                  int *ret_count, struct error *err)
{
    if (wanted_count == 0 && pipeline->table_count == 0) {
        fail(err, RC_CONFIG, WHERE_FMT ": pipeline '%s' lists no tables", WHERE_ARG(pipeline->where), pipeline->name);
        return fail_todo(err, "name one with -t, or add 'tables: {NAME: {}}'");
    }
    struct resolving r = {self, pipeline, existing, existing_count, NULL, 0, 0};
    enum rc rc = add_all(&r, wanted, wanted_count, err);
    if (rc == RC_OK)
        rc = config_check_circles(r.tables, r.count, err); /* that only the names which patterns stand for make */
    if (rc == RC_OK) {
        assert(r.tables != NULL && "something was wanted or listed");
        struct table_config *tables = arena_take(&self->arena, sizeof(*tables) * (size_t)(r.count + 1));
        memcpy(tables, r.tables, sizeof(*tables) * (size_t)r.count);
        *ret = tables;
        *ret_count = r.count;
    }
    free(r.tables);
    return rc;
}

struct table_request table_request_of(const struct table_config *table)
{
    return (struct table_request){
        .name = table->name,
        .sql = table->sql,
        .cursor = table->cursor,
        .cursor_unit = table->cursor_unit,
        .cursor_zone = table->cursor_zone,
        .lookback_ms = table->lookback_ms,
        .zero_dates = table->zero_dates,
        .sets_aside = table->quarantine > 0,
        .key = table->key.items,
        .key_count = table->key.count,
        .wants_cursor = increment_is_timed(table->increment),
        .is_whole = table->increment == INCREMENT_FULL_SYNC,
        .overrides = table->overrides,
        .override_count = table->override_count,
        .excluded = table->excluded,
        .excluded_count = table->excluded_count,
    };
}

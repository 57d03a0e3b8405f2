/* `depends_on`: of which tables a table waits, whether there are such, and that nobody waits in a circle. */
#include <stdlib.h>

#include "move/config_intern.h"

bool table_depends_on(const struct table_config *table, const char *other)
{
    for (int i = 0; i < table->depends_on.count; i++) {
        if (pattern_matches(table->depends_on.items[i], other) && !text_eq(table->name, other))
            return true;
    }
    return false;
}

/* ---- circles ---- */

/* A walk from table to table, in the direction of waiting. */
struct walk {
    const struct table_config *tables;
    int count;
    enum { SEEN_NEVER, SEEN_ON_THE_WAY, SEEN_TO_ITS_END } * seen;
    int *from; /* on the way: the table before this one */
};

/* "orders -> customers -> orders" */
static RC circle(const struct walk *walk, int last, int again, struct error *err)
{
    AUTO_RELEASE(buf) path = {0};
    int *way = xcalloc((size_t)walk->count + 1, sizeof(*way)), steps = 0;
    for (int at = last; at != again; at = walk->from[at])
        way[steps++] = at;
    buf_addf(&path, "%s", walk->tables[again].name);
    while (steps > 0)
        buf_addf(&path, " -> %s", walk->tables[way[--steps]].name);
    free(way);
    const struct table_config *table = &walk->tables[last];
    fail(err, RC_CONFIG, WHERE_FMT ": table '%s': 'depends_on' leads in a circle: %s -> %s",
         WHERE_ARG(config_table_where(table, "depends_on")), table->name, path.at, walk->tables[again].name);
    return fail_todo(err, "take one of these dependencies out: none of the tables could ever begin");
}

static RC walk_from(struct walk *walk, int at, struct error *err)
{
    const struct table_config *table = &walk->tables[at];
    walk->seen[at] = SEEN_ON_THE_WAY;
    for (int i = 0; i < walk->count && table->depends_on.count > 0; i++) {
        if (walk->seen[i] == SEEN_TO_ITS_END || !table_depends_on(table, walk->tables[i].name))
            continue;
        if (walk->seen[i] == SEEN_ON_THE_WAY)
            return circle(walk, at, i, err);
        walk->from[i] = at;
        TRY(walk_from(walk, i, err));
    }
    walk->seen[at] = SEEN_TO_ITS_END;
    return RC_OK;
}

RC config_check_circles(const struct table_config *tables, int count, struct error *err)
{
    struct walk walk = {.tables = tables, .count = count};
    enum rc rc = RC_OK;
    walk.seen = xcalloc((size_t)count + 1, sizeof(*walk.seen));
    walk.from = xcalloc((size_t)count + 1, sizeof(*walk.from));
    for (int i = 0; i < count && rc == RC_OK; i++) {
        if (walk.seen[i] == SEEN_NEVER)
            rc = walk_from(&walk, i, err);
    }
    free(walk.seen);
    free(walk.from);
    return rc;
}

/* ---- names ---- */

static bool is_listed(const struct pipeline_config *pipeline, const char *name)
{
    for (int i = 0; i < pipeline->table_count; i++) {
        const struct table_config *entry = &pipeline->tables[i];
        if (pattern_matches(name, entry->name) || (entry->is_pattern && pattern_matches(entry->name, name)))
            return true;
    }
    return false;
}

static RC not_listed(const struct pipeline_config *pipeline, const struct table_config *table, const char *name,
                     struct error *err)
{
    const char **names = xcalloc((size_t)pipeline->table_count + 1, sizeof(*names));
    for (int i = 0; i < pipeline->table_count; i++)
        names[i] = pipeline->tables[i].name;
    const char *near = nearest_name(name, names, pipeline->table_count);
    free(names);
    fail(err, RC_CONFIG, WHERE_FMT ": table '%s' depends on '%.80s', which pipeline '%s' does not list%s%s%s",
         WHERE_ARG(config_table_where(table, "depends_on")), table->name, name, pipeline->name,
         near != NULL ? "; did you mean '" : "", or_empty(near), near != NULL ? "'?" : "");
    return fail_todo(err, "name tables under 'tables' of the same pipeline, or patterns of them");
}

static RC check_name(const struct pipeline_config *pipeline, const struct table_config *table, const char *name,
                     struct error *err)
{
    if (strstr(name, "${") != NULL)
        return RC_OK;
    if (text_eq(name, table->name)) {
        fail(err, RC_CONFIG, WHERE_FMT ": table '%s' depends on itself",
             WHERE_ARG(config_table_where(table, "depends_on")), table->name);
        return fail_todo(err, "take it out of its own 'depends_on'");
    }
    return is_listed(pipeline, name) ? RC_OK : not_listed(pipeline, table, name, err);
}

RC config_check_order(const struct pipeline_config *pipeline, struct error *err)
{
    for (int i = 0; i < pipeline->table_count; i++) {
        const struct table_config *table = &pipeline->tables[i];
        for (int n = 0; n < table->depends_on.count; n++)
            TRY(check_name(pipeline, table, table->depends_on.items[n], err));
    }
    return config_check_circles(pipeline->tables, pipeline->table_count, err);
}

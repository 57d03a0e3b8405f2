/* What the target's columns come to, counted by SQLite. */
#include "connect/sql/profile.h"
#include "connect/sqlite/target_parts.h"

enum { COLUMNS_AT_ONCE = 100 };

/* Types do not matter: a value has its own. */
static struct sql_shape names_of(const struct shape *shape, struct arena *arena)
{
    struct sql_shape names = {.exists = shape->exists, .kind = shape->kind, .count = shape->count};
    names.columns = arena_take(arena, sizeof(*names.columns) * (size_t)(shape->count + 1));
    for (int i = 0; i < shape->count; i++)
        names.columns[i] = (struct sql_column){.name = shape->columns[i].name, .type = shape->columns[i].declared};
    return names;
}

static RC profile(struct sqlite_target *self, const struct target_table *table, const struct key_list *without,
                  struct profile *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct sql_on on = sqlite_on(self, table);
    struct shape shape = {.kind = ""};
    TRY(sqlite_target_look(self, err));
    if (self->db != NULL)
        TRY(shape_read(self, table->name, &arena, &shape, err));
    const struct sql_shape names = names_of(&shape, &arena);
    return sql_profile(&on, &names, without, COLUMNS_AT_ONCE, ret, err);
}

RC sqlite_target_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                         struct profile *ret, struct error *err)
{
    enum rc rc = profile((struct sqlite_target *)base, table, without, ret, err);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': counting the columns of '%s'", base->name, table->name);
}

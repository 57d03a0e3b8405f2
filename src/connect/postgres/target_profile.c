/* What the target's columns come to, counted by the server. */
#include "connect/postgres/target_parts.h"
#include "connect/sql/profile.h"

enum { COLUMNS_AT_ONCE = 100 };

static RC profile(struct postgres_target *self, const struct target_table *table, const struct key_list *without,
                  struct profile *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct sql_on on = postgres_on(self, table);
    struct sql_shape shape;
    TRY(postgres_target_connect(self, err));
    TRY(postgres_shape_read(self, table->name, &arena, &shape, err));
    return sql_profile(&on, &shape, without, COLUMNS_AT_ONCE, ret, err);
}

RC postgres_target_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                           struct profile *ret, struct error *err)
{
    enum rc rc = profile((struct postgres_target *)base, table, without, ret, err);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': counting the columns of '%s'", base->name, table->name);
}

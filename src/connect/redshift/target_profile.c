/* What the target's columns come to, counted by the cluster. */
#include "connect/redshift/target_parts.h"
#include "connect/sql/profile.h"

enum { COLUMNS_AT_ONCE = 50 };

static RC profile(struct redshift_target *self, const struct target_table *table, const struct key_list *without,
                  struct profile *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct sql_on on = redshift_on(self, table);
    struct sql_shape shape;
    TRY(redshift_connect(self, err));
    TRY(redshift_shape_read(self, table->name, &arena, &shape, err));
    return sql_profile(&on, &shape, without, COLUMNS_AT_ONCE, ret, err);
}

RC redshift_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                    struct profile *ret, struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    if (profile(self, table, without, ret, err) == RC_OK)
        return RC_OK;
    redshift_abort(self);
    return fail_in(err, "target '%s': counting the columns of '%s'", base->name, table->name);
}

/* What the target's columns come to, counted by the engine. */
#include "connect/adbc/target_parts.h"
#include "connect/sql/profile.h"

enum { COLUMNS_AT_ONCE = 100 };

static RC profile(struct adbc_target *self, const struct target_table *table, const struct key_list *without,
                  struct profile *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct sql_shape shape = {0};
    TRY(adbc_target_look(self, err));
    if (self->db != NULL)
        TRY(adbc_shape_read(self, table->name, &arena, &shape, err));
    const struct sql_on on = adbc_on(self, table);
    return sql_profile(&on, &shape, without, COLUMNS_AT_ONCE, ret, err);
}

RC adbc_target_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                       struct profile *ret, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    enum rc rc = profile(self, table, without, ret, err);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': counting the columns of '%s'", base->name, table->name);
}

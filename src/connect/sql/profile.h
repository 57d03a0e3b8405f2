/* What a table's columns come to, counted by the system itself (data/profile.h). */
#pragma once

#include "connect/sql/shape.h"

/* As target_profile, of a table that was looked at; `at_once`: the columns of one statement. RC_NOT_FOUND: it is not
 * there. */
RC sql_profile(const struct sql_on *on, const struct sql_shape *shape, const struct key_list *without, int at_once,
               struct profile *ret, struct error *err);

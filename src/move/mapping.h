/* A column on its whole way: what it is in the source, in the waybill and in the target, and what that does to its
 * values. */
#pragma once

#include "move/route.h"

struct mapping {
    const struct field *source, *staged;
    struct target_type target;   /* declared "" : no target */
    struct type_verdict verdict; /* of the whole way */
};

/* Of staged column `column` of a table that was described; `why` lives as long as the route. */
struct mapping mapping_of(struct route *r, int column);
/* RC_CONFIG: a column whose values would change, and whose entry does not say how to take it. */
RC mapping_check(struct route *r, struct error *err);
/* Of any type of a source: what the waybill's type becomes in the target, both verdicts together. */
struct type_verdict verdict_join(const struct type_verdict *first, const struct type_verdict *second,
                                 struct arena *arena);

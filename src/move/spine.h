/* Design section 3: one range, exactly once. spine.c has one function per arrow, in that order and by those names. */
#pragma once

#include "move/route.h"

/* take, adopt, then bound, begin, extract, seal, load until nothing is left in this run's bounds. */
RC spine_move(struct route *r, struct error *err);
/* When all routes of the run are through: receipts, then the outputs of the run. */
RC spine_announce(struct run *run, struct error *err);
/* S{loaded}, and the lease is given. */
RC spine_close(struct route *r, struct error *err);
/* After a failure: the lease is given with the status `failed`, as far as that is possible. The mark stays. */
void spine_fail(struct route *r);

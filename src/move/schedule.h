/* Which table is moved next: each when those that it depends on are through, else in the order of the run. A table
 * whose dependency failed is not begun. */
#pragma once

#include "move/route.h"

/* Of all routes of the run, which must outlive it. What tables depend on and the run does not move is passed over. */
struct schedule *schedule_new(struct run *run);
void schedule_free(struct schedule *self);
AUTO_DEFINE(schedule)

/* The next table to be moved; it is the caller's until schedule_done. Waits while all that is left depends on tables
 * that are under way. NULL: nothing is left. What is skipped has its result already. From any thread. */
struct route *schedule_next(struct schedule *self);
/* It was moved, or has failed: r->result says so. */
void schedule_done(struct schedule *self, struct route *r);

/* A clock that misbehaves where a plan says. Every look and every sleep is a call. FAIL: the wall clock steps back an
 * hour, the monotonic one jumps 10 s ahead, a sleep ends at once (a signal); LATE: a day ahead, 10 s, ten times too
 * long; TORN: the wall clock says 1970 this once, else as FAIL; STALL: the process is not scheduled (plan->stalled).
 * Steps stay. */
#pragma once

#include "base/clock.h"
#include "world/fault.h"

struct fault_clock {
    struct clock clock;
    struct clock *inner;
    struct fault_plan *plan;
    _Atomic int64_t wall_step_us, mono_step_ms;
};
void fault_clock_init(struct fault_clock *self, struct clock *inner, struct fault_plan *plan);

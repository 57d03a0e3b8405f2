/* The one place that decides whether and when something is tried again. A policy is a budget of attempts with doubling,
 * jittered waits; an observer sees every wait, so that a long one can be shown. Only failures whose kind is worth a
 * retry (RC_TABLE) count; calls that are not idempotent look first and then decide (state/settle.h). */
#pragma once

#include <stdatomic.h>

#include "base/clock.h"
#include "base/error.h"

struct retry {
    int attempts_max;
    int64_t wait_ms_first, wait_ms_max;
};

struct retry_observer {
    void (*waiting)(void *context, int attempt, int64_t wait_ms, const struct error *why);
    void *context;
};

/* One use of a policy: zero-initialise, fill in what is known, then `while (retry_again(&r, err))`-style loops. */
struct retrying {
    struct retry policy;
    struct clock *clock;
    struct random *random;
    const struct retry_observer *observer; /* may be NULL */
    const atomic_int *stop;                /* not 0: the program is asked to end, and waits no longer; NULL: never */
    int attempt;
};

/* Wait before attempt n (2 for the first repetition): doubling, jittered by half, never over wait_ms_max. */
int64_t retry_wait_ms(const struct retry *policy, struct random *random, int attempt);
/* After a failure: false when it is not worth it, the budget is used up or the program is asked to end; else waits and
 * returns true. */
bool retry_again(struct retrying *self, const struct error *err);

/* What the fault-injecting decorators of all seams share: one plan per run, one count of calls across the seams.
 *
 * A sweep gives a plan, wraps store, source, target and clock, runs, and reads what was hit; n = 1, 2, ... until
 * nothing is hit any more. A decorator's operation:
 *
 *     enum fault fault = fault_ask(plan, "store", "put");
 *     if (!fault_does_call(fault))
 *         return fault_refuse(fault, err);       (a TORN call may do half of its work first)
 *     enum rc rc = ...the real call, into out-parameters of its own...;
 *     TRY(fault_answer(fault, rc, err));
 *     ...now the out-parameters are given to the caller... */
#pragma once

#include <stdbool.h>

#include "base/error.h"

enum fault {
    FAULT_NONE,
    FAULT_FAIL,         /* not done, RC_UNAVAILABLE */
    FAULT_LATE,         /* done, but the answer is lost: RC_UNAVAILABLE (a commit: RC_UNKNOWN) */
    FAULT_TORN,         /* half done, as far as the seam's promises allow; RC_UNAVAILABLE */
    FAULT_STALL,        /* the world moves on (plan->stalled), then the call is done */
    FAULT_CRASH_BEFORE, /* the process dies: nothing more is done by any seam of this run */
    FAULT_CRASH_AFTER,  /* done, then the process dies */
};
const char *fault_name(enum fault fault);

struct fault_plan {
    enum fault fault;
    int at;      /* 1-based number of the call that is hit, over all seams; 0: none */
    bool sticky; /* and every later call; after a crash that is so anyway */
    void (*stalled)(void *context);
    /* before every call that is not a dead process's, when it has been counted: may still change what is above (a sweep
     * forks here); NULL: none */
    void (*asked)(struct fault_plan *plan, const char *seam, const char *operation);
    void *context; /* of both */
    /* what happened */
    int calls; /* asked so far; calls of a dead process are not counted */
    int fired;
    bool crashed;
    const char *seam, *operation; /* of the first call that was hit; NULL: none */
};

/* Counts a call and tells what shall happen to it. Calls plan->stalled itself. From any thread of the run. */
enum fault fault_ask(struct fault_plan *plan, const char *seam, const char *operation);
/* Is the real call made at all? */
bool fault_does_call(enum fault fault);
/* The error of a call that was not made. */
enum rc fault_refuse(enum fault fault, struct error *err);
/* The answer to a call that was made and gave rc: rc itself, or the error instead of it. */
enum rc fault_answer(enum fault fault, enum rc rc, struct error *err);

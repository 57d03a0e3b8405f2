#include "world/fault.h"

#include <pthread.h>

const char *fault_name(enum fault fault)
{
    static const char *const names[] = {"none", "fail", "late", "torn", "stall", "crash-before", "crash-after"};
    return names[fault];
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all plans: a run's threads share its plan */

static bool fires(struct fault_plan *plan, int call)
{
    return plan->at > 0 && (call == plan->at || (plan->sticky && call > plan->at));
}

/* The lock is held. */
static enum fault decide(struct fault_plan *plan, int call, const char *seam, const char *operation)
{
    if (plan->crashed)
        return FAULT_CRASH_BEFORE;
    if (plan->fault == FAULT_NONE || !fires(plan, call))
        return FAULT_NONE;
    if (plan->fired++ == 0) {
        plan->seam = seam;
        plan->operation = operation;
    }
    plan->crashed = plan->fault == FAULT_CRASH_BEFORE || plan->fault == FAULT_CRASH_AFTER;
    return plan->fault;
}

enum fault fault_ask(struct fault_plan *plan, const char *seam, const char *operation)
{
    pthread_mutex_lock(&lock);
    bool is_dead = plan->crashed;
    int call = is_dead ? 0 : ++plan->calls;
    pthread_mutex_unlock(&lock);
    if (!is_dead && plan->asked != NULL)
        plan->asked(plan, seam, operation);
    pthread_mutex_lock(&lock);
    enum fault fault = decide(plan, call, seam, operation);
    pthread_mutex_unlock(&lock);
    if (!is_dead && fault == FAULT_STALL && plan->stalled != NULL)
        plan->stalled(plan->context);
    return fault;
}

bool fault_does_call(enum fault fault)
{
    return fault == FAULT_NONE || fault == FAULT_LATE || fault == FAULT_STALL || fault == FAULT_CRASH_AFTER;
}

enum rc fault_refuse(enum fault fault, struct error *err)
{
    if (fault == FAULT_CRASH_BEFORE)
        return fail(err, RC_FAILED, "crashed");
    return fail(err, RC_UNAVAILABLE, "injected: %s", fault == FAULT_TORN ? "half of it was sent" : "it was not done");
}

enum rc fault_answer(enum fault fault, enum rc rc, struct error *err)
{
    if (fault == FAULT_CRASH_AFTER)
        return fail(err, RC_FAILED, "crashed");
    if (fault == FAULT_LATE)
        return fail(err, RC_UNAVAILABLE, "injected: the answer was lost");
    return rc;
}

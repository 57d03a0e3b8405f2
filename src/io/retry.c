#include "io/retry.h"

enum { SLICE_MS = 250 };

int64_t retry_wait_ms(const struct retry *policy, struct random *random, int attempt)
{
    int64_t wait = policy->wait_ms_first;
    for (int i = 2; i < attempt && wait < policy->wait_ms_max; i++)
        wait *= 2;
    if (wait > policy->wait_ms_max)
        wait = policy->wait_ms_max;
    uint32_t chance;
    random->fill(random, &chance, sizeof(chance));
    return wait / 2 + (wait > 1 ? (int64_t)(chance % (uint32_t)(wait - wait / 2)) : 0);
}

static bool is_stopped(const struct retrying *self) { return self->stop != NULL && *self->stop != 0; }

/* In slices, so that a signal that another thread took is seen soon. */
static void sleep_until_stopped(const struct retrying *self, int64_t wait_ms)
{
    int64_t slice_ms = self->stop != NULL ? SLICE_MS : wait_ms;
    for (; wait_ms > 0 && !is_stopped(self); wait_ms -= slice_ms)
        self->clock->sleep_ms(self->clock, wait_ms < slice_ms ? wait_ms : slice_ms);
}

bool retry_again(struct retrying *self, const struct error *err)
{
    self->attempt++;
    if (!rc_is_transient(err->rc) || self->attempt >= self->policy.attempts_max || is_stopped(self))
        return false;
    int64_t wait = retry_wait_ms(&self->policy, self->random, self->attempt + 1);
    if (err->retry_after_ms > wait)
        wait = err->retry_after_ms;
    if (self->observer != NULL)
        self->observer->waiting(self->observer->context, self->attempt, wait, err);
    sleep_until_stopped(self, wait);
    return !is_stopped(self);
}

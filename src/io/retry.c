#include "io/retry.h"

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

bool retry_again(struct retrying *self, const struct error *err)
{
    self->attempt++;
    if (!rc_is_transient(err->rc) || self->attempt >= self->policy.attempts_max)
        return false;
    int64_t wait = retry_wait_ms(&self->policy, self->random, self->attempt + 1);
    if (err->retry_after_ms > wait)
        wait = err->retry_after_ms;
    if (self->observer != NULL)
        self->observer->waiting(self->observer->context, self->attempt, wait, err);
    self->clock->sleep_ms(self->clock, wait);
    return true;
}

/* The exit status of several things done one after the other: all well 0, some 3, none: their common
 * status, else 1. A stop asked for goes before all. */
#pragma once

#include "base/error.h"

struct outcome {
    int good, failed, status; /* zero-initialise; status: of those that failed */
};

static inline void outcome_add(struct outcome *self, enum rc rc)
{
    int status = rc_exit_status(rc);
    bool is_first = self->failed == 0, was_stopped = self->status >= 128;
    self->good += status == 0;
    self->failed += status != 0;
    if (status != 0 && !was_stopped)
        self->status = is_first || status >= 128 || status == self->status ? status : 1;
}

static inline int outcome_status(const struct outcome *self)
{
    return self->good > 0 && self->failed > 0 && self->status < 128 ? 3 : self->status;
}

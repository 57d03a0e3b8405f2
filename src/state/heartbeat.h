/* The thread that keeps a run's leases alive. It only saves work: safety rests on compare-and-swap and on T. */
#pragma once

#include "state/scope.h"

struct heartbeat;
/* Beats every held scope each `beat_ms`. The scopes must outlive it; scopes may be added while it runs. */
struct heartbeat *heartbeat_start(int64_t beat_ms);
void heartbeat_add(struct heartbeat *self, struct scope *scope);
/* Stops and joins the thread; NULL is fine. A beat under way is finished first. */
void heartbeat_free(struct heartbeat *self);
AUTO_DEFINE(heartbeat)

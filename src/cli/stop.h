/* SIGINT and SIGTERM ask the program to end: it finishes or gives up what is under way, says where it stands, and exits
 * with 130 or 143 (case S71). So does a deadline, by SIGALRM and with 5. A second signal ends it at once, which is safe
 * too: the next run goes on. */
#pragma once

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

/* From now on. The signal that came, 0 so far; connections' waits look at it. */
const atomic_int *stop_catch(void);
/* SIGALRM, and with it RC_DEADLINE, after so long. */
void stop_after(int64_t ms);
/* For struct run_world: RC_INTERRUPTED, RC_TERMINATED or RC_DEADLINE in err once a signal came. */
bool stop_asked(void *context, struct error *err);

/* What a run would do: `plan`, and `sync pipeline --dry-run`. */
#pragma once

#include "cli/session.h"

/* Looks at every table of the session, whose run has begun, and prints what it sees; the failures of single tables on
 * the messages' side. `origins`: also where each value of the configuration comes from. Sets cli->status. */
void plan_report(struct session *self, bool origins);

/* Any target, made to fail where a plan says (world/fault.h); every operation is a call.
 *
 * TORN: load_file: the first half of the rows is in the transaction; commit: RC_UNKNOWN, and the session is left behind
 * as a dead process leaves it, so that in memory set_death decides whether it is rolled back, lingers or commits late;
 * the others: nothing is done. LATE: done and RC_UNAVAILABLE; commit: done and RC_UNKNOWN; begin: the transaction is
 * left behind. A rollback that is hit loses the connection, which is the same to the server. After RC_UNKNOWN nothing
 * works until target_reconnect; after a crash nothing works at all, and target_free leaves the session behind. */
#pragma once

#include "connect/target.h"
#include "world/fault.h"

/* Takes over `inner`. The plan must outlive the target. */
struct target *fault_target_new(struct target *inner, struct fault_plan *plan);

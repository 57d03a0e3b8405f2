/* Any store, made to fail where a plan says.
 *
 * TORN: put, complete: nothing is done (they are atomic); a part: half of its bytes are sent and it does not count;
 * get: half of the bytes are in the buffer; get_range: half of them are in place; delete: the first half of the items
 * is deleted; the others: nothing is done. The answer is RC_UNAVAILABLE each time. */
#pragma once

#include "store/store.h"
#include "world/fault.h"

/* Takes over `inner`. The plan must outlive the store. */
struct store *fault_store_new(struct store *inner, struct fault_plan *plan);

/* What a run tells when all its tables are through, or have failed (spec/sync.md 5). */
#pragma once

#include "base/json.h"
#include "move/run.h"

/* A receipt for every waybill in (S.loaded, T.waybill] that has none, oldest first, whoever loaded it. */
RC announce_receipts(struct route *r, struct error *err);
/* JSON output (unless it is "-") and markers of the whole run; completion_marker.txt last. */
RC announce_outputs(struct run *run, struct error *err);
/* The JSON document of a run. The caller owns it. */
json_t *announce_document(const struct run *run);

/* What a run tells when all its tables are through, or have failed (docs/markers.md). */
#pragma once

#include "base/json.h"
#include "move/route.h"

/* A receipt for every waybill in (S.loaded, T.waybill] that has none, oldest first, whoever loaded it. */
RC announce_receipts(struct route *r, struct error *err);
/* JSON output (unless it is "-") and markers of the whole run; completion_marker.txt last. */
RC announce_outputs(struct run *run, struct error *err);
/* The JSON document of a run. The caller owns it. */
json_t *announce_document(const struct run *run);
/* table_metrics.json, which the run's document holds, too. Numbers that are not known (-1) are null. */
json_t *announce_metrics(const char *pipeline, const char *table, const struct table_result *result);
#define TABLE_RESULT_UNKNOWN                                                                                           \
    ((struct table_result){.announces_loads = true,                                                                    \
                           .rows_extracted = -1,                                                                       \
                           .extract_ms = -1,                                                                           \
                           .bytes_raw = -1,                                                                            \
                           .bytes_staged = -1,                                                                         \
                           .rows_loaded = -1,                                                                          \
                           .loads = -1,                                                                                \
                           .load_ms = -1,                                                                              \
                           .rows_announced = -1,                                                                       \
                           .files_announced = -1,                                                                      \
                           .bytes_announced = -1})

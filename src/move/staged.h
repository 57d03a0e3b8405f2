/* A staged file of a sealed waybill, opened as its rows. Nothing of it is believed: its size and the store's checksum
 * have to be what was sealed, and at the end of its rows so has their fingerprint. */
#pragma once

#include "move/route.h"

/* What is there is what was sealed, as far as the store can tell without giving it. RC_NOT_FOUND: it is gone. RC_DATA:
 * it is not. */
RC staged_check(const struct route *r, const struct waybill_file *sealed, struct error *err);
/* The same, and its rows; `sealed` must outlive the reader, which says RC_DATA too, naming the column. */
RC staged_open(const struct route *r, const struct waybill_file *sealed, const struct schema *schema,
               struct batch_reader **ret, struct error *err);
/* `took` is told how many rows the reader has given so far, batch by batch. Takes `inner`. */
struct batch_reader *staged_counted(struct batch_reader *inner, void (*took)(void *context, int64_t rows),
                                    void *context);

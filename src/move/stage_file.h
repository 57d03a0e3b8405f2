/* One staged file on its way into the store: bytes go into parts, parts into a multipart upload (one put when a single
 * part holds it all), and what the store then says it has must be what was sent. */
#pragma once

#include "base/checksum.h"
#include "data/batch.h"
#include "data/parquet/writer.h"
#include "move/run.h"

struct stage_file {
    struct route *route;
    const char *key;
    struct upload upload;
    bool uploading;
    struct buf part;
    struct checksum *digest;
    struct parquet_writer *writer;
    int64_t bytes;
};

void stage_file_begin(struct stage_file *self, struct route *route, const char *key, const struct schema *schema);
RC stage_file_add(struct stage_file *self, const struct batch *batch, struct error *err);
/* Ends the file; its rows are the writer's own count. RC_DATA when the store does not confirm size and checksum. */
RC stage_file_end(struct stage_file *self, struct waybill_file *ret, struct error *err);
/* After a failure: aborts the upload as far as that is possible (adopt does it otherwise). Nothing begun is fine. */
void stage_file_abort(struct stage_file *self);
void stage_file_release(struct stage_file *self); /* memory only */

/* One staged file on its way into the store: bytes go into parts, parts into a multipart upload (one put when a single
 * part holds it all), and what the store then says it has must be what was sent. */
#pragma once

#include "base/checksum.h"
#include "base/worker.h"
#include "data/fingerprint.h"
#include "data/parquet/writer.h"
#include "move/route.h"

struct stage_file;

/* Parts take turns: one is filled while the others are sent, by a thread of their own where the run has threads. So
 * encoding waits for the wire only when all others are on it. For one file at a time, and file after file. */
enum { UPLOADER_PARTS_MAX = 3 };
struct uploader {
    struct worker *worker;
    struct part {
        struct stage_file *file;
        struct buf bytes;
    } parts[UPLOADER_PARTS_MAX];
    int part_count, filling;
};
void uploader_init(struct uploader *self, bool threads);
void uploader_release(struct uploader *self);

/* What files are made of: how much memory one takes. */
struct stage_sizes {
    int64_t row_group_bytes, part_bytes;
};

struct stage_file {
    struct route *route;
    struct uploader *uploader;
    struct stage_sizes sizes;
    const char *key;
    int parts;            /* given to the uploader */
    struct upload upload; /* the uploader's, until its parts are sent */
    bool uploading;
    struct checksum *digest;
    struct parquet_writer *writer;
    struct fingerprint read; /* of the rows as they came */
    int64_t bytes;
    bool is_aside; /* no load will ever read it: it is read back unless the pipeline says otherwise */
};

void stage_file_begin(struct stage_file *self, struct route *route, struct uploader *uploader, const char *key,
                      const struct schema *schema, struct stage_sizes sizes);
RC stage_file_add(struct stage_file *self, const struct batch *batch, struct error *err);
/* Ends the file; its rows are the writer's own count. The texts go into the arena. RC_DATA when the store does not
 * confirm size and checksum, or when the file, read back, has other rows than were added to it (as far as the
 * pipeline's `verify` asks for that). */
RC stage_file_end(struct stage_file *self, struct arena *arena, struct waybill_file *ret, struct error *err);
/* After a failure: aborts the upload as far as that is possible (adopt does it otherwise). Nothing begun is fine. */
void stage_file_abort(struct stage_file *self);
void stage_file_release(struct stage_file *self); /* memory only */

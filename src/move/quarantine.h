/* Rows that do not fit are set aside where the table's `quarantine` allows it: values that are none of their column's
 * type at the source, that cannot be cast as the configuration wants, or that no table of the target can hold. They go
 * into a file of their own beside the waybill's, with one more column that says which values do not fit and why, and
 * are counted: rows extracted = rows staged + rows quarantined. Where more of a chunk do not fit than the table allows,
 * the run ends, and nothing of the chunk is sealed.
 *
 * One for each lane, and used by its thread. The file's folder begins with '_', and what reads folders of Parquet
 * (Spark, Athena, pyarrow) passes over it, as it has to: these rows are not among the table's. */
#pragma once

#include "move/stage_file.h"

struct quarantine {
    struct route *route;
    const char *key; /* of its file */
    struct stage_sizes sizes;
    struct uploader uploader; /* without a thread: it has little to do */
    struct stage_file file;
    bool is_open;
    struct schema *schema;       /* as staged, any value may be NULL; and REJECTED */
    struct batch_builder *kept;  /* rows that fit, of a batch where some do not */
    struct batch_builder *aside; /* and those */
    struct reject_list found;    /* in the batch at hand */
    struct buf text;
};

/* The column that says what does not fit, as reject_print_row writes it; with '_' behind where a column has that name.
 */
#define REJECTED "waybill_rejected"

/* Of such a file, beside files of `staged`; the caller frees it. */
struct schema *quarantine_schema(const struct schema *staged);
/* Before the first batch of a chunk. `key` is its file's, and lives as long as the chunk; `sizes` are the lane's. */
void quarantine_begin(struct quarantine *self, struct route *route, const char *key, struct stage_sizes sizes);
/* The batch without the rows that do not fit, which are set aside; the batch itself where all do. RC_DATA: more than
 * the table allows. */
RC quarantine_sift(struct quarantine *self, const struct batch *batch, const struct batch **ret_kept,
                   struct error *err);
/* Ends the file; *ret_rows = 0: there is none. Its texts go into the arena. */
RC quarantine_end(struct quarantine *self, struct arena *arena, struct waybill_file *ret, int64_t *ret_rows,
                  struct error *err);
/* After a failure of the chunk; nothing begun is fine. */
void quarantine_abort(struct quarantine *self);
void quarantine_release(struct quarantine *self); /* a zeroed one is fine, too */

/* The fingerprint of rows: which rows there are, and how often each, in whatever order they come and however they are
 * cut into batches and files. Taken of rows as the source gave them and again of what a staged file gives back, two
 * equal ones say that nothing was lost, added or changed between.
 *
 * Each value is hashed as what its column's type says: integers, dates and times by their number, decimals by the
 * unscaled one, floats by their bits (-0.0 is not 0.0, and one NaN is not another), texts by their bytes, NULL by
 * itself (it is not ''). A column's sum of these hashes tells which column differs; the sum of the rows' hashes, which
 * mix their values by column, tells when only the pairing differs. It protects from accidents, to which a difference
 * is invisible about once in 2^64; not from somebody who wants two sets of rows to look the same. */
#pragma once

#include "base/arena.h"
#include "data/batch.h"

struct fingerprint {
    const struct schema *schema; /* must outlive it */
    int64_t rows;
    unsigned __int128 total;
    uint64_t *columns;
};
void fingerprint_init(struct fingerprint *self, const struct schema *schema); /* of no rows */
void fingerprint_release(struct fingerprint *self);                           /* a zeroed one is fine, too */
void fingerprint_add(struct fingerprint *self, const struct batch *batch);

/* As it stands in waybills: "1:<rows>:<total>:<column>,<column>,...", hex but for the rows. */
const char *fingerprint_print(const struct fingerprint *self, struct arena *arena);
/* RC_DATA, naming the first column that differs, when these are not the rows that `expected` was taken of. NULL, and
 * the text of a version that this one does not know, say nothing: RC_OK. */
RC fingerprint_check(const struct fingerprint *self, const char *expected, struct error *err);
/* Adds what a text says; a text of another version, or of other columns: false. */
bool fingerprint_merge_text(struct fingerprint *self, const char *text);

/* The same rows, with fingerprint_check at their end. `inner` is taken; `expected` and `name`, which says in errors
 * where the rows lie, must outlive it. */
struct batch_reader *fingerprint_reader(struct batch_reader *inner, const struct schema *schema, const char *expected,
                                        const char *name);

/* What a column chunk says of its values: bounds, NULLs, NaNs. Also where a value is refused that the file cannot hold:
 * bounds that fit mean that every value does.
 *
 * Rules of parquet.thrift: bounds are in the order of the logical type (text: unsigned bytes). Text longer than
 * STATISTICS_TEXT_BYTES is cut: a lower bound is a prefix (of whole characters in utf8), an upper bound is a prefix
 * whose last byte or character is made one larger, and is left out where that cannot be. The zeros are -0.0 as a lower
 * and +0.0 as an upper bound. A chunk with a NaN has no bounds: readers that put NaN above all numbers would skip it.
 */
#pragma once

#include "data/parquet/dense.h"
#include "data/parquet/storage.h"

enum { STATISTICS_TEXT_BYTES = 64 };

struct text_bound {
    char at[STATISTICS_TEXT_BYTES];
    size_t len;
    bool is_cut; /* the value goes on */
};

struct statistics {
    int64_t nulls, nans;
    bool has_bounds;
    union {
        __int128 integer; /* bool, integers, date, time, timestamp (as stored), decimal */
        double real;      /* float too */
    } least, most;
    struct text_bound text_least, text_most;
};

/* Values only: the caller counts NULLs. RC_DATA: a value does not fit into the column. */
RC statistics_add(struct statistics *self, const struct field *field, const struct storage *storage,
                  const struct dense *dense, struct error *err);
/* As the field `id` of the struct that is open. */
void statistics_write(const struct statistics *self, const struct field *field, const struct storage *storage,
                      struct thrift_writer *w, int id);

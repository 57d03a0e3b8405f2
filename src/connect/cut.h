/* Where a chunk of a range ends, and how a range is split into pieces, for sources that are asked in SQL. What differs
 * from system to system is how a few single questions are put. */
#pragma once

#include "connect/source.h"

struct cutter;
struct cutter_ops {
    /* The position of the row `skip` rows behind the first (from the end: behind the last), and in *ret_rows 0: there
     * is none, 1: it is the range's last, 2: others follow. */
    RC (*row_at)(const struct cutter *self, const struct range *range, int64_t skip, bool from_end, struct arena *arena,
                 struct position *ret, int *ret_rows, struct error *err);
    /* RANGE_TIME: the first row with another cursor than `group`, which is the range's first; *ret_any = false: none.
     */
    RC (*next_group)(const struct cutter *self, const struct range *range, const struct position *group,
                     struct arena *arena, struct position *ret, bool *ret_any, struct error *err);
    RC (*is_empty)(const struct cutter *self, const struct range *range, bool *ret, struct error *err);
    /* About how many rows, as the server's planner has it: cheap. */
    RC (*estimate)(const struct cutter *self, const struct range *range, int64_t *ret, struct error *err);
};
struct cutter {
    const struct cutter_ops *ops;
    struct source *source;
    const struct table *table;
    bool key_is_integer;                    /* of one column, and an index begins with it */
    bool key_is_unique;                     /* no two rows have it */
    bool key_is_indexed, cursor_is_indexed; /* false: to find a cut would read the table, so nothing is split */
};

/* As source_boundary and source_split promise; the range has been checked. */
RC cutter_boundary(const struct cutter *self, const struct range *range, int64_t rows, struct arena *arena,
                   struct position *ret_cut, bool *ret_is_cut, struct error *err);
RC cutter_split(const struct cutter *self, const struct range *range, int readers, struct arena *arena,
                struct range *ret_ranges, int *ret_count, struct error *err);

/* How large pieces are that readers share, in whatever unit: the next one is half of what would be each reader's share
 * of what is left, and `least`, which the last ones are, or a little more. They are no more than SOURCE_PIECES_MAX for
 * any number of readers that there may be. */
int64_t split_next(int64_t left, int readers, int64_t least);
/* The least of a whole: so small a share that nobody waits long for the last one, but `worth`. */
int64_t split_least(int64_t whole, int readers, int64_t worth);

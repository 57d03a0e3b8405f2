/* What every source promises (connect/source.h), as one suite that each of them runs. Differences are declared here and
 * nowhere else. */
#pragma once

#include "connect/source.h"

/* What a source cannot do, or does in another way. */
struct source_quirks {
    bool waits_for_writers;       /* an open transaction is not listed: source_now is RC_BUSY until it ends */
    bool snapshot_blocks_writers; /* nobody can commit while RANGE_ALL is being read */
    bool counts_no_bytes;         /* a batch ends by its rows only */
    bool trusts_requests;         /* a column that does not exist, or a value that does not fit, is a bug of the test */
    bool has_own_clock;           /* a server's: nobody sets it, set_now is NULL */
    bool has_no_bool;             /* where the stories have one there is an integer */
    bool reads_one_view;          /* a range is read as it was when the reading began */
    bool cursors_are_declared;    /* no column of texts can be a cursor */
};

struct source_kind {
    const char *name;
    struct source_quirks quirks;
    const char *values_schema, *values_rows; /* S73, where not all of the suite's own extremes exist; NULL: they do */
    void *(*setup)(void);                    /* a new, empty database; asserts that it could be made */
    void (*teardown)(void *world);
    struct source *(*open)(void *world, int page_rows); /* a handle that reads so many rows per page */
    void (*set_now)(void *world, int64_t us);           /* its clock; 2024-06-01 00:00:00 UTC at first */
    /* `key` is comma-separated column names, "" for none; `cursor` (may be NULL) is indexed. */
    void (*create)(void *world, const char *table, const struct schema *schema, const char *key, const char *cursor);
    /* A row as world/value.h writes it; one with the key of another replaces it. Commits at once, or, between begin and
     * commit, with the transaction. */
    void (*put)(void *world, const char *table, const struct schema *schema, const char *row);
    void (*delete)(void *world, const char *table, const struct schema *schema, const char *key);
    void (*begin)(void *world);
    void (*commit)(void *world);
};

/* Runs the suite; the number of failed tests. */
int source_suite_run(const struct source_kind *kind);

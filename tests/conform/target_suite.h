/* What every target promises (connect/target.h), as one suite that each of them runs. Differences are declared here and
 * nowhere else. */
#pragma once

#include "connect/target.h"

struct target_kind {
    const char *name;
    void *(*setup)(void); /* a new, empty database; asserts that it could be made */
    void (*teardown)(void *database);
    struct target *(*open)(void *database); /* one more client of it; freeing it is the death of its process */
    /* The table's rows, the schema's columns, sorted, each value checked to be of its type and written as
     * world/value.h says: "1|ada|12.50\n". Not through the target under test. */
    void (*rows)(void *database, const char *table, const struct schema *schema, struct buf *out);
    bool (*has_table)(void *database, const char *table);
    void (*run)(void *database, const char *sql);                /* by another hand; NULL: `lose` */
    void (*lose)(void *database, const char *table, bool whole); /* its rows, or the table, where there is no SQL */
    /* A fence or begin that meets an open load: true: waits, and RC_BUSY when its time is over; false: the server ends
     * the other session. */
    bool waits;
    /* A fence that has waited ends a load that only waits for its client; a begin never does. */
    bool fence_ends_loads;
    bool keeps_fifteen_digits; /* of a decimal */
    bool has_no_nul;           /* texts cannot hold a NUL byte: the stories do without */
    bool has_no_year_zero;     /* nor days before the year 1 */
    /* A target that loads by URL: puts the file's rows where it reads them, and sets key, url and bytes. Each call uses
     * a new folder. NULL: it reads batches. */
    void (*stage)(void *database, struct staged_file *file);
    bool enforces_no_keys;   /* a merge keeps them unique by itself, and nothing else does */
    bool reads_in_any_order; /* which row of a file came later is not known to it */
};

/* Runs the suite; the number of failed tests. */
int target_suite_run(const struct target_kind *kind);

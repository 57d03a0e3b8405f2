/* audit: does the target hold what the source holds? Each is asked for the profile of every column (data/profile.h) by
 * its own SQL, which has nothing in common with how the rows were moved. The stage's is counted from the files that the
 * target's rows were loaded from, as far as they are there and are not earlier versions (audit_stage.h), so that a
 * difference tells on which of the two hops it came about.
 *
 * Compared are the source's rows up to where the target stands (T) with all rows of the target. A writer does not
 * disturb that: rows that have changed since then have a cursor behind T's, and are left out on both sides by their
 * keys, as they are at the instant at which the source is counted. What is found
 * is a difference for somebody to look at, and may be known: rows deleted in the source stay in the target of a
 * `hybrid` or `id_only` table, `id_only` sees no changes, and a table without a cursor is compared as it is now.
 *
 * So may be rows that waybills have set aside (quarantine.h): where both sides differ, they are compared once more
 * without those that no later waybill has brought.
 *
 * A column that is hashed, masked or of another type in the stage is not compared.
 *
 * Nothing is changed, no lease is taken, and the mark never waits for an audit. */
#pragma once

#include "move/audit_aside.h"

enum { AUDIT_LINES_MAX = 20 };

struct audit {
    bool is_nothing; /* nothing was loaded, and the source has no row: nothing else was asked, and the rest is 0 */
    int64_t source_rows, target_rows;
    int64_t changed; /* rows left out: changed in the source since the last load */
    int64_t aside;   /* rows left out: set aside, and not brought since; 0 where both sides agree with them */
    int64_t ahead;   /* rows of the source that are stamped in the future, and not compared */
    const struct aside_file *aside_files; /* where they lie; some may have none of them any more */
    int aside_file_count;
    struct audit_stage stage;
    int differences;  /* how many measures of columns, and the count of rows */
    const char *text; /* a line for each, up to AUDIT_LINES_MAX; no line holds a value. In the route's arena */
};

/* The scope was read. RC_OK, whatever was found. RC_NOT_FOUND: nothing was loaded yet. RC_BUSY: a load is under way, or
 * too much has changed since the last one. */
RC audit_table(struct route *r, struct audit *ret, struct error *err);
/* RC_OK, or RC_DATA with the first differences and what to do. */
RC audit_judge(const struct route *r, const struct audit *audit, struct error *err);
/* A line that says which rows were left out since they were set aside, and where they lie; NULL: none. In the route's
 * arena. */
const char *audit_aside_text(struct route *r, const struct audit *audit);
/* A line about rows that are stamped in the future; NULL: there are none. In the route's arena. */
const char *audit_ahead_text(struct route *r, const struct audit *audit);
/* A person knows these differences: kept in the scope's history, with who and why. */
RC audit_accept(struct route *r, const struct audit *audit, const char *reason, const char *author, struct error *err);

/* audit: what the staged files come to that the target's rows were made of, those of the waybills from the last that
 * replaced everything, or from the first, to T. */
#pragma once

#include "data/profile.h"
#include "move/route.h"

/* How the stage can be compared with the target; what it holds was compared with what was read from the source, file by
 * file, in each case. */
enum stage_cover {
    STAGE_NONE,    /* no file is left: they were cleaned, or nothing tells where they lay */
    STAGE_PART,    /* some are gone, or the target had rows before the first: the sums say nothing */
    STAGE_UPDATES, /* all are there, with earlier versions of some rows, which were merged or deleted since */
    STAGE_WHOLE,   /* all are there, and each row is one of the target's: all measures are the same */
};
struct audit_stage {
    enum stage_cover cover;
    int64_t rows;           /* of the files that are there */
    int64_t waybills, read; /* `read`: with all their files */
    int64_t quarantined;    /* rows that they have set aside */
    /* Newest first, down to the oldest that has set rows aside; in the route's arena. */
    struct waybill_ref *since_aside;
    int since_aside_count;
};

/* Reads them all into `ret_profile`, made by profile_init of what is staged now; columns that a file does not have yet
 * are NULL, as they are in the target. RC_DATA: a file is not what was sealed, or its rows not those that were read. */
RC audit_stage_read(struct route *r, const char *waybill, int64_t target_rows, struct profile *ret_profile,
                    struct audit_stage *ret, struct error *err);

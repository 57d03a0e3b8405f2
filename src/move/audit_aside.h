/* audit: rows that waybills have set aside (quarantine.h), and that no later one has brought. The target has them not,
 * or in an earlier version, and that is known: both sides are compared without them. */
#pragma once

#include "data/key_set.h"
#include "move/audit_stage.h"

enum { AUDIT_ASIDE_MAX = 10000 }; /* rows that are left out */

/* Where they lie, and how many of the file's are still missing. */
struct aside_file {
    const char *key;
    int64_t rows;
};
struct audit_aside {
    struct key_list missing; /* their keys, by the columns of the stage */
    struct aside_file *files;
    int file_count;
    const char *why_not; /* they cannot be left out; NULL: they can */
};
void audit_aside_release(struct audit_aside *self); /* a zeroed one is fine, too */

/* Reads the quarantine's files of the waybills in `stage`, and the staged ones since. Texts are the route's arena's.
 * RC_DATA: a file is not what was sealed. */
RC audit_aside_read(struct route *r, const struct audit_stage *stage, struct audit_aside *ret, struct error *err);

/* Parts: the staged files of waybills. What was loaded is not needed any more by the protocol; what is kept of it is a
 * choice. Waybills and receipts stay for ever: the chain is read through them. */
#pragma once

#include "move/cleaned.h"
#include "move/route.h"

struct parts_wanted {
    int64_t older_than_ms; /* by the store's own clock; 0: of any age */
    const char *pattern;   /* of the file's name, or of its key below the table's prefix; NULL: all */
    bool sealed;           /* `target: none`: what is sealed counts as loaded */
};

/* Deletes, by exact key, the parts of waybills that T has, each with a receipt, and behind the last file of a waybill
 * the manifest that names them (key_manifest), whatever its own age and name: under the lease and after the fence, so
 * that nobody loads, or goes back along the chain, meanwhile. RC_DATA: S is missing though objects are there, or T is
 * not on its chain. A partial failure is RC_OK with `failed` > 0. With `dry` nothing is changed anywhere: no lease, no
 * fence, the age by this machine's clock. Texts of *ret live as long as the run. */
RC parts_clean(struct run *run, const struct parts_wanted *wanted, bool dry, struct cleaned *ret, struct error *err);

struct parts_count {
    int64_t waybills, files, bytes; /* waybills: that have such files */
};
struct parts_total {
    struct parts_count loaded;  /* with a receipt (or sealed, see above) */
    struct parts_count waiting; /* on the chain, without one */
    struct parts_count other;   /* of folders that the chain does not reach: orphans, or of a run under way */
};
/* Counts; the target is not asked. Nothing is changed. */
RC parts_list(struct run *run, const struct parts_wanted *wanted, struct parts_total *ret, struct error *err);

/* Orphans: objects below a table's prefix that no chain reaches (docs/protocol.md). */
#pragma once

#include "move/route.h"

struct orphan {
    const char *key;
    const char *upload_id; /* NULL: an object; else an unfinished upload */
    int64_t bytes;
};
struct orphans {
    struct orphan *items;
    int count;
    int64_t bytes;
    int failed;          /* of orphans_delete: keys that could not be deleted */
    const char *failure; /* the first one: which key, and why */
};

/* Under the lease and after the fence: the list first, THEN S; what was listed and is neither reachable from
 * S.extracted nor S.in_flight, and older than `grace_ms` by the store's own clock (a courtesy, not the proof). RC_DATA:
 * S is missing though objects are there, or T is not on its chain. A partial failure is RC_OK with `failed` > 0. With
 * `dry` nothing is changed anywhere: no lease, no fence, the age by this machine's clock; what it tells may be old news
 * a moment later. */
RC orphans_clean(struct run *run, int64_t grace_ms, bool dry, struct orphans *ret, struct error *err);

/* What a probe of the store (store/probe.h) has left that was killed before it could take it back: added to `ret`. It
 * belongs to no table. A probe under way is younger than any `grace_ms` but 0, and would fail without harm. */
RC orphans_clean_probes(struct run *run, int64_t grace_ms, bool dry, struct orphans *ret, struct error *err);

/* ---- for others that clean (parts.h) ---- */

/* <prefix>dt=YYYY-MM-DD/wb=<id>/<name>, and nothing else. */
bool orphans_is_in_waybill_folder(const char *key, const char *prefix);
/* T must stand on S's chain, where there is a target; r->t is T. RC_DATA: then nothing can be told apart. */
RC orphans_check_chain(struct route *r, struct error *err);
/* S is missing. RC_OK: and so is everything else. */
RC orphans_without_scope(struct route *r, struct error *err);

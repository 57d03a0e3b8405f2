/* Writes whose fate must be known: a lost answer is neither success nor failure until it was looked at.
 *
 * Both look before they decide, and send the same body again until it is known what became of it; the budget of
 * attempts is small, and when it is used up the failure says that the fate is open (RC_UNAVAILABLE). */
#pragma once

#include "base/clock.h"
#include "store/store.h"

struct settling {
    struct store *store;
    struct clock *clock;
    struct random *random;
};

enum settled {
    SETTLED_WRITTEN, /* by this call, now or by an attempt whose answer was lost */
    SETTLED_OTHER,   /* somebody else's object is there; see `there` */
};

/* Creates an object that must not exist. An object with the same body counts as written (ids make bodies unique). */
RC settle_create(const struct settling *with, const char *key, struct str body, enum settled *ret, struct buf *there,
                 struct error *err);

/* Replaces an object that had `etag` ("" : that did not exist). `write_id` is unique to this body and found in it: it
 * tells one's own write from another's. etag is updated when written. SETTLED_OTHER: `there` holds what is there now
 * (empty when the object is gone). */
RC settle_replace(const struct settling *with, const char *key, struct str body, const char *write_id,
                  char etag[ETAG_TEXT], enum settled *ret, struct buf *there, struct error *err);

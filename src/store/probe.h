/* Is this a store that keeps the promises the protocol stands on? (docs/extending.md, "A target, a store") */
#pragma once

#include "base/clock.h"
#include "store/store.h"

/* What is only tried lies here, and is deleted again; by `s3clean orphans` after a kill. */
#define STORE_PROBE_FOLDER "watermark/.probe/"
/* A new key there. */
char *store_probe_key(struct clock *clock, struct random *random, struct arena *arena);

/* Writes watermark/.probe/<uuid>, checks that a second If-None-Match PUT and a wrong If-Match are refused, that a
 * right If-Match is taken and that the object reads back, and deletes it. RC_CONFIG names what the store ignores.
 * Never called in a dry run. */
RC store_probe(struct store *store, struct clock *clock, struct random *random, struct error *err);

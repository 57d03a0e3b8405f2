/* A directory as a store (formats.md 7): for one machine, or a file system with working locks and atomic link(2). */
#pragma once

#include "base/clock.h"
#include "store/store.h"

/* `path` must exist, or its parent (it is then made). RC_DENIED, RC_NOT_FOUND ... say what is wrong with it.
 * ETag = SHA-256 of the content. Nothing is answered before file and folder are on disk (fsync). */
RC local_store_open(const char *name, const char *path, struct clock *clock, struct random *random, struct store **ret, struct error *err);

/* A directory as a store (docs/formats.md): for one machine, or a file system with working locks and atomic link(2).
 * NFS without locks is not safe: two runs could both believe that a condition held.
 *
 * ETag = SHA-256 of the content, computed from the bytes in the file each time it is asked for: a write, head, get with
 * an info, and If-Match read the whole object, so what they say of a damaged file is the truth. list and get_range read
 * no more than they give. Only regular files whose names this store would have chosen itself are objects; symbolic
 * links and other files are neither followed nor listed. Files are 0600, folders 0700.
 *
 * What is written in between lies in `.waybill/`: tmp/ (of dead processes: removed at the first write), uploads/<id>/,
 * names/ (the full text of segments too long for a file name; list needs it) and the file `lock`. */
#pragma once

#include "base/clock.h"
#include "store/store.h"

/* `path` must exist, or its parent (it is then made by the first write: opening and reading change nothing).
 * RC_DENIED, RC_NOT_FOUND, RC_CONFIG (not a directory, not UTF-8) say what is wrong with it. `clock` and `random` must
 * outlive the store; several threads may use it at once. */
RC local_store_open(const char *name, const char *path, struct clock *clock, struct random *random, struct store **ret,
                    struct error *err);

/* delete_detection: keys. Behind the last chunk of a run one more waybill is sealed, whose rows are all keys that the
 * source has (mode `keys`). Loading it deletes the target's rows whose key is not among them, in the transaction that
 * moves T; the position stays where it is.
 *
 * It is sound because of the order: the keys are read when every row of every waybill before it has been read. A row of
 * the target that is not among them was there once and is not any more; one that is inserted again comes with its
 * cursor. Only rows of this pipeline can be told so, which is why a shared table is refused. */
#pragma once

#include "move/route.h"

struct keys {
    const struct table *table; /* of the source: the columns of the key, and no others */
    struct shaping *shaping;   /* to their names in the stage; NULL: they are the same */
    struct schema *schema;     /* as staged */
    bool is_done;              /* by this run */
};
void keys_free(struct keys *self);

/* Behind all chunks of this run: *ret_more = true, and r->chunk is the one with the keys. Not where a limit has ended
 * the run, nor where nothing was ever extracted. */
RC keys_bound(struct route *r, bool *ret_more, struct error *err);
/* The key's columns of a waybill's schema, in its order: what the files of a waybill of keys hold. */
struct schema *keys_schema(const struct waybill *waybill);

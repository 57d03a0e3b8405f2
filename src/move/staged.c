#include "move/staged.h"

#include <inttypes.h>

#include "data/fingerprint.h"
#include "move/ahead.h"

enum { AHEAD_SHARE = 8 }; /* of the memory, for row groups at hand */

RC staged_check(const struct route *r, const struct waybill_file *sealed, struct error *err)
{
    struct store *store = r->run->world.store;
    struct object_info info;
    enum rc rc = store_head(store, sealed->key, &info, err);
    if (rc == RC_NOT_FOUND)
        return fail(err, RC_NOT_FOUND,
                    "the staged file '%s' is gone from '%s': cleaned (waybill s3clean), expired or deleted",
                    sealed->key, store->name);
    TRY(rc);
    bool comparable = sealed->checksum != NULL && sealed->checksum_kind == store->checksum && info.checksum[0] != '\0';
    if (info.bytes != sealed->bytes)
        return fail(err, RC_DATA, "the staged file '%s' has %" PRId64 " bytes, and was sealed with %" PRId64,
                    sealed->key, info.bytes, sealed->bytes);
    if (comparable && strcmp(info.checksum, sealed->checksum) != 0)
        return fail(err, RC_DATA, "the staged file '%s' is not what was sealed: its %s is %s, and was %s", sealed->key,
                    checksum_name(sealed->checksum_kind), info.checksum, sealed->checksum);
    return RC_OK;
}

RC staged_open(const struct route *r, const struct waybill_file *sealed, const struct schema *schema,
               struct batch_reader **ret, struct error *err)
{
    const struct ahead_options options = {
        .threads = r->run->world.threads,
        .memory_bytes = route_memory_bytes(r) / AHEAD_SHARE,
    };
    TRY(staged_check(r, sealed, err));
    if (ahead_open(r->run->world.store, sealed->key, sealed->bytes, schema, options, ret, err) != RC_OK)
        return fail_in(err, "reading the staged file '%s'", sealed->key);
    *ret = fingerprint_reader(*ret, schema, sealed->fingerprint, sealed->key);
    return RC_OK;
}

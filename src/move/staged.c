#include "move/staged.h"

#include <inttypes.h>
#include <stdlib.h>

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

/* ---- how far its reader is ---- */

struct counting_reader {
    struct batch_reader base;
    struct batch_reader *inner;
    int64_t rows;
    void (*took)(void *context, int64_t rows);
    void *context;
};

static RC counting_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct counting_reader *self = (struct counting_reader *)base;
    TRY(batch_reader_next(self->inner, ret, err));
    if (*ret != NULL)
        self->took(self->context, self->rows += (*ret)->rows);
    return RC_OK;
}

static void counting_free(struct batch_reader *base)
{
    struct counting_reader *self = (struct counting_reader *)base;
    batch_reader_free(self->inner);
    free(self);
}

struct batch_reader *staged_counted(struct batch_reader *inner, void (*took)(void *context, int64_t rows),
                                    void *context)
{
    static const struct batch_reader_ops ops = {.next = counting_next, .free = counting_free};
    struct counting_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct counting_reader){.base = {&ops}, .inner = inner, .took = took, .context = context};
    return &self->base;
}

#include "world/fault_store.h"

#include <stdlib.h>

struct fault_store {
    struct store base;
    struct store *inner;
    struct fault_plan *plan;
};

static struct fault_store *of(struct store *base) { return (struct fault_store *)base; }

static RC fault_put(struct store *base, const char *key, struct str body, struct condition when,
                    struct object_info *ret, struct error *err)
{
    struct fault_store *self = of(base);
    struct object_info info;
    enum fault fault = fault_ask(self->plan, "store", "put");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, store_put(self->inner, key, body, when, &info, err), err));
    if (ret != NULL)
        *ret = info;
    return RC_OK;
}

static RC fault_get(struct store *base, const char *key, size_t bytes_max, struct buf *ret,
                    struct object_info *ret_info, struct error *err)
{
    struct fault_store *self = of(base);
    struct object_info info;
    AUTO_RELEASE(buf) got = {0};
    enum fault fault = fault_ask(self->plan, "store", "get");
    if (fault == FAULT_TORN && store_get(self->inner, key, bytes_max, &got, NULL, err) == RC_OK)
        buf_add(ret, got.at, got.len / 2);
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, store_get(self->inner, key, bytes_max, &got, ret_info != NULL ? &info : NULL, err), err));
    buf_add_str(ret, buf_str(&got));
    if (ret_info != NULL)
        *ret_info = info;
    return RC_OK;
}

static RC fault_get_range(struct store *base, const char *key, int64_t offset, void *into, size_t bytes,
                          struct error *err)
{
    struct fault_store *self = of(base);
    enum fault fault = fault_ask(self->plan, "store", "get_range");
    bool half = fault == FAULT_TORN && store_get_range(self->inner, key, offset, into, bytes / 2, err) == RC_OK;
    if (half || !fault_does_call(fault))
        return fault_refuse(fault, err);
    return fault_answer(fault, store_get_range(self->inner, key, offset, into, bytes, err), err);
}

static RC fault_head(struct store *base, const char *key, struct object_info *ret, struct error *err)
{
    struct fault_store *self = of(base);
    struct object_info info;
    enum fault fault = fault_ask(self->plan, "store", "head");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, store_head(self->inner, key, &info, err), err));
    *ret = info;
    return RC_OK;
}

static RC fault_list(struct store *base, const char *prefix, const char *after, struct arena *arena,
                     struct object_list *ret, struct error *err)
{
    struct fault_store *self = of(base);
    struct object_list list;
    enum fault fault = fault_ask(self->plan, "store", "list");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, store_list(self->inner, prefix, after, arena, &list, err), err));
    *ret = list;
    return RC_OK;
}

static RC fault_delete(struct store *base, struct deleted_object *items, int count, struct error *err)
{
    struct fault_store *self = of(base);
    enum fault fault = fault_ask(self->plan, "store", "delete");
    bool half = fault == FAULT_TORN && store_delete(self->inner, items, count / 2, err) == RC_OK;
    if (half || !fault_does_call(fault))
        return fault_refuse(fault, err);
    return fault_answer(fault, store_delete(self->inner, items, count, err), err);
}

static RC fault_upload_begin(struct store *base, const char *key, struct upload *ret, struct error *err)
{
    struct fault_store *self = of(base);
    AUTO_RELEASE(upload) upload = {0};
    enum fault fault = fault_ask(self->plan, "store", "upload_begin");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, store_upload_begin(self->inner, key, &upload, err), err));
    *ret = upload;
    upload = (struct upload){0};
    return RC_OK;
}

/* Sends a part that the caller's upload must not count. */
static RC part_uncounted(struct fault_store *self, struct upload *upload, struct str bytes, struct error *err)
{
    int parts = upload->parts;
    enum rc rc = store_upload_part(self->inner, upload, bytes, err);
    upload->parts = parts;
    return rc;
}

static RC fault_upload_part(struct store *base, struct upload *upload, struct str bytes, struct error *err)
{
    struct fault_store *self = of(base);
    enum fault fault = fault_ask(self->plan, "store", "upload_part");
    bool half =
        fault == FAULT_TORN && part_uncounted(self, upload, (struct str){bytes.at, bytes.len / 2}, err) == RC_OK;
    if (half || !fault_does_call(fault))
        return fault_refuse(fault, err);
    if (fault == FAULT_NONE || fault == FAULT_STALL)
        return store_upload_part(self->inner, upload, bytes, err);
    return fault_answer(fault, part_uncounted(self, upload, bytes, err), err);
}

static RC fault_upload_complete(struct store *base, struct upload *upload, struct condition when,
                                struct object_info *ret, struct error *err)
{
    struct fault_store *self = of(base);
    struct object_info info;
    enum fault fault = fault_ask(self->plan, "store", "upload_complete");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, store_upload_complete(self->inner, upload, when, &info, err), err));
    if (ret != NULL)
        *ret = info;
    return RC_OK;
}

static RC fault_upload_abort(struct store *base, const char *key, const char *upload_id, struct error *err)
{
    struct fault_store *self = of(base);
    enum fault fault = fault_ask(self->plan, "store", "upload_abort");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    return fault_answer(fault, store_upload_abort(self->inner, key, upload_id, err), err);
}

static RC fault_upload_list(struct store *base, const char *prefix, const char *after, struct arena *arena,
                            struct upload_list *ret, struct error *err)
{
    struct fault_store *self = of(base);
    struct upload_list list;
    enum fault fault = fault_ask(self->plan, "store", "upload_list");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, store_upload_list(self->inner, prefix, after, arena, &list, err), err));
    *ret = list;
    return RC_OK;
}

static void fault_free(struct store *base)
{
    store_free(of(base)->inner);
    free(base);
}

static const struct store_ops fault_ops = {
    .type = "fault",
    .put = fault_put,
    .get = fault_get,
    .get_range = fault_get_range,
    .head = fault_head,
    .list = fault_list,
    .delete = fault_delete,
    .upload_begin = fault_upload_begin,
    .upload_part = fault_upload_part,
    .upload_complete = fault_upload_complete,
    .upload_abort = fault_upload_abort,
    .upload_list = fault_upload_list,
    .free = fault_free,
};

struct store *fault_store_new(struct store *inner, struct fault_plan *plan)
{
    struct fault_store *self = xcalloc(1, sizeof(*self));
    *self = (struct fault_store){.base = *inner, .inner = inner, .plan = plan};
    self->base.ops = &fault_ops;
    return &self->base;
}

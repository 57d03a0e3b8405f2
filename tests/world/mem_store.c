#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "world/mem_objects.h"

struct mem_store {
    struct store base;
    struct mem_objects *objects;
    char *name, *address;
};

/* ---- the operations; each holds the bucket's lock ---- */

static struct mem_objects *lock(struct store *base)
{
    struct mem_objects *objects = ((struct mem_store *)base)->objects;
    pthread_mutex_lock(&objects->mutex);
    return objects;
}

static enum rc unlock(struct mem_objects *objects, enum rc rc)
{
    pthread_mutex_unlock(&objects->mutex);
    return rc;
}

static RC condition_check(const struct mem_objects *self, const char *key, struct condition when, struct error *err)
{
    const struct entry *entry = mem_entry_find(self, key);
    assert(!when.if_none_match || when.if_match == NULL);
    if (when.if_none_match && entry != NULL && !self->manners.ignores_if_none_match)
        return fail(err, RC_CONFLICT, "writing '%s': there is such an object already", key);
    if (when.if_match != NULL && !self->manners.ignores_if_match &&
        (entry == NULL || strcmp(entry->info.etag, when.if_match) != 0))
        return fail(err, RC_CONFLICT, "writing '%s': it is not the one with the expected ETag", key);
    return RC_OK;
}

static RC write_object(struct mem_objects *self, const char *key, struct str body, struct condition when,
                       struct object_info *ret, struct error *err)
{
    TRY(condition_check(self, key, when, err));
    const struct entry *entry = mem_entry_write(self, key, body);
    if (ret != NULL)
        *ret = entry->info;
    return RC_OK;
}

static RC mem_put(struct store *base, const char *key, struct str body, struct condition when, struct object_info *ret,
                  struct error *err)
{
    TRY(store_check_key(key, err));
    struct mem_objects *self = lock(base);
    return unlock(self, write_object(self, key, body, when, ret, err));
}

static RC need(const struct mem_objects *self, const char *key, const struct entry **ret, struct error *err)
{
    *ret = mem_entry_find(self, key);
    return *ret != NULL ? RC_OK : fail(err, RC_NOT_FOUND, "there is no object '%s'", key);
}

static RC read_object(const struct mem_objects *self, const char *key, size_t bytes_max, struct buf *ret,
                      struct object_info *ret_info, struct error *err)
{
    const struct entry *entry;
    TRY(need(self, key, &entry, err));
    if (entry->body.len > bytes_max)
        return fail(err, RC_DATA, "reading '%s': it has %zu bytes, at most %zu are expected", key, entry->body.len,
                    bytes_max);
    buf_add_str(ret, buf_str(&entry->body));
    if (ret_info != NULL)
        *ret_info = entry->info;
    return RC_OK;
}

static RC mem_get(struct store *base, const char *key, size_t bytes_max, struct buf *ret, struct object_info *ret_info,
                  struct error *err)
{
    TRY(store_check_key(key, err));
    struct mem_objects *self = lock(base);
    return unlock(self, read_object(self, key, bytes_max, ret, ret_info, err));
}

static RC read_range(const struct mem_objects *self, const char *key, int64_t offset, void *into, size_t bytes,
                     struct error *err)
{
    const struct entry *entry;
    TRY(need(self, key, &entry, err));
    if (offset > (int64_t)entry->body.len || entry->body.len - (size_t)offset < bytes)
        return fail(err, RC_DATA, "reading '%s': %zu bytes from %lld on are wanted, but it has %zu", key, bytes,
                    (long long)offset, entry->body.len);
    if (bytes != 0)
        memcpy(into, entry->body.at + offset, bytes);
    return RC_OK;
}

static RC mem_get_range(struct store *base, const char *key, int64_t offset, void *into, size_t bytes,
                        struct error *err)
{
    TRY(store_check_key(key, err));
    struct mem_objects *self = lock(base);
    return unlock(self, read_range(self, key, offset, into, bytes, err));
}

static RC mem_head(struct store *base, const char *key, struct object_info *ret, struct error *err)
{
    const struct entry *entry;
    TRY(store_check_key(key, err));
    struct mem_objects *self = lock(base);
    enum rc rc = need(self, key, &entry, err);
    if (rc == RC_OK)
        *ret = entry->info;
    return unlock(self, rc);
}

static RC mem_list(struct store *base, const char *prefix, const char *after, struct arena *arena,
                   struct object_list *ret, struct error *err)
{
    struct mem_objects *self = lock(base);
    struct object_list list = {.items = arena_take(arena, LIST_PAGE_MAX * sizeof(*list.items))};
    bool found;
    for (int i = mem_entry_index(self, prefix, &found); i < self->count; i++) {
        const struct entry *entry = &self->items[i];
        if (!str_has_prefix(str(entry->key), str(prefix)))
            break;
        if (after != NULL && strcmp(entry->key, after) <= 0)
            continue;
        if (list.count == LIST_PAGE_MAX) {
            list.next = list.items[LIST_PAGE_MAX - 1].key;
            break;
        }
        list.items[list.count++] = (struct listed_object){
            .key = arena_text(arena, entry->key), .bytes = entry->info.bytes, .modified_us = entry->info.modified_us};
    }
    *ret = list;
    return unlock(self, RC_OK);
}

static RC mem_delete(struct store *base, struct deleted_object *items, int count, struct error *err)
{
    assert(count <= LIST_PAGE_MAX);
    struct mem_objects *self = lock(base);
    for (int i = 0; i < count; i++) {
        struct error why = {0};
        items[i].rc = store_check_key(items[i].key, &why);
        snprintf(items[i].text, sizeof(items[i].text), "%.*s", (int)sizeof(items[i].text) - 1, why.text);
        if (items[i].rc == RC_OK)
            mem_entry_remove(self, items[i].key);
    }
    return unlock(self, RC_OK);
}

/* ---- uploads ---- */

static RC pending_need(const struct mem_objects *self, const struct upload *upload, struct pending **ret,
                       struct error *err)
{
    *ret = mem_pending_find(self, upload->id);
    if (*ret == NULL || (*ret)->state != UPLOAD_OPEN || strcmp((*ret)->key, upload->key) != 0)
        return fail(err, RC_NOT_FOUND, "the upload of '%s' is gone", upload->key);
    return RC_OK;
}

static RC mem_upload_begin(struct store *base, const char *key, struct upload *ret, struct error *err)
{
    TRY(store_check_key(key, err));
    struct mem_objects *self = lock(base);
    mem_pending_add(self, key);
    *ret = (struct upload){.key = key};
    snprintf(ret->id, sizeof(ret->id), "upload-%d", self->upload_count);
    return unlock(self, RC_OK);
}

/* A part with a number that was sent already (the caller did not count it) is sent anew. */
static RC add_part(struct mem_objects *self, struct upload *upload, struct str bytes, struct error *err)
{
    struct pending *pending;
    char etag[SHA256_HEX];
    TRY(pending_need(self, upload, &pending, err));
    if (upload->parts == PART_NUMBER_MAX)
        return fail(err, RC_CONFIG, "uploading '%s': it has %d parts already, the most there can be", upload->key,
                    PART_NUMBER_MAX);
    if (pending->parts == upload->parts) {
        pending->part = xrealloc(pending->part, (size_t)++pending->parts * sizeof(*pending->part));
        pending->part[upload->parts] = (struct buf){0};
    }
    buf_reset(&pending->part[upload->parts]);
    buf_add_str(&pending->part[upload->parts], bytes);
    sha256_hex(bytes, etag);
    upload_accept(upload, etag);
    return RC_OK;
}

static RC mem_upload_part(struct store *base, struct upload *upload, struct str bytes, struct error *err)
{
    struct mem_objects *self = lock(base);
    return unlock(self, add_part(self, upload, bytes, err));
}

/* The parts the caller counted, each with the content it was accepted with. */
static RC join_parts(const struct mem_objects *self, const struct pending *pending, const struct upload *upload,
                     struct buf *ret, struct error *err)
{
    for (int i = 0; i < upload->parts; i++) {
        char etag[SHA256_HEX];
        struct str part = buf_str(&pending->part[i]);
        sha256_hex(part, etag);
        if (strcmp(etag, upload->part[i].etag) != 0)
            return fail(err, RC_DATA, "completing '%s': part %d is not the one that was accepted", upload->key, i + 1);
        if (i + 1 < upload->parts && (int64_t)part.len < self->manners.part_bytes_min)
            return fail(err, RC_DATA, "completing '%s': part %d has %zu bytes, which is too small", upload->key, i + 1,
                        part.len);
        buf_add_str(ret, part);
    }
    return RC_OK;
}

static RC complete(struct mem_objects *self, struct upload *upload, struct condition when, struct object_info *ret,
                   struct error *err)
{
    struct pending *pending = mem_pending_find(self, upload->id);
    const struct entry *entry = mem_entry_find(self, upload->key);
    AUTO_RELEASE(buf) whole = {0};
    if (pending != NULL && pending->state == UPLOAD_COMPLETED && entry != NULL &&
        strcmp(entry->info.checksum, pending->sha256) == 0) {
        if (ret != NULL)
            *ret = entry->info;
        return RC_OK; /* again, after a lost answer */
    }
    TRY(pending_need(self, upload, &pending, err));
    TRY(join_parts(self, pending, upload, &whole, err));
    TRY(write_object(self, upload->key, buf_str(&whole), when, ret, err));
    sha256_hex(buf_str(&whole), pending->sha256);
    pending->state = UPLOAD_COMPLETED;
    mem_pending_release_parts(pending);
    return RC_OK;
}

static RC mem_upload_complete(struct store *base, struct upload *upload, struct condition when, struct object_info *ret,
                              struct error *err)
{
    struct mem_objects *self = lock(base);
    return unlock(self, complete(self, upload, when, ret, err));
}

static RC mem_upload_abort(struct store *base, const char *key, const char *upload_id, struct error *err)
{
    struct mem_objects *self = lock(base);
    struct pending *pending = mem_pending_find(self, upload_id);
    if (pending != NULL && pending->state == UPLOAD_OPEN && strcmp(pending->key, key) == 0) {
        pending->state = UPLOAD_ABORTED;
        mem_pending_release_parts(pending);
    }
    return unlock(self, RC_OK);
}

static RC mem_upload_list(struct store *base, const char *prefix, const char *after, struct arena *arena,
                          struct upload_list *ret, struct error *err)
{
    struct mem_objects *self = lock(base);
    struct upload_list list = {.items = arena_take(arena, LIST_PAGE_MAX * sizeof(*list.items))};
    int64_t number = 0;
    if (after != NULL && !str_to_int64(str(after + strlen("upload-")), &number))
        return unlock(self, fail(err, RC_CONFIG, "'%s' is no upload", after));
    for (int i = (int)number; i < self->upload_count; i++) {
        const struct pending *pending = self->uploads[i];
        if (pending->state != UPLOAD_OPEN || !str_has_prefix(str(pending->key), str(prefix)))
            continue;
        if (list.count == LIST_PAGE_MAX) {
            list.next = list.items[LIST_PAGE_MAX - 1].upload_id;
            break;
        }
        list.items[list.count++] = (struct listed_upload){.key = arena_text(arena, pending->key),
                                                          .upload_id = arena_print(arena, "upload-%d", i + 1),
                                                          .started_us = pending->started_us};
    }
    *ret = list;
    return unlock(self, RC_OK);
}

static void mem_free(struct store *base)
{
    struct mem_store *self = (struct mem_store *)base;
    free(self->name);
    free(self->address);
    free(self);
}

static const struct store_ops mem_ops = {
    .type = "mem",
    .put = mem_put,
    .get = mem_get,
    .get_range = mem_get_range,
    .head = mem_head,
    .list = mem_list,
    .delete = mem_delete,
    .upload_begin = mem_upload_begin,
    .upload_part = mem_upload_part,
    .upload_complete = mem_upload_complete,
    .upload_abort = mem_upload_abort,
    .upload_list = mem_upload_list,
    .free = mem_free,
};

struct store *mem_store_open(struct mem_objects *objects, const char *name)
{
    struct mem_store *self = xcalloc(1, sizeof(*self));
    size_t address_bytes = strlen(name) + sizeof("mem://");
    *self = (struct mem_store){.objects = objects, .name = xstrdup(name), .address = xcalloc(1, address_bytes)};
    snprintf(self->address, address_bytes, "mem://%s", name);
    self->base = (struct store){.ops = &mem_ops,
                                .name = self->name,
                                .address = self->address,
                                .part_bytes_min = objects->manners.part_bytes_min};
    return &self->base;
}

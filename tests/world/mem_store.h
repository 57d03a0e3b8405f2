/* The in-memory store of the sweeps: the promises of store.h, nothing by chance, and a world that outlives its runs.
 *
 * `struct mem_objects` is the bucket. mem_store_open gives a handle to it; freeing a handle (a process that ends or
 * dies) leaves the bucket as it is. ETag = SHA-256 of the content, upload ids are "upload-1", "upload-2", ... Every
 * call holds the bucket's lock, so that several threads may race. */
#pragma once

#include "base/clock.h"
#include "store/store.h"

struct mem_objects;
struct mem_objects *mem_objects_new(struct clock *clock); /* the store's own clock: modified_us, started_us */
void mem_objects_free(struct mem_objects *self);          /* after all handles */
AUTO_DEFINE(mem_objects)

/* A handle; its address is "mem://<name>". */
struct store *mem_store_open(struct mem_objects *objects, const char *name);

/* What this bucket does not keep, or insists on. */
struct mem_manners {
    bool ignores_if_none_match, ignores_if_match;
    int64_t part_bytes_min; /* complete refuses a smaller part but the last (RC_DATA); for handles opened later */
};
void mem_objects_set(struct mem_objects *self, struct mem_manners manners);

/* ---- looking at the world, and meddling with it behind everybody's back ---- */

struct mem_object {
    const char *key;
    struct str body;
    int64_t modified_us;
};
int mem_objects_count(const struct mem_objects *self);
struct mem_object mem_objects_at(const struct mem_objects *self, int index); /* in key order; valid until a write */
bool mem_objects_find(const struct mem_objects *self, const char *key, struct mem_object *ret);
int64_t mem_objects_bytes(const struct mem_objects *self); /* of all objects */
int mem_objects_uploads(const struct mem_objects *self);   /* begun, not completed, not aborted */
const char *mem_objects_upload_key(const struct mem_objects *self, int index);

void mem_objects_put(struct mem_objects *self, const char *key, struct str body);
bool mem_objects_remove(struct mem_objects *self, const char *key);
bool mem_objects_damage(struct mem_objects *self, const char *key, size_t offset); /* flips a bit; the ETag stays */

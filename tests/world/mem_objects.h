/* Inside the bucket in memory: its objects and uploads as the store's handles (mem_store.c) and the S3 server of the
 * tests (standin/s3/) see them. The caller holds the lock. */
#pragma once

#include <pthread.h>

#include "world/mem_store.h"

struct entry {
    char *key;
    struct buf body;
    struct object_info info;
};

enum upload_state { UPLOAD_OPEN, UPLOAD_COMPLETED, UPLOAD_ABORTED };
struct pending {
    enum upload_state state;
    char *key;
    int64_t started_us;
    struct buf *part;
    int parts;
    char sha256[SHA256_HEX]; /* the store's: of the whole content, once it is completed */
    bool crc32c;             /* the S3 server's: the client sums by CRC32C */
};

struct mem_objects {
    pthread_mutex_t mutex;
    struct clock *clock;
    struct mem_manners manners;
    struct entry *items; /* sorted by key */
    int count, size;
    struct pending **uploads; /* all there ever were: number n is "upload-<n+1>" */
    int upload_count, upload_size;
};

/* The index of a key, or where it would be. */
int mem_entry_index(const struct mem_objects *self, const char *key, bool *ret_found);
struct entry *mem_entry_find(const struct mem_objects *self, const char *key); /* NULL: there is none */
struct entry *mem_entry_write(struct mem_objects *self, const char *key, struct str body);
bool mem_entry_remove(struct mem_objects *self, const char *key);
/* A new upload, which is "upload-<upload_count>" from now on. */
struct pending *mem_pending_add(struct mem_objects *self, const char *key);
/* The upload of that id; NULL: there never was one. */
struct pending *mem_pending_find(const struct mem_objects *self, const char *id);
void mem_pending_release_parts(struct pending *self);

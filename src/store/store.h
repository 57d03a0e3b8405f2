/* Objects: whole, immutable or replaced at once, by key. Shaped for S3; a directory is the embedded default.
 *
 * Keys are UTF-8, '/'-separated, at most 1024 bytes, without leading '/', empty segments, "." or "..".
 * A write that returned RC_OK is durable and visible to every later read and list (S3: strong consistency since 2020).
 * RC_UNAVAILABLE, RC_THROTTLED after a write: its fate is open (done or not): read back before deciding.
 * RC_CONFLICT: the condition did not hold and nothing was written. RC_NOT_FOUND: there is no such object. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/checksum.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/grants.h"
#include "base/str.h"

enum { ETAG_TEXT = 96, KEY_BYTES_MAX = 1024, LIST_PAGE_MAX = 1000, PART_NUMBER_MAX = 10000, UPLOAD_ID_TEXT = 512 };
enum { STORE_REGION_TEXT = 64 };

/* A condition on a write: both empty = none. */
struct condition {
    bool if_none_match;   /* only if there is no such object */
    const char *if_match; /* only if the object's ETag is this one; a missing object is RC_CONFLICT */
};
#define UNCONDITIONAL  ((struct condition){0})
#define IF_NONE_MATCH  ((struct condition){.if_none_match = true})
#define IF_MATCH(etag) ((struct condition){.if_match = (etag)})

struct object_info {
    int64_t bytes;
    int64_t modified_us;  /* the store's own clock */
    char etag[ETAG_TEXT]; /* opaque; equal ETags = the same write or the same content */
    char
        checksum[CHECKSUM_TEXT]; /* of the whole content, of store.checksum's kind; "" where the store cannot tell it */
};

struct listed_object {
    const char *key;
    int64_t bytes, modified_us;
};
struct object_list {
    struct listed_object *items; /* in byte order of the keys, at most LIST_PAGE_MAX */
    int count;
    const char *next; /* pass as `after` for the next page; NULL at the end */
};

struct listed_upload {
    const char *key, *upload_id;
    int64_t started_us;
};
struct upload_list {
    struct listed_upload *items;
    int count;
    const char *next;
};

struct deleted_object {
    const char *key; /* in */
    enum rc rc;      /* out: RC_OK also when there was none */
    char text[512];  /* out: what failed, with the key, and why */
};

/* One file on its way: parts in order, then complete; invisible to reads and lists until then. */
struct upload {
    char id[UPLOAD_ID_TEXT];
    const char *key; /* owned by whoever began it */
    int parts;       /* accepted so far */
    int64_t bytes;   /* of these, where the implementation counts them */
    uint64_t sum;    /* and their checksum, where it keeps one */
    struct {
        char etag[ETAG_TEXT];
    } * part; /* freed by upload_release */
};
void upload_release(struct upload *self); /* memory only; store_upload_abort is a call of its own */
/* For implementations: counts a part once the store has it. */
void upload_accept(struct upload *self, const char *part_etag);

/* What pipelines do with a store, for the rights that it takes. */
struct store_use {
    const char *const *prefixes; /* all that is read and written lies below; each ends in '/', or is "" */
    int prefix_count;
    const char *trial; /* a key below that may be written, and is deleted again */
};

struct aws_credentials;
struct store;
struct store_ops {
    const char *type; /* "directory", "s3" */
    RC(*put)
    (struct store *self, const char *key, struct str body, struct condition when, struct object_info *ret,
     struct error *err);
    RC(*get)
    (struct store *self, const char *key, size_t bytes_max, struct buf *ret, struct object_info *ret_info,
     struct error *err);
    RC (*get_range)(struct store *self, const char *key, int64_t offset, void *into, size_t bytes, struct error *err);
    RC (*head)(struct store *self, const char *key, struct object_info *ret, struct error *err);
    RC(*list)
    (struct store *self, const char *prefix, const char *after, struct arena *arena, struct object_list *ret,
     struct error *err);
    RC (*delete)(struct store *self, struct deleted_object *items, int count, struct error *err);
    RC (*upload_begin)(struct store *self, const char *key, struct upload *ret, struct error *err);
    RC (*upload_part)(struct store *self, struct upload *upload, struct str bytes, struct error *err);
    RC(*upload_complete)
    (struct store *self, struct upload *upload, struct condition when, struct object_info *ret, struct error *err);
    RC (*upload_abort)(struct store *self, const char *key, const char *upload_id, struct error *err);
    RC(*upload_list)
    (struct store *self, const char *prefix, const char *after, struct arena *arena, struct upload_list *ret,
     struct error *err);
    /* Writes `key` to try out what only this type promises; RC_CONFIG says what to do. NULL: nothing. */
    RC (*probe)(struct store *self, const char *key, struct error *err);
    /* Whose credentials it was opened with, and until when: "profile 'etl', until ..."; NULL: they were not needed yet.
     * NULL: this type has none. */
    const char *(*credentials)(struct store *self, struct arena *arena);
    /* Keys for somebody else who reads what lies here: of the session, where it is one. NULL: it has none. */
    RC (*lend)(struct store *self, struct aws_credentials *ret, struct error *err);
    void (*region)(struct store *self, char ret[STORE_REGION_TEXT]); /* "": not known (yet). NULL: it is in none */
    RC (*grants)(struct store *self, const struct store_use *use, struct grant_list *ret,
                 struct error *err); /* NULL: it has none that could be told */
    void (*free)(struct store *self);
};
struct store {
    const struct store_ops *ops;
    const char *name;       /* the connection's name, for messages */
    const char *address;    /* "file:///var/lake", "s3://acme-lake": readable, no secret */
    int64_t part_bytes_min; /* every part but the last is at least this long; 0: any */
    enum checksum_kind
        checksum;             /* what it confirms of each object that it was given: what a write returns is never "" */
    const char *tls;          /* "TLS", "none"; NULL: nothing goes over a network */
    _Atomic int64_t ahead_us; /* how far its clock is ahead of this machine's, as its last answer said, to the second */
};

/* Creates or replaces the object. `ret` (may be NULL) tells what was written. */
static inline RC store_put(struct store *s, const char *key, struct str body, struct condition when,
                           struct object_info *ret, struct error *err)
{
    return s->ops->put(s, key, body, when, ret, err);
}
/* Appends the whole object to `ret`; RC_DATA when it is larger than bytes_max. ret_info may be NULL. After a failure
 * `ret` may hold a piece of it: reset it before the next try. */
static inline RC store_get(struct store *s, const char *key, size_t bytes_max, struct buf *ret,
                           struct object_info *ret_info, struct error *err)
{
    return s->ops->get(s, key, bytes_max, ret, ret_info, err);
}
/* Exactly `bytes` from `offset`; RC_DATA when the object ends before. */
static inline RC store_get_range(struct store *s, const char *key, int64_t offset, void *into, size_t bytes,
                                 struct error *err)
{
    return s->ops->get_range(s, key, offset, into, bytes, err);
}
static inline RC store_head(struct store *s, const char *key, struct object_info *ret, struct error *err)
{
    return s->ops->head(s, key, ret, err);
}
/* One page of the keys that start with `prefix` (bytes, not folders) and lie after `after` (NULL: from the start). */
static inline RC store_list(struct store *s, const char *prefix, const char *after, struct arena *arena,
                            struct object_list *ret, struct error *err)
{
    return s->ops->list(s, prefix, after, arena, ret, err);
}
/* What the store's own clock says, by which the ages of its objects are told; of a directory it is this machine's.
 * Lists a page of what lies below `prefix`, since every answer tells. */
RC store_now(struct store *s, struct clock *clock, const char *prefix, int64_t *ret_us, struct error *err);
/* At most LIST_PAGE_MAX keys; look at each item's rc: RC_OK here only says that the request was answered. */
static inline RC store_delete(struct store *s, struct deleted_object *items, int count, struct error *err)
{
    return s->ops->delete (s, items, count, err);
}
/* `key` must outlive the upload. */
static inline RC store_upload_begin(struct store *s, const char *key, struct upload *ret, struct error *err)
{
    return s->ops->upload_begin(s, key, ret, err);
}
static inline RC store_upload_part(struct store *s, struct upload *upload, struct str bytes, struct error *err)
{
    return s->ops->upload_part(s, upload, bytes, err);
}
/* Makes the parts one object. Completing again what is complete is RC_OK (an answer may have been lost); RC_NOT_FOUND:
 * the upload was aborted, or the object has other content by now. */
static inline RC store_upload_complete(struct store *s, struct upload *upload, struct condition when,
                                       struct object_info *ret, struct error *err)
{
    return s->ops->upload_complete(s, upload, when, ret, err);
}
/* RC_OK also when there is no such upload (any more). */
static inline RC store_upload_abort(struct store *s, const char *key, const char *upload_id, struct error *err)
{
    return s->ops->upload_abort(s, key, upload_id, err);
}
/* Uploads begun and neither completed nor aborted, by key prefix; an implementation may give them in any order. */
static inline RC store_upload_list(struct store *s, const char *prefix, const char *after, struct arena *arena,
                                   struct upload_list *ret, struct error *err)
{
    return s->ops->upload_list(s, prefix, after, arena, ret, err);
}
static inline const char *store_credentials(struct store *s, struct arena *arena)
{
    return s->ops->credentials != NULL ? s->ops->credentials(s, arena) : NULL;
}
/* RC_CONFIG: this type has no keys. The caller releases them. */
static inline RC store_lend(struct store *s, struct aws_credentials *ret, struct error *err)
{
    return s->ops->lend != NULL ? s->ops->lend(s, ret, err)
                                : fail(err, RC_CONFIG, "the store '%s' has no keys that it could lend", s->name);
}
static inline void store_region(struct store *s, char ret[STORE_REGION_TEXT])
{
    ret[0] = '\0';
    if (s->ops->region != NULL)
        s->ops->region(s, ret);
}
/* The rights that `use` takes, at the end of `ret`; what cannot be asked is tried out with the object `trial`. */
static inline RC store_grants(struct store *s, const struct store_use *use, struct grant_list *ret, struct error *err)
{
    return s->ops->grants != NULL ? s->ops->grants(s, use, ret, err) : RC_OK;
}
static inline void store_free(struct store *s)
{
    if (s != NULL)
        s->ops->free(s);
}
AUTO_DEFINE(store)

/* RC_CONFIG, saying why, for a key that breaks the rules at the top; every implementation calls it first. */
RC store_check_key(const char *key, struct error *err);

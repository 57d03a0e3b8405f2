#include "store/store.h"

#include <assert.h>
#include <stdlib.h>

static RC check_segment(struct str segment, struct error *err)
{
    if (segment.len == 0)
        return fail(err, RC_CONFIG, "it has an empty part (a '/' at its start or end, or two in a row)");
    if (str_eq(segment, S(".")) || str_eq(segment, S("..")))
        return fail(err, RC_CONFIG, "it has the part '" STR_FMT "', which means another folder", STR_ARG(segment));
    return RC_OK;
}

static RC check_segments(const char *key, struct error *err)
{
    for (const char *at = key;; at++) {
        const char *end = strchrnul(at, '/');
        TRY(check_segment((struct str){at, (size_t)(end - at)}, err));
        if (*end == '\0')
            return RC_OK;
        at = end;
    }
}

static RC check_key(const char *key, struct error *err)
{
    if (key[0] == '\0')
        return fail(err, RC_CONFIG, "an object's key is empty");
    if (strlen(key) > KEY_BYTES_MAX)
        return fail(err, RC_CONFIG, "an object's key has %zu bytes, at most %d are possible: it starts with '%.100s'",
                    strlen(key), KEY_BYTES_MAX, key);
    if (!str_is_utf8(str(key)))
        return fail(err, RC_CONFIG, "an object's key of %zu bytes is not UTF-8", strlen(key));
    if (check_segments(key, err) != RC_OK)
        return fail_in(err, "'%s' cannot be an object's key", key);
    return RC_OK;
}

RC store_check_key(const char *key, struct error *err)
{
    if (check_key(key, err) != RC_OK)
        return fail_todo(err, "change the prefix, pipeline, table or file name that the key is made of");
    return RC_OK;
}

RC store_now(struct store *s, struct clock *clock, const char *prefix, int64_t *ret_us, struct error *err)
{
    struct arena arena = {0};
    struct object_list ignored;
    enum rc rc = store_list(s, prefix, NULL, &arena, &ignored, err);
    arena_release(&arena);
    TRY(rc);
    *ret_us = clock->now_us(clock) + s->ahead_us;
    return RC_OK;
}

void upload_accept(struct upload *self, const char *part_etag)
{
    assert(self->parts < PART_NUMBER_MAX && strlen(part_etag) < ETAG_TEXT);
    bool full = (self->parts & (self->parts - 1)) == 0; /* room grows at 0, 1, 2, 4, 8, ... */
    size_t room = self->parts == 0 ? 1 : (size_t)self->parts * 2;
    if (full)
        self->part = xrealloc(self->part, room * sizeof(*self->part));
    memcpy(self->part[self->parts++].etag, part_etag, strlen(part_etag) + 1);
}

void upload_release(struct upload *self)
{
    free(self->part);
    *self = (struct upload){0};
}

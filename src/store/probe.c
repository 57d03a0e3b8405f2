#include "store/probe.h"

#include "io/opening.h"

#define NOT_OURS "probe-etag-of-nobody" /* an ETag that no object has */

enum { BODY_MAX = 64 };

static RC ignores(const struct store *store, const char *what, struct error *err)
{
    fail(err, RC_CONFIG, "store '%s' (%s) ignores conditions: %s", store->name, store->address, what);
    return fail_todo(err, "two runs could overwrite each other's marks there: use a store with conditional writes, or "
                          "keep the marks in PostgreSQL with 'marks: state'");
}

/* A write that the store must refuse. */
static RC refused(struct store *store, const char *key, struct condition when, const char *what, struct error *err)
{
    enum rc rc = store_put(store, key, S("refused"), when, NULL, err);
    if (rc == RC_OK)
        return ignores(store, what, err);
    return rc == RC_CONFLICT ? RC_OK : rc;
}

static RC reads_back(struct store *store, const char *key, struct str body, struct error *err)
{
    AUTO_RELEASE(buf) got = {0};
    TRY(store_get(store, key, BODY_MAX, &got, NULL, err));
    if (str_eq(buf_str(&got), body))
        return RC_OK;
    fail(err, RC_CONFIG, "store '%s' (%s) gives back other bytes than were written to '%s'", store->name,
         store->address, key);
    return fail_todo(err, "see what stands between: a cache, a proxy or a gateway must not change or delay objects");
}

static RC probe_conditions(struct store *store, const char *key, struct error *err)
{
    struct object_info written;
    TRY(store_put(store, key, S("first"), IF_NONE_MATCH, &written, err));
    TRY(refused(store, key, IF_NONE_MATCH, "a second PUT with If-None-Match: * was taken", err));
    TRY(refused(store, key, IF_MATCH(NOT_OURS), "a PUT with a wrong If-Match was taken", err));
    TRY(reads_back(store, key, S("first"), err));
    enum rc rc = store_put(store, key, S("second"), IF_MATCH(written.etag), NULL, err);
    if (rc == RC_CONFLICT) {
        fail(err, RC_CONFIG, "store '%s' (%s) refuses a PUT with the right If-Match", store->name, store->address);
        return fail_todo(
            err, "with type s3 try 'etag_quotes: false'; if that does not help, use another store, or 'marks: state'");
    }
    TRY(rc);
    return reads_back(store, key, S("second"), err);
}

static RC probe_delete(struct store *store, const char *key, struct error *err)
{
    struct deleted_object item = {.key = key};
    TRY(store_delete(store, &item, 1, err));
    if (item.rc != RC_OK)
        return fail(err, item.rc, "%s", item.text);
    return RC_OK;
}

/* Even where the program is asked to end, before or now. */
static RC probe_take_back(struct store *store, const char *key, struct clock *clock, struct error *err)
{
    struct error ignored;
    enum rc rc = probe_delete(store, key, err);
    if (!rc_is_stop(rc))
        return rc;
    opening_last_words_begin(clock);
    if (probe_delete(store, key, &ignored) != RC_OK)
        fail_in(err, "'%s' stays, and `waybill s3clean orphans` takes it", key);
    opening_last_words_end();
    return rc;
}

char *store_probe_key(struct clock *clock, struct random *random, struct arena *arena)
{
    char id[UUID_TEXT];
    uuid7(clock, random, id);
    return arena_print(arena, STORE_PROBE_FOLDER "%s", id);
}

RC store_probe(struct store *store, struct clock *clock, struct random *random, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct error second;
    const char *key = store_probe_key(clock, random, &arena);
    enum rc rc = probe_conditions(store, key, err);
    if (rc == RC_OK && store->ops->probe != NULL)
        rc = store->ops->probe(store, key, err);
    enum rc deleted = probe_take_back(store, key, clock, rc == RC_OK ? err : &second); /* the first failure is told */
    if (rc != RC_OK || deleted != RC_OK)
        return fail_in(err, "trying whether the store keeps its promises");
    return RC_OK;
}

#include "move/orphans.h"

#include "move/arrows.h"
#include "move/cleaned.h"
#include "state/keys.h"
#include "store/probe.h"

/* ---- what is there ---- */

static void orphans_add(struct arena *arena, struct orphans *list, const struct orphan *item)
{
    if ((list->count & (list->count - 1)) == 0) {
        size_t size = list->count != 0 ? (size_t)list->count * 2 : 1;
        struct orphan *items = arena_take(arena, sizeof(*items) * size);
        if (list->count != 0)
            memcpy(items, list->items, sizeof(*items) * (size_t)list->count);
        list->items = items;
    }
    list->items[list->count++] = *item;
    list->bytes += item->bytes;
}

/* Only what lies in a waybill's folder directly below the table's prefix: <prefix>dt=YYYY-MM-DD/wb=<id>/<name>. Another
 * pipeline's prefix may begin with this one. */
bool orphans_is_in_waybill_folder(const char *key, const char *prefix)
{
    enum { ID_AT = sizeof("dt=YYYY-MM-DD/wb=") - 1 };
    const char *at = key + strlen(prefix);
    size_t len = strlen(at);
    if (len <= ID_AT + UUID_TEXT || memcmp(at, "dt=", 3) != 0 || memcmp(at + ID_AT - 4, "/wb=", 4) != 0)
        return false;
    char id[UUID_TEXT] = "";
    memcpy(id, at + ID_AT, UUID_TEXT - 1);
    const char *name = at + ID_AT + UUID_TEXT;
    return uuid_is_valid(id) && name[-1] == '/' && strchr(name, '/') == NULL;
}

/* Where a file of the quarantine would lie if its folder were not there; any other key as it is. */
static const char *outside_quarantine(struct arena *arena, const char *key)
{
    const char *folder = strstr(key, "/" QUARANTINE_FOLDER);
    if (folder == NULL)
        return key;
    return arena_print(arena, "%.*s%s", (int)(folder + 1 - key), key, folder + 1 + strlen(QUARANTINE_FOLDER));
}

static bool orphans_may_be(struct route *r, const char *prefix, const char *key)
{
    return prefix != r->stage_prefix ||
           orphans_is_in_waybill_folder(outside_quarantine(&r->arena, key), r->stage_prefix);
}

static RC orphans_list(struct route *r, const char *prefix, int64_t older_than_us, struct orphans *ret,
                       struct error *err)
{
    struct store *store = r->run->world.store;
    const char *after = NULL;
    do {
        struct object_list page;
        TRY(store_list(store, prefix, after, &r->arena, &page, err));
        for (int i = 0; i < page.count; i++) {
            struct orphan item = {.key = page.items[i].key, .bytes = page.items[i].bytes};
            if (page.items[i].modified_us <= older_than_us && orphans_may_be(r, prefix, item.key))
                orphans_add(&r->arena, ret, &item);
        }
        after = page.next;
    } while (after != NULL);
    do {
        struct upload_list page;
        TRY(store_upload_list(store, prefix, after, &r->arena, &page, err));
        for (int i = 0; i < page.count; i++) {
            struct orphan item = {.key = page.items[i].key, .upload_id = page.items[i].upload_id};
            if (page.items[i].started_us <= older_than_us && orphans_may_be(r, prefix, item.key))
                orphans_add(&r->arena, ret, &item);
        }
        after = page.next;
    } while (after != NULL);
    return RC_OK;
}

/* ---- what is reachable ---- */

struct folders {
    const char **names; /* sorted */
    int count;
};

static int folder_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static RC folders_reachable(struct route *r, struct folders *ret, struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    struct waybill_ref newest = {s->extracted.id[0] != '\0' ? s->extracted.id : NULL, s->extracted.key};
    struct chain chain;
    TRY(chain_walk(r->run->world.store, newest, "", NULL, &r->arena, &chain, err));
    ret->names = arena_take(&r->arena, sizeof(char *) * (size_t)(chain.count + 1));
    for (int i = 0; i < chain.count; i++)
        ret->names[ret->count++] = key_beside(&r->arena, chain.links[i].key, "");
    if (s->in_flight.id[0] != '\0')
        ret->names[ret->count++] = key_beside(&r->arena, s->in_flight.key, "");
    qsort(ret->names, (size_t)ret->count, sizeof(char *), folder_compare);
    return RC_OK;
}

static bool folders_hold(const struct folders *self, const char *folder)
{
    return bsearch(&folder, self->names, (size_t)self->count, sizeof(char *), folder_compare) != NULL;
}

static void orphans_drop_reachable(struct route *r, struct orphans *list, const struct folders *reachable)
{
    int kept = 0;
    list->bytes = 0;
    for (int i = 0; i < list->count; i++) {
        const char *key = outside_quarantine(&r->arena, list->items[i].key);
        if (folders_hold(reachable, key_beside(&r->arena, key, "")))
            continue;
        list->items[kept++] = list->items[i];
        list->bytes += list->items[i].bytes;
    }
    list->count = kept;
}

/* ---- deleting ---- */

static RC orphans_delete_objects(struct route *r, struct scope *scope, struct orphans *list, struct error *err)
{
    AUTO_RELEASE(remover) remover = {.store = r->run->world.store, .scope = scope, .arena = &r->arena};
    for (int i = 0; i < list->count; i++) {
        if (list->items[i].upload_id == NULL)
            TRY(remover_add(&remover, list->items[i].key, list->items[i].bytes, err));
    }
    TRY(remover_finish(&remover, err));
    list->failed = (int)remover.ret.failed;
    list->failure = remover.ret.failure;
    return RC_OK;
}

static RC orphans_delete(struct route *r, struct scope *scope, struct orphans *list, struct error *err)
{
    for (int i = 0; i < list->count; i++) {
        const struct orphan *item = &list->items[i];
        if (item->upload_id != NULL)
            TRY(store_upload_abort(r->run->world.store, item->key, item->upload_id, err));
    }
    return orphans_delete_objects(r, scope, list, err);
}

/* ---- the whole ---- */

static RC orphans_refuse(const struct route *r, const char *why, struct error *err)
{
    fail(err, RC_DATA, "%s: what is reachable is not known, so nothing of '%s' may be deleted", why,
         scope_name(r->scope));
    return fail_todo(err, "repair that first: waybill watermark restore --from-target %s", scope_flags(r->scope));
}

RC orphans_check_chain(struct route *r, struct error *err)
{
    if (!route_loads(r) || repair_check_chain(r, err) == RC_OK)
        return RC_OK;
    return err->rc == RC_DATA ? orphans_refuse(r, "the target does not stand on the chain of the scope document", err)
                              : err->rc;
}

static RC orphans_look(struct route *r, int64_t grace_ms, struct orphans *ret, struct error *err)
{
    const struct run_world *world = &r->run->world;
    struct folders reachable = {0};
    int64_t now_us;
    if (route_loads(r))
        TRY(route_position(r, &r->arena, &r->t, err));
    TRY(orphans_check_chain(r, err));
    TRY(store_now(world->store, world->clock, r->stage_prefix, &now_us, err));
    TRY(orphans_list(r, r->stage_prefix, cleaned_until(now_us, grace_ms), ret, err));
    TRY(scope_read(r->scope, err));
    TRY(folders_reachable(r, &reachable, err));
    orphans_drop_reachable(r, ret, &reachable);
    return RC_OK;
}

static RC orphans_under_lease(struct route *r, int64_t grace_ms, struct orphans *ret, struct error *err)
{
    struct object_info s_info;
    struct folders reachable = {0};
    TRY(orphans_check_chain(r, err));
    TRY(store_head(r->run->world.store, scope_key(r->scope), &s_info,
                   err)); /* S was written just now: the store's clock */
    TRY(orphans_list(r, r->stage_prefix, cleaned_until(s_info.modified_us, grace_ms), ret, err));
    TRY(scope_read(r->scope, err));
    struct lease lease = scope_lease(r->scope);
    if (!lease.held || strcmp(lease.run_id, r->run->run_id) != 0)
        return fail(err, RC_LEASE, "the lease on '%s' was lost while its objects were listed", scope_name(r->scope));
    TRY(folders_reachable(r, &reachable, err));
    orphans_drop_reachable(r, ret, &reachable);
    return orphans_delete(r, r->scope, ret, err);
}

/* Nothing was ever moved, or S was lost. */
RC orphans_without_scope(struct route *r, struct error *err)
{
    struct object_list page;
    TRY(store_list(r->run->world.store, r->stage_prefix, NULL, &r->arena, &page, err));
    return page.count == 0 ? RC_OK : orphans_refuse(r, "there is no scope document", err);
}

RC orphans_clean(struct run *run, int64_t grace_ms, bool dry, struct orphans *ret, struct error *err)
{
    struct route *r = &run->routes[0];
    *ret = (struct orphans){0};
    TRY(scope_read(r->scope, err));
    if (!scope_exists(r->scope))
        return orphans_without_scope(r, err);
    if (dry)
        return orphans_look(r, grace_ms, ret, err);
    TRY(repair_hold(r, err));
    enum rc rc = orphans_under_lease(r, grace_ms, ret, err);
    repair_give(r);
    return rc;
}

RC orphans_clean_probes(struct run *run, int64_t grace_ms, bool dry, struct orphans *ret, struct error *err)
{
    struct route *r = &run->routes[0];
    struct orphans found = {0};
    int64_t now_us;
    TRY(store_now(run->world.store, run->world.clock, STORE_PROBE_FOLDER, &now_us, err));
    TRY(orphans_list(r, STORE_PROBE_FOLDER, cleaned_until(now_us, grace_ms), &found, err));
    if (!dry)
        TRY(orphans_delete(r, NULL, &found, err));
    for (int i = 0; i < found.count; i++)
        orphans_add(&r->arena, ret, &found.items[i]);
    ret->failed += found.failed;
    ret->failure = ret->failure != NULL ? ret->failure : found.failure;
    return RC_OK;
}

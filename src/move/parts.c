#include "move/parts.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "move/arrows.h"
#include "move/orphans.h"
#include "state/keys.h"

/* ---- folders, as a list of the table's prefix gives them ---- */

struct part {
    const char *key;
    int64_t bytes, modified_us;
};

/* One folder; its objects come together, since a list is in the order of keys. */
struct folder {
    const char *key; /* with its last '/'; NULL: none yet */
    bool has_receipt;
    struct part manifest; /* key NULL: none */
    struct part *parts;
    int count, size;
    struct arena arena;
};

static void folder_release(struct folder *self)
{
    free(self->parts);
    arena_release(&self->arena);
}

struct folder_reader {
    RC (*take)(void *context, const struct folder *folder, struct error *err);
    void *context;
};

static void folder_begin(struct folder *self, const char *key)
{
    arena_reset(&self->arena);
    self->key = key_beside(&self->arena, key, "");
    self->has_receipt = false;
    self->manifest = (struct part){0};
    self->count = 0;
}

static void folder_take(struct folder *self, const struct listed_object *object)
{
    const char *name = object->key + strlen(self->key);
    const struct part part = {arena_text(&self->arena, object->key), object->bytes, object->modified_us};
    if (text_eq(name, "receipt.json"))
        self->has_receipt = true;
    else if (text_eq(part.key, key_manifest(&self->arena, part.key)))
        self->manifest = part;
    size_t len = strlen(name), tail = strlen(".json");
    if (len > tail && text_eq(name + len - tail, ".json")) /* documents */
        return;
    if (self->count == self->size) {
        self->size = self->size != 0 ? self->size * 2 : 16;
        self->parts = xrealloc(self->parts, sizeof(*self->parts) * (size_t)self->size);
    }
    self->parts[self->count++] = part;
}

static bool folder_holds(const struct folder *self, const char *key)
{
    size_t len = strlen(self->key);
    return strncmp(key, self->key, len) == 0 && strchr(key + len, '/') == NULL;
}

static RC folders_read(struct route *r, const struct folder_reader *reader, struct error *err)
{
    struct store *store = r->run->world.store;
    AUTO_RELEASE(folder) folder = {0};
    struct arena page_arena = {0};
    const char *after = NULL;
    enum rc rc = RC_OK;
    do {
        struct object_list page;
        rc = store_list(store, r->stage_prefix, after, &page_arena, &page, err);
        for (int i = 0; rc == RC_OK && i < page.count; i++) {
            if (!orphans_is_in_waybill_folder(page.items[i].key, r->stage_prefix))
                continue;
            if (folder.key != NULL && !folder_holds(&folder, page.items[i].key))
                rc = reader->take(reader->context, &folder, err);
            if (folder.key == NULL || !folder_holds(&folder, page.items[i].key))
                folder_begin(&folder, page.items[i].key);
            folder_take(&folder, &page.items[i]);
        }
        after = rc == RC_OK ? arena_text(&r->arena, page.next) : NULL;
        arena_reset(&page_arena);
    } while (after != NULL);
    arena_release(&page_arena);
    if (rc == RC_OK && folder.key != NULL)
        rc = reader->take(reader->context, &folder, err);
    return rc;
}

/* ---- the chain, to be looked up by folder ---- */

struct reached {
    const char *folder;
    const struct link *link;
};
struct reach {
    struct reached *items; /* sorted */
    int count;
};

static int reached_compare(const void *a, const void *b)
{
    return strcmp(((const struct reached *)a)->folder, ((const struct reached *)b)->folder);
}

static RC reach_from(struct route *r, struct waybill_ref newest, struct reach *ret, struct error *err)
{
    struct chain chain;
    TRY(chain_walk(r->run->world.store, newest, "", NULL, &r->arena, &chain, err));
    ret->items = arena_take(&r->arena, sizeof(*ret->items) * (size_t)(chain.count + 1));
    for (int i = 0; i < chain.count; i++)
        ret->items[i] = (struct reached){key_beside(&r->arena, chain.links[i].key, ""), &chain.links[i]};
    ret->count = chain.count;
    qsort(ret->items, (size_t)ret->count, sizeof(*ret->items), reached_compare);
    return RC_OK;
}

static const struct link *reach_find(const struct reach *self, const char *folder)
{
    if (self->count == 0)
        return NULL;
    const struct reached wanted = {.folder = folder};
    const struct reached *found =
        bsearch(&wanted, self->items, (size_t)self->count, sizeof(*self->items), reached_compare);
    return found != NULL ? found->link : NULL;
}

static struct waybill_ref extracted_of(const struct route *r)
{
    const struct marks *s = scope_marks(r->scope);
    return (struct waybill_ref){s->extracted.id[0] != '\0' ? s->extracted.id : NULL, s->extracted.key};
}

/* T's waybill, and where it lies; id NULL: nothing was loaded. */
static RC loaded_of(struct route *r, struct waybill_ref *ret, struct error *err)
{
    struct chain chain;
    *ret = (struct waybill_ref){0};
    if (!r->t.exists || r->t.waybill[0] == '\0')
        return RC_OK;
    const char *id = arena_text(&r->arena, r->t.waybill);
    TRY(chain_walk(r->run->world.store, extracted_of(r), id, NULL, &r->arena, &chain, err));
    *ret = (struct waybill_ref){chain.until_key != NULL ? id : NULL, chain.until_key};
    return RC_OK;
}

/* ---- which parts are meant ---- */

struct looking {
    struct route *r;
    const struct parts_wanted *wanted;
    struct reach reach;
    int64_t until_us;
    struct remover remover;
    struct parts_total *total; /* of parts_list; NULL: they are deleted */
};

static bool is_wanted(const struct looking *self, const struct part *part)
{
    const char *pattern = self->wanted->pattern, *below = part->key + strlen(self->r->stage_prefix);
    if (part->modified_us > self->until_us)
        return false;
    return pattern == NULL || fnmatch(pattern, below, 0) == 0 || fnmatch(pattern, strrchr(part->key, '/') + 1, 0) == 0;
}

static const struct part *find_part(const struct folder *folder, const char *key)
{
    for (int i = 0; i < folder->count; i++) {
        if (strcmp(folder->parts[i].key, key) == 0)
            return &folder->parts[i];
    }
    return NULL;
}

/* Only what the waybill itself names: whatever else lies in its folder is not known here. Behind the last of its files
 * goes what names them all (key_manifest): whoever dies in between leaves a manifest without files, which goes then. */
static RC clean_waybill(struct looking *self, const struct folder *folder, const struct waybill *waybill,
                        struct error *err)
{
    int staying = 0;
    for (int i = 0; i < waybill->file_count; i++) {
        const struct part *part = find_part(folder, waybill->files[i].key);
        if (part != NULL && is_wanted(self, part))
            TRY(remover_add(&self->remover, part->key, part->bytes, err));
        else
            staying += part != NULL;
    }
    if (folder->manifest.key == NULL || staying > 0)
        return RC_OK;
    return remover_add(&self->remover, folder->manifest.key, folder->manifest.bytes, err);
}

static RC clean_folder(void *context, const struct folder *folder, struct error *err)
{
    struct looking *self = context;
    const struct link *link = reach_find(&self->reach, folder->key);
    struct arena arena = {0};
    struct waybill waybill = {0};
    enum waybill_state state;
    bool has_any = folder->count > 0 || folder->manifest.key != NULL;
    if (link == NULL || !has_any || !(folder->has_receipt || self->wanted->sealed))
        return RC_OK;
    enum rc rc = waybill_read(self->r->run->world.store, link->key, link->id, &arena, &state, &waybill, err);
    if (rc == RC_OK && state == WAYBILL_SEALED)
        rc = clean_waybill(self, folder, &waybill, err);
    waybill_release(&waybill);
    arena_release(&arena);
    return rc;
}

static RC count_folder(void *context, const struct folder *folder, struct error *err)
{
    struct looking *self = context;
    bool is_reached = reach_find(&self->reach, folder->key) != NULL;
    bool is_loaded = folder->has_receipt || self->wanted->sealed;
    struct parts_count *into = !is_reached ? &self->total->other
                               : is_loaded ? &self->total->loaded
                                           : &self->total->waiting;
    int64_t before = into->files;
    for (int i = 0; i < folder->count; i++) {
        if (!is_wanted(self, &folder->parts[i]))
            continue;
        into->files++;
        into->bytes += folder->parts[i].bytes;
    }
    into->waybills += into->files > before;
    return RC_OK;
}

/* ---- the whole ---- */

static RC clean(struct route *r, const struct parts_wanted *wanted, int64_t now_us, bool dry, struct cleaned *ret,
                struct error *err)
{
    struct looking self = {.r = r, .wanted = wanted, .until_us = cleaned_until(now_us, wanted->older_than_ms)};
    self.remover =
        (struct remover){.store = r->run->world.store, .scope = dry ? NULL : r->scope, .dry = dry, .arena = &r->arena};
    struct waybill_ref newest = extracted_of(r);
    TRY(orphans_check_chain(r, err));
    if (route_loads(r))
        TRY(loaded_of(r, &newest, err));
    TRY(reach_from(r, newest, &self.reach, err));
    enum rc rc = folders_read(r, &(struct folder_reader){clean_folder, &self}, err);
    if (rc == RC_OK)
        rc = remover_finish(&self.remover, err);
    *ret = self.remover.ret;
    remover_release(&self.remover);
    return rc;
}

/* S was written just now: by the store's clock. */
static RC clean_under_lease(struct route *r, const struct parts_wanted *wanted, struct cleaned *ret, struct error *err)
{
    struct object_info s_info;
    TRY(store_head(r->run->world.store, scope_key(r->scope), &s_info, err));
    return clean(r, wanted, s_info.modified_us, false, ret, err);
}

RC parts_clean(struct run *run, const struct parts_wanted *wanted, bool dry, struct cleaned *ret, struct error *err)
{
    struct route *r = &run->routes[0];
    struct clock *clock = run->world.clock;
    *ret = (struct cleaned){0};
    TRY(scope_read(r->scope, err));
    if (!scope_exists(r->scope))
        return orphans_without_scope(r, err);
    if (dry && route_loads(r))
        TRY(route_position(r, &r->arena, &r->t, err));
    if (dry)
        return clean(r, wanted, clock->now_us(clock), true, ret, err);
    TRY(repair_hold(r, err));
    enum rc rc = clean_under_lease(r, wanted, ret, err);
    repair_give(r);
    return rc;
}

RC parts_list(struct run *run, const struct parts_wanted *wanted, struct parts_total *ret, struct error *err)
{
    struct route *r = &run->routes[0];
    struct clock *clock = run->world.clock;
    struct parts_total total = {0};
    struct looking self = {.r = r,
                           .wanted = wanted,
                           .until_us = cleaned_until(clock->now_us(clock), wanted->older_than_ms),
                           .total = &total};
    TRY(scope_read(r->scope, err));
    if (scope_exists(r->scope))
        TRY(reach_from(r, extracted_of(r), &self.reach, err));
    TRY(folders_read(r, &(struct folder_reader){count_folder, &self}, err));
    *ret = total;
    return RC_OK;
}

#include "move/history.h"

#include "base/log.h"
#include "move/arrows.h"
#include "state/keys.h"

/* ---- names: no document is read for them ---- */

static RC list_names(struct route *r, struct history_entry **ret, int *ret_count, struct error *err)
{
    const char *prefix = key_history_prefix(&r->arena, r->run->pipeline->name, r->config->name), *after = NULL;
    struct history_entry *entries = NULL;
    int count = 0;
    do {
        struct object_list page;
        TRY(store_list(r->run->world.store, prefix, after, &r->arena, &page, err));
        struct history_entry *more = arena_take(&r->arena, sizeof(*more) * (size_t)(count + page.count + 1));
        if (count > 0)
            memcpy(more, entries, sizeof(*more) * (size_t)count);
        entries = more;
        for (int i = 0; i < page.count; i++) {
            const char *key = page.items[i].key, *name = strrchr(key, '/') + 1;
            entries[count++] = (struct history_entry){
                .key = key, .name = arena_print(&r->arena, "%.*s", (int)strcspn(name, "."), name)};
        }
        after = page.next;
    } while (after != NULL);
    *ret = entries;
    *ret_count = count;
    return RC_OK;
}

static RC read_entry(struct route *r, struct history_entry *entry, struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    AUTO_JSON *doc = NULL;
    TRY(store_get(r->run->world.store, entry->key, JSON_DOCUMENT_BYTES_MAX, &text, NULL, err));
    TRY(json_read(buf_str(&text), entry->key, &doc, err));
    entry->at = arena_text(&r->arena, json_text(doc, "at"));
    entry->author = arena_text(&r->arena, json_text(doc, "author"));
    entry->reason = arena_text(&r->arena, json_text(doc, "reason"));
    entry->change = arena_text(&r->arena, json_text(doc, "change"));
    const json_t *extracted = json_object_get(json_object_get(doc, "document"), "extracted");
    return position_from_json(json_object_get(extracted, "pos"), &r->arena, &entry->pos, err);
}

RC history_list(struct route *r, struct history_entry **ret, int *ret_count, struct error *err)
{
    TRY(list_names(r, ret, ret_count, err));
    for (int i = 0; i < *ret_count; i++)
        TRY(read_entry(r, &(*ret)[i], err));
    return RC_OK;
}

/* ---- the one to restore ---- */

/* The newest, from the end on, that a change of the mark came after; -1: none. */
static RC find_restorable(struct route *r, struct history_entry *entries, int count, int *ret, struct error *err)
{
    for (*ret = count - 1; *ret >= 0; (*ret)--) {
        TRY(read_entry(r, &entries[*ret], err));
        if (!text_eq(entries[*ret].change, HISTORY_ACCEPT_AUDIT))
            break;
    }
    return RC_OK;
}

static RC fail_none(struct route *r, const char *name, struct error *err)
{
    fail(err, RC_NOT_FOUND, name != NULL ? "'%s' has no history entry '%s'" : "'%s' has no history%s",
         scope_name(r->scope), or_empty(name));
    if (name == NULL)
        return fail_todo(err,
                         "a history begins with the first `waybill watermark set`, `reset` or `restore --from-target`");
    return fail_todo(err, "waybill watermark history %s lists them", scope_flags(r->scope));
}

RC history_find(struct route *r, const char *name, struct history_entry *ret, struct error *err)
{
    struct history_entry *entries;
    int count, found = -1;
    TRY(list_names(r, &entries, &count, err));
    if (name == NULL)
        TRY(find_restorable(r, entries, count, &found, err));
    for (int i = 0; name != NULL && i < count; i++) {
        if (text_eq(entries[i].name, name))
            found = i;
    }
    if (found < 0)
        return fail_none(r, name, err);
    TRY(read_entry(r, &entries[found], err));
    *ret = entries[found];
    return RC_OK;
}

/* ---- what is not kept ---- */

static bool is_kept(const struct route *r, const struct history_entry *entry, int newer)
{
    const struct pipeline_config *pipeline = r->run->pipeline;
    int64_t ms = 0;
    struct str stamp = {entry->name, strcspn(entry->name, "-")};
    if (pipeline->history_count > 0)
        return newer < pipeline->history_count;
    if (!str_to_int64(stamp, &ms)) /* not one of ours */
        return true;
    return ms >= r->run->world.clock->now_us(r->run->world.clock) / 1000 - pipeline->history_ms;
}

static RC delete_all(struct route *r, struct deleted_object *doomed, int count, struct error *err)
{
    for (int at = 0; at < count; at += LIST_PAGE_MAX) {
        int page = count - at < LIST_PAGE_MAX ? count - at : LIST_PAGE_MAX;
        TRY(store_delete(r->run->world.store, doomed + at, page, err));
        for (int i = at; i < at + page; i++) {
            if (doomed[i].rc != RC_OK)
                return fail(err, doomed[i].rc, "deleting '%s': %s", doomed[i].key, doomed[i].text);
        }
    }
    return RC_OK;
}

static RC prune(struct route *r, struct error *err)
{
    struct history_entry *entries;
    int count, restorable, doomed_count = 0;
    TRY(list_names(r, &entries, &count, err));
    TRY(find_restorable(r, entries, count, &restorable, err));
    struct deleted_object *doomed = arena_take(&r->arena, sizeof(*doomed) * (size_t)(count + 1));
    for (int i = 0; i < count; i++) {
        if (i != restorable && !is_kept(r, &entries[i], count - 1 - i))
            doomed[doomed_count++].key = entries[i].key;
    }
    TRY(delete_all(r, doomed, doomed_count, err));
    if (doomed_count > 0)
        log_info("history.pruned", KV("entries", doomed_count), KV("kept", count - doomed_count));
    return RC_OK;
}

void history_prune(struct route *r)
{
    const struct pipeline_config *pipeline = r->run->pipeline;
    struct error err;
    if (pipeline->history_count == 0 && pipeline->history_ms == 0)
        return;
    if (prune(r, &err) != RC_OK)
        log_warn("history.not_pruned", KV("why", err.text));
}

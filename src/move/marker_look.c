/* Looking at markers, as whoever waits for them does. */
#include <stdlib.h>

#include "move/markers.h"
#include "state/keys.h"

/* ---- folders ---- */

/* The objects of a folder; nothing else in it is ours. */
enum { OBJECT_COMPLETED, OBJECT_METADATA, OBJECT_FAILED, OBJECT_METRICS, OBJECT_KINDS };
static const char *const object_names[OBJECT_KINDS] = {"completion_marker.txt", "execution_metadata.json",
                                                       "failure_marker.txt", "table_metrics.json"};

static int object_kind(struct str name)
{
    for (int i = 0; i < OBJECT_KINDS; i++) {
        if (str_eq(name, str(object_names[i])))
            return i;
    }
    return -1;
}

/* completion_markers/<pipeline>/<table>/<stamp>/<name>, and nothing deeper. */
static bool key_split(const char *key, struct str ret_parts[4])
{
    const char *at = key + strlen(KEY_MARKERS);
    for (int i = 0; i < 4; i++) {
        size_t len = strcspn(at, "/");
        ret_parts[i] = (struct str){at, len};
        if (len == 0 || (at[len] == '/') != (i < 3))
            return false;
        at += len + 1;
    }
    return object_kind(ret_parts[3]) >= 0;
}

/* One folder while its keys come; they come together, since a list is in the order of keys. */
struct folder {
    const char *folder; /* NULL: none yet */
    struct str pipeline, table, stamp;
    bool has[OBJECT_KINDS];
    int64_t bytes[OBJECT_KINDS];
    int64_t modified_us;
};

/* Called for each folder, in the order of keys. */
struct folder_reader {
    RC (*take)(void *context, const struct folder *folder, struct error *err);
    void *context;
};

static RC folder_add(struct folder *open, const struct listed_object *object, const struct folder_reader *reader,
                     struct arena *names, struct error *err)
{
    struct str parts[4];
    if (!key_split(object->key, parts))
        return RC_OK;
    size_t len = (size_t)(parts[3].at - object->key);
    if (open->folder == NULL || strlen(open->folder) != len || memcmp(open->folder, object->key, len) != 0) {
        if (open->folder != NULL)
            TRY(reader->take(reader->context, open, err));
        arena_reset(names);
        const char *copy = arena_text(names, object->key);
        for (int i = 0; i < 3; i++)
            parts[i].at = copy + (parts[i].at - object->key);
        *open = (struct folder){.folder = arena_str(names, (struct str){copy, len}),
                                .pipeline = parts[0],
                                .table = parts[1],
                                .stamp = parts[2]};
    }
    int kind = object_kind(parts[3]);
    open->has[kind] = true;
    open->bytes[kind] = object->bytes;
    open->modified_us = object->modified_us > open->modified_us ? object->modified_us : open->modified_us;
    return RC_OK;
}

static RC folders_read(struct store *store, const struct marker_filter *filter, const struct folder_reader *reader,
                       struct error *err)
{
    struct arena names = {0}, pages = {0}, prefixes = {0};
    struct folder open = {0};
    const char *prefix = key_markers_prefix(&prefixes, filter->pipeline, filter->table, filter->stamp), *after = NULL;
    enum rc rc = RC_OK;
    do {
        struct object_list page;
        rc = store_list(store, prefix, after, &pages, &page, err);
        for (int i = 0; rc == RC_OK && i < page.count; i++)
            rc = folder_add(&open, &page.items[i], reader, &names, err);
        after = rc == RC_OK ? arena_text(&prefixes, page.next) : NULL;
        arena_reset(&pages);
    } while (after != NULL);
    if (rc == RC_OK && open.folder != NULL)
        rc = reader->take(reader->context, &open, err);
    arena_release(&names);
    arena_release(&pages);
    arena_release(&prefixes);
    return rc;
}

/* ---- listing ---- */

struct listing {
    const struct marker_filter *filter;
    struct arena *arena;
    struct marker_list *list;
};

static void list_add(struct listing *self, const struct marker *marker)
{
    struct marker_list *list = self->list;
    if ((list->count & (list->count - 1)) == 0) { /* at a power of two: double */
        size_t size = list->count != 0 ? (size_t)list->count * 2 : 1;
        struct marker *items = arena_take(self->arena, sizeof(*items) * size);
        if (list->count != 0)
            memcpy(items, list->items, sizeof(*items) * (size_t)list->count);
        list->items = items;
    }
    list->items[list->count++] = *marker;
}

static RC listing_take(void *context, const struct folder *folder, struct error *err)
{
    struct listing *self = context;
    struct arena *arena = self->arena;
    bool completed = folder->has[OBJECT_COMPLETED], failed = folder->has[OBJECT_FAILED];
    if (self->filter->after_us != 0 && folder->modified_us <= self->filter->after_us)
        return RC_OK;
    if (self->list->count == MARKERS_MAX) {
        fail(err, RC_DATA, "there are more than %d markers", MARKERS_MAX);
        return fail_todo(err,
                         "name the pipeline and the table with -p and -t; 'waybill marker clean' deletes old ones");
    }
    const struct marker marker = {
        .pipeline = key_segment_name(arena, folder->pipeline),
        .table = key_segment_name(arena, folder->table),
        .stamp = arena_str(arena, folder->stamp),
        .folder = arena_text(arena, folder->folder),
        .state = completed && failed ? MARKER_BOTH
                 : completed         ? MARKER_COMPLETE
                 : failed            ? MARKER_FAILED
                                     : MARKER_UNFINISHED,
        .has_metrics = folder->has[OBJECT_METRICS],
        .modified_us = folder->modified_us,
    };
    list_add(self, &marker);
    return RC_OK;
}

RC marker_list(struct store *store, const struct marker_filter *filter, struct arena *arena, struct marker_list *ret,
               struct error *err)
{
    struct marker_list list = {0};
    struct listing listing = {filter, arena, &list};
    TRY(folders_read(store, filter, &(struct folder_reader){listing_take, &listing}, err));
    *ret = list;
    return RC_OK;
}

static int newer_first(const void *a, const void *b)
{
    const struct marker *one = a, *other = b;
    if (one->modified_us != other->modified_us)
        return one->modified_us > other->modified_us ? -1 : 1;
    return -strcmp(one->folder, other->folder);
}

void marker_sort(struct marker_list *list)
{
    if (list->count > 1)
        qsort(list->items, (size_t)list->count, sizeof(*list->items), newer_first);
}

/* ---- reading ---- */

RC marker_read_object(struct store *store, const struct marker *marker, const char *name, struct buf *ret,
                      struct error *err)
{
    struct arena arena = {0};
    enum rc rc =
        store_get(store, arena_print(&arena, "%s%s", marker->folder, name), JSON_DOCUMENT_BYTES_MAX, ret, NULL, err);
    arena_release(&arena);
    return rc == RC_OK
               ? RC_OK
               : fail_in(err, "reading the marker '%s' of '%s/%s'", marker->stamp, marker->pipeline, marker->table);
}

void marker_story_release(struct marker_story *self)
{
    json_decref(self->document);
    *self = (struct marker_story){0};
}

static double seconds_of(const json_t *object)
{
    const json_t *seconds = json_object_get(object, "duration_seconds");
    return json_is_number(seconds) ? json_number_value(seconds) : -1;
}

RC marker_read(struct store *store, const struct marker *marker, struct marker_story *ret, struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    AUTO_JSON *document = NULL;
    TRY(marker_read_object(store, marker, "execution_metadata.json", &text, err));
    TRY(json_read(buf_str(&text), "execution_metadata.json", &document, err));
    const json_t *results = json_object_get(document, "table_results");
    const json_t *result = json_object_get(results, marker->table), *summary = json_object_get(document, "summary");
    const json_t *details = json_object_get(json_object_get(document, "waybill"), "tables");
    bool is_alone = json_object_size(results) <= 1;
    struct marker_story story = {
        .status = json_text(is_alone ? document : result, "status"),
        .rows = is_alone ? json_int(summary, "total_rows_processed", -1) : json_int(result, "rows_processed", -1),
        .files = is_alone ? json_int(summary, "total_files_created", -1) : json_int(result, "files_created", -1),
        .seconds = seconds_of(is_alone ? document : result)};
    story.failure = json_text(json_object_get(json_object_get(details, marker->table), "error"), "text");
    if (story.status == NULL)
        return fail(err, RC_DATA, "'%sexecution_metadata.json' does not say how '%s' ended", marker->folder,
                    marker->table);
    story.document = TAKE(document);
    *ret = story;
    return RC_OK;
}

RC marker_settle(struct store *store, struct marker *marker, struct error *err)
{
    if (marker->state != MARKER_BOTH)
        return RC_OK;
    AUTO_RELEASE(marker_story) story = {0};
    TRY(marker_read(store, marker, &story, err));
    marker->state = text_eq(story.status, "success") ? MARKER_COMPLETE : MARKER_FAILED;
    return RC_OK;
}

/* ---- cleaning ---- */

struct cleaning {
    struct remover remover;
    int64_t until_us;
};

static void cleaning_release(struct cleaning *self) { remover_release(&self->remover); }

static RC cleaning_take(void *context, const struct folder *folder, struct error *err)
{
    struct cleaning *self = context;
    if (folder->modified_us > self->until_us)
        return RC_OK;
    for (int kind = 0; kind < OBJECT_KINDS; kind++) {
        char key[KEY_BYTES_MAX + 1];
        snprintf(key, sizeof(key), "%s%s", folder->folder, object_names[kind]);
        if (folder->has[kind])
            TRY(remover_add(&self->remover, key, folder->bytes[kind], err));
    }
    return RC_OK;
}

RC marker_clean(struct store *store, const struct marker_filter *filter, int64_t until_us, bool dry,
                struct arena *arena, struct cleaned *ret, struct error *err)
{
    AUTO_RELEASE(cleaning) self = {.remover = {.store = store, .dry = dry, .arena = arena}, .until_us = until_us};
    TRY(folders_read(store, filter, &(struct folder_reader){cleaning_take, &self}, err));
    TRY(remover_finish(&self.remover, err));
    *ret = self.remover.ret;
    return RC_OK;
}

#include "state/waybill.h"

#include "base/clock.h"
#include "state/keys.h"

void waybill_release(struct waybill *self)
{
    schema_free(self->schema);
    self->schema = NULL;
}

bool waybill_is_keys(const struct waybill *waybill) { return text_eq(waybill->mode, "keys"); }
bool waybill_deletes(const struct waybill *waybill) { return waybill_is_keys(waybill) || waybill->gone_count > 0; }

/* ---- writing ---- */

static json_t *files_to_json(const struct waybill_file *files, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_t *file = json_object();
        json_put_text(file, "key", files[i].key);
        json_put_int(file, "bytes", files[i].bytes);
        json_put_int(file, "rows", files[i].rows);
        json_put_text(file, checksum_name(files[i].checksum_kind), files[i].checksum);
        if (files[i].fingerprint != NULL)
            json_put_text(file, "fingerprint", files[i].fingerprint);
        json_array_append_new(list, file);
    }
    return list;
}

static int waybill_format(const struct waybill *w)
{
    bool is_plain = text_eq(w->mode, "append") || text_eq(w->mode, "merge") || text_eq(w->mode, "replace");
    return is_plain && w->gone_count == 0 && w->quarantined == 0 ? 1 : WAYBILL_FORMAT;
}

static json_t *gone_to_json(const struct waybill *w)
{
    json_t *list = json_array();
    for (int i = 0; i < w->gone_count; i++) {
        json_t *key = json_array();
        for (int k = 0; k < w->key_count; k++)
            json_array_append_new(key, json_string(w->gone[i * w->key_count + k]));
        json_array_append_new(list, key);
    }
    return list;
}

static json_t *waybill_to_json(const struct waybill *w)
{
    json_t *doc = json_object(), *prev = json_null();
    json_put_int(doc, "format", waybill_format(w));
    json_put_text(doc, "waybill_id", w->id);
    if (w->prev.id != NULL) {
        prev = json_object();
        json_put_text(prev, "id", w->prev.id);
        json_put_text(prev, "key", w->prev.key);
    }
    json_put(doc, "prev", prev);
    json_put_int(doc, "epoch", w->epoch);
    json_put_text(doc, "pipeline", w->pipeline);
    json_put_text(doc, "table", w->table);
    json_put_text(doc, "run_id", w->run_id);
    json_put_int(doc, "token", w->token);
    json_put_text(doc, "increment", w->increment);
    json_put_text(doc, "mode", w->mode);
    json_put(doc, "lo", position_to_json(&w->lo));
    json_put(doc, "hi", position_to_json(&w->hi));
    json_put(doc, "pos_after", position_to_json(&w->pos_after));
    json_put_text(doc, "max_cursor", w->max_cursor);
    json_t *source = json_object();
    json_put_text(source, "id", w->source_id);
    json_put_text(source, "clock", w->source_clock);
    json_put_text(source, "place", w->source_place);
    json_put_text(source, "ahead_ms", w->source_ahead_ms);
    json_put_text(source, "row", w->source_row);
    json_put_text(source, "oldest_open", w->oldest_open);
    json_put(doc, "source", source);
    json_put_int(doc, "rows", w->rows);
    json_put_int(doc, "quarantined", w->quarantined);
    if (w->fingerprint != NULL)
        json_put_text(doc, "fingerprint", w->fingerprint);
    json_put(doc, "schema", schema_to_json(w->schema));
    json_put_text(doc, "cursor", w->cursor);
    json_t *key = json_array();
    for (int i = 0; i < w->key_count; i++)
        json_array_append_new(key, json_string(w->key[i]));
    json_put(doc, "key", key);
    if (w->gone_count > 0)
        json_put(doc, "gone", gone_to_json(w));
    if (w->soft_delete.is_sealed)
        json_put_text(doc, "soft_delete", w->soft_delete.text);
    json_put(doc, "files", files_to_json(w->files, w->file_count));
    if (w->aside_count > 0)
        json_put(doc, "quarantine", files_to_json(w->aside, w->aside_count));
    json_put_text(doc, "sealed_at", w->sealed_at);
    return doc;
}

RC waybill_seal(const struct settling *with, const char *key, const struct waybill *waybill, struct error *err)
{
    AUTO_RELEASE(buf) body = {0}, there = {0};
    AUTO_JSON *doc = waybill_to_json(waybill);
    enum settled settled;
    json_write(doc, &body);
    if (settle_create(with, key, buf_str(&body), &settled, &there, err) != RC_OK)
        return fail_in(err, "sealing the waybill %s", waybill->id);
    if (settled == SETTLED_WRITTEN)
        return RC_OK;
    fail(err, RC_LEASE, "the waybill %s was given up by another run before it was sealed", waybill->id);
    return fail_todo(err,
                     "this run had lost its lease; its rows come with the next waybill: run the same command again");
}

RC waybill_abandon(const struct settling *with, const char *key, const char *id, const char *run_id, int64_t token,
                   bool *ret_sealed, struct error *err)
{
    AUTO_RELEASE(buf) body = {0}, there = {0};
    AUTO_JSON *doc = json_object(), *was = NULL;
    char now[STAMP_TEXT];
    enum settled settled;
    stamp_print(with->clock->now_us(with->clock), 3, now);
    json_t *by = json_object();
    json_put_int(doc, "format", 1);
    json_put_text(doc, "waybill_id", id);
    json_put(doc, "abandoned", json_true());
    json_put_text(by, "run_id", run_id);
    json_put_int(by, "token", token);
    json_put(doc, "by", by);
    json_put_text(doc, "at", now);
    json_write(doc, &body);
    if (settle_create(with, key, buf_str(&body), &settled, &there, err) != RC_OK)
        return fail_in(err, "giving up the unfinished waybill %s", id);
    *ret_sealed = false;
    if (settled == SETTLED_OTHER) { /* sealed, or another run's tombstone */
        TRY(json_read(buf_str(&there), key, &was, err));
        *ret_sealed = !json_bool(was, "abandoned", false);
    }
    return RC_OK;
}

/* ---- reading ---- */

static void waybill_checksum_from_json(const json_t *file, struct arena *arena, struct waybill_file *ret)
{
    for (enum checksum_kind kind = 0; kind < CHECKSUM_KINDS; kind++) {
        const char *checksum = json_text(file, checksum_name(kind));
        if (checksum != NULL) {
            ret->checksum_kind = kind;
            ret->checksum = arena_text(arena, checksum);
        }
    }
}

static RC need_count(const json_t *object, const char *key, int64_t *ret, struct error *err)
{
    TRY(json_need_int(object, key, ret, err));
    return *ret >= 0 ? RC_OK : fail(err, RC_DATA, "the field '%s' is less than 0", key);
}

static RC files_from_json(const json_t *list, struct arena *arena, struct waybill_file **ret, int *ret_count,
                          struct error *err)
{
    int count = (int)json_array_size(list);
    struct waybill_file *files = arena_take(arena, sizeof(*files) * (size_t)count);
    for (int i = 0; i < count; i++) {
        const json_t *file = json_array_get(list, (size_t)i);
        TRY(json_need_text(file, "key", arena, &files[i].key, err));
        TRY(need_count(file, "bytes", &files[i].bytes, err));
        TRY(need_count(file, "rows", &files[i].rows, err));
        waybill_checksum_from_json(file, arena, &files[i]);
        files[i].fingerprint = arena_text(arena, json_text(file, "fingerprint"));
    }
    *ret = files;
    *ret_count = count;
    return RC_OK;
}

static RC waybill_positions_from_json(const json_t *doc, struct arena *arena, struct waybill *w, struct error *err)
{
    TRY(position_from_json(json_object_get(doc, "lo"), arena, &w->lo, err));
    TRY(position_from_json(json_object_get(doc, "hi"), arena, &w->hi, err));
    return position_from_json(json_object_get(doc, "pos_after"), arena, &w->pos_after, err);
}

static RC gone_from_json(const json_t *list, struct arena *arena, struct waybill *w, struct error *err)
{
    int count = (int)json_array_size(list);
    w->gone = arena_take(arena, sizeof(*w->gone) * ((size_t)count * (size_t)w->key_count + 1));
    for (w->gone_count = 0; w->gone_count < count; w->gone_count++) {
        const json_t *key = json_array_get(list, (size_t)w->gone_count);
        for (int k = 0; k < w->key_count; k++) {
            const char *text = json_string_value(json_array_get(key, (size_t)k));
            if (text == NULL || (int)json_array_size(key) != w->key_count)
                return fail(err, RC_DATA, "a key of 'gone' is not one of %d texts", w->key_count);
            w->gone[w->gone_count * w->key_count + k] = arena_text(arena, text);
        }
    }
    return RC_OK;
}

static RC waybill_from_json(const json_t *doc, struct arena *arena, struct waybill *ret, struct error *err)
{
    struct waybill w = {0};
    const json_t *prev = json_object_get(doc, "prev"), *source = json_object_get(doc, "source"),
                 *key = json_object_get(doc, "key");
    TRY(json_need_text(doc, "waybill_id", arena, &w.id, err));
    w.prev = (struct waybill_ref){arena_text(arena, json_text(prev, "id")), arena_text(arena, json_text(prev, "key"))};
    TRY(json_need_int(doc, "epoch", &w.epoch, err));
    TRY(json_need_int(doc, "token", &w.token, err));
    TRY(json_need_text(doc, "increment", arena, &w.increment, err));
    TRY(json_need_text(doc, "mode", arena, &w.mode, err));
    TRY(need_count(doc, "rows", &w.rows, err));
    w.pipeline = arena_text(arena, json_text(doc, "pipeline"));
    w.table = arena_text(arena, json_text(doc, "table"));
    w.run_id = arena_text(arena, json_text(doc, "run_id"));
    w.max_cursor = arena_text(arena, json_text(doc, "max_cursor"));
    w.source_id = arena_text(arena, json_text(source, "id"));
    w.source_clock = arena_text(arena, json_text(source, "clock"));
    w.source_place = arena_text(arena, json_text(source, "place"));
    w.source_ahead_ms = arena_text(arena, json_text(source, "ahead_ms"));
    w.source_row = arena_text(arena, json_text(source, "row"));
    w.oldest_open = arena_text(arena, json_text(source, "oldest_open"));
    w.quarantined = json_int(doc, "quarantined", 0);
    w.fingerprint = arena_text(arena, json_text(doc, "fingerprint"));
    w.cursor = arena_text(arena, json_text(doc, "cursor"));
    w.sealed_at = arena_text(arena, json_text(doc, "sealed_at"));
    w.soft_delete.is_sealed = json_object_get(doc, "soft_delete") != NULL;
    w.soft_delete.text = arena_text(arena, json_text(doc, "soft_delete"));
    if (json_array_size(key) > KEY_COLUMNS_MAX)
        return fail(err, RC_DATA, "the key has more than %d columns", KEY_COLUMNS_MAX);
    for (w.key_count = 0; w.key_count < (int)json_array_size(key); w.key_count++)
        w.key[w.key_count] = arena_text(arena, or_empty(json_string_value(json_array_get(key, (size_t)w.key_count))));
    TRY(gone_from_json(json_object_get(doc, "gone"), arena, &w, err));
    TRY(waybill_positions_from_json(doc, arena, &w, err));
    TRY(files_from_json(json_object_get(doc, "files"), arena, &w.files, &w.file_count, err));
    TRY(files_from_json(json_object_get(doc, "quarantine"), arena, &w.aside, &w.aside_count, err));
    TRY(schema_from_json(json_object_get(doc, "schema"), &w.schema, err));
    *ret = w;
    return RC_OK;
}

static RC format_check(const json_t *doc, struct error *err)
{
    if (json_int(doc, "format", 0) <= WAYBILL_FORMAT)
        return RC_OK;
    fail(err, RC_DATA, "it has format %lld; this waybill knows formats up to %d", (long long)json_int(doc, "format", 0),
         WAYBILL_FORMAT);
    return fail_todo(err, "a newer waybill wrote it: use that version (or newer) for this pipeline");
}

static RC waybill_document(struct store *store, const char *key, const char *id, json_t **ret, struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    AUTO_JSON *doc = NULL;
    TRY(store_get(store, key, JSON_DOCUMENT_BYTES_MAX, &text, NULL, err));
    TRY(json_read(buf_str(&text), "the document", &doc, err));
    TRY(format_check(doc, err));
    if (!text_eq(json_text(doc, "waybill_id"), id))
        return fail(err, RC_DATA, "it names the waybill '%s'", or_empty(json_text(doc, "waybill_id")));
    *ret = TAKE(doc);
    return RC_OK;
}

RC waybill_read(struct store *store, const char *key, const char *id, struct arena *arena,
                enum waybill_state *ret_state, struct waybill *ret, struct error *err)
{
    AUTO_JSON *doc = NULL;
    enum rc rc = waybill_document(store, key, id, &doc, err);
    if (rc == RC_NOT_FOUND) {
        *ret_state = WAYBILL_MISSING;
        return RC_OK;
    }
    if (rc == RC_OK && json_bool(doc, "abandoned", false)) {
        *ret_state = WAYBILL_ABANDONED;
        return RC_OK;
    }
    if (rc != RC_OK || waybill_from_json(doc, arena, ret, err) != RC_OK)
        return fail_in(err, "reading the waybill %s ('%s')", id, key);
    *ret_state = WAYBILL_SEALED;
    return RC_OK;
}

/* ---- receipts ---- */

static void put_count(json_t *doc, const char *key, int64_t count)
{
    json_put(doc, key, count >= 0 ? json_integer(count) : json_null());
}

RC receipt_write(const struct settling *with, const char *waybill_key, const struct receipt *r, struct error *err)
{
    AUTO_RELEASE(buf) body = {0}, there = {0};
    struct arena arena = {0};
    AUTO_JSON *doc = json_object();
    enum settled ignored;
    json_put_int(doc, "format", 1);
    json_put_text(doc, "waybill_id", r->waybill_id);
    json_put_text(doc, "target_id", r->target_id);
    json_put_int(doc, "token", r->token);
    json_put_text(doc, "run_id", r->run_id);
    json_put_int(doc, "rows", r->rows);
    json_put_int(doc, "quarantined", r->quarantined);
    put_count(doc, "inserted", r->inserted);
    put_count(doc, "updated", r->updated);
    put_count(doc, "kept", r->kept);
    put_count(doc, "deleted", r->deleted);
    json_put_int(doc, "files", r->files);
    put_count(doc, "statements", r->statements);
    json_put_text(doc, "started_at", r->started_at);
    json_put_text(doc, "committed_at", r->committed_at);
    json_put_text(doc, "confirmed", r->confirmed);
    json_write(doc, &body);
    enum rc rc =
        settle_create(with, key_beside(&arena, waybill_key, "receipt.json"), buf_str(&body), &ignored, &there, err);
    arena_release(&arena);
    return rc == RC_OK ? RC_OK : fail_in(err, "writing the receipt of waybill %s", r->waybill_id);
}

RC receipt_exists(struct store *store, const char *waybill_key, bool *ret, struct error *err)
{
    struct arena arena = {0};
    struct object_info info;
    enum rc rc = store_head(store, key_beside(&arena, waybill_key, "receipt.json"), &info, err);
    arena_release(&arena);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return fail_in(err, "looking for the receipt beside '%s'", waybill_key);
    *ret = rc == RC_OK;
    return RC_OK;
}

static RC receipt_from_json(const json_t *doc, struct arena *arena, struct receipt *ret, struct error *err)
{
    TRY(format_check(doc, err));
    *ret = (struct receipt){
        .target_id = arena_text(arena, json_text(doc, "target_id")),
        .run_id = arena_text(arena, json_text(doc, "run_id")),
        .token = json_int(doc, "token", 0),
        .quarantined = json_int(doc, "quarantined", 0),
        .inserted = json_int(doc, "inserted", -1),
        .updated = json_int(doc, "updated", -1),
        .kept = json_int(doc, "kept", -1),
        .deleted = json_int(doc, "deleted", -1),
        .statements = json_int(doc, "statements", -1),
        .started_at = arena_text(arena, json_text(doc, "started_at")),
        .committed_at = arena_text(arena, json_text(doc, "committed_at")),
        .confirmed = arena_text(arena, json_text(doc, "confirmed")),
    };
    TRY(json_need_text(doc, "waybill_id", arena, &ret->waybill_id, err));
    TRY(need_count(doc, "rows", &ret->rows, err));
    return need_count(doc, "files", &ret->files, err);
}

RC receipt_read(struct store *store, const char *waybill_key, struct arena *arena, struct receipt *ret,
                struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    AUTO_JSON *doc = NULL;
    const char *key = key_beside(arena, waybill_key, "receipt.json");
    TRY(store_get(store, key, JSON_DOCUMENT_BYTES_MAX, &text, NULL, err));
    if (json_read(buf_str(&text), "the receipt", &doc, err) != RC_OK ||
        receipt_from_json(doc, arena, ret, err) != RC_OK)
        return fail_in(err, "reading '%s'", key);
    return RC_OK;
}

/* ---- the chain ---- */

static void chain_add(struct arena *arena, struct chain *chain, const struct link *link)
{
    if ((chain->count & (chain->count - 1)) == 0) { /* at a power of two: double */
        size_t size = chain->count != 0 ? (size_t)chain->count * 2 : 1;
        struct link *links = arena_take(arena, sizeof(*links) * size);
        if (chain->count != 0)
            memcpy(links, chain->links, sizeof(*links) * (size_t)chain->count);
        chain->links = links;
    }
    chain->links[chain->count++] = *link;
}

/* A chain that comes back to itself has no end. Each link is compared with one of those before it, which moves on at
 * powers of two (Brent): no link is looked up, and at most twice the ring is walked. */
static bool chain_returns(const struct chain *chain, const char *id)
{
    if (chain->count == 0)
        return false;
    int mark = 1 << (31 - __builtin_clz((unsigned)chain->count));
    return strcmp(chain->links[mark - 1].id, id) == 0;
}

static RC link_read(const json_t *doc, struct link *link, struct error *err)
{
    const json_t *files = json_object_get(doc, "files");
    if (!text_eq(json_text(doc, "mode"), "keys")) { /* which are no rows that were moved */
        link->rows = json_int(doc, "rows", 0);
        link->files = (int64_t)json_array_size(files);
    }
    link->quarantined = json_int(doc, "quarantined", 0);
    for (size_t i = 0; i < json_array_size(files); i++) {
        int64_t bytes = json_int(json_array_get(files, i), "bytes", 0);
        if (bytes < 0 || __builtin_add_overflow(link->bytes, bytes, &link->bytes))
            return fail(err, RC_DATA, "the sizes of its files cannot be right");
    }
    return RC_OK;
}

RC chain_walk(struct store *store, struct waybill_ref from, const char *until, const char *noting, struct arena *arena,
              struct chain *ret, struct error *err)
{
    struct chain chain = {0};
    struct waybill_ref at = from;
    while (at.id != NULL && strcmp(at.id, until) != 0) {
        AUTO_JSON *doc = NULL;
        if (text_eq(at.id, noting))
            chain.passed = true;
        if (at.key ==
            NULL) /* where `restore --from-target` began without S: the chain's start, as far as it is known */
            break;
        struct link link = {.id = at.id, .key = at.key};
        enum rc rc = chain_returns(&chain, at.id) ? fail(err, RC_DATA, "it stands there twice")
                                                  : waybill_document(store, at.key, at.id, &doc, err);
        if (rc == RC_NOT_FOUND)
            err->rc = RC_DATA;
        if (rc != RC_OK || link_read(doc, &link, err) != RC_OK)
            return fail_in(err, "following the chain to the waybill %s ('%s')", at.id, at.key);
        chain_add(arena, &chain, &link);
        const json_t *prev = json_object_get(doc, "prev");
        at = (struct waybill_ref){arena_text(arena, json_text(prev, "id")), arena_text(arena, json_text(prev, "key"))};
    }
    chain.until_key = at.id != NULL && strcmp(at.id, until) == 0 ? at.key : NULL;
    chain.complete = at.id != NULL ? strcmp(at.id, until) == 0 : until[0] == '\0';
    *ret = chain;
    return RC_OK;
}

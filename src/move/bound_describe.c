/* bound: what the source says of a table, and whether it fits the configuration, S and the last waybill. */
#include "base/log.h"
#include "move/arrows.h"
#include "move/mapping.h"

static RC bound_known_schema(struct route *r, struct error *err)
{
    const struct mark_ref *last = &scope_marks(r->scope)->extracted;
    if (last->id[0] == '\0' || last->key == NULL || r->run->options.full_refresh)
        return RC_OK;
    enum waybill_state state;
    struct waybill waybill = {0};
    TRY(waybill_read(r->run->world.store, last->key, last->id, &r->arena, &state, &waybill, err));
    if (state != WAYBILL_SEALED) {
        fail(err, RC_DATA, "the last waybill of '%s', '%s', is gone from '%s'", scope_name(r->scope), last->key,
             r->run->world.store->name);
        repair_advice(r, err);
        return err->rc;
    }
    r->known = waybill.schema;
    r->was_set = waybill.epoch < scope_marks(r->scope)->epoch;
    r->was_whole = !r->was_set && text_eq(waybill.increment, increment_name(INCREMENT_FULL_SYNC));
    return RC_OK;
}

/* The target keeps a column that the source has not any more, and what is in it. */
static void bound_tell_gone(struct route *r)
{
    AUTO_RELEASE(buf) names = {0};
    const struct schema *now = route_schema(r);
    for (int i = 0; i < r->known->count; i++) {
        if (schema_find(now, r->known->fields[i].name) < 0)
            buf_addf(&names, "%s'%s'", names.len > 0 ? ", " : "", r->known->fields[i].name);
    }
    route_warn(r, arena_print(&r->arena,
                              "the source has no column %s any more: the target keeps it, and new rows have NULL there",
                              names.at));
    log_warn("columns.gone", KV("columns", names.at));
}

/* Rows that were there before come with it when they change, and not before; also where somebody had excluded it for a
 * while, and the target still has what it had then. */
static void bound_tell_added(struct route *r)
{
    AUTO_RELEASE(buf) names = {0};
    const struct schema *now = route_schema(r);
    for (int i = 0; i < now->count; i++) {
        if (schema_find(r->known, now->fields[i].name) < 0)
            buf_addf(&names, "%s'%s'", names.len > 0 ? ", " : "", now->fields[i].name);
    }
    if (names.len == 0 || r->config->increment == INCREMENT_FULL_SYNC)
        return;
    route_warn(r,
               arena_print(
                   &r->arena,
                   "%s was not read before: rows that the target has already keep what it has there (NULL, or what was "
                   "loaded once) until they change in the source; all at once: waybill sync pipeline %s --full-refresh",
                   names.at, scope_flags(r->scope)));
    log_warn("columns.added", KV("columns", names.at));
}

static RC bound_check_schema(struct route *r, struct error *err)
{
    AUTO_RELEASE(buf) diff = {0};
    enum schema_change change = r->known != NULL ? schema_diff(r->known, route_schema(r), &diff) : SCHEMA_SAME;
    r->schema_changes = change != SCHEMA_SAME ? arena_str(&r->arena, buf_str(&diff)) : NULL;
    if (change == SCHEMA_SHRANK)
        bound_tell_gone(r);
    if (change != SCHEMA_SAME && change != SCHEMA_OTHER)
        bound_tell_added(r);
    if (change != SCHEMA_OTHER)
        return RC_OK;
    fail(err, RC_DATA, "the columns of '%s' in '%s' have changed since the last waybill:\n%s", r->table->name,
         r->source->name, diff.at);
    fail_id(err, "columns-changed");
    return fail_todo(
        err,
        "columns that were added, or have a wider type, are taken along by themselves. One that has another name keeps "
        "that of the target with columns: {NEW: {name: OLD}}. For anything else change the target table by hand, then: "
        "waybill sync pipeline %s --full-refresh",
        scope_flags(r->scope));
}

/* Digits may differ: a column's precision may have changed since. */
static bool is_of_form(const char *at, const struct form *form)
{
    struct form found;
    int64_t us;
    if (form->kind == FORM_EPOCH)
        return form_parse(form, at, &us);
    return form_of_text(at, &found) && found.kind == form->kind && found.separator == form->separator &&
           found.z == form->z;
}

/* The position in S is written in terms of one cursor and one key; S does not know which after it was rebuilt from T.
 */
static RC bound_check_shape(struct route *r, struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    const char *cursor = r->table->cursor >= 0 ? r->table->schema->fields[r->table->cursor].name : NULL;
    const struct position *pos = &s->extracted.pos;
    bool same = pos->shape == POSITION_NONE || r->increment == INCREMENT_FULL_SYNC ||
                (r->increment == INCREMENT_ID_ONLY) == (pos->shape == POSITION_AFTER);
    if (r->was_whole && r->mode == MODE_APPEND && r->increment != INCREMENT_FULL_SYNC)
        same = false; /* rows beyond the mark are there already */
    bool timed = increment_is_timed(r->increment);
    if (same && pos->shape != POSITION_NONE && timed && s->cursor != NULL)
        same = text_eq(s->cursor, cursor);
    if (same && pos->at != NULL && timed)
        same = is_of_form(pos->at, &r->table->form);
    if (pos->shape == POSITION_AT && pos->key_count > 0 && r->increment == INCREMENT_TIMESTAMP_ONLY)
        same = false; /* it ended inside a group of equal cursors, which only a key tells apart */
    if (pos->key_count > 0 && pos->key_count != r->table->key_count && r->increment != INCREMENT_FULL_SYNC)
        same = false;
    bool keyed = pos->key_count > 0 && s->key_count > 0 && r->increment != INCREMENT_FULL_SYNC;
    for (int i = 0; same && keyed && i < r->table->key_count; i++)
        same = s->key_count == r->table->key_count &&
               text_eq(s->key[i].column, r->table->schema->fields[r->table->key[i]].name);
    if (same)
        return RC_OK;
    AUTO_RELEASE(buf) at = {0};
    position_print(pos, &at);
    fail(err, RC_CONFIG,
         "'%s' stands at %s, which was written with another increment, cursor or key (cursor then: %s, now: %s)",
         scope_name(r->scope), at.at, s->cursor != NULL ? s->cursor : "none", cursor != NULL ? cursor : "none");
    fail_id(err, "mark-of-another-kind");
    return fail_todo(err, "put the configuration back, or read the table anew: waybill sync pipeline %s --full-refresh",
                     scope_flags(r->scope));
}

/* What orders rows stands in marks, in plain, so nothing may become of it; a full_sync is ordered by nothing. */
static RC bound_check_order(struct route *r, int column, const char *what, struct error *err)
{
    if (route_column(r, column) >= 0 || r->config->increment == INCREMENT_FULL_SYNC)
        return RC_OK;
    fail(err, RC_CONFIG, "column '%s' of '%s' is its %s, which stands in every mark: it is staged as it is",
         r->table->schema->fields[column].name, r->table->name, what);
    return fail_todo(err, "take another %s, or `increment: full_sync`, which needs none", what);
}

static RC bound_shape(struct route *r, struct error *err)
{
    const struct table_config *config = r->config;
    shaping_free(TAKE(r->shaping));
    TRY(shaping_new(r->table->name, r->table->schema, config->wishes, config->wish_count, &r->run->pipeline->hash_key,
                    &r->shaping, err));
    if (r->shaping != NULL && config->quarantine > 0)
        shaping_set_aside(r->shaping);
    TRY(mapping_check(r, err));
    for (int i = 0; i < r->table->key_count; i++)
        TRY(bound_check_order(r, r->table->key[i], "key", err));
    return r->table->cursor >= 0 ? bound_check_order(r, r->table->cursor, "cursor", err) : RC_OK;
}

/* Types of columns found in the last waybill stay as they are, as far as the source knows these columns. */
static RC bound_ask(struct route *r, struct table_request *request, struct error *err)
{
    AUTO(schema) *known = NULL;
    if (r->known != NULL)
        known = shaping_known(r->config->wishes, r->config->wish_count, r->known);
    request->known = known;
    TRY(source_describe(r->source, request, &r->table, err));
    return bound_shape(r, err);
}

/* Ranges of texts are the source's, under its collation; the target would have others. */
static RC bound_check_deletes(const struct route *r, struct error *err)
{
    const struct table_config *config = r->config;
    const struct table *table = r->table;
    bool by_key = r->mode == MODE_DELETE_INSERT && r->increment == INCREMENT_ID_ONLY && table->key_count == 1;
    if (by_key && table->schema->fields[table->key[0]].type == TYPE_UTF8) {
        fail(err, RC_CONFIG,
             "'mode: delete_insert' replaces ranges of '%s', and a range of texts is another one in the "
             "target",
             table->schema->fields[table->key[0]].name);
        return fail_todo(err, "set 'mode: merge' for the table '%s'", config->name);
    }
    if (config->delete_detection == DELETES_UNSEEN)
        return RC_OK;
    if (table->key_count == 0) {
        fail(err, RC_CONFIG, "rows of '%s' that are gone are told by their key, and it has none", table->name);
        return fail_todo(err, "name it: `key: id`, or remove 'delete_detection'");
    }
    if (config->soft_delete == NULL || schema_find(route_schema(r), config->soft_delete) < 0)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' has a column '%s' of its own, so that it cannot say which rows are gone", table->name,
         config->soft_delete);
    return fail_todo(err, "give 'soft_delete' another name");
}

RC bound_describe(struct route *r, struct error *err)
{
    struct table_request request = table_request_of(r->config);
    struct form form;
    const struct marks *s = scope_marks(r->scope);
    const char *name = s->extracted.id[0] != '\0' ? s->cursor_form : NULL; /* an empty table told nothing */
    TRY(bound_known_schema(r, err));
    if (name != NULL && !r->run->options.full_refresh && form_from_name(name, &form))
        request.known_form = &form;
    TRY(bound_ask(r, &request, err));
    if (r->increment == INCREMENT_ID_ONLY && r->table->key_count != 1) {
        fail(err, RC_CONFIG, "id_only needs a key of one column; '%s' has a key of %d", r->table->name,
             r->table->key_count);
        return fail_todo(err, "name it: `key: id`, or use `increment: hybrid` or `full_sync`");
    }
    if (r->increment == INCREMENT_HYBRID && (r->table->key_count == 0 || r->table->cursor < 0)) {
        fail(err, RC_CONFIG, "hybrid needs a cursor and a key; '%s' has %s", r->table->name,
             r->table->key_count == 0 ? "no key" : "no cursor");
        return fail_todo(err, "name them: `cursor: updated_at`, `key: id`, or use `increment: full_sync`");
    }
    if (r->increment == INCREMENT_TIMESTAMP_ONLY && r->table->cursor < 0)
        return fail(err, RC_CONFIG, "timestamp_only needs a cursor; '%s' has none", r->table->name);
    if (increment_is_timed(r->increment) && r->mode == MODE_MERGE && r->table->key_count == 0) {
        fail(err, RC_CONFIG, "rows of '%s' are merged by their key, and it has none", r->table->name);
        return fail_todo(err,
                         "name it: `key: id`; or, if its rows are never changed: `mode: append, insert_only: true`");
    }
    TRY(bound_check_deletes(r, err));
    if (increment_is_timed(r->increment) && !r->table->cursor_indexed && r->config->sql == NULL)
        route_warn(r, arena_print(&r->arena, "the cursor '%s' has no index: every page scans the table",
                                  r->table->schema->fields[r->table->cursor].name));
    TRY(bound_check_schema(r, err));
    return bound_check_shape(r, err);
}

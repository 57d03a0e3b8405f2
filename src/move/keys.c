#include "move/keys.h"

#include <stdlib.h>

#include "base/log.h"

void keys_free(struct keys *self)
{
    if (self == NULL)
        return;
    shaping_free(self->shaping);
    schema_free(self->schema);
    free(self);
}

struct schema *keys_schema(const struct waybill *waybill)
{
    struct schema *schema = schema_new();
    for (int i = 0; i < waybill->schema->count; i++) {
        for (int k = 0; k < waybill->key_count; k++) {
            if (text_eq(waybill->schema->fields[i].name, waybill->key[k]))
                schema_add(schema, &waybill->schema->fields[i]);
        }
    }
    return schema;
}

/* ---- what is read ---- */

static bool is_key(const struct route *r, const char *column)
{
    const struct table *table = r->table;
    for (int i = 0; i < table->key_count; i++) {
        if (text_eq(table->schema->fields[table->key[i]].name, column))
            return true;
    }
    return false;
}

/* All other columns are excluded, so that they are not even read. */
static struct table_request keys_request(const struct route *r, struct arena *arena)
{
    const struct schema *schema = r->table->schema;
    struct table_request request = table_request_of(r->config);
    const char **excluded = arena_take(arena, sizeof(*excluded) * (size_t)(schema->count + r->config->excluded_count));
    const char **key = arena_take(arena, sizeof(*key) * (size_t)(r->table->key_count + 1));
    struct column_override *overrides = arena_take(arena, sizeof(*overrides) * (size_t)(r->config->override_count + 1));
    int count = 0;
    for (; count < r->config->excluded_count; count++)
        excluded[count] = r->config->excluded[count];
    for (int i = 0; i < schema->count; i++) {
        if (!is_key(r, schema->fields[i].name))
            excluded[count++] = schema->fields[i].name;
    }
    for (int i = 0; i < r->table->key_count; i++)
        key[i] = schema->fields[r->table->key[i]].name;
    request.override_count = 0;
    for (int i = 0; i < r->config->override_count; i++) {
        if (is_key(r, r->config->overrides[i].column))
            overrides[request.override_count++] = r->config->overrides[i];
    }
    request.overrides = overrides;
    request.excluded = excluded;
    request.excluded_count = count;
    request.key = key;
    request.key_count = r->table->key_count;
    request.cursor = request.cursor_unit = request.cursor_zone = NULL;
    request.wants_cursor = false;
    request.lookback_ms = 0;
    request.known = r->table->schema;
    return request;
}

static RC keys_shape(struct route *r, struct keys *keys, struct arena *arena, struct error *err)
{
    struct column_wish *wishes = arena_take(arena, sizeof(*wishes) * (size_t)(r->config->wish_count + 1));
    int count = 0;
    for (int i = 0; i < r->config->wish_count; i++) {
        if (is_key(r, r->config->wishes[i].column))
            wishes[count++] = r->config->wishes[i];
    }
    TRY(shaping_new(r->table->name, keys->table->schema, wishes, count, NULL, &keys->shaping, err));
    struct waybill w = {0};
    route_describe(r, &w);
    keys->schema = keys_schema(&w);
    const struct schema *staged = keys->shaping != NULL ? shaping_schema(keys->shaping) : keys->table->schema;
    if (schema_equal(staged, keys->schema))
        return RC_OK;
    return fail(err, RC_DATA, "the key of '%s' has other columns now than a moment ago", r->table->name);
}

static RC keys_describe(struct route *r, struct error *err)
{
    struct table_request request = keys_request(r, &r->arena);
    keys_free(TAKE(r->keys));
    r->keys = xcalloc(1, sizeof(*r->keys));
    if (source_describe(r->source, &request, &r->keys->table, err) != RC_OK)
        return fail_in(err, "looking for the keys of '%s'", r->config->name);
    return keys_shape(r, r->keys, &r->arena, err);
}

/* ---- the chunk ---- */

/* A run that a limit has ended is to be short. */
static bool keys_are_due(const struct route *r)
{
    return r->config->delete_detection == DELETES_BY_KEYS && !r->run->options.overwrites &&
           r->increment != INCREMENT_FULL_SYNC && (r->keys == NULL || !r->keys->is_done) && !route_is_bounded(r) &&
           r->rows_left > 0 && r->chunks_left > 0 && scope_marks(r->scope)->extracted.id[0] != '\0';
}

RC keys_bound(struct route *r, bool *ret_more, struct error *err)
{
    if (!keys_are_due(r))
        return RC_OK;
    TRY(keys_describe(r, err));
    r->keys->is_done = true;
    r->chunk.is_keys = true;
    r->chunk.range = (struct range){.kind = RANGE_ALL};
    r->chunk.pos_after = scope_marks(r->scope)->extracted.pos;
    *ret_more = true;
    log_debug("keys.due", KV("after", scope_marks(r->scope)->extracted.id));
    return RC_OK;
}

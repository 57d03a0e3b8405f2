#include "data/position.h"

#include <string.h>

static json_t *key_to_json(const struct position *self)
{
    json_t *list = json_array();
    for (int i = 0; i < self->key_count; i++)
        json_array_append_new(list, json_string(self->key[i]));
    return list;
}

json_t *position_to_json(const struct position *self)
{
    if (self->shape == POSITION_NONE)
        return json_null();
    json_t *json = json_object();
    json_t *inner = self->shape == POSITION_WALK ? json_object() : json;
    if (self->shape == POSITION_WALK)
        json_put(json, "walk", inner);
    if (self->shape != POSITION_AFTER)
        json_put_text(inner, self->shape == POSITION_WALK ? "hi" : "at", self->at);
    if (self->key_count > 0)
        json_put(inner, "after", key_to_json(self));
    return json;
}

static RC key_from_json(const json_t *list, struct arena *arena, struct position *pos, struct error *err)
{
    if (list == NULL)
        return RC_OK;
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > KEY_COLUMNS_MAX)
        return fail(err, RC_DATA, "a position's 'after' is not a list of 1 to %d key values", KEY_COLUMNS_MAX);
    pos->key_count = (int)json_array_size(list);
    for (int i = 0; i < pos->key_count; i++) {
        const char *value = json_string_value(json_array_get(list, (size_t)i));
        if (value == NULL)
            return fail(err, RC_DATA, "a position's key value %d is not a text", i + 1);
        pos->key[i] = arena_text(arena, value);
    }
    return RC_OK;
}

RC position_from_json(const json_t *json, struct arena *arena, struct position *ret, struct error *err)
{
    struct position pos = {0};
    if (json != NULL && !json_is_null(json)) {
        const json_t *walk = json_object_get(json, "walk");
        const json_t *inner = walk != NULL ? walk : json;
        const char *at = json_text(inner, walk != NULL ? "hi" : "at");
        TRY(key_from_json(json_object_get(inner, "after"), arena, &pos, err));
        pos.at = arena_text(arena, at);
        pos.shape = walk != NULL ? POSITION_WALK : at != NULL ? POSITION_AT : POSITION_AFTER;
        if ((walk != NULL && at == NULL) || (pos.shape == POSITION_AFTER && pos.key_count == 0))
            return fail(err, RC_DATA,
                        "not a position: expected {\"at\"}, {\"at\", \"after\"}, {\"walk\"} or {\"after\"}");
    }
    *ret = pos;
    return RC_OK;
}

bool position_equal(const struct position *a, const struct position *b)
{
    if (a->shape != b->shape || a->key_count != b->key_count || !text_eq(a->at, b->at))
        return false;
    for (int i = 0; i < a->key_count; i++) {
        if (strcmp(a->key[i], b->key[i]) != 0)
            return false;
    }
    return true;
}

void position_print(const struct position *self, struct buf *out)
{
    if (self->shape == POSITION_NONE)
        return;
    AUTO_JSON *json = position_to_json(self);
    json_write_line(json, out);
}

RC position_parse(const char *text, struct arena *arena, struct position *ret, struct error *err)
{
    AUTO_JSON *json = NULL;
    if (text == NULL || text[0] == '\0') {
        *ret = (struct position){0};
        return RC_OK;
    }
    TRY(json_read(str(text), "a position", &json, err));
    return position_from_json(json, arena, ret, err);
}

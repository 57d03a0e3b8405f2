#include "base/json.h"

#include <assert.h>

RC json_read(struct str text, const char *what, json_t **ret, struct error *err)
{
    json_error_t where;
    json_t *value = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, &where);
    if (value == NULL && json_error_code(&where) == json_error_null_character)
        return fail(err, RC_DATA, "%s has a text with a NUL in it, at line %d column %d", what, where.line,
                    where.column);
    if (value == NULL)
        return fail(err, RC_DATA, "%s is not valid JSON: line %d column %d: %s", what, where.line, where.column,
                    where.text);
    *ret = value;
    return RC_OK;
}

static int add_to_buf(const char *bytes, size_t len, void *out)
{
    buf_add(out, bytes, len);
    return 0;
}

void json_write(const json_t *value, struct buf *out)
{
    int rc = json_dump_callback(value, add_to_buf, out, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    assert(rc == 0);
    buf_add_str(out, S("\n"));
}

void json_write_line(const json_t *value, struct buf *out)
{
    int rc = json_dump_callback(value, add_to_buf, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    assert(rc == 0);
}

void json_put(json_t *object, const char *key, json_t *value_taken)
{
    int rc = json_object_set_new(object, key, value_taken);
    assert(rc == 0 && "a value for JSON must be valid UTF-8");
}

void json_put_text(json_t *object, const char *key, const char *text)
{
    json_put(object, key, text != NULL ? json_string(text) : json_null());
}

void json_put_int(json_t *object, const char *key, int64_t value) { json_put(object, key, json_integer(value)); }

const char *json_text(const json_t *object, const char *key) { return json_string_value(json_object_get(object, key)); }

int64_t json_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_bool(const json_t *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

RC json_need_text(const json_t *object, const char *key, struct arena *arena, const char **ret, struct error *err)
{
    const char *text = json_text(object, key);
    if (text == NULL)
        return fail(err, RC_DATA, "the field '%s' is missing or not a text", key);
    *ret = arena_text(arena, text);
    return RC_OK;
}

RC json_need_int(const json_t *object, const char *key, int64_t *ret, struct error *err)
{
    if (!json_is_integer(json_object_get(object, key)))
        return fail(err, RC_DATA, "the field '%s' is missing or not an integer", key);
    *ret = json_int(object, key, 0);
    return RC_OK;
}

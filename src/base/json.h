/* JSON documents over jansson: key order is kept, numbers that may pass 2^53 are strings (docs/formats.md), and reading
 * tells a missing field from a wrong one. Documents only; row data has its own reader.
 *
 * A text with a NUL in it (\u0000) is refused wherever it stands: every text becomes a C string here, which would end
 * there, and two different names would be one. */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define AUTO_JSON __attribute__((cleanup(json_auto))) json_t
static inline void json_auto(json_t **self) { json_decref(*self); }

enum { JSON_DOCUMENT_BYTES_MAX = 16 << 20 };

/* `what` names the document in the error: "scope document 'watermark/tables/...'". The caller owns *ret. */
RC json_read(struct str text, const char *what, json_t **ret, struct error *err);
/* Two spaces, key order as built, UTF-8 as it is, a newline at the end. */
void json_write(const json_t *value, struct buf *out);
void json_write_line(const json_t *value, struct buf *out); /* compact, no newline */

/* Setters that replace in place, so that the key order of a document that was read survives. NULL text is null. */
void json_put(json_t *object, const char *key, json_t *value_taken);
void json_put_text(json_t *object, const char *key, const char *text);
void json_put_int(json_t *object, const char *key, int64_t value);

/* Getters for optional fields: NULL / the fallback when missing or null or of another type. */
const char *json_text(const json_t *object, const char *key);
int64_t json_int(const json_t *object, const char *key, int64_t fallback);
bool json_bool(const json_t *object, const char *key, bool fallback);
/* Getters that must find the field: RC_DATA, naming it, otherwise. Text is copied into the arena. */
RC json_need_text(const json_t *object, const char *key, struct arena *arena, const char **ret, struct error *err);
RC json_need_int(const json_t *object, const char *key, int64_t *ret, struct error *err);

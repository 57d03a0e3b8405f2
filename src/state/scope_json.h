/* S between its struct and its document. Internal to state/. */
#pragma once

#include "state/scope.h"

/* Lays the marks and the lease over `doc`, which keeps its key order and every field this program does not know. */
void marks_to_json(json_t *doc, const struct marks *marks, const struct lease *lease, const char *write_id,
                   const char *updated_at);
/* A new document with all keys in the order of docs/formats.md. */
json_t *scope_document_new(const char *pipeline, const char *table);
RC marks_from_json(const json_t *doc, struct arena *arena, struct marks *ret, struct lease *ret_lease,
                   struct error *err);

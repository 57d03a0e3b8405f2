/* The names of objects in the store (docs/formats.md), made in one place. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

/* One segment of a key from any name: '/', '%' and control bytes as %XX, and names of dots only. Reversible. */
char *key_segment(struct arena *arena, const char *name);
char *key_segment_name(struct arena *arena, struct str segment); /* and back */

/* watermark/tables/<pipeline>/<table>.json */
char *key_scope(struct arena *arena, const char *pipeline, const char *table);
char *key_scope_prefix(struct arena *arena, const char *pipeline); /* of all scopes of a pipeline */
/* watermark/history/<pipeline>/, and <table>/ below */
char *key_histories_prefix(struct arena *arena, const char *pipeline);
char *key_history_prefix(struct arena *arena, const char *pipeline, const char *table);
char *key_history(struct arena *arena, const char *pipeline, const char *table, int64_t now_us, int64_t epoch);
/* <prefix>/<pipeline>/, and <table>/ below: every waybill of a scope lies there */
char *key_pipeline_prefix(struct arena *arena, const char *prefix, const char *pipeline);
char *key_table_prefix(struct arena *arena, const char *prefix, const char *pipeline, const char *table);
/* <table prefix>dt=YYYY-MM-DD/wb=<id>/waybill.json */
char *key_waybill(struct arena *arena, const char *table_prefix, int64_t now_us, const char *waybill_id);
/* What lies beside a waybill.json: "file-00000.parquet", "receipt.json"; "" gives the folder with its slash. */
char *key_beside(struct arena *arena, const char *waybill_key, const char *name);
/* Below it: rows that were set aside. Readers of Parquet folders pass over what begins with '_'. */
#define QUARANTINE_FOLDER "_quarantine/"
/* What tells a target that reads staged files by itself which they are; beside the files, and as old as they. */
char *key_manifest(struct arena *arena, const char *file_key);
/* completion_markers/<pipeline>/<table>/<stamp>/; the first that is NULL ends it. And <name> below */
#define KEY_MARKERS "completion_markers/"
char *key_markers_prefix(struct arena *arena, const char *pipeline, const char *table, const char *stamp);
char *key_marker(struct arena *arena, const char *pipeline, const char *table, const char *stamp, const char *name);

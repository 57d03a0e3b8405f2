/* Writing the markers of a table from the document of its run. */
#include "move/markers.h"

#include <inttypes.h>
#include <math.h>

#include "base/log.h"
#include "move/announce.h"
#include "state/keys.h"

RC marker_check_stamp(const char *stamp, const char *by, struct error *err)
{
    size_t len = strlen(stamp);
    bool is_word = len > 0 && len < MARKER_STAMP_TEXT && stamp[strspn(stamp, ".")] != '\0';
    for (size_t i = 0; i < len && is_word; i++)
        is_word = stamp[i] > ' ' && stamp[i] < 0x7F && strchr("/\\%*?[]{}\"'`$", stamp[i]) == NULL;
    if (is_word)
        return RC_OK;
    fail(err, RC_CONFIG, "%s '%.40s' cannot be the name of a marker's folder", by, stamp);
    return fail_todo(err,
                     "give a text of at most %d letters, digits and '-', '_', '.', ':', '+', such as Airflow's "
                     "{{ ts_nodash }}; no '/', no blanks, no wildcards",
                     MARKER_STAMP_TEXT - 1);
}

/* ---- what the document says of the table ---- */

struct writing {
    const struct marker_place *place;
    const json_t *document;
    const char *pipeline, *table;
    const json_t *result;  /* table_results.<table> */
    const json_t *details; /* waybill.tables.<table>; NULL: another program wrote it, or an earlier version */
    bool through;
    struct arena arena;
};

static void writing_release(struct writing *self) { arena_release(&self->arena); }

static RC writing_begin(struct writing *self, struct error *err)
{
    const json_t *document = self->document;
    self->pipeline = json_text(document, "pipeline");
    self->result = json_object_get(json_object_get(document, "table_results"), self->table);
    self->details = json_object_get(json_object_get(json_object_get(document, "waybill"), "tables"), self->table);
    const char *status = json_text(self->result, "status");
    if (self->pipeline == NULL || !json_is_object(self->result) || status == NULL) {
        fail(err, RC_DATA, "the document does not tell of a run of the table '%s'", self->table);
        return fail_todo(err, "it has to be what a run wrote with --json-output");
    }
    self->through = text_eq(status, "success");
    return RC_OK;
}

static RC marker_text(const struct writing *self, struct buf *out, struct error *err)
{
    int64_t started_us, rows;
    char stamp[STAMP_TEXT];
    const char *started = or_empty(json_text(self->document, "start_time"));
    double seconds = json_number_value(json_object_get(self->result, "duration_seconds"));
    if (!stamp_parse(started, &started_us))
        return fail(err, RC_DATA, "the document's 'start_time' is '%.40s', which is no time", started);
    TRY(json_need_int(self->result, "rows_processed", &rows, err));
    stamp_print(started_us, 0, stamp);
    buf_addf(out, "%s\nPipeline: %s\nTable: %s\nStatus: %s\nTimestamp: %s\nDuration: %.2fs\nRows: %" PRId64 "\n",
             self->through ? "SYNC_COMPLETED" : "SYNC_FAILED", self->pipeline, self->table,
             self->through ? "SUCCESS" : "FAILED", stamp, seconds, rows);
    const char *why = json_text(json_object_get(self->details, "error"), "text");
    if (!self->through && why != NULL)
        buf_addf(out, "Error: %s\n", why);
    return RC_OK;
}

/* As the run wrote them; of a document that has none, what its result tells. */
static json_t *marker_metrics(const struct writing *self)
{
    const json_t *kept = json_object_get(self->details, "metrics");
    if (kept != NULL)
        return json_deep_copy(kept);
    struct table_result result = TABLE_RESULT_UNKNOWN;
    result.rows_announced = json_int(self->result, "rows_processed", -1);
    result.files_announced = json_int(self->result, "files_created", -1);
    return announce_metrics(self->pipeline, self->table, &result);
}

/* ---- writing ---- */

static void tell(const struct writing *self, const char *event, const char *key, int64_t bytes)
{
    const struct kv pairs[] = {KV("store", self->place->store->name), KV("key", key), KV("bytes", bytes)};
    log_write(self->place->tell ? LOG_INFO : LOG_DEBUG, event, pairs, bytes >= 0 ? 3 : 2);
}

static RC marker_put(struct writing *self, const char *name, struct str body, struct error *err)
{
    const char *key = key_marker(&self->arena, self->pipeline, self->table, self->place->stamp, name);
    tell(self, "marker.writing", key, (int64_t)body.len);
    TRY(store_put(self->place->store, key, body, UNCONDITIONAL, NULL, err));
    tell(self, "marker.written", key, (int64_t)body.len);
    return RC_OK;
}

static RC marker_put_json(struct writing *self, const char *name, const json_t *document, struct error *err)
{
    AUTO_RELEASE(buf) body = {0};
    json_write(document, &body);
    return marker_put(self, name, buf_str(&body), err);
}

RC marker_write(const struct marker_place *place, const json_t *document, const char *table, struct error *err)
{
    AUTO_RELEASE(writing) self = {.place = place, .document = document, .table = table};
    AUTO_RELEASE(buf) text = {0};
    TRY(writing_begin(&self, err));
    TRY(marker_text(&self, &text, err));
    tell(&self, self.through ? "markers.of_success" : "markers.of_failure",
         key_markers_prefix(&self.arena, self.pipeline, table, place->stamp), -1);
    TRY(marker_put_json(&self, "execution_metadata.json", document, err));
    if (!self.through)
        return marker_put(&self, "failure_marker.txt", buf_str(&text), err);
    AUTO_JSON *metrics = marker_metrics(&self);
    TRY(marker_put_json(&self, "table_metrics.json", metrics, err));
    return marker_put(&self, "completion_marker.txt", buf_str(&text), err);
}

/* announce: receipts, the JSON document of the run, and the markers that orchestrators wait for (docs/markers.md). */
#include <inttypes.h>
#include <math.h>

#include "io/file.h"
#include "move/arrows.h"
#include "move/markers.h"

/* ---- receipts ---- */

static RC announce_receipt(struct route *r, const struct link *link, struct error *err)
{
    struct settling with = run_settling(r->run);
    bool there;
    char now[STAMP_TEXT];
    TRY(receipt_exists(r->run->world.store, link->key, &there, err));
    if (there)
        return RC_OK;
    stamp_print(r->run->world.clock->now_us(r->run->world.clock), 3, now);
    struct receipt receipt = {
        .waybill_id = link->id,
        .target_id = r->t.target_id,
        .run_id = r->run->run_id,
        .token = scope_marks(r->scope)->token,
        .rows = link->rows,
        .quarantined = link->quarantined,
        .inserted = -1,
        .updated = -1,
        .kept = -1,
        .deleted = -1,
        .files = link->files,
        .statements = -1,
        .committed_at = now,
        .confirmed = "position",
    };
    return receipt_write(&with, link->key, &receipt, err);
}

RC announce_receipts(struct route *r, struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    struct table_result *result = &r->result;
    struct chain chain;
    result->announces_loads = route_loads(r);
    if (!route_loads(r)) {
        result->rows_announced = s->session.rows;
        result->files_announced = s->session.files;
        result->bytes_announced = result->bytes_staged;
        result->rows_quarantined = result->rows_set_aside;
        return RC_OK;
    }
    struct waybill_ref newest = {r->t.waybill[0] != '\0' ? arena_text(&r->arena, r->t.waybill) : NULL,
                                 s->extracted.key};
    TRY(chain_walk(r->run->world.store, newest, s->loaded.id, NULL, &r->arena, &chain, err));
    for (int i = chain.count - 1; i >= 0; i--) {
        TRY(announce_receipt(r, &chain.links[i], err));
        result->rows_announced += chain.links[i].rows;
        result->rows_quarantined += chain.links[i].quarantined;
        result->files_announced += chain.links[i].files;
        result->bytes_announced += chain.links[i].bytes;
    }
    return RC_OK;
}

/* ---- the documents ---- */

static json_t *rounded(double value, double per) { return json_real(round(value * per) / per); }

static json_t *seconds(int64_t us) { return us < 0 ? json_null() : rounded((double)us / 1e6, 100); }

static json_t *milliseconds(int64_t ms) { return seconds(ms < 0 ? -1 : ms * 1000); }

static json_t *count(int64_t number) { return number < 0 ? json_null() : json_integer(number); }

static json_t *rate(int64_t rows, int64_t ms)
{
    if (rows < 0 || ms < 0)
        return json_null();
    return rounded(ms > 0 ? (double)rows * 1000.0 / (double)ms : 0.0, 10);
}

/* 2025-09-12T14:30:22.135401+00:00, as Python's isoformat() writes it. */
static void put_instant(json_t *object, const char *key, int64_t us)
{
    char stamp[STAMP_TEXT], text[STAMP_TEXT + 8];
    stamp_print(us, 6, stamp);
    snprintf(text, sizeof(text), "%.26s+00:00", stamp);
    json_put_text(object, key, text);
}

static json_t *table_to_json(const struct route *r)
{
    const struct table_result *result = &r->result;
    json_t *json = json_object();
    json_put_text(json, "status", result->through ? "success" : "failed");
    json_put_int(json, "rows_processed", result->rows_announced);
    json_put_int(json, "files_created", result->files_announced);
    json_put(json, "duration_seconds", seconds(result->ended_us - result->started_us));
    put_instant(json, "completed_at", result->ended_us);
    return json;
}

json_t *announce_metrics(const char *pipeline, const char *table, const struct table_result *result)
{
    json_t *doc = json_object(), *mysql = json_object(), *s3 = json_object(), *redshift = json_object();
    int64_t bytes = result->bytes_announced;
    json_put_text(doc, "table_name", table);
    json_put_text(doc, "pipeline", pipeline);
    json_put(mysql, "rows_extracted", count(result->rows_announced));
    json_put(mysql, "batches_processed", count(result->files_announced));
    json_put(mysql, "extraction_duration_seconds", milliseconds(result->extract_ms));
    json_put(mysql, "avg_rows_per_second", rate(result->rows_extracted, result->extract_ms));
    json_put(doc, "mysql_metrics", mysql);
    json_put(s3, "files_created", count(result->files_announced));
    json_put(s3, "total_size_bytes", count(bytes));
    json_put(s3, "total_size_mb", bytes < 0 ? json_null() : rounded((double)bytes / (1024.0 * 1024.0), 100));
    json_put(s3, "compression_ratio", /* of what this run staged; an earlier run's raw size is not kept */
             result->bytes_staged > 0 ? rounded((double)result->bytes_raw / (double)result->bytes_staged, 100)
                                      : json_null());
    json_put(doc, "s3_metrics", s3);
    json_put(redshift, "rows_loaded", count(result->announces_loads ? result->rows_announced : 0));
    json_put(redshift, "files_loaded", count(result->announces_loads ? result->files_announced : 0));
    json_put(redshift, "load_duration_seconds", milliseconds(result->load_ms));
    json_put(redshift, "copy_statements_executed", count(result->loads));
    json_put(redshift, "avg_load_rate_rows_per_second", rate(result->rows_loaded, result->load_ms));
    json_put(doc, "redshift_metrics", redshift);
    return doc;
}

static json_t *error_to_json(const struct error *error)
{
    json_t *json = json_object();
    json_put_text(json, "kind", rc_name(error->rc));
    json_put_text(json, "id", error_id(error));
    json_put_int(json, "exit_status", rc_exit_status(error->rc));
    json_put_text(json, "text", error->text);
    json_put_text(json, "todo", error_todo(error));
    return json;
}

/* What the document that its readers know has no place for. */
static json_t *details_to_json(const struct run *run)
{
    json_t *details = json_object(), *tables = json_object();
    json_put_text(details, "run_id", run->run_id);
    json_put_int(details, "exit_status", run_exit_status(run));
    json_put_text(details, "marker_stamp", run->stamp);
    if (run->error.rc != RC_OK)
        json_put(details, "error", error_to_json(&run->error));
    for (int i = 0; i < run->route_count; i++) {
        const struct route *r = &run->routes[i];
        const struct table_result *result = &r->result;
        json_t *table = json_object();
        json_put(table, "rows_extracted", count(result->rows_extracted));
        json_put(table, "rows_loaded", count(result->rows_loaded));
        json_put_int(table, "rows_quarantined", result->rows_quarantined);
        json_put(table, "loads", count(result->loads));
        json_put_int(table, "rows_without_cursor", result->null_cursors);
        json_put_int(table, "zero_dates", result->zero_dates);
        if (run->options.repair != NULL)
            json_put_int(table, "rows_gone", result->rows_gone);
        if (r->config->delete_detection != DELETES_UNSEEN || run->options.repair != NULL)
            json_put_int(table, "rows_deleted", result->rows_deleted);
        if (result->audit != NULL)
            json_put_text(table, "audit_status", result->audit);
        if (result->warning != NULL)
            json_put_text(table, "warning", result->warning);
        if (result->skipped)
            json_put(table, "skipped", json_true());
        if (result->error.rc != RC_OK) {
            json_put_text(table, "arrow", r->arrow);
            json_put(table, "error", error_to_json(&result->error));
        }
        json_put(table, "metrics", announce_metrics(run->pipeline->name, r->config->name, result));
        json_put(tables, r->config->name, table);
    }
    json_put(details, "tables", tables);
    return details;
}

json_t *announce_document(const struct run *run)
{
    json_t *doc = json_object(), *requested = json_array(), *results = json_object(), *summary = json_object();
    struct counts total = {0};
    int good = 0;
    for (int i = 0; i < run->route_count; i++) {
        const struct route *r = &run->routes[i];
        json_array_append_new(requested, json_string(r->config->name));
        json_put(results, r->config->name, table_to_json(r));
        good += r->result.through ? 1 : 0;
        total.rows += r->result.rows_announced;
        total.files += r->result.files_announced;
    }
    json_put_text(doc, "execution_id", run->execution_id);
    put_instant(doc, "start_time", run->started_us);
    json_put_text(doc, "pipeline", run->pipeline->name);
    json_put(doc, "tables_requested", requested);
    json_put_int(doc, "total_tables", run->route_count);
    json_put(doc, "table_results", results);
    json_put_text(doc, "status", run_status(run));
    put_instant(doc, "end_time", run->ended_us);
    json_put(doc, "duration_seconds", seconds(run->ended_us - run->started_us));
    json_put_int(summary, "success_count", good);
    json_put_int(summary, "failure_count", run->route_count - good);
    json_put_int(summary, "total_rows_processed", total.rows);
    json_put_int(summary, "total_files_created", total.files);
    json_put(doc, "summary", summary);
    json_put(doc, "waybill", details_to_json(run));
    return doc;
}

/* ---- writing them ---- */

static RC announce_json(struct run *run, struct error *err)
{
    AUTO_RELEASE(buf) body = {0};
    if (run->options.json_output == NULL || strcmp(run->options.json_output, "-") == 0)
        return RC_OK;
    AUTO_JSON *doc = announce_document(run);
    json_write(doc, &body);
    return file_write_atomic(run->options.json_output, buf_str(&body), 0644, err);
}

static RC announce_again(struct error *err)
{
    return fail_todo(
        err, "put that right, then run the same command again: what was moved stays moved, and is announced then");
}

static RC announce_markers(struct run *run, struct error *err)
{
    const struct marker_place place = {run->world.markers, run->stamp, run->options.tell_markers};
    AUTO_JSON *document = announce_document(run);
    for (int i = 0; i < run->route_count; i++) {
        const char *table = run->routes[i].config->name;
        if (marker_write(&place, document, table, err) != RC_OK)
            return fail_in(err, "writing the markers of '%s' into '%s'", table, run->world.markers->name);
    }
    return RC_OK;
}

/* Tables that are through keep their lease until they are announced, so that of runs that begin in one second those
 * come here one after the other. Where a table is not, nobody is kept waiting: another run may be here now, and the
 * folder is never taken from it. */
static bool announce_may_meet_others(const struct run *run)
{
    for (int i = 0; i < run->route_count; i++) {
        if (!run->routes[i].result.through)
            return true;
    }
    return false;
}

/* A run of the same second may have told its story in that folder: this one goes beside it. What was asked for by
 * --marker-stamp is whose it is meant to be, also the second time. */
static RC announce_stamp(struct run *run, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const size_t own_len = strlen("a3f8e1b2"), name_len = strlen(run->execution_id);
    bool is_taken = announce_may_meet_others(run);
    if (run->world.markers == NULL || run->has_stamp || run->options.marker_stamp != NULL)
        return RC_OK;
    for (int i = 0; i < run->route_count && !is_taken; i++) {
        const struct marker_filter filter = {run->pipeline->name, run->routes[i].config->name, run->stamp, 0};
        struct marker_list found = {0};
        enum rc rc = marker_list(run->world.markers, &filter, &arena, &found, err);
        if (rc == RC_DENIED)
            break; /* to write takes s3:PutObject and nothing else */
        if (rc != RC_OK)
            return fail_in(err, "looking for markers of other runs in '%s'", run->world.markers->name);
        is_taken = found.count > 0;
    }
    if (is_taken) {
        size_t len = strlen(run->stamp);
        snprintf(run->stamp + len, sizeof(run->stamp) - len, "_%s", run->execution_id + name_len - own_len);
    }
    run->has_stamp = true;
    return RC_OK;
}

RC announce_outputs(struct run *run, struct error *err)
{
    if (announce_stamp(run, err) != RC_OK)
        return announce_again(err);
    if (announce_json(run, err) != RC_OK) {
        fail_in(err, "writing the JSON output");
        return announce_again(err);
    }
    if (run->world.markers != NULL && announce_markers(run, err) != RC_OK)
        return announce_again(err);
    return RC_OK;
}

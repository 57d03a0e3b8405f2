#include "state/scope_json.h"

json_t *scope_document_new(const char *pipeline, const char *table)
{
    static const char *const keys[] = {
        "last_mysql_extraction_time",
        "last_mysql_data_timestamp",
        "mysql_rows_extracted",
        "mysql_status",
        "last_redshift_load_time",
        "redshift_rows_loaded",
        "redshift_status",
        "backup_strategy",
        "s3_file_count",
        "processed_s3_files",
        "created_at",
        "updated_at",
        "cursor",
        "key",
        "epoch",
        "token",
        "write_id",
        "source_id",
        "source_clock",
        "source_place",
        "source_ahead_ms",
        "source_row",
        "target_id",
        "lease",
        "in_flight",
        "extracted",
        "loaded",
        "ceiling",
        "session",
        "total",
    };
    json_t *doc = json_object();
    json_put_int(doc, "format", SCOPE_FORMAT);
    json_put_text(doc, "pipeline", pipeline);
    json_put_text(doc, "table_name", table);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        json_put(doc, keys[i], json_null());
    return doc;
}

static json_t *ref_to_json(const struct mark_ref *ref, bool with_key)
{
    if (ref->id[0] == '\0' && ref->pos.shape == POSITION_NONE)
        return json_null();
    json_t *json = json_object();
    json_put_text(json, "id", ref->id);
    if (with_key)
        json_put_text(json, "key", ref->key);
    json_put(json, "pos", position_to_json(&ref->pos));
    return json;
}

static json_t *in_flight_to_json(const struct in_flight *in_flight)
{
    if (in_flight->id[0] == '\0')
        return json_null();
    json_t *json = json_object();
    json_put_text(json, "id", in_flight->id);
    json_put_text(json, "key", in_flight->key);
    json_put(json, "lo", position_to_json(&in_flight->lo));
    json_put(json, "hi", position_to_json(&in_flight->hi));
    return json;
}

static json_t *lease_to_json(const struct lease *lease)
{
    if (!lease->held)
        return json_null();
    json_t *json = json_object();
    json_put_text(json, "run_id", lease->run_id);
    json_put_text(json, "host", lease->host);
    json_put_text(json, "boot_id", lease->boot_id);
    json_put_text(json, "pid_ns", lease->pid_ns);
    json_put_int(json, "pid", lease->pid);
    json_put_int(json, "pid_start", lease->pid_start);
    json_put_int(json, "beat", lease->beat);
    json_put_text(json, "beat_at", lease->beat_at);
    json_put_int(json, "ttl_ms", lease->ttl_ms);
    return json;
}

static json_t *pair_to_json(const char *first, const char *first_value, const char *second, const char *second_value)
{
    json_t *json = json_object();
    json_put_text(json, first, first_value);
    json_put_text(json, second, second_value);
    return json;
}

static json_t *counts_to_json(const struct counts *counts)
{
    json_t *json = json_object();
    json_put_int(json, "rows", counts->rows);
    json_put_int(json, "files", counts->files);
    return json;
}

static void seed_to_json(json_t *doc, const struct marks *m)
{
    json_put_text(doc, "last_mysql_extraction_time", m->last_mysql_extraction_time);
    json_put_text(doc, "last_mysql_data_timestamp", m->last_mysql_data_timestamp);
    json_put_int(doc, "mysql_rows_extracted", m->mysql_rows_extracted);
    json_put_text(doc, "mysql_status", m->mysql_status);
    json_put_text(doc, "last_redshift_load_time", m->last_redshift_load_time);
    json_put_int(doc, "redshift_rows_loaded", m->redshift_rows_loaded);
    json_put_text(doc, "redshift_status", m->redshift_status);
    json_put_text(doc, "backup_strategy", m->backup_strategy);
    json_put_int(doc, "s3_file_count", m->s3_file_count);
    json_t *files = json_array();
    for (int i = 0; i < m->processed_count; i++)
        json_array_append_new(files, json_string(m->processed_s3_files[i]));
    json_put(doc, "processed_s3_files", files);
    json_put_text(doc, "created_at", m->created_at);
}

void marks_to_json(json_t *doc, const struct marks *m, const struct lease *lease, const char *write_id,
                   const char *updated_at)
{
    seed_to_json(doc, m);
    json_put_text(doc, "updated_at", updated_at);
    json_t *cursor = json_null();
    if (m->cursor != NULL) {
        cursor = pair_to_json("column", m->cursor, "type", m->cursor_type);
        json_put_text(cursor, "form", m->cursor_form);
        if (m->cursor_ahead_s != 0)
            json_put_int(cursor, "ahead_s", m->cursor_ahead_s);
    }
    json_put(doc, "cursor", cursor);
    json_t *key = json_array();
    for (int i = 0; i < m->key_count; i++)
        json_array_append_new(key, pair_to_json("column", m->key[i].column, "type", m->key[i].type));
    json_put(doc, "key", key);
    json_put_int(doc, "epoch", m->epoch);
    json_put_int(doc, "token", m->token);
    json_put_text(doc, "write_id", write_id);
    json_put_text(doc, "source_id", m->source_id);
    json_put_text(doc, "source_clock", m->source_clock);
    json_put_text(doc, "source_place", m->source_place);
    json_put_text(doc, "source_ahead_ms", m->source_ahead_ms);
    json_put_text(doc, "source_row", m->source_row);
    json_put_text(doc, "target_id", m->target_id);
    json_put(doc, "lease", lease_to_json(lease));
    json_put(doc, "in_flight", in_flight_to_json(&m->in_flight));
    json_put(doc, "extracted", ref_to_json(&m->extracted, true));
    json_put(doc, "loaded", ref_to_json(&m->loaded, false));
    json_put(doc, "ceiling",
             m->ceiling != NULL ? pair_to_json("value", m->ceiling, "seen_at", m->ceiling_seen_at) : json_null());
    json_put(doc, "session", counts_to_json(&m->session));
    json_put(doc, "total", counts_to_json(&m->total));
}

/* ---- and back ---- */

static const char *text_in(const json_t *object, const char *key, struct arena *arena)
{
    return arena_text(arena, json_text(object, key));
}

static void id_from_json(const json_t *object, const char *key, char ret[UUID_TEXT])
{
    snprintf(ret, UUID_TEXT, "%s", or_empty(json_text(object, key)));
}

static RC ref_from_json(const json_t *json, struct arena *arena, struct mark_ref *ret, struct error *err)
{
    id_from_json(json, "id", ret->id);
    ret->key = text_in(json, "key", arena);
    return position_from_json(json_object_get(json, "pos"), arena, &ret->pos, err);
}

static struct lease lease_from_json(const json_t *json, struct arena *arena)
{
    struct lease lease = {.held = json_is_object(json)};
    if (!lease.held)
        return lease;
    id_from_json(json, "run_id", lease.run_id);
    lease.host = text_in(json, "host", arena);
    lease.boot_id = text_in(json, "boot_id", arena);
    lease.pid_ns = text_in(json, "pid_ns", arena);
    lease.beat_at = text_in(json, "beat_at", arena);
    lease.pid = json_int(json, "pid", 0);
    lease.pid_start = json_int(json, "pid_start", 0);
    lease.beat = json_int(json, "beat", 0);
    lease.ttl_ms = json_int(json, "ttl_ms", 0);
    return lease;
}

static void seed_from_json(const json_t *doc, struct arena *arena, struct marks *m)
{
    m->last_mysql_extraction_time = text_in(doc, "last_mysql_extraction_time", arena);
    m->last_mysql_data_timestamp = text_in(doc, "last_mysql_data_timestamp", arena);
    m->mysql_rows_extracted = json_int(doc, "mysql_rows_extracted", 0);
    m->mysql_status = text_in(doc, "mysql_status", arena);
    m->last_redshift_load_time = text_in(doc, "last_redshift_load_time", arena);
    m->redshift_rows_loaded = json_int(doc, "redshift_rows_loaded", 0);
    m->redshift_status = text_in(doc, "redshift_status", arena);
    m->backup_strategy = text_in(doc, "backup_strategy", arena);
    m->s3_file_count = json_int(doc, "s3_file_count", 0);
    const json_t *files = json_object_get(doc, "processed_s3_files");
    m->processed_count = (int)json_array_size(files);
    m->processed_s3_files = arena_take(arena, sizeof(char *) * (size_t)m->processed_count);
    for (int i = 0; i < m->processed_count; i++)
        m->processed_s3_files[i] = arena_text(arena, or_empty(json_string_value(json_array_get(files, (size_t)i))));
    m->created_at = text_in(doc, "created_at", arena);
}

static struct counts counts_from_json(const json_t *json)
{
    return (struct counts){.rows = json_int(json, "rows", 0), .files = json_int(json, "files", 0)};
}

RC marks_from_json(const json_t *doc, struct arena *arena, struct marks *ret, struct lease *ret_lease,
                   struct error *err)
{
    struct marks m = {0};
    seed_from_json(doc, arena, &m);
    const json_t *cursor = json_object_get(doc, "cursor"), *key = json_object_get(doc, "key");
    m.cursor = text_in(cursor, "column", arena);
    m.cursor_type = text_in(cursor, "type", arena);
    m.cursor_form = text_in(cursor, "form", arena);
    m.cursor_ahead_s = json_int(cursor, "ahead_s", 0);
    if (json_array_size(key) > KEY_COLUMNS_MAX)
        return fail(err, RC_DATA, "the key has more than %d columns", KEY_COLUMNS_MAX);
    for (m.key_count = 0; m.key_count < (int)json_array_size(key); m.key_count++) {
        const json_t *column = json_array_get(key, (size_t)m.key_count);
        m.key[m.key_count] = (struct key_column){text_in(column, "column", arena), text_in(column, "type", arena)};
    }
    TRY(json_need_int(doc, "epoch", &m.epoch, err));
    TRY(json_need_int(doc, "token", &m.token, err));
    m.source_id = text_in(doc, "source_id", arena);
    m.source_clock = text_in(doc, "source_clock", arena);
    m.source_place = text_in(doc, "source_place", arena);
    m.source_ahead_ms = text_in(doc, "source_ahead_ms", arena);
    m.source_row = text_in(doc, "source_row", arena);
    m.target_id = text_in(doc, "target_id", arena);
    const json_t *in_flight = json_object_get(doc, "in_flight");
    id_from_json(in_flight, "id", m.in_flight.id);
    m.in_flight.key = text_in(in_flight, "key", arena);
    TRY(position_from_json(json_object_get(in_flight, "lo"), arena, &m.in_flight.lo, err));
    TRY(position_from_json(json_object_get(in_flight, "hi"), arena, &m.in_flight.hi, err));
    TRY(ref_from_json(json_object_get(doc, "extracted"), arena, &m.extracted, err));
    TRY(ref_from_json(json_object_get(doc, "loaded"), arena, &m.loaded, err));
    const json_t *ceiling = json_object_get(doc, "ceiling");
    m.ceiling = text_in(ceiling, "value", arena);
    m.ceiling_seen_at = text_in(ceiling, "seen_at", arena);
    m.session = counts_from_json(json_object_get(doc, "session"));
    m.total = counts_from_json(json_object_get(doc, "total"));
    *ret = m;
    *ret_lease = lease_from_json(json_object_get(doc, "lease"), arena);
    return RC_OK;
}

/* extract: the rows of a range become files of a waybill. */
#include <inttypes.h>

#include "base/log.h"
#include "move/arrows.h"
#include "move/stage_file.h"
#include "state/keys.h"

/* The largest cursor seen, kept as a value and printed once at the end. */
struct largest {
    bool any;
    int64_t number;
    struct buf text;
};

struct extraction {
    struct route *r;
    struct batch_reader *reader;
    struct stage_file file;
    bool file_open;
    struct largest largest;
    int64_t rows, bytes_raw;
};

static void largest_take(struct largest *self, const struct batch *batch, int column)
{
    enum type type = batch->schema->fields[column].type;
    for (int64_t row = 0; row < batch->rows; row++) {
        if (batch_is_null(batch, column, row))
            continue;
        if (type == TYPE_UTF8) {
            struct str value = batch_bytes(batch, column, row);
            if (!self->any || str_cmp(value, buf_str(&self->text)) > 0) {
                buf_reset(&self->text);
                buf_add_str(&self->text, value);
            }
        } else {
            int64_t value = batch_integer(batch, column, row);
            if (!self->any || value > self->number)
                self->number = value;
        }
        self->any = true;
    }
}

/* In the source's own form. */
static const char *largest_print(const struct largest *self, const struct field *field, const struct form *form,
                                 struct arena *arena)
{
    static const int64_t unit_us[] = {[UNIT_SECOND] = 1000000, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1};
    char text[CURSOR_TEXT];
    if (!self->any)
        return NULL;
    if (field->type == TYPE_UTF8)
        return arena_str(arena, buf_str(&self->text));
    if (field->type == TYPE_INT16 || field->type == TYPE_INT32 || field->type == TYPE_INT64)
        return arena_print(arena, "%" PRId64, self->number);
    form_print(form,
               field->type == TYPE_DATE ? self->number * INT64_C(86400000000) : self->number * unit_us[field->unit],
               text);
    return arena_text(arena, text);
}

static void waybill_add_file(struct arena *arena, struct waybill *w, const struct waybill_file *file)
{
    struct waybill_file *files = arena_take(arena, sizeof(*files) * (size_t)(w->file_count + 1));
    if (w->file_count > 0)
        memcpy(files, w->files, sizeof(*files) * (size_t)w->file_count);
    files[w->file_count++] = *file;
    w->files = files;
}

static RC extract_end_file(struct extraction *x, struct error *err)
{
    struct waybill_file file;
    x->file_open = false;
    TRY(stage_file_end(&x->file, &file, err));
    waybill_add_file(&x->r->arena, &x->r->chunk.waybill, &file);
    x->r->result.bytes_staged += file.bytes;
    x->r->result.files_created++;
    log_debug("file.staged", KV("file", file.key), KV("rows", file.rows), KV("bytes", file.bytes));
    stage_file_release(&x->file);
    return RC_OK;
}

static RC extract_batch(struct extraction *x, const struct batch *batch, struct error *err)
{
    struct route *r = x->r;
    struct waybill *w = &r->chunk.waybill;
    if (!x->file_open) {
        const char *name = arena_print(&r->arena, "file-%05d.parquet", w->file_count);
        stage_file_begin(&x->file, r, key_beside(&r->arena, r->chunk.key, name), r->table->schema);
        x->file_open = true;
    }
    TRY(stage_file_add(&x->file, batch, err));
    x->rows += batch->rows;
    x->bytes_raw += (int64_t)batch->bytes;
    if (r->table->cursor >= 0)
        largest_take(&x->largest, batch, r->table->cursor);
    r->result.rows_extracted += batch->rows;
    r->result.bytes_raw += (int64_t)batch->bytes;
    route_progress(r, "extract", false);
    if (parquet_writer_written(x->file.writer).file_bytes >= r->run->pipeline->file_bytes)
        return extract_end_file(x, err);
    return RC_OK;
}

static RC extract_rows(struct extraction *x, struct error *err)
{
    struct route *r = x->r;
    TRY(source_read(r->run->world.source, r->table, &r->chunk.range, &x->reader, err));
    for (;;) {
        const struct batch *batch = NULL;
        TRY(run_check_stopped(r->run, err));
        TRY(batch_reader_next(x->reader, &batch, err));
        if (batch == NULL)
            break;
        if (batch->rows > 0)
            TRY(extract_batch(x, batch, err));
    }
    if (x->file_open)
        TRY(extract_end_file(x, err));
    int64_t staged = 0;
    for (int i = 0; i < r->chunk.waybill.file_count; i++)
        staged += r->chunk.waybill.files[i].rows;
    if (staged != x->rows)
        return fail(err, RC_DATA, "%" PRId64 " rows were read, and %" PRId64 " staged", x->rows, staged);
    return RC_OK;
}

static void extract_fill_waybill(struct extraction *x)
{
    struct route *r = x->r;
    struct run *run = r->run;
    struct waybill *w = &r->chunk.waybill;
    const struct marks *s = scope_marks(r->scope);
    const struct schema *schema = r->table->schema;
    char now[STAMP_TEXT];
    stamp_print(run->world.clock->now_us(run->world.clock), 3, now);
    w->id = arena_text(&r->arena, r->chunk.id);
    if (s->extracted.id[0] != '\0')
        w->prev = (struct waybill_ref){arena_text(&r->arena, s->extracted.id), s->extracted.key};
    w->epoch = s->epoch;
    w->token = s->token;
    w->pipeline = run->pipeline->name;
    w->table = r->config->name;
    w->run_id = run->run_id;
    w->increment = increment_name(r->increment);
    w->mode = mode_name(r->mode);
    w->lo = r->chunk.range.lo;
    w->hi = r->chunk.range.hi;
    w->pos_after = r->chunk.pos_after;
    w->source_id = r->bound.source_id;
    w->source_clock = r->bound.clock;
    w->oldest_open = r->bound.oldest_open[0] != '\0' ? r->bound.oldest_open : NULL;
    w->rows = x->rows;
    schema_free(w->schema);
    w->schema = schema_copy(schema);
    if (r->increment != INCREMENT_ID_ONLY && r->table->cursor >= 0)
        w->cursor = schema->fields[r->table->cursor].name;
    for (w->key_count = 0; w->key_count < r->table->key_count; w->key_count++)
        w->key[w->key_count] = schema->fields[r->table->key[w->key_count]].name;
    if (r->table->cursor >= 0)
        w->max_cursor = largest_print(&x->largest, &schema->fields[r->table->cursor], &r->table->form, &r->arena);
    w->sealed_at = arena_text(&r->arena, now);
}

/* What no waybill will name was not extracted. (The failure itself stands in `result` too.) */
static void extract_forget(struct table_result *result, const struct table_result *before)
{
    result->rows_extracted = before->rows_extracted;
    result->files_created = before->files_created;
    result->bytes_raw = before->bytes_raw;
    result->bytes_staged = before->bytes_staged;
}

/* Only a key could tell rows with equal cursors apart: a group of them is one chunk, however large. */
static void extract_tell_of_group(struct route *r, int64_t rows)
{
    const struct chunk *chunk = &r->chunk;
    if (chunk->range.kind != RANGE_TIME || rows <= chunk->rows_max)
        return;
    r->result.warning =
        arena_print(&r->arena, "%" PRId64 " rows have one '%s': taken whole, beyond the %" PRId64 " of a chunk", rows,
                    r->table->schema->fields[r->table->cursor].name, chunk->rows_max);
    log_warn("group.taken_whole", KV("rows", rows), KV("asked", chunk->rows_max));
}

RC extract_chunk(struct route *r, struct error *err)
{
    struct extraction x = {.r = r};
    struct clock *clock = r->run->world.clock;
    int64_t since = clock->mono_ms(clock);
    const struct table_result before = r->result;
    enum rc rc = extract_rows(&x, err);
    if (rc == RC_OK)
        extract_fill_waybill(&x);
    else
        stage_file_abort(&x.file);
    batch_reader_free(x.reader);
    stage_file_release(&x.file);
    buf_release(&x.file.part);
    buf_release(&x.largest.text);
    if (rc != RC_OK) {
        extract_forget(&r->result, &before);
        return fail_in(err, "extracting '%s' from '%s'", r->config->name, r->run->world.source->name);
    }
    extract_tell_of_group(r, x.rows);
    r->result.extract_ms += clock->mono_ms(clock) - since;
    r->rows_left -= x.rows < r->rows_left ? x.rows : r->rows_left;
    r->chunks_left -= x.rows > 0 ? 1 : 0;
    r->full_sync_done = r->increment == INCREMENT_FULL_SYNC;
    return RC_OK;
}

/* ---- giving up ---- */

static RC discard_uploads(struct route *r, const char *folder, struct error *err)
{
    struct store *store = r->run->world.store;
    const char *after = NULL;
    do {
        struct upload_list page;
        TRY(store_upload_list(store, folder, after, &r->arena, &page, err));
        for (int i = 0; i < page.count; i++)
            TRY(store_upload_abort(store, page.items[i].key, page.items[i].upload_id, err));
        after = page.next;
    } while (after != NULL);
    return RC_OK;
}

/* Everything beside the waybill.json, which is now a tombstone and stays: it is what stops the earlier run. */
static RC discard_files(struct route *r, const char *folder, const char *waybill_key, struct error *err)
{
    struct store *store = r->run->world.store;
    const char *after = NULL;
    do {
        struct object_list page;
        TRY(store_list(store, folder, after, &r->arena, &page, err));
        struct deleted_object *doomed = arena_take(&r->arena, sizeof(*doomed) * (size_t)page.count);
        int count = 0;
        for (int i = 0; i < page.count; i++) {
            if (strcmp(page.items[i].key, waybill_key) != 0)
                doomed[count++].key = page.items[i].key;
        }
        if (count > 0)
            TRY(store_delete(store, doomed, count, err));
        for (int i = 0; i < count; i++) {
            if (doomed[i].rc != RC_OK)
                return fail(err, doomed[i].rc, "deleting '%s': %s", doomed[i].key, doomed[i].text);
        }
        after = page.next;
    } while (after != NULL);
    return RC_OK;
}

RC extract_discard(struct route *r, const char *waybill_key, struct error *err)
{
    const char *folder = key_beside(&r->arena, waybill_key, "");
    TRY(scope_guard(r->scope, err));
    if (discard_uploads(r, folder, err) != RC_OK || discard_files(r, folder, waybill_key, err) != RC_OK)
        return fail_in(err, "cleaning up the unfinished waybill '%s'", waybill_key);
    return RC_OK;
}

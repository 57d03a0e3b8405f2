/* extract: the rows of a range become files of a waybill. */
#include <assert.h>
#include <inttypes.h>

#include "base/log.h"
#include "data/fingerprint.h"
#include "move/arrows.h"
#include "move/keys.h"
#include "move/lane.h"
#include "move/mend.h"
#include "move/pieces.h"
#include "state/keys.h"

struct extraction {
    struct route *r;
    struct together together;
    struct stage_sizes sizes;
    struct pieces pieces;
    int lane_count;
    int64_t rows;
};

/* ---- how many lanes, and how much memory for each ---- */

/* As many as there may be readers, as memory is there for, and as fill a part each: lanes with little to do only make
 * small files. Tables that are moved at the same time share the readers; one that is to be split is, however small. */
static int extract_lanes(const struct route *r)
{
    const struct run *run = r->run;
    const struct range_facts *facts = &r->bound.facts;
    const struct pipeline_config *pipeline = run->pipeline;
    bool is_whole = r->chunk.range.kind == RANGE_ALL;
    bool is_one = r->chunk.is_mended || r->chunk.is_keys;
    if (!run->world.threads || is_one || (is_whole && !r->source->shares_snapshot) || r->source->readers_max < 2)
        return 1;
    int64_t rows = is_whole || facts->rows < r->chunk.rows_max ? facts->rows : r->chunk.rows_max;
    bool is_split = pipeline->strategy == STRATEGY_INTRA_TABLE;
    const int64_t limits[] = {
        pipeline->readers / run->team_count,
        r->source->readers_max / run->team_count,
        route_lanes_in_memory(r),
        is_split ? rows : rows * facts->row_bytes / pipeline->part_bytes,
    };
    int64_t lanes = LANES_MAX;
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
        lanes = limits[i] < lanes ? limits[i] : lanes;
    return lanes > 1 ? (int)lanes : 1;
}

/* A quarter of the memory for all row groups, and a quarter for all parts, as far as stores take parts so small. */
static struct stage_sizes extract_sizes(const struct route *r, int lanes)
{
    const struct pipeline_config *pipeline = r->run->pipeline;
    const struct store *store = r->run->world.store;
    int64_t share = route_memory_bytes(r) / 4 / lanes;
    int64_t least = pipeline->file_bytes / (PART_NUMBER_MAX / 2);
    struct stage_sizes sizes = {.row_group_bytes = share, .part_bytes = pipeline->part_bytes};
    if (sizes.row_group_bytes > PARQUET_ROW_GROUP_BYTES)
        sizes.row_group_bytes = PARQUET_ROW_GROUP_BYTES;
    if (!r->run->world.threads)
        return sizes;
    share /= UPLOADER_PARTS_MAX;
    share = share < store->part_bytes_min ? store->part_bytes_min : share;
    share = share < least ? least : share;
    sizes.part_bytes = share < sizes.part_bytes ? share : sizes.part_bytes;
    return sizes;
}

/* ---- lanes ---- */

static RC extract_read(struct extraction *x, struct batch_reader **ret, struct error *err)
{
    struct route *r = x->r;
    const struct shaping *shaping = r->chunk.is_keys ? r->keys->shaping : r->shaping;
    struct batch_reader *reader = NULL;
    if (r->chunk.is_mended)
        reader = mend_reader_new(r);
    else
        TRY(pieces_read(&x->pieces, &reader, err));
    *ret = shaping != NULL ? shaping_reader_new(shaping, reader) : reader;
    return RC_OK;
}

static RC extract_open(struct extraction *x, struct error *err)
{
    struct route *r = x->r;
    struct lane **lanes = r->lanes;
    const struct table *table = r->chunk.is_keys ? r->keys->table : r->table;
    int wanted = extract_lanes(r);
    TRY(pieces_init(&x->pieces, r->source, table, &r->chunk.range, wanted, err));
    x->lane_count = x->pieces.count < wanted ? x->pieces.count : wanted;
    x->sizes = extract_sizes(r, x->lane_count);
    for (int i = 0; i < x->lane_count; i++) {
        if (lanes[i] == NULL)
            lanes[i] = lane_new(r->run->world.threads, i == 0);
        lanes[i]->number = i;
        lanes[i]->count = x->lane_count;
        TRY(extract_read(x, &lanes[i]->reader, err));
    }
    return RC_OK;
}

static void extract_close_readers(struct extraction *x)
{
    for (int i = 0; i < x->lane_count; i++) {
        if (x->r->lanes[i] != NULL)
            batch_reader_free(TAKE(x->r->lanes[i]->reader));
    }
}

/* The first one last: it is done by this thread. */
static void extract_run_lanes(struct extraction *x)
{
    struct lane **lanes = x->r->lanes;
    for (int i = x->lane_count - 1; i >= 0; i--)
        lane_begin(lanes[i], x->r, &x->together, x->sizes);
    for (int i = 0; i < x->lane_count; i++)
        lane_wait(lanes[i]);
    for (int i = 0; i < x->lane_count; i++)
        lane_end(lanes[i]);
}

static struct waybill_file extract_keep(struct route *r, const struct waybill_file *file)
{
    struct waybill_file kept = *file;
    kept.key = arena_text(&r->arena, file->key);
    kept.checksum = arena_text(&r->arena, file->checksum);
    kept.fingerprint = arena_text(&r->arena, file->fingerprint);
    return kept;
}

static void extract_gather_aside(struct extraction *x)
{
    struct route *r = x->r;
    struct waybill *w = &r->chunk.waybill;
    w->aside = arena_take(&r->arena, sizeof(*w->aside) * (size_t)(x->lane_count + 1));
    w->aside_count = 0;
    w->quarantined = 0;
    for (int i = 0; i < x->lane_count; i++) {
        if (r->lanes[i]->aside_rows == 0)
            continue;
        w->aside[w->aside_count++] = extract_keep(r, &r->lanes[i]->aside);
        w->quarantined += r->lanes[i]->aside_rows;
    }
}

/* Files in the order of the lanes. Which of their rows come first says nothing: lanes share the pieces of the range. */
static RC extract_gather(struct extraction *x, struct error *err)
{
    struct route *r = x->r;
    struct waybill *w = &r->chunk.waybill;
    int count = 0;
    w->rows = w->file_count = 0;
    for (int i = 0; i < x->lane_count; i++)
        count += r->lanes[i]->file_count;
    w->files = arena_take(&r->arena, sizeof(*w->files) * (size_t)(count + 1));
    for (int i = 0; i < x->lane_count; i++) {
        const struct lane *lane = r->lanes[i];
        x->rows += lane->rows;
        for (int f = 0; f < lane->file_count; f++) {
            w->files[w->file_count++] = extract_keep(r, &lane->files[f]);
            w->rows += lane->files[f].rows;
        }
    }
    extract_gather_aside(x);
    if (w->rows + w->quarantined != x->rows || w->quarantined != r->chunk.quarantined)
        return fail(err, RC_DATA,
                    "%" PRId64 " rows were read, of which %" PRId64 " do not fit; %" PRId64 " were staged, and %" PRId64
                    " set aside",
                    x->rows, r->chunk.quarantined, w->rows, w->quarantined);
    return RC_OK;
}

/* A table that was empty has no last id that the next run could begin behind. */
static RC extract_check_end(const struct extraction *x, struct error *err)
{
    const struct route *r = x->r;
    bool is_open = r->increment == INCREMENT_FULL_SYNC && r->chunk.range.kind == RANGE_KEY &&
                   r->chunk.range.hi.shape == POSITION_NONE;
    if (!is_open || x->rows == 0)
        return RC_OK;
    fail(err, RC_BUSY, "the first rows of '%s' have come just now", r->table->name);
    return fail_todo(err, "run again");
}

static RC extract_lanes_work(struct extraction *x, struct error *err)
{
    if (extract_open(x, err) != RC_OK) {
        extract_close_readers(x);
        return err->rc;
    }
    extract_run_lanes(x);
    return RC_OK;
}

static RC extract_rows(struct extraction *x, struct error *err)
{
    enum rc rc = extract_lanes_work(x, err);
    pieces_release(&x->pieces);
    if (rc != RC_OK)
        return rc;
    if (x->together.failure.rc != RC_OK) {
        *err = x->together.failure;
        return err->rc;
    }
    TRY(extract_gather(x, err));
    return extract_check_end(x, err);
}

static const char *extract_max_cursor(const struct extraction *x)
{
    struct route *r = x->r;
    AUTO_RELEASE(largest) largest = {0};
    if (r->table->cursor < 0 || r->chunk.is_keys)
        return NULL;
    for (int i = 0; i < x->lane_count; i++)
        largest_merge(&largest, &r->lanes[i]->largest);
    return largest_print(&largest, &r->table->schema->fields[r->table->cursor], &r->table->form, &r->arena);
}

/* Of all files together. */
static const char *extract_fingerprint(struct route *r)
{
    AUTO_RELEASE(fingerprint) total;
    fingerprint_init(&total, route_chunk_schema(r));
    for (int i = 0; i < r->chunk.waybill.file_count; i++) {
        bool is_read = fingerprint_merge_text(&total, r->chunk.waybill.files[i].fingerprint);
        assert(is_read && "this run wrote it");
    }
    return fingerprint_print(&total, &r->arena);
}

/* ---- the waybill ---- */

/* It was read later than all waybills before it, whatever its stamps say, or without any. */
static bool extract_overwrites(const struct route *r)
{
    bool is_later = r->bound.aside.kind == ASIDE_NULLS || (route_reads_aside(r) && r->table->cursor_repeats);
    return r->mode == MODE_MERGE && (is_later || r->run->options.overwrites);
}

static void extract_fill_waybill(struct extraction *x)
{
    struct route *r = x->r;
    struct run *run = r->run;
    struct waybill *w = &r->chunk.waybill;
    const struct marks *s = scope_marks(r->scope);
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
    w->increment = increment_name(r->chunk.range.kind == RANGE_ALL ? r->increment : r->config->increment);
    w->mode = mode_name(r->chunk.is_keys ? MODE_KEYS : r->mode);
    w->lo = r->chunk.range.lo;
    if (!r->chunk.is_open)
        w->hi = r->chunk.range.hi;
    w->pos_after = route_reads_aside(r) ? r->bound.aside.mark : r->chunk.pos_after;
    w->source_id = r->bound.source_id;
    w->source_clock = r->bound.clock;
    w->source_place = r->bound.place;
    w->source_ahead_ms = r->bound.ahead_ms;
    w->source_row = r->chunk.row;
    w->oldest_open = r->bound.oldest_open[0] != '\0' ? r->bound.oldest_open : NULL;
    w->fingerprint = extract_fingerprint(r);
    schema_free(w->schema);
    route_describe(r, w);
    w->schema = schema_copy(w->schema);
    if (extract_overwrites(r))
        w->cursor = NULL;
    w->max_cursor = extract_max_cursor(x);
    if (r->chunk.is_mended)
        mend_gone(r, w);
    w->soft_delete = (struct sealed_text){waybill_deletes(w), r->config->soft_delete};
    w->sealed_at = arena_text(&r->arena, now);
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
    struct extraction x = {.r = r, .together = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    struct clock *clock = r->run->world.clock;
    int64_t since = clock->mono_ms(clock);
    const int64_t zero_dates = r->source->zero_dates;
    const struct extracted before = route_extracted_so_far(r);
    r->chunk.quarantined = 0;
    if (extract_rows(&x, err) != RC_OK) {
        const struct extracted now = route_extracted_so_far(r); /* what no waybill will name was not extracted */
        route_extracted(r,
                        &(struct extracted){before.rows - now.rows, before.files - now.files,
                                            before.bytes_raw - now.bytes_raw, before.bytes_staged - now.bytes_staged});
        return fail_in(err, "extracting '%s' from '%s'", r->config->name, r->source->name);
    }
    extract_fill_waybill(&x);
    extract_tell_of_group(r, x.rows);
    r->result.extract_ms += clock->mono_ms(clock) - since;
    r->result.zero_dates += r->source->zero_dates - zero_dates;
    if (route_counts_rows(r)) {
        r->rows_left -= x.rows < r->rows_left ? x.rows : r->rows_left;
        r->chunks_left -= x.rows > 0 ? 1 : 0;
    }
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

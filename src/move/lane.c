#include "move/lane.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "state/keys.h"

/* ---- the first failure ---- */

static bool together_failed(struct together *self)
{
    pthread_mutex_lock(&self->lock);
    bool failed = self->failure.rc != RC_OK;
    pthread_mutex_unlock(&self->lock);
    return failed;
}

static void together_fail(struct together *self, const struct error *err)
{
    pthread_mutex_lock(&self->lock);
    if (self->failure.rc == RC_OK)
        self->failure = *err;
    pthread_mutex_unlock(&self->lock);
}

/* ---- files ---- */

static void lane_begin_file(struct lane *self)
{
    struct route *r = self->route;
    const char *name = arena_print(&self->arena, "file-%05d.parquet", self->file_count * self->count + self->number);
    stage_file_begin(&self->file, r, &self->uploader, key_beside(&self->arena, r->chunk.key, name),
                     route_chunk_schema(r), self->sizes);
    self->file_open = true;
}

static RC lane_end_file(struct lane *self, struct error *err)
{
    struct waybill_file file;
    self->file_open = false;
    TRY(stage_file_end(&self->file, &self->arena, &file, err));
    self->files = xrealloc(self->files, sizeof(*self->files) * (size_t)(self->file_count + 1));
    self->files[self->file_count++] = file;
    route_extracted(self->route, &(struct extracted){.files = 1, .bytes_staged = file.bytes});
    log_debug("file.staged", KV("file", file.key), KV("rows", file.rows), KV("bytes", file.bytes));
    stage_file_release(&self->file);
    return RC_OK;
}

/* ---- rows ---- */

static RC lane_stage(struct lane *self, const struct batch *batch, struct error *err)
{
    if (batch->rows == 0)
        return RC_OK;
    if (!self->file_open)
        lane_begin_file(self);
    return stage_file_add(&self->file, batch, err);
}

static RC lane_take(struct lane *self, const struct batch *batch, struct error *err)
{
    struct route *r = self->route;
    const struct batch *kept = batch;
    self->rows += batch->rows;
    if (route_sets_aside(r))
        TRY(quarantine_sift(&self->quarantine, batch, &kept, err));
    TRY(lane_stage(self, kept, err));
    bool is_keys = r->chunk.is_keys;
    if (!is_keys && r->table->cursor >= 0 && route_column(r, r->table->cursor) >= 0)
        largest_take(&self->largest, batch, route_column(r, r->table->cursor));
    route_extracted(r, &(struct extracted){.rows = is_keys ? 0 : batch->rows, .bytes_raw = (int64_t)batch->bytes});
    if (self->file_open && parquet_writer_written(self->file.writer).file_bytes >= r->run->pipeline->file_bytes)
        return lane_end_file(self, err);
    return RC_OK;
}

static RC lane_end_rows(struct lane *self, struct error *err)
{
    if (self->file_open)
        TRY(lane_end_file(self, err));
    return quarantine_end(&self->quarantine, &self->arena, &self->aside, &self->aside_rows, err);
}

static RC lane_pace(const struct lane *self, int64_t rows, struct error *err)
{
    enum { SLICE_MS = 250 };
    struct run *run = self->route->run;
    struct clock *clock = run->world.clock;
    const int64_t until_ms = run_pace(run, rows);
    for (int64_t left; until_ms != 0 && (left = until_ms - clock->mono_ms(clock)) > 0;) {
        TRY(run_check_stopped(run, err));
        if (together_failed(self->together))
            break;
        clock->sleep_ms(clock, left < SLICE_MS ? left : SLICE_MS);
    }
    return RC_OK;
}

static RC lane_rows(struct lane *self, struct error *err)
{
    while (!together_failed(self->together)) {
        const struct batch *batch = NULL;
        TRY(run_check_stopped(self->route->run, err));
        TRY(batch_reader_next(self->reader, &batch, err));
        if (batch == NULL)
            return lane_end_rows(self, err);
        if (batch->rows == 0)
            continue;
        TRY(lane_take(self, batch, err));
        TRY(lane_pace(self, batch->rows, err));
    }
    return RC_OK;
}

static RC lane_work(void *context, void *job, struct error *err)
{
    struct lane *self = job;
    struct error why;
    const struct run *run = self->route->run;
    log_context(run->run_id, run->pipeline->name, self->route->config->name);
    if (lane_rows(self, &why) != RC_OK)
        together_fail(self->together, &why);
    return RC_OK;
}

/* ---- the lane ---- */

struct lane *lane_new(bool threads, bool is_first)
{
    struct lane *self = xcalloc(1, sizeof(*self));
    self->worker = worker_new(threads && !is_first ? 1 : 0, lane_work, NULL);
    uploader_init(&self->uploader, threads);
    return self;
}

void lane_free(struct lane *self)
{
    if (self == NULL)
        return;
    worker_free(self->worker);
    uploader_release(&self->uploader);
    quarantine_release(&self->quarantine);
    largest_release(&self->largest);
    arena_release(&self->arena);
    free(self->files);
    free(self);
}

void lane_begin(struct lane *self, struct route *route, struct together *together, struct stage_sizes sizes)
{
    struct error none;
    self->route = route;
    self->together = together;
    self->sizes = sizes;
    self->file_count = 0;
    self->rows = self->aside_rows = 0;
    self->file_open = false;
    largest_reset(&self->largest);
    arena_reset(&self->arena);
    const char *name = arena_print(&self->arena, QUARANTINE_FOLDER "rows-%05d.parquet", self->number);
    quarantine_begin(&self->quarantine, route, key_beside(&self->arena, route->chunk.key, name), sizes);
    enum rc rc = worker_give(self->worker, self, &none);
    assert(rc == RC_OK && "a lane's failure is told to the others, not to its worker");
}

void lane_wait(struct lane *self)
{
    struct error none;
    enum rc rc = worker_finish(self->worker, &none);
    assert(rc == RC_OK && "as above");
}

void lane_end(struct lane *self)
{
    if (self->together->failure.rc != RC_OK) {
        stage_file_abort(&self->file);
        quarantine_abort(&self->quarantine);
    }
    stage_file_release(&self->file);
    quarantine_release(&self->quarantine);
    batch_reader_free(TAKE(self->reader));
}

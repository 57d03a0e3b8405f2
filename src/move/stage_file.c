#include "move/stage_file.h"

#include <inttypes.h>

#include "move/ahead.h"

/* ---- parts ---- */

/* The uploader's job. */
static RC part_send(void *context, void *job, struct error *err)
{
    struct part *part = job;
    struct stage_file *file = part->file;
    struct store *store = file->route->run->world.store;
    TRY(scope_guard(file->route->scope, err));
    TRY(run_check_stopped(file->route->run, err));
    if (!file->uploading) {
        TRY(store_upload_begin(store, file->key, &file->upload, err));
        file->uploading = true;
    }
    return store_upload_part(store, &file->upload, buf_str(&part->bytes), err);
}

void uploader_init(struct uploader *self, bool threads)
{
    *self = (struct uploader){.part_count = threads ? UPLOADER_PARTS_MAX : 1};
    self->worker = worker_new(self->part_count - 1, part_send, NULL);
}

void uploader_release(struct uploader *self)
{
    worker_free(TAKE(self->worker));
    for (int i = 0; i < self->part_count; i++)
        buf_release(&self->parts[i].bytes);
}

/* The next part to fill was given before all those that may still be on their way: it has been sent. */
static RC stage_give_part(struct stage_file *self, struct error *err)
{
    struct uploader *uploader = self->uploader;
    uploader->parts[uploader->filling].file = self;
    self->parts++;
    TRY(worker_give(uploader->worker, &uploader->parts[uploader->filling], err));
    uploader->filling = (uploader->filling + 1) % uploader->part_count;
    buf_reset(&uploader->parts[uploader->filling].bytes);
    return RC_OK;
}

/* The sink of the Parquet writer: bytes only ever go forward. */
static RC stage_sink(void *context, struct str bytes, struct error *err)
{
    struct stage_file *self = context;
    size_t part_bytes = (size_t)self->sizes.part_bytes;
    checksum_add(self->digest, bytes);
    self->bytes += (int64_t)bytes.len;
    while (bytes.len > 0) {
        struct buf *part = &self->uploader->parts[self->uploader->filling].bytes;
        buf_reserve(part, part_bytes - part->len);
        size_t room = part_bytes - part->len, take = bytes.len < room ? bytes.len : room;
        buf_add(part, bytes.at, take);
        bytes = (struct str){bytes.at + take, bytes.len - take};
        if (part->len == part_bytes && stage_give_part(self, err) != RC_OK)
            return fail_in(err, "staging '%s'", self->key);
    }
    return RC_OK;
}

/* ---- the file ---- */

void stage_file_begin(struct stage_file *self, struct route *route, struct uploader *uploader, const char *key,
                      const struct schema *schema, struct stage_sizes sizes)
{
    const struct pipeline_config *pipeline = route->run->pipeline;
    struct parquet_options options = {.compression = pipeline->compression,
                                      .level = (int)pipeline->level,
                                      .profile = pipeline->profile,
                                      .row_group_bytes = (size_t)sizes.row_group_bytes};
    *self = (struct stage_file){.route = route, .uploader = uploader, .sizes = sizes, .key = key};
    buf_reset(&uploader->parts[uploader->filling].bytes);
    self->digest = checksum_new(route->run->world.store->checksum);
    fingerprint_init(&self->read, schema);
    self->writer = parquet_writer_new(schema, &options, (struct parquet_sink){stage_sink, self});
}

RC stage_file_add(struct stage_file *self, const struct batch *batch, struct error *err)
{
    fingerprint_add(&self->read, batch);
    return parquet_writer_add(self->writer, batch, err);
}

static RC stage_confirm(const struct stage_file *self, const struct object_info *info, const char *checksum,
                        struct error *err)
{
    const struct store *store = self->route->run->world.store;
    const char *name = store->name;
    if (info->bytes != self->bytes)
        return fail(err, RC_DATA, "'%s' in '%s' has %" PRId64 " bytes; %" PRId64 " were sent", self->key, name,
                    info->bytes, self->bytes);
    if (strcmp(info->checksum, checksum) != 0)
        return fail(err, RC_DATA, "'%s' in '%s' has the %s '%s'; what was sent has %s", self->key, name,
                    checksum_name(store->checksum), info->checksum, checksum);
    return RC_OK;
}

/* One put where it all fits into a part. */
static RC stage_complete(struct stage_file *self, struct object_info *ret, struct error *err)
{
    struct store *store = self->route->run->world.store;
    const struct buf *part = &self->uploader->parts[self->uploader->filling].bytes;
    if (self->parts == 0) {
        TRY(scope_guard(self->route->scope, err));
        return store_put(store, self->key, buf_str(part), IF_NONE_MATCH, ret, err);
    }
    if (part->len > 0)
        TRY(stage_give_part(self, err));
    TRY(worker_finish(self->uploader->worker, err));
    TRY(store_upload_complete(store, &self->upload, IF_NONE_MATCH, ret, err));
    self->uploading = false;
    return RC_OK;
}

/* A load by our own reader compares the same before its COMMIT, and costs nothing extra: where one follows, and nobody
 * asks for more, decoding everything twice is saved. A target that reads the files by itself compares nothing. */
static bool stage_reads_back(const struct stage_file *self)
{
    const struct route *r = self->route;
    switch (r->run->pipeline->verify) {
    case VERIFY_AUTO: return self->is_aside || !route_loads(r) || target_loads_urls(r->target);
    case VERIFY_STAGE: return true;
    case VERIFY_NONE: break;
    }
    return false;
}

/* Not what was sent but what is there: got from the store and decoded. */
static RC stage_read_back(struct stage_file *self, const char *expected, struct error *err)
{
    struct route *r = self->route;
    const struct ahead_options options = {.memory_bytes = self->sizes.row_group_bytes};
    const struct schema *schema = self->read.schema;
    struct batch_reader *inner;
    TRY(ahead_open(r->run->world.store, self->key, self->bytes, schema, options, &inner, err));
    AUTO(batch_reader) *reader = fingerprint_reader(inner, schema, expected, self->key);
    for (const struct batch *batch = NULL;;) {
        TRY(run_check_stopped(r->run, err));
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return RC_OK;
    }
}

RC stage_file_end(struct stage_file *self, struct arena *arena, struct waybill_file *ret, struct error *err)
{
    struct store *store = self->route->run->world.store;
    struct object_info info;
    char checksum[CHECKSUM_TEXT];
    TRY(parquet_writer_end(self->writer, err));
    checksum_end(self->digest, checksum);
    TRY(stage_complete(self, &info, err));
    if (stage_confirm(self, &info, checksum, err) != RC_OK)
        return fail_todo(
            err,
            "the store does not hold what it was given; check its disk or network, then run the same command again");
    *ret = (struct waybill_file){.key = self->key,
                                 .bytes = self->bytes,
                                 .rows = parquet_writer_written(self->writer).rows,
                                 .checksum_kind = store->checksum,
                                 .checksum = arena_text(arena, checksum),
                                 .fingerprint = fingerprint_print(&self->read, arena)};
    if (!stage_reads_back(self))
        return RC_OK;
    parquet_writer_free(TAKE(self->writer)); /* its memory is the reader's now */
    if (stage_read_back(self, ret->fingerprint, err) == RC_OK)
        return RC_OK;
    fail_in(err, "reading back from '%s'", store->name);
    return err->rc == RC_DATA ? fail_todo(err, "nothing was sealed or loaded; run the same command again. If it comes "
                                               "again, please report it: the file or this machine's memory is bad")
                              : err->rc;
}

void stage_file_abort(struct stage_file *self)
{
    struct error ignored; /* the failure that led here is what the user hears of; adopt aborts it otherwise */
    if (self->parts > 0 && worker_finish(self->uploader->worker, &ignored) != RC_OK)
        (void)ignored;
    if (self->uploading &&
        store_upload_abort(self->route->run->world.store, self->key, self->upload.id, &ignored) == RC_OK)
        self->uploading = false;
}

void stage_file_release(struct stage_file *self)
{
    parquet_writer_free(self->writer);
    fingerprint_release(&self->read);
    checksum_free(self->digest);
    upload_release(&self->upload);
    self->writer = NULL;
    self->digest = NULL;
}

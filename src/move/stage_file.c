#include "move/stage_file.h"

#include <inttypes.h>

static RC stage_send_part(struct stage_file *self, struct error *err)
{
    struct store *store = self->route->run->world.store;
    TRY(scope_guard(self->route->scope, err));
    TRY(run_check_stopped(self->route->run, err));
    if (!self->uploading) {
        TRY(store_upload_begin(store, self->key, &self->upload, err));
        self->uploading = true;
    }
    TRY(store_upload_part(store, &self->upload, buf_str(&self->part), err));
    buf_reset(&self->part);
    return RC_OK;
}

/* The sink of the Parquet writer: bytes only ever go forward. */
static RC stage_sink(void *context, struct str bytes, struct error *err)
{
    struct stage_file *self = context;
    checksum_add(self->digest, bytes);
    self->bytes += (int64_t)bytes.len;
    size_t part_bytes = (size_t)self->route->run->pipeline->part_bytes;
    while (bytes.len > 0) {
        size_t room = part_bytes - self->part.len, take = bytes.len < room ? bytes.len : room;
        buf_add(&self->part, bytes.at, take);
        bytes = (struct str){bytes.at + take, bytes.len - take};
        if (self->part.len == part_bytes && stage_send_part(self, err) != RC_OK)
            return fail_in(err, "staging '%s'", self->key);
    }
    return RC_OK;
}

void stage_file_begin(struct stage_file *self, struct route *route, const char *key, const struct schema *schema)
{
    const struct pipeline_config *pipeline = route->run->pipeline;
    int64_t row_group_bytes = pipeline->max_memory_bytes / 4;
    if (row_group_bytes > PARQUET_ROW_GROUP_BYTES)
        row_group_bytes = PARQUET_ROW_GROUP_BYTES;
    struct parquet_options options = {.zstd_level = (int)pipeline->level, .row_group_bytes = (size_t)row_group_bytes};
    *self = (struct stage_file){.route = route, .key = key, .part = self->part};
    buf_reset(&self->part);
    self->digest = checksum_new(route->run->world.store->checksum);
    self->writer = parquet_writer_new(schema, &options, (struct parquet_sink){stage_sink, self});
}

RC stage_file_add(struct stage_file *self, const struct batch *batch, struct error *err)
{
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

RC stage_file_end(struct stage_file *self, struct waybill_file *ret, struct error *err)
{
    struct store *store = self->route->run->world.store;
    struct object_info info;
    char checksum[CHECKSUM_TEXT];
    TRY(parquet_writer_end(self->writer, err));
    checksum_end(self->digest, checksum);
    if (self->uploading) {
        if (self->part.len > 0)
            TRY(stage_send_part(self, err));
        TRY(store_upload_complete(store, &self->upload, IF_NONE_MATCH, &info, err));
        self->uploading = false;
    } else {
        TRY(scope_guard(self->route->scope, err));
        TRY(store_put(store, self->key, buf_str(&self->part), IF_NONE_MATCH, &info, err));
    }
    if (stage_confirm(self, &info, checksum, err) != RC_OK)
        return fail_todo(
            err,
            "the store does not hold what it was given; check its disk or network, then run the same command again");
    *ret = (struct waybill_file){.key = self->key,
                                 .bytes = self->bytes,
                                 .rows = parquet_writer_written(self->writer).rows,
                                 .checksum_kind = store->checksum,
                                 .checksum = arena_text(&self->route->arena, checksum)};
    return RC_OK;
}

void stage_file_abort(struct stage_file *self)
{
    struct error ignored; /* the failure that led here is what the user hears of; adopt aborts it otherwise */
    if (self->uploading &&
        store_upload_abort(self->route->run->world.store, self->key, self->upload.id, &ignored) == RC_OK)
        self->uploading = false;
}

void stage_file_release(struct stage_file *self)
{
    parquet_writer_free(self->writer);
    checksum_free(self->digest);
    upload_release(&self->upload);
    self->writer = NULL;
    self->digest = NULL;
}

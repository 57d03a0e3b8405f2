#include "move/ahead.h"

#include <stdlib.h>

#include "base/worker.h"
#include "data/parquet/reader.h"

enum { TAIL_BYTES = 64 << 10, NONE = -1 };

/* Bytes of the file at hand. */
struct block {
    int group; /* NONE: nothing */
    int64_t offset;
    struct buf bytes;
};

struct ahead {
    struct store *store;
    const char *key;
    int64_t file_bytes;
    struct ahead_options options;
    const struct parquet_reader *reader; /* NULL: still being opened */
    struct worker *worker;               /* fetches the next block */
    struct block tail;                   /* where the footer most likely is */
    struct block now, next;              /* next: the worker's, until worker_finish */
    struct parquet_group next_group;
};

static RC block_fetch(const struct ahead *self, struct block *block, int64_t offset, int64_t bytes, struct error *err)
{
    block->offset = offset;
    buf_reset(&block->bytes);
    buf_reserve(&block->bytes, (size_t)bytes);
    TRY(store_get_range(self->store, self->key, offset, block->bytes.at, (size_t)bytes, err));
    block->bytes.len = (size_t)bytes;
    return RC_OK;
}

static bool block_serve(const struct block *block, int64_t offset, void *into, size_t bytes)
{
    if (block->group == NONE || offset < block->offset ||
        offset + (int64_t)bytes > block->offset + (int64_t)block->bytes.len)
        return false;
    memcpy(into, block->bytes.at + (offset - block->offset), bytes);
    return true;
}

/* ---- row groups ---- */

/* The worker's job; it asks the Parquet reader nothing, which may be on its way out. */
static RC fetch_next(void *context, void *job, struct error *err)
{
    struct ahead *self = context;
    const struct parquet_group *group = job;
    return block_fetch(self, &self->next, group->offset, group->bytes, err);
}

static int group_of(const struct ahead *self, int64_t offset)
{
    int count = parquet_reader_group_count(self->reader);
    for (int i = 0; i < count; i++) {
        const struct parquet_group *g = parquet_reader_group(self->reader, i);
        if (offset >= g->offset && offset < g->offset + g->bytes)
            return i;
    }
    return NONE;
}

static bool fits(const struct ahead *self, int group, int64_t bytes_max)
{
    return group < parquet_reader_group_count(self->reader) &&
           parquet_reader_group(self->reader, group)->bytes <= bytes_max;
}

/* The block behind `group`, if both fit. */
static RC begin_next(struct ahead *self, int group, struct error *err)
{
    int64_t half = self->options.memory_bytes / 2;
    if (!self->options.threads || !fits(self, group, half) || !fits(self, group + 1, half))
        return RC_OK;
    self->next.group = group + 1;
    self->next_group = *parquet_reader_group(self->reader, group + 1);
    return worker_give(self->worker, &self->next_group, err);
}

static RC group_take(struct ahead *self, int group, struct error *err)
{
    TRY(worker_finish(self->worker, err));
    if (self->next.group == group) {
        struct block before = self->now;
        self->now = self->next;
        self->next = before;
    } else {
        const struct parquet_group *g = parquet_reader_group(self->reader, group);
        buf_release(&self->next.bytes);
        self->now.group = NONE;
        TRY(block_fetch(self, &self->now, g->offset, g->bytes, err));
        self->now.group = group;
    }
    self->next.group = NONE;
    return begin_next(self, group, err);
}

/* ---- the Parquet reader's input ---- */

static RC read_tail(struct ahead *self, struct error *err)
{
    int64_t bytes = self->file_bytes < TAIL_BYTES ? self->file_bytes : TAIL_BYTES;
    TRY(block_fetch(self, &self->tail, self->file_bytes - bytes, bytes, err));
    self->tail.group = 0;
    return RC_OK;
}

static RC ahead_read(void *context, int64_t offset, void *into, size_t bytes, struct error *err)
{
    struct ahead *self = context;
    if (self->tail.group == NONE)
        TRY(read_tail(self, err));
    if (block_serve(&self->now, offset, into, bytes) || block_serve(&self->tail, offset, into, bytes))
        return RC_OK;
    int group = self->reader != NULL ? group_of(self, offset) : NONE;
    if (group != NONE && group != self->now.group && fits(self, group, self->options.memory_bytes)) {
        TRY(group_take(self, group, err));
        if (block_serve(&self->now, offset, into, bytes))
            return RC_OK;
    }
    return store_get_range(self->store, self->key, offset, into, bytes, err);
}

static void ahead_close(void *context)
{
    struct ahead *self = context;
    worker_free(self->worker);
    buf_release(&self->tail.bytes);
    buf_release(&self->now.bytes);
    buf_release(&self->next.bytes);
    free(self);
}

RC ahead_open(struct store *store, const char *key, int64_t bytes, const struct schema *schema,
              struct ahead_options options, struct batch_reader **ret, struct error *err)
{
    struct ahead *self = xcalloc(1, sizeof(*self));
    struct parquet_reader *reader;
    *self = (struct ahead){.store = store, .key = key, .file_bytes = bytes, .options = options};
    self->tail.group = self->now.group = self->next.group = NONE;
    self->worker = worker_new(options.threads ? 1 : 0, fetch_next, self);
    const struct parquet_input input = {.bytes = bytes, .read = ahead_read, .close = ahead_close, .context = self};
    if (parquet_reader_open(&input, schema, &reader, err) != RC_OK) {
        ahead_close(self);
        return err->rc;
    }
    self->reader = reader;
    *ret = parquet_reader_batches(reader);
    return RC_OK;
}

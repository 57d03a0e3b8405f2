#include "data/parquet/writer.h"

#include <assert.h>
#include <stdlib.h>

#include "data/parquet/footer.h"

struct parquet_writer {
    const struct schema *schema;
    struct parquet_options options;
    struct parquet_sink sink;
    struct page_maker maker;
    struct column_writer *columns;
    struct footer_writer footer;
    int64_t rows, raw_bytes, bytes;
    int64_t group_rows;
    size_t group_raw_bytes;
    bool is_over; /* ended or failed */
};

static const enum codec_id codecs[] = {
    [PARQUET_ZSTD] = CODEC_ZSTD, [PARQUET_SNAPPY] = CODEC_SNAPPY,     [PARQUET_LZ4] = CODEC_LZ4,
    [PARQUET_GZIP] = CODEC_GZIP, [PARQUET_UNCOMPRESSED] = CODEC_NONE,
};

struct parquet_writer *parquet_writer_new(const struct schema *schema, const struct parquet_options *options,
                                          struct parquet_sink sink)
{
    struct parquet_writer *self = xcalloc(1, sizeof(*self));
    *self = (struct parquet_writer){.schema = schema, .options = *options, .sink = sink};
    if (self->options.row_group_bytes == 0)
        self->options.row_group_bytes = PARQUET_ROW_GROUP_BYTES;
    if (self->options.page_bytes == 0)
        self->options.page_bytes = PARQUET_PAGE_BYTES;
    assert(self->options.page_bytes <= PARQUET_PAGE_BYTES_MAX);
    self->maker = (struct page_maker){.compressor = compressor_new(codecs[options->compression], options->level),
                                      .page_bytes = self->options.page_bytes};
    profile_of(options->profile, &self->maker.profile);
    if (options->encodings != 0)
        self->maker.profile.encodings = options->encodings;
    self->columns = xcalloc((size_t)schema->count, sizeof(*self->columns));
    for (int i = 0; i < schema->count; i++)
        column_writer_init(&self->columns[i], &schema->fields[i], &self->maker.profile);
    return self;
}

void parquet_writer_free(struct parquet_writer *self)
{
    if (self == NULL)
        return;
    for (int i = 0; i < self->schema->count; i++)
        column_writer_release(&self->columns[i]);
    free(self->columns);
    buf_release(&self->footer.groups);
    buf_release(&self->maker.levels);
    buf_release(&self->maker.encoded);
    buf_release(&self->maker.scratch);
    dense_room_release(&self->maker.room);
    compressor_free(self->maker.compressor);
    free(self);
}

static RC sink_write(struct parquet_writer *self, struct str bytes, struct error *err)
{
    TRY(self->sink.write(self->sink.context, bytes, err));
    self->bytes += (int64_t)bytes.len;
    return RC_OK;
}

static RC magic_write(struct parquet_writer *self, struct error *err)
{
    return self->bytes == 0 ? sink_write(self, S(PARQUET_MAGIC), err) : RC_OK;
}

/* A block is given back as soon as it is written. */
static RC blocks_write(struct parquet_writer *self, struct page_blocks *blocks, struct error *err)
{
    for (struct page_block *block; (block = STAILQ_FIRST(blocks)) != NULL;) {
        TRY(sink_write(self, page_sealed(block), err));
        STAILQ_REMOVE_HEAD(blocks, next);
        free(block);
    }
    return RC_OK;
}

static RC group_write(struct parquet_writer *self, struct error *err)
{
    if (self->group_rows == 0)
        return RC_OK;
    TRY(magic_write(self, err));
    int64_t offset = self->bytes;
    for (int i = 0; i < self->schema->count; i++) {
        column_writer_finish(&self->columns[i], &self->maker);
        TRY(blocks_write(self, &self->columns[i].blocks, err));
    }
    footer_add_group(&self->footer, self->columns, self->schema->count, self->group_rows, offset);
    for (int i = 0; i < self->schema->count; i++)
        column_writer_reset(&self->columns[i]);
    self->group_rows = 0;
    self->group_raw_bytes = 0;
    return RC_OK;
}

static int64_t held_bytes(const struct parquet_writer *self)
{
    int64_t held = 0;
    for (int i = 0; i < self->schema->count; i++)
        held += column_writer_held_bytes(&self->columns[i]);
    return held;
}

static RC batch_add(struct parquet_writer *self, const struct batch *batch, struct error *err)
{
    for (int i = 0; i < self->schema->count; i++)
        TRY(column_writer_add(&self->columns[i], &self->maker, batch->array.children[i], err));
    self->rows += batch->rows;
    self->raw_bytes += (int64_t)batch->bytes;
    self->group_rows += batch->rows;
    self->group_raw_bytes += batch->bytes;
    size_t limit = self->options.row_group_bytes;
    return self->group_raw_bytes >= limit || (size_t)held_bytes(self) >= limit ? group_write(self, err) : RC_OK;
}

RC parquet_writer_add(struct parquet_writer *self, const struct batch *batch, struct error *err)
{
    assert(!self->is_over && (batch->schema == self->schema || schema_equal(batch->schema, self->schema)));
    enum rc rc = batch_add(self, batch, err);
    self->is_over = rc != RC_OK;
    return rc;
}

RC parquet_writer_end(struct parquet_writer *self, struct error *err)
{
    assert(!self->is_over);
    self->is_over = true;
    TRY(group_write(self, err));
    TRY(magic_write(self, err));
    AUTO_RELEASE(buf) footer = {0};
    footer_write(&self->footer, self->schema, &self->maker.profile, self->options.pairs, self->options.pair_count,
                 &footer);
    return sink_write(self, buf_str(&footer), err);
}

static int64_t file_bytes(const struct parquet_writer *self)
{
    int64_t bytes = self->bytes + (int64_t)self->footer.groups.len;
    for (int i = 0; i < self->schema->count; i++)
        bytes += column_writer_file_bytes(&self->columns[i]);
    return bytes;
}

struct parquet_written parquet_writer_written(const struct parquet_writer *self)
{
    return (struct parquet_written){
        .rows = self->rows,
        .row_groups = self->footer.group_count,
        .raw_bytes = self->raw_bytes,
        .bytes = self->bytes,
        .file_bytes = self->is_over ? self->bytes : file_bytes(self),
    };
}

#include "parquet.h"

#include "data/parquet/writer.h"
#include "fuzz.h"

/* A run of a few bytes may stand for billions of rows. */
enum { ROWS_MAX = 20000, BYTES_MAX = 4 << 20 };

static RC input_read(void *context, int64_t offset, void *into, size_t bytes, struct error *err)
{
    const struct str *file = context;
    assert(offset >= 0 && (uint64_t)offset <= file->len && bytes <= file->len - (size_t)offset);
    if (bytes > 0)
        memcpy(into, file->at + offset, bytes);
    return RC_OK;
}

static RC sink_write(void *context, struct str bytes, struct error *err)
{
    buf_add_str(context, bytes);
    return RC_OK;
}

static uint64_t mix(uint64_t sum, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static uint64_t mix_value(uint64_t sum, const struct batch *batch, int column, int64_t row)
{
    const struct field *field = &batch->schema->fields[column];
    const char *values = batch->array.children[column]->buffers[1];
    int width = 8;
    if (batch_is_null(batch, column, row)) {
        assert(field->nullable);
        return mix(sum, "null", 4);
    }
    switch (field->type) {
    case TYPE_BOOL: return mix(sum, batch_bool(batch, column, row) ? "yes" : "no", 2);
    case TYPE_UTF8:
    case TYPE_BINARY: {
        struct str text = batch_bytes(batch, column, row);
        return mix(mix(sum, &text.len, sizeof(text.len)), text.at, text.len);
    }
    case TYPE_INT16: width = 2; break;
    case TYPE_INT32:
    case TYPE_FLOAT:
    case TYPE_DATE: width = 4; break;
    case TYPE_DECIMAL: width = 16; break;
    default: break;
    }
    return mix(sum, values + row * width, (size_t)width);
}

struct reading {
    struct parquet_reader *reader;
    int64_t rows;
    size_t bytes;
    uint64_t sum;
    bool is_whole;
};

static RC read_all(struct reading *self, struct parquet_writer *copy, struct error *err)
{
    struct batch_reader *batches = parquet_reader_batches(self->reader);
    for (const struct batch *batch; self->rows < ROWS_MAX && self->bytes < BYTES_MAX;) {
        TRY(batch_reader_next(batches, &batch, err));
        self->is_whole = batch == NULL;
        if (batch == NULL)
            return RC_OK;
        for (int64_t row = 0; row < batch->rows; row++) {
            for (int column = 0; column < batch->schema->count; column++)
                self->sum = mix_value(self->sum, batch, column, row);
        }
        self->rows += batch->rows;
        self->bytes += batch->bytes;
        if (copy != NULL)
            TRY(parquet_writer_add(copy, batch, err));
    }
    return RC_OK;
}

static RC read_file(struct str *file, struct reading *self, struct buf *copy, struct error *err)
{
    struct parquet_input input = {.bytes = (int64_t)file->len, .read = input_read, .context = file};
    TRY(parquet_reader_open(&input, NULL, &self->reader, err));
    AUTO(parquet_reader) *reader = self->reader;
    if (copy == NULL)
        return read_all(self, NULL, err);
    struct parquet_sink sink = {sink_write, copy};
    AUTO(parquet_writer) *writer =
        parquet_writer_new(parquet_reader_schema(reader), &(struct parquet_options){.page_bytes = 1000}, sink);
    TRY(read_all(self, writer, err));
    if (self->is_whole) {
        assert(self->rows == parquet_reader_rows(reader));
        TRY(parquet_writer_end(writer, err));
    }
    return RC_OK;
}

void fuzz_parquet_read(struct str file)
{
    AUTO_RELEASE(buf) copy = {0};
    struct error err = {0};
    struct reading first = {0}, second = {0};
    enum rc rc = read_file(&file, &first, &copy, &err);
    fuzz_check(rc, &err);
    if (rc != RC_OK || !first.is_whole)
        return;
    struct str written = buf_str(&copy);
    rc = read_file(&written, &second, NULL, &err);
    assert(rc == RC_OK && second.is_whole && second.rows == first.rows && second.sum == first.sum);
}

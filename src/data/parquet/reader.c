#include "data/parquet/reader.h"

#include <stdlib.h>

#include "data/parquet/column_reader.h"

enum {
    WINDOWS_BYTES = 8 << 20, /* shared out among the columns */
    WINDOW_BYTES_MIN = 16 << 10,
    WINDOW_BYTES_MAX = 1 << 20,
    KEPT_BYTES = 2 * BATCH_BYTES,
    FILE_BYTES_MIN = 2 * PARQUET_MAGIC_BYTES + 4,
};

struct parquet_reader {
    struct batch_reader base;
    struct parquet_input input;
    struct footer footer;
    struct schema *schema; /* of the batches */
    struct decompressor *decompressor;
    struct column_reader *readers;
    struct column *columns;
    int group;          /* the next one */
    int64_t group_rows; /* not yet taken of the one before */
    size_t row_bytes;   /* what the fixed parts of one row count */
    struct batch batch;
};

static RC tail_read(const struct parquet_input *input, int64_t *ret_footer_bytes, struct error *err)
{
    char tail[PARQUET_TAIL_BYTES];
    uint32_t bytes;
    if (input->bytes < FILE_BYTES_MIN)
        return fail(err, RC_DATA, "the file has %lld bytes, too few for a Parquet file", (long long)input->bytes);
    TRY(input->read(input->context, input->bytes - PARQUET_TAIL_BYTES, tail, sizeof(tail), err));
    if (memcmp(tail + 4, PARQUET_MAGIC_ENCRYPTED, PARQUET_MAGIC_BYTES) == 0)
        return fail(err, RC_DATA, "the file is encrypted, which is not read");
    if (memcmp(tail + 4, PARQUET_MAGIC, PARQUET_MAGIC_BYTES) != 0)
        return fail(err, RC_DATA, "the file does not end as a Parquet file does: it is none, or it was cut short");
    memcpy(&bytes, tail, sizeof(bytes));
    if (bytes > input->bytes - FILE_BYTES_MIN)
        return fail(err, RC_DATA, "the footer's length is %u bytes, the file's %lld", bytes, (long long)input->bytes);
    *ret_footer_bytes = bytes;
    return RC_OK;
}

static RC head_check(const struct parquet_input *input, struct error *err)
{
    char head[PARQUET_MAGIC_BYTES];
    TRY(input->read(input->context, 0, head, sizeof(head), err));
    if (memcmp(head, PARQUET_MAGIC, PARQUET_MAGIC_BYTES) != 0)
        return fail(err, RC_DATA, "the file does not begin as a Parquet file does");
    return RC_OK;
}

static RC footer_open(const struct parquet_input *input, struct footer *ret, struct error *err)
{
    int64_t bytes = 0;
    TRY(tail_read(input, &bytes, err));
    TRY(head_check(input, err));
    int64_t offset = input->bytes - PARQUET_TAIL_BYTES - bytes;
    AUTO_RELEASE(buf) footer = {.max = UINT32_MAX};
    buf_reserve(&footer, (size_t)bytes);
    footer.len = (size_t)bytes;
    TRY(input->read(input->context, offset, footer.at, (size_t)bytes, err));
    return footer_read(buf_str(&footer), offset, ret, err);
}

/* The file's field as the waybill means it: timestamps may rest in a finer unit, times rest as plain integers. */
static bool field_matches(const struct field *expected, const struct field *found, struct storage *storage)
{
    if (field_same_type(expected, found))
        return true;
    if (expected->type == TYPE_TIME && found->type == TYPE_INT64)
        return true;
    bool is_finer = expected->type == TYPE_TIMESTAMP && found->type == TYPE_TIMESTAMP && expected->unit < found->unit &&
                    found->utc == expected->utc;
    if (is_finer)
        storage->multiplier *= unit_ratio(expected->unit, found->unit);
    return is_finer;
}

static RC schema_match(struct footer *footer, const struct schema *expected, struct error *err)
{
    for (int i = 0; i < expected->count || i < footer->schema->count; i++) {
        if (i >= footer->schema->count)
            return fail(err, RC_DATA, "the file lacks column %d, '%s'", i + 1, expected->fields[i].name);
        const struct field *found = &footer->schema->fields[i];
        if (i >= expected->count)
            return fail(err, RC_DATA, "the file has a column %d, '%s', that should not be there", i + 1, found->name);
        const struct field *field = &expected->fields[i];
        if (!text_eq(field->name, found->name))
            return fail(err, RC_DATA, "column %d of the file is '%s', it should be '%s'", i + 1, found->name,
                        field->name);
        char is[FORMAT_TEXT], should[FORMAT_TEXT];
        if (field_matches(field, found, &footer->storages[i]))
            continue;
        field_type_name(found, is);
        field_type_name(field, should);
        return fail(err, RC_DATA, "column '%s' of the file is %s, it should be %s", found->name, is, should);
    }
    return RC_OK;
}

static size_t window_bytes(int columns)
{
    size_t share = WINDOWS_BYTES / (size_t)(columns > 0 ? columns : 1);
    return share < WINDOW_BYTES_MIN ? WINDOW_BYTES_MIN : share > WINDOW_BYTES_MAX ? WINDOW_BYTES_MAX : share;
}

static void columns_init(struct parquet_reader *self)
{
    int count = self->schema->count;
    self->readers = xcalloc((size_t)count, sizeof(*self->readers));
    self->columns = xcalloc((size_t)count, sizeof(*self->columns));
    for (int i = 0; i < count; i++) {
        const struct field *field = &self->schema->fields[i];
        self->readers[i].pages = (struct page_reader){
            .input = &self->input, .decompressor = self->decompressor, .window_bytes = window_bytes(count)};
        column_reader_init(&self->readers[i], field, &self->footer.storages[i]);
        column_init(&self->columns[i], field->type);
        self->row_bytes += column_fixed_bytes(field->type);
    }
    self->batch.schema = self->schema;
    batch_array_init(&self->batch.array, self->columns, count);
}

static void group_open(struct parquet_reader *self)
{
    int i = self->group++;
    self->group_rows = self->footer.groups[i].rows;
    for (int column = 0; column < self->schema->count; column++)
        column_reader_open(&self->readers[column], &self->footer.chunks[i][column], self->group_rows);
}

static RC in_column(const struct parquet_reader *self, int column, struct error *err)
{
    return fail_in(err, "row group %d, column '%s'", self->group, self->schema->fields[column].name);
}

/* How many rows the next batch has, at most: no more than the row group has left, and no text beyond its current page.
 */
static RC rows_at_hand(struct parquet_reader *self, int64_t *ret, struct error *err)
{
    int64_t rows = self->group_rows < BATCH_ROWS_MAX ? self->group_rows : BATCH_ROWS_MAX;
    int64_t affordable = BATCH_BYTES / (int64_t)(self->row_bytes + 1) + 1;
    rows = rows < affordable ? rows : affordable;
    for (int i = 0; i < self->schema->count; i++) {
        if (!column_is_text(&self->columns[i]))
            continue;
        if (column_reader_need_page(&self->readers[i], err) != RC_OK)
            return in_column(self, i, err);
        rows = rows < self->readers[i].page.rows ? rows : self->readers[i].page.rows;
    }
    *ret = rows;
    return RC_OK;
}

static size_t batch_text_bytes(const struct parquet_reader *self, int64_t rows)
{
    size_t bytes = 0;
    for (int i = 0; i < self->schema->count; i++)
        bytes += column_is_text(&self->columns[i]) ? column_reader_text_bytes(&self->readers[i], rows) : 0;
    return bytes;
}

static size_t batch_text_bound(const struct parquet_reader *self, int64_t rows)
{
    size_t bytes = 0;
    for (int i = 0; i < self->schema->count; i++)
        bytes += column_is_text(&self->columns[i]) ? column_reader_text_bound(&self->readers[i], rows) : 0;
    return bytes;
}

/* Halved until it is no larger than a batch may be, or a single row. */
static RC batch_rows(struct parquet_reader *self, int64_t *ret, struct error *err)
{
    int64_t rows = 0;
    TRY(rows_at_hand(self, &rows, err));
    *ret = rows;
    if ((size_t)rows * self->row_bytes + batch_text_bound(self, rows) <= BATCH_BYTES)
        return RC_OK;
    while (rows > 1 && (size_t)rows * self->row_bytes + batch_text_bytes(self, rows) > BATCH_BYTES)
        rows /= 2;
    *ret = rows;
    return RC_OK;
}

/* Text memory of the last batch is kept as long as it is no more than two batches'. */
static void columns_reset(struct parquet_reader *self, int64_t rows)
{
    size_t kept = 0;
    for (int i = 0; i < self->schema->count; i++) {
        struct column *column = &self->columns[i];
        column_reserve(column, rows);
        column_reset(column);
        kept += column->data.size;
        if (kept <= KEPT_BYTES)
            continue;
        kept -= column->data.size;
        buf_release(&column->data);
    }
}

static RC batch_fill(struct parquet_reader *self, struct error *err)
{
    int64_t rows = 0;
    TRY(batch_rows(self, &rows, err));
    columns_reset(self, rows);
    self->batch.bytes = (size_t)rows * self->row_bytes;
    for (int i = 0; i < self->schema->count; i++) {
        if (column_reader_take(&self->readers[i], rows, &self->columns[i], err) != RC_OK)
            return in_column(self, i, err);
        self->batch.bytes += self->columns[i].data.len;
    }
    self->group_rows -= rows;
    self->batch.rows = rows;
    batch_array_point(&self->batch.array, self->columns, rows);
    return RC_OK;
}

static RC reader_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct parquet_reader *self = (struct parquet_reader *)base;
    while (self->group_rows == 0 && self->group < self->footer.group_count)
        group_open(self);
    if (self->group_rows == 0) {
        *ret = NULL;
        return RC_OK;
    }
    TRY(batch_fill(self, err));
    *ret = &self->batch;
    return RC_OK;
}

static void reader_free(struct batch_reader *base) { parquet_reader_free((struct parquet_reader *)base); }

static const struct batch_reader_ops reader_ops = {.next = reader_next, .free = reader_free};

RC parquet_reader_open(const struct parquet_input *input, const struct schema *expected, struct parquet_reader **ret,
                       struct error *err)
{
    struct footer footer;
    TRY(footer_open(input, &footer, err));
    enum rc rc = expected != NULL ? schema_match(&footer, expected, err) : RC_OK;
    if (rc != RC_OK) {
        footer_release(&footer);
        return rc;
    }
    struct parquet_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct parquet_reader){.base = {.ops = &reader_ops}, .input = *input, .footer = footer};
    self->schema = schema_copy(expected != NULL ? expected : footer.schema);
    self->decompressor = decompressor_new();
    columns_init(self);
    *ret = self;
    return RC_OK;
}

void parquet_reader_free(struct parquet_reader *self)
{
    if (self == NULL)
        return;
    batch_array_release(&self->batch.array);
    for (int i = 0; i < self->schema->count; i++) {
        column_reader_release(&self->readers[i]);
        column_release(&self->columns[i]);
    }
    free(self->readers);
    free(self->columns);
    decompressor_free(self->decompressor);
    footer_release(&self->footer);
    schema_free(self->schema);
    if (self->input.close != NULL)
        self->input.close(self->input.context);
    free(self);
}

const struct schema *parquet_reader_schema(const struct parquet_reader *self) { return self->schema; }
int64_t parquet_reader_rows(const struct parquet_reader *self) { return self->footer.rows; }
int parquet_reader_group_count(const struct parquet_reader *self) { return self->footer.group_count; }
const struct parquet_group *parquet_reader_group(const struct parquet_reader *self, int i)
{
    return &self->footer.groups[i];
}
struct batch_reader *parquet_reader_batches(struct parquet_reader *self) { return &self->base; }

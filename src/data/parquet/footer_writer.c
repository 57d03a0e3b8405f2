#include "data/parquet/footer.h"

enum { ORDINAL_MAX = INT16_MAX };

static void encodings_write(struct thrift_writer *w, unsigned encodings)
{
    thrift_put_list(w, 2, THRIFT_I32, __builtin_popcount(encodings));
    for (int encoding = 0; encodings >> encoding != 0; encoding++) {
        if ((encodings >> encoding & 1) != 0)
            thrift_item_int(w, encoding);
    }
}

static void chunk_write(struct thrift_writer *w, const struct column_writer *column, int64_t offset)
{
    thrift_item_struct(w);
    thrift_put_int(w, 2, THRIFT_I64, 0); /* there is no copy of this outside the footer */
    thrift_put_struct(w, 3);
    thrift_put_int(w, 1, THRIFT_I32, column->storage.physical);
    encodings_write(w, column->encodings | (column->storage.optional ? 1u << ENCODING_RLE : 0)); /* RLE: the levels */
    thrift_put_list(w, 3, THRIFT_BINARY, 1);
    thrift_item_bytes(w, str(column->field->name));
    thrift_put_int(w, 4, THRIFT_I32, column->codec);
    thrift_put_int(w, 5, THRIFT_I64, column->rows);
    thrift_put_int(w, 6, THRIFT_I64, column->blocks_raw_bytes);
    thrift_put_int(w, 7, THRIFT_I64, column->blocks_bytes);
    thrift_put_int(w, 9, THRIFT_I64, offset + column->dictionary_bytes);
    if (column->dictionary_bytes > 0)
        thrift_put_int(w, 11, THRIFT_I64, offset);
    statistics_write(&column->statistics, column->field, &column->storage, w, 12);
    thrift_end(w);
    thrift_end(w);
}

void footer_add_group(struct footer_writer *self, const struct column_writer *columns, int count, int64_t rows,
                      int64_t offset)
{
    struct thrift_writer w = THRIFT_WRITER(&self->groups);
    int64_t raw_bytes = 0, bytes = 0;
    thrift_item_struct(&w);
    thrift_put_list(&w, 1, THRIFT_STRUCT, count);
    for (int i = 0; i < count; i++) {
        chunk_write(&w, &columns[i], offset + bytes);
        raw_bytes += columns[i].blocks_raw_bytes;
        bytes += columns[i].blocks_bytes;
    }
    thrift_put_int(&w, 2, THRIFT_I64, raw_bytes);
    thrift_put_int(&w, 3, THRIFT_I64, rows);
    thrift_put_int(&w, 5, THRIFT_I64, offset);
    thrift_put_int(&w, 6, THRIFT_I64, bytes);
    if (self->group_count <= ORDINAL_MAX)
        thrift_put_int(&w, 7, THRIFT_I16, self->group_count);
    thrift_end(&w);
    self->group_count++;
    self->rows += rows;
}

static void schema_write(struct thrift_writer *w, const struct schema *schema, const struct profile *profile)
{
    thrift_put_list(w, 2, THRIFT_STRUCT, schema->count + 1);
    thrift_item_struct(w);
    thrift_put_bytes(w, 4, S("schema"));
    thrift_put_int(w, 5, THRIFT_I32, schema->count);
    thrift_end(w);
    for (int i = 0; i < schema->count; i++) {
        struct storage storage;
        storage_of(&schema->fields[i], profile, &storage);
        storage_write(&schema->fields[i], &storage, w);
    }
}

static void pairs_write(struct thrift_writer *w, const struct parquet_pair *pairs, int count)
{
    if (count == 0)
        return;
    thrift_put_list(w, 5, THRIFT_STRUCT, count);
    for (int i = 0; i < count; i++) {
        thrift_item_struct(w);
        thrift_put_bytes(w, 1, str(pairs[i].key));
        thrift_put_bytes(w, 2, str(pairs[i].value));
        thrift_end(w);
    }
}

/* Without it bounds have no meaning: every column is in the order of its type. */
static void orders_write(struct thrift_writer *w, int count)
{
    enum { TYPE_ORDER = 1 };
    thrift_put_list(w, 7, THRIFT_STRUCT, count);
    for (int i = 0; i < count; i++) {
        thrift_item_struct(w);
        thrift_put_struct(w, TYPE_ORDER);
        thrift_end(w);
        thrift_end(w);
    }
}

void footer_write(const struct footer_writer *self, const struct schema *schema, const struct profile *profile,
                  const struct parquet_pair *pairs, int pair_count, struct buf *out)
{
    size_t start = out->len;
    struct thrift_writer w = THRIFT_WRITER(out);
    thrift_put_int(&w, 1, THRIFT_I32, 1);
    schema_write(&w, schema, profile);
    thrift_put_int(&w, 3, THRIFT_I64, self->rows);
    thrift_put_list(&w, 4, THRIFT_STRUCT, self->group_count);
    buf_add_str(out, buf_str(&self->groups));
    pairs_write(&w, pairs, pair_count);
    thrift_put_bytes(&w, 6, S("waybill version " WAYBILL_VERSION));
    orders_write(&w, schema->count);
    thrift_end(&w);
    uint32_t bytes = (uint32_t)(out->len - start);
    buf_add(out, &bytes, sizeof(bytes));
    buf_add_str(out, S(PARQUET_MAGIC));
}

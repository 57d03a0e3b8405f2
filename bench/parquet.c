/* What encoding and decoding a row of Parquet takes of one core, beside what nobody can go below: copying the columns'
 * bytes, and compressing them as they are.
 *
 *     bench/parquet [ROWS [ROUNDS]]
 *     bench/parquet codecs [ROWS]      cost and size of every profile and compression
 *     bench/parquet unique [ROWS]      what it costs to find out that a dictionary does not pay
 *
 * The table is the one of the measurements (lineitem_row.h), made in memory: keys, sorted and random integers,
 * decimals, flags, dates, short texts of few values, a comment, a timestamp. The file is kept in memory. Times are CPU
 * time of this thread, the median of the rounds, which are interleaved. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zstd.h>

#include "data/fingerprint.h"
#include "data/parquet/reader.h"
#include "data/parquet/writer.h"
#include "lineitem_row.h"

enum { ROWS = 1000000, ROUNDS = 5, BATCHES_MAX = 1024 };

static const struct {
    const char *name, *format;
} columns[] = {
    {"id", "l"},           {"orderkey", "l"},      {"partkey", "l"},      {"suppkey", "i"},
    {"linenumber", "i"},   {"quantity", "d:15,2"}, {"price", "d:15,2"},   {"discount", "d:15,2"},
    {"tax", "d:15,2"},     {"returnflag", "u"},    {"linestatus", "u"},   {"shipdate", "tdD"},
    {"commitdate", "tdD"}, {"receiptdate", "tdD"}, {"shipinstruct", "u"}, {"shipmode", "u"},
    {"comment", "u"},      {"updated_at", "tsu:"},
};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

static struct schema *table_schema(void)
{
    struct schema *schema = schema_new();
    for (int i = 0; i < COLUMNS; i++) {
        struct field field = {.name = columns[i].name, .nullable = i > 0, .source_type = ""};
        if (!field_parse_format(columns[i].format, &field))
            abort();
        schema_add(schema, &field);
    }
    return schema;
}

static void add_row(struct batch_builder *b, const struct lineitem *row)
{
    builder_int64(b, 0, row->id);
    builder_int64(b, 1, row->order);
    builder_int64(b, 2, row->part);
    builder_int32(b, 3, (int32_t)row->supplier);
    builder_int32(b, 4, (int32_t)row->line);
    builder_decimal(b, 5, row->quantity);
    builder_decimal(b, 6, row->price);
    builder_decimal(b, 7, row->discount);
    builder_decimal(b, 8, row->tax);
    builder_bytes(b, 9, str(row->return_flag));
    builder_bytes(b, 10, str(row->status));
    builder_date(b, 11, (int32_t)row->shipped);
    builder_date(b, 12, (int32_t)row->committed);
    builder_date(b, 13, (int32_t)row->received);
    builder_bytes(b, 14, str(row->instruction));
    builder_bytes(b, 15, str(row->mode));
    builder_bytes(b, 16, (struct str){row->comment, row->comment_len});
    builder_int64(b, 17, row->updated_us);
    builder_end_row(b);
}

struct table {
    struct schema *schema;
    int count;
    int64_t rows;
    size_t bytes;
    struct batch_builder *builders[BATCHES_MAX];
    const struct batch *batches[BATCHES_MAX];
};

static void table_make(struct table *self, int64_t rows)
{
    struct lineitems all;
    struct lineitem row;
    lineitem_start(&all);
    self->schema = table_schema();
    self->rows = rows;
    for (int64_t id = 1; id <= rows; self->count++) {
        struct batch_builder *b = self->builders[self->count] = batch_builder_new(self->schema);
        for (; id <= rows && !builder_is_full(b); id++) {
            lineitem_next(&all, &row);
            add_row(b, &row);
        }
        self->batches[self->count] = builder_finish(b);
        self->bytes += self->batches[self->count]->bytes;
    }
    free(pool);
}

static void table_free(struct table *self)
{
    for (int i = 0; i < self->count; i++)
        batch_builder_free(self->builders[i]);
    schema_free(self->schema);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- what is measured; each returns the bytes it made ---- */

static RC keep(void *context, struct str bytes, struct error *err)
{
    buf_add_str(context, bytes);
    return RC_OK;
}

static void give_up(const struct error *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

static void encode(const struct table *table, const struct parquet_options *options, struct buf *file)
{
    struct error err;
    AUTO(parquet_writer) *writer = parquet_writer_new(table->schema, options, (struct parquet_sink){keep, file});
    buf_reset(file);
    for (int i = 0; i < table->count; i++) {
        if (parquet_writer_add(writer, table->batches[i], &err) != RC_OK)
            give_up(&err);
    }
    if (parquet_writer_end(writer, &err) != RC_OK)
        give_up(&err);
}

static RC file_read(void *context, int64_t offset, void *into, size_t bytes, struct error *err)
{
    memcpy(into, ((struct buf *)context)->at + offset, bytes);
    return RC_OK;
}

static void decode(const struct table *table, struct buf *file)
{
    struct error err;
    struct parquet_input input = {.bytes = (int64_t)file->len, .read = file_read, .context = file};
    AUTO(parquet_reader) *reader = NULL;
    const struct batch *batch = NULL;
    int64_t rows = 0;
    if (parquet_reader_open(&input, table->schema, &reader, &err) != RC_OK)
        give_up(&err);
    do {
        if (batch_reader_next(parquet_reader_batches(reader), &batch, &err) != RC_OK)
            give_up(&err);
        rows += batch != NULL ? batch->rows : 0;
    } while (batch != NULL);
    if (rows != table->rows)
        abort();
}

static void fingerprint(const struct table *table)
{
    AUTO_RELEASE(fingerprint) of;
    fingerprint_init(&of, table->schema);
    for (int i = 0; i < table->count; i++)
        fingerprint_add(&of, table->batches[i]);
    if (of.rows != table->rows)
        abort();
}

/* The columns' bytes one behind the other: 149 a row. */
static size_t copy(const struct table *table, char *into)
{
    char *to = into;
    for (int i = 0; i < table->count; i++) {
        const struct batch *batch = table->batches[i];
        for (int column = 0; column < COLUMNS; column++) {
            const void *const *buffers = batch->array.children[column]->buffers;
            enum type type = table->schema->fields[column].type;
            size_t bytes = (size_t)batch->rows * column_fixed_bytes(type);
            memcpy(to, buffers[1], bytes);
            to += bytes;
            if (type != TYPE_UTF8)
                continue;
            bytes = (size_t)((const int32_t *)buffers[1])[batch->rows];
            memcpy(to, buffers[2], bytes);
            to += bytes;
        }
    }
    return (size_t)(to - into);
}

static size_t compress(ZSTD_CCtx *context, const char *from, size_t bytes, char *into, size_t room)
{
    enum { PIECE = 1 << 20 };
    size_t made = 0;
    for (size_t at = 0; at < bytes; at += PIECE)
        made += ZSTD_compressCCtx(context, into, room, from + at, bytes - at < PIECE ? bytes - at : PIECE, 1);
    return made;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { COPY, COMPRESS, ENCODE, DECODE, FINGERPRINT, MEASURES };

static void report(double seconds[MEASURES][ROUNDS], int rounds, const struct table *table,
                   const size_t bytes[MEASURES])
{
    static const char *const names[] = {"memcpy of the columns", "zstd-1 of that", "encode", "decode", "fingerprint"};
    static const double marks[] = {0, 0, 0.30, 0.15, 0.05};
    for (int i = 0; i < MEASURES; i++) {
        qsort(seconds[i], (size_t)rounds, sizeof(double), by_size);
        double us = seconds[i][rounds / 2] * 1e6 / (double)table->rows;
        printf("%-24s %6.3f us/row  %7.1f bytes/row", names[i], us, (double)bytes[i] / (double)table->rows);
        if (marks[i] > 0)
            printf("  at most %.2f: %s", marks[i], us <= marks[i] ? "holds" : "DOES NOT HOLD");
        putchar('\n');
    }
}

/* ---- profiles and compressions ---- */

static double encode_us(const struct table *table, const struct parquet_options *options, struct buf *file)
{
    double start = cpu_seconds();
    encode(table, options, file);
    return (cpu_seconds() - start) * 1e6 / (double)table->rows;
}

static void measure_codecs(const struct table *table, struct buf *file)
{
    static const char *const profiles[] = {"default", "redshift", "modern"};
    static const struct {
        const char *name;
        enum parquet_compression compression;
        int level;
    } codecs[] = {{"zstd-1", PARQUET_ZSTD, 1}, {"zstd-3", PARQUET_ZSTD, 3}, {"snappy", PARQUET_SNAPPY, 0},
                  {"lz4", PARQUET_LZ4, 0},     {"gzip-1", PARQUET_GZIP, 1}, {"none", PARQUET_UNCOMPRESSED, 0}};
    for (int profile = 0; profile <= PARQUET_MODERN; profile++) {
        for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++) {
            struct parquet_options options = {.profile = (enum parquet_profile)profile,
                                              .compression = codecs[i].compression,
                                              .level = codecs[i].level};
            double us = encode_us(table, &options, file);
            printf("%-9s %-7s %6.3f us/row  %7.2f MB\n", profiles[profile], codecs[i].name, us,
                   (double)file->len / 1e6);
        }
    }
}

/* ---- columns without a value twice ---- */

static void measure_unique(int64_t rows, struct buf *file)
{
    enum { TIMES = 5 };
    struct table table = {.schema = schema_new(), .rows = rows};
    schema_add(table.schema, &(struct field){.name = "number", .type = TYPE_INT64});
    schema_add(table.schema, &(struct field){.name = "real", .type = TYPE_DOUBLE});
    schema_add(table.schema, &(struct field){.name = "text", .type = TYPE_UTF8});
    for (int64_t row = 0; row < rows && table.count < BATCHES_MAX; table.count++) {
        struct batch_builder *b = table.builders[table.count] = batch_builder_new(table.schema);
        for (; row < rows && !builder_is_full(b); row++) {
            char text[32];
            builder_int64(b, 0, (int64_t)chance());
            builder_double(b, 1, (double)(chance() >> 11));
            builder_bytes(
                b, 2,
                (struct str){text, (size_t)snprintf(text, sizeof(text), "%016llx", (unsigned long long)chance())});
            builder_end_row(b);
        }
        table.batches[table.count] = builder_finish(b);
    }
    double with[TIMES], without[TIMES];
    for (int i = 0; i < TIMES; i++) {
        with[i] = encode_us(&table, &(struct parquet_options){.compression = PARQUET_UNCOMPRESSED}, file);
        without[i] =
            encode_us(&table,
                      &(struct parquet_options){.compression = PARQUET_UNCOMPRESSED,
                                                .encodings = PARQUET_ENCODINGS & ~(PARQUET_DICTIONARY | PARQUET_SPLIT)},
                      file);
    }
    qsort(with, TIMES, sizeof(double), by_size);
    qsort(without, TIMES, sizeof(double), by_size);
    printf("three unique columns     %6.3f us/row, %.3f without a dictionary in sight\n", with[TIMES / 2],
           without[TIMES / 2]);
    table_free(&table);
}

int main(int argc, char **argv)
{
    static struct table table;
    double seconds[MEASURES][ROUNDS];
    AUTO_RELEASE(buf) file = {.max = UINT32_MAX};
    int64_t rows = ROWS, rounds = ROUNDS;
    bool is_codecs = argc > 1 && text_eq(argv[1], "codecs"), is_unique = argc > 1 && text_eq(argv[1], "unique");
    int first = is_codecs || is_unique ? 2 : 1;
    if ((argc > first && !str_to_int64(str(argv[first]), &rows)) || rows < 1 || rounds > ROUNDS ||
        (argc > first + 1 && (first == 2 || !str_to_int64(str(argv[2]), &rounds))) || rounds < 1) {
        fprintf(stderr, "usage: %s [ROWS [ROUNDS up to %d]] | codecs [ROWS] | unique [ROWS]\n", argv[0], ROUNDS);
        return 2;
    }
    if (is_unique) {
        measure_unique(rows, &file);
        return 0;
    }
    table_make(&table, rows);
    if (is_codecs) {
        measure_codecs(&table, &file);
        table_free(&table);
        return 0;
    }
    char *plain = xcalloc(table.bytes, 1);
    size_t room = ZSTD_compressBound(1 << 20), bytes[MEASURES];
    char *packed = xcalloc(room, 1);
    ZSTD_CCtx *context = ZSTD_createCCtx();
    for (int64_t round = 0; round < rounds; round++) {
        double start = cpu_seconds(), at[MEASURES];
        bytes[COPY] = copy(&table, plain);
        at[COPY] = cpu_seconds();
        bytes[COMPRESS] = compress(context, plain, bytes[COPY], packed, room);
        at[COMPRESS] = cpu_seconds();
        encode(&table, &(struct parquet_options){0}, &file);
        at[ENCODE] = cpu_seconds();
        decode(&table, &file);
        at[DECODE] = cpu_seconds();
        fingerprint(&table);
        at[FINGERPRINT] = cpu_seconds();
        bytes[ENCODE] = bytes[DECODE] = file.len;
        bytes[FINGERPRINT] = bytes[COPY];
        for (int i = 0; i < MEASURES; i++, start = at[i - 1])
            seconds[i][round] = at[i] - start;
    }
    report(seconds, (int)rounds, &table, bytes);
    ZSTD_freeCCtx(context);
    table_free(&table);
    free(plain);
    free(packed);
    return 0;
}

/* What encoding and decoding a row of Parquet takes of one core, beside what nobody can go below: copying the columns'
 * bytes, and compressing them as they are.
 *
 *     bench/parquet [ROWS [ROUNDS]]
 *
 * The table has the 18 columns of a line item, made in memory: keys, sorted and random integers, decimals, flags,
 * dates, short texts of few values, a comment, a timestamp. The file is kept in memory. Times are CPU time of this
 * thread, the median of the rounds, which are interleaved. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zstd.h>

#include "data/fingerprint.h"
#include "data/parquet/reader.h"
#include "data/parquet/writer.h"

enum { ROWS = 1000000, ROUNDS = 5, BATCHES_MAX = 1024, POOL_BYTES = 4 << 20 };

static uint64_t state[2] = {0x9E3779B97F4A7C15u, 0xD1B54A32D192ED03u};

static uint64_t chance(void)
{
    uint64_t a = state[0], b = state[1];
    state[0] = b;
    a ^= a << 23;
    state[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
    return state[1] + b;
}

static int64_t between(int64_t low, int64_t high) { return low + (int64_t)(chance() % (uint64_t)(high - low + 1)); }

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

/* Text of which comments are cut out: words that come again, as in real ones. */
static char *comments_new(void)
{
    static const char *const words[] = {
        "foxes",     "ideas",     "theodolites", "pinto beans",  "instructions", "sleep",     "wake",
        "cajole",    "haggle",    "nag",         "furious",      "careful",      "blithe",    "quickly",
        "slyly",     "about the", "above",       "according to", "against",      "packages.", "requests,",
        "accounts;", "deposits",  "final",       "ironic",       "special",      "regular"};
    char *pool = xcalloc(POOL_BYTES + 64, 1);
    for (size_t at = 0; at < POOL_BYTES;) {
        const char *word = words[chance() % (sizeof(words) / sizeof(*words))];
        size_t len = strlen(word);
        memcpy(pool + at, word, len);
        pool[at + len] = ' ';
        at += len + 1;
    }
    return pool;
}

struct order {
    int64_t number, line, lines, day;
};

static void add_order(struct batch_builder *b, int64_t id, struct order *order)
{
    if (order->line >= order->lines)
        *order = (struct order){order->number + 1, 0, between(1, 7), between(8035, 8035 + 2405)};
    order->line++;
    builder_int64(b, 0, id);
    builder_int64(b, 1, (order->number >> 3 << 5) | (order->number & 7));
    int64_t part = between(1, 100000), quantity = between(1, 50);
    builder_int64(b, 2, part);
    builder_int32(b, 3, (int32_t)between(1, 5000));
    builder_int32(b, 4, (int32_t)order->line);
    builder_decimal(b, 5, quantity * 100);
    builder_decimal(b, 6, quantity * (90000 + (part / 10) % 20001 + 100 * (part % 1000)));
    builder_decimal(b, 7, between(0, 10));
    builder_decimal(b, 8, between(0, 8));
}

static void add_row(struct batch_builder *b, int64_t id, struct order *order, const char *pool)
{
    static const char *const instructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"};
    static const char *const modes[] = {"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"};
    add_order(b, id, order);
    int64_t shipped = order->day + between(1, 121), received = shipped + between(1, 30);
    builder_bytes(b, 9, received > 9298 ? S("N") : chance() % 2 ? S("R") : S("A"));
    builder_bytes(b, 10, shipped > 9298 ? S("O") : S("F"));
    builder_date(b, 11, (int32_t)shipped);
    builder_date(b, 12, (int32_t)(order->day + between(30, 90)));
    builder_date(b, 13, (int32_t)received);
    builder_bytes(b, 14, str(instructions[chance() % 4]));
    builder_bytes(b, 15, str(modes[chance() % 7]));
    builder_bytes(b, 16, (struct str){pool + chance() % POOL_BYTES, (size_t)between(10, 43)});
    builder_int64(b, 17, 19723 * INT64_C(86400000000) + id * 10000000 + between(0, 3600000000));
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
    struct order order = {0, 0, 0, 0};
    char *pool = comments_new();
    self->schema = table_schema();
    self->rows = rows;
    for (int64_t id = 1; id <= rows; self->count++) {
        struct batch_builder *b = self->builders[self->count] = batch_builder_new(self->schema);
        for (; id <= rows && !builder_is_full(b); id++)
            add_row(b, id, &order, pool);
        self->batches[self->count] = builder_finish(b);
        self->bytes += self->batches[self->count]->bytes;
    }
    free(pool);
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

static void encode(const struct table *table, struct buf *file)
{
    struct error err;
    AUTO(parquet_writer) *writer =
        parquet_writer_new(table->schema, &(struct parquet_options){0}, (struct parquet_sink){keep, file});
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

int main(int argc, char **argv)
{
    static struct table table;
    double seconds[MEASURES][ROUNDS];
    AUTO_RELEASE(buf) file = {.max = UINT32_MAX};
    int64_t rows = ROWS, rounds = ROUNDS;
    if ((argc > 1 && !str_to_int64(str(argv[1]), &rows)) || (argc > 2 && !str_to_int64(str(argv[2]), &rounds)) ||
        rows < 1 || rounds < 1 || rounds > ROUNDS) {
        fprintf(stderr, "usage: %s [ROWS [ROUNDS up to %d]]\n", argv[0], ROUNDS);
        return 2;
    }
    table_make(&table, rows);
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
        encode(&table, &file);
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
    for (int i = 0; i < table.count; i++)
        batch_builder_free(table.builders[i]);
    ZSTD_freeCCtx(context);
    schema_free(table.schema);
    free(plain);
    free(packed);
    return 0;
}

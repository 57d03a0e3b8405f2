/* The answer to a prepared statement in MySQL's binary protocol: packets, definitions of columns, rows, the end. The
 * input: flags, a kind per column, and packets: either as they come, or each behind two bytes of its length, so that
 * headers and numbers are right.
 *
 * Parser: src/connect/mysql/decode_row.c src/connect/mysql/decode_parts.h
 * Parser: src/connect/mysql/wire.c:fill,take_header,wire_gather,wire_fail_malformed
 * Parser: src/connect/mysql/statement.c:number_at,statement_read_head,statement_look
 * Bytes: 1024 */
#include "connect/mysql/decode_row.h"
#include "fuzz.h"
#include "world/world_clock.h"

enum { COLUMNS_MAX_HERE = 4 };

static const struct kind {
    const char *format;
    enum decode decode;
} kinds[] = {{"s", DECODE_INTEGER},      {"i", DECODE_INTEGER},  {"l", DECODE_INTEGER},     {"d:10,2", DECODE_DECIMAL},
             {"d:20,0", DECODE_DECIMAL}, {"f", DECODE_REAL},     {"g", DECODE_REAL},        {"l", DECODE_BITS},
             {"tdD", DECODE_DATE},       {"tsm:", DECODE_STAMP}, {"tsu:UTC", DECODE_STAMP}, {"tss:", DECODE_STAMP},
             {"tDu", DECODE_TIME},       {"u", DECODE_TEXT},     {"u", DECODE_ENUM},        {"z", DECODE_BYTES}};

struct table {
    struct schema *schema;
    struct row_column columns[COLUMNS_MAX_HERE];
    struct decoding decodings[COLUMNS_MAX_HERE];
    int count;
};

static void plan_table(struct fuzz *in, struct table *ret)
{
    *ret = (struct table){.schema = schema_new(), .count = fuzz_choice(in, COLUMNS_MAX_HERE) + 1};
    for (int i = 0; i < ret->count; i++) {
        uint8_t choice = fuzz_byte(in);
        const struct kind *kind = &kinds[(choice & 0x3F) % (sizeof(kinds) / sizeof(*kinds))];
        char name[] = {(char)('a' + i), '\0'};
        struct field field = {.name = name, .source_type = "", .nullable = true};
        bool is_known = field_parse_format(kind->format, &field);
        assert(is_known);
        schema_add(ret->schema, &field);
        ret->decodings[i] =
            (struct decoding){.kind = kind->decode, .type = field.type, .unit = field.unit, .scale = field.scale};
        ret->columns[i] = (struct row_column){.nullable = (choice & 0x40) != 0, .zero_is_null = (choice & 0x80) != 0};
    }
}

static void frame(struct fuzz *in, struct buf *out)
{
    for (uint8_t number = 1; in->left > 0; number++) {
        struct str packet = fuzz_take(in, fuzz_number(in, 2) & 0x3FF);
        uint32_t header = (uint32_t)packet.len | (uint32_t)number << 24;
        buf_add(out, &header, sizeof(header));
        buf_add_str(out, packet);
    }
}

static RC read_rows(struct statement *statement, struct table *table, struct error *err)
{
    AUTO(batch_builder) *builder = batch_builder_new(table->schema);
    bool is_refused = false, is_row = true;
    int64_t zero_dates = 0;
    TRY(statement_read_head(statement, &is_refused, err));
    if (is_refused || statement->column_count != table->count)
        return RC_OK;
    for (int i = 0; i < table->count; i++) {
        if (!row_column_plan(&table->columns[i], &table->decodings[i], &statement->columns[i]))
            return RC_OK;
    }
    for (struct str row;;) {
        int column = -1;
        TRY(statement_next(statement, &is_row, &row, err));
        if (!is_row)
            return RC_OK;
        enum row_result result = row_put(table->columns, table->count, row, builder, &column, &zero_dates);
        if (result == ROW_MALFORMED)
            return wire_fail_malformed(&statement->wire, err);
        if (result == ROW_MISFIT) {
            assert(column >= 0 && column < table->count);
            return RC_OK;
        }
        const struct batch *batch = builder_finish(builder);
        assert(batch->rows == 1);
        for (int i = 0; i < table->count; i++) {
            bool is_null = batch_is_null(batch, i, 0);
            assert(!is_null || table->columns[i].nullable || table->columns[i].zero_is_null);
            bool is_text = table->decodings[i].kind == DECODE_TEXT || table->decodings[i].kind == DECODE_ENUM;
            assert(is_null || !is_text || str_is_utf8(batch_bytes(batch, i, 0)));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    struct world_clock clock;
    struct error err = {0};
    struct table table;
    AUTO_RELEASE(buf) stream = {0};
    AUTO_RELEASE(statement) statement;
    world_clock_init(&clock, 1000000, 1);
    const struct opening with = {.clock = &clock.clock};
    const struct mysql_settings settings = {.name = "shop", .read_ms = 5000, .with = &with};
    struct mysql_session session = {.settings = &settings};
    uint8_t flags = fuzz_byte(&in);
    plan_table(&in, &table);
    if ((flags & 1) != 0)
        frame(&in, &stream);
    else
        buf_add_str(&stream, fuzz_rest(&in));
    statement_init_bytes(&statement, &session, buf_str(&stream));
    statement.ends_with_ok = (flags & 2) != 0;
    enum rc rc = read_rows(&statement, &table, &err);
    fuzz_check(rc, &err);
    schema_free(table.schema);
    return 0;
}

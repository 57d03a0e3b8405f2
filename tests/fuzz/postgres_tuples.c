/* Rows of a binary COPY out, as a server might send them: columns of any kind, bytes of any kind.
 *
 * Parser: src/connect/postgres/tuples.c
 * Bytes: 2048 */
#include "connect/postgres/tuples.h"
#include "fuzz.h"

enum { COLUMNS = 4, PIECES = 2 };

static const struct field fields[] = {
    {.name = "flag", .type = TYPE_BOOL, .nullable = true},
    {.name = "small", .type = TYPE_INT16, .nullable = true},
    {.name = "number", .type = TYPE_INT32},
    {.name = "oid", .type = TYPE_INT64, .nullable = true},
    {.name = "large", .type = TYPE_INT64, .nullable = true},
    {.name = "single", .type = TYPE_FLOAT, .nullable = true},
    {.name = "real", .type = TYPE_DOUBLE, .nullable = true},
    {.name = "price", .type = TYPE_DECIMAL, .precision = 38, .scale = 5, .nullable = true},
    {.name = "text", .type = TYPE_UTF8, .nullable = true},
    {.name = "document", .type = TYPE_UTF8, .nullable = true},
    {.name = "uuid", .type = TYPE_UTF8, .nullable = true},
    {.name = "bytes", .type = TYPE_BINARY, .nullable = true},
    {.name = "day", .type = TYPE_DATE, .nullable = true},
    {.name = "seconds", .type = TYPE_TIMESTAMP, .unit = UNIT_SECOND, .nullable = true},
    {.name = "at", .type = TYPE_TIMESTAMP, .unit = UNIT_MICRO, .utc = true, .nullable = true},
    {.name = "time", .type = TYPE_TIME, .nullable = true},
};
static const enum wire wires[] = {WIRE_BOOL,   WIRE_INT2,      WIRE_INT4,      WIRE_INT4,  WIRE_INT8, WIRE_FLOAT4,
                                  WIRE_FLOAT8, WIRE_NUMERIC,   WIRE_TEXT,      WIRE_JSONB, WIRE_UUID, WIRE_BYTES,
                                  WIRE_DATE,   WIRE_TIMESTAMP, WIRE_TIMESTAMP, WIRE_TIME};
enum { KINDS = sizeof(wires) / sizeof(wires[0]), OID = 3 };

static void check_batch(const struct batch *batch)
{
    for (int64_t row = 0; row < batch->rows; row++) {
        for (int i = 0; i < COLUMNS; i++) {
            const struct field *field = &batch->schema->fields[i];
            if (batch_is_null(batch, i, row)) {
                assert(field->nullable);
            } else if (field->type == TYPE_DECIMAL) {
                __int128 limit = 1, value = batch_decimal(batch, i, row);
                for (int digit = 0; digit < field->precision; digit++)
                    limit *= 10;
                assert(value < limit && value > -limit);
            } else if (field->type == TYPE_UTF8) {
                assert(str_is_utf8(batch_bytes(batch, i, row)));
            }
        }
    }
}

/* Some pieces, one behind the other in memory of their own. */
static uint8_t *take_pieces(struct fuzz *fuzz, bool is_first, struct str pieces[PIECES], int *ret_count)
{
    AUTO_RELEASE(buf) all = {0};
    int count = 0;
    for (; count < PIECES && fuzz->left > 0; count++) {
        struct str piece = fuzz_take(fuzz, fuzz_byte(fuzz)), whole = piece;
        bool has_head = is_first && count == 0 && tuple_head_skip(&piece);
        assert(!has_head || piece.len < whole.len);
        buf_add_str(&all, piece);
        pieces[count].len = piece.len;
    }
    uint8_t *copy = fuzz_copy(buf_str(&all), 0);
    const char *at = (const char *)copy;
    for (int i = 0; i < count; at += pieces[i++].len)
        pieces[i].at = at;
    *ret_count = count;
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz fuzz = {bytes, size};
    struct tuple_column columns[COLUMNS];
    AUTO(schema) *schema = schema_new();
    int column = 0;
    for (int i = 0; i < COLUMNS; i++) {
        int kind = fuzz_choice(&fuzz, KINDS);
        struct field field = fields[kind];
        char name[] = {(char)('a' + i), '\0'};
        field.name = name;
        schema_add(schema, &field);
        columns[i] = (struct tuple_column){
            .wire = wires[kind], .is_unsigned = kind == OID, .may_be_no_utf8 = field.type == TYPE_UTF8};
    }
    for (int i = 0; i < COLUMNS; i++)
        columns[i].field = &schema->fields[i];
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    enum tuple taken = TUPLE_ROW;
    for (bool is_first = true; fuzz.left > 0 && taken == TUPLE_ROW; is_first = false) {
        struct str pieces[PIECES];
        int count, rows = 0;
        uint8_t *copy = take_pieces(&fuzz, is_first, pieces, &count);
        taken = tuples_take(columns, COLUMNS, pieces, count, builder, &rows, &column);
        assert(taken != TUPLE_MISFIT || (column >= 0 && column < COLUMNS));
        assert(taken == TUPLE_ROW ? rows == count : rows < count);
        free(copy);
    }
    if (taken == TUPLE_ROW || taken == TUPLE_END)
        check_batch(builder_finish(builder));
    return 0;
}

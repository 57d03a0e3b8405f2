/* Values as MySQL's text protocol writes them, into a batch; numbers are compared with what the C library makes of
 * them. The input: a column, whether the decoder may read on to the row's end, and values, one per line.
 *
 * Parser: src/connect/mysql/decode.c
 * Bytes: 512 */
#include <stdio.h>

#include "connect/mysql/decode.h"
#include "fuzz.h"

static const struct kind {
    const char *format;
    enum decode decode;
} kinds[] = {
    {"s", DECODE_INTEGER},      {"i", DECODE_INTEGER},       {"l", DECODE_INTEGER},       {"d:10,2", DECODE_DECIMAL},
    {"d:38,0", DECODE_DECIMAL}, {"d:38,30", DECODE_DECIMAL}, {"d:18,18", DECODE_DECIMAL}, {"f", DECODE_REAL},
    {"g", DECODE_REAL},         {"l", DECODE_BITS},          {"d:20,0", DECODE_BITS},     {"tdD", DECODE_DATE},
    {"tss:", DECODE_STAMP},     {"tsm:", DECODE_STAMP},      {"tsu:UTC", DECODE_STAMP},   {"tDu", DECODE_TIME},
    {"u", DECODE_TEXT},         {"u", DECODE_ENUM},          {"z", DECODE_BYTES}};

/* The digits of a decimal without its point and leading zeros, as decode_put must have understood them. */
static void check_decimal(__int128 unscaled, struct str value)
{
    char digits[64], expected[64];
    size_t used = sizeof(digits), len = 0;
    bool negative = unscaled < 0;
    unsigned __int128 left = negative ? -(unsigned __int128)unscaled : (unsigned __int128)unscaled;
    digits[--used] = '\0';
    for (; left > 0; left /= 10)
        digits[--used] = (char)('0' + (int)(left % 10));
    for (size_t i = 0; i < value.len; i++) {
        bool is_digit = value.at[i] >= '0' && value.at[i] <= '9';
        assert(is_digit || value.at[i] == '.' || (value.at[i] == '-' && i == 0));
        if (is_digit && (len > 0 || value.at[i] != '0')) {
            assert(len + 1 < sizeof(expected));
            expected[len++] = value.at[i];
        }
    }
    expected[len] = '\0';
    assert(strcmp(digits + used, expected) == 0);
}

static void check_value(const struct decoding *decoding, const struct batch *batch, int64_t row, struct str value)
{
    char *text = fuzz_text(value);
    switch (decoding->kind) {
    case DECODE_INTEGER: assert(batch_integer(batch, 0, row) == strtoll(text, NULL, 10)); break;
    case DECODE_DECIMAL: check_decimal(batch_decimal(batch, 0, row), value); break;
    case DECODE_REAL:
        assert(decoding->type == TYPE_FLOAT ? (double)batch_float(batch, 0, row) == strtod(text, NULL)
                                            : batch_double(batch, 0, row) == strtod(text, NULL));
        break;
    case DECODE_TEXT:
    case DECODE_ENUM: assert(str_is_utf8(batch_bytes(batch, 0, row)));
    /* fall through */
    case DECODE_BYTES: assert(str_eq(batch_bytes(batch, 0, row), value)); break;
    default: break;
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    const struct kind *kind = &kinds[fuzz_choice(&in, sizeof(kinds) / sizeof(*kinds))];
    bool to_row_end = fuzz_choice(&in, 2) == 1;
    struct field field = {.name = "c", .source_type = ""};
    bool is_known = field_parse_format(kind->format, &field);
    assert(is_known);
    AUTO(schema) *schema = schema_new();
    schema_add(schema, &field);
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    struct decoding decoding = {.kind = kind->decode, .type = field.type, .unit = field.unit, .scale = field.scale};
    struct str rest = fuzz_rest(&in), taken[64];
    uint8_t *row = fuzz_copy(rest, 0);
    int count = 0;
    for (struct fuzz values = {row, rest.len}; values.left > 0 && count < 64;) {
        struct str value = fuzz_until(&values, '\n');
        uint8_t *alone = to_row_end ? NULL : fuzz_copy(value, 0);
        struct str given = alone != NULL ? (struct str){(const char *)alone, value.len} : value;
        const char *end = alone != NULL ? given.at + given.len : (const char *)row + rest.len;
        (void)decode_is_zero_date(&decoding, given);
        const struct whole_rows to = builder_whole_rows(builder);
        if (decode_put(&decoding, given, end, &to.columns[0], to.number)) {
            builder_end_whole_rows(builder, 1, column_is_text(&to.columns[0]) ? given.len : 0);
            taken[count++] = value;
        }
        free(alone);
    }
    const struct batch *batch = builder_finish(builder);
    assert(batch->rows == count);
    for (int i = 0; i < count; i++)
        check_value(&decoding, batch, i, taken[i]);
    free(row);
    return 0;
}

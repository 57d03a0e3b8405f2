/* What becomes of columns between source and stage: another type, a hash, a mask, another name. The input: how many
 * columns, and of each its type, what is wished for and a name; then values, one per line, row after row.
 *
 * Parser: src/data/shaping.c src/data/shaping_reader.c src/data/text.c
 * Bytes: 512 */
#include "data/shaping.h"

#include "data/text.h"
#include "fuzz.h"

enum { COLUMNS = 3, ROWS = 8 };
static const char *const formats[] = {"u", "z",      "l",   "b",   "g",    "f",      "i",
                                      "s", "d:10,2", "tdD", "tDu", "tss:", "tsu:UTC"};
static const char *const as_words[] = {NULL, NULL, "text", "binary", "bool", "int64", "double", "decimal(9,3)"};

/* ---- rows of a source ---- */

struct rows {
    struct batch_reader base;
    const struct batch *batch;
    bool is_given;
};

static RC rows_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct rows *self = (struct rows *)base;
    *ret = self->is_given ? NULL : self->batch;
    self->is_given = true;
    return RC_OK;
}

static void rows_free(struct batch_reader *base) {}

static const struct batch_reader_ops rows_ops = {.next = rows_next, .free = rows_free};

/* A text as it is where it may be one; of a number its first bytes. */
static void put(struct batch_builder *builder, int column, const struct field *field, struct str value)
{
    __int128 number = 0;
    memcpy(&number, value.at, value.len < 9 ? value.len : 9);
    switch (field->type) {
    case TYPE_UTF8: builder_bytes(builder, column, str_is_utf8(value) ? value : S("\xC3\xA4")); break;
    case TYPE_BINARY: builder_bytes(builder, column, value); break;
    case TYPE_BOOL: builder_bool(builder, column, number & 1); break;
    case TYPE_INT16: builder_int16(builder, column, (int16_t)number); break;
    case TYPE_INT32: builder_int32(builder, column, (int32_t)number); break;
    case TYPE_DATE: builder_date(builder, column, (int32_t)number); break;
    case TYPE_FLOAT: builder_float(builder, column, (float)(int64_t)number / 8); break;
    case TYPE_DOUBLE: builder_double(builder, column, (double)(int64_t)number / 8); break;
    case TYPE_DECIMAL: builder_decimal(builder, column, number % 10000000000); break;
    case TYPE_INT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP: builder_int64(builder, column, (int64_t)number); break;
    }
}

static const struct batch *fill(struct fuzz *in, struct batch_builder *builder, const struct schema *schema)
{
    for (int row = 0; row < ROWS && in->left > 0; row++) {
        for (int i = 0; i < schema->count; i++) {
            struct str value = fuzz_until(in, '\n');
            if (str_eq(value, S("NULL")))
                builder_null(builder, i);
            else
                put(builder, i, &schema->fields[i], value);
        }
        builder_end_row(builder);
    }
    return builder_finish(builder);
}

/* ---- what came of it ---- */

static void check_value(const struct batch *was, int from, const struct batch *is, int column, int64_t row)
{
    char before[VALUE_TEXT], after[VALUE_TEXT];
    const struct field *field = &is->schema->fields[column];
    assert(batch_is_null(was, from, row) == batch_is_null(is, column, row));
    if (batch_is_null(was, from, row))
        return;
    struct str old = batch_text(was, from, row, before), now = batch_text(is, column, row, after);
    assert(field->type != TYPE_UTF8 || str_is_utf8(now));
    if (field->made == NULL && field_same_type(field, &was->schema->fields[from]))
        assert(str_eq(old, now));
    else if (text_eq(field->made, "mask full"))
        assert(str_eq(now, S("***")));
    else if (text_eq(field->made, "mask partial"))
        assert(now.len <= old.len && now.len >= old.len / 4);
    else if (field->made != NULL)
        assert(now.len == 64);
    if (field->type == TYPE_DECIMAL && field->precision == 9)
        assert(batch_decimal(is, column, row) < 1000000000 && batch_decimal(is, column, row) > -1000000000);
}

static void check_batch(const struct shaping *shaping, const struct batch *was, const struct batch *is)
{
    assert(is->rows == was->rows && is->schema == shaping_schema(shaping));
    for (int i = 0; i < is->schema->count; i++) {
        int from = shaping_from(shaping, i), back = shaping_column(shaping, from);
        assert(back == i || back == -1 || shaping_from(shaping, back) == from);
        for (int64_t row = 0; row < is->rows; row++)
            check_value(was, from, is, i, row);
    }
}

static void shape(const struct schema *schema, const struct column_wish *wishes, int count, const struct secret *key,
                  const struct batch *batch)
{
    AUTO(shaping) *shaping = NULL;
    struct error err = {0};
    enum rc rc = shaping_new("t", schema, wishes, count, key, &shaping, &err);
    fuzz_check(rc, &err);
    if (rc != RC_OK || shaping == NULL)
        return;
    AUTO(schema) *known = shaping_known(wishes, count, shaping_schema(shaping));
    assert(known->count <= schema->count);
    struct rows rows = {.base = {&rows_ops}, .batch = batch};
    AUTO(batch_reader) *reader = shaping_reader_new(shaping, &rows.base);
    for (const struct batch *shaped = batch; shaped != NULL;) {
        rc = batch_reader_next(reader, &shaped, &err);
        fuzz_check(rc, &err);
        if (rc != RC_OK)
            return;
        if (shaped != NULL)
            check_batch(shaping, batch, shaped);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const names[COLUMNS] = {"id", "note", "price"};
    struct fuzz in = {bytes, size};
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(secret) key = {0};
    AUTO(schema) *schema = schema_new();
    struct column_wish wishes[COLUMNS];
    uint8_t flags = fuzz_byte(&in);
    int count = 1 + flags % COLUMNS;
    if (flags & 0x80)
        secret_set(&key, S("hush"));
    for (int i = 0; i < count; i++) {
        struct field field = {.name = names[i], .nullable = true};
        bool is_known = field_parse_format(formats[fuzz_choice(&in, sizeof(formats) / sizeof(*formats))], &field);
        assert(is_known);
        schema_add(schema, &field);
        struct str as = fuzz_until(&in, '\n'), name = fuzz_until(&in, '\n');
        const char *word = as.len == 1 ? as_words[(uint8_t)as.at[0] % 8] : arena_str(&arena, as);
        word = word == NULL || as_is_known(word) ? word : NULL;
        wishes[i] = (struct column_wish){
            .column = flags & 0x40 && i == 2 ? "none" : names[i],
            .as = word,
            .name = name.len > 0 && name.at[0] != '\0' && str_is_utf8(name) ? arena_str(&arena, name) : NULL,
            .treatment = (enum treatment)fuzz_choice(&in, TREAT_MASK_PARTIAL + 1)};
        (void)as_of_source(word);
    }
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    shape(schema, wishes, count, &key, fill(&in, builder, schema));
    return 0;
}

#include "parquet_story.h"

#include <float.h>

void memory_file_release(struct memory_file *self) { buf_release(&self->bytes); }

static RC memory_write(void *context, struct str bytes, struct error *err)
{
    struct memory_file *self = context;
    if (++self->writes == self->fail_at)
        return fail(err, RC_UNAVAILABLE, "the sink is full");
    buf_add_str(&self->bytes, bytes);
    return RC_OK;
}

static RC memory_read(void *context, int64_t offset, void *into, size_t bytes, struct error *err)
{
    struct memory_file *self = context;
    if (++self->reads == self->fail_at)
        return fail(err, RC_UNAVAILABLE, "the file is away");
    assert_true(offset >= 0 && (size_t)offset + bytes <= self->bytes.len);
    self->read_bytes_max = bytes > self->read_bytes_max ? bytes : self->read_bytes_max;
    memcpy(into, self->bytes.at + offset, bytes);
    return RC_OK;
}

static void memory_close(void *context) { ((struct memory_file *)context)->closed++; }

struct parquet_sink memory_sink(struct memory_file *self) { return (struct parquet_sink){memory_write, self}; }

struct parquet_input memory_input(struct memory_file *self)
{
    return (struct parquet_input){
        .bytes = (int64_t)self->bytes.len, .read = memory_read, .close = memory_close, .context = self};
}

uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9E3779B97F4A7C15u + b; /* splitmix64 */
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

struct schema *schema_of_everything(void)
{
    static const char *const formats[] = {"b",    "l",       "g",      "u",      "z",      "tdD",    "tss:UTC",
                                          "tsm:", "tsu:",    "d:1,0",  "d:9,2",  "d:10,0", "s",      "i",
                                          "f",    "d:18,18", "d:19,0", "d:20,5", "d:28,3", "d:38,10"};
    struct schema *schema = schema_new();
    for (size_t i = 0; i < 2 * sizeof(formats) / sizeof(*formats); i++) {
        char name[32];
        struct field field = {.name = name, .nullable = i % 2 == 0, .source_type = "X"};
        assert_true(field_parse_format(formats[i / 2], &field));
        snprintf(name, sizeof(name), "%s_%zu", formats[i / 2], i);
        schema_add(schema, &field);
    }
    return schema;
}

static __int128 power_of_ten(int exponent)
{
    __int128 power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

static void number_range(const struct field *field, __int128 *ret_least, __int128 *ret_most)
{
    *ret_least = INT64_MIN;
    *ret_most = INT64_MAX;
    switch (field->type) {
    case TYPE_BOOL:
        *ret_least = 0;
        *ret_most = 1;
        break;
    case TYPE_INT16:
        *ret_least = INT16_MIN;
        *ret_most = INT16_MAX;
        break;
    case TYPE_INT32:
    case TYPE_DATE:
        *ret_least = INT32_MIN;
        *ret_most = INT32_MAX;
        break;
    case TYPE_TIMESTAMP:
        if (field->unit == UNIT_SECOND) {
            *ret_least = INT64_MIN / 1000;
            *ret_most = INT64_MAX / 1000;
        }
        break;
    case TYPE_DECIMAL:
        *ret_most = power_of_ten(field->precision) - 1;
        *ret_least = -*ret_most;
        break;
    default: break;
    }
}

static __int128 number_of(const struct field *field, uint64_t chance)
{
    __int128 least, most;
    number_range(field, &least, &most);
    switch (chance % 8) {
    case 0: return least;
    case 1: return most;
    case 2: return 0;
    case 3: return least + (__int128)(chance >> 8 & 1);
    default: break;
    }
    __int128 any = (__int128)((unsigned __int128)mix(chance, 1) << 64 | mix(chance, 2)) % (most + 1);
    return any < least ? -any : any;
}

static double real_of(uint64_t chance)
{
    static const double odd[] = {0.0, -0.0, DBL_MAX, -DBL_MAX, DBL_TRUE_MIN, DBL_EPSILON, __builtin_inf(), 0.1};
    double any;
    uint64_t bits = mix(chance, 3);
    memcpy(&any, &bits, sizeof(any)); /* NaNs are among them */
    return chance % 2 ? odd[(chance >> 8) % 8] : any;
}

static double float_of(uint64_t chance)
{
    static const float odd[] = {0.0F, -0.0F, FLT_MAX, -FLT_MAX, FLT_TRUE_MIN, FLT_EPSILON, __builtin_inff(), 0.1F};
    float any;
    uint32_t bits = (uint32_t)mix(chance, 3) & ~0x7F800000u; /* no NaN: a float becomes a double here and back */
    memcpy(&any, &bits, sizeof(any));
    return (double)(chance % 2 ? odd[(chance >> 8) % 8] : any);
}

static struct str text_of(enum type type, uint64_t chance, struct arena *arena)
{
    static const char *const pieces[] = {"a", "é", "€", "😀", "\xF4\x8F\xBF\xBF", "\x7F", "z", "\xEF\xBF\xBF"};
    size_t len = chance % 4 == 0 ? 0 : chance % 4 == 1 ? 1 : (chance >> 8) % 90;
    char *text = arena_take(arena, 4 * len + 1);
    struct buf out = {.at = text, .size = 4 * len + 1};
    for (size_t i = 0; i < len; i++) {
        uint64_t next = mix(chance, i);
        if (type == TYPE_BINARY)
            buf_add(&out, next % 3 ? (const char *)&next : "\xFF", 1);
        else if (next % 9 == 8)
            buf_add(&out, "\0", 1);
        else
            buf_add_str(&out, str(pieces[next % 8]));
    }
    return (struct str){text, out.len};
}

struct value story_value(const struct field *field, int64_t row, int column, struct arena *arena)
{
    uint64_t chance = mix((uint64_t)row, (uint64_t)column);
    bool quiet = row / 1000 % 3 == 1; /* thousand rows without a NULL */
    struct value value = {.null = field->nullable && !quiet && mix(chance, 4) % 5 == 0};
    if (value.null)
        return value;
    if (field->type == TYPE_DOUBLE)
        value.real = real_of(chance);
    else if (field->type == TYPE_FLOAT)
        value.real = float_of(chance);
    else if (field->type == TYPE_UTF8 || field->type == TYPE_BINARY)
        value.bytes = text_of(field->type, chance, arena);
    else
        value.number = number_of(field, chance);
    return value;
}

static bool value_same(const struct value *a, const struct value *b)
{
    if (a->null || b->null)
        return a->null == b->null;
    uint64_t a_bits, b_bits; /* so that NaNs are equal, and the two zeros are not */
    memcpy(&a_bits, &a->real, sizeof(a_bits));
    memcpy(&b_bits, &b->real, sizeof(b_bits));
    return a->number == b->number && a_bits == b_bits && str_eq(a->bytes, b->bytes);
}

static struct value value_at(const struct story *story, int64_t row, int column, struct arena *arena)
{
    const struct field *field = &story->schema->fields[column];
    return story->value != NULL ? story->value(field, row, column, arena) : story_value(field, row, column, arena);
}

void story_write(const struct story *story, struct memory_file *file)
{
    struct error err = {0};
    AUTO_RELEASE(arena) arena = {0};
    AUTO(batch_builder) *builder = batch_builder_new(story->schema);
    AUTO(parquet_writer) *writer = parquet_writer_new(story->schema, &story->options, memory_sink(file));
    for (int64_t row = 0; row < story->rows; row++, arena_reset(&arena)) {
        for (int i = 0; i < story->schema->count; i++) {
            struct value value = value_at(story, row, i, &arena);
            value_build(&value, &story->schema->fields[i], builder, i);
        }
        builder_end_row(builder);
        if (builder_is_full(builder) || builder_rows(builder) == story->batch_rows)
            assert_int_equal(parquet_writer_add(writer, builder_finish(builder), &err), RC_OK);
    }
    assert_int_equal(parquet_writer_add(writer, builder_finish(builder), &err), RC_OK);
    assert_int_equal(parquet_writer_end(writer, &err), RC_OK);
    struct parquet_written written = parquet_writer_written(writer);
    assert_true(written.rows == story->rows && written.bytes == (int64_t)file->bytes.len);
    assert_true(written.file_bytes == written.bytes);
}

static bool batch_same(const struct story *story, const struct batch *batch, int64_t first)
{
    AUTO_RELEASE(arena) arena = {0};
    size_t bytes = 0;
    bool same = true;
    for (int64_t row = 0; row < batch->rows; row++, arena_reset(&arena)) {
        for (int i = 0; i < story->schema->count; i++) {
            struct value is = value_of(batch, i, row, &arena);
            struct value should = value_at(story, first + row, i, &arena);
            same = same && value_same(&is, &should);
            bytes += is.bytes.len;
        }
    }
    assert_true(batch->rows > 0 && batch->rows <= BATCH_ROWS_MAX && batch->bytes >= bytes);
    assert_true(batch->bytes <= BATCH_BYTES || batch->rows == 1);
    return same;
}

enum rc story_read(const struct story *story, const struct schema *expected, struct memory_file *file,
                   struct error *err)
{
    struct parquet_input input = memory_input(file);
    AUTO(parquet_reader) *reader = NULL;
    TRY(parquet_reader_open(&input, expected, &reader, err));
    const struct batch *batch = NULL;
    int64_t rows = 0;
    bool same = true;
    for (;; rows += batch->rows) {
        TRY(batch_reader_next(parquet_reader_batches(reader), &batch, err));
        if (batch == NULL)
            break;
        assert_true(rows + batch->rows <= story->rows);
        same = same && batch_same(story, batch, rows);
    }
    assert_true(same);
    assert_int_equal(rows, story->rows);
    assert_int_equal(parquet_reader_rows(reader), story->rows);
    return RC_OK;
}

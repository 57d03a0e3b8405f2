/* A Parquet file that was cut, changed or made to deceive: RC_DATA, or the rows that were written. Never a stream of
 * other rows that ends well, a crash, or more memory than such a file can justify. */
#include "parquet_story.h"
#include "parquet_watch.h"

#include "data/parquet/format.h"
#include "data/parquet/thrift.h"

/* A few row groups of every type, some with several pages, in a few ten kilobytes. */
static struct story small_story(const struct schema *schema)
{
    return (struct story){
        .schema = schema, .rows = 60, .batch_rows = 20, .options = {.page_bytes = 300, .row_group_bytes = 1}};
}

/* Few values, and such that go up by little: dictionaries, runs and differences. */
static struct value calm_value(const struct field *field, int64_t row, int column, struct arena *arena)
{
    int64_t number = column % 2 ? row + column : (int64_t)(mix((uint64_t)row / 3, (uint64_t)column) % 3);
    struct value value = {.null = field->nullable && row % 5 == 2};
    if (value.null)
        return value;
    if (field->type == TYPE_FLOAT || field->type == TYPE_DOUBLE)
        value.real = (double)number;
    else if (field->type == TYPE_UTF8 || field->type == TYPE_BINARY)
        value.bytes = str(arena_print(arena, "the text of number %d", (int)number));
    else
        value.number = field->type == TYPE_BOOL || field->type == TYPE_DECIMAL ? number % 2 : number;
    return value;
}

static struct story calm_story(const struct schema *schema)
{
    return (struct story){.schema = schema, .rows = 300, .batch_rows = 100, .value = calm_value};
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    AUTO(schema) *schema = schema_of_everything();
    AUTO_RELEASE(memory_file) file = {0};
    struct story story = small_story(schema);
    story_write(&story, &file);
    size_t whole = file.bytes.len;
    for (size_t len = 0; len < whole; len++) {
        struct error err = {0};
        file.bytes.len = len;
        assert_int_equal(story_read(&story, schema, &file, &err), RC_DATA);
        assert_true(err.text[0] != '\0');
    }
    file.bytes.len = whole;
    struct error err = {0};
    assert_int_equal(story_read(&story, schema, &file, &err), RC_OK);
}

/* Half of them in the footer and the page headers before it, where bytes mean something. */
static size_t place_to_damage(uint64_t chance, size_t bytes)
{
    size_t tail = bytes / 4;
    return mix(chance, 1) % 2 ? mix(chance, 2) % bytes : bytes - 1 - mix(chance, 2) % tail;
}

static void damage(struct memory_file *file, const struct buf *whole, uint64_t seed)
{
    memcpy(file->bytes.at, whole->at, whole->len);
    for (uint64_t flip = 0; flip < 1 + seed % 3; flip++) {
        uint64_t chance = mix(seed, flip);
        size_t at = place_to_damage(chance, whole->len);
        file->bytes.at[at] = (char)(file->bytes.at[at] ^ 1 << mix(chance, 3) % 8);
    }
}

static void flip_bits_of(const struct story *story)
{
    AUTO_RELEASE(memory_file) file = {0};
    story_write(story, &file);
    AUTO_RELEASE(buf) whole = {0};
    buf_add_str(&whole, buf_str(&file.bytes));
    int refused = 0;
    allocated_most = 0;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct error err = {0};
        damage(&file, &whole, seed);
        enum rc rc = story_read(story, story->schema, &file, &err); /* compares every row */
        assert_true(rc == RC_OK || (rc == RC_DATA && err.text[0] != '\0'));
        refused += rc == RC_DATA;
    }
    assert_true(refused > 2200);
    assert_true(allocated_most < (1 << 20));
}

static void flipped_bits_never_become_other_rows(void **state)
{
    AUTO(schema) *schema = schema_of_everything();
    struct story small = small_story(schema), calm = calm_story(schema);
    flip_bits_of(&small);
    flip_bits_of(&calm);
}

/* Reads to the end, or to the first error, and looks at every byte of every value. */
static enum rc read_through(struct memory_file *file, const struct schema *schema, struct error *err)
{
    struct parquet_input input = memory_input(file);
    AUTO_RELEASE(arena) arena = {0};
    AUTO(parquet_reader) *reader = NULL;
    TRY(parquet_reader_open(&input, schema, &reader, err));
    for (const struct batch *batch = NULL;;) {
        TRY(batch_reader_next(parquet_reader_batches(reader), &batch, err));
        if (batch == NULL)
            return RC_OK;
        for (int64_t row = 0; row < batch->rows; row++, arena_reset(&arena)) {
            for (int i = 0; i < schema->count; i++)
                value_of(batch, i, row, &arena);
        }
    }
}

/* Only what the decoders are made of holds: no crash, and no memory that was not asked for with reason. */
static void damage_that_no_checksum_shows_is_an_error_or_other_values(void **state)
{
    AUTO(schema) *schema = schema_of_everything();
    struct story stories[] = {small_story(schema), calm_story(schema)};
    is_without_checksums = true;
    for (int i = 0; i < 2; i++) {
        AUTO_RELEASE(memory_file) file = {0};
        AUTO_RELEASE(buf) whole = {0};
        story_write(&stories[i], &file);
        buf_add_str(&whole, buf_str(&file.bytes));
        allocated_most = 0;
        for (uint64_t seed = 0; seed < 3000; seed++) {
            struct error err = {0};
            damage(&file, &whole, seed * 3 + 1);
            enum rc rc = read_through(&file, schema, &err);
            assert_true(rc == RC_OK || rc == RC_DATA);
        }
        assert_true(allocated_most < 4 << 20);
    }
    is_without_checksums = false;
}

static void random_bytes_in_the_place_of_the_footer_are_refused(void **state)
{
    for (uint64_t seed = 0; seed < 2000; seed++) {
        AUTO_RELEASE(memory_file) file = {0};
        AUTO(parquet_reader) *reader = NULL;
        struct error err = {0};
        uint32_t bytes = (uint32_t)(mix(seed, 0) % 200);
        buf_add_str(&file.bytes, S(PARQUET_MAGIC));
        for (uint64_t i = 0; i < bytes; i++)
            buf_add(&file.bytes, &(uint64_t){mix(seed, i + 1) % (seed % 2 ? 256 : 32)}, 1);
        buf_add(&file.bytes, &bytes, sizeof(bytes));
        buf_add_str(&file.bytes, S(PARQUET_MAGIC));
        struct parquet_input input = memory_input(&file);
        assert_int_equal(parquet_reader_open(&input, NULL, &reader, &err), RC_DATA);
    }
}

/* A file by hand: one column of int64, one row group, one page; every length and count can lie. */
struct lie {
    const char *says;
    int64_t file_rows, group_rows, values, chunk_offset, chunk_bytes, codec;
    int64_t page_type, raw_bytes, page_bytes, page_rows, encoding, levels_encoding;
    int64_t precision, groups, groups_said, empty_groups;
    bool optional, is_nested, is_twice;
};

static void page_write(const struct lie *lie, struct buf *out)
{
    struct thrift_writer w = THRIFT_WRITER(out);
    thrift_put_int(&w, 1, THRIFT_I32, lie->page_type);
    thrift_put_int(&w, 2, THRIFT_I32, lie->raw_bytes);
    thrift_put_int(&w, 3, THRIFT_I32, lie->page_bytes);
    thrift_put_struct(&w, 5);
    thrift_put_int(&w, 1, THRIFT_I32, lie->page_rows);
    thrift_put_int(&w, 2, THRIFT_I32, lie->encoding);
    thrift_put_int(&w, 3, THRIFT_I32, lie->levels_encoding);
    thrift_end(&w);
    thrift_end(&w);
    buf_add(out, (int64_t[2]){1, 2}, 16);
}

static void schema_write(const struct lie *lie, struct thrift_writer *w)
{
    int columns = lie->is_twice ? 2 : 1;
    thrift_put_list(w, 2, THRIFT_STRUCT, 1 + columns);
    thrift_item_struct(w);
    thrift_put_bytes(w, 4, S("schema"));
    thrift_put_int(w, 5, THRIFT_I32, columns);
    thrift_end(w);
    for (int i = 0; i < columns; i++) {
        thrift_item_struct(w);
        thrift_put_int(w, 1, THRIFT_I32, PHYSICAL_INT64);
        thrift_put_int(w, 3, THRIFT_I32, lie->optional ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
        thrift_put_bytes(w, 4, S("c"));
        if (lie->is_nested)
            thrift_put_int(w, 5, THRIFT_I32, 1);
        if (lie->precision != 0) {
            thrift_put_int(w, 6, THRIFT_I32, CONVERTED_DECIMAL);
            thrift_put_int(w, 8, THRIFT_I32, lie->precision);
        }
        thrift_end(w);
    }
}

static void group_write(const struct lie *lie, struct thrift_writer *w)
{
    thrift_item_struct(w);
    thrift_put_list(w, 1, THRIFT_STRUCT, 1);
    thrift_item_struct(w);
    thrift_put_struct(w, 3);
    thrift_put_int(w, 1, THRIFT_I32, PHYSICAL_INT64);
    thrift_put_int(w, 4, THRIFT_I32, lie->codec);
    thrift_put_int(w, 5, THRIFT_I64, lie->values);
    thrift_put_int(w, 6, THRIFT_I64, lie->chunk_bytes);
    thrift_put_int(w, 7, THRIFT_I64, lie->chunk_bytes);
    thrift_put_int(w, 9, THRIFT_I64, lie->chunk_offset);
    thrift_end(w);
    thrift_end(w);
    thrift_put_int(w, 2, THRIFT_I64, lie->chunk_bytes);
    thrift_put_int(w, 3, THRIFT_I64, lie->group_rows);
    thrift_end(w);
}

static void file_write(const struct lie *lie, struct buf *out)
{
    buf_add_str(out, S(PARQUET_MAGIC));
    page_write(lie, out);
    uint32_t start = (uint32_t)out->len;
    struct thrift_writer w = THRIFT_WRITER(out);
    thrift_put_int(&w, 1, THRIFT_I32, 1);
    schema_write(lie, &w);
    thrift_put_int(&w, 3, THRIFT_I64, lie->file_rows);
    thrift_put_list(&w, 4, THRIFT_STRUCT, lie->groups_said);
    for (int64_t i = 0; i < lie->groups; i++)
        group_write(lie, &w);
    for (int64_t i = 0; i < lie->empty_groups; i++)
        buf_add(out, "", 1);
    thrift_end(&w);
    uint32_t bytes = (uint32_t)out->len - start;
    buf_add(out, &bytes, sizeof(bytes));
    buf_add_str(out, S(PARQUET_MAGIC));
}

static enum rc file_read(struct memory_file *file, int64_t *ret_sum, struct error *err)
{
    struct parquet_input input = memory_input(file);
    AUTO(parquet_reader) *reader = NULL;
    TRY(parquet_reader_open(&input, NULL, &reader, err));
    for (const struct batch *batch = NULL;;) {
        TRY(batch_reader_next(parquet_reader_batches(reader), &batch, err));
        if (batch == NULL)
            return RC_OK;
        for (int64_t i = 0; i < batch->rows; i++)
            *ret_sum += batch_int64(batch, 0, i);
    }
}

/* The truth, with what follows instead. */
#define LIE(text, ...)                                                                                                 \
    {                                                                                                                  \
        .says = (text), .file_rows = 2, .group_rows = 2, .values = 2, .chunk_offset = 4, .chunk_bytes = 31,            \
        .raw_bytes = 16, .page_bytes = 16, .page_rows = 2, .groups = 1, .groups_said = 1,                              \
        .levels_encoding = ENCODING_RLE, __VA_ARGS__                                                                   \
    }

#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif
static const struct lie lies[] = {
    LIE(NULL, .codec = CODEC_NONE),
    LIE("the file says 3 rows, its row groups have 2", .file_rows = 3),
    LIE("the file says 2 rows, its row groups have 9223372036854775807", .group_rows = INT64_MAX, .values = INT64_MAX),
    LIE("column 'c' has 3 values, its row group 2 rows", .values = 3),
    LIE("its row group 2 rows", .values = -1),
    LIE("it has -2 rows", .group_rows = -2, .values = -2),
    LIE("are not inside the file", .chunk_offset = INT64_MAX),
    LIE("are not inside the file", .chunk_offset = 0),
    LIE("are not inside the file", .chunk_bytes = INT64_MAX),
    LIE("are not inside the file", .chunk_bytes = 100),
    LIE("the column chunk ends too early", .chunk_bytes = 10),
    LIE("its pages end before its rows do", .file_rows = 3, .group_rows = 3, .values = 3),
    LIE("more rows than are left of its row group", .file_rows = 1, .group_rows = 1, .values = 1),
    LIE("more rows than are left of its row group", .page_rows = INT32_MAX, .chunk_bytes = 35),
    LIE("its header is damaged", .page_rows = -1),
    LIE("its header is damaged", .raw_bytes = -1),
    LIE("its header is damaged", .page_type = 77),
    LIE("its header is damaged", .page_rows = (int64_t)1 << 40),
    LIE("it is an index page, which is not read", .page_type = PAGE_INDEX),
    LIE("its encoding is 4, which is not read of this type", .encoding = 4),
    LIE("its encoding is 6, which is not read of this type", .encoding = ENCODING_DELTA_LENGTH_BYTE_ARRAY),
    LIE("its values are damaged", .encoding = ENCODING_DELTA_BINARY_PACKED),
    LIE("its values are damaged", .encoding = ENCODING_RLE_DICTIONARY),
    LIE("more or fewer than its rows", .file_rows = 1, .group_rows = 1, .values = 1, .page_rows = 1),
    LIE("more or fewer than its rows", .file_rows = 3, .group_rows = 3, .values = 3, .page_rows = 3),
    LIE("its column chunk 16 more", .page_bytes = INT32_MAX, .raw_bytes = INT32_MAX, .chunk_bytes = 39),
    LIE("16 bytes become 2147483647", .raw_bytes = INT32_MAX, .chunk_bytes = 35),
    LIE("its bytes are no zstd frame", .codec = CODEC_ZSTD),
    LIE("compressed by brotli, which is not read", .codec = CODEC_BROTLI),
    LIE("the encoding of its levels is 4; only RLE (3) is read", .levels_encoding = 4, .optional = true),
    LIE("its levels are damaged", .optional = true),
    LIE("column 'c' is nested", .is_nested = true),
    LIE("column 'c' is a decimal(19,-1) of 8 bytes", .precision = 19), /* in 8 bytes */
    LIE("two column chunks overlap", .file_rows = 4, .groups = 2, .groups_said = 2),
    LIE("it ends too early", .groups_said = 3, .file_rows = 6),
    LIE("1000000 row groups do not fit into it", .groups_said = 1000000, .empty_groups = 999999),
    LIE("two columns with the name 'c'", .is_twice = true),
};

static void what_lies_about_its_lengths_and_counts_is_refused_with_the_reason(void **state)
{
    for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        AUTO_RELEASE(memory_file) file = {0};
        struct error err = {0};
        int64_t sum = 0;
        file_write(&lies[i], &file.bytes);
        allocated_most = 0; /* what was needed to write it does not count */
        enum rc rc = file_read(&file, &sum, &err);
        if (rc != RC_OK && (lies[i].says == NULL || strstr(err.text, lies[i].says) == NULL))
            print_error("case %zu: '%s' instead of '%s'\n", i, err.text, or_empty(lies[i].says));
        assert_int_equal(rc, lies[i].says == NULL ? RC_OK : RC_DATA);
        assert_true(lies[i].says == NULL ? sum == 3 : strstr(err.text, lies[i].says) != NULL);
        assert_true(allocated_most < (1 << 18) + 3 * file.bytes.len);
    }
}

static void nesting_without_end_does_not_exhaust_the_stack(void **state)
{
    static const char *const openings[] = {"\x1C", "\x19\x19", "\x1B\x01\xBB"}; /* structs, lists, maps */
    for (size_t i = 0; i < sizeof(openings) / sizeof(*openings); i++) {
        AUTO_RELEASE(buf) bytes = {0};
        struct thrift_field field;
        for (int depth = 0; depth < 1000000; depth++)
            buf_add_str(&bytes, str(openings[i]));
        struct thrift_reader r = THRIFT_READER(bytes);
        while (thrift_next(&r, &field))
            thrift_skip(&r, field);
        assert_int_equal(r.fault, THRIFT_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(flipped_bits_never_become_other_rows),
        cmocka_unit_test(damage_that_no_checksum_shows_is_an_error_or_other_values),
        cmocka_unit_test(random_bytes_in_the_place_of_the_footer_are_refused),
        cmocka_unit_test(what_lies_about_its_lengths_and_counts_is_refused_with_the_reason),
        cmocka_unit_test(nesting_without_end_does_not_exhaust_the_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

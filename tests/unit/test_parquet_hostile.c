/* Files that nobody's writer wrote: every bit of a small file turned, for every page format and compression; bytes by
 * chance as a page of every type in every encoding; lengths that lie. RC_DATA or values, never a crash, nor more memory
 * than the file justifies. */
#include "parquet_by_hand.h"
#include "parquet_story.h"
#include "parquet_watch.h"

/* Reads to the end, or to the first error, and looks at every byte of every value. */
static enum rc read_through(struct memory_file *file, const struct schema *expected, struct error *err)
{
    struct parquet_input input = memory_input(file);
    AUTO_RELEASE(arena) arena = {0};
    AUTO(parquet_reader) *reader = NULL;
    TRY(parquet_reader_open(&input, expected, &reader, err));
    for (const struct batch *batch = NULL;;) {
        TRY(batch_reader_next(parquet_reader_batches(reader), &batch, err));
        if (batch == NULL)
            return RC_OK;
        for (int64_t row = 0; row < batch->rows; row++, arena_reset(&arena)) {
            for (int i = 0; i < batch->schema->count; i++)
                value_of(batch, i, row, &arena);
        }
    }
}

/* ---- one bit ---- */

/* Of one column each: a dictionary, differences, floats, texts that begin as the one before; every fifth is NULL. */
static struct value few_value(const struct field *field, int64_t row, int column, struct arena *arena)
{
    struct value value = {.null = field->nullable && row % 5 == 2};
    if (value.null)
        return value;
    if (field->type == TYPE_UTF8)
        value.bytes = str(arena_print(arena, "orders/2024/%04d", (int)row));
    else if (field->type == TYPE_DOUBLE)
        value.real = (double)(row * row) / 8;
    else
        value.number = column == 0 ? (__int128)(row % 2) << 40 : row * 3;
    return value;
}

static struct schema *few_schema(void)
{
    static const char *const formats[] = {"l", "i", "g", "u", "d:20,2"};
    struct schema *schema = schema_new();
    for (int i = 0; i < (int)(sizeof(formats) / sizeof(*formats)); i++) {
        struct field field = {.name = formats[i], .nullable = i % 2 == 0};
        assert_true(field_parse_format(formats[i], &field));
        schema_add(schema, &field);
    }
    return schema;
}

static void turn_every_bit(const struct story *story)
{
    AUTO_RELEASE(memory_file) file = {0};
    int refused = 0, turned = 0;
    story_write(story, &file);
    allocated_most = 0;
    for (size_t at = 0; at < file.bytes.len; at++) {
        for (int bit = 0; bit < 8; bit++, turned++) {
            struct error err = {0};
            file.bytes.at[at] = (char)(file.bytes.at[at] ^ 1 << bit);
            enum rc rc = is_without_checksums ? read_through(&file, story->schema, &err)
                                              : story_read(story, story->schema, &file, &err); /* compares every row */
            assert_true(rc == RC_OK || (rc == RC_DATA && err.text[0] != '\0'));
            refused += rc == RC_DATA;
            file.bytes.at[at] = (char)(file.bytes.at[at] ^ 1 << bit);
        }
    }
    assert_true(is_without_checksums || refused > turned / 2);
    assert_true(allocated_most < 1 << 20);
}

static void cut_everywhere(const struct story *story)
{
    AUTO_RELEASE(memory_file) file = {0};
    story_write(story, &file);
    for (size_t len = file.bytes.len; len-- > 0;) {
        struct error err = {0};
        file.bytes.len = len;
        assert_int_equal(read_through(&file, story->schema, &err), RC_DATA);
    }
}

static void every_bit_turned_and_every_cut_of_every_kind_of_file_is_noticed_or_changes_nothing(void **state)
{
    AUTO(schema) *schema = few_schema();
    struct story story = {.schema = schema, .rows = 24, .batch_rows = 24, .value = few_value};
    for (int compression = PARQUET_ZSTD; compression <= PARQUET_UNCOMPRESSED; compression++) {
        for (int profile = PARQUET_DEFAULT; profile <= PARQUET_MODERN; profile += PARQUET_MODERN) {
            story.options = (struct parquet_options){.compression = (enum parquet_compression)compression,
                                                     .profile = (enum parquet_profile)profile};
            is_without_checksums = false;
            cut_everywhere(&story);
            turn_every_bit(&story);
            is_without_checksums = true;
            turn_every_bit(&story);
        }
    }
    is_without_checksums = false;
}

/* ---- bytes by chance ---- */

static const struct type_made types[] = {
    {PHYSICAL_BOOLEAN, -1, -1, -1, -1, -1},
    {PHYSICAL_INT32, -1, -1, -1, -1, -1},
    {PHYSICAL_INT32, -1, CONVERTED_INT_8, -1, -1, -1},
    {PHYSICAL_INT32, -1, CONVERTED_INT_16, -1, -1, -1},
    {PHYSICAL_INT32, -1, CONVERTED_UINT_8, -1, -1, -1},
    {PHYSICAL_INT32, -1, CONVERTED_UINT_8 + 1, -1, -1, -1},
    {PHYSICAL_INT32, -1, CONVERTED_UINT_8 + 2, -1, -1, -1},
    {PHYSICAL_INT32, -1, CONVERTED_TIME_MILLIS, -1, -1, -1},
    {PHYSICAL_INT32, -1, CONVERTED_DECIMAL, -1, 9, -1},
    {PHYSICAL_INT32, -1, -1, LOGICAL_UNKNOWN, -1, -1},
    {PHYSICAL_INT64, -1, -1, -1, -1, -1},
    {PHYSICAL_INT64, -1, CONVERTED_UINT_64, -1, -1, -1},
    {PHYSICAL_INT64, -1, CONVERTED_DECIMAL, -1, 15, -1},
    {PHYSICAL_INT64, -1, CONVERTED_TIMESTAMP_MILLIS, -1, -1, -1},
    {PHYSICAL_INT64, -1, -1, LOGICAL_TIMESTAMP, -1, PARQUET_NANOS},
    {PHYSICAL_INT64, -1, -1, LOGICAL_TIME, -1, PARQUET_NANOS},
    {PHYSICAL_INT96, -1, -1, -1, -1, -1},
    {PHYSICAL_FLOAT, -1, -1, -1, -1, -1},
    {PHYSICAL_DOUBLE, -1, -1, -1, -1, -1},
    {PHYSICAL_BYTE_ARRAY, -1, -1, -1, -1, -1},
    {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_UTF8, -1, -1, -1},
    {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_DECIMAL, -1, 38, -1},
    {PHYSICAL_FIXED, 16, CONVERTED_DECIMAL, -1, 38, -1},
    {PHYSICAL_FIXED, 3, CONVERTED_DECIMAL, -1, 4, -1},
    {PHYSICAL_FIXED, 2, -1, LOGICAL_FLOAT16, -1, -1},
    {PHYSICAL_FIXED, 16, -1, LOGICAL_UUID, -1, -1},
    {PHYSICAL_FIXED, 12, CONVERTED_INTERVAL, -1, -1, -1},
    {PHYSICAL_FIXED, 5, -1, -1, -1, -1},
};
enum { TYPES = sizeof(types) / sizeof(*types) };

/* Bytes by chance, of which many are small: as lengths and counts they then mean something. */
static struct str content_of(uint64_t seed, uint8_t room[64])
{
    size_t len = mix(seed, 1) % 64;
    for (size_t i = 0; i < len; i++) {
        uint64_t chance = mix(seed, i + 9);
        room[i] = (uint8_t)(chance % 3 ? chance >> 8 & 7 : chance >> 8);
    }
    return (struct str){(const char *)room, len};
}

static void bytes_by_chance_as_a_page_of_any_type_in_any_encoding_are_refused_or_values(void **state)
{
    static const int encodings[] = {ENCODING_PLAIN,
                                    ENCODING_RLE,
                                    ENCODING_RLE_DICTIONARY,
                                    ENCODING_DELTA_BINARY_PACKED,
                                    ENCODING_DELTA_LENGTH_BYTE_ARRAY,
                                    ENCODING_DELTA_BYTE_ARRAY,
                                    ENCODING_BYTE_STREAM_SPLIT};
    enum { ENCODINGS = sizeof(encodings) / sizeof(*encodings), SEEDS = 100 };
    int64_t well = 0;
    for (uint64_t i = 0; i < (uint64_t)TYPES * ENCODINGS * SEEDS; i++) {
        const struct type_made *type = &types[i % TYPES];
        uint8_t dictionary[64], room[64];
        AUTO_RELEASE(memory_file) file = {0};
        struct error err = {0};
        bool is_v2 = mix(i, 2) % 2, optional = mix(i, 3) % 2;
        struct page_made pages[] = {{.type = PAGE_DICTIONARY,
                                     .rows = (int64_t)(mix(i, 4) % 4),
                                     .raw_bytes = -1,
                                     .content = content_of(i, dictionary)},
                                    {.type = is_v2 ? PAGE_DATA_V2 : PAGE_DATA,
                                     .encoding = encodings[i / TYPES % ENCODINGS],
                                     .rows = (int64_t)(mix(i, 5) % (mix(i, 6) % 4 ? 12 : 100000)),
                                     .levels_bytes = is_v2 && optional ? 2 : 0,
                                     .raw_bytes = -1,
                                     .content = content_of(i + 7777777, room)}};
        /* A dictionary that is sound: values of its width. */
        int width = type->length > 0                   ? type->length
                    : type->physical == PHYSICAL_INT96 ? 12
                    : type->physical % 3 == 1          ? 4
                                                       : 8;
        pages[0].content.len =
            (size_t)(pages[0].rows * width) < sizeof(dictionary) ? (size_t)(pages[0].rows * width) : 0;
        bool has_dictionary = pages[1].encoding == ENCODING_RLE_DICTIONARY && type->physical != PHYSICAL_BYTE_ARRAY;
        if (optional && is_v2 && pages[1].content.len >= 2) { /* levels that are sound: no NULLs */
            room[0] = (uint8_t)(pages[1].rows % 64 << 1);
            room[1] = 1;
        }
        parquet_by_hand(type, optional, CODEC_NONE, has_dictionary ? pages : pages + 1, has_dictionary ? 2 : 1,
                        &file.bytes);
        allocated_most = 0;
        enum rc rc = read_through(&file, NULL, &err);
        if (rc != RC_OK && rc != RC_DATA)
            print_error("%llu: %s\n", (unsigned long long)i, err.text);
        assert_true(rc == RC_OK || (rc == RC_DATA && strstr(err.text, "type that is not read") == NULL));
        assert_true(allocated_most < 1 << 20);
        well += rc == RC_OK;
    }
    assert_true(well > 200); /* some are sound: the dice reach behind the checks */
}

/* ---- lengths that lie ---- */

static void what_a_few_bytes_claim_to_become_is_not_believed(void **state)
{
    static const enum codec_id codecs[] = {CODEC_ZSTD, CODEC_SNAPPY, CODEC_GZIP, CODEC_LZ4, CODEC_LZ4_HADOOP};
    static const struct type_made text = {PHYSICAL_BYTE_ARRAY, -1, -1, -1, -1, -1};
    static const struct str contents[] = {S("\xFF\xFF\xFF\xFF\x07"
                                            "abcdefghijkl"),                                 /* snappy: 2 GiB */
                                          S("\x28\xB5\x2F\xFD\xA0\xFF\xFF\xFF\x7F\0\0\0\0"), /* zstd: the same */
                                          S("\x7F\xFF\xFF\xFF\0\0\0\4abcd"),                 /* Hadoop's frames */
                                          S("\x1F\x8B\x08\0\0\0\0\0\0\x03")};
    for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++) {
        for (size_t j = 0; j < sizeof(contents) / sizeof(*contents); j++) {
            for (int type = PAGE_DATA; type <= PAGE_DATA_V2; type++) {
                AUTO_RELEASE(memory_file) file = {0};
                struct error err = {0};
                struct page_made pages[] = {
                    {.type = (enum page_type)type, .rows = 1, .raw_bytes = INT32_MAX, .content = contents[j]},
                    {.type = PAGE_DATA, .rows = 1, .raw_bytes = -1, .content = S("\0\0\0\0")}};
                parquet_by_hand(&text, false, codecs[i], pages, 2, &file.bytes);
                allocated_most = 0;
                assert_int_equal(read_through(&file, NULL, &err), RC_DATA);
                assert_true(allocated_most < 1 << 20);
            }
        }
    }
}

static void check_lie(const struct type_made *type, const struct page_made *pages, int count, const char *says)
{
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    parquet_by_hand(type, true, CODEC_NONE, pages, count, &file.bytes);
    allocated_most = 0;
    assert_int_equal(read_through(&file, NULL, &err), RC_DATA);
    if (strstr(err.text, says) == NULL)
        print_error("'%s' instead of '%s'\n", err.text, says);
    assert_non_null(strstr(err.text, says));
    assert_true(allocated_most < 1 << 20);
}

#define V1_LEVELS "\2\0\0\0\4\1" /* two rows, both there */

static void lengths_inside_of_pages_are_not_believed(void **state)
{
    static const struct type_made text = {PHYSICAL_BYTE_ARRAY, -1, -1, -1, -1, -1},
                                  utf8 = {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_UTF8, -1, -1, -1},
                                  uuid = {PHYSICAL_FIXED, 16, -1, LOGICAL_UUID, -1, -1},
                                  decimal = {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_DECIMAL, -1, 5, -1};
    static const char *const damaged = "its values are damaged", *const beyond = "its levels have";
    static const struct {
        const struct type_made *type;
        int encoding;
        struct str content;
        const char *says;
    } lies[] = {
        {&text, ENCODING_PLAIN,
         S(V1_LEVELS "\xFF\xFF\xFF\x7F"
                     "ab"),
         damaged},
        {&text, ENCODING_DELTA_LENGTH_BYTE_ARRAY, S(V1_LEVELS "\x80\1\4\2\xFE\xFF\xFF\xFF\x0F\0\0\0\0\0"), damaged},
        /* DELTA_BYTE_ARRAY: begins with 9 bytes of nothing; a rest of 2^31 - 1 bytes; of -1 */
        {&text, ENCODING_DELTA_BYTE_ARRAY,
         S(V1_LEVELS "\x80\1\4\2\x12\0\0\0\0\0\x80\1\4\2\2\0\0\0\0\0"
                     "ab"),
         damaged},
        {&text, ENCODING_DELTA_BYTE_ARRAY,
         S(V1_LEVELS "\x80\1\4\2\0\0\0\0\0\0\x80\1\4\2\xFE\xFF\xFF\xFF\x0F\0\0\0\0\0"
                     "ab"),
         damaged},
        {&text, ENCODING_DELTA_BYTE_ARRAY,
         S(V1_LEVELS "\x80\1\4\2\0\0\0\0\0\0\x80\1\4\2\1\0\0\0\0\0"
                     "ab"),
         damaged},
        /* two texts, each half of a character */
        {&utf8, ENCODING_DELTA_LENGTH_BYTE_ARRAY,
         S(V1_LEVELS "\x80\1\4\2\2\0\0\0\0\0"
                     "\xC3\xA4"),
         "not UTF-8"},
        {&utf8, ENCODING_DELTA_BYTE_ARRAY,
         S(V1_LEVELS "\x80\1\4\2\0\0\0\0\0\0\x80\1\4\2\2\0\0\0\0\0"
                     "\xC3\xA4"),
         "not UTF-8"},
        {&uuid, ENCODING_DELTA_BYTE_ARRAY,
         S(V1_LEVELS "\x80\1\4\2\0\0\0\0\0\0\x80\1\4\2\2\0\0\0\0\0"
                     "ab"),
         damaged},
        {&uuid, ENCODING_BYTE_STREAM_SPLIT, S(V1_LEVELS "0123456789abcdef"), damaged},
        {&decimal, ENCODING_PLAIN, S(V1_LEVELS "\1\0\0\0a\0\0\0\0"), "a value is no decimal"},
        {&decimal, ENCODING_PLAIN, S(V1_LEVELS "\1\0\0\0a\3\0\0\0\7\7\7"), "a value is no decimal of the column's 5"},
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        struct page_made page = {
            .type = PAGE_DATA, .encoding = lies[i].encoding, .rows = 2, .raw_bytes = -1, .content = lies[i].content};
        check_lie(lies[i].type, &page, 1, lies[i].says);
    }
    struct page_made v2 = {
        .type = PAGE_DATA_V2, .rows = 2, .raw_bytes = -1, .levels_bytes = INT32_MAX, .content = S("\4\1")};
    check_lie(&text, &v2, 1, beyond);
    struct page_made many[] = {{.type = PAGE_DICTIONARY, .rows = INT32_MAX, .raw_bytes = -1, .content = S("\1\0\0\0a")},
                               {.type = PAGE_DATA,
                                .encoding = ENCODING_RLE_DICTIONARY,
                                .rows = 2,
                                .raw_bytes = -1,
                                .content = S(V1_LEVELS "\1\4\0")}};
    check_lie(&text, many, 2, damaged);
    check_lie(&uuid, many, 2, damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_turned_and_every_cut_of_every_kind_of_file_is_noticed_or_changes_nothing),
        cmocka_unit_test(bytes_by_chance_as_a_page_of_any_type_in_any_encoding_are_refused_or_values),
        cmocka_unit_test(what_a_few_bytes_claim_to_become_is_not_believed),
        cmocka_unit_test(lengths_inside_of_pages_are_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

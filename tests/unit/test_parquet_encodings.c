/* Encodings: what each writes comes back, in pieces of any length; which one is taken; and whatever the values do,
 * in whatever pages and batches, rows stay rows. */
#include "data/parquet/column_writer.h"
#include "data/parquet/delta.h"
#include "data/parquet/indices.h"
#include "data/parquet/packed.h"
#include "parquet_story.h"

/* ---- the parts ---- */

static void integers_of_any_width_are_packed_and_taken_out(void **state)
{
    enum { COUNT = 64 };
    for (int width = 0; width <= 64; width++) {
        uint64_t values[COUNT];
        uint16_t narrow[COUNT];
        uint8_t wide_room[COUNT * 8 + PACKED_SLACK] = {0}, narrow_room[COUNT * 2 + PACKED_SLACK] = {0};
        for (uint64_t i = 0; i < COUNT; i++) {
            values[i] = i % 3 == 0 ? packed_mask(width) : mix((uint64_t)width, i) & packed_mask(width);
            narrow[i] = (uint16_t)values[i];
        }
        assert_int_equal(packed_put(wide_room, values, COUNT, width) - wide_room, COUNT / 8 * width);
        for (int i = 0; i < COUNT; i++)
            assert_true(packed_get(wide_room, i, width) == values[i]);
        if (width == 0 || width > 16)
            continue;
        assert_int_equal(packed_put_indices(narrow_room, narrow, COUNT, width) - narrow_room, COUNT / 8 * width);
        assert_memory_equal(wide_room, narrow_room, (size_t)(COUNT / 8 * width));
    }
}

static int64_t some_integer(uint64_t kind, int64_t i)
{
    uint64_t chance = mix(kind, (uint64_t)i);
    switch (kind % 6) {
    case 0: return i;
    case 1: return 7;
    case 2: return i * 1000 - (int64_t)(chance % 5000);
    case 3: return (int64_t)chance;
    case 4: return chance % 2 ? INT64_MIN : INT64_MAX;
    default: return (int64_t)(chance % 3) - 1;
    }
}

/* Behind the bytes stands what a page has behind it. */
static void slack_add(struct buf *bytes)
{
    static const char slack[PACKED_SLACK];
    buf_add(bytes, slack, sizeof(slack));
}

static void check_deltas(const int64_t *values, int64_t count, int width)
{
    int64_t back[1024];
    int32_t narrow[1024];
    AUTO_RELEASE(buf) bytes = {0};
    struct delta delta;
    const uint8_t *end;
    for (int64_t i = 0; i < count; i++)
        narrow[i] = (int32_t)values[i];
    delta_write(&bytes, width == 4 ? (const void *)narrow : values, count, width);
    size_t len = bytes.len;
    slack_add(&bytes);
    const uint8_t *at = (const uint8_t *)bytes.at;
    assert_true(delta_open(&delta, at, at + len, count, &end) && end == at + len);
    for (int64_t taken = 0, some; taken < count; taken += some) {
        some = 1 + (int64_t)(mix((uint64_t)count, (uint64_t)taken) % 70);
        some = some < count - taken ? some : count - taken;
        delta_take(&delta, back + taken, some);
    }
    for (int64_t i = 0; i < count; i++)
        assert_true(width == 4 ? (int32_t)back[i] == narrow[i] : back[i] == values[i]);
    for (size_t cut = 0; cut < len; cut += 1 + cut / 4) /* a page that ends anywhere before */
        assert_false(delta_open(&delta, at, at + cut, count, &end));
    assert_false(delta_open(&delta, at, at + len, count + 1, &end));
    assert_false(delta_open(&delta, at, at + len, count - 1, &end));
}

static void differences_come_back_in_pieces_of_any_length(void **state)
{
    for (uint64_t kind = 0; kind < 6; kind++) {
        for (int64_t count = 1; count <= 1024; count += 1 + count / 5) {
            int64_t values[1024];
            for (int64_t i = 0; i < count; i++)
                values[i] = some_integer(kind, i);
            check_deltas(values, count, 8);
            check_deltas(values, count, 4);
        }
    }
}

static void a_sorted_column_takes_a_few_bits_a_value(void **state)
{
    int64_t values[10000];
    AUTO_RELEASE(buf) bytes = {0};
    for (int64_t i = 0; i < 10000; i++)
        values[i] = 1700000000000000 + i * 1000 + (int64_t)(mix(1, (uint64_t)i) % 16);
    delta_write(&bytes, values, 10000, 8);
    assert_in_range(bytes.len, 1000, 10000 * 6 / 8);
    assert_in_range((size_t)delta_estimate(values, 10000, 8), bytes.len * 8 / 10, bytes.len * 12 / 10);
}

static uint16_t some_index(uint64_t kind, int64_t i, int64_t entries)
{
    uint64_t chance = mix(kind, kind % 2 ? (uint64_t)i / 40 : (uint64_t)i); /* odd: runs, not always of whole groups */
    return (uint16_t)((kind % 4 == 3 && i % 200 > 30 ? 1 : chance) % (uint64_t)entries);
}

static void check_indices(uint64_t kind, int64_t count, int64_t entries)
{
    uint16_t indices[3000];
    uint32_t back[3000];
    AUTO_RELEASE(buf) bytes = {0};
    struct indices reading;
    for (int64_t i = 0; i < count; i++)
        indices[i] = some_index(kind, i, entries);
    indices[count - 1] = (uint16_t)(entries - 1);
    indices_write(&bytes, indices, count, entries);
    size_t len = bytes.len;
    slack_add(&bytes);
    const uint8_t *at = (const uint8_t *)bytes.at;
    assert_true(indices_open(&reading, at, at + len, count, (uint32_t)entries));
    for (int64_t taken = 0; taken < count;)
        taken += indices_take(&reading, back + taken,
                              1 + (int64_t)(mix(kind, (uint64_t)taken) % 90) < count - taken
                                  ? 1 + (int64_t)(mix(kind, (uint64_t)taken) % 90)
                                  : count - taken);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(back[i], indices[i]);
    assert_false(indices_open(&reading, at, at + len, count, (uint32_t)entries - 1)); /* the last is one too large */
    assert_false(indices_open(&reading, at, at + len, count + 8, (uint32_t)entries));
    assert_false(indices_open(&reading, at, at + len - 1, count, (uint32_t)entries));
}

static void indices_come_back_in_pieces_of_any_length(void **state)
{
    static const int64_t entries[] = {1, 2, 3, 16, 17, 255, 256, 257, 5000, INDICES_MAX};
    for (size_t e = 0; e < sizeof(entries) / sizeof(*entries); e++) {
        for (int64_t count = 1; count <= 3000; count += 1 + count / 3) {
            for (uint64_t kind = 0; kind < 4; kind++)
                check_indices(kind, count, entries[e]);
        }
    }
}

static void runs_of_one_index_take_a_few_bytes(void **state)
{
    static uint16_t indices[100000];
    AUTO_RELEASE(buf) bytes = {0};
    for (int i = 40000; i < 100000; i++)
        indices[i] = 300;
    indices_write(&bytes, indices, 100000, 301);
    assert_true(bytes.len < 16);
}

static void texts_are_told_apart_whatever_stands_in_them(void **state)
{
    static const struct str texts[] = {S(""),
                                       S("\0"),
                                       S("\0\0"),
                                       S("a"),
                                       S("a\0"),
                                       S("a\0\0"),
                                       S("\0a"),
                                       S("ab"),
                                       S("abcdef"),
                                       S("abcdefg"),
                                       S("abcdefg\0"),
                                       S("abcdefgh"),
                                       S("abcdefghi"),
                                       S("bbcdefghi"),
                                       S("abcdefgh\0"),
                                       S("abcdefghabcdefgh"),
                                       S("abcdefghabcdefghabcdefgh"),
                                       S("abcdefghXbcdefghabcdefgh")};
    enum { TEXTS = sizeof(texts) / sizeof(*texts) };
    struct storage storage = {.physical = PHYSICAL_BYTE_ARRAY};
    struct dictionary *dictionary = dictionary_new(&storage);
    struct dense dense = {.rows = TEXTS, .count = TEXTS, .values = texts}, entries;
    for (int again = 0; again < 3; again++) {
        uint16_t indices[TEXTS];
        assert_int_equal(dictionary_index(dictionary, &dense, 0, TEXTS, indices), TEXTS);
        for (int i = 0; i < TEXTS; i++)
            assert_int_equal(indices[i], i);
    }
    dictionary_dense(dictionary, 0, &entries);
    for (int i = 0; i < TEXTS; i++)
        assert_true(str_eq(((const struct str *)entries.values)[i], texts[i]));
    dictionary_free(dictionary);
}

/* ---- which one is taken ---- */

static struct value ints(int64_t row, uint64_t kind)
{
    uint64_t chance = mix(kind, (uint64_t)row);
    switch (kind) {
    case 'c': return (struct value){.number = 42};
    case 'f': return (struct value){.number = (int64_t)(mix(chance % 50, 1) >> 2)}; /* few, far from each other */
    case 'w':                                                                       /* wider at last */
        return (struct value){.number = (__int128)((int64_t)(chance % (row < 18000 ? 8 : 12)) - 5) * 1000000000000003};
    case 's': return (struct value){.number = row * 3 + (int64_t)(chance % 3)};
    case 'r': return (struct value){.number = (int64_t)(chance % 1000000)};
    default: return (struct value){.number = (int64_t)(chance >> 1)};
    }
}

static struct value texts(int64_t row, uint64_t kind, struct arena *arena)
{
    uint64_t chance = mix(kind, (uint64_t)row);
    if (kind == 'p')
        return (struct value){.bytes = str(arena_print(arena, "https://example.org/orders/%09lld", (long long)row))};
    const char *text = kind == 'f' ? arena_print(arena, "one of few %d", (int)(chance % 20))
                                   : arena_print(arena, "%llx-%lld", (unsigned long long)chance, (long long)row);
    return (struct value){.bytes = str(text)};
}

struct chunk_made {
    unsigned encodings;
    enum codec_id codec;
    int64_t bytes, plain_bytes;
    __int128 least, most; /* of its statistics */
};

/* One column chunk of 20,000 rows. */
static struct chunk_made chunk_of(const char *format, uint64_t kind, unsigned encodings)
{
    enum { ROWS = 20000 };
    AUTO_RELEASE(arena) arena = {0};
    AUTO(schema) *schema = schema_new();
    struct field field = {.name = "c"};
    struct error err;
    assert_true(field_parse_format(format, &field));
    schema_add(schema, &field);
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    struct page_maker maker = {.compressor = compressor_new(CODEC_ZSTD, 1),
                               .page_bytes = PARQUET_PAGE_BYTES,
                               .profile = {.page_type = PAGE_DATA, .encodings = encodings}};
    struct column_writer writer;
    struct chunk_made made = {.encodings = 0};
    column_writer_init(&writer, &schema->fields[0], &maker.profile);
    for (int64_t row = 0; row < ROWS; row++) {
        struct value value =
            field.type == TYPE_UTF8 || field.type == TYPE_BINARY ? texts(row, kind, &arena) : ints(row, kind);
        value.real = (double)value.number;
        value_build(&value, &schema->fields[0], builder, 0);
        builder_end_row(builder);
        if (!builder_is_full(builder) && row < ROWS - 1)
            continue;
        const struct batch *batch = builder_finish(builder);
        assert_int_equal(column_writer_add(&writer, &maker, batch->array.children[0], &err), RC_OK);
        made.plain_bytes += (int64_t)batch->bytes;
    }
    column_writer_finish(&writer, &maker);
    made.encodings = writer.encodings;
    made.codec = writer.codec;
    made.bytes = writer.blocks_bytes;
    made.least = writer.statistics.least.integer;
    made.most = writer.statistics.most.integer;
    column_writer_release(&writer);
    compressor_free(maker.compressor);
    dense_room_release(&maker.room);
    buf_release(&maker.levels);
    buf_release(&maker.encoded);
    buf_release(&maker.scratch);
    return made;
}

#define ONLY(encoding) (1u << ENCODING_##encoding)
#define USUAL          (PARQUET_ENCODINGS & ~PARQUET_SPLIT)
#define BY_DICTIONARY  (ONLY(RLE_DICTIONARY) | ONLY(PLAIN)) /* PLAIN: the dictionary's page */

static void the_values_say_how_they_are_encoded(void **state)
{
    static const struct {
        const char *format;
        uint64_t kind;
        unsigned allowed, encodings;
        int64_t least_gain; /* plain bytes / bytes, at least */
    } cases[] = {
        {"l", 'c', USUAL, ONLY(DELTA_BINARY_PACKED), 50},
        {"l", 'f', USUAL, BY_DICTIONARY, 9},
        {"l", 's', USUAL, ONLY(DELTA_BINARY_PACKED), 20},
        {"l", 'r', USUAL, ONLY(DELTA_BINARY_PACKED), 2},
        {"l", 'x', USUAL, ONLY(PLAIN), 0},
        {"i", 'f', USUAL, BY_DICTIONARY, 4},
        {"tdD", 's', USUAL, ONLY(DELTA_BINARY_PACKED), 10},
        {"tsu:", 's', USUAL, ONLY(DELTA_BINARY_PACKED), 20},
        {"tDu", 's', USUAL, ONLY(DELTA_BINARY_PACKED), 20},
        {"d:18,2", 'r', USUAL, ONLY(DELTA_BINARY_PACKED), 4},
        {"d:20,2", 'r', USUAL, ONLY(PLAIN), 1},
        {"g", 'f', USUAL, BY_DICTIONARY, 9},
        {"g", 'x', USUAL, ONLY(PLAIN), 0},
        {"u", 'f', USUAL, BY_DICTIONARY, 20},
        {"u", 'x', USUAL, ONLY(DELTA_LENGTH_BYTE_ARRAY), 1},
        {"u", 'p', USUAL, ONLY(DELTA_BYTE_ARRAY), 12},
        {"z", 'p', USUAL, ONLY(DELTA_BYTE_ARRAY), 12},
        {"g", 'r', PARQUET_ENCODINGS, ONLY(BYTE_STREAM_SPLIT), 2},
        {"f", 'r', PARQUET_ENCODINGS, ONLY(BYTE_STREAM_SPLIT), 1},
        {"l", 's', PARQUET_ENCODINGS, ONLY(DELTA_BINARY_PACKED), 20},
        {"l", 'f', PARQUET_ENCODINGS, BY_DICTIONARY, 9},
        /* what a reader may know less of */
        {"u", 'p', USUAL & ~PARQUET_DELTA_TEXT, ONLY(DELTA_LENGTH_BYTE_ARRAY), 2},
        {"g", 'r', USUAL, ONLY(PLAIN), 2},
        {"l", 'f', PARQUET_DICTIONARY, BY_DICTIONARY, 9},
        {"l", 's', PARQUET_DICTIONARY, ONLY(PLAIN), 1},
        {"u", 'x', PARQUET_DICTIONARY, ONLY(PLAIN), 1},
        {"l", 'f', PARQUET_PLAIN, ONLY(PLAIN), 2},
        {"u", 'f', PARQUET_PLAIN, ONLY(PLAIN), 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct chunk_made made = chunk_of(cases[i].format, cases[i].kind, cases[i].allowed);
        bool is_right = made.encodings == cases[i].encodings && made.bytes * cases[i].least_gain <= made.plain_bytes;
        if (!is_right)
            print_error("%s %c: encodings %x, %lld bytes of %lld\n", cases[i].format, (int)cases[i].kind,
                        made.encodings, (long long)made.bytes, (long long)made.plain_bytes);
        assert_true(is_right);
    }
}

static void what_compression_makes_hardly_shorter_is_not_compressed(void **state)
{
    assert_int_equal(chunk_of("l", 'x', PARQUET_ENCODINGS).codec, CODEC_NONE);
    assert_int_equal(chunk_of("l", 'r', USUAL).codec, CODEC_NONE);
    assert_int_equal(chunk_of("u", 'x', PARQUET_ENCODINGS).codec, CODEC_ZSTD); /* hex digits */
    assert_int_equal(chunk_of("l", 'r', PARQUET_PLAIN).codec, CODEC_ZSTD);
}

static void bounds_are_those_of_all_values_whichever_encoding(void **state)
{
    __int128 least = ints(0, 'w').number, most = least;
    for (int64_t row = 1; row < 20000; row++) {
        __int128 number = ints(row, 'w').number;
        least = number < least ? number : least;
        most = number > most ? number : most;
    }
    struct chunk_made by_dictionary = chunk_of("l", 'w', PARQUET_ENCODINGS), plain = chunk_of("l", 'w', PARQUET_PLAIN);
    assert_int_equal(by_dictionary.encodings, BY_DICTIONARY);
    assert_true(by_dictionary.least == least && by_dictionary.most == most);
    assert_true(plain.least == least && plain.most == most);
}

/* ---- rows stay rows ---- */

/* What the values of a column do, one after the other in its rows: a dictionary is left, a page of one encoding
 * follows one of another. */
static uint64_t turn; /* of the property below */

static int64_t turning_number(int64_t row, uint64_t column)
{
    uint64_t phase = mix(turn, column + 1000 * (uint64_t)(row / (500 + 3000 * (int64_t)(column % 7)))) % 7;
    uint64_t chance = mix(turn + column, (uint64_t)row);
    switch (phase) {
    case 0: return (int64_t)(chance % 3);
    case 1: return row;
    case 2: return -row * 1000 + (int64_t)(chance % 900);
    case 3: return (int64_t)chance;
    case 4: return (int64_t)(mix(chance % 3000, 5));
    case 5: return (int64_t)(mix((uint64_t)row / 50, 6) % 100);
    default: return 17;
    }
}

static struct value turning_value(const struct field *field, int64_t row, int column, struct arena *arena)
{
    uint64_t chance = mix(turn * 31 + (uint64_t)column, (uint64_t)row);
    uint64_t share = mix(turn, (uint64_t)column) % 5; /* of NULLs: none, none, a few, half, nearly all */
    int64_t number = turning_number(row, (uint64_t)column);
    struct value value = {.null = field->nullable && share > 1 && chance % 8 < (uint64_t[]){0, 0, 1, 4, 7}[share]};
    if (value.null)
        return value;
    switch (field->type) {
    case TYPE_BOOL: value.number = number & 1; break;
    case TYPE_INT16: value.number = (int16_t)number; break;
    case TYPE_INT32:
    case TYPE_DATE: value.number = (int32_t)number; break;
    case TYPE_TIMESTAMP: value.number = field->unit == UNIT_SECOND ? number / 1000 : number; break;
    case TYPE_DECIMAL: value.number = field->precision >= 19 ? number : number % 10; break;
    case TYPE_FLOAT: value.real = (double)(float)number; break;
    case TYPE_DOUBLE: value.real = (double)number / 7; break;
    case TYPE_UTF8:
    case TYPE_BINARY:
        value.bytes = str(arena_print(arena, "%.*s%lld", (int)(number & 15), "0123456789abcdef", (long long)number));
        break;
    default: value.number = number;
    }
    return value;
}

static void whatever_the_values_do_rows_stay_rows(void **state)
{
    static const size_t page_bytes[] = {0, 300, 5000, 40000}, group_bytes[] = {0, 20000, 1 << 20};
    static const unsigned encodings[] = {0, 0, PARQUET_DICTIONARY, PARQUET_DELTA | PARQUET_DELTA_LENGTH, PARQUET_PLAIN};
    AUTO(schema) *everything = schema_of_everything();
    for (turn = 0; turn < 60; turn++) {
        AUTO(schema) *schema = schema_new();
        for (int i = 0; i < everything->count; i++) {
            if (mix(turn, (uint64_t)i) % 6 == 0)
                schema_add(schema, &everything->fields[i]);
        }
        AUTO_RELEASE(memory_file) file = {0};
        struct error err = {0};
        struct story story = {.schema = schema,
                              .rows = (int64_t)(mix(turn, 100) % (turn % 5 == 0 ? 60000 : 6000)),
                              .batch_rows = (int64_t[]){0, 100, 5000}[turn % 3],
                              .value = turning_value,
                              .options = {.page_bytes = page_bytes[turn % 4],
                                          .row_group_bytes = group_bytes[turn / 4 % 3],
                                          .encodings = encodings[turn % 5]}};
        story_write(&story, &file);
        assert_int_equal(story_read(&story, schema, &file, &err), RC_OK);
    }
}

/* Few values for long enough that a dictionary has shown its worth, and then each one new. */
static struct value filling_value(const struct field *field, int64_t row, int column, struct arena *arena)
{
    uint64_t number = row < 20000 ? mix(1, (uint64_t)row) % 300 : (uint64_t)row;
    struct value value = {.null = column > 0 && row % 7 == 3};
    if (value.null)
        return value;
    if (field->type == TYPE_UTF8)
        value.bytes = str(arena_print(arena, "a text of some length, so that few make a megabyte: %d", (int)number));
    else
        value.number = (int64_t)(mix(number, 2) >> (field->type == TYPE_INT32 ? 33 : 1));
    return value;
}

static void a_dictionary_that_is_full_is_left_and_no_row_with_it(void **state)
{
    AUTO(schema) *schema = schema_new();
    schema_add(schema, &(struct field){.name = "text", .type = TYPE_UTF8});
    schema_add(schema, &(struct field){.name = "text with NULLs", .type = TYPE_UTF8, .nullable = true});
    schema_add(schema, &(struct field){.name = "wide", .type = TYPE_INT64, .nullable = true});
    schema_add(schema, &(struct field){.name = "narrow", .type = TYPE_INT32, .nullable = true});
    AUTO_RELEASE(memory_file) file = {0};
    struct error err = {0};
    struct story story = {.schema = schema, .rows = 120000, .value = filling_value};
    story_write(&story, &file);
    assert_int_equal(story_read(&story, schema, &file, &err), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_any_width_are_packed_and_taken_out),
        cmocka_unit_test(differences_come_back_in_pieces_of_any_length),
        cmocka_unit_test(a_sorted_column_takes_a_few_bits_a_value),
        cmocka_unit_test(indices_come_back_in_pieces_of_any_length),
        cmocka_unit_test(runs_of_one_index_take_a_few_bytes),
        cmocka_unit_test(texts_are_told_apart_whatever_stands_in_them),
        cmocka_unit_test(the_values_say_how_they_are_encoded),
        cmocka_unit_test(what_compression_makes_hardly_shorter_is_not_compressed),
        cmocka_unit_test(bounds_are_those_of_all_values_whichever_encoding),
        cmocka_unit_test(a_dictionary_that_is_full_is_left_and_no_row_with_it),
        cmocka_unit_test(whatever_the_values_do_rows_stay_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

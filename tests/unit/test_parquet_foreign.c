/* Types that other writers store otherwise than ours does, each from bytes as the format says they are. */
#include "parquet_by_hand.h"
#include "parquet_story.h"

static const struct type_made plain_i32 = {PHYSICAL_INT32, -1, -1, -1, -1, -1},
                              i8 = {PHYSICAL_INT32, -1, CONVERTED_INT_8, -1, -1, -1},
                              u8 = {PHYSICAL_INT32, -1, CONVERTED_UINT_8, -1, -1, -1},
                              u16 = {PHYSICAL_INT32, -1, CONVERTED_UINT_8 + 1, -1, -1, -1},
                              u32 = {PHYSICAL_INT32, -1, CONVERTED_UINT_8 + 2, -1, -1, -1},
                              u64 = {PHYSICAL_INT64, -1, CONVERTED_UINT_64, -1, -1, -1},
                              unknown = {PHYSICAL_INT32, -1, -1, LOGICAL_UNKNOWN, -1, -1},
                              time_ms = {PHYSICAL_INT32, -1, CONVERTED_TIME_MILLIS, -1, -1, -1},
                              time_us = {PHYSICAL_INT64, -1, CONVERTED_TIME_MICROS, -1, -1, -1},
                              time_ns = {PHYSICAL_INT64, -1, -1, LOGICAL_TIME, -1, PARQUET_NANOS},
                              stamp_ns = {PHYSICAL_INT64, -1, -1, LOGICAL_TIMESTAMP, -1, PARQUET_NANOS},
                              int96 = {PHYSICAL_INT96, -1, -1, -1, -1, -1},
                              half = {PHYSICAL_FIXED, 2, -1, LOGICAL_FLOAT16, -1, -1},
                              decimal_text = {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_DECIMAL, -1, 38, -1},
                              decimal_wide = {PHYSICAL_FIXED, 13, CONVERTED_DECIMAL, -1, 18, -1},
                              enumerated = {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_ENUM, -1, -1, -1},
                              json = {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_JSON, -1, -1, -1},
                              bson = {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_BSON, -1, -1, -1},
                              uuid = {PHYSICAL_FIXED, 16, -1, LOGICAL_UUID, -1, -1},
                              interval = {PHYSICAL_FIXED, 12, CONVERTED_INTERVAL, -1, -1, -1},
                              fixed = {PHYSICAL_FIXED, 3, -1, -1, -1, -1};

static void cell_print(const struct batch *b, int64_t row, struct buf *out)
{
    switch (b->schema->fields[0].type) {
    case TYPE_UTF8:
    case TYPE_BINARY: buf_add_str(out, batch_bytes(b, 0, row)); break;
    case TYPE_FLOAT: buf_addf(out, "%g", (double)batch_float(b, 0, row)); break;
    case TYPE_DECIMAL: {
        __int128 value = batch_decimal(b, 0, row);
        buf_addf(out, "%lld", (long long)(value % INT64_C(1000000000000000000)));
        break;
    }
    default: buf_addf(out, "%lld", (long long)batch_integer(b, 0, row));
    }
}

/* "type: a b c", or the error. */
static void read_and_print(struct memory_file *file, struct buf *out)
{
    struct parquet_input input = memory_input(file);
    struct error err = {0};
    AUTO(parquet_reader) *reader = NULL;
    const struct batch *batch = NULL;
    enum rc rc = parquet_reader_open(&input, NULL, &reader, &err);
    if (rc == RC_OK)
        rc = batch_reader_next(parquet_reader_batches(reader), &batch, &err);
    if (rc != RC_OK) {
        buf_addf(out, "%s", err.text);
        return;
    }
    char type[FORMAT_TEXT];
    field_type_name(&batch->schema->fields[0], type);
    buf_addf(out, "%s:", type);
    for (int64_t row = 0; row < batch->rows; row++) {
        buf_addf(out, " ");
        cell_print(batch, row, out);
    }
}

/* By one page, and by a dictionary whose entries are used in turn. */
static void check(const struct type_made *type, int64_t values, struct str content, const char *says)
{
    static const uint8_t indices[] = {2, 3, 0xE4, 0}; /* of two bits: 0 1 2 3 */
    for (int by_dictionary = 0; by_dictionary < 2; by_dictionary++) {
        AUTO_RELEASE(memory_file) file = {0};
        AUTO_RELEASE(buf) found = {0};
        struct page_made page = {.type = PAGE_DATA, .rows = values, .raw_bytes = -1, .content = content};
        struct page_made pages[] = {{.type = PAGE_DICTIONARY, .rows = values, .raw_bytes = -1, .content = content},
                                    {.type = PAGE_DATA,
                                     .encoding = ENCODING_RLE_DICTIONARY,
                                     .rows = values,
                                     .raw_bytes = -1,
                                     .content = {(const char *)indices, sizeof(indices)}}};
        assert_true(values <= 4);
        parquet_by_hand(type, false, CODEC_NONE, by_dictionary ? pages : &page, by_dictionary ? 2 : 1, &file.bytes);
        read_and_print(&file, &found);
        bool is_right = strstr(found.at, says) != NULL;
        if (!is_right)
            print_error("'%s' instead of '%s'\n", found.at, says);
        assert_true(is_right);
    }
}

static void integers_become_the_next_signed_type_that_holds_them(void **state)
{
    check(&plain_i32, 2, S("\1\0\0\0\xFF\xFF\xFF\xFF"), "int32: 1 -1");
    check(&i8, 2, S("\x7F\0\0\0\x80\xFF\xFF\xFF"), "int16: 127 -128");
    check(&i8, 1, S("\x80\0\0\0"), "a value has more than the column's 8 bits");
    check(&u8, 2, S("\0\0\0\0\xFF\0\0\0"), "int16: 0 255");
    check(&u8, 1, S("\0\1\0\0"), "a value has more than the column's 8 bits");
    check(&u16, 1, S("\xFF\xFF\0\0"), "int32: 65535");
    check(&u32, 2, S("\xFF\xFF\xFF\xFF\0\0\0\x80"), "int64: 4294967295 2147483648");
    check(&u64, 2, S("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x0F\1\0\0\0\0\0\0\0"), "decimal(20,0): 152921504606846975 1");
    check(&u64, 1, S("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), "decimal(20,0): 446744073709551615"); /* without its 18 */
    check(&unknown, 1, S("\7\0\0\0"), "int32: 7");
}

static void times_are_kept_in_microseconds_or_refused(void **state)
{
    check(&time_ms, 2, S("\1\0\0\0\xFF\x5B\x26\5"), "time: 1000 86399999000");
    check(&time_us, 1, S("\7\0\0\0\0\0\0\0"), "time: 7");
    check(&time_ns, 1, S("\xD0\7\0\0\0\0\0\0"), "time: 2");
    check(&time_ns, 1, S("\xD1\7\0\0\0\0\0\0"), "is finer than its column's unit");
    check(&stamp_ns, 1, S("\x30\xF8\xFF\xFF\xFF\xFF\xFF\xFF"), "timestamp(us, UTC): -2");
    check(&stamp_ns, 1, S("\x2F\xF8\xFF\xFF\xFF\xFF\xFF\xFF"), "is finer than its column's unit");
    check(&int96, 2,
          S("\xE8\3\0\0\0\0\0\0\x8C\x3D\x25\0"
            "\0\0\0\0\0\0\0\0\x8B\x3D\x25\0"),
          "timestamp(us, UTC): 1 -86400000000");
    check(&int96, 1, S("\xE9\3\0\0\0\0\0\0\x8C\x3D\x25\0"), "a timestamp has nanoseconds");
    check(&int96, 1, S("\0\0\0\0\0\0\0\0\xFF\xFF\xFF\x7F"), "a timestamp is too far away");
}

/* The format promises it of these types, and nobody behind the reader looks again: SQLite would take any bytes. */
static void texts_are_utf8_each_by_itself_and_bytes_are_anything(void **state)
{
    static const struct type_made text = {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_UTF8, -1, -1, -1},
                                  bytes = {PHYSICAL_BYTE_ARRAY, -1, -1, -1, -1, -1};
    static const struct type_made *const types[] = {&text, &enumerated, &json};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        check(types[i], 3, S("\3\0\0\0\xE2\x82\xAC\0\0\0\0\2\0\0\0\xC3\xA4"), "utf8: \xE2\x82\xAC  \xC3\xA4");
        check(types[i], 1, S("\1\0\0\0\xE4"), "it holds a text that is not UTF-8");
        check(types[i], 2, S("\1\0\0\0\xC3\1\0\0\0\xA4"), "it holds a text that is not UTF-8");
    }
    check(&bytes, 2, S("\1\0\0\0\xC3\1\0\0\0\xA4"), "binary: \xC3 \xA4");
}

static void halves_are_floats(void **state)
{
    check(&half, 4, S("\0\x3C\0\xC0\xFF\x7B\1\0"), "float: 1 -2 65504 5.96046e-08");
    check(&half, 4, S("\0\x7C\0\xFC\0\x80\0\4"), "float: inf -inf -0 6.10352e-05");
    check(&half, 1, S("\0\x7E"), "float: nan");
}

static void decimals_may_have_any_number_of_bytes_that_holds_them(void **state)
{
    check(&decimal_text, 3, S("\1\0\0\0\x7F\1\0\0\0\x80\2\0\0\0\xFF\x7F"), "decimal(38,0): 127 -128 -129");
    check(&decimal_text, 1, S("\x12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5"), "decimal(38,0): 5");
    check(&decimal_text, 1, S("\x11\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5"), "a value is no decimal");
    check(&decimal_text, 1, S("\x10\0\0\0\x7F\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5"),
          "a value is no decimal of the column's 38");
    check(&decimal_text, 1, S("\0\0\0\0"), "a value is no decimal");
    check(&decimal_wide, 2,
          S("\0\0\0\0\0\0\0\0\0\0\0\1\0"
            "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE"),
          "decimal(18,0): 256 -2");
}

static void what_is_bytes_or_can_only_be_text_is_so(void **state)
{
    check(&enumerated, 2, S("\1\0\0\0A\2\0\0\0BC"), "utf8: A BC");
    check(&json, 1, S("\2\0\0\0{}"), "utf8: {}");
    check(&bson, 1, S("\2\0\0\0ab"), "binary: ab");
    check(&fixed, 2, S("abcdef"), "binary: abc def");
    check(&uuid, 1, S("\1\x23\x45\x67\x89\xAB\xCD\xEF\1\x23\x45\x67\x89\xAB\xCD\xEF"),
          "utf8: 01234567-89ab-cdef-0123-456789abcdef");
    check(&interval, 2,
          S("\1\0\0\0\2\0\0\0\xB9\x0B\0\0"
            "\xFF\xFF\xFF\xFF\0\0\0\0\0\0\0\0"),
          "utf8: P1M2DT3.001S P4294967295M0DT0.000S");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_become_the_next_signed_type_that_holds_them),
        cmocka_unit_test(times_are_kept_in_microseconds_or_refused),
        cmocka_unit_test(texts_are_utf8_each_by_itself_and_bytes_are_anything),
        cmocka_unit_test(halves_are_floats),
        cmocka_unit_test(decimals_may_have_any_number_of_bytes_that_holds_them),
        cmocka_unit_test(what_is_bytes_or_can_only_be_text_is_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

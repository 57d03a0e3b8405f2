/* The small parts of the Parquet code, each against its rule: runs of bits, levels, bounds of statistics. */
#include "data/parquet/bits.h"
#include "data/parquet/levels.h"
#include "data/parquet/statistics.h"
#include "parquet_story.h"

static void random_bits(uint8_t *bits, size_t bytes, uint64_t seed)
{
    for (size_t i = 0; i < bytes; i++)
        bits[i] = (uint8_t)mix(seed, i);
}

static void runs_of_bits_are_copied_filled_and_counted_at_every_offset(void **state)
{
    enum { BYTES = 24 };
    for (int to_at = 0; to_at < 10; to_at++) {
        for (int from_at = 0; from_at < 10; from_at++) {
            for (int count = 0; count < 150; count += 1 + count / 20) {
                uint8_t from[BYTES], to[BYTES], copied[BYTES], filled[BYTES];
                random_bits(from, BYTES, (uint64_t)count);
                random_bits(to, BYTES, (uint64_t)from_at + 1000);
                memcpy(copied, to, BYTES);
                memcpy(filled, to, BYTES);
                bits_copy(copied, to_at, from, from_at, count);
                bits_fill(filled, to_at, count % 2, count);
                int64_t ones = 0;
                for (int i = 0; i < BYTES * 8; i++) {
                    bool inside = i >= to_at && i < to_at + count;
                    assert_int_equal(bits_get(copied, i),
                                     inside ? bits_get(from, i - to_at + from_at) : bits_get(to, i));
                    assert_int_equal(bits_get(filled, i), inside ? count % 2 : bits_get(to, i));
                    ones += inside && bits_get(to, i);
                }
                assert_int_equal(bits_count(to, to_at, count), ones);
            }
        }
    }
}

/* Takes levels in pieces of any length and compares with the bits they were made of. */
static void take_all(struct levels *levels, const uint8_t *bits, int64_t rows)
{
    uint8_t validity[512];
    memset(validity, 0xFF, sizeof(validity));
    for (int64_t row = 0, take; row < rows; row += take) {
        int64_t nulls = -1;
        take = 1 + (int64_t)(mix((uint64_t)row, 9) % 20);
        take = take < rows - row ? take : rows - row;
        assert_true(levels_take(levels, validity, row, take, &nulls));
        assert_int_equal(nulls, take - bits_count(bits, row, take));
    }
    for (int64_t row = 0; row < rows; row++)
        assert_int_equal(bits_get(validity, row), bits_get(bits, row));
}

static void levels_come_back_in_pieces_of_any_length(void **state)
{
    for (int64_t rows = 1; rows < 1000; rows += 1 + rows / 7) {
        uint8_t bits[128] = {0}, ones[128];
        AUTO_RELEASE(buf) page = {0};
        struct levels levels;
        memset(ones, 0xFF, sizeof(ones));
        random_bits(bits, (size_t)(rows + 7) / 8, (uint64_t)rows);
        levels_write(&page, bits, rows);
        levels_write(&page, NULL, rows);
        const uint8_t *at = (const uint8_t *)page.at, *end = at + page.len;
        assert_true(levels_open(&levels, &at, end));
        take_all(&levels, bits, rows);
        assert_true(levels_open(&levels, &at, end) && at == end);
        take_all(&levels, ones, rows);
    }
}

static void runs_as_other_writers_mix_them_are_read(void **state)
{
    /* 5 ones, 16 packed, 3 zeros, 100 ones, 8 packed */
    static const char page[] = "\x0C\0\0\0"
                               "\x0A\x01"
                               "\x05\xA5\x0F"
                               "\x06\0"
                               "\xC8\x01\x01"
                               "\x03\x81";
    uint8_t bits[17] = {0}, packed[] = {0xA5, 0x0F}, last[] = {0x81};
    bits_fill(bits, 0, true, 5);
    bits_copy(bits, 5, packed, 0, 16);
    bits_fill(bits, 24, true, 100);
    bits_copy(bits, 124, last, 0, 8);
    struct levels levels, bookmark;
    const uint8_t *at = (const uint8_t *)page;
    assert_true(levels_open(&levels, &at, at + sizeof(page) - 1));
    bookmark = levels;
    take_all(&levels, bits, 132);
    take_all(&bookmark, bits, 132);
    uint8_t one = 0xFF;
    int64_t nulls;
    assert_false(levels_take(&levels, &one, 0, 1, &nulls));
}

static void levels_of_more_rows_than_there_are_are_noticed(void **state)
{
    static const uint8_t bits[] = {0x5B, 0x02}; /* 10 rows, 4 NULLs */
    AUTO_RELEASE(buf) page = {0};
    struct levels packed, run;
    int64_t nulls;
    levels_write(&page, bits, 10);
    levels_write(&page, NULL, 10);
    const uint8_t *at = (const uint8_t *)page.at, *end = at + page.len;
    assert_true(levels_open(&packed, &at, end) && levels_open(&run, &at, end));
    assert_true(levels_check(&packed, 10, &nulls) && nulls == 4);
    assert_true(levels_check(&packed, 8, &nulls) && nulls == 3); /* a whole byte may be padding, as DuckDB writes it */
    assert_false(levels_check(&packed, 17, &nulls));
    assert_true(levels_check(&run, 10, &nulls) && nulls == 0);
    assert_false(levels_check(&run, 9, &nulls));
    assert_false(levels_check(&run, 11, &nulls));
}

static void levels_that_are_none_are_refused(void **state)
{
    static const struct str pages[] = {S("\1\0\0"),          S("\2\0\0\0\x02"), S("\2\0\0\0\x02\x02"),
                                       S("\1\0\0\0\x02"),    S("\1\0\0\0\x03"), S("\6\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF"),
                                       S("\4\0\0\0\0\0\0\0")};
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        struct levels levels;
        const uint8_t *at = (const uint8_t *)pages[i].at;
        uint8_t validity = 0xFF;
        int64_t nulls;
        assert_false(levels_open(&levels, &at, at + pages[i].len) && levels_take(&levels, &validity, 0, 1, &nulls));
    }
}

struct stated {
    bool has_least, has_most, least_exact, most_exact;
    int64_t nulls, nans;
    struct str least, most;
    struct buf bytes; /* what the two point into */
};
static void stated_release(struct stated *self) { buf_release(&self->bytes); }

static void stated_read(struct stated *ret)
{
    struct str bytes = buf_str(&ret->bytes);
    struct thrift_reader r = THRIFT_READER(bytes);
    struct thrift_field field;
    ret->nans = -1;
    assert_true(thrift_next(&r, &field) && field.id == 12);
    thrift_get_struct(&r, field);
    while (thrift_next(&r, &field)) {
        switch (field.id) {
        case 3: ret->nulls = thrift_get_int(&r, field); break;
        case 5:
            ret->most = thrift_get_bytes(&r, field);
            ret->has_most = true;
            break;
        case 6:
            ret->least = thrift_get_bytes(&r, field);
            ret->has_least = true;
            break;
        case 7: ret->most_exact = thrift_get_bool(&r, field); break;
        case 8: ret->least_exact = thrift_get_bool(&r, field); break;
        case 9: ret->nans = thrift_get_int(&r, field); break;
        default: assert_true(false);
        }
    }
    assert_int_equal(r.fault, THRIFT_OK);
}

/* Statistics of values that come in batches of `batch` values. */
static void state_of(enum type type, const void *values, size_t width, int64_t count, int64_t batch, struct stated *ret)
{
    struct field field = {.name = "c", .type = type, .nullable = true, .precision = 38};
    struct statistics statistics = {0};
    struct storage storage;
    struct profile profile;
    struct error err;
    profile_of(PARQUET_DEFAULT, &profile);
    storage_of(&field, &profile, &storage);
    for (int64_t i = 0; i < count; i += batch) {
        int64_t some = batch < count - i ? batch : count - i;
        struct dense dense = {.rows = some + 1, .count = some, .values = (const char *)values + (size_t)i * width};
        statistics.nulls += dense.rows - dense.count;
        assert_int_equal(statistics_add(&statistics, &field, &storage, &dense, &err), RC_OK);
    }
    struct thrift_writer w = THRIFT_WRITER(&ret->bytes);
    statistics_write(&statistics, &field, &storage, &w, 12);
    stated_read(ret);
}

static void bounds_of_short_texts_are_the_texts(void **state)
{
    struct str texts[] = {S("b"), S("a\0b"), S("ab"), S("a"), S("\xFF"), S("")};
    AUTO_RELEASE(stated) six = {0}, four = {0};
    state_of(TYPE_BINARY, texts, sizeof(*texts), 6, 1, &six);
    assert_true(six.least_exact && six.most_exact && six.has_least && str_eq(six.least, S("")) &&
                str_eq(six.most, S("\xFF")));
    state_of(TYPE_BINARY, texts, sizeof(*texts), 4, 4, &four);
    assert_true(str_eq(four.least, S("a")) && str_eq(four.most, S("b")) && four.nulls == 1 && four.nans == -1);
}

static void repeat(struct buf *out, struct str piece, int times)
{
    for (int i = 0; i < times; i++)
        buf_add_str(out, piece);
}

/* One long value: its lower bound is a prefix, its upper bound is larger by as little as possible. */
static void long_texts_are_cut_down_and_up(void **state)
{
    static const struct {
        const char *what;
        enum type type;
        struct str head;
        struct str repeated;
        size_t least_len;
        struct str most_end; /* what the upper bound ends in; at NULL: there is none */
        size_t most_len;
    } cases[] = {
        {"bytes", TYPE_BINARY, S(""), S("a"), 64, S("ab"), 64},
        {"0xFF at the end is dropped", TYPE_BINARY, S("a"), S("\xFF"), 64, S("b"), 1},
        {"0xFF alone has no upper bound", TYPE_BINARY, S(""), S("\xFF"), 64, {NULL, 0}, 0},
        {"ASCII", TYPE_UTF8, S(""), S("a"), 64, S("ab"), 64},
        {"DEL becomes two bytes", TYPE_UTF8, S(""), S("\x7F"), 64, S("\x7F\xC2\x80"), 65},
        {"two bytes", TYPE_UTF8, S(""), S("é"), 64, S("éê"), 64},
        {"two bytes, cut in a character", TYPE_UTF8, S("x"), S("é"), 63, S("éê"), 63},
        {"three bytes", TYPE_UTF8, S(""), S("€"), 63, S("€₭"), 63},
        {"before the surrogates", TYPE_UTF8, S(""), S("\xED\x9F\xBF"), 63, S("\xED\x9F\xBF\xEE\x80\x80"), 63},
        {"U+FFFF becomes four bytes", TYPE_UTF8, S(""), S("\xEF\xBF\xBF"), 63, S("\xEF\xBF\xBF\xF0\x90\x80\x80"), 64},
        {"four bytes", TYPE_UTF8, S("xyz"), S("😀"), 63, S("😀😁"), 63},
        {"the last character is dropped", TYPE_UTF8, S("b"), S("\xF4\x8F\xBF\xBF"), 61, S("c"), 1},
        {"the last character alone", TYPE_UTF8, S(""), S("\xF4\x8F\xBF\xBF"), 64, {NULL, 0}, 0},
        {"not UTF-8 after all", TYPE_UTF8, S(""), S("\xFE"), 63, S("\xFE\xFF"), 64},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO_RELEASE(buf) text = {0};
        AUTO_RELEASE(stated) stated = {0};
        buf_add_str(&text, cases[i].head);
        repeat(&text, cases[i].repeated, 100);
        struct str value = buf_str(&text), end = cases[i].most_end;
        state_of(cases[i].type, &value, sizeof(value), 1, 1, &stated);
        if (stated.most.len != cases[i].most_len)
            print_error("%s: %zu bytes\n", cases[i].what, stated.most.len);
        assert_true(stated.has_least && !stated.least_exact && str_has_prefix(value, stated.least));
        assert_int_equal(stated.least.len, cases[i].least_len);
        assert_int_equal(stated.has_most, end.at != NULL);
        assert_int_equal(stated.most.len, cases[i].most_len);
        if (!stated.has_most)
            continue;
        assert_true(!stated.most_exact && str_cmp(stated.most, value) > 0 && stated.most.len >= end.len);
        assert_true(str_eq((struct str){stated.most.at + stated.most.len - end.len, end.len}, end));
    }
}

/* Texts that agree for long, some cut, some not, in any batches: no value lies outside, and exact means what it says.
 */
static void no_text_lies_outside_its_bounds(void **state)
{
    static const char *const pieces[] = {"a", "aaaaaaaaaaaaaaaa", "é", "€", "b", "\xF4\x8F\xBF\xBF"};
    enum { TEXTS = 12 };
    AUTO_RELEASE(arena) arena = {0};
    for (uint64_t seed = 0; seed < 3000; seed++, arena_reset(&arena)) {
        struct str texts[TEXTS], least = {NULL, 0}, most = {NULL, 0};
        AUTO_RELEASE(stated) stated = {0};
        for (uint64_t i = 0; i < TEXTS; i++) {
            AUTO_RELEASE(buf) text = {0};
            repeat(&text, S("a"), (int)(60 + mix(seed, i) % 6));
            for (uint64_t j = 0; j < mix(seed, i + 100) % 5; j++)
                buf_add_str(&text, str(pieces[mix(seed, 10 * i + j) % 6]));
            texts[i] = (struct str){arena_str(&arena, buf_str(&text)), text.len};
            least = i == 0 || str_cmp(texts[i], least) < 0 ? texts[i] : least;
            most = i == 0 || str_cmp(texts[i], most) > 0 ? texts[i] : most;
        }
        state_of(seed % 2 ? TYPE_UTF8 : TYPE_BINARY, texts, sizeof(*texts), TEXTS, 1 + (int64_t)(seed % 5), &stated);
        assert_true(stated.has_least && stated.has_most);
        assert_int_equal(stated.least_exact, least.len <= STATISTICS_TEXT_BYTES);
        assert_true(stated.least_exact ? str_eq(stated.least, least) : str_has_prefix(least, stated.least));
        assert_true(stated.most_exact ? str_eq(stated.most, most) : str_cmp(stated.most, most) > 0);
        assert_true(seed % 2 == 0 || (str_is_utf8(stated.least) && str_is_utf8(stated.most)));
    }
}

static double real_of(struct str bytes)
{
    double value;
    assert_int_equal(bytes.len, sizeof(value));
    memcpy(&value, bytes.at, sizeof(value));
    return value;
}

static void bounds_of_doubles_know_nans_and_the_two_zeros(void **state)
{
    double zeros[] = {0.0, 0.0}, minus[] = {-0.0, -1}, with_nan[] = {1, __builtin_nan(""), 2},
           infinite[] = {-__builtin_inf(), 5};
    AUTO_RELEASE(stated) a = {0}, b = {0}, c = {0}, d = {0};
    state_of(TYPE_DOUBLE, zeros, sizeof(double), 2, 1, &a);
    assert_true(__builtin_signbit(real_of(a.least)) && !__builtin_signbit(real_of(a.most)) && a.nans == 0);
    state_of(TYPE_DOUBLE, minus, sizeof(double), 2, 1, &b);
    assert_true(real_of(b.least) == -1 && real_of(b.most) == 0 && !__builtin_signbit(real_of(b.most)));
    state_of(TYPE_DOUBLE, with_nan, sizeof(double), 3, 1, &c);
    assert_true(!c.has_least && !c.has_most && c.nans == 1 && c.nulls == 3);
    state_of(TYPE_DOUBLE, infinite, sizeof(double), 2, 1, &d);
    assert_true(real_of(d.least) == -__builtin_inf() && real_of(d.most) == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_bits_are_copied_filled_and_counted_at_every_offset),
        cmocka_unit_test(levels_come_back_in_pieces_of_any_length),
        cmocka_unit_test(runs_as_other_writers_mix_them_are_read),
        cmocka_unit_test(levels_of_more_rows_than_there_are_are_noticed),
        cmocka_unit_test(levels_that_are_none_are_refused),
        cmocka_unit_test(bounds_of_short_texts_are_the_texts),
        cmocka_unit_test(long_texts_are_cut_down_and_up),
        cmocka_unit_test(no_text_lies_outside_its_bounds),
        cmocka_unit_test(bounds_of_doubles_know_nans_and_the_two_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Compressions: what each writes comes back, from one piece and from several; and what other writers make of theirs. */
#include <zlib.h>

#include "data/parquet/codec.h"
#include "parquet_story.h"

static const enum codec_id codecs[] = {CODEC_ZSTD, CODEC_SNAPPY, CODEC_GZIP, CODEC_LZ4};
enum { CODECS = sizeof(codecs) / sizeof(*codecs), BYTES_MAX = 3 << 20 };

static void fill(char *at, size_t bytes, uint64_t seed)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (char)(mix(seed, i / 8) % 3 ? 'a' + mix(seed, i / 50) % 7 : mix(seed, i));
}

static void check(enum codec_id codec, struct str packed, struct str raw)
{
    struct error err = {0};
    AUTO(decompressor) *decompressor = decompressor_new();
    AUTO_RELEASE(buf) back = {0};
    buf_reserve(&back, raw.len + 1);
    for (int again = 0; again < 2; again++) { /* the second time the context has been used */
        assert_int_equal(decompressor_check(codec, packed, raw.len, &err), RC_OK);
        assert_int_equal(decompressor_run(decompressor, codec, packed, back.at, raw.len, &err), RC_OK);
        assert_memory_equal(back.at, raw.at, raw.len);
    }
    assert_int_equal(decompressor_run(decompressor, codec, packed, back.at, raw.len + 1, &err), RC_DATA);
    if (raw.len > 0)
        assert_int_equal(decompressor_run(decompressor, codec, packed, back.at, raw.len - 1, &err), RC_DATA);
    packed.len--;
    assert_int_equal(decompressor_run(decompressor, codec, packed, back.at, raw.len, &err), RC_DATA);
}

static void pieces_of_any_size_come_back_as_one(void **state)
{
    static const size_t sizes[][3] = {{0, 0, 0},        {1, 0, 0},      {0, 5, 0},         {3, 4, 5},
                                      {1000, 0, 70000}, {0, 200000, 1}, {BYTES_MAX, 0, 0}, {1 << 20, 1 << 20, 1 << 20}};
    char *raw = xcalloc(BYTES_MAX, 1), *packed = NULL;
    for (size_t i = 0; i < CODECS * sizeof(sizes) / sizeof(*sizes); i++) {
        const size_t *size = sizes[i / CODECS];
        enum codec_id codec = codecs[i % CODECS];
        size_t bytes = size[0] + size[1] + size[2];
        fill(raw, bytes, i);
        struct str pieces[] = {{raw, size[0]}, {raw + size[0], size[1]}, {raw + size[0] + size[1], size[2]}};
        AUTO(compressor) *compressor = compressor_new(codec, 0);
        size_t room = compressor_bound(compressor, bytes);
        packed = xrealloc(packed, room);
        size_t len = compressor_run(compressor, pieces, 3, packed, room);
        assert_int_equal(compressor_run(compressor, pieces, 3, packed, room), len);
        check(codec, (struct str){packed, len}, (struct str){raw, bytes});
    }
    free(raw);
    free(packed);
}

static void a_higher_level_is_asked_of_those_that_have_levels(void **state)
{
    static const struct {
        enum codec_id codec;
        int low, high;
    } cases[] = {{CODEC_ZSTD, 1, 19}, {CODEC_GZIP, 1, 9}};
    enum { BYTES = 100000 };
    char raw[BYTES], packed[2 * BYTES];
    fill(raw, BYTES, 5);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO(compressor) *low = compressor_new(cases[i].codec, cases[i].low);
        AUTO(compressor) *high = compressor_new(cases[i].codec, cases[i].high);
        struct str whole = {raw, BYTES};
        assert_true(compressor_run(high, &whole, 1, packed, sizeof(packed)) <
                    compressor_run(low, &whole, 1, packed, sizeof(packed)));
    }
}

static size_t put(struct buf *out, enum codec_id codec, struct str raw)
{
    AUTO(compressor) *compressor = compressor_new(codec, 0);
    size_t room = compressor_bound(compressor, raw.len);
    buf_reserve(out, room);
    size_t len = compressor_run(compressor, &raw, 1, out->at + out->len, room);
    out->len += len;
    return len;
}

static void gzip_may_have_several_members_or_be_zlib(void **state)
{
    AUTO_RELEASE(buf) members = {0};
    put(&members, CODEC_GZIP, S("the first half, "));
    put(&members, CODEC_GZIP, S(""));
    put(&members, CODEC_GZIP, S("the second half"));
    check(CODEC_GZIP, buf_str(&members), S("the first half, the second half"));
    Bytef room[100];
    uLongf bytes = sizeof(room);
    assert_int_equal(compress(room, &bytes, (const Bytef *)"as zlib has it", 14), Z_OK);
    check(CODEC_GZIP, (struct str){(const char *)room, bytes}, S("as zlib has it"));
}

static void put_length(struct buf *out, size_t length)
{
    uint32_t big_endian = __builtin_bswap32((uint32_t)length);
    buf_add(out, &big_endian, sizeof(big_endian));
}

static void put_block(struct buf *out, struct str raw)
{
    AUTO_RELEASE(buf) block = {0};
    put(&block, CODEC_LZ4, raw);
    put_length(out, block.len);
    buf_add_str(out, buf_str(&block));
}

static void lz4_of_hadoop_has_frames_of_blocks_or_none(void **state)
{
    AUTO_RELEASE(buf) frames = {0};
    AUTO_RELEASE(buf) bare = {0};
    put_length(&frames, 9);
    put_block(&frames, S("four"));
    put_block(&frames, S("fiver"));
    put_length(&frames, 3);
    put_block(&frames, S("six"));
    check(CODEC_LZ4_HADOOP, buf_str(&frames), S("fourfiversix"));
    put(&bare, CODEC_LZ4, S("a block alone"));
    check(CODEC_LZ4_HADOOP, buf_str(&bare), S("a block alone"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_any_size_come_back_as_one),
        cmocka_unit_test(a_higher_level_is_asked_of_those_that_have_levels),
        cmocka_unit_test(gzip_may_have_several_members_or_be_zlib),
        cmocka_unit_test(lz4_of_hadoop_has_frames_of_blocks_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

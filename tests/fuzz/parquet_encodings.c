/* Encodings inside of a page, each by itself: differences, indices into a dictionary, levels. What was read is written
 * by our own writer, and read again.
 *
 * Parser: src/data/parquet/delta.c src/data/parquet/indices.c src/data/parquet/levels.c src/data/parquet/packed.c
 * Parser: src/data/parquet/bits.c src/data/parquet/delta_text.c src/data/parquet/stream_split.c
 * Bytes: 1024 */
#include "data/parquet/bits.h"
#include "data/parquet/delta.h"
#include "data/parquet/delta_text.h"
#include "data/parquet/indices.h"
#include "data/parquet/levels.h"
#include "data/parquet/packed.h"
#include "data/parquet/stream_split.h"
#include "fuzz.h"

enum { COUNT_MAX = 2000 };

static void take_deltas(struct delta *delta, int64_t *into, int64_t count, int step)
{
    for (int64_t done = 0; done < count; done += step)
        delta_take(delta, into + done, count - done < step ? count - done : step);
}

static void fuzz_delta(struct fuzz *in)
{
    int width = fuzz_choice(in, 2) == 0 ? 4 : 8, step = fuzz_byte(in) + 1;
    int64_t count = (int64_t)fuzz_number(in, 2) % COUNT_MAX, values[COUNT_MAX], again[COUNT_MAX];
    struct str rest = fuzz_rest(in);
    uint8_t *page = fuzz_copy(rest, PACKED_SLACK);
    struct delta delta;
    const uint8_t *end;
    AUTO_RELEASE(buf) out = {0}, narrow = {0};
    if (delta_open(&delta, page, page + rest.len, count, &end)) {
        assert(end >= page && end <= page + rest.len);
        take_deltas(&delta, values, count, step);
        for (int64_t i = 0; i < count; i++) {
            int32_t value = (int32_t)values[i];
            values[i] = width == 4 ? value : values[i];
            buf_add(&narrow, &value, sizeof(value));
        }
        const void *plain = width == 4 ? (const void *)narrow.at : values;
        delta_write(&out, plain, count, width);
        (void)delta_estimate(plain, count, width);
        size_t len = out.len;
        buf_add(&out, (char[PACKED_SLACK]){0}, PACKED_SLACK);
        const uint8_t *at = (const uint8_t *)out.at;
        bool is_sound = delta_open(&delta, at, at + len, count, &end);
        assert(is_sound && end == at + len);
        take_deltas(&delta, again, count, COUNT_MAX);
        for (int64_t i = 0; i < count; i++)
            assert((width == 4 ? (int32_t)again[i] : again[i]) == values[i]);
    }
    free(page);
}

static void fuzz_indices(struct fuzz *in)
{
    int step = fuzz_byte(in) + 1;
    int64_t count = (int64_t)fuzz_number(in, 2) % COUNT_MAX;
    uint32_t entries = (uint32_t)fuzz_number(in, fuzz_choice(in, 2) == 0 ? 1 : 4), values[COUNT_MAX], again[COUNT_MAX];
    uint16_t narrow[COUNT_MAX];
    struct str rest = fuzz_rest(in);
    uint8_t *page = fuzz_copy(rest, PACKED_SLACK);
    struct indices indices = {0};
    AUTO_RELEASE(buf) out = {0};
    if (indices_open(&indices, page, page + rest.len, count, entries)) {
        for (int64_t done = 0; done < count;)
            done += indices_take(&indices, values + done, count - done < step ? count - done : step);
        for (int64_t i = 0; i < count; i++) {
            assert(values[i] < entries);
            narrow[i] = (uint16_t)values[i];
        }
        if (entries > 0 && entries <= INDICES_MAX) {
            indices_write(&out, narrow, count, entries);
            size_t len = out.len;
            buf_add(&out, (char[PACKED_SLACK]){0}, PACKED_SLACK);
            const uint8_t *at = (const uint8_t *)out.at;
            bool is_sound = indices_open(&indices, at, at + len, count, entries);
            assert(is_sound);
            for (int64_t done = 0; done < count;)
                done += indices_take(&indices, again + done, count - done);
            assert(count == 0 || memcmp(values, again, (size_t)count * sizeof(*values)) == 0);
        }
    }
    free(page);
}

static void fuzz_levels(struct fuzz *in)
{
    int step = fuzz_byte(in) + 1;
    int64_t rows = (int64_t)fuzz_number(in, 2) % COUNT_MAX, nulls = -1, counted = -1, again = -1, sum = 0;
    struct str rest = fuzz_rest(in);
    uint8_t *bytes = fuzz_copy(rest, 0), validity[COUNT_MAX / 8 + 1];
    const uint8_t *page = bytes;
    struct levels levels;
    AUTO_RELEASE(buf) out = {0};
    if (levels_open(&levels, &page, bytes + rest.len) && levels_check(&levels, rows, &nulls)) {
        bool is_sound = levels_count_nulls(&levels, rows, &counted);
        assert(is_sound && counted == nulls && nulls >= 0 && nulls <= rows);
        memset(validity, 0xFF, sizeof(validity));
        for (int64_t done = 0; done < rows; done += step) {
            is_sound = levels_take(&levels, validity, done, rows - done < step ? rows - done : step, &again);
            assert(is_sound);
            sum += again;
        }
        assert(sum == nulls && bits_count(validity, 0, rows) == rows - nulls);
        bits_fill(validity, rows, false, (8 - rows % 8) % 8);
        levels_write(&out, nulls > 0 ? validity : NULL, rows);
        page = (const uint8_t *)out.at;
        is_sound = levels_open(&levels, &page, page + out.len) && levels_check(&levels, rows, &again);
        assert(is_sound && again == nulls);
    }
    free(bytes);
}

/* All texts, and their lengths; false: these are none. */
static bool texts_of(const uint8_t *at, const uint8_t *end, int64_t count, int step, struct buf *ret,
                     int32_t lengths[COUNT_MAX])
{
    enum { LONGEST_MAX = 1 << 16, BYTES_MAX = 4 << 20 };
    AUTO_RELEASE(delta_texts) texts = {0};
    if (!delta_texts_open(&texts, at, end, count, LONGEST_MAX))
        return false;
    size_t all = delta_texts_peek(&texts, count), sum = 0;
    if (all > BYTES_MAX)
        return false;
    buf_reserve(ret, all);
    for (int64_t done = 0; done < count; done += step) {
        int64_t some = count - done < step ? count - done : step;
        size_t bytes = delta_texts_peek(&texts, some);
        delta_texts_take(&texts, some, ret->at + ret->len, lengths + done);
        ret->len += bytes;
    }
    for (int64_t i = 0; i < count; i++)
        sum += (size_t)lengths[i];
    assert(sum == all && ret->len == all);
    return true;
}

static void fuzz_texts(struct fuzz *in)
{
    int step = fuzz_byte(in) + 1;
    int64_t count = (int64_t)fuzz_number(in, 2) % COUNT_MAX;
    int32_t lengths[COUNT_MAX], again[COUNT_MAX];
    struct str rest = fuzz_rest(in);
    uint8_t *page = fuzz_copy(rest, PACKED_SLACK);
    AUTO_RELEASE(buf) first = {0}, second = {0}, out = {0}, scratch = {0};
    if (texts_of(page, page + rest.len, count, step, &first, lengths)) {
        uint32_t unsigned_lengths[COUNT_MAX];
        for (int64_t i = 0; i < count; i++)
            unsigned_lengths[i] = (uint32_t)lengths[i];
        delta_texts_write(&out, buf_str(&first).at, unsigned_lengths, count, &scratch);
        size_t len = out.len;
        buf_add(&out, (char[PACKED_SLACK]){0}, PACKED_SLACK);
        const uint8_t *at = (const uint8_t *)out.at;
        bool is_sound = texts_of(at, at + len, count, COUNT_MAX, &second, again);
        assert(is_sound && str_eq(buf_str(&first), buf_str(&second)));
        assert(count == 0 || memcmp(lengths, again, (size_t)count * sizeof(*lengths)) == 0);
    }
    free(page);
}

static void fuzz_split(struct fuzz *in)
{
    int width = fuzz_choice(in, 16) + 1;
    struct str rest = fuzz_rest(in);
    int64_t count = (int64_t)rest.len / width, half = count / 2;
    if (count == 0)
        return;
    uint8_t *values = malloc(rest.len);
    AUTO_RELEASE(buf) out = {0};
    stream_split_read((const uint8_t *)rest.at, count, width, 0, half, values);
    stream_split_read((const uint8_t *)rest.at, count, width, half, count - half, values + half * width);
    stream_split_write(&out, values, count, width);
    assert(memcmp(out.at, rest.at, (size_t)(count * width)) == 0);
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    switch (fuzz_choice(&in, 5)) {
    case 0: fuzz_delta(&in); break;
    case 1: fuzz_indices(&in); break;
    case 2: fuzz_levels(&in); break;
    case 3: fuzz_texts(&in); break;
    default: fuzz_split(&in);
    }
    return 0;
}

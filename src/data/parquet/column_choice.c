/* Which encoding the values of a column ask for, where a dictionary does not pay: some values of the open page are
 * encoded in each way, compressed as the page will be, and compared. */
#include <stdlib.h>

#include "data/parquet/column_writer.h"
#include "data/parquet/delta_text.h"
#include "data/parquet/plain.h"
#include "data/parquet/stream_split.h"

enum {
    SAMPLE_VALUES = 2048,
    SAMPLE_TEXT_BYTES = 32 << 10,
    TEXTS_MIN = 16,
    WORTH = 32,  /* what is shorter by less than one byte in WORTH is not worth a rarer encoding */
    SHARED = 16, /* texts that share less than one byte in SHARED with the one before are not tried */
};

static size_t packed_bytes(struct page_maker *maker, struct str sample)
{
    struct page_content content = {.type = PAGE_DATA, .pieces = {sample}};
    if (compressor_codec(maker->compressor) == CODEC_NONE)
        return sample.len;
    struct page_block *packed = page_pack(maker->compressor, &content);
    size_t bytes = packed->len < sample.len ? packed->len : sample.len;
    free(packed);
    return bytes;
}

static bool may(const struct page_maker *maker, unsigned encoding)
{
    return (maker->profile.encodings & encoding) != 0;
}

/* DELTA_BINARY_PACKED is taken if it is no longer: less is left to compress. */
static enum encoding choose_fixed(const struct column_writer *self, struct page_maker *maker)
{
    int width = self->storage.width;
    bool is_integer = self->storage.physical == PHYSICAL_INT32 || self->storage.physical == PHYSICAL_INT64;
    int64_t count = self->page_values < SAMPLE_VALUES ? self->page_values : SAMPLE_VALUES;
    bool is_real = self->storage.physical == PHYSICAL_FLOAT || self->storage.physical == PHYSICAL_DOUBLE;
    bool may_split = may(maker, PARQUET_SPLIT) && is_real, may_delta = may(maker, PARQUET_DELTA) && is_integer;
    if (count < 2 || !(may_split || may_delta))
        return ENCODING_PLAIN;
    enum encoding best = ENCODING_PLAIN;
    size_t least = packed_bytes(maker, (struct str){self->values.at, (size_t)count * (size_t)width});
    if (may_delta) {
        delta_write(&maker->scratch, self->values.at, count, width);
        size_t bytes = packed_bytes(maker, buf_str(&maker->scratch));
        best = bytes <= least ? ENCODING_DELTA_BINARY_PACKED : best;
        least = bytes <= least ? bytes : least;
        buf_reset(&maker->scratch);
    }
    if (may_split) {
        stream_split_write(&maker->scratch, self->values.at, count, width);
        if (packed_bytes(maker, buf_str(&maker->scratch)) < least - least / WORTH)
            best = ENCODING_BYTE_STREAM_SPLIT;
        buf_reset(&maker->scratch);
    }
    return best;
}

struct text_sample {
    const uint32_t *lengths;
    int64_t count;
    size_t bytes, shared;
};

static size_t shared_bytes(const char *before, size_t before_len, const char *at, size_t len)
{
    size_t most = before_len < len ? before_len : len, shared = 0;
    while (shared < most && before[shared] == at[shared])
        shared++;
    return shared;
}

static struct text_sample sample_texts(const struct column_writer *self)
{
    struct text_sample sample = {.lengths = (const void *)self->lengths.at};
    const char *before = "", *at = self->values.at;
    size_t before_len = 0;
    for (; sample.count < self->page_values && sample.count < SAMPLE_VALUES; sample.count++) {
        size_t len = sample.lengths[sample.count];
        if (sample.bytes + len > SAMPLE_TEXT_BYTES)
            break;
        sample.shared += shared_bytes(before, before_len, at, len);
        sample.bytes += len;
        before = at;
        before_len = len;
        at += len;
    }
    return sample;
}

static size_t texts_bytes(const struct column_writer *self, const struct text_sample *sample, bool is_shared,
                          struct page_maker *maker)
{
    AUTO_RELEASE(buf) room = {0};
    if (is_shared) {
        delta_texts_write(&maker->scratch, self->values.at, sample->lengths, sample->count, &room);
    } else {
        delta_write(&maker->scratch, sample->lengths, sample->count, TEXT_LENGTH_BYTES);
        buf_add(&maker->scratch, self->values.at, sample->bytes);
    }
    size_t bytes = packed_bytes(maker, buf_str(&maker->scratch));
    buf_reset(&maker->scratch);
    return bytes;
}

static enum encoding choose_text(const struct column_writer *self, struct page_maker *maker)
{
    enum encoding usual = may(maker, PARQUET_DELTA_LENGTH) ? ENCODING_DELTA_LENGTH_BYTE_ARRAY : ENCODING_PLAIN;
    if (!may(maker, PARQUET_DELTA_TEXT) || self->page_values < TEXTS_MIN)
        return usual;
    struct text_sample sample = sample_texts(self);
    if (sample.count < TEXTS_MIN || sample.shared < sample.bytes / SHARED)
        return usual;
    size_t apart = texts_bytes(self, &sample, false, maker), shared = texts_bytes(self, &sample, true, maker);
    return shared < apart - apart / WORTH ? ENCODING_DELTA_BYTE_ARRAY : usual;
}

enum encoding column_choose(const struct column_writer *self, struct page_maker *maker)
{
    buf_reset(&maker->scratch);
    if (self->storage.physical == PHYSICAL_BOOLEAN)
        return ENCODING_PLAIN;
    return self->storage.physical == PHYSICAL_BYTE_ARRAY ? choose_text(self, maker) : choose_fixed(self, maker);
}

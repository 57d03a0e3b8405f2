/* Whether a dictionary is worth having, from the values that stand in the open page as indices. */
#include "data/parquet/column_writer.h"
#include "data/parquet/delta.h"
#include "data/parquet/packed.h"
#include "data/parquet/plain.h"
#include "data/parquet/writer.h"

enum {
    FUTURE = 16,        /* a row group has many times the values that are judged */
    SAMPLE = 2048,      /* values that are encoded for a comparison */
    CHUNK_BYTES = 64,   /* a page header more, and what the footer says of it */
    COMPRESSED_FROM = 4 /* bytes of a text that become 2, more or less, where it stands again and again */
};

static const uint16_t *page_indices(const struct column_writer *self) { return (const void *)self->values.at; }

/* The entries that the first half of the values has made: they are numbered as they come. */
static int64_t entries_of_half(const struct column_writer *self)
{
    const uint16_t *indices = page_indices(self);
    uint16_t largest = 0;
    for (int64_t i = 0; i < self->page_values / 2; i++)
        largest = indices[i] > largest ? indices[i] : largest;
    return (int64_t)largest + 1;
}

/* How many there will be, if each half as long again brings as much less as the second half did; INT64_MAX: no end. */
static int64_t entries_to_come(const struct column_writer *self)
{
    int64_t entries = dictionary_count(self->dictionary), half = entries_of_half(self), calm = 2 * half - entries;
    if (calm < half / 8 + 1)
        return INT64_MAX;
    return half * half / calm > entries ? half * half / calm : entries;
}

static int64_t delta_bytes(const struct column_writer *self)
{
    uint64_t room[SAMPLE];
    const char *entries = dictionary_plain(self->dictionary).at;
    size_t width = (size_t)self->storage.width;
    int64_t count = self->page_values < SAMPLE ? self->page_values : SAMPLE;
    for (int64_t i = 0; i < count; i++)
        memcpy((char *)room + (size_t)i * width, entries + page_indices(self)[i] * width, width);
    return delta_estimate(room, count, self->storage.width) * self->page_values / count;
}

/* What the values of the open page would take without a dictionary, after compression. */
static int64_t direct_bytes(const struct column_writer *self, const struct page_maker *maker)
{
    int64_t plain = self->page_values * self->storage.width;
    switch (self->storage.physical) {
    case PHYSICAL_BYTE_ARRAY: return (self->text_bytes + self->page_values) * 2 / COMPRESSED_FROM;
    case PHYSICAL_INT32:
    case PHYSICAL_INT64:
        if ((maker->profile.encodings & PARQUET_DELTA) == 0)
            return plain * 3 / 4;
        int64_t delta = delta_bytes(self);
        return delta < plain * 3 / 4 ? delta : plain * 3 / 4;
    default: return plain * 3 / 4;
    }
}

bool column_dictionary_pays(const struct column_writer *self, const struct page_maker *maker, bool is_all)
{
    int64_t values = self->page_values, entries = dictionary_count(self->dictionary);
    if (values == 0)
        return false;
    int64_t to_come = is_all ? entries : entries_to_come(self), times = is_all ? 1 : FUTURE;
    int64_t entry_bytes = (int64_t)dictionary_plain(self->dictionary).len / entries + 1;
    if (to_come > INDICES_MAX || to_come * entry_bytes > DICTIONARY_BYTES_MAX)
        return false;
    int64_t index_bits = bits_needed((uint64_t)to_come - 1) + (to_come == 1);
    int64_t bytes = times * values * index_bits / 8 + to_come * entry_bytes + CHUNK_BYTES;
    return bytes <= times * direct_bytes(self, maker);
}

static void texts_unindex(struct column_writer *self, const uint16_t *indices, const struct str *entries)
{
    buf_reserve(&self->lengths, (size_t)self->page_values * TEXT_LENGTH_BYTES);
    buf_reserve(&self->values, (size_t)self->text_bytes);
    for (int64_t i = 0; i < self->page_values; i++) {
        struct str text = entries[indices[i]];
        uint32_t len = (uint32_t)text.len;
        buf_add(&self->lengths, &len, TEXT_LENGTH_BYTES);
        buf_add_str(&self->values, text);
    }
}

void column_page_unindex(struct column_writer *self)
{
    struct buf indices = self->values;
    struct dense entries;
    self->values = (struct buf){.max = indices.max};
    dictionary_dense(self->dictionary, 0, &entries);
    if (self->storage.physical == PHYSICAL_BYTE_ARRAY) {
        texts_unindex(self, (const void *)indices.at, entries.values);
    } else {
        size_t width = (size_t)self->storage.width;
        buf_reserve(&self->values, (size_t)self->page_values * width);
        for (int64_t i = 0; i < self->page_values; i++)
            memcpy(self->values.at + (size_t)i * width,
                   (const char *)entries.values + ((const uint16_t *)(const void *)indices.at)[i] * width, width);
        self->values.len = (size_t)self->page_values * width;
    }
    buf_release(&indices);
}

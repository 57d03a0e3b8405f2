/* The open page of a column becomes a block: encoded, and compressed where that makes the chunk shorter. */
#include <stdlib.h>

#include "data/parquet/column_writer.h"
#include "data/parquet/delta_text.h"
#include "data/parquet/levels.h"
#include "data/parquet/plain.h"
#include "data/parquet/stream_split.h"
#include "data/parquet/writer.h"

static void blocks_repack(struct column_writer *self, struct compressor *compressor)
{
    struct page_blocks kept = STAILQ_HEAD_INITIALIZER(kept);
    STAILQ_CONCAT(&kept, &self->blocks);
    self->held_bytes = 0;
    for (struct page_block *block; (block = STAILQ_FIRST(&kept)) != NULL;) {
        STAILQ_REMOVE_HEAD(&kept, next);
        block = page_repack(compressor, block);
        STAILQ_INSERT_TAIL(&self->blocks, block, next);
        self->held_bytes += (int64_t)block->len;
    }
    self->codec = compressor_codec(compressor);
}

/* Nothing is compressed until a page shows that it pays; then all that came before is, too, for a chunk has one codec.
 */
static void content_add(struct column_writer *self, struct page_maker *maker, const struct page_content *content)
{
    if (self->codec == CODEC_NONE && page_is_worth_packing(maker->compressor, content))
        blocks_repack(self, maker->compressor);
    struct page_block *block = self->codec == CODEC_NONE ? page_keep(content) : page_pack(maker->compressor, content);
    STAILQ_INSERT_TAIL(&self->blocks, block, next);
    self->held_bytes += (int64_t)block->len;
    self->encodings |= 1u << content->encoding;
}

/* ---- encodings ---- */

static const void *page_indices(const struct column_writer *self) { return self->values.at; }
static const void *page_lengths(const struct column_writer *self) { return self->lengths.at; }

static void indices_encode(const struct column_writer *self, struct page_maker *maker, struct page_content *content)
{
    int64_t entries = dictionary_count(self->dictionary);
    if (self->page_values > 0)
        indices_write(&maker->encoded, page_indices(self), self->page_values, entries);
    else
        buf_add(&maker->encoded, "\1", 1); /* the width alone: a page of NULLs */
    content->encoding = ENCODING_RLE_DICTIONARY;
    content->pieces[1] = buf_str(&maker->encoded);
}

/* Each text behind its length; `last` is left to be the next piece. */
static void texts_encode_plain(const struct column_writer *self, struct page_maker *maker, bool has_last)
{
    const uint32_t *lengths = page_lengths(self);
    const char *from = self->values.at;
    buf_reserve(&maker->encoded, self->lengths.len + self->values.len);
    char *to = maker->encoded.at;
    for (int64_t i = 0; i < self->page_values; i++) {
        memcpy(to, &lengths[i], TEXT_LENGTH_BYTES);
        to += TEXT_LENGTH_BYTES;
        if (lengths[i] == 0 || (has_last && i == self->page_values - 1))
            continue;
        memcpy(to, from, lengths[i]);
        to += lengths[i];
        from += lengths[i];
    }
    maker->encoded.len = (size_t)(to - maker->encoded.at);
}

static void texts_encode(const struct column_writer *self, struct page_maker *maker, struct str last,
                         struct page_content *content)
{
    if (self->choice == ENCODING_DELTA_BYTE_ARRAY && last.at == NULL && self->page_values > 0) {
        delta_texts_write(&maker->encoded, self->values.at, page_lengths(self), self->page_values, &maker->scratch);
        content->encoding = ENCODING_DELTA_BYTE_ARRAY;
        content->pieces[1] = buf_str(&maker->encoded);
        return;
    }
    if (self->choice != ENCODING_PLAIN && self->page_values > 0)
        delta_write(&maker->encoded, page_lengths(self), self->page_values, TEXT_LENGTH_BYTES);
    if (maker->encoded.len > 0 && maker->encoded.len < self->lengths.len) {
        content->encoding = ENCODING_DELTA_LENGTH_BYTE_ARRAY;
        content->pieces[2] = buf_str(&self->values);
    } else {
        buf_reset(&maker->encoded);
        texts_encode_plain(self, maker, last.at != NULL);
    }
    content->pieces[1] = buf_str(&maker->encoded);
    content->pieces[3] = last;
}

/* The page need not be as the one was that the choice was made by. */
static bool is_delta(const struct column_writer *self)
{
    if (self->choice != ENCODING_DELTA_BINARY_PACKED || self->page_values < 2)
        return false;
    size_t about = (size_t)delta_estimate(self->values.at, self->page_values, self->storage.width);
    return about + about / 8 < self->values.len;
}

static void fixed_encode(const struct column_writer *self, struct page_maker *maker, struct page_content *content)
{
    content->pieces[1] = buf_str(&self->values);
    if (is_delta(self))
        delta_write(&maker->encoded, self->values.at, self->page_values, self->storage.width);
    else if (self->choice == ENCODING_BYTE_STREAM_SPLIT)
        stream_split_write(&maker->encoded, self->values.at, self->page_values, self->storage.width);
    if (maker->encoded.len == 0)
        return;
    content->encoding = self->choice;
    content->pieces[1] = buf_str(&maker->encoded);
}

static void choose(struct column_writer *self, struct page_maker *maker)
{
    enum { CHOICE_PAGES = 8, VALUES_FEW = 1024 };
    if (self->choice_pages == 0) {
        self->choice = column_choose(self, maker);
        self->choice_pages = self->page_values < VALUES_FEW ? 1 : CHOICE_PAGES; /* few values show little */
    }
    self->choice_pages--;
}

static void page_reset(struct column_writer *self)
{
    self->page_rows = self->page_values = self->text_bytes = 0;
    self->has_bits = false;
    buf_reset(&self->values);
    buf_reset(&self->lengths);
    buf_reset(&self->bits);
}

/* In a page v2 its header says how long they are. */
static struct str levels_of_page(const struct page_maker *maker, const struct page_content *content)
{
    struct str levels = buf_str(&maker->levels);
    if (content->type == PAGE_DATA_V2)
        levels = (struct str){levels.at + LEVELS_LENGTH_BYTES, levels.len - LEVELS_LENGTH_BYTES};
    return levels;
}

void column_page_close(struct column_writer *self, struct page_maker *maker, struct str last)
{
    struct page_content content = {.type = maker->profile.page_type,
                                   .encoding = ENCODING_PLAIN,
                                   .values = self->page_rows,
                                   .nulls = self->page_rows - self->page_values};
    buf_reset(&maker->levels);
    buf_reset(&maker->encoded);
    if (self->storage.optional) {
        levels_write(&maker->levels, self->has_bits ? (const uint8_t *)self->bits.at : NULL, self->page_rows);
        content.pieces[0] = levels_of_page(maker, &content);
    }
    if (!self->is_indexing)
        choose(self, maker);
    if (self->is_indexing)
        indices_encode(self, maker, &content);
    else if (self->storage.physical == PHYSICAL_BYTE_ARRAY)
        texts_encode(self, maker, last, &content);
    else
        fixed_encode(self, maker, &content);
    content_add(self, maker, &content);
    page_reset(self);
}

/* ---- the whole chunk ---- */

/* It may be all of a chunk that can be compressed: indices seldom are. */
static struct page_block *dictionary_block(struct column_writer *self, struct page_maker *maker)
{
    struct page_content content = {.type = PAGE_DICTIONARY,
                                   .encoding = ENCODING_PLAIN,
                                   .values = dictionary_count(self->dictionary),
                                   .pieces = {dictionary_plain(self->dictionary)}};
    self->encodings |= 1u << ENCODING_PLAIN;
    if (compressor_codec(maker->compressor) == CODEC_NONE)
        return page_keep(&content);
    struct page_block *packed = page_pack(maker->compressor, &content);
    if (self->codec != CODEC_NONE)
        return packed;
    bool has_gained = packed->len + (packed->raw_bytes + (size_t)self->held_bytes) / PAGE_GAIN < packed->raw_bytes;
    if (has_gained) {
        blocks_repack(self, maker->compressor);
        return packed;
    }
    free(packed);
    return page_keep(&content);
}

void column_pages_finish(struct column_writer *self, struct page_maker *maker)
{
    struct page_block *dictionary = self->dictionary != NULL ? dictionary_block(self, maker) : NULL;
    if (dictionary != NULL) {
        STAILQ_INSERT_HEAD(&self->blocks, dictionary, next);
        self->held_bytes += (int64_t)dictionary->len;
    }
    struct page_block *block;
    STAILQ_FOREACH(block, &self->blocks, next)
    {
        page_seal(block);
        self->blocks_bytes += (int64_t)(block->header + block->len);
        self->blocks_raw_bytes += (int64_t)(block->header + block->raw_bytes);
    }
    self->dictionary_bytes = dictionary != NULL ? (int64_t)(dictionary->header + dictionary->len) : 0;
}

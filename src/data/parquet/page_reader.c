#include "data/parquet/page_reader.h"

#include <stdlib.h>

#include "base/hash.h"

enum {
    HEADER_BYTES_FIRST = 128,    /* most headers are shorter */
    HEADER_BYTES_MAX = 16 << 20, /* statistics of wide values may stand in it */
    KEPT_BYTES = 64 << 10,       /* a smaller buffer is never given back */
};

struct page_header {
    int type, raw_bytes, bytes, rows, encoding, levels_encoding; /* -1: not there */
    int levels_bytes, repetition_bytes;                          /* data pages v2: these are never compressed */
    bool is_plain;                                               /* v2: the rest is neither */
    bool has_crc;
    uint32_t crc;
};

void page_reader_open(struct page_reader *self, const struct chunk *chunk)
{
    self->codec = chunk->codec;
    self->start = self->offset = self->page_offset = chunk->offset;
    self->end = chunk->offset + chunk->bytes;
    self->window.start = self->window.len = 0;
}

bool page_reader_is_first(const struct page_reader *self)
{
    return self->offset - (int64_t)self->window.len == self->start;
}

void page_reader_release(struct page_reader *self)
{
    free(self->window.at);
    free(self->raw);
}

/* A buffer of at least `need` bytes whose content is not kept; one that is far too large is given back. */
static char *buffer_for(char *at, size_t *size, size_t need)
{
    if (need <= *size && (*size <= KEPT_BYTES || *size / 4 <= need))
        return at;
    free(at);
    *size = need;
    return xrealloc(NULL, need);
}

/* Makes the window hold `need` bytes (fewer only at the end of the chunk), and reads ahead what fits. */
static RC window_fill(struct page_reader *self, size_t need, struct error *err)
{
    struct window *w = &self->window;
    if (w->len >= need || self->offset == self->end)
        return RC_OK;
    size_t left = (size_t)(self->end - self->offset), room = need > self->window_bytes ? need : self->window_bytes;
    size_t more = room - w->len < left ? room - w->len : left;
    if (w->size < w->len + more) {
        char *at = xrealloc(NULL, w->len + more);
        if (w->len != 0)
            memcpy(at, w->at + w->start, w->len);
        free(w->at);
        *w = (struct window){.at = at, .size = w->len + more, .len = w->len};
    } else if (w->start != 0) {
        memmove(w->at, w->at + w->start, w->len);
        w->start = 0;
    }
    TRY(self->input->read(self->input->context, self->offset, w->at + w->len, more, err));
    self->offset += (int64_t)more;
    w->len += more;
    return RC_OK;
}

/* A window that had to be stretched for a wide value is not kept. */
static void window_skip(struct page_reader *self, size_t bytes)
{
    struct window *w = &self->window;
    w->start += bytes;
    w->len -= bytes;
    if (w->len != 0 || w->size <= self->window_bytes + KEPT_BYTES)
        return;
    free(w->at);
    *w = (struct window){.at = NULL};
}

static struct str window_str(const struct page_reader *self)
{
    return (struct str){self->window.at + self->window.start, self->window.len};
}

static void data_header_read(struct thrift_reader *r, struct thrift_field outer, struct page_header *ret)
{
    struct thrift_field field;
    thrift_get_struct(r, outer);
    while (thrift_next(r, &field)) {
        switch (field.id) {
        case 1: ret->rows = thrift_get_i32(r, field); break;
        case 2: ret->encoding = thrift_get_i32(r, field); break;
        case 3: ret->levels_encoding = thrift_get_i32(r, field); break;
        default: thrift_skip(r, field);
        }
    }
}

static void data_v2_header_read(struct thrift_reader *r, struct thrift_field outer, struct page_header *ret)
{
    struct thrift_field field;
    ret->levels_encoding = ENCODING_RLE;
    thrift_get_struct(r, outer);
    while (thrift_next(r, &field)) {
        switch (field.id) {
        case 1: ret->rows = thrift_get_i32(r, field); break;
        case 4: ret->encoding = thrift_get_i32(r, field); break;
        case 5: ret->levels_bytes = thrift_get_i32(r, field); break;
        case 6: ret->repetition_bytes = thrift_get_i32(r, field); break;
        case 7: ret->is_plain = !thrift_get_bool(r, field); break;
        default: thrift_skip(r, field);
        }
    }
}

static void dictionary_header_read(struct thrift_reader *r, struct thrift_field outer, struct page_header *ret)
{
    struct thrift_field field;
    thrift_get_struct(r, outer);
    while (thrift_next(r, &field)) {
        switch (field.id) {
        case 1: ret->rows = thrift_get_i32(r, field); break;
        case 2: ret->encoding = thrift_get_i32(r, field); break;
        default: thrift_skip(r, field);
        }
    }
}

static void header_fields_read(struct thrift_reader *r, struct page_header *ret)
{
    struct thrift_field field;
    *ret = (struct page_header){-1, -1, -1, -1, -1, -1, 0, 0, false, false, 0};
    while (thrift_next(r, &field)) {
        switch (field.id) {
        case 1: ret->type = thrift_get_i32(r, field); break;
        case 2: ret->raw_bytes = thrift_get_i32(r, field); break;
        case 3: ret->bytes = thrift_get_i32(r, field); break;
        case 4:
            ret->crc = (uint32_t)thrift_get_i32(r, field);
            ret->has_crc = true;
            break;
        case 5: data_header_read(r, field, ret); break;
        case 7: dictionary_header_read(r, field, ret); break;
        case 8: data_v2_header_read(r, field, ret); break;
        default: thrift_skip(r, field);
        }
    }
}

/* A header does not say how long it is: what was not enough is tried again with more. */
static RC header_read(struct page_reader *self, struct page_header *ret, struct error *err)
{
    for (size_t need = HEADER_BYTES_FIRST;; need *= 4) {
        TRY(window_fill(self, need, err));
        struct str bytes = window_str(self);
        struct thrift_reader r = THRIFT_READER(bytes);
        header_fields_read(&r, ret);
        if (r.fault == THRIFT_OK) {
            window_skip(self, (size_t)(r.at - (const uint8_t *)bytes.at));
            return RC_OK;
        }
        bool is_all = self->offset == self->end;
        if (r.fault == THRIFT_BAD || is_all || need > HEADER_BYTES_MAX)
            return fail(err, RC_DATA, "its header is damaged%s", is_all ? ": the column chunk ends too early" : "");
    }
}

static RC header_check(const struct page_reader *self, const struct page_header *header, bool has_levels,
                       struct error *err)
{
    int64_t left = (int64_t)self->window.len + self->end - self->offset;
    if (header->type == PAGE_INDEX)
        return fail(err, RC_DATA, "it is an index page, which is not read");
    if (header->type < PAGE_DATA || header->type > PAGE_DATA_V2 || header->raw_bytes < 0 || header->bytes < 0 ||
        header->rows < 0 || header->levels_bytes < 0)
        return fail(err, RC_DATA, "its header is damaged");
    if (header->type != PAGE_DICTIONARY && has_levels && header->levels_encoding != ENCODING_RLE)
        return fail(err, RC_DATA, "the encoding of its levels is %d; only RLE (3) is read", header->levels_encoding);
    if (header->repetition_bytes != 0)
        return fail(err, RC_DATA, "it has repetition levels in a column that is not repeated");
    if (header->levels_bytes != 0 && !has_levels) /* NULLs would become values */
        return fail(err, RC_DATA, "it has levels in a column that should have none");
    if (header->levels_bytes > header->bytes || header->levels_bytes > header->raw_bytes)
        return fail(err, RC_DATA, "its levels have %d bytes, it has %d", header->levels_bytes, header->bytes);
    if (header->bytes > left)
        return fail(err, RC_DATA, "it has %d bytes, its column chunk %lld more", header->bytes, (long long)left);
    if ((self->codec == CODEC_NONE || header->is_plain) && header->bytes != header->raw_bytes)
        return fail(err, RC_DATA, "it is not compressed, and %d bytes become %d", header->bytes, header->raw_bytes);
    return RC_OK;
}

/* The levels of a page v2 stand before what is compressed. */
static RC body_unpack(struct page_reader *self, const struct page_header *header, struct str packed, struct error *err)
{
    size_t raw_bytes = (size_t)header->raw_bytes, levels = (size_t)header->levels_bytes;
    bool is_packed = self->codec != CODEC_NONE && !header->is_plain && packed.len > levels;
    struct str rest = {packed.at + levels, packed.len - levels};
    if (is_packed)
        TRY(decompressor_check(self->codec, rest, raw_bytes - levels, err));
    self->raw = buffer_for(self->raw, &self->raw_size, raw_bytes + PACKED_SLACK);
    memset(self->raw + raw_bytes, 0, PACKED_SLACK);
    if (levels != 0)
        memcpy(self->raw, packed.at, levels);
    if (is_packed)
        return decompressor_run(self->decompressor, self->codec, rest, self->raw + levels, raw_bytes - levels, err);
    if (rest.len != raw_bytes - levels)
        return fail(err, RC_DATA, "%zu bytes become %zu", rest.len, raw_bytes - levels);
    if (rest.len != 0)
        memcpy(self->raw + levels, rest.at, rest.len);
    return RC_OK;
}

static RC body_read(struct page_reader *self, const struct page_header *header, struct error *err)
{
    TRY(window_fill(self, (size_t)header->bytes, err));
    struct str packed = {window_str(self).at, (size_t)header->bytes};
    if (header->has_crc && crc32_of(packed) != header->crc)
        return fail(err, RC_DATA, "its checksum is wrong: it was damaged after it was written");
    TRY(body_unpack(self, header, packed, err));
    window_skip(self, packed.len);
    return RC_OK;
}

static enum encoding encoding_of(const struct page_header *header)
{
    if (header->encoding != ENCODING_PLAIN_DICTIONARY)
        return (enum encoding)header->encoding;
    return header->type == PAGE_DICTIONARY ? ENCODING_PLAIN : ENCODING_RLE_DICTIONARY;
}

static RC page_read(struct page_reader *self, bool has_levels, struct page *ret, struct error *err)
{
    struct page_header header;
    TRY(header_read(self, &header, err));
    TRY(header_check(self, &header, has_levels, err));
    TRY(body_read(self, &header, err));
    struct page page = {.is_dictionary = header.type == PAGE_DICTIONARY,
                        .encoding = encoding_of(&header),
                        .rows = header.rows,
                        .at = (const uint8_t *)self->raw + header.levels_bytes,
                        .end = (const uint8_t *)self->raw + header.raw_bytes};
    if (header.type == PAGE_DATA_V2)
        page.levels = (struct levels){.at = (const uint8_t *)self->raw, .end = page.at};
    else if (has_levels && !page.is_dictionary && header.raw_bytes > 0 &&
             !levels_open(&page.levels, &page.at, page.end))
        return fail(err, RC_DATA, "its levels are damaged");
    *ret = page;
    return RC_OK;
}

RC page_reader_next(struct page_reader *self, bool has_levels, struct page *ret, struct error *err)
{
    self->page_offset = self->offset - (int64_t)self->window.len;
    if (self->page_offset == self->end)
        return fail(err, RC_DATA, "its pages end before its rows do");
    if (page_read(self, has_levels, ret, err) != RC_OK)
        return fail_in(err, "page at %lld", (long long)self->page_offset);
    return RC_OK;
}

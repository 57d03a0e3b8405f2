#include "data/parquet/page_writer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "data/parquet/thrift.h"

enum { SAMPLE_BYTES = 32 << 10 };

static size_t raw_bytes_of(const struct page_content *content)
{
    size_t raw_bytes = 0;
    for (int i = 0; i < PAGE_PIECES_MAX; i++)
        raw_bytes += content->pieces[i].len;
    assert(raw_bytes <= INT32_MAX && content->values <= INT32_MAX);
    return raw_bytes;
}

static char *data_of(struct page_block *block) { return block->bytes + PAGE_HEADER_BYTES_MAX; }

static struct page_block *block_new(const struct page_content *content, size_t raw_bytes, size_t room)
{
    struct page_block *block = xrealloc(NULL, sizeof(*block) + PAGE_HEADER_BYTES_MAX + room);
    *block = (struct page_block){.type = content->type,
                                 .encoding = content->encoding,
                                 .values = content->values,
                                 .nulls = content->nulls,
                                 .levels = content->type == PAGE_DATA_V2 ? content->pieces[0].len : 0,
                                 .raw_bytes = raw_bytes};
    return block;
}

static void data_add(struct page_block *block, struct str bytes)
{
    if (bytes.len != 0)
        memcpy(data_of(block) + block->len, bytes.at, bytes.len);
    block->len += bytes.len;
}

/* What the compressor did not need is given back. */
struct page_block *page_pack(struct compressor *compressor, const struct page_content *content)
{
    int first = content->type == PAGE_DATA_V2 ? 1 : 0; /* what is compressed begins here */
    size_t raw_bytes = raw_bytes_of(content), levels = first == 1 ? content->pieces[0].len : 0;
    if (first == 1 && raw_bytes == levels)
        return page_keep(content); /* nothing but NULLs */
    size_t room = compressor_bound(compressor, raw_bytes - levels);
    struct page_block *block = block_new(content, raw_bytes, levels + room);
    if (first == 1)
        data_add(block, content->pieces[0]);
    block->len +=
        compressor_run(compressor, content->pieces + first, PAGE_PIECES_MAX - first, data_of(block) + block->len, room);
    block->is_packed = true;
    return xrealloc(block, sizeof(*block) + PAGE_HEADER_BYTES_MAX + block->len);
}

struct page_block *page_keep(const struct page_content *content)
{
    size_t raw_bytes = raw_bytes_of(content);
    struct page_block *block = block_new(content, raw_bytes, raw_bytes);
    for (int i = 0; i < PAGE_PIECES_MAX; i++)
        data_add(block, content->pieces[i]);
    return block;
}

struct page_block *page_repack(struct compressor *compressor, struct page_block *kept)
{
    struct page_content content = {
        .type = kept->type,
        .encoding = kept->encoding,
        .values = kept->values,
        .nulls = kept->nulls,
        .pieces = {{data_of(kept), kept->levels}, {data_of(kept) + kept->levels, kept->len - kept->levels}}};
    struct page_block *packed = page_pack(compressor, &content);
    free(kept);
    return packed;
}

bool page_has_gained(const struct page_block *packed)
{
    return packed->len + packed->raw_bytes / PAGE_GAIN < packed->raw_bytes;
}

bool page_is_worth_packing(struct compressor *compressor, const struct page_content *content)
{
    struct str largest = S("");
    if (compressor_codec(compressor) == CODEC_NONE)
        return false;
    for (int i = 0; i < PAGE_PIECES_MAX; i++)
        largest = content->pieces[i].len > largest.len ? content->pieces[i] : largest;
    largest.len = largest.len < SAMPLE_BYTES ? largest.len : SAMPLE_BYTES;
    struct page_content sample = {.pieces = {largest}};
    struct page_block *packed = page_pack(compressor, &sample);
    bool is_worth = page_has_gained(packed);
    free(packed);
    return is_worth;
}

static void data_header_write(const struct page_block *block, struct thrift_writer *w)
{
    thrift_put_struct(w, 5);
    thrift_put_int(w, 1, THRIFT_I32, block->values);
    thrift_put_int(w, 2, THRIFT_I32, block->encoding);
    thrift_put_int(w, 3, THRIFT_I32, ENCODING_RLE);
    thrift_put_int(w, 4, THRIFT_I32, ENCODING_RLE);
    thrift_end(w);
}

static void data_v2_header_write(const struct page_block *block, struct thrift_writer *w)
{
    thrift_put_struct(w, 8);
    thrift_put_int(w, 1, THRIFT_I32, block->values);
    thrift_put_int(w, 2, THRIFT_I32, block->nulls);
    thrift_put_int(w, 3, THRIFT_I32, block->values); /* rows: nothing is repeated */
    thrift_put_int(w, 4, THRIFT_I32, block->encoding);
    thrift_put_int(w, 5, THRIFT_I32, (int64_t)block->levels);
    thrift_put_int(w, 6, THRIFT_I32, 0);
    thrift_put_bool(w, 7, block->is_packed);
    thrift_end(w);
}

static void dictionary_header_write(const struct page_block *block, struct thrift_writer *w)
{
    thrift_put_struct(w, 7);
    thrift_put_int(w, 1, THRIFT_I32, block->values);
    thrift_put_int(w, 2, THRIFT_I32, block->encoding);
    thrift_end(w);
}

void page_seal(struct page_block *block)
{
    AUTO_RELEASE(buf) header = {.max = PAGE_HEADER_BYTES_MAX};
    struct thrift_writer w = THRIFT_WRITER(&header);
    thrift_put_int(&w, 1, THRIFT_I32, block->type);
    thrift_put_int(&w, 2, THRIFT_I32, (int64_t)block->raw_bytes);
    thrift_put_int(&w, 3, THRIFT_I32, (int64_t)block->len);
    thrift_put_int(&w, 4, THRIFT_I32, (int32_t)crc32_of((struct str){data_of(block), block->len}));
    if (block->type == PAGE_DICTIONARY)
        dictionary_header_write(block, &w);
    else if (block->type == PAGE_DATA_V2)
        data_v2_header_write(block, &w);
    else
        data_header_write(block, &w);
    thrift_end(&w);
    block->header = header.len;
    memcpy(data_of(block) - header.len, header.at, header.len);
}

struct str page_sealed(const struct page_block *block)
{
    return (struct str){block->bytes + PAGE_HEADER_BYTES_MAX - block->header, block->header + block->len};
}

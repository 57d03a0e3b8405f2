#include "data/parquet/page_writer.h"

#include <assert.h>

#include "base/hash.h"
#include "data/parquet/format.h"
#include "data/parquet/thrift.h"

enum { HEADER_BYTES_MAX = 64 };

static void header_write(struct buf *out, size_t raw_bytes, struct str packed, int64_t rows)
{
    struct thrift_writer w = THRIFT_WRITER(out);
    thrift_put_int(&w, 1, THRIFT_I32, PAGE_DATA);
    thrift_put_int(&w, 2, THRIFT_I32, (int64_t)raw_bytes);
    thrift_put_int(&w, 3, THRIFT_I32, (int64_t)packed.len);
    thrift_put_int(&w, 4, THRIFT_I32, (int32_t)crc32_of(packed));
    thrift_put_struct(&w, 5);
    thrift_put_int(&w, 1, THRIFT_I32, rows);
    thrift_put_int(&w, 2, THRIFT_I32, ENCODING_PLAIN);
    thrift_put_int(&w, 3, THRIFT_I32, ENCODING_RLE);
    thrift_put_int(&w, 4, THRIFT_I32, ENCODING_RLE);
    thrift_end(&w);
    thrift_end(&w);
}

/* The data is compressed to where the longest header would end; the true header is then laid right before it, and what
 * the compressor did not need is given back. */
struct page_block *page_pack(struct compressor *compressor, const struct str *pieces, int count, int64_t rows)
{
    size_t raw_bytes = 0;
    for (int i = 0; i < count; i++)
        raw_bytes += pieces[i].len;
    assert(raw_bytes <= INT32_MAX && rows <= INT32_MAX);
    size_t room = compressor_bound(raw_bytes);
    struct page_block *block = xrealloc(NULL, sizeof(*block) + HEADER_BYTES_MAX + room);
    char *data = block->bytes + HEADER_BYTES_MAX;
    size_t packed = compressor_run(compressor, pieces, count, data, room);

    AUTO_RELEASE(buf) header = {.max = HEADER_BYTES_MAX};
    header_write(&header, raw_bytes, (struct str){data, packed}, rows);
    memcpy(data - header.len, header.at, header.len);
    block->start = HEADER_BYTES_MAX - header.len;
    block->len = header.len + packed;
    block->raw_bytes = header.len + raw_bytes;
    return xrealloc(block, sizeof(*block) + HEADER_BYTES_MAX + packed);
}

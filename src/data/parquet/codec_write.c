#include <assert.h>
#include <lz4.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "data/parquet/codec.h"

enum { ZSTD_LEVEL = 1, GZIP_LEVEL = 6, GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, KEPT_BYTES = 4 << 20 };

struct compressor {
    enum codec_id codec;
    ZSTD_CCtx *zstd;
    z_stream gzip;
    struct buf whole; /* snappy and lz4 compress what lies in one piece */
};

static void gzip_start(struct compressor *self, int level)
{
    int rc = deflateInit2(&self->gzip, level, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY);
    assert(rc == Z_OK && "only memory can be missing");
}

static void zstd_start(struct compressor *self, int level)
{
    self->zstd = ZSTD_createCCtx();
    assert(self->zstd != NULL);
    size_t set = ZSTD_CCtx_setParameter(self->zstd, ZSTD_c_compressionLevel, level);
    assert(!ZSTD_isError(set));
}

struct compressor *compressor_new(enum codec_id codec, int level)
{
    struct compressor *self = xcalloc(1, sizeof(*self));
    *self = (struct compressor){.codec = codec, .whole = {.max = UINT32_MAX}};
    if (codec == CODEC_ZSTD)
        zstd_start(self, level != 0 ? level : ZSTD_LEVEL);
    else if (codec == CODEC_GZIP)
        gzip_start(self, level != 0 ? level : GZIP_LEVEL);
    return self;
}

void compressor_free(struct compressor *self)
{
    if (self == NULL)
        return;
    ZSTD_freeCCtx(self->zstd);
    if (self->codec == CODEC_GZIP)
        deflateEnd(&self->gzip);
    buf_release(&self->whole);
    free(self);
}

enum codec_id compressor_codec(const struct compressor *self) { return self->codec; }

size_t compressor_bound(const struct compressor *self, size_t raw_bytes)
{
    switch (self->codec) {
    case CODEC_ZSTD: return ZSTD_compressBound(raw_bytes);
    case CODEC_SNAPPY: return snappy_max_compressed_length(raw_bytes);
    case CODEC_GZIP: return compressBound(raw_bytes) + 32; /* its header and trailer are longer than zlib's own */
    case CODEC_LZ4: return (size_t)LZ4_compressBound((int)raw_bytes);
    default: return raw_bytes;
    }
}

static size_t zstd_run(struct compressor *self, const struct str *pieces, int count, size_t raw_bytes, char *into,
                       size_t into_bytes)
{
    size_t fed = 0, rc = ZSTD_CCtx_setPledgedSrcSize(self->zstd, raw_bytes);
    ZSTD_outBuffer out = {.dst = into, .size = into_bytes};
    for (int i = 0; i < count && !ZSTD_isError(rc); i++) {
        ZSTD_inBuffer in = {.src = pieces[i].at, .size = pieces[i].len};
        fed += in.size;
        if (in.size == 0 && raw_bytes != 0)
            continue;
        ZSTD_EndDirective how =
            fed == raw_bytes ? ZSTD_e_end : ZSTD_e_continue; /* the last one straight from where it is */
        do
            rc = ZSTD_compressStream2(self->zstd, &out, &in, how);
        while (!ZSTD_isError(rc) && (in.pos < in.size || (how == ZSTD_e_end && rc != 0)));
    }
    assert(!ZSTD_isError(rc) && "with room enough only memory can be missing");
    return out.pos;
}

static size_t gzip_run(struct compressor *self, const struct str *pieces, int count, char *into, size_t into_bytes)
{
    z_stream *gzip = &self->gzip;
    int rc = deflateReset(gzip);
    gzip->next_out = (Bytef *)into;
    gzip->avail_out = (uInt)into_bytes;
    for (int i = 0; i < count && rc == Z_OK; i++) {
        gzip->next_in = (Bytef *)(uintptr_t)pieces[i].at; /* zlib's own promise: it only reads */
        gzip->avail_in = (uInt)pieces[i].len;
        if (pieces[i].len != 0)
            rc = deflate(gzip, Z_NO_FLUSH);
        assert(gzip->avail_in == 0 || pieces[i].len == 0);
    }
    rc = deflate(gzip, Z_FINISH);
    assert(rc == Z_STREAM_END && "there was room enough");
    return into_bytes - gzip->avail_out;
}

/* The pieces in one: as they are, if there is only one. */
static struct str whole_of(struct compressor *self, const struct str *pieces, int count, size_t raw_bytes)
{
    buf_reset(&self->whole);
    for (int i = 0; i < count; i++) {
        if (pieces[i].len == raw_bytes)
            return pieces[i];
    }
    buf_reserve(&self->whole, raw_bytes);
    for (int i = 0; i < count; i++) {
        if (pieces[i].len != 0)
            buf_add_str(&self->whole, pieces[i]);
    }
    return buf_str(&self->whole);
}

static size_t block_run(struct compressor *self, const struct str *pieces, int count, size_t raw_bytes, char *into,
                        size_t into_bytes)
{
    struct str whole = whole_of(self, pieces, count, raw_bytes);
    size_t bytes = into_bytes;
    if (self->codec == CODEC_SNAPPY) {
        snappy_status status = snappy_compress(whole.at, whole.len, into, &bytes);
        assert(status == SNAPPY_OK && "there was room enough");
    } else {
        int room = into_bytes < INT32_MAX ? (int)into_bytes : INT32_MAX;
        bytes = (size_t)LZ4_compress_default(whole.at, into, (int)whole.len, room);
        assert(bytes > 0 && "there was room enough");
    }
    if (self->whole.size > KEPT_BYTES)
        buf_release(&self->whole);
    return bytes;
}

size_t compressor_run(struct compressor *self, const struct str *pieces, int count, char *into, size_t into_bytes)
{
    size_t raw_bytes = 0;
    for (int i = 0; i < count; i++)
        raw_bytes += pieces[i].len;
    assert(into_bytes >= compressor_bound(self, raw_bytes));
    switch (self->codec) {
    case CODEC_ZSTD: return zstd_run(self, pieces, count, raw_bytes, into, into_bytes);
    case CODEC_GZIP: return gzip_run(self, pieces, count, into, into_bytes);
    case CODEC_SNAPPY:
    case CODEC_LZ4: return block_run(self, pieces, count, raw_bytes, into, into_bytes);
    default: assert(!"nothing is compressed so"); return 0;
    }
}

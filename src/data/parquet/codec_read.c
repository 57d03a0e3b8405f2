#include <assert.h>
#include <lz4.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "data/parquet/codec.h"

/* `expansion`: what one byte can become at most, by the format of the method; 0: it is not read.
 * zstd: the smallest block, four bytes, stands for at most 128 KiB (RFC 8878, 3.1.1.2). snappy: three bytes copy 64.
 * deflate: two bits for a match of 258 (a distance and a length of one bit each). lz4: a length grows by 255 a byte. */
static const struct {
    const char *name;
    uint32_t expansion;
} codecs[] = {
    [CODEC_NONE] = {"none", 1},     [CODEC_SNAPPY] = {"snappy", 22}, [CODEC_GZIP] = {"gzip", 1032},
    [CODEC_LZO] = {"lzo", 0},       [CODEC_BROTLI] = {"brotli", 0},  [CODEC_LZ4_HADOOP] = {"lz4", 255},
    [CODEC_ZSTD] = {"zstd", 32768}, [CODEC_LZ4] = {"lz4", 255},
};
enum { CODECS = sizeof(codecs) / sizeof(*codecs), HEADER_BYTES = 64, GZIP_OR_ZLIB = 15 + 32 };

RC codec_check(int64_t codec, struct error *err)
{
    if (codec < 0 || codec >= CODECS)
        return fail(err, RC_DATA, "it is compressed by method %lld, which the format does not have", (long long)codec);
    if (codecs[codec].expansion == 0)
        return fail(err, RC_DATA, "it is compressed by %s, which is not read; zstd, snappy, gzip, lz4 and none are",
                    codecs[codec].name);
    return RC_OK;
}

struct decompressor {
    ZSTD_DCtx *zstd;
    z_stream gzip;
    bool has_gzip;
};

struct decompressor *decompressor_new(void)
{
    struct decompressor *self = xcalloc(1, sizeof(*self));
    self->zstd = ZSTD_createDCtx();
    assert(self->zstd != NULL);
    return self;
}

void decompressor_free(struct decompressor *self)
{
    if (self == NULL)
        return;
    ZSTD_freeDCtx(self->zstd);
    if (self->has_gzip)
        inflateEnd(&self->gzip);
    free(self);
}

/* What the compressed bytes say of themselves. */
static RC said_check(enum codec_id codec, struct str packed, size_t raw_bytes, struct error *err)
{
    size_t length = 0;
    unsigned long long said = 0;
    if (codec == CODEC_ZSTD) {
        said = ZSTD_getFrameContentSize(packed.at, packed.len); /* of the first frame, if there are several */
        if (said == ZSTD_CONTENTSIZE_ERROR)
            return fail(err, RC_DATA, "its bytes are no zstd frame");
        if (said != ZSTD_CONTENTSIZE_UNKNOWN && said > raw_bytes)
            return fail(err, RC_DATA, "its header says %zu bytes, its zstd frame %llu", raw_bytes, said);
    }
    if (codec == CODEC_SNAPPY) {
        if (snappy_uncompressed_length(packed.at, packed.len, &length) != SNAPPY_OK)
            return fail(err, RC_DATA, "its bytes are no snappy block");
        if (length != raw_bytes)
            return fail(err, RC_DATA, "its header says %zu bytes, its snappy block %zu", raw_bytes, length);
    }
    return RC_OK;
}

RC decompressor_check(enum codec_id codec, struct str packed, size_t raw_bytes, struct error *err)
{
    TRY(said_check(codec, packed, raw_bytes, err));
    if (raw_bytes > HEADER_BYTES && (raw_bytes - HEADER_BYTES) / codecs[codec].expansion > packed.len)
        return fail(err, RC_DATA, "its header says that %zu bytes become %zu, more than %s can", packed.len, raw_bytes,
                    codecs[codec].name);
    return RC_OK;
}

/* ---- each method: how many bytes it gave, -1: it cannot ---- */

static int64_t zstd_run(struct decompressor *self, struct str packed, char *into, size_t raw_bytes)
{
    size_t got = ZSTD_decompressDCtx(self->zstd, into, raw_bytes, packed.at, packed.len);
    return ZSTD_isError(got) ? -1 : (int64_t)got;
}

static int64_t snappy_run(struct str packed, char *into, size_t raw_bytes)
{
    size_t got = raw_bytes;
    return snappy_uncompress(packed.at, packed.len, into, &got) == SNAPPY_OK ? (int64_t)got : -1;
}

static int64_t lz4_run(struct str packed, char *into, size_t raw_bytes)
{
    if (packed.len > INT32_MAX || raw_bytes > INT32_MAX)
        return -1;
    return LZ4_decompress_safe(packed.at, into, (int)packed.len, (int)raw_bytes);
}

static bool take_length(struct str *packed, size_t *ret)
{
    uint32_t length;
    if (packed->len < sizeof(length))
        return false;
    memcpy(&length, packed->at, sizeof(length));
    *packed = (struct str){packed->at + sizeof(length), packed->len - sizeof(length)};
    *ret = __builtin_bswap32(length);
    return true;
}

/* Frames, each the length of what comes out of it, big-endian, then blocks behind their lengths until that is full. */
static int64_t hadoop_frames_run(struct str packed, char *into, size_t raw_bytes)
{
    size_t made = 0, frame = 0, block = 0;
    while (packed.len > 0) {
        if (!take_length(&packed, &frame) || frame > raw_bytes - made)
            return -1;
        for (size_t end = made + frame; made < end; packed = (struct str){packed.at + block, packed.len - block}) {
            if (!take_length(&packed, &block) || block > packed.len)
                return -1;
            int64_t got = lz4_run((struct str){packed.at, block}, into + made, end - made);
            if (got <= 0)
                return -1;
            made += (size_t)got;
        }
    }
    return (int64_t)made;
}

static int64_t hadoop_run(struct str packed, char *into, size_t raw_bytes)
{
    int64_t got = hadoop_frames_run(packed, into, raw_bytes);
    return got == (int64_t)raw_bytes ? got : lz4_run(packed, into, raw_bytes);
}

/* Members one behind the other are one content (RFC 1952, 2.2). */
static int64_t gzip_run(struct decompressor *self, struct str packed, char *into, size_t raw_bytes)
{
    z_stream *gzip = &self->gzip;
    int rc = self->has_gzip ? inflateReset(gzip) : inflateInit2(gzip, GZIP_OR_ZLIB);
    assert(rc == Z_OK && "only memory can be missing");
    self->has_gzip = true;
    gzip->next_in = (Bytef *)(uintptr_t)packed.at; /* zlib's own promise: it only reads */
    gzip->avail_in = (uInt)packed.len;
    gzip->next_out = (Bytef *)into;
    gzip->avail_out = (uInt)raw_bytes;
    while ((rc = inflate(gzip, Z_FINISH)) == Z_STREAM_END && gzip->avail_in > 0) {
        if (inflateReset(gzip) != Z_OK)
            return -1;
    }
    return rc == Z_STREAM_END ? (int64_t)(raw_bytes - gzip->avail_out) : -1;
}

RC decompressor_run(struct decompressor *self, enum codec_id codec, struct str packed, char *into, size_t raw_bytes,
                    struct error *err)
{
    int64_t got = -1;
    switch (codec) {
    case CODEC_ZSTD: got = zstd_run(self, packed, into, raw_bytes); break;
    case CODEC_SNAPPY: got = snappy_run(packed, into, raw_bytes); break;
    case CODEC_GZIP: got = gzip_run(self, packed, into, raw_bytes); break;
    case CODEC_LZ4: got = lz4_run(packed, into, raw_bytes); break;
    case CODEC_LZ4_HADOOP: got = hadoop_run(packed, into, raw_bytes); break;
    default: assert(!"codec_check has refused it");
    }
    if (got < 0)
        return fail(err, RC_DATA, "it cannot be decompressed: its bytes are no %s", codecs[codec].name);
    if ((size_t)got != raw_bytes)
        return fail(err, RC_DATA, "it has %lld bytes, its header says %zu", (long long)got, raw_bytes);
    return RC_OK;
}

#include "data/parquet/codec.h"

#include <assert.h>
#include <stdlib.h>
#include <zstd.h>

struct compressor {
    ZSTD_CCtx *context;
};

struct compressor *compressor_new(int zstd_level)
{
    struct compressor *self = xcalloc(1, sizeof(*self));
    self->context = ZSTD_createCCtx();
    assert(self->context != NULL);
    size_t set = ZSTD_CCtx_setParameter(self->context, ZSTD_c_compressionLevel, zstd_level);
    assert(!ZSTD_isError(set));
    return self;
}

void compressor_free(struct compressor *self)
{
    if (self == NULL)
        return;
    ZSTD_freeCCtx(self->context);
    free(self);
}

size_t compressor_bound(size_t raw_bytes) { return ZSTD_compressBound(raw_bytes); }

size_t compressor_run(struct compressor *self, const struct str *pieces, int count, char *into, size_t into_bytes)
{
    size_t raw_bytes = 0, fed = 0;
    for (int i = 0; i < count; i++)
        raw_bytes += pieces[i].len;
    assert(into_bytes >= compressor_bound(raw_bytes));
    size_t rc = ZSTD_CCtx_setPledgedSrcSize(self->context, raw_bytes);
    ZSTD_outBuffer out = {.dst = into, .size = into_bytes};
    for (int i = 0; i < count && !ZSTD_isError(rc); i++) {
        ZSTD_inBuffer in = {.src = pieces[i].at, .size = pieces[i].len};
        fed += in.size;
        if (in.size == 0 && raw_bytes != 0)
            continue;
        ZSTD_EndDirective how =
            fed == raw_bytes ? ZSTD_e_end : ZSTD_e_continue; /* the last one straight from where it is */
        do
            rc = ZSTD_compressStream2(self->context, &out, &in, how);
        while (!ZSTD_isError(rc) && (in.pos < in.size || (how == ZSTD_e_end && rc != 0)));
    }
    assert(!ZSTD_isError(rc) && "with room enough only memory can be missing");
    return out.pos;
}

struct decompressor {
    ZSTD_DCtx *context;
};

struct decompressor *decompressor_new(void)
{
    struct decompressor *self = xcalloc(1, sizeof(*self));
    self->context = ZSTD_createDCtx();
    assert(self->context != NULL);
    return self;
}

void decompressor_free(struct decompressor *self)
{
    if (self == NULL)
        return;
    ZSTD_freeDCtx(self->context);
    free(self);
}

/* The smallest block, four bytes, stands for at most 128 KiB (RFC 8878, 3.1.1.2). */
enum { EXPANSION_MAX = 32768 };

RC decompressor_check(struct str packed, size_t raw_bytes, struct error *err)
{
    unsigned long long said =
        ZSTD_getFrameContentSize(packed.at, packed.len); /* of the first frame, if there are several */
    if (said == ZSTD_CONTENTSIZE_ERROR)
        return fail(err, RC_DATA, "its bytes are no zstd frame");
    if (said != ZSTD_CONTENTSIZE_UNKNOWN && said > raw_bytes)
        return fail(err, RC_DATA, "its header says %zu bytes, its zstd frame %llu", raw_bytes, said);
    if (raw_bytes / EXPANSION_MAX > packed.len)
        return fail(err, RC_DATA, "its header says that %zu bytes become %zu, more than zstd can", packed.len,
                    raw_bytes);
    return RC_OK;
}

RC decompressor_run(struct decompressor *self, struct str packed, char *into, size_t raw_bytes, struct error *err)
{
    size_t got = ZSTD_decompressDCtx(self->context, into, raw_bytes, packed.at, packed.len);
    if (ZSTD_isError(got))
        return fail(err, RC_DATA, "it cannot be decompressed: %s", ZSTD_getErrorName(got));
    if (got != raw_bytes)
        return fail(err, RC_DATA, "it has %zu bytes, its header says %zu", got, raw_bytes);
    return RC_OK;
}

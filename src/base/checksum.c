#include "base/checksum.h"

#include <stdlib.h>

#include "base/crc.h"

struct checksum {
    enum checksum_kind kind;
    struct sha256 *sha256; /* NULL: a CRC is kept */
    uint64_t crc;
};

const char *checksum_name(enum checksum_kind kind)
{
    static const char *const names[] = {
#define CHECKSUM_NAME(id, name) [id] = name,
        CHECKSUM_TABLE(CHECKSUM_NAME)};
    return names[kind];
}

struct checksum *checksum_new(enum checksum_kind kind)
{
    struct checksum *self = xcalloc(1, sizeof(*self));
    *self = (struct checksum){.kind = kind, .sha256 = kind == CHECKSUM_SHA256 ? sha256_new() : NULL};
    return self;
}

void checksum_add(struct checksum *self, struct str bytes)
{
    switch (self->kind) {
    case CHECKSUM_CRC64NVME: self->crc = crc64nvme_add(self->crc, bytes); break;
    case CHECKSUM_CRC32C: self->crc = crc32c_add((uint32_t)self->crc, bytes); break;
    default: sha256_add(self->sha256, bytes); break;
    }
}

void checksum_end(struct checksum *self, char ret[CHECKSUM_TEXT])
{
    switch (self->kind) {
    case CHECKSUM_CRC64NVME: crc64nvme_print(self->crc, ret); break;
    case CHECKSUM_CRC32C: crc32c_print((uint32_t)self->crc, ret); break;
    default: sha256_end(self->sha256, ret); break;
    }
}

void checksum_free(struct checksum *self)
{
    if (self == NULL)
        return;
    sha256_free(self->sha256);
    free(self);
}

void checksum_of(enum checksum_kind kind, struct str bytes, char ret[CHECKSUM_TEXT])
{
    AUTO(checksum) *sum = checksum_new(kind);
    checksum_add(sum, bytes);
    checksum_end(sum, ret);
}

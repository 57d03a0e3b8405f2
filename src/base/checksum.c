#include "base/checksum.h"

#include <stdlib.h>

struct checksum {
    enum checksum_kind kind;
    struct sha256 *sha256;
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
    *self = (struct checksum){.kind = kind, .sha256 = sha256_new()};
    return self;
}

void checksum_add(struct checksum *self, struct str bytes) { sha256_add(self->sha256, bytes); }

void checksum_end(struct checksum *self, char ret[CHECKSUM_TEXT]) { sha256_end(self->sha256, ret); }

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

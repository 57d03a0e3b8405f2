/* The sums by which a store and this program agree that an object holds what was sent. */
#pragma once

#include <stdbool.h>

#include "base/hash.h"

/* id, name (in documents and configuration) */
#define CHECKSUM_TABLE(X)                                                                                              \
    X(CHECKSUM_SHA256, "sha256")       /* 64 hex digits */                                                             \
    X(CHECKSUM_CRC64NVME, "crc64nvme") /* base64 of the big-endian bytes, as S3 writes it */                           \
    X(CHECKSUM_CRC32C, "crc32c")       /* the same */

#define CHECKSUM_ENUM(id, name) id,
enum checksum_kind { CHECKSUM_TABLE(CHECKSUM_ENUM) CHECKSUM_KINDS };
enum { CHECKSUM_TEXT = SHA256_HEX };

const char *checksum_name(enum checksum_kind kind);

struct checksum; /* a running sum */
struct checksum *checksum_new(enum checksum_kind kind);
void checksum_add(struct checksum *self, struct str bytes);
void checksum_end(struct checksum *self, char ret[CHECKSUM_TEXT]); /* the sum is used up */
void checksum_free(struct checksum *self);
AUTO_DEFINE(checksum)
void checksum_of(enum checksum_kind kind, struct str bytes, char ret[CHECKSUM_TEXT]);

/* SHA-256 and CRC-32, streamed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/str.h"

enum { SHA256_HEX = 65 };

struct sha256; /* a running digest */
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *self, struct str bytes);
void sha256_end(struct sha256 *self, char ret_hex[SHA256_HEX]); /* the digest is used up */
void sha256_free(struct sha256 *self);
AUTO_DEFINE(sha256)
void sha256_hex(struct str bytes, char ret_hex[SHA256_HEX]);
void hmac_sha256_hex(struct str key, struct str bytes, char ret_hex[SHA256_HEX]);

/* CRC-32 (IEEE 802.3, as zlib and Parquet use it). */
uint32_t crc32_of(struct str bytes);

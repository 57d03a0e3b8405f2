#include "base/hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

struct sha256 {
    EVP_MD_CTX *context;
};

enum { DIGEST_BYTES = 32 };
static void put_hex(const unsigned char digest[DIGEST_BYTES], char ret_hex[SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < DIGEST_BYTES; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[SHA256_HEX - 1] = '\0';
}

struct sha256 *sha256_new(void)
{
    struct sha256 *self = xcalloc(1, sizeof(*self));
    self->context = EVP_MD_CTX_new();
    int ok = self->context != NULL && EVP_DigestInit_ex(self->context, EVP_sha256(), NULL);
    assert(ok);
    return self;
}

void sha256_add(struct sha256 *self, struct str bytes)
{
    int ok = EVP_DigestUpdate(self->context, bytes.at, bytes.len);
    assert(ok);
}

void sha256_end(struct sha256 *self, char ret_hex[SHA256_HEX])
{
    unsigned char digest[DIGEST_BYTES];
    int ok = EVP_DigestFinal_ex(self->context, digest, NULL);
    assert(ok);
    put_hex(digest, ret_hex);
}

void sha256_free(struct sha256 *self)
{
    if (self == NULL)
        return;
    EVP_MD_CTX_free(self->context);
    free(self);
}

void sha256_hex(struct str bytes, char ret_hex[SHA256_HEX])
{
    AUTO(sha256) *digest = sha256_new();
    sha256_add(digest, bytes);
    sha256_end(digest, ret_hex);
}

void hmac_sha256_hex(struct str key, struct str bytes, char ret_hex[SHA256_HEX])
{
    unsigned char digest[DIGEST_BYTES];
    unsigned int len = 0;
    const void *done =
        HMAC(EVP_sha256(), key.at, (int)key.len, (const unsigned char *)bytes.at, bytes.len, digest, &len);
    assert(done != NULL && len == DIGEST_BYTES);
    put_hex(digest, ret_hex);
}

uint32_t crc32_of(struct str bytes) { return (uint32_t)crc32_z(0, (const unsigned char *)bytes.at, bytes.len); }

#include <assert.h>
#include <openssl/evp.h>

#include "base/crc.h"
#include "store/s3/s3_intern.h"

static bool is_crc32c(const struct s3 *self) { return self->base.checksum == CHECKSUM_CRC32C; }

uint64_t s3_sum_add(const struct s3 *self, uint64_t sum, struct str bytes)
{
    return is_crc32c(self) ? crc32c_add((uint32_t)sum, bytes) : crc64nvme_add(sum, bytes);
}

uint64_t s3_sum_join(const struct s3 *self, uint64_t first, uint64_t second, uint64_t second_bytes)
{
    return is_crc32c(self) ? crc32c_join((uint32_t)first, (uint32_t)second, second_bytes)
                           : crc64nvme_join(first, second, second_bytes);
}

void s3_sum_print(const struct s3 *self, uint64_t sum, char ret[CHECKSUM_TEXT])
{
    if (is_crc32c(self))
        crc32c_print((uint32_t)sum, ret);
    else
        crc64nvme_print(sum, ret);
}

const char *s3_sum_header(const struct s3 *self)
{
    return is_crc32c(self) ? "x-amz-checksum-crc32c" : "x-amz-checksum-crc64nvme";
}

const char *s3_sum_element(const struct s3 *self) { return is_crc32c(self) ? "ChecksumCRC32C" : "ChecksumCRC64NVME"; }

const char *s3_sum_name(const struct s3 *self) { return is_crc32c(self) ? "CRC32C" : "CRC64NVME"; }

void s3_md5(struct str bytes, unsigned char ret[16])
{
    int ok = EVP_Digest(bytes.at, bytes.len, ret, NULL, EVP_md5(), NULL);
    assert(ok == 1);
}

void s3_md5_print(const unsigned char md5[16], char ret_hex[S3_MD5_HEX], char ret_base64[S3_MD5_BASE64])
{
    for (int i = 0; i < 16; i++)
        snprintf(ret_hex + 2 * (ptrdiff_t)i, 3, "%02x", md5[i]);
    EVP_EncodeBlock((unsigned char *)ret_base64, md5, 16);
}

/* The checksums of object stores: CRC-64/NVME (what S3 computes by default) and CRC-32C. Streamed: begin with 0 and add
 * pieces; the value is finished after each. Over 10 GB/s where the processor multiplies without carry (PCLMULQDQ, seen
 * at run time), 1.5 GB/s elsewhere. */
#pragma once

#include "base/str.h"

uint64_t crc64nvme_add(uint64_t crc, struct str bytes);
uint32_t crc32c_add(uint32_t crc, struct str bytes);

/* The checksum of two pieces in a row, from theirs: parts that went up side by side give the whole object's. */
uint64_t crc64nvme_join(uint64_t first, uint64_t second, uint64_t second_bytes);
uint32_t crc32c_join(uint32_t first, uint32_t second, uint64_t second_bytes);

/* As x-amz-checksum-crc64nvme and x-amz-checksum-crc32c carry them: base64 of the big-endian bytes. */
enum { CRC64_TEXT = 13, CRC32_TEXT = 9 };
void crc64nvme_print(uint64_t crc, char ret[CRC64_TEXT]);
void crc32c_print(uint32_t crc, char ret[CRC32_TEXT]);

/* The same without the processor's help: what every machine can do, and what the tests compare with. */
uint64_t crc64nvme_add_plain(uint64_t crc, struct str bytes);
uint32_t crc32c_add_plain(uint32_t crc, struct str bytes);

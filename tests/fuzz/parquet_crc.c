/* Linked in place of base/hash.h's (--wrap): every page has the right checksum if it is 0. */
#include "base/hash.h"

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
uint32_t __wrap_crc32_of(struct str bytes);
uint32_t __wrap_crc32_of(struct str bytes) { return 0; }
/* NOLINTEND(bugprone-reserved-identifier) */

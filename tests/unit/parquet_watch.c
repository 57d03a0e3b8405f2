#include "parquet_watch.h"

#include <stdint.h>

#include "base/str.h"

/* Linked in place of base/auto.h's (--wrap), to see what the reader asks for. */
size_t allocated_most;
/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
void *__real_xrealloc(void *old, size_t size);
void *__real_xcalloc(size_t count, size_t size);
void *__wrap_xrealloc(void *old, size_t size);
void *__wrap_xcalloc(size_t count, size_t size);

void *__wrap_xrealloc(void *old, size_t size)
{
    allocated_most = size > allocated_most ? size : allocated_most;
    return __real_xrealloc(old, size);
}

void *__wrap_xcalloc(size_t count, size_t size)
{
    allocated_most = count * size > allocated_most ? count * size : allocated_most;
    return __real_xcalloc(count, size);
}

bool is_without_checksums;
uint32_t __real_crc32_of(struct str bytes);
uint32_t __wrap_crc32_of(struct str bytes);
uint32_t __wrap_crc32_of(struct str bytes) { return is_without_checksums ? 0 : __real_crc32_of(bytes); }
/* NOLINTEND(bugprone-reserved-identifier) */

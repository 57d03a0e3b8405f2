/* How much memory this process has had at most, for tests of bounds. Under a sanitizer it means nothing. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { COUNTS_MEMORY = 0 };
#else
enum { COUNTS_MEMORY = 1 };
#endif

static inline int64_t memory_peak_bytes(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    long long kib = 0;
    for (char line[256]; status != NULL && fgets(line, sizeof(line), status) != NULL;) {
        if (sscanf(line, "VmHWM: %lld", &kib) == 1)
            break;
    }
    if (status != NULL)
        fclose(status);
    return kib * 1024;
}

/* From here on the peak is of what comes, and of what is there now. Returns that. */
static inline int64_t memory_peak_restart(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file != NULL) {
        fputs("5", file);
        fclose(file);
    }
    return memory_peak_bytes();
}

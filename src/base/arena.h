/* What dies together is born together: memory that is given back all at once. Always an argument, never "current". */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/str.h"

struct arena_block;
struct arena {
    struct arena_block *blocks; /* newest first; zero-initialise the struct */
};

void *arena_take(struct arena *a, size_t size); /* zeroed, 16-byte aligned */
char *arena_print(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_text(struct arena *a, const char *text); /* a copy; NULL stays NULL */
char *arena_str(struct arena *a, struct str s);      /* a NUL-terminated copy */
void arena_reset(struct arena *a);                   /* everything is gone, the last block is kept for reuse */
void arena_release(struct arena *a);

#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

enum { BLOCK_BYTES = 16384, ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(ALIGN) char bytes[];
};

static struct arena_block *block_new(struct arena_block *next, size_t size)
{
    struct arena_block *block = xcalloc(1, sizeof(*block) + size);
    *block = (struct arena_block){.next = next, .size = size};
    ASAN_POISON_MEMORY_REGION(block->bytes, size);
    return block;
}

void *arena_take(struct arena *a, size_t size)
{
    size_t rounded = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (a->blocks == NULL || a->blocks->size - a->blocks->used < rounded)
        a->blocks = block_new(a->blocks, rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES);
    char *at = a->blocks->bytes + a->blocks->used;
    a->blocks->used += rounded;
    ASAN_UNPOISON_MEMORY_REGION(at, size);
    return memset(at, 0, size);
}

char *arena_print(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = arena_take(a, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

char *arena_str(struct arena *a, struct str s)
{
    char *copy = arena_take(a, s.len + 1);
    if (s.len != 0)
        memcpy(copy, s.at, s.len);
    return copy;
}

char *arena_text(struct arena *a, const char *text) { return text != NULL ? arena_str(a, str(text)) : NULL; }

void arena_reset(struct arena *a)
{
    if (a->blocks == NULL)
        return;
    for (struct arena_block *old = a->blocks->next, *next; old != NULL; old = next) {
        next = old->next;
        free(old);
    }
    a->blocks->next = NULL;
    a->blocks->used = 0;
    ASAN_POISON_MEMORY_REGION(a->blocks->bytes, a->blocks->size);
}

void arena_release(struct arena *a)
{
    arena_reset(a);
    free(a->blocks);
    a->blocks = NULL;
}

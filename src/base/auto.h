/* Releasing on every path: AUTO(thing) *t = NULL; calls thing_free(t) when t goes out of scope.
 * Memory and local handles only: a destructor never talks to a server. */
#pragma once

#include <stddef.h>

#define AUTO(type) __attribute__((cleanup(type##_auto))) struct type
#define AUTO_DEFINE(type)                                                                                              \
    static inline void type##_auto(struct type **self) { type##_free(*self); }

/* For structs on the stack: AUTO_RELEASE(buf) b = {0}; calls buf_release(&b). What is only held (a turn, a lock) is
 * used. */
#define AUTO_RELEASE(type) __attribute__((cleanup(type##_release), unused)) struct type

/* Moves a pointer out of an AUTO variable, which then frees nothing. */
#define TAKE(ptr)                                                                                                      \
    ({                                                                                                                 \
        __typeof__(ptr) taken = (ptr);                                                                                 \
        (ptr) = NULL;                                                                                                  \
        taken;                                                                                                         \
    })

/* No memory aborts: the run is resumed by the next one. */
void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((returns_nonnull, malloc));

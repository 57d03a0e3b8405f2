/* A text that must not be seen: a password, a key. It is a struct, so that nothing can print it by accident: printf and
 * KV() refuse it at compile time, JSON has no setter for it. It is wiped when it is given back. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum { SECRET_BYTES_MAX = 64 << 10 };

struct secret {
    struct secret_text *hidden; /* zero-initialise the struct; NULL: not set */
};

void secret_set(struct secret *self, struct str text); /* a copy; the caller wipes its own with wipe() */
bool secret_is_set(const struct secret *self);
/* The one way to the text, for the client library that needs it, NUL-terminated; "" when not set. Never store, log or
 * print what it returns. */
const char *secret_reveal(const struct secret *self);
void secret_release(struct secret *self);

/* A buffer for what holds a secret: wiped when it is given back. Texts that only grow by a bounded amount keep it from
 * moving: realloc would leave a copy behind. */
struct secret_buf {
    struct buf buf;
};
void secret_buf_init(struct secret_buf *self, size_t bytes_max); /* more is a bug, as of every buf */
void secret_buf_release(struct secret_buf *self);

/* Overwrites memory in a way that no compiler leaves out. */
void wipe(void *at, size_t len);

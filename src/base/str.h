/* Text and bytes: a borrowed view (struct str) and a growable buffer with a limit (struct buf). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"

struct str {
    const char *at; /* not NUL-terminated in general */
    size_t len;
};

#define S(literal) ((struct str){("" literal), sizeof(literal) - 1})
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).len, (s).at

static inline struct str str(const char *text) { return (struct str){text, strlen(text)}; }
bool str_eq(struct str a, struct str b);
bool str_has_prefix(struct str s, struct str prefix);
int str_cmp(struct str a, struct str b); /* bytes, shorter first, as memcmp */

/* "" when NULL: for %s of what may be missing. */
static inline const char *or_empty(const char *text) { return text != NULL ? text : ""; }
bool text_eq(const char *a, const char *b); /* two NULLs are equal */

/* Whole decimal integer, no blanks, no overflow. */
bool str_to_int64(struct str s, int64_t *ret);
/* "256MiB", "1GiB", "64 KiB", "1000" in bytes; "10m", "5s", "250ms", "2h", "7d" in milliseconds. */
bool str_to_bytes(struct str s, int64_t *ret_bytes);
bool str_to_ms(struct str s, int64_t *ret_ms);
bool str_is_utf8(struct str s);

/* A growable buffer; `at` is always NUL-terminated once something was added. Growing past `max` is a bug of the
 * caller (who bounds what comes from the world first) and asserts; max 0 means 1 GiB. */
struct buf {
    char *at;
    size_t len, size, max;
};

void buf_reserve(struct buf *b, size_t more); /* room for `more` bytes after len */
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_str(struct buf *b, struct str s);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_add_word(struct buf *b, const char *text); /* as one word of a shell command, quoted where it must be */
void buf_reset(struct buf *b);                      /* keeps the memory */
void buf_release(struct buf *b);                    /* frees it; the struct may be used again */
static inline struct str buf_str(const struct buf *b) { return (struct str){b->len ? b->at : "", b->len}; }

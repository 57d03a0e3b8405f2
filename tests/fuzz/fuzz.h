/* Fuzzing: one file per parser of bytes that come from outside, with libFuzzer's entry in it.
 *
 *     Parser: src/data/parquet/delta.c ...      the files it is about, for the coverage of its corpus; a file may be
 *                                               followed by the functions that count: src/io/http.c:http_header,...
 *     Bytes: 4096                               the longest input worth trying
 *
 * stand in the target's first comment, where tools/fuzz reads them. Built twice: with libFuzzer (meson -Dfuzz=true,
 * clang), and in every other build with replay.c, which makes its corpus a test.
 *
 * A target finds more than crashes: what was read and written again must read the same, which it asserts. */
#pragma once

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* An input that is used up from its front; what is not there is zero. */
struct fuzz {
    const uint8_t *at;
    size_t left;
};
uint8_t fuzz_byte(struct fuzz *self);
uint64_t fuzz_number(struct fuzz *self, int bytes); /* little-endian */
int fuzz_choice(struct fuzz *self, int count);      /* 0 .. count - 1 */
struct str fuzz_rest(struct fuzz *self);
/* Up to `separator`, which is dropped, or to the end: not copied. */
struct str fuzz_until(struct fuzz *self, char separator);
struct str fuzz_take(struct fuzz *self, size_t bytes); /* or as many as there are */
/* A malloc'ed copy that is not a byte longer, so that the sanitizer sees whoever reads on. */
char *fuzz_text(struct str s);                  /* NUL-terminated, cut at the first NUL inside */
uint8_t *fuzz_copy(struct str s, size_t slack); /* `slack` zeros behind it */

/* A file of this content: its path, good until the next call of the same slot (0 or 1). */
const char *fuzz_file(int slot, struct str content);

/* A failure must say something, and nothing that is not UTF-8. */
void fuzz_check(enum rc rc, const struct error *err);

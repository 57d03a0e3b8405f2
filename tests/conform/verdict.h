/* What a call came to. What it said is shown where that is not what was wanted. */
#pragma once

#include "base/error.h"

/* Of a story `s` with an `err`: the call succeeds. */
#define OK(call) call_is_well(&s->err, call, __FILE__, __LINE__)
/* It fails in this way, and its text or its advice has these words. */
#define REFUSED(call, rc, words) call_is_refused(&s->err, call, rc, words, __FILE__, __LINE__)
/* The last error has these words in its text or its advice; or in neither. */
#define SAYS(words)     error_says(&s->err, words, true, __FILE__, __LINE__)
#define SAYS_NOT(words) error_says(&s->err, words, false, __FILE__, __LINE__)

void call_is_well(const struct error *err, enum rc rc, const char *file, int line);
void call_is_refused(const struct error *err, enum rc got, enum rc wanted, const char *words, const char *file,
                     int line);
void error_says(const struct error *err, const char *words, bool wanted, const char *file, int line);

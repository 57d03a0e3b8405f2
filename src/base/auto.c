#include "base/auto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *p)
{
    if (p == NULL) {
        fputs("waybill: out of memory; the next run resumes\n", stderr);
        abort();
    }
    return p;
}

void *xcalloc(size_t count, size_t size) { return or_abort(calloc(count ? count : 1, size ? size : 1)); }
void *xrealloc(void *old, size_t size) { return or_abort(realloc(old, size ? size : 1)); }
char *xstrdup(const char *text) { return or_abort(strdup(text)); }

/* What every store promises (store/store.h), as one suite that each of them runs. Differences are declared here and
 * nowhere else. */
#pragma once

#include "store/store.h"

struct store_kind {
    const char *name;
    void *(*setup)(void); /* a new, empty place for objects; asserts that it could be made */
    void (*teardown)(void *place);
    struct store *(*open)(void *place); /* one more client of it, which another thread may use */
    bool keys_are_paths;  /* a gateway to files: no key below a key, no '/'-separated part of more than 255 bytes */
    bool brief;           /* another kind of the same store tells the stories of keys and lists */
    bool one_upload_page; /* it cannot go on where a page of uploads ended */
    int rounds;           /* of the races: as many as the store does in about a second */
};

/* Runs the suite; the number of failed tests. */
int store_suite_run(const struct store_kind *kind);

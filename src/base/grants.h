/* The rights that a connection takes for what it is used for: which are there, and what grants the others. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

enum grant_state {
    GRANT_THERE,
    GRANT_MISSING,
    GRANT_UNKNOWN, /* it cannot be seen without doing it */
};
const char *grant_state_name(enum grant_state state);

struct grant {
    const char *right; /* "SELECT on `shop`.`orders`" */
    const char *what;  /* what it is for: "the rows of 'orders'" */
    enum grant_state state;
    bool is_optional;      /* what is done now goes without it */
    const char *statement; /* what gives it, to be pasted; NULL: nothing does */
};

struct grant_list {
    struct arena *arena; /* of its texts, which grants_add takes as they are */
    struct grant *items;
    int count, size;
};
void grants_add(struct grant_list *self, const struct grant *grant);
/* Some right that is not optional is missing. */
bool grants_lack(const struct grant_list *self);

/* May this process do `mode` (R_OK, W_OK, X_OK) with `path`? Of one that is not there, its folder is told, where it
 * would be made. */
void grants_add_file(struct grant_list *self, const char *path, int mode, const char *what);

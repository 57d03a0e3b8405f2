/* A story about one target: rows that come into one of its tables, and words. What the tests of one system share; the
 * suite that all targets run has a story of its own (target_story.h). */
#pragma once

#include "conform/rows.h"
#include "conform/verdict.h"
#include "connect/target.h"
#include "test.h"

struct load_story {
    struct target *target;
    struct schema *schema;     /* id:l! name:u */
    struct target_table table; /* "orders" of "p/orders", merge on id */
    struct arena arena;
    struct error err;
    struct load_counts counts; /* of the last bring or load */
};

struct load_story *load_story_new(struct target *target); /* which it owns from now on */
void load_story_free(struct load_story *s);

void load_use_schema(struct load_story *s, const char *text);
enum rc load_prepare(struct load_story *s);
/* The table made ready: T's row at token 0, and the table itself. */
void load_ready(struct load_story *s);
/* begin, one file, apply; the commit is the caller's. */
enum rc load_bring(struct load_story *s, struct target *target, const char *prev, const char *waybill,
                   const char *text);
/* A whole load. */
void load_whole(struct load_story *s, const char *prev, const char *waybill, const char *text);

/* S66: tables and columns of odd names, of which one is `own`, are loaded twice in every mode. */
typedef void print_rows_fn(const char *table, const struct schema *schema, struct buf *out); /* sorted */
void load_odd_names(struct load_story *s, const char *own, print_rows_fn *print);

/* What the files of the source suite share: a story's state and the words it is told in. */
#pragma once

#include "conform/source_suite.h"
#include "conform/verdict.h"
#include "test.h"

struct story {
    const struct source_kind *kind;
    void *world;
    struct source *source; /* pages of 3 rows, so that few rows are several */
    struct arena arena;
    struct error err;
};

enum { STORY_PAGE_ROWS = 3 };
#define STORY_START_US INT64_C(1717200000000000) /* 2024-06-01 00:00:00 UTC */

int source_story_begin(void **state);
int source_story_end(void **state);
#define STORY(name) cmocka_unit_test_setup_teardown(name, source_story_begin, source_story_end)

/* A table with these rows, one per line. */
void make_table(struct story *s, const char *name, const struct schema *schema, const char *key, const char *cursor,
                const char *rows);
const struct table *describe_by(struct story *s, struct source *source, const char *name, const char *cursor);
/* The rows of a range in the order they are read, one line each; checks that no page is longer than page_rows. */
void read_lines(struct story *s, struct source *source, const struct table *table, const struct range *range,
                int page_rows, struct buf *out);
/* What the source's own SQL says of a whole table is what its rows come to. `at`: who asks, for messages. */
void check_profile(struct source *source, const struct table *table, const char *at);
void add_lines(const struct batch *batch, struct buf *out);

/* All rows of a range, sorted, are these lines. */
void range_has_rows(struct story *s, const struct table *table, const struct range *range, const char *rows);

/* The suite's parts, which source_suite_run puts together. */
struct source_stories {
    const struct CMUnitTest *items;
    size_t count;
};
#define STORIES(array)                                                                                                 \
    {                                                                                                                  \
        array, sizeof(array) / sizeof((array)[0])                                                                      \
    }
extern const struct source_stories source_suite_table, source_suite_moves, source_suite_ranges, source_suite_pieces;

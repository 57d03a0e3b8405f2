/* What the files of the store suite share: a story's state and the words it is told in. */
#pragma once

#include "conform/store_suite.h"
#include "conform/verdict.h"
#include "test.h"

struct story {
    const struct store_kind *kind;
    void *place;
    struct store *store;
    struct arena arena;
    struct error err;
};

int story_begin(void **state);
int story_end(void **state);
#define STORY(name) cmocka_unit_test_setup_teardown(name, story_begin, story_end)

void put_text(struct story *s, const char *key, const char *text);
void has_text(struct story *s, const char *key, const char *text);
void has_none(struct story *s, const char *key);
/* All keys with the prefix, page by page, joined by blanks. */
void lists(struct story *s, const char *prefix, const char *keys);
int uploads_count(struct story *s, const char *prefix);

/* `bytes` bytes that differ everywhere: the n-th of the pattern `seed`. The caller frees. */
char *pattern_new(size_t bytes, unsigned seed);

extern const struct CMUnitTest store_object_stories[], store_list_stories[], store_upload_stories[];
extern const size_t store_object_count, store_list_count, store_upload_count;

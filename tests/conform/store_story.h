/* What the files of the store suite share: a story's state and the words it is told in. */
#pragma once

#include "conform/store_suite.h"
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

/* The call succeeds; its error is shown when it does not. */
#define OK(call) story_well(s, call, __FILE__, __LINE__)
void story_well(const struct story *s, enum rc rc, const char *file, int line);
/* The call fails in this way, and says these words. */
#define REFUSED(call, rc, words) story_refused(s, call, rc, words, __FILE__, __LINE__)
void story_refused(const struct story *s, enum rc got, enum rc wanted, const char *words, const char *file, int line);

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

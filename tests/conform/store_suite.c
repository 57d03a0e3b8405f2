#include "conform/store_suite.h"

#include <stdlib.h>

#include "conform/store_story.h"

static const struct store_kind *kind_under_test;

int story_begin(void **state)
{
    struct story *s = xcalloc(1, sizeof(*s));
    s->kind = kind_under_test;
    s->place = s->kind->setup();
    s->store = s->kind->open(s->place);
    *state = s;
    return 0;
}

int story_end(void **state)
{
    struct story *s = *state;
    store_free(s->store);
    s->kind->teardown(s->place);
    arena_release(&s->arena);
    free(s);
    return 0;
}

void put_text(struct story *s, const char *key, const char *text)
{
    OK(store_put(s->store, key, str(text), UNCONDITIONAL, NULL, &s->err));
}

void has_text(struct story *s, const char *key, const char *text)
{
    AUTO_RELEASE(buf) got = {0};
    OK(store_get(s->store, key, KEY_BYTES_MAX, &got, NULL, &s->err));
    assert_int_equal(got.len, strlen(text));
    assert_memory_equal(buf_str(&got).at, text, got.len);
}

void has_none(struct story *s, const char *key)
{
    struct object_info info;
    REFUSED(store_head(s->store, key, &info, &s->err), RC_NOT_FOUND, key);
}

void lists(struct story *s, const char *prefix, const char *keys)
{
    AUTO_RELEASE(buf) got = {0};
    struct object_list page = {0};
    buf_addf(&got, "%s", "");
    do {
        OK(store_list(s->store, prefix, page.next, &s->arena, &page, &s->err));
        for (int i = 0; i < page.count; i++)
            buf_addf(&got, "%s%s", got.len != 0 ? " " : "", page.items[i].key);
    } while (page.next != NULL);
    assert_string_equal(got.at, keys);
}

int uploads_count(struct story *s, const char *prefix)
{
    struct upload_list page = {0};
    int count = 0;
    do {
        OK(store_upload_list(s->store, prefix, page.next, &s->arena, &page, &s->err));
        count += page.count;
    } while (page.next != NULL);
    return count;
}

char *pattern_new(size_t bytes, unsigned seed)
{
    char *pattern = xcalloc(1, bytes);
    uint64_t x = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (size_t i = 0; i < bytes; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        pattern[i] = (char)x;
    }
    return pattern;
}

int store_suite_run(const struct store_kind *kind)
{
    static const struct {
        const char *name;
        const struct CMUnitTest *stories;
        const size_t *count;
    } groups[] = {{"objects", store_object_stories, &store_object_count},
                  {"lists and keys", store_list_stories, &store_list_count},
                  {"uploads", store_upload_stories, &store_upload_count}};
    int failed = 0;
    kind_under_test = kind;
    for (int i = 0; i < 3; i++) {
        if (kind->brief && groups[i].stories == store_list_stories)
            continue;
        AUTO_RELEASE(buf) name = {0};
        buf_addf(&name, "%s: %s", kind->name, groups[i].name);
        failed += _cmocka_run_group_tests(name.at, groups[i].stories, *groups[i].count, NULL, NULL);
    }
    return failed;
}

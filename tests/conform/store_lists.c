/* Stories of keys and lists: order, prefixes, pages, and keys that are no file names. */
#include "conform/store_story.h"

static void a_list_is_in_byte_order_of_whole_keys(void **state)
{
    struct story *s = *state;
    if (s->kind->keys_are_paths)
        skip();
    static const char *const keys[] = {"a/b", "a0", "a.b", "a", "a-b/c", "a/b/c", "A", "a/b.c", "a/a", "b/c", "a-b"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        put_text(s, keys[i], keys[i]);
    lists(s, "", "A a a-b a-b/c a.b a/a a/b a/b.c a/b/c a0 b/c");
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        has_text(s, keys[i], keys[i]);
}

static void a_list_is_in_byte_order_without_keys_below_keys(void **state)
{
    struct story *s = *state;
    static const char *const keys[] = {"a/b", "a0", "a.b", "a-b/c", "a/c/c", "A", "a/b.c", "a/a", "b/c", "a-b-"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        put_text(s, keys[i], keys[i]);
    lists(s, "", "A a-b- a-b/c a.b a/a a/b a/b.c a/c/c a0 b/c");
}

static void a_prefix_is_bytes_and_not_a_folder(void **state)
{
    struct story *s = *state;
    static const char *const keys[] = {"p/orders/1", "p/orders/2", "p/orders_old/1", "p/o", "q/1"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        put_text(s, keys[i], "x");
    lists(s, "p/orders/", "p/orders/1 p/orders/2");
    lists(s, "p/orders", "p/orders/1 p/orders/2 p/orders_old/1");
    lists(s, "p/orders/1", "p/orders/1");
    lists(s, "p/o", "p/o p/orders/1 p/orders/2 p/orders_old/1");
    lists(s, "p", "p/o p/orders/1 p/orders/2 p/orders_old/1");
    lists(s, "p/x", "");
    lists(s, "p/orders//", "");
    lists(s, "q/1/", "");
}

static void an_empty_store_lists_nothing(void **state)
{
    struct story *s = *state;
    lists(s, "", "");
    lists(s, "p/", "");
    assert_int_equal(uploads_count(s, ""), 0);
}

static void after_begins_behind_any_key_also_a_missing_one(void **state)
{
    struct story *s = *state;
    struct object_list page;
    static const struct {
        const char *after, *first;
        int count;
    } cases[] = {{"", "a", 4},        {"a", "a/b", 3},   {"a/", "a/b", 3}, {"a/b", "a/b/c", 2}, {"a/b/", "a/b/c", 2},
                 {"a/b/c", "a/d", 1}, {"a/c", "a/d", 1}, {"a/d", NULL, 0}, {"b", NULL, 0}};
    if (s->kind->keys_are_paths)
        skip();
    put_text(s, "a", "x");
    put_text(s, "a/b", "x");
    put_text(s, "a/b/c", "x");
    put_text(s, "a/d", "x");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        OK(store_list(s->store, "a", cases[i].after, &s->arena, &page, &s->err));
        assert_int_equal(page.count, cases[i].count);
        assert_null(page.next);
        if (page.count != 0)
            assert_string_equal(page.items[0].key, cases[i].first);
    }
}

static void after_begins_behind_any_key_without_keys_below_keys(void **state)
{
    struct story *s = *state;
    struct object_list page;
    static const struct {
        const char *after, *first;
        int count;
    } cases[] = {{"", "a-", 3},        {"a-", "a/b/c", 2},  {"a", "a-", 3},
                 {"a/b/", "a/b/c", 2}, {"a/b/c", "a/d", 1}, {"a/d", NULL, 0}};
    put_text(s, "a-", "x");
    put_text(s, "a/b/c", "x");
    put_text(s, "a/d", "x");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        OK(store_list(s->store, "a", cases[i].after, &s->arena, &page, &s->err));
        assert_int_equal(page.count, cases[i].count);
        if (page.count != 0)
            assert_string_equal(page.items[0].key, cases[i].first);
    }
}

static void thousands_of_keys_come_in_pages_without_a_gap(void **state)
{
    struct story *s = *state;
    struct object_list page = {0};
    int seen = 0, pages = 0, total = 2 * LIST_PAGE_MAX + 37;
    for (int i = 0; i < total; i++)
        put_text(s, arena_print(&s->arena, "many/%s%05d", i % 3 == 0 ? "x/" : "", i), "1");
    do {
        char last[64] = "";
        OK(store_list(s->store, "many/", page.next, &s->arena, &page, &s->err));
        for (int i = 0; i < page.count; i++) {
            assert_true(strcmp(page.items[i].key, last) > 0);
            snprintf(last, sizeof(last), "%s", page.items[i].key);
            assert_int_equal(page.items[i].bytes, 1);
        }
        assert_true(page.next == NULL || page.count == LIST_PAGE_MAX);
        seen += page.count;
        pages++;
    } while (page.next != NULL);
    assert_int_equal(seen, total);
    assert_int_equal(pages, 3);
}

static void a_full_last_page_is_the_last_one(void **state)
{
    struct story *s = *state;
    struct object_list page;
    for (int i = 0; i < LIST_PAGE_MAX; i++)
        put_text(s, arena_print(&s->arena, "k/%04d", i), "");
    OK(store_list(s->store, "", NULL, &s->arena, &page, &s->err));
    assert_int_equal(page.count, LIST_PAGE_MAX);
    if (page.next != NULL) { /* a store that cannot know it gives an empty page */
        OK(store_list(s->store, "", page.next, &s->arena, &page, &s->err));
        assert_int_equal(page.count, 0);
        assert_null(page.next);
    }
}

/* ---- odd keys ---- */

static char *filled(struct story *s, const char *head, char with, size_t len)
{
    char *key = arena_take(&s->arena, len + 1);
    snprintf(key, len + 1, "%s", head);
    for (size_t i = strlen(head); i < len; i++)
        key[i] = with;
    return key;
}

/* Can this kind of store have the key beside the others? */
static bool can_have(const struct story *s, const char *key)
{
    if (!s->kind->keys_are_paths)
        return true;
    return strlen(key) <= 255 && strstr(key, "/below") == NULL;
}

static void odd_keys_come_back_exactly(void **state)
{
    struct story *s = *state;
    const char *keys[] = {
        "blank in it/and at the end ",
        "100%/%41/%2F/%",
        "quotes/'\"`/$HOME/*?[x]",
        "back\\slash",
        "new\nline/tab\t",
        "\xc3\xa4/\xe6\x97\xa5\xe6\x9c\xac/\xf0\x9f\x9a\x9a",
        "...",
        ".hidden/..x/x..",
        "dt=2025-09-12/a:b/c;d,e",
        "~/~a~",
        "x/con.txt",
        "a/%/b",
        "-rf",
        "A/b",
        "a/B",
        filled(s, "long/", 'x', 205),
        filled(s, "long/", 'x', 206),
        filled(s, "long/", 'y', 205 + 1),
        filled(s, "longer/", '%', 7 + 200),
        filled(s, "longest/a/", 'z', KEY_BYTES_MAX),
        arena_print(&s->arena, "%s/below", filled(s, "long/", 'x', 300)),
        filled(s, "long/", 'x', 300),
    };
    int count = 0;
    struct object_list page;
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (can_have(s, keys[i]))
            keys[count++] = keys[i];
    }
    for (int i = 0; i < count; i++)
        OK(store_put(s->store, keys[i], str(keys[i]), IF_NONE_MATCH, NULL, &s->err));
    for (int i = 0; i < count; i++)
        has_text(s, keys[i], keys[i]);
    OK(store_list(s->store, "", NULL, &s->arena, &page, &s->err));
    assert_int_equal(page.count, count);
    for (int i = 0; i < count; i++) {
        int found = 0;
        for (int k = 0; k < count; k++)
            found += strcmp(page.items[i].key, keys[k]) == 0;
        assert_int_equal(found, 1);
        assert_true(i == 0 || strcmp(page.items[i - 1].key, page.items[i].key) < 0);
    }
    for (int i = 0; i < count; i++) {
        struct deleted_object item = {.key = keys[i]};
        OK(store_delete(s->store, &item, 1, &s->err));
        assert_int_equal(item.rc, RC_OK);
    }
    lists(s, "", "");
}

static void the_stores_own_names_are_keys_like_any_other(void **state)
{
    struct story *s = *state;
    if (s->kind->keys_are_paths)
        skip();
    static const char *const keys[] = {
        ".waybill",        ".waybill/lock", ".waybill/tmp/x",    ".waybill/uploads/x/data",
        "x/.waybill/lock", "%2Ewaybill",    "watermark/.probe/x"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        OK(store_put(s->store, keys[i], str(keys[i]), IF_NONE_MATCH, NULL, &s->err));
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        has_text(s, keys[i], keys[i]);
    lists(
        s, "",
        "%2Ewaybill .waybill .waybill/lock .waybill/tmp/x .waybill/uploads/x/data watermark/.probe/x x/.waybill/lock");
    put_text(s, ".waybill", "replaced");
    has_text(s, ".waybill", "replaced");
}

static void impossible_keys_are_refused_by_every_call(void **state)
{
    struct story *s = *state;
    const char *keys[] = {"",   "/a",     "a/",   "a//b", ".",      "a/./b",
                          "..", "a/../b", "a/..", "\xff", "a/\xc3", filled(s, "a", 'x', KEY_BYTES_MAX + 1)};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        AUTO_RELEASE(buf) got = {0};
        AUTO_RELEASE(upload) upload = {0};
        struct object_info info;
        char byte;
        REFUSED(store_put(s->store, keys[i], S("x"), UNCONDITIONAL, NULL, &s->err), RC_CONFIG, "key");
        assert_true(s->err.todo[0] != '\0');
        REFUSED(store_get(s->store, keys[i], 10, &got, NULL, &s->err), RC_CONFIG, "key");
        REFUSED(store_get_range(s->store, keys[i], 0, &byte, 1, &s->err), RC_CONFIG, "key");
        REFUSED(store_head(s->store, keys[i], &info, &s->err), RC_CONFIG, "key");
        REFUSED(store_upload_begin(s->store, keys[i], &upload, &s->err), RC_CONFIG, "key");
    }
    lists(s, "", "");
}

static void a_key_and_keys_below_it_live_side_by_side(void **state)
{
    struct story *s = *state;
    struct object_info a;
    if (s->kind->keys_are_paths)
        skip();
    OK(store_put(s->store, "a", S("1"), IF_NONE_MATCH, &a, &s->err));
    put_text(s, "a/b/c", "2"); /* the object a and the keys below it, in this order */
    has_text(s, "a", "1");
    has_none(s, "a/b");
    REFUSED(store_put(s->store, "a", S("x"), IF_NONE_MATCH, NULL, &s->err), RC_CONFLICT, "a");
    OK(store_put(s->store, "a", S("3"), IF_MATCH(a.etag), NULL, &s->err));
    OK(store_put(s->store, "a/b", S("4"), IF_NONE_MATCH, NULL, &s->err)); /* and in the other */
    REFUSED(store_put(s->store, "a/b", S("x"), IF_NONE_MATCH, NULL, &s->err), RC_CONFLICT, "a/b");
    put_text(s, "a/b", "5");
    lists(s, "", "a a/b a/b/c");
    has_text(s, "a", "3");
    has_text(s, "a/b", "5");
    struct deleted_object first = {.key = "a"}, second = {.key = "a/b/c"}, third = {.key = "a/b"};
    OK(store_delete(s->store, &first, 1, &s->err));
    lists(s, "", "a/b a/b/c");
    has_none(s, "a");
    OK(store_delete(s->store, &second, 1, &s->err));
    lists(s, "", "a/b");
    has_text(s, "a/b", "5");
    OK(store_put(s->store, "a", S("6"), IF_NONE_MATCH, NULL, &s->err));
    OK(store_delete(s->store, &third, 1, &s->err));
    lists(s, "", "a");
    has_text(s, "a", "6");
}

const struct CMUnitTest store_list_stories[] = {
    STORY(a_list_is_in_byte_order_of_whole_keys),
    STORY(a_list_is_in_byte_order_without_keys_below_keys),
    STORY(a_prefix_is_bytes_and_not_a_folder),
    STORY(an_empty_store_lists_nothing),
    STORY(after_begins_behind_any_key_also_a_missing_one),
    STORY(after_begins_behind_any_key_without_keys_below_keys),
    STORY(thousands_of_keys_come_in_pages_without_a_gap),
    STORY(a_full_last_page_is_the_last_one),
    STORY(odd_keys_come_back_exactly),
    STORY(the_stores_own_names_are_keys_like_any_other),
    STORY(impossible_keys_are_refused_by_every_call),
    STORY(a_key_and_keys_below_it_live_side_by_side),
};
const size_t store_list_count = sizeof(store_list_stories) / sizeof(*store_list_stories);

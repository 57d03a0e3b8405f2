/* Stories of single objects: writing, reading, conditions, races, deleting. */
#include <pthread.h>
#include <stdlib.h>

#include "conform/store_story.h"

#define KEY "p/orders/wb=1/waybill.json"

static void what_was_put_is_there_whole_and_described(void **state)
{
    struct story *s = *state;
    struct object_info written, found, read;
    char checksum[CHECKSUM_TEXT];
    AUTO_RELEASE(buf) got = {0};
    OK(store_put(s->store, KEY, S("{\"rows\": 3}\n"), UNCONDITIONAL, &written, &s->err));
    OK(store_head(s->store, KEY, &found, &s->err));
    OK(store_get(s->store, KEY, 100, &got, &read, &s->err));
    assert_string_equal(got.at, "{\"rows\": 3}\n");
    assert_int_equal(written.bytes, 12);
    assert_int_equal(found.bytes, 12);
    assert_int_equal(read.bytes, 12);
    assert_true(written.etag[0] != '\0');
    assert_string_equal(found.etag, written.etag);
    assert_string_equal(read.etag, written.etag);
    checksum_of(s->store->checksum, buf_str(&got), checksum);
    assert_string_equal(written.checksum, checksum);
    assert_int_equal(found.modified_us, read.modified_us);
}

static void an_empty_object_is_an_object(void **state)
{
    struct story *s = *state;
    struct object_info info;
    char byte = 'x';
    put_text(s, KEY, "");
    has_text(s, KEY, "");
    OK(store_head(s->store, KEY, &info, &s->err));
    assert_int_equal(info.bytes, 0);
    OK(store_get_range(s->store, KEY, 0, &byte, 0, &s->err));
    REFUSED(store_get_range(s->store, KEY, 0, &byte, 1, &s->err), RC_DATA, KEY);
    lists(s, "", KEY);
}

static void a_missing_object_is_not_found_by_any_read(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(buf) got = {0};
    char byte;
    has_none(s, KEY);
    REFUSED(store_get(s->store, KEY, 100, &got, NULL, &s->err), RC_NOT_FOUND, KEY);
    REFUSED(store_get_range(s->store, KEY, 0, &byte, 1, &s->err), RC_NOT_FOUND, KEY);
    put_text(s, KEY, "x");
    has_none(s, "p/orders/wb=1");
    has_none(s, "p/orders/wb=1/waybill.jso");
    has_none(s, KEY "/x");
}

static void get_appends_and_keeps_what_the_buffer_had(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(buf) got = {0};
    put_text(s, KEY, "two");
    buf_add_str(&got, S("one "));
    OK(store_get(s->store, KEY, 3, &got, NULL, &s->err));
    assert_string_equal(got.at, "one two");
}

static void an_object_larger_than_expected_is_refused(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(buf) got = {0};
    put_text(s, KEY, "1234567");
    REFUSED(store_get(s->store, KEY, 6, &got, NULL, &s->err), RC_DATA, KEY);
    OK(store_get(s->store, KEY, 7, &got, NULL, &s->err));
}

static void a_range_is_exact_or_refused(void **state)
{
    struct story *s = *state;
    char at[8] = "";
    put_text(s, KEY, "0123456789");
    OK(store_get_range(s->store, KEY, 3, at, 4, &s->err));
    assert_memory_equal(at, "3456", 4);
    OK(store_get_range(s->store, KEY, 9, at, 1, &s->err));
    assert_memory_equal(at, "9", 1);
    REFUSED(store_get_range(s->store, KEY, 9, at, 2, &s->err), RC_DATA, KEY);
    REFUSED(store_get_range(s->store, KEY, 10, at, 1, &s->err), RC_DATA, KEY);
    REFUSED(store_get_range(s->store, KEY, 1 << 20, at, 1, &s->err), RC_DATA, KEY);
}

static void a_second_put_replaces_the_object(void **state)
{
    struct story *s = *state;
    struct object_info first, second;
    OK(store_put(s->store, KEY, S("a longer first text"), UNCONDITIONAL, &first, &s->err));
    OK(store_put(s->store, KEY, S("second"), UNCONDITIONAL, &second, &s->err));
    assert_string_not_equal(first.etag, second.etag);
    has_text(s, KEY, "second");
    lists(s, "", KEY);
}

static void if_none_match_writes_only_the_first_time(void **state)
{
    struct story *s = *state;
    OK(store_put(s->store, KEY, S("first"), IF_NONE_MATCH, NULL, &s->err));
    REFUSED(store_put(s->store, KEY, S("second"), IF_NONE_MATCH, NULL, &s->err), RC_CONFLICT, KEY);
    REFUSED(store_put(s->store, KEY, S("first"), IF_NONE_MATCH, NULL, &s->err), RC_CONFLICT, KEY);
    has_text(s, KEY, "first");
}

static void if_match_writes_only_over_the_one_it_names(void **state)
{
    struct story *s = *state;
    struct object_info first, second;
    OK(store_put(s->store, KEY, S("first"), IF_NONE_MATCH, &first, &s->err));
    OK(store_put(s->store, KEY, S("second"), IF_MATCH(first.etag), &second, &s->err));
    REFUSED(store_put(s->store, KEY, S("third"), IF_MATCH(first.etag), NULL, &s->err), RC_CONFLICT, KEY);
    has_text(s, KEY, "second");
    OK(store_put(s->store, KEY, S("third"), IF_MATCH(second.etag), NULL, &s->err));
    has_text(s, KEY, "third");
}

static void if_match_on_a_missing_object_is_a_conflict(void **state)
{
    struct story *s = *state;
    struct object_info other;
    OK(store_put(s->store, "other", S("x"), UNCONDITIONAL, &other, &s->err));
    REFUSED(store_put(s->store, KEY, S("x"), IF_MATCH(other.etag), NULL, &s->err), RC_CONFLICT, KEY);
    has_none(s, KEY);
}

static void every_client_sees_what_another_has_written(void **state)
{
    struct story *s = *state;
    AUTO(store) *other = s->kind->open(s->place);
    AUTO_RELEASE(buf) got = {0};
    put_text(s, KEY, "x");
    OK(store_get(other, KEY, 10, &got, NULL, &s->err));
    OK(store_put(other, KEY, S("y"), UNCONDITIONAL, NULL, &s->err));
    has_text(s, KEY, "y");
}

/* ---- races ---- */

enum { RACERS = 2 };
struct race {
    struct story *story;
    pthread_barrier_t start, end;
    bool matches; /* If-Match, else If-None-Match */
    char etag[ETAG_TEXT];
    enum rc rc[RACERS];
};
struct racer {
    struct race *race;
    int number;
    pthread_t thread;
};

static void race_key(const struct race *race, int round, char key[32])
{
    snprintf(key, 32, race->matches ? "race/s" : "race/%04d", round);
}

/* No asserts in here: cmocka's jump out of the wrong thread. */
static void *racer_run(void *context)
{
    struct racer *self = context;
    struct race *race = self->race;
    AUTO(store) *store = race->story->kind->open(race->story->place);
    for (int round = 0; round < race->story->kind->rounds; round++) {
        char key[32], body[32];
        struct error err;
        race_key(race, round, key);
        snprintf(body, sizeof(body), "round %d racer %d", round, self->number);
        pthread_barrier_wait(&race->start);
        race->rc[self->number] =
            store_put(store, key, str(body), race->matches ? IF_MATCH(race->etag) : IF_NONE_MATCH, NULL, &err);
        pthread_barrier_wait(&race->end);
    }
    return NULL;
}

static void one_winner(struct story *s, struct race *race, int round)
{
    char key[32], body[32];
    race_key(race, round, key);
    assert_int_equal((race->rc[0] == RC_OK) + (race->rc[1] == RC_OK), 1);
    assert_int_equal((race->rc[0] == RC_CONFLICT) + (race->rc[1] == RC_CONFLICT), 1);
    snprintf(body, sizeof(body), "round %d racer %d", round, race->rc[0] == RC_OK ? 0 : 1);
    has_text(s, key, body);
}

static void race_rounds(struct story *s, bool matches)
{
    struct race race = {.story = s, .matches = matches};
    struct racer racers[RACERS];
    struct object_info info;
    OK(store_put(s->store, "race/s", S("start"), UNCONDITIONAL, &info, &s->err));
    memcpy(race.etag, info.etag, ETAG_TEXT);
    pthread_barrier_init(&race.start, NULL, RACERS + 1);
    pthread_barrier_init(&race.end, NULL, RACERS + 1);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.race = &race, .number = i};
        pthread_create(&racers[i].thread, NULL, racer_run, &racers[i]);
    }
    for (int round = 0; round < s->kind->rounds; round++) {
        pthread_barrier_wait(&race.start);
        pthread_barrier_wait(&race.end);
        one_winner(s, &race, round);
        if (matches)
            OK(store_head(s->store, "race/s", &info, &s->err));
        memcpy(race.etag, info.etag, ETAG_TEXT);
    }
    for (int i = 0; i < RACERS; i++)
        pthread_join(racers[i].thread, NULL);
    pthread_barrier_destroy(&race.start);
    pthread_barrier_destroy(&race.end);
}

static void of_two_that_create_one_wins(void **state) { race_rounds(*state, false); }
static void of_two_that_replace_one_wins(void **state) { race_rounds(*state, true); }

/* ---- deleting ---- */

static void deleting_removes_and_a_missing_object_is_no_failure(void **state)
{
    struct story *s = *state;
    struct deleted_object items[] = {{.key = "p/a"}, {.key = "p/missing"}, {.key = "missing/too/b"}, {.key = "p/c"}};
    put_text(s, "p/a", "1");
    put_text(s, "p/b", "2");
    put_text(s, "p/c", "3");
    OK(store_delete(s->store, items, 4, &s->err));
    for (int i = 0; i < 4; i++)
        assert_int_equal(items[i].rc, RC_OK);
    lists(s, "", "p/b");
    has_none(s, "p/a");
    OK(store_put(s->store, "p/a", S("again"), IF_NONE_MATCH, NULL, &s->err));
    has_text(s, "p/a", "again");
}

static void a_thousand_objects_are_deleted_in_one_request(void **state)
{
    struct story *s = *state;
    struct deleted_object *items = xcalloc(LIST_PAGE_MAX, sizeof(*items));
    for (int i = 0; i < LIST_PAGE_MAX; i++) {
        items[i].key = arena_print(&s->arena, "d/wb=%d/file-%05d.parquet", i / 100, i);
        if (i % 7 == 0)
            put_text(s, items[i].key, "x");
    }
    OK(store_delete(s->store, items, LIST_PAGE_MAX, &s->err));
    for (int i = 0; i < LIST_PAGE_MAX; i++)
        assert_int_equal(items[i].rc, RC_OK);
    lists(s, "", "");
    free(items);
}

static void an_impossible_key_is_refused_by_itself(void **state)
{
    struct story *s = *state;
    struct deleted_object items[] = {{.key = "a//b"}, {.key = "p/a"}};
    put_text(s, "p/a", "1");
    OK(store_delete(s->store, items, 2, &s->err));
    assert_int_equal(items[0].rc, RC_CONFIG);
    assert_non_null(strstr(items[0].text, "a//b"));
    assert_int_equal(items[1].rc, RC_OK);
    has_none(s, "p/a");
}

const struct CMUnitTest store_object_stories[] = {
    STORY(what_was_put_is_there_whole_and_described),
    STORY(an_empty_object_is_an_object),
    STORY(a_missing_object_is_not_found_by_any_read),
    STORY(get_appends_and_keeps_what_the_buffer_had),
    STORY(an_object_larger_than_expected_is_refused),
    STORY(a_range_is_exact_or_refused),
    STORY(a_second_put_replaces_the_object),
    STORY(if_none_match_writes_only_the_first_time),
    STORY(if_match_writes_only_over_the_one_it_names),
    STORY(if_match_on_a_missing_object_is_a_conflict),
    STORY(every_client_sees_what_another_has_written),
    STORY(of_two_that_create_one_wins),
    STORY(of_two_that_replace_one_wins),
    STORY(deleting_removes_and_a_missing_object_is_no_failure),
    STORY(a_thousand_objects_are_deleted_in_one_request),
    STORY(an_impossible_key_is_refused_by_itself),
};
const size_t store_object_count = sizeof(store_object_stories) / sizeof(*store_object_stories);

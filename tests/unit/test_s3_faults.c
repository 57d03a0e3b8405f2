/* What goes wrong with single requests, and what the store makes of it: nothing doubled, nothing lost, the right kind
 * of failure, and words that help. */
#include "base/crc.h"
#include "s3_story.h"

/* ---- asked to slow down ---- */

static void a_throttled_write_waits_as_long_as_the_server_asks(void **state)
{
    struct s3_story *s = *state;
    s3_story_refuse(s, S3_PUT, 503, "SlowDown", 2);
    OK(s3_story_put(s, "k", "v", UNCONDITIONAL));
    assert_true(s3_story_has(s, "k", "v"));
    assert_int_equal(s->waits, 2);
    assert_in_range(s->wait_ms_max, 7000, 20000);
    assert_int_equal(s3_story_requests(s, S3_PUT), 3);
}

static void a_server_that_stays_busy_ends_the_budget(void **state)
{
    struct s3_story *s = *state;
    s3_story_refuse(s, S3_PUT, 503, "SlowDown", -1);
    FAILS(s3_story_put(s, "k", "v", UNCONDITIONAL), RC_THROTTLED, "writing 'k' in store 'lake' (s3://lake): SlowDown",
          "run the same command again");
    assert_int_equal(s3_story_requests(s, S3_PUT), 5);
    assert_int_equal(s->waits, 4);
    assert_int_equal(s->err.http_status, 503);
    assert_string_equal(s->err.vendor, "SlowDown");
}

/* Refused is not done: a condition may be sent again. */
static void a_throttled_conditional_write_is_sent_again(void **state)
{
    struct s3_story *s = *state;
    s3_story_refuse(s, S3_PUT, 503, "SlowDown", 1);
    OK(s3_story_put(s, "k", "v", IF_NONE_MATCH));
    assert_int_equal(s3_story_requests(s, S3_PUT), 2);
}

/* ---- conditions ---- */

static void two_writes_that_met_are_tried_again(void **state)
{
    struct s3_story *s = *state;
    s3_story_refuse(s, S3_PUT, 409, "ConditionalRequestConflict", 1);
    OK(s3_story_put(s, "k", "v", IF_NONE_MATCH));
    assert_int_equal(s3_story_requests(s, S3_PUT), 2);
    assert_true(s3_story_has(s, "k", "v"));
}

static void a_condition_that_does_not_hold_is_a_conflict_at_once(void **state)
{
    struct s3_story *s = *state;
    FAILS(s3_story_put(s, "first", "v", IF_NONE_MATCH), RC_CONFLICT, "PreconditionFailed (HTTP 412)", NULL);
    FAILS(s3_story_put(s, "first", "v", IF_MATCH("0123")), RC_CONFLICT, "PreconditionFailed (HTTP 412)", NULL);
    FAILS(s3_story_put(s, "none", "v", IF_MATCH("0123")), RC_CONFLICT, "'none'", NULL);
    assert_int_equal(s3_story_requests(s, S3_PUT), 3);
    assert_int_equal(s->waits, 0);
    assert_true(s3_story_has(s, "first", "1"));
}

/* Sent again, it would see its own success as a conflict. */
static void a_conditional_write_whose_answer_is_lost_is_not_sent_again(void **state)
{
    struct s3_story *s = *state;
    s3_story_script(s, S3_PUT, S3_LOSES_ANSWER, 1);
    FAILS(s3_story_put(s, "k", "v", IF_NONE_MATCH), RC_UNAVAILABLE, "writing 'k'", NULL);
    assert_int_equal(s3_story_requests(s, S3_PUT), 1);
    assert_true(s3_story_has(s, "k", "v"));
    s3_story_script(s, S3_PUT, S3_CUTS_REQUEST, 1);
    FAILS(s3_story_put(s, "l", "v", IF_NONE_MATCH), RC_UNAVAILABLE, "writing 'l'", NULL);
    assert_int_equal(s3_story_requests(s, S3_PUT), 1);
    assert_false(s3_story_has(s, "l", "v"));
    s3_story_refuse(s, S3_PUT, 500, "InternalError", 1);
    FAILS(s3_story_put(s, "m", "v", IF_NONE_MATCH), RC_UNAVAILABLE, "InternalError (HTTP 500)", NULL);
    assert_int_equal(s3_story_requests(s, S3_PUT), 1);
}

static void a_plain_write_whose_answer_is_lost_is_sent_again(void **state)
{
    struct s3_story *s = *state;
    s3_story_script(s, S3_PUT, S3_LOSES_ANSWER, 1);
    s3_story_script(s, S3_PUT, S3_CUTS_REQUEST, 1);
    OK(s3_story_put(s, "k", "v", UNCONDITIONAL));
    assert_int_equal(s3_story_requests(s, S3_PUT), 3);
    assert_int_equal(s->waits, 2);
    assert_true(s3_story_has(s, "k", "v"));
    assert_int_equal(mem_objects_count(s->objects), 2);
}

/* ---- completing ---- */

static RC complete(struct s3_story *s, struct upload *upload, struct condition when, struct object_info *ret)
{
    s->err = (struct error){0};
    return store_upload_complete(s->store, upload, when, ret, &s->err);
}

static void an_error_in_a_200_is_no_success(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    s3_story_upload(s, "k", &upload);
    s3_story_script(s, S3_UPLOAD_COMPLETE, S3_ERROR_IN_200, -1);
    FAILS(complete(s, &upload, UNCONDITIONAL, NULL), RC_UNAVAILABLE, "completing 'k'", "run the same command again");
    assert_int_equal(s3_story_requests(s, S3_UPLOAD_COMPLETE), 5);
    assert_false(s3_story_has(s, "k", "aab"));
}

static void an_error_in_a_200_is_tried_again(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    s3_story_upload(s, "k", &upload);
    s3_story_script(s, S3_UPLOAD_COMPLETE, S3_ERROR_IN_200, 1);
    OK(complete(s, &upload, IF_NONE_MATCH, NULL));
    assert_int_equal(s->waits, 1);
    assert_true(s3_story_has(s, "k", "aab"));
    assert_int_equal(mem_objects_uploads(s->objects), 0);
}

/* What a server answers to the second Complete: that there is no such upload, or that all is well. */
static void a_completion_that_was_done_is_recognised(struct s3_story *s, enum s3_misdeed misdeed, bool again,
                                                     struct condition when)
{
    AUTO_RELEASE(upload) upload = {0};
    struct object_info info = {0};
    char sum[CRC64_TEXT];
    s3_server_set(s->server, (struct s3_manners){.completes_again = again});
    s3_story_upload(s, "k", &upload);
    s3_story_script(s, S3_UPLOAD_COMPLETE, misdeed, 1);
    OK(complete(s, &upload, when, &info));
    assert_int_equal(s3_story_requests(s, S3_UPLOAD_COMPLETE), 2);
    assert_true(s3_story_has(s, "k", "aab"));
    assert_int_equal(info.bytes, 3);
    crc64nvme_print(crc64nvme_add(0, S("aab")), sum);
    assert_string_equal(info.checksum, sum);
    mem_objects_remove(s->objects, "k");
}

static void a_lost_answer_to_complete_is_looked_into(void **state)
{
    struct s3_story *s = *state;
    a_completion_that_was_done_is_recognised(s, S3_LOSES_ANSWER, false, IF_NONE_MATCH);
    a_completion_that_was_done_is_recognised(s, S3_LOSES_ANSWER, true, UNCONDITIONAL);
    a_completion_that_was_done_is_recognised(s, S3_DOES_AND_SAYS, false, IF_NONE_MATCH);
    a_completion_that_was_done_is_recognised(s, S3_CUTS_ANSWER, false, IF_NONE_MATCH);
}

static void an_upload_that_is_gone_is_not_taken_for_done(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    s3_story_upload(s, "k", &upload);
    OK(store_upload_abort(s->store, "k", upload.id, &s->err));
    FAILS(complete(s, &upload, UNCONDITIONAL, NULL), RC_NOT_FOUND, "NoSuchUpload", NULL);
    OK(s3_story_put(s, "k", "another's", UNCONDITIONAL));
    FAILS(complete(s, &upload, UNCONDITIONAL, NULL), RC_NOT_FOUND, "NoSuchUpload", NULL);
    assert_true(s3_story_has(s, "k", "another's"));
}

/* All parts have to go up again: the next run does that. */
static void a_completion_that_met_another_write_is_left_to_the_next_run(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    s3_story_upload(s, "k", &upload);
    s3_story_refuse(s, S3_UPLOAD_COMPLETE, 409, "ConditionalRequestConflict", 1);
    FAILS(complete(s, &upload, IF_NONE_MATCH, NULL), RC_UNAVAILABLE, "ConditionalRequestConflict",
          "run the same command again");
    assert_int_equal(s3_story_requests(s, S3_UPLOAD_COMPLETE), 1);
}

static void an_upload_that_may_have_begun_is_not_begun_twice(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    s3_story_script(s, S3_UPLOAD_BEGIN, S3_LOSES_ANSWER, 1);
    FAILS(store_upload_begin(s->store, "k", &upload, &s->err), RC_UNAVAILABLE, "beginning the upload of 'k'", NULL);
    assert_int_equal(mem_objects_uploads(s->objects), 1);
}

static void a_part_is_sent_until_the_server_has_it_as_it_was(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(upload) upload = {0};
    s3_story_script(s, S3_UPLOAD_PART, S3_LOSES_ANSWER, 1);
    s3_story_script(s, S3_UPLOAD_PART, S3_CUTS_REQUEST, 1);
    s3_story_upload(s, "k", &upload);
    assert_int_equal(s3_story_requests(s, S3_UPLOAD_PART), 4);
    OK(complete(s, &upload, IF_NONE_MATCH, NULL));
    assert_true(s3_story_has(s, "k", "aab"));
}

/* ---- damage ---- */

static void a_body_that_changed_on_the_way_to_the_server_is_sent_again(void **state)
{
    struct s3_story *s = *state;
    s3_story_script(s, S3_PUT, S3_ALTERS_REQUEST, 1);
    OK(s3_story_put(s, "k", "value", IF_NONE_MATCH));
    assert_true(s3_story_has(s, "k", "value"));
    s3_story_script(s, S3_PUT, S3_ALTERS_REQUEST, -1);
    FAILS(s3_story_put(s, "l", "value", UNCONDITIONAL), RC_DATA, "writing 'l'", "proxy or a damaged network");
    assert_int_equal(s3_story_requests(s, S3_PUT), 5);
    assert_false(s3_story_has(s, "l", "value"));
}

static RC get(struct s3_story *s, const char *key, struct buf *ret)
{
    s->err = (struct error){0};
    return store_get(s->store, key, 100, ret, NULL, &s->err);
}

static void a_body_that_changed_on_the_way_back_is_read_again(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(buf) got = {0};
    s3_story_script(s, S3_GET, S3_ALTERS_ANSWER, 1);
    OK(get(s, "first", &got));
    assert_string_equal(got.at, "1");
    assert_int_equal(s3_story_requests(s, S3_GET), 2);
    buf_reset(&got);
    s3_story_script(s, S3_GET, S3_ALTERS_ANSWER, -1);
    FAILS(get(s, "first", &got), RC_DATA, "reading 'first'", "proxy or a damaged network");
    assert_int_equal(got.len, 0);
}

static void an_object_that_changed_in_the_store_is_not_given_out(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(buf) got = {0};
    assert_true(mem_objects_damage(s->objects, "first", 0));
    FAILS(get(s, "first", &got), RC_DATA, "reading 'first'", NULL);
}

static void half_an_answer_is_no_answer(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(buf) got = {0};
    char range[4] = "";
    OK(s3_story_put(s, "k", "0123456789", UNCONDITIONAL));
    s3_story_script(s, S3_GET, S3_CUTS_ANSWER, 1);
    s3_story_script(s, S3_GET, S3_STALLS, 1);
    OK(get(s, "k", &got));
    assert_string_equal(got.at, "0123456789");
    assert_int_equal(s3_story_requests(s, S3_GET), 3);
    s3_story_script(s, S3_GET, S3_CUTS_ANSWER, 1);
    OK(store_get_range(s->store, "k", 4, range, 3, &s->err));
    assert_string_equal(range, "456");
    s3_story_script(s, S3_GET, S3_CUTS_ANSWER, -1);
    FAILS(store_get_range(s->store, "k", 4, range, 3, &s->err), RC_UNAVAILABLE, "reading 'k'", NULL);
}

static void half_a_list_is_asked_for_again(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(arena) arena = {0};
    struct object_list list = {0};
    s3_story_script(s, S3_LIST, S3_CUTS_ANSWER, 1);
    OK(store_list(s->store, "", NULL, &arena, &list, &s->err));
    assert_int_equal(list.count, 1);
    s3_story_script(s, S3_LIST, S3_ERROR_IN_200, 1);
    OK(store_list(s->store, "", NULL, &arena, &list, &s->err));
    assert_int_equal(list.count, 1);
    assert_int_equal(s3_story_requests(s, S3_LIST), 4);
}

static void short_pages_and_empty_ones_are_no_end(void **state)
{
    struct s3_story *s = *state;
    AUTO_RELEASE(arena) arena = {0};
    struct object_list list = {0};
    int seen = 0;
    s3_server_set(s->server, (struct s3_manners){.page_max = 2});
    for (int i = 0; i < 5; i++)
        OK(s3_story_put(s, arena_print(&arena, "p/%d +%%", i), "v", UNCONDITIONAL));
    do {
        OK(store_list(s->store, "p/", list.next, &arena, &list, &s->err));
        for (int i = 0; i < list.count; i++, seen++)
            assert_string_equal(list.items[i].key, arena_print(&arena, "p/%d +%%", seen));
    } while (list.next != NULL);
    assert_int_equal(seen, 5);
}

static void a_delete_whose_answer_is_lost_is_done_again(void **state)
{
    struct s3_story *s = *state;
    struct deleted_object item = {.key = "first"};
    s3_story_script(s, S3_DELETE_MANY, S3_LOSES_ANSWER, 1);
    s3_story_script(s, S3_DELETE, S3_LOSES_ANSWER, 1);
    OK(store_delete(s->store, &item, 1, &s->err));
    assert_int_equal(item.rc, RC_OK);
    assert_int_equal(mem_objects_count(s->objects), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_STORY(a_throttled_write_waits_as_long_as_the_server_asks),
        S3_STORY(a_server_that_stays_busy_ends_the_budget),
        S3_STORY(a_throttled_conditional_write_is_sent_again),
        S3_STORY(two_writes_that_met_are_tried_again),
        S3_STORY(a_condition_that_does_not_hold_is_a_conflict_at_once),
        S3_STORY(a_conditional_write_whose_answer_is_lost_is_not_sent_again),
        S3_STORY(a_plain_write_whose_answer_is_lost_is_sent_again),
        S3_STORY(an_error_in_a_200_is_no_success),
        S3_STORY(an_error_in_a_200_is_tried_again),
        S3_STORY(a_lost_answer_to_complete_is_looked_into),
        S3_STORY(an_upload_that_is_gone_is_not_taken_for_done),
        S3_STORY(a_completion_that_met_another_write_is_left_to_the_next_run),
        S3_STORY(an_upload_that_may_have_begun_is_not_begun_twice),
        S3_STORY(a_part_is_sent_until_the_server_has_it_as_it_was),
        S3_STORY(a_body_that_changed_on_the_way_to_the_server_is_sent_again),
        S3_STORY(a_body_that_changed_on_the_way_back_is_read_again),
        S3_STORY(an_object_that_changed_in_the_store_is_not_given_out),
        S3_STORY(half_an_answer_is_no_answer),
        S3_STORY(half_a_list_is_asked_for_again),
        S3_STORY(short_pages_and_empty_ones_are_no_end),
        S3_STORY(a_delete_whose_answer_is_lost_is_done_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

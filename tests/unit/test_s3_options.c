/* What a connection's options put into requests: how new objects are kept, whose bucket it has to be, where it stands.
 */
#include "s3_story.h"

/* Hears every request, and passes it on. */
struct listener {
    struct http http;
    struct http *inner;
    struct buf said; /* "PUT http://standin/lake/k", then its headers "name: value", a line each */
};

static RC listener_send(struct http *base, const struct http_request *request, struct http_answer *ret,
                        struct error *err)
{
    struct listener *self = (struct listener *)base;
    buf_addf(&self->said, "%s %s\n", request->method, request->url);
    for (int i = 0; i < request->header_count; i++)
        buf_addf(&self->said, "%s: %s\n", request->headers[i].name, request->headers[i].value);
    return http_send(self->inner, request, ret, err);
}

static void listener_free(struct http *base) {}

/* From now on the story's store is heard, with its options as they are. */
static void listen_to(struct s3_story *s, struct listener *self)
{
    static const struct http_ops ops = {listener_send, listener_free};
    const struct opening with = {.clock = &s->clock, .random = random_real(), .retries = &s->observer};
    *self = (struct listener){{&ops}, s->http, {0}};
    store_free(TAKE(s->store));
    OK(s3_store_open("lake", &s->options, &with, &self->http, &s->store, &s->err));
}

/* How often it was said. */
static int times(const struct listener *self, const char *words)
{
    int count = 0;
    for (const char *at = self->said.at; (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

/* Everything that a store is asked for, but for what makes objects. */
static void look_around(struct s3_story *s)
{
    AUTO_RELEASE(buf) got = {0};
    AUTO_RELEASE(arena) arena = {0};
    struct object_info info;
    struct object_list objects;
    struct upload_list uploads;
    struct deleted_object doomed = {.key = "gone"};
    char bytes[1];
    OK(store_get(s->store, "first", 100, &got, NULL, &s->err));
    OK(store_get_range(s->store, "first", 0, bytes, 1, &s->err));
    OK(store_head(s->store, "first", &info, &s->err));
    OK(store_list(s->store, "", NULL, &arena, &objects, &s->err));
    OK(store_upload_list(s->store, "", NULL, &arena, &uploads, &s->err));
    OK(store_delete(s->store, &doomed, 1, &s->err));
}

/* S3 encrypts as the bucket says, and not with the key that was asked for, when it is not told with each new object;
 * and refuses to be told with any other request. */
static void how_objects_are_kept_is_said_with_each_new_one_and_with_nothing_else(void **state)
{
    struct s3_story *s = *state;
    struct listener heard;
    struct upload upload = {0};
    static const char *const headers[] = {"x-amz-server-side-encryption: aws:kms\n",
                                          "x-amz-server-side-encryption-aws-kms-key-id: arn:aws:kms:x:1:key/1\n",
                                          "x-amz-storage-class: STANDARD_IA\n"};
    s->options.sse = "aws:kms";
    s->options.kms_key_id = "arn:aws:kms:x:1:key/1";
    s->options.storage_class = "STANDARD_IA";
    listen_to(s, &heard);
    OK(s3_story_put(s, "k", "v", UNCONDITIONAL));
    OK(store_upload_begin(s->store, "l", &upload, &s->err));
    assert_int_equal(times(&heard, "http://"), 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(times(&heard, headers[i]), 2);
    buf_reset(&heard.said);
    struct object_info info;
    OK(store_upload_part(s->store, &upload, S("aa"), &s->err));
    OK(store_upload_complete(s->store, &upload, UNCONDITIONAL, &info, &s->err));
    look_around(s);
    assert_int_equal(times(&heard, "x-amz-server-side-encryption"), 0);
    assert_int_equal(times(&heard, "x-amz-storage-class"), 0);
    upload_release(&upload);
    store_free(TAKE(s->store));
    buf_release(&heard.said);
}

/* A bucket of that name that somebody else has made meanwhile gets nothing, and nothing is read from it. */
static void every_request_names_the_owner_that_the_bucket_has_to_have(void **state)
{
    struct s3_story *s = *state;
    struct listener heard;
    struct upload upload = {0}, given_up = {0};
    struct object_info info;
    s->options.expected_bucket_owner = "123456789012";
    listen_to(s, &heard);
    OK(s3_story_put(s, "k", "v", UNCONDITIONAL));
    s3_story_upload(s, "l", &upload);
    OK(store_upload_complete(s->store, &upload, UNCONDITIONAL, &info, &s->err));
    OK(store_upload_begin(s->store, "m", &given_up, &s->err));
    OK(store_upload_abort(s->store, "m", given_up.id, &s->err));
    look_around(s);
    assert_true(times(&heard, "http://") >= 13);
    assert_int_equal(times(&heard, "x-amz-expected-bucket-owner: 123456789012\n"), times(&heard, "http://"));
    upload_release(&upload);
    upload_release(&given_up);
    store_free(TAKE(s->store));
    buf_release(&heard.said);
}

static void the_bucket_stands_in_the_path_or_in_the_hosts_name(void **state)
{
    struct s3_story *s = *state;
    static const struct {
        const char *endpoint;
        enum s3_path_style style;
        const char *url;
    } cases[] = {
        {"http://standin", S3_PATH_AUTO, "http://standin/lake/k"},
        {"http://standin", S3_PATH_FALSE, "http://lake.standin/k"},
        {"http://standin:9000/", S3_PATH_FALSE, "http://lake.standin:9000/k"},
        {NULL, S3_PATH_AUTO, "https://lake.s3.eu-west-1.amazonaws.com/k"},
        {NULL, S3_PATH_TRUE, "https://s3.eu-west-1.amazonaws.com/lake/k"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct listener heard;
        char wanted[128];
        s->options.endpoint = cases[i].endpoint;
        s->options.path_style = cases[i].style;
        listen_to(s, &heard);
        OK(s3_story_put(s, "k", "v", UNCONDITIONAL));
        snprintf(wanted, sizeof(wanted), "PUT %s\n", cases[i].url);
        assert_memory_equal(heard.said.at, wanted, strlen(wanted));
        store_free(TAKE(s->store));
        buf_release(&heard.said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_STORY(how_objects_are_kept_is_said_with_each_new_one_and_with_nothing_else),
        S3_STORY(every_request_names_the_owner_that_the_bucket_has_to_have),
        S3_STORY(the_bucket_stands_in_the_path_or_in_the_hosts_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

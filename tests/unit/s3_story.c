#include <assert.h>

#include "s3_story.h"

enum { ATTEMPTS = 5 };

static int64_t story_now_us(struct clock *self) { return ((struct s3_story *)self)->now_us; }
static int64_t story_mono_ms(struct clock *self) { return ((struct s3_story *)self)->mono_ms; }

static void story_sleep_ms(struct clock *self, int64_t ms)
{
    ((struct s3_story *)self)->now_us += ms * 1000;
    ((struct s3_story *)self)->mono_ms += ms;
}

static void story_waiting(void *context, int attempt, int64_t wait_ms, const struct error *why)
{
    struct s3_story *s = context;
    s->waits++;
    s->wait_ms_max = wait_ms > s->wait_ms_max ? wait_ms : s->wait_ms_max;
}

void s3_story_open(struct s3_story *s)
{
    const struct opening with = {.clock = &s->clock, .random = random_real(), .retries = &s->observer};
    store_free(TAKE(s->store));
    OK(s3_store_open("lake", &s->options, &with, s->http, &s->store, &s->err));
    assert(s->store != NULL);
}

int s3_story_begin(void **state)
{
    struct s3_story *s = xcalloc(1, sizeof(*s));
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1); /* no test leaves this machine */
    s->clock = (struct clock){story_now_us, story_mono_ms, story_sleep_ms};
    s->now_us = INT64_C(1795000000000000);
    s->observer = (struct retry_observer){story_waiting, s};
    s->objects = mem_objects_new(&s->clock);
    s->server = s3_server_new(
        s->objects,
        &(struct s3_server_options){
            .bucket = "lake", .region = "eu-west-1", .access_key = "AKID", .secret_key = "hush", .clock = &s->clock});
    s->http = s3_transport_new(s->server);
    s->options = (struct s3_options){.bucket = "lake",
                                     .region = "eu-west-1",
                                     .endpoint = "http://standin",
                                     .access_key_id = "AKID",
                                     .etag_quotes = true,
                                     .tls_verify = true,
                                     .attempts = ATTEMPTS};
    secret_set(&s->options.secret_access_key, S("hush"));
    s3_story_open(s);
    OK(s3_story_put(s, "first", "1", UNCONDITIONAL));
    for (int i = 0; i < S3_OPERATION_COUNT; i++)
        s3_story_requests(s, i);
    *state = s;
    return 0;
}

int s3_story_end(void **state)
{
    struct s3_story *s = *state;
    store_free(s->store);
    http_free(s->http);
    s3_server_free(s->server);
    mem_objects_free(s->objects);
    secret_release(&s->options.secret_access_key);
    secret_release(&s->options.session_token);
    free(s);
    return 0;
}

void s3_story_script(struct s3_story *s, enum s3_operation on, enum s3_misdeed misdeed, int times)
{
    s3_server_script(
        s->server,
        &(struct s3_script){.on = on, .misdeed = misdeed, .times = times, .status = 200, .code = "InternalError"});
}

void s3_story_refuse(struct s3_story *s, enum s3_operation on, int status, const char *code, int times)
{
    s3_server_script(s->server, &(struct s3_script){.on = on,
                                                    .misdeed = S3_REFUSES,
                                                    .times = times,
                                                    .status = status,
                                                    .code = code,
                                                    .header = "Retry-After: 7"});
}

int s3_story_requests(struct s3_story *s, enum s3_operation on)
{
    int count = s3_server_count(s->server, on), since = count - s->requests_before[on];
    s->requests_before[on] = count;
    return since;
}

void s3_story_fails(const struct s3_story *s, enum rc got, enum rc wanted, const char *words, const char *advice,
                    const char *file, int line)
{
    bool said = got != RC_OK && strstr(s->err.text, words) != NULL && strstr(s->err.text, "store 'lake'") != NULL &&
                (advice == NULL || strstr(s->err.todo, advice) != NULL);
    if (got != wanted || !said)
        print_error("%s (%s wanted): %s (%s); wanted: '%s' ('%s')\n", rc_name(got), rc_name(wanted), s->err.text,
                    s->err.todo, words, or_empty(advice));
    _assert_int_equal((uintmax_t)got, (uintmax_t)wanted, file, line);
    _assert_true(said, "it says what failed, where, and what to do", file, line);
    _assert_true(strstr(s->err.text, "hush") == NULL && strstr(s->err.todo, "hush") == NULL, "no secret", file, line);
}

RC s3_story_put(struct s3_story *s, const char *key, const char *text, struct condition when)
{
    s->err = (struct error){0};
    return store_put(s->store, key, str(text), when, NULL, &s->err);
}

bool s3_story_has(struct s3_story *s, const char *key, const char *text)
{
    struct mem_object object;
    return mem_objects_find(s->objects, key, &object) && str_eq(object.body, str(text));
}

void s3_story_upload(struct s3_story *s, const char *key, struct upload *ret)
{
    OK(store_upload_begin(s->store, key, ret, &s->err));
    OK(store_upload_part(s->store, ret, S("aa"), &s->err));
    OK(store_upload_part(s->store, ret, S("b"), &s->err));
}

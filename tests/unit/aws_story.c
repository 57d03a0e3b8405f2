#include "aws_story.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"

struct aws_story aws;

static const char *environment(const char *name)
{
    for (size_t i = 0; i < AWS_STORY_VARIABLES; i++) {
        if (text_eq(aws.variables[i].name, name))
            return aws.variables[i].value;
    }
    return NULL;
}

void set(const char *name, const char *value)
{
    for (size_t i = 0;; i++) {
        assert_in_range(i, 0, AWS_STORY_VARIABLES - 1);
        if (aws.variables[i].name == NULL || text_eq(aws.variables[i].name, name)) {
            aws.variables[i].name = name;
            aws.variables[i].value = value;
            return;
        }
    }
}

static int64_t clock_now_us(struct clock *self) { return ((struct aws_story *)self)->now_us; }
static int64_t clock_mono_ms(struct clock *self) { return ((struct aws_story *)self)->mono_ms; }
static void clock_sleep_ms(struct clock *self, int64_t ms) { usleep((useconds_t)ms * 1000); }

/* ---- the network ---- */

static RC story_send(struct http *self, const struct http_request *request, struct http_answer *ret, struct error *err)
{
    if (aws.asked == aws.answer_count)
        fail_msg("nobody expected %s %s", request->method, request->url);
    const struct aws_story_answer *next = &aws.answers[aws.asked++];
    assert_string_equal(request->url, next->url);
    assert_string_equal(request->method, next->method);
    buf_reset(&aws.last_headers);
    buf_reset(&aws.last_body);
    for (int i = 0; i < request->header_count; i++)
        buf_addf(&aws.last_headers, "%s: %s\n", request->headers[i].name, request->headers[i].value);
    buf_add_str(&aws.last_body, request->body);
    if (next->meanwhile != NULL)
        next->meanwhile();
    if (next->status == 0)
        return fail(err, RC_UNAVAILABLE, "no connection");
    ret->status = next->status;
    buf_reset(&ret->body);
    buf_add_str(&ret->body, str(next->body));
    return RC_OK;
}

static const struct http_ops story_ops = {.send = story_send};

void answer(const char *method, const char *url, int status, const char *body)
{
    assert_in_range(aws.answer_count, 0, AWS_STORY_ANSWERS - 1);
    aws.answers[aws.answer_count++] = (struct aws_story_answer){method, url, status, body, NULL};
}

void meanwhile(void (*what)(void)) { aws.answers[aws.answer_count - 1].meanwhile = what; }

bool was_sent(const char *words)
{
    return strstr(buf_str(&aws.last_headers).at, words) != NULL || strstr(buf_str(&aws.last_body).at, words) != NULL;
}

/* ---- files ---- */

const char *path_of(const char *name) { return arena_print(&aws.arena, "%s/.aws/%s", aws.folder, name); }

void write_file(const char *name, const char *text)
{
    struct error err = {0};
    const char *path = path_of(name);
    for (const char *slash = strchr(path + strlen(aws.folder) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
        mkdir(arena_str(&aws.arena, (struct str){path, (size_t)(slash - path)}), 0700);
    assert_int_equal(file_write_atomic(path, str(text), 0600, &err), RC_OK);
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *at) { return remove(path); }

int aws_story_begin(void **state)
{
    aws = (struct aws_story){.clock = {clock_now_us, clock_mono_ms, clock_sleep_ms},
                             .http = {&story_ops},
                             .now_us = INT64_C(1800000000000000), /* 2027-01-15T08:00:00Z */
                             .mono_ms = 5000000,
                             .folder = "/tmp/waybill-aws-XXXXXX"};
    assert_non_null(mkdtemp(aws.folder));
    set("HOME", aws.folder);
    set("AWS_EC2_METADATA_DISABLED", "true");
    return 0;
}

int aws_story_end(void **state)
{
    assert_int_equal(aws.asked, aws.answer_count);
    assert_int_equal(nftw(aws.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    buf_release(&aws.last_headers);
    buf_release(&aws.last_body);
    arena_release(&aws.arena);
    return 0;
}

/* ---- identities ---- */

struct aws_config aws_story_config(void)
{
    return (struct aws_config){.clock = &aws.clock, .environment = environment, .http = &aws.http};
}

struct aws_identity *identity_of(const char *profile)
{
    struct aws_config config = aws_story_config();
    struct aws_identity *identity = NULL;
    struct error err = {0};
    config.profile = profile;
    assert_int_equal(aws_identity_new(&config, &identity, &err), RC_OK);
    return identity;
}

const char *keys_of(struct aws_identity *identity)
{
    AUTO_RELEASE(aws_credentials) keys = {0};
    struct error err = {0};
    if (aws_identity_get(identity, &keys, &err) != RC_OK)
        return arena_print(&aws.arena, "%s: %s (%s)", rc_name(err.rc), err.text, err.todo);
    return arena_print(&aws.arena, "%s/%s/%s", keys.access_key, secret_reveal(&keys.secret_key),
                       secret_reveal(&keys.session_token));
}

const char *keys_with(const char *profile)
{
    AUTO(aws_identity) *identity = identity_of(profile);
    return keys_of(identity);
}

const char *about_with(const char *profile)
{
    AUTO(aws_identity) *identity = identity_of(profile);
    const char *keys = keys_of(identity), *about = aws_identity_about(identity, &aws.arena);
    return about != NULL ? about : keys;
}

void says(const char *said, const char *words)
{
    if (strstr(said, words) == NULL)
        fail_msg("'%s' is not in '%s'", words, said);
    assert_null(strstr(said, "hush"));
    assert_null(strstr(said, "t0ken"));
}

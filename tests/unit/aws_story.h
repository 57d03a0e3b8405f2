/* AWS credentials with a world of their own: an environment, a home folder, a clock, and a network that gives the
 * answers a test wrote down. Nothing leaves this process: a request nobody expects fails the test. */
#pragma once

#include "io/aws_credentials.h"
#include "test.h"

enum { AWS_STORY_VARIABLES = 24, AWS_STORY_ANSWERS = 16 };

struct aws_story_answer {
    const char *method, *url; /* what has to be asked */
    int status;               /* 0: there is no connection */
    const char *body;
    void (*meanwhile)(void); /* what others do before it is given; NULL: nothing */
};

struct aws_story {
    struct clock clock; /* first, as it is cast back */
    int64_t now_us, mono_ms;
    struct http http;
    char folder[64];
    struct {
        const char *name, *value;
    } variables[AWS_STORY_VARIABLES];
    struct aws_story_answer answers[AWS_STORY_ANSWERS];
    int answer_count, asked; /* written down, and asked for */
    struct buf last_headers, last_body;
    struct arena arena;
};
extern struct aws_story aws;

int aws_story_begin(void **state); /* HOME is an empty folder; the machine's metadata service is off */
int aws_story_end(void **state);   /* every answer was asked for */
#define AWS_STORY(name) cmocka_unit_test_setup_teardown(name, aws_story_begin, aws_story_end)

void set(const char *name, const char *value); /* NULL: not set */
const char *path_of(const char *name);         /* below ~/.aws */
void write_file(const char *name, const char *text);
void answer(const char *method, const char *url, int status, const char *body);
void meanwhile(void (*what)(void)); /* before the answer that was written down last */
bool was_sent(const char *words);   /* in headers or body of the last request */

struct aws_config aws_story_config(void);
struct aws_identity *identity_of(const char *profile);
const char *keys_of(struct aws_identity *identity); /* "access key/secret key/token", or the error's text and advice */
const char *keys_with(const char *profile);         /* of a new identity */
const char *about_with(const char *profile);        /* whose they are, and until when; or the error */
void says(const char *said, const char *words);     /* and none of the secrets: "hush" and "t0ken" */

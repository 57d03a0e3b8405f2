/* The S3 store against the server of the tests, in one process: a clock that only moves when somebody waits, and an
 * observer that counts the waits. */
#pragma once

#include "conform/verdict.h"
#include "standin/s3/transport.h"
#include "store/s3/s3.h"
#include "test.h"

struct s3_story {
    struct clock clock; /* the client's; first, as it is cast back */
    int64_t now_us, mono_ms;
    struct retry_observer observer;
    int waits;
    int64_t wait_ms_max; /* the longest */
    struct mem_objects *objects;
    struct s3_server *server;
    struct http *http;
    struct s3_options options; /* of s3_story_open */
    struct store *store;       /* opened, and has written "first": it has seen the server answer */
    struct error err;
    int requests_before[S3_OPERATION_COUNT];
};

int s3_story_begin(void **state);
int s3_story_end(void **state);
#define S3_STORY(name) cmocka_unit_test_setup_teardown(name, s3_story_begin, s3_story_end)

/* Instead of the story's store: one with the options as they are now, which has not been answered yet. */
void s3_story_open(struct s3_story *s);
/* The server does this at the next `times` (0: one) requests of the operation. */
void s3_story_script(struct s3_story *s, enum s3_operation on, enum s3_misdeed misdeed, int times);
void s3_story_refuse(struct s3_story *s, enum s3_operation on, int status, const char *code, int times);
/* Requests of the operation since the last time this was asked. */
int s3_story_requests(struct s3_story *s, enum s3_operation on);

/* What came back: on failure `err` has the text `words`, names the object, and advises `todo` (NULL: anything). */
#define FAILS(call, rc, words, advice) s3_story_fails(s, call, rc, words, advice, __FILE__, __LINE__)
void s3_story_fails(const struct s3_story *s, enum rc got, enum rc wanted, const char *words, const char *advice,
                    const char *file, int line);

RC s3_story_put(struct s3_story *s, const char *key, const char *text, struct condition when);
bool s3_story_has(struct s3_story *s, const char *key, const char *text); /* in the bucket */
/* Two parts of "aa" and "b", begun and sent. */
void s3_story_upload(struct s3_story *s, const char *key, struct upload *ret);

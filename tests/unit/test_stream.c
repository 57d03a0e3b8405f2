/* What a server streams: left alone for a moment where nothing has come, so that more comes at once. */
#include "io/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

struct story {
    int reader, server;
    const char *sent_meanwhile; /* while the reader rests; NULL: nothing */
    int rests;
};
static struct story story;

static void server_send(const char *text)
{
    assert_int_equal(write(story.server, text, strlen(text)), (ssize_t)strlen(text));
}

/* Linked in place of the C library's (--wrap): the server's time. */
/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's name */
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
    assert_int_equal(wanted->tv_nsec, STREAM_REST_US * 1000L);
    assert_null(left);
    story.rests++;
    if (story.sent_meanwhile != NULL)
        server_send(story.sent_meanwhile);
    return 0;
}
/* NOLINTEND(bugprone-reserved-identifier) */

static int story_begin(void **state)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    story = (struct story){.reader = ends[0], .server = ends[1]};
    return 0;
}

static int story_end(void **state)
{
    close(story.reader);
    return story.server >= 0 ? close(story.server) : 0;
}

static void assert_received(const char *expected)
{
    char got[16];
    ssize_t len = stream_receive(story.reader, got, sizeof(got));
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(got, expected, strlen(expected));
}

static void what_has_come_is_taken_without_a_rest(void **state)
{
    server_send("rows");
    assert_received("rows");
    assert_int_equal(story.rests, 0);
}

static void what_comes_during_the_rest_is_taken_behind_it(void **state)
{
    story.sent_meanwhile = "rows";
    assert_received("rows");
    assert_int_equal(story.rests, 1);
}

/* Whoever asks waits in his own way then, and is woken up by the first byte. */
static void where_nothing_comes_there_is_one_rest_and_no_more(void **state)
{
    char got[16];
    assert_int_equal(stream_receive(story.reader, got, sizeof(got)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(story.rests, 1);
}

static void a_server_that_has_gone_is_not_rested_for(void **state)
{
    char got[16];
    close(story.server);
    story.server = -1;
    assert_int_equal(stream_receive(story.reader, got, sizeof(got)), 0);
    assert_int_equal(story.rests, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_has_come_is_taken_without_a_rest, story_begin, story_end),
        cmocka_unit_test_setup_teardown(what_comes_during_the_rest_is_taken_behind_it, story_begin, story_end),
        cmocka_unit_test_setup_teardown(where_nothing_comes_there_is_one_rest_and_no_more, story_begin, story_end),
        cmocka_unit_test_setup_teardown(a_server_that_has_gone_is_not_rested_for, story_begin, story_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

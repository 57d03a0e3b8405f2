/* A worker does the same with a thread and without. */
#include "base/worker.h"

#include <string.h>

#include "test.h"

struct story {
    int done[100], count;
    int fails_at; /* the job of this number; 0: none */
};

static RC note(void *context, void *job, struct error *err)
{
    struct story *story = context;
    int number = *(int *)job;
    if (number == story->fails_at)
        return fail(err, RC_DATA, "job %d is bad", number);
    story->done[story->count++] = number;
    return RC_OK;
}

static const int ways[] = {0, 1, 2, 7}; /* jobs_max */
enum { WAYS = sizeof(ways) / sizeof(*ways) };

static int numbers[100];

static void jobs_are_done_in_their_order(void **state)
{
    for (int way = 0; way < WAYS; way++) {
        struct story story = {0};
        struct error err;
        AUTO(worker) *worker = worker_new(ways[way], note, &story);
        for (int i = 0; i < 100; i++)
            assert_int_equal(worker_give(worker, &numbers[i], &err), RC_OK);
        assert_int_equal(worker_finish(worker, &err), RC_OK);
        assert_int_equal(story.count, 100);
        for (int i = 0; i < 100; i++)
            assert_int_equal(story.done[i], i + 1);
    }
}

static void nothing_is_done_behind_a_failure_until_it_was_told(void **state)
{
    for (int way = 0; way < WAYS; way++) {
        struct story story = {.fails_at = 5};
        struct error err;
        enum rc rc = RC_OK;
        AUTO(worker) *worker = worker_new(ways[way], note, &story);
        for (int i = 0; i < 20 && rc == RC_OK; i++)
            rc = worker_give(worker, &numbers[i], &err);
        assert_int_equal(worker_finish(worker, &err), RC_DATA);
        assert_string_equal(err.text, "job 5 is bad");
        assert_int_equal(story.count, 4);
        assert_int_equal(worker_give(worker, &numbers[30], &err), RC_OK);
        assert_int_equal(worker_finish(worker, &err), RC_OK);
        assert_int_equal(story.done[4], 31);
    }
}

static void what_was_given_is_done_before_the_worker_is_gone(void **state)
{
    struct story story = {0};
    struct error err;
    struct worker *worker = worker_new(64, note, &story);
    for (int i = 0; i < 60; i++)
        assert_int_equal(worker_give(worker, &numbers[i], &err), RC_OK);
    worker_free(worker);
    assert_int_equal(story.count, 60);
}

int main(void)
{
    for (int i = 0; i < 100; i++)
        numbers[i] = i + 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_done_in_their_order),
        cmocka_unit_test(nothing_is_done_behind_a_failure_until_it_was_told),
        cmocka_unit_test(what_was_given_is_done_before_the_worker_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

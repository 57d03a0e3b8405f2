#include "io/opening.h"

#include <signal.h>

enum rc stop_rc(int number)
{
    return number == SIGTERM ? RC_TERMINATED : number == SIGALRM ? RC_DEADLINE : RC_INTERRUPTED;
}

enum { LAST_WORDS_MS = 4000 }; /* some supervisors wait no longer than 10 s between SIGTERM and SIGKILL */
static _Thread_local struct {
    struct clock *clock;
    int64_t until_ms; /* 0: never begun */
    bool now;
} last_words;

void opening_last_words_begin(struct clock *clock)
{
    if (last_words.until_ms == 0)
        last_words.until_ms = clock->mono_ms(clock) + LAST_WORDS_MS;
    last_words.clock = clock;
    last_words.now = true;
}

void opening_last_words_end(void) { last_words.now = false; }

RC opening_check_stop(const atomic_int *stop, struct error *err)
{
    int number = stop != NULL ? *stop : 0;
    if (number == 0 || (last_words.now && last_words.clock->mono_ms(last_words.clock) < last_words.until_ms))
        return RC_OK;
    if (number == SIGALRM)
        fail(err, RC_DEADLINE, "the run is not through, and its time (--deadline) is over");
    else
        fail(err, stop_rc(number), "the program was asked to end by %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
    return fail_todo(err, "run the same command again: it goes on where it stopped");
}

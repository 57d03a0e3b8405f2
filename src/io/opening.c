#include "io/opening.h"

#include <signal.h>

enum rc stop_rc(int number)
{
    return number == SIGTERM ? RC_TERMINATED : number == SIGALRM ? RC_DEADLINE : RC_INTERRUPTED;
}

RC opening_check_stop(const atomic_int *stop, struct error *err)
{
    int number = stop != NULL ? *stop : 0;
    if (number == 0)
        return RC_OK;
    if (number == SIGALRM)
        fail(err, RC_DEADLINE, "the run is not through, and its time (--deadline) is over");
    else
        fail(err, stop_rc(number), "the program was asked to end by %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
    return fail_todo(err, "run the same command again: it goes on where it stopped");
}

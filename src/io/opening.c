#include "io/opening.h"

#include <signal.h>

RC opening_check_stop(const atomic_int *stop, struct error *err)
{
    if (stop == NULL || *stop == 0)
        return RC_OK;
    bool terminated = *stop == SIGTERM;
    fail(err, terminated ? RC_TERMINATED : RC_INTERRUPTED, "the program was asked to end by %s",
         terminated ? "SIGTERM" : "SIGINT");
    return fail_todo(err, "run the same command again: it goes on where it stopped");
}

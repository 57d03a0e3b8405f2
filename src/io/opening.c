#include "io/opening.h"

RC opening_check_stop(const volatile sig_atomic_t *stop, struct error *err)
{
    if (stop == NULL || *stop == 0)
        return RC_OK;
    bool terminated = *stop == SIGTERM;
    fail(err, terminated ? RC_TERMINATED : RC_INTERRUPTED, "the program was asked to end by %s",
         terminated ? "SIGTERM" : "SIGINT");
    return fail_todo(err, "run the same command again: it goes on where it stopped");
}

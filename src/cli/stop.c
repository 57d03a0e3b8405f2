#include "cli/stop.h"

#include <stddef.h>

static volatile sig_atomic_t stop_signal;

static void on_signal(int number) { stop_signal = number; }

const volatile sig_atomic_t *stop_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}; /* no SA_RESTART: waits end */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stop_signal;
}

bool stop_asked(void *context, struct error *err)
{
    if (stop_signal == 0)
        return false;
    fail(err, stop_signal == SIGTERM ? RC_TERMINATED : RC_INTERRUPTED, "the program was asked to end by %s",
         stop_signal == SIGTERM ? "SIGTERM" : "SIGINT");
    fail_todo(err, "run the same command again: it goes on where it stopped");
    return true;
}

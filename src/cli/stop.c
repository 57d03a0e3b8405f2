#include "cli/stop.h"

#include <stddef.h>

#include "io/opening.h"

static atomic_int stop_signal; /* lock-free, so that a handler may write it and every thread read it */

static void on_signal(int number) { stop_signal = number; }

const atomic_int *stop_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}; /* no SA_RESTART: waits end */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stop_signal;
}

bool stop_asked(void *context, struct error *err) { return opening_check_stop(&stop_signal, err) != RC_OK; }

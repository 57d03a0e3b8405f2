#include "cli/stop.h"

#include <stddef.h>
#include <sys/time.h>

#include "io/opening.h"

static atomic_int stop_signal; /* lock-free, so that a handler may write it and every thread read it */

static void on_signal(int number) { stop_signal = number; }

static void on_alarm(int number)
{
    int none = 0;
    atomic_compare_exchange_strong(&stop_signal, &none, number); /* a person's word stands */
}

const atomic_int *stop_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}; /* no SA_RESTART: waits end */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stop_signal;
}

void stop_after(int64_t ms)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval timer = {.it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

bool stop_asked(void *context, struct error *err) { return opening_check_stop(&stop_signal, err) != RC_OK; }

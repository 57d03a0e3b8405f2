/* What a connection is opened with, whatever it is to: all of it outlives what is opened. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "io/retry.h"

/* RC_INTERRUPTED, RC_TERMINATED, or RC_DEADLINE for SIGALRM. */
enum rc stop_rc(int number);
/* One of these once the program is asked to end; `stop` as below. */
RC opening_check_stop(const atomic_int *stop, struct error *err);
/* What has to be put in order before the program ends: until opening_last_words_end, and for some seconds at most,
 * however often it is begun, calls of this thread are not ended by the stop that was asked for. */
void opening_last_words_begin(struct clock *clock);
void opening_last_words_end(void);

struct opening {
    struct clock *clock;
    struct random *random;
    const atomic_int *stop; /* the signal that asks the program to end, 0 so far: waits end early; NULL: nobody asks */
    int64_t memory_bytes;   /* that the run may use, all of it; 0: nobody has said */
    const struct retry_observer *retries; /* sees every wait before something is tried again; NULL: nobody does */
};

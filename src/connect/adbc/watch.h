/* Ends a long call of a driver when the program is asked to stop: a thread that looks while the call is under way. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "connect/adbc/adbc.h"

struct watch {
    const struct AdbcDriver *driver;
    struct AdbcConnection *connection;
    struct AdbcStatement *statement;
    const atomic_int *stop;
    bool is_on, is_over;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t over;
};

/* Does nothing where there is no flag, or nothing of the driver's to cancel with. */
void watch_begin(struct watch *self, const struct AdbcDriver *driver, struct AdbcConnection *connection,
                 struct AdbcStatement *statement, const atomic_int *stop);
void watch_end(struct watch *self);

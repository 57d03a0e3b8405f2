#include "connect/adbc/watch.h"

#include <time.h>

#include "base/worker.h"

enum { LOOK_MS = 100 };

static void cancel(struct watch *self)
{
    struct AdbcError said = {0};
    if (self->driver->StatementCancel != NULL)
        self->driver->StatementCancel(self->statement, &said);
    else
        self->driver->ConnectionCancel(self->connection, &said);
    if (said.release != NULL)
        said.release(&said);
}

/* A cancel that comes before the call has begun is lost, so it is repeated. */
static void *look(void *context)
{
    struct watch *self = context;
    pthread_mutex_lock(&self->lock);
    while (!self->is_over) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&self->over, &self->lock, &until);
        if (!self->is_over && *self->stop != 0)
            cancel(self);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

void watch_begin(struct watch *self, const struct AdbcDriver *driver, struct AdbcConnection *connection,
                 struct AdbcStatement *statement, const atomic_int *stop)
{
    *self = (struct watch){.driver = driver, .connection = connection, .statement = statement, .stop = stop};
    if (stop == NULL || (driver->StatementCancel == NULL && driver->ConnectionCancel == NULL))
        return;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->over, &monotonic);
    pthread_condattr_destroy(&monotonic);
    self->is_on = true;
    thread_start(&self->thread, look, self);
}

void watch_end(struct watch *self)
{
    if (!self->is_on)
        return;
    pthread_mutex_lock(&self->lock);
    self->is_over = true;
    pthread_cond_signal(&self->over);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->over);
    pthread_mutex_destroy(&self->lock);
}

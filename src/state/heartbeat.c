#include "state/heartbeat.h"

#include <time.h>

#include "base/worker.h"

struct heartbeat {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct scope **scopes;
    int count;
    int64_t beat_ms;
    bool ending;
};

/* Waits beat_ms, or until the end. The lock is held. */
static bool heartbeat_wait(struct heartbeat *self)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += self->beat_ms / 1000;
    until.tv_nsec += (self->beat_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    int rc = 0;
    while (!self->ending && rc == 0)
        rc = pthread_cond_timedwait(&self->wake, &self->lock, &until);
    return !self->ending;
}

static void *heartbeat_run(void *context)
{
    struct heartbeat *self = context;
    pthread_mutex_lock(&self->lock);
    while (heartbeat_wait(self)) {
        for (int i = 0; i < self->count && !self->ending; i++) {
            struct scope *scope = self->scopes[i];
            pthread_mutex_unlock(&self->lock);
            struct error ignored; /* the working thread meets the same failure at its next write, and reports it */
            if (scope_is_mine(scope) && scope_beat(scope, &ignored) != RC_OK)
                (void)ignored;
            pthread_mutex_lock(&self->lock);
        }
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

struct heartbeat *heartbeat_start(int64_t beat_ms)
{
    struct heartbeat *self = xcalloc(1, sizeof(*self));
    self->beat_ms = beat_ms;
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    thread_start(&self->thread, heartbeat_run, self);
    return self;
}

void heartbeat_add(struct heartbeat *self, struct scope *scope)
{
    pthread_mutex_lock(&self->lock);
    self->scopes = xrealloc(self->scopes, sizeof(*self->scopes) * (size_t)(self->count + 1));
    self->scopes[self->count++] = scope;
    pthread_mutex_unlock(&self->lock);
}

void heartbeat_free(struct heartbeat *self)
{
    if (self == NULL)
        return;
    pthread_mutex_lock(&self->lock);
    self->ending = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self->scopes);
    free(self);
}

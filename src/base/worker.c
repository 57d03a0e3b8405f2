#include "base/worker.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

void thread_start(pthread_t *ret, void *(*run)(void *context), void *context)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(ret, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        abort();
}

struct worker {
    worker_fn work;
    void *context;
    int jobs_max; /* 0: no thread */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void *jobs[WORKER_JOBS_MAX]; /* a ring; the job under way is the first */
    int first, count;
    bool ending;
    struct error failure; /* rc RC_OK: none */
};

/* Jobs behind a failure are taken from the ring undone. The lock is held. */
static void do_first(struct worker *self)
{
    void *job = self->jobs[self->first];
    struct error err = {0};
    if (self->failure.rc == RC_OK) {
        pthread_mutex_unlock(&self->lock);
        enum rc rc = self->work(self->context, job, &err);
        pthread_mutex_lock(&self->lock);
        if (rc != RC_OK)
            self->failure = err;
    }
    self->first = (self->first + 1) % WORKER_JOBS_MAX;
    self->count--;
    pthread_cond_broadcast(&self->changed);
}

static void *worker_run(void *context)
{
    struct worker *self = context;
    pthread_mutex_lock(&self->lock);
    for (;;) {
        while (self->count == 0 && !self->ending)
            pthread_cond_wait(&self->changed, &self->lock);
        if (self->count == 0)
            break;
        do_first(self);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

struct worker *worker_new(int jobs_max, worker_fn work, void *context)
{
    assert(jobs_max <= WORKER_JOBS_MAX);
    struct worker *self = xcalloc(1, sizeof(*self));
    *self = (struct worker){.work = work, .context = context, .jobs_max = jobs_max};
    if (jobs_max == 0)
        return self;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    thread_start(&self->thread, worker_run, self);
    return self;
}

void worker_free(struct worker *self)
{
    if (self == NULL)
        return;
    if (self->jobs_max > 0) {
        pthread_mutex_lock(&self->lock);
        self->ending = true;
        pthread_cond_broadcast(&self->changed);
        pthread_mutex_unlock(&self->lock);
        pthread_join(self->thread, NULL);
        pthread_cond_destroy(&self->changed);
        pthread_mutex_destroy(&self->lock);
    }
    free(self);
}

static RC tell_failure(const struct worker *self, struct error *err)
{
    if (self->failure.rc != RC_OK)
        *err = self->failure;
    return self->failure.rc;
}

static RC do_now(struct worker *self, void *job, struct error *err)
{
    if (self->failure.rc == RC_OK && self->work(self->context, job, err) != RC_OK)
        self->failure = *err;
    return tell_failure(self, err);
}

RC worker_give(struct worker *self, void *job, struct error *err)
{
    if (self->jobs_max == 0)
        return do_now(self, job, err);
    pthread_mutex_lock(&self->lock);
    while (self->count == self->jobs_max && self->failure.rc == RC_OK)
        pthread_cond_wait(&self->changed, &self->lock);
    enum rc rc = tell_failure(self, err);
    if (rc == RC_OK) {
        self->jobs[(self->first + self->count++) % WORKER_JOBS_MAX] = job;
        pthread_cond_broadcast(&self->changed);
    }
    pthread_mutex_unlock(&self->lock);
    return rc;
}

RC worker_finish(struct worker *self, struct error *err)
{
    if (self->jobs_max > 0)
        pthread_mutex_lock(&self->lock);
    while (self->count > 0)
        pthread_cond_wait(&self->changed, &self->lock);
    enum rc rc = tell_failure(self, err);
    self->failure = (struct error){0};
    if (self->jobs_max > 0)
        pthread_mutex_unlock(&self->lock);
    return rc;
}

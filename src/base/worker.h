/* A thread that does jobs, one after the other, in the order in which they are given. Or none: then whoever gives a job
 * does it, before worker_give returns, and nothing else differs: a caller is written once, and a test that must be
 * deterministic has no threads.
 *
 * After a failure no further job is begun, and worker_give tells of it, until worker_finish has told of it. */
#pragma once

#include <pthread.h>

#include "base/auto.h"
#include "base/error.h"

/* pthread_create with all signals blocked: they belong to the main thread. Not to be had aborts, as no memory does. */
void thread_start(pthread_t *ret, void *(*run)(void *context), void *context);

enum { WORKER_JOBS_MAX = 64 };
typedef RC (*worker_fn)(void *context, void *job, struct error *err);

struct worker;
/* `jobs_max`: so many may be given and not done, the one under way included; 0: no thread. */
struct worker *worker_new(int jobs_max, worker_fn work, void *context);
/* All jobs are done first. NULL is fine. */
void worker_free(struct worker *self);
AUTO_DEFINE(worker)

/* Waits while there are jobs_max jobs. Whatever the job points to belongs to it until it is done. A failure is that of
 * an earlier job (with no thread, of this one); this one then is not done. */
RC worker_give(struct worker *self, void *job, struct error *err);
/* Waits until every job is done. Tells of the first failure, and forgets it. */
RC worker_finish(struct worker *self, struct error *err);

#include "world/region.h"

static _Thread_local char me;

void region_init(struct region *self)
{
    pthread_mutex_init(&self->lock, NULL);
    atomic_init(&self->owner, NULL);
    self->depth = 0;
}

void region_destroy(struct region *self) { pthread_mutex_destroy(&self->lock); }

void region_enter(struct region *self)
{
    if (atomic_load(&self->owner) != &me) {
        pthread_mutex_lock(&self->lock);
        atomic_store(&self->owner, &me);
    }
    self->depth++;
}

void region_leave(struct region *self)
{
    if (--self->depth > 0)
        return;
    atomic_store(&self->owner, NULL);
    pthread_mutex_unlock(&self->lock);
}

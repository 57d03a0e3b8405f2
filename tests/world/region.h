/* A lock that whoever is inside may enter again, and that a fork keeps: the child of a process that forked while it was
 * inside (the sweep does) is inside, too. glibc's recursive mutexes know their owner by its thread id, which a fork
 * changes. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

struct region {
    pthread_mutex_t lock;
    _Atomic(const void *) owner; /* an address of the thread that is inside */
    int depth;
};

void region_init(struct region *self);
void region_destroy(struct region *self);
void region_enter(struct region *self);
void region_leave(struct region *self);

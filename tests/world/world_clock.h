/* Time, chance and identity of a world: nothing happens by itself, everything is repeatable. */
#pragma once

#include <pthread.h>

#include "base/clock.h"

struct world_clock {
    struct clock clock;
    int64_t us;      /* wall */
    int64_t ms;      /* monotonic */
    int64_t step_us; /* every look at the clock moves both by this much; 0: only sleeping moves them */
    int64_t carry_us;
    pthread_mutex_t lock; /* over all of it: threads of a run look at it, too */
};
void world_clock_init(struct world_clock *self, int64_t us, int64_t step_us);
int64_t world_clock_us(struct world_clock *self);               /* without moving it */
void world_clock_move_ms(struct world_clock *self, int64_t ms); /* both clocks, as time does */

struct world_random {
    struct random random;
    uint64_t state;
    pthread_mutex_t lock;
};
void world_random_init(struct world_random *self, uint64_t seed);

/* A process: whether it is gone is told to it by the world. */
enum { WORLD_PROCESSES_MAX = 16 };
struct world_hosts {
    struct host host[WORLD_PROCESSES_MAX]; /* all on one machine: "world-0", ... pids 1000, 1001, ... */
    bool gone[WORLD_PROCESSES_MAX];
};
void world_hosts_init(struct world_hosts *self);

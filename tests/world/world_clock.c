#include "world/world_clock.h"

#include <stdio.h>
#include <string.h>

struct instant {
    int64_t us, ms;
};

static struct instant clock_step(struct world_clock *self, int64_t us)
{
    pthread_mutex_lock(&self->lock);
    self->us += us;
    self->carry_us += us;
    self->ms += self->carry_us / 1000;
    self->carry_us %= 1000;
    struct instant now = {self->us, self->ms};
    pthread_mutex_unlock(&self->lock);
    return now;
}

static int64_t world_now_us(struct clock *clock)
{
    struct world_clock *self = (struct world_clock *)clock;
    return clock_step(self, self->step_us).us;
}

static int64_t world_mono_ms(struct clock *clock)
{
    struct world_clock *self = (struct world_clock *)clock;
    return clock_step(self, self->step_us).ms;
}

static void world_sleep_ms(struct clock *clock, int64_t ms) { world_clock_move_ms((struct world_clock *)clock, ms); }

void world_clock_init(struct world_clock *self, int64_t us, int64_t step_us)
{
    *self = (struct world_clock){
        .clock = {.now_us = world_now_us, .mono_ms = world_mono_ms, .sleep_ms = world_sleep_ms},
        .us = us,
        .ms = 1000,
        .step_us = step_us,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
}

int64_t world_clock_us(struct world_clock *self) { return clock_step(self, 0).us; }
void world_clock_move_ms(struct world_clock *self, int64_t ms) { clock_step(self, ms * 1000); }

/* SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to make ids differ. */
static void world_fill(struct random *random, void *bytes, int len)
{
    struct world_random *self = (struct world_random *)random;
    pthread_mutex_lock(&self->lock);
    for (int i = 0; i < len; i++) {
        uint64_t z = self->state += UINT64_C(0x9E3779B97F4A7C15);
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        ((unsigned char *)bytes)[i] = (unsigned char)(z >> 56);
    }
    pthread_mutex_unlock(&self->lock);
}

void world_random_init(struct world_random *self, uint64_t seed)
{
    *self = (struct world_random){.random = {.fill = world_fill}, .state = seed, .lock = PTHREAD_MUTEX_INITIALIZER};
}

static bool world_is_gone(const struct host *host, int64_t pid, int64_t pid_start)
{
    /* the hosts are the first member of their world, in the order of their pids */
    const struct world_hosts *self = (const struct world_hosts *)(const void *)(host - (host->pid - 1000));
    int64_t index = pid - 1000;
    return index < 0 || index >= WORLD_PROCESSES_MAX || self->gone[index];
}

void world_hosts_init(struct world_hosts *self)
{
    *self = (struct world_hosts){0};
    for (int i = 0; i < WORLD_PROCESSES_MAX; i++) {
        struct host *host = &self->host[i];
        *host = (struct host){.pid = 1000 + i, .pid_start = 7, .is_gone = world_is_gone};
        snprintf(host->name, sizeof(host->name), "world-%d", i);
        snprintf(host->boot_id, sizeof(host->boot_id), "boot");
        snprintf(host->pid_ns, sizeof(host->pid_ns), "pid:[1]");
    }
}

#include "move/schedule.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"

/* A table on its way: who has it, and the numbers of those that must be through before. */
struct entry {
    enum { ENTRY_WAITING, ENTRY_MOVING, ENTRY_DONE } state;
    int *needs;
    int need_count;
};

struct schedule {
    struct run *run;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct entry *entries; /* one per route; its result belongs to whoever moves it until it is done */
    int moving;
};

static void find_needs(const struct run *run, int number, struct entry *ret)
{
    const struct table_config *table = run->routes[number].config;
    for (int i = 0; i < run->route_count && table->depends_on.count > 0; i++) {
        if (!table_depends_on(table, run->routes[i].config->name))
            continue;
        ret->needs = xrealloc(ret->needs, sizeof(*ret->needs) * (size_t)(ret->need_count + 1));
        ret->needs[ret->need_count++] = i;
    }
}

struct schedule *schedule_new(struct run *run)
{
    struct schedule *self = xcalloc(1, sizeof(*self));
    self->run = run;
    self->entries = xcalloc((size_t)run->route_count, sizeof(*self->entries));
    for (int i = 0; i < run->route_count; i++)
        find_needs(run, i, &self->entries[i]);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    return self;
}

void schedule_free(struct schedule *self)
{
    if (self == NULL)
        return;
    for (int i = 0; i < self->run->route_count; i++)
        free(self->entries[i].needs);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self->entries);
    free(self);
}

/* ---- what may begin; the lock is held ---- */

/* True: all that it needs is through. *ret_failed: of what it needs, one that never will be. */
static bool is_ready(const struct schedule *self, const struct entry *entry, const struct route **ret_failed)
{
    bool ready = true;
    *ret_failed = NULL;
    for (int i = 0; i < entry->need_count; i++) {
        const struct route *needed = &self->run->routes[entry->needs[i]];
        if (self->entries[entry->needs[i]].state != ENTRY_DONE)
            ready = false;
        else if (!needed->result.through && *ret_failed == NULL)
            *ret_failed = needed;
    }
    return ready && *ret_failed == NULL;
}

/* The error is of the other's kind, so that the run ends with the status of what went wrong. */
static void skip(struct route *r, const struct route *failed)
{
    struct clock *clock = r->run->world.clock;
    struct table_result *result = &r->result;
    result->skipped = true;
    result->started_us = result->ended_us = clock->now_us(clock);
    fail(&result->error, failed->result.error.rc, "not begun: it depends on '%s', which is not through",
         failed->config->name);
    fail_id(&result->error, "dependency-failed");
    fail_todo(&result->error, "see to '%s'; the same command then moves both", failed->config->name);
    log_context(r->run->run_id, r->run->pipeline->name, r->config->name);
    log_warn("table.skipped", KV("depends_on", failed->config->name));
}

/* *ret_left: there are tables that cannot begin yet. */
static struct route *find_next(struct schedule *self, bool *ret_left)
{
    *ret_left = false;
    for (int i = 0; i < self->run->route_count; i++) {
        struct entry *entry = &self->entries[i];
        const struct route *failed;
        if (entry->state != ENTRY_WAITING)
            continue;
        if (is_ready(self, entry, &failed)) {
            entry->state = ENTRY_MOVING;
            return &self->run->routes[i];
        }
        *ret_left |= failed == NULL;
        if (failed == NULL)
            continue;
        skip(&self->run->routes[i], failed);
        entry->state = ENTRY_DONE;
        *ret_left = false;
        i = -1; /* what depends on this one may stand before it */
    }
    return NULL;
}

/* ---- from any thread ---- */

struct route *schedule_next(struct schedule *self)
{
    struct route *found = NULL;
    bool left = false;
    pthread_mutex_lock(&self->lock);
    while ((found = find_next(self, &left)) == NULL && left) {
        assert(self->moving > 0 && "the configuration has no cycles");
        pthread_cond_wait(&self->changed, &self->lock);
    }
    self->moving += found != NULL;
    pthread_mutex_unlock(&self->lock);
    return found;
}

void schedule_done(struct schedule *self, struct route *r)
{
    pthread_mutex_lock(&self->lock);
    self->entries[r - self->run->routes].state = ENTRY_DONE;
    self->moving--;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

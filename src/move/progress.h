/* How a run tells how far it is. The engine calls, from one thread at a time; the command line draws (cli/progress.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress_state {
    const char *table;     /* the same pointer or text for the whole of a table */
    const char *phase;     /* "extract", "load", ...: an arrow of docs/protocol.md */
    int64_t rows;          /* extracted so far in this run */
    int64_t rows_total;    /* that this run will extract, limits and all; -1: not known */
    int64_t work;          /* rows extracted and rows loaded; less than before when something is tried again */
    int64_t work_total;    /* -1: not known */
    int64_t bytes;         /* staged so far */
    bool is_working;       /* rows move in this phase; else time goes by without any: in a wait, in a count */
    bool is_through;       /* nothing of it moves any more: it waits for the run's end */
    bool is_done;          /* the table's last call */
    int tables;            /* of the run */
    const char *waits_for; /* who has what it waits for: "run 0192... on db1, pid 42"; NULL: nobody */
    const char *result;    /* with is_through and is_done: "success", "failed", "skipped" */
};

struct progress {
    void (*update)(struct progress *self, const struct progress_state *state);
};

/* Cheap enough for every batch: the receiver limits how often it draws. NULL is fine. */
static inline void progress_update(struct progress *self, const struct progress_state *state)
{
    if (self != NULL)
        self->update(self, state);
}

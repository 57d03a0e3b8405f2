/* What is told of one table under way, and the line that a terminal shows of it. */
#pragma once

#include "base/str.h"
#include "move/progress.h"

/* A table under way. */
struct live {
    char *table;
    char waits_for[160];         /* "" : nobody */
    struct progress_state state; /* its texts are not kept; `phase` is a word of the program's own */
    int64_t begun_ms, told_ms, seen_ms;
    double worked_ms;              /* without waits */
    double recent_work, recent_ms; /* what was long ago has faded out of both */
    bool was_through;
    bool stands; /* its last line stands above those that are live */
};

/* Numbers of one table at one moment. */
struct rates {
    double rows, bytes;  /* per second of work */
    int64_t eta_seconds; /* -1: not known */
};

/* Before `next` becomes its state. */
void live_learn(struct live *self, const struct progress_state *next, int64_t now_ms);
struct rates live_rates(const struct live *self);

/* The terminal, and what else a line is made with. */
struct progress_look {
    int columns, rows;
    int name_columns; /* of the longest name */
    int64_t now_ms, memory_bytes;
};
/* One line without its end, short enough not to wrap: where there is no room for all of it, the rest of the work and
 * the rows go last. `word` is what it is at. */
void live_line(const struct live *self, const char *word, const struct progress_look *look, struct buf *out);
/* "12 of 200 tables through, 1 failed  3m07s  mem 61.0 MB" */
void total_line(int through, int failed, int tables, int64_t begun_ms, const struct progress_look *look,
                struct buf *out);

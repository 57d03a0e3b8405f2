/* The teams of a run: each moves one table after the other, with connections, lanes and a thread of its own, so that as
 * many tables are moved at the same time as there are teams. The first team has no thread: it is where the run is, and
 * has the run's own connections. */
#pragma once

#include "base/worker.h"
#include "move/route.h"

enum { TEAM_MEMORY_BYTES_MIN = 64 << 20 }; /* the least that a run takes */

struct team {
    struct run *run;
    struct ends ends;
    bool owns_ends;
    struct lane *lanes[LANES_MAX]; /* of the chunk under way; kept for the next one. NULL: not needed so far */
    struct worker *worker;         /* NULL: of the first */
    struct schedule *schedule;     /* of the moving that is under way */
};

/* The first one, which there is as long as the run. */
void teams_init(struct run *run);
void teams_release(struct run *run);
/* As many as the strategy asks for, tables and memory allow and ends can be opened for. What cannot be opened leaves
 * fewer teams, and the tables are moved all the same. */
void teams_gather(struct run *run);
/* Moves every table; each has its result. */
void teams_move(struct run *run, struct schedule *schedule);
/* The table is the team's from now on. */
void team_take(struct team *team, struct route *r);

/* One execution of a pipeline: what it was given, and a route per table. Everything outside comes in here, so that a
 * test can be the world. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "connect/source.h"
#include "connect/target.h"
#include "move/config.h"
#include "move/markers.h"
#include "move/progress.h"
#include "state/heartbeat.h"
#include "state/scope.h"
#include "state/waybill.h"

struct run_options {
    bool backup_only, redshift_only, full_refresh;
    bool accept_source, accept_target, allow_duplicates, allow_deletes;
    bool overwrites;                   /* what is read replaces what the target has, however new that is */
    const struct mend_request *repair; /* rows to be read again (move/mend.h), and nothing else; NULL: what is new */
    bool has_start, has_end;           /* a bounded run: rows of [start_us, end_us) by the source's clock */
    int64_t start_us, end_us;
    bool advance;                /* a bounded run takes the mark along; else it leaves it where it is */
    int64_t limit, max_chunks;   /* 0: none */
    int64_t wait_ms;             /* for a lease that another run has; 0: not at all */
    int64_t max_rows_per_second; /* 0: as the pipeline says */
    const char *json_output;     /* file name; NULL: none; "-" is the caller's to print */
    bool tell_markers;           /* each marker written is worth a line of the log */
    const char *marker_stamp;    /* NULL: the run's own start */
};

/* The databases that a table is moved between. */
struct ends {
    struct source *source; /* NULL: --redshift-only */
    struct target *target; /* NULL: `target: none` or --backup-only */
};

/* What is given from outside; owned by the caller, and must outlive the run. */
struct run_world {
    struct ends ends;
    /* The same ends once more, for tables that are moved at the same time; the run frees them, and asks before it
     * moves anything. A target that is_exclusive is not opened again (NULL). NULL: there are no more. */
    RC (*open_ends)(void *context, struct ends *ret, struct error *err);
    struct store *store;
    struct store *markers; /* NULL: no markers */
    struct clock *clock;
    struct random *random;
    const struct host *host;
    struct progress *progress;   /* NULL is fine */
    struct heartbeat *heartbeat; /* NULL: the run beats by itself, before a write that would be late */
    bool threads; /* reading, encoding, uploading and loading overlap; false: all on the calling thread, in one order */
    bool (*stopped)(void *context, struct error *err); /* NULL: never; fills err when the run was asked to end */
    void *context;
};

struct run {
    struct run_world world;
    struct run_options options;
    const struct pipeline_config *pipeline;
    char run_id[UUID_TEXT];
    char execution_id[48];         /* sync_YYYYMMDD_HHMMSS_<8 hex>, UTC */
    char stamp[MARKER_STAMP_TEXT]; /* of its markers: YYYYMMDD_HHMMSS, or what was asked for */
    bool has_stamp;                /* no other run has it, as far as can be seen (announce.c) */
    int64_t started_us, ended_us;
    struct route *routes;
    int route_count;
    struct team *teams; /* so many tables are moved at the same time (team.h) */
    int team_count;
    struct error error;          /* of announce as a whole: JSON output, markers */
    int64_t paced_until_ms;      /* max_rows_per_second: what was read fills the time until then */
    pthread_mutex_t lock;        /* over what several threads count in results, and over progress */
    pthread_mutex_t target_turn; /* of tables with one exclusive target; no other lock is taken before it */
};

/* The tables are moved in their order, as far as they do not depend on each other, as many at the same time as the
 * pipeline says; `tables` must outlive the run. */
struct run *run_new(const struct run_world *world, const struct run_options *options,
                    const struct pipeline_config *pipeline, const struct table_config *tables, int table_count);
void run_free(struct run *self);
AUTO_DEFINE(run)

/* Moves every table through the spine, announces and closes. Returns the run's status: RC_OK when all is well; a
 * table's failure is in its result, the first one is also put into err. */
RC run_execute(struct run *self, struct error *err);
/* Instead of run_execute, when the run cannot begin: every table fails for this reason. */
void run_refuse(struct run *self, const struct error *why);
/* The exit status of the program: 0 all well, 3 some tables failed, else their common status, or 1. */
int run_exit_status(const struct run *self);
const char *run_status(const struct run *self); /* "success", "partial", "failed" */

/* ---- for the engine's own files ---- */

struct settling run_settling(const struct run *run);
/* RC_INTERRUPTED or RC_TERMINATED when the run was asked to end. */
RC run_check_stopped(const struct run *run, struct error *err);
/* When the next rows may be read after these, as max_rows_per_second says; monotonic, 0: at once. From any thread. */
int64_t run_pace(struct run *run, int64_t rows);

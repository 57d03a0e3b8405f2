/* The whole world of a run: a source, a store and a target that outlive processes, three tables, and processes that run
 * the engine on them and may be hit by faults. In memory, or a real SQLite file, a directory and a real SQLite file. */
#pragma once

#include "move/orphans.h"
#include "move/parts.h"
#include "move/route.h"
#include "move/watermark.h"
#include "world/fault_clock.h"
#include "world/mem_source.h"
#include "world/mem_store.h"
#include "world/mem_target.h"
#include "world/world_clock.h"

enum { WORLD_TABLES = 3, WORLD_TTL_MS = 60000 };
enum world_table { ORDERS, EVENTS, REGIONS };

/* Stands in a column of every row: no log line and no error may ever hold it. */
#define WORLD_SECRET "s3cr3t-of-a-row"

/* How the three tables move. */
enum world_variant {
    WORLD_APPEND, /* orders: hybrid + merge, events: id_only + append, regions: full_sync + replace */
    WORLD_MERGE,  /* the same with a composite key, an integer cursor, and events: id_only + merge */
    WORLD_TIME,   /* orders: timestamp_only + merge, events: timestamp_only + append, with no key at all */
};

struct world {
    bool real, threads; /* threads: of its runs; what happens when is then left to chance */
    bool takes_turns;   /* the target in memory is exclusive, as SQLite is */
    int batch_rows;     /* that the source gives at a time */
    enum world_variant variant;
    struct world_clock clock;
    struct world_random random;
    struct world_hosts hosts;
    struct mem_objects *objects; /* NULL when real */
    struct mem_server *server;
    struct mem_database *database;
    const char *folder; /* real: where lake/, shop.db and dw.db are */
    struct arena arena;
    struct pipeline_config pipeline;
    struct table_config tables[WORLD_TABLES];
    int table_count;            /* moved by a run: the first ones */
    struct run_options options; /* of the next runs */
    bool no_target;             /* `target: none` */
    struct progress *progress;  /* of its runs; NULL: nobody looks */
    /* In memory: what a process has instead of mem_store, over the same objects and hit by the plan; NULL: mem_store */
    struct store *(*open_store)(struct world *self, struct clock *clock, struct fault_plan *plan);
    void (*close_stores)(struct world *self); /* when the world ends; NULL: nothing is left */
    int processes;                            /* started so far */
    struct buf log;                           /* everything that was logged */
    pthread_mutex_t log_lock;
    struct fault_plan plan; /* of runs that are to be hit */
    struct {
        int calls;
        char name[16];
    } arrows[1024]; /* of the run that is hit: arrow `name` began after so many calls */
    int arrow_count;
    const char *hit_arrow; /* sets plan.at: the `hit_call`-th call after this arrow began; NULL: plan.at is given */
    int hit_call;
    int64_t source_ahead_us; /* how far the source's clock is ahead of the processes' */
    int row;                 /* numbers versions of rows */
    bool misfits;            /* their texts are not UTF-8 */
    bool has_extra[WORLD_TABLES];
    bool tracing;           /* the process that logs now is the one that is hit */
    struct process *opened; /* by world_open; the newest one first */
    void (*moving)(struct world *self,
                   const char *operation); /* before every operation of a source in memory; NULL: it rests */
    struct mem_transaction *late;          /* open now; NULL: none */
    int moves;                             /* of world_keep_moving */
    struct world_document *documents;      /* that onlookers have read */
    int document_count;
    char last_pos[WORLD_TABLES][256]; /* S.extracted.pos and epoch as the last check saw them */
    int64_t last_epoch[WORLD_TABLES];
};

struct world *world_new(enum world_variant variant, const char *folder); /* folder NULL: in memory */
void world_free(struct world *self);
AUTO_DEFINE(world)

/* ---- what happens to the source ---- */

/* A row with the next stamp of the source's clock, which moves on by one second per row unless `tie`. */
void world_insert(struct world *self, enum world_table table, int id, bool tie);
/* The row again, with a new stamp (and text): an update. */
void world_update(struct world *self, enum world_table table, int id);
/* In memory: a row with a text that is not UTF-8, which no file can hold. */
void world_insert_misfit(struct world *self, enum world_table table, int id);
void world_add_column(struct world *self, enum world_table table);
/* Later, so that `lag` has passed. */
void world_wait(struct world *self);
/* Rows in all tables: ties across a chunk's edge included; then more of them, changed ones, a new column. */
void world_fill(struct world *self);
void world_change(struct world *self);

/* In memory: a transaction, if none is open, with a row that is stamped now, before the clock ticks; and its end. */
void world_begin_late(struct world *self, enum world_table table, int id);
void world_commit_late(struct world *self);
/* For `moving`: orders come and change in transactions that commit two operations after the stamp was taken. */
void world_keep_moving(struct world *self, const char *operation);
/* The last transaction commits, nothing moves any more, and `lag` has passed. */
void world_rest(struct world *self);

/* ---- runs ---- */

struct world_report {
    enum rc rc;
    int exit_status;
    struct error error;
    struct table_result results[WORLD_TABLES];
};
/* One process with its own handles; when it ends, its pid is gone. `hit`: self->plan applies to it. */
struct world_report world_run(struct world *self, bool hit);
/* A process that does something else on the tables' scope: orphans, watermark. The run's routes are set up. */
struct run *world_open(struct world *self, bool hit);
void world_close(struct world *self, struct run *run);
/* Commands on the first table, each a process: s3clean orphans (no grace), watermark reset, watermark restore
 * --from-target. */
struct world_report world_clean(struct world *self, bool hit);
struct world_report world_clean_parts(struct world *self, bool hit); /* s3clean clean, of any age */
struct world_report world_reset(struct world *self, bool hit);
struct world_report world_restore(struct world *self, bool hit);
/* Somebody writes into the target, behind everybody's back: of the row whose last key column is `key`. In memory. */
void world_spoil(struct world *self, enum world_table table, const char *key, const char *column, const char *now);
/* `lease break` on every table: its owner is robbed although it lives, and no time has passed. */
void world_break_leases(struct world *self);
/* The arrow in which call number `call` of the run that was hit was made. */
const char *world_arrow_of(const struct world *self, int call);

/* ---- what must hold ---- */

struct world_rules {
    bool waiting; /* waybills may wait: only what T names is compared (chain, receipts), rows are not */
    bool zombies; /* a process lived on after its lease was lost: its leftovers are orphans, deleted by s3clean orphans
                   */
    bool moving;  /* the source moves: rows are not compared */
    bool leased;  /* a person's command may leave its lease to run out */
    bool cleaned; /* files of loaded waybills may be gone: s3clean clean */
    bool copies;  /* every waybill appends the whole table, which does not change: so often is each row there */
    bool lost;    /* S was lost: it fits T only when the command is through */
    bool anytime; /* only what holds at every instant: nothing has been healed yet */
};
/* Source and target equal, and invariants a-d and f of docs/cases.md. Otherwise false, and `why` says what does not.
 */
bool world_check(struct world *self, struct world_rules rules, struct buf *why);
void world_print_source(struct world *self, enum world_table table, struct buf *out); /* but for misfits, */
int64_t world_misfits(struct world *self, enum world_table table);                    /* which are counted */
void world_print_target(struct world *self, enum world_table table, struct buf *out);
/* Every byte of the world outside of processes, for "a dry run changes nothing". In memory only. */
void world_digest(struct world *self, char ret_hex[SHA256_HEX]);
/* S of a table, read by an onlooker. The caller frees it. */
struct scope *world_scope(struct world *self, enum world_table table);

/* A target in memory for sweeps: real transactions, real rollback, and a server that outlives its clients.
 *
 * The database outlives its handles: freeing a handle is the death of its process. Its handles may be used by
 * threads, one operation at a time. A load holds the lock of its position row and of its table; a fence, a begin or a
 * DDL that wants one of them makes the server end the session that holds it (as an idle-in-transaction limit does), or
 * execute the COMMIT that this session has already sent. A handle whose session was ended answers RC_UNAVAILABLE until
 * target_reconnect.
 */
#pragma once

#include "connect/target.h"

struct mem_database;
struct mem_database *mem_database_new(void);
void mem_database_free(struct mem_database *self); /* all its handles are freed before */
AUTO_DEFINE(mem_database)

/* A client's handle on it; target_free ends it. The name must outlive it. */
struct target *mem_target_new(struct mem_database *database, const char *name);

/* What a handle that is freed (or reconnected) inside a transaction leaves behind. */
enum mem_death {
    MEM_DEATH_ROLLED_BACK, /* nothing: the server noticed at once */
    MEM_DEATH_LINGERS,     /* a session that holds its locks until the server ends it */
    MEM_DEATH_COMMIT_SENT, /* a COMMIT on its way, executed before the next call that needs its locks; lingers where
                              target_apply had not succeeded */
};
void mem_database_set_death(struct mem_database *self, enum mem_death death);

/* The next COMMIT answers RC_UNKNOWN, and is ... */
enum mem_commit {
    MEM_COMMIT_SOUND,         /* no fault */
    MEM_COMMIT_LOST_DONE,     /* ... done */
    MEM_COMMIT_LOST_NOT_DONE, /* ... rolled back */
    MEM_COMMIT_LOST_LATE,     /* ... done before the next call that needs its locks */
    MEM_COMMIT_IN_THE_WAY,    /* RC_AGAIN instead: rolled back, for another transaction was in the way */
};
void mem_database_break_commit(struct mem_database *self, enum mem_commit fault);

/* Texts of more bytes have no place in its tables; 0, as it is at first: all have. */
void mem_database_set_text_max(struct mem_database *self, size_t bytes);

/* The server ends every open session now, executing the COMMITs that were sent. */
void mem_database_settle(struct mem_database *self);

/* ---- what a reader would see; none of these waits for a lock or ends a session ---- */

int64_t mem_database_rows(const struct mem_database *self, const char *table); /* -1: no such table */
/* The rows, sorted, values as world/value.h writes them: "1|ada|12.50\n". Columns in the table's order. */
void mem_database_print(const struct mem_database *self, const char *table, struct buf *out);
/* The texts live as long as the database. exists = false when there is none. */
struct target_position mem_database_position(const struct mem_database *self, const char *scope);
/* How often this waybill was applied to what the tables hold now: anything above 1 is a bug of the mover. A restored
 * snapshot brings its own count back. */
int mem_database_loads(const struct mem_database *self, const char *waybill);
/* Every count(*) that readers could have seen, in the order of the commits; never forgotten, also not by a restore. */
struct mem_seen {
    const char *table, *waybill;
    int64_t rows; /* in the table after this commit */
};
const struct mem_seen *mem_database_history(const struct mem_database *self, int *ret_count);
bool mem_database_has_open_session(const struct mem_database *self);

/* ---- disasters; open sessions end ---- */

struct mem_snapshot; /* belongs to the database */
const struct mem_snapshot *mem_database_snapshot(struct mem_database *self);
void mem_database_restore(struct mem_database *self, const struct mem_snapshot *snapshot);
void mem_database_drop_position(struct mem_database *self, const char *scope);
void mem_database_drop_table(struct mem_database *self, const char *table);
void mem_database_empty_table(struct mem_database *self, const char *table);

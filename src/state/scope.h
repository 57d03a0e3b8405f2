/* S, the scope document: what of one (pipeline, table) has been durably extracted and durably loaded, and who may
 * change it (docs/protocol.md, docs/formats.md). The only object that changes, and always by compare-and-swap: every
 * write is If-Match the writer's own last ETag, so that a run that lost its lease is refused.
 *
 * One thread works on a scope; a heartbeat (heartbeat.h) may beat its lease at the same time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "data/position.h"
#include "store/store.h"

enum { SCOPE_FORMAT = 1 };

/* A reference to a waybill and a position. id "" : none. key NULL: not known (after `restore --from-target`). */
struct mark_ref {
    char id[UUID_TEXT];
    const char *key;
    struct position pos;
};

struct in_flight {
    char id[UUID_TEXT]; /* "" : none */
    const char *key;    /* of its waybill.json to be */
    struct position lo, hi;
};

struct counts {
    int64_t rows, files;
};

struct key_column {
    const char *column, *type; /* type: Arrow format string */
};

/* Everything in S but the lease. Texts live in the scope's arena or as long as the program. NULL text: null. */
struct marks {
    /* the fields of the document users know; the names stay whatever the source and target are */
    const char *last_mysql_extraction_time, *last_mysql_data_timestamp, *mysql_status;
    const char *last_redshift_load_time, *redshift_status, *backup_strategy, *created_at;
    int64_t mysql_rows_extracted, redshift_rows_loaded, s3_file_count;
    const char **processed_s3_files; /* of the last load */
    int processed_count;
    /* what the protocol stands on */
    const char *cursor, *cursor_type, *cursor_form;
    int64_t cursor_ahead_s; /* how far the clock that it is written by is ahead of UTC, at the last bound */
    struct key_column key[KEY_COLUMNS_MAX];
    int key_count;
    int64_t epoch, token;
    const char *source_id, *source_clock, *target_id;
    const char *source_place, *source_ahead_ms, *source_row; /* as the last waybill has them (waybill.h); NULL: none */
    struct in_flight in_flight;
    struct mark_ref extracted, loaded;
    const char *ceiling, *ceiling_seen_at;
    struct counts session; /* sealed since the last close */
    struct counts total;
};

struct lease {
    bool held;
    char run_id[UUID_TEXT];
    const char *host, *boot_id, *pid_ns, *beat_at;
    int64_t pid, pid_start, beat, ttl_ms;
};

/* What a scope needs of the world; the same for all scopes of a run. */
struct scope_world {
    struct store *store;
    struct clock *clock;
    struct random *random;
    const struct host *host;
    const char *run_id;
    int64_t ttl_ms;                                    /* of leases this run takes */
    bool (*stopped)(void *context, struct error *err); /* fills err when the run was asked to end; may be NULL */
    /* called while a lease of somebody else is watched; may be NULL */
    void (*waiting)(void *context, const struct lease *lease, int64_t waited_ms);
    void *context;
};

/* True only if it is certain: the owner was a process of this boot and this pid namespace, and no longer runs. */
bool lease_owner_is_gone(const struct lease *lease, const struct host *host);

struct scope;
struct scope *scope_new(const struct scope_world *world, const char *pipeline,
                        const char *table); /* copies what it needs */
void scope_free(struct scope *self);
AUTO_DEFINE(scope)

const char *scope_name(const struct scope *self);  /* "pipeline/table": T's primary key */
const char *scope_key(const struct scope *self);   /* of S */
const char *scope_flags(const struct scope *self); /* "-p pipeline -t table", quoted for a shell: for advice */

/* Reads S. A missing document is RC_OK with scope_exists() false. RC_DATA: a newer format, or not readable. */
RC scope_read(struct scope *self, struct error *err);
bool scope_exists(const struct scope *self);
const struct marks *scope_marks(const struct scope *self);
struct lease scope_lease(struct scope *self);
const json_t *scope_document(const struct scope *self); /* as read or last written; NULL: none */
struct arena *scope_arena(struct scope *self);          /* for texts put into marks */
bool scope_is_mine(const struct scope *self);           /* this run holds the lease, as far as it knows */

/* Takes the lease with the next token, max(S, target_token) + 1, and writes `marks` with it (NULL: as they are).
 * Waits a whole TTL of an owner that does not beat, less if it is certainly gone. RC_LEASE: it beats, or another taker
 * was first; says who and since when. scope_read must have been called. */
RC scope_take(struct scope *self, const struct marks *marks, int64_t target_token, struct error *err);
/* Waits until a lease that scope_take was refused for may be had: its owner gave it, is certainly gone, or was silent
 * for a whole TTL. Then everything that was decided by S and T has to be decided anew. RC_LEASE: after wait_ms it is
 * still somebody else's; says whose. */
RC scope_await(struct scope *self, int64_t wait_ms, struct error *err);
/* Writes the marks under the lease. RC_LEASE: the lease was lost; nothing was written. RC_UNAVAILABLE: the fate is
 * open; call scope_settle before anything else is made of scope_marks(). */
RC scope_write(struct scope *self, const struct marks *marks, struct error *err);
/* A write of open fate is sent again until it is known what became of it; none is RC_OK. scope_marks() then is what S
 * says. */
RC scope_settle(struct scope *self, struct error *err);
/* As scope_write (NULL: the marks as they are), and gives the lease in the same write. */
RC scope_give(struct scope *self, const struct marks *marks, struct error *err);
/* One beat, for the heartbeat. Waits (RC_OK) while a write of the working thread is unsettled: that thread settles it.
 */
RC scope_beat(struct scope *self, struct error *err);
/* Before every protected write that is not S's own: an owner starts none later than 2/3 TTL after its last successful
 * beat was sent. Beats first when it is late; RC_LEASE when that shows that the lease is lost. */
RC scope_guard(struct scope *self, struct error *err);
/* Takes a lease away from its owner by an operator's word. */
RC scope_break(struct scope *self, struct error *err);

/* History: S as it is, kept before a person changes the mark; `change`: how, a word of move/history.h. */
RC scope_keep_history(struct scope *self, const char *change, const char *reason, const char *author,
                      struct error *err);

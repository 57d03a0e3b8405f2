/* A table on its way: what the arrows of spine.c know of it, and what they all ask of it. */
#pragma once

#include "move/run.h"

/* What one table's move came to; a table that was not begun has zeros. */
struct table_result {
    bool through;       /* every arrow up to announce was gone */
    bool skipped;       /* not begun: a table that it depends on failed, with the same kind of error */
    struct error error; /* rc RC_OK when through */
    int64_t waybills;   /* sealed by this run */
    int64_t rows_extracted, files_created, bytes_raw, bytes_staged, extract_ms;
    int64_t rows_loaded, files_loaded, bytes_loaded, loads, load_ms; /* by this run */
    int64_t rows_announced, files_announced, bytes_announced; /* of (S.loaded, T]; with no target: of this session */
    int64_t rows_gone;                                        /* of a repair: keys that the source has not */
    int64_t rows_deleted;     /* found gone from the source, and deleted in the target or noted there; by this run */
    bool announces_loads;     /* what is announced is in the target */
    int64_t null_cursors;     /* rows without a cursor: left out (exclude) or read along (include) */
    int64_t zero_dates;       /* values made NULL by zero_dates: null */
    int64_t rows_set_aside;   /* of waybills sealed by this run, since they do not fit (quarantine.h) */
    int64_t rows_quarantined; /* the same of those that are announced */
    int64_t started_us, ended_us;
    /* By the source's clock: what was committed before was taken; 0: not known, or a limit came first. */
    int64_t fresh_us;
    const char *audit;   /* "passed", "failed", "error"; NULL: not asked for, or the table is not through */
    const char *warning; /* NULL: none */
};

/* The chunk under way, from `bound` to `seal`. */
struct chunk {
    bool is_mended; /* the rows of the keys that a repair names (move/mend.h) */
    bool is_keys;   /* not rows but all keys that the source has (move/keys.h) */
    bool is_open;   /* delete_insert by ids: the range goes on in the target, where nothing larger may be left */
    struct range range;
    struct position pos_after;
    int64_t rows_max; /* asked for; a group of equal cursors that is taken whole may be more */
    char id[UUID_TEXT];
    const char *key;        /* of its waybill.json */
    const char *row;        /* what the row at pos_after is like (bound_row.c); NULL: nobody looked */
    struct waybill waybill; /* filled by extract, sealed by seal */
    int64_t quarantined;    /* rows that do not fit, so far; its lanes count together */
};

/* What a run reads beside the way of the mark, in chunks that leave the mark where it is (aside.c). */
enum aside_kind {
    ASIDE_NONE,
    ASIDE_AGAIN,    /* `lookback`: rows so far before the mark, for stamps that come late; counts for no limit */
    ASIDE_BACKFILL, /* --start-time, --end-time: all that this run reads */
    ASIDE_NULLS,    /* `null_cursor: include`: rows without a cursor, behind all others; counts for no limit */
};
struct aside {
    enum aside_kind kind;
    struct position mark; /* that stays */
    bool has_begun;       /* nothing more is to be begun before what is new */
    bool nulls_read;
};

/* What the source said at this run's bound: fixed before the first row is read. */
struct bound {
    bool taken;
    const char *source_id;
    char clock[STAMP_TEXT];                /* of the source */
    const char *place, *ahead_ms;          /* as a waybill has them */
    int64_t ahead_most_ms;                 /* its clock is so far ahead of ours at most; at least: ahead_ms */
    bool is_accepted;                      /* a person said that the source is right as it is */
    bool has_turned;                       /* it is on another branch of its history, and has lost nothing */
    char oldest_open[STAMP_TEXT];          /* "" : none */
    struct position hi;                    /* every range of this run ends here at the latest; NONE: nothing to take */
    int64_t hi_us;                         /* what was committed before lies within hi; 0: not known */
    const char *ceiling, *ceiling_seen_at; /* id_only: the candidate to keep in S; NULL: none */
    struct aside aside;
    struct range measured; /* the range that `facts` speaks of */
    struct range_facts facts;
    int64_t facts_end;   /* what rows_extracted will be when that range is through */
    int64_t rows_behind; /* of the ranges that follow it; -1: not known */
    int64_t rows_total;  /* and when this run is; -1: not known, since other ranges follow */
};

struct lane;
struct loader;
struct team;
struct schedule;
struct route {
    struct run *run;
    struct source *source; /* these three are its team's; no other table's at the same time but an exclusive target */
    struct target *target;
    struct lane **lanes;
    const struct table_config *config;
    enum increment increment; /* of this run: full_sync under --full-refresh */
    enum mode mode;
    struct arena arena;
    struct scope *scope;
    const char *stage_prefix;   /* every waybill of this table lies below */
    struct target_position t;   /* T as last seen */
    bool is_looked_into;        /* its target table was, by take (gone.c) */
    const struct table *table;  /* as the source described it; NULL before bound */
    struct shaping *shaping;    /* from its columns to the staged ones; NULL: they are the same */
    struct schema *known;       /* of S.extracted's waybill; NULL: none */
    bool was_set;               /* the mark is a person's word: no waybill was sealed since */
    bool was_whole;             /* that waybill is a snapshot: it has rows beyond the mark, too */
    const char *schema_changes; /* since then, a line each; NULL: none */
    struct mend *mend;          /* of a repair; NULL: not begun */
    struct keys *keys;          /* delete_detection; NULL: not needed so far */
    struct bound bound;
    struct position lo; /* where the next range begins: S.extracted.pos, or past a walk that was empty */
    struct chunk chunk;
    int64_t rows_left, chunks_left; /* of --limit and --max-chunks; INT64_MAX: no limit */
    bool full_sync_done;
    struct loader *loader; /* NULL: not needed so far */
    const char *arrow;     /* of spine_move: the last one begun; NULL: none */
    const char *phase;     /* as it was told last, with the rows there are; under the run's lock */
    int64_t rows_total;
    int64_t loaded, loads_waiting; /* rows; those that earlier runs left to load, -1: not known. Under the run's lock */
    char waits_for[160];           /* who has the lease; under the run's lock. "" : nobody */
    int64_t waiting_since_ms, told_waiting_ms; /* 0: not waiting; when it was told of last */
    const char **loaded_files; /* addresses of the files of the last waybill loaded; NULL: none by this run */
    int loaded_file_count;
    struct table_result result;
};

/* In place, of zeros; `config` must outlive it. It has no source and no target before team_take. */
void route_init(struct route *r, struct run *run, const struct table_config *config);
void route_release(struct route *r);

/* ---- what it is to do, and what is under way ---- */

bool route_loads(const struct route *r);                   /* T is looked at and loads are applied */
bool route_extracts(const struct route *r);                /* the source is read */
static inline bool route_is_bounded(const struct route *r) /* by --start-time, --end-time */
{
    return r->run->options.has_start || r->run->options.has_end;
}
/* The chunk under way leaves the mark where it is. */
static inline bool route_reads_aside(const struct route *r) { return r->bound.aside.kind != ASIDE_NONE; }
/* Rows of the chunk under way that do not fit are set aside (quarantine.h). */
static inline bool route_sets_aside(const struct route *r) { return r->config->quarantine > 0 && !r->chunk.is_keys; }
/* It counts for --limit and --max-chunks. */
static inline bool route_counts_rows(const struct route *r)
{
    return !r->chunk.is_keys && (r->bound.aside.kind == ASIDE_NONE || r->bound.aside.kind == ASIDE_BACKFILL);
}
/* Of a range that goes by the cursor. */
static inline enum range_kind route_range_kind(const struct route *r)
{
    return r->config->increment == INCREMENT_TIMESTAMP_ONLY || r->table->key_count == 0 ? RANGE_TIME : RANGE_CURSOR;
}
int64_t route_memory_bytes(const struct route *r); /* its share of max_memory */
/* How many lanes there is memory for beside a load; 0: for one, and not while a load is under way. */
int64_t route_lanes_in_memory(const struct route *r);
bool route_overlaps(const struct route *r); /* loads go on while chunks are extracted */

/* ---- its lease, its marks, its end ---- */

/* Takes the table's lease by `take`, again as long as another run has it and --wait has time left. */
RC route_take(struct route *r, RC (*take)(struct route *r, struct error *err), struct error *err);
/* The marks as they are, with what this run has learned meanwhile (source, target, cursor, key); to be changed further
 * and given to scope_write. */
struct marks route_marks(struct route *r);
/* What became of the route's last step, with its error in r->result.error. What was only met on the way (a receipt that
 * was not there yet, an answer that was lost and settled) is no failure, and leaves none behind. */
void route_went(struct route *r, enum rc rc);

/* ---- how far it is (route_progress.c); from any thread ---- */

void route_progress(struct route *r, const char *phase, bool done);
/* The same of loads: rows loaded by this run so far, and those that earlier runs left to load. */
void route_loaded(struct route *r, int64_t rows, int64_t waiting);
struct extracted {
    int64_t rows, files, bytes_raw, bytes_staged;
};
/* Counts into the result, and tells. */
void route_extracted(struct route *r, const struct extracted *more);
struct extracted route_extracted_so_far(const struct route *r);
/* Into the result's warning, behind those that are there already. */
void route_warn(struct route *r, const char *text);

/* ---- what is staged of r->table ---- */

const struct schema *route_schema(const struct route *r);
const struct schema *route_chunk_schema(const struct route *r); /* of the files of the chunk under way */
int route_column(const struct route *r, int source_column);     /* the same column; -1: not as it is in the source */
/* Its schema, key and cursor as a waybill has them; the texts are the schema's. */
void route_describe(const struct route *r, struct waybill *ret);

/* ---- its target ---- */

/* AUTO_RELEASE(turn) turn = route_target_turn(r) before an exclusive target is used, and until nothing of it is left
 * open: another table's load may be under way. */
struct turn {
    pthread_mutex_t *lock; /* NULL: it need not be waited for */
};
struct turn route_target_turn(struct route *r);
void turn_release(struct turn *self);
/* What a load of this table is given; schema, key and cursor of the waybill (NULL before there is one). */
struct target_table route_target_table(struct route *r, const struct waybill *waybill);
/* T of this table, as it is now. */
RC route_position(struct route *r, struct arena *arena, struct target_position *ret, struct error *err);
/* Whether the target can do what the configuration wants of it; asks nobody. */
RC route_check_target(struct route *r, struct error *err);
/* Whether the table is another pipeline's, where it is loaded into; a question only, the row of T decides. */
RC route_check_owner(struct route *r, struct error *err);

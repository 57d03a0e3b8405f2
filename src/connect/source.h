/* Where rows come from. A source is open for one run and used by one thread at a time; a reader that it has opened is
 * used by one thread, which may be another one, at the same time.
 *
 * The order of calls is the protocol's (docs/protocol.md, "Why nothing is lost"): source_now, THEN source_oldest_open,
 * THEN rows; for id_only source_ceiling, THEN source_oldest_open, and the ceiling is used once everything open then has
 * ended. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/grants.h"
#include "connect/reads.h"
#include "connect/types.h"
#include "data/batch.h"
#include "data/position.h"
#include "data/profile.h"
#include "data/schema.h"

/* What the configuration says of a table, before the source was asked. */
struct column_override {
    const char *column;
    const char *as; /* "text" or "binary" */
};
/* What becomes of dates that are none: 0000-00-00, 2024-00-15. */
enum zero_dates { ZERO_DATES_FAIL, ZERO_DATES_NULL, ZERO_DATES_TEXT };
struct table_request {
    const char *name;
    const char *sql;    /* custom_sql: the SELECT that stands for the table (custom.h); NULL: a table of the source */
    const char *cursor; /* NULL: the one obvious cursor, or none */
    const char *cursor_unit; /* "s", "ms" for integer cursors; NULL: not said */
    const char *cursor_zone; /* of a cursor that has none: "UTC", "+02:00", a name; NULL: the source's own */
    int64_t lookback_ms;     /* rows so far before the mark are read again: then its zone may have summer time */
    enum zero_dates zero_dates;
    bool sets_aside;        /* a value that does not fit is a reject of its batch, and no failure of the reader */
    const char *const *key; /* names; NULL: the primary key */
    int key_count;
    bool wants_cursor; /* false: id_only and full_sync, a cursor is not looked for */
    bool is_whole;     /* full_sync: no range goes by the key, so a declared key may hold NULL */
    const struct column_override *overrides;
    int override_count;
    const char *const *excluded; /* columns that nobody wants: best not read, and not among the table's */
    int excluded_count;
    const struct schema *known;    /* of the last waybill: types of columns found there stay as they are; may be NULL */
    const struct form *known_form; /* the cursor's form as S has it; may be NULL */
};

/* What the source found. Owned by the source, valid until it is freed. */
struct table {
    const char *name;
    const struct schema *schema;         /* all columns, in the source's order */
    const struct type_verdict *verdicts; /* one for each, what their type does to values; NULL: nothing */
    int key[KEY_COLUMNS_MAX];            /* column numbers */
    int key_count;                       /* 0: no key known */
    int cursor;                          /* column number, -1: none */
    struct form form;
    int64_t cursor_ahead_us; /* how far the clock that a cursor without a zone is written by is ahead of UTC */
    bool cursor_repeats;     /* that clock has summer time: when it ends, a later change may have the smaller stamp */
    bool cursor_indexed;     /* false: every page scans the table; worth a warning */
    bool sets_aside;         /* as the request has it */
    bool cursor_found;       /* true: not from the configuration but the one obvious one */
};

/* What a plan wants to know of a range; counting may cost a scan. Of one that is only counted (range_is_only_counted),
 * the rows alone, and zeros. */
struct range_facts {
    int64_t rows;         /* in the range */
    int64_t row_bytes;    /* average raw bytes of a row, from a sample; 0 when the range is empty */
    int64_t null_cursors; /* in the table */
    int64_t odd_cursors;  /* in the table: not NULL, not of the cursor's form, or REAL */
};

struct open_transactions {
    bool hidden;             /* other sessions' transactions cannot be seen: an explicit lag is required */
    const char *hidden_todo; /* what lets us see them: "GRANT ..."; NULL: nothing in particular */
    bool any;
    int64_t since_us; /* start of the oldest, on the source's clock; only if any. Where some are hidden: up to when
                       * what is shown is complete (a replica's last commit); the lag counts from there */
    enum rc unknown; /* RC_OK, or why nothing tells up to when that is: RC_BUSY, a replica that stands still; RC_DENIED,
                      * one that may not be asked. No range can be read then, whatever the lag */
    const char *unknown_text, *unknown_todo;
};

/* Where a server is in its own history, which a failover or a restored backup may cut off behind what was read. */
struct source_place {
    const char *at; /* to be kept with the mark, in the source's own words; NULL: it does not tell */
    /* What was kept is of a branch that has ended, and nothing of it is lost: `at` is to take its place now, for the
     * proof of that may be gone tomorrow. */
    bool has_turned;
    /* "a standby took over that ...": what it had at the place that was kept may be gone; NULL: all of it is there. */
    const char *lost;
    bool is_certain; /* it is gone */
    /* `knows_kin`: another server than the one that was kept may go on from there all the same: it is of the same
     * history, and what it lacks of it, if anything, is on its way. */
    bool is_kin;
};

/* What pipelines do with a source, for the rights that it takes. */
struct source_use {
    const char *const *tables;
    int table_count;
    bool has_patterns; /* further tables, of those that can be seen */
    bool needs_open;   /* some table has no `lag` of its own, so that open transactions have to be seen */
};

/* Which rows are to be counted, and what is asked besides. */
struct count_request {
    struct range range;
    const struct key_list *without; /* of these rows, the source's columns; NULL: all are counted */
    struct range changed[2];        /* the keys of the rows there are told */
    int changed_count;
};

struct source;
struct source_ops {
    const char *type;
    RC (*identity)(struct source *self, struct arena *arena, const char **ret_id, struct error *err);
    RC (*tables)(struct source *self, struct arena *arena, const char ***ret_names, int *ret_count, struct error *err);
    RC (*describe)(struct source *self, const struct table_request *request, const struct table **ret,
                   struct error *err);
    RC (*now)(struct source *self, int64_t *ret_us, struct error *err);
    RC (*oldest_open)(struct source *self, struct open_transactions *ret, struct error *err);
    RC (*ceiling)(struct source *self, const struct table *table, struct arena *arena, const char **ret,
                  struct error *err);
    RC (*facts)(struct source *self, const struct table *table, const struct range *range, struct range_facts *ret,
                struct error *err);
    RC (*boundary)(struct source *self, const struct table *table, const struct range *range, int64_t rows,
                   struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err);
    RC (*split)(struct source *self, const struct table *table, const struct range *range, int readers,
                struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err);
    RC (*read)(struct source *self, const struct table *table, const struct range *range, struct batch_reader **ret,
               struct error *err);
    RC (*profile)(struct source *self, const struct table *table, const struct count_request *request,
                  struct profile *ret, struct key_list *ret_changed, struct error *err); /* NULL: the rows are read */
    RC (*grants)(struct source *self, const struct source_use *use, struct grant_list *ret,
                 struct error *err); /* NULL: it has none that could be told */
    RC (*place)(struct source *self, const char *kept, struct arena *arena, struct source_place *ret,
                struct error *err); /* NULL: it knows of no history */
    void (*free)(struct source *self);
};
struct source {
    const struct source_ops *ops;
    const char *name;          /* the connection's name */
    const char *address;       /* readable, no secret: "shop.db" */
    const char *version;       /* of the server, or the library that stands for one: "SQLite 3.40.1"; NULL: not known */
    const char *password_from; /* where the password was found, for people; NULL: none is used */
    const char *tls;         /* "TLSv1.3"; "none": whoever is on the way can read; NULL: nothing goes over a network */
    int64_t zero_dates;      /* values that became NULL because the request said so, since it was opened; atomic */
    int readers_max;         /* readers that may be open at once, each with a thread of its own; 0: one */
    bool knows_kin;          /* place can be asked of another server, too, whatever its identity */
    bool shares_snapshot;    /* several readers read RANGE_ALL as of one instant, split in RANGE_PARTs */
    const char *one_for_all; /* why one of them has to read RANGE_ALL, where several might: for people; NULL: it need
                                not be said */
};

/* What tells this server from another one (source_id, docs/formats.md). */
static inline RC source_identity(struct source *s, struct arena *arena, const char **ret_id, struct error *err)
{
    return s->ops->identity(s, arena, ret_id, err);
}
/* Names of the tables there are, sorted; views and internal tables are left out. */
static inline RC source_tables(struct source *s, struct arena *arena, const char ***ret_names, int *ret_count,
                               struct error *err)
{
    return s->ops->tables(s, arena, ret_names, ret_count, err);
}
/* RC_NOT_FOUND: no such table (the text lists near names). RC_CONFIG: a column of the request is missing or unfit, or
 * no cursor is obvious (the text lists the candidates and the YAML to paste), or a type is lossy and not overridden.
 * RC_DATA: values of a column do not fit.
 */
static inline RC source_describe(struct source *s, const struct table_request *request, const struct table **ret,
                                 struct error *err)
{
    return s->ops->describe(s, request, ret, err);
}
/* The source's own clock, UTC. */
static inline RC source_now(struct source *s, int64_t *ret_us, struct error *err)
{
    return s->ops->now(s, ret_us, err);
}
static inline RC source_oldest_open(struct source *s, struct open_transactions *ret, struct error *err)
{
    return s->ops->oldest_open(s, ret, err);
}
/* id_only: the largest key now; NULL when the table is empty. */
static inline RC source_ceiling(struct source *s, const struct table *table, struct arena *arena, const char **ret,
                                struct error *err)
{
    return s->ops->ceiling(s, table, arena, ret, err);
}
static inline RC source_facts(struct source *s, const struct table *table, const struct range *range,
                              struct range_facts *ret, struct error *err)
{
    return s->ops->facts(s, table, range, ret, err);
}
/* Where a chunk of at most `rows` rows ends. More rows than that in the range: *ret_is_cut = true and ret_cut is the
 * position after the rows-th row, a legal `hi` for a range of the same kind (CURSOR {at, after}, WALK {walk}, KEY and
 * NULL {after}); ties are cut by key. Else *ret_is_cut = false and ret_cut is untouched. RANGE_ALL is never cut.
 *
 * RANGE_TIME is cut between groups of equal cursors only, at {at} of the first group that is left out: behind the last
 * group that ends within `rows` rows, or, where the first group alone has more, behind that group. */
static inline RC source_boundary(struct source *s, const struct table *table, const struct range *range, int64_t rows,
                                 struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    return s->ops->boundary(s, table, range, rows, arena, ret_cut, ret_is_cut, err);
}
/* Pieces for so many readers, each of which takes the next one when it is done with one: ranges of the same kind that
 * are the range. The first begins at its lo, each ends where the next one begins, the last ends at its hi. The first
 * ones are large, by what is cheap to know, and what is cheap to cut becomes small towards the end, so that all readers
 * end at about the same time. The range itself, where nothing is known or nothing is to be gained. RANGE_NULL stays
 * whole, and RANGE_ALL where the source shares no snapshot; else its pieces are RANGE_PARTs: rows as they are at this
 * moment, to be read once each, in their order and by no more readers, before anything else is asked. ret_ranges has
 * room for SOURCE_PIECES_MAX. A source without `split` splits nothing. */
enum { SOURCE_PIECES_MAX = 128 };
static inline RC source_split(struct source *s, const struct table *table, const struct range *range, int readers,
                              struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err)
{
    bool stays_whole = range->kind == RANGE_NULL || (range->kind == RANGE_ALL && !s->shares_snapshot);
    if (s->ops->split != NULL && readers > 1 && !stays_whole)
        return s->ops->split(s, table, range, readers, arena, ret_ranges, ret_count, err);
    ret_ranges[0] = *range;
    *ret_count = 1;
    return RC_OK;
}
/* The rows of the range, in (cursor, key), key, cursor (TIME) or any (ALL) order, all columns of table->schema. At most
 * readers_max readers are open at a time; nothing but this is asked of the source until they are freed. Reading and
 * freeing may happen in a thread of the reader's own, but not in two at once; a reader that was read to its end may be
 * freed, and the next one be opened, while others are read. Its end means that every row was read. RC_DATA: a
 * value does not fit its column (which column, how many values, and the override that helps); where the table
 * sets_aside, such a value is a reject of its batch, unless it is of the key or the cursor, which every row must have.
 */
static inline RC source_read(struct source *s, const struct table *table, const struct range *range,
                             struct batch_reader **ret, struct error *err)
{
    return s->ops->read(s, table, range, ret, err);
}
/* What the rows of the range come to, as the source's own SQL says, or else counted from its rows; and the keys of the
 * rows of the ranges `changed` as they are at the same instant. ret was made by profile_init of
 * table->schema, ret_changed by key_list_init of the table's key. RC_BUSY: more than SOURCE_CHANGED_MAX rows, or more
 * changes than can be kept up with. */
enum { SOURCE_CHANGED_MAX = 10000 };
RC source_profile(struct source *s, const struct table *table, const struct count_request *request, struct profile *ret,
                  struct key_list *ret_changed, struct error *err);
/* RC_CONFIG: `table` is a view, or what else has no rows of its own; with what to do. */
enum rc source_fail_no_rows(const char *table, const char *where, const char *what, struct error *err);
/* RC_NOT_FOUND: there is no `table` in `where`, with the nearest name of those there are, and what to do. */
enum rc source_fail_no_table(struct source *self, const char *table, const char *where, const char *todo,
                             struct error *err);
/* RC_BUSY, with what to do. */
enum rc source_fail_changed(const struct table *table, struct error *err);
/* For sources: whether a value of this column that does not fit becomes a reject. */
bool source_sets_aside(const struct table *table, int column);
/* The rights that `use` takes, at the end of `ret`; changes nothing. */
static inline RC source_grants(struct source *s, const struct source_use *use, struct grant_list *ret,
                               struct error *err)
{
    return s->ops->grants != NULL ? s->ops->grants(s, use, ret, err) : RC_OK;
}
/* Whether it still has what it had at the place that was `kept` (NULL: none was), and where it is now. What was
 * committed before the call is within the new place. */
static inline RC source_place(struct source *s, const char *kept, struct arena *arena, struct source_place *ret,
                              struct error *err)
{
    *ret = (struct source_place){0};
    return s->ops->place != NULL ? s->ops->place(s, kept, arena, ret, err) : RC_OK;
}
static inline void source_free(struct source *s)
{
    if (s != NULL)
        s->ops->free(s);
}
AUTO_DEFINE(source)

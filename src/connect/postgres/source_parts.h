/* Inside the PostgreSQL source: source.c (connections, clock, ceiling), source_open.c (open transactions),
 * source_place.c (failovers), source_grants.c (rights), source_types.c (declarations decide types), source_describe.c
 * (columns, key, indexes), source_cursor.c (which column, which zone), source_range.c (the SQL of ranges and
 * positions), source_measure.c (facts, boundary, split), source_custom.c (a statement for a table), source_snapshot.c
 * (a table as of one instant, for several readers), source_read.c (rows into batches), tuples.c (the binary rows). */
#pragma once

#include <pthread.h>

#include "connect/columns.h"
#include "connect/custom.h"
#include "connect/postgres/source.h"
#include "connect/postgres/tuples.h"

struct pg_column {
    struct source_column base;
    int64_t oid;  /* of the type; of a domain's base type */
    int modifier; /* atttypmod, -1: none */
    bool is_enum;
    const char *expression; /* what is selected */
    int digits;             /* of a second's fraction: times */
    struct tuple_column tuple;
};

struct pg_table {
    struct table base;
    const char *quoted; /* "schema"."table"; of a statement, that in parentheses */
    const char *sql;    /* custom_sql: as it was given; NULL: a table */
    const char *oid;    /* as text */
    struct pg_column *columns;
    int column_count;
    bool has_children; /* other tables inherit from it: their keys are none of its own */
    bool key_is_unique;
    bool keys_are_checked;                  /* no NULL in the key, as of this description */
    bool key_is_indexed, cursor_is_indexed; /* an index is in that order */
};

struct postgres_source {
    struct source base;
    struct opening with;
    struct pq_address address;
    struct secret password;
    const char *schema;
    bool may_be_no_utf8; /* the database's encoding is SQL_ASCII */
    int64_t batch_rows;
    struct pq *control;   /* everything but rows */
    const char *snapshot; /* that it has exported; NULL: none */
    int snapshot_readers; /* that have not taken it yet */
    struct pq *idle[POSTGRES_CONNECTIONS_MAX];
    int idle_count;
    struct pq *viewing[POSTGRES_CONNECTIONS_MAX]; /* idle, and in its view, for the next piece */
    int viewing_count, snapshot_pieces;           /* pieces: that nobody has taken yet */
    pthread_mutex_t lock;                         /* of idle, viewing and pieces */
    struct arena arena;                           /* tables, texts of the address */
};

static inline const struct pg_table *pg_table_of(const struct table *table) { return (const struct pg_table *)table; }
static inline struct columns pg_columns(const struct pg_table *table)
{
    return (struct columns){table->columns, table->column_count, sizeof(*table->columns)};
}

/* ---- source.c ---- */

/* A connection for a reader: an idle one, or a new one. Given back it is idle, or closed when it is lost. From any
 * thread. */
RC postgres_source_take(struct postgres_source *self, struct pq **ret, struct error *err);
void postgres_source_give(struct postgres_source *self, struct pq *db);
/* One answer on the control connection, which is opened again where it was lost before. */
RC postgres_source_ask(struct postgres_source *self, const char *sql, struct pq_answer *ret, struct error *err);
/* Its first value; RC_DATA when there is none. */
RC postgres_source_int64(struct postgres_source *self, const char *sql, int64_t *ret, struct error *err);
/* The same of a query over a range of the table, which may be a statement that has to be told its bounds. */
RC pg_range_ask(struct postgres_source *self, const struct pg_table *table, const struct range *range, const char *sql,
                struct pq_answer *ret, struct error *err);
RC pg_range_int64(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                  const char *sql, int64_t *ret, struct error *err);

/* ---- source_open.c ---- */

RC postgres_source_oldest_open(struct source *base, struct open_transactions *ret, struct error *err);
/* True for who may see other roles' sessions. */
#define PG_SEES_OTHERS                                                                                                 \
    "(pg_has_role('pg_read_all_stats', 'USAGE') OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))"

/* ---- source_place.c ---- */

RC postgres_source_place(struct source *base, const char *kept, struct arena *arena, struct source_place *ret,
                         struct error *err);

/* ---- source_grants.c ---- */

RC postgres_source_grants(struct source *base, const struct source_use *use, struct grant_list *ret, struct error *err);

/* ---- source_types.c ---- */

/* Type, expression, way on the wire and verdict from what is declared and overridden. RC_CONFIG: a type that needs an
 * override (which one is said). */
RC pg_column_decide(struct pg_column *column, const char *table, struct arena *arena, struct error *err);

/* ---- source_describe.c, source_cursor.c ---- */

RC postgres_source_describe(struct source *base, const struct table_request *request, const struct table **ret,
                            struct error *err);
RC pg_cursor_find(struct pg_table *table, const struct table_request *request, struct error *err);
/* What a cursor without a zone means: sets cursor_ahead_us. RC_CONFIG: a zone that the server does not know, or one
 * with summer time, in which an hour comes twice (S91). */
RC pg_zone_find(struct postgres_source *self, struct pg_table *table, const struct table_request *request,
                struct error *err);

/* ---- source_range.c ---- */

/* RC_DATA: a position that the table, as it is now, cannot have written. */
RC pg_range_check(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                  struct error *err);
/* " FROM s.t WHERE ..." */
RC pg_range_from(const struct pg_table *table, const struct range *range, struct buf *out, struct error *err);
/* " ORDER BY ...": cursor, key, as the range has it; nothing for RANGE_ALL. `direction`: "" or " DESC", of each. */
void pg_range_order(const struct pg_table *table, const struct range *range, const char *direction, struct buf *out);
/* "cursor, key...": what a position is made of, as texts. */
void pg_range_select_position(const struct pg_table *table, const struct range *range, struct buf *out);
/* A row of that as a position. RC_DATA: a cursor or key that no position can say. */
RC pg_range_position(const struct pg_table *table, const struct range *range, const struct pq_answer *rows, int row,
                     struct arena *arena, struct position *ret, struct error *err);

/* ---- source_measure.c ---- */

RC postgres_source_facts(struct source *base, const struct table *table, const struct range *range,
                         struct range_facts *ret, struct error *err);
RC postgres_source_boundary(struct source *base, const struct table *table, const struct range *range, int64_t rows,
                            struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err);
RC postgres_source_split(struct source *base, const struct table *table, const struct range *range, int readers,
                         struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err);

/* ---- source_custom.c ---- */

/* The columns of a statement in the place of those of a table; cursor and key are found as a table's are. */
RC pg_custom_describe(struct postgres_source *self, struct pg_table *table, const char *sql, struct error *err);
/* Once the cursor is known: the statement as it is asked, with what it takes from the session. */
void pg_custom_finish(struct postgres_source *self, struct pg_table *table);
/* What :lower and :upper are from now on, in this session. A table takes nothing. */
RC pg_custom_bind(const struct postgres_source *self, const struct pg_table *table, const struct range *range,
                  struct pq *db, struct error *err);

/* ---- source_snapshot.c ---- */

/* RANGE_ALL as ranges of the table's pages, of a snapshot that the control connection holds until all readers have
 * taken it, or something else is asked. */
RC pg_snapshot_split(struct postgres_source *self, const struct pg_table *table, int readers, struct arena *arena,
                     struct range *ret_ranges, int *ret_count, struct error *err);
void pg_snapshot_where(const struct range *range, struct buf *out);
/* A connection that sees what the snapshot has, for the next piece; given back, it waits for another piece, or is in
 * the view no longer: idle, as those of postgres_source_give. From any thread. */
RC pg_snapshot_take(struct postgres_source *self, const struct pg_table *table, struct pq **ret, struct error *err);
void pg_snapshot_give(struct postgres_source *self, struct pq *db);
/* Nobody is to read any more of it. */
void pg_snapshot_end(struct postgres_source *self);

/* ---- source_read.c ---- */

RC postgres_source_read(struct source *base, const struct table *table, const struct range *range,
                        struct batch_reader **ret, struct error *err);

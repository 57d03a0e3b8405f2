/* Inside the MySQL source: source.c (connections, clock, ceiling), source_open.c, source_replica.c and source_cluster.c
 * (open transactions), source_grants.c (rights), source_place.c (its place in its history), source_types.c
 * (declarations decide types), source_describe.c (columns, key, indexes), source_cursor.c (which column, which zone),
 * source_range.c (the SQL of ranges and positions), source_measure.c (facts, boundary, split), source_custom.c (a
 * statement for a table), source_profile.c (what columns come to), source_read.c (rows into batches), decode.c (texts
 * of values), decode_row.c (binary rows), statement.c and wire.c (them off the socket). */
#pragma once

#include <pthread.h>

#include "base/yaml.h"
#include "connect/columns.h"
#include "connect/custom.h"
#include "connect/mysql/decode.h"
#include "connect/mysql/session.h"
#include "connect/mysql/source.h"

/* How values of a column are written in a position, and as a literal. */
enum key_form {
    KEY_NONE,   /* no order that a position could say: JSON, spatial */
    KEY_NUMBER, /* digits */
    KEY_INDEX,  /* ENUM, SET, BIT: ordered by their number, not by their text */
    KEY_REAL,   /* FLOAT, DOUBLE: as a double, exactly */
    KEY_TEXT,   /* under the column's collation */
    KEY_BYTES,
    KEY_QUOTED, /* dates and times, UUID, INET6 */
};

struct mysql_column {
    struct source_column base;
    const char *type;                         /* "int", where "int(10) unsigned" is declared */
    int64_t precision, scale, digits, octets; /* as declared; digits of a second's fraction */
    bool is_unsigned, has_scale;
    bool zero_is_null;      /* zero_dates: null */
    const char *expression; /* what is selected */
    enum key_form key_form;
    struct decoding decoding;
};

struct mysql_table {
    struct table base;
    const char *schema_name, *table_name, *quoted; /* quoted: `schema`.`table`; a statement, with its name */
    const char *sql;                               /* custom_sql: as it was given; NULL: a table */
    struct mysql_column *columns;
    int column_count;
    bool key_is_unique;
    bool keys_are_checked;    /* no NULL in the key, as of this description */
    const char *key_index;    /* an index in the key's order; NULL: none */
    const char *cursor_index; /* one that begins with the cursor, followed by the key if there is such; NULL: none */
};

struct mysql_source {
    struct source base;
    struct opening with;
    struct mysql_settings settings;
    struct secret password;
    int64_t batch_rows;
    bool text_only;
    bool is_replica;               /* when mysql_replica_look asked last */
    struct tunnel *tunnel;         /* NULL: none */
    struct mysql_session *control; /* everything but rows */
    struct mysql_session *idle[MYSQL_CONNECTIONS_MAX];
    int idle_count;
    pthread_mutex_t lock; /* of idle */
    struct arena arena;   /* tables, texts of the settings */
};

static inline const struct mysql_table *mysql_table_of(const struct table *table)
{
    return (const struct mysql_table *)table;
}
static inline struct columns mysql_columns(const struct mysql_table *table)
{
    return (struct columns){table->columns, table->column_count, sizeof(*table->columns)};
}

/* ---- source.c ---- */

/* A connection for a reader: an idle one, or a new one. Given back it is idle, or closed when it is broken. From any
 * thread. */
RC mysql_source_take(struct mysql_source *self, struct mysql_session **ret, struct error *err);
void mysql_source_give(struct mysql_source *self, struct mysql_session *session);

/* ---- source_open.c ---- */

enum rc mysql_source_oldest_open(struct source *base, struct open_transactions *ret, struct error *err);

/* ---- source_replica.c ---- */

/* From here on, SHOW ALL SLAVES STATUS has a right of its own. */
enum { MARIA_SLAVE_MONITOR = 100505 };

struct replica_state {
    bool is_replica;
    int64_t behind_s; /* what was committed on its primaries so long ago, or longer, is there */
    enum rc unknown;  /* RC_OK, or why that is not known, as of struct open_transactions */
    const char *text, *todo;
};

/* What asks how far behind a replica is; a right of its own. */
const char *mysql_replication_sql(const struct mysql_session *session);
/* Threads of replication run there, or it takes no writes: what can be said without that right. */
RC mysql_source_is_fed(struct mysql_source *self, bool *ret, struct error *err);
/* May take some seconds where a replica is busy. */
RC mysql_replica_look(struct mysql_source *self, struct replica_state *ret, struct error *err);

/* ---- source_place.c ---- */

enum rc mysql_source_place(struct source *base, const char *kept, struct arena *arena, struct source_place *ret,
                           struct error *err);

/* ---- source_cluster.c ---- */

/* It is a node of a cluster of which others may be written to. */
RC mysql_source_has_other_nodes(struct mysql_source *self, bool *ret, struct error *err);

/* ---- source_grants.c ---- */

enum rc mysql_source_grants(struct source *base, const struct source_use *use, struct grant_list *ret,
                            struct error *err);

/* ---- source_types.c ---- */

/* Type, expression, decoding and key form from what is declared and overridden. RC_CONFIG: a type that needs an
 * override (which one is said). */
RC mysql_column_decide(struct mysql_column *column, const char *table, struct arena *arena, struct error *err);

/* ---- source_describe.c, source_cursor.c ---- */

enum rc mysql_source_describe(struct source *base, const struct table_request *request, const struct table **ret,
                              struct error *err);
RC mysql_cursor_find(struct mysql_table *table, const struct table_request *request, struct error *err);
/* What a cursor without a zone means: sets cursor_ahead_us, cursor_repeats. RC_CONFIG: a zone that the server does not
 * know, or one with summer time, in which an hour comes twice, without a lookback that covers it (S91). */
RC mysql_zone_find(struct mysql_source *self, struct mysql_table *table, const struct table_request *request,
                   struct error *err);

/* ---- source_range.c ---- */

/* RC_DATA: a position that the table, as it is now, cannot have written. */
RC mysql_range_check(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                     struct error *err);
/* " FROM `db`.`t` FORCE INDEX (...) WHERE ..." */
RC mysql_range_from(const struct mysql_table *table, const struct range *range, struct buf *out, struct error *err);
/* " WHERE ..." alone, of a query that reads most of the table anyhow. */
RC mysql_range_where(const struct mysql_table *table, const struct range *range, struct buf *out, struct error *err);
/* A value of a key column as a literal of its type. RC_DATA: it is none. */
RC mysql_range_key_literal(const struct mysql_table *table, const struct mysql_column *column, const char *text,
                           struct buf *out, struct error *err);
/* " ORDER BY ...": cursor, key, as the range has it; nothing for RANGE_ALL. */
void mysql_range_order(const struct mysql_table *table, const struct range *range, struct buf *out);
/* "cursor, key...": what a position is made of; texts as positions have them. */
void mysql_range_select_position(const struct mysql_table *table, const struct range *range, struct buf *out);
/* A row of that as a position. RC_DATA: a cursor that has no place in time. */
RC mysql_range_position(const struct mysql_table *table, const struct range *range, MYSQL_ROW row,
                        const unsigned long *lengths, struct arena *arena, struct position *ret, struct error *err);

/* ---- source_measure.c ---- */

enum rc mysql_source_facts(struct source *base, const struct table *table, const struct range *range,
                           struct range_facts *ret, struct error *err);
enum rc mysql_source_boundary(struct source *base, const struct table *table, const struct range *range, int64_t rows,
                              struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err);
enum rc mysql_source_split(struct source *base, const struct table *table, const struct range *range, int readers,
                           struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err);

/* ---- source_custom.c ---- */

/* The columns of a statement in the place of those of a table; cursor and key are found as a table's are. */
RC mysql_custom_describe(struct mysql_source *self, struct mysql_table *table, const char *sql, struct error *err);
/* Once the cursor is known: the statement as it is asked, with what it takes from the session. */
void mysql_custom_finish(struct mysql_source *self, struct mysql_table *table);
/* What :lower and :upper are from now on, in this session. A table takes nothing. */
RC mysql_custom_bind(const struct mysql_table *table, const struct range *range, struct mysql_session *session,
                     struct error *err);

/* ---- source_profile.c ---- */

enum rc mysql_source_profile(struct source *base, const struct table *table, const struct count_request *request,
                             struct profile *ret, struct key_list *ret_changed, struct error *err);

/* ---- source_read.c ---- */

enum rc mysql_source_read(struct source *base, const struct table *table, const struct range *range,
                          struct batch_reader **ret, struct error *err);

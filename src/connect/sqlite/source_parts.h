/* Inside the SQLite source: source.c (connection, clock, ceiling), source_describe.c (columns, key), source_types.c
 * (values decide types), source_cursor.c (which column, which form), source_custom.c (a statement for a table),
 * source_key.c (values of positions), source_pages.c (the SQL of ranges, page by page), source_read.c (batches,
 * boundary, facts), source_misfit.c (what is said of values that do not fit), affinity.c (what a declaration means). */
#pragma once

#include "base/arena.h"
#include "base/yaml.h"
#include "connect/columns.h"
#include "connect/custom.h"
#include "connect/sqlite/affinity.h"
#include "connect/sqlite/source.h"
#include "io/sqlite.h"

/* A type that only a declaration tells of, and that the values confirm or not. */
enum promise { PROMISE_NONE, PROMISE_DATE, PROMISE_TIMESTAMP, PROMISE_DECIMAL, PROMISE_BOOL };

struct sqlite_column {
    struct source_column base;
    const char *collation;
    enum affinity affinity;
    enum promise promise;
    bool decided;
    struct form form;  /* of TYPE_DATE and TYPE_TIMESTAMP */
    bool form_is_open; /* a timestamp that no value has shown the form of: the next description looks again */
};

enum { ORDER_MAX = 1 + 2 * KEY_COLUMNS_MAX }; /* cursor, key, tie */

struct sqlite_table {
    struct table base;
    const char *quoted; /* main."name", or a statement in parentheses */
    const char *sql;    /* custom_sql: as it was given; NULL: a table */
    struct sqlite_column *columns;
    int column_count;
    /* What orders rows without a doubt where the key does not: the primary key or the rowid. */
    const char *tie[KEY_COLUMNS_MAX];
    int tie_count;
    bool key_is_unique;
    /* As of this description: no NULL in the key, no odd cursor. */
    bool keys_are_checked, cursors_are_checked;
};

struct sqlite_source {
    struct source base;
    struct sqlite *db;
    struct sqlite_source_options options;
    struct arena arena; /* tables */
};

static inline const struct sqlite_table *sqlite_table_of(const struct table *table)
{
    return (const struct sqlite_table *)table;
}
static inline struct columns sqlite_columns(const struct sqlite_table *table)
{
    return (struct columns){table->columns, table->column_count, sizeof(*table->columns)};
}

/* ---- source_types.c ---- */

/* Counts per text form: 0 another text, 1 a date, then separator x Z x digits. */
enum { FORMS = 2 + 2 * 2 * 7 };
bool form_from_number(int number, struct form *ret); /* false for 0 */

/* What the values of a column are. */
struct tally {
    int64_t classes[SQLITE_NULL + 1]; /* by SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB, SQLITE_NULL */
    int64_t not_utf8, kept_promises, forms[FORMS];
    bool others_go; /* a type that most values have is enough: the rows of the others are set aside */
};

/* Affinity and promise from the declared type. */
void sqlite_column_declare(struct sqlite_column *column);
/* The type of the last waybill stays when the column is still declared the same. */
void sqlite_column_recall(struct sqlite_column *column, const struct schema *known);
/* What is overridden needs nothing of its values. */
void sqlite_column_override(struct sqlite_column *column);
void tally_add(struct tally *self, const struct sqlite_column *column, sqlite3_stmt *row, int at);
RC sqlite_column_decide(struct sqlite_column *column, const struct tally *tally, const char *table, struct error *err);
/* "DATETIME 'YYYY-MM-DD HH:MM:SS'": what the field's source_type says. */
const char *sqlite_column_source_type(const struct sqlite_column *column, struct arena *arena);

/* One value in the type of its column. */
struct cell {
    int64_t integer; /* bool, int64, date (days), timestamp (in its unit) */
    double real;
    __int128 decimal;
    struct str bytes; /* lives until the row is stepped over */
    char text[40];    /* what bytes points to for a number `as: text` */
};
/* false: the value does not fit exactly. Not for NULL. */
bool cell_read(struct cell *self, const struct sqlite_column *column, sqlite3_stmt *row, int at);
void cell_put(const struct cell *self, const struct sqlite_column *column, struct batch_builder *builder, int at);

/* ---- source_describe.c, source_cursor.c ---- */

enum rc sqlite_source_describe(struct source *base, const struct table_request *request, const struct table **ret,
                               struct error *err);
/* Sets cursor, form, cursor_found, cursor_indexed. Tallies count the forms of columns without a known one. */
RC sqlite_cursor_find(struct sqlite_table *table, const struct table_request *request, const struct tally *tallies,
                      struct error *err);

/* ---- source_custom.c ---- */

/* The columns of a statement in the place of those of a table. It has no rowid, so it is read in one transaction. */
RC sqlite_custom_describe(struct sqlite_source *self, struct sqlite_table *table, const char *sql, struct error *err);
/* A query over the table, with what :lower and :upper are for this range. */
RC sqlite_table_prepare(struct sqlite_source *self, const struct sqlite_table *table, const struct range *range,
                        const char *sql, sqlite3_stmt **ret, struct error *err);
/* Its first value. */
RC sqlite_table_int64(struct sqlite_source *self, const struct sqlite_table *table, const struct range *range,
                      const char *sql, int64_t *ret, struct error *err);

/* ---- source_key.c: values of positions ---- */

/* A key column's value as a position has it. RC_DATA: it has no such text. */
RC sqlite_key_text(const struct sqlite_table *table, int column, sqlite3_stmt *row, int at, struct arena *arena,
                   const char **ret, struct error *err);
/* S21: the parameter gets the storage class of a column of this type, or a comparison would mean something else. The
 * text, and the arena, outlive the binding. RC_DATA: the text is none of this type. */
RC sqlite_key_bind(struct sqlite *db, sqlite3_stmt *statement, int parameter, enum type type, const char *text,
                   struct arena *arena, struct error *err);

/* ---- source_pages.c ---- */

/* A single key's rows are looked for like a range's. */
static inline bool pages_go_by_key(enum range_kind kind) { return range_goes_by_key(kind) || kind == RANGE_ROW; }

/* A walk over rows in an order that repeats none, in pages that are transactions of their own. Each row selects the
 * columns asked for, in that order; the order's columns that are not among them follow. */
struct pages {
    struct sqlite_source *source;
    const struct sqlite_table *table;
    struct range range;
    bool only_cursors;            /* rows whose cursor is not NULL */
    const char *order[ORDER_MAX]; /* column names: cursor, key, tie, as the range has it */
    int order_at[ORDER_MAX];      /* where each is selected */
    int order_count, sure_count;  /* sure: without the tie */
    const char **selected;        /* column names */
    int selected_count;
    sqlite3_stmt *statement; /* NULL: to be prepared */
    sqlite3_value *last[ORDER_MAX];
    bool is_rest, is_open, ended; /* a page after the first; a page is under way; no more rows */
    int64_t stepped;              /* rows of the page so far */
    struct arena arena;
};

/* RANGE_ALL: the whole table in the order of its primary key or rowid. columns NULL: the first `count` of the table. */
void pages_init(struct pages *self, struct sqlite_source *source, const struct sqlite_table *table,
                const struct range *range, const int *columns, int count);
/* All cursors that are not NULL, in an order that is cheap; the cursor is column 0. */
void pages_init_cursors(struct pages *self, struct sqlite_source *source, const struct sqlite_table *table);
void pages_release(struct pages *self);
/* The next row into self->statement; *ret_row = false: no more. Opens and ends pages as it goes. */
RC pages_next(struct pages *self, bool *ret_row, struct error *err);
/* Ends the transaction after the current row; pages_next goes on behind it. */
RC pages_pause(struct pages *self, struct error *err);
/* From the current row on, rows with the same cursor and key are left out. For a paused walk. */
void pages_skip_ties(struct pages *self);
/* ---- source_read.c ---- */

enum rc sqlite_source_facts(struct source *base, const struct table *table, const struct range *range,
                            struct range_facts *ret, struct error *err);
enum rc sqlite_source_boundary(struct source *base, const struct table *table, const struct range *range, int64_t rows,
                               struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err);
enum rc sqlite_source_read(struct source *base, const struct table *table, const struct range *range,
                           struct batch_reader **ret, struct error *err);

/* ---- source_misfit.c: what is there, and may not be ---- */

bool sqlite_cursor_is_odd(const struct form *form, sqlite3_stmt *row, int at); /* not for NULL */
RC sqlite_count_odd_cursors(struct sqlite_source *source, const struct sqlite_table *table, int64_t *ret,
                            struct error *err);
/* Before rows of a range are read: no odd cursor and (where it goes by key) no NULL in the key, which a range would
 * pass over. Looked at once per description: a row that becomes odd later is the next run's to find. */
RC sqlite_check_order(struct sqlite_source *source, const struct sqlite_table *table, bool by_key, struct error *err);
/* RC_DATA after a row with an odd cursor was met, with the count of all. */
enum rc sqlite_fail_odd_cursors(struct sqlite_source *source, const struct sqlite_table *table, struct error *err);
/* RC_DATA for a value that does not fit its column: counts how many there are, and says which override helps. */
enum rc sqlite_fail_misfit(struct sqlite_source *source, const struct sqlite_table *table, int column,
                           struct error *err);

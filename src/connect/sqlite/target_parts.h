/* Inside the SQLite target: target.c (connection, transaction), target_position.c (T), target_shape.c (the table as it
 * is), target_prepare.c (DDL), target_load.c (rows in), target_merge.c (merge, checks), target_swap.c (a new
 * table in the place of the old one), target_profile.c (what columns come to), target_sql.c (what it says to
 * connect/sql/). */
#pragma once

#include "connect/sql/sql.h"
#include "connect/sqlite/affinity.h"
#include "connect/sqlite/target.h"
#include "data/text.h"
#include "io/sqlite.h"

struct shape_column {
    const char *name, *declared;
    enum affinity affinity;
    bool not_null, has_default, is_generated;
    int key; /* place in the primary key from 1; 0: not in it */
};

struct shape {
    bool exists;
    const char *kind; /* "table", "view", "virtual" */
    bool is_strict;
    struct shape_column *columns;
    int count;
    int rowid; /* the column that is the rowid, where NULL means "the next number"; -1: none */
};

/* Values that SQLite has not. */
#define SQLITE_NO_NAN  "SQLite has no NaN, it would store NULL"
#define SQLITE_NO_YEAR "a year outside 0000..9999 cannot be written so that it sorts"

/* Per column of the waybill's schema, how its values are bound. */
struct binding {
    bool is_numeric;       /* decimals: the column's affinity makes numbers of them */
    bool refuses_null;     /* SQLite itself would not: a rowid, or the key of a merge */
    char text[VALUE_TEXT]; /* what is bound as text, until the next row */
};

struct sqlite_target {
    struct target base;
    char version[32];
    struct sqlite_patience patience;
    struct sqlite *db; /* NULL: not opened yet, or there is no file */
    bool is_for_writing;
    /* The load under way; table NULL: none. */
    const struct target_table *table;
    struct arena load_arena;
    const char *into; /* the table that rows go into: its own name, or that of the one that will have it */
    sqlite3_stmt *insert;
    struct binding *bindings;
    int64_t rows, deleted, statements;
};

extern const struct sql sqlite_sql;
static inline struct sql_on sqlite_on(struct sqlite_target *self, const struct target_table *table)
{
    return (struct sql_on){&sqlite_sql, &self->base, table};
}

/* Opens for looking; self->db stays NULL when there is no file. */
RC sqlite_target_look(struct sqlite_target *self, struct error *err);
/* BEGIN IMMEDIATE and COMMIT of a short transaction; a failed commit is rolled back. */
RC sqlite_target_lock(struct sqlite_target *self, struct error *err);
RC sqlite_target_unlock(struct sqlite_target *self, struct error *err);
RC sqlite_target_has_table(struct sqlite_target *self, const char *name, bool *ret, struct error *err);

/* The ops of T: target_position.c. */
RC sqlite_target_position(struct target *base, const struct target_table *table, struct arena *arena,
                          struct target_position *ret, struct error *err);
RC sqlite_target_check_owner(struct target *base, const struct target_table *table, struct error *err);
RC sqlite_target_create_position(struct target *base, const struct target_table *table, const char *target_id,
                                 struct error *err);
RC sqlite_target_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                       struct target_position *ret, struct error *err);
/* The compare-and-swap, inside the load's transaction. */
RC sqlite_target_swap(struct sqlite_target *self, const struct target_table *table, const struct target_move *move,
                      bool *ret_moved, struct error *err);

RC shape_read(struct sqlite_target *self, const char *table, struct arena *arena, struct shape *ret, struct error *err);
RC sqlite_target_is_there(struct target *base, const struct target_table *table, bool *ret, struct error *err);
RC sqlite_target_has_rows(struct target *base, const struct target_table *table, bool *ret, struct error *err);
int shape_find(const struct shape *self, const char *name); /* as SQLite compares names; -1: none */
/* The key's columns are exactly those of the primary key or of a unique index that compares bytes. */
RC shape_key_is_unique(struct sqlite_target *self, const char *table, const struct shape *shape,
                       const struct target_table *wanted, bool *ret, struct error *err);

RC sqlite_target_prepare(struct target *base, const struct target_table *table, bool dry, struct buf *ret_ddl,
                         struct error *err);

RC sqlite_target_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                         struct profile *ret, struct error *err); /* target_profile.c */

/* The load after the swap: target_load.c, target_merge.c. */
RC sqlite_target_start_load(struct sqlite_target *self, struct error *err);
void sqlite_target_end_load(struct sqlite_target *self); /* forgets it; the transaction is the caller's */
RC sqlite_target_load_file(struct target *base, const struct staged_file *file, int64_t *ret_rows, struct error *err);
RC sqlite_target_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err);
/* A value as positions and keys have it, as one of the column; false: it is none, or there is no such literal. */
bool sqlite_target_literal(const struct field *field, const char *text, struct buf *out);
/* "min(c)" and so on, so that profile_tell can read it; false: SQLite cannot say. */
bool sqlite_target_measure(const struct field *field, enum profile_measure measure, const char *name, struct buf *out);
/* The new table, and its taking the place of the old one. */
RC sqlite_target_swap_begin(struct sqlite_target *self, struct error *err);
RC sqlite_target_swap_end(struct sqlite_target *self, struct error *err);
/* Whether rows wait in WAITING_ROWS first. */
static inline bool sqlite_target_waits(const struct target_table *table)
{
    return table->mode == MODE_MERGE || table->mode == MODE_KEYS;
}
/* Where a merge's rows wait, with columns c0, c1 ... as the schema has them, and in the order they were read. */
#define WAITING_ROWS "temp.waybill_rows"
/* Puts the target and the table in front, and says of a full disk that a merge's rows wait on another one. */
enum rc sqlite_target_fail_load(struct sqlite_target *self, const char *what, struct error *err);

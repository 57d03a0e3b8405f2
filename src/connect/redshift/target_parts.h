/* Inside the Redshift target: target.c (session, transaction), names.c (names and literals), target_sql.c (what it says
 * to connect/sql/), target_position.c (T), target_shape.c (the table as it is), target_prepare.c (DDL), target_load.c
 * (manifest, COPY), target_merge.c (merge, checks), target_fault.c (why a COPY failed), target_profile.c (what columns
 * come to), target_grants.c (rights), types.c (what holds what). */
#pragma once

#include "connect/redshift/target.h"
#include "connect/redshift/types.h"
#include "connect/sql/shape.h"
#include "store/store.h"

/* What sql_column.own points to. */
static inline const struct redshift_type *redshift_type_of(const struct sql_column *column) { return column->own; }

struct redshift_target {
    struct target base;
    char version[64];
    struct arena arena; /* of what is kept for reconnecting */
    struct pq_address address;
    struct secret password;
    const char *schema, *iam_role;
    int64_t patience_ms, lock_ms, statement_ms;
    struct opening with;
    struct store *stage; /* NULL: not told yet */
    struct pq *db;       /* NULL: not connected */
    bool ignores_case;   /* the database compares texts so */
    /* The load under way; table NULL: none. */
    const struct target_table *table;
    struct arena load_arena;
    struct sql_shape shape;
    struct redshift_fitting *fittings; /* one per column of the schema */
    bool is_waiting;                   /* rows go to `waiting` first */
    const char *waiting;               /* the temporary table that has them; its name needs no quotes */
    int64_t rows, deleted, statements;
};

/* ---- names.c ---- */

/* As Redshift folds it: ASCII letters in lower case. Into the arena. */
const char *redshift_fold(const char *name, struct arena *arena);
/* "name", folded, with quotes inside doubled. */
void redshift_quote(struct buf *out, const char *name);
/* 'text': a backslash inside ends nothing either. */
void redshift_literal(struct buf *out, const char *text);

extern const struct sql redshift_sql; /* target_sql.c */
static inline struct sql_on redshift_on(struct redshift_target *self, const struct target_table *table)
{
    return (struct sql_on){&redshift_sql, &self->base, table};
}
/* "schema"."table". */
static inline void redshift_table_quote(const struct redshift_target *self, const char *table, struct buf *out)
{
    sql_quote_table(&redshift_sql, &self->base, table, out);
}
/* One spelling per table: folded, without the connection's schema. Into the arena. */
const char *redshift_table_name(const struct redshift_target *self, const char *table, struct arena *arena);
/* Both parts of its name, as the catalogue has them. */
void redshift_catalog_name(const struct redshift_target *self, const char *table, struct arena *arena,
                           const char *ret_names[2]);

/* ---- target.c ---- */

/* Connects where there is no living session. */
RC redshift_connect(struct redshift_target *self, struct error *err);
/* ROLLBACK, and the session is given up: what it still has to say would be taken for the next one's answers. */
void redshift_abort(struct redshift_target *self);
/* One statement; as pq_query and pq_run, with Redshift's own failures told apart: RC_AGAIN for a conflict. */
RC redshift_query(struct redshift_target *self, const char *sql, int count, const char *const *values,
                  struct pq_answer *ret, struct error *err);
RC redshift_run(struct redshift_target *self, const char *sql, int64_t *ret_changes, struct error *err);
enum rc redshift_explain(const struct redshift_target *self, struct error *err);
/* "code: 15007" of what the server said besides its last message; 0: none. */
int redshift_code(const struct redshift_target *self);

/* ---- target_position.c ---- */

RC redshift_position(struct target *base, const struct target_table *table, struct arena *arena,
                     struct target_position *ret, struct error *err);
RC redshift_check_owner(struct target *base, const struct target_table *table, struct error *err);
RC redshift_create_position(struct target *base, const struct target_table *table, const char *target_id,
                            struct error *err);
RC redshift_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                  struct target_position *ret, struct error *err);
/* The compare-and-swap: the first statement of a transaction that it opens. After *ret_moved = false the transaction is
 * for the caller to end, and redshift_check_not_moved says whether T is of another table (RC_CONFIG). */
RC redshift_swap(struct redshift_target *self, const struct target_table *table, const struct target_move *move,
                 bool *ret_moved, struct error *err);
RC redshift_check_not_moved(struct redshift_target *self, const struct target_table *table, struct error *err);
/* waybill_position_<16 hex>, quoted, with its schema. */
const char *redshift_position_table(const struct redshift_target *self, const char *table, struct arena *arena);
bool redshift_is_position_name(const char *name);

/* ---- target_shape.c, target_prepare.c ---- */

RC redshift_shape_read(struct redshift_target *self, const char *table, struct arena *arena, struct sql_shape *ret,
                       struct error *err);
RC redshift_is_there(struct target *base, const struct target_table *table, bool *ret, struct error *err);
RC redshift_has_rows(struct target *base, const struct target_table *table, bool *ret, struct error *err);
void redshift_misfit(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                     struct sql_misfits *found);
RC redshift_prepare(struct target *base, const struct target_table *table, bool dry, struct buf *ret_ddl,
                    struct error *err);
/* What a load takes on its table, and how many there are. */
const char *const *redshift_mode_rights(enum mode mode, int *ret_count);

/* ---- target_load.c, target_merge.c, target_fault.c ---- */

RC redshift_use_stage(struct target *base, struct store *stage, struct error *err);
RC redshift_start_load(struct redshift_target *self, struct error *err);
void redshift_end_load(struct redshift_target *self); /* forgets it; the transaction is the caller's */
RC redshift_load_urls(struct target *base, const struct staged_file *files, int count, int64_t *ret_rows,
                      struct error *err);
RC redshift_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err);
/* Column i of the waiting rows, in the table's type. */
void redshift_waiting(const struct redshift_target *self, int i, struct buf *out);
/* "t.a = r.a AND octet_length(t.a) = octet_length(r.a)": keys of the table and of `other`, which has them as they came
 * (`in_type`: a cast may have to bring them into the table's type). */
void redshift_match(const struct redshift_target *self, const char *other, bool in_type, struct buf *out);
/* Merges, and key sets of rows that are to go, wait in a temporary table. */
static inline bool redshift_waits(const struct target_table *table)
{
    return table->mode == MODE_MERGE || table->mode == MODE_KEYS;
}

/* A COPY has failed as err says: gives the session up, finds out which file, column and rows, and says so. */
enum rc redshift_copy_fault(struct redshift_target *self, const struct staged_file *files, int count,
                            struct error *err);

RC redshift_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                    struct profile *ret, struct error *err); /* target_profile.c */
RC redshift_grants(struct target *base, const struct target_use *uses, int count, struct grant_list *ret,
                   struct error *err); /* target_grants.c */

/* Inside the PostgreSQL target: target.c (connection, transaction), target_sql.c (what it says to connect/sql/),
 * target_position.c (T), target_shape.c (the table as it is), target_prepare.c (DDL), target_load.c (rows in),
 * target_merge.c (merge, checks), target_swap.c (a new table in the place of the old one), target_profile.c (what
 * columns come to), target_grants.c (rights), rows.c (the binary rows), types.c (what holds what). */
#pragma once

#include "connect/postgres/rows.h"
#include "connect/postgres/target.h"
#include "connect/sql/shape.h"

/* What sql_column.own points to. */
struct pg_target_column {
    struct pg_type type;
    const char *collate; /* its collation, quoted, where it is not its type's own; NULL: it is */
    const char *folding; /* under which different bytes may be equal; NULL: bytes decide */
    bool is_always_identity;
};
static inline const struct pg_target_column *pg_target_column_of(const struct sql_column *column)
{
    return column->own;
}

struct postgres_target {
    struct target base;
    char version[48];
    struct arena arena; /* of what is kept for reconnecting */
    struct pq_address address;
    struct secret password;
    const char *schema, *position; /* position: T's quoted name */
    int64_t fence_patience_ms, lock_ms;
    struct opening with;
    struct pq *db; /* NULL: not connected */
    /* The load under way; table NULL: none. */
    const struct target_table *table;
    struct arena load_arena;
    struct sql_shape shape;
    struct row_column *columns; /* of the schema */
    bool is_waiting;            /* rows go to WAITING_ROWS first */
    const char *into;           /* quoted: the table they go into, itself or the one that will have its name */
    const char *number;         /* the name of that column: one that the schema has not */
    struct row_writer *writer;
    int64_t rows, deleted, statements;
};

/* Connects where there is no living connection. */
RC postgres_target_connect(struct postgres_target *self, struct error *err);
/* BEGIN of a short transaction, under the lock that all changes of waybill's own tables take; COMMIT of it. After a
 * failure postgres_target_abort. */
RC postgres_target_lock(struct postgres_target *self, struct error *err);
RC postgres_target_unlock(struct postgres_target *self, struct error *err);
void postgres_target_abort(struct postgres_target *self);

extern const struct sql postgres_sql;
static inline struct sql_on postgres_on(struct postgres_target *self, const struct target_table *table)
{
    return (struct sql_on){&postgres_sql, &self->base, table};
}
/* "schema"."table". */
void postgres_table_quote(const struct postgres_target *self, const char *table, struct buf *out);
RC postgres_target_has_table(struct postgres_target *self, const char *quoted, bool *ret, struct error *err);

/* The ops of T: target_position.c. */
RC postgres_target_position(struct target *base, const struct target_table *table, struct arena *arena,
                            struct target_position *ret, struct error *err);
RC postgres_target_check_owner(struct target *base, const struct target_table *table, struct error *err);
RC postgres_target_create_position(struct target *base, const struct target_table *table, const char *target_id,
                                   struct error *err);
RC postgres_target_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                         struct target_position *ret, struct error *err);
/* The compare-and-swap, inside the load's transaction. */
RC postgres_target_swap(struct postgres_target *self, const struct target_table *table, const struct target_move *move,
                        bool *ret_moved, struct error *err);

RC postgres_shape_read(struct postgres_target *self, const char *table, struct arena *arena, struct sql_shape *ret,
                       struct error *err);
RC postgres_target_is_there(struct target *base, const struct target_table *table, bool *ret, struct error *err);
RC postgres_target_has_rows(struct target *base, const struct target_table *table, bool *ret, struct error *err);
/* The key's columns are exactly those of an index that could be named in ON CONFLICT. */
RC postgres_shape_key_is_unique(struct postgres_target *self, const struct sql_shape *shape,
                                const struct target_table *wanted, bool *ret, struct error *err);

/* What a load takes on its table: "INSERT,DELETE". */
const char *postgres_mode_rights(enum mode mode);
/* What it takes besides to delete, or to note, what the source has not any more. */
const char *postgres_delete_rights(bool notes);
void postgres_misfit(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                     struct sql_misfits *found);
RC postgres_target_prepare(struct target *base, const struct target_table *table, bool dry, struct buf *ret_ddl,
                           struct error *err);

RC postgres_target_grants(struct target *base, const struct target_use *uses, int count, struct grant_list *ret,
                          struct error *err); /* target_grants.c */
RC postgres_target_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                           struct profile *ret, struct error *err); /* target_profile.c */

/* The load after the swap: target_load.c, target_merge.c. */
RC postgres_target_start_load(struct postgres_target *self, struct error *err);
void postgres_target_end_load(struct postgres_target *self); /* forgets it; the transaction is the caller's */
RC postgres_target_load_file(struct target *base, const struct staged_file *file, int64_t *ret_rows, struct error *err);
RC postgres_target_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err);
/* target_swap.c: may a new table take the place of this one; the new table; its taking the place. */
RC postgres_target_check_swap(struct postgres_target *self, const struct target_table *table,
                              const struct sql_shape *shape, struct error *err);
RC postgres_target_swap_begin(struct postgres_target *self, struct error *err);
RC postgres_target_swap_end(struct postgres_target *self, struct error *err);
/* Whether rows wait in WAITING_ROWS first, whatever their columns. */
static inline bool postgres_target_waits(const struct target_table *table)
{
    return table->mode == MODE_MERGE || table->mode == MODE_KEYS;
}
/* Where rows wait, with the names of their columns, so that an error that names one names the table's; and `number`,
 * the place in the order they were read. */
#define WAITING_ROWS "pg_temp.waybill_rows"
enum rc postgres_target_fail_load(struct postgres_target *self, const char *what, struct error *err);
/* Column i of the waiting rows, under their alias s, in the table's type. */
void postgres_target_waiting(const struct postgres_target *self, int i, struct buf *out);

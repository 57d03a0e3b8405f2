/* Inside the PostgreSQL target: target.c (connection, transaction), target_position.c (T), target_shape.c (the table as
 * it is), target_prepare.c (DDL), target_load.c (rows in), target_merge.c (merge, checks), rows.c (the binary rows),
 * types.c (what holds what). */
#pragma once

#include "connect/postgres/rows.h"
#include "connect/postgres/target.h"

struct shape_column {
    const char *name;
    struct pg_type type;
    const char *collate; /* its collation, quoted, where it is not its type's own; NULL: it is */
    const char *folding; /* under which different bytes may be equal; NULL: bytes decide */
    bool not_null, has_default, is_generated, is_always_identity;
};

struct shape {
    bool exists;
    const char *oid;  /* of the table, as text */
    const char *kind; /* "table", "view" ... */
    struct shape_column *columns;
    int count;
};

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
    struct shape shape;
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

/* "schema"."table". */
void postgres_table_quote(const struct postgres_target *self, const char *table, struct buf *out);
const char *postgres_schema_of(const struct postgres_target *self, const char *table, struct arena *arena);
/* Without its schema. */
const char *postgres_name_alone(const struct postgres_target *self, const char *table);
/* One spelling per table: without the connection's own schema, and cut as PostgreSQL cuts names. */
void postgres_table_name(const struct postgres_target *self, const char *table, struct buf *out);
RC postgres_target_has_table(struct postgres_target *self, const char *quoted, bool *ret, struct error *err);

/* The ops of T: target_position.c. */
RC postgres_target_position(struct target *base, const struct target_table *table, struct arena *arena,
                            struct target_position *ret, struct error *err);
RC postgres_target_create_position(struct target *base, const struct target_table *table, const char *target_id,
                                   struct error *err);
RC postgres_target_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                         struct target_position *ret, struct error *err);
/* The compare-and-swap, inside the load's transaction. */
RC postgres_target_swap(struct postgres_target *self, const struct target_table *table, const struct target_move *move,
                        bool *ret_moved, struct error *err);

RC postgres_shape_read(struct postgres_target *self, const char *table, struct arena *arena, struct shape *ret,
                       struct error *err);
int postgres_shape_find(const struct shape *self, const char *name); /* as PostgreSQL cuts it; -1: none */
/* The key's columns are exactly those of an index that could be named in ON CONFLICT. */
RC postgres_shape_key_is_unique(struct postgres_target *self, const struct shape *shape,
                                const struct target_table *wanted, bool *ret, struct error *err);
bool postgres_is_key_column(const struct target_table *table, const char *name);

/* What a load takes on its table: "INSERT,DELETE". */
const char *postgres_mode_rights(enum mode mode);
/* What it takes besides to delete, or to note, what the source has not any more. */
const char *postgres_delete_rights(bool notes);
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
RC postgres_target_analyze(struct postgres_target *self, struct error *err); /* of the waiting rows' keys */
RC postgres_target_lock_table(struct postgres_target *self, struct error *err);
/* target_deletes.c: DELETE of what the table's span holds; of rows whose key does not wait among the `keys`; of those
 * of deletes.keys. The last two into counts->deleted. */
RC postgres_target_delete_span(struct postgres_target *self, struct error *err);
RC postgres_target_delete_missing(struct postgres_target *self, int64_t keys, struct load_counts *counts,
                                  struct error *err);
RC postgres_target_delete_keys(struct postgres_target *self, struct load_counts *counts, struct error *err);
/* A value as positions and keys have it; "(a, b) IN ((..), ..)". */
void postgres_target_literal(const struct field *field, const char *text, struct buf *out);
void postgres_target_keys(const struct key_list *keys, const char *in, struct buf *out);
/* target_swap.c: may a new table take the place of this one; the new table; its taking the place. */
RC postgres_target_check_swap(struct postgres_target *self, const struct target_table *table, const struct shape *shape,
                              struct error *err);
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
/* The columns' quoted names, comma-separated. */
void postgres_target_names(const struct target_table *table, struct buf *out);
/* Column i of the waiting rows, under their alias s, in the table's type. */
void postgres_target_waiting(const struct postgres_target *self, int i, struct buf *out);

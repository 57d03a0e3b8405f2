/* Inside the ADBC target: target.c (connection, transaction), target_position.c (T), target_shape.c (the table as it
 * is), target_prepare.c (DDL), target_load.c (rows in), target_merge.c (merge, checks), target_profile.c, target_sql.c
 * (what it says to connect/sql/). */
#pragma once

#include "connect/adbc/dialect.h"
#include "connect/adbc/export.h"
#include "connect/adbc/session.h"
#include "connect/adbc/target.h"

/* How one column of the schema goes in. */
struct load_column {
    struct column_fit fitting;
    const char *type; /* of the table's column, as SQL names it */
    enum sending sending;
    bool is_key;       /* of a merge */
    bool refuses_null; /* the table does */
    bool has_gaps;     /* values are looked at one by one */
};

struct adbc_target {
    struct target base;
    char version[64];
    struct arena arena;                   /* of what is kept for reconnecting */
    struct adbc_address address, reading; /* reading: the same, for who only looks */
    struct secret_map settings, reading_settings;
    const char *vendor, *schema_wanted, *path;
    const struct dialect *dialect; /* NULL: not known yet */
    struct opening with;
    struct adbc *db; /* NULL: not connected */
    bool is_for_writing;
    /* The load under way; table NULL: none. */
    const struct target_table *table;
    struct arena load_arena;
    struct sql_shape shape;
    struct load_column *columns;   /* of the schema */
    bool is_waiting;               /* rows go to the waiting rows first */
    struct schema *sent;           /* the schema as it is sent; NULL: as it is */
    struct batch_builder *builder; /* of what is sent; NULL: the batches themselves */
    struct description *description;
    int64_t rows_before; /* in the table, where rows go straight into it */
    int64_t rows, deleted, statements;
};

/* Connects where there is no session. For looking: self->db stays NULL where there is no file. */
RC adbc_target_look(struct adbc_target *self, struct error *err);
/* Gives a file back to others, unless a load is under way. */
void adbc_target_rest(struct adbc_target *self);
/* Runs a step in a transaction of its own, and again while others are in its way. */
typedef RC (*adbc_step)(struct adbc_target *self, void *context, struct error *err);
RC adbc_target_transact(struct adbc_target *self, adbc_step step, void *context, struct error *err);

const char *adbc_target_schema(const struct adbc_target *self); /* of tables without one in their name; "" : none */
static inline struct sql_on adbc_on(struct adbc_target *self, const struct target_table *table)
{
    return (struct sql_on){&self->dialect->sql, &self->base, table};
}
/* "schema"."table". */
static inline void adbc_table_quote(const struct adbc_target *self, const char *table, struct buf *out)
{
    sql_quote_table(&self->dialect->sql, &self->base, table, out);
}
/* One number. */
RC adbc_target_number(struct adbc_target *self, const char *sql, int64_t *ret, struct error *err);
/* A statement that changes rows, and how many; counts it. */
RC adbc_target_change(struct adbc_target *self, const char *sql, int64_t *ret_changes, struct error *err);

/* The ops of T: target_position.c. */
RC adbc_target_position(struct target *base, const struct target_table *table, struct arena *arena,
                        struct target_position *ret, struct error *err);
RC adbc_target_check_owner(struct target *base, const struct target_table *table, struct error *err);
RC adbc_target_create_position(struct target *base, const struct target_table *table, const char *target_id,
                               struct error *err);
RC adbc_target_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                     struct target_position *ret, struct error *err);
RC adbc_target_has_position(struct adbc_target *self, bool *ret, struct error *err); /* of any scope */
/* The compare-and-swap, inside the load's transaction. */
RC adbc_target_swap(struct adbc_target *self, const struct target_table *table, const struct target_move *move,
                    bool *ret_moved, struct error *err);

RC adbc_shape_read(struct adbc_target *self, const char *table, struct arena *arena, struct sql_shape *ret,
                   struct error *err);
RC adbc_target_is_there(struct target *base, const struct target_table *table, bool *ret, struct error *err);
RC adbc_target_has_rows(struct target *base, const struct target_table *table, bool *ret, struct error *err);
/* The key's columns are exactly those of an index that could be named in ON CONFLICT. */
RC adbc_shape_key_is_unique(struct adbc_target *self, const struct target_table *wanted, bool *ret, struct error *err);

RC adbc_target_prepare(struct target *base, const struct target_table *table, bool dry, struct buf *ret_ddl,
                       struct error *err);
RC adbc_target_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                       struct profile *ret, struct error *err);

/* The load after the swap: target_load.c, target_merge.c. */
RC adbc_target_start_load(struct adbc_target *self, struct error *err);
void adbc_target_end_load(struct adbc_target *self); /* forgets it; the transaction is the caller's */
RC adbc_target_load_file(struct target *base, const struct staged_file *file, int64_t *ret_rows, struct error *err);
RC adbc_target_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err);
/* Rows of this waybill that the target has, by its own count. */
RC adbc_target_count(struct adbc_target *self, int64_t *ret, struct error *err);
/* Where rows wait, with columns c0, c1 ... as the schema has them. */
#define WAITING_ROWS "waybill_rows"
/* Whether rows wait, whatever the table is like. */
static inline bool adbc_target_waits(const struct target_table *table)
{
    return table->mode == MODE_MERGE || table->mode == MODE_KEYS;
}
enum rc adbc_target_fail_load(struct adbc_target *self, const char *what, struct error *err);
/* Column i of the waiting rows, under their alias s, in the table's type. */
void adbc_target_waiting(const struct adbc_target *self, int i, struct buf *out);

/* DDL: a table is made from the waybill's schema, grows with it, and anything else is told, not done. */
#pragma once

#include "connect/sql/shape.h"

/* Statements in their order, without their ';'. Not every driver takes several at once, and some may not share a
 * transaction (S46). */
struct sql_script {
    struct arena arena; /* zero-initialise the struct */
    const char **items;
    int count;
};
void sql_script_release(struct sql_script *self);
void sql_script_add(struct sql_script *self, const struct buf *statement);
void sql_script_print(const struct sql_script *self, struct buf *out); /* each with ";\n" behind it */

/* What does not fit: each adds a line to `diff`, and the statement that mends it, with "; " behind it, to `mend`. */
struct sql_misfits {
    struct buf diff, mend;
};
void sql_misfits_release(struct sql_misfits *self);

/* Names of table and columns that the system cannot hold or tell apart, and the key of a merge. RC_CONFIG, RC_DATA. */
RC sql_check_names(const struct sql_on *on, struct error *err);

/* The whole table; the columns that it lacks, and those that have to be wider. */
void sql_create_table(const struct sql_on *on, struct sql_script *script);
void sql_change_columns(const struct sql_on *on, const struct sql_shape *shape, struct sql_script *script);

/* "ALTER TABLE t WHAT column". */
void sql_alter_table(const struct sql_on *on, const char *what, const char *column, struct buf *out);
/* Of each column that is there `misfit`, and those that nothing would fill. RC_DATA: it is no table. */
RC sql_find_misfits(const struct sql_on *on, const struct sql_shape *shape, struct sql_misfits *found,
                    struct error *err);
/* The type that a column has is not the source's; what mends that is the caller's to add. */
void sql_misfit_type(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                     struct sql_misfits *found);
/* The merge goes by a unique key, and there is none. `name`: of the index that would mend it; NULL: the system names
 * it.
 */
void sql_misfit_key(const struct sql_on *on, const char *name, struct sql_misfits *found);
/* RC_DATA where there are any: the difference, and what would mend it. */
RC sql_fail_misfits(const struct sql_on *on, const struct sql_misfits *found, struct error *err);

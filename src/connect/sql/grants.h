/* Rights, where PostgreSQL's catalogue tells them: on the schemas that tables are in, and to keep rows waiting. */
#pragma once

#include "connect/sql/sql.h"

/* What `waybill check --grants` finds out of a target. */
struct sql_grants {
    const struct sql *sql;
    struct target *target;
    struct grant_list *list;
    const char *role, *database; /* quoted; sql_grants_begin fills them in */
    bool makes;                  /* some table is still to be made */
};
/* Who asks, and whether tables for rows that wait may be made. */
RC sql_grants_begin(struct sql_grants *self, struct error *err);
/* "INSERT on t": with the statement that gives it. */
void sql_grants_add(struct sql_grants *self, const char *right, const char *on, const char *what, bool is_there);
/* The connection's own schema, and those that tables name; each once. After the tables. */
RC sql_grants_add_schemas(struct sql_grants *self, const struct target_use *uses, int count, struct error *err);

/* Tables can be made in the connection's own schema, and for rows that wait. RC_NOT_FOUND: there is no such schema.
 * RC_DENIED. */
RC sql_check_schema(const struct sql *sql, struct target *target, struct error *err);

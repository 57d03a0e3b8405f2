/* A table as it is. Each target reads it in its own way. */
#pragma once

#include "connect/sql/sql.h"

struct sql_column {
    const char *name;
    const char *type; /* as SQL names it: "numeric(10,2)" */
    bool not_null, has_default;
    bool is_generated; /* the table fills it, and nobody else may */
    const void *own;   /* what else the target has read of it */
};

struct sql_shape {
    bool exists;
    const char *id;   /* the system's own name for it; NULL: not asked for */
    const char *kind; /* "table", "view" ... */
    struct sql_column *columns;
    int count;
};

/* As the system compares names; NULL: there is no such column. */
const struct sql_column *sql_shape_find(const struct sql *sql, const struct sql_shape *shape, const char *name);
int sql_shape_place(const struct sql *sql, const struct sql_shape *shape, const char *name); /* -1: none */

/* The columns of a table while a source describes it: what every source does with them in the same way. A source has
 * structs of its own, which begin with a struct source_column. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "connect/source.h"

struct source_column {
    const char *name, *declared; /* "price", "numeric(10,2)" */
    const char *as;              /* override: "text", "binary"; NULL: none. columns_apply */
    bool excluded;               /* not read. columns_apply */
    bool not_null;
    bool indexed;   /* an index begins with it */
    bool has_order; /* its values can stand in a position */
    int primary;    /* place in the primary key from 1; 0: not in it */
    /* What it becomes, once that is decided; texts live as long as the table. */
    struct field field;
    struct type_verdict verdict;
};

/* A source's array of its own structs, as they lie. */
struct columns {
    void *first;
    int count;
    size_t each_bytes;
};
static inline struct source_column *column_at(const struct columns *columns, int at)
{
    return (struct source_column *)((char *)columns->first + (size_t)at * columns->each_bytes);
}

int column_find(const struct columns *columns, const char *name); /* -1: none */
/* RC_CONFIG: `table` has no column of that name, which was asked for as `what` ("key"); the nearest is told. */
enum rc column_fail_missing(const struct columns *columns, const char *table, const char *what, const char *name,
                            struct error *err);
/* What is overridden and left out, as the request has it. RC_CONFIG: a column that is not there, or one that is to be
 * taken as what nothing can be. */
RC columns_apply(const struct columns *columns, const struct table *table, const struct table_request *request,
                 struct error *err);

/* The key that the request names, or else the primary key into `table`; a primary key that no position can say is none:
 * full_sync is what is left. RC_CONFIG: one that is named is not there or cannot be a key, or there are too many. */
RC key_take(const struct columns *columns, struct table *table, const struct table_request *request, struct error *err);
bool key_has(const struct table *table, int column);

/* Closes the gaps that excluded columns leave, last of all: they were needed until then, to say of a key or a cursor
 * that it cannot be without. A table that is read as a whole then simply has none; else RC_CONFIG. */
RC columns_drop_excluded(struct columns *columns, struct table *table, bool is_whole, struct error *err);
/* Behind that: the columns' fields and verdicts are the table's, in `arena`, which is the source's. */
void columns_finish(const struct columns *columns, struct table *table, struct arena *arena);

/* What stories of audits share. */
#pragma once

#include "case.h"
#include "move/audit.h"
#include "world/mem_database.h"

/* Of the first table. */
static inline enum rc audit(struct world *w, struct audit *ret, struct error *err)
{
    struct run *run = world_open(w, false);
    *err = (struct error){0};
    enum rc rc = scope_read(run->routes[0].scope, err);
    rc = rc == RC_OK ? audit_table(&run->routes[0], ret, err) : rc;
    if (rc == RC_OK) {
        rc = audit_judge(&run->routes[0], ret, err);
        ret->text = NULL;
    }
    world_close(w, run);
    return rc;
}

/* Somebody writes into the target, whose rows never change: another one takes its place. */
static inline void spoil_target(struct world *w, const char *table, int column, const char *text)
{
    struct mem_table *copy = mem_copy_table(w->database, mem_find_table(&w->database->state, table));
    int64_t last = copy->rows.count - 1;
    const struct mem_row *was = copy->rows.at[last];
    struct mem_row *row = arena_take(&w->database->arena, sizeof(*row) + (size_t)was->count * sizeof(*row->values));
    memcpy(row, was, sizeof(*row) + (size_t)was->count * sizeof(*row->values));
    row->values[column] = value_parse(&copy->fields[column], str(text), &w->database->arena);
    copy->rows.at[last] = row;
    mem_put_table(&w->database->state, copy);
}

/* Verbs that look at one table after the other: each table is a row of one printed table, or an object in one document,
 * and the exit status is that of all of them together. */
#pragma once

#include "cli/outcome.h"
#include "cli/print.h"
#include "cli/session.h"
#include "move/route.h"

struct each_table {
    struct cli *cli;
    struct text_table table;
    json_t *rows;
    struct outcome outcome;
    struct buf warnings; /* below the table; texts, each with its NUL */
};

/* `right` as of struct text_table. */
void each_table_begin(struct each_table *self, struct cli *cli, const char *const *heads, int count, int right);
/* Opens what is wanted of a pipeline and calls `look` for each of its tables, which logs in that table's name and adds
 * its row, its object and its outcome. May be called again for another pipeline. */
RC each_table_look(struct each_table *self, const struct session_wants *wants,
                   void (*look)(struct each_table *self, struct route *r), struct error *err);
/* An object of the document, with pipeline and table, and the failure, if there is one. */
json_t *each_table_object(struct each_table *self, const struct route *r, const struct error *err);
/* Below the table, in the table's name. */
void each_table_warn(struct each_table *self, const struct route *r, const char *text);
/* Prints, unless `rc` is a failure, and sets the exit status. Returns `rc`. */
RC each_table_end(struct each_table *self, enum rc rc);

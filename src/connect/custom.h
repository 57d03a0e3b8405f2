/* `increment: custom_sql`: a SELECT of the user's own in the place of a table. The statement is a derived table of
 * ours,
 *
 *     SELECT ... FROM (the statement) AS t WHERE cursor >= lo AND cursor < hi ...
 *
 * so chunks, counts and cuts are those of any table, and exact whatever the statement does with :lower and :upper.
 * These are there to spare the server work. They are given a tick of the cursor below and above the range, so that a
 * statement may say > or >=, < or <= or BETWEEN, and nothing is lost by it. :limit is more than any chunk has: a LIMIT
 * in the statement would leave out rows that nobody could tell of; --limit cuts outside of it. Values are never text of
 * the statement: each system has its own way to hand them over. Pure. */
#pragma once

#include "connect/source.h"

enum custom_parameter { CUSTOM_LOWER, CUSTOM_UPPER, CUSTOM_LIMIT, CUSTOM_PARAMETERS };
#define CUSTOM_LIMIT_TEXT "9223372036854775807"

/* How a system writes what is no statement: texts, names, comments. */
struct custom_dialect {
    bool has_backslashes;     /* in texts, '\'' */
    bool has_hash_comments;   /* # to the end of the line */
    bool has_dollar_quotes;   /* $tag$ ... $tag$, and E'\'' */
    bool has_nested_comments; /* in each other */
    bool has_brackets;        /* [name] */
};

/* Is it one SELECT (or WITH ... SELECT) that can stand between parentheses? RC_CONFIG: it is not, and why. */
RC custom_check(const char *table, const char *sql, const struct custom_dialect *dialect, struct error *err);
/* The server does not take it: its error, which is then the configuration's. */
enum rc custom_fail(const char *table, struct error *err);
/* The statement, without a ';' at its end, in parentheses; each placeholder is what stands for it. */
void custom_write(const char *sql, const struct custom_dialect *dialect, const char *const instead[CUSTOM_PARAMETERS],
                  struct buf *out);
/* What :lower and :upper are for a range: in the form of the cursor; the least and the greatest where it has no end. */
void custom_bounds(const struct form *form, const struct range *range, char ret_lower[CURSOR_TEXT],
                   char ret_upper[CURSOR_TEXT]);

/* How things look: errors, JSON, small tables, numbers for people, what flags take. */
#pragma once

#include "base/json.h"
#include "cli/command.h"

/* On the messages' side: "waybill: error: what, on which object, why" and "  what to do: ...", or a log line with
 * --log-format json. */
void print_error_message(struct cli *cli, const struct error *err);
/* The same for what ends the command: with --output json also a document on `out`, unless there is one already. */
void print_failure(struct cli *cli, const struct error *err);
/* {"error": {"kind", "id", "exit_status", "text", "todo", "vendor", "http_status"}}; empty parts are left out. */
json_t *error_to_json(const struct error *err);
/* The command's one document, on `out`. */
void print_json(struct cli *cli, const json_t *value);

/* Text that is safe on a terminal: control characters as \xNN. */
void print_safe(FILE *out, const char *text);
int print_width(const char *text); /* in characters, not bytes */

/* Rows of texts in columns, each as wide as its widest cell, two spaces between, the last one open. */
struct text_table {
    int columns, right; /* right: bit i set: column i is aligned to the right */
    char **cells;
    int count;
};
void text_table_add(struct text_table *self, const char *cell); /* a copy; row by row; NULL is "-" */
void text_table_addf(struct text_table *self, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_table_print(const struct text_table *self, FILE *out);
void text_table_release(struct text_table *self);

enum { HUMAN_TEXT = 32 };
void human_count(int64_t number, char ret[HUMAN_TEXT]); /* 1,234,567 */
void human_bytes(int64_t bytes, char ret[HUMAN_TEXT]);  /* 1.2 MB; powers of 1000 */
void human_time(int64_t seconds, char ret[HUMAN_TEXT]); /* 42s, 3m07s, 2h05m, 3d04h */

/* What a flag takes, behind its name: " N", " text|json"; nothing of one that is only given or not. */
void print_argument(const struct option *option, struct buf *out);

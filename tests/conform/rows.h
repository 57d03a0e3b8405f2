/* A literal table: rows as texts, given to a target as a staged file without a store.
 *
 *     AUTO(schema) *schema = schema_of("id:l! name:u price:d:10,2");
 *     AUTO(rows) *rows = rows_new(schema, "1|ada|12.50\n"
 *                                         "2|NULL|3.00\n");
 *     struct staged_file file = rows_file(rows, "file-00000.parquet"); */
#pragma once

#include "connect/target.h"

/* Fields as name:format, where format is Arrow's (data/schema.h) and '!' behind it means NOT NULL. */
struct schema *schema_of(const char *text);

struct rows;
/* One row per line, values parted by '|' and written as world/value.h says. The schema must outlive the rows. */
struct rows *rows_new(const struct schema *schema, const char *text);
void rows_free(struct rows *self);
AUTO_DEFINE(rows)

int64_t rows_count(const struct rows *self);
/* The rows as a staged file; `self` and `key` must outlive it. Batches hold 3 rows, so that few rows are several. */
struct staged_file rows_file(const struct rows *self, const char *key);
/* The lines in the order and form that a target's rows are printed in, for comparison. */
void rows_print(const struct rows *self, struct buf *out);

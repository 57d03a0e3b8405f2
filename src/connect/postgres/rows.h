/* Batches to the rows of a binary COPY (https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format"), sent in
 * pieces of PQ_CHUNK_BYTES. A value of any size passes through without a copy of its row. */
#pragma once

#include "connect/postgres/types.h"
#include "data/batch.h"
#include "io/pq.h"

/* How one column of the schema goes out. */
struct row_column {
    const struct field *field;
    struct fitting fitting;
    bool refuses_null; /* the key of a merge */
};

struct row_writer;
/* `columns` has one entry per column of the schema and lives as long as the writer, as do `table` (for messages) and
 * db. `is_numbered`: each row gets its number as a bigint before its first column. */
struct row_writer *row_writer_new(struct pq *db, const char *table, const struct row_column *columns, int count,
                                  bool is_numbered);
void row_writer_free(struct row_writer *self);
AUTO_DEFINE(row_writer)

/* After pq_copy_begin: the header of a stream. Numbers go on from stream to stream. */
void row_writer_begin(struct row_writer *self);
/* RC_DATA, with the column: a NULL in a key, a NUL byte in a text, a value that PostgreSQL's type has not. */
RC row_writer_batch(struct row_writer *self, const struct batch *batch, struct error *err);
/* The trailer, and everything that is still here goes out; pq_copy_end is the caller's. */
RC row_writer_end(struct row_writer *self, struct error *err);

/* As target_has_gaps and target_holds promise, of whatever speaks PostgreSQL's types. */
bool row_value_has_gaps(const struct field *field);
bool row_value_holds(const struct batch *batch, int column, int64_t row, const char **ret_why);
/* Rows of the batch whose text in this column has a NUL byte. */
int64_t rows_with_nul(const struct batch *batch, int column);
/* The column of the last failure that was a NUL byte; -1: it was none. */
int row_writer_nul_column(const struct row_writer *self);

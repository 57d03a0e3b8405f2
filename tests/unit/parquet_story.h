/* Parquet files in memory, made of rows that can be told from (row, column) alone, so that what is read back is
 * compared without keeping what was written. */
#pragma once

#include "data/parquet/reader.h"
#include "data/parquet/writer.h"
#include "test.h"
#include "world/value.h"

/* As a sink it grows; as an input it can be cut or damaged, and remembers what it was asked for. */
struct memory_file {
    struct buf bytes;
    int64_t reads, writes;
    size_t read_bytes_max;
    int64_t fail_at; /* the read or write of this number fails; 0: none */
    int closed;
};
void memory_file_release(struct memory_file *self);
struct parquet_sink memory_sink(struct memory_file *self);
struct parquet_input memory_input(struct memory_file *self);

uint64_t mix(uint64_t a, uint64_t b); /* a hash: chance that is the same in every run */

/* A column of every type, and of each decimal storage, nullable and not. */
struct schema *schema_of_everything(void);

/* What stands in a row: extremes, zeros, NULLs, empty texts, texts with NULs, and anything between. */
struct value story_value(const struct field *field, int64_t row, int column, struct arena *arena);

struct story {
    const struct schema *schema;
    int64_t rows, batch_rows;
    struct parquet_options options;
    /* NULL: story_value */
    struct value (*value)(const struct field *field, int64_t row, int column, struct arena *arena);
};
void story_write(const struct story *story, struct memory_file *file);
/* Reads to the end. RC_OK: every row was as it was written, or the test has failed; rows before an error may differ. */
enum rc story_read(const struct story *story, const struct schema *expected, struct memory_file *file,
                   struct error *err);

/* The end of a Parquet file: its schema and where everything lies. */
#pragma once

#include "data/parquet/column_writer.h"
#include "data/parquet/reader.h"
#include "data/parquet/writer.h"

/* Writing. Row groups are told one by one, while the file grows; `groups` collects them. */
struct footer_writer {
    struct buf groups;
    int64_t group_count, rows;
};
/* The columns are finished; the first page lies at `offset`. */
void footer_add_group(struct footer_writer *self, const struct column_writer *columns, int count, int64_t rows,
                      int64_t offset);
/* Appends footer, its length and the magic. */
void footer_write(const struct footer_writer *self, const struct schema *schema, const struct profile *profile,
                  const struct parquet_pair *pairs, int pair_count, struct buf *out);

/* Reading. */
struct chunk {
    int64_t offset, bytes; /* of its pages, headers and all */
    enum codec_id codec;
};
struct footer {
    struct schema *schema;    /* as the file has it */
    struct storage *storages; /* of its columns */
    int64_t rows;
    int group_count;
    struct parquet_group *groups;
    struct chunk **chunks; /* [group][column] */
};
/* `bytes` is the footer without length and magic; it lies at `pages_end`, before which all pages end. RC_DATA. */
RC footer_read(struct str bytes, int64_t pages_end, struct footer *ret, struct error *err);
void footer_release(struct footer *self);

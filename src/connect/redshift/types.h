/* What Redshift's types hold: the DDL of a new column, and whether a column that is there takes a field's values as
 * COPY brings them from Parquet.
 *
 *     bool boolean            int16 smallint   int32 integer   int64 bigint     float real    double double precision
 *     utf8 varchar(bytes)     binary varbyte   date date       decimal numeric(p,s)
 *     timestamp timestamp     timestamp in UTC timestamp, the wall clock of UTC
 *     time bigint, microseconds
 *
 * COPY takes these pairs, and hardly any other (`is_direct`); what a cast inside the server turns into another type
 * exactly goes through a temporary table. A varchar counts bytes, of which a character has up to four; what the source
 * says of its length is taken from there, and 65,535 is all there is.
 * https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "connect/types.h"

enum { REDSHIFT_VARCHAR_MAX = 65535, REDSHIFT_VARBYTE_MAX = 16777216, REDSHIFT_CHARACTER_BYTES = 4 };

/* A column of a table that is there. */
struct redshift_type {
    const char *name;     /* as information_schema has it: "character varying" */
    int64_t bytes;        /* of a text or binary; 0: none are said */
    int precision, scale; /* of a numeric */
};
/* "character varying(40)", as DDL has it. */
void redshift_type_print(const struct redshift_type *type, char ret[DECLARED_TEXT]);

struct redshift_fitting {
    enum fit fit;          /* FIT_WIDER: once its varchar is widened */
    bool is_direct;        /* COPY writes it; else a cast from what redshift_declare says */
    bool is_moment;        /* the cast adds UTC to a wall clock */
    int64_t bytes_max;     /* varchar(n), varbyte(n); 0: no limit */
    int64_t widened_bytes; /* FIT_WIDER: the n it needs */
};

void redshift_declare(const struct field *field, char ret[DECLARED_TEXT]);
struct redshift_fitting redshift_fit(const struct field *field, const struct redshift_type *type);

/* What PostgreSQL's types hold: the DDL of a new column, and whether a column that is there takes a field's values
 * exactly.
 *
 *     bool boolean           int16 smallint   int32 integer   int64 bigint      float real    double double precision
 *     utf8 text              binary bytea     date date       decimal numeric(p,s)
 *     timestamp timestamp    timestamp in UTC timestamptz     time interval
 *
 * A time is an interval, because MySQL's TIME is signed and reaches 838 hours; an existing column of type `time` takes
 * those from 00:00 to 24:00. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "connect/types.h"
#include "data/profile.h"

/* The binary form of a value in COPY. */
enum wire {
    WIRE_BOOL,
    WIRE_INT2,
    WIRE_INT4,
    WIRE_INT8,
    WIRE_FLOAT4,
    WIRE_FLOAT8,
    WIRE_NUMERIC,
    WIRE_TEXT, /* text, varchar, char, json: the bytes */
    WIRE_JSONB,
    WIRE_UUID,
    WIRE_BYTES,
    WIRE_DATE,
    WIRE_TIMESTAMP,
    WIRE_TIME,
    WIRE_INTERVAL,
    WIRE_CAST, /* text on the way, cast by the server where it goes into the table: enum, inet, xml, citext ... */
};

/* A column of a table that is there; of a domain, its base type. */
struct pg_type {
    int64_t oid;
    int modifier;      /* atttypmod, -1: none */
    char category;     /* pg_type.typcategory */
    const char *shown; /* as format_type() writes it: "numeric(10,2)" */
};

struct fitting {
    enum fit fit;
    enum wire wire;
    int64_t chars_max;           /* varchar(n), char(n); 0: no limit */
    char widened[DECLARED_TEXT]; /* FIT_WIDER: the type it needs */
};

void pg_declare(const struct field *field, char ret[DECLARED_TEXT]);
struct fitting pg_fit(const struct field *field, const struct pg_type *type);
/* "min(c)" and so on, so that profile_tell can read it; false: such a column cannot say (measure.c). */
bool pg_measure(const struct field *field, const struct fitting *fitting, enum profile_measure measure,
                const char *name, struct buf *out);

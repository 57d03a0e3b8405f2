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

/* https://github.com/postgres/postgres/blob/REL_15_STABLE/src/include/catalog/pg_type.dat */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_CHAR = 18, /* "char", one byte */
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIME = 1083,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_INTERVAL = 1186,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
    OID_JSONB = 3802,
};

enum { PG_EPOCH_DAYS = 10957 }; /* from 1970-01-01 to 2000-01-01, where PostgreSQL's times begin */

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

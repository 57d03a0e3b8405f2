/* The shape of rows: names and types, as they travel in a waybill. */
#pragma once

#include <stdbool.h>

#include "base/auto.h"
#include "base/error.h"
#include "base/json.h"

enum type {
    TYPE_BOOL,
    TYPE_INT16,
    TYPE_INT32,
    TYPE_INT64,
    TYPE_FLOAT,  /* 32 bit */
    TYPE_DOUBLE, /* 64 bit */
    TYPE_UTF8,
    TYPE_BINARY,
    TYPE_DATE,      /* int32 days since 1970-01-01 */
    TYPE_TIME,      /* int64 microseconds, signed and more than a day where the source has that (MySQL: +-838:59:59) */
    TYPE_TIMESTAMP, /* int64 in `unit` since 1970-01-01; wall clock, or an instant in UTC where `utc` */
    TYPE_DECIMAL,   /* 128 bit unscaled, precision 1..38, scale 0..precision */
};

enum time_unit { UNIT_SECOND, UNIT_MILLI, UNIT_MICRO };

struct field {
    const char *name; /* UTF-8, not empty, unique in its schema */
    enum type type;
    int precision, scale; /* TYPE_DECIMAL */
    enum time_unit unit;  /* TYPE_TIMESTAMP */
    bool utc;             /* TYPE_TIMESTAMP */
    bool nullable;
    const char *source_type; /* the source's own words: "DATETIME", "DECIMAL(10,2)"; may be "" */
    const char *made; /* done to the values on their way (data/shaping.h): "sha256", "mask full"; NULL: nothing */
};

struct schema {
    struct field *fields;
    int count;
};

enum { COLUMNS_MAX = 2000, KEY_COLUMNS_MAX = 16 };

struct schema *schema_new(void);
void schema_add(struct schema *self, const struct field *field); /* copies the texts */
struct schema *schema_copy(const struct schema *self);
void schema_free(struct schema *self);
AUTO_DEFINE(schema)

int schema_find(const struct schema *self, const char *name);      /* -1: none; case matters */
bool schema_equal(const struct schema *a, const struct schema *b); /* names, order, types; not source_type, nullable,
                                                                    * made */
bool field_same_type(const struct field *a, const struct field *b);

/* The Arrow format string ("l", "u", "tsu:UTC", "d:10,2"), https://arrow.apache.org/docs/format/CDataInterface.html */
enum { FORMAT_TEXT = 32 };
void field_format(const struct field *field, char ret[FORMAT_TEXT]);
bool field_parse_format(const char *format, struct field *ret); /* sets type and its parameters only */
/* For people: "decimal(10,2)", "timestamp(us, UTC)". */
void field_type_name(const struct field *field, char ret[FORMAT_TEXT]);

/* [{"name","type","source_type","nullable"}] (docs/formats.md), and "made" where there is one. The caller owns the
 * result.
 */
json_t *schema_to_json(const struct schema *self);
RC schema_from_json(const json_t *json, struct schema **ret, struct error *err);

/* Every value of `old` is one of `now`'s, and the same value: int16 -> int32 -> int64, an integer -> a decimal with
 * room for all of its digits, a decimal of more digits on either side, float -> double, a finer unit of a timestamp. */
bool field_widens(const struct field *old, const struct field *now);

/* What can be done about a difference, the worst of all columns. */
enum schema_change {
    SCHEMA_SAME,
    SCHEMA_GREW,   /* columns were added or have wider types */
    SCHEMA_SHRANK, /* columns are gone, besides */
    SCHEMA_OTHER,  /* another type; or a column is gone and one of its type is new, which may be a new name for it */
};
/* What changed from `old` to `now`, one line each ("+ discount double", "- note", "~ price: double -> utf8"), into
 * out. */
enum schema_change schema_diff(const struct schema *old, const struct schema *now, struct buf *out);

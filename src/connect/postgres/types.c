#include "connect/postgres/types.h"

#include "base/str.h"
#include "connect/postgres/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pg_declare(const struct field *field, char ret[DECLARED_TEXT])
{
    static const char *const names[] = {
        [TYPE_BOOL] = "boolean",  [TYPE_INT16] = "smallint",  [TYPE_INT32] = "integer",
        [TYPE_INT64] = "bigint",  [TYPE_FLOAT] = "real",      [TYPE_DOUBLE] = "double precision",
        [TYPE_UTF8] = "text",     [TYPE_BINARY] = "bytea",    [TYPE_DATE] = "date",
        [TYPE_TIME] = "interval", [TYPE_DECIMAL] = "numeric", [TYPE_TIMESTAMP] = "timestamp",
    };
    if (field->type == TYPE_DECIMAL)
        snprintf(ret, DECLARED_TEXT, "numeric(%d,%d)", field->precision, field->scale);
    else if (field->type == TYPE_TIMESTAMP && field->utc)
        snprintf(ret, DECLARED_TEXT, "timestamptz");
    else
        snprintf(ret, DECLARED_TEXT, "%s", names[field->type]);
}

void postgres_target_type(const struct field *field, struct target_type *ret)
{
    static const struct type_verdict verdicts[] = {
        [TYPE_UTF8] = {FIDELITY_EXACT, "a text with a NUL byte is refused: as: binary", NULL},
        [TYPE_TIME] = {FIDELITY_EXACT, "an interval, since it may have a sign and more than 24 hours", NULL},
        [TYPE_DECIMAL] = {FIDELITY_EXACT, NULL, NULL},
    };
    pg_declare(field, ret->declared);
    ret->verdict = verdicts[field->type];
}

static struct fitting yes(enum wire wire) { return (struct fitting){.fit = FIT_YES, .wire = wire}; }
static struct fitting no(void) { return (struct fitting){.fit = FIT_NO}; }

static struct fitting wider(const struct field *field)
{
    struct fitting fitting = {.fit = FIT_WIDER};
    pg_declare(field, fitting.widened);
    return fitting;
}

/* ---- numbers ---- */

/* PostgreSQL 15: precision in the upper half, the scale 11 bits with a sign. */
static int numeric_precision(int modifier) { return ((modifier - 4) >> 16) & 0xFFFF; }
static int numeric_scale(int modifier) { return (((modifier - 4) & 0x7FF) ^ 1024) - 1024; }

/* A numeric column rounds to its scale in silence, so it has to have ours. */
static struct fitting fit_numeric(int digits, int scale, const struct pg_type *type)
{
    struct fitting fitting = yes(WIRE_NUMERIC);
    if (type->modifier < 0)
        return fitting;
    int has_scale = numeric_scale(type->modifier), has_whole = numeric_precision(type->modifier) - has_scale;
    int whole = digits - scale;
    if (has_scale >= scale && has_whole >= whole)
        return fitting;
    fitting.fit = FIT_WIDER;
    int wide_scale = has_scale > scale ? has_scale : scale, wide_whole = has_whole > whole ? has_whole : whole;
    snprintf(fitting.widened, sizeof(fitting.widened), "numeric(%d,%d)", wide_whole + wide_scale, wide_scale);
    return fitting;
}

/* Bytes of an integer column; 0: it is none. */
static int integer_bytes(int64_t oid, enum wire *ret_wire)
{
    switch (oid) {
    case OID_INT2: *ret_wire = WIRE_INT2; return 2;
    case OID_INT4: *ret_wire = WIRE_INT4; return 4;
    case OID_INT8: *ret_wire = WIRE_INT8; return 8;
    default: return 0;
    }
}

static struct fitting fit_integer(const struct field *field, const struct pg_type *type)
{
    int needed = field->type == TYPE_INT16 ? 2 : field->type == TYPE_INT32 ? 4 : 8;
    enum wire wire = WIRE_INT8;
    int bytes = integer_bytes(type->oid, &wire);
    if (bytes >= needed)
        return yes(wire);
    if (bytes > 0)
        return wider(field);
    if (type->oid == OID_NUMERIC)
        return fit_numeric(needed == 2 ? 5 : needed == 4 ? 10 : 19, 0, type);
    return no();
}

static struct fitting fit_decimal(const struct field *field, const struct pg_type *type)
{
    enum wire wire = WIRE_INT8;
    int bytes = integer_bytes(type->oid, &wire);
    int digits = bytes == 2 ? 4 : bytes == 4 ? 9 : bytes == 8 ? 18 : 0;
    if (field->scale == 0 && field->precision <= digits)
        return yes(wire);
    if (bytes > 0 && field->scale == 0) { /* BIGINT became BIGINT UNSIGNED */
        struct fitting fitting = {.fit = FIT_WIDER};
        int least = bytes == 2 ? 5 : bytes == 4 ? 10 : 19;
        snprintf(fitting.widened, sizeof(fitting.widened), "numeric(%d,0)",
                 field->precision > least ? field->precision : least);
        return fitting;
    }
    return type->oid == OID_NUMERIC ? fit_numeric(field->precision, field->scale, type) : no();
}

static struct fitting fit_real(const struct field *field, const struct pg_type *type)
{
    if (type->oid == OID_FLOAT8)
        return yes(WIRE_FLOAT8);
    if (type->oid != OID_FLOAT4)
        return no();
    return field->type == TYPE_FLOAT ? yes(WIRE_FLOAT4) : wider(field);
}

/* ---- texts ---- */

/* The n of the source's own "varchar(n)"; 0: it says none. */
static int64_t source_chars(const struct field *field)
{
    const char *open = strchr(or_empty(field->source_type), '(');
    const char *close = open != NULL ? strchr(open, ')') : NULL;
    int64_t chars = 0;
    if (close == NULL || strcasestr(field->source_type, "char") == NULL)
        return 0;
    return str_to_int64((struct str){open + 1, (size_t)(close - open - 1)}, &chars) ? chars : 0;
}

static struct fitting fit_limited_text(const struct field *field, const struct pg_type *type)
{
    struct fitting fitting = yes(WIRE_TEXT);
    fitting.chars_max = type->modifier > 4 ? type->modifier - 4 : 0;
    if (fitting.chars_max > 0 && source_chars(field) > fitting.chars_max) {
        fitting.fit = FIT_WIDER;
        snprintf(fitting.widened, sizeof(fitting.widened), "varchar(%lld)", (long long)source_chars(field));
    }
    return fitting;
}

static struct fitting fit_text(const struct field *field, const struct pg_type *type)
{
    switch (type->oid) {
    case OID_TEXT:
    case OID_JSON: return yes(WIRE_TEXT);
    case OID_VARCHAR:
    case OID_BPCHAR: return fit_limited_text(field, type);
    case OID_JSONB: return yes(WIRE_JSONB);
    case OID_UUID: return yes(WIRE_UUID);
    case OID_CHAR: /* this and the next cut off in silence */
    case OID_NAME:
    case OID_BYTEA: return no();
    default: /* enums, addresses, texts of an extension, others of one; never numbers, times, arrays */
        return strchr("EISU", type->category) != NULL ? yes(WIRE_CAST) : no();
    }
}

/* ---- times ---- */

/* A column of fewer digits rounds in silence. */
static struct fitting fit_digits(const struct field *field, const struct pg_type *type, enum wire wire)
{
    static const int digits[] = {[UNIT_SECOND] = 0, [UNIT_MILLI] = 3, [UNIT_MICRO] = 6};
    int needed = field->type == TYPE_TIME ? 6 : digits[field->unit];
    return type->modifier < 0 || type->modifier >= needed ? yes(wire) : wider(field);
}

static struct fitting fit_timestamp(const struct field *field, const struct pg_type *type)
{
    bool is_same = type->oid == (field->utc ? OID_TIMESTAMPTZ : OID_TIMESTAMP);
    return is_same ? fit_digits(field, type, WIRE_TIMESTAMP) : no();
}

static struct fitting fit_time(const struct field *field, const struct pg_type *type)
{
    if (type->oid == OID_INTERVAL)
        return type->modifier < 0 ? yes(WIRE_INTERVAL) : wider(field);
    if (type->oid == OID_TIME && (type->modifier < 0 || type->modifier >= 6))
        return yes(WIRE_TIME);
    return no();
}

struct fitting pg_fit(const struct field *field, const struct pg_type *type)
{
    switch (field->type) {
    case TYPE_BOOL: return type->oid == OID_BOOL ? yes(WIRE_BOOL) : no();
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64: return fit_integer(field, type);
    case TYPE_FLOAT:
    case TYPE_DOUBLE: return fit_real(field, type);
    case TYPE_UTF8: return fit_text(field, type);
    case TYPE_BINARY: return type->oid == OID_BYTEA ? yes(WIRE_BYTES) : no();
    case TYPE_DATE: return type->oid == OID_DATE ? yes(WIRE_DATE) : no();
    case TYPE_TIME: return fit_time(field, type);
    case TYPE_TIMESTAMP: return fit_timestamp(field, type);
    case TYPE_DECIMAL: return fit_decimal(field, type);
    }
    abort();
}

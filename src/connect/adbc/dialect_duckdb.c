/* DuckDB: https://duckdb.org/docs/stable/sql/data_types/overview */
#include <stdio.h>
#include <string.h>

#include "connect/adbc/dialect.h"
#include "connect/adbc/session.h"
#include "connect/adbc/target.h"
#include "data/text.h"

/* ---- types ---- */

static void declare(const struct field *field, char ret[DECLARED_TEXT])
{
    static const char *const names[] = {
        [TYPE_BOOL] = "BOOLEAN", [TYPE_INT16] = "SMALLINT", [TYPE_INT32] = "INTEGER", [TYPE_INT64] = "BIGINT",
        [TYPE_FLOAT] = "FLOAT",  [TYPE_DOUBLE] = "DOUBLE",  [TYPE_UTF8] = "VARCHAR",  [TYPE_BINARY] = "BLOB",
        [TYPE_DATE] = "DATE",    [TYPE_TIME] = "INTERVAL",  [TYPE_DECIMAL] = "",      [TYPE_TIMESTAMP] = "TIMESTAMP",
    };
    if (field->type == TYPE_DECIMAL)
        snprintf(ret, DECLARED_TEXT, "DECIMAL(%d,%d)", field->precision, field->scale);
    else if (field->type == TYPE_TIMESTAMP && field->utc)
        snprintf(ret, DECLARED_TEXT, "TIMESTAMP WITH TIME ZONE");
    else
        snprintf(ret, DECLARED_TEXT, "%s", names[field->type]);
}

static void type_of(const struct field *field, struct target_type *ret)
{
    static const struct type_verdict verdicts[] = {
        [TYPE_TIME] = {FIDELITY_EXACT, "an interval, since it may have a sign and more than 24 hours", NULL},
        [TYPE_DECIMAL] = {FIDELITY_EXACT, NULL, NULL},
    };
    declare(field, ret->declared);
    ret->verdict = verdicts[field->type];
}

/* What DuckDB makes of Arrow's types, so that rows wait exactly as they came. */
static void waiting_type(const struct field *field, char ret[DECLARED_TEXT])
{
    static const char *const units[] = {
        [UNIT_SECOND] = "TIMESTAMP_S", [UNIT_MILLI] = "TIMESTAMP_MS", [UNIT_MICRO] = "TIMESTAMP"};
    if (field->type == TYPE_TIMESTAMP && !field->utc)
        snprintf(ret, DECLARED_TEXT, "%s", units[field->unit]);
    else
        declare(field, ret);
}

static enum sending send(const struct field *field) { return SEND_AS_IT_IS; }

/* ---- columns that are there ---- */

static struct column_fit yes(void) { return (struct column_fit){.fit = FIT_YES}; }
static struct column_fit no(void) { return (struct column_fit){.fit = FIT_NO}; }

static struct column_fit cast(bool is_rewritten)
{
    return (struct column_fit){.fit = FIT_YES, .is_cast = true, .is_rewritten = is_rewritten};
}

static struct column_fit wider(const struct field *field)
{
    struct column_fit fitting = {.fit = FIT_WIDER};
    declare(field, fitting.widened);
    return fitting;
}

static struct column_fit wider_decimal(int whole, int scale)
{
    enum { DIGITS_MAX = 38 };
    struct column_fit fitting = {.fit = FIT_WIDER};
    if (whole + scale > DIGITS_MAX)
        return no();
    snprintf(fitting.widened, sizeof(fitting.widened), "DECIMAL(%d,%d)", whole + scale, scale);
    return fitting;
}

/* `whole` digits before the point and `scale` behind it, into a DECIMAL. */
static struct column_fit fit_digits(int whole, int scale, const char *type)
{
    int precision = 0, has_scale = 0;
    if (sscanf(type, "DECIMAL(%d,%d)", &precision, &has_scale) != 2)
        return no();
    int has_whole = precision - has_scale;
    if (has_scale >= scale && has_whole >= whole)
        return yes();
    return wider_decimal(has_whole > whole ? has_whole : whole, has_scale > scale ? has_scale : scale);
}

/* The digits that each value of an integer type certainly has room for, in order of width; -1: it is none. */
static int integer_rank(const char *type)
{
    static const char *const names[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"};
    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (strcmp(type, names[i]) == 0)
            return i;
    }
    return -1;
}

static struct column_fit fit_integer(const struct field *field, const char *type)
{
    int needed = field->type == TYPE_INT16 ? 1 : field->type == TYPE_INT32 ? 2 : 3, rank = integer_rank(type);
    if (rank >= needed)
        return yes();
    if (rank >= 0)
        return wider(field);
    return fit_digits(needed == 1 ? 5 : needed == 2 ? 10 : 19, 0, type);
}

static struct column_fit fit_decimal(const struct field *field, const char *type)
{
    static const int digits[] = {2, 4, 9, 18, 38};
    int rank = integer_rank(type);
    if (rank >= 0 && field->scale == 0 && field->precision <= digits[rank])
        return yes();
    return fit_digits(field->precision - field->scale, field->scale, type);
}

static struct column_fit fit_real(const struct field *field, const char *type)
{
    if (strcmp(type, "DOUBLE") == 0 || (field->type == TYPE_FLOAT && strcmp(type, "FLOAT") == 0))
        return yes();
    return strcmp(type, "FLOAT") == 0 ? wider(field) : no();
}

static struct column_fit fit_text(const char *type)
{
    if (strcmp(type, "VARCHAR") == 0)
        return yes();
    if (strcmp(type, "JSON") == 0)
        return cast(false);
    if (strcmp(type, "UUID") == 0)
        return cast(true);
    return strncmp(type, "ENUM(", 5) == 0 ? cast(false) : no();
}

static struct column_fit fit_timestamp(const struct field *field, const char *type)
{
    static const char *const coarse[] = {"TIMESTAMP_S", "TIMESTAMP_MS"};
    if (field->utc)
        return strcmp(type, "TIMESTAMP WITH TIME ZONE") == 0 ? yes() : no();
    if (strcmp(type, "TIMESTAMP") == 0)
        return yes();
    for (int i = 0; i < (int)(sizeof(coarse) / sizeof(coarse[0])); i++) {
        if (strcmp(type, coarse[i]) == 0)
            return (int)field->unit <= i ? yes() : wider(field);
    }
    return no();
}

static struct column_fit fit(const struct field *field, const struct column_type *of)
{
    const char *type = of->shown;
    switch (field->type) {
    case TYPE_BOOL: return strcmp(type, "BOOLEAN") == 0 ? yes() : no();
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64: return fit_integer(field, type);
    case TYPE_FLOAT:
    case TYPE_DOUBLE: return fit_real(field, type);
    case TYPE_UTF8: return fit_text(type);
    case TYPE_BINARY: return strcmp(type, "BLOB") == 0 ? yes() : no();
    case TYPE_DATE: return strcmp(type, "DATE") == 0 ? yes() : no();
    case TYPE_TIME: return strcmp(type, "INTERVAL") == 0 ? yes() : no();
    case TYPE_TIMESTAMP: return fit_timestamp(field, type);
    case TYPE_DECIMAL: return fit_decimal(field, type);
    }
    return no();
}

/* The appender takes what has the column's own type. */
static bool goes_straight(const struct field *field, const struct column_type *type)
{
    char waiting[DECLARED_TEXT];
    waiting_type(field, waiting);
    return strcmp(waiting, type->shown) == 0;
}

/* ---- values ---- */

static bool has_gaps(const struct field *field) { return field->type == TYPE_DATE || field->type == TYPE_TIMESTAMP; }

/* The ends of int32 and int64 mean infinity, and a timestamp has microseconds inside, whatever came. */
static bool holds(const struct batch *batch, int column, int64_t row, const char **why)
{
    static const int64_t per_unit[] = {[UNIT_SECOND] = 1000000, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1};
    static const int64_t least_us = INT64_C(-9223372022400000000), greatest_us = INT64_MAX - 1;
    const struct field *field = &batch->schema->fields[column];
    int64_t value = batch_integer(batch, column, row);
    *why = "a date or time that DuckDB has not";
    if (field->type == TYPE_DATE)
        return value > -INT32_MAX && value < INT32_MAX;
    return value >= least_us / per_unit[field->unit] && value <= greatest_us / per_unit[field->unit];
}

/* ---- the profile ---- */

/* As profile_tell reads them; an interval is seconds, since its own text has days and months. */
static bool add_extreme(const struct field *field, const char *aggregate, const char *name, struct buf *out)
{
    switch (field->type) {
    case TYPE_TIMESTAMP:
        buf_addf(out, "strftime(make_timestamp(epoch_us(%s(%s))), '%%Y-%%m-%%d %%H:%%M:%%S.%%f')", aggregate, name);
        return true;
    case TYPE_DATE: buf_addf(out, "strftime(%s(%s), '%%Y-%%m-%%d')", aggregate, name); return true;
    case TYPE_TIME:
        buf_addf(out, "(epoch_us(%s(%s))::DECIMAL(38,6) / 1000000)::DECIMAL(38,6)::VARCHAR", aggregate, name);
        return true;
    case TYPE_FLOAT: buf_addf(out, "%s(%s)::DOUBLE", aggregate, name); return true;
    case TYPE_DOUBLE: buf_addf(out, "%s(%s)", aggregate, name); return true;
    default: buf_addf(out, "%s(%s)::VARCHAR", aggregate, name); return true;
    }
}

static bool measure(const struct field *field, const struct column_type *type, enum profile_measure measure,
                    const char *name, struct buf *out)
{
    struct column_fit fitting = fit(field, type);
    if (measure == PROFILE_VALUES) {
        buf_addf(out, "count(%s)", name);
        return true;
    }
    if (fitting.fit != FIT_YES || fitting.is_rewritten)
        return false;
    switch (measure) {
    case PROFILE_BYTES:
        buf_addf(out,
                 field->type == TYPE_BINARY ? "sum(octet_length(%s))::VARCHAR" : "sum(strlen(%s::VARCHAR))::VARCHAR",
                 name);
        return true;
    case PROFILE_SUM:
        buf_addf(out, field->type == TYPE_BOOL ? "sum(%s::INTEGER)::VARCHAR" : "sum(%s)::VARCHAR", name);
        return true;
    case PROFILE_LEAST: return add_extreme(field, "min", name, out);
    case PROFILE_GREATEST: return add_extreme(field, "max", name, out);
    default: return false;
    }
}

/* ---- the rest ---- */

static const char *const session[] = {NULL};

const struct dialect duckdb_dialect = {
    .sql = {.shown = "DuckDB", .has_schemas = true, .folds_names = true, ADBC_SQL},
    .vendor = "duckdb",
    .schema = "main",
    .makes_schemas = true,
    .locks_file = true,
    .alter_type = "",
    .owner_index = "((CASE WHEN shared THEN NULL ELSE lower(target_table) END))", /* there are no partial indexes */
    .index_place = "",
    .no = "false",
    .moment = "TIMESTAMP WITH TIME ZONE",
    .waiting = "temp.main.waybill_rows",
    .number = "rowid",
    .by_bytes = "",
    .session = session,
    .shape =
        "SELECT CASE WHEN v.view_name IS NULL THEN 'table' ELSE 'view' END, c.column_name, c.data_type,"
        " NOT c.is_nullable, c.column_default IS NOT NULL, false, '' FROM duckdb_columns() c"
        " LEFT JOIN duckdb_views() v ON v.database_name = c.database_name AND v.schema_name = c.schema_name"
        " AND v.view_name = c.table_name WHERE c.database_name = current_database()"
        " AND lower(c.schema_name) = lower(:schema) AND lower(c.table_name) = lower(:table) ORDER BY c.column_index",
    .unique_keys = "SELECT n, c FROM (SELECT 'c' || constraint_index AS n, unnest(constraint_column_names) AS c"
                   " FROM duckdb_constraints() WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE')"
                   " AND database_name = current_database() AND lower(schema_name) = lower(:schema) AND "
                   "lower(table_name) = lower(:table)"
                   " UNION ALL SELECT 'i' || index_oid,"
                   " trim(unnest(string_split(trim(expressions, '[]'), ', ')), '\"''') FROM duckdb_indexes()"
                   " WHERE is_unique AND NOT is_primary AND database_name = current_database()"
                   " AND lower(schema_name) = lower(:schema) AND lower(table_name) = lower(:table)) ORDER BY n",
    .type_of = type_of,
    .fit = fit,
    .goes_straight = goes_straight,
    .send = send,
    .waiting_type = waiting_type,
    .has_gaps = has_gaps,
    .holds = holds,
    .key_literal = dialect_literal,
    .measure = measure,
};

void duckdb_target_type(const struct field *field, struct target_type *ret) { type_of(field, ret); }

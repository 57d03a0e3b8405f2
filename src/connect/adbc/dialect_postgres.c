/* PostgreSQL by its ADBC driver, with the types of the PostgreSQL target (connect/postgres/types.h). */
#include <inttypes.h>
#include <stdio.h>

#include "connect/adbc/dialect.h"
#include "connect/adbc/session.h"
#include "connect/postgres/target.h"
#include "connect/postgres/types.h"

/* "1700:655366:N": the code that the query of the shape makes. */
static struct pg_type type_from(const struct column_type *type)
{
    struct pg_type ret = {.modifier = -1, .shown = type->shown};
    if (sscanf(type->code, "%" SCNd64 ":%d:%c", &ret.oid, &ret.modifier, &ret.category) != 3)
        ret = (struct pg_type){.modifier = -1, .shown = type->shown};
    return ret;
}

static struct column_fit fit(const struct field *field, const struct column_type *type)
{
    const struct pg_type pg = type_from(type);
    const struct fitting fitting = pg_fit(field, &pg);
    bool is_cast = fitting.wire == WIRE_CAST || fitting.wire == WIRE_JSONB || fitting.wire == WIRE_UUID;
    struct column_fit ret = {.fit = fitting.fit, .is_cast = is_cast, .is_rewritten = is_cast};
    snprintf(ret.widened, sizeof(ret.widened), "%s", fitting.widened);
    return ret;
}

/* What a text, a time or a number of the batch would be in a column of another type is for the server to say. */
static bool goes_straight(const struct field *field, const struct column_type *type) { return false; }

static enum sending send(const struct field *field) { return SEND_AS_IT_IS; }

static void waiting_type(const struct field *field, char ret[DECLARED_TEXT]) { pg_declare(field, ret); }

/* ---- values: the ends of int32 and int64 mean infinity, and a timestamp has microseconds inside ---- */

static bool has_gaps(const struct field *field)
{
    return field->type == TYPE_UTF8 || field->type == TYPE_DATE || field->type == TYPE_TIMESTAMP;
}

static bool holds(const struct batch *batch, int column, int64_t row, const char **why)
{
    /* https://www.postgresql.org/docs/15/datatype-datetime.html: from 4713 BC to the years 5874897 and 294276 */
    static const int64_t first_day = -2440588, last_day = 2145031948, last_stamp_day = 106751990;
    static const int64_t per_day[] = {
        [UNIT_SECOND] = 86400, [UNIT_MILLI] = INT64_C(86400000), [UNIT_MICRO] = INT64_C(86400000000)};
    const struct field *field = &batch->schema->fields[column];
    if (field->type == TYPE_UTF8) {
        const struct str text = batch_bytes(batch, column, row);
        *why = "a text with a NUL byte, which PostgreSQL cannot hold";
        return text.len == 0 || memchr(text.at, '\0', text.len) == NULL;
    }
    int64_t value = batch_integer(batch, column, row);
    *why = "a date or time that PostgreSQL has not";
    if (field->type == TYPE_DATE)
        return value >= first_day && value <= last_day;
    return value / per_day[field->unit] > first_day && value / per_day[field->unit] < last_stamp_day;
}

/* ---- the profile ---- */

static bool measure(const struct field *field, const struct column_type *type, enum profile_measure measure,
                    const char *name, struct buf *out)
{
    const struct pg_type pg = type_from(type);
    const struct fitting fitting = pg_fit(field, &pg);
    return pg_measure(field, &fitting, measure, name, out);
}

/* What the role or the address has set stays. */
#define UNLESS_SET(name, value)                                                                                        \
    "SELECT set_config('" name "', '" value "', false) WHERE current_setting('" name "') IN ('0', '0ms')"
static const char *const session[] = {UNLESS_SET("lock_timeout", "30s"),
                                      UNLESS_SET("idle_in_transaction_session_timeout", "60s"),
                                      UNLESS_SET("statement_timeout", "1h"),
                                      "SET standard_conforming_strings = on",
                                      "SET default_transaction_isolation = 'read committed'",
                                      "SET extra_float_digits = 3",
                                      NULL};

const struct dialect postgres_dialect = {
    .sql = {.shown = "PostgreSQL", .name_bytes_max = PQ_NAME_BYTES, .cuts_names = true, .has_schemas = true, ADBC_SQL},
    .vendor = "postgres",
    .schema = "public",
    .owner_index = "(target_table) WHERE NOT shared",
    .index_place = "",
    .no = "false",
    .moment = "timestamptz",
    .alter_type = " USING ",
    .waiting = "pg_temp.waybill_rows",
    .number = "ctid",
    .by_bytes = " COLLATE \"C\"",
    .hold_table = "IN SHARE ROW EXCLUSIVE MODE",
    .session = session,
    .shape =
        "SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' ELSE 'relation'"
        " END, a.attname::text, format_type(b.oid, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END),"
        " a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a',"
        " b.oid || ':' || CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END || ':' || b.typcategory::text"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid"
        " JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd'"
        " THEN t.typbasetype ELSE t.oid END WHERE n.nspname = :schema AND c.relname = :table"
        " AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
    .unique_keys =
        "SELECT i.indexrelid::bigint, a.attname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_namespace s ON s.oid = c.relnamespace CROSS JOIN generate_series(0, i.indnkeyatts - 1) n"
        " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[n] AND a.attnum > 0"
        " WHERE s.nspname = :schema AND c.relname = :table AND i.indisunique AND i.indisvalid AND i.indimmediate"
        " AND i.indpred IS NULL AND i.indexprs IS NULL ORDER BY i.indexrelid, n",
    .type_of = postgres_target_type,
    .fit = fit,
    .goes_straight = goes_straight,
    .send = send,
    .waiting_type = waiting_type,
    .has_gaps = has_gaps,
    .holds = holds,
    .key_literal = dialect_literal,
    .measure = measure,
};

/* What a column comes to, in PostgreSQL's words and so that profile_tell reads it. */
#include "connect/postgres/types.h"

/* Types whose texts are the server's own, and may differ from what came: {"a": 1} of a jsonb. */
static bool is_rewritten(enum wire wire) { return wire == WIRE_JSONB || wire == WIRE_UUID || wire == WIRE_CAST; }

/* The year 0 of ISO 8601 is 1 BC to PostgreSQL. */
static void add_stamp(const struct field *field, const char *aggregate, const char *name, struct buf *out)
{
    const char *zone = field->type == TYPE_TIMESTAMP && field->utc ? " AT TIME ZONE 'UTC'" : "";
    const char *format = field->type == TYPE_TIMESTAMP ? "YYYY-MM-DD HH24:MI:SS.US" : "YYYY-MM-DD";
    buf_addf(out,
             "CASE WHEN %s(%s)%s < '0001-01-01' THEN overlay(to_char(%s(%s)%s, '%s') PLACING '0000' FROM 1) "
             "ELSE to_char(%s(%s)%s, '%s') END",
             aggregate, name, zone, aggregate, name, zone, format, aggregate, name, zone, format);
}

static void add_extreme(const struct field *field, const char *aggregate, const char *name, struct buf *out)
{
    switch (field->type) {
    case TYPE_DATE:
    case TYPE_TIMESTAMP: add_stamp(field, aggregate, name, out); break;
    case TYPE_TIME: buf_addf(out, "(extract(epoch FROM %s(%s))::numeric)::text", aggregate, name); break;
    case TYPE_UTF8: buf_addf(out, "%s(%s::text COLLATE \"C\")", aggregate, name); break;
    case TYPE_FLOAT:
    case TYPE_DOUBLE: buf_addf(out, "%s(%s)::float8", aggregate, name); break;
    default: buf_addf(out, "%s(%s)::text", aggregate, name); break;
    }
}

bool pg_measure(const struct field *field, const struct fitting *fitting, enum profile_measure measure,
                const char *name, struct buf *out)
{
    if (measure != PROFILE_VALUES && (fitting->fit != FIT_YES || is_rewritten(fitting->wire)))
        return false;
    if (measure == PROFILE_VALUES)
        buf_addf(out, "count(%s)", name);
    else if (measure == PROFILE_BYTES)
        buf_addf(out, "sum(octet_length(%s))", name);
    else if (measure == PROFILE_SUM)
        buf_addf(out, field->type == TYPE_BOOL ? "sum(%s::int)::text" : "sum(%s)::text", name);
    else
        add_extreme(field, measure == PROFILE_LEAST ? "min" : "max", name, out);
    return true;
}

/* What a declaration says of a column: it binds every value, but for infinities and NaN, which are met when read. */
#include <stdio.h>

#include "connect/postgres/source_parts.h"

enum { DECIMAL_DIGITS_MAX = 38, SOURCE_TYPE_MAX = 120 };

#define INFINITE "infinity is refused: as: text"

static const struct known_type {
    int64_t oid;
    enum wire wire;
    enum type type;
    bool has_order; /* and its text says its value */
    enum fidelity fidelity;
    const char *why;
    const char *names[3]; /* as `waybill types` lists it */
} known_types[] = {
    {OID_BOOL, WIRE_BOOL, TYPE_BOOL, true, FIDELITY_EXACT, NULL, {"boolean"}},
    {OID_INT2, WIRE_INT2, TYPE_INT16, true, FIDELITY_EXACT, NULL, {"smallint"}},
    {OID_INT4, WIRE_INT4, TYPE_INT32, true, FIDELITY_EXACT, NULL, {"integer"}},
    {OID_INT8, WIRE_INT8, TYPE_INT64, true, FIDELITY_EXACT, NULL, {"bigint"}},
    {OID_OID, WIRE_INT4, TYPE_INT64, true, FIDELITY_WIDENED, NULL, {"oid"}},
    {OID_NUMERIC, WIRE_NUMERIC, TYPE_DECIMAL, true, FIDELITY_EXACT, "NaN is refused: as: text", {"numeric(p,s)"}},
    {OID_FLOAT4, WIRE_FLOAT4, TYPE_FLOAT, true, FIDELITY_EXACT, NULL, {"real"}},
    {OID_FLOAT8, WIRE_FLOAT8, TYPE_DOUBLE, true, FIDELITY_EXACT, NULL, {"double precision"}},
    {OID_DATE, WIRE_DATE, TYPE_DATE, true, FIDELITY_EXACT, INFINITE, {"date"}},
    {OID_TIME, WIRE_TIME, TYPE_TIME, true, FIDELITY_WIDENED, NULL, {"time"}},
    {OID_TIMESTAMP,
     WIRE_TIMESTAMP,
     TYPE_TIMESTAMP,
     true,
     FIDELITY_EXACT,
     INFINITE,
     {"timestamp", "timestamp(0)", "timestamp(3)"}},
    {OID_TIMESTAMPTZ, WIRE_TIMESTAMP, TYPE_TIMESTAMP, true, FIDELITY_EXACT, INFINITE, {"timestamptz"}},
    {OID_TEXT, WIRE_TEXT, TYPE_UTF8, true, FIDELITY_EXACT, NULL, {"text"}},
    {OID_VARCHAR, WIRE_TEXT, TYPE_UTF8, true, FIDELITY_WIDENED, NULL, {"varchar(n)"}},
    {OID_BPCHAR, WIRE_TEXT, TYPE_UTF8, true, FIDELITY_WIDENED, "with the blanks that fill it up", {"char(n)"}},
    {OID_NAME, WIRE_TEXT, TYPE_UTF8, true, FIDELITY_WIDENED, NULL, {"name"}},
    {OID_UUID, WIRE_UUID, TYPE_UTF8, true, FIDELITY_WIDENED, NULL, {"uuid"}},
    {OID_JSON, WIRE_TEXT, TYPE_UTF8, false, FIDELITY_WIDENED, NULL, {"json"}},
    {OID_JSONB, WIRE_JSONB, TYPE_UTF8, false, FIDELITY_WIDENED, NULL, {"jsonb"}},
    {OID_BYTEA, WIRE_BYTES, TYPE_BINARY, true, FIDELITY_EXACT, NULL, {"bytea"}},
};

static const struct known_type *find_type(const struct pg_column *column)
{
    static const struct known_type as_text = {.wire = WIRE_CAST,
                                              .type = TYPE_UTF8,
                                              .fidelity = FIDELITY_WIDENED,
                                              .why = "as the server writes it: ISO dates, ISO 8601 intervals"},
                                   of_enum = {.wire = WIRE_TEXT,
                                              .type = TYPE_UTF8,
                                              .has_order = true,
                                              .fidelity = FIDELITY_WIDENED};
    for (size_t i = 0; i < sizeof(known_types) / sizeof(known_types[0]); i++) {
        if (known_types[i].oid == column->oid)
            return &known_types[i];
    }
    return column->is_enum ? &of_enum : &as_text;
}

static const char *quoted(const char *name, struct arena *arena)
{
    AUTO_RELEASE(buf) text = {0};
    pq_quote(&text, name);
    return arena_str(arena, buf_str(&text));
}

static void take_as_text(struct pg_column *column, struct arena *arena)
{
    column->base.field.type = TYPE_UTF8;
    column->tuple.wire = WIRE_TEXT;
    column->expression = arena_print(arena, "%s::text", column->expression);
}

/* The bytes of the text, in the database's own encoding. */
static void take_as_binary(struct pg_column *column, struct arena *arena)
{
    column->base.field.type = TYPE_BINARY;
    if (column->tuple.wire != WIRE_BYTES)
        column->expression = arena_print(arena, "convert_to(%s::text, getdatabaseencoding())", column->expression);
    column->tuple.wire = WIRE_BYTES;
}

/* PostgreSQL 15: precision in the upper half, the scale 11 bits with a sign. */
static RC take_numeric(struct pg_column *column)
{
    int modifier = column->modifier - 4;
    int precision = (modifier >> 16) & 0xFFFF, scale = ((modifier & 0x7FF) ^ 1024) - 1024;
    const char *why = column->modifier < 0             ? "its values have any number of digits"
                      : precision > DECIMAL_DIGITS_MAX ? "a decimal of the waybill has at most 38 digits"
                      : scale < 0 || scale > precision ? "its scale is none that a decimal of the waybill has"
                                                       : NULL;
    if (why != NULL) {
        column->base.verdict = (struct type_verdict){FIDELITY_LOSSY, why, "text"};
        return RC_CONFIG;
    }
    column->base.field.precision = precision;
    column->base.field.scale = scale;
    return RC_OK;
}

static void take_timestamp(struct pg_column *column)
{
    column->digits = column->modifier < 0 ? 6 : column->modifier;
    column->base.field.unit = column->digits == 0 ? UNIT_SECOND : column->digits <= 3 ? UNIT_MILLI : UNIT_MICRO;
    column->base.field.utc = column->oid == OID_TIMESTAMPTZ;
    if (column->digits % 3 != 0)
        column->base.verdict.fidelity = FIDELITY_WIDENED;
}

RC pg_column_decide(struct pg_column *column, const char *table, struct arena *arena, struct error *err)
{
    const struct known_type *known = find_type(column);
    column->expression = quoted(column->base.name, arena);
    column->base.has_order = known->has_order;
    column->base.field =
        (struct field){.name = column->base.name, .type = known->type, .nullable = !column->base.not_null};
    column->base.field.source_type = strlen(column->base.declared) <= SOURCE_TYPE_MAX ? column->base.declared : "";
    column->tuple = (struct tuple_column){
        .wire = known->wire, .is_unsigned = column->oid == OID_OID, .may_be_no_utf8 = column->tuple.may_be_no_utf8};
    column->base.verdict = (struct type_verdict){column->base.as != NULL ? FIDELITY_EXACT : known->fidelity,
                                                 column->base.as != NULL ? NULL : known->why, NULL};
    if (text_eq(column->base.as, "binary"))
        take_as_binary(column, arena);
    else if (column->base.as != NULL || known->wire == WIRE_CAST)
        take_as_text(column, arena);
    else if (known->type == TYPE_DECIMAL && take_numeric(column) != RC_OK)
        return type_fail_lossy(table, column->base.name, column->base.declared, &column->base.verdict, err);
    else if (known->type == TYPE_TIMESTAMP)
        take_timestamp(column);
    return RC_OK;
}

/* ---- the list ---- */

static int modifier_of(const char *declared)
{
    if (strcmp(declared, "numeric(p,s)") == 0)
        return (15 << 16 | 2) + 4;
    const char *open = strstr(declared, "stamp(");
    return open != NULL ? open[6] - '0' : -1;
}

static void list_type(struct pg_column column, struct arena *arena, struct source_type *ret)
{
    struct error lossy;
    column.base.name = "c";
    if (pg_column_decide(&column, "t", arena, &lossy) != RC_OK)
        column.base.field.source_type = NULL;
    *ret = (struct source_type){column.base.declared, column.base.field, column.base.verdict};
}

const struct source_type *postgres_source_types(struct arena *arena, int *ret_count)
{
    enum { KNOWN = sizeof(known_types) / sizeof(known_types[0]), NAMES = 3, OTHERS = 3 };
    static const struct pg_column others[OTHERS] = {{.base.declared = "numeric", .oid = OID_NUMERIC, .modifier = -1},
                                                    {.base.declared = "enum", .is_enum = true, .modifier = -1},
                                                    {.base.declared = "any other", .modifier = -1}};
    struct source_type *types = arena_take(arena, sizeof(*types) * (KNOWN * NAMES + OTHERS));
    int count = 0;
    for (int i = 0; i < KNOWN; i++) {
        for (int name = 0; name < NAMES && known_types[i].names[name] != NULL; name++) {
            const char *declared = known_types[i].names[name];
            struct pg_column column = {
                .base.declared = declared, .oid = known_types[i].oid, .modifier = modifier_of(declared)};
            list_type(column, arena, &types[count++]);
        }
    }
    for (int i = 0; i < OTHERS; i++)
        list_type(others[i], arena, &types[count++]);
    *ret_count = count;
    return types;
}

/* What a declaration says of a column: unlike SQLite's, it binds every value, so that no value has to be looked at. */
#include <assert.h>

#include "connect/mysql/source_parts.h"

enum { DECIMAL_DIGITS_MAX = 38, BITS_IN_INT64 = 63, SOURCE_TYPE_MAX = 120 };

enum family {
    FAMILY_INTEGER,
    FAMILY_DECIMAL,
    FAMILY_REAL,
    FAMILY_BIT,
    FAMILY_YEAR,
    FAMILY_DATE,
    FAMILY_STAMP,
    FAMILY_TIME,
    FAMILY_TEXT,
    FAMILY_ENUM,
    FAMILY_SET,
    FAMILY_WORDS, /* text without a collation of ours: UUID, INET6, JSON */
    FAMILY_BYTES,
    FAMILY_SHAPE,
    FAMILY_UNKNOWN,
};

/* `plain` and `wide`: the type, and the one of an UNSIGNED column. */
static const struct known_type {
    const char *name;
    enum family family;
    enum type plain, wide;
} known_types[] = {
    {"tinyint", FAMILY_INTEGER, TYPE_INT16, TYPE_INT16},
    {"smallint", FAMILY_INTEGER, TYPE_INT16, TYPE_INT32},
    {"mediumint", FAMILY_INTEGER, TYPE_INT32, TYPE_INT32},
    {"int", FAMILY_INTEGER, TYPE_INT32, TYPE_INT64},
    {"bigint", FAMILY_INTEGER, TYPE_INT64, TYPE_DECIMAL},
    {"decimal", FAMILY_DECIMAL, TYPE_DECIMAL, TYPE_DECIMAL},
    {"float", FAMILY_REAL, TYPE_FLOAT, TYPE_FLOAT},
    {"double", FAMILY_REAL, TYPE_DOUBLE, TYPE_DOUBLE},
    {"bit", FAMILY_BIT, TYPE_INT64, TYPE_INT64},
    {"year", FAMILY_YEAR, TYPE_INT16, TYPE_INT16},
    {"date", FAMILY_DATE, TYPE_DATE, TYPE_DATE},
    {"datetime", FAMILY_STAMP, TYPE_TIMESTAMP, TYPE_TIMESTAMP},
    {"timestamp", FAMILY_STAMP, TYPE_TIMESTAMP, TYPE_TIMESTAMP},
    {"time", FAMILY_TIME, TYPE_TIME, TYPE_TIME},
    {"char", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8},
    {"varchar", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8},
    {"tinytext", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8},
    {"text", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8},
    {"mediumtext", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8},
    {"longtext", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8},
    {"enum", FAMILY_ENUM, TYPE_UTF8, TYPE_UTF8},
    {"set", FAMILY_SET, TYPE_UTF8, TYPE_UTF8},
    {"json", FAMILY_WORDS, TYPE_UTF8, TYPE_UTF8},
    {"uuid", FAMILY_WORDS, TYPE_UTF8, TYPE_UTF8},
    {"inet4", FAMILY_WORDS, TYPE_UTF8, TYPE_UTF8},
    {"inet6", FAMILY_WORDS, TYPE_UTF8, TYPE_UTF8},
    {"binary", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY},
    {"varbinary", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY},
    {"tinyblob", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY},
    {"blob", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY},
    {"mediumblob", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY},
    {"longblob", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY},
    {"geometry", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY},
    {"point", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY},
    {"linestring", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY},
    {"polygon", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY},
    {"multipoint", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY},
    {"multilinestring", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY},
    {"multipolygon", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY},
    {"geometrycollection", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY},
    {"geomcollection", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY},
};

static const struct known_type *find_type(const struct mysql_column *column)
{
    static const struct known_type unknown = {"", FAMILY_UNKNOWN, TYPE_BINARY, TYPE_BINARY};
    for (size_t i = 0; i < sizeof(known_types) / sizeof(known_types[0]); i++) {
        if (strcmp(known_types[i].name, column->type) == 0)
            return &known_types[i];
    }
    return &unknown;
}

static const char *quoted(const char *name, struct arena *arena)
{
    AUTO_RELEASE(buf) text = {0};
    mysql_quote(&text, name);
    return arena_str(arena, buf_str(&text));
}

static enum key_form key_form_of(enum family family)
{
    switch (family) {
    case FAMILY_INTEGER:
    case FAMILY_DECIMAL:
    case FAMILY_YEAR: return KEY_NUMBER;
    case FAMILY_REAL: return KEY_REAL;
    case FAMILY_BIT:
    case FAMILY_ENUM:
    case FAMILY_SET: return KEY_INDEX;
    case FAMILY_TEXT: return KEY_TEXT;
    case FAMILY_BYTES: return KEY_BYTES;
    case FAMILY_DATE:
    case FAMILY_STAMP:
    case FAMILY_TIME: return KEY_QUOTED;
    case FAMILY_WORDS:
    case FAMILY_SHAPE:
    case FAMILY_UNKNOWN: break;
    }
    return KEY_NONE;
}

/* ---- overridden ---- */

static void take_as_text(struct mysql_column *column, enum family family, struct arena *arena)
{
    const char *name = column->expression;
    column->field.type = TYPE_UTF8;
    column->decoding = (struct decoding){.kind = DECODE_TEXT, .type = TYPE_UTF8};
    if (family == FAMILY_REAL) /* its own text has six digits */
        column->expression = arena_print(arena, "%s*1E0", name);
    else if (family == FAMILY_BIT)
        column->expression = arena_print(arena, "%s+0", name);
    else if (family == FAMILY_SHAPE)
        column->expression = arena_print(arena, "ST_AsText(%s)", name);
}

static void take_as_binary(struct mysql_column *column, enum family family, struct arena *arena)
{
    column->field.type = TYPE_BINARY;
    column->decoding = (struct decoding){.kind = DECODE_BYTES, .type = TYPE_BINARY};
    if (family == FAMILY_TEXT || family == FAMILY_ENUM || family == FAMILY_SET) /* in the column's own charset */
        column->expression = arena_print(arena, "CAST(%s AS BINARY)", column->expression);
}

/* ---- as declared ---- */

static enum rc fail_undecided(const struct mysql_column *column, const char *table, struct error *err)
{
    fail(err, RC_CONFIG, "column '%s' of '%s' is %s, which has no exact type here", column->name, table,
         column->declared);
    return fail_todo(err, "say how to take it in the table's entry: columns: {%s: {as: %s}}", column->name,
                     strcmp(column->type, "decimal") == 0 ? "text" : "binary");
}

static void take_integer(struct mysql_column *column)
{
    column->decoding.kind = DECODE_INTEGER;
    if (column->field.type == TYPE_DECIMAL) { /* BIGINT UNSIGNED */
        column->decoding.kind = DECODE_DECIMAL;
        column->field.precision = 20;
    }
}

static RC take_decimal(struct mysql_column *column, const char *table, struct error *err)
{
    if (column->precision > DECIMAL_DIGITS_MAX)
        return fail_undecided(column, table, err);
    column->field.precision = (int)column->precision;
    column->field.scale = column->decoding.scale = (int)column->scale;
    column->decoding.kind = DECODE_DECIMAL;
    return RC_OK;
}

/* FLOAT comes as text with six digits, and (M,D) cuts what is behind D; as a product they come as the double they are,
 * in the fewest digits that read back as the same one. */
static void take_real(struct mysql_column *column, struct arena *arena)
{
    column->decoding.kind = DECODE_REAL;
    if (column->field.type == TYPE_FLOAT || column->has_scale)
        column->expression = arena_print(arena, "%s*1E0", column->expression);
}

static void take_bits(struct mysql_column *column)
{
    column->decoding.kind = DECODE_BITS;
    if (column->precision <= BITS_IN_INT64)
        return;
    column->field.type = TYPE_DECIMAL;
    column->field.precision = 20;
}

static void take_stamp(struct mysql_column *column)
{
    column->decoding.kind = DECODE_STAMP;
    column->decoding.unit = column->digits == 0 ? UNIT_SECOND : column->digits <= 3 ? UNIT_MILLI : UNIT_MICRO;
    column->field.unit = column->decoding.unit;
    column->field.utc = strcmp(column->type, "timestamp") == 0;
}

/* A value that the ENUM does not have is '' too where '' is one that it has: only its number, 0, tells. */
static void take_enum(struct mysql_column *column, struct arena *arena)
{
    column->decoding.kind = DECODE_TEXT;
    if (strstr(column->declared, "('',") == NULL && strstr(column->declared, ",'',") == NULL &&
        strstr(column->declared, ",'')") == NULL && strstr(column->declared, "('')") == NULL)
        return;
    column->decoding.kind = DECODE_ENUM;
    column->expression = arena_print(arena, "IF(%s+0 = 0, _utf8mb4 X'00', %s)", column->expression, column->expression);
}

static RC take_declared(struct mysql_column *column, enum family family, const char *table, struct arena *arena,
                        struct error *err)
{
    switch (family) {
    case FAMILY_INTEGER: take_integer(column); return RC_OK;
    case FAMILY_DECIMAL: return take_decimal(column, table, err);
    case FAMILY_REAL: take_real(column, arena); return RC_OK;
    case FAMILY_BIT: take_bits(column); return RC_OK;
    case FAMILY_YEAR: column->decoding.kind = DECODE_INTEGER; return RC_OK;
    case FAMILY_DATE: column->decoding.kind = DECODE_DATE; return RC_OK;
    case FAMILY_STAMP: take_stamp(column); return RC_OK;
    case FAMILY_TIME: column->decoding.kind = DECODE_TIME; return RC_OK;
    case FAMILY_ENUM: take_enum(column, arena); return RC_OK;
    case FAMILY_TEXT:
    case FAMILY_SET:
    case FAMILY_WORDS: column->decoding.kind = DECODE_TEXT; return RC_OK;
    case FAMILY_BYTES: column->decoding.kind = DECODE_BYTES; return RC_OK;
    case FAMILY_SHAPE:
        column->decoding.kind = DECODE_BYTES;
        column->expression = arena_print(arena, "ST_AsWKB(%s)", column->expression);
        return RC_OK;
    case FAMILY_UNKNOWN: break;
    }
    return fail_undecided(column, table, err);
}

RC column_decide(struct mysql_column *column, const char *table, struct arena *arena, struct error *err)
{
    const struct known_type *known = find_type(column);
    column->expression = quoted(column->name, arena);
    column->key_form = key_form_of(known->family);
    column->field = (struct field){.name = column->name, .type = column->is_unsigned ? known->wide : known->plain};
    column->field.nullable = !column->not_null;
    column->field.source_type = strlen(column->declared) <= SOURCE_TYPE_MAX ? column->declared : column->type;
    if (column->as != NULL) {
        (strcmp(column->as, "text") == 0 ? take_as_text : take_as_binary)(column, known->family, arena);
        return RC_OK;
    }
    TRY(take_declared(column, known->family, table, arena, err));
    column->decoding.type = column->field.type;
    return RC_OK;
}

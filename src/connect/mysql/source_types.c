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

/* What is to know of a type, as `waybill types` says it. */
#define NO_SMALLER  "the smallest integer has 16 bits"
#define NO_24       "there is no integer of 24 bits"
#define NO_UNSIGNED "UNSIGNED values fit the next wider signed type"
#define BITS        "as a number"
#define YEARS       "0000 is 0"
#define WORDS       "its words as text"
#define ENUM_WORDS  "its word as text; a value that it does not have is '', and refused where '' is one of its words"
#define SPELT       "as the server spells it"
#define ZERO        "zero and partial dates by zero_dates: fail, null or text"
#define WALL        "wall clock; zero and partial dates by zero_dates: fail, null or text"
#define INSTANT     "an instant, in UTC; zero dates by zero_dates: fail, null or text"
#define JSON        "as the server writes it"
#define WKB         "WKB; with an SRID, EWKB"

/* `plain` and `wide`: the type, and the one of an UNSIGNED column. */
static const struct known_type {
    const char *name;
    enum family family;
    enum type plain, wide;
    enum fidelity plainly, widely;
    const char *why; /* said of both; NO_UNSIGNED of the second only */
} known_types[] = {
    {"tinyint", FAMILY_INTEGER, TYPE_INT16, TYPE_INT16, FIDELITY_WIDENED, FIDELITY_WIDENED, NO_SMALLER},
    {"smallint", FAMILY_INTEGER, TYPE_INT16, TYPE_INT32, FIDELITY_EXACT, FIDELITY_WIDENED, NO_UNSIGNED},
    {"mediumint", FAMILY_INTEGER, TYPE_INT32, TYPE_INT32, FIDELITY_WIDENED, FIDELITY_WIDENED, NO_24},
    {"int", FAMILY_INTEGER, TYPE_INT32, TYPE_INT64, FIDELITY_EXACT, FIDELITY_WIDENED, NO_UNSIGNED},
    {"bigint", FAMILY_INTEGER, TYPE_INT64, TYPE_DECIMAL, FIDELITY_EXACT, FIDELITY_WIDENED, NO_UNSIGNED},
    {"decimal", FAMILY_DECIMAL, TYPE_DECIMAL, TYPE_DECIMAL, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"float", FAMILY_REAL, TYPE_FLOAT, TYPE_FLOAT, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"double", FAMILY_REAL, TYPE_DOUBLE, TYPE_DOUBLE, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"bit", FAMILY_BIT, TYPE_INT64, TYPE_INT64, FIDELITY_WIDENED, FIDELITY_WIDENED, BITS},
    {"year", FAMILY_YEAR, TYPE_INT16, TYPE_INT16, FIDELITY_WIDENED, FIDELITY_WIDENED, YEARS},
    {"date", FAMILY_DATE, TYPE_DATE, TYPE_DATE, FIDELITY_EXACT, FIDELITY_EXACT, ZERO},
    {"datetime", FAMILY_STAMP, TYPE_TIMESTAMP, TYPE_TIMESTAMP, FIDELITY_EXACT, FIDELITY_EXACT, WALL},
    {"timestamp", FAMILY_STAMP, TYPE_TIMESTAMP, TYPE_TIMESTAMP, FIDELITY_EXACT, FIDELITY_EXACT, INSTANT},
    {"time", FAMILY_TIME, TYPE_TIME, TYPE_TIME, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"char", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"varchar", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"tinytext", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"text", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"mediumtext", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"longtext", FAMILY_TEXT, TYPE_UTF8, TYPE_UTF8, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"enum", FAMILY_ENUM, TYPE_UTF8, TYPE_UTF8, FIDELITY_WIDENED, FIDELITY_WIDENED, ENUM_WORDS},
    {"set", FAMILY_SET, TYPE_UTF8, TYPE_UTF8, FIDELITY_WIDENED, FIDELITY_WIDENED, WORDS},
    {"json", FAMILY_WORDS, TYPE_UTF8, TYPE_UTF8, FIDELITY_EXACT, FIDELITY_EXACT, JSON},
    {"uuid", FAMILY_WORDS, TYPE_UTF8, TYPE_UTF8, FIDELITY_WIDENED, FIDELITY_WIDENED, SPELT},
    {"inet4", FAMILY_WORDS, TYPE_UTF8, TYPE_UTF8, FIDELITY_WIDENED, FIDELITY_WIDENED, SPELT},
    {"inet6", FAMILY_WORDS, TYPE_UTF8, TYPE_UTF8, FIDELITY_WIDENED, FIDELITY_WIDENED, SPELT},
    {"binary", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"varbinary", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"tinyblob", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"blob", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"mediumblob", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"longblob", FAMILY_BYTES, TYPE_BINARY, TYPE_BINARY, FIDELITY_EXACT, FIDELITY_EXACT, NULL},
    {"geometry", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY, FIDELITY_WIDENED, FIDELITY_WIDENED, WKB},
    {"point", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY, FIDELITY_WIDENED, FIDELITY_WIDENED, WKB},
    {"linestring", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY, FIDELITY_WIDENED, FIDELITY_WIDENED, WKB},
    {"polygon", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY, FIDELITY_WIDENED, FIDELITY_WIDENED, WKB},
    {"multipoint", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY, FIDELITY_WIDENED, FIDELITY_WIDENED, WKB},
    {"multilinestring", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY, FIDELITY_WIDENED, FIDELITY_WIDENED, WKB},
    {"multipolygon", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY, FIDELITY_WIDENED, FIDELITY_WIDENED, WKB},
    {"geometrycollection", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY, FIDELITY_WIDENED, FIDELITY_WIDENED, WKB},
    {"geomcollection", FAMILY_SHAPE, TYPE_BINARY, TYPE_BINARY, FIDELITY_WIDENED, FIDELITY_WIDENED, WKB},
};

static const struct known_type *find_type(const struct mysql_column *column)
{
    static const struct known_type unknown = {"",
                                              FAMILY_UNKNOWN,
                                              TYPE_BINARY,
                                              TYPE_BINARY,
                                              FIDELITY_LOSSY,
                                              FIDELITY_LOSSY,
                                              "no type that this program knows"};
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
    column->base.field.type = TYPE_UTF8;
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
    column->base.field.type = TYPE_BINARY;
    column->decoding = (struct decoding){.kind = DECODE_BYTES, .type = TYPE_BINARY};
    if (family == FAMILY_TEXT || family == FAMILY_ENUM || family == FAMILY_SET) /* in the column's own charset */
        column->expression = arena_print(arena, "CAST(%s AS BINARY)", column->expression);
}

/* ---- as declared ---- */

static enum rc refuse(struct mysql_column *column, const char *why, const char *as)
{
    column->base.verdict = (struct type_verdict){FIDELITY_LOSSY, why, as};
    return RC_CONFIG;
}

static void take_integer(struct mysql_column *column)
{
    column->decoding.kind = DECODE_INTEGER;
    if (column->base.field.type == TYPE_DECIMAL) { /* BIGINT UNSIGNED */
        column->decoding.kind = DECODE_DECIMAL;
        column->base.field.precision = 20;
    }
}

static RC take_decimal(struct mysql_column *column)
{
    if (column->precision > DECIMAL_DIGITS_MAX)
        return refuse(column, "a decimal of the waybill has at most 38 digits", "text");
    column->base.field.precision = (int)column->precision;
    column->base.field.scale = column->decoding.scale = (int)column->scale;
    column->decoding.kind = DECODE_DECIMAL;
    return RC_OK;
}

/* FLOAT comes as text with six digits, and (M,D) cuts what is behind D; as a product they come as the double they are,
 * in the fewest digits that read back as the same one. */
static void take_real(struct mysql_column *column, struct arena *arena)
{
    column->decoding.kind = DECODE_REAL;
    if (column->base.field.type == TYPE_FLOAT || column->has_scale)
        column->expression = arena_print(arena, "%s*1E0", column->expression);
}

static void take_bits(struct mysql_column *column)
{
    column->decoding.kind = DECODE_BITS;
    if (column->precision <= BITS_IN_INT64)
        return;
    column->base.field.type = TYPE_DECIMAL;
    column->base.field.precision = 20;
}

static void take_stamp(struct mysql_column *column)
{
    column->decoding.kind = DECODE_STAMP;
    column->decoding.unit = column->digits == 0 ? UNIT_SECOND : column->digits <= 3 ? UNIT_MILLI : UNIT_MICRO;
    column->base.field.unit = column->decoding.unit;
    if (column->digits % 3 != 0)
        column->base.verdict.fidelity = FIDELITY_WIDENED;
    column->base.field.utc = strcmp(column->type, "timestamp") == 0;
}

/* A value that the ENUM does not have is '' too where '' is one that it has: only its number, 0, tells. */
static void take_enum(struct mysql_column *column, struct arena *arena)
{
    column->decoding.kind = DECODE_TEXT;
    if (strstr(column->base.declared, "('',") == NULL && strstr(column->base.declared, ",'',") == NULL &&
        strstr(column->base.declared, ",'')") == NULL && strstr(column->base.declared, "('')") == NULL)
        return;
    column->decoding.kind = DECODE_ENUM;
    column->expression = arena_print(arena, "IF(%s+0 = 0, _utf8mb4 X'00', %s)", column->expression, column->expression);
}

/* The server keeps an SRID before the WKB; EWKB keeps it behind the type, with a flag in that:
 * https://libgeos.org/specifications/wkb/#extended-wkb */
static void take_shape(struct mysql_column *column, struct arena *arena)
{
    const char *name = column->expression;
    column->decoding.kind = DECODE_BYTES;
    column->expression = arena_print(arena,
                                     "IF(ST_SRID(%s) = 0, ST_AsWKB(%s), CONCAT(SUBSTRING(%s, 5, 4), X'20', "
                                     "SUBSTRING(%s, 1, 4), SUBSTRING(%s, 10)))",
                                     name, name, name, name, name);
}

static RC take_declared(struct mysql_column *column, enum family family, struct arena *arena)
{
    switch (family) {
    case FAMILY_INTEGER: take_integer(column); return RC_OK;
    case FAMILY_DECIMAL: return take_decimal(column);
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
    case FAMILY_SHAPE: take_shape(column, arena); return RC_OK;
    case FAMILY_UNKNOWN: break;
    }
    return refuse(column, column->base.verdict.why, "binary");
}

static struct type_verdict verdict_of(const struct known_type *known, const struct mysql_column *column)
{
    enum fidelity fidelity = column->is_unsigned ? known->widely : known->plainly;
    bool is_said = known->why != NULL && (column->is_unsigned || strcmp(known->why, NO_UNSIGNED) != 0);
    return (struct type_verdict){fidelity, is_said ? known->why : NULL, NULL};
}

RC mysql_column_decide(struct mysql_column *column, const char *table, struct arena *arena, struct error *err)
{
    const struct known_type *known = find_type(column);
    column->expression = quoted(column->base.name, arena);
    column->key_form = key_form_of(known->family);
    column->base.has_order = column->key_form != KEY_NONE;
    column->base.field =
        (struct field){.name = column->base.name, .type = column->is_unsigned ? known->wide : known->plain};
    column->base.field.nullable = !column->base.not_null;
    column->base.field.source_type =
        strlen(column->base.declared) <= SOURCE_TYPE_MAX ? column->base.declared : column->type;
    column->base.verdict = verdict_of(known, column);
    if (column->base.as != NULL) {
        column->base.verdict = (struct type_verdict){FIDELITY_EXACT, NULL, NULL};
        (strcmp(column->base.as, "text") == 0 ? take_as_text : take_as_binary)(column, known->family, arena);
        return RC_OK;
    }
    if (take_declared(column, known->family, arena) != RC_OK)
        return type_fail_lossy(table, column->base.name, column->base.declared, &column->base.verdict, err);
    column->decoding.type = column->base.field.type;
    return RC_OK;
}

/* ---- the list ---- */

/* As information_schema says it: data_type, column_type, precision, scale, digits of a second's fraction. */
static const struct mysql_column samples[] = {
    {.type = "tinyint", .base.declared = "TINYINT"},
    {.type = "tinyint", .base.declared = "TINYINT UNSIGNED", .is_unsigned = true},
    {.type = "smallint", .base.declared = "SMALLINT"},
    {.type = "smallint", .base.declared = "SMALLINT UNSIGNED", .is_unsigned = true},
    {.type = "mediumint", .base.declared = "MEDIUMINT"},
    {.type = "mediumint", .base.declared = "MEDIUMINT UNSIGNED", .is_unsigned = true},
    {.type = "int", .base.declared = "INT"},
    {.type = "int", .base.declared = "INT UNSIGNED", .is_unsigned = true},
    {.type = "bigint", .base.declared = "BIGINT"},
    {.type = "bigint", .base.declared = "BIGINT UNSIGNED", .is_unsigned = true},
    {.type = "decimal", .base.declared = "DECIMAL(15,2)", .precision = 15, .scale = 2, .has_scale = true},
    {.type = "decimal", .base.declared = "DECIMAL(38,10)", .precision = 38, .scale = 10, .has_scale = true},
    {.type = "decimal", .base.declared = "DECIMAL(65,30)", .precision = 65, .scale = 30, .has_scale = true},
    {.type = "float", .base.declared = "FLOAT"},
    {.type = "double", .base.declared = "DOUBLE"},
    {.type = "bit", .base.declared = "BIT(1)", .precision = 1},
    {.type = "bit", .base.declared = "BIT(64)", .precision = 64},
    {.type = "year", .base.declared = "YEAR"},
    {.type = "date", .base.declared = "DATE"},
    {.type = "datetime", .base.declared = "DATETIME"},
    {.type = "datetime", .base.declared = "DATETIME(3)", .digits = 3},
    {.type = "datetime", .base.declared = "DATETIME(4)", .digits = 4},
    {.type = "datetime", .base.declared = "DATETIME(6)", .digits = 6},
    {.type = "timestamp", .base.declared = "TIMESTAMP"},
    {.type = "timestamp", .base.declared = "TIMESTAMP(6)", .digits = 6},
    {.type = "time", .base.declared = "TIME"},
    {.type = "time", .base.declared = "TIME(6)", .digits = 6},
    {.type = "char", .base.declared = "CHAR(n)"},
    {.type = "varchar", .base.declared = "VARCHAR(n)"},
    {.type = "tinytext", .base.declared = "TINYTEXT"},
    {.type = "text", .base.declared = "TEXT"},
    {.type = "mediumtext", .base.declared = "MEDIUMTEXT"},
    {.type = "longtext", .base.declared = "LONGTEXT"},
    {.type = "enum", .base.declared = "ENUM"},
    {.type = "set", .base.declared = "SET"},
    {.type = "json", .base.declared = "JSON"},
    {.type = "uuid", .base.declared = "UUID"},
    {.type = "inet4", .base.declared = "INET4"},
    {.type = "inet6", .base.declared = "INET6"},
    {.type = "binary", .base.declared = "BINARY(n)"},
    {.type = "varbinary", .base.declared = "VARBINARY(n)"},
    {.type = "tinyblob", .base.declared = "TINYBLOB"},
    {.type = "blob", .base.declared = "BLOB"},
    {.type = "mediumblob", .base.declared = "MEDIUMBLOB"},
    {.type = "longblob", .base.declared = "LONGBLOB"},
    {.type = "geometry", .base.declared = "GEOMETRY"},
    {.type = "point", .base.declared = "POINT"},
    {.type = "linestring", .base.declared = "LINESTRING"},
    {.type = "polygon", .base.declared = "POLYGON"},
    {.type = "multipoint", .base.declared = "MULTIPOINT"},
    {.type = "multilinestring", .base.declared = "MULTILINESTRING"},
    {.type = "multipolygon", .base.declared = "MULTIPOLYGON"},
    {.type = "geometrycollection", .base.declared = "GEOMETRYCOLLECTION"},
    {.type = "", .base.declared = "any other"},
};

const struct source_type *mysql_source_types(struct arena *arena, int *ret_count)
{
    enum { SAMPLES = sizeof(samples) / sizeof(samples[0]) };
    struct source_type *types = arena_take(arena, sizeof(*types) * SAMPLES);
    for (int i = 0; i < SAMPLES; i++) {
        struct mysql_column column = samples[i];
        struct error lossy;
        column.base.name = "c";
        if (mysql_column_decide(&column, "t", arena, &lossy) != RC_OK)
            column.base.field.source_type = NULL;
        types[i] = (struct source_type){samples[i].base.declared, column.base.field, column.base.verdict};
    }
    *ret_count = SAMPLES;
    return types;
}

/* SQLite by its ADBC driver. Values are stored as the SQLite target stores them (connect/sqlite/target.h), but that a
 * DECIMAL of more than 15 digits is a text, which keeps all of them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "connect/adbc/dialect.h"
#include "connect/adbc/session.h"
#include "connect/sqlite/target_parts.h"

enum { DIGITS_SURE = 15 }; /* https://www.sqlite.org/datatype3.html: these a NUMERIC column keeps */

static bool is_long(const struct field *field) { return field->type == TYPE_DECIMAL && field->precision > DIGITS_SURE; }

static void type_of(const struct field *field, struct target_type *ret)
{
    static const struct {
        const char *declared;
        struct type_verdict verdict;
    } types[] = {
        [TYPE_BOOL] = {"BOOLEAN", {FIDELITY_WIDENED, "0 and 1", NULL}},
        [TYPE_INT16] = {"INTEGER", {FIDELITY_WIDENED, NULL, NULL}},
        [TYPE_INT32] = {"INTEGER", {FIDELITY_WIDENED, NULL, NULL}},
        [TYPE_INT64] = {"INTEGER", {FIDELITY_EXACT, NULL, NULL}},
        [TYPE_FLOAT] = {"REAL", {FIDELITY_WIDENED, "NaN is refused", NULL}},
        [TYPE_DOUBLE] = {"REAL", {FIDELITY_EXACT, "NaN is refused", NULL}},
        [TYPE_UTF8] = {"TEXT", {FIDELITY_EXACT, NULL, NULL}},
        [TYPE_BINARY] = {"BLOB", {FIDELITY_EXACT, NULL, NULL}},
        [TYPE_DATE] = {"DATE", {FIDELITY_EXACT, "text 'YYYY-MM-DD'", NULL}},
        [TYPE_TIME] = {"TIME", {FIDELITY_EXACT, "text '[-]HH:MM:SS.ffffff'", NULL}},
        [TYPE_TIMESTAMP] = {"DATETIME", {FIDELITY_EXACT, "text 'YYYY-MM-DD HH:MM:SS', in UTC with T and Z", NULL}},
        [TYPE_DECIMAL] = {"TEXT", {FIDELITY_EXACT, "text, since it has more than 15 digits", NULL}},
    };
    ret->verdict = types[field->type].verdict;
    snprintf(ret->declared, sizeof(ret->declared), "%s", types[field->type].declared);
    if (field->type == TYPE_DECIMAL && !is_long(field)) {
        snprintf(ret->declared, sizeof(ret->declared), "DECIMAL(%d,%d)", field->precision, field->scale);
        ret->verdict = (struct type_verdict){FIDELITY_EXACT, NULL, NULL};
    }
}

static enum sending send(const struct field *field)
{
    bool is_text = field->type == TYPE_DATE || field->type == TYPE_TIME || field->type == TYPE_TIMESTAMP ||
                   field->type == TYPE_DECIMAL;
    return is_text ? SEND_TEXT : SEND_AS_IT_IS;
}

static void waiting_type(const struct field *field, char ret[DECLARED_TEXT])
{
    struct target_type type = {0};
    type_of(field, &type);
    snprintf(ret, DECLARED_TEXT, "%s", send(field) == SEND_TEXT ? "TEXT" : type.declared);
}

static struct column_fit fit(const struct field *field, const struct column_type *type)
{
    enum affinity affinity = affinity_of(type->shown, false);
    bool is_number = affinity == AFFINITY_INTEGER || affinity == AFFINITY_NUMERIC, fits = false;
    switch (field->type) {
    case TYPE_BOOL:
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64: fits = is_number || affinity == AFFINITY_BLOB; break;
    case TYPE_FLOAT:
    case TYPE_DOUBLE: fits = affinity == AFFINITY_REAL || affinity == AFFINITY_BLOB; break;
    case TYPE_BINARY: fits = affinity == AFFINITY_BLOB; break;
    case TYPE_UTF8: fits = affinity == AFFINITY_TEXT || affinity == AFFINITY_BLOB; break;
    case TYPE_DECIMAL: fits = affinity == AFFINITY_TEXT || (affinity == AFFINITY_NUMERIC && !is_long(field)); break;
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        fits = affinity == AFFINITY_TEXT || affinity == AFFINITY_BLOB || affinity == AFFINITY_NUMERIC;
        break;
    }
    return (struct column_fit){.fit = fits ? FIT_YES : FIT_NO};
}

static bool goes_straight(const struct field *field, const struct column_type *type) { return true; }

/* ---- values ---- */

static bool has_gaps(const struct field *field)
{
    return field->type == TYPE_FLOAT || field->type == TYPE_DOUBLE || field->type == TYPE_DATE ||
           field->type == TYPE_TIMESTAMP;
}

static bool holds(const struct batch *batch, int column, int64_t row, const char **why)
{
    static const int64_t year_0000 = -719528, year_10000 = 2932897; /* in days since 1970 */
    static const int64_t per_day[] = {
        [UNIT_SECOND] = 86400, [UNIT_MILLI] = INT64_C(86400000), [UNIT_MICRO] = INT64_C(86400000000)};
    const struct field *field = &batch->schema->fields[column];
    if (field->type == TYPE_FLOAT || field->type == TYPE_DOUBLE) {
        *why = "SQLite has no NaN, it would store NULL";
        return field->type == TYPE_FLOAT ? !isnan(batch_float(batch, column, row))
                                         : !isnan(batch_double(batch, column, row));
    }
    int64_t unit = field->type == TYPE_DATE ? 1 : per_day[field->unit], value = batch_integer(batch, column, row);
    *why = "a year outside 0000..9999 cannot be written so that it sorts";
    return value / unit > year_0000 - 1 && value < year_10000 * unit && value >= year_0000 * unit;
}

static bool measure(const struct field *field, const struct column_type *type, enum profile_measure measure,
                    const char *name, struct buf *out)
{
    return sqlite_target_measure(field, measure, name, out);
}

static bool key_literal(const struct field *field, const char *text, struct buf *out)
{
    if (!is_long(field))
        return sqlite_target_literal(field, text, out);
    adbc_literal(out, text);
    return true;
}

static const char *const session[] = {"PRAGMA synchronous = FULL", "PRAGMA foreign_keys = OFF", NULL};

const struct dialect sqlite_dialect = {
    .sql = {.shown = "SQLite", .folds_names = true, ADBC_SQL},
    .vendor = "sqlite",
    .place = "main",
    .owner_index = "(target_table COLLATE NOCASE) WHERE NOT shared",
    .index_place = "main.",
    .no = "0",
    .moment = "TEXT",
    .waiting = "temp.waybill_rows",
    .number = "rowid",
    .by_bytes = " COLLATE BINARY",
    .changes = "SELECT changes()",
    .session = session,
    .shape = "SELECT l.type, x.name, x.type, x.\"notnull\", x.dflt_value IS NOT NULL, x.hidden >= 2, ''"
             " FROM pragma_table_list l JOIN pragma_table_xinfo(l.name, 'main') x"
             " WHERE l.schema = 'main' AND l.name = :table COLLATE NOCASE ORDER BY x.cid",
    .unique_keys = "SELECT 'i' || l.name, CASE WHEN upper(x.coll) = 'BINARY' THEN x.name END FROM "
                   "pragma_index_list(:table, 'main') l"
                   " JOIN pragma_index_xinfo(l.name, 'main') x WHERE l.\"unique\" AND NOT l.partial AND x.key"
                   " UNION ALL SELECT 'rowid', name FROM pragma_table_xinfo(:table, 'main') WHERE pk = 1 AND "
                   "upper(type) = 'INTEGER'"
                   " AND 1 = (SELECT count(*) FROM pragma_table_xinfo(:table, 'main') WHERE pk > 0) ORDER BY 1",
    .type_of = type_of,
    .fit = fit,
    .goes_straight = goes_straight,
    .send = send,
    .waiting_type = waiting_type,
    .has_gaps = has_gaps,
    .holds = holds,
    .key_literal = key_literal,
    .is_unordered = is_long,
    .measure = measure,
};

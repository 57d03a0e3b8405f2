/* What SQLite says of its SQL. */
#include "connect/sql/sql.h"

#include <string.h>

#include "connect/sqlite/target_parts.h"

enum { EXACT_DIGITS = 15, DOUBLE_TEXT = 40 };

static struct sqlite_target *of(struct target *base) { return (struct sqlite_target *)base; }
static const struct sqlite_target *look(const struct target *base) { return (const struct sqlite_target *)base; }

/* ---- values of positions and keys ---- */

static bool add_stamp(const struct field *field, const char *text, struct buf *out)
{
    static const int64_t us_per[] = {[UNIT_SECOND] = 1000000, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1};
    char room[VALUE_TEXT];
    int64_t us, per = us_per[field->unit];
    if (!stamp_parse(text, &us))
        return false;
    const char *end = text_timestamp(room, us / per - (us % per < 0), field);
    if (end == NULL)
        return false;
    buf_addf(out, "'%.*s'", (int)(end - room), room);
    return true;
}

bool sqlite_target_literal(const struct field *field, const char *text, struct buf *out)
{
    switch (field->type) {
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DECIMAL:
        buf_add_str(out, str(text));
        return text[0] != '\0' && strspn(text, "-.0123456789") == strlen(text);
    case TYPE_TIMESTAMP: return add_stamp(field, text, out);
    case TYPE_DATE:
    case TYPE_UTF8: break;
    case TYPE_BOOL:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_BINARY:
    case TYPE_TIME: return false;
    }
    buf_add_str(out, S("'"));
    for (const char *at = text; *at != '\0'; at++)
        buf_addf(out, "%s%c", *at == '\'' ? "'" : "", *at);
    buf_add_str(out, S("'"));
    return true;
}

static void literal(struct buf *out, const char *text)
{
    buf_add_str(out, S("'"));
    for (const char *at = text; *at != '\0'; at++)
        buf_addf(out, "%s%c", *at == '\'' ? "'" : "", *at);
    buf_add_str(out, S("'"));
}

static bool value(const struct target *base, const struct field *field, const char *text, struct buf *out)
{
    return sqlite_target_literal(field, text, out);
}

/* ---- words ---- */

static const char *schema(const struct target *base) { return "main"; }

static void by_bytes(const struct target *base, const struct field *field, const char *text, struct buf *out)
{
    buf_addf(out, "%s COLLATE BINARY", text);
}

static void noted(const struct target *base, const char *at, struct buf *out) { literal(out, at); }

static void waiting(const struct target *base, struct buf *out) { buf_add_str(out, S(WAITING_ROWS)); }

static void match(const struct target *base, struct buf *out)
{
    const struct target_table *table = look(base)->table;
    for (int i = 0; i < table->key_count; i++) {
        buf_addf(out, "%ss.c%d = t.", i > 0 ? " AND " : "", schema_find(table->schema, table->key[i]));
        sqlite_quote(out, table->key[i]);
        buf_add_str(out, S(" COLLATE BINARY"));
    }
}

static void position(const struct target *base, const char *table, struct buf *out)
{
    buf_add_str(out, S("main.waybill_position"));
}

static void spelling(const struct target *base, const char *table, struct buf *out) { buf_add_str(out, str(table)); }

static void now(const struct target *base, struct buf *out)
{
    struct clock *clock = look(base)->patience.clock;
    char stamp[STAMP_TEXT];
    stamp_print(clock->now_us(clock), 3, stamp);
    literal(out, stamp);
}

/* ---- statements ---- */

/* SQLite's own text of a double has fewer digits than it takes. */
static struct str cell_text(sqlite3_stmt *row, int column, char room[DOUBLE_TEXT])
{
    struct str text;
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_NULL: return (struct str){0};
    case SQLITE_FLOAT: snprintf(room, DOUBLE_TEXT, "%.17g", sqlite3_column_double(row, column)); return str(room);
    default: text = sqlite_column_str(row, column); return text.at != NULL ? text : S(""); /* an empty blob is there */
    }
}

static RC ask(struct target *base, const char *sql, struct sql_row *ret, struct error *err)
{
    AUTO(sqlite3_stmt) *row = NULL;
    bool is_row = false;
    of(base)->statements++;
    TRY(sqlite_prepare(of(base)->db, sql, &row, err));
    TRY(sqlite_step(of(base)->db, row, &is_row, err));
    sql_row_init(ret, is_row ? sqlite3_column_count(row) : 0);
    for (int i = 0; i < ret->count; i++) {
        char room[DOUBLE_TEXT];
        struct str text = cell_text(row, i, room);
        if (text.at != NULL)
            ret->cells[i] = (struct str){arena_str(&ret->arena, text), text.len};
    }
    return RC_OK;
}

static RC change(struct target *base, const char *sql, int64_t *ret_changes, struct error *err)
{
    of(base)->statements++;
    TRY(sqlite_run(of(base)->db, sql, err));
    if (ret_changes != NULL)
        *ret_changes = sqlite3_changes64(of(base)->db->handle);
    return RC_OK;
}

/* ---- what a column comes to ---- */

/* More digits than these may be a text. */
static bool is_long(const struct field *field)
{
    return field->type == TYPE_DECIMAL && field->precision > EXACT_DIGITS;
}

/* Its own sum ends the query where it passes 64 bits, so the halves are summed. */
static bool add_sum(const struct field *field, const char *name, struct buf *out)
{
    AUTO_RELEASE(buf) summed = {0};
    if (is_long(field))
        return false;
    if (field->type == TYPE_DECIMAL)
        buf_addf(&summed, "CAST(round(%s * 1e%d) AS INTEGER)", name, field->scale);
    else
        buf_add_str(&summed, str(name));
    buf_addf(out, "sum(%s / 4294967296) || ':' || sum(%s %% 4294967296)", summed.at, summed.at);
    return true;
}

static bool add_extreme(const struct field *field, const char *aggregate, const char *name, struct buf *out)
{
    if (field->type == TYPE_TIME || is_long(field)) /* texts, whose order is not that of what they say */
        return false;
    if (field->type == TYPE_UTF8)
        buf_addf(out, "%s(CAST(%s AS BLOB))", aggregate, name);
    else if (field->type == TYPE_DECIMAL)
        buf_addf(out, "printf('%%.%df', %s(%s))", field->scale, aggregate, name);
    else
        buf_addf(out, "%s(%s)", aggregate, name);
    return true;
}

bool sqlite_target_measure(const struct field *field, enum profile_measure measure, const char *name, struct buf *out)
{
    switch (measure) {
    case PROFILE_VALUES: buf_addf(out, "count(%s)", name); return true;
    case PROFILE_BYTES: buf_addf(out, "sum(length(CAST(%s AS BLOB)))", name); return true;
    case PROFILE_SUM: return add_sum(field, name, out);
    case PROFILE_LEAST: return add_extreme(field, "min", name, out);
    case PROFILE_GREATEST: return add_extreme(field, "max", name, out);
    default: return false;
    }
}

static bool measure_column(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                           enum profile_measure measure, const char *name, struct buf *out)
{
    return sqlite_target_measure(field, measure, name, out);
}

const struct sql sqlite_sql = {
    .shown = "SQLite",
    .folds_names = true,
    .enforces_keys = true,
    .alias = " AS t",
    .waiting_alias = " AS s",
    .keys = SQL_KEYS_IN_VALUES,
    .quote = sqlite_quote,
    .literal = literal,
    .schema = schema,
    .value = value,
    .by_bytes = by_bytes,
    .noted = noted,
    .waiting = waiting,
    .match = match,
    .ask = ask,
    .change = change,
    .measure = measure_column,
    .position = position,
    .spelling = spelling,
    .now = now,
};

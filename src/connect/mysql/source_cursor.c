/* Which column is the cursor, and in which form it is written. */
#include <strings.h>

#include "connect/mysql/source_parts.h"
#include "connect/names.h"

/* What keeps the column from being a cursor; NULL: nothing, and *ret is its form. */
static const char *find_form(const struct mysql_column *column, const struct table_request *request, struct form *ret)
{
    enum decode kind = column->decoding.kind;
    if (column->as != NULL)
        return "it is compared as it is, and can have no override";
    if (kind == DECODE_INTEGER && column->field.type != TYPE_INT16) {
        if (request->cursor_unit == NULL)
            return "it holds integers, and cursor_unit does not say whether seconds (s) or milliseconds (ms)";
        *ret = (struct form){.kind = FORM_EPOCH, .digits = strcmp(request->cursor_unit, "ms") == 0 ? 3 : 0};
        return NULL;
    }
    if (kind != DECODE_DATE && kind != DECODE_STAMP)
        return "its values are no times";
    if (request->cursor_unit != NULL)
        return "cursor_unit is for integers, and it holds times";
    bool is_instant = column->field.utc;
    *ret = kind == DECODE_DATE ? (struct form){.kind = FORM_DATE}
                               : (struct form){.kind = FORM_TEXT,
                                               .separator = is_instant ? 'T' : ' ',
                                               .z = is_instant,
                                               .digits = (int)column->digits};
    return NULL;
}

/* ---- the zone of a cursor that has none ---- */

/* Offsets from UTC in seconds: now, and in the middle of each month of a year back and a year on. */
struct offsets {
    int64_t now, smallest, largest;
    bool are_known;
};

static RC ask_offsets(struct mysql_source *self, const char *zone, struct offsets *ret, struct error *err)
{
    enum { MONTHS = 12, FIELDS = 4 };
    int64_t fields[FIELDS] = {0};
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    buf_add_str(&sql, S("SELECT IFNULL(MAX(IF(is_now, o, NULL)), 0), IFNULL(MIN(o), 0), IFNULL(MAX(o), 0), COUNT(o) "
                        "FROM (SELECT is_now, TIMESTAMPDIFF(SECOND, u, CONVERT_TZ(u, '+00:00', "));
    mysql_literal_text(&sql, str(zone));
    buf_add_str(&sql, S(")) AS o FROM (SELECT 1 AS is_now, UTC_TIMESTAMP() AS u"));
    for (int month = -MONTHS; month <= MONTHS; month++)
        buf_addf(&sql, " UNION ALL SELECT 0, UTC_TIMESTAMP() + INTERVAL %d MONTH", month);
    buf_add_str(&sql, S(") AS months) AS offsets"));
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    MYSQL_ROW row = mysql_fetch_row(rows);
    for (int i = 0; i < FIELDS; i++)
        str_to_int64(str(row[i]), &fields[i]);
    *ret = (struct offsets){fields[0], fields[1], fields[2], fields[3] == 2 * MONTHS + 2};
    return RC_OK;
}

static enum rc fail_zone(const struct mysql_table *table, const char *zone, const struct offsets *offsets,
                         struct error *err)
{
    const char *cursor = table->columns[table->base.cursor].name;
    if (!offsets->are_known) {
        fail(err, RC_CONFIG, "cursor '%s' of '%s': the server does not know the zone '%s'", cursor, table->base.name,
             zone);
        return fail_todo(err, "say how far it is ahead of UTC, cursor_zone: \"+02:00\", or load the server's zone "
                              "tables (mysql_tzinfo_to_sql)");
    }
    fail(err, RC_CONFIG,
         "cursor '%s' of '%s' has no zone, and %s has summer time: when it ends, an hour comes twice, and rows would "
         "be lost",
         cursor, table->base.name, strcmp(zone, "SYSTEM") == 0 ? "the server's" : zone);
    return fail_todo(err,
                     "say what is written there, cursor_zone: UTC or cursor_zone: \"+02:00\"; or take a TIMESTAMP "
                     "column, which is an instant; or have that hour read again: lookback: %dm (with mode: merge)",
                     (int)(2 * (offsets->largest - offsets->smallest) / 60));
}

/* A mark may be ahead of a later stamp by the hour that comes twice, and by as much again where the clock was changed
 * between two questions. */
static bool is_covered(const struct offsets *offsets, const struct table_request *request)
{
    return request->lookback_ms >= 2 * (offsets->largest - offsets->smallest) * 1000;
}

RC mysql_zone_find(struct mysql_source *self, struct mysql_table *table, const struct table_request *request,
                   struct error *err)
{
    char zone[256];
    struct offsets offsets = {0};
    bool has_zone = table->base.cursor < 0 || table->base.form.kind == FORM_EPOCH || table->base.form.z;
    if (has_zone && request->cursor_zone != NULL && table->base.cursor >= 0)
        return fail(err, RC_CONFIG, "cursor '%s' of '%s' is an instant: it takes no cursor_zone",
                    table->columns[table->base.cursor].name, table->base.name);
    if (has_zone)
        return RC_OK;
    if (request->cursor_zone != NULL)
        snprintf(zone, sizeof(zone), "%s",
                 strcasecmp(request->cursor_zone, "UTC") == 0 ? "+00:00" : request->cursor_zone);
    else
        TRY(mysql_session_text(self->control, "SELECT @@global.time_zone", zone, sizeof(zone), err));
    TRY(ask_offsets(self, zone, &offsets, err));
    table->base.cursor_repeats = offsets.smallest != offsets.largest;
    if (!offsets.are_known || (table->base.cursor_repeats && !is_covered(&offsets, request)))
        return fail_zone(table, zone, &offsets, err);
    table->base.cursor_ahead_us = offsets.now * 1000000;
    return RC_OK;
}

/* ---- which column ---- */

static void take_cursor(struct mysql_table *table, int column, const struct form *form, bool found)
{
    table->base.cursor = column;
    table->base.form = *form;
    table->base.cursor_indexed = table->columns[column].indexed;
    table->base.cursor_found = found;
}

static RC take_named(struct mysql_table *table, const struct table_request *request, struct error *err)
{
    struct form form;
    AUTO_RELEASE(arena) arena = {0};
    int column = mysql_column_find(table, request->cursor);
    if (column < 0)
        return mysql_fail_no_column(table, "cursor", request->cursor, err);
    const char *why_not = find_form(&table->columns[column], request, &form);
    if (why_not == NULL) {
        take_cursor(table, column, &form, false);
        return RC_OK;
    }
    fail(err, RC_CONFIG, "'%s' cannot be the cursor of '%s': %s", request->cursor, table->base.name, why_not);
    if (table->columns[column].decoding.kind == DECODE_INTEGER)
        return fail_todo(err, "tables: {%s: {cursor: %s, cursor_unit: s}}, or ms", yaml_name(&arena, table->base.name),
                         yaml_name(&arena, request->cursor));
    return fail_todo(err, "name another column, or take increment: id_only or full_sync");
}

static const char *why_not_obvious(const struct mysql_column *column, const struct table_request *request,
                                   struct form *ret)
{
    const char *why_not = find_form(column, request, ret);
    if (why_not != NULL)
        return why_not;
    if (!name_says_changed(column->name))
        return "its name does not say that every update changes it";
    if (!column->not_null)
        return "it may be NULL";
    return column->indexed ? NULL : "no index begins with it";
}

static bool is_candidate(const struct mysql_column *column)
{
    return name_says_changed(column->name) || column->decoding.kind == DECODE_DATE ||
           column->decoding.kind == DECODE_STAMP;
}

static enum rc fail_not_obvious(const struct mysql_table *table, const struct table_request *request, struct error *err)
{
    AUTO_RELEASE(buf) list = {0};
    AUTO_RELEASE(arena) arena = {0};
    const struct mysql_column *first = NULL;
    struct form form;
    for (int i = 0; i < table->column_count; i++) {
        const struct mysql_column *column = &table->columns[i];
        if (!is_candidate(column))
            continue;
        const char *why_not = why_not_obvious(column, request, &form);
        buf_addf(&list, "%s'%s' (%s)", first != NULL ? "; " : "", column->name,
                 why_not != NULL ? why_not : "obvious, but not the only one");
        if (first == NULL || name_says_changed(column->name))
            first = column;
    }
    if (first == NULL) {
        fail(err, RC_CONFIG, "no cursor of '%s' is obvious: no column looks like the time of the last change",
             table->base.name);
        return fail_todo(
            err,
            "name one in the table's entry, tables: {%s: {cursor: <column>}}, or take increment: id_only or full_sync",
            yaml_name(&arena, table->base.name));
    }
    fail(err, RC_CONFIG, "no cursor of '%s' is obvious: %s", table->base.name, list.at);
    return fail_todo(err, "name the one that every change moves in the table's entry: tables: {%s: {cursor: %s%s}}",
                     yaml_name(&arena, table->base.name), yaml_name(&arena, first->name),
                     first->decoding.kind == DECODE_INTEGER && request->cursor_unit == NULL ? ", cursor_unit: s" : "");
}

RC mysql_cursor_find(struct mysql_table *table, const struct table_request *request, struct error *err)
{
    struct form form, found_form = {0};
    int found = -1, count = 0;
    table->base.cursor = -1;
    if (request->cursor != NULL)
        return take_named(table, request, err);
    if (!request->wants_cursor)
        return RC_OK;
    for (int i = 0; i < table->column_count; i++) {
        if (!is_candidate(&table->columns[i]) || why_not_obvious(&table->columns[i], request, &form) != NULL)
            continue;
        found = i;
        found_form = form;
        count++;
    }
    if (count != 1)
        return fail_not_obvious(table, request, err);
    take_cursor(table, found, &found_form, true);
    return RC_OK;
}

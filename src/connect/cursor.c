#include "connect/cursor.h"

#include "base/options.h"
#include "connect/names.h"

const char cursor_has_override[] = "it is compared as it is, and can have no override";
const char cursor_is_no_time[] = "its values are no times";
const char cursor_unit_is_for_integers[] = "cursor_unit is for integers, and it holds times";

const char *cursor_integer_form(const struct table_request *request, struct form *ret)
{
    if (request->cursor_unit == NULL)
        return "it holds integers, and cursor_unit does not say whether seconds (s) or milliseconds (ms)";
    *ret = (struct form){.kind = FORM_EPOCH, .digits = strcmp(request->cursor_unit, "ms") == 0 ? 3 : 0};
    return NULL;
}

/* ---- the one that is named ---- */

static enum rc fail_no_cursor(const char *table, const struct cursor_candidate *columns, int count, const char *name,
                              struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const char **names = arena_take(&arena, (size_t)count * sizeof(*names));
    for (int i = 0; i < count; i++)
        names[i] = columns[i].name;
    return names_fail_column(table, names, count, "cursor", name, err);
}

static RC take_named(const char *table, const struct cursor_candidate *columns, int count,
                     const struct table_request *request, int *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    int column = 0;
    while (column < count && strcmp(columns[column].name, request->cursor) != 0)
        column++;
    if (column == count)
        return fail_no_cursor(table, columns, count, request->cursor, err);
    *ret = column;
    if (columns[column].why_not == NULL)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' cannot be the cursor of '%s': %s", request->cursor, table, columns[column].why_not);
    if (columns[column].is_integer)
        return fail_todo(err, "tables: {%s: {cursor: %s, cursor_unit: s}}, or ms", yaml_name(&arena, table),
                         yaml_name(&arena, request->cursor));
    return fail_todo(err, "name another column, or take increment: id_only or full_sync");
}

/* ---- the obvious one ---- */

static const char *why_not_obvious(const struct cursor_candidate *column)
{
    if (column->why_not != NULL)
        return column->why_not;
    if (!name_says_changed(column->name))
        return "its name does not say that every update changes it";
    if (!column->not_null)
        return "it may be NULL";
    return column->indexed ? NULL : "no index begins with it";
}

static bool is_candidate(const struct cursor_candidate *column)
{
    return column->is_time || name_says_changed(column->name);
}

static enum rc fail_not_obvious(const char *table, const struct cursor_candidate *columns, int count,
                                const struct table_request *request, struct error *err)
{
    AUTO_RELEASE(buf) list = {0};
    AUTO_RELEASE(arena) arena = {0};
    const struct cursor_candidate *first = NULL;
    for (int i = 0; i < count; i++) {
        if (!is_candidate(&columns[i]))
            continue;
        const char *why_not = why_not_obvious(&columns[i]);
        buf_addf(&list, "%s'%s' (%s)", first != NULL ? "; " : "", columns[i].name,
                 why_not != NULL ? why_not : "obvious, but not the only one");
        if (first == NULL || name_says_changed(columns[i].name))
            first = &columns[i];
    }
    if (first == NULL) {
        fail(err, RC_CONFIG, "no cursor of '%s' is obvious: no column looks like the time of the last change", table);
        return fail_todo(
            err,
            "name one in the table's entry, tables: {%s: {cursor: <column>}}, or take increment: id_only or full_sync",
            yaml_name(&arena, table));
    }
    fail(err, RC_CONFIG, "no cursor of '%s' is obvious: %s", table, list.at);
    return fail_todo(err, "name the one that every change moves in the table's entry: tables: {%s: {cursor: %s%s}}",
                     yaml_name(&arena, table), yaml_name(&arena, first->name),
                     first->is_integer && request->cursor_unit == NULL ? ", cursor_unit: s" : "");
}

RC cursor_choose(const char *table, const struct cursor_candidate *columns, int count,
                 const struct table_request *request, int *ret, bool *ret_found, struct error *err)
{
    int obvious = 0;
    *ret = -1;
    *ret_found = false;
    if (request->cursor != NULL)
        return take_named(table, columns, count, request, ret, err);
    if (!request->wants_cursor)
        return RC_OK;
    for (int i = 0; i < count; i++) {
        if (!is_candidate(&columns[i]) || why_not_obvious(&columns[i]) != NULL)
            continue;
        *ret = i;
        obvious++;
    }
    *ret_found = true;
    return obvious == 1 ? RC_OK : fail_not_obvious(table, columns, count, request, err);
}

/* ---- the zone of one that has none ---- */

static enum rc fail_zone(const struct table *table, const char *cursor, const char *zone,
                         const struct zone_offsets *offsets, const char *todo, struct error *err)
{
    if (!offsets->are_known) {
        fail(err, RC_CONFIG, "cursor '%s' of '%s': the server does not know the zone '%s'", cursor, table->name, zone);
        return fail_todo(err, "say how far it is ahead of UTC, cursor_zone: \"+02:00\"%s%s",
                         todo != NULL ? ", or " : "", or_empty(todo));
    }
    fail(err, RC_CONFIG,
         "cursor '%s' of '%s' has no zone, and %s has summer time: when it ends, an hour comes twice, and rows would "
         "be lost",
         cursor, table->name, zone);
    return fail_todo(
        err,
        "say what is written there, cursor_zone: UTC or cursor_zone: \"+02:00\"; or take a column "
        "that is an instant, TIMESTAMP or timestamptz; or have that hour read again: lookback: %dm (with mode: merge)",
        (int)(2 * (offsets->largest - offsets->smallest) / 60));
}

/* A mark may be ahead of a later stamp by the hour that comes twice, and by as much again where the clock was changed
 * between two questions. */
static bool is_covered(const struct zone_offsets *offsets, const struct table_request *request)
{
    return request->lookback_ms >= 2 * (offsets->largest - offsets->smallest) * 1000;
}

RC cursor_zone_take(struct table *table, const char *cursor, const struct table_request *request, const char *zone,
                    const struct zone_offsets *offsets, const char *todo, struct error *err)
{
    table->cursor_repeats = offsets->smallest != offsets->largest;
    if (!offsets->are_known || (table->cursor_repeats && !is_covered(offsets, request)))
        return fail_zone(table, cursor, zone, offsets, todo, err);
    table->cursor_ahead_us = offsets->now * 1000000;
    return RC_OK;
}

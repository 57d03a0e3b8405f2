#include "connect/cursor.h"

#include <strings.h>

#include "base/yaml.h"

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

static RC take_named(struct table *table, const struct columns *columns, const struct cursor_candidate *candidates,
                     const struct table_request *request, int *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    int at = *ret = column_find(columns, request->cursor);
    if (at < 0)
        return column_fail_missing(columns, table->name, "cursor", request->cursor, err);
    if (candidates[at].why_not == NULL)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' cannot be the cursor of '%s': %s", request->cursor, table->name, candidates[at].why_not);
    if (candidates[at].is_integer)
        return fail_todo(err, "tables: {%s: {cursor: %s, cursor_unit: s}}, or ms", yaml_name(&arena, table->name),
                         yaml_name(&arena, request->cursor));
    return fail_todo(err, "name another column, or take increment: id_only or full_sync");
}

/* ---- the obvious one ---- */

bool cursor_name_says_changed(const char *column)
{
    static const char *const names[] = {
        "updated_at",      "modified_at",  "last_modified", "last_updated", "last_modified_at",
        "last_updated_at", "update_time",  "modify_time",   "updated",      "modified",
        "mtime",           "updated_on",   "modified_on",   "update_date",  "modified_date",
        "changed_at",      "gmt_modified", "updatedat",     "modifiedat",   "lastmodified",
        "lastupdated",     "updated_time",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(column, names[i]) == 0)
            return true;
    }
    return false;
}

static const char *why_not_obvious(const struct source_column *column, const struct cursor_candidate *candidate)
{
    if (candidate->why_not != NULL)
        return candidate->why_not;
    if (!cursor_name_says_changed(column->name))
        return "its name does not say that every update changes it";
    if (!column->not_null)
        return "it may be NULL";
    return column->indexed ? NULL : "no index begins with it";
}

static bool is_candidate(const struct source_column *column, const struct cursor_candidate *candidate)
{
    return candidate->is_time || cursor_name_says_changed(column->name);
}

static enum rc fail_not_obvious(const char *table, const struct columns *columns,
                                const struct cursor_candidate *candidates, const struct table_request *request,
                                struct error *err)
{
    AUTO_RELEASE(buf) list = {0};
    AUTO_RELEASE(arena) arena = {0};
    int first = -1;
    for (int i = 0; i < columns->count; i++) {
        const struct source_column *column = column_at(columns, i);
        if (!is_candidate(column, &candidates[i]))
            continue;
        const char *why_not = why_not_obvious(column, &candidates[i]);
        buf_addf(&list, "%s'%s' (%s)", first >= 0 ? "; " : "", column->name,
                 why_not != NULL ? why_not : "obvious, but not the only one");
        if (first < 0 || cursor_name_says_changed(column->name))
            first = i;
    }
    if (first < 0) {
        fail(err, RC_CONFIG, "no cursor of '%s' is obvious: no column looks like the time of the last change", table);
        return fail_todo(
            err,
            "name one in the table's entry, tables: {%s: {cursor: <column>}}, or take increment: id_only or full_sync "
            "(of `sync connections`: --cursor, --increment)",
            yaml_name(&arena, table));
    }
    fail(err, RC_CONFIG, "no cursor of '%s' is obvious: %s", table, list.at);
    return fail_todo(
        err,
        "name the one that every change moves in the table's entry: tables: {%s: {cursor: %s%s}} (of `sync "
        "connections`: --cursor)",
        yaml_name(&arena, table), yaml_name(&arena, column_at(columns, first)->name),
        candidates[first].is_integer && request->cursor_unit == NULL ? ", cursor_unit: s" : "");
}

static RC find_obvious(struct table *table, const struct columns *columns, const struct cursor_candidate *candidates,
                       const struct table_request *request, int *ret, struct error *err)
{
    int obvious = 0;
    for (int i = 0; i < columns->count; i++) {
        const struct source_column *column = column_at(columns, i);
        if (!is_candidate(column, &candidates[i]) || why_not_obvious(column, &candidates[i]) != NULL)
            continue;
        *ret = i;
        obvious++;
    }
    return obvious == 1 ? RC_OK : fail_not_obvious(table->name, columns, candidates, request, err);
}

RC cursor_choose(struct table *table, const struct columns *columns, const struct cursor_candidate *candidates,
                 const struct table_request *request, struct error *err)
{
    int chosen = -1;
    table->cursor = -1;
    if (request->cursor == NULL && !request->wants_cursor)
        return RC_OK;
    table->cursor_found = request->cursor == NULL;
    TRY((table->cursor_found ? find_obvious : take_named)(table, columns, candidates, request, &chosen, err));
    table->cursor = chosen;
    table->form = candidates[chosen].form;
    table->cursor_indexed = column_at(columns, chosen)->indexed;
    return RC_OK;
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

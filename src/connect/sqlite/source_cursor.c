#include "connect/sqlite/source_parts.h"

#include "base/options.h"

/* The form most texts have; false when no text has one. */
static bool common_form(const struct tally *tally, struct form *ret)
{
    int best = 0;
    for (int i = 1; i < FORMS; i++) {
        if (tally->forms[i] > (best > 0 ? tally->forms[best] : 0))
            best = i;
    }
    return form_from_number(best, ret);
}

static bool is_empty(const struct tally *tally)
{
    return tally->classes[SQLITE_INTEGER] + tally->classes[SQLITE_FLOAT] + tally->classes[SQLITE_TEXT] +
               tally->classes[SQLITE_BLOB] ==
           0;
}

/* What keeps the column from being a cursor; NULL: nothing, and *ret is its form. */
static const char *find_form(const struct sqlite_column *column, const struct tally *tally,
                             const struct table_request *request, struct form *ret)
{
    const struct form *known = request->known_form;
    if (column->field.type == TYPE_INT64) {
        if (request->cursor_unit == NULL && (known == NULL || known->kind != FORM_EPOCH))
            return "it holds integers, and cursor_unit does not say whether seconds (s) or milliseconds (ms)";
        int digits = request->cursor_unit != NULL ? (strcmp(request->cursor_unit, "ms") == 0 ? 3 : 0) : known->digits;
        *ret = (struct form){.kind = FORM_EPOCH, .digits = digits};
        return NULL;
    }
    if (column->field.type == TYPE_DOUBLE)
        return "it holds REAL values, which do not keep a time exactly";
    if (column->field.type != TYPE_UTF8 && column->field.type != TYPE_DATE && column->field.type != TYPE_TIMESTAMP)
        return "its values are no times";
    if (request->cursor_unit != NULL)
        return "cursor_unit is for integers, and it holds texts";
    if (known != NULL && (known->kind == FORM_TEXT || known->kind == FORM_DATE))
        *ret = *known;
    else if (column->field.type != TYPE_UTF8)
        *ret = column->form;
    else if (is_empty(tally))
        *ret = (struct form){.kind = FORM_TEXT, .separator = ' '};
    else if (!common_form(tally, ret))
        return "its texts have no form that a clock can be printed in ('YYYY-MM-DD HH:MM:SS[.f]', the same with T, or "
               "Z behind it)";
    return NULL;
}

static void take_cursor(struct sqlite_table *table, int column, const struct form *form, bool found)
{
    table->base.cursor = column;
    table->base.form = *form;
    table->base.cursor_indexed = table->columns[column].indexed;
    table->base.cursor_found = found;
}

static RC take_named(struct sqlite_table *table, const struct table_request *request, const struct tally *tallies,
                     struct error *err)
{
    struct form form;
    int column = column_find(table, request->cursor);
    if (column < 0)
        return fail_no_column(table, "cursor", request->cursor, err);
    const char *why_not = find_form(&table->columns[column], &tallies[column], request, &form);
    if (why_not != NULL) {
        AUTO_RELEASE(arena) arena = {0};
        fail(err, RC_CONFIG, "'%s' cannot be the cursor of '%s': %s", request->cursor, table->base.name, why_not);
        if (table->columns[column].field.type == TYPE_INT64)
            return fail_todo(err, "tables: {%s: {cursor: %s, cursor_unit: s}}, or ms",
                             yaml_name(&arena, table->base.name), yaml_name(&arena, request->cursor));
        return fail_todo(err, "name another column, or take increment: id_only or full_sync");
    }
    take_cursor(table, column, &form, false);
    return RC_OK;
}

static const char *why_not_obvious(const struct sqlite_column *column, const struct tally *tally,
                                   const struct table_request *request, struct form *ret)
{
    const char *why_not = find_form(column, tally, request, ret);
    if (why_not != NULL)
        return why_not;
    if (!name_says_changed(column->name))
        return "its name does not say that every update changes it";
    if (!column->not_null)
        return "it may be NULL";
    return column->indexed ? NULL : "no index begins with it";
}

static bool is_candidate(const struct sqlite_column *column)
{
    return name_says_changed(column->name) || column->field.type == TYPE_DATE || column->field.type == TYPE_TIMESTAMP;
}

static enum rc fail_not_obvious(const struct sqlite_table *table, const struct table_request *request,
                                const struct tally *tallies, struct error *err)
{
    AUTO_RELEASE(buf) list = {0};
    AUTO_RELEASE(arena) arena = {0};
    const struct sqlite_column *first = NULL;
    struct form form;
    for (int i = 0; i < table->column_count; i++) {
        const struct sqlite_column *column = &table->columns[i];
        if (!is_candidate(column))
            continue;
        const char *why_not = why_not_obvious(column, &tallies[i], request, &form);
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
                     first->field.type == TYPE_INT64 && request->cursor_unit == NULL ? ", cursor_unit: s" : "");
}

RC cursor_find(struct sqlite_table *table, const struct table_request *request, const struct tally *tallies,
               struct error *err)
{
    struct form form, found_form;
    int found = -1, count = 0;
    table->base.cursor = -1;
    if (request->cursor != NULL)
        return take_named(table, request, tallies, err);
    if (!request->wants_cursor)
        return RC_OK;
    for (int i = 0; i < table->column_count; i++) {
        if (!is_candidate(&table->columns[i]) ||
            why_not_obvious(&table->columns[i], &tallies[i], request, &form) != NULL)
            continue;
        found = i;
        found_form = form;
        count++;
    }
    if (count != 1)
        return fail_not_obvious(table, request, tallies, err);
    take_cursor(table, found, &found_form, true);
    return RC_OK;
}

/* Which column is the cursor, and in which form it is written. */
#include "connect/cursor.h"
#include "connect/sqlite/source_parts.h"

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
    if (column->base.field.type == TYPE_INT64) {
        if (request->cursor_unit == NULL && (known == NULL || known->kind != FORM_EPOCH))
            return "it holds integers, and cursor_unit does not say whether seconds (s) or milliseconds (ms)";
        int digits = request->cursor_unit != NULL ? (strcmp(request->cursor_unit, "ms") == 0 ? 3 : 0) : known->digits;
        *ret = (struct form){.kind = FORM_EPOCH, .digits = digits};
        return NULL;
    }
    if (column->base.field.type == TYPE_DOUBLE)
        return "it holds REAL values, which do not keep a time exactly";
    if (column->base.field.type != TYPE_UTF8 && column->base.field.type != TYPE_DATE &&
        column->base.field.type != TYPE_TIMESTAMP)
        return "its values are no times";
    if (request->cursor_unit != NULL)
        return "cursor_unit is for integers, and it holds texts";
    if (known != NULL && (known->kind == FORM_TEXT || known->kind == FORM_DATE))
        *ret = *known;
    else if (column->base.field.type != TYPE_UTF8)
        *ret = column->form;
    else if (is_empty(tally))
        *ret = (struct form){.kind = FORM_TEXT, .separator = ' '};
    else if (!common_form(tally, ret))
        return "its texts have no form that a clock can be printed in ('YYYY-MM-DD HH:MM:SS[.f]', the same with T, or "
               "Z behind it)";
    return NULL;
}

RC sqlite_cursor_find(struct sqlite_table *table, const struct table_request *request, const struct tally *tallies,
                      struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct columns columns = sqlite_columns(table);
    struct cursor_candidate *candidates = arena_take(&arena, sizeof(*candidates) * (size_t)table->column_count);
    for (int i = 0; i < table->column_count; i++) {
        enum type type = table->columns[i].base.field.type;
        candidates[i] = (struct cursor_candidate){.is_time = type == TYPE_DATE || type == TYPE_TIMESTAMP,
                                                  .is_integer = type == TYPE_INT64};
        candidates[i].why_not = find_form(&table->columns[i], &tallies[i], request, &candidates[i].form);
    }
    return cursor_choose(&table->base, &columns, candidates, request, err);
}

/* Which column is the cursor, in which form it is written, and in which zone. */
#include <strings.h>

#include "connect/cursor.h"
#include "connect/mysql/source_parts.h"

/* What keeps the column from being a cursor; NULL: nothing, and *ret is its form. */
static const char *find_form(const struct mysql_column *column, const struct table_request *request, struct form *ret)
{
    enum decode kind = column->decoding.kind;
    if (column->base.as != NULL)
        return cursor_has_override;
    if (kind == DECODE_INTEGER && column->base.field.type != TYPE_INT16)
        return cursor_integer_form(request, ret);
    if (kind != DECODE_DATE && kind != DECODE_STAMP)
        return cursor_is_no_time;
    if (request->cursor_unit != NULL)
        return cursor_unit_is_for_integers;
    bool is_instant = column->base.field.utc;
    *ret = kind == DECODE_DATE ? (struct form){.kind = FORM_DATE}
                               : (struct form){.kind = FORM_TEXT,
                                               .separator = is_instant ? 'T' : ' ',
                                               .z = is_instant,
                                               .digits = (int)column->digits};
    return NULL;
}

RC mysql_cursor_find(struct mysql_table *table, const struct table_request *request, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct columns columns = mysql_columns(table);
    struct cursor_candidate *candidates = arena_take(&arena, sizeof(*candidates) * (size_t)table->column_count);
    for (int i = 0; i < table->column_count; i++) {
        const struct mysql_column *column = &table->columns[i];
        enum decode kind = column->decoding.kind;
        candidates[i] = (struct cursor_candidate){.is_time = kind == DECODE_DATE || kind == DECODE_STAMP,
                                                  .is_integer = kind == DECODE_INTEGER};
        candidates[i].why_not = find_form(column, request, &candidates[i].form);
    }
    return cursor_choose(&table->base, &columns, candidates, request, err);
}

/* ---- the zone of a cursor that has none ---- */

static RC ask_offsets(struct mysql_source *self, const char *zone, struct zone_offsets *ret, struct error *err)
{
    enum { FIELDS = 4 };
    int64_t fields[FIELDS] = {0};
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    buf_add_str(&sql, S("SELECT IFNULL(MAX(IF(is_now, o, NULL)), 0), IFNULL(MIN(o), 0), IFNULL(MAX(o), 0), COUNT(o) "
                        "FROM (SELECT is_now, TIMESTAMPDIFF(SECOND, u, CONVERT_TZ(u, '+00:00', "));
    mysql_literal_text(&sql, str(zone));
    buf_add_str(&sql, S(")) AS o FROM (SELECT 1 AS is_now, UTC_TIMESTAMP() AS u"));
    for (int month = -ZONE_MONTHS; month <= ZONE_MONTHS; month++)
        buf_addf(&sql, " UNION ALL SELECT 0, UTC_TIMESTAMP() + INTERVAL %d MONTH", month);
    buf_add_str(&sql, S(") AS months) AS offsets"));
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    MYSQL_ROW row = mysql_fetch_row(rows);
    for (int i = 0; i < FIELDS; i++)
        str_to_int64(str(row[i]), &fields[i]);
    *ret = (struct zone_offsets){fields[0], fields[1], fields[2], fields[3] == 2 * ZONE_MONTHS + 2};
    return RC_OK;
}

RC mysql_zone_find(struct mysql_source *self, struct mysql_table *table, const struct table_request *request,
                   struct error *err)
{
    char zone[256];
    struct zone_offsets offsets = {0};
    bool has_zone = table->base.cursor < 0 || table->base.form.kind == FORM_EPOCH || table->base.form.z;
    if (has_zone && request->cursor_zone != NULL && table->base.cursor >= 0)
        return fail(err, RC_CONFIG, "cursor '%s' of '%s' is an instant: it takes no cursor_zone",
                    table->columns[table->base.cursor].base.name, table->base.name);
    if (has_zone)
        return RC_OK;
    if (request->cursor_zone != NULL)
        snprintf(zone, sizeof(zone), "%s",
                 strcasecmp(request->cursor_zone, "UTC") == 0 ? "+00:00" : request->cursor_zone);
    else
        TRY(mysql_session_text(self->control, "SELECT @@global.time_zone", zone, sizeof(zone), err));
    TRY(ask_offsets(self, zone, &offsets, err));
    return cursor_zone_take(&table->base, table->columns[table->base.cursor].base.name, request,
                            strcmp(zone, "SYSTEM") == 0 ? "the server's" : zone, &offsets,
                            "load the server's zone tables (mysql_tzinfo_to_sql)", err);
}

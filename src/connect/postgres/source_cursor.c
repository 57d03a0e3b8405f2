/* Which column is the cursor, in which form it is written, and in which zone. */
#include <strings.h>

#include "connect/cursor.h"
#include "connect/postgres/source_parts.h"

/* What keeps the column from being a cursor; NULL: nothing, and *ret is its form. */
static const char *find_form(const struct pg_column *column, const struct table_request *request, struct form *ret)
{
    if (column->base.as != NULL)
        return cursor_has_override;
    if (column->base.field.type == TYPE_INT32 || column->base.field.type == TYPE_INT64)
        return cursor_integer_form(request, ret);
    if (column->base.field.type != TYPE_DATE && column->base.field.type != TYPE_TIMESTAMP)
        return cursor_is_no_time;
    if (request->cursor_unit != NULL)
        return cursor_unit_is_for_integers;
    bool is_instant = column->base.field.utc;
    *ret = column->base.field.type == TYPE_DATE
               ? (struct form){.kind = FORM_DATE}
               : (struct form){
                     .kind = FORM_TEXT, .separator = is_instant ? 'T' : ' ', .z = is_instant, .digits = column->digits};
    return NULL;
}

RC pg_cursor_find(struct pg_table *table, const struct table_request *request, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct columns columns = pg_columns(table);
    struct cursor_candidate *candidates = arena_take(&arena, sizeof(*candidates) * (size_t)table->column_count);
    for (int i = 0; i < table->column_count; i++) {
        const struct pg_column *column = &table->columns[i];
        enum type type = column->base.field.type;
        candidates[i] = (struct cursor_candidate){.is_time = type == TYPE_DATE || type == TYPE_TIMESTAMP,
                                                  .is_integer = type == TYPE_INT32 || type == TYPE_INT64};
        candidates[i].why_not = find_form(column, request, &candidates[i].form);
    }
    return cursor_choose(&table->base, &columns, candidates, request, err);
}

/* ---- the zone of a cursor that has none ---- */

/* "+02:00", which PostgreSQL itself would take for west of Greenwich, as POSIX has it. */
static bool read_offset(const char *zone, int64_t *ret_s)
{
    size_t len = strlen(zone);
    int64_t hours, minutes;
    if (strcasecmp(zone, "UTC") == 0) {
        *ret_s = 0;
        return true;
    }
    if (len != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' ||
        !str_to_int64((struct str){zone + 1, 2}, &hours) || !str_to_int64((struct str){zone + 4, 2}, &minutes) ||
        hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
        return false;
    *ret_s = (hours * 3600 + minutes * 60) * (zone[0] == '-' ? -1 : 1);
    return true;
}

/* Area/City, which can be nothing but the name of a zone. Others may be abbreviations, or rules as POSIX writes them,
 * which need a digit; and those of "right/" count leap seconds. */
static bool is_plain_name(const char *zone)
{
    return strchr(zone, '/') != NULL && strpbrk(zone, "0123456789<") == NULL && strncasecmp(zone, "right/", 6) != 0;
}

/* The server opens each file it has to say which names there are: 1,200 of them. */
static RC ask_known(struct postgres_source *self, const char *zone, bool *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    int64_t count;
    buf_add_str(&sql, S("SELECT count(*) FROM pg_timezone_names WHERE lower(name) = lower("));
    pq_literal(&sql, str(zone));
    buf_add_str(&sql, S(")"));
    TRY(postgres_source_int64(self, sql.at, &count, err));
    *ret = count > 0;
    return RC_OK;
}

static RC ask_offsets(struct postgres_source *self, const char *zone, struct zone_offsets *ret, struct error *err)
{
    static const char no_such_zone[] = "22023"; /* invalid_parameter_value */
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    bool is_known = is_plain_name(zone);
    *ret = (struct zone_offsets){0};
    if (!is_known)
        TRY(ask_known(self, zone, &is_known, err));
    if (!is_known)
        return RC_OK;
    buf_add_str(&sql, S("SELECT max(o) FILTER (WHERE m = 0), min(o), max(o) FROM (SELECT m, extract(epoch FROM (u AT"
                        " TIME ZONE "));
    pq_literal(&sql, str(zone));
    buf_addf(&sql,
             ") - (u AT TIME ZONE 'UTC'))::bigint AS o FROM generate_series(-%d, %d) AS m, LATERAL (SELECT now() + m *"
             " interval '1 month' AS u) AS months) AS offsets",
             ZONE_MONTHS, ZONE_MONTHS);
    if (postgres_source_ask(self, sql.at, &rows, err) != RC_OK)
        return text_eq(err->vendor, no_such_zone) ? RC_OK : err->rc;
    *ret = (struct zone_offsets){pq_int64(&rows, 0, 0), pq_int64(&rows, 0, 1), pq_int64(&rows, 0, 2), true};
    return RC_OK;
}

/* The zone that this role's sessions have when they set none. */
static RC ask_default(struct postgres_source *self, struct arena *arena, const char **ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    TRY(postgres_source_ask(self, "SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'", &rows, err));
    *ret = arena_text(arena, pq_rows(&rows) > 0 ? pq_text(&rows, 0, 0) : "UTC");
    return RC_OK;
}

RC pg_zone_find(struct postgres_source *self, struct pg_table *table, const struct table_request *request,
                struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct zone_offsets offsets;
    int64_t ahead_s;
    const char *zone = request->cursor_zone;
    if (table->base.cursor < 0)
        return RC_OK;
    const char *cursor = table->columns[table->base.cursor].base.name;
    bool has_zone = table->base.form.kind == FORM_EPOCH || table->base.form.z;
    if (has_zone && zone != NULL)
        return fail(err, RC_CONFIG, "cursor '%s' of '%s' is an instant: it takes no cursor_zone", cursor,
                    table->base.name);
    if (has_zone)
        return RC_OK;
    if (zone == NULL)
        TRY(ask_default(self, &arena, &zone, err));
    if (read_offset(zone, &ahead_s))
        offsets = (struct zone_offsets){ahead_s, ahead_s, ahead_s, true};
    else
        TRY(ask_offsets(self, zone, &offsets, err));
    return cursor_zone_take(&table->base, cursor, request, zone, &offsets, NULL, err);
}

/* How large a range is, where a chunk of it ends, and how it is split: as little of the server's time as will do. */
#include <assert.h>
#include <stdlib.h>

#include "connect/cut.h"
#include "connect/mysql/source_parts.h"

enum {
    COUNT_MAX = 100000, /* above it the optimizer's estimate is good enough for a plan */
    SAMPLE_ROWS = 1000,
    SAMPLE_WIDE_ROWS = 20, /* of a table whose rows may be many MB each */
    WIDE_OCTETS = 1 << 16,
};

/* ---- facts ---- */

/* The optimizer's estimate, from a few dives into the index. */
static RC estimate_rows(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                        int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    int64_t estimate = 0;
    buf_add_str(&sql, S("EXPLAIN SELECT 1"));
    TRY(mysql_range_from(table, range, &sql, err));
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    const MYSQL_FIELD *fields = mysql_fetch_fields(rows);
    MYSQL_ROW row = mysql_fetch_row(rows);
    for (unsigned i = 0; row != NULL && i < mysql_num_fields(rows); i++) {
        if (strcmp(fields[i].name, "rows") == 0)
            estimate = strtoll(or_empty(row[i]), NULL, 10);
    }
    *ret = estimate;
    return RC_OK;
}

static RC count_rows(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                     int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    int64_t count, estimate;
    buf_add_str(&sql, S("SELECT COUNT(*) FROM (SELECT 1"));
    TRY(mysql_range_from(table, range, &sql, err));
    buf_addf(&sql, " LIMIT %d) AS t", COUNT_MAX + 1);
    TRY(mysql_session_int64(self->control, sql.at, &count, err));
    if (count > COUNT_MAX) {
        TRY(estimate_rows(self, table, range, &estimate, err));
        count = estimate > count ? estimate : count;
    }
    *ret = count;
    return RC_OK;
}

/* What a row takes in a batch: fixed widths, and the texts' lengths as the server counts them. */
static RC sample_bytes(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                       int64_t *ret, struct error *err)
{
    enum { OFFSET_BYTES = 4, NUMBER_BYTES = 8, DECIMAL_BYTES = 16 };
    AUTO_RELEASE(buf) sql = {0};
    int64_t fixed = 0;
    bool is_wide = false;
    buf_add_str(&sql, S("SELECT CAST(IFNULL(CEIL(AVG(bytes)), 0) AS SIGNED) FROM (SELECT 0"));
    for (int i = 0; i < table->column_count; i++) {
        const struct mysql_column *column = &table->columns[i];
        bool is_text = column->base.field.type == TYPE_UTF8 || column->base.field.type == TYPE_BINARY;
        fixed += is_text ? OFFSET_BYTES : column->base.field.type == TYPE_DECIMAL ? DECIMAL_BYTES : NUMBER_BYTES;
        is_wide |= is_text && column->octets >= WIDE_OCTETS;
        if (is_text)
            buf_addf(&sql, " + IFNULL(LENGTH(%s), 0)", column->expression);
    }
    buf_addf(&sql, " + %lld AS bytes", (long long)fixed);
    TRY(mysql_range_from(table, range, &sql, err));
    buf_addf(&sql, " LIMIT %d) AS t", is_wide ? SAMPLE_WIDE_ROWS : SAMPLE_ROWS);
    return mysql_session_int64(self->control, sql.at, ret, err);
}

static RC count_cursors(struct mysql_source *self, const struct mysql_table *table, const char *condition, int64_t *ret,
                        struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SELECT COUNT(*) FROM %s WHERE ", table->quoted);
    mysql_quote(&sql, table->columns[table->base.cursor].base.name);
    buf_addf(&sql, " %s", condition);
    return mysql_session_int64(self->control, sql.at, ret, err);
}

enum rc mysql_source_facts(struct source *base, const struct table *table, const struct range *range,
                           struct range_facts *ret, struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)base;
    const struct mysql_table *t = mysql_table_of(table);
    const bool is_counted = range_is_only_counted(range);
    struct range_facts facts = {0};
    TRY(mysql_custom_bind(t, range, self->control, err));
    TRY(mysql_range_check(self, t, range, err));
    TRY(count_rows(self, t, range, &facts.rows, err));
    if (!is_counted)
        TRY(sample_bytes(self, t, range, &facts.row_bytes, err));
    if (table->cursor >= 0 && !is_counted) {
        const struct mysql_column *cursor = &t->columns[table->cursor];
        bool is_time = cursor->decoding.kind != DECODE_INTEGER;
        if (!cursor->base.not_null)
            TRY(count_cursors(self, t, "IS NULL", &facts.null_cursors, err));
        if (is_time) /* zero dates: below every mark; a partial one stands where its year is, and is met when read */
            TRY(count_cursors(self, t, cursor->base.field.utc ? "= '0000-00-00 00:00:00'" : "< '0001-01-01'",
                              &facts.odd_cursors, err));
    }
    *ret = facts;
    return RC_OK;
}

/* ---- single rows of a range ---- */

/* The position of the row `skip` rows behind the first, and whether another follows. */
static RC row_at(struct mysql_source *self, const struct mysql_table *table, const struct range *range, int64_t skip,
                 const char *direction, struct arena *arena, struct position *ret, int *ret_rows, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    buf_add_str(&sql, S("SELECT "));
    mysql_range_select_position(table, range, &sql);
    TRY(mysql_range_from(table, range, &sql, err));
    mysql_range_order(table, range, &sql);
    buf_addf(&sql, "%s LIMIT 2 OFFSET %lld", direction, (long long)skip);
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    MYSQL_ROW row = mysql_fetch_row(rows);
    if (row != NULL)
        TRY(mysql_range_position(table, range, row, mysql_fetch_lengths(rows), arena, ret, err));
    *ret_rows = (int)mysql_num_rows(rows);
    return RC_OK;
}

/* ---- cuts ---- */

static RC cut_row_at(const struct cutter *cutter, const struct range *range, int64_t skip, bool from_end,
                     struct arena *arena, struct position *ret, int *ret_rows, struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)cutter->source;
    TRY(mysql_custom_bind(mysql_table_of(cutter->table), range, self->control, err));
    return row_at(self, mysql_table_of(cutter->table), range, skip, from_end ? " DESC" : "", arena, ret, ret_rows, err);
}

static RC cut_is_empty(const struct cutter *cutter, const struct range *range, bool *ret, struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)cutter->source;
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    buf_add_str(&sql, S("SELECT 1"));
    TRY(mysql_range_from(mysql_table_of(cutter->table), range, &sql, err));
    buf_add_str(&sql, S(" LIMIT 1"));
    TRY(mysql_custom_bind(mysql_table_of(cutter->table), range, self->control, err));
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    *ret = mysql_num_rows(rows) == 0;
    return RC_OK;
}

static RC cut_next_group(const struct cutter *cutter, const struct range *range, const struct position *group,
                         struct arena *arena, struct position *ret, bool *ret_any, struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)cutter->source;
    const struct mysql_table *table = mysql_table_of(cutter->table);
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    const char *cursor = table->columns[table->base.cursor].base.name;
    TRY(mysql_custom_bind(table, range, self->control, err));
    buf_add_str(&sql, S("SELECT MIN("));
    mysql_quote(&sql, cursor);
    buf_add_str(&sql, S(")"));
    TRY(mysql_range_from(table, range, &sql, err));
    buf_add_str(&sql, S(" AND "));
    mysql_quote(&sql, cursor);
    buf_add_str(&sql, S(" > (SELECT MIN("));
    mysql_quote(&sql, cursor);
    buf_add_str(&sql, S(")"));
    TRY(mysql_range_from(table, range, &sql, err));
    buf_add_str(&sql, S(")"));
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    MYSQL_ROW row = mysql_fetch_row(rows);
    *ret_any = row != NULL && row[0] != NULL;
    return *ret_any ? mysql_range_position(table, range, row, mysql_fetch_lengths(rows), arena, ret, err) : RC_OK;
}

static RC cut_estimate(const struct cutter *cutter, const struct range *range, int64_t *ret, struct error *err)
{
    return estimate_rows((struct mysql_source *)cutter->source, mysql_table_of(cutter->table), range, ret, err);
}

static struct cutter cutter_of(struct source *source, const struct table *table)
{
    static const struct cutter_ops ops = {cut_row_at, cut_next_group, cut_is_empty, cut_estimate};
    const struct mysql_table *t = mysql_table_of(table);
    bool is_single = table->key_count == 1 && t->key_index != NULL;
    return (struct cutter){.ops = &ops,
                           .source = source,
                           .table = table,
                           .key_is_integer = is_single && t->columns[table->key[0]].decoding.kind == DECODE_INTEGER,
                           .key_is_unique = t->key_is_unique,
                           .key_is_indexed = t->key_index != NULL,
                           .cursor_is_indexed = t->cursor_index != NULL};
}

enum rc mysql_source_boundary(struct source *base, const struct table *table, const struct range *range, int64_t rows,
                              struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    struct cutter cutter = cutter_of(base, table);
    if (range->kind != RANGE_ALL)
        TRY(mysql_range_check((struct mysql_source *)base, mysql_table_of(table), range, err));
    return cutter_boundary(&cutter, range, rows, arena, ret_cut, ret_is_cut, err);
}

enum rc mysql_source_split(struct source *base, const struct table *table, const struct range *range, int readers,
                           struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err)
{
    struct cutter cutter = cutter_of(base, table);
    TRY(mysql_range_check((struct mysql_source *)base, mysql_table_of(table), range, err));
    return cutter_split(&cutter, range, readers, arena, ret_ranges, ret_count, err);
}

/* How large a range is, where a chunk of it ends, and how it is split: as little of the server's time as will do. */
#include <assert.h>
#include <stdlib.h>

#include "connect/mysql/source_parts.h"

enum {
    COUNT_MAX = 100000, /* above it the optimizer's estimate is good enough for a plan */
    SAMPLE_ROWS = 1000,
    SAMPLE_WIDE_ROWS = 20, /* of a table whose rows may be many MB each */
    WIDE_OCTETS = 1 << 16,
    SPLIT_ROWS_MIN = 10000, /* a smaller piece is not worth a connection */
    BISECTIONS_MAX = 24,
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
    TRY(range_from(table, range, &sql, err));
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
    TRY(range_from(table, range, &sql, err));
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
        bool is_text = column->field.type == TYPE_UTF8 || column->field.type == TYPE_BINARY;
        fixed += is_text ? OFFSET_BYTES : column->field.type == TYPE_DECIMAL ? DECIMAL_BYTES : NUMBER_BYTES;
        is_wide |= is_text && column->octets >= WIDE_OCTETS;
        if (is_text)
            buf_addf(&sql, " + IFNULL(LENGTH(%s), 0)", column->expression);
    }
    buf_addf(&sql, " + %lld AS bytes", (long long)fixed);
    TRY(range_from(table, range, &sql, err));
    buf_addf(&sql, " LIMIT %d) AS t", is_wide ? SAMPLE_WIDE_ROWS : SAMPLE_ROWS);
    return mysql_session_int64(self->control, sql.at, ret, err);
}

static RC count_cursors(struct mysql_source *self, const struct mysql_table *table, const char *condition, int64_t *ret,
                        struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SELECT COUNT(*) FROM %s WHERE ", table->quoted);
    mysql_quote(&sql, table->columns[table->base.cursor].name);
    buf_addf(&sql, " %s", condition);
    return mysql_session_int64(self->control, sql.at, ret, err);
}

enum rc mysql_source_facts(struct source *base, const struct table *table, const struct range *range,
                           struct range_facts *ret, struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)base;
    const struct mysql_table *t = mysql_table_of(table);
    struct range_facts facts = {0};
    TRY(range_check(self, t, range, err));
    TRY(count_rows(self, t, range, &facts.rows, err));
    TRY(sample_bytes(self, t, range, &facts.row_bytes, err));
    if (table->cursor >= 0) {
        const struct mysql_column *cursor = &t->columns[table->cursor];
        bool is_time = cursor->decoding.kind != DECODE_INTEGER;
        if (!cursor->not_null)
            TRY(count_cursors(self, t, "IS NULL", &facts.null_cursors, err));
        if (is_time) /* zero dates: below every mark; a partial one stands where its year is, and is met when read */
            TRY(count_cursors(self, t, cursor->field.utc ? "= '0000-00-00 00:00:00'" : "< '0001-01-01'",
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
    range_select_position(table, range, &sql);
    TRY(range_from(table, range, &sql, err));
    range_order(table, range, &sql);
    buf_addf(&sql, "%s LIMIT 2 OFFSET %lld", direction, (long long)skip);
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    MYSQL_ROW row = mysql_fetch_row(rows);
    if (row != NULL)
        TRY(range_position(table, range, row, mysql_fetch_lengths(rows), arena, ret, err));
    *ret_rows = (int)mysql_num_rows(rows);
    return RC_OK;
}

static bool has_integer_key(const struct mysql_table *table, const struct range *range)
{
    const struct mysql_column *column = &table->columns[table->base.key[0]];
    return goes_by_key(range->kind) && !goes_by_cursor(range->kind) && table->base.key_count == 1 &&
           table->key_index != NULL && column->decoding.kind == DECODE_INTEGER;
}

/* The range by its key alone: what an index knows at once. */
static struct range by_key_alone(const struct range *range)
{
    struct range alone = {.kind = RANGE_KEY, .lo = range->lo, .hi = range->hi};
    alone.lo.shape = alone.lo.key_count > 0 ? POSITION_AFTER : POSITION_NONE;
    alone.hi.shape = alone.hi.key_count > 0 ? POSITION_AFTER : POSITION_NONE;
    return alone;
}

/* Smallest and largest key of the range; *ret_any = false: it has none. */
static RC key_ends(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                   int64_t *ret_min, int64_t *ret_max, bool *ret_any, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct range alone = by_key_alone(range);
    struct position first = {0}, last = {0};
    int rows;
    TRY(row_at(self, table, &alone, 0, "", &arena, &first, &rows, err));
    TRY(row_at(self, table, &alone, 0, " DESC", &arena, &last, &rows, err));
    *ret_any = rows > 0 && first.key_count == 1 && last.key_count == 1 && first.key[0] != NULL && last.key[0] != NULL &&
               str_to_int64(str(first.key[0]), ret_min) && str_to_int64(str(last.key[0]), ret_max) &&
               *ret_min <= *ret_max;
    return RC_OK;
}

/* ---- boundary ---- */

/* Whether the range has, by its smallest and largest integer key, no more than so many rows: then no row is counted. */
static RC is_small(struct mysql_source *self, const struct mysql_table *table, const struct range *range, int64_t rows,
                   bool *ret, struct error *err)
{
    int64_t min, max;
    bool any;
    *ret = false;
    if (!has_integer_key(table, range) || !table->key_is_unique)
        return RC_OK;
    TRY(key_ends(self, table, range, &min, &max, &any, err));
    *ret = !any || (__int128)max - min < rows;
    return RC_OK;
}

static RC is_empty(struct mysql_source *self, const struct mysql_table *table, const struct range *range, bool *ret,
                   struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    buf_add_str(&sql, S("SELECT 1"));
    TRY(range_from(table, range, &sql, err));
    buf_add_str(&sql, S(" LIMIT 1"));
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    *ret = mysql_num_rows(rows) == 0;
    return RC_OK;
}

/* After the rows-th row; what ties with it, where the key is not unique, goes along. */
static RC cut_by_key(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                     int64_t rows, struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    struct position cut = {0};
    int found;
    bool is_whole = false, is_last = false;
    TRY(is_small(self, table, range, rows, &is_whole, err));
    if (is_whole)
        return RC_OK;
    TRY(row_at(self, table, range, rows - 1, "", arena, &cut, &found, err));
    if (found < 2)
        return RC_OK;
    if (!table->key_is_unique)
        TRY(is_empty(self, table, &(struct range){range->kind, cut, range->hi}, &is_last, err));
    if (is_last)
        return RC_OK;
    *ret_is_cut = true;
    *ret_cut = cut;
    return RC_OK;
}

/* The first row of the next group of equal cursors. */
static RC next_group(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                     struct arena *arena, struct position *ret, int *ret_rows, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    const char *cursor = table->columns[table->base.cursor].name;
    buf_add_str(&sql, S("SELECT MIN("));
    mysql_quote(&sql, cursor);
    buf_add_str(&sql, S(")"));
    TRY(range_from(table, range, &sql, err));
    buf_add_str(&sql, S(" AND "));
    mysql_quote(&sql, cursor);
    buf_add_str(&sql, S(" > (SELECT MIN("));
    mysql_quote(&sql, cursor);
    buf_add_str(&sql, S(")"));
    TRY(range_from(table, range, &sql, err));
    buf_add_str(&sql, S(")"));
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    MYSQL_ROW row = mysql_fetch_row(rows);
    *ret_rows = row != NULL && row[0] != NULL;
    return *ret_rows > 0 ? range_position(table, range, row, mysql_fetch_lengths(rows), arena, ret, err) : RC_OK;
}

/* A range that needs no key ends where a group of equal cursors does. */
static RC cut_by_time(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                      int64_t rows, struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    struct position first = {0}, left_out = {0};
    int found;
    TRY(row_at(self, table, range, rows, "", arena, &left_out, &found, err));
    if (found == 0)
        return RC_OK;
    TRY(row_at(self, table, range, 0, "", arena, &first, &found, err));
    if (text_eq(first.at, left_out.at)) /* one group is larger than the chunk: on to its end */
        TRY(next_group(self, table, range, arena, &left_out, &found, err));
    if (found == 0)
        return RC_OK;
    *ret_is_cut = true;
    *ret_cut = left_out;
    return RC_OK;
}

enum rc mysql_source_boundary(struct source *base, const struct table *table, const struct range *range, int64_t rows,
                              struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)base;
    const struct mysql_table *t = mysql_table_of(table);
    assert(rows > 0);
    *ret_is_cut = false;
    if (range->kind == RANGE_ALL)
        return RC_OK;
    TRY(range_check(self, t, range, err));
    return (range->kind == RANGE_TIME ? cut_by_time : cut_by_key)(self, t, range, rows, arena, ret_cut, ret_is_cut,
                                                                  err);
}

/* ---- split ---- */

/* A place inside a range of this kind, behind this integer key. */
static struct position behind_key(const struct range *range, int64_t key, struct arena *arena)
{
    bool is_walk = range->kind == RANGE_WALK;
    return (struct position){.shape = is_walk ? POSITION_WALK : POSITION_AFTER,
                             .at = is_walk ? range->hi.at : NULL,
                             .key_count = 1,
                             .key = {arena_print(arena, "%lld", (long long)key)}};
}

/* The key up to which the range has about `wanted` rows, found by halving: ids may be sparse. */
static RC key_behind_rows(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                          int64_t wanted, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    int64_t rows = 0, key = min;
    for (int i = 0; i < BISECTIONS_MAX && min < max; i++) {
        struct range part = by_key_alone(range);
        key = (int64_t)(((__int128)min + max) >> 1);
        part.hi = behind_key(&part, key, &arena);
        TRY(estimate_rows(self, table, &part, &rows, err));
        if (rows < wanted - wanted / 20)
            min = key + 1;
        else if (rows > wanted + wanted / 20)
            max = key;
        else
            break;
    }
    *ret = key;
    return RC_OK;
}

static RC cut_integers(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                       int64_t wanted, struct arena *arena, struct position *ret_cut, bool *ret_is_cut,
                       struct error *err)
{
    int64_t min, top, key;
    bool any;
    *ret_is_cut = false;
    TRY(key_ends(self, table, range, &min, &top, &any, err));
    if (!any)
        return RC_OK;
    TRY(key_behind_rows(self, table, range, wanted, min, top, &key, err));
    *ret_is_cut = key < top;
    *ret_cut = behind_key(range, key, arena);
    return RC_OK;
}

enum rc mysql_source_split(struct source *base, const struct table *table, const struct range *range, int pieces,
                           struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)base;
    const struct mysql_table *t = mysql_table_of(table);
    struct range rest = *range;
    int64_t rows;
    int count = 0;
    TRY(range_check(self, t, range, err));
    TRY(estimate_rows(self, t, range, &rows, err));
    if ((goes_by_cursor(range->kind) ? t->cursor_index : t->key_index) == NULL)
        rows = 0; /* to find a cut would read the table */
    for (int64_t wanted = rows / pieces; count < pieces - 1 && wanted >= SPLIT_ROWS_MIN;) {
        struct position cut = {0};
        bool is_cut = false;
        TRY(has_integer_key(t, range) ? cut_integers(self, t, &rest, wanted, arena, &cut, &is_cut, err)
                                      : mysql_source_boundary(base, table, &rest, wanted, arena, &cut, &is_cut, err));
        if (!is_cut)
            break;
        ret_ranges[count++] = (struct range){range->kind, rest.lo, cut};
        rest.lo = cut;
    }
    ret_ranges[count++] = rest;
    *ret_count = count;
    return RC_OK;
}

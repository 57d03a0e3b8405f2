/* How large a range is, where a chunk of it ends, and how it is split: as little of the server's time as will do. */
#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "connect/postgres/source_parts.h"

enum {
    COUNT_MAX = 100000, /* above it the planner's estimate is good enough for a plan */
    SAMPLE_ROWS = 1000,
    SAMPLE_WIDE_ROWS = 20, /* of a table whose rows may be many MB each */
    WIDE_BYTES = 1 << 16,
    SPLIT_ROWS_MIN = 10000, /* a smaller piece is not worth a connection */
    BISECTIONS_MAX = 24,
};

/* ---- facts ---- */

/* The planner's estimate, from the statistics it has. */
static RC estimate_rows(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                        int64_t *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("EXPLAIN (FORMAT JSON) SELECT 1"));
    TRY(pg_range_from(table, range, &sql, err));
    TRY(postgres_source_ask(self, sql.at, &rows, err));
    json_t *plan = json_loads(pq_text(&rows, 0, 0), 0, NULL);
    json_t *estimate = json_object_get(json_object_get(json_array_get(plan, 0), "Plan"), "Plan Rows");
    *ret = json_is_integer(estimate) ? json_integer_value(estimate) : (int64_t)json_real_value(estimate);
    json_decref(plan);
    return RC_OK;
}

static RC count_rows(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                     int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    int64_t count, estimate;
    buf_add_str(&sql, S("SELECT count(*) FROM (SELECT 1"));
    TRY(pg_range_from(table, range, &sql, err));
    buf_addf(&sql, " LIMIT %d) AS t", COUNT_MAX + 1);
    TRY(postgres_source_int64(self, sql.at, &count, err));
    if (count > COUNT_MAX) {
        TRY(estimate_rows(self, table, range, &estimate, err));
        count = estimate > count ? estimate : count;
    }
    *ret = count;
    return RC_OK;
}

static bool is_text(const struct pg_column *column)
{
    return column->field.type == TYPE_UTF8 || column->field.type == TYPE_BINARY;
}

/* The average of a sum over the columns of texts, of the first rows. */
static RC sample(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                 const char *function, int rows, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT coalesce(ceil(avg(bytes)), 0)::bigint FROM (SELECT 0"));
    for (int i = 0; i < table->column_count; i++) {
        const struct pg_column *column = &table->columns[i];
        const char *cast = column->field.type == TYPE_BINARY ? "" : "::text";
        if (is_text(column))
            buf_addf(&sql, " + coalesce(%s((%s)%s)::bigint, 0)", function, column->expression, cast);
    }
    buf_add_str(&sql, S(" AS bytes"));
    TRY(pg_range_from(table, range, &sql, err));
    buf_addf(&sql, " LIMIT %d) AS t", rows);
    return postgres_source_int64(self, sql.at, ret, err);
}

/* What a row takes in a batch: fixed widths, and the texts' lengths as the server counts them. Stored sizes tell first
 * whether rows are so wide that few of them have to do. */
static RC sample_bytes(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                       int64_t *ret, struct error *err)
{
    enum { OFFSET_BYTES = 4, NUMBER_BYTES = 8, DECIMAL_BYTES = 16 };
    int64_t fixed = 0, stored, texts;
    for (int i = 0; i < table->column_count; i++) {
        const struct pg_column *column = &table->columns[i];
        fixed += is_text(column) ? OFFSET_BYTES : column->field.type == TYPE_DECIMAL ? DECIMAL_BYTES : NUMBER_BYTES;
    }
    TRY(sample(self, table, range, "pg_column_size", SAMPLE_WIDE_ROWS, &stored, err));
    TRY(sample(self, table, range, "octet_length", stored >= WIDE_BYTES ? SAMPLE_WIDE_ROWS : SAMPLE_ROWS, &texts, err));
    *ret = texts > 0 || stored > 0 ? fixed + texts : fixed;
    return RC_OK;
}

static RC count_cursors(struct postgres_source *self, const struct pg_table *table, const char *condition, int64_t *ret,
                        struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, name = {0};
    pq_quote(&name, table->columns[table->base.cursor].name);
    buf_addf(&sql, "SELECT count(*) FROM %s WHERE ", table->quoted);
    for (const char *at = condition; *at != '\0'; at++)
        buf_add_str(&sql, *at == '@' ? buf_str(&name) : (struct str){at, 1});
    return postgres_source_int64(self, sql.at, ret, err);
}

RC postgres_source_facts(struct source *base, const struct table *table, const struct range *range,
                         struct range_facts *ret, struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)base;
    const struct pg_table *t = pg_table_of(table);
    struct range_facts facts = {0};
    TRY(pg_range_check(self, t, range, err));
    TRY(count_rows(self, t, range, &facts.rows, err));
    if (facts.rows > 0)
        TRY(sample_bytes(self, t, range, &facts.row_bytes, err));
    if (table->cursor >= 0) {
        const struct pg_column *cursor = &t->columns[table->cursor];
        if (!cursor->not_null)
            TRY(count_cursors(self, t, "@ IS NULL", &facts.null_cursors, err));
        if (table->form.kind != FORM_EPOCH) /* infinities among them */
            TRY(count_cursors(self, t, "@ < '0001-01-01' OR @ >= '10000-01-01'", &facts.odd_cursors, err));
    }
    *ret = facts;
    return RC_OK;
}

/* ---- single rows of a range ---- */

/* The position of the row `skip` rows behind the first, and whether another follows. */
static RC row_at(struct postgres_source *self, const struct pg_table *table, const struct range *range, int64_t skip,
                 const char *direction, struct arena *arena, struct position *ret, int *ret_rows, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT "));
    pg_range_select_position(table, range, &sql);
    TRY(pg_range_from(table, range, &sql, err));
    pg_range_order(table, range, direction, &sql);
    buf_addf(&sql, " LIMIT 2 OFFSET %lld", (long long)skip);
    TRY(postgres_source_ask(self, sql.at, &rows, err));
    *ret_rows = pq_rows(&rows);
    return *ret_rows > 0 ? pg_range_position(table, range, &rows, 0, arena, ret, err) : RC_OK;
}

static bool has_integer_key(const struct pg_table *table, const struct range *range)
{
    enum type type = table->columns[table->base.key[0]].field.type;
    return pg_goes_by_key(range->kind) && !pg_goes_by_cursor(range->kind) && table->base.key_count == 1 &&
           table->key_is_indexed && (type == TYPE_INT16 || type == TYPE_INT32 || type == TYPE_INT64);
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
static RC key_ends(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                   int64_t *ret_min, int64_t *ret_max, bool *ret_any, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct range alone = by_key_alone(range);
    struct position first = {0}, last = {0};
    int rows;
    TRY(row_at(self, table, &alone, 0, "", &arena, &first, &rows, err));
    TRY(row_at(self, table, &alone, 0, " DESC", &arena, &last, &rows, err));
    *ret_any = first.key_count == 1 && last.key_count == 1 && str_to_int64(str(first.key[0]), ret_min) &&
               str_to_int64(str(last.key[0]), ret_max) && *ret_min <= *ret_max;
    return RC_OK;
}

/* ---- boundary ---- */

/* Whether the range has, by its smallest and largest integer key, no more than so many rows: then no row is counted. */
static RC is_small(struct postgres_source *self, const struct pg_table *table, const struct range *range, int64_t rows,
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

static RC is_empty(struct postgres_source *self, const struct pg_table *table, const struct range *range, bool *ret,
                   struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT 1"));
    TRY(pg_range_from(table, range, &sql, err));
    buf_add_str(&sql, S(" LIMIT 1"));
    TRY(postgres_source_ask(self, sql.at, &rows, err));
    *ret = pq_rows(&rows) == 0;
    return RC_OK;
}

/* After the rows-th row; what ties with it, where the key is not unique, goes along. */
static RC cut_by_key(struct postgres_source *self, const struct pg_table *table, const struct range *range,
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

/* The first row behind a group of equal cursors. */
static RC next_group(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                     const struct position *group, struct arena *arena, struct position *ret, int *ret_rows,
                     struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT "));
    pg_range_select_position(table, range, &sql);
    TRY(pg_range_from(table, range, &sql, err));
    buf_add_str(&sql, S(" AND "));
    pq_quote(&sql, table->columns[table->base.cursor].name);
    buf_add_str(&sql, S(" > "));
    pq_literal(&sql, str(group->at));
    pg_range_order(table, range, "", &sql);
    buf_add_str(&sql, S(" LIMIT 1"));
    TRY(postgres_source_ask(self, sql.at, &rows, err));
    *ret_rows = pq_rows(&rows);
    return *ret_rows > 0 ? pg_range_position(table, range, &rows, 0, arena, ret, err) : RC_OK;
}

/* A range that needs no key ends where a group of equal cursors does. */
static RC cut_by_time(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                      int64_t rows, struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    struct position first = {0}, left_out = {0};
    int found;
    TRY(row_at(self, table, range, rows, "", arena, &left_out, &found, err));
    if (found == 0)
        return RC_OK;
    TRY(row_at(self, table, range, 0, "", arena, &first, &found, err));
    if (first.at != NULL && text_eq(first.at, left_out.at)) /* one group is larger than the chunk: on to its end */
        TRY(next_group(self, table, range, &first, arena, &left_out, &found, err));
    if (found == 0)
        return RC_OK;
    *ret_is_cut = true;
    *ret_cut = left_out;
    return RC_OK;
}

RC postgres_source_boundary(struct source *base, const struct table *table, const struct range *range, int64_t rows,
                            struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)base;
    const struct pg_table *t = pg_table_of(table);
    assert(rows > 0);
    *ret_is_cut = false;
    if (range->kind == RANGE_ALL)
        return RC_OK;
    TRY(pg_range_check(self, t, range, err));
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
static RC key_behind_rows(struct postgres_source *self, const struct pg_table *table, const struct range *range,
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

static RC cut_integers(struct postgres_source *self, const struct pg_table *table, const struct range *range,
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

RC postgres_source_split(struct source *base, const struct table *table, const struct range *range, int pieces,
                         struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)base;
    const struct pg_table *t = pg_table_of(table);
    struct range rest = *range;
    int64_t rows;
    int count = 0;
    TRY(pg_range_check(self, t, range, err));
    TRY(count_rows(self, t, range, &rows, err));
    if (!(pg_goes_by_cursor(range->kind) ? t->cursor_is_indexed : t->key_is_indexed))
        rows = 0; /* to find a cut would read the table */
    for (int64_t wanted = rows / pieces; count < pieces - 1 && wanted >= SPLIT_ROWS_MIN;) {
        struct position cut = {0};
        bool is_cut = false;
        TRY(has_integer_key(t, range)
                ? cut_integers(self, t, &rest, wanted, arena, &cut, &is_cut, err)
                : postgres_source_boundary(base, table, &rest, wanted, arena, &cut, &is_cut, err));
        if (!is_cut)
            break;
        ret_ranges[count++] = (struct range){range->kind, rest.lo, cut};
        rest.lo = cut;
    }
    ret_ranges[count++] = rest;
    *ret_count = count;
    return RC_OK;
}

/* How large a range is, where a chunk of it ends, and how it is split: as little of the server's time as will do. */
#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "connect/cut.h"
#include "connect/postgres/source_parts.h"

enum {
    COUNT_FIRST = 10000, /* so many are counted in any case; a run waits for it */
    COUNT_MAX = 100000,  /* above it the planner's estimate is good enough for a plan */
    SAMPLE_ROWS = 1000,
    SAMPLE_WIDE_ROWS = 20, /* of a table whose rows may be many MB each */
    WIDE_BYTES = 1 << 16,
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
    TRY(pg_range_ask(self, table, range, sql.at, &rows, err));
    json_t *plan = json_loads(pq_text(&rows, 0, 0), 0, NULL);
    json_t *estimate = json_object_get(json_object_get(json_array_get(plan, 0), "Plan"), "Plan Rows");
    *ret = json_is_integer(estimate) ? json_integer_value(estimate) : (int64_t)json_real_value(estimate);
    json_decref(plan);
    return RC_OK;
}

static RC count_up_to(struct postgres_source *self, const struct pg_table *table, const struct range *range, int most,
                      int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT count(*) FROM (SELECT 1"));
    TRY(pg_range_from(table, range, &sql, err));
    buf_addf(&sql, " LIMIT %d) AS t", most);
    return pg_range_int64(self, table, range, sql.at, ret, err);
}

static RC count_rows(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                     int64_t *ret, struct error *err)
{
    int64_t count, estimate;
    TRY(count_up_to(self, table, range, COUNT_FIRST + 1, &count, err));
    if (count > COUNT_FIRST) {
        TRY(estimate_rows(self, table, range, &estimate, err));
        if (estimate > COUNT_MAX)
            count = estimate;
        else
            TRY(count_up_to(self, table, range, COUNT_MAX + 1, &count, err));
    }
    *ret = count;
    return RC_OK;
}

static bool is_text(const struct pg_column *column)
{
    return column->base.field.type == TYPE_UTF8 || column->base.field.type == TYPE_BINARY;
}

/* The average of a sum over the columns of texts, of the first rows. */
static RC sample(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                 const char *function, int rows, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT coalesce(ceil(avg(bytes)), 0)::bigint FROM (SELECT 0"));
    for (int i = 0; i < table->column_count; i++) {
        const struct pg_column *column = &table->columns[i];
        const char *cast = column->base.field.type == TYPE_BINARY ? "" : "::text";
        if (is_text(column))
            buf_addf(&sql, " + coalesce(%s((%s)%s)::bigint, 0)", function, column->expression, cast);
    }
    buf_add_str(&sql, S(" AS bytes"));
    TRY(pg_range_from(table, range, &sql, err));
    buf_addf(&sql, " LIMIT %d) AS t", rows);
    return pg_range_int64(self, table, range, sql.at, ret, err);
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
        fixed += is_text(column)                           ? OFFSET_BYTES
                 : column->base.field.type == TYPE_DECIMAL ? DECIMAL_BYTES
                                                           : NUMBER_BYTES;
    }
    TRY(sample(self, table, range, "pg_column_size", SAMPLE_WIDE_ROWS, &stored, err));
    TRY(sample(self, table, range, "octet_length", stored >= WIDE_BYTES ? SAMPLE_WIDE_ROWS : SAMPLE_ROWS, &texts, err));
    *ret = fixed + texts;
    return RC_OK;
}

static RC count_cursors(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                        const char *condition, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0}, name = {0};
    pq_quote(&name, table->columns[table->base.cursor].base.name);
    buf_addf(&sql, "SELECT count(*) FROM %s AS t WHERE ", table->quoted);
    for (const char *at = condition; *at != '\0'; at++)
        buf_add_str(&sql, *at == '@' ? buf_str(&name) : (struct str){at, 1});
    return pg_range_int64(self, table, range, sql.at, ret, err);
}

RC postgres_source_facts(struct source *base, const struct table *table, const struct range *range,
                         struct range_facts *ret, struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)base;
    const struct pg_table *t = pg_table_of(table);
    const bool is_counted = range_is_only_counted(range);
    struct range_facts facts = {0};
    TRY(pg_range_check(self, t, range, err));
    TRY(count_rows(self, t, range, &facts.rows, err));
    if (facts.rows > 0 && !is_counted)
        TRY(sample_bytes(self, t, range, &facts.row_bytes, err));
    if (table->cursor >= 0 && !is_counted) {
        const struct pg_column *cursor = &t->columns[table->cursor];
        if (!cursor->base.not_null)
            TRY(count_cursors(self, t, range, "@ IS NULL", &facts.null_cursors, err));
        if (table->form.kind != FORM_EPOCH) /* infinities among them */
            TRY(count_cursors(self, t, range, "@ < '0001-01-01' OR @ >= '10000-01-01'", &facts.odd_cursors, err));
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
    TRY(pg_range_ask(self, table, range, sql.at, &rows, err));
    *ret_rows = pq_rows(&rows);
    return *ret_rows > 0 ? pg_range_position(table, range, &rows, 0, arena, ret, err) : RC_OK;
}

/* ---- cuts ---- */

static RC cut_row_at(const struct cutter *cutter, const struct range *range, int64_t skip, bool from_end,
                     struct arena *arena, struct position *ret, int *ret_rows, struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)cutter->source;
    return row_at(self, pg_table_of(cutter->table), range, skip, from_end ? " DESC" : "", arena, ret, ret_rows, err);
}

static RC cut_is_empty(const struct cutter *cutter, const struct range *range, bool *ret, struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)cutter->source;
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT 1"));
    TRY(pg_range_from(pg_table_of(cutter->table), range, &sql, err));
    buf_add_str(&sql, S(" LIMIT 1"));
    TRY(pg_range_ask(self, pg_table_of(cutter->table), range, sql.at, &rows, err));
    *ret = pq_rows(&rows) == 0;
    return RC_OK;
}

static RC cut_next_group(const struct cutter *cutter, const struct range *range, const struct position *group,
                         struct arena *arena, struct position *ret, bool *ret_any, struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)cutter->source;
    const struct pg_table *table = pg_table_of(cutter->table);
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT "));
    pg_range_select_position(table, range, &sql);
    TRY(pg_range_from(table, range, &sql, err));
    buf_add_str(&sql, S(" AND "));
    pq_quote(&sql, table->columns[table->base.cursor].base.name);
    buf_add_str(&sql, S(" > "));
    pq_literal(&sql, str(group->at));
    pg_range_order(table, range, "", &sql);
    buf_add_str(&sql, S(" LIMIT 1"));
    TRY(pg_range_ask(self, table, range, sql.at, &rows, err));
    *ret_any = pq_rows(&rows) > 0;
    return *ret_any ? pg_range_position(table, range, &rows, 0, arena, ret, err) : RC_OK;
}

static RC cut_estimate(const struct cutter *cutter, const struct range *range, int64_t *ret, struct error *err)
{
    return estimate_rows((struct postgres_source *)cutter->source, pg_table_of(cutter->table), range, ret, err);
}

static struct cutter cutter_of(struct source *source, const struct table *table)
{
    static const struct cutter_ops ops = {cut_row_at, cut_next_group, cut_is_empty, cut_estimate};
    const struct pg_table *t = pg_table_of(table);
    bool is_single = table->key_count == 1 && t->key_is_indexed;
    enum type type = is_single ? t->columns[table->key[0]].base.field.type : TYPE_UTF8;
    return (struct cutter){.ops = &ops,
                           .source = source,
                           .table = table,
                           .key_is_integer = type == TYPE_INT16 || type == TYPE_INT32 || type == TYPE_INT64,
                           .key_is_unique = t->key_is_unique,
                           .key_is_indexed = t->key_is_indexed,
                           .cursor_is_indexed = t->cursor_is_indexed};
}

RC postgres_source_boundary(struct source *base, const struct table *table, const struct range *range, int64_t rows,
                            struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    struct cutter cutter = cutter_of(base, table);
    if (range->kind != RANGE_ALL)
        TRY(pg_range_check((struct postgres_source *)base, pg_table_of(table), range, err));
    return cutter_boundary(&cutter, range, rows, arena, ret_cut, ret_is_cut, err);
}

RC postgres_source_split(struct source *base, const struct table *table, const struct range *range, int readers,
                         struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err)
{
    struct cutter cutter = cutter_of(base, table);
    if (range->kind == RANGE_ALL)
        return pg_snapshot_split((struct postgres_source *)base, pg_table_of(table), readers, arena, ret_ranges,
                                 ret_count, err);
    TRY(pg_range_check((struct postgres_source *)base, pg_table_of(table), range, err));
    return cutter_split(&cutter, range, readers, arena, ret_ranges, ret_count, err);
}

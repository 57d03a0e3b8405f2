/* The SQL of ranges and positions. Values of positions are literals without a type, which take the column's;
 * comparisons are the server's own, under the column's collation (S57). Rows compare as a whole, (a, b) > (1, 2), which
 * an index serves. */
#include <assert.h>

#include "connect/postgres/source_parts.h"

#define PG_ALIAS "of_table"

static const struct pg_column *key_column(const struct pg_table *table, int place)
{
    return &table->columns[table->base.key[place]];
}

static const struct pg_column *cursor_column(const struct pg_table *table)
{
    return &table->columns[table->base.cursor];
}

/* ---- literals ---- */

static RC add_key_literal(const struct pg_table *table, const struct pg_column *column, const char *text,
                          struct buf *out, struct error *err)
{
    AUTO_RELEASE(buf) bytes = {0};
    if (column->base.field.type != TYPE_BINARY) {
        pq_literal(out, str(text));
        return RC_OK;
    }
    if (strlen(text) % 2 != 0 || strspn(text, "0123456789abcdefABCDEF") != strlen(text))
        return fail(err, RC_DATA, "the position of '%s' has a value for '%s' that is none of its type",
                    table->base.name, column->base.name);
    buf_addf(&bytes, "\\x%s", text);
    pq_literal(out, buf_str(&bytes));
    return RC_OK;
}

static RC add_cursor_literal(const struct pg_table *table, const char *text, struct buf *out, struct error *err)
{
    int64_t us;
    if (!form_parse(&table->base.form, text, &us))
        return fail(err, RC_DATA, "the position of '%s' has a cursor that is none of its form", table->base.name);
    pq_literal(out, str(text));
    return RC_OK;
}

/* ---- conditions ---- */

struct condition {
    const struct pg_table *table;
    struct buf *out;
    bool any;
};

static void add_and(struct condition *self)
{
    buf_add_str(self->out, self->any ? S(" AND ") : S(" WHERE "));
    self->any = true;
}

/* (cursor, a, b) > ('...', '1', '2'); without its cursor for a range that goes by the key. */
static RC add_row_compare(struct condition *self, const struct position *position, const char *sign, bool with_cursor,
                          struct error *err)
{
    const struct pg_table *table = self->table;
    add_and(self);
    buf_add_str(self->out, S("("));
    if (with_cursor)
        pq_quote(self->out, cursor_column(table)->base.name);
    for (int i = 0; i < position->key_count; i++) {
        buf_add_str(self->out, i > 0 || with_cursor ? S(", ") : S(""));
        pq_quote(self->out, key_column(table, i)->base.name);
    }
    buf_addf(self->out, ") %s (", sign);
    if (with_cursor)
        TRY(add_cursor_literal(table, position->at, self->out, err));
    for (int i = 0; i < position->key_count; i++) {
        buf_add_str(self->out, i > 0 || with_cursor ? S(", ") : S(""));
        TRY(add_key_literal(table, key_column(table, i), position->key[i], self->out, err));
    }
    buf_add_str(self->out, S(")"));
    return RC_OK;
}

static RC add_cursor_compare(struct condition *self, const char *sign, const char *text, struct error *err)
{
    add_and(self);
    pq_quote(self->out, cursor_column(self->table)->base.name);
    buf_addf(self->out, " %s ", sign);
    return add_cursor_literal(self->table, text, self->out, err);
}

/* Behind the cut of a position, or from its cursor on; up to the cut, or below its cursor. */
static RC add_cursor_end(struct condition *self, const struct position *end, bool is_upper, struct error *err)
{
    if (end->key_count > 0)
        return add_row_compare(self, end, is_upper ? "<=" : ">", true, err);
    return add_cursor_compare(self, is_upper ? "<" : ">=", end->at, err);
}

static RC add_key_end(struct condition *self, const struct position *end, enum position_shape shape, bool is_upper,
                      struct error *err)
{
    if (end->shape != shape || end->key_count == 0)
        return RC_OK;
    return add_row_compare(self, end, is_upper ? "<=" : ">", false, err);
}

static RC add_conditions(struct condition *self, const struct range *range, struct error *err)
{
    switch (range->kind) {
    case RANGE_ALL: return RC_OK;
    case RANGE_PART: pg_snapshot_where(range, self->out); return RC_OK;
    case RANGE_KEY:
        TRY(add_key_end(self, &range->lo, POSITION_AFTER, false, err));
        return add_key_end(self, &range->hi, POSITION_AFTER, true, err);
    case RANGE_WALK:
        TRY(add_key_end(self, &range->lo, POSITION_WALK, false, err));
        TRY(add_key_end(self, &range->hi, POSITION_WALK, true, err));
        return add_cursor_compare(self, "<", range->hi.at, err);
    case RANGE_ROW: return add_row_compare(self, &range->hi, "=", false, err);
    case RANGE_NULL:
        TRY(add_key_end(self, &range->lo, POSITION_AFTER, false, err));
        TRY(add_key_end(self, &range->hi, POSITION_AFTER, true, err));
        add_and(self);
        pq_quote(self->out, cursor_column(self->table)->base.name);
        buf_add_str(self->out, S(" IS NULL"));
        return RC_OK;
    case RANGE_CURSOR:
    case RANGE_TIME: break;
    }
    if (range->lo.shape == POSITION_AT)
        TRY(add_cursor_end(self, &range->lo, false, err));
    return range->hi.shape == POSITION_AT ? add_cursor_end(self, &range->hi, true, err) : RC_OK;
}

RC pg_range_from(const struct pg_table *table, const struct range *range, struct buf *out, struct error *err)
{
    struct condition condition = {.table = table, .out = out};
    buf_addf(out, " FROM %s AS " PG_ALIAS, table->quoted);
    return add_conditions(&condition, range, err);
}

/* Of the table, never of what is selected: `SELECT id::text ... ORDER BY id` goes by the text. */
static void add_order(const struct pg_column *column, const char *direction, struct buf *out)
{
    buf_add_str(out, S(PG_ALIAS "."));
    pq_quote(out, column->base.name);
    buf_add_str(out, str(direction));
}

void pg_range_order(const struct pg_table *table, const struct range *range, const char *direction, struct buf *out)
{
    const char *comma = " ORDER BY ";
    if (range_goes_by_cursor(range->kind)) {
        buf_add_str(out, str(comma));
        add_order(cursor_column(table), direction, out);
        comma = ", ";
    }
    for (int i = 0; i < table->base.key_count && range_goes_by_key(range->kind); i++, comma = ", ") {
        buf_add_str(out, str(comma));
        add_order(key_column(table, i), direction, out);
    }
}

/* ---- what no range would take ---- */

/* NaN comes after every number, infinities at both ends: of a key they are values like any other. Not so NULL. */
static RC check_key_column(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                           const struct pg_column *column, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    int64_t has_null = 0;
    if (column->base.not_null)
        return RC_OK;
    buf_addf(&sql, "SELECT count(*) FROM (SELECT 1 FROM %s AS t WHERE ", table->quoted);
    pq_quote(&sql, column->base.name);
    buf_add_str(&sql, S(" IS NULL LIMIT 1) AS t"));
    TRY(pg_range_int64(self, table, range, sql.at, &has_null, err));
    if (has_null == 0)
        return RC_OK;
    fail(err, RC_DATA, "the key column '%s' of '%s' is NULL in some rows: no range would ever take them",
         column->base.name, table->base.name);
    return fail_todo(err, "make the column NOT NULL, name another key, or take increment: full_sync");
}

RC pg_range_check(struct postgres_source *self, const struct pg_table *table, const struct range *range,
                  struct error *err)
{
    const struct position *ends[] = {&range->lo, &range->hi};
    struct pg_table *mine = (struct pg_table *)(uintptr_t)table; /* ours, const only for the caller */
    bool by_cursor = range_goes_by_cursor(range->kind) || range->kind == RANGE_WALK;
    assert(!range_goes_by_key(range->kind) || table->base.key_count > 0);
    assert(!by_cursor || (table->base.cursor >= 0 && (range->hi.at != NULL || range->kind == RANGE_TIME)));
    assert(range->kind != RANGE_NULL || table->base.cursor >= 0);
    if (!range_goes_by_key(range->kind))
        return RC_OK;
    for (int i = 0; i < 2; i++) {
        if (ends[i]->key_count != 0 && ends[i]->key_count != table->base.key_count)
            return fail(err, RC_DATA, "the position of '%s' names %d key values, and its key has %d columns",
                        table->base.name, ends[i]->key_count, table->base.key_count);
    }
    for (int i = 0; i < table->base.key_count && !table->keys_are_checked; i++)
        TRY(check_key_column(self, table, range, key_column(table, i), err));
    mine->keys_are_checked = true;
    return RC_OK;
}

/* ---- positions ---- */

static void add_key_text(const struct pg_column *column, struct buf *out)
{
    bool is_bytes = column->base.field.type == TYPE_BINARY;
    buf_add_str(out, is_bytes ? S("encode(") : S(""));
    pq_quote(out, column->base.name);
    buf_add_str(out, is_bytes ? S(", 'hex')") : S("::text"));
}

/* An instant as what the clock in UTC says. */
static void add_cursor_text(const struct pg_column *column, struct buf *out)
{
    buf_add_str(out, S("("));
    pq_quote(out, column->base.name);
    buf_add_str(out, column->base.field.type == TYPE_TIMESTAMP && column->base.field.utc
                         ? S(" AT TIME ZONE 'UTC')::text")
                         : S(")::text"));
}

void pg_range_select_position(const struct pg_table *table, const struct range *range, struct buf *out)
{
    bool any = range_goes_by_cursor(range->kind);
    if (any)
        add_cursor_text(cursor_column(table), out);
    for (int i = 0; i < table->base.key_count && range_goes_by_key(range->kind); i++, any = true) {
        buf_add_str(out, any ? S(", ") : S(""));
        add_key_text(key_column(table, i), out);
    }
}

/* The server's text of a cursor in the form that positions have. */
static RC cursor_text(const struct pg_table *table, const char *text, struct arena *arena, const char **ret,
                      struct error *err)
{
    char stamp[CURSOR_TEXT];
    int64_t us;
    if (table->base.form.kind == FORM_EPOCH) {
        *ret = arena_text(arena, text);
        return RC_OK;
    }
    if (!stamp_parse(text, &us))
        return fail(err, RC_DATA, "the cursor '%s' of '%s' holds a time that no position can say",
                    cursor_column(table)->base.name, table->base.name);
    form_print(&table->base.form, us, stamp);
    *ret = arena_text(arena, stamp);
    return RC_OK;
}

RC pg_range_position(const struct pg_table *table, const struct range *range, const struct pq_answer *rows, int row,
                     struct arena *arena, struct position *ret, struct error *err)
{
    struct position position = {0};
    int place = 0;
    if (range_goes_by_cursor(range->kind)) {
        position.shape = POSITION_AT;
        TRY(cursor_text(table, pq_text(rows, row, 0), arena, &position.at, err));
        place = 1;
    } else if (range->kind == RANGE_WALK) {
        position.shape = POSITION_WALK;
        position.at = arena_text(arena, range->hi.at);
    } else {
        position.shape = POSITION_AFTER;
    }
    for (int i = 0; i < table->base.key_count && range_goes_by_key(range->kind); i++, place++) {
        if (pq_is_null(rows, row, place))
            return fail(err, RC_DATA, "the key column '%s' of '%s' holds a value that no position can say",
                        key_column(table, i)->base.name, table->base.name);
        position.key[position.key_count++] = arena_text(arena, pq_text(rows, row, place));
    }
    *ret = position;
    return RC_OK;
}

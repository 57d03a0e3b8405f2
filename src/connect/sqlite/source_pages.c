#include "connect/sqlite/source_parts.h"

#include <assert.h>

/* ---- the order, and what is selected ---- */

static int select_column(struct pages *self, const char *name)
{
    for (int i = 0; i < self->selected_count; i++) {
        if (strcmp(self->selected[i], name) == 0)
            return i;
    }
    self->selected[self->selected_count] = name;
    return self->selected_count++;
}

static void order_by(struct pages *self, const char *name)
{
    assert(self->order_count < ORDER_MAX);
    self->order_at[self->order_count] = select_column(self, name);
    self->order[self->order_count++] = name;
}

static void order_by_tie(struct pages *self)
{
    for (int i = 0; i < self->table->tie_count; i++) {
        bool is_there = false;
        for (int j = 0; j < self->order_count; j++)
            is_there |= strcmp(self->order[j], self->table->tie[i]) == 0;
        if (!is_there)
            order_by(self, self->table->tie[i]);
    }
}

static const char *column_name(const struct pages *self, int column) { return self->table->columns[column].base.name; }

static void pages_start(struct pages *self, struct sqlite_source *source, const struct sqlite_table *table, int columns)
{
    *self = (struct pages){.source = source, .table = table};
    self->selected = arena_take(&self->arena, (size_t)(columns + ORDER_MAX) * sizeof(*self->selected));
}

void pages_init(struct pages *self, struct sqlite_source *source, const struct sqlite_table *table,
                const struct range *range, const int *columns, int count)
{
    pages_start(self, source, table, count);
    self->range = *range;
    for (int i = 0; i < count; i++)
        select_column(self, column_name(self, columns != NULL ? columns[i] : i));
    if (range_goes_by_cursor(range->kind))
        order_by(self, column_name(self, table->base.cursor));
    for (int i = 0; i < table->base.key_count && pages_go_by_key(range->kind); i++)
        order_by(self, column_name(self, table->base.key[i]));
    self->sure_count = self->order_count;
    if (!pages_go_by_key(range->kind) || !table->key_is_unique)
        order_by_tie(self);
}

void pages_init_cursors(struct pages *self, struct sqlite_source *source, const struct sqlite_table *table)
{
    pages_start(self, source, table, 1);
    self->only_cursors = true;
    select_column(self, column_name(self, table->base.cursor));
    if (table->base.cursor_indexed)
        order_by(self, column_name(self, table->base.cursor));
    order_by_tie(self);
}

static void forget_statement(struct pages *self)
{
    sqlite3_finalize(self->statement);
    self->statement = NULL;
    self->is_open = false;
}

void pages_release(struct pages *self)
{
    forget_statement(self);
    for (int i = 0; i < ORDER_MAX; i++)
        sqlite3_value_free(self->last[i]);
    arena_release(&self->arena);
}

/* ---- the SQL of a page ---- */

/* One '?': a text of the range, or (NULL) what the row before has in this place of the order. */
struct operand {
    enum type type;
    const char *text;
    int place;
};

struct query {
    struct buf sql;
    struct operand operands[4 * ORDER_MAX];
    int operand_count;
    bool has_condition;
};

static void query_release(struct query *self) { buf_release(&self->sql); }

static void query_and(struct query *query)
{
    buf_add_str(&query->sql, query->has_condition ? S(" AND ") : S(" WHERE "));
    query->has_condition = true;
}

static enum type order_type(const struct pages *self, int place)
{
    bool by_cursor = range_goes_by_cursor(self->range.kind), is_cursor = by_cursor && place == 0;
    if (is_cursor)
        return self->table->base.form.kind == FORM_EPOCH ? TYPE_INT64 : TYPE_UTF8;
    return self->table->columns[self->table->base.key[place - by_cursor]].base.field.type;
}

/* ("a", "b") < (?, ?) over the places from..to of the order; texts NULL: compared with the row before. */
static void query_compare(struct query *query, const struct pages *self, int count, const char *sign,
                          const char *const *texts)
{
    query_and(query);
    buf_add_str(&query->sql, S("("));
    for (int i = 0; i < count; i++) {
        buf_add_str(&query->sql, i > 0 ? S(", ") : S(""));
        sqlite_quote(&query->sql, self->order[i]);
    }
    buf_addf(&query->sql, ") %s (", sign);
    for (int i = 0; i < count; i++) {
        buf_add_str(&query->sql, i > 0 ? S(", ?") : S("?"));
        query->operands[query->operand_count++] =
            texts != NULL ? (struct operand){order_type(self, i), texts[i], 0} : (struct operand){.place = i};
    }
    buf_add_str(&query->sql, S(")"));
}

/* A position's values in the order's places. */
static int position_texts(const struct pages *self, const struct position *position, const char *texts[ORDER_MAX])
{
    int count = 0;
    if (range_goes_by_cursor(self->range.kind))
        texts[count++] = position->at;
    for (int i = 0; i < position->key_count; i++)
        texts[count++] = position->key[i];
    return count;
}

/* Where the first page begins: cursor >= at, or behind a cut. */
static void query_lower(struct query *query, const struct pages *self)
{
    const struct position *lo = &self->range.lo;
    const char *texts[ORDER_MAX];
    int count = position_texts(self, lo, texts);
    if (range_goes_by_cursor(self->range.kind) && lo->shape == POSITION_AT)
        query_compare(query, self, count, lo->key_count > 0 ? ">" : ">=", texts);
    else if (!range_goes_by_cursor(self->range.kind) && lo->key_count > 0 &&
             lo->shape == (self->range.kind == RANGE_WALK ? POSITION_WALK : POSITION_AFTER))
        query_compare(query, self, count, ">", texts);
}

static void query_upper(struct query *query, const struct pages *self)
{
    const struct position *hi = &self->range.hi;
    const char *texts[ORDER_MAX];
    int count = position_texts(self, hi, texts);
    if (self->range.kind == RANGE_WALK) {
        query_and(query);
        sqlite_quote(&query->sql, column_name(self, self->table->base.cursor));
        buf_add_str(&query->sql, S(" < ?"));
        enum type type = self->table->base.form.kind == FORM_EPOCH ? TYPE_INT64 : TYPE_UTF8;
        query->operands[query->operand_count++] = (struct operand){type, hi->at, 0};
    }
    if (self->range.kind == RANGE_NULL) {
        query_and(query);
        sqlite_quote(&query->sql, column_name(self, self->table->base.cursor));
        buf_add_str(&query->sql, S(" IS NULL"));
    }
    if (range_goes_by_cursor(self->range.kind) && hi->shape == POSITION_AT)
        query_compare(query, self, count, hi->key_count > 0 ? "<=" : "<", texts);
    else if (hi->key_count > 0)
        query_compare(query, self, count, self->range.kind == RANGE_ROW ? "=" : "<=", texts);
}

static void query_build(struct query *query, const struct pages *self)
{
    struct buf *sql = &query->sql;
    if (self->selected_count == 0)
        buf_add_str(sql, S("SELECT 1"));
    for (int i = 0; i < self->selected_count; i++) {
        buf_add_str(sql, i > 0 ? S(", ") : S("SELECT "));
        sqlite_quote(sql, self->selected[i]);
    }
    buf_addf(sql, " FROM %s", self->table->quoted);
    if (self->only_cursors) {
        query_and(query);
        sqlite_quote(sql, column_name(self, self->table->base.cursor));
        buf_add_str(sql, S(" IS NOT NULL"));
    } else if (self->range.kind != RANGE_ALL) {
        query_upper(query, self);
    }
    if (self->is_rest)
        query_compare(query, self, self->order_count, ">", NULL);
    else if (!self->only_cursors && self->range.kind != RANGE_ALL)
        query_lower(query, self);
    for (int i = 0; i < self->order_count; i++) {
        buf_add_str(sql, i > 0 ? S(", ") : S(" ORDER BY "));
        sqlite_quote(sql, self->order[i]);
    }
    buf_add_str(sql, S(" LIMIT ?"));
}

static RC bind_operand(struct pages *self, int parameter, const struct operand *operand, struct error *err)
{
    if (operand->text != NULL)
        return sqlite_key_bind(self->source->db, self->statement, parameter, operand->type, operand->text, &self->arena,
                               err);
    int code = sqlite3_bind_value(self->statement, parameter, self->last[operand->place]);
    return code == SQLITE_OK ? RC_OK : sqlite_fail(self->source->db, code, err);
}

static RC begin_page(struct pages *self, struct error *err)
{
    AUTO_RELEASE(query) query = {0};
    query_build(&query, self);
    if (self->statement == NULL)
        TRY(sqlite_table_prepare(self->source, self->table, &self->range, query.sql.at, &self->statement, err));
    int before = sqlite3_bind_parameter_count(self->statement) - query.operand_count - 1; /* of a statement */
    for (int i = 0; i < query.operand_count; i++)
        TRY(bind_operand(self, before + i + 1, &query.operands[i], err));
    sqlite_bind_int64(self->statement, before + query.operand_count + 1,
                      self->table->sql != NULL ? -1 : self->source->options.page_rows);
    self->is_open = true;
    self->stepped = 0;
    return RC_OK;
}

/* ---- from page to page ---- */

RC pages_pause(struct pages *self, struct error *err)
{
    if (!self->is_open || self->table->sql != NULL) /* of a statement nothing tells for sure where to go on */
        return RC_OK;
    for (int i = 0; i < self->order_count; i++) {
        if (sqlite3_column_type(self->statement, self->order_at[i]) ==
            SQLITE_NULL) /* nothing is greater: the walk would end here */
            return fail(err, RC_DATA, "column '%s' of '%s' orders the rows and holds NULL", self->order[i],
                        self->table->base.name);
        sqlite3_value_free(self->last[i]);
        self->last[i] = sqlite3_value_dup(sqlite3_column_value(self->statement, self->order_at[i]));
        if (self->last[i] == NULL)
            return sqlite_fail(self->source->db, SQLITE_NOMEM, err);
    }
    sqlite3_reset(self->statement);
    if (!self->is_rest)
        forget_statement(self);
    self->is_open = false;
    self->is_rest = true;
    return RC_OK;
}

RC pages_next(struct pages *self, bool *ret_row, struct error *err)
{
    *ret_row = false;
    if (self->is_open && self->stepped == self->source->options.page_rows && self->table->sql == NULL)
        TRY(pages_pause(self, err));
    if (self->ended)
        return RC_OK;
    if (!self->is_open && begin_page(self, err) != RC_OK)
        return fail_in(err, "reading '%s'", self->table->base.name);
    if (sqlite_step(self->source->db, self->statement, ret_row, err) != RC_OK)
        return fail_in(err, "reading '%s'", self->table->base.name);
    self->stepped++;
    if (!*ret_row) {
        self->ended = true;
        self->is_open = false;
        sqlite3_reset(self->statement);
    }
    return RC_OK;
}

void pages_skip_ties(struct pages *self)
{
    if (self->table->sql != NULL)
        return; /* they are looked at one by one */
    assert(!self->is_open && self->is_rest);
    self->order_count = self->sure_count;
    forget_statement(self);
}

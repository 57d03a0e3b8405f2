#include "connect/sqlite/source_parts.h"

#include <assert.h>
#include <stdlib.h>

enum { SAMPLE_ROWS = 1000 };

/* A range is made for the table as it is described; a key that was changed in the configuration does not fit old
 * positions. */
static RC check_range(const struct sqlite_table *table, const struct range *range, struct error *err)
{
    const struct position *ends[] = {&range->lo, &range->hi};
    bool is_timed = range_goes_by_cursor(range->kind) || range->kind == RANGE_WALK;
    assert(!pages_go_by_key(range->kind) || table->base.key_count > 0);
    assert(!is_timed || (table->base.cursor >= 0 && (range->hi.at != NULL || range->kind == RANGE_TIME)));
    assert(range->kind != RANGE_NULL || table->base.cursor >= 0);
    assert(range->kind != RANGE_TIME || (range->lo.key_count == 0 && range->hi.key_count == 0));
    for (int i = 0; i < 2 && pages_go_by_key(range->kind); i++) {
        if (ends[i]->key_count == 0 || ends[i]->key_count == table->base.key_count)
            continue;
        return fail(err, RC_DATA, "the position of '%s' names %d key values, and its key has %d columns",
                    table->base.name, ends[i]->key_count, table->base.key_count);
    }
    return RC_OK;
}

/* ---- batches ---- */

struct sqlite_reader {
    struct batch_reader base;
    struct sqlite_source *source;
    const struct sqlite_table *table;
    struct batch_builder *builder;
    bool is_snapshot, ended;
    struct pages pages;       /* of a range */
    sqlite3_stmt *everything; /* of RANGE_ALL: one statement is one transaction, and one snapshot */
};

static const char *misfit_name(sqlite3_stmt *row, int at)
{
    static const char *const names[] = {[SQLITE_INTEGER] = "an integer that is none of its type",
                                        [SQLITE_FLOAT] = "a number that is none of its type",
                                        [SQLITE_TEXT] = "a text that is none of its type, or not UTF-8",
                                        [SQLITE_BLOB] = "bytes that are none of its type",
                                        [SQLITE_NULL] = "a NULL that its declaration rules out"};
    return names[sqlite3_column_type(row, at)];
}

static RC add_row(struct sqlite_reader *self, sqlite3_stmt *row, struct error *err)
{
    struct cell cell;
    const struct table *base = &self->table->base;
    if (!self->is_snapshot && base->cursor >= 0 && sqlite3_column_type(row, base->cursor) != SQLITE_NULL &&
        sqlite_cursor_is_odd(&base->form, row, base->cursor))
        return sqlite_fail_odd_cursors(self->source, self->table, err);
    for (int i = 0; i < self->table->column_count; i++) {
        const struct sqlite_column *column = &self->table->columns[i];
        bool is_null = sqlite3_column_type(row, i) == SQLITE_NULL;
        bool fits = is_null ? column->base.field.nullable : cell_read(&cell, column, row, i);
        if (!fits && !source_sets_aside(base, i))
            return sqlite_fail_misfit(self->source, self->table, i, err);
        if (is_null || !fits)
            builder_null(self->builder, i);
        else
            cell_put(&cell, column, self->builder, i);
        if (!fits)
            builder_reject(self->builder, i, misfit_name(row, i),
                           is_null ? (struct str){NULL, 0} : sqlite_column_str(row, i));
    }
    builder_end_row(self->builder);
    return RC_OK;
}

static RC next_row(struct sqlite_reader *self, bool *ret_row, struct error *err)
{
    if (!self->is_snapshot)
        return pages_next(&self->pages, ret_row, err);
    if (sqlite_step(self->source->db, self->everything, ret_row, err) != RC_OK)
        return fail_in(err, "reading '%s'", self->table->base.name);
    return RC_OK;
}

/* A page is a batch: its transaction ends before the batch is looked at. */
static RC reader_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct sqlite_reader *self = (struct sqlite_reader *)base;
    int64_t rows = 0;
    bool is_row = !self->ended;
    while (is_row && rows < self->source->options.page_rows && !builder_is_full(self->builder)) {
        TRY(next_row(self, &is_row, err));
        self->ended = !is_row;
        if (!is_row)
            break;
        TRY(add_row(self, self->is_snapshot ? self->everything : self->pages.statement, err));
        rows++;
    }
    if (!self->is_snapshot)
        TRY(pages_pause(&self->pages, err));
    *ret = rows > 0 ? builder_finish(self->builder) : NULL;
    return RC_OK;
}

static void reader_free(struct batch_reader *base)
{
    struct sqlite_reader *self = (struct sqlite_reader *)base;
    pages_release(&self->pages);
    sqlite3_finalize(self->everything);
    batch_builder_free(self->builder);
    free(self);
}

static const struct batch_reader_ops reader_ops = {.next = reader_next, .free = reader_free};

static RC open_snapshot(struct sqlite_reader *self, struct error *err)
{
    static const struct range everything = {.kind = RANGE_ALL};
    AUTO_RELEASE(buf) sql = {0};
    for (int i = 0; i < self->table->column_count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S("SELECT "));
        sqlite_quote(&sql, self->table->columns[i].base.name);
    }
    buf_addf(&sql, " FROM %s", self->table->quoted);
    return sqlite_table_prepare(self->source, self->table, &everything, sql.at, &self->everything, err);
}

enum rc sqlite_source_read(struct source *base, const struct table *table, const struct range *range,
                           struct batch_reader **ret, struct error *err)
{
    struct sqlite_source *source = (struct sqlite_source *)base;
    const struct sqlite_table *t = sqlite_table_of(table);
    TRY(check_range(t, range, err));
    if (range->kind != RANGE_ALL)
        TRY(sqlite_check_order(source, t, pages_go_by_key(range->kind), err));
    struct sqlite_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct sqlite_reader){
        .base = {&reader_ops}, .source = source, .table = t, .builder = batch_builder_new(table->schema)};
    AUTO(batch_reader) *reader = &self->base;
    self->is_snapshot = range->kind == RANGE_ALL;
    if (!self->is_snapshot)
        pages_init(&self->pages, source, t, range, NULL, t->column_count);
    else if (open_snapshot(self, err) != RC_OK)
        return fail_in(err, "reading '%s'", table->name);
    *ret = TAKE(reader);
    return RC_OK;
}

/* ---- boundary ---- */

static RC take_cut(const struct pages *pages, struct arena *arena, struct position *ret, struct error *err)
{
    const struct table *table = &pages->table->base;
    struct position cut = {.key_count = table->key_count};
    int place = 0;
    switch (pages->range.kind) {
    case RANGE_CURSOR:
        if (sqlite_cursor_is_odd(&table->form, pages->statement, 0))
            return sqlite_fail_odd_cursors(pages->source, pages->table, err);
        cut.shape = POSITION_AT;
        cut.at = arena_str(arena, sqlite_column_str(pages->statement, pages->order_at[place++]));
        break;
    case RANGE_WALK:
        cut.shape = POSITION_WALK;
        cut.at = arena_text(arena, pages->range.hi.at);
        break;
    default: cut.shape = POSITION_AFTER;
    }
    for (int i = 0; i < table->key_count; i++)
        TRY(sqlite_key_text(pages->table, table->key[i], pages->statement, pages->order_at[place + i], arena,
                            &cut.key[i], err));
    *ret = cut;
    return RC_OK;
}

/* `rows` rows on; *ret_row = false: there are fewer. */
static RC skip_rows(struct pages *pages, int64_t rows, bool *ret_row, struct error *err)
{
    *ret_row = true;
    for (int64_t i = 0; i < rows && *ret_row; i++)
        TRY(pages_next(pages, ret_row, err));
    return RC_OK;
}

static RC cut_by_key(struct pages *pages, int64_t rows, struct arena *arena, struct position *ret_cut, bool *ret_is_cut,
                     struct error *err)
{
    struct position cut;
    bool is_row;
    TRY(skip_rows(pages, rows, &is_row, err));
    if (!is_row)
        return RC_OK;
    TRY(take_cut(pages, arena, &cut, err));
    TRY(pages_pause(pages, err));
    pages_skip_ties(pages); /* rows that the cut takes along, where the key is not unique */
    TRY(pages_next(pages, ret_is_cut, err));
    if (*ret_is_cut)
        *ret_cut = cut;
    return RC_OK;
}

/* The cursor's text in the current row. */
static RC take_cursor_text(const struct pages *pages, struct arena *arena, const char **ret, struct error *err)
{
    if (sqlite_cursor_is_odd(&pages->table->base.form, pages->statement, pages->order_at[0]))
        return sqlite_fail_odd_cursors(pages->source, pages->table, err);
    *ret = arena_str(arena, sqlite_column_str(pages->statement, pages->order_at[0]));
    return RC_OK;
}

/* A cursor range that needs no key ends where a group of equal cursors does. */
static RC cut_by_time(struct pages *pages, int64_t rows, struct arena *arena, struct position *ret_cut,
                      bool *ret_is_cut, struct error *err)
{
    const char *first = NULL, *left_out = NULL;
    bool is_row;
    TRY(pages_next(pages, &is_row, err));
    if (!is_row)
        return RC_OK;
    TRY(take_cursor_text(pages, arena, &first, err));
    TRY(skip_rows(pages, rows, &is_row, err));
    if (!is_row)
        return RC_OK;
    TRY(take_cursor_text(pages, arena, &left_out, err));
    if (text_eq(first, left_out)) { /* one group is larger than the chunk: on to its end */
        TRY(pages_pause(pages, err));
        pages_skip_ties(pages);
        do {
            TRY(pages_next(pages, &is_row, err));
            if (!is_row)
                return RC_OK;
            TRY(take_cursor_text(pages, arena, &left_out, err));
        } while (text_eq(first, left_out));
    }
    *ret_is_cut = true;
    *ret_cut = (struct position){.shape = POSITION_AT, .at = left_out};
    return RC_OK;
}

enum rc sqlite_source_boundary(struct source *base, const struct table *table, const struct range *range, int64_t rows,
                               struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    AUTO_RELEASE(pages) pages = {0};
    const struct sqlite_table *t = sqlite_table_of(table);
    assert(rows > 0);
    *ret_is_cut = false;
    if (range->kind == RANGE_ALL)
        return RC_OK;
    TRY(check_range(t, range, err));
    pages_init(&pages, (struct sqlite_source *)base, t, range, NULL, 0);
    return range->kind == RANGE_TIME ? cut_by_time(&pages, rows, arena, ret_cut, ret_is_cut, err)
                                     : cut_by_key(&pages, rows, arena, ret_cut, ret_is_cut, err);
}

/* ---- facts ---- */

static int64_t raw_bytes(const struct sqlite_table *table, sqlite3_stmt *row)
{
    enum { OFFSET_BYTES = 4, NUMBER_BYTES = 8, DATE_BYTES = 4, DECIMAL_BYTES = 16 };
    int64_t bytes = 0;
    for (int i = 0; i < table->column_count; i++) {
        switch (table->columns[i].base.field.type) {
        case TYPE_UTF8:
        case TYPE_BINARY: bytes += OFFSET_BYTES + sqlite3_column_bytes(row, i); break;
        case TYPE_BOOL: bytes += 1; break;
        case TYPE_DATE: bytes += DATE_BYTES; break;
        case TYPE_DECIMAL: bytes += DECIMAL_BYTES; break;
        default: bytes += NUMBER_BYTES;
        }
    }
    return bytes;
}

static RC sample_bytes(struct sqlite_source *source, const struct sqlite_table *table, const struct range *range,
                       int64_t *ret, struct error *err)
{
    AUTO_RELEASE(pages) pages = {0};
    int64_t rows = 0, bytes = 0;
    bool is_row = true;
    pages_init(&pages, source, table, range, NULL, table->column_count);
    while (rows < SAMPLE_ROWS) {
        TRY(pages_next(&pages, &is_row, err));
        if (!is_row)
            break;
        rows++;
        bytes += raw_bytes(table, pages.statement);
    }
    *ret = rows > 0 ? (bytes + rows - 1) / rows : 0;
    return RC_OK;
}

static RC count_rows(struct sqlite_source *source, const struct sqlite_table *table, const struct range *range,
                     int64_t *ret, struct error *err)
{
    AUTO_RELEASE(pages) pages = {0};
    bool is_row = true;
    int64_t rows = 0;
    for (pages_init(&pages, source, table, range, NULL, 0); is_row; rows += is_row)
        TRY(pages_next(&pages, &is_row, err));
    *ret = rows;
    return RC_OK;
}

static RC count_null_cursors(struct sqlite_source *source, const struct sqlite_table *table, const struct range *range,
                             int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SELECT count(*) FROM %s WHERE ", table->quoted);
    sqlite_quote(&sql, table->columns[table->base.cursor].base.name);
    buf_add_str(&sql, S(" IS NULL"));
    return sqlite_table_int64(source, table, range, sql.at, ret, err);
}

enum rc sqlite_source_facts(struct source *base, const struct table *table, const struct range *range,
                            struct range_facts *ret, struct error *err)
{
    struct sqlite_source *source = (struct sqlite_source *)base;
    const struct sqlite_table *t = sqlite_table_of(table);
    const bool is_counted = range_is_only_counted(range);
    struct range_facts facts = {0};
    TRY(check_range(t, range, err));
    TRY(count_rows(source, t, range, &facts.rows, err));
    if (!is_counted)
        TRY(sample_bytes(source, t, range, &facts.row_bytes, err));
    if (table->cursor >= 0 && !is_counted) {
        TRY(count_null_cursors(source, t, range, &facts.null_cursors, err));
        TRY(sqlite_count_odd_cursors(source, t, &facts.odd_cursors, err));
    }
    *ret = facts;
    return RC_OK;
}

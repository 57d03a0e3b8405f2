/* Rows of a range into batches: one statement, streamed, on a connection of the reader's own. There are two roads, and
 * they give the same batches. The binary one reads the socket itself (statement.h, decode_row.h) and costs the server
 * and us the least; where that cannot be (TLS, a proxy that prepares nothing, a column whose text only the server can
 * write) libmariadb reads texts. */
#include <stdlib.h>

#include "connect/mysql/decode_row.h"
#include "connect/mysql/source_parts.h"
#include "connect/mysql/statement.h"

struct mysql_reader {
    struct batch_reader base;
    struct mysql_source *source;
    const struct mysql_table *table;
    struct mysql_session *session;
    bool is_open;               /* not all rows were read */
    MYSQL_RES *rows;            /* in text; NULL: in binary */
    struct statement statement; /* in binary, with what its columns become */
    struct row_column *columns;
    struct batch_builder *builder;
    int64_t batch_rows;
    bool by_range;
};

static const char *misfit_name(const struct mysql_column *column)
{
    static const char *const names[] = {[DECODE_DATE] = "a zero or partial date",
                                        [DECODE_STAMP] = "a zero or partial date",
                                        [DECODE_ENUM] = "a value that its ENUM does not have",
                                        [DECODE_TEXT] = "a text that is not UTF-8"};
    const enum decode kind = column->decoding.kind;
    const char *name = kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
    return name != NULL ? name : "a value that is none of its type";
}

static enum rc fail_misfit(const struct mysql_reader *self, int column, struct error *err)
{
    const struct mysql_column *c = &self->table->columns[column];
    enum decode kind = c->decoding.kind;
    bool is_cursor = column == self->table->base.cursor && self->by_range;
    fail(err, RC_DATA, "column '%s' of '%s' (%s) holds %s", c->base.name, self->table->base.name, c->base.declared,
         misfit_name(c));
    if (is_cursor)
        return fail_todo(err, "correct it in the source: it is the cursor, and no range would take it");
    if (kind == DECODE_DATE || kind == DECODE_STAMP)
        return fail_todo(err, "correct it in the source, or say what becomes of such dates: zero_dates: null, or text");
    AUTO_RELEASE(arena) arena = {0};
    return fail_todo(err, "correct it in the source, or take the column as it is: columns: {%s: {as: %s}}",
                     yaml_name(&arena, c->base.name), kind == DECODE_TEXT && c->base.as == NULL ? "binary" : "text");
}

static void count_zero_dates(struct mysql_reader *self, int64_t count)
{
    if (count > 0)
        __atomic_fetch_add(&self->source->base.zero_dates, count, __ATOMIC_RELAXED);
}

static void end_rows(struct mysql_reader *self)
{
    struct error ignored; /* the rows are here; a session that is lost now is not used again */
    self->is_open = false;
    if (self->rows == NULL && statement_close(&self->statement, &ignored) != RC_OK)
        self->session->is_broken = true;
    mysql_free_result(TAKE(self->rows));
    mysql_source_give(self->source, TAKE(self->session));
}

/* ---- in text ---- */

static RC start_text(struct mysql_reader *self, const char *sql, struct error *err)
{
    TRY(mysql_session_stream(self->session, sql, &self->rows, err));
    self->is_open = true;
    if ((int)mysql_num_fields(self->rows) != self->table->column_count)
        return fail(err, RC_DATA, "'%s' does not return the columns asked for", self->source->base.name);
    return RC_OK;
}

static RC put_texts(struct mysql_reader *self, MYSQL_ROW row, const unsigned long *lengths, struct error *err)
{
    int count = self->table->column_count, last = count - 1;
    while (last > 0 && row[last] == NULL)
        last--;
    const char *end = row[last] != NULL ? row[last] + lengths[last] : NULL;
    const struct whole_rows to = builder_whole_rows(self->builder);
    size_t text_bytes = 0;
    for (int i = 0; i < count; i++) {
        const struct mysql_column *column = &self->table->columns[i];
        const struct str value = {row[i], lengths[i]};
        if (row[i] != NULL && decode_put(&column->decoding, value, end, &to.columns[i], to.number)) {
            text_bytes += column_is_text(&to.columns[i]) ? value.len : 0;
            continue;
        }
        const bool is_zero = row[i] != NULL && column->zero_is_null && decode_is_zero_date(&column->decoding, value);
        const bool fits = is_zero || (row[i] == NULL && column->base.field.nullable);
        if (!fits && !source_sets_aside(&self->table->base, i))
            return fail_misfit(self, i, err);
        column_put_null(&to.columns[i], to.number);
        count_zero_dates(self, is_zero);
        if (!fits)
            builder_reject(self->builder, i, misfit_name(column), value);
    }
    builder_end_whole_rows(self->builder, 1, text_bytes);
    return RC_OK;
}

static RC read_texts(struct mysql_reader *self, int64_t *rows, struct error *err)
{
    MYSQL_ROW row = NULL;
    for (*rows = 0; *rows < self->batch_rows && !builder_is_full(self->builder); ++*rows) {
        TRY(mysql_session_next(self->session, self->rows, &row, err));
        if (row == NULL) {
            end_rows(self);
            return RC_OK;
        }
        TRY(put_texts(self, row, mysql_fetch_lengths(self->rows), err));
    }
    return RC_OK;
}

/* ---- in binary ---- */

/* What becomes of each column of the answer; false: the text protocol has to say it. */
static bool plan_columns(struct mysql_reader *self)
{
    int count = self->table->column_count;
    bool fits = self->statement.column_count == count;
    for (int i = 0; i < count && fits; i++) {
        const struct mysql_column *column = &self->table->columns[i];
        self->columns[i] =
            (struct row_column){.nullable = column->base.field.nullable,
                                .zero_is_null = column->zero_is_null,
                                .misfit = source_sets_aside(&self->table->base, i) ? misfit_name(column) : NULL};
        fits = row_column_plan(&self->columns[i], &column->decoding, &self->statement.columns[i]);
    }
    return fits;
}

/* is_open stays false where there are none in binary, and the session is as before. */
static RC start_binary(struct mysql_reader *self, struct str sql, struct error *err)
{
    bool is_refused = false;
    bool fits = sql.len < WIRE_PIECE_MAX - sizeof(SOURCE_READS); /* whose NUL is the command's byte */
    if (self->source->text_only || !wire_is_possible(self->session) || !fits)
        return RC_OK;
    self->columns = xcalloc((size_t)self->table->column_count, sizeof(*self->columns));
    statement_init(&self->statement, self->session, mysql_get_socket(self->session->handle));
    TRY(statement_prepare(&self->statement, sql, &is_refused, err));
    if (is_refused)
        return RC_OK;
    if (!plan_columns(self))
        return statement_close(&self->statement, err);
    TRY(statement_execute(&self->statement, &is_refused, err));
    self->is_open = !is_refused;
    if (self->is_open && !plan_columns(self)) {
        fail(err, RC_BUSY, "'%s' was altered just now", self->table->base.name);
        return fail_todo(err, "run the same command again");
    }
    return RC_OK;
}

static RC put_binary(struct mysql_reader *self, struct str row, struct error *err)
{
    int column = 0;
    int64_t zero_dates = 0;
    enum row_result result =
        row_put(self->columns, self->table->column_count, row, self->builder, &column, &zero_dates);
    count_zero_dates(self, zero_dates);
    if (__builtin_expect(result == ROW_PUT, 1))
        return RC_OK;
    return result == ROW_MISFIT ? fail_misfit(self, column, err) : wire_fail_malformed(&self->statement.wire, err);
}

static RC read_binary(struct mysql_reader *self, int64_t *rows, struct error *err)
{
    bool is_row = false;
    struct str row;
    for (*rows = 0; *rows < self->batch_rows && !builder_is_full(self->builder); ++*rows) {
        TRY(statement_next(&self->statement, &is_row, &row, err));
        if (!is_row) {
            end_rows(self);
            return RC_OK;
        }
        TRY(put_binary(self, row, err));
    }
    return RC_OK;
}

/* ---- the reader ---- */

static RC reader_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct mysql_reader *self = (struct mysql_reader *)base;
    int64_t rows = 0;
    TRY(mysql_check_stopped(&self->source->settings, err));
    if (self->is_open && (self->rows != NULL ? read_texts : read_binary)(self, &rows, err) != RC_OK)
        return fail_in(err, "reading '%s'", self->table->base.name);
    *ret = rows > 0 ? builder_finish(self->builder) : NULL;
    return RC_OK;
}

static void reader_free(struct batch_reader *base)
{
    struct mysql_reader *self = (struct mysql_reader *)base;
    if (self->is_open)
        mysql_session_abandon(self->session, self->rows);
    mysql_session_free(self->session);
    statement_release(&self->statement);
    free(self->columns);
    batch_builder_free(self->builder);
    free(self);
}

static const struct batch_reader_ops reader_ops = {.next = reader_next, .free = reader_free};

static RC select_rows(const struct mysql_table *table, const struct range *range, struct buf *sql, struct error *err)
{
    buf_add_str(sql, S("SELECT SQL_NO_CACHE "));
    for (int i = 0; i < table->column_count; i++)
        buf_addf(sql, "%s%s", i > 0 ? ", " : "", table->columns[i].expression);
    TRY(mysql_range_from(table, range, sql, err));
    mysql_range_order(table, range, sql);
    return RC_OK;
}

enum rc mysql_source_read(struct source *base, const struct table *table, const struct range *range,
                          struct batch_reader **ret, struct error *err)
{
    struct mysql_source *source = (struct mysql_source *)base;
    const struct mysql_table *t = mysql_table_of(table);
    AUTO_RELEASE(buf) sql = {0};
    TRY(mysql_range_check(source, t, range, err));
    TRY(select_rows(t, range, &sql, err));
    struct mysql_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct mysql_reader){.base = {&reader_ops},
                                  .source = source,
                                  .table = t,
                                  .builder = batch_builder_new(table->schema),
                                  .batch_rows = source->batch_rows,
                                  .by_range = range->kind != RANGE_ALL};
    AUTO(batch_reader) *reader = &self->base;
    TRY(mysql_source_take(source, &self->session, err));
    TRY(mysql_custom_bind(t, range, self->session, err));
    enum rc rc = start_binary(self, buf_str(&sql), err);
    if (rc == RC_OK && !self->is_open)
        rc = start_text(self, sql.at, err);
    if (rc != RC_OK)
        return fail_in(err, "reading '%s'", table->name);
    *ret = TAKE(reader);
    return RC_OK;
}

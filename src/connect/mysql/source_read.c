/* Rows of a range into batches: one statement, streamed, on a connection of the reader's own. */
#include <assert.h>
#include <stdlib.h>

#include "connect/mysql/source_parts.h"
#include "connect/names.h"

struct mysql_reader {
    struct batch_reader base;
    struct mysql_source *source;
    const struct mysql_table *table;
    struct mysql_session *session;
    MYSQL_RES *rows; /* NULL: all were read */
    struct batch_builder *builder;
    int64_t batch_rows;
    bool by_range;
};

static enum rc fail_misfit(const struct mysql_reader *self, int column, struct error *err)
{
    static const char *const whats[] = {[DECODE_DATE] = "a zero or partial date",
                                        [DECODE_STAMP] = "a zero or partial date",
                                        [DECODE_ENUM] = "a value that its ENUM does not have",
                                        [DECODE_TEXT] = "a text that is not UTF-8"};
    const struct mysql_column *c = &self->table->columns[column];
    enum decode kind = c->decoding.kind;
    const char *what = kind < sizeof(whats) / sizeof(whats[0]) ? whats[kind] : NULL;
    bool is_cursor = column == self->table->base.cursor && self->by_range;
    fail(err, RC_DATA, "column '%s' of '%s' (%s) holds %s", c->name, self->table->base.name, c->declared,
         what != NULL ? what : "a value that is none of its type");
    if (is_cursor)
        return fail_todo(err, "correct it in the source: it is the cursor, and no range would take it");
    if (kind == DECODE_DATE || kind == DECODE_STAMP)
        return fail_todo(err, "correct it in the source, or say what becomes of such dates: zero_dates: null, or text");
    AUTO_RELEASE(arena) arena = {0};
    return fail_todo(err, "correct it in the source, or take the column as it is: columns: {%s: {as: %s}}",
                     yaml_name(&arena, c->name), kind == DECODE_TEXT && c->as == NULL ? "binary" : "text");
}

static RC add_row(struct mysql_reader *self, MYSQL_ROW row, const unsigned long *lengths, struct error *err)
{
    int count = self->table->column_count, last = count - 1;
    while (last > 0 && row[last] == NULL)
        last--;
    const char *end = row[last] != NULL ? row[last] + lengths[last] : NULL;
    for (int i = 0; i < count; i++) {
        const struct mysql_column *column = &self->table->columns[i];
        if (row[i] == NULL) {
            if (!column->field.nullable)
                return fail_misfit(self, i, err);
            builder_null(self->builder, i);
        } else if (!decode_put(&column->decoding, (struct str){row[i], lengths[i]}, end, self->builder, i)) {
            if (!column->zero_is_null || !decode_is_zero_date(&column->decoding, (struct str){row[i], lengths[i]}))
                return fail_misfit(self, i, err);
            builder_null(self->builder, i);
            __atomic_fetch_add(&self->source->base.zero_dates, 1, __ATOMIC_RELAXED);
        }
    }
    builder_end_row(self->builder);
    return RC_OK;
}

static void end_rows(struct mysql_reader *self)
{
    mysql_free_result(self->rows);
    self->rows = NULL;
    session_give(self->source, TAKE(self->session));
}

static RC reader_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct mysql_reader *self = (struct mysql_reader *)base;
    int64_t count = 0;
    MYSQL_ROW row = NULL;
    TRY(mysql_check_stopped(&self->source->settings, err));
    while (self->rows != NULL && count < self->batch_rows && !builder_is_full(self->builder)) {
        if (mysql_session_next(self->session, self->rows, &row, err) != RC_OK)
            return fail_in(err, "reading '%s'", self->table->base.name);
        if (row == NULL)
            end_rows(self);
        else
            TRY(add_row(self, row, mysql_fetch_lengths(self->rows), err));
        count += row != NULL;
    }
    *ret = count > 0 ? builder_finish(self->builder) : NULL;
    return RC_OK;
}

static void reader_free(struct batch_reader *base)
{
    struct mysql_reader *self = (struct mysql_reader *)base;
    if (self->rows != NULL)
        mysql_session_abandon(self->session, self->rows);
    mysql_session_free(self->session);
    batch_builder_free(self->builder);
    free(self);
}

static const struct batch_reader_ops reader_ops = {.next = reader_next, .free = reader_free};

static RC select_rows(const struct mysql_table *table, const struct range *range, struct buf *sql, struct error *err)
{
    buf_add_str(sql, S("SELECT SQL_NO_CACHE "));
    for (int i = 0; i < table->column_count; i++)
        buf_addf(sql, "%s%s", i > 0 ? ", " : "", table->columns[i].expression);
    TRY(range_from(table, range, sql, err));
    range_order(table, range, sql);
    return RC_OK;
}

enum rc mysql_source_read(struct source *base, const struct table *table, const struct range *range,
                          struct batch_reader **ret, struct error *err)
{
    struct mysql_source *source = (struct mysql_source *)base;
    const struct mysql_table *t = mysql_table_of(table);
    AUTO_RELEASE(buf) sql = {0};
    TRY(range_check(source, t, range, err));
    TRY(select_rows(t, range, &sql, err));
    struct mysql_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct mysql_reader){.base = {&reader_ops},
                                  .source = source,
                                  .table = t,
                                  .builder = batch_builder_new(table->schema),
                                  .batch_rows = source->batch_rows,
                                  .by_range = range->kind != RANGE_ALL};
    AUTO(batch_reader) *reader = &self->base;
    TRY(session_take(source, &self->session, err));
    if (mysql_session_stream(self->session, sql.at, &self->rows, err) != RC_OK)
        return fail_in(err, "reading '%s'", table->name);
    if ((int)mysql_num_fields(self->rows) != t->column_count)
        return fail(err, RC_DATA, "'%s' does not return the columns asked for", source->base.name);
    *ret = TAKE(reader);
    return RC_OK;
}

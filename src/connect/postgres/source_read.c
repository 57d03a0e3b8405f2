/* Rows of a range into batches: one COPY, streamed, on a connection of the reader's own. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/yaml.h"
#include "connect/postgres/source_parts.h"

struct postgres_reader {
    struct batch_reader base;
    struct postgres_source *source;
    const struct pg_table *table;
    struct tuple_column *columns;
    struct pq *db; /* NULL: all were read */
    struct batch_builder *builder;
    int64_t batch_rows, rows; /* rows: so far */
    bool by_range, is_begun, is_ended;
    bool in_snapshot; /* its connection is in a transaction, with the others' view */
};

static const char *misfit_name(const struct pg_column *c)
{
    switch (c->base.field.type) {
    case TYPE_DATE:
    case TYPE_TIMESTAMP: return "an infinite time, or one beyond what a timestamp has";
    case TYPE_DECIMAL: return "NaN, an infinity, or more digits than declared";
    case TYPE_UTF8: return "a text that is not UTF-8";
    default: return "a NULL that its declaration rules out";
    }
}

static enum rc fail_misfit(const struct postgres_reader *self, int column, struct error *err)
{
    const struct pg_column *c = &self->table->columns[column];
    AUTO_RELEASE(arena) arena = {0};
    fail(err, RC_DATA, "column '%s' of '%s' (%s) holds %s", c->base.name, self->table->base.name, c->base.declared,
         misfit_name(c));
    if (column == self->table->base.cursor && self->by_range)
        return fail_todo(err, "correct it in the source: it is the cursor, and no range would take it");
    return fail_todo(err, "correct it in the source, or take the column as it is: columns: {%s: {as: %s}}",
                     yaml_name(&arena, c->base.name), c->base.field.type == TYPE_UTF8 ? "binary" : "text");
}

static enum rc fail_damaged(const struct postgres_reader *self, struct error *err)
{
    return fail(err, RC_DATA, "'%s' does not send the rows of '%s' as its protocol has them", self->source->base.name,
                self->table->base.name);
}

/* Binary rows do not say what they hold: eight bytes of a bigint are taken for the double that it was when the table
 * was described. Nobody alters a table under a COPY; asked behind it, the types are those of its rows, or later ones.
 */
static RC check_types(struct postgres_reader *self, struct error *err)
{
    static const char no_such_column[] = "42703", no_such_table[] = "42P01";
    AUTO_RELEASE(pq_answer) answer = {0};
    AUTO_RELEASE(buf) sql = {0};
    const struct pg_table *table = self->table;
    buf_add_str(&sql, S("SELECT "));
    for (int i = 0; i < table->column_count; i++) {
        buf_add_str(&sql, i > 0 ? S(", t.") : S("t."));
        pq_quote(&sql, table->columns[i].base.name);
    }
    buf_addf(&sql, " FROM %s AS t LIMIT 0", table->quoted);
    bool is_there = pq_query(self->db, sql.at, 0, NULL, &answer, err) == RC_OK, is_same = is_there;
    if (!is_there && !text_eq(err->vendor, no_such_column) && !text_eq(err->vendor, no_such_table))
        return fail_in(err, "asking for the types of '%s' behind its rows", table->base.name);
    for (int i = 0; i < table->column_count && is_same; i++)
        is_same = PQftype(answer.result, i) == (Oid)table->columns[i].oid;
    if (is_same)
        return RC_OK;
    fail(err, RC_BUSY, "'%s' was altered just now", table->base.name);
    return fail_todo(err, "run the same command again");
}

/* S61: the server has said how many rows there are. */
static RC end_rows(struct postgres_reader *self, int64_t sent, struct error *err)
{
    if (!self->is_ended || sent != self->rows)
        return fail(err, RC_UNAVAILABLE, "'%s' says that it has sent %" PRId64 " rows of '%s', and %" PRId64 " came",
                    self->source->base.name, sent, self->table->base.name, self->rows);
    TRY(check_types(self, err));
    (self->in_snapshot ? pg_snapshot_give : postgres_source_give)(self->source, TAKE(self->db));
    return RC_OK;
}

/* As many pieces as have come, the first of which is here; up to `most`, and few of wide rows, since a batch has to end
 * somewhere. */
static RC take_pieces(struct postgres_reader *self, struct str first, int64_t most, struct error *err)
{
    struct str pieces[TUPLES_MAX] = {first};
    int count = 1, rows = 0, column = 0;
    if (self->is_ended || (!self->is_begun && !tuple_head_skip(&pieces[0])))
        return fail_damaged(self, err);
    self->is_begun = true;
    while (count < TUPLES_MAX && count < most && pieces[count - 1].at - first.at < PQ_BUFFER_BYTES &&
           pq_copy_more(self->db, &pieces[count]))
        count++;
    enum tuple taken =
        tuples_take(self->columns, self->table->column_count, pieces, count, self->builder, &rows, &column);
    self->rows += rows;
    self->is_ended = taken == TUPLE_END;
    if (taken == TUPLE_MISFIT)
        return fail_misfit(self, column, err);
    bool is_last = !self->is_ended || rows == count - 1; /* nothing comes behind the trailer */
    return taken == TUPLE_DAMAGED || !is_last ? fail_damaged(self, err) : RC_OK;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static RC reader_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct postgres_reader *self = (struct postgres_reader *)base;
    int64_t before = self->rows, sent = 0;
    TRY(opening_check_stop(self->source->with.stop, err));
    while (self->db != NULL && self->rows - before < self->batch_rows && !builder_is_full(self->builder)) {
        struct str piece;
        if (pq_copy_get(self->db, &piece, &sent, err) != RC_OK)
            return fail_in(err, "reading '%s'", self->table->base.name);
        const int64_t room = least(builder_whole_rows(self->builder).room, self->batch_rows - (self->rows - before));
        TRY(piece.at == NULL ? end_rows(self, sent, err) : take_pieces(self, piece, room, err));
    }
    *ret = self->rows > before ? builder_finish(self->builder) : NULL;
    return RC_OK;
}

static void reader_free(struct batch_reader *base)
{
    struct postgres_reader *self = (struct postgres_reader *)base;
    if (self->db != NULL)
        pq_abandon(self->db);
    pq_free(self->db);
    batch_builder_free(self->builder);
    free(self->columns);
    free(self);
}

static const struct batch_reader_ops reader_ops = {.next = reader_next, .free = reader_free};

static RC copy_rows(const struct pg_table *table, const struct range *range, struct buf *sql, struct error *err)
{
    buf_add_str(sql, S("COPY (SELECT "));
    for (int i = 0; i < table->column_count; i++)
        buf_addf(sql, "%s%s", i > 0 ? ", " : "", table->columns[i].expression);
    TRY(pg_range_from(table, range, sql, err));
    pg_range_order(table, range, "", sql);
    buf_add_str(sql, S(") TO STDOUT (FORMAT binary)"));
    return RC_OK;
}

RC postgres_source_read(struct source *base, const struct table *table, const struct range *range,
                        struct batch_reader **ret, struct error *err)
{
    struct postgres_source *source = (struct postgres_source *)base;
    const struct pg_table *t = pg_table_of(table);
    AUTO_RELEASE(buf) sql = {0};
    TRY(pg_range_check(source, t, range, err));
    TRY(copy_rows(t, range, &sql, err));
    struct postgres_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct postgres_reader){.base = {&reader_ops},
                                     .source = source,
                                     .table = t,
                                     .columns = xcalloc((size_t)t->column_count, sizeof(*self->columns)),
                                     .builder = batch_builder_new(table->schema),
                                     .batch_rows = source->batch_rows,
                                     .by_range = range->kind != RANGE_ALL && range->kind != RANGE_PART,
                                     .in_snapshot = range->kind == RANGE_PART};
    AUTO(batch_reader) *reader = &self->base;
    for (int i = 0; i < t->column_count; i++) {
        self->columns[i] = t->columns[i].tuple;
        self->columns[i].misfit = source_sets_aside(table, i) ? misfit_name(&t->columns[i]) : NULL;
    }
    TRY(self->in_snapshot ? pg_snapshot_take(source, t, &self->db, err) : postgres_source_take(source, &self->db, err));
    TRY(pg_custom_bind(source, t, range, self->db, err));
    if (pq_copy_out(self->db, sql.at, err) != RC_OK)
        return fail_in(err, "reading '%s'", table->name);
    *ret = TAKE(reader);
    return RC_OK;
}

/* Rows in: one binary COPY per file, straight from the batches. */
#include "base/yaml.h"
#include "connect/postgres/target_parts.h"
#include "connect/sql/deletes.h"

#include <assert.h>

/* ---- starting ---- */

static const struct sql_column *column_of(const struct postgres_target *self, int i)
{
    return sql_shape_find(&postgres_sql, &self->shape, self->table->schema->fields[i].name);
}

void postgres_target_waiting(const struct postgres_target *self, int i, struct buf *out)
{
    buf_add_str(out, S("s."));
    pq_quote(out, self->table->schema->fields[i].name);
    if (self->columns[i].fitting.wire == WIRE_CAST)
        buf_addf(out, "::%s", column_of(self, i)->type);
}

static RC plan_columns(struct postgres_target *self, struct error *err)
{
    const struct target_table *table = self->table;
    TRY(postgres_shape_read(self, table->name, &self->load_arena, &self->shape, err));
    if (!self->shape.exists) {
        fail(err, RC_NOT_FOUND, "there is no table '%s' any more", table->name);
        return fail_todo(err, "run the same command again: it makes the table before it loads");
    }
    self->columns = arena_take(&self->load_arena, (size_t)table->schema->count * sizeof(*self->columns));
    self->is_waiting = postgres_target_waits(table);
    for (int i = 0; i < table->schema->count; i++) {
        const struct field *field = &table->schema->fields[i];
        const struct sql_column *column = sql_shape_find(&postgres_sql, &self->shape, field->name);
        if (column == NULL)
            return fail(err, RC_DATA, "the table '%s' has no column '%s' any more", table->name, field->name);
        struct fitting fitting = pg_fit(field, &pg_target_column_of(column)->type);
        if (fitting.fit != FIT_YES)
            return fail(err, RC_DATA, "the column '%s' of '%s' is %s now, which does not hold the source's values",
                        field->name, table->name, column->type);
        bool is_key = postgres_target_waits(table) && sql_is_key(table, field->name);
        self->columns[i] = (struct row_column){field, fitting, is_key};
        self->is_waiting |= fitting.wire == WIRE_CAST;
    }
    return RC_OK;
}

static void add_waiting_column(const struct postgres_target *self, int i, struct buf *sql)
{
    const struct sql_column *column = column_of(self, i);
    const char *collate = pg_target_column_of(column)->collate;
    buf_add_str(sql, S(", "));
    pq_quote(sql, column->name);
    if (self->columns[i].fitting.wire == WIRE_CAST) {
        buf_add_str(sql, S(" text"));
        return;
    }
    buf_addf(sql, " %s", column->type);
    if (collate != NULL)
        buf_addf(sql, " COLLATE %s", collate);
}

/* The columns have the table's own types, so that what does not fit fails on the way in, and names its column. */
static RC create_waiting_rows(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct sql_on on = postgres_on(self, self->table);
    self->number = sql_free_name(&on, "n", &self->load_arena);
    buf_addf(&sql, "CREATE TEMPORARY TABLE waybill_rows (%s bigint", self->number);
    for (int i = 0; i < self->table->schema->count; i++)
        add_waiting_column(self, i, &sql);
    buf_add_str(&sql, S(") ON COMMIT DROP"));
    self->statements++;
    return pq_run(self->db, sql.at, NULL, err);
}

RC postgres_target_start_load(struct postgres_target *self, struct error *err)
{
    self->rows = self->deleted = 0;
    self->statements = 1; /* the swap */
    TRY(plan_columns(self, err));
    if (self->is_waiting)
        TRY(create_waiting_rows(self, err));
    AUTO_RELEASE(buf) name = {0};
    const struct sql_on on = postgres_on(self, self->table);
    sql_table(&on, &name);
    self->into = arena_text(&self->load_arena, name.at);
    if (self->table->mode == MODE_REPLACE)
        TRY(self->table->swaps ? postgres_target_swap_begin(self, err) : sql_delete_all(&on, &self->deleted, err));
    if (self->table->mode == MODE_DELETE_INSERT)
        TRY(sql_delete_span(&on, &self->deleted, err));
    self->writer =
        row_writer_new(self->db, self->table->name, self->columns, self->table->schema->count, self->is_waiting);
    return RC_OK;
}

void postgres_target_end_load(struct postgres_target *self)
{
    row_writer_free(TAKE(self->writer));
    arena_reset(&self->load_arena);
    self->columns = NULL;
    self->table = NULL;
}

/* ---- loading a file ---- */

enum rc postgres_target_fail_load(struct postgres_target *self, const char *what, struct error *err)
{
    return fail_in(err, "target '%s': loading '%s' into '%s'", self->base.name, what, self->table->name);
}

static void copy_statement(const struct postgres_target *self, struct buf *sql)
{
    const struct sql_on on = {&postgres_sql, NULL, self->table};
    buf_add_str(sql, S("COPY "));
    if (self->is_waiting) {
        buf_add_str(sql, S(WAITING_ROWS));
    } else {
        buf_addf(sql, "%s (", self->into);
        sql_columns(&on, sql);
        buf_add_str(sql, S(")"));
    }
    buf_add_str(sql, S(" FROM STDIN (FORMAT binary)"));
}

/* How many there are is worth the rest of the file: the user decides on it what the column is to become. */
static enum rc count_nul(struct postgres_target *self, struct batch_reader *reader, const struct batch *batch,
                         int column, const char *key, struct error *err)
{
    const char *name = self->columns[column].field->name;
    AUTO_RELEASE(arena) arena = {0};
    struct error ignored;
    int64_t count = 0;
    do {
        count += rows_with_nul(batch, column);
    } while (batch_reader_next(reader, &batch, &ignored) == RC_OK && batch != NULL);
    fail(err, RC_DATA, "column '%s': %lld texts from here on in '%s' have a NUL byte, which PostgreSQL cannot hold",
         name, (long long)count, key);
    return fail_todo(err,
                     "stage the column as bytes with `columns: {%s: {as: binary}}` (its type in the target is bytea "
                     "then), or mend it in the source" STAGED_OTHERWISE,
                     yaml_name(&arena, name));
}

static RC send_batches(struct postgres_target *self, struct batch_reader *reader, const char *key, struct error *err)
{
    const struct batch *batch = NULL;
    row_writer_begin(self->writer);
    for (;;) {
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return row_writer_end(self->writer, err);
        enum rc rc = row_writer_batch(self->writer, batch, err);
        if (rc != RC_OK && row_writer_nul_column(self->writer) >= 0)
            return count_nul(self, reader, batch, row_writer_nul_column(self->writer), key, err);
        TRY(rc);
    }
}

static RC copy_file(struct postgres_target *self, const struct staged_file *file, int64_t *ret_rows, struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    AUTO_RELEASE(buf) copy = {0};
    int64_t rows = 0;
    if (!schema_equal(file->schema, self->table->schema))
        return fail(err, RC_DATA, "its schema is not the waybill's");
    TRY(file->open(file, &reader, err));
    copy_statement(self, &copy);
    TRY(pq_copy_begin(self->db, copy.at, err));
    TRY(send_batches(self, reader, file->key, err));
    TRY(pq_copy_end(self->db, &rows, err));
    if (rows != file->rows)
        return fail(err, RC_DATA, "the target took %lld rows, the waybill says %lld", (long long)rows,
                    (long long)file->rows);
    *ret_rows = rows;
    return RC_OK;
}

RC postgres_target_load_file(struct target *base, const struct staged_file *file, int64_t *ret_rows, struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    assert(self->table != NULL && "a load has begun");
    if (copy_file(self, file, ret_rows, err) != RC_OK)
        return postgres_target_fail_load(self, file->key, err);
    self->rows += *ret_rows;
    self->statements++;
    return RC_OK;
}

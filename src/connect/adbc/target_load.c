/* Rows in: each batch's memory goes to the driver, which takes it as a table's new rows. */
#include <assert.h>
#include <inttypes.h>

#include "connect/adbc/target_parts.h"
#include "connect/sql/deletes.h"

/* ---- starting ---- */

void adbc_target_waiting(const struct adbc_target *self, int i, struct buf *out)
{
    const struct load_column *column = &self->columns[i];
    if (column->fitting.is_cast)
        buf_addf(out, "CAST(s.c%d AS %s)", i, column->type);
    else
        buf_addf(out, "s.c%d", i);
}

static RC plan_column(struct adbc_target *self, int i, struct error *err)
{
    const struct target_table *table = self->table;
    const struct field *field = &table->schema->fields[i];
    int place = sql_shape_place(&self->dialect->sql, &self->shape, field->name);
    if (place < 0)
        return fail(err, RC_DATA, "the table '%s' has no column '%s' any more", table->name, field->name);
    const struct sql_column *column = &self->shape.columns[place];
    const struct column_type type = column_type_of(column);
    self->columns[i] = (struct load_column){
        .fitting = self->dialect->fit(field, &type),
        .type = column->type,
        .sending = self->dialect->send(field),
        .is_key = adbc_target_waits(table) && sql_is_key(table, field->name),
        .refuses_null = column->not_null,
        .has_gaps = self->dialect->has_gaps(field),
    };
    if (self->columns[i].fitting.fit != FIT_YES)
        return fail(err, RC_DATA, "the column '%s' of '%s' is %s now, which does not hold the source's values",
                    field->name, table->name, column->type);
    self->is_waiting |= place != i || !self->dialect->goes_straight(field, &type);
    return RC_OK;
}

static RC plan_columns(struct adbc_target *self, struct error *err)
{
    const struct target_table *table = self->table;
    TRY(adbc_shape_read(self, table->name, &self->load_arena, &self->shape, err));
    if (!self->shape.exists) {
        fail(err, RC_NOT_FOUND, "there is no table '%s' any more", table->name);
        return fail_todo(err, "run the same command again: it makes the table before it loads");
    }
    self->columns = arena_take(&self->load_arena, (size_t)table->schema->count * sizeof(*self->columns));
    self->is_waiting = adbc_target_waits(table) || self->shape.count != table->schema->count;
    for (int i = 0; i < table->schema->count; i++)
        TRY(plan_column(self, i, err));
    self->sent = export_schema(table->schema, self->dialect);
    const struct schema *sent = self->sent != NULL ? self->sent : table->schema;
    self->builder = self->sent != NULL ? batch_builder_new(self->sent) : NULL;
    self->description = description_new(sent, self->is_waiting);
    return RC_OK;
}

static RC create_waiting_rows(struct adbc_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("CREATE TEMPORARY TABLE " WAITING_ROWS " ("));
    for (int i = 0; i < self->table->schema->count; i++) {
        char type[DECLARED_TEXT];
        self->dialect->waiting_type(&self->table->schema->fields[i], type);
        buf_addf(&sql, "%sc%d %s", i > 0 ? ", " : "", i, type);
    }
    buf_add_str(&sql, S(")"));
    self->statements++;
    return adbc_run(self->db, sql.at, err);
}

static RC count_table(struct adbc_target *self, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("SELECT count(*) FROM "));
    adbc_table_quote(self, self->table->name, &sql);
    return adbc_target_number(self, sql.at, ret, err);
}

/* A text has no ranges of the numbers that it says. */
static RC delete_span(struct adbc_target *self, struct error *err)
{
    const struct sql_on on = adbc_on(self, self->table);
    const struct target_span *span = self->table->span;
    int column = span != NULL ? schema_find(self->table->schema, span->column) : -1;
    bool is_unordered = column >= 0 && self->dialect->is_unordered != NULL &&
                        self->dialect->is_unordered(&self->table->schema->fields[column]);
    if (is_unordered)
        return fail(err, RC_DATA, "column '%s' is a text in %s, which has no ranges of its numbers", span->column,
                    self->dialect->sql.shown);
    return sql_delete_span(&on, &self->deleted, err);
}

RC adbc_target_start_load(struct adbc_target *self, struct error *err)
{
    const struct sql_on on = adbc_on(self, self->table);
    self->rows = self->deleted = self->rows_before = 0;
    self->statements = 1; /* the swap */
    TRY(plan_columns(self, err));
    if (self->is_waiting)
        TRY(create_waiting_rows(self, err));
    if (self->table->mode == MODE_REPLACE)
        TRY(sql_delete_all(&on, &self->deleted, err));
    if (self->table->mode == MODE_DELETE_INSERT)
        TRY(delete_span(self, err));
    return self->is_waiting ? RC_OK : count_table(self, &self->rows_before, err);
}

void adbc_target_end_load(struct adbc_target *self)
{
    batch_builder_free(TAKE(self->builder));
    description_free(TAKE(self->description));
    schema_free(TAKE(self->sent));
    arena_reset(&self->load_arena);
    self->columns = NULL;
    self->table = NULL;
}

/* How many of this waybill's rows the target has, by its own count: a driver that has lost some need not say so. */
RC adbc_target_count(struct adbc_target *self, int64_t *ret, struct error *err)
{
    if (self->is_waiting) {
        AUTO_RELEASE(buf) sql = {0};
        buf_addf(&sql, "SELECT count(*) FROM %s", self->dialect->waiting);
        return adbc_target_number(self, sql.at, ret, err);
    }
    TRY(count_table(self, ret, err));
    *ret -= self->rows_before;
    return RC_OK;
}

/* ---- loading a file ---- */

enum rc adbc_target_fail_load(struct adbc_target *self, const char *what, struct error *err)
{
    return fail_in(err, "target '%s': loading '%s' into '%s'", self->base.name, what, self->table->name);
}

static RC fail_value(struct adbc_target *self, int column, const char *why, struct error *err)
{
    return fail(err, RC_DATA, "column '%s' of '%s': %s", self->table->schema->fields[column].name, self->table->name,
                why);
}

static RC check_values(struct adbc_target *self, const struct batch *batch, int column, struct error *err)
{
    const char *why = NULL;
    for (int64_t row = 0; row < batch->rows; row++) {
        if (!batch_is_null(batch, column, row) && !self->dialect->holds(batch, column, row, &why))
            return fail_value(self, column, why, err);
    }
    return RC_OK;
}

/* What the engine would refuse without a name for it, or take for something else. */
static RC check_batch(struct adbc_target *self, const struct batch *batch, struct error *err)
{
    for (int column = 0; column < batch->schema->count; column++) {
        bool has_null = batch->array.children[column]->null_count > 0;
        if (has_null && self->columns[column].is_key)
            return fail_value(self, column, "a key must not be NULL", err);
        if (has_null && self->columns[column].refuses_null)
            return fail_value(self, column, "a NULL has come, and the table has it as NOT NULL", err);
        if (self->columns[column].has_gaps)
            TRY(check_values(self, batch, column, err));
    }
    return RC_OK;
}

static RC send_batch(struct adbc_target *self, const struct adbc_place *into, const struct batch *batch,
                     struct error *err)
{
    TRY(check_batch(self, batch, err));
    if (self->sent != NULL)
        batch = export_batch(batch, self->sent, self->builder);
    return adbc_ingest(self->db, into, &batch->array, description_take(self->description), err);
}

static RC send_batches(struct adbc_target *self, const struct adbc_place *into, struct batch_reader *reader,
                       struct error *err)
{
    const struct batch *batch = NULL;
    for (;;) {
        TRY(opening_check_stop(self->with.stop, err));
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return RC_OK;
        if (batch->rows > 0)
            TRY(send_batch(self, into, batch, err));
    }
}

static RC load_file(struct adbc_target *self, const struct staged_file *file, int64_t *ret_rows, struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    AUTO_RELEASE(buf) schema = {0};
    struct adbc_place into = {.table = WAITING_ROWS, .is_temporary = true};
    int64_t rows = 0;
    if (!schema_equal(file->schema, self->table->schema))
        return fail(err, RC_DATA, "its schema is not the waybill's");
    if (!self->is_waiting) {
        sql_schema_of(&self->dialect->sql, &self->base, self->table->name, &schema);
        into = (struct adbc_place){.schema = self->dialect->schema != NULL ? schema.at : NULL,
                                   .table = sql_name_alone(&self->dialect->sql, self->table->name)};
    }
    TRY(file->open(file, &reader, err));
    TRY(send_batches(self, &into, reader, err));
    TRY(adbc_target_count(self, &rows, err));
    if (rows - self->rows != file->rows)
        return fail(err, RC_DATA, "the target took %" PRId64 " rows, the waybill says %" PRId64, rows - self->rows,
                    file->rows);
    self->rows = rows;
    *ret_rows = file->rows;
    return RC_OK;
}

RC adbc_target_load_file(struct target *base, const struct staged_file *file, int64_t *ret_rows, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    assert(self->table != NULL && "a load has begun");
    if (load_file(self, file, ret_rows, err) != RC_OK)
        return adbc_target_fail_load(self, file->key, err);
    self->statements++;
    return RC_OK;
}

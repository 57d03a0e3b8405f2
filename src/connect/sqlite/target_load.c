/* Rows in: one prepared INSERT, bound row after row straight from the batch. */
#include "connect/sql/deletes.h"
#include "connect/sqlite/target_parts.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* ---- starting ---- */

/* A copy of no rows has the affinities of the table's columns, and its own names keep `rowid` free. */
static RC create_waiting_rows(struct sqlite_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct schema *schema = self->table->schema;
    buf_add_str(&sql, S("CREATE TABLE " WAITING_ROWS " AS SELECT "));
    for (int i = 0; i < schema->count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        sqlite_quote(&sql, schema->fields[i].name);
        buf_addf(&sql, " AS c%d", i);
    }
    buf_add_str(&sql, S(" FROM main."));
    sqlite_quote(&sql, self->table->name);
    buf_add_str(&sql, S(" WHERE 0"));
    return sqlite_run(self->db, sql.at, err);
}

/* OR ABORT: a conflict clause of the table itself could drop rows in silence. */
static RC prepare_insert(struct sqlite_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct sql_on on = sqlite_on(self, self->table);
    if (sqlite_target_waits(self->table)) {
        buf_add_str(&sql, S("INSERT INTO " WAITING_ROWS " VALUES ("));
    } else {
        buf_add_str(&sql, S("INSERT OR ABORT INTO main."));
        sqlite_quote(&sql, self->into);
        buf_add_str(&sql, S(" ("));
        sql_columns(&on, &sql);
        buf_add_str(&sql, S(") VALUES ("));
    }
    for (int i = 0; i < self->table->schema->count; i++)
        buf_add_str(&sql, i > 0 ? S(", ?") : S("?"));
    buf_add_str(&sql, S(")"));
    return sqlite_prepare(self->db, sql.at, &self->insert, err);
}

static RC plan_bindings(struct sqlite_target *self, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct shape shape;
    const struct target_table *table = self->table;
    TRY(shape_read(self, table->name, &arena, &shape, err));
    if (!shape.exists) {
        fail(err, RC_NOT_FOUND, "there is no table '%s' any more", table->name);
        return fail_todo(err, "run the same command again: it makes the table before it loads");
    }
    self->bindings = xcalloc((size_t)table->schema->count, sizeof(*self->bindings));
    for (int i = 0; i < table->schema->count; i++) {
        int column = shape_find(&shape, table->schema->fields[i].name);
        if (column < 0)
            return fail(err, RC_DATA, "the table '%s' has no column '%s' any more", table->name,
                        table->schema->fields[i].name);
        enum affinity affinity = shape.columns[column].affinity;
        self->bindings[i].is_numeric = affinity == AFFINITY_NUMERIC || affinity == AFFINITY_INTEGER;
        self->bindings[i].refuses_null =
            column == shape.rowid || (sqlite_target_waits(table) && sql_is_key(table, table->schema->fields[i].name));
    }
    return RC_OK;
}

RC sqlite_target_start_load(struct sqlite_target *self, struct error *err)
{
    const struct sql_on on = sqlite_on(self, self->table);
    self->rows = self->deleted = 0;
    self->statements = 1; /* the swap */
    self->into = self->table->name;
    TRY(plan_bindings(self, err));
    if (sqlite_target_waits(self->table))
        TRY(create_waiting_rows(self, err));
    if (self->table->mode == MODE_REPLACE)
        TRY(self->table->swaps ? sqlite_target_swap_begin(self, err) : sql_delete_all(&on, &self->deleted, err));
    if (self->table->mode == MODE_DELETE_INSERT)
        TRY(sql_delete_span(&on, &self->deleted, err));
    return prepare_insert(self, err);
}

void sqlite_target_end_load(struct sqlite_target *self)
{
    sqlite3_finalize(TAKE(self->insert));
    free(TAKE(self->bindings));
    arena_reset(&self->load_arena);
    self->table = NULL;
}

/* ---- binding ---- */

static RC fail_value(struct sqlite_target *self, int column, struct error *err, const char *why, const char *todo)
{
    fail(err, RC_DATA, "column '%s' of '%s': %s", self->table->schema->fields[column].name, self->table->name, why);
    return todo != NULL ? fail_todo(err, "%s", todo) : err->rc;
}

/* A NUMERIC column makes an integer or a double of every number; only what comes back digit for digit may go in. */
static RC bind_number(struct sqlite_target *self, int column, __int128 value, struct str text, struct error *err)
{
    static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};
    enum { POWERS = sizeof(powers) / sizeof(powers[0]), DOUBLE_DIGITS = 15 };
    int scale = self->table->schema->fields[column].scale;
    if (scale < POWERS && value % powers[scale] == 0 && value / powers[scale] == (int64_t)(value / powers[scale])) {
        sqlite_bind_int64(self->insert, column + 1, (int64_t)(value / powers[scale]));
        return RC_OK;
    }
    double number = strtod(text.at, NULL);
    if (text.len > DOUBLE_DIGITS) {
        char back[64];
        int len = snprintf(back, sizeof(back), "%.*f", scale, number);
        if (!str_eq((struct str){back, (size_t)len}, text))
            return fail_value(self, column, err, "a DECIMAL has more digits than a NUMERIC column of SQLite keeps (15)",
                              "declare the column TEXT in the target, which keeps all digits, or stage it `as: "
                              "text`" STAGED_OTHERWISE);
    }
    sqlite_bind_double(self->insert, column + 1, number);
    return RC_OK;
}

static RC bind_decimal(struct sqlite_target *self, int column, __int128 value, struct error *err)
{
    struct binding *binding = &self->bindings[column];
    char *end = text_decimal(binding->text, value, self->table->schema->fields[column].scale);
    *end = '\0';
    struct str text = {binding->text, (size_t)(end - binding->text)};
    if (binding->is_numeric)
        return bind_number(self, column, value, text, err);
    return sqlite_bind_text(self->db, self->insert, column + 1, text, err);
}

static RC bind_time(struct sqlite_target *self, int column, int64_t value, struct error *err)
{
    const struct field *field = &self->table->schema->fields[column];
    char *text = self->bindings[column].text;
    const char *end = field->type == TYPE_DATE ? text_date(text, value) : text_timestamp(text, value, field);
    if (end == NULL)
        return fail_value(self, column, err, SQLITE_NO_YEAR, NULL);
    return sqlite_bind_text(self->db, self->insert, column + 1, (struct str){text, (size_t)(end - text)}, err);
}

static RC bind_duration(struct sqlite_target *self, int column, int64_t us, struct error *err)
{
    char *text = self->bindings[column].text, *end = text_duration(text, us);
    return sqlite_bind_text(self->db, self->insert, column + 1, (struct str){text, (size_t)(end - text)}, err);
}

static RC bind_double(struct sqlite_target *self, int column, double value, struct error *err)
{
    if (isnan(value))
        return fail_value(self, column, err, SQLITE_NO_NAN, NULL);
    sqlite_bind_double(self->insert, column + 1, value);
    return RC_OK;
}

static RC bind_null(struct sqlite_target *self, int column, struct error *err)
{
    if (self->bindings[column].refuses_null)
        return fail_value(self, column, err, "a key must not be NULL", NULL);
    sqlite_bind_null(self->insert, column + 1);
    return RC_OK;
}

static RC bind_value(struct sqlite_target *self, const struct batch *batch, int column, int64_t row, struct error *err)
{
    if (batch_is_null(batch, column, row))
        return bind_null(self, column, err);
    switch (batch->schema->fields[column].type) {
    case TYPE_BOOL: sqlite_bind_int64(self->insert, column + 1, batch_bool(batch, column, row)); return RC_OK;
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64: sqlite_bind_int64(self->insert, column + 1, batch_integer(batch, column, row)); return RC_OK;
    case TYPE_FLOAT: return bind_double(self, column, (double)batch_float(batch, column, row), err);
    case TYPE_DOUBLE: return bind_double(self, column, batch_double(batch, column, row), err);
    case TYPE_UTF8: return sqlite_bind_text(self->db, self->insert, column + 1, batch_bytes(batch, column, row), err);
    case TYPE_BINARY: return sqlite_bind_blob(self->db, self->insert, column + 1, batch_bytes(batch, column, row), err);
    case TYPE_DATE: return bind_time(self, column, batch_date(batch, column, row), err);
    case TYPE_TIME: return bind_duration(self, column, batch_int64(batch, column, row), err);
    case TYPE_TIMESTAMP: return bind_time(self, column, batch_int64(batch, column, row), err);
    case TYPE_DECIMAL: return bind_decimal(self, column, batch_decimal(batch, column, row), err);
    }
    abort();
}

/* ---- loading a file ---- */

enum rc sqlite_target_fail_load(struct sqlite_target *self, const char *what, struct error *err)
{
    if (sqlite_target_waits(self->table) && text_eq(err->vendor, "SQLITE_FULL")) {
        err->todo[0] = '\0';
        fail_todo(err,
                  "free some space beside '%s' and where SQLite keeps temporary files (SQLITE_TMPDIR, TMPDIR, else "
                  "/var/tmp), "
                  "then run the same command again",
                  self->base.address);
    }
    return fail_in(err, "target '%s': loading '%s' into '%s'", self->base.name, what, self->table->name);
}

static RC insert_batch(struct sqlite_target *self, const struct batch *batch, int64_t *rows, struct error *err)
{
    bool is_row;
    for (int64_t row = 0; row < batch->rows; row++) {
        for (int column = 0; column < batch->schema->count; column++)
            TRY(bind_value(self, batch, column, row, err));
        TRY(sqlite_step(self->db, self->insert, &is_row, err));
        sqlite3_reset(self->insert);
        *rows += sqlite3_changes64(self->db->handle); /* 0 where a trigger has ignored the row */
    }
    return RC_OK;
}

static RC insert_file(struct sqlite_target *self, const struct staged_file *file, int64_t *rows, struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch = NULL;
    if (!schema_equal(file->schema, self->table->schema))
        return fail(err, RC_DATA, "its schema is not the waybill's");
    TRY(file->open(file, &reader, err));
    for (;;) {
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            break;
        TRY(insert_batch(self, batch, rows, err));
    }
    if (*rows != file->rows)
        return fail(err, RC_DATA, "the target took %lld rows, the waybill says %lld", (long long)*rows,
                    (long long)file->rows);
    return RC_OK;
}

RC sqlite_target_load_file(struct target *base, const struct staged_file *file, int64_t *ret_rows, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    int64_t rows = 0;
    assert(self->table != NULL && "a load has begun");
    if (insert_file(self, file, &rows, err) != RC_OK) {
        sqlite3_reset(self->insert);
        return sqlite_target_fail_load(self, file->key, err);
    }
    sqlite3_clear_bindings(self->insert); /* they point into a batch that is gone */
    self->rows += rows;
    self->statements++;
    *ret_rows = rows;
    return RC_OK;
}

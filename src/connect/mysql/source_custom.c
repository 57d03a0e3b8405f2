/* A statement in the place of a table (connect/custom.h). Its bounds are variables of the session, which it reads; its
 * columns are what the server says that it would return. */
#include "connect/mysql/source_parts.h"

#include <assert.h>

static const struct custom_dialect dialect = {.has_backslashes = true, .has_hash_comments = true};

enum { BINARY_CHARSET = 63 };

/* ---- its columns ---- */

/* A text or bytes, by its charset: of a text the longest one is told in bytes of four a character. */
static void take_text(const MYSQL_FIELD *field, struct mysql_column *column)
{
    bool is_bytes = field->charsetnr == BINARY_CHARSET;
    column->octets = (int64_t)field->length;
    column->type = is_bytes ? "longblob" : "longtext";
    column->base.declared = is_bytes ? "bytes of a statement" : "text of a statement";
}

static void take_number(const MYSQL_FIELD *field, const char *type, struct mysql_column *column)
{
    column->type = type;
    column->is_unsigned = (field->flags & UNSIGNED_FLAG) != 0;
}

/* Digits: without the sign and the point that its length counts. */
static void take_decimal(const MYSQL_FIELD *field, struct mysql_column *column)
{
    bool is_unsigned = (field->flags & UNSIGNED_FLAG) != 0;
    column->type = "decimal";
    column->scale = (int64_t)field->decimals;
    column->has_scale = true;
    column->precision = (int64_t)field->length - (is_unsigned ? 0 : 1) - (field->decimals > 0 ? 1 : 0);
}

static void take_time(const MYSQL_FIELD *field, const char *type, struct mysql_column *column)
{
    column->type = type;
    column->digits = field->decimals <= 6 ? (int64_t)field->decimals : 6;
}

static void take_type(const MYSQL_FIELD *field, struct mysql_column *column)
{
    switch (field->type) {
    case MYSQL_TYPE_TINY: take_number(field, "tinyint", column); return;
    case MYSQL_TYPE_SHORT: take_number(field, "smallint", column); return;
    case MYSQL_TYPE_INT24: take_number(field, "mediumint", column); return;
    case MYSQL_TYPE_LONG: take_number(field, "int", column); return;
    case MYSQL_TYPE_LONGLONG: take_number(field, "bigint", column); return;
    case MYSQL_TYPE_FLOAT: column->type = "float"; return;
    case MYSQL_TYPE_DOUBLE: column->type = "double"; return;
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL: take_decimal(field, column); return;
    case MYSQL_TYPE_YEAR: column->type = "year"; return;
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_NEWDATE: column->type = "date"; return;
    case MYSQL_TYPE_DATETIME: take_time(field, "datetime", column); return;
    case MYSQL_TYPE_TIMESTAMP: take_time(field, "timestamp", column); return;
    case MYSQL_TYPE_TIME: take_time(field, "time", column); return;
    case MYSQL_TYPE_BIT:
        column->type = "bit";
        column->precision = (int64_t)field->length;
        return;
    case MYSQL_TYPE_GEOMETRY: column->type = "geometry"; return;
    default: take_text(field, column);
    }
}

static RC take_columns(struct mysql_source *self, struct mysql_table *table, MYSQL_RES *rows, struct error *err)
{
    const MYSQL_FIELD *fields = mysql_fetch_fields(rows);
    int count = (int)mysql_num_fields(rows);
    if (count > COLUMNS_MAX)
        return fail(err, RC_CONFIG, "the 'sql' of '%s' has more than %d columns", table->base.name, COLUMNS_MAX);
    table->columns = arena_take(&self->arena, (size_t)count * sizeof(*table->columns));
    for (int i = 0; i < count; i++) {
        struct mysql_column *column = &table->columns[table->column_count];
        *column = (struct mysql_column){.base.name = arena_text(&self->arena, fields[i].name)};
        const struct columns before = mysql_columns(table);
        if (column_find(&before, column->base.name) >= 0)
            return fail(err, RC_CONFIG, "the 'sql' of '%s' has two columns '%s': give one another name (AS)",
                        table->base.name, column->base.name);
        table->column_count++;
        take_type(&fields[i], column);
        if (column->base.declared == NULL)
            column->base.declared =
                arena_print(&self->arena, "%s%s", column->type, column->is_unsigned ? " unsigned" : "");
    }
    return RC_OK;
}

/* ---- the statement ---- */

static const char *write_with(struct mysql_source *self, const struct mysql_table *table,
                              const char *const instead[CUSTOM_PARAMETERS])
{
    AUTO_RELEASE(buf) asked = {0};
    custom_write(table->sql, &dialect, instead, &asked);
    buf_add_str(&asked, S(" AS of_statement"));
    return arena_str(&self->arena, buf_str(&asked));
}

RC mysql_custom_describe(struct mysql_source *self, struct mysql_table *table, const char *sql, struct error *err)
{
    static const char *const untold[] = {"NULL", "NULL", "0"};
    AUTO_RESULT *rows = NULL;
    AUTO_RELEASE(buf) asked = {0};
    TRY(custom_check(table->base.name, sql, &dialect, err));
    table->sql = arena_text(&self->arena, sql);
    buf_addf(&asked, "SELECT * FROM %s LIMIT 0", write_with(self, table, untold));
    self->control->is_for_user = true;
    if (mysql_session_ask(self->control, asked.at, &rows, err) != RC_OK)
        return custom_fail(table->base.name, err);
    return take_columns(self, table, rows, err);
}

/* As what the cursor is, so that an index on it is of use. */
void mysql_custom_finish(struct mysql_source *self, struct mysql_table *table)
{
    static const char *const of_time[] = {"CAST(@waybill_lower AS DATETIME(6))", "CAST(@waybill_upper AS DATETIME(6))",
                                          CUSTOM_LIMIT_TEXT},
                             *const of_date[] = {"CAST(@waybill_lower AS DATE)", "CAST(@waybill_upper AS DATE)",
                                                 CUSTOM_LIMIT_TEXT},
                             *const of_number[] = {"CAST(@waybill_lower AS SIGNED)", "CAST(@waybill_upper AS SIGNED)",
                                                   CUSTOM_LIMIT_TEXT};
    if (table->sql == NULL)
        return;
    assert(table->base.cursor >= 0 && "a configuration without one is refused");
    enum form_kind kind = table->base.form.kind;
    table->quoted = write_with(self, table, kind == FORM_EPOCH ? of_number : kind == FORM_DATE ? of_date : of_time);
    for (int i = 0; i < table->base.key_count; i++)
        table->columns[table->base.key[i]].base.field.nullable = false; /* it is looked for before rows are read */
}

RC mysql_custom_bind(const struct mysql_table *table, const struct range *range, struct mysql_session *session,
                     struct error *err)
{
    static const struct form plain = {.kind = FORM_TEXT, .separator = ' ', .digits = 6};
    AUTO_RELEASE(buf) sql = {0};
    char ends[2][CURSOR_TEXT];
    int64_t us;
    if (table->sql == NULL)
        return RC_OK;
    session->is_for_user = true;
    custom_bounds(&table->base.form, range, ends[0], ends[1]);
    for (int i = 0; i < 2 && table->base.form.kind == FORM_TEXT; i++) { /* without T and Z: the session's zone is UTC */
        if (form_parse(&table->base.form, ends[i], &us))
            form_print(&plain, us, ends[i]);
    }
    buf_addf(&sql, "SET @waybill_lower = '%s', @waybill_upper = '%s'", ends[0], ends[1]);
    return mysql_session_run(session, sql.at, err);
}

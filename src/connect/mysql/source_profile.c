/* What a range's columns come to, counted by the server: every expression is that of the rows themselves. */
#include "connect/mysql/source_parts.h"

enum { COLUMNS_AT_ONCE = 100 };

/* What is read of a column; dates that become NULL when they are read are NULL here. Texts as the bytes of UTF-8, so
 * that neither a collation nor the column's own charset decides. */
static void add_value(const struct mysql_column *column, struct buf *out)
{
    const char *name = column->expression;
    if (column->zero_is_null)
        buf_addf(out, "IF(%s < '0001-01-01' OR MONTH(%s) = 0 OR DAYOFMONTH(%s) = 0, NULL, %s)", name, name, name, name);
    else if (column->base.field.type == TYPE_UTF8)
        buf_addf(out, "CAST(CONVERT(%s USING utf8mb4) AS BINARY)", name);
    else if (column->decoding.kind == DECODE_BITS)
        buf_addf(out, "%s+0", name);
    else
        buf_add_str(out, str(name));
}

/* A float's expression makes a double of it, which would be as long as one: compared is what the double reads as. */
static void add_measure(const struct mysql_column *column, enum profile_measure measure, struct buf *out)
{
    static const char *const before[] = {[PROFILE_VALUES] = "COUNT(",
                                         [PROFILE_LEAST] = "MIN(",
                                         [PROFILE_GREATEST] = "MAX(",
                                         [PROFILE_SUM] = "SUM(",
                                         [PROFILE_BYTES] = "SUM(LENGTH("};
    buf_add_str(out, S(", "));
    if (!profile_takes(&column->base.field, measure)) {
        buf_add_str(out, S("NULL"));
        return;
    }
    buf_add_str(out, str(before[measure]));
    add_value(column, out);
    buf_add_str(out, measure == PROFILE_BYTES ? S("))") : S(")"));
}

/* "(`id`) IN (17, 18)": keys of numbers as they are, all others as the texts that are read of them. */
static RC add_keys(const struct mysql_table *table, const struct key_list *keys, struct buf *out, struct error *err)
{
    for (int i = 0; i < keys->columns; i++)
        buf_addf(out, "%s%s", i > 0 ? ", " : "(", table->columns[table->base.key[i]].expression);
    buf_add_str(out, S(") IN ("));
    for (int place = 0; place < keys->count * keys->columns; place++) {
        const struct mysql_column *column = &table->columns[table->base.key[place % keys->columns]];
        bool is_first = place % keys->columns == 0, is_last = (place + 1) % keys->columns == 0;
        buf_add_str(out, place > 0 ? S(", ") : S(""));
        buf_add_str(out, is_first ? S("(") : S(""));
        if (column->key_form == KEY_NUMBER)
            TRY(mysql_range_key_literal(table, column, keys->texts[place], out, err));
        else
            mysql_literal_text(out, str(keys->texts[place]));
        buf_add_str(out, is_last ? S(")") : S(""));
    }
    buf_add_str(out, S(")"));
    return RC_OK;
}

static RC add_where(const struct mysql_table *table, const struct count_request *request, struct buf *sql,
                    struct error *err)
{
    size_t before = sql->len;
    TRY(mysql_range_where(table, &request->range, sql, err));
    if (request->without == NULL || request->without->count == 0)
        return RC_OK;
    buf_add_str(sql, sql->len > before ? S(" AND NOT ") : S(" WHERE NOT "));
    return add_keys(table, request->without, sql, err);
}

static RC profile_columns(struct mysql_source *self, const struct mysql_table *table,
                          const struct count_request *request, int from, int count, struct profile *ret,
                          struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    int64_t row_count = 0;
    buf_add_str(&sql, S("SELECT COUNT(*)"));
    for (int i = from; i < from + count; i++) {
        for (enum profile_measure measure = 0; measure < PROFILE_MEASURES; measure++)
            add_measure(&table->columns[i], measure, &sql);
    }
    buf_addf(&sql, " FROM %s", table->quoted);
    TRY(add_where(table, request, &sql, err));
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    MYSQL_ROW row = mysql_fetch_row(rows);
    const unsigned long *lengths = mysql_fetch_lengths(rows);
    if (row == NULL || !str_to_int64((struct str){row[0], lengths[0]}, &row_count))
        return fail(err, RC_DATA, "the server did not count the rows of '%s'", table->base.name);
    ret->rows = row_count;
    for (int i = 0; i < count * PROFILE_MEASURES; i++)
        profile_tell(ret, from + i / PROFILE_MEASURES, (enum profile_measure)(i % PROFILE_MEASURES),
                     (struct str){row[i + 1], lengths[i + 1]});
    return RC_OK;
}

static RC changed_keys(struct mysql_source *self, const struct mysql_table *table, const struct range *range,
                       struct key_list *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    for (int i = 0; i < table->base.key_count; i++)
        buf_addf(&sql, "%s%s", i > 0 ? ", " : "SELECT ", table->columns[table->base.key[i]].expression);
    if (table->base.key_count == 0)
        buf_add_str(&sql, S("SELECT 1"));
    TRY(mysql_range_from(table, range, &sql, err));
    buf_addf(&sql, " LIMIT %d", SOURCE_CHANGED_MAX + 1);
    TRY(mysql_custom_bind(table, range, self->control, err));
    TRY(mysql_session_ask(self->control, sql.at, &rows, err));
    if (ret->count + (int64_t)mysql_num_rows(rows) > SOURCE_CHANGED_MAX ||
        (table->base.key_count == 0 && mysql_num_rows(rows) > 0))
        return source_fail_changed(&table->base, err);
    for (MYSQL_ROW row; (row = mysql_fetch_row(rows)) != NULL;) {
        const unsigned long *lengths = mysql_fetch_lengths(rows);
        for (int i = 0; i < table->base.key_count; i++)
            key_list_add(ret, (struct str){or_empty(row[i]), row[i] != NULL ? lengths[i] : 0});
    }
    return RC_OK;
}

static RC profile_snapshot(struct mysql_source *self, const struct mysql_table *table,
                           const struct count_request *request, struct profile *ret, struct key_list *ret_changed,
                           struct error *err)
{
    for (int from = 0; from < table->column_count; from += COLUMNS_AT_ONCE) {
        int left = table->column_count - from;
        TRY(profile_columns(self, table, request, from, left < COLUMNS_AT_ONCE ? left : COLUMNS_AT_ONCE, ret, err));
    }
    for (int i = 0; i < request->changed_count; i++)
        TRY(changed_keys(self, table, &request->changed[i], ret_changed, err));
    return RC_OK;
}

enum rc mysql_source_profile(struct source *base, const struct table *table, const struct count_request *request,
                             struct profile *ret, struct key_list *ret_changed, struct error *err)
{
    struct mysql_source *self = (struct mysql_source *)base;
    const struct mysql_table *t = mysql_table_of(table);
    struct error ignored;
    TRY(mysql_range_check(self, t, &request->range, err));
    TRY(mysql_custom_bind(t, &request->range, self->control, err));
    TRY(mysql_session_run(self->control, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", err));
    TRY(mysql_session_run(self->control, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", err));
    enum rc rc = profile_snapshot(self, t, request, ret, ret_changed, err);
    if (mysql_session_run(self->control, "ROLLBACK", &ignored) != RC_OK)
        self->control->is_broken = true;
    return rc == RC_OK ? RC_OK : fail_in(err, "counting the columns of '%s'", table->name);
}

#include "connect/sqlite/source_parts.h"

bool sqlite_cursor_is_odd(const struct form *form, sqlite3_stmt *row, int at)
{
    struct form found;
    int class = sqlite3_column_type(row, at);
    if (form->kind == FORM_EPOCH)
        return class != SQLITE_INTEGER;
    if (class != SQLITE_TEXT)
        return true;
    struct str text = sqlite_column_str(row, at);
    return text.len >= CURSOR_TEXT || strlen(text.at) != text.len || !form_of_text(text.at, &found) ||
           !form_equal(&found, form);
}

RC sqlite_count_odd_cursors(struct sqlite_source *source, const struct sqlite_table *table, int64_t *ret,
                            struct error *err)
{
    AUTO_RELEASE(pages) pages = {0};
    int64_t odd = 0;
    bool is_row;
    pages_init_cursors(&pages, source, table);
    for (;;) {
        TRY(pages_next(&pages, &is_row, err));
        if (!is_row)
            break;
        odd += sqlite_cursor_is_odd(&table->base.form, pages.statement, 0);
    }
    ((struct sqlite_table *)(uintptr_t)table)->cursors_are_checked = odd == 0;
    *ret = odd;
    return RC_OK;
}

static enum rc fail_odd(const struct sqlite_table *table, int64_t odd, struct error *err)
{
    char form[FORM_TEXT_MAX];
    form_name(&table->base.form, form);
    fail(err, RC_DATA, "the cursor '%s' of '%s' is not of the form %s in %lld rows, which a range could pass over",
         table->columns[table->base.cursor].base.name, table->base.name, form, (long long)odd);
    return fail_todo(err,
                     "write these cursors in one form in the source, or take another cursor, or increment: full_sync");
}

enum rc sqlite_fail_odd_cursors(struct sqlite_source *source, const struct sqlite_table *table, struct error *err)
{
    int64_t odd;
    TRY(sqlite_count_odd_cursors(source, table, &odd, err));
    return fail_odd(table, odd > 0 ? odd : 1, err);
}

static RC check_keys(struct sqlite_source *source, const struct sqlite_table *table, struct error *err)
{
    static const struct range everything = {.kind = RANGE_ALL};
    AUTO_RELEASE(buf) sql = {0};
    int64_t count;
    for (int i = 0; i < table->base.key_count; i++) {
        const struct sqlite_column *column = &table->columns[table->base.key[i]];
        if (column->base.not_null)
            continue;
        buf_reset(&sql);
        buf_addf(&sql, "SELECT count(*) FROM %s WHERE ", table->quoted);
        sqlite_quote(&sql, column->base.name);
        buf_add_str(&sql, S(" IS NULL"));
        TRY(sqlite_table_int64(source, table, &everything, sql.at, &count, err));
        if (count == 0)
            continue;
        fail(err, RC_DATA, "key column '%s' of '%s' is NULL in %lld rows, which a range would pass over",
             column->base.name, table->base.name, (long long)count);
        return fail_todo(err, "give these rows a key, or name another key in the table's entry (key: <column>)");
    }
    return RC_OK;
}

RC sqlite_check_order(struct sqlite_source *source, const struct sqlite_table *table, bool by_key, struct error *err)
{
    struct sqlite_table *mine = (struct sqlite_table *)(uintptr_t)table; /* ours, const only for the caller */
    int64_t odd = 0;
    if (by_key && !table->keys_are_checked)
        TRY(check_keys(source, table, err));
    mine->keys_are_checked |= by_key;
    if (table->base.cursor >= 0 && !table->cursors_are_checked)
        TRY(sqlite_count_odd_cursors(source, table, &odd, err));
    return odd == 0 ? RC_OK : fail_odd(table, odd, err);
}

/* How many values of the column fit, by class. */
struct misfits {
    int64_t nulls, count, values;
    bool has_blob;
};

static RC count_misfits(struct sqlite_source *source, const struct sqlite_table *table, int column, struct misfits *ret,
                        struct error *err)
{
    static const struct range everything = {.kind = RANGE_ALL};
    AUTO_RELEASE(pages) pages = {0};
    struct cell cell;
    bool is_row;
    pages_init(&pages, source, table, &everything, &column, 1);
    for (;;) {
        TRY(pages_next(&pages, &is_row, err));
        if (!is_row)
            return RC_OK;
        int class = sqlite3_column_type(pages.statement, 0);
        ret->nulls += class == SQLITE_NULL;
        ret->values += class != SQLITE_NULL;
        if (class == SQLITE_NULL || cell_read(&cell, &table->columns[column], pages.statement, 0))
            continue;
        ret->count++;
        ret->has_blob |= class == SQLITE_BLOB || !str_is_utf8(sqlite_column_str(pages.statement, 0));
    }
}

enum rc sqlite_fail_misfit(struct sqlite_source *source, const struct sqlite_table *table, int column,
                           struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct sqlite_column *c = &table->columns[column];
    struct misfits misfits = {0};
    char type[FORMAT_TEXT];
    TRY(count_misfits(source, table, column, &misfits, err));
    if (misfits.count == 0 && misfits.nulls > 0) {
        fail(err, RC_DATA, "column '%s' of '%s' is never NULL by its declaration or as a key, and is NULL in %lld rows",
             c->base.name, table->base.name, (long long)misfits.nulls);
        return fail_todo(err, "give these rows a value, or name another key in the table's entry (key: <column>)");
    }
    field_type_name(&c->base.field, type);
    fail(err, RC_DATA, "column '%s' of '%s': %lld of %lld values do not fit %s", c->base.name, table->base.name,
         (long long)misfits.count, (long long)misfits.values, type);
    return fail_todo(
        err, "mend them in the source, or say how to take the column in the table's entry: columns: {%s: {as: %s}}",
        yaml_name(&arena, c->base.name), misfits.has_blob ? "binary" : "text");
}

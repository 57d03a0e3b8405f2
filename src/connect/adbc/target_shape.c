/* A table as it is: columns, types, what is unique. */
#include "connect/adbc/target_parts.h"

#include <string.h>

/* A query of the dialect, with the table's schema and name as literals. */
static RC ask(struct adbc_target *self, const char *query, const char *table, struct answer *ret, struct error *err)
{
    AUTO_RELEASE(buf) plain = {0}, schema = {0}, name = {0}, sql = {0};
    sql_schema_of(&self->dialect->sql, &self->base, table, &plain);
    adbc_literal(&schema, or_empty(plain.at));
    adbc_literal(&name, sql_name_alone(&self->dialect->sql, table));
    for (const char *at = query; *at != '\0'; at++) {
        if (*at == ':' && strncmp(at, ":schema", 7) == 0) {
            buf_add_str(&sql, buf_str(&schema));
            at += strlen(":schema") - 1;
        } else if (*at == ':' && strncmp(at, ":table", 6) == 0) {
            buf_add_str(&sql, buf_str(&name));
            at += strlen(":table") - 1;
        } else {
            buf_add(&sql, at, 1);
        }
    }
    return adbc_query(self->db, sql.at, ret, err);
}

static bool is_true(const struct answer *rows, int row, int column)
{
    const char *text = or_empty(answer_text(rows, row, column));
    return text[0] == '1' || text[0] == 't';
}

RC adbc_shape_read(struct adbc_target *self, const char *table, struct arena *arena, struct sql_shape *ret,
                   struct error *err)
{
    AUTO_RELEASE(answer) rows = {0};
    TRY(ask(self, self->dialect->shape, table, &rows, err));
    if (rows.rows > COLUMNS_MAX)
        return fail(err, RC_DATA, "the table '%s' has more than %d columns", table, COLUMNS_MAX);
    *ret = (struct sql_shape){.exists = rows.rows > 0, .kind = "", .count = rows.rows};
    if (!ret->exists)
        return RC_OK;
    ret->kind = arena_text(arena, or_empty(answer_text(&rows, 0, 0)));
    ret->columns = arena_take(arena, sizeof(*ret->columns) * (size_t)rows.rows);
    for (int row = 0; row < rows.rows; row++) {
        ret->columns[row] = (struct sql_column){
            .name = arena_text(arena, or_empty(answer_text(&rows, row, 1))),
            .type = arena_text(arena, or_empty(answer_text(&rows, row, 2))),
            .own = arena_text(arena, or_empty(answer_text(&rows, row, 6))),
            .not_null = is_true(&rows, row, 3),
            .has_default = is_true(&rows, row, 4),
            .is_generated = is_true(&rows, row, 5),
        };
    }
    return RC_OK;
}

static bool is_one_of_key(const struct adbc_target *self, const struct target_table *wanted, const char *column)
{
    for (int i = 0; column != NULL && i < wanted->key_count; i++) {
        if (sql_names_equal(&self->dialect->sql, wanted->key[i], column))
            return true;
    }
    return false;
}

RC adbc_shape_key_is_unique(struct adbc_target *self, const struct target_table *wanted, bool *ret, struct error *err)
{
    AUTO_RELEASE(answer) rows = {0};
    *ret = false;
    TRY(ask(self, self->dialect->unique_keys, wanted->name, &rows, err));
    for (int row = 0, end; row < rows.rows && !*ret; row = end) {
        bool fits = true;
        for (end = row; end < rows.rows && text_eq(answer_text(&rows, end, 0), answer_text(&rows, row, 0)); end++)
            fits = fits && is_one_of_key(self, wanted, answer_text(&rows, end, 1));
        *ret = fits && end - row == wanted->key_count;
    }
    return RC_OK;
}

RC adbc_target_is_there(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    AUTO_RELEASE(arena) arena = {0};
    struct sql_shape shape = {0};
    enum rc rc = adbc_target_look(self, err);
    if (rc == RC_OK && self->db != NULL)
        rc = adbc_shape_read(self, table->name, &arena, &shape, err);
    adbc_target_rest(self);
    if (rc != RC_OK)
        return fail_in(err, "target '%s': looking for '%s'", base->name, table->name);
    *ret = shape.exists;
    return RC_OK;
}

RC adbc_target_has_rows(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    const struct sql_on on = adbc_on(self, table);
    enum rc rc = adbc_target_look(self, err);
    if (rc == RC_OK && self->db != NULL)
        rc = sql_has_rows(&on, ret, err);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': looking into '%s'", base->name, table->name);
}

#include "connect/sql/sql.h"

#include <string.h>
#include <strings.h>

/* ---- answers ---- */

void sql_row_release(struct sql_row *self) { arena_release(&self->arena); }

void sql_row_init(struct sql_row *self, int count)
{
    arena_reset(&self->arena);
    self->cells = arena_take(&self->arena, sizeof(*self->cells) * (size_t)(count + 1));
    self->count = count;
}

int64_t sql_row_int64(const struct sql_row *self, int column)
{
    int64_t number = 0;
    struct str cell = column < self->count ? self->cells[column] : (struct str){0};
    return cell.at != NULL && str_to_int64(cell, &number) ? number : 0;
}

const char *sql_row_text(const struct sql_row *self, int column)
{
    return column < self->count ? or_empty(self->cells[column].at) : "";
}

bool sql_row_bool(const struct sql_row *self, int column)
{
    const char *text = sql_row_text(self, column);
    return text[0] == 't' || text[0] == '1';
}

RC sql_count(const struct sql_on *on, const char *sql, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(sql_row) row = {0};
    TRY(on->sql->ask(on->target, sql, &row, err));
    if (row.count < 1)
        return fail(err, RC_FAILED, "'%s': a count has no answer", on->target->address);
    *ret = sql_row_int64(&row, 0);
    return RC_OK;
}

/* ---- names ---- */

static const char *dot_of(const struct sql *sql, const char *table)
{
    const char *dot = sql->has_schemas ? strchr(table, '.') : NULL;
    return dot == NULL || dot == table || dot[1] == '\0' ? NULL : dot;
}

const char *sql_name_alone(const struct sql *sql, const char *table)
{
    const char *dot = dot_of(sql, table);
    return dot != NULL ? dot + 1 : table;
}

/* The schema that it names; "" for none. */
static struct str sql_schema_named(const struct sql *sql, const char *table)
{
    const char *dot = dot_of(sql, table);
    return (struct str){table, dot != NULL ? (size_t)(dot - table) : 0};
}

void sql_schema_of(const struct sql *sql, const struct target *self, const char *table, struct buf *out)
{
    struct str named = sql_schema_named(sql, table);
    buf_add_str(out, named.len > 0 ? named : str(sql->schema(self)));
}

void sql_quote_table(const struct sql *sql, const struct target *self, const char *table, struct buf *out)
{
    AUTO_RELEASE(buf) schema = {0};
    sql_schema_of(sql, self, table, &schema);
    sql->quote(out, or_empty(schema.at));
    buf_add_str(out, S("."));
    sql->quote(out, sql_name_alone(sql, table));
}

void sql_table(const struct sql_on *on, struct buf *out) { sql_quote_table(on->sql, on->target, on->table->name, out); }

bool sql_names_equal(const struct sql *sql, const char *a, const char *b)
{
    return sql->folds_names ? strcasecmp(a, b) == 0 : strcmp(a, b) == 0;
}

void sql_columns(const struct sql_on *on, struct buf *out)
{
    for (int i = 0; i < on->table->schema->count; i++) {
        buf_add_str(out, i > 0 ? S(", ") : S(""));
        on->sql->quote(out, on->table->schema->fields[i].name);
    }
}

void sql_key(const struct sql_on *on, struct buf *out)
{
    for (int i = 0; i < on->table->key_count; i++) {
        buf_add_str(out, i > 0 ? S(", ") : S(""));
        on->sql->quote(out, on->table->key[i]);
    }
}

bool sql_is_key(const struct target_table *table, const char *column)
{
    for (int i = 0; i < table->key_count; i++) {
        if (strcmp(table->key[i], column) == 0)
            return true;
    }
    return false;
}

const char *sql_free_name(const struct sql_on *on, const char *word, struct arena *arena)
{
    const struct schema *schema = on->table->schema;
    const char *name = word;
    for (int i = 0; i < schema->count; i++) {
        if (sql_names_equal(on->sql, schema->fields[i].name, name)) {
            name = arena_print(arena, "%s_", name);
            i = -1;
        }
    }
    return name;
}

RC sql_has_rows(const struct sql_on *on, bool *ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RELEASE(sql_row) row = {0};
    buf_add_str(&sql, S("SELECT 1 FROM "));
    sql_table(on, &sql);
    buf_add_str(&sql, S(" LIMIT 1"));
    TRY(on->sql->ask(on->target, sql.at, &row, err));
    *ret = row.count > 0;
    return RC_OK;
}

#include "connect/sql/ddl.h"

#include <string.h>

#include "base/yaml.h"

/* ---- columns of a table that is there ---- */

int sql_shape_place(const struct sql *sql, const struct sql_shape *shape, const char *name)
{
    for (int i = 0; i < shape->count; i++) {
        if (sql_names_equal(sql, shape->columns[i].name, name))
            return i;
    }
    return -1;
}

const struct sql_column *sql_shape_find(const struct sql *sql, const struct sql_shape *shape, const char *name)
{
    int place = sql_shape_place(sql, shape, name);
    return place >= 0 ? &shape->columns[place] : NULL;
}

/* ---- scripts ---- */

void sql_script_release(struct sql_script *self) { arena_release(&self->arena); }

void sql_script_add(struct sql_script *self, const struct buf *statement)
{
    if ((self->count & (self->count - 1)) == 0) {
        const char **items = arena_take(&self->arena, sizeof(*items) * (size_t)(self->count * 2 + 1));
        if (self->count > 0)
            memcpy(items, self->items, sizeof(*items) * (size_t)self->count);
        self->items = items;
    }
    self->items[self->count++] = arena_str(&self->arena, buf_str(statement));
}

void sql_script_print(const struct sql_script *self, struct buf *out)
{
    for (int i = 0; i < self->count; i++)
        buf_addf(out, "%s;\n", self->items[i]);
}

/* ---- names ---- */

static RC check_length(const struct sql_on *on, const char *what, const char *name, const char *todo, struct error *err)
{
    int max = on->sql->name_bytes_max;
    if (max == 0 || strlen(name) <= (size_t)max)
        return RC_OK;
    fail(err, RC_CONFIG, "the name of the %s '%s' has %zu bytes, %s %s %s %d", what, name, strlen(name),
         on->sql->cuts_names ? "of which" : "and", on->sql->shown, on->sql->cuts_names ? "keeps" : "takes", max);
    return fail_todo(err, "give it another one in the target: %s", todo);
}

static RC check_collisions(const struct sql_on *on, int column, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct schema *schema = on->table->schema;
    const char *name = schema->fields[column].name;
    for (int i = 0; i < column; i++) {
        if (!sql_names_equal(on->sql, schema->fields[i].name, name))
            continue;
        fail(err, RC_CONFIG, "the columns '%s' and '%s' of '%s' are one to %s", schema->fields[i].name, name,
             on->table->name, on->sql->shown);
        return fail_todo(err, "give one of them another name there: columns: {%s: {name: ...}}",
                         yaml_name(&arena, name));
    }
    return RC_OK;
}

static RC check_key(const struct sql_on *on, struct error *err)
{
    const struct target_table *table = on->table;
    if (table->mode == MODE_MERGE && table->key_count == 0)
        return fail(err, RC_CONFIG, "a merge into '%s' needs a key", table->name);
    for (int i = 0; i < table->key_count; i++) {
        if (schema_find(table->schema, table->key[i]) < 0)
            return fail(err, RC_DATA, "the key column '%s' is not among those of '%s'", table->key[i], table->name);
    }
    return RC_OK;
}

RC sql_check_names(const struct sql_on *on, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    TRY(check_length(on, "table", sql_name_alone(on->sql, on->table->name), "`target: ...`", err));
    for (int i = 0; i < on->table->schema->count; i++) {
        const char *name = on->table->schema->fields[i].name;
        const char *todo = arena_print(&arena, "columns: {%s: {name: ...}}", yaml_name(&arena, name));
        TRY(check_length(on, "column", name, todo, err));
        TRY(check_collisions(on, i, err));
    }
    return check_key(on, err);
}

/* ---- what can be done ---- */

static void add_column(const struct sql_on *on, const struct field *field, bool not_null, struct buf *out)
{
    on->sql->quote(out, field->name);
    buf_add_str(out, S(" "));
    on->sql->declare(on, field, out);
    buf_add_str(out, not_null ? S(" NOT NULL") : S(""));
}

void sql_create_table(const struct sql_on *on, struct sql_script *script)
{
    AUTO_RELEASE(buf) ddl = {0};
    const struct target_table *table = on->table;
    bool has_key = target_table_is_keyed(table);
    buf_add_str(&ddl, S("CREATE TABLE "));
    sql_table(on, &ddl);
    for (int i = 0; i < table->schema->count; i++) {
        const struct field *field = &table->schema->fields[i];
        buf_add_str(&ddl, i > 0 ? S(", ") : S(" ("));
        add_column(on, field, !field->nullable || (has_key && sql_is_key(table, field->name)), &ddl);
    }
    if (has_key && on->sql->enforces_keys) {
        buf_add_str(&ddl, S(", PRIMARY KEY ("));
        sql_key(on, &ddl);
        buf_add_str(&ddl, S(")"));
    }
    buf_add_str(&ddl, S(")"));
    if (on->sql->layout != NULL)
        on->sql->layout(on, &ddl);
    sql_script_add(script, &ddl);
}

void sql_alter_table(const struct sql_on *on, const char *what, const char *column, struct buf *out)
{
    buf_add_str(out, S("ALTER TABLE "));
    sql_table(on, out);
    buf_addf(out, " %s ", what);
    on->sql->quote(out, column);
}

/* A new column may be NULL: the rows that are there have no value for it. */
void sql_change_columns(const struct sql_on *on, const struct sql_shape *shape, struct sql_script *script)
{
    for (int i = 0; i < on->table->schema->count; i++) {
        AUTO_RELEASE(buf) ddl = {0};
        char widened[DECLARED_TEXT];
        const struct field *field = &on->table->schema->fields[i];
        const struct sql_column *column = sql_shape_find(on->sql, shape, field->name);
        if (column == NULL) {
            buf_add_str(&ddl, S("ALTER TABLE "));
            sql_table(on, &ddl);
            buf_add_str(&ddl, S(" ADD COLUMN "));
            add_column(on, field, false, &ddl);
            sql_script_add(script, &ddl);
        } else if (on->sql->fit(on, field, column, widened) == FIT_WIDER) {
            sql_alter_table(on, "ALTER COLUMN", column->name, &ddl);
            buf_addf(&ddl, " TYPE %s", widened);
            sql_script_add(script, &ddl);
        }
    }
}

/* ---- what would need more than that ---- */

void sql_misfits_release(struct sql_misfits *self)
{
    buf_release(&self->diff);
    buf_release(&self->mend);
}

static void find_unfilled(const struct sql_on *on, const struct sql_column *column, struct sql_misfits *found)
{
    for (int i = 0; i < on->table->schema->count; i++) {
        if (sql_names_equal(on->sql, on->table->schema->fields[i].name, column->name))
            return;
    }
    if (!column->not_null || column->has_default || column->is_generated)
        return;
    buf_addf(&found->diff, "\n  - %s: NOT NULL without a default, and the source has no such column", column->name);
    sql_alter_table(on, on->sql->unfilled[0], column->name, &found->mend);
    buf_addf(&found->mend, "%s; ", on->sql->unfilled[1]);
}

RC sql_find_misfits(const struct sql_on *on, const struct sql_shape *shape, struct sql_misfits *found,
                    struct error *err)
{
    if (strcmp(shape->kind, "table") != 0)
        return fail(err, RC_DATA, "'%s' is a %s, not a table", on->table->name, shape->kind);
    for (int i = 0; i < on->table->schema->count; i++) {
        const struct field *field = &on->table->schema->fields[i];
        int place = sql_shape_place(on->sql, shape, field->name);
        if (place >= 0)
            on->sql->misfit(on, field, &shape->columns[place], found);
    }
    for (int i = 0; i < shape->count; i++)
        find_unfilled(on, &shape->columns[i], found);
    return RC_OK;
}

void sql_misfit_type(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                     struct sql_misfits *found)
{
    struct target_type wanted = target_type_of(on->target, field);
    buf_addf(&found->diff, "\n  ~ %s: %s -> %s", field->name, column->type[0] != '\0' ? column->type : "(no type)",
             wanted.declared);
}

void sql_misfit_key(const struct sql_on *on, const char *name, struct sql_misfits *found)
{
    AUTO_RELEASE(buf) key = {0};
    sql_key(on, &key);
    buf_addf(&found->diff, "\n  + the key of the merge, unique: (%s)", key.at);
    buf_add_str(&found->mend, S("CREATE UNIQUE INDEX "));
    if (name != NULL)
        on->sql->quote(&found->mend, name);
    buf_add_str(&found->mend, name != NULL ? S(" ON ") : S("ON "));
    sql_table(on, &found->mend);
    buf_addf(&found->mend, " (%s); ", key.at);
}

RC sql_fail_misfits(const struct sql_on *on, const struct sql_misfits *found, struct error *err)
{
    if (found->diff.len == 0)
        return RC_OK;
    fail(err, RC_DATA, "the table '%s' does not fit the source:%s", on->table->name, found->diff.at);
    return fail_todo(err, "%.*s", (int)(found->mend.len - strlen("; ")), found->mend.at);
}

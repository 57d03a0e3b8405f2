/* DDL: the table is made from the waybill's schema, grows with it, and anything else is told, not done. Each statement
 * is a transaction of its own, since some may not run in one (S46); a run that dies between two finds the rest to do.
 */
#include "base/yaml.h"
#include "connect/redshift/target_parts.h"

#include <stdio.h>

enum { REDSHIFT_COLUMNS_MAX = 1600 };

/* Statements, one at a time; the texts are the arena's. */
struct statements {
    struct arena arena;
    const char **items;
    int count;
};

static void statements_release(struct statements *self) { arena_release(&self->arena); }

static void statements_init(struct statements *self, const struct target_table *table)
{
    *self = (struct statements){0};
    self->items = arena_take(&self->arena, sizeof(*self->items) * (size_t)(table->schema->count + 1));
}

static void add_statement(struct statements *self, const struct buf *sql)
{
    self->items[self->count++] = arena_str(&self->arena, buf_str(sql));
}

/* ---- what can be done ---- */

static const char *encode_of(const struct target_table *table, const char *column)
{
    const struct target_layout *layout = table->layout;
    for (int i = 0; layout != NULL && i < layout->encode_count; i++) {
        if (text_eq(layout->encodes[i].column, column))
            return layout->encodes[i].encode;
    }
    return NULL;
}

static void add_column(const struct target_table *table, const struct field *field, bool not_null, struct buf *out)
{
    char declared[DECLARED_TEXT];
    const char *encode = encode_of(table, field->name);
    redshift_declare(field, declared);
    redshift_quote(out, field->name);
    buf_addf(out, " %s%s%s%s", declared, encode != NULL ? " ENCODE " : "", or_empty(encode),
             not_null ? " NOT NULL" : "");
}

static void add_layout(const struct target_layout *layout, struct buf *ddl)
{
    if (layout == NULL)
        return;
    if (layout->diststyle != NULL)
        buf_addf(ddl, " DISTSTYLE %s", layout->diststyle);
    if (layout->distkey != NULL) {
        buf_add_str(ddl, S(" DISTKEY ("));
        redshift_quote(ddl, layout->distkey);
        buf_add_str(ddl, S(")"));
    }
    if (layout->sortkey_count == 0)
        return;
    buf_addf(ddl, " %sSORTKEY ", layout->is_interleaved ? "INTERLEAVED " : "COMPOUND ");
    for (int i = 0; i < layout->sortkey_count; i++) {
        buf_add_str(ddl, i > 0 ? S(", ") : S("("));
        redshift_quote(ddl, layout->sortkey[i]);
    }
    buf_add_str(ddl, S(")"));
}

/* No PRIMARY KEY: Redshift enforces none, and answers wrongly where one is declared and does not hold. */
static void create_table(const struct redshift_target *self, const struct target_table *table, struct statements *todo)
{
    AUTO_RELEASE(buf) ddl = {0};
    bool has_key = table->mode == MODE_MERGE;
    buf_add_str(&ddl, S("CREATE TABLE "));
    redshift_table_quote(self, table->name, &ddl);
    for (int i = 0; i < table->schema->count; i++) {
        const struct field *field = &table->schema->fields[i];
        buf_add_str(&ddl, i > 0 ? S(", ") : S(" ("));
        add_column(table, field, !field->nullable || (has_key && redshift_is_key(table, field->name)), &ddl);
    }
    buf_add_str(&ddl, S(")"));
    add_layout(table->layout, &ddl);
    add_statement(todo, &ddl);
}

static void alter_table(const struct redshift_target *self, const struct target_table *table, const char *what,
                        const char *column, struct buf *out)
{
    buf_add_str(out, S("ALTER TABLE "));
    redshift_table_quote(self, table->name, out);
    buf_addf(out, " %s ", what);
    redshift_quote(out, column);
}

/* A column cannot be added to a table and be NOT NULL: the rows that are there have no value for it. */
static void change_columns(const struct redshift_target *self, const struct target_table *table,
                           const struct shape *shape, struct statements *todo)
{
    for (int i = 0; i < table->schema->count; i++) {
        AUTO_RELEASE(buf) sql = {0};
        const struct field *field = &table->schema->fields[i];
        int column = redshift_shape_find(shape, field->name);
        if (column < 0) {
            buf_add_str(&sql, S("ALTER TABLE "));
            redshift_table_quote(self, table->name, &sql);
            buf_add_str(&sql, S(" ADD COLUMN "));
            add_column(table, field, false, &sql);
            add_statement(todo, &sql);
            continue;
        }
        struct redshift_fitting fitting = redshift_fit(field, &shape->columns[column].type);
        if (fitting.fit == REDSHIFT_FITS_WIDER) {
            alter_table(self, table, "ALTER COLUMN", field->name, &sql);
            buf_addf(&sql, " TYPE varchar(%lld)", (long long)fitting.widened_bytes);
            add_statement(todo, &sql);
        }
    }
}

/* ---- what would need more than that ---- */

/* Every misfit adds a line to `diff`, and the statements that mend it to `mend`. */
struct misfits {
    struct buf diff, mend;
};

static void misfits_release(struct misfits *self)
{
    buf_release(&self->diff);
    buf_release(&self->mend);
}

/* A type is changed by a new column that takes the old one's values, and then its name. */
static void find_type(const struct redshift_target *self, const struct target_table *table, const struct field *field,
                      const struct shape_column *column, struct misfits *found)
{
    AUTO_RELEASE(arena) arena = {0};
    char declared[DECLARED_TEXT], now[DECLARED_TEXT];
    const char *fresh = redshift_free_name(table->schema, arena_print(&arena, "%.100s_new", column->name), &arena);
    redshift_declare(field, declared);
    redshift_type_print(&column->type, now);
    buf_addf(&found->diff, "\n  ~ %s: %s -> %s", field->name, now, declared);
    alter_table(self, table, "ADD COLUMN", fresh, &found->mend);
    buf_addf(&found->mend, " %s; UPDATE ", declared);
    redshift_table_quote(self, table->name, &found->mend);
    buf_add_str(&found->mend, S(" SET "));
    redshift_quote(&found->mend, fresh);
    buf_add_str(&found->mend, S(" = "));
    redshift_quote(&found->mend, column->name);
    buf_addf(&found->mend, "::%s; ", declared);
    alter_table(self, table, "DROP COLUMN", column->name, &found->mend);
    buf_add_str(&found->mend, S("; "));
    alter_table(self, table, "RENAME COLUMN", fresh, &found->mend);
    buf_add_str(&found->mend, S(" TO "));
    redshift_quote(&found->mend, column->name);
    buf_add_str(&found->mend, S("; "));
}

static void find_misfit(const struct redshift_target *self, const struct target_table *table, const struct field *field,
                        const struct shape_column *column, struct misfits *found)
{
    if (column->is_identity) {
        buf_addf(&found->diff, "\n  ~ %s: an IDENTITY, which numbers rows by itself", field->name);
        buf_add_str(&found->mend, S("make the table anew without IDENTITY; "));
    } else if (redshift_fit(field, &column->type).fit == REDSHIFT_FITS_NOT) {
        find_type(self, table, field, column, found);
    }
}

static void find_unfilled(const struct redshift_target *self, const struct target_table *table,
                          const struct shape_column *column, struct misfits *found)
{
    for (int i = 0; i < table->schema->count; i++) {
        if (strcasecmp(table->schema->fields[i].name, column->name) == 0)
            return;
    }
    if (!column->not_null || column->has_default || column->is_identity)
        return;
    buf_addf(&found->diff, "\n  - %s: NOT NULL without a default, and the source has no such column", column->name);
    alter_table(self, table, "DROP COLUMN", column->name, &found->mend);
    buf_add_str(&found->mend, S(", or give it a default in a table made anew; "));
}

static RC check_shape(struct redshift_target *self, const struct target_table *table, const struct shape *shape,
                      struct error *err)
{
    AUTO_RELEASE(misfits) found = {0};
    if (!shape->is_table)
        return fail(err, RC_DATA, "'%s' is a view, or a relation of another kind, and not a table", table->name);
    for (int i = 0; i < table->schema->count; i++) {
        int column = redshift_shape_find(shape, table->schema->fields[i].name);
        if (column >= 0)
            find_misfit(self, table, &table->schema->fields[i], &shape->columns[column], &found);
    }
    for (int i = 0; i < shape->count; i++)
        find_unfilled(self, table, &shape->columns[i], &found);
    if (found.diff.len == 0)
        return RC_OK;
    fail(err, RC_DATA, "the table '%s' does not fit the source:%s", table->name, found.diff.at);
    return fail_todo(err, "%.*s", (int)(found.mend.len - 2), found.mend.at);
}

/* ---- names ---- */

static RC check_length(const char *what, const char *name, const char *todo, struct error *err)
{
    if (strlen(name) <= REDSHIFT_NAME_BYTES)
        return RC_OK;
    fail(err, RC_CONFIG, "the name of the %s '%s' has %zu bytes, and Redshift takes %d", what, name, strlen(name),
         REDSHIFT_NAME_BYTES);
    return fail_todo(err, "give it another one in the target: %s", todo);
}

/* Redshift folds quoted names too, so two that differ in case are one. */
static RC check_collisions(const struct target_table *table, int column, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const char *name = table->schema->fields[column].name;
    for (int i = 0; i < column; i++) {
        if (strcasecmp(table->schema->fields[i].name, name) != 0)
            continue;
        fail(err, RC_CONFIG, "the columns '%s' and '%s' of '%s' have one name in Redshift, which folds case",
             table->schema->fields[i].name, name, table->name);
        return fail_todo(err, "give one of them another name in the target: columns: {%s: {name: ...}}",
                         yaml_name(&arena, name));
    }
    return RC_OK;
}

static RC check_columns(const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    if (table->schema->count > REDSHIFT_COLUMNS_MAX) {
        fail(err, RC_CONFIG, "'%s' has %d columns, and Redshift takes %d", table->name, table->schema->count,
             REDSHIFT_COLUMNS_MAX);
        return fail_todo(err, "leave some out: exclude_columns: [...]");
    }
    for (int i = 0; i < table->schema->count; i++) {
        const char *name = table->schema->fields[i].name;
        const char *todo = arena_print(&arena, "columns: {%s: {name: ...}}", yaml_name(&arena, name));
        TRY(check_length("column", name, todo, err));
        TRY(check_collisions(table, i, err));
    }
    return RC_OK;
}

static RC check_key(const struct redshift_target *self, const struct target_table *table, struct error *err)
{
    if (table->mode == MODE_MERGE && table->key_count == 0)
        return fail(err, RC_CONFIG, "a merge into '%s' needs a key", table->name);
    for (int i = 0; i < table->key_count; i++) {
        int column = schema_find(table->schema, table->key[i]);
        if (column < 0)
            return fail(err, RC_DATA, "the key column '%s' is not among those of '%s'", table->key[i], table->name);
        bool is_text = table->schema->fields[column].type == TYPE_UTF8;
        if (table->mode != MODE_MERGE || !is_text || !self->ignores_case)
            continue;
        fail(err, RC_CONFIG,
             "the database of '%s' ignores case, so that keys of '%s' that differ in nothing else would be one row",
             self->base.address, table->name);
        return fail_todo(err, "load into a database made with COLLATE CASE_SENSITIVE, or merge by a key of numbers");
    }
    return RC_OK;
}

static RC check_layout_column(const struct target_table *table, const char *option, const char *column,
                              struct error *err)
{
    if (schema_find(table->schema, column) >= 0)
        return RC_OK;
    fail(err, RC_CONFIG, "`%s` of '%s' names '%s', which is not among its columns", option, table->name, column);
    return fail_todo(err, "give the name that the column has in the target");
}

static RC check_layout(const struct target_table *table, struct error *err)
{
    const struct target_layout *layout = table->layout;
    if (layout == NULL)
        return RC_OK;
    if (layout->distkey != NULL)
        TRY(check_layout_column(table, "distkey", layout->distkey, err));
    for (int i = 0; i < layout->sortkey_count; i++)
        TRY(check_layout_column(table, "sortkey", layout->sortkey[i], err));
    return RC_OK;
}

static RC check_names(const struct redshift_target *self, const struct target_table *table, struct error *err)
{
    const char *name = redshift_name_alone(table->name);
    if (redshift_is_position_name(name) || strncasecmp(name, "waybill_rows", strlen("waybill_rows")) == 0)
        return fail(err, RC_CONFIG, "'%s' is a name that is not free: choose another `target:`", table->name);
    TRY(check_length("table", name, "`target: ...`", err));
    TRY(check_columns(table, err));
    TRY(check_key(self, table, err));
    return check_layout(table, err);
}

/* ---- rights ---- */

const char *const *redshift_mode_rights(enum mode mode, int *ret_count)
{
    static const char *const needed[][4] = {[MODE_APPEND] = {"INSERT"},
                                            [MODE_MERGE] = {"SELECT", "INSERT", "UPDATE", "DELETE"},
                                            [MODE_REPLACE] = {"SELECT", "INSERT", "DELETE"},
                                            [MODE_DELETE_INSERT] = {"SELECT", "INSERT", "DELETE"},
                                            [MODE_KEYS] = {"SELECT", "DELETE", "UPDATE"}};
    static const int counts[] = {
        [MODE_APPEND] = 1, [MODE_MERGE] = 4, [MODE_REPLACE] = 3, [MODE_DELETE_INSERT] = 3, [MODE_KEYS] = 3};
    *ret_count = counts[mode];
    return needed[mode];
}

static RC check_rights(struct redshift_target *self, const struct target_table *table, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    AUTO_RELEASE(buf) quoted = {0}, sql = {0}, missing = {0}, to = {0};
    int count = 0;
    const char *const *rights = redshift_mode_rights(table->mode, &count);
    redshift_table_quote(self, table->name, &quoted);
    buf_add_str(&sql, S("SELECT current_user"));
    for (int i = 0; i < count; i++)
        buf_addf(&sql, ", has_table_privilege($1, '%s')", rights[i]);
    const char *const values[] = {quoted.at};
    TRY(redshift_query(self, sql.at, 1, values, &answer, err));
    for (int i = 0; i < count; i++) {
        if (!pq_bool(&answer, 0, i + 1))
            buf_addf(&missing, "%s%s", missing.len > 0 ? ", " : "", rights[i]);
    }
    if (missing.len == 0)
        return RC_OK;
    redshift_quote(&to, pq_text(&answer, 0, 0));
    fail(err, RC_DENIED, "'%s' has no right to %s on '%s'", pq_text(&answer, 0, 0), missing.at, table->name);
    fail_id(err, "no-right");
    return fail_todo(err, "GRANT %s ON %s TO %s", missing.at, quoted.at, to.at);
}

/* ---- the whole ---- */

static RC plan_ddl(struct redshift_target *self, const struct target_table *table, struct statements *todo,
                   struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct shape shape;
    TRY(redshift_shape_read(self, table->name, &arena, &shape, err));
    if (!shape.exists) {
        create_table(self, table, todo);
        return RC_OK;
    }
    TRY(check_shape(self, table, &shape, err));
    TRY(check_rights(self, table, err));
    change_columns(self, table, &shape, todo);
    return RC_OK;
}

/* What somebody else has done meanwhile need not be done any more, and fails here. */
static RC explain_ddl(struct redshift_target *self, const struct target_table *table, const char *statement,
                      struct error *err)
{
    AUTO_RELEASE(statements) left;
    struct error planned;
    statements_init(&left, table);
    if (self->db != NULL && plan_ddl(self, table, &left, &planned) == RC_OK) {
        bool is_left = false;
        for (int i = 0; i < left.count; i++)
            is_left |= text_eq(left.items[i], statement);
        if (!is_left)
            return RC_OK;
    }
    return fail_todo(err, "run it yourself with the rights it needs, then the same command again: %.300s", statement);
}

static RC run_ddl(struct redshift_target *self, const struct target_table *table, const struct statements *todo,
                  struct error *err)
{
    for (int i = 0; i < todo->count; i++) {
        if (redshift_run(self, todo->items[i], NULL, err) != RC_OK)
            TRY(explain_ddl(self, table, todo->items[i], err));
    }
    return RC_OK;
}

static RC prepare(struct redshift_target *self, const struct target_table *table, bool dry, struct buf *ddl,
                  struct error *err)
{
    AUTO_RELEASE(statements) todo;
    statements_init(&todo, table);
    TRY(redshift_connect(self, err));
    TRY(check_names(self, table, err));
    TRY(plan_ddl(self, table, &todo, err));
    for (int i = 0; i < todo.count; i++)
        buf_addf(ddl, "%s;\n", todo.items[i]);
    return dry ? RC_OK : run_ddl(self, table, &todo, err);
}

RC redshift_prepare(struct target *base, const struct target_table *table, bool dry, struct buf *ret_ddl,
                    struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    AUTO_RELEASE(buf) ddl = {0};
    if (prepare(self, table, dry, &ddl, err) != RC_OK) {
        redshift_abort(self);
        return fail_in(err, "target '%s': preparing '%s'", base->name, table->name);
    }
    buf_add_str(ret_ddl, buf_str(&ddl));
    return RC_OK;
}

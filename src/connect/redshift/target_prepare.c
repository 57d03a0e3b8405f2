/* DDL: the table is made from the waybill's schema, grows with it, and anything else is told, not done. Each statement
 * is a transaction of its own, since some may not run in one (S46); a run that dies between two finds the rest to do.
 */
#include "connect/redshift/target_parts.h"
#include "connect/sql/ddl.h"

enum { REDSHIFT_COLUMNS_MAX = 1600 };

/* ---- what would need more than a new or a wider column ---- */

/* A type is changed by a new column that takes the old one's values, and then its name. No PRIMARY KEY is ever asked
 * for: Redshift enforces none, and answers wrongly where one is declared and does not hold. */
static void mend_type(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                      struct sql_misfits *found)
{
    AUTO_RELEASE(arena) arena = {0};
    char declared[DECLARED_TEXT];
    const char *fresh = sql_free_name(on, arena_print(&arena, "%.100s_new", column->name), &arena);
    redshift_declare(field, declared);
    sql_misfit_type(on, field, column, found);
    sql_alter_table(on, "ADD COLUMN", fresh, &found->mend);
    buf_addf(&found->mend, " %s; UPDATE ", declared);
    sql_table(on, &found->mend);
    buf_add_str(&found->mend, S(" SET "));
    redshift_quote(&found->mend, fresh);
    buf_add_str(&found->mend, S(" = "));
    redshift_quote(&found->mend, column->name);
    buf_addf(&found->mend, "::%s; ", declared);
    sql_alter_table(on, "DROP COLUMN", column->name, &found->mend);
    buf_add_str(&found->mend, S("; "));
    sql_alter_table(on, "RENAME COLUMN", fresh, &found->mend);
    buf_add_str(&found->mend, S(" TO "));
    redshift_quote(&found->mend, column->name);
    buf_add_str(&found->mend, S("; "));
}

void redshift_misfit(const struct sql_on *on, const struct field *field, const struct sql_column *column,
                     struct sql_misfits *found)
{
    if (column->is_generated) {
        buf_addf(&found->diff, "\n  ~ %s: an IDENTITY, which numbers rows by itself", field->name);
        buf_add_str(&found->mend, S("make the table anew without IDENTITY; "));
    } else if (redshift_fit(field, redshift_type_of(column)).fit == FIT_NO) {
        mend_type(on, field, column, found);
    }
}

static RC check_shape(const struct sql_on *on, const struct sql_shape *shape, struct error *err)
{
    AUTO_RELEASE(sql_misfits) found = {0};
    TRY(sql_find_misfits(on, shape, &found, err));
    return sql_fail_misfits(on, &found, err);
}

/* ---- names ---- */

static RC check_count(const struct target_table *table, struct error *err)
{
    if (table->schema->count <= REDSHIFT_COLUMNS_MAX)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' has %d columns, and Redshift takes %d", table->name, table->schema->count,
         REDSHIFT_COLUMNS_MAX);
    return fail_todo(err, "leave some out: exclude_columns: [...]");
}

static RC check_case(const struct redshift_target *self, const struct target_table *table, struct error *err)
{
    for (int i = 0; i < table->key_count && table->mode == MODE_MERGE && self->ignores_case; i++) {
        if (table->schema->fields[schema_find(table->schema, table->key[i])].type != TYPE_UTF8)
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

static RC check_names(struct redshift_target *self, const struct target_table *table, struct error *err)
{
    const struct sql_on on = redshift_on(self, table);
    const char *name = sql_name_alone(&redshift_sql, table->name);
    if (redshift_is_position_name(name) || strncasecmp(name, "waybill_rows", strlen("waybill_rows")) == 0)
        return fail(err, RC_CONFIG, "'%s' is a name that is not free: choose another `target:`", table->name);
    TRY(check_count(table, err));
    TRY(sql_check_names(&on, err));
    TRY(check_case(self, table, err));
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

static RC plan_ddl(struct redshift_target *self, const struct target_table *table, struct sql_script *todo,
                   struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct sql_on on = redshift_on(self, table);
    struct sql_shape shape;
    TRY(redshift_shape_read(self, table->name, &arena, &shape, err));
    if (!shape.exists) {
        TRY(target_check_may_be_made(table, err));
        sql_create_table(&on, todo);
        return RC_OK;
    }
    TRY(check_shape(&on, &shape, err));
    TRY(check_rights(self, table, err));
    sql_change_columns(&on, &shape, todo);
    return RC_OK;
}

/* What somebody else has done meanwhile need not be done any more, and fails here. */
static RC explain_ddl(struct redshift_target *self, const struct target_table *table, const char *statement,
                      struct error *err)
{
    AUTO_RELEASE(sql_script) left = {0};
    struct error planned;
    if (self->db != NULL && plan_ddl(self, table, &left, &planned) == RC_OK) {
        bool is_left = false;
        for (int i = 0; i < left.count; i++)
            is_left |= text_eq(left.items[i], statement);
        if (!is_left)
            return RC_OK;
    }
    return fail_todo(err, "run it yourself with the rights it needs, then the same command again: %.300s", statement);
}

static RC run_ddl(struct redshift_target *self, const struct target_table *table, const struct sql_script *todo,
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
    AUTO_RELEASE(sql_script) todo = {0};
    TRY(redshift_connect(self, err));
    TRY(check_names(self, table, err));
    TRY(plan_ddl(self, table, &todo, err));
    sql_script_print(&todo, ddl);
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

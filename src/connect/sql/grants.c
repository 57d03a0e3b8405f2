#include "connect/sql/grants.h"

#include <string.h>

/* What the catalogue calls it. */
static void add_name(const struct sql *sql, const char *name, struct buf *out)
{
    AUTO_RELEASE(arena) arena = {0};
    char *kept = arena_text(&arena, name);
    for (char *at = kept; sql->keeps_lower && *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
    sql->literal(out, kept);
}

struct schema_rights {
    bool exists, usage, create;
};

static RC ask_schema(const struct sql *sql, struct target *target, const char *schema, struct schema_rights *ret,
                     struct error *err)
{
    AUTO_RELEASE(sql_row) row = {0};
    AUTO_RELEASE(buf) query = {0};
    buf_add_str(&query, S("SELECT has_schema_privilege(nspname, 'USAGE'), has_schema_privilege(nspname, 'CREATE')"
                          " FROM pg_namespace WHERE nspname = "));
    add_name(sql, schema, &query);
    TRY(sql->ask(target, query.at, &row, err));
    *ret = (struct schema_rights){row.count > 0, sql_row_bool(&row, 0), sql_row_bool(&row, 1)};
    return RC_OK;
}

struct asker {
    struct buf user;           /* as it is */
    struct buf role, database; /* quoted */
    bool may_keep_waiting;
};

static void asker_release(struct asker *self)
{
    buf_release(&self->user);
    buf_release(&self->role);
    buf_release(&self->database);
}

static RC ask_who(const struct sql *sql, struct target *target, struct asker *ret, struct error *err)
{
    AUTO_RELEASE(sql_row) row = {0};
    TRY(sql->ask(target, "SELECT current_user, current_database(), has_database_privilege(current_database(), 'TEMP')",
                 &row, err));
    buf_add_str(&ret->user, str(sql_row_text(&row, 0)));
    sql->quote(&ret->role, sql_row_text(&row, 0));
    sql->quote(&ret->database, sql_row_text(&row, 1));
    ret->may_keep_waiting = sql_row_bool(&row, 2);
    return RC_OK;
}

/* ---- what there is, and what is missing ---- */

void sql_grants_add(struct sql_grants *self, const char *right, const char *on, const char *what, bool is_there)
{
    struct arena *arena = self->list->arena;
    grants_add(self->list, &(struct grant){
                               .right = arena_print(arena, "%s on %s", right, on),
                               .what = what,
                               .state = is_there ? GRANT_THERE : GRANT_MISSING,
                               .statement = arena_print(arena, "GRANT %s ON %s TO %s;", right, on, self->role),
                           });
}

RC sql_grants_begin(struct sql_grants *self, struct error *err)
{
    AUTO_RELEASE(asker) asker = {0};
    struct arena *arena = self->list->arena;
    TRY(ask_who(self->sql, self->target, &asker, err));
    self->role = arena_text(arena, asker.role.at);
    self->database = arena_print(arena, "DATABASE %s", asker.database.at);
    sql_grants_add(self, "TEMPORARY", self->database, "where the rows of a merge wait", asker.may_keep_waiting);
    return RC_OK;
}

static RC add_schema(struct sql_grants *self, const char *schema, struct error *err)
{
    AUTO_RELEASE(buf) quoted = {0};
    struct arena *arena = self->list->arena;
    struct schema_rights rights = {0};
    TRY(ask_schema(self->sql, self->target, schema, &rights, err));
    self->sql->quote(&quoted, schema);
    if (!rights.exists) {
        grants_add(self->list, &(struct grant){.right = arena_print(arena, "the schema %s", quoted.at),
                                               .what = "its tables",
                                               .state = GRANT_MISSING,
                                               .statement = arena_print(arena, "CREATE SCHEMA %s AUTHORIZATION %s;",
                                                                        quoted.at, self->role)});
        return RC_OK;
    }
    const char *on = arena_print(arena, "SCHEMA %s", quoted.at);
    sql_grants_add(self, "USAGE", on, "its tables", rights.usage);
    sql_grants_add(self, "CREATE", on, "tables that are still to be made", rights.create);
    self->list->items[self->list->count - 1].is_optional = !self->makes;
    return RC_OK;
}

RC sql_grants_add_schemas(struct sql_grants *self, const struct target_use *uses, int count, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const char **told = arena_take(&arena, sizeof(*told) * (size_t)(count + 1));
    int told_count = 0;
    for (int i = -1; i < count; i++) {
        AUTO_RELEASE(buf) schema = {0};
        bool again = false;
        if (i >= 0)
            sql_schema_of(self->sql, self->target, uses[i].table, &schema);
        else
            buf_add_str(&schema, str(self->sql->schema(self->target)));
        for (int k = 0; k < told_count; k++)
            again |= sql_names_equal(self->sql, told[k], schema.at);
        if (again)
            continue;
        told[told_count++] = arena_text(&arena, schema.at);
        TRY(add_schema(self, schema.at, err));
    }
    return RC_OK;
}

/* ---- before anything is done ---- */

RC sql_check_schema(const struct sql *sql, struct target *target, struct error *err)
{
    AUTO_RELEASE(asker) asker = {0};
    AUTO_RELEASE(buf) schema = {0};
    struct schema_rights rights = {0};
    const char *name = sql->schema(target);
    TRY(ask_who(sql, target, &asker, err));
    TRY(ask_schema(sql, target, name, &rights, err));
    sql->quote(&schema, name);
    if (!rights.exists) {
        fail(err, RC_NOT_FOUND, "'%s' has no schema '%s'", target->address, name);
        return fail_todo(err, "CREATE SCHEMA %s AUTHORIZATION %s, or correct `schema` of the connection", schema.at,
                         asker.role.at);
    }
    if (!rights.usage || !rights.create) {
        fail(err, RC_DENIED, "'%s' connects, but may not create tables in the schema '%s'", asker.user.at, name);
        return fail_todo(err, "GRANT USAGE, CREATE ON SCHEMA %s TO %s", schema.at, asker.role.at);
    }
    if (!asker.may_keep_waiting) {
        fail(err, RC_DENIED, "'%s' connects, but may not create temporary tables, through which a merge goes",
             asker.user.at);
        return fail_todo(err, "GRANT TEMPORARY ON DATABASE %s TO %s", asker.database.at, asker.role.at);
    }
    return RC_OK;
}

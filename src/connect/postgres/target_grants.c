/* Which rights loading takes, as the server itself counts them: those of roles that the user is in, and of PUBLIC. */
#include "connect/postgres/target_parts.h"

struct granting {
    struct postgres_target *self;
    struct grant_list *list;
    const char *role; /* quoted */
    bool makes;       /* some table is still to be made */
};

static void add_right(struct granting *g, const char *right, const char *on, const char *what, bool is_there)
{
    struct arena *arena = g->list->arena;
    grants_add(g->list, &(struct grant){
                            .right = arena_print(arena, "%s on %s", right, on),
                            .what = what,
                            .state = is_there ? GRANT_THERE : GRANT_MISSING,
                            .statement = arena_print(arena, "GRANT %s ON %s TO %s;", right, on, g->role),
                        });
}

/* ---- tables ---- */

/* A name without its schema's USAGE cannot be looked up, and its catalogue can. */
static const char table_sql[] =
    "SELECT p, has_table_privilege(c.oid, p), pg_has_role(c.relowner, 'USAGE') FROM pg_class c JOIN pg_namespace n ON"
    " n.oid = c.relnamespace CROSS JOIN unnest(string_to_array($2, ',')) p WHERE format('\"%s\".\"%s\"',"
    " replace(n.nspname, '\"', '\"\"'), replace(c.relname, '\"', '\"\"')) = $1 AND c.relkind IN ('r', 'p')";

static RC add_table(struct granting *g, const char *quoted, const char *rights, const char *what, bool may_change,
                    struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    struct arena *arena = g->list->arena;
    const char *values[] = {quoted, rights};
    TRY(pq_query(g->self->db, table_sql, 2, values, &rows, err));
    for (int i = 0; i < pq_rows(&rows); i++)
        add_right(g, arena_text(arena, pq_text(&rows, i, 0)), quoted, what, pq_bool(&rows, i, 1));
    g->makes |= pq_rows(&rows) == 0;
    if (pq_rows(&rows) > 0 && may_change)
        grants_add(g->list, &(struct grant){
                                .right = arena_print(arena, "ownership of %s", quoted),
                                .what = "only to add or to widen columns, which `waybill plan` tells",
                                .state = pq_bool(&rows, 0, 2) ? GRANT_THERE : GRANT_MISSING,
                                .is_optional = true,
                                .statement = arena_print(arena, "ALTER TABLE %s OWNER TO %s;", quoted, g->role),
                            });
    return RC_OK;
}

static RC add_tables(struct granting *g, const struct target_use *uses, int count, struct error *err)
{
    struct arena *arena = g->list->arena;
    AUTO_RELEASE(buf) own = {0};
    pq_quote(&own, g->self->schema);
    TRY(add_table(g, arena_print(arena, "%s.\"waybill_position\"", own.at), "SELECT,INSERT,UPDATE",
                  "which waybill was loaded last", false, err));
    for (int i = 0; i < count; i++) {
        AUTO_RELEASE(buf) quoted = {0};
        postgres_table_quote(g->self, uses[i].table, &quoted);
        const char *name = arena_str(arena, buf_str(&quoted));
        TRY(add_table(g, name, postgres_mode_rights(uses[i].mode),
                      arena_print(arena, "%s into '%s'", mode_name(uses[i].mode), uses[i].table), true, err));
        if (uses[i].deletes)
            TRY(add_table(g, name, postgres_delete_rights(uses[i].notes),
                          arena_print(arena, "rows that are gone from '%s'", uses[i].table), false, err));
        if (uses[i].is_audited && uses[i].mode != MODE_MERGE)
            TRY(add_table(g, name, "SELECT", arena_print(arena, "the audit of '%s'", uses[i].table), false, err));
    }
    return RC_OK;
}

/* ---- where they are ---- */

static RC add_schema(struct granting *g, const char *schema, struct error *err)
{
    AUTO_RELEASE(pq_answer) row = {0};
    AUTO_RELEASE(buf) quoted = {0};
    struct arena *arena = g->list->arena;
    TRY(pq_query(g->self->db,
                 "SELECT has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE') FROM pg_namespace"
                 " WHERE nspname = $1",
                 1, &schema, &row, err));
    pq_quote(&quoted, schema);
    if (pq_rows(&row) == 0) {
        grants_add(g->list, &(struct grant){.right = arena_print(arena, "the schema %s", quoted.at),
                                            .what = "its tables",
                                            .state = GRANT_MISSING,
                                            .statement = arena_print(arena, "CREATE SCHEMA %s AUTHORIZATION %s;",
                                                                     quoted.at, g->role)});
        return RC_OK;
    }
    const char *on = arena_print(arena, "SCHEMA %s", quoted.at);
    add_right(g, "USAGE", on, "its tables", pq_bool(&row, 0, 0));
    add_right(g, "CREATE", on, "tables that are still to be made", pq_bool(&row, 0, 1));
    g->list->items[g->list->count - 1].is_optional = !g->makes;
    return RC_OK;
}

/* The connection's own, and those that tables name; each once. */
static RC add_schemas(struct granting *g, const struct target_use *uses, int count, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const char **told = arena_take(&arena, sizeof(*told) * (size_t)(count + 1));
    int told_count = 0;
    for (int i = -1; i < count; i++) {
        bool again = false;
        const char *schema = i < 0 ? g->self->schema : postgres_schema_of(g->self, uses[i].table, &arena);
        for (int k = 0; k < told_count; k++)
            again |= strcmp(told[k], schema) == 0;
        if (again)
            continue;
        told[told_count++] = schema;
        TRY(add_schema(g, schema, err));
    }
    return RC_OK;
}

RC postgres_target_grants(struct target *base, const struct target_use *uses, int count, struct grant_list *ret,
                          struct error *err)
{
    struct granting granting = {.self = (struct postgres_target *)base, .list = ret};
    AUTO_RELEASE(pq_answer) row = {0};
    TRY(postgres_target_connect(granting.self, err));
    TRY(pq_query(granting.self->db,
                 "SELECT quote_ident(current_user), quote_ident(current_database()),"
                 " has_database_privilege(current_database(), 'TEMP')",
                 0, NULL, &row, err));
    granting.role = arena_text(ret->arena, pq_text(&row, 0, 0));
    const char *database = arena_print(ret->arena, "DATABASE %s", pq_text(&row, 0, 1));
    add_right(&granting, "CONNECT", database, "everything", true);
    add_right(&granting, "TEMPORARY", database, "where the rows of a merge wait", pq_bool(&row, 0, 2));
    TRY(add_tables(&granting, uses, count, err));
    return add_schemas(&granting, uses, count, err);
}

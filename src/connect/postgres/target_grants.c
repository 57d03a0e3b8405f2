/* Which rights loading takes, as the server itself counts them: those of roles that the user is in, and of PUBLIC. */
#include "connect/postgres/target_parts.h"
#include "connect/sql/grants.h"

/* ---- tables ---- */

/* A name without its schema's USAGE cannot be looked up, and its catalogue can. */
static const char table_sql[] =
    "SELECT p, has_table_privilege(c.oid, p), pg_has_role(c.relowner, 'USAGE') FROM pg_class c JOIN pg_namespace n ON"
    " n.oid = c.relnamespace CROSS JOIN unnest(string_to_array($2, ',')) p WHERE format('\"%s\".\"%s\"',"
    " replace(n.nspname, '\"', '\"\"'), replace(c.relname, '\"', '\"\"')) = $1 AND c.relkind IN ('r', 'p')";

static RC add_table(struct postgres_target *self, struct sql_grants *g, const char *quoted, const char *rights,
                    const char *what, bool may_change, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    struct arena *arena = g->list->arena;
    const char *values[] = {quoted, rights};
    TRY(pq_query(self->db, table_sql, 2, values, &rows, err));
    for (int i = 0; i < pq_rows(&rows); i++)
        sql_grants_add(g, arena_text(arena, pq_text(&rows, i, 0)), quoted, what, pq_bool(&rows, i, 1));
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

static RC add_tables(struct postgres_target *self, struct sql_grants *g, const struct target_use *uses, int count,
                     struct error *err)
{
    struct arena *arena = g->list->arena;
    AUTO_RELEASE(buf) own = {0};
    pq_quote(&own, self->schema);
    TRY(add_table(self, g, arena_print(arena, "%s.\"waybill_position\"", own.at), "SELECT,INSERT,UPDATE",
                  "which waybill was loaded last", false, err));
    for (int i = 0; i < count; i++) {
        AUTO_RELEASE(buf) quoted = {0};
        postgres_table_quote(self, uses[i].table, &quoted);
        const char *name = arena_str(arena, buf_str(&quoted));
        TRY(add_table(self, g, name, postgres_mode_rights(uses[i].mode),
                      arena_print(arena, "%s into '%s'", mode_name(uses[i].mode), uses[i].table), true, err));
        if (uses[i].deletes)
            TRY(add_table(self, g, name, postgres_delete_rights(uses[i].notes),
                          arena_print(arena, "rows that are gone from '%s'", uses[i].table), false, err));
        if (uses[i].is_audited && uses[i].mode != MODE_MERGE)
            TRY(add_table(self, g, name, "SELECT", arena_print(arena, "the audit of '%s'", uses[i].table), false, err));
    }
    return RC_OK;
}

RC postgres_target_grants(struct target *base, const struct target_use *uses, int count, struct grant_list *ret,
                          struct error *err)
{
    struct postgres_target *self = (struct postgres_target *)base;
    struct sql_grants grants = {.sql = &postgres_sql, .target = base, .list = ret};
    TRY(postgres_target_connect(self, err));
    TRY(sql_grants_begin(&grants, err));
    sql_grants_add(&grants, "CONNECT", grants.database, "everything", true);
    TRY(add_tables(self, &grants, uses, count, err));
    return sql_grants_add_schemas(&grants, uses, count, err);
}

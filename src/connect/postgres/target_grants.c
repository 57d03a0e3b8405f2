/* Which rights loading takes, as the server itself counts them: those of roles that the user is in, and of PUBLIC. */
#include "connect/postgres/target_parts.h"
#include "connect/sql/grants.h"

/* ---- tables ---- */

/* A name without its schema's USAGE cannot be looked up, and its catalogue can. */
static const char table_sql[] =
    "SELECT p, has_table_privilege(c.oid, p) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " CROSS JOIN unnest(string_to_array($2, ',')) p WHERE format('\"%s\".\"%s\"',"
    " replace(n.nspname, '\"', '\"\"'), replace(c.relname, '\"', '\"\"')) = $1 AND c.relkind IN ('r', 'p')";

static RC add_table(struct postgres_target *self, struct sql_grants *g, const char *quoted, const char *rights,
                    const char *what, struct error *err)
{
    AUTO_RELEASE(pq_answer) rows = {0};
    struct arena *arena = g->list->arena;
    const char *values[] = {quoted, rights};
    TRY(pq_query(self->db, table_sql, 2, values, &rows, err));
    for (int i = 0; i < pq_rows(&rows); i++)
        sql_grants_add(g, arena_text(arena, pq_text(&rows, i, 0)), quoted, what, pq_bool(&rows, i, 1));
    g->makes |= pq_rows(&rows) == 0;
    return RC_OK;
}

/* Only an owner alters a table, or puts another one in its place. Whether columns are to be added or widened is seen
 * where the source is, too: that is a plan. */
static const char owner_sql[] =
    "SELECT pg_has_role(c.relowner, 'USAGE'), quote_ident(r.rolname), EXISTS (SELECT FROM pg_attribute a WHERE"
    " a.attrelid = c.oid AND a.attname = $2 AND NOT a.attisdropped) FROM pg_class c JOIN pg_namespace n ON n.oid ="
    " c.relnamespace JOIN pg_roles r ON r.oid = c.relowner WHERE format('\"%s\".\"%s\"',"
    " replace(n.nspname, '\"', '\"\"'), replace(c.relname, '\"', '\"\"')) = $1 AND c.relkind IN ('r', 'p')";

static RC add_owner(struct postgres_target *self, struct sql_grants *g, const struct target_use *use,
                    const char *quoted, struct error *err)
{
    AUTO_RELEASE(pq_answer) row = {0};
    struct arena *arena = g->list->arena;
    const char *values[] = {quoted, or_empty(use->notes)};
    TRY(pq_query(self->db, owner_sql, 2, values, &row, err));
    if (pq_rows(&row) == 0)
        return RC_OK; /* whoever makes it owns it */
    bool lacks_column = use->notes != NULL && !pq_bool(&row, 0, 2);
    const char *what = use->swaps     ? "a new table takes its place (replace: swap)"
                       : lacks_column ? arena_print(arena, "to add the column '%s' (soft_delete)", use->notes)
                                      : "to add or to widen columns, where `waybill plan` tells of any";
    g->makes |= use->swaps;
    grants_add(g->list, &(struct grant){
                            .right = arena_print(arena, "ownership of %s", quoted),
                            .what = arena_print(arena, "%s; it is %s's", what, pq_text(&row, 0, 1)),
                            .state = pq_bool(&row, 0, 0) ? GRANT_THERE : GRANT_MISSING,
                            .is_optional = !use->swaps && !lacks_column,
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
                  "which waybill was loaded last", err));
    for (int i = 0; i < count; i++) {
        AUTO_RELEASE(buf) quoted = {0};
        postgres_table_quote(self, uses[i].table, &quoted);
        const char *name = arena_str(arena, buf_str(&quoted));
        TRY(add_table(self, g, name, postgres_mode_rights(uses[i].mode),
                      arena_print(arena, "%s into '%s'", mode_name(uses[i].mode), uses[i].table), err));
        TRY(add_owner(self, g, &uses[i], name, err));
        if (uses[i].deletes)
            TRY(add_table(self, g, name, postgres_delete_rights(uses[i].notes != NULL),
                          arena_print(arena, "rows that are gone from '%s'", uses[i].table), err));
        if (uses[i].is_audited && uses[i].mode != MODE_MERGE)
            TRY(add_table(self, g, name, "SELECT", arena_print(arena, "the audit of '%s'", uses[i].table), err));
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

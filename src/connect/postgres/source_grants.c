/* Which rights reading takes, as the server itself counts them: those of roles that the user is in, and of PUBLIC. */
#include "connect/postgres/source_parts.h"

struct granting {
    struct postgres_source *self;
    struct grant_list *list;
    const char *role;        /* quoted */
    const char *last_schema; /* told already; NULL: none so far */
};

/* Both ways to read a table's name; the one that is there goes first, then the one in the connection's schema. */
static const char table_sql[] =
    "SELECT quote_ident(w.schema), quote_ident(w.name), n.oid IS NULL OR has_schema_privilege(n.oid, 'USAGE'), c.oid IS"
    " NOT NULL, coalesce(has_table_privilege(c.oid, 'SELECT'), false), coalesce(c.relrowsecurity AND NOT"
    " (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AND (c.relforcerowsecurity OR NOT"
    " pg_has_role(c.relowner, 'USAGE')), false) FROM (VALUES ($1, $2, 1), (split_part($2, '.', 1), substr($2,"
    " strpos($2, '.') + 1), 2)) AS w (schema, name, place) LEFT JOIN pg_namespace n ON n.nspname = w.schema LEFT JOIN"
    " pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p') WHERE w.place = 1 OR"
    " strpos($2, '.') > 0 ORDER BY c.oid IS NULL, n.oid IS NULL, w.place LIMIT 1";

static void add_right(struct granting *g, const char *right, const char *on, const char *what, enum grant_state state)
{
    struct arena *arena = g->list->arena;
    grants_add(g->list, &(struct grant){
                            .right = arena_print(arena, "%s on %s", right, on),
                            .what = what,
                            .state = state,
                            .statement = arena_print(arena, "GRANT %s ON %s TO %s;", right, on, g->role),
                        });
}

static void add_schema(struct granting *g, const char *schema, bool is_there)
{
    struct arena *arena = g->list->arena;
    if (text_eq(g->last_schema, schema))
        return;
    g->last_schema = arena_text(arena, schema);
    add_right(g, "USAGE", arena_print(arena, "SCHEMA %s", schema), "its tables",
              is_there ? GRANT_THERE : GRANT_MISSING);
}

static RC add_table(struct granting *g, const char *name, struct error *err)
{
    AUTO_RELEASE(pq_answer) row = {0};
    struct arena *arena = g->list->arena;
    const char *values[] = {g->self->schema, name};
    TRY(pq_query(g->self->control, table_sql, 2, values, &row, err));
    bool is_there = pq_bool(&row, 0, 3);
    add_schema(g, pq_text(&row, 0, 0), pq_bool(&row, 0, 2));
    add_right(g, "SELECT", arena_print(arena, "%s.%s", pq_text(&row, 0, 0), pq_text(&row, 0, 1)),
              arena_print(arena, "the rows of '%s'%s", name, is_there ? "" : ", which is not there"),
              !is_there             ? GRANT_UNKNOWN
              : pq_bool(&row, 0, 4) ? GRANT_THERE
                                    : GRANT_MISSING);
    if (pq_bool(&row, 0, 5))
        grants_add(g->list, &(struct grant){.right = "BYPASSRLS",
                                            .what = arena_print(arena, "all rows of '%s': a policy hides some", name),
                                            .state = GRANT_MISSING,
                                            .statement = arena_print(arena, "ALTER ROLE %s BYPASSRLS;", g->role)});
    return RC_OK;
}

static void add_pattern(struct granting *g)
{
    AUTO_RELEASE(buf) schema = {0};
    struct arena *arena = g->list->arena;
    pq_quote(&schema, g->self->schema);
    const char *on = arena_print(arena, "ALL TABLES IN SCHEMA %s", schema.at);
    grants_add(g->list, &(struct grant){
                            .right = arena_print(arena, "SELECT on %s", on),
                            .what = "tables that a pattern means: those without it are not seen",
                            .state = GRANT_UNKNOWN,
                            .is_optional = true,
                            .statement = arena_print(arena, "GRANT SELECT ON %s TO %s;", on, g->role),
                        });
}

RC postgres_source_grants(struct source *base, const struct source_use *use, struct grant_list *ret, struct error *err)
{
    struct granting granting = {.self = (struct postgres_source *)base, .list = ret};
    AUTO_RELEASE(pq_answer) role = {0};
    TRY(postgres_source_ask(granting.self, "SELECT quote_ident(current_user), " PG_SEES_OTHERS, &role, err));
    granting.role = arena_text(ret->arena, pq_text(&role, 0, 0));
    for (int i = 0; i < use->table_count; i++)
        TRY(add_table(&granting, use->tables[i], err));
    if (use->has_patterns)
        add_pattern(&granting);
    grants_add(ret, &(struct grant){
                        .right = "pg_read_all_stats",
                        .what = use->needs_open ? "other sessions' transactions; without it each table needs a 'lag'"
                                                : "other sessions' transactions: the tables' 'lag' does without",
                        .state = pq_bool(&role, 0, 1) ? GRANT_THERE : GRANT_MISSING,
                        .is_optional = !use->needs_open,
                        .statement = arena_print(ret->arena, "GRANT pg_read_all_stats TO %s;", granting.role),
                    });
    return RC_OK;
}

/* Which rights loading takes: in the database, as the server itself counts them, and what the role of COPY needs in S3.
 */
#include "connect/redshift/target_parts.h"

struct granting {
    struct redshift_target *self;
    struct grant_list *list;
    const char *user; /* quoted */
    bool makes;       /* some table is still to be made */
};

static void add_right(struct granting *g, const char *right, const char *on, const char *what, bool is_there)
{
    struct arena *arena = g->list->arena;
    grants_add(g->list, &(struct grant){
                            .right = arena_print(arena, "%s on %s", right, on),
                            .what = what,
                            .state = is_there ? GRANT_THERE : GRANT_MISSING,
                            .statement = arena_print(arena, "GRANT %s ON %s TO %s;", right, on, g->user),
                        });
}

/* ---- tables ---- */

/* A table that the user may do nothing with is not among those that are seen. */
static RC add_table(struct granting *g, const char *table, const char *quoted, const char *const *rights, int count,
                    const char *what, struct error *err)
{
    AUTO_RELEASE(pq_answer) found = {0}, answer = {0};
    AUTO_RELEASE(buf) sql = {0};
    struct arena *arena = g->list->arena;
    const char *names[] = {redshift_fold(redshift_schema_of(g->self, table, arena), arena),
                           redshift_fold(redshift_name_alone(table), arena)};
    TRY(redshift_query(g->self,
                       "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1"
                       " AND c.relname = $2",
                       2, names, &found, err));
    g->makes |= pq_rows(&found) == 0;
    if (pq_rows(&found) == 0)
        return RC_OK;
    for (int i = 0; i < count; i++)
        buf_addf(&sql, "%shas_table_privilege($1, '%s')", i > 0 ? ", " : "SELECT ", rights[i]);
    TRY(redshift_query(g->self, sql.at, 1, &quoted, &answer, err));
    for (int i = 0; i < count; i++)
        add_right(g, rights[i], quoted, what, pq_bool(&answer, 0, i));
    return RC_OK;
}

static RC add_position(struct granting *g, const char *table, struct error *err)
{
    static const char *const rights[] = {"SELECT", "INSERT", "UPDATE"};
    struct arena *arena = g->list->arena;
    const char *quoted = redshift_position_table(g->self, table, arena);
    const char *dot = strrchr(quoted, '.');
    const char *name = arena_str(arena, (struct str){dot + 2, strlen(dot) - 3});
    return add_table(g, arena_print(arena, "%s.%s", g->self->schema, name), quoted, rights, 3,
                     arena_print(arena, "which waybill was loaded last into '%s'", table), err);
}

static RC add_use(struct granting *g, const struct target_use *use, struct error *err)
{
    static const char *const audit[] = {"SELECT"};
    AUTO_RELEASE(buf) quoted = {0};
    struct arena *arena = g->list->arena;
    int count = 0;
    const char *const *rights = redshift_mode_rights(use->mode, &count);
    redshift_table_quote(g->self, use->table, &quoted);
    const char *name = arena_str(arena, buf_str(&quoted));
    TRY(add_position(g, use->table, err));
    TRY(add_table(g, use->table, name, rights, count,
                  arena_print(arena, "%s into '%s'", mode_name(use->mode), use->table), err));
    if (use->deletes) {
        const char *const *deletes = redshift_mode_rights(MODE_KEYS, &count);
        TRY(add_table(g, use->table, name, deletes, use->notes ? count : count - 1,
                      arena_print(arena, "rows that are gone from the source of '%s'", use->table), err));
    }
    if (!use->is_audited || use->mode != MODE_APPEND)
        return RC_OK;
    return add_table(g, use->table, name, audit, 1, arena_print(arena, "the audit of '%s'", use->table), err);
}

/* ---- where they are ---- */

static RC add_schema(struct granting *g, const char *schema, struct error *err)
{
    AUTO_RELEASE(pq_answer) row = {0};
    AUTO_RELEASE(buf) quoted = {0};
    struct arena *arena = g->list->arena;
    const char *folded = redshift_fold(schema, arena);
    TRY(redshift_query(g->self,
                       "SELECT has_schema_privilege(nspname, 'USAGE'), has_schema_privilege(nspname, 'CREATE')"
                       " FROM pg_namespace WHERE nspname = $1",
                       1, &folded, &row, err));
    redshift_quote(&quoted, schema);
    const char *on = arena_print(arena, "SCHEMA %s", quoted.at);
    if (pq_rows(&row) == 0) {
        grants_add(g->list, &(struct grant){.right = arena_print(arena, "the schema %s", quoted.at),
                                            .what = "its tables",
                                            .state = GRANT_MISSING,
                                            .statement = arena_print(arena, "CREATE SCHEMA %s AUTHORIZATION %s;",
                                                                     quoted.at, g->user)});
        return RC_OK;
    }
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
        const char *schema = i < 0 ? g->self->schema : redshift_schema_of(g->self, uses[i].table, &arena);
        for (int k = 0; k < told_count; k++)
            again |= strcasecmp(told[k], schema) == 0;
        if (again)
            continue;
        told[told_count++] = schema;
        TRY(add_schema(g, schema, err));
    }
    return RC_OK;
}

/* ---- what COPY reads with ---- */

static void add_copy(struct granting *g)
{
    struct arena *arena = g->list->arena;
    const char *role = g->self->iam_role;
    grants_add(g->list,
               &(struct grant){
                   .right = "s3:GetObject, s3:ListBucket and s3:GetBucketLocation for COPY",
                   .what = role != NULL
                               ? arena_print(arena, "the role '%s', attached to the cluster, reads the stage", role)
                               : "the stage's own keys go along with each COPY, and read it from Redshift's address",
                   .state = GRANT_UNKNOWN,
               });
}

RC redshift_grants(struct target *base, const struct target_use *uses, int count, struct grant_list *ret,
                   struct error *err)
{
    struct granting granting = {.self = (struct redshift_target *)base, .list = ret};
    AUTO_RELEASE(pq_answer) row = {0};
    AUTO_RELEASE(buf) user = {0};
    TRY(redshift_connect(granting.self, err));
    TRY(redshift_query(granting.self,
                       "SELECT current_user, current_database(), has_database_privilege(current_database(), 'TEMP')", 0,
                       NULL, &row, err));
    redshift_quote(&user, pq_text(&row, 0, 0));
    granting.user = arena_str(ret->arena, buf_str(&user));
    const char *database = arena_print(ret->arena, "DATABASE \"%s\"", pq_text(&row, 0, 1));
    add_right(&granting, "TEMPORARY", database, "where the rows of a merge wait", pq_bool(&row, 0, 2));
    for (int i = 0; i < count; i++)
        TRY(add_use(&granting, &uses[i], err));
    TRY(add_schemas(&granting, uses, count, err));
    add_copy(&granting);
    return RC_OK;
}

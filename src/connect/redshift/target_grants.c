/* Which rights loading takes: in the database, as the server itself counts them, and what the role of COPY needs in S3.
 */
#include "connect/redshift/target_parts.h"
#include "connect/sql/grants.h"

/* ---- tables ---- */

/* A table that the user may do nothing with is not among those that are seen. */
static RC add_table(struct redshift_target *self, struct sql_grants *g, const char *table, const char *quoted,
                    const char *const *rights, int count, const char *what, struct error *err)
{
    AUTO_RELEASE(pq_answer) found = {0}, answer = {0};
    AUTO_RELEASE(buf) sql = {0};
    struct arena *arena = g->list->arena;
    const char *names[2];
    redshift_catalog_name(self, table, arena, names);
    TRY(redshift_query(self,
                       "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1"
                       " AND c.relname = $2",
                       2, names, &found, err));
    g->makes |= pq_rows(&found) == 0;
    if (pq_rows(&found) == 0)
        return RC_OK;
    for (int i = 0; i < count; i++)
        buf_addf(&sql, "%shas_table_privilege($1, '%s')", i > 0 ? ", " : "SELECT ", rights[i]);
    TRY(redshift_query(self, sql.at, 1, &quoted, &answer, err));
    for (int i = 0; i < count; i++)
        sql_grants_add(g, rights[i], quoted, what, pq_bool(&answer, 0, i));
    return RC_OK;
}

static RC add_position(struct redshift_target *self, struct sql_grants *g, const char *table, struct error *err)
{
    static const char *const rights[] = {"SELECT", "INSERT", "UPDATE"};
    struct arena *arena = g->list->arena;
    const char *quoted = redshift_position_table(self, table, arena);
    const char *dot = strrchr(quoted, '.');
    const char *name = arena_str(arena, (struct str){dot + 2, strlen(dot) - 3});
    return add_table(self, g, arena_print(arena, "%s.%s", self->schema, name), quoted, rights, 3,
                     arena_print(arena, "which waybill was loaded last into '%s'", table), err);
}

static RC add_use(struct redshift_target *self, struct sql_grants *g, const struct target_use *use, struct error *err)
{
    static const char *const audit[] = {"SELECT"};
    AUTO_RELEASE(buf) quoted = {0};
    struct arena *arena = g->list->arena;
    int count = 0;
    const char *const *rights = redshift_mode_rights(use->mode, &count);
    redshift_table_quote(self, use->table, &quoted);
    const char *name = arena_str(arena, buf_str(&quoted));
    TRY(add_position(self, g, use->table, err));
    TRY(add_table(self, g, use->table, name, rights, count,
                  arena_print(arena, "%s into '%s'", mode_name(use->mode), use->table), err));
    if (use->deletes) {
        const char *const *deletes = redshift_mode_rights(MODE_KEYS, &count);
        TRY(add_table(self, g, use->table, name, deletes, use->notes != NULL ? count : count - 1,
                      arena_print(arena, "rows that are gone from the source of '%s'", use->table), err));
    }
    if (!use->is_audited || use->mode != MODE_APPEND)
        return RC_OK;
    return add_table(self, g, use->table, name, audit, 1, arena_print(arena, "the audit of '%s'", use->table), err);
}

/* ---- what COPY reads with ---- */

static void add_copy(const struct redshift_target *self, struct sql_grants *g)
{
    struct arena *arena = g->list->arena;
    const char *role = self->iam_role;
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
    struct redshift_target *self = (struct redshift_target *)base;
    struct sql_grants grants = {.sql = &redshift_sql, .target = base, .list = ret};
    TRY(redshift_connect(self, err));
    TRY(sql_grants_begin(&grants, err));
    for (int i = 0; i < count; i++)
        TRY(add_use(self, &grants, &uses[i], err));
    TRY(sql_grants_add_schemas(&grants, uses, count, err));
    add_copy(self, &grants);
    return RC_OK;
}

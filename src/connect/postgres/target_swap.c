/* `replace: swap`: rows go into a new table, which takes the name before COMMIT. What goes by the name comes along,
 * what holds on to the old table itself would be lost or would stay with it: such a table is refused. */
#include "connect/postgres/target_parts.h"

/* Sequences: a new identity begins at 1 again, and a serial's default belongs to the old table. */
static const char obstacles_sql[] =
    "SELECT string_agg(what, ', ') FROM ("
    " SELECT 'view ' || v.oid::regclass AS what FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid"
    "  JOIN pg_class v ON v.oid = r.ev_class WHERE d.classid = 'pg_rewrite'::regclass"
    "  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid AND v.oid <> $1::oid"
    " UNION SELECT 'rule ' || quote_ident(rulename) FROM pg_rewrite WHERE ev_class = $1::oid"
    " UNION SELECT 'foreign key ' || quote_ident(conname) || ' of ' || conrelid::regclass FROM pg_constraint"
    "  WHERE contype = 'f' AND $1::oid IN (confrelid, conrelid)"
    " UNION SELECT 'trigger ' || quote_ident(tgname) FROM pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal"
    " UNION SELECT 'policy ' || quote_ident(polname) FROM pg_policy WHERE polrelid = $1::oid"
    " UNION SELECT 'row level security' FROM pg_class WHERE oid = $1::oid AND relrowsecurity"
    " UNION SELECT 'inheritance' FROM pg_inherits WHERE $1::oid IN (inhrelid, inhparent)"
    " UNION SELECT 'partitions' FROM pg_class WHERE oid = $1::oid AND relkind = 'p'"
    " UNION SELECT 'publication ' || quote_ident(pubname) FROM pg_publication_rel p JOIN pg_publication b"
    "  ON b.oid = p.prpubid WHERE p.prrelid = $1::oid"
    " UNION SELECT 'function ' || d.objid::regprocedure FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass"
    "  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid"
    " UNION SELECT 'sequence ' || d.objid::regclass FROM pg_depend d JOIN pg_class s ON s.oid = d.objid"
    "  AND s.relkind = 'S' WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
    "  AND d.refobjid = $1::oid) o";

RC postgres_target_check_swap(struct postgres_target *self, const struct target_table *table,
                              const struct sql_shape *shape, struct error *err)
{
    AUTO_RELEASE(pq_answer) found = {0}, owner = {0};
    AUTO_RELEASE(buf) quoted = {0};
    if (!table->swaps)
        return RC_OK;
    TRY(pq_query(self->db, obstacles_sql, 1, &shape->id, &found, err));
    if (!pq_is_null(&found, 0, 0)) {
        fail(err, RC_CONFIG, "a new table cannot take the place of '%s', since this holds on to the old one: %s",
             table->name, pq_text(&found, 0, 0));
        return fail_todo(err, "`replace: delete` keeps all of it; or drop it, where it is not needed");
    }
    TRY(pq_query(self->db,
                 "SELECT pg_has_role(relowner, 'USAGE'), relowner::regrole, quote_ident(current_user) FROM pg_class"
                 " WHERE oid = $1::oid",
                 1, &shape->id, &owner, err));
    if (pq_bool(&owner, 0, 0))
        return RC_OK;
    fail(err, RC_DENIED, "'%s' belongs to %s, and '%s' may not put a new table in its place", table->name,
         pq_text(&owner, 0, 1), pq_text(&owner, 0, 2));
    postgres_table_quote(self, table->name, &quoted);
    return fail_todo(err, "ALTER TABLE %s OWNER TO %s, or `replace: delete`, which needs no ownership", quoted.at,
                     pq_text(&owner, 0, 2));
}

/* Statements that give the new table what LIKE leaves out: owner, grants, comment, storage parameters. */
static const char dress_sql[] =
    "SELECT concat_ws('; ',"
    " (SELECT format('ALTER TABLE %s OWNER TO %s', $2::text, relowner::regrole) FROM pg_class WHERE oid = $1::oid"
    "  AND relowner::regrole::text <> quote_ident(current_user)),"
    " (SELECT format('ALTER TABLE %s SET (%s)', $2::text, array_to_string(reloptions, ', ')) FROM pg_class"
    "  WHERE oid = $1::oid AND reloptions IS NOT NULL),"
    " (SELECT format('COMMENT ON TABLE %s IS %L', $2::text, obj_description($1::oid, 'pg_class'))"
    "  WHERE obj_description($1::oid, 'pg_class') IS NOT NULL),"
    " (SELECT string_agg(format('GRANT %s ON %s TO %s%s', a.privilege_type, $2::text,"
    "   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,"
    "   CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '; ')"
    "  FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1::oid AND a.grantee <> c.relowner),"
    " (SELECT string_agg(format('GRANT %s (%I) ON %s TO %s%s', a.privilege_type, t.attname, $2::text,"
    "   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,"
    "   CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '; ')"
    "  FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = $1::oid AND NOT t.attisdropped),"
    " 'SELECT 1'), (SELECT relpersistence = 'u' FROM pg_class WHERE oid = $1::oid)";

RC postgres_target_swap_begin(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(pq_answer) dress = {0};
    AUTO_RELEASE(buf) into = {0}, sql = {0}, schema = {0};
    sql_schema_of(&postgres_sql, &self->base, self->table->name, &schema);
    pq_quote(&into, schema.at);
    buf_addf(&into, ".waybill_new_%s", self->shape.id);
    self->into = arena_text(&self->load_arena, into.at);
    const char *values[] = {self->shape.id, self->into};
    TRY(pq_query(self->db, dress_sql, 2, values, &dress, err));
    buf_addf(&sql, "CREATE %sTABLE %s (LIKE ", pq_bool(&dress, 0, 1) ? "UNLOGGED " : "", self->into);
    postgres_table_quote(self, self->table->name, &sql);
    buf_addf(&sql, " INCLUDING ALL); %s", pq_text(&dress, 0, 0));
    self->statements++;
    return pq_run(self->db, sql.at, NULL, err);
}

/* The lock that readers would have to wait for is held from here to COMMIT only. */
RC postgres_target_swap_end(struct postgres_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_add_str(&sql, S("DROP TABLE "));
    postgres_table_quote(self, self->table->name, &sql);
    buf_addf(&sql, "; ALTER TABLE %s RENAME TO ", self->into);
    pq_quote(&sql, sql_name_alone(&postgres_sql, self->table->name));
    self->statements += 2;
    return pq_run(self->db, sql.at, NULL, err);
}

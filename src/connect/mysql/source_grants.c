/* Which rights reading takes. Each is found out by asking for what it allows: it may come from a role, from a wildcard
 * or from PUBLIC, and no list that every user may see tells of all of these. */
#include "connect/mysql/source_parts.h"

struct granting {
    struct mysql_source *self;
    struct grant_list *list;
    const char *account; /* `etl`@`%`, as the server has it */
};

static RC account_of(struct mysql_source *self, struct arena *arena, const char **ret, struct error *err)
{
    AUTO_RELEASE(buf) quoted = {0};
    char user[512];
    TRY(mysql_session_text(self->control, "SELECT CURRENT_USER()", user, sizeof(user), err));
    char *at = strrchr(user, '@');
    if (at != NULL)
        *at = '\0';
    mysql_quote(&quoted, user);
    buf_add_str(&quoted, S("@"));
    mysql_quote(&quoted, at != NULL ? at + 1 : "%");
    *ret = arena_str(arena, buf_str(&quoted));
    return RC_OK;
}

/* RC_OK whatever the server says of it; *ret_rc is that. */
static RC try_out(struct mysql_source *self, const char *sql, enum rc *ret_rc, struct error *err)
{
    AUTO_RESULT *rows = NULL;
    *ret_rc = mysql_session_ask(self->control, sql, &rows, err);
    return *ret_rc == RC_DENIED || *ret_rc == RC_NOT_FOUND ? RC_OK : *ret_rc;
}

static void add_right(struct granting *g, const char *right, const char *on, const char *what, enum grant_state state,
                      bool is_optional)
{
    struct arena *arena = g->list->arena;
    grants_add(g->list, &(struct grant){
                            .right = arena_print(arena, "%s on %s", right, on),
                            .what = what,
                            .state = state,
                            .is_optional = is_optional,
                            .statement = arena_print(arena, "GRANT %s ON %s TO %s;", right, on, g->account),
                        });
}

/* ---- rows ---- */

static const char *quote_table(struct arena *arena, struct str schema, const char *name)
{
    AUTO_RELEASE(buf) quoted = {0};
    mysql_quote(&quoted, arena_str(arena, schema));
    buf_add_str(&quoted, S("."));
    mysql_quote(&quoted, name);
    return arena_str(arena, buf_str(&quoted));
}

static RC try_table(struct granting *g, const char *quoted, enum rc *ret_rc, struct error *err)
{
    return try_out(g->self, arena_print(g->list->arena, "SELECT 1 FROM %s LIMIT 0", quoted), ret_rc, err);
}

/* A name with a dot is first looked for in the connection's own database (source_describe.c). A table that may not be
 * read and one that is not there look the same to who has no right to the table. */
static RC add_table(struct granting *g, const char *name, struct error *err)
{
    const char *database = g->self->settings.database, *dot = strchr(name, '.'), *quoted = NULL;
    enum rc rc = RC_DENIED;
    if (database != NULL) {
        quoted = quote_table(g->list->arena, str(database), name);
        TRY(try_table(g, quoted, &rc, err));
    }
    if (rc != RC_OK && dot != NULL) {
        quoted = quote_table(g->list->arena, (struct str){name, (size_t)(dot - name)}, dot + 1);
        TRY(try_table(g, quoted, &rc, err));
    }
    if (quoted == NULL)
        return RC_OK; /* the run says that it has no database */
    bool is_gone = rc == RC_NOT_FOUND;
    const char *what = arena_print(g->list->arena, "the rows of '%s'%s", name, is_gone ? ", which is not there" : "");
    add_right(g, "SELECT", quoted, what, rc == RC_OK ? GRANT_THERE : is_gone ? GRANT_UNKNOWN : GRANT_MISSING, false);
    return RC_OK;
}

static void add_pattern(struct granting *g)
{
    AUTO_RELEASE(buf) all = {0};
    if (g->self->settings.database == NULL)
        return;
    mysql_quote(&all, g->self->settings.database);
    buf_add_str(&all, S(".*"));
    add_right(g, "SELECT", arena_str(g->list->arena, buf_str(&all)),
              "tables that a pattern means: those without it are not seen", GRANT_UNKNOWN, true);
}

/* ---- the server ---- */

static RC add_process(struct granting *g, bool is_optional, struct error *err)
{
    enum rc rc;
    TRY(try_out(g->self, "SELECT COUNT(*) FROM information_schema.innodb_trx", &rc, err));
    add_right(g, "PROCESS", "*.*",
              is_optional ? "other sessions' transactions: the tables' 'lag' does without"
                          : "other sessions' transactions; without it each table needs a 'lag'",
              rc == RC_OK ? GRANT_THERE : GRANT_MISSING, is_optional);
    return RC_OK;
}

/* Without the right, and on a server that looks like a primary, nothing is amiss. */
static RC add_replication(struct granting *g, struct error *err)
{
    struct mysql_session *session = g->self->control;
    bool is_fed = true, has_own = session->is_maria && mysql_get_server_version(session->handle) >= MARIA_SLAVE_MONITOR;
    enum rc rc;
    TRY(try_out(g->self, mysql_replication_sql(session), &rc, err));
    if (rc != RC_OK)
        TRY(mysql_source_is_fed(g->self, &is_fed, err));
    add_right(g, has_own ? "SLAVE MONITOR" : "REPLICATION CLIENT", "*.*",
              is_fed ? "how far behind a replica is" : "how far behind it is, were this a replica",
              rc == RC_OK ? GRANT_THERE : GRANT_MISSING, !is_fed);
    return RC_OK;
}

/* MariaDB shows prepared transactions to everybody. */
static RC add_prepared(struct granting *g, struct error *err)
{
    enum rc rc;
    if (g->self->control->is_maria)
        return RC_OK;
    TRY(try_out(g->self, "XA RECOVER", &rc, err));
    add_right(g, "XA_RECOVER_ADMIN", "*.*", "prepared transactions from before the server's last start",
              rc == RC_OK ? GRANT_THERE : GRANT_MISSING, true);
    return RC_OK;
}

enum rc mysql_source_grants(struct source *base, const struct source_use *use, struct grant_list *ret,
                            struct error *err)
{
    struct granting granting = {.self = (struct mysql_source *)base, .list = ret};
    TRY(account_of(granting.self, ret->arena, &granting.account, err));
    for (int i = 0; i < use->table_count; i++)
        TRY(add_table(&granting, use->tables[i], err));
    if (use->has_patterns)
        add_pattern(&granting);
    TRY(add_process(&granting, !use->needs_open, err));
    TRY(add_replication(&granting, err));
    return add_prepared(&granting, err);
}

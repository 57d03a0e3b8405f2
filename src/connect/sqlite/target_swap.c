/* `replace: swap`: rows go into a new table, which takes the name before COMMIT. */
#include "connect/sqlite/target_parts.h"

#include <string.h>

/* SQLite keeps the statement from the name on, whatever stood before it. */
static const char *behind_name(const char *sql)
{
    static const char before[] = "CREATE TABLE ";
    if (strncmp(sql, before, strlen(before)) != 0)
        return NULL;
    const char *at = sql + strlen(before), open = *at, close = open == '[' ? ']' : open;
    if (strchr("\"'`[", open) == NULL)
        return at + strcspn(at, " \t\r\n(/-");
    for (at++; *at != '\0'; at++) {
        if (*at == close && at[1] == close && close != ']')
            at++;
        else if (*at == close)
            return at + 1;
    }
    return NULL;
}

static RC look_up(struct sqlite_target *self, const char *sql, sqlite3_stmt **ret, struct error *err)
{
    TRY(sqlite_prepare(self->db, sql, ret, err));
    return sqlite_bind_text(self->db, *ret, 1, str(self->table->name), err);
}

RC sqlite_target_swap_begin(struct sqlite_target *self, struct error *err)
{
    AUTO(sqlite3_stmt) *look = NULL;
    AUTO_RELEASE(buf) sql = {0}, name = {0};
    bool is_there = false;
    TRY(look_up(self, "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE", &look,
                err));
    TRY(sqlite_step(self->db, look, &is_there, err));
    const char *rest = is_there ? behind_name((const char *)sqlite3_column_text(look, 0)) : NULL;
    if (rest == NULL)
        return fail(err, RC_DATA, "what '%s' was made with cannot be read", self->table->name);
    buf_addf(&name, "waybill_new_%s", self->table->name);
    self->into = arena_text(&self->load_arena, name.at);
    buf_add_str(&sql, S("CREATE TABLE main."));
    sqlite_quote(&sql, self->into);
    buf_addf(&sql, " %s", rest);
    sqlite3_reset(look);
    self->statements++;
    return sqlite_run(self->db, sql.at, err);
}

/* Indexes and triggers go with their table; their statements name the one that takes its place. */
static RC keep_statements(struct sqlite_target *self, struct buf *ret, struct error *err)
{
    AUTO(sqlite3_stmt) *look = NULL;
    TRY(look_up(self,
                "SELECT sql FROM main.sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
                " AND tbl_name = ?1 COLLATE NOCASE ORDER BY rowid",
                &look, err));
    for (;;) {
        bool is_row = false;
        TRY(sqlite_step(self->db, look, &is_row, err));
        if (!is_row)
            return RC_OK;
        buf_add_str(ret, sqlite_column_str(look, 0));
        buf_add_str(ret, S(";\n"));
    }
}

RC sqlite_target_swap_end(struct sqlite_target *self, struct error *err)
{
    AUTO_RELEASE(buf) kept = {0}, sql = {0}, name = {0}, into = {0};
    TRY(keep_statements(self, &kept, err));
    sqlite_quote(&name, self->table->name);
    sqlite_quote(&into, self->into);
    buf_addf(&sql, "DROP TABLE main.%s; ALTER TABLE main.%s RENAME TO %s; %s", name.at, into.at, name.at,
             or_empty(kept.at));
    self->statements += 2;
    return sqlite_run(self->db, sql.at, err);
}

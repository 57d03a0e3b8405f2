#include "connect/sqlite/source.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "connect/sqlite/source_parts.h"

static RC sqlite_source_identity(struct source *base, struct arena *arena, const char **ret_id, struct error *err)
{
    struct sqlite_source *self = (struct sqlite_source *)base;
    char *path = realpath(self->db->path, NULL);
    if (path == NULL)
        return fail_errno(err, errno, "finding the real path of '%s'", self->db->path);
    const char *id = arena_text(arena, path);
    free(path);
    if (!str_is_utf8(str(id))) { /* documents name it */
        fail(err, RC_CONFIG, "the path of '%s', '%s', is not UTF-8", self->db->path, id);
        return fail_todo(err, "move or rename the folder");
    }
    *ret_id = id;
    return RC_OK;
}

/* Ours too: where this database is also a target, T is not one of its tables. */
static RC sqlite_source_tables(struct source *base, struct arena *arena, const char ***ret_names, int *ret_count,
                               struct error *err)
{
    struct sqlite_source *self = (struct sqlite_source *)base;
    AUTO(sqlite3_stmt) *row = NULL;
    bool is_row = true;
    int64_t most;
    int count = 0;
    TRY(sqlite_query_int64(self->db, "SELECT count(*) FROM pragma_table_list", &most, err));
    const char **names = arena_take(arena, (size_t)most * sizeof(*names));
    TRY(sqlite_prepare(self->db,
                       "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE "
                       "'sqlite\\_%' ESCAPE '\\'"
                       " AND name <> 'waybill_position' ORDER BY name",
                       &row, err));
    while (count < most) {
        TRY(sqlite_step(self->db, row, &is_row, err));
        if (!is_row)
            break;
        names[count++] = arena_str(arena, sqlite_column_str(row, 0));
    }
    *ret_names = names;
    *ret_count = count;
    return RC_OK;
}

/* Everything but the lock is read with query_only, so that nothing here can change the source. */
static RC query_only(struct sqlite_source *self, bool on, struct error *err)
{
    return sqlite_run(self->db, on ? "PRAGMA query_only = 1" : "PRAGMA query_only = 0", err);
}

/* With the write lock no other transaction has written anything that is not committed. On a connection that may only
 * read, BEGIN IMMEDIATE succeeds although a writer is open: hence the look at the transaction's state. */
static RC lock(struct sqlite_source *self, struct error *err)
{
    if (self->db->read_only)
        return RC_OK;
    TRY(query_only(self, false, err));
    if (sqlite_run(self->db, "BEGIN IMMEDIATE", err) != RC_OK)
        return fail_in(err, "taking the write lock for a moment, so that no open transaction is overlooked");
    assert(sqlite3_txn_state(self->db->handle, "main") == SQLITE_TXN_WRITE);
    return RC_OK;
}

static RC unlock(struct sqlite_source *self, enum rc rc, struct error *err)
{
    struct error ignored;
    if (self->db->read_only)
        return rc;
    sqlite_rollback(self->db);
    return query_only(self, true, rc == RC_OK ? err : &ignored) == RC_OK ? rc : rc != RC_OK ? rc : err->rc;
}

static RC sqlite_source_now(struct source *base, int64_t *ret_us, struct error *err)
{
    struct sqlite_source *self = (struct sqlite_source *)base;
    enum rc rc = lock(self, err);
    int64_t now_us = self->options.clock->now_us(self->options.clock);
    TRY(unlock(self, rc, err));
    *ret_us = now_us;
    return RC_OK;
}

static RC sqlite_source_oldest_open(struct source *base, struct open_transactions *ret, struct error *err)
{
    struct sqlite_source *self = (struct sqlite_source *)base;
    *ret = (struct open_transactions){.hidden = self->db->read_only};
    return RC_OK;
}

static RC largest_key(struct sqlite_source *self, const struct sqlite_table *table, struct arena *arena,
                      const char **ret, struct error *err)
{
    AUTO(sqlite3_stmt) *row = NULL;
    AUTO_RELEASE(buf) sql = {0};
    bool is_row;
    buf_add_str(&sql, S("SELECT max("));
    sqlite_quote(&sql, table->columns[table->base.key[0]].base.name);
    buf_add_str(&sql, S(") FROM main."));
    sqlite_quote(&sql, table->base.name);
    TRY(sqlite_prepare(self->db, sql.at, &row, err));
    TRY(sqlite_step(self->db, row, &is_row, err));
    *ret = NULL;
    if (sqlite3_column_type(row, 0) == SQLITE_NULL)
        return RC_OK;
    return sqlite_key_text(table, table->base.key[0], row, 0, arena, ret, err);
}

static RC sqlite_source_ceiling(struct source *base, const struct table *table, struct arena *arena, const char **ret,
                                struct error *err)
{
    struct sqlite_source *self = (struct sqlite_source *)base;
    if (table->key_count != 1) {
        fail(err, RC_CONFIG, "id_only needs a key of one column, and the key of '%s' has %d", table->name,
             table->key_count);
        return fail_todo(err, "name one in the table's entry (key: <column>), or take another increment");
    }
    const char *ceiling = NULL;
    enum rc rc = lock(self, err);
    if (rc == RC_OK)
        rc = largest_key(self, sqlite_table_of(table), arena, &ceiling, err);
    TRY(unlock(self, rc, err));
    *ret = ceiling;
    return RC_OK;
}

static void sqlite_source_free(struct source *base)
{
    struct sqlite_source *self = (struct sqlite_source *)base;
    sqlite_free(self->db);
    arena_release(&self->arena);
    free(self);
}

static RC sqlite_source_grants(struct source *base, const struct source_use *use, struct grant_list *ret,
                               struct error *err)
{
    (void)use;
    (void)err;
    grants_add_file(ret, base->address, R_OK, "the rows of every table");
    return RC_OK;
}

static const struct source_ops sqlite_source_ops = {
    .type = "sqlite",
    .identity = sqlite_source_identity,
    .tables = sqlite_source_tables,
    .describe = sqlite_source_describe,
    .now = sqlite_source_now,
    .oldest_open = sqlite_source_oldest_open,
    .ceiling = sqlite_source_ceiling,
    .facts = sqlite_source_facts,
    .boundary = sqlite_source_boundary,
    .read = sqlite_source_read,
    .grants = sqlite_source_grants,
    .free = sqlite_source_free,
};

RC sqlite_source_open(const char *name, const char *path, const struct sqlite_source_options *options,
                      struct source **ret, struct error *err)
{
    struct sqlite_source *self = xcalloc(1, sizeof(*self));
    AUTO(source) *source = &self->base;
    struct sqlite_patience patience = {.clock = options->clock, .wait_ms = options->wait_ms, .stop = options->stop};
    *self = (struct sqlite_source){.base = {.ops = &sqlite_source_ops}, .options = *options};
    if (self->options.page_rows == 0)
        self->options.page_rows = SQLITE_PAGE_ROWS;
    assert(self->options.page_rows > 0 && self->options.page_rows <= SQLITE_PAGE_ROWS);
    self->base.name = arena_text(&self->arena, name);
    self->base.address = arena_text(&self->arena, path);
    self->base.version = arena_print(&self->arena, "SQLite %s", sqlite3_libversion());
    TRY(sqlite_open(path, SQLITE_TO_EITHER, &patience, &self->db, err));
    TRY(query_only(self, true, err));
    *ret = TAKE(source);
    return RC_OK;
}

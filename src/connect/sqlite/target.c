#include "connect/sqlite/target_parts.h"
#include "io/file.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the connection ---- */

static void disconnect(struct sqlite_target *self)
{
    sqlite_target_end_load(self);
    sqlite_free(TAKE(self->db));
    self->is_for_writing = false;
}

static RC connect_as(struct sqlite_target *self, enum sqlite_access access, struct error *err)
{
    disconnect(self);
    enum rc rc = sqlite_open(self->base.address, access, &self->patience, &self->db, err);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s'", self->base.name);
}

RC sqlite_target_look(struct sqlite_target *self, struct error *err)
{
    if (self->db != NULL)
        return RC_OK;
    /* Not read-only: after a crash only a connection that may write can roll back the journal it finds. */
    enum rc rc = connect_as(self, SQLITE_TO_EITHER, err);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* Opens for writing: makes the file, RC_DENIED when it cannot be written. */
static RC sqlite_target_write(struct sqlite_target *self, struct error *err)
{
    if (self->is_for_writing)
        return RC_OK;
    TRY(connect_as(self, SQLITE_TO_CREATE, err));
    /* Foreign keys stay unchecked: a replace that deletes and inserts must not cascade. And a table that gets the name
     * of one that is gone is not looked for in views and triggers, which go by the name. */
    TRY(sqlite_run(self->db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON",
                   err));
    self->is_for_writing = true;
    return RC_OK;
}

RC sqlite_target_lock(struct sqlite_target *self, struct error *err)
{
    TRY(sqlite_target_write(self, err));
    if (sqlite_run(self->db, "BEGIN IMMEDIATE", err) != RC_OK)
        return fail_in(err, "target '%s': waiting to write", self->base.name);
    return RC_OK;
}

RC sqlite_target_unlock(struct sqlite_target *self, struct error *err)
{
    enum rc rc = sqlite_run(self->db, "COMMIT", err);
    if (rc != RC_OK)
        sqlite_rollback(self->db);
    return rc;
}

RC sqlite_target_has_table(struct sqlite_target *self, const char *name, bool *ret, struct error *err)
{
    AUTO(sqlite3_stmt) *look = NULL;
    TRY(sqlite_prepare(self->db,
                       "SELECT 1 FROM main.sqlite_schema WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
                       &look, err));
    TRY(sqlite_bind_text(self->db, look, 1, str(name), err));
    return sqlite_step(self->db, look, ret, err);
}

/* ---- the load's transaction ---- */

static void sqlite_target_rollback(struct target *base)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    sqlite_target_end_load(self);
    if (self->db != NULL)
        sqlite_rollback(self->db);
}

static RC swap_and_start(struct sqlite_target *self, const struct target_table *table, const struct target_move *move,
                         bool *ret_moved, struct error *err)
{
    bool moved = false;
    TRY(sqlite_target_swap(self, table, move, &moved, err));
    if (moved) {
        self->table = table;
        TRY(sqlite_target_start_load(self, err));
    }
    *ret_moved = moved;
    return RC_OK;
}

static RC sqlite_target_begin(struct target *base, const struct target_table *table, const struct target_move *move,
                              bool *ret_moved, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    assert(self->table == NULL && "one load at a time");
    TRY(sqlite_target_lock(self, err));
    if (swap_and_start(self, table, move, ret_moved, err) != RC_OK) {
        sqlite_target_rollback(base);
        return fail_in(err, "target '%s': beginning to load '%s'", base->name, table->name);
    }
    if (!*ret_moved)
        sqlite_target_rollback(base);
    return RC_OK;
}

/* SQLite's COMMIT is certainly not done when it could not get the lock or the space: the transaction is then still open
 * or was rolled back. After anything else (a failed fsync) the journal may say one thing and the disk another. */
static RC commit_failed(struct sqlite_target *self, const char *table, struct error *err)
{
    bool is_certain = err->rc == RC_BUSY || err->rc == RC_INTERRUPTED || err->rc == RC_TERMINATED ||
                      text_eq(err->vendor, "SQLITE_FULL");
    if (!is_certain)
        err->rc = RC_UNKNOWN;
    sqlite_rollback(self->db);
    return fail_in(err, "target '%s': committing the load of '%s'", self->base.name, table);
}

static RC sqlite_target_commit(struct target *base, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    assert(self->table != NULL && !sqlite3_get_autocommit(self->db->handle));
    const char *table = self->table->name;
    sqlite_target_end_load(self);
    if (sqlite_run(self->db, "COMMIT", err) != RC_OK)
        return commit_failed(self, table, err);
    return RC_OK;
}

static RC sqlite_target_reconnect(struct target *base, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    disconnect(self);
    return sqlite_target_write(self, err);
}

static RC sqlite_target_check(struct target *base, bool *ret_is_new, struct error *err)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    TRY(sqlite_target_look(self, err));
    *ret_is_new = self->db == NULL;
    if (self->db != NULL) {
        TRY(sqlite_target_lock(self, err));
        sqlite_rollback(self->db);
    }
    if (file_check_folder(self->base.address, err) != RC_OK)
        return fail_in(err, "target '%s'", self->base.name);
    return RC_OK;
}

/* A journal lies beside the database while it is written. */
static RC sqlite_target_grants(struct target *base, const struct target_use *uses, int count, struct grant_list *ret,
                               struct error *err)
{
    (void)uses;
    (void)count;
    (void)err;
    AUTO_RELEASE(buf) journal = {0};
    buf_addf(&journal, "%s-journal", base->address);
    grants_add_file(ret, base->address, R_OK | W_OK, "the rows of every table");
    grants_add_file(ret, journal.at, R_OK | W_OK, "the journal beside it");
    return RC_OK;
}

static void sqlite_target_free(struct target *base)
{
    struct sqlite_target *self = (struct sqlite_target *)base;
    disconnect(self);
    arena_release(&self->load_arena);
    free((void *)(uintptr_t)base->name);
    free((void *)(uintptr_t)base->address);
    free(self);
}

static void type_of(const struct target *self, const struct field *field, struct target_type *ret)
{
    sqlite_target_type(field, ret);
}

static bool has_gaps(const struct target *self, const struct field *field)
{
    return field->type == TYPE_FLOAT || field->type == TYPE_DOUBLE || field->type == TYPE_DATE ||
           field->type == TYPE_TIMESTAMP;
}

static bool holds(const struct target *self, const struct batch *batch, int column, int64_t row, const char **ret_why)
{
    const struct field *field = &batch->schema->fields[column];
    char room[VALUE_TEXT];
    *ret_why = SQLITE_NO_NAN;
    if (field->type == TYPE_FLOAT || field->type == TYPE_DOUBLE)
        return !isnan(field->type == TYPE_FLOAT ? (double)batch_float(batch, column, row)
                                                : batch_double(batch, column, row));
    *ret_why = SQLITE_NO_YEAR;
    return (field->type == TYPE_DATE ? text_date(room, batch_date(batch, column, row))
                                     : text_timestamp(room, batch_int64(batch, column, row), field)) != NULL;
}

static const struct target_ops sqlite_target_ops = {
    .type = "sqlite",
    .features = TARGET_DELETE_INSERT | TARGET_DELETES | TARGET_SWAP,
    .swap_note = "a new table takes the name; indexes, triggers and views stay as they are",
    .type_of = type_of,
    .has_gaps = has_gaps,
    .holds = holds,
    .position = sqlite_target_position,
    .check_owner = sqlite_target_check_owner,
    .create_position = sqlite_target_create_position,
    .fence = sqlite_target_fence,
    .prepare = sqlite_target_prepare,
    .is_there = sqlite_target_is_there,
    .has_rows = sqlite_target_has_rows,
    .begin = sqlite_target_begin,
    .load_file = sqlite_target_load_file,
    .apply = sqlite_target_apply,
    .commit = sqlite_target_commit,
    .rollback = sqlite_target_rollback,
    .reconnect = sqlite_target_reconnect,
    .check = sqlite_target_check,
    .profile = sqlite_target_profile,
    .grants = sqlite_target_grants,
    .free = sqlite_target_free,
};

RC sqlite_target_open(const char *name, const char *path, struct clock *clock, const atomic_int *stop,
                      struct target **ret, struct error *err)
{
    struct sqlite_target *self = xcalloc(1, sizeof(*self));
    self->base = (struct target){&sqlite_target_ops, xstrdup(name), xstrdup(path), self->version};
    self->base.ignores_case = true;
    self->base.is_exclusive = true;
    snprintf(self->version, sizeof(self->version), "SQLite %s", sqlite3_libversion());
    self->patience = (struct sqlite_patience){.clock = clock, .stop = stop};
    *ret = &self->base;
    return RC_OK;
}

#include "connect/adbc/driver.h"
#include "connect/adbc/target_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "io/file.h"

const char *adbc_target_schema(const struct adbc_target *self)
{
    return self->schema_wanted != NULL ? self->schema_wanted : or_empty(self->dialect->schema);
}

/* ---- the connection ---- */

static void disconnect(struct adbc_target *self)
{
    adbc_target_end_load(self);
    adbc_free(TAKE(self->db));
    self->is_for_writing = false;
}

void adbc_target_rest(struct adbc_target *self)
{
    if (self->dialect != NULL && self->dialect->locks_file && self->table == NULL)
        disconnect(self);
}

/* After a failure: rolls back; a session that cannot is dropped. */
static void adbc_target_abort(struct adbc_target *self)
{
    if (self->db != NULL && !adbc_rollback(self->db)) {
        adbc_spoil(self->db);
        disconnect(self);
    }
}

static RC find_dialect(struct adbc_target *self, struct error *err)
{
    const struct dialect *dialect = dialect_find(adbc_vendor(self->db));
    const char *version = adbc_version(self->db);
    if (dialect != NULL && (self->vendor == NULL || text_eq(self->vendor, dialect->vendor))) {
        self->dialect = dialect;
        snprintf(self->version, sizeof(self->version), "%s %s", dialect->sql.shown, version + (version[0] == 'v'));
        return RC_OK;
    }
    fail(err, RC_CONFIG, "the driver '%s' is for '%s', which %s", self->address.driver, adbc_vendor(self->db),
         dialect == NULL ? "is no database that is known here" : "is not what this connection says it is");
    fail_id(err, "no-driver");
    return fail_todo(err, "by ADBC these are known: DuckDB, PostgreSQL, SQLite");
}

static RC set_up_session(struct adbc_target *self, struct error *err)
{
    TRY(find_dialect(self, err));
    for (int i = 0; self->dialect->session[i] != NULL; i++)
        TRY(adbc_run(self->db, self->dialect->session[i], err));
    return RC_OK;
}

/* ---- patience ---- */

/* A try opens the whole database, which costs as much as the first wait: who stays longer asks less often. */
enum { FIRST_WAIT_MS = 50, LONGEST_WAIT_MS = 400 };

struct patience {
    int64_t give_up_ms, wait_ms;
};

static struct patience begin_patience(const struct adbc_target *self)
{
    return (struct patience){self->with.clock->mono_ms(self->with.clock) + WAIT_MS, FIRST_WAIT_MS};
}

/* True: has waited a little; try again. */
static bool is_patient(struct adbc_target *self, struct patience *patience, struct error *err)
{
    struct clock *clock = self->with.clock;
    struct error stopped;
    if (err->rc == RC_AGAIN)
        err->rc = RC_BUSY; /* at the start of a transaction that is the same */
    if (err->rc != RC_BUSY || clock->mono_ms(clock) >= patience->give_up_ms)
        return false;
    if (opening_check_stop(self->with.stop, &stopped) != RC_OK) {
        *err = stopped;
        return false;
    }
    clock->sleep_ms(clock, patience->wait_ms);
    patience->wait_ms = patience->wait_ms < LONGEST_WAIT_MS ? 2 * patience->wait_ms : LONGEST_WAIT_MS;
    return true;
}

static RC connect_once(struct adbc_target *self, bool to_write, struct error *err)
{
    disconnect(self);
    TRY(adbc_open(to_write ? &self->address : &self->reading, self->with.stop, &self->db, err));
    if (set_up_session(self, err) != RC_OK) {
        disconnect(self);
        return err->rc;
    }
    self->is_for_writing = to_write;
    return RC_OK;
}

static RC connect_patiently(struct adbc_target *self, bool to_write, struct error *err)
{
    struct patience patience = begin_patience(self);
    enum rc rc;
    do {
        rc = connect_once(self, to_write, err);
    } while (rc != RC_OK && is_patient(self, &patience, err));
    return rc;
}

RC adbc_target_look(struct adbc_target *self, struct error *err)
{
    if (self->db != NULL || (self->path != NULL && access(self->path, F_OK) != 0))
        return RC_OK;
    return connect_patiently(self, self->path == NULL, err);
}

static RC adbc_target_write(struct adbc_target *self, struct error *err)
{
    return self->db != NULL && self->is_for_writing ? RC_OK : connect_patiently(self, true, err);
}

static RC transact_once(struct adbc_target *self, adbc_step step, void *context, struct error *err)
{
    TRY(adbc_begin(self->db, err));
    TRY(step(self, context, err));
    return adbc_commit(self->db, err);
}

/* What is done by a step is done again by the next run, so that an unknown end is no more than a failure. */
RC adbc_target_transact(struct adbc_target *self, adbc_step step, void *context, struct error *err)
{
    struct patience patience = begin_patience(self);
    for (;;) {
        TRY(adbc_target_write(self, err));
        if (transact_once(self, step, context, err) == RC_OK)
            return RC_OK;
        adbc_target_abort(self);
        if (err->rc == RC_UNKNOWN)
            err->rc = RC_UNAVAILABLE;
        if (!is_patient(self, &patience, err))
            return err->rc;
    }
}

/* ---- statements ---- */

RC adbc_target_number(struct adbc_target *self, const char *sql, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(answer) answer = {0};
    TRY(adbc_query(self->db, sql, &answer, err));
    if (answer.rows != 1 || answer.columns < 1)
        return fail(err, RC_FAILED, "'%s': a count has no answer", self->base.address);
    *ret = answer_int64(&answer, 0, 0);
    self->statements++;
    return RC_OK;
}

RC adbc_target_change(struct adbc_target *self, const char *sql, int64_t *ret_changes, struct error *err)
{
    AUTO_RELEASE(answer) answer = {0};
    TRY(adbc_query(self->db, sql, &answer, err));
    self->statements++;
    if (self->dialect->changes != NULL)
        return adbc_target_number(self, self->dialect->changes, ret_changes, err);
    *ret_changes = answer.rows == 1 && answer.columns == 1 ? answer_int64(&answer, 0, 0) : answer.changes;
    if (*ret_changes < 0)
        return fail(err, RC_FAILED, "'%s': the driver does not say how many rows it has changed", self->base.address);
    return RC_OK;
}

/* ---- the load's transaction ---- */

static void adbc_target_rollback(struct target *base)
{
    struct adbc_target *self = (struct adbc_target *)base;
    adbc_target_end_load(self);
    adbc_target_abort(self);
    adbc_target_rest(self);
}

static RC swap_and_start(struct adbc_target *self, const struct target_table *table, const struct target_move *move,
                         bool *ret_moved, struct error *err)
{
    bool is_there = false, moved = false;
    TRY(adbc_target_has_position(self, &is_there, err));
    if (is_there) {
        TRY(adbc_begin(self->db, err));
        TRY(adbc_target_swap(self, table, move, &moved, err));
    }
    if (moved) {
        self->table = table;
        TRY(adbc_target_start_load(self, err));
    }
    *ret_moved = moved;
    return RC_OK;
}

static RC begin_patiently(struct adbc_target *self, const struct target_table *table, const struct target_move *move,
                          bool *ret_moved, struct error *err)
{
    struct patience patience = begin_patience(self);
    for (;;) {
        TRY(adbc_target_write(self, err));
        if (swap_and_start(self, table, move, ret_moved, err) == RC_OK)
            return RC_OK;
        adbc_target_end_load(self);
        adbc_target_abort(self);
        if (!is_patient(self, &patience, err))
            return err->rc;
    }
}

static RC adbc_target_begin(struct target *base, const struct target_table *table, const struct target_move *move,
                            bool *ret_moved, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    assert(self->table == NULL && "one load at a time");
    if (begin_patiently(self, table, move, ret_moved, err) != RC_OK) {
        adbc_target_rollback(base);
        return fail_in(err, "target '%s': beginning to load '%s'", base->name, table->name);
    }
    if (!*ret_moved)
        adbc_target_rollback(base);
    return RC_OK;
}

static RC adbc_target_commit(struct target *base, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    assert(self->table != NULL && "a load has begun");
    const char *table = self->table->name;
    adbc_target_end_load(self);
    enum rc rc = adbc_commit(self->db, err);
    if (rc != RC_OK)
        adbc_target_abort(self);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s': committing the load of '%s'", base->name, table);
}

static RC adbc_target_reconnect(struct target *base, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    if (self->db != NULL)
        adbc_spoil(self->db);
    disconnect(self);
    return adbc_target_write(self, err) == RC_OK ? RC_OK : fail_in(err, "target '%s'", base->name);
}

/* ---- may it? ---- */

static RC try_to_write(struct adbc_target *self, void *context, struct error *err)
{
    return RC_OK; /* a transaction that could be begun for writing */
}

static RC check(struct adbc_target *self, bool *ret_is_new, struct error *err)
{
    struct AdbcDriver driver;
    *ret_is_new = self->path != NULL && access(self->path, F_OK) != 0;
    if (self->path != NULL)
        TRY(file_check_folder(self->path, err));
    if (!*ret_is_new)
        return adbc_target_transact(self, try_to_write, NULL, err);
    TRY(driver_load(self->address.driver, self->address.entry, self->address.driver_todo, &driver, err));
    driver_release(&driver);
    return RC_OK;
}

static RC adbc_target_check(struct target *base, bool *ret_is_new, struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    enum rc rc = check(self, ret_is_new, err);
    adbc_target_rest(self);
    return rc == RC_OK ? RC_OK : fail_in(err, "target '%s'", base->name);
}

/* A log of what is committed lies beside the file while it is written. */
static RC adbc_target_grants(struct target *base, const struct target_use *uses, int count, struct grant_list *ret,
                             struct error *err)
{
    struct adbc_target *self = (struct adbc_target *)base;
    AUTO_RELEASE(buf) log = {0};
    if (self->path == NULL)
        return RC_OK;
    buf_addf(&log, "%s.wal", self->path);
    grants_add_file(ret, self->path, R_OK | W_OK, "the rows of every table");
    grants_add_file(ret, arena_text(ret->arena, log.at), R_OK | W_OK, "the log beside it");
    return RC_OK;
}

/* ---- making it ---- */

static void settings_release(struct secret_map *self)
{
    for (int i = 0; i < self->count; i++)
        secret_release(&self->secrets[i]);
}

static void adbc_target_free(struct target *base)
{
    struct adbc_target *self = (struct adbc_target *)base;
    disconnect(self);
    settings_release(&self->settings);
    settings_release(&self->reading_settings);
    arena_release(&self->load_arena);
    arena_release(&self->arena);
    free(self);
}

static void type_of(const struct target *base, const struct field *field, struct target_type *ret)
{
    ((const struct adbc_target *)base)->dialect->type_of(field, ret);
}

static bool has_gaps(const struct target *self, const struct field *field)
{
    return ((const struct adbc_target *)self)->dialect->has_gaps(field);
}

static bool holds(const struct target *self, const struct batch *batch, int column, int64_t row, const char **ret_why)
{
    return ((const struct adbc_target *)self)->dialect->holds(batch, column, row, ret_why);
}

static const struct target_ops adbc_target_ops = {
    .type = "adbc",
    .features = TARGET_DELETE_INSERT | TARGET_DELETES,
    .type_of = type_of,
    .has_gaps = has_gaps,
    .holds = holds,
    .position = adbc_target_position,
    .check_owner = adbc_target_check_owner,
    .create_position = adbc_target_create_position,
    .fence = adbc_target_fence,
    .prepare = adbc_target_prepare,
    .is_there = adbc_target_is_there,
    .has_rows = adbc_target_has_rows,
    .begin = adbc_target_begin,
    .load_file = adbc_target_load_file,
    .apply = adbc_target_apply,
    .commit = adbc_target_commit,
    .rollback = adbc_target_rollback,
    .reconnect = adbc_target_reconnect,
    .check = adbc_target_check,
    .profile = adbc_target_profile,
    .grants = adbc_target_grants,
    .free = adbc_target_free,
};

static void add_setting(struct adbc_target *self, struct secret_map *to, const char *name, const char *value)
{
    to->names[to->count] = arena_text(&self->arena, name);
    secret_set(&to->secrets[to->count++], str(value));
}

/* `more`: a setting that the caller has not given; NULL: none. */
static void copy_settings(struct adbc_target *self, const struct secret_map *from, const char *more,
                          const char *more_value, struct secret_map *to)
{
    size_t count = (size_t)from->count + 1;
    to->names = arena_take(&self->arena, sizeof(*to->names) * count);
    to->secrets = arena_take(&self->arena, sizeof(*to->secrets) * count);
    for (int i = 0; i < from->count; i++)
        add_setting(self, to, from->names[i], secret_reveal(&from->secrets[i]));
    if (more != NULL)
        add_setting(self, to, more, more_value);
}

static void copy_options(struct adbc_target *self, const struct adbc_target_options *options)
{
    struct arena *arena = &self->arena;
    self->address = (struct adbc_address){
        .shown = arena_text(arena, options->shown),
        .driver = arena_text(arena, options->driver),
        .entry = arena_text(arena, options->entry),
        .driver_todo = arena_text(arena, options->driver_todo),
        .settings = &self->settings,
    };
    self->reading = self->address;
    self->reading.settings = &self->reading_settings;
    self->reading.is_reading = options->path != NULL;
    self->vendor = arena_text(arena, options->vendor);
    self->schema_wanted = arena_text(arena, options->schema);
    self->path = arena_text(arena, options->path);
    copy_settings(self, options->settings, NULL, NULL, &self->settings);
    bool has_mode = options->path != NULL;
    copy_settings(self, options->settings, has_mode ? "access_mode" : NULL, "READ_ONLY", &self->reading_settings);
}

RC adbc_target_open(const char *name, const struct adbc_target_options *options, const struct opening *with,
                    struct target **ret, struct error *err)
{
    struct adbc_target *self = xcalloc(1, sizeof(*self));
    copy_options(self, options);
    self->with = *with;
    self->base = (struct target){&adbc_target_ops, arena_text(&self->arena, name), self->address.shown, self->version};
    self->base.is_exclusive = options->path != NULL;
    self->dialect = dialect_find(or_empty(options->vendor));
    snprintf(self->version, sizeof(self->version), "%s", self->dialect != NULL ? self->dialect->sql.shown : "ADBC");
    if (self->dialect == NULL && adbc_target_write(self, err) != RC_OK) {
        fail_in(err, "target '%s'", name);
        adbc_target_free(&self->base);
        return err->rc;
    }
    self->base.ignores_case = self->dialect != NULL && self->dialect->sql.folds_names;
    *ret = &self->base;
    return RC_OK;
}

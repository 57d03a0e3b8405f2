#include "connect/redshift/target_parts.h"
#include "connect/sql/grants.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "connect/postgres/rows.h"

/* ---- what failures say ---- */

int redshift_code(const struct redshift_target *self)
{
    const char *at = self->db != NULL ? strstr(self->db->detail, "code:") : NULL;
    int64_t code = 0;
    if (at == NULL)
        return 0;
    at += strlen("code:");
    at += strspn(at, " \t");
    return str_to_int64((struct str){at, strspn(at, "0123456789")}, &code) ? (int)code : 0;
}

enum { CODE_CONFLICT = 1023, CODE_CONCURRENT_DDL = 34510 };

/* "1023 DETAIL: Serializable isolation violation on table ...": as a message, or as the code of one. */
static bool is_conflict(const struct redshift_target *self, const struct error *err)
{
    int code = redshift_code(self);
    const char *detail = self->db != NULL ? self->db->detail : "";
    return code == CODE_CONFLICT || code == CODE_CONCURRENT_DDL || strcmp(err->vendor, "40001") == 0 ||
           strstr(err->text, "erializable isolation violation") != NULL || strstr(err->text, ": 1023") != NULL ||
           strstr(detail, "erializable isolation violation") != NULL;
}

enum rc redshift_explain(const struct redshift_target *self, struct error *err)
{
    bool is_own = strcmp(err->vendor, "XX000") == 0;
    if (is_conflict(self, err)) {
        err->rc = RC_AGAIN;
        return fail_todo(err,
                         "another transaction writes the same table: run the same command again when it has ended");
    }
    if (is_own && strstr(err->text, "Relation") != NULL && strstr(err->text, "does not exist") != NULL)
        err->rc = RC_NOT_FOUND; /* of a table in a datashare */
    return err->rc;
}

RC redshift_query(struct redshift_target *self, const char *sql, int count, const char *const *values,
                  struct pq_answer *ret, struct error *err)
{
    return pq_query(self->db, sql, count, values, ret, err) == RC_OK ? RC_OK : redshift_explain(self, err);
}

RC redshift_run(struct redshift_target *self, const char *sql, int64_t *ret_changes, struct error *err)
{
    return pq_run(self->db, sql, ret_changes, err) == RC_OK ? RC_OK : redshift_explain(self, err);
}

/* ---- the session ---- */

static void disconnect(struct redshift_target *self)
{
    redshift_end_load(self);
    pq_free(TAKE(self->db));
}

/* "PostgreSQL 8.0.2 on i686-pc-linux-gnu, ..., Redshift 1.0.436211" */
static RC read_version(struct redshift_target *self, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    TRY(redshift_query(self, "SELECT version(), 'a' = 'A'", 0, NULL, &answer, err));
    const char *own = strstr(pq_text(&answer, 0, 0), "Redshift");
    if (own == NULL) {
        fail(err, RC_CONFIG, "'%s' is no Redshift: it says that it is '%.60s'", self->base.address,
             pq_text(&answer, 0, 0));
        return fail_todo(err, "give the connection the type of what it leads to: `type: postgres`");
    }
    snprintf(self->version, sizeof(self->version), "%.*s", (int)strcspn(own, ",;)"), own);
    self->ignores_case = pq_bool(&answer, 0, 1);
    return RC_OK;
}

RC redshift_connect(struct redshift_target *self, struct error *err)
{
    if (self->db != NULL && pq_is_alive(self->db))
        return RC_OK;
    pq_free(TAKE(self->db));
    if (pq_open(&self->address, self->with.clock, self->with.stop, &self->db, err) != RC_OK ||
        read_version(self, err) != RC_OK)
        return fail_in(err, "target '%s'", self->base.name);
    return RC_OK;
}

void redshift_abort(struct redshift_target *self)
{
    if (self->db != NULL)
        (void)!pq_rollback(self->db);
    pq_free(TAKE(self->db));
}

/* ---- the load's transaction ---- */

static void redshift_rollback(struct target *base)
{
    struct redshift_target *self = (struct redshift_target *)base;
    bool is_open = self->table != NULL;
    redshift_end_load(self);
    if (is_open)
        redshift_abort(self);
}

static RC begin(struct redshift_target *self, const struct target_table *table, const struct target_move *move,
                bool *ret_moved, struct error *err)
{
    bool moved = false;
    TRY(redshift_connect(self, err));
    TRY(redshift_swap(self, table, move, &moved, err));
    if (moved) {
        self->table = table;
        TRY(redshift_start_load(self, err));
    } else {
        redshift_abort(self);
        TRY(redshift_check_not_moved(self, table, err));
    }
    *ret_moved = moved;
    return RC_OK;
}

static RC redshift_begin(struct target *base, const struct target_table *table, const struct target_move *move,
                         bool *ret_moved, struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    assert(self->table == NULL && "one load at a time");
    if (begin(self, table, move, ret_moved, err) == RC_OK)
        return RC_OK;
    redshift_end_load(self);
    redshift_abort(self);
    return fail_in(err, "target '%s': beginning to load '%s'", base->name, table->name);
}

static RC redshift_commit(struct target *base, struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    assert(self->table != NULL && "a load has begun");
    const char *table = self->table->name;
    redshift_end_load(self);
    if (pq_commit(self->db, err) == RC_OK)
        return RC_OK;
    if (err->rc != RC_UNKNOWN)
        redshift_explain(self, err);
    redshift_abort(self);
    return fail_in(err, "target '%s': committing the load of '%s'", base->name, table);
}

static RC redshift_reconnect(struct target *base, struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    disconnect(self);
    return redshift_connect(self, err);
}

/* ---- may it? ---- */

static RC redshift_check(struct target *base, bool *ret_is_new, struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    TRY(redshift_connect(self, err));
    if (sql_check_schema(&redshift_sql, base, err) != RC_OK)
        return fail_in(err, "target '%s'", base->name);
    base->password_from = self->db->password_from;
    *ret_is_new = false; /* a database is made by its owner, never by us */
    return RC_OK;
}

/* ---- making it ---- */

static void redshift_free(struct target *base)
{
    struct redshift_target *self = (struct redshift_target *)base;
    disconnect(self);
    tunnel_free(self->address.tunnel);
    secret_release(&self->password);
    arena_release(&self->load_arena);
    arena_release(&self->arena);
    free(self);
}

static void type_of(const struct target *self, const struct field *field, struct target_type *ret)
{
    redshift_target_type(field, ret);
}

static bool has_gaps(const struct target *self, const struct field *field)
{
    return row_value_has_gaps(field) || field->type == TYPE_BINARY;
}

/* Of texts and bytes also what is longer than any column. */
static bool holds(const struct target *self, const struct batch *batch, int column, int64_t row, const char **ret_why)
{
    const enum type type = batch->schema->fields[column].type;
    const bool is_text = type == TYPE_UTF8;
    if (is_text || type == TYPE_BINARY) {
        *ret_why = is_text ? "more than 65,535 bytes, where a varchar of Redshift ends"
                           : "more than 16,777,216 bytes, where a varbyte of Redshift ends";
        if (batch_bytes(batch, column, row).len > (is_text ? REDSHIFT_VARCHAR_MAX : REDSHIFT_VARBYTE_MAX))
            return false;
    }
    if (type == TYPE_BINARY || row_value_holds(batch, column, row, ret_why))
        return true;
    if (is_text)
        *ret_why = "a text with a NUL byte, which Redshift cannot hold";
    return false;
}

static const struct target_ops redshift_target_ops = {
    .type = "redshift",
    .features = TARGET_DELETE_INSERT | TARGET_DELETES,
    .use_stage = redshift_use_stage,
    .type_of = type_of,
    .has_gaps = has_gaps,
    .holds = holds,
    .position = redshift_position,
    .check_owner = redshift_check_owner,
    .create_position = redshift_create_position,
    .fence = redshift_fence,
    .prepare = redshift_prepare,
    .is_there = redshift_is_there,
    .has_rows = redshift_has_rows,
    .begin = redshift_begin,
    .load_urls = redshift_load_urls,
    .apply = redshift_apply,
    .commit = redshift_commit,
    .rollback = redshift_rollback,
    .reconnect = redshift_reconnect,
    .check = redshift_check,
    .profile = redshift_profile,
    .grants = redshift_grants,
    .free = redshift_free,
};

/* It stands in COPY as it is, and comes from a configuration. */
static RC check_role(const char *name, const char *role, struct error *err)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-:/";
    bool is_arn = role != NULL && strncmp(role, "arn:", 4) == 0 && strspn(role, legal) == strlen(role);
    if (role == NULL || is_arn || strcmp(role, "default") == 0)
        return RC_OK;
    fail(err, RC_CONFIG, "connection '%s': the iam_role '%.80s' is no ARN", name, role);
    return fail_todo(err, "write arn:aws:iam::ACCOUNT:role/NAME of a role that the cluster has, or `default`");
}

RC redshift_target_open(const char *name, const struct redshift_target_options *options, const struct opening *with,
                        struct target **ret, struct error *err)
{
    AUTO_RELEASE(buf) shown = {0};
    TRY(check_role(name, options->iam_role, err));
    struct redshift_target *self = xcalloc(1, sizeof(*self));
    pq_address_keep(&options->address, &self->arena, &self->password, &self->address);
    pq_address_print(&options->address, &shown);
    self->address.is_redshift = true;
    self->address.port = options->address.port > 0 ? options->address.port : REDSHIFT_PORT;
    self->schema = arena_text(&self->arena, options->schema != NULL ? options->schema : "public");
    self->iam_role = arena_text(&self->arena, options->iam_role);
    self->patience_ms = options->patience_ms > 0 ? options->patience_ms : REDSHIFT_PATIENCE_MS;
    self->lock_ms = options->address.lock_ms > 0 ? options->address.lock_ms : PQ_LOCK_MS;
    self->statement_ms = options->address.statement_ms > 0 ? options->address.statement_ms : PQ_STATEMENT_MS;
    self->with = *with;
    self->base = (struct target){.ops = &redshift_target_ops,
                                 .name = arena_text(&self->arena, name),
                                 .address = arena_print(&self->arena, "%s", shown.at),
                                 .version = self->version,
                                 .ignores_case = true};
    snprintf(self->version, sizeof(self->version), "Redshift");
    if (pq_dig_tunnel(&self->address, self->base.name, &options->ssh, &self->with, err) != RC_OK) {
        redshift_free(&self->base);
        return err->rc;
    }
    *ret = &self->base;
    return RC_OK;
}

/* Rows in: one COPY per waybill, from a manifest that names each of its files with its size. A prefix is never given:
 * one that matches nothing loads no rows without an error (S48), and one that matches more loads more.
 *
 * The manifest lies beside the waybill under a name that is always the same, and what it says follows from the waybill
 * alone: who finds it there wrote the same. It goes with the waybill's folder. */
#include <assert.h>

#include "base/json.h"
#include "connect/redshift/target_parts.h"
#include "connect/sql/deletes.h"
#include "io/aws_credentials.h"
#include "state/keys.h"
#include "state/settle.h"

#define WAITING_ROWS "waybill_rows"
enum { COPY_BYTES_MAX = 1 << 20 };

/* ---- the stage ---- */

/* "us-west-2" of shop.abc123xyz.us-west-2.redshift.amazonaws.com; "" of any other name. */
static void region_of_host(const char *host, char *ret, size_t size)
{
    const char *service = strstr(or_empty(host), ".redshift");
    const char *at = service;
    ret[0] = '\0';
    if (service == NULL || strstr(service, ".amazonaws.com") == NULL)
        return;
    while (at > host && at[-1] != '.')
        at--;
    snprintf(ret, size, "%.*s", (int)(service - at), at);
}

static RC check_region(const struct redshift_target *self, struct store *stage, struct error *err)
{
    char cluster[STORE_REGION_TEXT], bucket[STORE_REGION_TEXT];
    region_of_host(self->address.host, cluster, sizeof(cluster));
    store_region(stage, bucket);
    if (cluster[0] == '\0' || bucket[0] == '\0' || strcmp(cluster, bucket) == 0)
        return RC_OK;
    fail(err, RC_CONFIG,
         "Redshift '%s' is in %s, and the stage '%s' (%s) in %s: COPY reads Parquet in its own region only",
         self->base.name, cluster, stage->name, stage->address, bucket);
    fail_id(err, "stage-in-another-region");
    return fail_todo(err, "stage in a bucket of %s", cluster);
}

RC redshift_use_stage(struct target *base, struct store *stage, struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    if (strncmp(stage->address, "s3://", strlen("s3://")) != 0) {
        fail(err, RC_CONFIG, "Redshift '%s' reads staged files from S3 by itself, and the stage '%s' is %s", base->name,
             stage->name, stage->address);
        fail_id(err, "stage-out-of-reach");
        return fail_todo(err, "give the pipeline a `stage.store` of type s3, with a bucket in the cluster's region");
    }
    TRY(check_region(self, stage, err));
    self->stage = stage;
    return RC_OK;
}

/* ---- starting ---- */

static const struct sql_column *column_of(const struct redshift_target *self, int i)
{
    return sql_shape_find(&redshift_sql, &self->shape, self->table->schema->fields[i].name);
}

void redshift_waiting(const struct redshift_target *self, int i, struct buf *out)
{
    buf_addf(out, "%s.", self->waiting);
    redshift_quote(out, self->table->schema->fields[i].name);
    if (self->fittings[i].is_direct)
        return;
    if (self->fittings[i].is_moment)
        buf_add_str(out, S(" AT TIME ZONE 'UTC'"));
    else
        buf_addf(out, "::%s", column_of(self, i)->type);
}

static RC plan_columns(struct redshift_target *self, struct error *err)
{
    const struct target_table *table = self->table;
    TRY(redshift_shape_read(self, table->name, &self->load_arena, &self->shape, err));
    if (!self->shape.exists) {
        fail(err, RC_NOT_FOUND, "there is no table '%s' any more", table->name);
        return fail_todo(err, "run the same command again: it makes the table before it loads");
    }
    self->fittings = arena_take(&self->load_arena, (size_t)(table->schema->count + 1) * sizeof(*self->fittings));
    self->is_waiting = redshift_waits(table);
    for (int i = 0; i < table->schema->count; i++) {
        const struct field *field = &table->schema->fields[i];
        const struct sql_column *column = sql_shape_find(&redshift_sql, &self->shape, field->name);
        if (column == NULL)
            return fail(err, RC_DATA, "the table '%s' has no column '%s' any more", table->name, field->name);
        self->fittings[i] = redshift_fit(field, redshift_type_of(column));
        if (self->fittings[i].fit != FIT_YES)
            return fail(err, RC_DATA, "the column '%s' of '%s' has another type now, which does not hold the source's",
                        field->name, table->name);
        self->is_waiting |= !self->fittings[i].is_direct;
    }
    return RC_OK;
}

static void add_waiting_column(const struct redshift_target *self, int i, struct buf *sql)
{
    const struct field *field = &self->table->schema->fields[i];
    const struct sql_column *column = column_of(self, i);
    char type[DECLARED_TEXT];
    bool is_key = redshift_waits(self->table) && sql_is_key(self->table, field->name);
    if (self->fittings[i].is_direct && redshift_type_of(column)->bytes > 0)
        snprintf(type, sizeof(type), "%s", column->type);
    else
        redshift_declare(field, type);
    buf_add_str(sql, i > 0 ? S(", ") : S("("));
    redshift_quote(sql, field->name);
    buf_addf(sql, " %s%s", type, is_key || column->not_null ? " NOT NULL" : "");
}

/* The columns have the table's own types, so that what does not fit fails on the way in, and names its column. Rows lie
 * where the table's own rows of the same key are, as far as that is known. */
static RC create_waiting_rows(struct redshift_target *self, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    const struct target_layout *layout = self->table->layout;
    buf_add_str(&sql, S("CREATE TEMPORARY TABLE " WAITING_ROWS " "));
    for (int i = 0; i < self->table->schema->count; i++)
        add_waiting_column(self, i, &sql);
    buf_add_str(&sql, S(")"));
    if (layout != NULL && layout->distkey != NULL && schema_find(self->table->schema, layout->distkey) >= 0) {
        buf_add_str(&sql, S(" DISTKEY ("));
        redshift_quote(&sql, layout->distkey);
        buf_add_str(&sql, S(")"));
    }
    self->waiting = WAITING_ROWS;
    self->statements++;
    return redshift_run(self, sql.at, NULL, err);
}

RC redshift_start_load(struct redshift_target *self, struct error *err)
{
    self->rows = self->deleted = 0;
    self->statements = 1; /* the swap */
    TRY(plan_columns(self, err));
    if (self->is_waiting)
        TRY(create_waiting_rows(self, err));
    const struct sql_on on = redshift_on(self, self->table);
    if (self->table->mode == MODE_DELETE_INSERT)
        return sql_delete_span(&on, &self->deleted, err);
    return self->table->mode == MODE_REPLACE ? sql_delete_all(&on, &self->deleted, err) : RC_OK;
}

void redshift_end_load(struct redshift_target *self)
{
    arena_reset(&self->load_arena);
    self->fittings = NULL;
    self->waiting = NULL;
    self->table = NULL;
}

/* ---- the manifest ---- */

/* Files without rows are left out; *ret_rows, *ret_count: of the others. */
static RC print_manifest(const struct redshift_target *self, const struct staged_file *files, int count,
                         struct buf *out, int64_t *ret_rows, int *ret_count, struct error *err)
{
    AUTO_JSON *manifest = json_object();
    json_t *entries = json_array();
    json_put(manifest, "entries", entries);
    *ret_rows = *ret_count = 0;
    for (int i = 0; i < count; i++) {
        if (!schema_equal(files[i].schema, self->table->schema))
            return fail(err, RC_DATA, "the schema of '%s' is not the waybill's", files[i].key);
        if (files[i].rows == 0)
            continue;
        json_t *entry = json_object(), *meta = json_object();
        json_put_text(entry, "url", files[i].url);
        json_put(entry, "mandatory", json_true());
        json_put(meta, "content_length", json_integer(files[i].bytes));
        json_put(entry, "meta", meta);
        json_array_append_new(entries, entry);
        *ret_rows += files[i].rows;
        (*ret_count)++;
    }
    json_write(manifest, out);
    return RC_OK;
}

static RC write_manifest(struct redshift_target *self, const char *key, const struct buf *body, struct error *err)
{
    const struct settling with = {.store = self->stage, .clock = self->with.clock, .random = self->with.random};
    AUTO_RELEASE(buf) there = {0};
    enum settled settled = SETTLED_WRITTEN;
    TRY(settle_create(&with, key, buf_str(body), &settled, &there, err));
    if (settled == SETTLED_WRITTEN)
        return RC_OK;
    fail(err, RC_DATA, "the manifest '%s' in '%s' does not name what the waybill does", key, self->stage->name);
    return fail_todo(err, "nobody but waybill writes there: find out who did, and delete that object");
}

/* ---- COPY ---- */

static void add_keys(const struct aws_credentials *keys, struct buf *sql)
{
    buf_add_str(sql, S(" ACCESS_KEY_ID "));
    redshift_literal(sql, keys->access_key);
    buf_add_str(sql, S(" SECRET_ACCESS_KEY "));
    redshift_literal(sql, secret_reveal(&keys->secret_key));
    if (!secret_is_set(&keys->session_token))
        return;
    buf_add_str(sql, S(" SESSION_TOKEN "));
    redshift_literal(sql, secret_reveal(&keys->session_token));
}

static void add_authorization(const struct redshift_target *self, const struct aws_credentials *keys, struct buf *sql)
{
    if (self->iam_role == NULL) {
        add_keys(keys, sql);
    } else if (strcmp(self->iam_role, "default") == 0) {
        buf_add_str(sql, S(" IAM_ROLE default"));
    } else {
        buf_add_str(sql, S(" IAM_ROLE "));
        redshift_literal(sql, self->iam_role);
    }
}

/* Columns are matched by their place, so they are named in the file's order (S36). */
static RC copy_from(struct redshift_target *self, const char *key, struct error *err)
{
    __attribute__((cleanup(aws_credentials_release))) struct aws_credentials keys = {0};
    const struct sql_on on = redshift_on(self, self->table);
    AUTO_RELEASE(secret_buf) sql;
    secret_buf_init(&sql, COPY_BYTES_MAX);
    if (self->iam_role == NULL)
        TRY(store_lend(self->stage, &keys, err));
    buf_add_str(&sql.buf, S("COPY "));
    if (self->is_waiting)
        buf_add_str(&sql.buf, S(WAITING_ROWS));
    else
        sql_table(&on, &sql.buf);
    buf_add_str(&sql.buf, S(" ("));
    sql_columns(&on, &sql.buf);
    buf_add_str(&sql.buf, S(") FROM "));
    AUTO_RELEASE(arena) arena = {0};
    redshift_literal(&sql.buf, arena_print(&arena, "%s/%s", self->stage->address, key));
    add_authorization(self, &keys, &sql.buf);
    buf_add_str(&sql.buf, S(" FORMAT AS PARQUET MANIFEST"));
    const struct secret *const hidden[] = {&keys.secret_key, &keys.session_token};
    self->statements++;
    return pq_run_hiding(self->db, sql.buf.at, hidden, 2, err) == RC_OK ? RC_OK : redshift_explain(self, err);
}

static RC count_copied(struct redshift_target *self, int64_t *ret, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    TRY(redshift_query(self, "SELECT pg_last_copy_count()", 0, NULL, &answer, err));
    *ret = pq_int64(&answer, 0, 0);
    self->statements++;
    return RC_OK;
}

static RC copy_files(struct redshift_target *self, const struct staged_file *files, int count, int64_t *ret_rows,
                     struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) manifest = {0};
    int64_t rows = 0, copied = 0;
    int named = 0;
    TRY(print_manifest(self, files, count, &manifest, &rows, &named, err));
    *ret_rows = rows;
    if (named == 0)
        return RC_OK;
    const char *key = key_manifest(&arena, files[0].key);
    TRY(write_manifest(self, key, &manifest, err));
    if (copy_from(self, key, err) != RC_OK)
        return redshift_copy_fault(self, files, count, err);
    TRY(count_copied(self, &copied, err));
    if (copied != rows)
        return fail(err, RC_DATA, "the target took %lld rows of '%s'%s, and the waybill says %lld", (long long)copied,
                    files[0].key, named > 1 ? " and the files beside it" : "", (long long)rows);
    return RC_OK;
}

RC redshift_load_urls(struct target *base, const struct staged_file *files, int count, int64_t *ret_rows,
                      struct error *err)
{
    struct redshift_target *self = (struct redshift_target *)base;
    assert(self->table != NULL && "a load has begun");
    assert(self->stage != NULL && "the stage was told");
    if (copy_files(self, files, count, ret_rows, err) != RC_OK)
        return fail_in(err, "target '%s': loading into '%s'", base->name, self->table->name);
    self->rows += *ret_rows;
    return RC_OK;
}

/* Why a COPY failed, in words that help. Redshift's own message is often cut, or says XX000 and a number; which file,
 * column and rows it means stands in views of the system, some of them seconds later, some of them for superusers.
 * Where a value is the reason, the staged file itself says how many there are, and what the column has to be. */
#include "base/yaml.h"
#include "connect/redshift/target_parts.h"
#include "data/parquet/reader.h"

enum { LOOKS = 14, LOOK_MS = 1000, COLUMN_TEXT = 256, REASON_TEXT = 400 };
enum { CODE_FILE_TYPE = 15001, CODE_FILE_SHAPE = 15007 }; /* what Spectrum says of files: it repeats no values */

struct fault {
    int code;
    char detail[PQ_DETAIL_TEXT]; /* of the failure itself */
    char column[COLUMN_TEXT];    /* "" : not known */
    char file[1200];             /* part of a key; "" : not known */
    char reason[REASON_TEXT];    /* without values; "" : not known */
};

/* ---- what the server wrote down ---- */

/* One of the two views; both are asked for this waybill's files, of which all have its id in their names. */
static const char *const views[] = {
    "SELECT file_name, column_name, error_message, error_code FROM sys_load_error_detail WHERE file_name LIKE $1"
    " ORDER BY start_time DESC LIMIT 1",
    "SELECT filename, colname, err_reason, err_code FROM stl_load_errors WHERE filename LIKE $1"
    " ORDER BY starttime DESC LIMIT 1",
};

static void copy_trimmed(char *ret, size_t size, const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == ' ')
        len--;
    snprintf(ret, size, "%.*s", (int)(len < size ? len : size - 1), text);
}

static RC look_once(struct redshift_target *self, int view, const char *pattern, struct fault *fault, bool *ret_found,
                    struct error *err)
{
    AUTO_RELEASE(pq_answer) row = {0};
    TRY(redshift_connect(self, err));
    TRY(redshift_query(self, views[view], 1, &pattern, &row, err));
    *ret_found = pq_rows(&row) > 0;
    if (!*ret_found)
        return RC_OK;
    copy_trimmed(fault->file, sizeof(fault->file), pq_text(&row, 0, 0));
    copy_trimmed(fault->column, sizeof(fault->column), pq_text(&row, 0, 1));
    int64_t code = pq_int64(&row, 0, 3);
    fault->code = code != 0 ? (int)code : fault->code;
    if (fault->code == CODE_FILE_TYPE || fault->code == CODE_FILE_SHAPE)
        copy_trimmed(fault->reason, sizeof(fault->reason), pq_text(&row, 0, 2));
    return RC_OK;
}

/* The first view that may be seen is waited for. */
static void look(struct redshift_target *self, const char *key, struct fault *fault)
{
    AUTO_RELEASE(arena) arena = {0};
    struct error ignored;
    const char *slash = strrchr(key, '/'), *folder = strstr(key, "wb=");
    if (folder == NULL || slash == NULL || slash < folder)
        return;
    const char *pattern = arena_print(&arena, "%%%.*s%%", (int)(slash - folder), folder);
    bool found = false;
    int view = 0, views_count = (int)(sizeof(views) / sizeof(*views));
    for (int look = 0; look < LOOKS && view < views_count && !found; look++) {
        if (self->with.stop != NULL && *self->with.stop != 0)
            return;
        if (look_once(self, view, pattern, fault, &found, &ignored) != RC_OK) {
            redshift_abort(self);
            view++;
        } else if (!found) {
            self->with.clock->sleep_ms(self->with.clock, LOOK_MS);
        }
    }
}

/* ---- what the file says ---- */

/* Values of a column that the table does not take. */
struct misfit {
    int64_t count, bytes_max, first_row;
    int group; /* row group of the first one, from 0 */
    bool is_null, is_nul;
};

static RC read_range(void *context, int64_t offset, void *into, size_t bytes, struct error *err)
{
    const struct {
        struct store *store;
        const char *key;
    } *file = context;
    return store_get_range(file->store, file->key, offset, into, bytes, err);
}

static void look_at(const struct batch *batch, int column, int64_t bytes_max, bool not_null, int64_t before,
                    struct misfit *found)
{
    enum type type = batch->schema->fields[column].type;
    bool has_bytes = type == TYPE_UTF8 || type == TYPE_BINARY;
    for (int64_t row = 0; row < batch->rows; row++) {
        bool is_null = batch_is_null(batch, column, row);
        struct str value = has_bytes && !is_null ? batch_bytes(batch, column, row) : S("");
        bool is_long = bytes_max > 0 && (int64_t)value.len > bytes_max;
        bool is_nul = type == TYPE_UTF8 && memchr(value.at, '\0', value.len) != NULL;
        found->bytes_max = (int64_t)value.len > found->bytes_max ? (int64_t)value.len : found->bytes_max;
        if (!is_long && !is_nul && !(is_null && not_null))
            continue;
        if (found->count++ == 0) {
            found->first_row = before + row;
            found->is_null = is_null;
            found->is_nul = is_nul;
        }
    }
}

static int group_of(const struct parquet_reader *reader, int64_t row)
{
    int group = 0;
    for (; group + 1 < parquet_reader_group_count(reader); group++) {
        row -= parquet_reader_group(reader, group)->rows;
        if (row < 0)
            break;
    }
    return group;
}

static RC scan(struct store *store, const struct staged_file *file, int column, int64_t bytes_max, bool not_null,
               struct misfit *ret, struct error *err)
{
    struct {
        struct store *store;
        const char *key;
    } of = {store, file->key};
    const struct parquet_input input = {.bytes = file->bytes, .read = read_range, .context = &of};
    AUTO(parquet_reader) *reader = NULL;
    const struct batch *batch = NULL;
    *ret = (struct misfit){0};
    TRY(parquet_reader_open(&input, file->schema, &reader, err));
    struct batch_reader *batches = parquet_reader_batches(reader);
    for (int64_t before = 0;; before += batch->rows) {
        TRY(batch_reader_next(batches, &batch, err));
        if (batch == NULL)
            break;
        look_at(batch, column, bytes_max, not_null, before, ret);
    }
    ret->group = group_of(reader, ret->first_row);
    return RC_OK;
}

/* ---- in words ---- */

struct finding {
    const struct target_table *table;
    const struct staged_file *file;
    const struct sql_column *column;
    const char *name; /* of the column in the waybill */
    struct misfit misfit;
};

static enum rc say_misfit(struct redshift_target *self, const struct finding *f, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) table = {0}, column = {0};
    const struct misfit *m = &f->misfit;
    const char *place = arena_print(&arena, "the first in row %lld of '%s' (row group %d)", (long long)m->first_row + 1,
                                    f->file->key, m->group);
    redshift_table_quote(self, f->table->name, &table);
    redshift_quote(&column, f->name);
    if (m->is_null) {
        fail(err, RC_DATA, "column '%s' is NOT NULL in the target, and has %lld NULLs; %s", f->name,
             (long long)m->count, place);
        fail_id(err, "null-refused");
        return fail_todo(err, "fill them in at the source, or take a table whose column may be NULL: Redshift cannot "
                              "drop a NOT NULL");
    }
    if (m->is_nul) {
        fail(err, RC_DATA, "column '%s' has a text with a NUL byte, which Redshift cannot hold; %s", f->name, place);
        return fail_todo(err, "stage the column as bytes with `columns: {%s: {as: binary}}`, or mend it in the source",
                         yaml_name(&arena, f->name));
    }
    fail(err, RC_DATA, "column '%s' holds %lld bytes, and %lld values have more, up to %lld; %s", f->name,
         (long long)redshift_type_of(f->column)->bytes, (long long)m->count, (long long)m->bytes_max, place);
    fail_id(err, "text-too-long");
    if (m->bytes_max <= REDSHIFT_VARCHAR_MAX)
        return fail_todo(err, "ALTER TABLE %s ALTER COLUMN %s TYPE varchar(%lld); then the same command again",
                         table.at, column.at, (long long)m->bytes_max);
    return fail_todo(err,
                     "a varchar ends at %d bytes: leave the column out (exclude_columns), or shorten it at the source",
                     REDSHIFT_VARCHAR_MAX);
}

/* The files that may be meant, until one has a misfit; the column, where one is known. */
static bool find_misfit(struct redshift_target *self, const struct target_table *table, const struct sql_shape *shape,
                        const struct fault *fault, const struct staged_file *files, int count, struct finding *ret)
{
    struct error ignored;
    for (int i = 0; i < count; i++) {
        const char *name = strrchr(files[i].key, '/');
        if (fault->file[0] != '\0' && strstr(fault->file, name != NULL ? name : files[i].key) == NULL)
            continue;
        for (int k = 0; k < table->schema->count; k++) {
            const char *column = table->schema->fields[k].name;
            const struct sql_column *there = sql_shape_find(&redshift_sql, shape, column);
            bool is_meant = fault->column[0] == '\0' || strcasecmp(fault->column, column) == 0;
            if (there == NULL || !is_meant)
                continue;
            bool not_null = there->not_null || (table->mode == MODE_MERGE && sql_is_key(table, column));
            *ret = (struct finding){table, &files[i], there, column, {0}};
            if (scan(self->stage, &files[i], k, redshift_type_of(there)->bytes, not_null, &ret->misfit, &ignored) ==
                    RC_OK &&
                ret->misfit.count > 0)
                return true;
        }
    }
    return false;
}

static bool says(const struct fault *fault, const struct error *err, const char *word)
{
    return strcasestr(fault->detail, word) != NULL || strcasestr(err->text, word) != NULL ||
           strcasestr(fault->reason, word) != NULL;
}

/* Lent keys are good for some minutes at least, but a token may be revoked, and a COPY may wait. All of it is done
 * again: the first of our own requests that meets the old token gets a new one from where it came. */
static bool say_expired(const struct redshift_target *self, const struct fault *fault, struct error *err)
{
    bool is_expired = says(fault, err, "ExpiredToken") || says(fault, err, "token has expired");
    if (!is_expired || self->iam_role != NULL)
        return false;
    fail(err, RC_AGAIN, "COPY: the session token of the stage '%s' has expired", self->stage->name);
    fail_todo(err, "run the same command again, with a newer token where this one came from");
    return true;
}

/* S3 has refused Redshift, and not us. */
static bool say_access(const struct redshift_target *self, const struct fault *fault, struct error *err)
{
    bool is_denied = says(fault, err, "access denied") || says(fault, err, "AccessDenied") ||
                     says(fault, err, "Unauthorized") || says(fault, err, "not authorized") ||
                     says(fault, err, "InvalidAccessKeyId") || says(fault, err, "SignatureDoesNotMatch");
    bool is_elsewhere = says(fault, err, "PermanentRedirect") || says(fault, err, "specified endpoint");
    if (is_elsewhere) {
        fail(err, RC_CONFIG, "COPY: the bucket of '%s' is not in the region of Redshift '%s'", self->stage->address,
             self->base.name);
        fail_id(err, "stage-in-another-region");
        fail_todo(err, "stage in a bucket of the cluster's own region: Parquet is read in no other");
    } else if (is_denied && self->iam_role != NULL) {
        fail(err, RC_DENIED, "COPY: S3 does not let the role '%s' read '%s'", self->iam_role, self->stage->address);
        fail_todo(err,
                  "attach the role to the cluster, and allow it s3:GetObject and s3:ListBucket there (kms:Decrypt, "
                  "where a key encrypts the bucket): `waybill check --grants` prints the policy");
    } else if (is_denied) {
        fail(err, RC_DENIED, "COPY: S3 does not let Redshift read '%s' with the keys of the stage '%s'",
             self->stage->address, self->stage->name);
        fail_todo(err, "allow them s3:GetObject and s3:ListBucket from Redshift's address too, or give the connection "
                       "an `iam_role`");
    }
    return is_denied || is_elsewhere;
}

static enum rc say_unknown(const struct fault *fault, struct error *err)
{
    bool is_shape = fault->code == CODE_FILE_TYPE || fault->code == CODE_FILE_SHAPE;
    char file[sizeof(fault->file)];
    snprintf(file, sizeof(file), "%s", fault->file);
    if (is_shape) {
        fail(err, RC_DATA, "COPY: Redshift does not take the file '%s'%s%s%s: %s", file[0] != '\0' ? file : "staged",
             fault->column[0] != '\0' ? ", column '" : "", fault->column, fault->column[0] != '\0' ? "'" : "",
             fault->reason[0] != '\0' ? fault->reason : "its columns are not the table's");
        fail_id(err, "file-refused");
        return fail_todo(err, "a file that was staged for another target has other types (stage.profile): drop it with "
                              "`waybill watermark restore --from-target`, then run once with --full-refresh");
    }
    if (err->rc == RC_FAILED && fault->code != 0)
        err->rc = RC_DATA;
    if (fault->code != 0)
        return fail_in(err, "COPY (code %d%s%s%s%s)", fault->code, file[0] != '\0' ? ", " : "", file,
                       fault->column[0] != '\0' ? ", column " : "", fault->column);
    return fail_in(err, "COPY");
}

static void read_detail(const struct redshift_target *self, struct fault *ret)
{
    *ret = (struct fault){.code = redshift_code(self)};
    snprintf(ret->detail, sizeof(ret->detail), "%s", self->db != NULL ? self->db->detail : "");
    const char *context = strstr(ret->detail, "context:");
    bool is_shape = ret->code == CODE_FILE_TYPE || ret->code == CODE_FILE_SHAPE;
    if (context == NULL || !is_shape)
        return;
    context += strlen("context:");
    context += strspn(context, " \t");
    snprintf(ret->reason, sizeof(ret->reason), "%.*s", (int)strcspn(context, "\n"), context);
}

enum rc redshift_copy_fault(struct redshift_target *self, const struct staged_file *files, int count, struct error *err)
{
    const struct target_table *table = self->table;
    struct fault fault;
    struct finding finding;
    const bool is_own = strcmp(err->vendor, "XX000") == 0;
    const bool is_told = err->rc == RC_FAILED || err->rc == RC_DATA;
    read_detail(self, &fault);
    if (!is_told || (!is_own && err->rc != RC_DATA))
        return err->rc;
    if (say_expired(self, &fault, err) || say_access(self, &fault, err))
        return err->rc;
    redshift_abort(self);
    look(self, files[0].key, &fault);
    if (find_misfit(self, table, &self->shape, &fault, files, count, &finding))
        return say_misfit(self, &finding, err);
    return say_unknown(&fault, err);
}

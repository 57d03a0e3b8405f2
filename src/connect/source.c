#include "connect/source.h"

#include "base/options.h"
#include "data/fingerprint.h"
#include "data/key_set.h"

enum { ATTEMPTS_MAX = 4 };

enum rc source_fail_changed(const struct table *table, struct error *err)
{
    fail(err, RC_BUSY, "more than %d rows of '%s' have changed in the source since they were loaded",
         SOURCE_CHANGED_MAX, table->name);
    return fail_todo(err, "run `waybill sync` first, and audit at once");
}

bool source_sets_aside(const struct table *table, int column)
{
    bool is_order = column == table->cursor;
    for (int i = 0; i < table->key_count; i++)
        is_order |= column == table->key[i];
    return table->sets_aside && !is_order;
}

enum rc source_fail_no_table(struct source *self, const char *table, const char *where, const char *todo,
                             struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const char **names;
    int count;
    TRY(source_tables(self, &arena, &names, &count, err));
    const char *near = nearest_name(table, names, count);
    fail(err, RC_NOT_FOUND, "there is no table '%s' in '%s'%s%s%s", table, where,
         near != NULL ? "; did you mean '" : "", or_empty(near), near != NULL ? "'?" : "");
    return fail_todo(err, "%s", todo);
}

enum rc source_fail_no_rows(const char *table, const char *where, const char *what, struct error *err)
{
    fail(err, RC_CONFIG, "'%s' in '%s' is a %s: only tables can be moved", table, where, what);
    return fail_todo(err,
                     "move the tables that it reads; or what it gives, by a statement: %s: {increment: custom_sql, "
                     "sql: \"SELECT * FROM ... WHERE updated_at >= :lower AND updated_at < :upper\", cursor: "
                     "updated_at, key: id}",
                     table);
}

/* ---- a source that has no SQL for it, or none that is not ours ---- */

/* Rows that are read one after the other are not of one instant: what has changed is read before and after, and must be
 * the same. */
struct changes {
    struct fingerprint fingerprint;
    struct key_list keys;
};

static void changes_release(struct changes *self)
{
    fingerprint_release(&self->fingerprint);
    key_list_release(&self->keys);
}

static RC changes_add(struct changes *self, const struct table *table, const struct batch *batch, struct error *err)
{
    if (self->keys.count + batch->rows > SOURCE_CHANGED_MAX)
        return source_fail_changed(table, err);
    fingerprint_add(&self->fingerprint, batch);
    for (int64_t row = 0; row < batch->rows; row++) {
        for (int i = 0; i < table->key_count; i++) {
            AUTO_RELEASE(buf) text = {0};
            if (!profile_print_value(batch, table->key[i], row, &text)) {
                fail(err, RC_BUSY, "rows of '%s' have changed in the source, and their key has no text", table->name);
                return fail_todo(err, "audit it while nobody writes, right after `waybill sync`");
            }
            key_list_add(&self->keys, buf_str(&text));
        }
    }
    return RC_OK;
}

static RC changes_of_range(struct source *s, const struct table *table, const struct range *range, struct changes *ret,
                           struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    TRY(source_read(s, table, range, &reader, err));
    for (const struct batch *batch = NULL;;) {
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return RC_OK;
        TRY(changes_add(ret, table, batch, err));
    }
}

static RC changes_read(struct source *s, const struct table *table, const struct range *ranges, int count,
                       struct changes *ret, struct error *err)
{
    key_list_init(&ret->keys, table->schema, table->key, table->key_count);
    fingerprint_init(&ret->fingerprint, table->schema);
    for (int i = 0; i < count; i++)
        TRY(changes_of_range(s, table, &ranges[i], ret, err));
    return RC_OK;
}

static bool changes_equal(const struct changes *a, const struct changes *b)
{
    AUTO_RELEASE(arena) arena = {0};
    struct error ignored;
    return fingerprint_check(&a->fingerprint, fingerprint_print(&b->fingerprint, &arena), &ignored) == RC_OK;
}

static void rows_leave_out(const struct key_set *without, const struct table *table, const struct batch *batch,
                           bool *ret_is_left_out)
{
    for (int64_t row = 0; row < batch->rows; row++)
        ret_is_left_out[row] = key_set_find(without, batch, table->key, row) >= 0;
}

static RC rows_read(struct source *s, const struct table *table, const struct count_request *request,
                    struct profile *ret, struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    AUTO_RELEASE(key_set) without = {0};
    bool is_left_out[BATCH_ROWS_MAX];
    bool counts_all = request->without == NULL || request->without->count == 0;
    if (!counts_all)
        key_set_init_copy(&without, request->without);
    TRY(source_read(s, table, &request->range, &reader, err));
    for (const struct batch *batch = NULL;;) {
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return RC_OK;
        if (!counts_all)
            rows_leave_out(&without, table, batch, is_left_out);
        profile_add_but(ret, batch, NULL, counts_all ? NULL : is_left_out);
    }
}

static RC rows_profile(struct source *s, const struct table *table, const struct count_request *request,
                       struct profile *ret, struct key_list *ret_changed, struct error *err)
{
    for (int attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        AUTO_RELEASE(changes) before = {0}, after = {0};
        TRY(changes_read(s, table, request->changed, request->changed_count, &before, err));
        profile_release(ret);
        profile_init(ret, table->schema);
        TRY(rows_read(s, table, request, ret, err));
        TRY(changes_read(s, table, request->changed, request->changed_count, &after, err));
        if (!changes_equal(&before, &after))
            continue;
        key_list_release(ret_changed);
        *ret_changed = after.keys;
        after.keys = (struct key_list){0};
        return RC_OK;
    }
    fail(err, RC_BUSY, "'%s' changes faster than it can be counted", table->name);
    return fail_todo(err, "audit it at a quieter time");
}

RC source_profile(struct source *s, const struct table *table, const struct count_request *request, struct profile *ret,
                  struct key_list *ret_changed, struct error *err)
{
    return (s->ops->profile != NULL ? s->ops->profile : rows_profile)(s, table, request, ret, ret_changed, err);
}

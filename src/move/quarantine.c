#include "move/quarantine.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

enum {
    GROUP_BYTES = 8 << 20, /* of memory, until a row group is written */
    PART_BYTES = 5 << 20,  /* or more, where the store takes none so small */
};

/* ---- what does not fit ---- */

static void add_gaps(struct quarantine *self, const struct batch *batch, int column)
{
    const struct target *target = self->route->target;
    const char *why = NULL;
    for (int64_t row = 0; row < batch->rows; row++) {
        if (!batch_is_null(batch, column, row) && !target_holds(target, batch, column, row, &why))
            reject_list_add(&self->found, row, column, why, (struct str){NULL, 0});
    }
}

static void find(struct quarantine *self, const struct batch *batch)
{
    const struct route *r = self->route;
    reject_list_reset(&self->found);
    for (int i = 0; batch->rejects != NULL && i < batch->rejects->count; i++) {
        const struct reject *reject = &batch->rejects->items[i];
        reject_list_add(&self->found, reject->row, reject->column, reject->why, reject->value);
    }
    for (int column = 0; r->target != NULL && column < batch->schema->count; column++) {
        if (target_has_gaps(r->target, &batch->schema->fields[column]))
            add_gaps(self, batch, column);
    }
    reject_list_sort(&self->found);
}

static int64_t count_rows(const struct reject_list *found)
{
    int64_t rows = 0;
    for (int i = 0; i < found->count; i++)
        rows += i == 0 || found->items[i].row != found->items[i - 1].row;
    return rows;
}

/* Lanes count together. */
static RC check_count(struct quarantine *self, const struct batch *batch, int64_t rows, struct error *err)
{
    struct route *r = self->route;
    const int64_t so_far = __atomic_add_fetch(&r->chunk.quarantined, rows, __ATOMIC_RELAXED);
    const struct reject *last = &self->found.items[self->found.count - 1];
    if (so_far <= r->config->quarantine)
        return RC_OK;
    fail(err, RC_DATA, "more than %" PRId64 " row%s of a chunk do not fit; column '%s' holds %s", r->config->quarantine,
         r->config->quarantine == 1 ? "" : "s", batch->schema->fields[last->column].name, last->why);
    fail_id(err, "quarantine-full");
    return fail_todo(err, "correct them in the source, take the column as it is (columns: {...: {as: text}}), or raise "
                          "'quarantine' if so many may be left out");
}

/* ---- rows of either kind ---- */

static void copy_row(struct batch_builder *to, const struct batch *batch, int64_t row)
{
    for (int column = 0; column < batch->schema->count; column++)
        builder_copy(to, column, batch, column, row);
}

static RC put_aside(struct quarantine *self, struct error *err)
{
    const struct batch *batch = builder_finish(self->aside);
    if (!self->is_open)
        stage_file_begin(&self->file, self->route, &self->uploader, self->key, self->schema, self->sizes);
    self->is_open = true;
    self->file.is_aside = true;
    return stage_file_add(&self->file, batch, err);
}

static RC split(struct quarantine *self, const struct batch *batch, struct error *err)
{
    int at = 0;
    for (int64_t row = 0; row < batch->rows; row++) {
        if (at == self->found.count || self->found.items[at].row != row) {
            copy_row(self->kept, batch, row);
            builder_end_row(self->kept);
            continue;
        }
        buf_reset(&self->text);
        reject_print_row(&self->found, &at, batch->schema, &self->text);
        copy_row(self->aside, batch, row);
        builder_bytes(self->aside, batch->schema->count, buf_str(&self->text));
        builder_end_row(self->aside);
        if (builder_is_full(self->aside))
            TRY(put_aside(self, err));
    }
    return builder_rows(self->aside) > 0 ? put_aside(self, err) : RC_OK;
}

struct schema *quarantine_schema(const struct schema *staged)
{
    struct schema *schema = schema_new();
    char name[] = REJECTED "____";
    int len = (int)strlen(REJECTED);
    for (int i = 0; i < staged->count; i++) {
        struct field field = staged->fields[i];
        field.nullable = true;
        schema_add(schema, &field);
    }
    for (name[len] = '\0'; schema_find(staged, name) >= 0 && (size_t)len + 1 < sizeof(name); name[len] = '\0')
        name[len++] = '_';
    schema_add(schema, &(struct field){.name = name, .type = TYPE_UTF8, .nullable = true, .source_type = ""});
    return schema;
}

/* ---- the file ---- */

void quarantine_begin(struct quarantine *self, struct route *route, const char *key, struct stage_sizes sizes)
{
    const int64_t least = route->run->world.store->part_bytes_min;
    quarantine_release(self);
    self->route = route;
    self->key = key;
    self->sizes = (struct stage_sizes){.row_group_bytes =
                                           sizes.row_group_bytes < GROUP_BYTES ? sizes.row_group_bytes : GROUP_BYTES,
                                       .part_bytes = least > PART_BYTES ? least : PART_BYTES};
}

static void make_room(struct quarantine *self, const struct schema *staged)
{
    if (self->schema != NULL)
        return;
    uploader_init(&self->uploader, false);
    self->schema = quarantine_schema(staged);
    self->kept = batch_builder_new(staged);
    self->aside = batch_builder_new(self->schema);
}

RC quarantine_sift(struct quarantine *self, const struct batch *batch, const struct batch **ret_kept, struct error *err)
{
    *ret_kept = batch;
    find(self, batch);
    if (self->found.count == 0)
        return RC_OK;
    TRY(check_count(self, batch, count_rows(&self->found), err));
    make_room(self, batch->schema);
    TRY(split(self, batch, err));
    *ret_kept = builder_finish(self->kept);
    return RC_OK;
}

RC quarantine_end(struct quarantine *self, struct arena *arena, struct waybill_file *ret, int64_t *ret_rows,
                  struct error *err)
{
    *ret_rows = 0;
    if (!self->is_open)
        return RC_OK;
    self->is_open = false;
    TRY(stage_file_end(&self->file, arena, ret, err));
    *ret_rows = ret->rows;
    log_warn("rows.quarantined", KV("rows", ret->rows), KV("file", ret->key));
    stage_file_release(&self->file);
    return RC_OK;
}

void quarantine_abort(struct quarantine *self) { stage_file_abort(&self->file); }

void quarantine_release(struct quarantine *self)
{
    stage_file_release(&self->file);
    if (self->schema != NULL)
        uploader_release(&self->uploader);
    batch_builder_free(self->kept);
    batch_builder_free(self->aside);
    schema_free(self->schema);
    reject_list_release(&self->found);
    buf_release(&self->text);
    *self = (struct quarantine){0};
}

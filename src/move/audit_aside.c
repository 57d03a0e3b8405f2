#include "move/audit_aside.h"

#include <inttypes.h>
#include <stdlib.h>

#include "move/quarantine.h"
#include "move/staged.h"

/* The waybills in their order: what one sets aside is missing until a later one stages the row. */
struct missing {
    struct route *r;
    struct audit_aside *found;
    struct key_set rows;
    int *files; /* of each of them: which one it lies in last; -1: it has come since */
    int room;
};

static void missing_release(struct missing *self)
{
    key_set_release(&self->rows);
    free(self->files);
}

void audit_aside_release(struct audit_aside *self) { key_list_release(&self->missing); }

static void columns_of(const struct missing *self, const struct schema *schema, int *ret_columns)
{
    for (int i = 0; i < self->rows.keys.columns; i++)
        ret_columns[i] = schema_find(schema, self->rows.keys.fields[i]->name);
}

/* ---- rows that come, and rows that are set aside ---- */

static void come(struct missing *self, const struct batch *batch, const int *columns)
{
    for (int64_t row = 0; row < batch->rows; row++) {
        int place = key_set_find(&self->rows, batch, columns, row);
        if (place >= 0)
            self->files[place] = -1;
    }
}

static void put(struct missing *self, int place, int file)
{
    if (place >= self->room) {
        self->room = self->room > 0 ? 2 * self->room : 64;
        self->files = xrealloc(self->files, sizeof(*self->files) * (size_t)self->room);
    }
    self->files[place] = file;
}

static void stay(struct missing *self, const struct batch *batch, const int *columns)
{
    struct audit_aside *found = self->found;
    for (int64_t row = 0; row < batch->rows && found->why_not == NULL; row++) {
        int place = key_set_add(&self->rows, batch, columns, row);
        if (place < 0)
            found->why_not = "their key is of a type that rows cannot be named by";
        else
            put(self, place, found->file_count - 1);
        if (self->rows.keys.count > AUDIT_ASIDE_MAX)
            found->why_not = "they are too many";
    }
}

static RC each_batch(struct missing *self, const struct waybill_file *file, const struct schema *schema,
                     void (*take)(struct missing *self, const struct batch *batch, const int *columns),
                     struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    int columns[KEY_COLUMNS_MAX];
    columns_of(self, schema, columns);
    TRY(staged_open(self->r, file, schema, &reader, err));
    for (const struct batch *batch = NULL;;) {
        TRY(run_check_stopped(self->r->run, err));
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return RC_OK;
        take(self, batch, columns);
    }
}

/* ---- waybills ---- */

static RC rows_come(struct missing *self, const struct waybill *waybill, struct error *err)
{
    for (int i = 0; i < waybill->file_count && self->rows.keys.count > 0; i++) {
        enum rc rc = each_batch(self, &waybill->files[i], waybill->schema, come, err);
        if (rc != RC_OK && rc != RC_NOT_FOUND) /* cleaned: what it had, nobody can say */
            return rc;
    }
    return RC_OK;
}

static RC rows_stay(struct missing *self, const struct waybill *waybill, struct error *err)
{
    struct audit_aside *found = self->found;
    AUTO(schema) *schema = quarantine_schema(waybill->schema);
    for (int i = 0; i < waybill->aside_count && found->why_not == NULL; i++) {
        found->files[found->file_count++] =
            (struct aside_file){.key = arena_text(&self->r->arena, waybill->aside[i].key)};
        enum rc rc = each_batch(self, &waybill->aside[i], schema, stay, err);
        if (rc == RC_NOT_FOUND)
            found->why_not = arena_print(&self->r->arena, "'%s' is gone", waybill->aside[i].key);
        else
            TRY(rc);
    }
    return RC_OK;
}

static void make_room(struct missing *self, int more)
{
    struct audit_aside *found = self->found;
    struct aside_file *files = arena_take(&self->r->arena, sizeof(*files) * (size_t)(found->file_count + more));
    if (found->file_count > 0)
        memcpy(files, found->files, sizeof(*files) * (size_t)found->file_count);
    found->files = files;
}

static RC step(struct missing *self, const struct waybill_ref *at, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(waybill) waybill = {0};
    enum waybill_state state;
    TRY(waybill_read(self->r->run->world.store, at->key, at->id, &arena, &state, &waybill, err));
    if (state != WAYBILL_SEALED || waybill_is_keys(&waybill))
        return RC_OK;
    TRY(rows_come(self, &waybill, err));
    if (waybill.aside_count == 0)
        return RC_OK;
    make_room(self, waybill.aside_count);
    return rows_stay(self, &waybill, err);
}

static void gather(struct missing *self)
{
    struct audit_aside *found = self->found;
    const struct key_list *keys = &self->rows.keys;
    found->missing = (struct key_list){.columns = keys->columns};
    memcpy(found->missing.fields, keys->fields, sizeof(keys->fields));
    for (int place = 0; place < keys->count && found->why_not == NULL; place++) {
        if (self->files[place] < 0)
            continue;
        found->files[self->files[place]].rows++;
        for (int i = 0; i < keys->columns; i++)
            key_list_add(&found->missing, str(keys->texts[place * keys->columns + i]));
    }
}

RC audit_aside_read(struct route *r, const struct audit_stage *stage, struct audit_aside *ret, struct error *err)
{
    AUTO_RELEASE(missing) missing = {.r = r, .found = ret};
    int key[KEY_COLUMNS_MAX];
    *ret = (struct audit_aside){0};
    if (r->table->key_count == 0)
        ret->why_not = "the table has no key, by which they could be left out";
    for (int i = 0; i < r->table->key_count; i++) {
        key[i] = route_column(r, r->table->key[i]);
        if (key[i] < 0)
            ret->why_not = "the table's key is not staged as it is";
    }
    if (ret->why_not != NULL)
        return RC_OK;
    key_set_init(&missing.rows, route_schema(r), key, r->table->key_count);
    for (int i = stage->since_aside_count - 1; i >= 0 && ret->why_not == NULL; i--)
        TRY(step(&missing, &stage->since_aside[i], err));
    gather(&missing);
    return RC_OK;
}

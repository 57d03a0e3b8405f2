/* Loading into the in-memory target: what other targets do in SQL, done by hand. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "world/mem_database.h"

/* ---- prepare ---- */

static bool key_is(const struct mem_table *found, const struct target_table *table)
{
    if (found->key_count != table->key_count)
        return false;
    for (int i = 0; i < table->key_count; i++) {
        bool is_there = false;
        for (int k = 0; k < found->key_count; k++)
            is_there |= strcmp(found->fields[found->key[k]].name, table->key[i]) == 0;
        if (!is_there)
            return false;
    }
    return true;
}

static void add_field(struct mem_database *database, struct mem_table *table, const struct field *field)
{
    struct field *fields = arena_take(&database->arena, (size_t)(table->field_count + 1) * sizeof(*fields));
    if (table->field_count > 0)
        memcpy(fields, table->fields, (size_t)table->field_count * sizeof(*fields));
    fields[table->field_count] = *field;
    fields[table->field_count].name = arena_text(&database->arena, field->name);
    fields[table->field_count].source_type = "";
    table->fields = fields;
    table->field_count++;
}

/* Integers only: their values stay as they are. */
static void widen_field(struct mem_database *database, struct mem_table *table, int column, const struct field *field)
{
    struct field *fields = arena_take(&database->arena, (size_t)table->field_count * sizeof(*fields));
    memcpy(fields, table->fields, (size_t)table->field_count * sizeof(*fields));
    assert(field->type == TYPE_INT32 || field->type == TYPE_INT64);
    fields[column].type = field->type;
    table->fields = fields;
}

static void create_table(struct mem_database *database, const struct target_table *table, bool dry, struct buf *ret_ddl)
{
    buf_addf(ret_ddl, "CREATE TABLE %s\n", table->name);
    if (dry)
        return;
    struct mem_table *made = arena_take(&database->arena, sizeof(*made));
    made->name = arena_text(&database->arena, table->name);
    for (int i = 0; i < table->schema->count; i++)
        add_field(database, made, &table->schema->fields[i]);
    for (int i = 0; target_table_is_keyed(table) && i < table->key_count; i++) {
        int column = mem_find_column(made, table->key[i]);
        assert(column >= 0 && "the key is in the schema");
        made->key[made->key_count++] = column;
        made->fields[column].nullable = false;
    }
    mem_put_table(&database->state, made);
}

static enum rc check_table(const struct mem_table *found, const struct target_table *table, struct error *err)
{
    for (int i = 0; i < found->field_count; i++) {
        int at = schema_find(table->schema, found->fields[i].name);
        if (at < 0 && !found->fields[i].nullable)
            return fail(err, RC_DATA, "'%s': column '%s' must not be NULL and the source has none", table->name,
                        found->fields[i].name);
        bool fits = at >= 0 && (field_widens(&table->schema->fields[at], &found->fields[i]) ||
                                field_widens(&found->fields[i], &table->schema->fields[at]));
        if (at >= 0 && !fits)
            return fail(err, RC_DATA, "'%s': column '%s' has another type", table->name, found->fields[i].name);
    }
    if (table->mode == MODE_MERGE && !key_is(found, table)) {
        fail(err, RC_DATA, "'%s': nothing makes the key of the merge unique", table->name);
        return fail_todo(err, "CREATE UNIQUE INDEX");
    }
    return RC_OK;
}

enum rc mem_prepare(struct target *base, const struct target_table *table, bool dry, struct buf *ret_ddl,
                    struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    struct mem_database *database = self->database;
    TRY(mem_lost(self, err));
    const struct mem_table *found = mem_find_table(&database->state, table->name);
    if (found == NULL) {
        TRY(target_check_may_be_made(table, err));
        create_table(database, table, dry, ret_ddl);
        return RC_OK;
    }
    TRY(check_table(found, table, err));
    struct mem_table *grown = NULL;
    for (int i = 0; i < table->schema->count; i++) {
        struct field field = table->schema->fields[i];
        int column = mem_find_column(found, field.name);
        if (column >= 0 && field_widens(&field, &found->fields[column]))
            continue;
        buf_addf(ret_ddl, "ALTER TABLE %s %s COLUMN %s\n", table->name, column < 0 ? "ADD" : "ALTER", field.name);
        if (dry)
            continue;
        if (grown == NULL) {
            mem_settle(database, NULL, table->name);
            grown = mem_copy_table(database, mem_find_table(&database->state, table->name));
        }
        if (column >= 0) {
            widen_field(database, grown, column, &field);
            continue;
        }
        field.nullable = true;
        add_field(database, grown, &field);
    }
    if (grown != NULL)
        mem_put_table(&database->state, grown);
    return RC_OK;
}

/* ---- rows ---- */

static enum rc take_row(struct mem_target *self, const struct batch *batch, int64_t at, const int *columns,
                        struct error *err)
{
    struct mem_table *table = self->session->table;
    struct arena *arena = &self->database->arena;
    struct mem_row *row = arena_take(arena, sizeof(*row) + (size_t)table->field_count * sizeof(row->values[0]));
    row->count = table->field_count;
    for (int i = 0; i < row->count; i++)
        row->values[i].null = true;
    for (int i = 0; i < batch->schema->count; i++) {
        if (!mem_holds(self->database, batch, i, at))
            return fail(err, RC_DATA, "'%s': column '%s' holds a text that is too long", table->name,
                        batch->schema->fields[i].name);
        row->values[columns[i]] = value_of(batch, i, at, arena);
    }
    for (int i = 0; i < row->count; i++) {
        bool is_asked = self->table->mode != MODE_KEYS || schema_find(batch->schema, table->fields[i].name) >= 0;
        if (row->values[i].null && !table->fields[i].nullable && is_asked)
            return fail(err, RC_DATA, "'%s': column '%s' must not be NULL", table->name, table->fields[i].name);
    }
    mem_rows_add(self->database, mem_waits(self->table) ? &self->staged : &table->rows, row);
    return RC_OK;
}

enum rc mem_load_file(struct target *base, const struct staged_file *file, int64_t *ret_rows, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    TRY(mem_lost(self, err));
    assert(self->session != NULL && !self->is_applied);
    if (!schema_equal(file->schema, self->table->schema))
        return fail(err, RC_DATA, "file '%s' has another schema than its waybill", file->key);
    int *columns = arena_take(&self->database->arena, (size_t)file->schema->count * sizeof(*columns));
    for (int i = 0; i < file->schema->count; i++) {
        columns[i] = mem_find_column(self->session->table, file->schema->fields[i].name);
        if (columns[i] < 0)
            return fail(err, RC_DATA, "'%s' has no column '%s'", self->table->name, file->schema->fields[i].name);
    }
    AUTO(batch_reader) *reader = NULL;
    TRY(file->open(file, &reader, err));
    const struct batch *batch = NULL;
    int64_t rows = 0;
    for (;;) {
        TRY(batch_reader_next(reader, &batch, err));
        TRY(mem_lost(self, err)); /* another client may have ended this session while the file was read */
        if (batch == NULL)
            break;
        for (int64_t row = 0; row < batch->rows; row++, rows++)
            TRY(take_row(self, batch, row, columns, err));
    }
    if (rows != file->rows)
        return fail(err, RC_DATA, "file '%s' has %lld rows, its waybill says %lld", file->key, (long long)rows,
                    (long long)file->rows);
    self->loaded += rows;
    *ret_rows = rows;
    return RC_OK;
}

/* ---- merge: both sides sorted by key, then walked together ---- */

struct merge {
    const struct mem_table *table;
    int cursor; /* -1: the later read wins */
};

static int compare_keys(const struct mem_row *a, const struct mem_row *b, const struct mem_table *table)
{
    for (int i = 0; i < table->key_count; i++) {
        struct value left = mem_row_value(a, table->key[i]), right = mem_row_value(b, table->key[i]);
        int order = value_compare(&left, &right, &table->fields[table->key[i]]);
        if (order != 0)
            return order;
    }
    return 0;
}

static int compare_cursors(const struct mem_row *a, const struct mem_row *b, const struct merge *merge)
{
    if (merge->cursor < 0)
        return 0;
    struct value left = mem_row_value(a, merge->cursor), right = mem_row_value(b, merge->cursor);
    return value_compare(&left, &right, &merge->table->fields[merge->cursor]);
}

static int compare_rows(const void *a, const void *b, void *context)
{
    return compare_keys(*(const struct mem_row *const *)a, *(const struct mem_row *const *)b, context);
}

/* Stable, so that of two rows with the same key the later read one stands later. */
static void sort_by_key(struct mem_database *database, struct mem_rows *rows, const struct mem_table *table)
{
    const struct mem_row **spare = arena_take(&database->arena, (size_t)rows->count * sizeof(*spare));
    for (int64_t width = 1; width < rows->count; width *= 2) {
        for (int64_t from = 0; from < rows->count; from += 2 * width) {
            int64_t middle = from + width < rows->count ? from + width : rows->count;
            int64_t end = from + 2 * width < rows->count ? from + 2 * width : rows->count;
            for (int64_t left = from, right = middle, to = from; to < end; to++) {
                bool is_left =
                    left < middle && (right == end || compare_keys(rows->at[left], rows->at[right], table) <= 0);
                spare[to] = is_left ? rows->at[left++] : rows->at[right++];
            }
        }
        memcpy(rows->at, spare, (size_t)rows->count * sizeof(*spare));
    }
}

/* Latest by cursor, of equal cursors the later read one; a NULL cursor is older than any. */
static void keep_latest(struct mem_rows *staged, const struct merge *merge)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < staged->count; i++) {
        if (kept == 0 || compare_keys(staged->at[kept - 1], staged->at[i], merge->table) != 0)
            staged->at[kept++] = staged->at[i];
        else if (compare_cursors(staged->at[i], staged->at[kept - 1], merge) >= 0)
            staged->at[kept - 1] = staged->at[i];
    }
    staged->count = kept;
}

/* The columns that the waybill does not have stay as they are. */
static const struct mem_row *overwrite(struct mem_target *self, const struct mem_row *old, const struct mem_row *now)
{
    const struct mem_table *table = self->session->table;
    struct mem_row *row =
        arena_take(&self->database->arena, sizeof(*row) + (size_t)table->field_count * sizeof(row->values[0]));
    row->count = table->field_count;
    for (int i = 0; i < row->count; i++) {
        bool travels = schema_find(self->table->schema, table->fields[i].name) >= 0;
        row->values[i] = mem_row_value(travels ? now : old, i);
    }
    return row;
}

static void merge_rows(struct mem_target *self, struct load_counts *counts)
{
    struct mem_table *table = self->session->table;
    struct merge merge = {table, self->table->cursor != NULL ? mem_find_column(table, self->table->cursor) : -1};
    sort_by_key(self->database, &self->staged, table);
    keep_latest(&self->staged, &merge);
    qsort_r(table->rows.at, (size_t)table->rows.count, sizeof(*table->rows.at), compare_rows, table);
    int64_t old_count = table->rows.count, at = 0;
    for (int64_t i = 0; i < self->staged.count; i++) {
        const struct mem_row *now = self->staged.at[i];
        while (at < old_count && compare_keys(table->rows.at[at], now, table) < 0)
            at++;
        if (at == old_count || compare_keys(table->rows.at[at], now, table) != 0) {
            mem_rows_add(self->database, &table->rows, now);
            counts->inserted++;
        } else if (compare_cursors(now, table->rows.at[at], &merge) >= 0) {
            table->rows.at[at] = overwrite(self, table->rows.at[at], now);
            counts->updated++;
        } else {
            counts->kept++;
        }
    }
}

static enum rc check_unique(struct mem_database *database, struct mem_table *table, struct error *err)
{
    if (table->key_count == 0)
        return RC_OK;
    sort_by_key(database, &table->rows, table);
    for (int64_t i = 1; i < table->rows.count; i++) {
        if (compare_keys(table->rows.at[i - 1], table->rows.at[i], table) == 0)
            return fail(err, RC_DATA, "'%s': two rows with one key", table->name);
    }
    return RC_OK;
}

enum rc mem_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    TRY(mem_lost(self, err));
    assert(self->session != NULL && !self->is_applied);
    struct load_counts counts = {.rows = self->loaded, .deleted = self->deleted, .statements = 1};
    if (self->loaded != rows)
        return fail(err, RC_DATA, "'%s': %lld rows were loaded, the waybill has %lld", self->table->name,
                    (long long)self->loaded, (long long)rows);
    if (self->table->mode == MODE_MERGE) {
        merge_rows(self, &counts);
        mem_delete_keys(self, &counts);
    } else if (self->table->mode == MODE_KEYS) {
        TRY(mem_delete_missing(self, &counts, err));
    } else {
        counts.inserted = self->loaded;
    }
    TRY(check_unique(self->database, self->session->table, err));
    self->is_applied = true;
    *ret = counts;
    return RC_OK;
}

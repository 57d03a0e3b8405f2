/* Rows that go from the in-memory target. Rows never change: one that is noted as deleted is replaced. */
#include <string.h>

#include "world/mem_database.h"

/* ---- a range ---- */

static bool is_past(const struct value *value, const char *bound, bool or_equal, const struct field *field,
                    struct arena *arena)
{
    struct value at = value_parse(field, str(bound), arena);
    int order = value_compare(value, &at, field);
    return order > 0 || (or_equal && order == 0);
}

void mem_delete_span(struct mem_target *self)
{
    const struct target_span *span = self->table->span;
    struct mem_table *table = self->session->table;
    struct arena *arena = &self->database->arena;
    int64_t kept = 0;
    int column = span != NULL ? mem_find_column(table, span->column) : -1;
    for (int64_t i = 0; i < table->rows.count && column >= 0; i++) {
        const struct field *field = &table->fields[column];
        struct value value = mem_row_value(table->rows.at[i], column);
        bool above = span->lo == NULL || is_past(&value, span->lo, !span->is_key, field, arena);
        bool below = span->hi == NULL || !is_past(&value, span->hi, !span->is_key, field, arena);
        if (value.null || !above || !below)
            table->rows.at[kept++] = table->rows.at[i];
    }
    if (column < 0)
        return;
    self->deleted = table->rows.count - kept;
    table->rows.count = kept;
}

/* ---- what the source has not any more ---- */

static bool is_staged(const struct mem_target *self, const struct mem_row *row)
{
    const struct mem_table *table = self->session->table;
    for (int64_t i = 0; i < self->staged.count; i++) {
        bool same = true;
        for (int k = 0; same && k < self->table->key_count; k++) {
            int column = mem_find_column(table, self->table->key[k]);
            struct value a = mem_row_value(row, column), b = mem_row_value(self->staged.at[i], column);
            same = value_compare(&a, &b, &table->fields[column]) == 0;
        }
        if (same)
            return true;
    }
    return false;
}

static bool is_listed(const struct mem_target *self, const struct mem_row *row)
{
    const struct key_list *keys = self->table->deletes.keys;
    const struct mem_table *table = self->session->table;
    for (int i = 0; i < keys->count; i++) {
        bool same = true;
        for (int k = 0; same && k < keys->columns; k++) {
            int column = mem_find_column(table, keys->fields[k]->name);
            struct value a = mem_row_value(row, column),
                         b = value_parse(&table->fields[column], str(keys->texts[i * keys->columns + k]),
                                         &self->database->arena);
            same = value_compare(&a, &b, &table->fields[column]) == 0;
        }
        if (same)
            return true;
    }
    return false;
}

static const struct mem_row *noted(struct mem_target *self, const struct mem_row *old, int column, struct value at)
{
    const struct mem_table *table = self->session->table;
    struct mem_row *row =
        arena_take(&self->database->arena, sizeof(*row) + (size_t)table->field_count * sizeof(row->values[0]));
    row->count = table->field_count;
    for (int i = 0; i < row->count; i++)
        row->values[i] = i == column ? at : mem_row_value(old, i);
    return row;
}

/* Takes out, or notes, every row that is doomed; `forgets`: one that is not is noted no more. */
static int64_t remove_rows(struct mem_target *self,
                           bool (*is_doomed)(const struct mem_target *, const struct mem_row *), bool forgets,
                           int64_t *ret_alive)
{
    struct mem_table *table = self->session->table;
    const struct target_deletes *deletes = &self->table->deletes;
    int column = deletes->soft_column != NULL ? mem_find_column(table, deletes->soft_column) : -1;
    int64_t kept = 0, removed = 0;
    for (int64_t i = 0; i < table->rows.count; i++) {
        const struct mem_row *row = table->rows.at[i];
        bool was_noted = column >= 0 && !mem_row_value(row, column).null, doomed = is_doomed(self, row);
        *ret_alive += !was_noted;
        removed += doomed && !was_noted;
        if (column < 0 && doomed)
            continue;
        if (column >= 0 && doomed != was_noted && (doomed || forgets))
            row = noted(self, row, column,
                        doomed ? value_parse(&table->fields[column], str(deletes->at), &self->database->arena)
                               : (struct value){.null = true});
        table->rows.at[kept++] = row;
    }
    table->rows.count = kept;
    return removed;
}

static bool is_missing(const struct mem_target *self, const struct mem_row *row) { return !is_staged(self, row); }

enum rc mem_delete_missing(struct mem_target *self, struct load_counts *counts, struct error *err)
{
    int64_t alive = 0;
    counts->deleted = remove_rows(self, is_missing, true, &alive);
    return target_check_deletes(self->table, self->loaded, counts->deleted, alive, err);
}

void mem_delete_keys(struct mem_target *self, struct load_counts *counts)
{
    int64_t alive = 0;
    if (self->table->deletes.keys != NULL)
        counts->deleted = remove_rows(self, is_listed, false, &alive);
}

#include "world/mem_server.h"

#include <assert.h>
#include <stdlib.h>

struct mem_server *mem_server_new(void)
{
    struct mem_server *self = xcalloc(1, sizeof(*self));
    region_init(&self->inside);
    self->now_us = INT64_C(1717200000000000); /* 2024-06-01 00:00:00 UTC */
    self->id = "server-1";
    return self;
}

void mem_server_free(struct mem_server *self)
{
    if (self == NULL)
        return;
    for (int i = 0; i < self->table_count; i++) {
        schema_free(self->tables[i].schema);
        free(self->tables[i].rows);
    }
    for (int i = 0; i < self->old_schema_count; i++)
        schema_free(self->old_schemas[i]);
    for (struct mem_transaction *t = self->open, *next; t != NULL; t = next) {
        next = t->next;
        free(t);
    }
    arena_release(&self->arena);
    region_destroy(&self->inside);
    free(self);
}

struct mem_table *mem_server_find(const struct mem_server *self, const char *table)
{
    for (int i = 0; i < self->table_count; i++) {
        if (strcmp(self->tables[i].name, table) == 0)
            return (struct mem_table *)(uintptr_t)&self->tables[i];
    }
    return NULL;
}

void mem_server_before(struct mem_server *self, const char *operation)
{
    if (self->before != NULL)
        self->before(self->context, operation);
}

void mem_server_hook(struct mem_server *self, void (*before)(void *context, const char *operation), void *context)
{
    self->before = before;
    self->context = context;
}

void mem_server_table(struct mem_server *self, const char *table, struct schema *schema_taken, const char *key,
                      const char *cursor)
{
    assert(self->table_count < MEM_TABLES_MAX);
    struct mem_table *to = &self->tables[self->table_count++];
    *to = (struct mem_table){.name = arena_text(&self->arena, table), .schema = schema_taken, .cursor = -1};
    while (*key != '\0') {
        size_t len = strcspn(key, ",");
        to->key[to->key_count++] = schema_find(schema_taken, arena_str(&self->arena, (struct str){key, len}));
        key += len + (key[len] == ',' ? 1 : 0);
    }
    if (cursor != NULL)
        to->cursor = schema_find(schema_taken, cursor);
}

void mem_server_add_column(struct mem_server *self, const char *table, const struct field *field)
{
    struct mem_table *to = mem_server_find(self, table);
    assert(self->old_schema_count < MEM_TABLES_MAX);
    self->old_schemas[self->old_schema_count++] = to->schema;
    to->schema = schema_copy(to->schema);
    schema_add(to->schema, field);
    for (int i = 0; i < to->row_count; i++) {
        struct value *values = arena_take(&self->arena, sizeof(*values) * (size_t)to->schema->count);
        memcpy(values, to->rows[i].values, sizeof(*values) * (size_t)(to->schema->count - 1));
        values[to->schema->count - 1].null = true;
        to->rows[i].values = values;
    }
}

static struct value *altered(struct mem_server *self, const struct value *values, const struct schema *old,
                             const struct schema *now)
{
    struct value *made = arena_take(&self->arena, sizeof(*made) * (size_t)now->count);
    for (int i = 0; i < now->count; i++) {
        int from = schema_find(old, now->fields[i].name);
        bool fits = from >= 0 && field_widens(&old->fields[from], &now->fields[i]);
        made[i] = fits ? values[from] : (struct value){.null = true};
    }
    return made;
}

void mem_server_alter(struct mem_server *self, const char *table, struct schema *schema_taken)
{
    struct mem_table *to = mem_server_find(self, table);
    struct schema *old = to->schema;
    assert(self->old_schema_count < MEM_TABLES_MAX);
    self->old_schemas[self->old_schema_count++] = old;
    for (int i = 0; i < to->row_count; i++)
        to->rows[i].values = altered(self, to->rows[i].values, old, schema_taken);
    for (int k = 0; k < to->key_count; k++)
        to->key[k] = schema_find(schema_taken, old->fields[to->key[k]].name);
    if (to->cursor >= 0)
        to->cursor = schema_find(schema_taken, old->fields[to->cursor].name);
    to->schema = schema_taken;
}

void mem_server_set_now(struct mem_server *self, int64_t us) { self->now_us = us; }
void mem_server_set_id(struct mem_server *self, const char *id) { self->id = arena_text(&self->arena, id); }
void mem_server_set_place(struct mem_server *self, const char *at, const char *lost)
{
    self->place = arena_text(&self->arena, at);
    self->lost = arena_text(&self->arena, lost);
}
void mem_server_set_kin(struct mem_server *self, bool is_kin) { self->is_kin = is_kin; }
void mem_server_set_ahead(struct mem_server *self, int64_t ahead_us, bool repeats)
{
    self->ahead_us = ahead_us;
    self->repeats = repeats;
}

void mem_server_hide_transactions(struct mem_server *self, bool hidden) { self->hidden = hidden; }
void mem_server_stand_still(struct mem_server *self, enum rc why) { self->unknown = why; }
void mem_server_show_until(struct mem_server *self, int64_t us) { self->shown_us = us; }

/* ---- rows ---- */

static struct value *parse_row(struct mem_server *self, const struct mem_table *table, const char *row)
{
    struct value *values = arena_take(&self->arena, sizeof(*values) * (size_t)table->schema->count);
    for (int i = 0; i < table->schema->count; i++) {
        size_t len = strcspn(row, "|\n");
        values[i] = value_parse(&table->schema->fields[i], (struct str){row, len}, &self->arena);
        row += len + (row[len] == '|' ? 1 : 0);
    }
    return values;
}

static int find_row(const struct mem_table *table, const struct value *values)
{
    for (int i = 0; i < table->row_count && table->key_count > 0; i++) {
        bool same = true;
        for (int k = 0; k < table->key_count && same; k++)
            same = value_compare(&table->rows[i].values[table->key[k]], &values[table->key[k]],
                                 &table->schema->fields[table->key[k]]) == 0;
        if (same)
            return i;
    }
    return -1;
}

void mem_server_put(struct mem_server *self, const char *table_name, const char *row)
{
    struct mem_table *table = mem_server_find(self, table_name);
    struct value *values = parse_row(self, table, row);
    int at = find_row(table, values);
    if (at < 0) {
        if (table->row_count == table->row_size) {
            table->row_size = table->row_size != 0 ? table->row_size * 2 : 16;
            table->rows = xrealloc(table->rows, sizeof(*table->rows) * (size_t)table->row_size);
        }
        at = table->row_count++;
        table->rows[at].number = self->numbered++;
    }
    table->rows[at].values = values;
}

/* `key` holds the key's values, parted by '|'. */
void mem_server_delete(struct mem_server *self, const char *table_name, const char *key)
{
    struct mem_table *table = mem_server_find(self, table_name);
    struct value *values = arena_take(&self->arena, sizeof(*values) * (size_t)table->schema->count);
    for (int k = 0; k < table->key_count; k++) {
        size_t len = strcspn(key, "|");
        values[table->key[k]] =
            value_parse(&table->schema->fields[table->key[k]], (struct str){key, len}, &self->arena);
        key += len + (key[len] == '|' ? 1 : 0);
    }
    int at = find_row(table, values);
    assert(at >= 0 && "a test deletes rows that exist");
    table->rows[at] = table->rows[--table->row_count];
}

void mem_server_print(const struct mem_server *self, const char *table_name, struct buf *out)
{
    const struct mem_table *table = mem_server_find(self, table_name);
    for (int i = 0; i < table->row_count; i++) {
        for (int c = 0; c < table->schema->count; c++) {
            if (c > 0)
                buf_add_str(out, S("|"));
            value_print(&table->rows[i].values[c], &table->schema->fields[c], out);
        }
        buf_add_str(out, S("\n"));
    }
    lines_sort(out);
}

/* ---- transactions ---- */

struct mem_transaction *mem_server_begin(struct mem_server *self)
{
    struct mem_transaction *t = xcalloc(1, sizeof(*t));
    *t = (struct mem_transaction){.next = self->open, .server = self, .since_us = self->now_us};
    t->last = &t->first;
    self->open = t;
    return t;
}

void mem_transaction_put(struct mem_transaction *self, const char *table, const char *row)
{
    struct arena *arena = &self->server->arena;
    struct mem_pending *pending = arena_take(arena, sizeof(*pending));
    *pending = (struct mem_pending){.table = arena_text(arena, table), .row = arena_text(arena, row)};
    *self->last = pending;
    self->last = &pending->next;
}

static void transaction_end(struct mem_transaction *self)
{
    struct mem_transaction **at = &self->server->open;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    free(self);
}

void mem_transaction_commit(struct mem_transaction *self)
{
    for (struct mem_pending *p = self->first; p != NULL; p = p->next)
        mem_server_put(self->server, p->table, p->row);
    transaction_end(self);
}

void mem_transaction_rollback(struct mem_transaction *self) { transaction_end(self); }

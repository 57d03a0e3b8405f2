#include "world/mem_database.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct mem_database *mem_database_new(void)
{
    struct mem_database *self = xcalloc(1, sizeof(*self));
    region_init(&self->inside);
    return self;
}

void mem_database_set_text_max(struct mem_database *self, size_t bytes) { self->text_max = bytes; }

bool mem_holds(const struct mem_database *self, const struct batch *batch, int column, int64_t row)
{
    bool is_text = batch->schema->fields[column].type == TYPE_UTF8 && !batch_is_null(batch, column, row);
    return self->text_max == 0 || !is_text || batch_bytes(batch, column, row).len <= self->text_max;
}

struct mem_inside mem_enter(struct mem_target *self)
{
    region_enter(&self->database->inside);
    return (struct mem_inside){self->database};
}

void mem_inside_release(struct mem_inside *self) { region_leave(&self->database->inside); }

void mem_database_free(struct mem_database *self)
{
    if (self == NULL)
        return;
    for (int i = 0; i < self->session_count; i++) {
        assert(self->sessions[i]->owner == NULL && "handles are freed before their database");
        free(self->sessions[i]);
    }
    free(self->seen);
    arena_release(&self->arena);
    region_destroy(&self->inside);
    free(self);
}

void mem_database_set_death(struct mem_database *self, enum mem_death death) { self->death = death; }
void mem_database_break_commit(struct mem_database *self, enum mem_commit fault) { self->commit = fault; }

/* ---- state ---- */

struct mem_position *mem_find_position(struct mem_state *state, const char *scope)
{
    for (int i = 0; i < state->position_count; i++) {
        if (strcmp(state->positions[i].scope, scope) == 0)
            return &state->positions[i];
    }
    return NULL;
}

const struct mem_table *mem_find_table(const struct mem_state *state, const char *name)
{
    for (int i = 0; i < state->table_count; i++) {
        if (strcmp(state->tables[i]->name, name) == 0)
            return state->tables[i];
    }
    return NULL;
}

void mem_put_table(struct mem_state *state, const struct mem_table *table)
{
    for (int i = 0; i < state->table_count; i++) {
        if (strcmp(state->tables[i]->name, table->name) == 0) {
            state->tables[i] = table;
            return;
        }
    }
    assert(state->table_count < MEM_TABLES_MAX);
    state->tables[state->table_count++] = table;
}

struct mem_table *mem_copy_table(struct mem_database *database, const struct mem_table *table)
{
    struct mem_table *copy = arena_take(&database->arena, sizeof(*copy));
    *copy = *table;
    copy->rows.size = table->rows.count;
    copy->rows.at = arena_take(&database->arena, (size_t)table->rows.count * sizeof(*copy->rows.at));
    if (table->rows.count > 0)
        memcpy(copy->rows.at, table->rows.at, (size_t)table->rows.count * sizeof(*copy->rows.at));
    return copy;
}

int mem_find_column(const struct mem_table *table, const char *name)
{
    for (int i = 0; i < table->field_count; i++) {
        if (strcmp(table->fields[i].name, name) == 0)
            return i;
    }
    return -1;
}

void mem_rows_add(struct mem_database *database, struct mem_rows *rows, const struct mem_row *row)
{
    if (rows->count == rows->size) {
        const struct mem_row **old = rows->at;
        rows->size = rows->size != 0 ? 2 * rows->size : 16;
        rows->at = arena_take(&database->arena, (size_t)rows->size * sizeof(*rows->at));
        if (rows->count > 0)
            memcpy(rows->at, old, (size_t)rows->count * sizeof(*rows->at));
    }
    rows->at[rows->count++] = row;
}

struct value mem_row_value(const struct mem_row *row, int column)
{
    return column < row->count ? row->values[column] : (struct value){.null = true};
}

/* ---- sessions ---- */

struct mem_session *mem_session_open(struct mem_database *database, struct mem_target *owner)
{
    assert(database->session_count < MEM_SESSIONS_MAX);
    struct mem_session *session = xcalloc(1, sizeof(*session));
    session->owner = owner;
    database->sessions[database->session_count++] = session;
    return session;
}

static void session_forget(struct mem_database *database, struct mem_session *session)
{
    int at = 0;
    while (database->sessions[at] != session)
        at++;
    database->sessions[at] = database->sessions[--database->session_count];
    free(session);
}

void mem_session_commit(struct mem_database *database, struct mem_session *session)
{
    struct mem_position *position = mem_find_position(&database->state, session->position.scope);
    assert(position != NULL && "its lock was held");
    *position = session->position;
    mem_put_table(&database->state, session->table);
    struct mem_load *load = arena_take(&database->arena, sizeof(*load));
    *load = (struct mem_load){session->position.waybill, database->state.loads};
    database->state.loads = load;

    database->seen = xrealloc(database->seen, (size_t)(database->seen_count + 1) * sizeof(*database->seen));
    database->seen[database->seen_count++] =
        (struct mem_seen){session->table->name, session->position.waybill, session->table->rows.count};
    session_forget(database, session);
}

void mem_session_end(struct mem_database *database, struct mem_session *session)
{
    if (session->owner != NULL) {
        session->owner->session = NULL;
        session->owner->is_lost = true;
    }
    session_forget(database, session);
}

static void session_settle(struct mem_database *database, struct mem_session *session)
{
    if (session->commit_sent)
        mem_session_commit(database, session);
    else
        mem_session_end(database, session);
}

void mem_settle(struct mem_database *database, const char *scope, const char *table)
{
    for (int i = database->session_count - 1; i >= 0; i--) {
        struct mem_session *session = database->sessions[i];
        if ((scope != NULL && strcmp(session->position.scope, scope) == 0) ||
            (table != NULL && strcmp(session->table->name, table) == 0))
            session_settle(database, session);
    }
}

void mem_database_settle(struct mem_database *self)
{
    while (self->session_count > 0)
        session_settle(self, self->sessions[self->session_count - 1]);
}

bool mem_database_has_open_session(const struct mem_database *self) { return self->session_count > 0; }

/* ---- looking ---- */

int64_t mem_database_rows(const struct mem_database *self, const char *table)
{
    const struct mem_table *found = mem_find_table(&self->state, table);
    return found != NULL ? found->rows.count : -1;
}

void mem_database_print(const struct mem_database *self, const char *table, struct buf *out)
{
    const struct mem_table *found = mem_find_table(&self->state, table);
    for (int64_t row = 0; found != NULL && row < found->rows.count; row++) {
        for (int i = 0; i < found->field_count; i++) {
            struct value value = mem_row_value(found->rows.at[row], i);
            value_print(&value, &found->fields[i], out);
            buf_add_str(out, i + 1 < found->field_count ? S("|") : S("\n"));
        }
    }
    lines_sort(out);
}

struct target_position mem_database_position(const struct mem_database *self, const char *scope)
{
    for (int i = 0; i < self->state.position_count; i++) {
        const struct mem_position *at = &self->state.positions[i];
        if (strcmp(at->scope, scope) != 0)
            continue;
        struct target_position ret = {
            .exists = true, .epoch = at->epoch, .token = at->token, .pos = at->pos, .table = at->table};
        snprintf(ret.target_id, sizeof(ret.target_id), "%s", at->target_id);
        snprintf(ret.waybill, sizeof(ret.waybill), "%s", at->waybill);
        return ret;
    }
    return (struct target_position){.pos = "", .table = ""};
}

int mem_database_loads(const struct mem_database *self, const char *waybill)
{
    int count = 0;
    for (const struct mem_load *load = self->state.loads; load != NULL; load = load->before)
        count += strcmp(load->waybill, waybill) == 0;
    return count;
}

const struct mem_seen *mem_database_history(const struct mem_database *self, int *ret_count)
{
    *ret_count = self->seen_count;
    return self->seen;
}

/* ---- disasters ---- */

struct mem_snapshot {
    struct mem_state state;
};

static void end_all(struct mem_database *self)
{
    while (self->session_count > 0)
        mem_session_end(self, self->sessions[self->session_count - 1]);
}

const struct mem_snapshot *mem_database_snapshot(struct mem_database *self)
{
    struct mem_snapshot *snapshot = arena_take(&self->arena, sizeof(*snapshot));
    snapshot->state = self->state;
    return snapshot;
}

void mem_database_restore(struct mem_database *self, const struct mem_snapshot *snapshot)
{
    end_all(self);
    self->state = snapshot->state;
}

void mem_database_drop_position(struct mem_database *self, const char *scope)
{
    end_all(self);
    struct mem_position *position = mem_find_position(&self->state, scope);
    assert(position != NULL);
    *position = self->state.positions[--self->state.position_count];
}

void mem_database_drop_table(struct mem_database *self, const char *table)
{
    end_all(self);
    for (int i = 0; i < self->state.table_count; i++) {
        if (strcmp(self->state.tables[i]->name, table) == 0) {
            self->state.tables[i] = self->state.tables[--self->state.table_count];
            return;
        }
    }
    assert(!"no such table");
}

void mem_database_empty_table(struct mem_database *self, const char *table)
{
    end_all(self);
    struct mem_table *emptied = mem_copy_table(self, mem_find_table(&self->state, table));
    emptied->rows.count = 0;
    mem_put_table(&self->state, emptied);
}

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "world/mem_database.h"

enum rc mem_lost(const struct mem_target *self, struct error *err)
{
    return self->is_lost
               ? fail(err, RC_UNAVAILABLE, "target '%s': the server has closed the connection", self->base.name)
               : RC_OK;
}

static enum rc mem_position(struct target *base, const struct target_table *table, struct arena *arena,
                            struct target_position *ret, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    TRY(mem_lost(self, err));
    *ret = mem_database_position(self->database, table->scope);
    ret->pos = arena_text(arena, ret->pos);
    ret->table = arena_text(arena, ret->table);
    return RC_OK;
}

static enum rc check_owner(struct mem_state *state, const struct target_table *table, struct error *err)
{
    for (int i = 0; i < state->position_count; i++) {
        const struct mem_position *other = &state->positions[i];
        if (strcmp(other->table, table->name) != 0 || strcmp(other->scope, table->scope) == 0 ||
            (other->shared && table->shared))
            continue;
        fail(err, RC_CONFIG, "the target table '%s' belongs to '%s', '%s' cannot load into it", table->name,
             other->scope, table->scope);
        return fail_todo(err, "set `shared: true` in both");
    }
    return RC_OK;
}

static enum rc check_table(const struct mem_position *position, const struct target_table *table, struct error *err)
{
    if (position == NULL || strcmp(position->table, table->name) == 0)
        return RC_OK;
    return fail(err, RC_CONFIG, "'%s' loads into '%s' so far, not into '%s'", table->scope, position->table,
                table->name);
}

static enum rc check_sharing(const struct target_table *table, struct error *err)
{
    if (!table->shared || table->mode != MODE_REPLACE)
        return RC_OK;
    return fail(err, RC_CONFIG, "'%s' replaces '%s', so that no other can share it", table->scope, table->name);
}

static enum rc mem_check_owner(struct target *base, const struct target_table *table, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    struct mem_state *state = &self->database->state;
    TRY(mem_lost(self, err));
    TRY(check_sharing(table, err));
    TRY(check_table(mem_find_position(state, table->scope), table, err));
    return check_owner(state, table, err);
}

static enum rc mem_create_position(struct target *base, const struct target_table *table, const char *target_id,
                                   struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    struct mem_database *database = self->database;
    TRY(mem_lost(self, err));
    TRY(check_sharing(table, err));
    struct mem_position *position = mem_find_position(&database->state, table->scope);
    TRY(check_table(position, table, err));
    TRY(check_owner(&database->state, table, err));
    if (position != NULL) {
        position->shared = table->shared;
        return RC_OK;
    }
    assert(database->state.position_count < MEM_POSITIONS_MAX && strlen(target_id) < UUID_TEXT);
    struct arena *arena = &database->arena;
    database->state.positions[database->state.position_count++] =
        (struct mem_position){.scope = arena_text(arena, table->scope),
                              .table = arena_text(arena, table->name),
                              .shared = table->shared,
                              .target_id = arena_text(arena, target_id),
                              .waybill = "",
                              .pos = ""};
    return RC_OK;
}

static enum rc mem_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                         struct target_position *ret, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    TRY(mem_lost(self, err));
    assert(self->session == NULL);
    mem_settle(self->database, table->scope, NULL);
    struct mem_position *position = mem_find_position(&self->database->state, table->scope);
    if (position == NULL)
        return fail(err, RC_NOT_FOUND, "target '%s' has no position row for '%s'", base->name, table->scope);
    if (position->token < token)
        position->token = token;
    return mem_position(base, table, arena, ret, err);
}

static void open_session(struct mem_target *self, const struct target_table *table, const struct target_move *move,
                         struct mem_position to)
{
    struct mem_database *database = self->database;
    assert(strlen(move->waybill) < UUID_TEXT);
    to.waybill = arena_text(&database->arena, move->waybill);
    to.pos = arena_text(&database->arena, move->pos);
    to.epoch = move->epoch;
    to.token = move->token;
    self->session = mem_session_open(database, self);
    self->session->position = to;
    self->session->table = mem_copy_table(database, mem_find_table(&database->state, table->name));
    self->table = table;
    self->staged = (struct mem_rows){0};
    self->loaded = self->deleted = 0;
    self->is_applied = false;
    if (table->mode == MODE_REPLACE) {
        self->deleted = self->session->table->rows.count;
        self->session->table->rows.count = 0;
    }
    if (table->mode == MODE_DELETE_INSERT)
        mem_delete_span(self);
}

static enum rc mem_is_there(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    TRY(mem_lost(self, err));
    *ret = mem_find_table(&self->database->state, table->name) != NULL;
    return RC_OK;
}

static enum rc mem_has_rows(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    TRY(mem_lost(self, err));
    *ret = mem_find_table(&self->database->state, table->name)->rows.count > 0;
    return RC_OK;
}

static enum rc mem_begin(struct target *base, const struct target_table *table, const struct target_move *move,
                         bool *ret_moved, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    TRY(mem_lost(self, err));
    assert(self->session == NULL);
    mem_settle(self->database, table->scope, table->name);
    struct mem_position *position = mem_find_position(&self->database->state, table->scope);
    TRY(check_table(position, table, err));
    *ret_moved = position != NULL && strcmp(position->waybill, move->prev) == 0 && position->token <= move->token;
    if (!*ret_moved)
        return RC_OK;
    if (mem_find_table(&self->database->state, table->name) == NULL)
        return fail(err, RC_NOT_FOUND, "target '%s' has no table '%s'", base->name, table->name);
    open_session(self, table, move, *position);
    return RC_OK;
}

static void leave(struct mem_target *self)
{
    struct mem_session *session = self->session;
    if (session == NULL)
        return;
    self->session = NULL;
    session->owner = NULL;
    session->commit_sent = self->database->death == MEM_DEATH_COMMIT_SENT && self->is_applied;
    if (self->database->death == MEM_DEATH_ROLLED_BACK)
        mem_session_end(self->database, session);
}

static enum rc mem_commit(struct target *base, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    TRY(mem_lost(self, err));
    assert(self->session != NULL && self->is_applied && "apply comes before commit");
    struct mem_session *session = self->session;
    enum mem_commit fault = self->database->commit;
    self->database->commit = MEM_COMMIT_SOUND;
    self->session = NULL;
    session->owner = NULL;
    if (fault == MEM_COMMIT_LOST_LATE)
        session->commit_sent = true;
    else if (fault == MEM_COMMIT_LOST_NOT_DONE || fault == MEM_COMMIT_IN_THE_WAY)
        mem_session_end(self->database, session);
    else
        mem_session_commit(self->database, session);
    if (fault == MEM_COMMIT_SOUND)
        return RC_OK;
    if (fault == MEM_COMMIT_IN_THE_WAY)
        return fail(err, RC_AGAIN, "target '%s': another transaction was in the way", base->name);
    self->is_lost = true;
    return fail(err, RC_UNKNOWN, "target '%s': the answer to COMMIT was lost", base->name);
}

static void mem_rollback(struct target *base)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    if (self->session == NULL)
        return;
    self->session->owner = NULL;
    mem_session_end(self->database, TAKE(self->session));
}

static enum rc mem_reconnect(struct target *base, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    leave(self);
    self->is_lost = false;
    return RC_OK;
}

static enum rc mem_check(struct target *base, bool *ret_is_new, struct error *err)
{
    *ret_is_new = false;
    return RC_OK;
}

static void mem_free(struct target *base)
{
    struct mem_target *self = (struct mem_target *)base;
    struct mem_inside inside = mem_enter(self);
    leave(self);
    mem_inside_release(&inside);
    free(self);
}

/* It holds whatever there is, but for one type, so that a test can have a lossy one. */
static void mem_type_of(const struct target *self, const struct field *field, struct target_type *ret)
{
    field_type_name(field, ret->declared);
    if (field->type == TYPE_TIME)
        ret->verdict = (struct type_verdict){FIDELITY_LOSSY, "no times here", "text"};
}

static bool mem_has_gaps(const struct target *base, const struct field *field)
{
    return field->type == TYPE_UTF8 && ((const struct mem_target *)base)->database->text_max != 0;
}

static bool mem_target_holds(const struct target *base, const struct batch *batch, int column, int64_t row,
                             const char **ret_why)
{
    *ret_why = "a text that is too long";
    return mem_holds(((const struct mem_target *)base)->database, batch, column, row);
}

static bool is_left_out(const struct batch *batch, const struct key_list *without)
{
    for (int row = 0; row < without->count; row++) {
        bool is_it = true;
        for (int i = 0; is_it && i < without->columns; i++) {
            AUTO_RELEASE(buf) text = {0};
            bool is_printed =
                profile_print_value(batch, schema_find(batch->schema, without->fields[i]->name), 0, &text);
            is_it = is_printed && strcmp(or_empty(text.at), without->texts[row * without->columns + i]) == 0;
        }
        if (is_it)
            return true;
    }
    return false;
}

/* As deleted. */
static bool is_noted(const struct mem_table *table, int64_t row, const char *soft_column)
{
    int column = soft_column != NULL ? mem_find_column(table, soft_column) : -1;
    return column >= 0 && !mem_row_value(table->rows.at[row], column).null;
}

static enum rc mem_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                           struct profile *ret, struct error *err)
{
    struct mem_target *self = (struct mem_target *)base;
    AUTO_RELEASE(mem_inside) inside = mem_enter(self);
    TRY(mem_lost(self, err));
    const struct mem_table *found = mem_find_table(&self->database->state, table->name);
    if (found == NULL)
        return fail(err, RC_NOT_FOUND, "there is no table '%s'", table->name);
    AUTO(batch_builder) *builder = batch_builder_new(table->schema);
    for (int64_t row = 0; row < found->rows.count; row++) {
        for (int i = 0; i < table->schema->count; i++) {
            const struct field *field = &table->schema->fields[i];
            struct value value = mem_row_value(found->rows.at[row], mem_find_column(found, field->name));
            value_build(&value, field, builder, i);
        }
        builder_end_row(builder);
        const struct batch *batch = builder_finish(builder);
        if (!is_left_out(batch, without) && !is_noted(found, row, table->deletes.soft_column))
            profile_add(ret, batch, NULL);
    }
    return RC_OK;
}

static const struct target_ops mem_ops = {
    .type = "memory",
    .features = TARGET_DELETE_INSERT | TARGET_DELETES | TARGET_SWAP,
    .swap_note = "a new table takes the name",
    .type_of = mem_type_of,
    .has_gaps = mem_has_gaps,
    .holds = mem_target_holds,
    .position = mem_position,
    .check_owner = mem_check_owner,
    .create_position = mem_create_position,
    .fence = mem_fence,
    .prepare = mem_prepare,
    .is_there = mem_is_there,
    .has_rows = mem_has_rows,
    .begin = mem_begin,
    .load_file = mem_load_file,
    .apply = mem_apply,
    .commit = mem_commit,
    .rollback = mem_rollback,
    .reconnect = mem_reconnect,
    .check = mem_check,
    .profile = mem_profile,
    .free = mem_free,
};

struct target *mem_target_new(struct mem_database *database, const char *name)
{
    struct mem_target *self = xcalloc(1, sizeof(*self));
    *self = (struct mem_target){.base = {&mem_ops, name, "memory"}, .database = database};
    return &self->base;
}

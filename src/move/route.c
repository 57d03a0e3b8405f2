#include "move/route.h"

#include "base/log.h"
#include "move/arrows.h"
#include "move/keys.h"
#include "move/mend.h"
#include "move/spine.h"
#include "state/keys.h"

static bool route_stopped(void *context, struct error *err)
{
    const struct run_world *world = &((struct route *)context)->run->world;
    return world->stopped != NULL && world->stopped(world->context, err);
}

/* Somebody else's lease is watched: a long silence must be explained. */
static void route_waiting(void *context, const struct lease *lease, int64_t waited_ms)
{
    enum { TELL_MS = 5000 };
    struct route *r = context;
    struct clock *clock = r->run->world.clock;
    int64_t now_ms = clock->mono_ms(clock), at_most_ms = r->run->options.wait_ms;
    pthread_mutex_lock(&r->run->lock);
    snprintf(r->waits_for, sizeof(r->waits_for), "run %s on %s, pid %lld", lease->run_id, or_empty(lease->host),
             (long long)lease->pid);
    pthread_mutex_unlock(&r->run->lock);
    route_progress(r, "waiting", false);
    if (r->waiting_since_ms != 0 && now_ms - r->told_waiting_ms < TELL_MS)
        return;
    r->waiting_since_ms = r->waiting_since_ms != 0 ? r->waiting_since_ms : now_ms;
    r->told_waiting_ms = now_ms;
    log_warn("lease.waiting", KV("owner", lease->run_id), KV("host", lease->host), KV("last_beat", lease->beat_at),
             KV("waited_seconds", (now_ms - r->waiting_since_ms) / 1000),
             KV("at_most_seconds", (at_most_ms > lease->ttl_ms ? at_most_ms : lease->ttl_ms) / 1000));
}

static struct scope_world route_scope_world(struct route *r)
{
    struct run *run = r->run;
    return (struct scope_world){
        .store = run->world.store,
        .clock = run->world.clock,
        .random = run->world.random,
        .host = run->world.host,
        .run_id = run->run_id,
        .ttl_ms = run->pipeline->lease_ms,
        .stopped = route_stopped,
        .waiting = route_waiting,
        .context = r,
    };
}

void route_init(struct route *r, struct run *run, const struct table_config *config)
{
    r->run = run;
    r->config = config;
    r->increment = run->options.full_refresh ? INCREMENT_FULL_SYNC : r->config->increment;
    r->mode = run->options.full_refresh ? MODE_REPLACE : r->config->mode;
    struct scope_world scope_world = route_scope_world(r);
    r->scope = scope_new(&scope_world, run->pipeline->name, r->config->name);
    r->stage_prefix = key_table_prefix(&r->arena, run->pipeline->stage_prefix, run->pipeline->name, r->config->name);
    r->rows_left = r->chunks_left = INT64_MAX;
    r->bound.rows_total = -1;
    r->loads_waiting = route_loads(r) ? -1 : 0;
    if (run->options.limit > 0)
        r->rows_left = run->options.limit;
    if (run->options.limit > 0 && run->options.max_chunks > 0 &&
        __builtin_mul_overflow(run->options.limit, run->options.max_chunks, &r->rows_left))
        r->rows_left = INT64_MAX;
    if (run->options.max_chunks > 0)
        r->chunks_left = run->options.max_chunks;
}

void route_release(struct route *r)
{
    scope_free(r->scope);
    schema_free(r->known);
    shaping_free(r->shaping);
    keys_free(r->keys);
    waybill_release(&r->chunk.waybill);
    loader_free(r->loader);
    arena_release(&r->arena);
}

bool route_loads(const struct route *r) { return r->run->world.ends.target != NULL; }
bool route_extracts(const struct route *r) { return r->run->world.ends.source != NULL; }
int64_t route_memory_bytes(const struct route *r) { return r->run->pipeline->max_memory_bytes / r->run->team_count; }

/* Half of the memory is for row groups and parts, of however many lanes (extract.c). Of the other half a load needs its
 * share, and each lane a few batches; a batch is at least a row. */
int64_t route_lanes_in_memory(const struct route *r)
{
    enum { LOAD_BYTES = 48 << 20, BATCHES_PER_LANE = 3 };
    int64_t row_bytes = r->bound.facts.row_bytes, batch_bytes = row_bytes > BATCH_BYTES ? row_bytes : BATCH_BYTES;
    int64_t rest = route_memory_bytes(r) / 2 - LOAD_BYTES;
    return rest > 0 ? rest / (BATCHES_PER_LANE * batch_bytes) : 0;
}

bool route_overlaps(const struct route *r) { return r->run->world.threads && route_lanes_in_memory(r) > 0; }

RC route_take(struct route *r, RC (*take)(struct route *r, struct error *err), struct error *err)
{
    struct clock *clock = r->run->world.clock;
    const int64_t wait_ms = r->run->options.wait_ms, until_ms = clock->mono_ms(clock) + wait_ms;
    enum rc rc = take(r, err);
    while (rc == RC_LEASE && wait_ms > 0) {
        int64_t left_ms = until_ms - clock->mono_ms(clock);
        rc = left_ms > 0 ? scope_await(r->scope, left_ms, err) : rc;
        if (rc == RC_LEASE)
            return fail_in(err, "waited %lld s", (long long)(wait_ms / 1000));
        TRY(rc);
        rc = take(r, err);
    }
    return rc;
}

struct marks route_marks(struct route *r)
{
    struct marks marks = *scope_marks(r->scope);
    const struct table *table = r->table;
    marks.backup_strategy = strategy_name(r->run->pipeline->strategy);
    if (r->t.exists)
        marks.target_id = r->t.target_id;
    if (!r->bound.taken)
        return marks;
    marks.source_id = r->bound.source_id;
    if (r->bound.is_accepted)
        marks.source_clock = r->bound.clock;
    if (r->bound.is_accepted || r->bound.has_turned)
        marks.source_place = r->bound.place;
    marks.ceiling = r->bound.ceiling;
    marks.ceiling_seen_at = r->bound.ceiling_seen_at;
    if (table->cursor >= 0) {
        char text[FORM_TEXT_MAX];
        const struct field *cursor = &table->schema->fields[table->cursor];
        field_format(cursor, text);
        marks.cursor = cursor->name;
        marks.cursor_type = arena_text(&r->arena, text);
        form_name(&table->form, text);
        marks.cursor_form = arena_text(&r->arena, text);
        marks.cursor_ahead_s = table->cursor_ahead_us / 1000000;
    }
    for (marks.key_count = 0; marks.key_count < table->key_count; marks.key_count++) {
        char text[FORMAT_TEXT];
        const struct field *field = &table->schema->fields[table->key[marks.key_count]];
        field_format(field, text);
        marks.key[marks.key_count] = (struct key_column){field->name, arena_text(&r->arena, text)};
    }
    return marks;
}

void route_went(struct route *r, enum rc rc)
{
    r->result.through = rc == RC_OK;
    if (r->result.through)
        r->result.error = (struct error){0};
    else
        spine_fail(r);
    if (rc_is_stop(rc)) /* whatever was interrupted knows only that */
        fail_todo(&r->result.error, "run the same command again: it goes on where it stopped");
}

const struct schema *route_schema(const struct route *r)
{
    return r->shaping != NULL ? shaping_schema(r->shaping) : r->table->schema;
}

const struct schema *route_chunk_schema(const struct route *r)
{
    return r->chunk.is_keys ? r->keys->schema : route_schema(r);
}

int route_column(const struct route *r, int source_column)
{
    return r->shaping != NULL ? shaping_column(r->shaping, source_column) : source_column;
}

/* A key that is not staged as it is can tell no rows apart; full_sync, which alone may have one, needs none. */
void route_describe(const struct route *r, struct waybill *ret)
{
    const struct schema *schema = route_schema(r);
    int cursor = r->table->cursor >= 0 ? route_column(r, r->table->cursor) : -1;
    ret->schema = (struct schema *)(uintptr_t)schema;
    if (r->increment != INCREMENT_ID_ONLY && cursor >= 0)
        ret->cursor = schema->fields[cursor].name;
    for (ret->key_count = 0; ret->key_count < r->table->key_count; ret->key_count++) {
        int column = route_column(r, r->table->key[ret->key_count]);
        if (column < 0) {
            ret->key_count = 0;
            return;
        }
        ret->key[ret->key_count] = schema->fields[column].name;
    }
}

struct turn route_target_turn(struct route *r)
{
    struct run *run = r->run;
    struct turn turn = {NULL};
    if (run->team_count > 1 && r->target != NULL && r->target->is_exclusive) {
        turn.lock = &run->target_turn;
        pthread_mutex_lock(turn.lock);
    }
    return turn;
}

void turn_release(struct turn *self)
{
    if (self->lock != NULL)
        pthread_mutex_unlock(self->lock);
}

static struct target_deletes route_deletes(const struct route *r)
{
    const struct table_config *config = r->config;
    return (struct target_deletes){.is_wanted = config->delete_detection != DELETES_UNSEEN,
                                   .soft_column = config->soft_delete,
                                   .percent_max = r->run->options.allow_deletes ? 100 : config->delete_max};
}

struct target_table route_target_table(struct route *r, const struct waybill *waybill)
{
    struct target_table table = {.scope = scope_name(r->scope),
                                 .name = r->config->target,
                                 .shared = r->config->shared,
                                 .mode = r->mode,
                                 .layout = r->config->layout,
                                 .deletes = route_deletes(r)};
    if (waybill != NULL) {
        if (!mode_from_name(waybill->mode, &table.mode))
            table.mode = r->mode;
        table.schema = waybill->schema;
        table.key = (const char *const *)waybill->key;
        table.key_count = waybill->key_count;
        table.cursor = waybill->cursor;
        table.deletes.at = waybill->source_clock;
    }
    table.is_merged_later = table.key_count > 0 && r->config->mode == MODE_MERGE; /* --full-refresh came first */
    table.swaps = table.mode == MODE_REPLACE && r->config->replace_by == REPLACE_BY_SWAP;
    return table;
}

RC route_check_target(struct route *r, struct error *err)
{
    struct target_table table = route_target_table(r, NULL);
    if (!route_loads(r))
        return RC_OK;
    TRY(target_check_features(r->target, &table, err));
    const struct mend_request *repair = r->run->options.repair;
    table.mode = MODE_KEYS;
    return table.deletes.is_wanted || (repair != NULL && repair->delete_gone)
               ? target_check_features(r->target, &table, err)
               : RC_OK;
}

RC route_check_owner(struct route *r, struct error *err)
{
    AUTO_RELEASE(turn) turn = route_target_turn(r);
    const struct target_table table = route_target_table(r, NULL);
    return route_loads(r) ? target_check_owner(r->target, &table, err) : RC_OK;
}

RC route_position(struct route *r, struct arena *arena, struct target_position *ret, struct error *err)
{
    const struct target_table table = route_target_table(r, NULL);
    return target_position(r->target, &table, arena, ret, err);
}

#include "move/run.h"

#include "base/log.h"
#include "move/arrows.h"
#include "move/audit.h"
#include "move/keys.h"
#include "move/mend.h"
#include "move/schedule.h"
#include "move/spine.h"
#include "move/team.h"
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

static void run_name(struct run *self)
{
    struct clock *clock = self->world.clock;
    char stamp[STAMP_TEXT], own[32];
    uint32_t chance;
    self->started_us = clock->now_us(clock);
    stamp_print(self->started_us, 0, stamp); /* 2025-09-12T14:30:22Z */
    snprintf(own, sizeof(own), "%.4s%.2s%.2s_%.2s%.2s%.2s", stamp, stamp + 5, stamp + 8, stamp + 11, stamp + 14,
             stamp + 17);
    self->world.random->fill(self->world.random, &chance, sizeof(chance));
    snprintf(self->execution_id, sizeof(self->execution_id), "sync_%s_%08x", own, chance);
    snprintf(self->stamp, sizeof(self->stamp), "%s",
             self->options.marker_stamp != NULL ? self->options.marker_stamp : own);
    uuid7(clock, self->world.random, self->run_id);
}

struct run *run_new(const struct run_world *world, const struct run_options *options,
                    const struct pipeline_config *pipeline, const struct table_config *tables, int table_count)
{
    struct run *self = xcalloc(1, sizeof(*self));
    pthread_mutex_init(&self->lock, NULL);
    pthread_mutex_init(&self->target_turn, NULL);
    self->world = *world;
    self->options = *options;
    self->pipeline = pipeline;
    run_name(self);
    teams_init(self);
    self->routes = xcalloc((size_t)table_count, sizeof(*self->routes));
    self->route_count = table_count;
    for (int i = 0; i < table_count; i++) {
        struct route *r = &self->routes[i];
        r->run = self;
        team_take(&self->teams[0], r);
        r->config = &tables[i];
        r->increment = options->full_refresh ? INCREMENT_FULL_SYNC : r->config->increment;
        r->mode = options->full_refresh ? MODE_REPLACE : r->config->mode;
        struct scope_world scope_world = route_scope_world(r);
        r->scope = scope_new(&scope_world, pipeline->name, r->config->name);
        r->stage_prefix = key_table_prefix(&r->arena, pipeline->stage_prefix, pipeline->name, r->config->name);
        r->rows_left = r->chunks_left = INT64_MAX;
        r->bound.rows_total = -1;
        r->loads_waiting = route_loads(r) ? -1 : 0;
        if (options->limit > 0)
            r->rows_left = options->limit;
        if (options->limit > 0 && options->max_chunks > 0 &&
            __builtin_mul_overflow(options->limit, options->max_chunks, &r->rows_left))
            r->rows_left = INT64_MAX;
        if (options->max_chunks > 0)
            r->chunks_left = options->max_chunks;
    }
    return self;
}

void run_free(struct run *self)
{
    if (self == NULL)
        return;
    for (int i = 0; i < self->route_count; i++) {
        struct route *r = &self->routes[i];
        scope_free(r->scope);
        schema_free(r->known);
        shaping_free(r->shaping);
        keys_free(r->keys);
        waybill_release(&r->chunk.waybill);
        loader_free(r->loader);
        arena_release(&r->arena);
    }
    teams_release(self);
    pthread_mutex_destroy(&self->target_turn);
    pthread_mutex_destroy(&self->lock);
    free(self->routes);
    free(self);
}

/* ---- for the engine's own files ---- */

struct settling run_settling(const struct run *run)
{
    return (struct settling){run->world.store, run->world.clock, run->world.random};
}

RC run_check_stopped(const struct run *run, struct error *err)
{
    if (run->world.stopped != NULL && run->world.stopped(run->world.context, err))
        return err->rc;
    return RC_OK;
}

/* Counting what there is, and waiting for another run, are no measure of how fast rows move. A later bound is: every
 * chunk has one. The lock is held. */
static bool route_is_working(const struct route *r)
{
    static const char *const work[] = {"begin", "extract", "seal", "load"};
    for (size_t i = 0; i < sizeof(work) / sizeof(*work); i++) {
        if (text_eq(r->phase, work[i]))
            return true;
    }
    return text_eq(r->phase, "bound") && r->result.rows_extracted > 0;
}

/* Rows to extract and rows to load; the lock is held. */
static int64_t route_work_total(const struct route *r)
{
    int64_t extracts = route_extracts(r) ? r->rows_total : 0;
    if (extracts < 0 || r->loads_waiting < 0)
        return -1;
    return route_loads(r) ? 2 * extracts + r->loads_waiting : extracts;
}

/* The lock is held. */
static void route_tell(struct route *r, bool done)
{
    struct progress_state state = {
        .table = r->config->name,
        .phase = or_empty(r->phase),
        .rows = r->result.rows_extracted,
        .bytes = r->result.bytes_staged,
        .rows_total = r->rows_total,
        .work = r->result.rows_extracted + r->loaded,
        .work_total = route_work_total(r),
        .is_working = route_is_working(r),
        .is_done = done,
        .waits_for = text_eq(r->phase, "waiting") ? r->waits_for : NULL,
        .result = !done               ? NULL
                  : r->result.through ? "success"
                                      : "failed",
    };
    progress_update(r->run->world.progress, &state);
}

void route_progress(struct route *r, const char *phase, bool done)
{
    pthread_mutex_lock(&r->run->lock);
    r->phase = phase;
    r->rows_total = r->bound.taken ? r->bound.rows_total : -1;
    route_tell(r, done);
    pthread_mutex_unlock(&r->run->lock);
}

void route_loaded(struct route *r, int64_t rows, int64_t waiting)
{
    pthread_mutex_lock(&r->run->lock);
    r->loaded = rows;
    r->loads_waiting = waiting;
    route_tell(r, false);
    pthread_mutex_unlock(&r->run->lock);
}

void route_extracted(struct route *r, const struct extracted *more)
{
    pthread_mutex_lock(&r->run->lock);
    r->result.rows_extracted += more->rows;
    r->result.files_created += more->files;
    r->result.bytes_raw += more->bytes_raw;
    r->result.bytes_staged += more->bytes_staged;
    route_tell(r, false);
    pthread_mutex_unlock(&r->run->lock);
}

/* Rows of several readers queue up behind one another; time in which nothing was read is not made up for. */
int64_t run_pace(struct run *run, int64_t rows)
{
    struct clock *clock = run->world.clock;
    int64_t per_second = run->options.max_rows_per_second, until_ms = 0;
    if (per_second == 0)
        per_second = run->pipeline->max_rows_per_second;
    if (per_second == 0)
        return 0;
    pthread_mutex_lock(&run->lock);
    int64_t now_ms = clock->mono_ms(clock);
    if (run->paced_until_ms < now_ms)
        run->paced_until_ms = now_ms;
    until_ms = run->paced_until_ms += rows * 1000 / per_second;
    pthread_mutex_unlock(&run->lock);
    return until_ms;
}

struct extracted route_extracted_so_far(const struct route *r)
{
    const struct table_result *result = &r->result;
    return (struct extracted){result->rows_extracted, result->files_created, result->bytes_raw, result->bytes_staged};
}

bool route_loads(const struct route *r) { return r->run->world.ends.target != NULL; }
bool route_extracts(const struct route *r) { return r->run->world.ends.source != NULL; }
int64_t route_memory_bytes(const struct route *r) { return r->run->pipeline->max_memory_bytes / r->run->team_count; }

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

/* ---- the run ---- */

static void run_move(struct run *self)
{
    AUTO(schedule) *schedule = schedule_new(self);
    teams_gather(self);
    teams_move(self, schedule);
}

/* After the close: it never holds the mark. What it finds is the table's error, though all its rows are through. */
static void route_audit(struct route *r)
{
    struct table_result *result = &r->result;
    struct audit audit;
    if (r->config->audit == AUDIT_NONE || !route_loads(r) || !route_extracts(r))
        return;
    route_progress(r, "audit", false);
    if (audit_table(r, &audit, &result->error) != RC_OK) {
        result->audit = "error";
        return;
    }
    result->error = (struct error){0};
    result->audit = audit_judge(r, &audit, &result->error) == RC_OK ? "passed" : "failed";
    if (audit.aside > 0 && result->warning == NULL)
        result->warning = audit_aside_text(r, &audit);
}

static void run_close(struct run *self)
{
    for (int i = 0; i < self->route_count; i++) {
        struct route *r = &self->routes[i];
        log_context(self->run_id, self->pipeline->name, r->config->name);
        if (!r->result.through)
            continue;
        if (self->error.rc != RC_OK) {
            spine_fail(r); /* not closed: the next run announces it again */
            continue;
        }
        log_debug("arrow", KV("name", "close"), KV("at", "begin"));
        route_went(r, spine_close(r, &r->result.error));
        if (!r->result.through)
            continue;
        log_debug("arrow", KV("name", "close"), KV("at", "end"));
        route_audit(r);
    }
}

static bool run_was_audited(const struct run *self)
{
    for (int i = 0; i < self->route_count; i++) {
        if (self->routes[i].result.audit != NULL)
            return true;
    }
    return false;
}

RC run_execute(struct run *self, struct error *err)
{
    struct clock *clock = self->world.clock;
    run_move(self);
    self->ended_us = clock->now_us(clock);
    log_context(self->run_id, self->pipeline->name, NULL);
    log_debug("arrow", KV("name", "announce"), KV("at", "begin"));
    if (spine_announce(self, &self->error) == RC_OK)
        self->error = (struct error){0};
    log_context(self->run_id, self->pipeline->name, NULL); /* receipts are a table's matter */
    log_debug("arrow", KV("name", "announce"), KV("at", "end"));
    int before = run_exit_status(self);
    run_close(self);
    if (run_exit_status(self) != before || run_was_audited(self)) {
        struct error ignored; /* the JSON output must not stay green; the close's own failure is what is reported */
        if (announce_outputs(self, &ignored) != RC_OK)
            log_warn("outputs.not_corrected", KV("why", ignored.text));
    }
    log_context(self->run_id, self->pipeline->name, NULL);
    for (int i = 0; i < self->route_count; i++)
        route_progress(&self->routes[i], "done", true);
    log_context(NULL, NULL, NULL);
    if (self->error.rc != RC_OK)
        *err = self->error;
    for (int i = self->route_count - 1; i >= 0; i--) {
        if (self->routes[i].result.error.rc != RC_OK)
            *err = self->routes[i].result.error;
    }
    return run_exit_status(self) == 0 ? RC_OK : err->rc;
}

void run_refuse(struct run *self, const struct error *why)
{
    self->error = *why;
    self->ended_us = self->world.clock->now_us(self->world.clock);
    for (int i = 0; i < self->route_count; i++) {
        struct table_result *result = &self->routes[i].result;
        *result = (struct table_result){.error = *why, .started_us = self->started_us, .ended_us = self->ended_us};
    }
}

int run_exit_status(const struct run *self)
{
    int failed = 0, common = 0;
    for (int i = 0; i < self->route_count; i++) {
        const struct table_result *result = &self->routes[i].result;
        if (result->error.rc == RC_OK)
            continue;
        int status = rc_exit_status(result->error.rc);
        if (rc_is_stop(result->error.rc))
            return status;
        common = failed == 0 || common == status ? status : 1;
        failed++;
    }
    if (failed > 0)
        return failed < self->route_count ? 3 : common;
    return rc_exit_status(self->error.rc);
}

const char *run_status(const struct run *self)
{
    int status = run_exit_status(self);
    return status == 0 ? "success" : status == 3 ? "partial" : "failed";
}

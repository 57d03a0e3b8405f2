#include "world/world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "conform/rows.h"
#include "world/fault_source.h"
#include "world/fault_store.h"
#include "world/fault_target.h"
#include "world/world_intern.h"

static const char *const table_names[WORLD_TABLES] = {"orders", "events", "regions"};
static const char *const composite_key[] = {"shop", "id"};

const char *world_table_name(enum world_table table) { return table_names[table]; }

/* ---- what is moved ---- */

static void configure_tables(struct world *self)
{
    bool merge = self->variant == WORLD_MERGE;
    for (int i = 0; i < WORLD_TABLES; i++) {
        self->tables[i] = (struct table_config){
            .name = table_names[i],
            .target = table_names[i],
            .lag_ms = 5000,
            .lag_is_given = true,
            .chunk = {.bytes = INT64_C(1) << 30, .rows = 4, .time_ms = 600000},
        };
    }
    self->tables[ORDERS].increment = INCREMENT_HYBRID;
    self->tables[ORDERS].mode = MODE_MERGE;
    self->tables[ORDERS].cursor = "updated_at";
    self->tables[ORDERS].cursor_unit = merge ? "s" : NULL;
    if (merge)
        self->tables[ORDERS].key = (struct text_list){.items = (const char **)(uintptr_t)composite_key, .count = 2};
    self->tables[EVENTS].increment = INCREMENT_ID_ONLY;
    self->tables[EVENTS].mode = merge ? MODE_MERGE : MODE_APPEND;
    if (self->variant == WORLD_TIME) {
        self->tables[ORDERS].increment = self->tables[EVENTS].increment = INCREMENT_TIMESTAMP_ONLY;
        self->tables[EVENTS].cursor = "at";
        self->tables[EVENTS].insert_only = true;
    }
    self->tables[REGIONS].increment = INCREMENT_FULL_SYNC;
    self->tables[REGIONS].mode = MODE_REPLACE;
    self->table_count = WORLD_TABLES;
}

static void make_memory(struct world *self)
{
    bool merge = self->variant == WORLD_MERGE;
    self->objects = mem_objects_new(&self->clock.clock);
    self->database = mem_database_new();
    self->server = mem_server_new();
    if (merge)
        mem_server_table(self->server, "orders", schema_of("shop:u! id:l! note:u updated_at:l!"), "shop,id",
                         "updated_at");
    else
        mem_server_table(self->server, "orders", schema_of("id:l! note:u price:d:10,2 updated_at:tss:!"), "id",
                         "updated_at");
    if (self->variant == WORLD_TIME)
        mem_server_table(self->server, "events", schema_of("id:l! note:u at:tss:!"), "", "at");
    else
        mem_server_table(self->server, "events", schema_of("id:l! note:u"), "id", NULL);
    mem_server_table(self->server, "regions", schema_of("code:u! name:u"), "code", NULL);
}

static void log_line(void *context, const char *line, int len)
{
    struct world *self = context;
    pthread_mutex_lock(&self->log_lock);
    buf_add(&self->log, line, (size_t)len);
    pthread_mutex_unlock(&self->log_lock);
    const char *name = strstr(line, " name=");
    if (!self->tracing || self->threads || strstr(line, " arrow ") == NULL || strstr(line, "at=begin") == NULL ||
        name == NULL)
        return;
    assert(self->arrow_count < (int)(sizeof(self->arrows) / sizeof(*self->arrows)));
    self->arrows[self->arrow_count].calls = self->plan.calls;
    snprintf(self->arrows[self->arrow_count].name, sizeof(self->arrows->name), "%.*s", (int)strcspn(name + 6, " \n"),
             name + 6);
    if (self->hit_arrow != NULL && self->plan.at == 0 &&
        strcmp(self->arrows[self->arrow_count].name, self->hit_arrow) == 0)
        self->plan.at = self->plan.calls + self->hit_call;
    self->arrow_count++;
}

struct world *world_new(enum world_variant variant, const char *folder)
{
    struct world *self = xcalloc(1, sizeof(*self));
    self->real = folder != NULL;
    self->batch_rows = 3;
    pthread_mutex_init(&self->log_lock, NULL);
    self->log.max = 64 << 20; /* a run that does not end is a bug */
    self->folder = folder;
    self->variant = variant;
    world_clock_init(&self->clock, INT64_C(1717200000000000), 50);
    world_random_init(&self->random, 7);
    world_hosts_init(&self->hosts);
    self->pipeline = (struct pipeline_config){
        .name = "shop",
        .stage_prefix = "stage",
        .target = "dw",
        .file_bytes = 900,
        .part_bytes = 400,
        .lag_ms = 5000,
        .lease_ms = WORLD_TTL_MS,
        .max_memory_bytes = 64 << 20,
        .readers = 4,
        .parallel = 1,
        .max_pending = 2,
    };
    configure_tables(self);
    if (self->real)
        real_make(self);
    else
        make_memory(self);
    log_configure(
        &(struct log_config){.level = LOG_DEBUG, .clock = &self->clock.clock, .sink = log_line, .context = self});
    return self;
}

void world_free(struct world *self)
{
    if (self == NULL)
        return;
    log_configure(&(struct log_config){.level = LOG_NONE});
    if (self->close_stores != NULL)
        self->close_stores(self);
    mem_objects_free(self->objects);
    mem_server_free(self->server);
    mem_database_free(self->database);
    world_forget_documents(self);
    buf_release(&self->log);
    pthread_mutex_destroy(&self->log_lock);
    arena_release(&self->arena);
    free(self);
}

/* ---- what happens to the source ---- */

static const char *stamp_of_now(struct world *self, bool epoch)
{
    struct form form = epoch ? (struct form){.kind = FORM_EPOCH} : (struct form){.kind = FORM_TEXT, .separator = ' '};
    char text[CURSOR_TEXT];
    form_print(&form, self->clock.us, text);
    return arena_text(&self->arena, text);
}

static const char *row_text(struct world *self, enum world_table table, int id)
{
    bool merge = self->variant == WORLD_MERGE;
    const char *extra = self->has_extra[table] ? "|extra" : "";
    const char *secret = self->misfits ? WORLD_SECRET "\xE9" : WORLD_SECRET;
    int version = self->row++;
    if (table == ORDERS && merge)
        return arena_print(&self->arena, "%s|%d|%s %d|%s%s", id % 2 ? "north" : "south", id, secret, version,
                           stamp_of_now(self, true), extra);
    if (table == ORDERS)
        return arena_print(&self->arena, "%d|%s %d|%d.25|%s%s", id, secret, version, id, stamp_of_now(self, false),
                           extra);
    if (table == EVENTS && self->variant == WORLD_TIME)
        return arena_print(&self->arena, "%d|%s %d|%s%s", id, secret, version, stamp_of_now(self, false), extra);
    if (table == EVENTS)
        return arena_print(&self->arena, "%d|%s %d%s", id, secret, version, extra);
    return arena_print(&self->arena, "r%02d|%s %d%s", id, secret, version, extra);
}

static void write_row(struct world *self, enum world_table table, int id)
{
    const char *row = row_text(self, table, id);
    if (self->real)
        real_put(self, table_names[table], row);
    else
        mem_server_put(self->server, table_names[table], row);
}

void world_insert(struct world *self, enum world_table table, int id, bool tie)
{
    write_row(self, table, id);
    if (!tie)
        world_clock_move_ms(&self->clock, 1000);
}

void world_insert_misfit(struct world *self, enum world_table table, int id)
{
    self->misfits = true;
    world_insert(self, table, id, true);
    self->misfits = false;
}

void world_update(struct world *self, enum world_table table, int id)
{
    world_clock_move_ms(&self->clock, 1000);
    write_row(self, table, id);
}

void world_add_column(struct world *self, enum world_table table)
{
    struct field field = {.name = "extra", .type = TYPE_UTF8, .nullable = true, .source_type = "TEXT"};
    if (self->real)
        real_add_column(self, table_names[table]);
    else
        mem_server_add_column(self->server, table_names[table], &field);
    self->has_extra[table] = true;
}

void world_wait(struct world *self) { world_clock_move_ms(&self->clock, 60000); }

void world_fill(struct world *self)
{
    for (int id = 1; id <= 7; id++)
        world_insert(self, ORDERS, id, id >= 3 && id <= 6);
    for (int id = 1; id <= 6; id++)
        world_insert(self, EVENTS, id, true);
    for (int id = 1; id <= 3; id++)
        world_insert(self, REGIONS, id, true);
    world_wait(self);
}

/* Six rows of orders with one stamp: a group that a chunk of four rows must cut. */
void world_change(struct world *self)
{
    int id = 20 + self->row;
    world_clock_move_ms(&self->clock, 1000);
    for (int i = 0; i < 4; i++)
        world_insert(self, ORDERS, id + i, true);
    write_row(self, ORDERS, 2);
    write_row(self, ORDERS, 5);
    world_update(self, ORDERS, 1);
    for (int i = 0; i < 5; i++)
        world_insert(self, EVENTS, id + i, true);
    world_insert(self, REGIONS, 4, true);
    world_update(self, REGIONS, 1);
    world_wait(self);
}

void world_begin_late(struct world *self, enum world_table table, int id)
{
    mem_server_set_now(self->server, self->clock.us);
    if (self->late == NULL)
        self->late = mem_server_begin(self->server);
    mem_transaction_put(self->late, table_names[table], row_text(self, table, id));
    world_clock_move_ms(&self->clock, 1000);
    mem_server_set_now(self->server, self->clock.us);
}

void world_commit_late(struct world *self)
{
    if (self->late != NULL)
        mem_transaction_commit(TAKE(self->late));
}

void world_keep_moving(struct world *self, const char *operation)
{
    enum { MOVES_MAX = 200, PERIOD = 4, OPEN_FOR = 2 };
    int phase = self->moves % PERIOD;
    if (self->moves++ >= MOVES_MAX)
        return;
    if (phase == OPEN_FOR)
        world_commit_late(self);
    else if (phase == 0)
        world_begin_late(self, ORDERS,
                         self->moves % (2 * PERIOD) == 1 ? 100 + self->moves : 1 + self->moves / PERIOD % 7);
}

void world_rest(struct world *self)
{
    world_commit_late(self);
    self->moving = NULL;
    world_wait(self);
}

/* ---- processes ---- */

struct process {
    struct world *world;
    struct fault_plan *plan;
    struct process *below; /* opened before this one */
    int number;
    struct fault_clock clock;
    struct fault_plan sound;
    struct ends ends;
    struct store *store;
    bool was_tracing;
};

static void server_follows_clock(void *context, const char *operation)
{
    struct world *self = context;
    mem_server_set_now(self->server, world_clock_us(&self->clock) + self->source_ahead_us);
    if (self->moving != NULL)
        self->moving(self, operation);
}

static struct ends open_ends(struct world *self, struct fault_plan *plan, bool again)
{
    struct ends ends;
    if (self->real) {
        ends = real_open_ends(self, again);
    } else {
        ends.source = mem_source_open(self->server, "shop", self->batch_rows);
        ends.target = again && self->takes_turns ? NULL : mem_target_new(self->database, "dw");
    }
    ends.source = fault_source_new(ends.source, plan);
    if (ends.target != NULL)
        ends.target = fault_target_new(ends.target, plan);
    if (ends.target != NULL)
        ends.target->is_exclusive |= self->takes_turns;
    return ends;
}

/* What this run has no use for is not opened. */
static RC open_more(void *context, struct ends *ret, struct error *err)
{
    struct process *p = context;
    struct ends ends = open_ends(p->world, p->plan, true);
    const struct run_options *options = &p->world->options;
    if (options->redshift_only)
        source_free(TAKE(ends.source));
    if (p->world->no_target || options->backup_only)
        target_free(TAKE(ends.target));
    *ret = ends;
    return RC_OK;
}

static struct process *process_start(struct world *self, bool hit)
{
    struct process *p = xcalloc(1, sizeof(*p));
    struct fault_plan *plan = hit ? &self->plan : &p->sound;
    p->world = self;
    p->plan = plan;
    p->number = self->processes++ % WORLD_PROCESSES_MAX; /* pids are used again when their processes are long gone */
    self->hosts.gone[p->number] = false;
    fault_clock_init(&p->clock, &self->clock.clock, plan);
    if (!self->real)
        mem_server_hook(self->server, server_follows_clock, self);
    p->ends = open_ends(self, plan, false);
    if (self->real)
        p->store = real_open_store(self);
    else
        p->store = self->open_store != NULL ? self->open_store(self, &p->clock.clock, plan)
                                            : mem_store_open(self->objects, "lake");
    if (self->open_store == NULL)
        p->store = fault_store_new(p->store, plan);
    p->was_tracing = self->tracing;
    self->tracing = hit;
    world_clock_move_ms(&self->clock, 1000); /* two runs never begin within one second: their markers are told apart */
    if (hit) {
        self->arrow_count = 0;
        self->plan.calls = self->plan.fired = 0;
        self->plan.crashed = false;
    }
    return p;
}

static void process_end(struct world *self, struct process *p)
{
    source_free(p->ends.source);
    target_free(p->ends.target);
    store_free(p->store);
    self->hosts.gone[p->number] = true;
    self->tracing = p->was_tracing;
    free(p);
}

static struct run *process_run(struct world *self, struct process *p)
{
    bool loads = !self->no_target && !self->options.backup_only;
    struct run_world world = {
        .ends = {.source = self->options.redshift_only ? NULL : p->ends.source,
                 .target = loads ? p->ends.target : NULL},
        .open_ends = open_more,
        .context = p,
        .store = p->store,
        .markers = p->store,
        .clock = &p->clock.clock,
        .random = &self->random.random,
        .host = &self->hosts.host[p->number],
        .threads = self->threads,
        .progress = self->progress,
    };
    self->pipeline.target = self->no_target ? NULL : "dw";
    return run_new(&world, &self->options, &self->pipeline, self->tables, self->table_count);
}

struct world_report world_run(struct world *self, bool hit)
{
    struct world_report report = {0};
    struct process *p = process_start(self, hit);
    struct run *run = process_run(self, p);
    report.rc = run_execute(run, &report.error);
    report.exit_status = run_exit_status(run);
    for (int i = 0; i < run->route_count; i++) {
        report.results[i] = run->routes[i].result;
        report.results[i].warning =
            arena_text(&self->arena, report.results[i].warning); /* the run's own goes with it */
    }
    if (report.rc != RC_OK)
        buf_addf(&self->log, "%s\n%s\n", report.error.text, report.error.todo);
    run_free(run);
    process_end(self, p);
    return report;
}

struct run *world_open(struct world *self, bool hit)
{
    struct process *p = process_start(self, hit);
    p->below = self->opened;
    self->opened = p;
    return process_run(self, p);
}

void world_close(struct world *self, struct run *run)
{
    struct process *p = self->opened;
    self->opened = p->below;
    run_free(run);
    process_end(self, p);
}

const char *world_arrow_of(const struct world *self, int call)
{
    const char *arrow = "open";
    for (int i = 0; i < self->arrow_count && self->arrows[i].calls < call; i++)
        arrow = self->arrows[i].name;
    return arrow;
}

#include "sweep/scenarios.h"

#include <assert.h>

#include "conform/rows.h"
#include "move/mend.h"
#include "sweep/s3_world.h"

static void run_clean(struct world *w)
{
    struct world_report report = world_run(w, false);
    if (report.rc != RC_OK)
        fprintf(stderr, "a run without faults failed: %s\n", report.error.text);
    assert(report.rc == RC_OK);
}

static void nothing_moved_yet(struct world *w) { world_fill(w); }

/* New rows, changed rows, a tie that a chunk must cut, and a column that the source did not have. */
static void moved_once(struct world *w)
{
    world_fill(w);
    run_clean(w);
    world_add_column(w, ORDERS);
    world_change(w);
}

static void stage(struct world *w)
{
    w->options = (struct run_options){.backup_only = true};
    run_clean(w);
    w->options = (struct run_options){0};
}

/* Waybills wait for their load. */
static void staged_twice(struct world *w)
{
    world_fill(w);
    stage(w);
    world_change(w);
    stage(w);
}

/* A process dies at a call of an arrow. */
static void die_in(struct world *w, const char *arrow, int call)
{
    w->options = (struct run_options){.backup_only = true};
    w->plan = (struct fault_plan){.fault = FAULT_CRASH_AFTER};
    w->hit_arrow = arrow;
    w->hit_call = call;
    world_run(w, true);
    assert(w->plan.crashed);
    w->hit_arrow = NULL;
    w->options = (struct run_options){0};
}

/* Two waybills wait, and a process died while it extracted the next one. */
static void died_in_extract(struct world *w)
{
    world_fill(w);
    run_clean(w);
    world_change(w);
    stage(w);
    world_change(w);
    stage(w);
    world_add_column(w, ORDERS);
    world_change(w);
    die_in(w, "extract", 8);
}

/* A process died between the seal's PUT and the mark: its waybill is sealed, and S does not name it. */
static void died_in_seal(struct world *w)
{
    world_fill(w);
    run_clean(w);
    world_change(w);
    die_in(w, "seal", 2);
    assert(strcmp(w->plan.operation, "put") == 0);
}

static void only(struct world *w, enum world_table table)
{
    w->tables[0] = w->tables[table];
    w->table_count = 1;
}

/* A cleaner comes: a chain, rows that wait to be moved, what a dead process left under a tombstone, and a stray file.
 */
static void left_behind(struct world *w)
{
    only(w, ORDERS);
    world_fill(w);
    run_clean(w);
    world_change(w);
    die_in(w, "extract", 8);
    run_clean(w);
    mem_objects_put(w->objects,
                    "stage/shop/orders/dt=2024-05-31/wb=0192dead-0000-7000-8000-000000000000/file-00000.parquet",
                    S("a zombie's"));
    world_change(w);
}

/* Two waybills are loaded, one waits. */
static void loaded_and_waiting(struct world *w)
{
    only(w, ORDERS);
    world_fill(w);
    run_clean(w);
    world_change(w);
    stage(w);
    world_change(w);
}

/* A person comes while a waybill waits and another one is sealed and in flight. */
static void waiting_and_in_flight(struct world *w)
{
    only(w, ORDERS);
    world_fill(w);
    run_clean(w);
    world_change(w);
    stage(w);
    world_change(w);
    die_in(w, "seal", 2);
}

/* S is gone, and what T names was never announced. */
static void scope_lost(struct world *w)
{
    only(w, ORDERS);
    world_fill(w);
    run_clean(w);
    world_change(w);
    w->plan = (struct fault_plan){.fault = FAULT_CRASH_AFTER};
    w->hit_arrow = "announce";
    w->hit_call = 1;
    world_run(w, true);
    assert(w->plan.crashed);
    w->hit_arrow = NULL;
    mem_objects_remove(w->objects, "watermark/tables/shop/orders.json");
}

/* Rows are stamped, and commit later, at any moment. */
static void moving(struct world *w)
{
    only(w, ORDERS);
    w->tables[0].lag_ms = 0;
    world_fill(w);
    run_clean(w);
    world_change(w);
    w->moving = world_keep_moving;
}

/* A row comes with a stamp of an hour ago, and so does a change. */
static void stamped_late(struct world *w)
{
    enum { LATE_US = 3600 * 1000000LL };
    only(w, ORDERS);
    w->tables[0].lookback_ms = INT64_C(2) * 3600 * 1000;
    world_fill(w);
    run_clean(w);
    w->clock.us -= LATE_US;
    world_insert(w, ORDERS, 11, true);
    w->clock.us += LATE_US;
    world_change(w);
}

/* The same histories; from here on the store is S3. */
static void nothing_moved_yet_s3(struct world *w)
{
    nothing_moved_yet(w);
    s3_world(w);
}

static void moved_once_s3(struct world *w)
{
    s3_world(w);
    moved_once(w);
}

static void died_in_extract_s3(struct world *w)
{
    died_in_extract(w);
    s3_world(w);
}

static void died_in_seal_s3(struct world *w)
{
    died_in_seal(w);
    s3_world(w);
}

static void staged_twice_s3(struct world *w)
{
    s3_world(w);
    staged_twice(w);
}

/* Every table is audited behind its close. */
static void audited(struct world *w)
{
    moved_once(w);
    for (int i = 0; i < WORLD_TABLES; i++)
        w->tables[i].audit = AUDIT_PROFILE;
}

/* Rows are deleted in the source, between changes. */
static void rows_deleted(struct world *w)
{
    only(w, ORDERS);
    w->tables[0].delete_detection = DELETES_BY_KEYS;
    w->tables[0].delete_max = 10;
    world_fill(w);
    run_clean(w);
    world_change(w);
    bool has_shop = w->variant == WORLD_MERGE;
    mem_server_delete(w->server, "orders", has_shop ? "north|3" : "3");
    mem_server_delete(w->server, "orders", has_shop ? "south|6" : "6");
}

/* Ranges of ids, some of them read for a second time. */
static void ranges_replaced(struct world *w)
{
    only(w, EVENTS);
    w->tables[0].mode = MODE_DELETE_INSERT;
    world_fill(w);
    run_clean(w);
    struct world_report report = world_reset(w, false);
    assert(report.rc == RC_OK);
    world_change(w);
}

/* A person sets the mark back to the beginning, and the last ids are gone by now. */
static void ranges_emptied(struct world *w)
{
    only(w, EVENTS);
    w->tables[0].mode = MODE_DELETE_INSERT;
    world_fill(w);
    run_clean(w);
    mem_server_delete(w->server, "events", "5");
    mem_server_delete(w->server, "events", "6");
    struct world_report report = world_reset(w, false);
    assert(report.rc == RC_OK);
}

static void swapped(struct world *w)
{
    only(w, REGIONS);
    w->tables[0].replace_by = REPLACE_BY_SWAP;
    moved_once(w);
}

/* Rows that no file can hold, among others and alone at the end. */
static void some_do_not_fit(struct world *w)
{
    only(w, ORDERS);
    w->tables[0].quarantine = 4;
    world_fill(w);
    world_insert_misfit(w, ORDERS, 11);
    run_clean(w);
    world_change(w);
    for (int id = 90; id < 93; id++)
        world_insert_misfit(w, ORDERS, id);
    world_wait(w);
}

/* Somebody has written into the target, and a row is gone from the source. */
static void spoilt(struct world *w)
{
    only(w, ORDERS);
    world_fill(w);
    run_clean(w);
    world_spoil(w, ORDERS, "2", "note", "spoilt");
    world_spoil(w, ORDERS, "5", "updated_at", "4102444800"); /* newer than the source's will ever be */
    mem_server_delete(w->server, "orders", "north|3");
}

static const char *const spoilt_keys[] = {"[\"south\", 2]", "[\"north\", 5]", "[\"north\", 3]"};
static const struct mend_request repair = {
    .keys = {(const char **)(uintptr_t)spoilt_keys, 3},
    .delete_gone = true,
};

/* Rows change, and a run of another process brings them: a repair that has slept meanwhile has older ones at hand. */
static struct world_report change_and_run(struct world *w, bool hit)
{
    const struct run_options options = w->options;
    w->options = (struct run_options){0};
    world_change(w);
    struct world_report report = world_run(w, hit);
    w->options = options;
    return report;
}

/* A row has changed, and its cursor has not: the backfill alone brings it. */
static void changed_in_place(struct world *w)
{
    only(w, ORDERS);
    world_fill(w);
    int64_t stamped_us = w->clock.us;
    world_insert(w, ORDERS, 10, false);
    world_wait(w);
    run_clean(w);
    int64_t now_us = w->clock.us;
    w->clock.us = stamped_us;
    world_insert(w, ORDERS, 10, false);
    w->clock.us = now_us;
}

enum { HOUR = 3600, BEGAN = 1717200000 }; /* seconds; BEGAN: when worlds begin */
#define SECONDS(seconds) (INT64_C(1000000) * (seconds))

/* Seven rows of the second hour; the last one has a stamp of its own. */
static void changed_in_the_second_hour(struct world *w)
{
    only(w, ORDERS);
    world_fill(w);
    run_clean(w);
    w->tables[0].chunk.rows = 3; /* what is read again is more than a chunk, too */
    assert(w->clock.us < SECONDS(BEGAN + HOUR));
    w->clock.us = SECONDS(BEGAN + HOUR);
    world_change(w);
}

/* Rows that have no cursor: one of them changes, one gets a cursor, and another row loses its own. */
static void without_cursors(struct world *w)
{
    only(w, ORDERS);
    w->tables[0].null_cursor = NULL_CURSOR_INCLUDE;
    mem_server_alter(w->server, "orders", schema_of("id:l! note:u price:d:10,2 updated_at:tss:"));
    world_fill(w);
    for (int id = 50; id < 56; id++)
        mem_server_put(w->server, "orders", arena_print(&w->arena, "%d|" WORLD_SECRET "|%d.50|NULL", id, id));
    run_clean(w);
    world_change(w);
    mem_server_put(w->server, "orders", "50|" WORLD_SECRET " changed|1.00|NULL");
    mem_server_put(w->server, "orders", "7|" WORLD_SECRET " lost it|1.00|NULL");
    world_update(w, ORDERS, 51);
    world_wait(w);
}

/* A process died when it had sealed the table for the second time, and its command is given again. */
static void appended_whole(struct world *w)
{
    only(w, REGIONS);
    w->tables[0].mode = MODE_APPEND;
    world_fill(w);
    run_clean(w);
    die_in(w, "seal", 2);
    assert(strcmp(w->plan.operation, "put") == 0);
}

static bool came_once_more(struct world *w, const struct world_report *report, struct buf *why)
{
    int64_t rows = mem_database_rows(w->database, "regions");
    if (report->rc == RC_OK && rows != INT64_C(2) * 3)
        buf_addf(why, "a table of 3 rows that was appended twice has %d\n", (int)rows);
    return why->len == 0;
}

/* Keys wait for their load, behind and before rows. */
static void deletes_staged(struct world *w)
{
    rows_deleted(w);
    stage(w);
    world_change(w);
    mem_server_delete(w->server, "orders", "4");
    stage(w);
}

/* Two connections to the source, turns with the target; orders, the first one, waits for regions. */
static void several_at_once(struct world *w)
{
    static const char *needed[] = {"regions"};
    moved_once(w);
    w->pipeline.strategy = STRATEGY_INTER_TABLE;
    w->pipeline.parallel = WORLD_TABLES;
    w->pipeline.max_memory_bytes = 1 << 30;
    w->takes_turns = true;
    w->tables[ORDERS].depends_on = (struct text_list){needed, 1};
}

static bool orders_waited_for_regions(struct world *w, const struct world_report *report, struct buf *why)
{
    AUTO_RELEASE(buf) source = {0};
    AUTO_RELEASE(buf) target = {0};
    world_print_source(w, REGIONS, &source);
    world_print_target(w, REGIONS, &target);
    const struct table_result *orders = &report->results[ORDERS];
    bool was_begun = orders->started_us != 0 && !orders->skipped;
    if (was_begun && !str_eq(buf_str(&source), buf_str(&target)))
        buf_addf(why, "orders was begun, and depends on regions, which was not through\n");
    return why->len == 0;
}

static void left_behind_s3(struct world *w)
{
    left_behind(w);
    s3_world(w);
}

/* clang-format off */
#define SCENARIOS(name, variant)                                                                                      \
    {name "/first", variant, nothing_moved_yet},                                                                      \
    {name "/incremental", variant, moved_once},                                                                       \
    {name "/recovery", variant, died_in_extract},                                                                     \
    {name "/sealed", variant, died_in_seal},                                                                          \
    {name "/backup-only", variant, moved_once, .options = {.backup_only = true}, .rules = {.waiting = true}},         \
    {name "/load-only", variant, staged_twice, .options = {.redshift_only = true}},                                   \
    {name "/lookback", variant, stamped_late, .in_memory = true},                                                     \
    {name "/audited", variant, audited, .in_memory = true, .sparse = 3},                                              \
    {name "/deletes", variant, rows_deleted, .in_memory = true, .sparse = 2},                                         \
    {name "/ranges", variant, ranges_replaced, .in_memory = true, .sparse = 2},                                       \
    {name "/quarantine", variant, some_do_not_fit, .in_memory = true, .sparse = 3},                                   \
    {name "/refresh", variant, moved_once, .options = {.full_refresh = true}},                                        \
    {name "/no-target", variant, moved_once, .no_target = true, .rules = {.waiting = true}},                          \
    {name "/moving", variant, moving, .rules = {.moving = true}, .in_memory = true},                                  \
    {name "/cleaner", variant, left_behind, .command = world_clean, .rules = {.waiting = true}, .in_memory = true},   \
    {name "/cleaned", variant, left_behind, .meanwhile = world_clean, .rules = {.zombies = true}, .in_memory = true}, \
    {name "/parts", variant, loaded_and_waiting, .command = world_clean_parts,                                        \
         .rules = {.waiting = true, .cleaned = true}, .in_memory = true, .sparse = 3},                               \
    {name "/parts-gone", variant, loaded_and_waiting, .meanwhile = world_clean_parts,                                 \
         .rules = {.zombies = true, .cleaned = true}, .in_memory = true, .sparse = 3},                               \
    {name "/reset", variant, waiting_and_in_flight, .command = world_reset,                                           \
         .rules = {.waiting = true, .zombies = true}, .in_memory = true},                                             \
    {name "/restore", variant, scope_lost, .command = world_restore,                                                  \
         .rules = {.waiting = true, .lost = true}, .in_memory = true}
/* Groups of equal cursors that are larger than a chunk, and a table without a key. */
#define SCENARIOS_OF_TIME(name)                                                                                       \
    {name "/first", WORLD_TIME, nothing_moved_yet},                                                                   \
    {name "/recovery", WORLD_TIME, died_in_extract},                                                                  \
    {name "/deletes", WORLD_TIME, rows_deleted, .in_memory = true, .sparse = 2},                                      \
    {name "/ranges", WORLD_TIME, ranges_replaced, .in_memory = true, .sparse = 2},                                    \
    {name "/moving", WORLD_TIME, moving, .rules = {.moving = true}, .in_memory = true}
/* Requests to S3: each has a signature, checksums and XML around it, so they are thinned. */
#define S3_ONLY .in_memory = true, .seam = "http", .sparse = 12
#define SCENARIOS_OF_S3(name, variant)                                                                                \
    {name "/first", variant, nothing_moved_yet_s3, S3_ONLY},                                                          \
    {name "/incremental", variant, moved_once_s3, S3_ONLY},                                                           \
    {name "/recovery", variant, died_in_extract_s3, S3_ONLY},                                                         \
    {name "/sealed", variant, died_in_seal_s3, S3_ONLY},                                                              \
    {name "/load-only", variant, staged_twice_s3, .options = {.redshift_only = true}, S3_ONLY},                       \
    {name "/cleaner", variant, left_behind_s3, .command = world_clean, .rules = {.waiting = true}, S3_ONLY}
/* What is done in one way, or seldom: the arrows around it, and as a rule the seal, are those of all others. */
#define SCENARIOS_OF_THEIR_OWN                                                                                        \
    {"merge/repair", WORLD_MERGE, spoilt, .options = {.repair = &repair, .overwrites = true},                         \
         .meanwhile = change_and_run, .in_memory = true, .arrows = {"bound", "extract", "seal", "load"}},             \
    {"time/backfill", WORLD_TIME, changed_in_place, .options = {.has_start = true, .start_us = SECONDS(BEGAN),        \
         .has_end = true, .end_us = SECONDS(BEGAN + HOUR)}, .in_memory = true, .arrows = {"bound", "extract", "load"}}, \
    {"append/advance", WORLD_APPEND, changed_in_the_second_hour, .options = {.has_start = true,                       \
         .start_us = SECONDS(BEGAN), .has_end = true, .end_us = SECONDS(BEGAN + HOUR + 2), .advance = true},          \
         .rules = {.waiting = true}, .in_memory = true, .arrows = {"seal", "load"}},                                  \
    {"append/nulls", WORLD_APPEND, without_cursors, .in_memory = true, .arrows = {"bound", "extract", "load"}},       \
    {"append/whole", WORLD_APPEND, appended_whole, .rules = {.copies = true}, .holds = came_once_more, .in_memory = true, \
         .arrows = {"bound", "begin", "seal", "load", "announce"}},                                                   \
    {"append/deletes-staged", WORLD_APPEND, deletes_staged, .options = {.redshift_only = true}, .in_memory = true,    \
         .arrows = {"adopt", "load"}},                                                                                \
    {"append/several", WORLD_APPEND, several_at_once, .holds = orders_waited_for_regions,                             \
         .in_memory = true, .arrows = {"take", "load", "announce"}},                                                  \
    {"append/ranges-emptied", WORLD_APPEND, ranges_emptied, .in_memory = true, .arrows = {"bound", "seal", "load"}}
/* clang-format on */

const struct scenario scenarios[] = {
    SCENARIOS("append", WORLD_APPEND),           SCENARIOS("merge", WORLD_MERGE), SCENARIOS_OF_TIME("time"),
    {"swap/incremental", WORLD_APPEND, swapped}, SCENARIOS_OF_THEIR_OWN,          SCENARIOS_OF_S3("s3", WORLD_APPEND)};
const int scenario_count = sizeof(scenarios) / sizeof(*scenarios);

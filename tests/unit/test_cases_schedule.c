/* Several tables at once, in which order, and who waits for whom: the same rows, the same reports, each table's own
 * (cases S09, S56, S75). */
#include "case.h"
#include "move/team.h"

enum { MANY_ROWS = 60 };

static const struct {
    enum strategy strategy;
    bool threads, takes_turns;
} ways[] = {
    {STRATEGY_SEQUENTIAL, false, false}, {STRATEGY_INTER_TABLE, false, false}, {STRATEGY_INTER_TABLE, true, false},
    {STRATEGY_INTER_TABLE, true, true},  {STRATEGY_INTRA_TABLE, true, false},
};
enum { WAYS = sizeof(ways) / sizeof(*ways) };

static struct world *world_by(int way, enum world_variant variant)
{
    struct world *w = world_new(variant, NULL);
    w->pipeline.strategy = ways[way].strategy;
    w->pipeline.parallel = ways[way].strategy == STRATEGY_INTER_TABLE ? 3 : 1;
    w->pipeline.max_memory_bytes = 1 << 30;
    w->threads = ways[way].threads;
    w->takes_turns = ways[way].takes_turns;
    return w;
}

static void fill_more(struct world *w)
{
    world_fill(w);
    for (int id = 20; id < 20 + MANY_ROWS; id++) {
        world_insert(w, ORDERS, id, id % 7 < 3);
        world_insert(w, EVENTS, id, true);
    }
    world_wait(w);
}

/* What of a result does not depend on time. */
static void assert_same_result(const struct table_result *a, const struct table_result *b)
{
    assert_int_equal(a->through, b->through);
    assert_int_equal(a->rows_extracted, b->rows_extracted);
    assert_int_equal(a->rows_loaded, b->rows_loaded);
    assert_int_equal(a->rows_announced, b->rows_announced);
    assert_int_equal(a->waybills, b->waybills);
    assert_int_equal(a->loads, b->loads);
    assert_int_equal(a->bytes_raw, b->bytes_raw);
    assert_int_equal(a->null_cursors, b->null_cursors);
}

static void s09_every_strategy_moves_the_same_rows_and_says_the_same_of_each_table(void **state)
{
    static const enum world_variant variants[] = {WORLD_APPEND, WORLD_MERGE, WORLD_TIME};
    for (int v = 0; v < 3; v++) {
        struct world_report first = {0}, second = {0};
        for (int way = 0; way < WAYS; way++) {
            AUTO(world) *w = world_by(way, variants[v]);
            fill_more(w);
            struct world_report report = run_ok(w);
            assert_all_is_well(w);
            first = way == 0 ? report : first;
            for (int i = 0; i < WORLD_TABLES; i++)
                assert_same_result(&first.results[i], &report.results[i]);
            world_change(w);
            report = run_ok(w);
            assert_all_is_well(w);
            second = way == 0 ? report : second;
            for (int i = 0; i < WORLD_TABLES; i++)
                assert_same_result(&second.results[i], &report.results[i]);
        }
    }
}

static void s56_a_limit_holds_for_each_table_however_many_move_it(void **state)
{
    for (int way = 0; way < WAYS; way++) {
        AUTO(world) *w = world_by(way, WORLD_MERGE);
        w->tables[REGIONS] = w->tables[EVENTS]; /* --limit and replace do not go together */
        w->table_count = 2;
        for (int i = 0; i < w->table_count; i++)
            w->tables[i].chunk.rows = way % 2 ? 1000 : 5; /* which the limit is no multiple of */
        fill_more(w);
        w->options.limit = 17;
        struct world_report report = run_ok(w);
        assert_int_equal(report.results[ORDERS].rows_extracted, 17);
        assert_int_equal(report.results[EVENTS].rows_extracted, 17);
        assert_int_equal(target_rows(w, "orders"), 17);
        w->options.max_chunks = 2;
        report = run_ok(w);
        assert_int_equal(report.results[EVENTS].rows_extracted, 34);
        assert_int_equal(report.results[EVENTS].waybills, 2);
        w->options = (struct run_options){0};
        run_ok(w);
        assert_all_is_well(w);
    }
}

static void intra_table_splits_what_is_too_little_to_be_split_otherwise(void **state)
{
    for (int split = 0; split < 2; split++) {
        AUTO(world) *w = world_by(split ? 4 : 3, WORLD_APPEND);
        w->pipeline.parallel = 1;
        w->pipeline.part_bytes = w->pipeline.file_bytes = 16 << 20; /* one file for each lane */
        w->tables[ORDERS].chunk.rows = 1000;
        fill_more(w);
        run_ok(w);
        assert_int_equal(strstr(w->log.at, "file-00003.parquet") != NULL, split);
        assert_all_is_well(w);
    }
}

static void the_scope_document_says_by_which_strategy(void **state)
{
    AUTO(world) *w = world_by(1, WORLD_APPEND);
    world_fill(w);
    run_ok(w);
    assert_non_null(strstr(scope_text(w, "events").at, "\"backup_strategy\": \"inter-table\""));
}

/* ---- how many at once ---- */

static int teams_of(struct world *w)
{
    struct run *run = world_open(w, false);
    teams_gather(run);
    int count = run->team_count;
    world_close(w, run);
    return count;
}

static void as_many_tables_are_moved_at_once_as_there_is_memory_for(void **state)
{
    AUTO(world) *w = world_by(2, WORLD_APPEND);
    assert_int_equal(teams_of(w), 3);
    w->pipeline.parallel = 2;
    assert_int_equal(teams_of(w), 2);
    w->pipeline.parallel = 16;
    assert_int_equal(teams_of(w), 3); /* there are no more tables */
    w->pipeline.max_memory_bytes = 128 << 20;
    assert_int_equal(teams_of(w), 2);
    w->pipeline.max_memory_bytes = 64 << 20;
    assert_int_equal(teams_of(w), 1);
    w->pipeline.max_memory_bytes = 1 << 30;
    w->pipeline.strategy = STRATEGY_INTRA_TABLE;
    assert_int_equal(teams_of(w), 1);
}

/* The server lets only so many in. */
static RC no_more_ends(void *context, struct ends *ret, struct error *err)
{
    return fail(err, RC_UNAVAILABLE, "too many connections");
}

static void a_connection_that_cannot_be_had_leaves_fewer_at_once_and_all_are_moved(void **state)
{
    AUTO(world) *w = world_by(2, WORLD_APPEND);
    struct error err;
    fill_more(w);
    struct run *run = world_open(w, false);
    run->world.open_ends = no_more_ends;
    assert_int_equal(run_execute(run, &err), RC_OK);
    assert_int_equal(run->team_count, 1);
    world_close(w, run);
    assert_non_null(strstr(w->log.at, "too many connections"));
    assert_all_is_well(w);
}

/* ---- turns ---- */

/* Who is inside of a load, and whether another thread has called the target meanwhile. The first one inside waits for
 * that, for a second at most: whoever need not wait for its turn comes by then. */
static struct turns {
    pthread_mutex_t lock;
    pthread_cond_t disturbing;
    pthread_t owner;
    bool is_taken, has_waited;
    int disturbed, loads;
} turns;

static void wait_for_another(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    while (turns.disturbed == 0 && pthread_cond_timedwait(&turns.disturbing, &turns.lock, &until) == 0)
        ;
    turns.has_waited = true;
}

static void watch_turns(struct fault_plan *plan, const char *seam, const char *operation)
{
    if (strcmp(seam, "target") != 0)
        return;
    pthread_mutex_lock(&turns.lock);
    if (turns.is_taken && !pthread_equal(turns.owner, pthread_self())) {
        turns.disturbed++;
        pthread_cond_broadcast(&turns.disturbing);
    } else if (strcmp(operation, "begin") == 0) {
        turns.loads++;
        turns.is_taken = true;
        turns.owner = pthread_self();
        if (!turns.has_waited)
            wait_for_another();
    } else if (strcmp(operation, "commit") == 0) {
        turns.is_taken = false;
    }
    pthread_mutex_unlock(&turns.lock);
}

static void an_exclusive_target_is_left_alone_by_all_others_while_one_loads(void **state)
{
    AUTO(world) *w = world_by(3, WORLD_MERGE);
    assert_true(w->takes_turns);
    turns = (struct turns){.lock = PTHREAD_MUTEX_INITIALIZER, .disturbing = PTHREAD_COND_INITIALIZER};
    w->plan.asked = watch_turns;
    fill_more(w);
    assert_int_equal(world_run(w, true).rc, RC_OK);
    assert_int_equal(turns.disturbed, 0);
    assert_true(turns.has_waited && turns.loads > WORLD_TABLES);
    assert_all_is_well(w);
}

/* ---- depends_on ---- */

static void depend(struct world *w, enum world_table table, const char **names, int count)
{
    w->tables[table].depends_on = (struct text_list){names, count};
}

static int place_in_log(struct world *w, const char *table)
{
    char text[64];
    snprintf(text, sizeof(text), "table=%s name=take at=begin", table);
    const char *at = strstr(w->log.at, text);
    assert_non_null(at);
    return (int)(at - w->log.at);
}

static int end_in_log(struct world *w, const char *table)
{
    char text[64];
    snprintf(text, sizeof(text), "table=%s name=load at=end", table);
    int last = -1;
    for (const char *at = w->log.at; (at = strstr(at, text)) != NULL; at++)
        last = (int)(at - w->log.at);
    return last;
}

static void a_table_begins_when_those_it_depends_on_are_through(void **state)
{
    static const char *regions[] = {"regions"}, *both[] = {"e*", "regions"};
    for (int way = 0; way < WAYS; way++) {
        AUTO(world) *w = world_by(way, WORLD_APPEND);
        depend(w, EVENTS, regions, 1);
        depend(w, ORDERS, both, 2);
        fill_more(w);
        run_ok(w);
        assert_true(end_in_log(w, "regions") < place_in_log(w, "events"));
        assert_true(end_in_log(w, "events") < place_in_log(w, "orders"));
        assert_all_is_well(w);
    }
}

static void what_depends_on_a_table_that_failed_is_skipped_and_the_others_go_on(void **state)
{
    static const char *orders[] = {"orders"}, *events[] = {"events"}, *missing[] = {"not moved by this run"};
    for (int way = 0; way < WAYS; way++) {
        AUTO(world) *w = world_by(way, WORLD_APPEND);
        depend(w, EVENTS, orders, 1);
        depend(w, REGIONS, missing, 1);
        fill_more(w);
        w->tables[ORDERS].name = "nowhere"; /* there is no such table */
        orders[0] = "nowhere";
        struct world_report report = run_expecting(w, RC_NOT_FOUND);
        assert_int_equal(report.exit_status, 3);
        assert_true(report.results[REGIONS].through);
        assert_true(report.results[EVENTS].skipped);
        assert_int_equal(report.results[EVENTS].error.rc, RC_NOT_FOUND);
        assert_non_null(strstr(report.results[EVENTS].error.text, "'nowhere'"));
        assert_int_equal(target_rows(w, "events"), -1);

        depend(w, REGIONS, events, 1); /* a chain of them, the last in the list's order first */
        report = run_expecting(w, RC_NOT_FOUND);
        assert_int_equal(report.exit_status, 4); /* none is through, and all for one reason */
        assert_true(report.results[EVENTS].skipped && report.results[REGIONS].skipped);
        w->tables[ORDERS].name = orders[0] = "orders";
        run_ok(w);
        assert_all_is_well(w);
    }
}

/* ---- --wait ---- */

/* Another run's lease on a table; whoever waits for it is heard here. */
static struct owner {
    struct progress progress; /* the first */
    struct run *run;
    int waits, beats_max; /* after so many it gives the lease; below 0: never */
    char waits_for[160];
} owner;

static void beat_or_give(struct progress *self, const struct progress_state *state)
{
    struct error err;
    if (!text_eq(state->phase, "waiting"))
        return;
    struct scope *scope = owner.run->routes[0].scope;
    snprintf(owner.waits_for, sizeof(owner.waits_for), "%s", or_empty(state->waits_for));
    owner.waits++;
    if (owner.beats_max >= 0 && owner.waits > owner.beats_max) {
        if (scope_is_mine(scope))
            assert_int_equal(scope_give(scope, NULL, &err), RC_OK);
        return;
    }
    assert_int_equal(scope_beat(scope, &err), RC_OK);
}

static struct world *world_with_an_owner(int beats_max)
{
    struct error err;
    struct world *w = world_of(WORLD_APPEND, ORDERS);
    world_fill(w);
    run_ok(w);
    world_change(w);
    owner = (struct owner){.progress = {beat_or_give}, .beats_max = beats_max};
    owner.run = world_open(w, false);
    assert_int_equal(repair_hold(&owner.run->routes[0], &err), RC_OK);
    w->progress = &owner.progress;
    return w;
}

static void s75_a_lease_that_another_run_has_is_waited_for(void **state)
{
    AUTO(world) *w = world_with_an_owner(40);
    run_expecting(w, RC_LEASE);
    assert_true(owner.waits < 3); /* without --wait at the first beat */
    w->options.wait_ms = 3600 * 1000;
    run_ok(w);
    assert_true(owner.waits > 40);
    assert_non_null(strstr(owner.waits_for, owner.run->run_id));
    assert_non_null(strstr(owner.waits_for, "on world-"));
    world_close(w, owner.run);
    assert_all_is_well(w);
}

static void a_wait_ends_when_its_time_is_over_and_says_who_has_the_lease(void **state)
{
    AUTO(world) *w = world_with_an_owner(-1);
    w->options.wait_ms = 300 * 1000;
    int64_t before_us = world_clock_us(&w->clock);
    struct world_report report = run_expecting(w, RC_LEASE);
    int64_t waited_s = (world_clock_us(&w->clock) - before_us) / 1000000;
    assert_in_range(waited_s, 300, 330);
    assert_int_equal(report.exit_status, 7);
    assert_non_null(strstr(report.error.text, "waited 300 s"));
    assert_non_null(strstr(report.error.text, owner.run->run_id));
    world_close(w, owner.run);
}

static bool asked_to_end(void *context, struct error *err)
{
    return owner.waits > 20 && fail(err, RC_TERMINATED, "asked to end") != RC_OK;
}

static void a_signal_ends_the_wait(void **state)
{
    AUTO(world) *w = world_with_an_owner(-1);
    struct error err;
    w->options.wait_ms = 24 * 3600 * 1000;
    struct run *run = world_open(w, false);
    run->world.stopped = asked_to_end;
    assert_int_equal(run_execute(run, &err), RC_TERMINATED);
    assert_in_range(owner.waits, 21, 23);
    world_close(w, run);
    world_close(w, owner.run);
}

/* Whoever held the lease has moved on meanwhile: what was decided by S and T before is decided again. */
static void after_a_wait_a_run_goes_on_from_where_the_other_has_come(void **state)
{
    AUTO(world) *w = world_new(WORLD_APPEND, NULL);
    struct error err;
    w->tables[0] = w->tables[EVENTS];
    w->table_count = 1;
    world_fill(w);
    owner = (struct owner){.progress = {beat_or_give}, .beats_max = 5};
    owner.run = world_open(w, false); /* a first run: there is neither S nor T when the other one comes */
    assert_int_equal(repair_hold(&owner.run->routes[0], &err), RC_OK);
    w->progress = &owner.progress;
    w->options.wait_ms = 3600 * 1000;
    run_ok(w);
    world_close(w, owner.run);
    assert_int_equal(target_rows(w, "events"), 6);
    assert_all_is_well(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s09_every_strategy_moves_the_same_rows_and_says_the_same_of_each_table),
        cmocka_unit_test(s56_a_limit_holds_for_each_table_however_many_move_it),
        cmocka_unit_test(intra_table_splits_what_is_too_little_to_be_split_otherwise),
        cmocka_unit_test(the_scope_document_says_by_which_strategy),
        cmocka_unit_test(as_many_tables_are_moved_at_once_as_there_is_memory_for),
        cmocka_unit_test(a_connection_that_cannot_be_had_leaves_fewer_at_once_and_all_are_moved),
        cmocka_unit_test(an_exclusive_target_is_left_alone_by_all_others_while_one_loads),
        cmocka_unit_test(a_table_begins_when_those_it_depends_on_are_through),
        cmocka_unit_test(what_depends_on_a_table_that_failed_is_skipped_and_the_others_go_on),
        cmocka_unit_test(s75_a_lease_that_another_run_has_is_waited_for),
        cmocka_unit_test(a_wait_ends_when_its_time_is_over_and_says_who_has_the_lease),
        cmocka_unit_test(a_signal_ends_the_wait),
        cmocka_unit_test(after_a_wait_a_run_goes_on_from_where_the_other_has_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

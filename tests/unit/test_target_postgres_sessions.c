/* Sessions that break, stall, sleep or are in each other's way. */
#include "unit/postgres_story.h"
#include "unit/tcp_proxy.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { AWAITED_MS_MAX = 20000 };

static int64_t now_ms(void) { return clock_real()->mono_ms(clock_real()); }

static struct target_move move_to(const char *prev, const char *waybill)
{
    return (struct target_move){.prev = prev, .waybill = waybill, .pos = "{}", .token = 1};
}

/* ---- lost answers ---- */

static struct target *target_behind(const struct tcp_proxy *proxy, int64_t stall_ms)
{
    struct postgres_target_options options = pg_options();
    options.address.host = "127.0.0.1";
    options.address.port = tcp_proxy_port(proxy);
    options.address.stall_ms = stall_ms;
    return pg_target_as(&options);
}

static void S49_a_lost_answer_to_COMMIT_is_unknown_and_the_same_move_tells(void **state)
{
    struct load_story *s = *state;
    struct tcp_proxy *proxy = tcp_proxy_new(postgres.port);
    AUTO(target) *target = target_behind(proxy, 0);
    struct target_move move = move_to("", "w1");
    bool moved = true;
    load_ready(s);
    OK(load_bring(s, target, "", "w1", "1|ada\n"));
    tcp_proxy_break(proxy, PROXY_SWALLOW_ANSWERS);
    assert_int_equal(target_commit(target, &s->err), RC_UNKNOWN);
    SAYS("COMMIT");
    tcp_proxy_break(proxy, PROXY_NONE);
    OK(target_reconnect(target, &s->err));
    OK(target_begin(target, &s->table, &move, &moved, &s->err));
    assert_false(moved); /* it was done */
    assert_string_equal(pg_query("SELECT waybill, (SELECT count(*) FROM orders) FROM waybill_position"), "w1|1\n");
    tcp_proxy_free(proxy);
}

/* COMMIT has not arrived, and the old session still holds the row: the same move waits for it, and then loads. */
static void S49_after_a_COMMIT_that_never_arrived_the_same_move_waits_and_loads(void **state)
{
    struct load_story *s = *state;
    struct tcp_proxy *proxy = tcp_proxy_new(postgres.port);
    struct postgres_target_options options = pg_options();
    options.address.host = "127.0.0.1";
    options.address.port = tcp_proxy_port(proxy);
    options.address.statement_ms = 300;
    options.address.idle_ms = 600; /* frees the row of a session that nobody hears */
    options.address.lock_ms = 5000;
    AUTO(target) *target = pg_target_as(&options);
    load_ready(s);
    OK(load_bring(s, target, "", "w1", "1|ada\n"));
    tcp_proxy_break(proxy, PROXY_STALL);
    assert_int_equal(target_commit(target, &s->err), RC_UNKNOWN);
    target_free(TAKE(target));
    options.address = postgres_address();
    options.address.lock_ms = 8000;
    target = pg_target_as(&options);
    int64_t since = now_ms();
    OK(target_reconnect(target, &s->err));
    OK(load_bring(s, target, "", "w1", "1|ada\n"));
    OK(target_commit(target, &s->err));
    assert_true(now_ms() - since < 30000);
    assert_string_equal(pg_query("SELECT waybill, (SELECT count(*) FROM orders) FROM waybill_position"), "w1|1\n");
    tcp_proxy_free(proxy);
}

static void S49_a_session_that_was_ended_before_COMMIT_has_certainly_not_committed(void **state)
{
    struct load_story *s = *state;
    load_ready(s);
    OK(load_bring(s, s->target, "", "w1", "1|ada\n"));
    postgres_run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE state = 'idle in transaction'");
    assert_int_equal(target_commit(s->target, &s->err), RC_UNAVAILABLE);
    OK(target_reconnect(s->target, &s->err));
    load_whole(s, "", "w1", "1|ada\n");
}

/* Rows that stop arriving once they have begun to flow. */
struct breaking_file {
    struct batch_reader base;
    struct batch_reader *rows;
    const struct staged_file *inner;
    struct tcp_proxy *proxy;
};

static enum rc breaking_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct breaking_file *self = (struct breaking_file *)base;
    tcp_proxy_break(self->proxy, PROXY_STALL);
    return batch_reader_next(self->rows, ret, err);
}

static void breaking_free(struct batch_reader *base) { batch_reader_free(((struct breaking_file *)base)->rows); }
static const struct batch_reader_ops breaking_ops = {.next = breaking_next, .free = breaking_free};

static enum rc breaking_open(const struct staged_file *file, struct batch_reader **ret, struct error *err)
{
    struct breaking_file *self = file->context;
    self->base.ops = &breaking_ops;
    *ret = &self->base;
    return self->inner->open(self->inner, &self->rows, err);
}

static void a_COMMIT_that_is_answered_by_a_rollback_is_no_success(void **state)
{
    struct load_story *s = *state;
    AUTO(pq) *db = NULL;
    struct pq_address address = postgres_address();
    OK(pq_open(&address, clock_real(), NULL, &db, &s->err));
    assert_int_equal(pq_run(db, "BEGIN; SELECT 1 / 0", NULL, &s->err), RC_DATA);
    assert_int_equal(pq_commit(db, &s->err), RC_FAILED);
    OK(pq_run(db, "BEGIN; SELECT 1", NULL, &s->err));
    OK(pq_commit(db, &s->err));
}

/* It may hold values of rows. */
static void S68_what_a_server_wants_noticed_is_no_failure_and_is_not_shown(void **state)
{
    struct load_story *s = *state;
    AUTO(pq) *db = NULL;
    struct pq_address address = postgres_address();
    OK(pq_open(&address, clock_real(), NULL, &db, &s->err));
    FILE *said = tmpfile();
    int standard_error = dup(STDERR_FILENO);
    assert_true(said != NULL && dup2(fileno(said), STDERR_FILENO) >= 0);
    enum rc rc = pq_run(db, "DO $$ BEGIN RAISE WARNING 'of the row of ada'; END $$", NULL, &s->err);
    assert_true(dup2(standard_error, STDERR_FILENO) >= 0 && close(standard_error) == 0);
    OK(rc);
    assert_int_equal(lseek(fileno(said), 0, SEEK_END), 0);
    assert_int_equal(fclose(said), 0);
}

static void S30_a_COPY_that_the_server_does_not_take_ends_in_time(void **state)
{
    struct load_story *s = *state;
    struct tcp_proxy *proxy = tcp_proxy_new(postgres.port);
    AUTO(target) *target = target_behind(proxy, 400);
    AUTO_RELEASE(buf) rows = {0};
    load_ready(s);
    for (int i = 0; i < 100; i++)
        buf_addf(&rows, "%d|%0100000d\n", i, i);
    AUTO(rows) *many = rows_new(s->schema, rows.at);
    struct staged_file inner = rows_file(many, "file-00000.parquet"), file = inner;
    struct breaking_file breaking = {.inner = &inner, .proxy = proxy};
    struct target_move move = move_to("", "w1");
    bool moved = false;
    int64_t count = 0, since = now_ms();
    file.open = breaking_open;
    file.context = &breaking;
    OK(target_begin(target, &s->table, &move, &moved, &s->err));
    assert_int_equal(target_load_file(target, &file, &count, &s->err), RC_UNAVAILABLE);
    SAYS("taken nothing");
    assert_true(now_ms() - since < 8000);
    target_rollback(target);
    tcp_proxy_free(proxy);
    load_whole(s, "", "w1", "1|ada\n"); /* the dead session holds nothing */
}

/* ---- the program is asked to stop ---- */

static void *stop_soon(void *context)
{
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    pg_stop = SIGTERM;
    return NULL;
}

static void S71_a_signal_ends_a_wait_at_once_and_the_statement_on_the_server(void **state)
{
    struct load_story *s = *state;
    pthread_t stopper;
    struct pq_address address = postgres_address();
    AUTO(pq) *db = NULL;
    OK(pq_open(&address, clock_real(), &pg_stop, &db, &s->err));
    int64_t since = now_ms();
    assert_int_equal(pthread_create(&stopper, NULL, stop_soon, NULL), 0);
    assert_int_equal(pq_run(db, "SELECT pg_sleep(30)", NULL, &s->err), RC_TERMINATED);
    assert_true(now_ms() - since < 5000);
    pthread_join(stopper, NULL);
    pg_stop = 0;
    for (int i = 0; i < 100 && postgres_query("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND"
                                              " pid <> pg_backend_pid() AND state = 'active'")[0] != '\0';
         i++)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    assert_string_equal(postgres_query("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND"
                                       " pid <> pg_backend_pid() AND state = 'active'"),
                        "0\n");
}

/* ---- fences ---- */

/* As soon as somebody waits for what it holds, however slow this machine is. */
static void *commit_when_awaited(void *context)
{
    struct error err;
    struct pq_address address = postgres_address();
    AUTO(pq) *db = NULL;
    bool is_awaited = false;
    assert_int_equal(pq_open(&address, clock_real(), NULL, &db, &err), RC_OK);
    for (int64_t since = now_ms(); !is_awaited && now_ms() - since < AWAITED_MS_MAX;) {
        AUTO_RELEASE(pq_answer) rows = {0};
        assert_int_equal(pq_query(db, "SELECT 1 FROM pg_locks WHERE NOT granted", 0, NULL, &rows, &err), RC_OK);
        is_awaited = pq_rows(&rows) > 0;
    }
    assert_int_equal(target_commit(context, &err), RC_OK);
    assert_true(is_awaited);
    return NULL;
}

/* Waits for a long time: whoever waits must not give up before the other one has seen it. */
static struct target *patient_target(void)
{
    struct postgres_target_options options = pg_options();
    options.address.lock_ms = options.fence_patience_ms = AWAITED_MS_MAX;
    return pg_target_as(&options);
}

/* Also where the server's own default would let the one that has waited fail, or look at the row of before. */
static void S31_a_fence_waits_for_an_open_load_and_then_tells_where_T_is(void **state)
{
    struct load_story *s = *state;
    struct target_position at;
    pthread_t committer;
    postgres_run("ALTER ROLE admin SET default_transaction_isolation = 'serializable'");
    target_free(s->target);
    s->target = pg_target();
    AUTO(target) *successor = patient_target();
    AUTO(target) *another = patient_target();
    load_ready(s);
    OK(load_bring(s, s->target, "", "w1", "1|ada\n"));
    assert_int_equal(pthread_create(&committer, NULL, commit_when_awaited, s->target), 0);
    OK(target_fence(successor, &s->table, 9, &s->arena, &at, &s->err));
    pthread_join(committer, NULL);
    assert_int_equal(at.token, 9);
    assert_string_equal(at.waybill, "w1");

    struct target_move move = move_to("w1", "w2");
    bool moved = true;
    move.token = 9;
    OK(target_begin(s->target, &s->table, &move, &moved, &s->err));
    OK(target_apply(s->target, 0, &s->counts, &s->err));
    assert_int_equal(pthread_create(&committer, NULL, commit_when_awaited, s->target), 0);
    OK(target_begin(another, &s->table, &move, &moved, &s->err)); /* the same, as after a lost answer */
    pthread_join(committer, NULL);
    assert_false(moved);
    postgres_run("ALTER ROLE admin RESET default_transaction_isolation");
}

/* No limit on idle transactions reaches a session inside a COPY. */
static enum rc stuck_next(struct batch_reader *base, const struct batch **ret, struct error *err);
static void stuck_free(struct batch_reader *base) {}
static const struct batch_reader_ops stuck_ops = {.next = stuck_next, .free = stuck_free};
static struct batch_reader stuck = {&stuck_ops};
static struct load_story *stuck_story;
static enum rc stuck_fence;

static enum rc stuck_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct load_story *s = stuck_story;
    struct target_position at;
    AUTO(target) *successor = pg_target();
    stuck_fence = target_fence(successor, &s->table, 9, &s->arena, &at, &s->err);
    *ret = NULL;
    return RC_OK;
}

static enum rc stuck_open(const struct staged_file *file, struct batch_reader **ret, struct error *err)
{
    *ret = &stuck;
    return RC_OK;
}

static void S31_a_fence_ends_a_load_that_sleeps_inside_a_COPY(void **state)
{
    struct load_story *s = *state;
    struct target_move move = move_to("", "w1");
    struct staged_file file = {.key = "f", .schema = s->schema, .open = stuck_open};
    bool moved = false;
    int64_t count = 0;
    stuck_story = s;
    load_ready(s);
    OK(target_begin(s->target, &s->table, &move, &moved, &s->err));
    enum rc rc = target_load_file(s->target, &file, &count, &s->err);
    assert_int_equal(stuck_fence, RC_OK);
    assert_int_equal(rc, RC_UNAVAILABLE);
    target_rollback(s->target);
    OK(target_begin(s->target, &s->table, &move, &moved, &s->err));
    assert_false(moved); /* its token is the older one now */
}

static void S31_a_fence_does_not_end_a_load_that_the_server_works_on(void **state)
{
    struct load_story *s = *state;
    struct target_position at;
    AUTO(pq) *busy = NULL;
    struct pq_address address = postgres_address();
    load_ready(s);
    OK(pq_open(&address, clock_real(), NULL, &busy, &s->err));
    OK(pq_run(busy, "BEGIN; UPDATE " PG_SCHEMA ".waybill_position SET pos = 'x'", NULL, &s->err));
    postgres_run("SELECT pg_advisory_lock(31)"); /* its work takes as long as this is held */
    assert_int_equal(PQsendQuery(busy->handle, "SELECT pg_advisory_lock(31); COMMIT"), 1);
    PQflush(busy->handle);
    assert_int_equal(target_fence(s->target, &s->table, 9, &s->arena, &at, &s->err), RC_BUSY);
    SAYS("pg_terminate_backend(");
    postgres_run("SELECT pg_advisory_unlock(31)");
    for (PGresult *result; (result = PQgetResult(busy->handle)) != NULL;)
        PQclear(result);
    assert_string_equal(pg_query("SELECT pos FROM waybill_position"), "x\n");
    OK(target_fence(s->target, &s->table, 9, &s->arena, &at, &s->err));
}

static void S31_a_fence_ends_nobody_whose_token_is_as_new(void **state)
{
    struct load_story *s = *state;
    struct target_position at;
    struct target_move move = move_to("", "w1");
    bool moved = false;
    move.token = 9;
    load_ready(s);
    AUTO(target) *late = pg_target();
    OK(target_fence(s->target, &s->table, 9, &s->arena, &at, &s->err));
    OK(target_begin(s->target, &s->table, &move, &moved, &s->err));
    OK(target_fence(late, &s->table, 8, &s->arena, &at, &s->err)); /* nothing to raise, nobody to wait for */
    assert_int_equal(at.token, 9);
    OK(target_apply(s->target, 0, &s->counts, &s->err));
    OK(target_commit(s->target, &s->err));
}

static void a_loader_that_sleeps_between_statements_does_not_hold_its_row_for_ever(void **state)
{
    struct load_story *s = *state;
    struct postgres_target_options options = pg_options();
    options.address.idle_ms = 300;
    AUTO(target) *sleeper = pg_target_as(&options);
    load_ready(s);
    OK(load_bring(s, sleeper, "", "w1", "1|ada\n"));
    options.address.idle_ms = PG_IDLE_MS;
    options.address.lock_ms = 10000;
    AUTO(target) *next = pg_target_as(&options);
    OK(load_bring(s, next, "", "w2", "2|bob\n"));
    OK(target_commit(next, &s->err));
    assert_int_equal(target_commit(sleeper, &s->err), RC_UNAVAILABLE);
    assert_string_equal(pg_query("SELECT id FROM orders"), "2\n");
}

/* ---- two at once ---- */

struct racer {
    pthread_t thread;
    const struct target_table *table;
    struct target *target;
    struct error err;
    enum rc rc;
};

static void *race(void *context)
{
    struct racer *self = context;
    AUTO_RELEASE(buf) ddl = {0};
    self->rc = target_create_position(self->target, self->table, "018f0000-0000-7000-8000-000000000001", &self->err);
    if (self->rc == RC_OK)
        self->rc = target_prepare(self->target, self->table, false, &ddl, &self->err);
    return NULL;
}

/* Between a look at what there is and the statement that changes it lies time enough for everybody else's look. */
static void change_tables_slowly(void)
{
    postgres_run("CREATE OR REPLACE FUNCTION public.slowly() RETURNS event_trigger LANGUAGE plpgsql AS"
                 " $$ BEGIN PERFORM pg_sleep(0.25); END $$;"
                 "CREATE EVENT TRIGGER slowly ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE')"
                 " EXECUTE FUNCTION public.slowly()");
}

static void two_that_make_a_table_at_once_make_one(void **state)
{
    enum { ROUNDS = 2, RACERS = 3 };
    struct load_story *s = *state;
    AUTO_RELEASE(arena) arena = {0};
    AUTO(schema) *grown = schema_of("id:l! name:u more:l");
    change_tables_slowly();
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[RACERS] = {0};
        if (round % 2 == 0)
            pg_clean();
        s->table.schema = round % 2 == 0 ? s->schema : grown;
        for (int i = 0; i < RACERS; i++) {
            racers[i].table = &s->table;
            racers[i].target = pg_target();
        }
        for (int i = 0; i < RACERS; i++) { /* as a run does; from here on the server believes that there is none */
            struct target_position position;
            OK(target_position(racers[i].target, &s->table, &arena, &position, &s->err));
        }
        for (int i = 0; i < RACERS; i++) {
            assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
        }
        for (int i = 0; i < RACERS; i++) {
            pthread_join(racers[i].thread, NULL);
            if (racers[i].rc != RC_OK)
                print_error("%s\n", racers[i].err.text);
            assert_int_equal(racers[i].rc, RC_OK);
            target_free(racers[i].target);
        }
    }
    postgres_run("DROP EVENT TRIGGER slowly");
    assert_string_equal(pg_query("SELECT count(*) FROM waybill_position"), "1\n");
}

int main(void)
{
    static const struct CMUnitTest stories[] = {
        STORY(S49_a_lost_answer_to_COMMIT_is_unknown_and_the_same_move_tells),
        STORY(S49_after_a_COMMIT_that_never_arrived_the_same_move_waits_and_loads),
        STORY(S49_a_session_that_was_ended_before_COMMIT_has_certainly_not_committed),
        STORY(a_COMMIT_that_is_answered_by_a_rollback_is_no_success),
        STORY(S68_what_a_server_wants_noticed_is_no_failure_and_is_not_shown),
        STORY(S30_a_COPY_that_the_server_does_not_take_ends_in_time),
        STORY(S71_a_signal_ends_a_wait_at_once_and_the_statement_on_the_server),
        STORY(S31_a_fence_waits_for_an_open_load_and_then_tells_where_T_is),
        STORY(S31_a_fence_ends_a_load_that_sleeps_inside_a_COPY),
        STORY(S31_a_fence_does_not_end_a_load_that_the_server_works_on),
        STORY(S31_a_fence_ends_nobody_whose_token_is_as_new),
        STORY(a_loader_that_sleeps_between_statements_does_not_hold_its_row_for_ever),
        STORY(two_that_make_a_table_at_once_make_one),
    };
    if (!postgres_start())
        return POSTGRES_MISSING;
    int failed = cmocka_run_group_tests_name("target: PostgreSQL, sessions", stories, NULL, NULL);
    postgres_stop();
    return failed;
}

/* A target that fails where a plan says: whatever is hit, a mover that follows the header loads each row once. */
#include <string.h>

#include "conform/rows.h"
#include "test.h"
#include "world/fault_target.h"
#include "world/mem_target.h"

static const struct target_table of_t = {.scope = "p/t", .name = "t"};

static const char *const key_id[] = {"id"};

struct story {
    struct mem_database *database;
    struct schema *schema;
    struct rows *rows;
    struct target_table table;
    struct arena arena;
    struct error err;
};

static void begin_story(struct story *s, enum mem_death death)
{
    *s = (struct story){.database = mem_database_new(), .schema = schema_of("id:l! name:u")};
    mem_database_set_death(s->database, death);
    s->rows = rows_new(s->schema, "1|ada\n2|bob\n3|cy\n4|di\n5|eve\n");
    s->table = (struct target_table){
        .scope = "p/t", .name = "t", .mode = MODE_APPEND, .schema = s->schema, .key = key_id, .key_count = 1};
}

static void end_story(struct story *s)
{
    mem_database_free(s->database);
    rows_free(s->rows);
    schema_free(s->schema);
    arena_release(&s->arena);
}

static enum rc load_once(struct story *s, struct target *target)
{
    struct target_move move = {.prev = "", .waybill = "w1", .pos = "{}", .token = 1};
    struct staged_file file = rows_file(s->rows, "f");
    struct load_counts counts;
    bool moved = false;
    int64_t rows = 0;
    TRY(target_begin(target, &s->table, &move, &moved, &s->err));
    if (!moved)
        return RC_OK;
    enum rc rc = target_load_file(target, &file, &rows, &s->err);
    if (rc == RC_OK)
        rc = target_apply(target, 5, &counts, &s->err);
    if (rc == RC_OK)
        return target_commit(target, &s->err);
    target_rollback(target);
    return rc;
}

/* One process: gives up at an error, except at a COMMIT of unknown fate. */
static enum rc run_once(struct story *s, struct target *target)
{
    AUTO_RELEASE(buf) ddl = {0};
    struct target_position at;
    TRY(target_position(target, &of_t, &s->arena, &at, &s->err));
    TRY(target_create_position(target, &s->table, "id", &s->err));
    TRY(target_fence(target, &of_t, 1, &s->arena, &at, &s->err));
    TRY(target_prepare(target, &s->table, false, &ddl, &s->err));
    enum rc rc = load_once(s, target);
    if (rc != RC_UNKNOWN)
        return rc;
    TRY(target_reconnect(target, &s->err));
    return load_once(s, target);
}

static void whatever_is_hit_the_next_run_ends_with_each_row_once(void **state)
{
    for (enum fault fault = FAULT_FAIL; fault <= FAULT_CRASH_AFTER; fault++) {
        for (enum mem_death death = MEM_DEATH_ROLLED_BACK; death <= MEM_DEATH_COMMIT_SENT; death++) {
            for (int at = 1, fired = 1; fired > 0; at++) {
                struct story s;
                begin_story(&s, death);
                struct fault_plan plan = {.fault = fault, .at = at};
                struct target *target = fault_target_new(mem_target_new(s.database, "dw"), &plan);
                enum rc rc = run_once(&s, target);
                target_free(target);
                fired = plan.fired;
                if (fired > 0 && fault != FAULT_STALL && strcmp(plan.operation, "commit") != 0)
                    assert_int_not_equal(rc, RC_OK);
                target = mem_target_new(s.database, "dw");
                assert_int_equal(run_once(&s, target), RC_OK);
                target_free(target);
                assert_int_equal(mem_database_rows(s.database, "t"), 5);
                assert_int_equal(mem_database_loads(s.database, "w1"), 1);
                int seen = 0;
                mem_database_history(s.database, &seen);
                assert_int_equal(seen, 1);
                end_story(&s);
                assert_true(at < 20);
            }
        }
    }
}

/* Runs until the plan hits `operation`, and leaves the handle as it is then. */
static struct target *hit(struct story *s, struct fault_plan *plan, enum fault fault, const char *operation,
                          enum rc expected)
{
    for (int at = 1;; at++) {
        *plan = (struct fault_plan){.fault = fault, .at = at};
        struct target *target = fault_target_new(mem_target_new(s->database, "dw"), plan);
        AUTO_RELEASE(buf) ddl = {0};
        struct target_position position;
        enum rc rc = target_create_position(target, &s->table, "id", &s->err);
        if (rc == RC_OK)
            rc = target_prepare(target, &s->table, false, &ddl, &s->err);
        if (rc == RC_OK)
            rc = target_fence(target, &of_t, 1, &s->arena, &position, &s->err);
        if (rc == RC_OK)
            rc = load_once(s, target);
        assert_true(plan->fired > 0);
        if (strcmp(plan->operation, operation) == 0) {
            assert_int_equal(rc, expected);
            return target;
        }
        target_free(target);
    }
}

static void a_torn_file_is_half_loaded_and_a_rollback_takes_it_away(void **state)
{
    struct story s;
    struct fault_plan plan;
    begin_story(&s, MEM_DEATH_ROLLED_BACK);
    struct target *target = hit(&s, &plan, FAULT_TORN, "load_file", RC_UNAVAILABLE);
    assert_int_equal(mem_database_rows(s.database, "t"), 0);
    assert_int_equal(load_once(&s, target), RC_OK);
    assert_int_equal(mem_database_rows(s.database, "t"), 5);
    target_free(target);
    end_story(&s);
}

static void a_late_commit_is_done_and_a_torn_one_is_what_its_session_becomes(void **state)
{
    static const struct {
        enum fault fault;
        enum mem_death death;
        int64_t now, after_fence;
    } cases[] = {
        {FAULT_LATE, MEM_DEATH_ROLLED_BACK, 5, 5},
        {FAULT_TORN, MEM_DEATH_ROLLED_BACK, 0, 0},
        {FAULT_TORN, MEM_DEATH_LINGERS, 0, 0},
        {FAULT_TORN, MEM_DEATH_COMMIT_SENT, 0, 5},
    };
    for (int i = 0; i < 4; i++) {
        struct story s;
        struct fault_plan plan;
        struct target_position at;
        begin_story(&s, cases[i].death);
        struct target *target = hit(&s, &plan, cases[i].fault, "commit", RC_UNKNOWN);
        assert_int_equal(mem_database_rows(s.database, "t"), cases[i].now);
        assert_int_equal(target_fence(target, &of_t, 2, &s.arena, &at, &s.err), RC_UNAVAILABLE);
        assert_int_equal(target_reconnect(target, &s.err), RC_OK);
        assert_int_equal(target_fence(target, &of_t, 2, &s.arena, &at, &s.err), RC_OK);
        assert_int_equal(mem_database_rows(s.database, "t"), cases[i].after_fence);
        target_free(target);
        end_story(&s);
    }
}

static void after_a_crash_nothing_works_and_the_session_is_left_behind(void **state)
{
    struct story s;
    struct fault_plan plan;
    struct target_position at;
    begin_story(&s, MEM_DEATH_LINGERS);
    struct target *target = hit(&s, &plan, FAULT_CRASH_AFTER, "load_file", RC_FAILED);
    assert_true(plan.crashed);
    assert_int_equal(target_reconnect(target, &s.err), RC_FAILED);
    assert_int_equal(target_position(target, &of_t, &s.arena, &at, &s.err), RC_FAILED);
    target_rollback(target);
    assert_true(mem_database_has_open_session(s.database));
    target_free(target);
    assert_true(mem_database_has_open_session(s.database));
    mem_database_settle(s.database);
    assert_int_equal(mem_database_rows(s.database, "t"), 0);
    end_story(&s);
}

int main(void)
{
    static const struct CMUnitTest stories[] = {
        cmocka_unit_test(whatever_is_hit_the_next_run_ends_with_each_row_once),
        cmocka_unit_test(a_torn_file_is_half_loaded_and_a_rollback_takes_it_away),
        cmocka_unit_test(a_late_commit_is_done_and_a_torn_one_is_what_its_session_becomes),
        cmocka_unit_test(after_a_crash_nothing_works_and_the_session_is_left_behind),
    };
    return cmocka_run_group_tests_name("target with faults", stories, NULL, NULL);
}

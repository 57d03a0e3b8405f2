/* The in-memory target keeps a target's promises, and dies and loses answers as it says. */
#include "conform/rows.h"
#include "conform/target_suite.h"
#include "test.h"
#include "world/mem_database.h"

static const struct target_table of_t = {.scope = "p/t", .name = "t"};

/* ---- the conformance suite ---- */

static void *suite_setup(void) { return mem_database_new(); }
static void suite_teardown(void *database) { mem_database_free(database); }
static struct target *suite_open(void *database) { return mem_target_new(database, "dw"); }
static bool suite_has_table(void *database, const char *table) { return mem_database_rows(database, table) >= 0; }

static void suite_lose(void *database, const char *table, bool whole)
{
    (whole ? mem_database_drop_table : mem_database_empty_table)(database, table);
}

static void suite_rows(void *database, const char *table, const struct schema *schema, struct buf *out)
{
    const struct mem_table *found = mem_find_table(&((struct mem_database *)database)->state, table);
    for (int64_t row = 0; row < found->rows.count; row++) {
        for (int i = 0; i < schema->count; i++) {
            struct value value = mem_row_value(found->rows.at[row], mem_find_column(found, schema->fields[i].name));
            value_print(&value, &schema->fields[i], out);
            buf_add_str(out, i + 1 < schema->count ? S("|") : S("\n"));
        }
    }
    lines_sort(out);
}

static const struct target_kind kind = {
    .name = "target: memory",
    .setup = suite_setup,
    .teardown = suite_teardown,
    .open = suite_open,
    .rows = suite_rows,
    .has_table = suite_has_table,
    .lose = suite_lose,
    .waits = false,
};

/* ---- its own behaviour ---- */

static const char *const key[] = {"id"};
struct story {
    struct mem_database *database;
    struct schema *schema;
    struct target_table table;
    struct arena arena;
    struct error err;
};

static struct target *open_ready(struct story *s)
{
    s->database = mem_database_new();
    s->schema = schema_of("id:l! name:u");
    s->table = (struct target_table){
        .scope = "p/t", .name = "t", .mode = MODE_MERGE, .schema = s->schema, .key = key, .key_count = 1};
    struct target *target = mem_target_new(s->database, "dw");
    AUTO_RELEASE(buf) ddl = {0};
    assert_int_equal(target_create_position(target, &s->table, "id", &s->err), RC_OK);
    assert_int_equal(target_prepare(target, &s->table, false, &ddl, &s->err), RC_OK);
    return target;
}

static void finish(struct story *s, struct target *target)
{
    target_free(target);
    mem_database_free(s->database);
    schema_free(s->schema);
    arena_release(&s->arena);
}

static void bring(struct story *s, struct target *target, const char *prev, const char *waybill, const char *text)
{
    AUTO(rows) *rows = rows_new(s->schema, text);
    struct staged_file file = rows_file(rows, "f");
    struct target_move move = {.prev = prev, .waybill = waybill, .pos = "{}", .token = 1};
    struct load_counts counts;
    bool moved = false;
    int64_t count = 0;
    assert_int_equal(target_begin(target, &s->table, &move, &moved, &s->err), RC_OK);
    assert_true(moved);
    assert_int_equal(target_load_file(target, &file, &count, &s->err), RC_OK);
    assert_int_equal(target_apply(target, count, &counts, &s->err), RC_OK);
}

static void stands_at(struct story *s, const char *waybill, int64_t rows)
{
    assert_string_equal(mem_database_position(s->database, "p/t").waybill, waybill);
    assert_int_equal(mem_database_rows(s->database, "t"), rows);
}

static void a_commit_whose_answer_is_lost_is_done_or_not_or_late(void **state)
{
    static const struct {
        enum mem_commit fault;
        const char *before_fence, *after_fence;
    } cases[] = {
        {MEM_COMMIT_LOST_DONE, "w1", "w1"},
        {MEM_COMMIT_LOST_NOT_DONE, "", ""},
        {MEM_COMMIT_LOST_LATE, "", "w1"},
    };
    for (int i = 0; i < 3; i++) {
        struct story s = {0};
        struct target *target = open_ready(&s);
        struct target_position at;
        bring(&s, target, "", "w1", "1|ada\n");
        mem_database_break_commit(s.database, cases[i].fault);
        assert_int_equal(target_commit(target, &s.err), RC_UNKNOWN);
        assert_int_equal(target_position(target, &of_t, &s.arena, &at, &s.err), RC_UNAVAILABLE);
        assert_int_equal(target_reconnect(target, &s.err), RC_OK);
        assert_int_equal(target_position(target, &of_t, &s.arena, &at, &s.err), RC_OK);
        assert_string_equal(at.waybill, cases[i].before_fence); /* reading waits for nobody */
        assert_int_equal(target_fence(target, &of_t, 1, &s.arena, &at, &s.err), RC_OK);
        assert_string_equal(at.waybill, cases[i].after_fence);
        assert_int_equal(mem_database_loads(s.database, "w1"), cases[i].after_fence[0] != '\0');
        finish(&s, target);
    }
}

static void a_dead_process_leaves_a_session_until_the_server_ends_it(void **state)
{
    static const struct {
        enum mem_death death;
        bool lingers;
        const char *waybill;
        int64_t rows;
    } cases[] = {
        {MEM_DEATH_ROLLED_BACK, false, "", 0},
        {MEM_DEATH_LINGERS, true, "", 0},
        {MEM_DEATH_COMMIT_SENT, true, "w1", 1},
    };
    for (int i = 0; i < 3; i++) {
        struct story s = {0};
        struct target *target = open_ready(&s);
        struct target_position at;
        mem_database_set_death(s.database, cases[i].death);
        bring(&s, target, "", "w1", "1|ada\n");
        target_free(target);
        assert_int_equal(mem_database_has_open_session(s.database), cases[i].lingers);
        stands_at(&s, "", 0);
        target = mem_target_new(s.database, "dw");
        assert_int_equal(target_fence(target, &of_t, 2, &s.arena, &at, &s.err), RC_OK);
        assert_int_equal(at.token, 2);
        assert_false(mem_database_has_open_session(s.database));
        stands_at(&s, cases[i].waybill, cases[i].rows);
        finish(&s, target);
    }
}

static void a_restored_backup_forgets_loads_but_not_what_readers_saw(void **state)
{
    struct story s = {0};
    struct target *target = open_ready(&s);
    bring(&s, target, "", "w1", "1|ada\n");
    assert_int_equal(target_commit(target, &s.err), RC_OK);
    const struct mem_snapshot *backup = mem_database_snapshot(s.database);
    bring(&s, target, "w1", "w2", "1|eve\n2|bob\n");
    assert_int_equal(target_commit(target, &s.err), RC_OK);
    stands_at(&s, "w2", 2);
    mem_database_restore(s.database, backup);
    stands_at(&s, "w1", 1);
    AUTO_RELEASE(buf) rows = {0};
    mem_database_print(s.database, "t", &rows);
    assert_string_equal(rows.at, "1|ada\n");
    assert_int_equal(mem_database_loads(s.database, "w1"), 1);
    assert_int_equal(mem_database_loads(s.database, "w2"), 0);
    int count = 0;
    const struct mem_seen *seen = mem_database_history(s.database, &count);
    assert_int_equal(count, 2);
    assert_int_equal(seen[0].rows * 10 + seen[1].rows, 12);
    assert_string_equal(seen[1].waybill, "w2");
    mem_database_drop_position(s.database, "p/t");
    mem_database_drop_table(s.database, "t");
    assert_false(mem_database_position(s.database, "p/t").exists);
    assert_int_equal(mem_database_rows(s.database, "t"), -1);
    finish(&s, target);
}

int main(void)
{
    static const struct CMUnitTest own[] = {
        cmocka_unit_test(a_commit_whose_answer_is_lost_is_done_or_not_or_late),
        cmocka_unit_test(a_dead_process_leaves_a_session_until_the_server_ends_it),
        cmocka_unit_test(a_restored_backup_forgets_loads_but_not_what_readers_saw),
    };
    return target_suite_run(&kind) + cmocka_run_group_tests_name("target in memory", own, NULL, NULL);
}

#include "conform/target_suite.h"

#include <stdlib.h>
#include <string.h>

#include "conform/rows.h"
#include "test.h"

#define SCOPE     "shop/orders"
#define TARGET_ID "018f0000-0000-7000-8000-000000000001"
static const char *const key_id[] = {"id"};

struct story {
    const struct target_kind *kind;
    void *database;
    struct target *target;
    struct arena arena;
    struct error err;
    struct schema *schema; /* of the tables below */
    struct target_table table;
};
static const struct target_kind *kind_under_test;

static int story_begin(void **state)
{
    struct story *s = xcalloc(1, sizeof(*s));
    s->kind = kind_under_test;
    s->database = s->kind->setup();
    s->target = s->kind->open(s->database);
    s->schema = schema_of("id:l! name:u at:tsm:");
    s->table = (struct target_table){.scope = SCOPE,
                                     .name = "orders",
                                     .mode = MODE_MERGE,
                                     .schema = s->schema,
                                     .key = key_id,
                                     .key_count = 1,
                                     .cursor = "at"};
    *state = s;
    return 0;
}

static int story_end(void **state)
{
    struct story *s = *state;
    target_free(s->target);
    s->kind->teardown(s->database);
    schema_free(s->schema);
    arena_release(&s->arena);
    free(s);
    return 0;
}

/* ---- words of the stories ---- */

static void well(const struct story *s, enum rc rc)
{
    if (rc != RC_OK)
        print_error("%s: %s\n", rc_name(rc), s->err.text);
    assert_int_equal(rc, RC_OK);
}
#define OK(expr) well(s, expr)
/* The text names what the user has to know. */
static void says(const struct story *s, const char *word)
{
    bool found = strstr(s->err.text, word) != NULL || strstr(s->err.todo, word) != NULL;
    if (!found)
        print_error("'%s' is neither in '%s' nor in '%s'\n", word, s->err.text, s->err.todo);
    assert_true(found);
}
#define REFUSED(expr, code, word)                                                                                      \
    do {                                                                                                               \
        assert_int_equal(expr, code);                                                                                  \
        says(s, word);                                                                                                 \
    } while (0)

static struct target_move move(const char *prev, const char *waybill)
{
    return (struct target_move){
        .prev = prev, .waybill = waybill, .pos = "{\"at\":\"2024-01-01\"}", .epoch = 1, .token = 1};
}

/* A table made ready: T's row at token 0 and the table itself. */
static void ready(struct story *s, enum mode mode)
{
    AUTO_RELEASE(buf) ddl = {0};
    s->table.mode = mode;
    OK(target_create_position(s->target, &s->table, TARGET_ID, &s->err));
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
}

/* begin, one file, apply; the commit is the caller's. */
static enum rc bring(struct story *s, struct target *target, const struct target_move *step, const char *text,
                     struct load_counts *ret)
{
    AUTO(rows) *rows = rows_new(s->table.schema, text);
    struct staged_file file = rows_file(rows, "file-00000.parquet");
    bool moved = false;
    int64_t count = 0;
    TRY(target_begin(target, &s->table, step, &moved, &s->err));
    assert_true(moved);
    TRY(target_load_file(target, &file, &count, &s->err));
    assert_int_equal(count, rows_count(rows));
    return target_apply(target, count, ret, &s->err);
}

static struct load_counts load(struct story *s, const char *prev, const char *waybill, const char *text)
{
    struct load_counts counts = {0};
    struct target_move step = move(prev, waybill);
    OK(bring(s, s->target, &step, text, &counts));
    OK(target_commit(s->target, &s->err));
    return counts;
}

static void holds(struct story *s, const char *text)
{
    AUTO(rows) *expected = rows_new(s->table.schema, text);
    AUTO_RELEASE(buf) want = {0}, have = {0};
    rows_print(expected, &want);
    s->kind->rows(s->database, s->table.name, s->table.schema, &have);
    assert_string_equal(or_empty(have.at), or_empty(want.at));
}

static void stands_at(struct story *s, const char *waybill)
{
    struct target_position at;
    OK(target_position(s->target, SCOPE, &s->arena, &at, &s->err));
    assert_true(at.exists);
    assert_string_equal(at.waybill, waybill);
}

static bool begins(struct story *s, struct target *target, struct target_move step)
{
    bool moved = true;
    OK(target_begin(target, &s->table, &step, &moved, &s->err));
    return moved;
}

/* ---- the position row ---- */

static void the_position_is_missing_until_it_is_created(void **state)
{
    struct story *s = *state;
    struct target_position at;
    OK(target_position(s->target, SCOPE, &s->arena, &at, &s->err));
    assert_false(at.exists);
    OK(target_create_position(s->target, &s->table, TARGET_ID, &s->err));
    OK(target_position(s->target, SCOPE, &s->arena, &at, &s->err));
    assert_true(at.exists);
    assert_string_equal(at.target_id, TARGET_ID);
    assert_string_equal(at.waybill, "");
    assert_string_equal(at.pos, "");
    assert_string_equal(at.table, "orders");
    assert_int_equal(at.token, 0);
    assert_int_equal(at.epoch, 0);
}

static void creating_the_position_again_keeps_what_is_there(void **state)
{
    struct story *s = *state;
    struct target_position at;
    ready(s, MODE_MERGE);
    load(s, "", "w1", "1|ada|2024-01-01 00:00:00\n");
    OK(target_create_position(s->target, &s->table, "018f0000-0000-7000-8000-000000000002", &s->err));
    OK(target_position(s->target, SCOPE, &s->arena, &at, &s->err));
    assert_string_equal(at.target_id, TARGET_ID);
    assert_string_equal(at.waybill, "w1");
    assert_int_equal(at.epoch, 1);
    assert_int_equal(at.token, 1);
    assert_string_equal(at.pos, "{\"at\":\"2024-01-01\"}");
}

static void S94_a_second_pipeline_on_a_target_table_needs_shared_in_both(void **state)
{
    struct story *s = *state;
    struct target_table other = s->table;
    other.scope = "second/orders";
    OK(target_create_position(s->target, &s->table, TARGET_ID, &s->err));
    REFUSED(target_create_position(s->target, &other, TARGET_ID, &s->err), RC_CONFIG, SCOPE);
    says(s, "second/orders");
    says(s, "shared: true");
    other.shared = true;
    REFUSED(target_create_position(s->target, &other, TARGET_ID, &s->err), RC_CONFIG, SCOPE);
    s->table.shared = true;
    OK(target_create_position(s->target, &s->table, TARGET_ID, &s->err));
    OK(target_create_position(s->target, &other, TARGET_ID, &s->err));
    s->table.shared = false; /* now it would take it for itself */
    REFUSED(target_create_position(s->target, &s->table, TARGET_ID, &s->err), RC_CONFIG, "second/orders");
}

static void a_shared_table_is_never_replaced(void **state)
{
    struct story *s = *state;
    s->table.shared = true;
    s->table.mode = MODE_REPLACE;
    REFUSED(target_create_position(s->target, &s->table, TARGET_ID, &s->err), RC_CONFIG, "replace");
}

static void S82_a_scope_does_not_change_its_table_unnoticed(void **state)
{
    struct story *s = *state;
    OK(target_create_position(s->target, &s->table, TARGET_ID, &s->err));
    s->table.name = "other_orders";
    REFUSED(target_create_position(s->target, &s->table, TARGET_ID, &s->err), RC_CONFIG, "other_orders");
}

static void shared_scopes_load_side_by_side(void **state)
{
    struct story *s = *state;
    s->table.shared = true;
    ready(s, MODE_APPEND);
    struct target_table first = s->table;
    s->table.scope = "second/orders";
    ready(s, MODE_APPEND);
    load(s, "", "w1", "1|ada|2024-01-01 00:00:00\n");
    s->table = first;
    load(s, "", "v1", "2|bob|2024-01-01 00:00:00\n");
    holds(s, "1|ada|2024-01-01 00:00:00\n2|bob|2024-01-01 00:00:00\n");
    stands_at(s, "v1");
}

/* ---- the fence and the compare-and-swap ---- */

static void a_fence_raises_the_token_and_never_lowers_it(void **state)
{
    struct story *s = *state;
    struct target_position at;
    REFUSED(target_fence(s->target, SCOPE, 5, &s->arena, &at, &s->err), RC_NOT_FOUND, SCOPE);
    OK(target_create_position(s->target, &s->table, TARGET_ID, &s->err));
    REFUSED(target_fence(s->target, "other/scope", 5, &s->arena, &at, &s->err), RC_NOT_FOUND, "other/scope");
    OK(target_fence(s->target, SCOPE, 5, &s->arena, &at, &s->err));
    assert_int_equal(at.token, 5);
    OK(target_fence(s->target, SCOPE, 3, &s->arena, &at, &s->err));
    assert_int_equal(at.token, 5);
    assert_string_equal(at.waybill, "");
    assert_string_equal(at.target_id, TARGET_ID);
}

static void a_load_moves_the_position_only_from_where_it_stands(void **state)
{
    struct story *s = *state;
    ready(s, MODE_APPEND);
    assert_false(begins(s, s->target, move("w0", "w1")));
    load(s, "", "w1", "1|ada|NULL\n");
    assert_false(begins(s, s->target, move("", "w2")));
    load(s, "w1", "w2", "2|bob|NULL\n");
    stands_at(s, "w2");
}

static void S99_an_owner_with_an_older_token_loads_nothing(void **state)
{
    struct story *s = *state;
    struct target_position at;
    ready(s, MODE_APPEND);
    OK(target_fence(s->target, SCOPE, 2, &s->arena, &at, &s->err));
    assert_false(begins(s, s->target, move("", "w1")));
    struct target_move step = move("", "w1");
    step.token = 2;
    assert_true(begins(s, s->target, step));
    target_rollback(s->target);
    stands_at(s, "");
}

static void begin_without_a_position_moves_nothing(void **state)
{
    struct story *s = *state;
    assert_false(begins(s, s->target, move("", "w1")));
}

static void rollback_leaves_neither_rows_nor_a_move(void **state)
{
    struct story *s = *state;
    struct load_counts counts;
    struct target_move step = move("", "w1");
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        s->table.name = mode_name(mode);
        s->table.scope = mode_name(mode);
        ready(s, mode);
        OK(bring(s, s->target, &step, "1|ada|2024-01-01 00:00:00\n", &counts));
        target_rollback(s->target);
        target_rollback(s->target); /* nothing to roll back is fine */
        holds(s, "");
        load(s, "", "w1", "2|bob|2024-01-01 00:00:00\n");
        holds(s, "2|bob|2024-01-01 00:00:00\n");
    }
}

static void a_process_that_dies_inside_a_load_leaves_nothing(void **state)
{
    struct story *s = *state;
    struct load_counts counts;
    struct target_move step = move("", "w1");
    ready(s, MODE_REPLACE);
    load(s, "", "w0", "7|old|NULL\n");
    step.prev = "w0";
    OK(bring(s, s->target, &step, "1|ada|NULL\n", &counts));
    target_free(s->target);
    s->target = s->kind->open(s->database);
    holds(s, "7|old|NULL\n");
    stands_at(s, "w0");
    load(s, "w0", "w1", "1|ada|NULL\n");
    holds(s, "1|ada|NULL\n");
}

static void S49_after_a_lost_answer_the_same_move_tells_that_it_was_committed(void **state)
{
    struct story *s = *state;
    ready(s, MODE_APPEND);
    load(s, "", "w1", "1|ada|NULL\n"); /* done, but say that the answer was lost */
    OK(target_reconnect(s->target, &s->err));
    assert_false(begins(s, s->target, move("", "w1")));
    stands_at(s, "w1");
    holds(s, "1|ada|NULL\n");
}

static void S49_after_a_lost_connection_the_same_move_tells_that_nothing_was_committed(void **state)
{
    struct story *s = *state;
    struct load_counts counts;
    struct target_move step = move("", "w1");
    ready(s, MODE_APPEND);
    OK(bring(s, s->target, &step, "1|ada|NULL\n", &counts));
    OK(target_reconnect(s->target, &s->err));
    OK(bring(s, s->target, &step, "1|ada|NULL\n", &counts));
    OK(target_commit(s->target, &s->err));
    holds(s, "1|ada|NULL\n");
    stands_at(s, "w1");
}

static void S77_of_two_loaders_of_one_waybill_one_loads(void **state)
{
    struct story *s = *state;
    struct load_counts counts;
    struct target_move step = move("", "w1");
    ready(s, MODE_APPEND);
    AUTO(target) *other = s->kind->open(s->database);
    OK(bring(s, s->target, &step, "1|ada|NULL\n", &counts));
    bool moved = false;
    enum rc rc = target_begin(other, &s->table, &step, &moved, &s->err);
    if (s->kind->waits) {
        assert_int_equal(rc, RC_BUSY);
        OK(target_commit(s->target, &s->err));
        assert_false(begins(s, other, step));
    } else {
        OK(rc);
        target_rollback(other);
        REFUSED(target_commit(s->target, &s->err), RC_UNAVAILABLE, "connection");
        OK(bring(s, other, &step, "1|ada|NULL\n", &counts));
        OK(target_commit(other, &s->err));
    }
    holds(s, "1|ada|NULL\n");
}

static void S31_a_fence_stops_a_load_that_is_still_open_or_waits_for_it(void **state)
{
    struct story *s = *state;
    struct load_counts counts;
    struct target_position at;
    struct target_move step = move("", "w1");
    ready(s, MODE_APPEND);
    AUTO(target) *successor = s->kind->open(s->database);
    OK(bring(s, s->target, &step, "1|ada|NULL\n", &counts));
    enum rc rc = target_fence(successor, SCOPE, 9, &s->arena, &at, &s->err);
    if (s->kind->waits) {
        REFUSED(rc, RC_BUSY, s->target->name);
        target_rollback(s->target);
        OK(target_fence(successor, SCOPE, 9, &s->arena, &at, &s->err));
    } else {
        OK(rc);
        REFUSED(target_commit(s->target, &s->err), RC_UNAVAILABLE, "connection");
        OK(target_reconnect(s->target, &s->err));
    }
    assert_int_equal(at.token, 9);
    assert_string_equal(at.waybill, "");
    assert_false(begins(s, s->target, step));
    holds(s, "");
}

/* ---- rows ---- */

static void S41_applying_a_waybill_twice_changes_nothing(void **state)
{
    struct story *s = *state;
    ready(s, MODE_APPEND);
    load(s, "", "w1", "1|ada|NULL\n2|bob|NULL\n");
    AUTO(target) *after_crash = s->kind->open(s->database);
    assert_false(begins(s, after_crash, move("", "w1")));
    holds(s, "1|ada|NULL\n2|bob|NULL\n");
    stands_at(s, "w1");
}

static void append_adds_every_row_also_equal_ones(void **state)
{
    struct story *s = *state;
    ready(s, MODE_APPEND);
    struct load_counts counts = load(s, "", "w1", "1|ada|NULL\n1|ada|NULL\n2|NULL|NULL\n3|c|NULL\n4|d|NULL\n");
    assert_int_equal(counts.rows, 5);
    assert_int_equal(counts.inserted, 5);
    assert_int_equal(counts.updated + counts.kept + counts.deleted, 0);
    assert_true(counts.statements > 0);
    load(s, "w1", "w2", "1|ada|NULL\n");
    holds(s, "1|ada|NULL\n1|ada|NULL\n1|ada|NULL\n2|NULL|NULL\n3|c|NULL\n4|d|NULL\n");
}

static void a_waybill_of_several_files_is_one_load(void **state)
{
    struct story *s = *state;
    ready(s, MODE_MERGE);
    AUTO(rows) *first = rows_new(s->schema, "1|ada|2024-01-01 00:00:00\n2|bob|2024-01-01 00:00:00\n");
    AUTO(rows) *empty = rows_new(s->schema, "");
    AUTO(rows) *last = rows_new(s->schema, "3|cy|2024-01-01 00:00:00\n1|ada2|2024-01-02 00:00:00\n");
    struct staged_file files[] = {rows_file(first, "a"), rows_file(empty, "b"), rows_file(last, "c")};
    int64_t rows[3];
    struct load_counts counts;
    assert_true(begins(s, s->target, move("", "w1")));
    for (int i = 0; i < 3; i++)
        OK(target_load_file(s->target, &files[i], &rows[i], &s->err));
    OK(target_apply(s->target, 4, &counts, &s->err));
    OK(target_commit(s->target, &s->err));
    assert_int_equal(rows[0] * 100 + rows[1] * 10 + rows[2], 202);
    assert_int_equal(counts.rows, 4);
    assert_int_equal(counts.inserted, 3);
    holds(s, "1|ada2|2024-01-02 00:00:00\n2|bob|2024-01-01 00:00:00\n3|cy|2024-01-01 00:00:00\n");
}

static void S84_merge_never_lets_an_older_row_overwrite_a_newer_one(void **state)
{
    struct story *s = *state;
    ready(s, MODE_MERGE);
    load(s, "", "w1",
         "1|new|2024-01-02 00:00:00\n"
         "2|same|2024-01-02 00:00:00\n"
         "3|old|2024-01-02 00:00:00\n"
         "4|undated|NULL\n"
         "5|dated|2024-01-02 00:00:00\n"
         "6|both|NULL\n");
    struct load_counts counts = load(s, "w1", "w2",
                                     "1|older|2024-01-01 23:59:59.999\n"
                                     "2|equal overwrites|2024-01-02 00:00:00\n"
                                     "3|newer|2024-01-02 00:00:00.001\n"
                                     "4|a NULL is overwritten|1970-01-01 00:00:00\n"
                                     "5|a NULL overwrites none|NULL\n"
                                     "6|but a NULL|NULL\n"
                                     "7|not seen before|2024-01-01 00:00:00\n");
    assert_int_equal(counts.rows, 7);
    assert_int_equal(counts.inserted, 1);
    assert_int_equal(counts.updated, 4);
    assert_int_equal(counts.kept, 2);
    holds(s, "1|new|2024-01-02 00:00:00\n"
             "2|equal overwrites|2024-01-02 00:00:00\n"
             "3|newer|2024-01-02 00:00:00.001\n"
             "4|a NULL is overwritten|1970-01-01 00:00:00\n"
             "5|dated|2024-01-02 00:00:00\n"
             "6|but a NULL|NULL\n"
             "7|not seen before|2024-01-01 00:00:00\n");
}

static void merge_first_removes_duplicates_inside_the_waybill(void **state)
{
    struct story *s = *state;
    ready(s, MODE_MERGE);
    load(s, "", "w1", "9|there|2024-01-05 00:00:00\n");
    struct load_counts counts = load(s, "w1", "w2",
                                     "1|second|2024-01-02 00:00:00\n"
                                     "1|third|2024-01-03 00:00:00\n"
                                     "1|first|2024-01-01 00:00:00\n"
                                     "2|read first|2024-01-01 00:00:00\n"
                                     "2|read last|2024-01-01 00:00:00\n"
                                     "3|dated|2024-01-01 00:00:00\n"
                                     "3|undated|NULL\n"
                                     "9|old|2024-01-03 00:00:00\n"
                                     "9|older|2024-01-02 00:00:00\n");
    assert_int_equal(counts.rows, 9);
    assert_int_equal(counts.inserted, 3);
    assert_int_equal(counts.updated, 0);
    assert_int_equal(counts.kept, 1);
    holds(s, "1|third|2024-01-03 00:00:00\n2|read last|2024-01-01 00:00:00\n3|dated|2024-01-01 "
             "00:00:00\n9|there|2024-01-05 00:00:00\n");
}

static void merge_without_a_cursor_takes_what_was_read_last(void **state)
{
    struct story *s = *state;
    s->table.cursor = NULL;
    ready(s, MODE_MERGE);
    load(s, "", "w1", "1|ada|2024-01-02 00:00:00\n2|bob|NULL\n");
    struct load_counts counts =
        load(s, "w1", "w2", "1|older wins|2024-01-01 00:00:00\n3|cy|2024-01-02 00:00:00\n3|cyd|2024-01-01 00:00:00\n");
    assert_int_equal(counts.inserted * 100 + counts.updated * 10 + counts.kept, 110);
    holds(s, "1|older wins|2024-01-01 00:00:00\n2|bob|NULL\n3|cyd|2024-01-01 00:00:00\n");
}

static void merge_matches_keys_of_several_columns_exactly(void **state)
{
    struct story *s = *state;
    static const char *const key[] = {"name", "id"};
    s->table.key = key;
    s->table.key_count = 2;
    ready(s, MODE_MERGE);
    load(s, "", "w1",
         "1|a|2024-01-01 00:00:00\n1|A|2024-01-01 00:00:00\n1||2024-01-01 00:00:00\n2|a|2024-01-01 00:00:00\n1|a "
         "|2024-01-01 00:00:00\n");
    struct load_counts counts = load(s, "w1", "w2", "1|a|2024-01-02 00:00:00\n1|a\\0|2024-01-02 00:00:00\n");
    assert_int_equal(counts.inserted * 10 + counts.updated, 11);
    holds(s, "1|a|2024-01-02 00:00:00\n1|A|2024-01-01 00:00:00\n1||2024-01-01 00:00:00\n2|a|2024-01-01 00:00:00\n1|a "
             "|2024-01-01 00:00:00\n"
             "1|a\\0|2024-01-02 00:00:00\n");
}

static void merge_refuses_a_row_without_its_key(void **state)
{
    struct story *s = *state;
    AUTO(schema) *nullable = schema_of("id:l name:u at:tsm:");
    struct target_move step = move("", "w1");
    struct load_counts counts;
    s->table.schema = nullable;
    ready(s, MODE_MERGE);
    REFUSED(bring(s, s->target, &step, "1|ada|NULL\nNULL|bob|NULL\n", &counts), RC_DATA, "id");
    target_rollback(s->target);
    stands_at(s, "");
    holds(s, "");
}

static void S93_replace_leaves_exactly_the_new_rows_also_none(void **state)
{
    struct story *s = *state;
    ready(s, MODE_REPLACE);
    load(s, "", "w1", "1|ada|NULL\n2|bob|NULL\n");
    struct load_counts counts = load(s, "w1", "w2", "2|bo|NULL\n3|cy|NULL\n4|di|NULL\n");
    assert_int_equal(counts.deleted, 2);
    assert_int_equal(counts.inserted, 3);
    assert_int_equal(counts.rows, 3);
    holds(s, "2|bo|NULL\n3|cy|NULL\n4|di|NULL\n");
    assert_true(begins(s, s->target, move("w2", "w3"))); /* no file at all */
    OK(target_apply(s->target, 0, &counts, &s->err));
    OK(target_commit(s->target, &s->err));
    assert_int_equal(counts.deleted, 3);
    assert_int_equal(counts.rows, 0);
    holds(s, "");
    stands_at(s, "w3");
}

static void S43_an_empty_waybill_moves_the_position(void **state)
{
    struct story *s = *state;
    ready(s, MODE_MERGE);
    struct load_counts counts = load(s, "", "w1", "");
    assert_int_equal(counts.rows + counts.inserted + counts.updated + counts.kept, 0);
    stands_at(s, "w1");
}

static void S48_a_load_with_other_counts_than_the_waybill_is_refused(void **state)
{
    struct story *s = *state;
    struct load_counts counts;
    int64_t rows = 0;
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        s->table.name = mode_name(mode);
        s->table.scope = mode_name(mode);
        ready(s, mode);
        AUTO(rows) *two = rows_new(s->schema, "1|ada|NULL\n2|bob|NULL\n");
        struct staged_file file = rows_file(two, "file-00000.parquet");
        assert_true(begins(s, s->target, move("", "w1")));
        OK(target_load_file(s->target, &file, &rows, &s->err));
        REFUSED(target_apply(s->target, 3, &counts, &s->err), RC_DATA, s->table.name);
        target_rollback(s->target);

        file.rows = 3;
        assert_true(begins(s, s->target, move("", "w1")));
        REFUSED(target_load_file(s->target, &file, &rows, &s->err), RC_DATA, "file-00000.parquet");
        target_rollback(s->target);
        holds(s, "");
    }
}

static void S32_a_file_of_another_schema_is_refused(void **state)
{
    struct story *s = *state;
    AUTO(schema) *other = schema_of("id:l! at:tsm: name:u");
    AUTO(rows) *rows = rows_new(other, "1|NULL|ada\n");
    struct staged_file file = rows_file(rows, "file-00000.parquet");
    int64_t count = 0;
    ready(s, MODE_APPEND);
    assert_true(begins(s, s->target, move("", "w1")));
    REFUSED(target_load_file(s->target, &file, &count, &s->err), RC_DATA, "file-00000.parquet");
    target_rollback(s->target);
}

static void a_null_where_none_may_be_is_refused(void **state)
{
    struct story *s = *state;
    struct target_move step = move("", "w1");
    struct load_counts counts;
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        AUTO(schema) *strict = schema_of("id:l! name:u!"), *lax = schema_of("id:l! name:u");
        s->table.cursor = NULL;
        s->table.name = mode_name(mode);
        s->table.scope = mode_name(mode);
        s->table.schema = strict;
        ready(s, mode);
        s->table.schema = lax; /* the source has dropped its NOT NULL */
        REFUSED(bring(s, s->target, &step, "1|NULL\n", &counts), RC_DATA, "name");
        target_rollback(s->target);
        holds(s, "");
    }
}

static void a_key_that_is_there_already_is_not_appended(void **state)
{
    struct story *s = *state;
    struct load_counts counts;
    ready(s, MODE_MERGE);
    load(s, "", "w1", "1|ada|NULL\n");
    s->table.mode = MODE_APPEND;
    struct target_move step = move("w1", "w2");
    REFUSED(bring(s, s->target, &step, "2|bob|NULL\n1|again|NULL\n", &counts), RC_DATA, "orders");
    target_rollback(s->target);
    holds(s, "1|ada|NULL\n");
    stands_at(s, "w1");
}

static void S73_every_type_arrives_with_its_extreme_values(void **state)
{
    static const char *const schemas[] = {
        "id:l! flag:b whole:l real:g name:u raw:z day:tdD",
        "id:l! seconds:tss: millis:tsm: micros:tsu: utc_s:tss:UTC utc_m:tsm:UTC utc_u:tsu:UTC",
        "id:l! cents:d:10,2 units:d:18,0 small:d:3,3 wide:d:15,5",
    };
    static const char *const rows[] = {
        "1|true|9223372036854775807|1.7976931348623157e308|ada|00ff|9999-12-31\n"
        "2|false|-9223372036854775808|-4.9406564584124654e-324|||0000-01-01\n"
        "3|NULL|NULL|NULL|NULL|NULL|NULL\n"
        "4|true|0|0.1|\\NULL|6e756c6c|1969-12-31\n"
        "5|false|-1|-1e-7|null\\0\\n\\|\\\\\xe2\x82\xac\xf0\x9f\x98\x80|00|1970-01-01\n"
        "6|true|9007199254740993|12345678901234567|007|30|2024-02-29\n"
        "7|true|1|1|1e3| |0001-01-01\n",
        "1|9999-12-31 23:59:59|9999-12-31 23:59:59.999|9999-12-31 "
        "23:59:59.999999|9999-12-31T23:59:59Z|9999-12-31T23:59:59.999Z|9999-12-31T23:59:59.999999Z\n"
        "2|0000-01-01 00:00:00|0000-01-01 00:00:00|0000-01-01 "
        "00:00:00|0000-01-01T00:00:00Z|0000-01-01T00:00:00Z|0000-01-01T00:00:00Z\n"
        "3|1969-12-31 23:59:59|1969-12-31 23:59:59.001|1969-12-31 "
        "23:59:59.000001|1969-12-31T23:59:59Z|1969-12-31T23:59:59.100Z|1969-12-31T23:59:59.010000Z\n"
        "4|NULL|NULL|NULL|NULL|NULL|NULL\n"
        "5|2024-02-29 12:34:56|2024-02-29 12:34:56.120|2024-02-29 "
        "12:34:56.123456|2024-02-29T12:34:56Z|2024-02-29T12:34:56.120Z|2024-02-29T12:34:56.123456Z\n",
        "1|99999999.99|999999999999999999|0.999|9999999999.99999\n"
        "2|-99999999.99|-999999999999999999|-0.999|-9999999999.99999\n"
        "3|NULL|NULL|NULL|NULL\n"
        "4|0.00|0|0.000|0.00000\n"
        "5|-0.01|1|0.001|0.10000\n"
        "6|12.50|-1|-0.100|1.00000\n",
    };
    struct story *s = *state;
    for (int i = 0; i < 3; i++) {
        AUTO(schema) *schema = schema_of(schemas[i]);
        for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
            char name[32];
            snprintf(name, sizeof(name), "types_%d_%s", i, mode_name(mode));
            s->table = (struct target_table){
                .scope = name, .name = name, .mode = mode, .schema = schema, .key = key_id, .key_count = 1};
            ready(s, mode);
            load(s, "", "w1", rows[i]);
            holds(s, rows[i]);
        }
    }
}

/* ---- prepare ---- */

static void prepare_creates_the_table_once(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(buf) dry = {0}, ddl = {0}, again = {0};
    OK(target_prepare(s->target, &s->table, true, &dry, &s->err));
    assert_false(s->kind->has_table(s->database, "orders"));
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
    assert_true(s->kind->has_table(s->database, "orders"));
    assert_string_equal(dry.at, ddl.at);
    assert_non_null(strstr(ddl.at, "orders"));
    assert_int_equal(ddl.at[ddl.len - 1], '\n');
    OK(target_prepare(s->target, &s->table, false, &again, &s->err));
    assert_int_equal(again.len, 0);
}

static void prepare_adds_what_the_source_has_grown(void **state)
{
    struct story *s = *state;
    AUTO(schema) *grown = schema_of("discount:g! id:l! name:u note:u at:tsm:");
    AUTO_RELEASE(buf) dry = {0}, ddl = {0}, again = {0};
    ready(s, MODE_MERGE);
    load(s, "", "w1", "1|ada|2024-01-01 00:00:00\n2|bob|2024-01-01 00:00:00\n");
    s->table.schema = grown;
    OK(target_prepare(s->target, &s->table, true, &dry, &s->err));
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
    OK(target_prepare(s->target, &s->table, false, &again, &s->err));
    assert_string_equal(dry.at, ddl.at);
    assert_non_null(strstr(ddl.at, "discount"));
    assert_non_null(strstr(ddl.at, "note"));
    assert_int_equal(again.len, 0);
    load(s, "w1", "w2", "0.5|2|bob|hi|2024-01-02 00:00:00\n0.25|3|cy|NULL|2024-01-02 00:00:00\n");
    holds(
        s,
        "NULL|1|ada|NULL|2024-01-01 00:00:00\n0.5|2|bob|hi|2024-01-02 00:00:00\n0.25|3|cy|NULL|2024-01-02 00:00:00\n");
}

static void S36_columns_are_matched_by_name_and_those_the_source_dropped_stay(void **state)
{
    struct story *s = *state;
    AUTO(schema) *reordered = schema_of("at:tsm: id:l!");
    AUTO_RELEASE(buf) ddl = {0};
    ready(s, MODE_MERGE);
    load(s, "", "w1", "1|ada|2024-01-01 00:00:00\n");
    const struct schema *full = s->table.schema;
    s->table.schema = reordered;
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
    assert_int_equal(ddl.len, 0);
    load(s, "w1", "w2", "2024-01-02 00:00:00|1\n2024-01-02 00:00:00|2\n");
    s->table.schema = full;
    holds(s, "1|ada|2024-01-02 00:00:00\n2|NULL|2024-01-02 00:00:00\n");
}

static void prepare_refuses_a_column_of_another_type(void **state)
{
    struct story *s = *state;
    AUTO(schema) *changed = schema_of("id:l! name:l at:tsm:");
    AUTO_RELEASE(buf) ddl = {0};
    ready(s, MODE_MERGE);
    s->table.schema = changed;
    REFUSED(target_prepare(s->target, &s->table, false, &ddl, &s->err), RC_DATA, "name");
    REFUSED(target_prepare(s->target, &s->table, true, &ddl, &s->err), RC_DATA, "name");
}

static void prepare_refuses_a_column_that_nobody_would_fill(void **state)
{
    struct story *s = *state;
    AUTO(schema) *wide = schema_of("id:l! name:u at:tsm: region:u!");
    AUTO_RELEASE(buf) ddl = {0};
    s->table.schema = wide;
    ready(s, MODE_MERGE);
    s->table.schema = s->schema;
    REFUSED(target_prepare(s->target, &s->table, false, &ddl, &s->err), RC_DATA, "region");
}

static void prepare_refuses_a_merge_whose_key_nothing_makes_unique(void **state)
{
    struct story *s = *state;
    AUTO_RELEASE(buf) ddl = {0};
    ready(s, MODE_APPEND);
    s->table.mode = MODE_MERGE;
    REFUSED(target_prepare(s->target, &s->table, false, &ddl, &s->err), RC_DATA, "CREATE UNIQUE INDEX");
}

static void loading_into_a_table_that_is_not_there_is_refused(void **state)
{
    struct story *s = *state;
    bool moved = false;
    struct target_move step = move("", "w1");
    OK(target_create_position(s->target, &s->table, TARGET_ID, &s->err));
    REFUSED(target_begin(s->target, &s->table, &step, &moved, &s->err), RC_NOT_FOUND, "orders");
    stands_at(s, "");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, story_begin, story_end)
static const struct CMUnitTest stories[] = {
    STORY(the_position_is_missing_until_it_is_created),
    STORY(creating_the_position_again_keeps_what_is_there),
    STORY(S94_a_second_pipeline_on_a_target_table_needs_shared_in_both),
    STORY(a_shared_table_is_never_replaced),
    STORY(S82_a_scope_does_not_change_its_table_unnoticed),
    STORY(shared_scopes_load_side_by_side),
    STORY(a_fence_raises_the_token_and_never_lowers_it),
    STORY(a_load_moves_the_position_only_from_where_it_stands),
    STORY(S99_an_owner_with_an_older_token_loads_nothing),
    STORY(begin_without_a_position_moves_nothing),
    STORY(rollback_leaves_neither_rows_nor_a_move),
    STORY(a_process_that_dies_inside_a_load_leaves_nothing),
    STORY(S49_after_a_lost_answer_the_same_move_tells_that_it_was_committed),
    STORY(S49_after_a_lost_connection_the_same_move_tells_that_nothing_was_committed),
    STORY(S77_of_two_loaders_of_one_waybill_one_loads),
    STORY(S31_a_fence_stops_a_load_that_is_still_open_or_waits_for_it),
    STORY(S41_applying_a_waybill_twice_changes_nothing),
    STORY(append_adds_every_row_also_equal_ones),
    STORY(a_waybill_of_several_files_is_one_load),
    STORY(S84_merge_never_lets_an_older_row_overwrite_a_newer_one),
    STORY(merge_first_removes_duplicates_inside_the_waybill),
    STORY(merge_without_a_cursor_takes_what_was_read_last),
    STORY(merge_matches_keys_of_several_columns_exactly),
    STORY(merge_refuses_a_row_without_its_key),
    STORY(S93_replace_leaves_exactly_the_new_rows_also_none),
    STORY(S43_an_empty_waybill_moves_the_position),
    STORY(S48_a_load_with_other_counts_than_the_waybill_is_refused),
    STORY(S32_a_file_of_another_schema_is_refused),
    STORY(a_null_where_none_may_be_is_refused),
    STORY(a_key_that_is_there_already_is_not_appended),
    STORY(S73_every_type_arrives_with_its_extreme_values),
    STORY(prepare_creates_the_table_once),
    STORY(prepare_adds_what_the_source_has_grown),
    STORY(S36_columns_are_matched_by_name_and_those_the_source_dropped_stay),
    STORY(prepare_refuses_a_column_of_another_type),
    STORY(prepare_refuses_a_column_that_nobody_would_fill),
    STORY(prepare_refuses_a_merge_whose_key_nothing_makes_unique),
    STORY(loading_into_a_table_that_is_not_there_is_refused),
};

int target_suite_run(const struct target_kind *kind)
{
    kind_under_test = kind;
    return cmocka_run_group_tests_name(kind->name, stories, NULL, NULL);
}

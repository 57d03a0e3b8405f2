/* The table is made, grows, and anything else is refused. */
#include <string.h>

#include "conform/target_story.h"

/* ---- prepare ---- */

static void prepare_creates_the_table_once(void **state)
{
    struct target_story *s = *state;
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

static void prepare_makes_no_table_anew_that_was_loaded_into(void **state)
{
    struct target_story *s = *state;
    AUTO_RELEASE(buf) ddl = {0};
    s->table.was_loaded = true;
    REFUSED(target_prepare(s->target, &s->table, true, &ddl, &s->err), RC_DATA, "'orders' is gone");
    REFUSED(target_prepare(s->target, &s->table, false, &ddl, &s->err), RC_DATA, "'orders' is gone");
    assert_false(s->kind->has_table(s->database, "orders"));
    s->table.was_loaded = false;
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
    s->table.was_loaded = true;
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
}

static void lose(struct target_story *s, const char *table, bool whole)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "%s %s", whole ? "DROP TABLE" : "DELETE FROM", table);
    if (s->kind->run != NULL)
        s->kind->run(s->database, sql.at);
    else
        s->kind->lose(s->database, table, whole);
}

static void whether_a_table_is_there_and_has_rows_is_told_by_another_client_too(void **state)
{
    struct target_story *s = *state;
    bool is_there = true, has_rows = true;
    OK(target_is_there(s->target, &s->table, &is_there, &s->err));
    assert_false(is_there);
    dw_ready(s, MODE_MERGE);
    OK(target_is_there(s->target, &s->table, &is_there, &s->err));
    assert_true(is_there);
    OK(target_has_rows(s->target, &s->table, &has_rows, &s->err));
    assert_false(has_rows);
    dw_load(s, "", "w1", "1|ada|2024-01-01 00:00:00\n");
    OK(target_has_rows(s->target, &s->table, &has_rows, &s->err));
    assert_true(has_rows);
    lose(s, "orders", false);
    OK(target_has_rows(s->target, &s->table, &has_rows, &s->err));
    assert_false(has_rows);
    lose(s, "orders", true);
    OK(target_is_there(s->target, &s->table, &is_there, &s->err));
    assert_false(is_there);
    s->table.was_loaded = true;
    AUTO_RELEASE(buf) ddl = {0};
    REFUSED(target_prepare(s->target, &s->table, false, &ddl, &s->err), RC_DATA, "'orders' is gone");
}

static void prepare_makes_a_table_for_the_merges_that_follow_its_first_rows(void **state)
{
    struct target_story *s = *state;
    AUTO_RELEASE(buf) ddl = {0};
    s->table.is_merged_later = true;
    dw_ready(s, MODE_REPLACE);
    dw_load(s, "", "w1", "1|ada|2024-01-01 00:00:00\n2|bob|2024-01-01 00:00:00\n");
    s->table.mode = MODE_MERGE;
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
    assert_int_equal(ddl.len, 0);
    dw_load(s, "w1", "w2", "2|eve|2024-01-02 00:00:00\n3|cy|2024-01-02 00:00:00\n");
    dw_holds(s, "1|ada|2024-01-01 00:00:00\n2|eve|2024-01-02 00:00:00\n3|cy|2024-01-02 00:00:00\n");
}

static void prepare_adds_what_the_source_has_grown(void **state)
{
    struct target_story *s = *state;
    AUTO(schema) *grown = schema_of("discount:g! id:l! name:u note:u at:tsm:");
    AUTO_RELEASE(buf) dry = {0}, ddl = {0}, again = {0};
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "1|ada|2024-01-01 00:00:00\n2|bob|2024-01-01 00:00:00\n");
    s->table.schema = grown;
    OK(target_prepare(s->target, &s->table, true, &dry, &s->err));
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
    OK(target_prepare(s->target, &s->table, false, &again, &s->err));
    assert_string_equal(dry.at, ddl.at);
    assert_non_null(strstr(ddl.at, "discount"));
    assert_non_null(strstr(ddl.at, "note"));
    assert_int_equal(again.len, 0);
    dw_load(s, "w1", "w2", "0.5|2|bob|hi|2024-01-02 00:00:00\n0.25|3|cy|NULL|2024-01-02 00:00:00\n");
    dw_holds(
        s,
        "NULL|1|ada|NULL|2024-01-01 00:00:00\n0.5|2|bob|hi|2024-01-02 00:00:00\n0.25|3|cy|NULL|2024-01-02 00:00:00\n");
}

static void S36_columns_are_matched_by_name_and_those_the_source_dropped_stay(void **state)
{
    struct target_story *s = *state;
    AUTO(schema) *reordered = schema_of("at:tsm: id:l!");
    AUTO_RELEASE(buf) ddl = {0};
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "1|ada|2024-01-01 00:00:00\n");
    const struct schema *full = s->table.schema;
    s->table.schema = reordered;
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
    assert_int_equal(ddl.len, 0);
    dw_load(s, "w1", "w2", "2024-01-02 00:00:00|1\n2024-01-02 00:00:00|2\n");
    s->table.schema = full;
    dw_holds(s, "1|ada|2024-01-02 00:00:00\n2|NULL|2024-01-02 00:00:00\n");
}

static void prepare_refuses_a_column_of_another_type(void **state)
{
    struct target_story *s = *state;
    AUTO(schema) *changed = schema_of("id:l! name:l at:tsm:");
    AUTO_RELEASE(buf) ddl = {0};
    dw_ready(s, MODE_MERGE);
    s->table.schema = changed;
    REFUSED(target_prepare(s->target, &s->table, false, &ddl, &s->err), RC_DATA, "name");
    REFUSED(target_prepare(s->target, &s->table, true, &ddl, &s->err), RC_DATA, "name");
}

static void prepare_refuses_a_column_that_nobody_would_fill(void **state)
{
    struct target_story *s = *state;
    AUTO(schema) *wide = schema_of("id:l! name:u at:tsm: region:u!");
    AUTO_RELEASE(buf) ddl = {0};
    s->table.schema = wide;
    dw_ready(s, MODE_MERGE);
    s->table.schema = s->schema;
    REFUSED(target_prepare(s->target, &s->table, false, &ddl, &s->err), RC_DATA, "region");
}

static void prepare_refuses_a_merge_whose_key_nothing_makes_unique(void **state)
{
    struct target_story *s = *state;
    AUTO_RELEASE(buf) ddl = {0};
    if (s->kind->enforces_no_keys)
        return;
    dw_ready(s, MODE_APPEND);
    s->table.mode = MODE_MERGE;
    REFUSED(target_prepare(s->target, &s->table, false, &ddl, &s->err), RC_DATA, "CREATE UNIQUE INDEX");
}

static void loading_into_a_table_that_is_not_there_is_refused(void **state)
{
    struct target_story *s = *state;
    bool moved = false;
    struct target_move step = dw_move("", "w1");
    OK(target_create_position(s->target, &s->table, DW_TARGET_ID, &s->err));
    REFUSED(target_begin(s->target, &s->table, &step, &moved, &s->err), RC_NOT_FOUND, "orders");
    dw_stands_at(s, "");
}

int target_suite_prepare(void)
{
    static const struct CMUnitTest stories[] = {
        STORY(prepare_creates_the_table_once),
        STORY(prepare_makes_no_table_anew_that_was_loaded_into),
        STORY(whether_a_table_is_there_and_has_rows_is_told_by_another_client_too),
        STORY(prepare_makes_a_table_for_the_merges_that_follow_its_first_rows),
        STORY(prepare_adds_what_the_source_has_grown),
        STORY(S36_columns_are_matched_by_name_and_those_the_source_dropped_stay),
        STORY(prepare_refuses_a_column_of_another_type),
        STORY(prepare_refuses_a_column_that_nobody_would_fill),
        STORY(prepare_refuses_a_merge_whose_key_nothing_makes_unique),
        STORY(loading_into_a_table_that_is_not_there_is_refused),
    };
    return cmocka_run_group_tests_name(dw_kind->name, stories, NULL, NULL);
}

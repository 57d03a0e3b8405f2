/* Rows that go: replaced ranges, what the source has not any more, and tables whose place a new one takes. A target
 * that lacks one of these says so (TARGET_...), and its stories are passed over. */
#include <string.h>

#include "conform/target_story.h"

#define NEEDS(feature)                                                                                                 \
    do {                                                                                                               \
        if ((s->target->ops->features & (feature)) == 0)                                                               \
            skip();                                                                                                    \
    } while (0)

static const char *const key_id[] = {"id"};

/* ---- ranges ---- */

static void load_span(struct target_story *s, const char *prev, const char *waybill, struct target_span span,
                      const char *text)
{
    s->table.span = &span;
    dw_load(s, prev, waybill, text);
    s->table.span = NULL;
}

static void the_rows_of_a_range_are_replaced_also_by_none(void **state)
{
    struct target_story *s = *state;
    NEEDS(TARGET_DELETE_INSERT);
    dw_ready(s, MODE_DELETE_INSERT);
    load_span(s, "", "w1", (struct target_span){.column = "at", .hi = "2024-01-05 00:00:00"},
              "1|a|2024-01-01 00:00:00\n2|b|2024-01-02 00:00:00\n3|c|2024-01-02 23:59:59.999\n4|d|2024-01-03 00:00:00\n"
              "5|e|NULL\n");
    load_span(s, "w1", "w2",
              (struct target_span){.column = "at", .lo = "2024-01-02 00:00:00", .hi = "2024-01-03 00:00:00"},
              "6|f|2024-01-02 12:00:00\n");
    dw_holds(s, "1|a|2024-01-01 00:00:00\n6|f|2024-01-02 12:00:00\n4|d|2024-01-03 00:00:00\n5|e|NULL\n");
    load_span(s, "w2", "w3",
              (struct target_span){.column = "at", .lo = "2024-01-02 00:00:00", .hi = "2024-01-03 00:00:00"}, "");
    dw_holds(s, "1|a|2024-01-01 00:00:00\n4|d|2024-01-03 00:00:00\n5|e|NULL\n");
    load_span(s, "w3", "w4", (struct target_span){.column = "at", .hi = "2024-01-05 00:00:00"},
              "7|g|2024-01-04 00:00:00\n");
    dw_holds(s, "7|g|2024-01-04 00:00:00\n5|e|NULL\n");
}

static void a_range_of_ids_ends_with_its_last_one(void **state)
{
    struct target_story *s = *state;
    NEEDS(TARGET_DELETE_INSERT);
    dw_ready(s, MODE_DELETE_INSERT);
    load_span(s, "", "w1", (struct target_span){.column = "id", .hi = "10", .is_key = true},
              "-3|n|NULL\n2|b|NULL\n9|i|NULL\n10|j|NULL\n");
    load_span(s, "w1", "w2", (struct target_span){.column = "id", .lo = "2", .hi = "10", .is_key = true},
              "3|c|NULL\n10|again|NULL\n");
    dw_holds(s, "-3|n|NULL\n2|b|NULL\n3|c|NULL\n10|again|NULL\n");
    load_span(s, "w2", "w3", (struct target_span){.column = "id", .lo = "2", .is_key = true}, "4|d|NULL\n");
    dw_holds(s, "-3|n|NULL\n2|b|NULL\n4|d|NULL\n");
    load_span(s, "w3", "w4", (struct target_span){.column = "id", .is_key = true}, "");
    dw_holds(s, "");
}

static void a_range_of_texts_ends_by_their_bytes(void **state)
{
    struct target_story *s = *state;
    NEEDS(TARGET_DELETE_INSERT);
    dw_ready(s, MODE_DELETE_INSERT);
    load_span(s, "", "w1", (struct target_span){.column = "name", .hi = "z", .is_key = true},
              "1|a|NULL\n2|a\t|NULL\n3|a |NULL\n4|a  |NULL\n5|b|NULL\n6|b |NULL\n7|b  |NULL\n");
    load_span(s, "w1", "w2", (struct target_span){.column = "name", .lo = "a ", .hi = "b ", .is_key = true}, "");
    dw_holds(s, "1|a|NULL\n2|a\t|NULL\n3|a |NULL\n7|b  |NULL\n");
}

static void a_range_of_dates_of_instants_and_of_texts(void **state)
{
    struct target_story *s = *state;
    static const struct {
        const char *schema, *column, *lo, *hi, *before, *after;
    } cases[] = {
        {"id:l! d:tdD", "d", "2024-01-02", "2024-01-03", "1|2024-01-01\n2|2024-01-02\n3|2024-01-03\n",
         "1|2024-01-01\n3|2024-01-03\n"},
        {"id:l! i:tsu:UTC", "i", "2024-01-02 00:00:00", "2024-01-03 00:00:00.000001",
         "1|2024-01-01T23:59:59.999999Z\n2|2024-01-03T00:00:00Z\n3|2024-01-03T00:00:00.000001Z\n",
         "1|2024-01-01T23:59:59.999999Z\n3|2024-01-03T00:00:00.000001Z\n"},
        {"id:l! t:u", "t", "2024-01-02", "2024-01-03", "1|2024-01-01\n2|2024-01-02 11:00\n3|2024-01-03\n",
         "1|2024-01-01\n3|2024-01-03\n"},
        {"id:l! s:tss:", "s", "2024-01-02 00:00:00", "2024-01-03 00:00:00",
         "1|2024-01-01 23:59:59\n2|2024-01-02 23:59:59\n3|2024-01-03 00:00:00\n",
         "1|2024-01-01 23:59:59\n3|2024-01-03 00:00:00\n"},
        {"id:l! n:d:20,0", "n", "2", "18446744073709551615", "1|1\n2|2\n3|18446744073709551615\n",
         "1|1\n3|18446744073709551615\n"},
    };
    NEEDS(TARGET_DELETE_INSERT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (strcmp(cases[i].column, "n") == 0 && s->kind->keeps_fifteen_digits)
            continue;
        dw_end_story(state);
        dw_begin_story(state);
        s = *state;
        AUTO(schema) *schema = schema_of(cases[i].schema);
        const struct target_span first = {.column = cases[i].column, .hi = cases[i].lo};
        s->table.schema = schema;
        s->table.cursor = NULL;
        dw_ready(s, MODE_DELETE_INSERT);
        load_span(s, "", "w1", first, cases[i].before);
        load_span(s, "w1", "w2", (struct target_span){cases[i].column, cases[i].lo, cases[i].hi, false}, "");
        dw_holds(s, cases[i].after);
        s->table.schema = s->schema;
    }
}

/* ---- what the source has not any more ---- */

/* Rows come, and then all keys that the source has. */
static enum rc bring_keys(struct target_story *s, const char *prev, const char *waybill, const char *keys,
                          struct load_counts *ret)
{
    AUTO(schema) *schema = schema_of("id:l!");
    const struct target_table was = s->table;
    struct target_move step = dw_move(prev, waybill);
    s->table.schema = schema;
    s->table.mode = MODE_KEYS;
    s->table.key = key_id;
    s->table.key_count = 1;
    s->table.deletes.at = "2024-02-01T00:00:00.000000Z";
    enum rc rc = dw_bring(s, s->target, &step, keys, ret);
    if (rc == RC_OK)
        OK(target_commit(s->target, &s->err));
    else
        target_rollback(s->target);
    s->table = was;
    return rc;
}

/* By a key of text; a row of another length has another key. */
static void a_key_that_is_gone_is_told_from_one_with_a_blank_more(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts = {0};
    AUTO(schema) *schema = schema_of("name:u!");
    static const char *const key[] = {"name"};
    NEEDS(TARGET_DELETES);
    s->table.deletes = (struct target_deletes){.is_wanted = true, .percent_max = 100};
    s->table.key = key;
    s->table.schema = schema;
    s->table.cursor = NULL;
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "a\na \nb\n");
    s->table.mode = MODE_KEYS;
    struct target_move step = dw_move("w1", "w2");
    OK(dw_bring(s, s->target, &step, "a \nb\n", &counts));
    OK(target_commit(s->target, &s->err));
    assert_int_equal(counts.deleted, 1);
    dw_holds(s, "a \nb\n");
    s->table.schema = s->schema;
}

static void rows_whose_key_is_gone_go(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts = {0};
    NEEDS(TARGET_DELETES);
    s->table.deletes = (struct target_deletes){.is_wanted = true, .percent_max = 10};
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "1|a|NULL\n2|b|NULL\n3|c|NULL\n4|d|NULL\n");
    OK(bring_keys(s, "w1", "w2", "1\n3\n4\n5\n", &counts));
    assert_int_equal(counts.rows, 4);
    assert_int_equal(counts.deleted, 1);
    dw_holds(s, "1|a|NULL\n3|c|NULL\n4|d|NULL\n");
    dw_stands_at(s, "w2");
    OK(bring_keys(s, "w2", "w3", "1\n3\n4\n5\n", &counts));
    assert_int_equal(counts.deleted, 0);
    dw_holds(s, "1|a|NULL\n3|c|NULL\n4|d|NULL\n");
}

static const char *numbered(struct target_story *s, int from, int to, const char *rest)
{
    AUTO_RELEASE(buf) text = {0};
    for (int i = from; i <= to; i++)
        buf_addf(&text, "%d%s\n", i, rest);
    return arena_text(&s->arena, or_empty(text.at));
}

static void more_than_a_share_of_the_rows_is_not_deleted_unasked(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts = {0};
    NEEDS(TARGET_DELETES);
    s->table.deletes = (struct target_deletes){.is_wanted = true, .percent_max = 10};
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", numbered(s, 1, 210, "|a|NULL"));
    REFUSED(bring_keys(s, "w1", "w2", numbered(s, 23, 210, ""), &counts), RC_DATA, "--allow-deletes");
    dw_stands_at(s, "w1");
    dw_holds(s, numbered(s, 1, 210, "|a|NULL"));
    OK(bring_keys(s, "w1", "w2", numbered(s, 22, 210, ""), &counts));
    assert_int_equal(counts.deleted, 21);
    REFUSED(bring_keys(s, "w2", "w3", "", &counts), RC_DATA, "0 keys");
    s->table.deletes.percent_max = 100;
    OK(bring_keys(s, "w2", "w3", "", &counts));
    assert_int_equal(counts.deleted, 189);
    dw_holds(s, "");
}

static void a_row_that_is_gone_may_stay_and_be_noted_until_it_comes_back(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts = {0};
    AUTO(schema) *noted = schema_of("id:l! name:u at:tsm: gone_at:tsu:UTC");
    NEEDS(TARGET_DELETES);
    s->table.deletes = (struct target_deletes){.is_wanted = true, .percent_max = 10, .soft_column = "gone_at"};
    s->table.schema = noted;
    dw_ready(s, MODE_MERGE);
    s->table.schema = s->schema;
    dw_load(s, "", "w1", "1|a|NULL\n2|b|NULL\n3|c|NULL\n");
    OK(bring_keys(s, "w1", "w2", "1\n3\n", &counts));
    assert_int_equal(counts.deleted, 1);
    s->table.schema = noted;
    dw_holds(s, "1|a|NULL|NULL\n2|b|NULL|2024-02-01T00:00:00Z\n3|c|NULL|NULL\n");
    s->table.schema = s->schema;
    if (s->target->ops->profile != NULL)
        dw_profiles(s, "1|a|NULL\n3|c|NULL\n");
    OK(bring_keys(s, "w2", "w3", "1\n2\n", &counts));
    assert_int_equal(counts.deleted, 1);
    s->table.schema = noted;
    dw_holds(s, "1|a|NULL|NULL\n2|b|NULL|NULL\n3|c|NULL|2024-02-01T00:00:00Z\n");
    s->table.schema = s->schema;
}

static void a_merge_deletes_the_rows_that_it_is_told(void **state)
{
    struct target_story *s = *state;
    struct key_list keys;
    const int columns[] = {0};
    NEEDS(TARGET_DELETES);
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "1|a|NULL\n2|b|NULL\n3|c|NULL\n");
    key_list_init(&keys, s->schema, columns, 1);
    key_list_add(&keys, S("2"));
    key_list_add(&keys, S("77"));
    s->table.deletes = (struct target_deletes){.is_wanted = true, .percent_max = 100, .keys = &keys};
    struct load_counts counts = dw_load(s, "w1", "w2", "3|again|NULL\n");
    s->table.deletes = (struct target_deletes){0};
    key_list_release(&keys);
    assert_int_equal(counts.deleted, 1);
    assert_int_equal(counts.updated, 1);
    dw_holds(s, "1|a|NULL\n3|again|NULL\n");
}

/* ---- a new table takes the place ---- */

static void S93_a_new_table_takes_the_name_also_without_rows(void **state)
{
    struct target_story *s = *state;
    AUTO_RELEASE(buf) ddl = {0};
    NEEDS(TARGET_SWAP);
    assert_non_null(s->target->ops->swap_note);
    s->table.swaps = true;
    dw_ready(s, MODE_REPLACE);
    dw_load(s, "", "w1", "1|ada|NULL\n2|bob|NULL\n");
    dw_load(s, "w1", "w2", "2|bo|NULL\n3|cy|NULL\n");
    dw_holds(s, "2|bo|NULL\n3|cy|NULL\n");
    dw_load(s, "w2", "w3", "");
    dw_holds(s, "");
    dw_stands_at(s, "w3");
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
    assert_int_equal(ddl.len, 0);
}

static void a_swap_that_is_rolled_back_leaves_the_old_table(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts;
    struct target_move step = dw_move("w1", "w2");
    NEEDS(TARGET_SWAP);
    s->table.swaps = true;
    dw_ready(s, MODE_REPLACE);
    dw_load(s, "", "w1", "1|ada|NULL\n");
    OK(dw_bring(s, s->target, &step, "2|bob|NULL\n", &counts));
    target_rollback(s->target);
    dw_holds(s, "1|ada|NULL\n");
    dw_stands_at(s, "w1");
    dw_load(s, "w1", "w2", "2|bob|NULL\n");
    dw_holds(s, "2|bob|NULL\n");
}

static void what_a_target_lacks_is_refused(void **state)
{
    struct target_story *s = *state;
    const struct target_table wants[] = {{.name = "orders", .mode = MODE_DELETE_INSERT},
                                         {.name = "orders", .mode = MODE_KEYS},
                                         {.name = "orders", .mode = MODE_REPLACE, .swaps = true}};
    static const enum target_feature features[] = {TARGET_DELETE_INSERT, TARGET_DELETES, TARGET_SWAP};
    for (size_t i = 0; i < sizeof(wants) / sizeof(*wants); i++) {
        bool has = (s->target->ops->features & features[i]) != 0;
        assert_int_equal(target_check_features(s->target, &wants[i], &s->err), has ? RC_OK : RC_CONFIG);
    }
}

int target_suite_deletes(void)
{
    static const struct CMUnitTest stories[] = {
        STORY(the_rows_of_a_range_are_replaced_also_by_none),
        STORY(a_range_of_ids_ends_with_its_last_one),
        STORY(a_range_of_texts_ends_by_their_bytes),
        STORY(a_range_of_dates_of_instants_and_of_texts),
        STORY(a_key_that_is_gone_is_told_from_one_with_a_blank_more),
        STORY(rows_whose_key_is_gone_go),
        STORY(more_than_a_share_of_the_rows_is_not_deleted_unasked),
        STORY(a_row_that_is_gone_may_stay_and_be_noted_until_it_comes_back),
        STORY(a_merge_deletes_the_rows_that_it_is_told),
        STORY(S93_a_new_table_takes_the_name_also_without_rows),
        STORY(a_swap_that_is_rolled_back_leaves_the_old_table),
        STORY(what_a_target_lacks_is_refused),
    };
    return cmocka_run_group_tests_name(dw_kind->name, stories, NULL, NULL);
}

/* What the modes make of rows, and that every count is checked. */
#include <string.h>

#include "conform/target_story.h"

/* ---- rows ---- */

static void S41_applying_a_waybill_twice_changes_nothing(void **state)
{
    struct target_story *s = *state;
    dw_ready(s, MODE_APPEND);
    dw_load(s, "", "w1", "1|ada|NULL\n2|bob|NULL\n");
    AUTO(target) *after_crash = s->kind->open(s->database);
    assert_false(dw_begins(s, after_crash, dw_move("", "w1")));
    dw_holds(s, "1|ada|NULL\n2|bob|NULL\n");
    dw_stands_at(s, "w1");
}

static void append_adds_every_row_also_equal_ones(void **state)
{
    struct target_story *s = *state;
    dw_ready(s, MODE_APPEND);
    struct load_counts counts = dw_load(s, "", "w1", "1|ada|NULL\n1|ada|NULL\n2|NULL|NULL\n3|c|NULL\n4|d|NULL\n");
    assert_int_equal(counts.rows, 5);
    assert_int_equal(counts.inserted, 5);
    assert_int_equal(counts.updated + counts.kept + counts.deleted, 0);
    assert_true(counts.statements > 0);
    dw_load(s, "w1", "w2", "1|ada|NULL\n");
    dw_holds(s, "1|ada|NULL\n1|ada|NULL\n1|ada|NULL\n2|NULL|NULL\n3|c|NULL\n4|d|NULL\n");
}

static void a_waybill_of_several_files_is_one_load(void **state)
{
    struct target_story *s = *state;
    dw_ready(s, MODE_MERGE);
    AUTO(rows) *first = rows_new(s->schema, "1|ada|2024-01-01 00:00:00\n2|bob|2024-01-01 00:00:00\n");
    AUTO(rows) *empty = rows_new(s->schema, "");
    AUTO(rows) *last = rows_new(s->schema, "3|cy|2024-01-01 00:00:00\n1|ada2|2024-01-02 00:00:00\n");
    struct staged_file files[] = {rows_file(first, "a"), rows_file(empty, "b"), rows_file(last, "c")};
    int64_t rows = 0;
    struct load_counts counts;
    assert_true(dw_begins(s, s->target, dw_move("", "w1")));
    OK(dw_take(s, s->target, files, 3, &rows));
    OK(target_apply(s->target, 4, &counts, &s->err));
    OK(target_commit(s->target, &s->err));
    assert_int_equal(rows, 4);
    assert_int_equal(counts.rows, 4);
    assert_int_equal(counts.inserted, 3);
    dw_holds(s, "1|ada2|2024-01-02 00:00:00\n2|bob|2024-01-01 00:00:00\n3|cy|2024-01-01 00:00:00\n");
}

static void S84_merge_never_lets_an_older_row_overwrite_a_newer_one(void **state)
{
    struct target_story *s = *state;
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1",
            "1|new|2024-01-02 00:00:00\n"
            "2|same|2024-01-02 00:00:00\n"
            "3|old|2024-01-02 00:00:00\n"
            "4|undated|NULL\n"
            "5|dated|2024-01-02 00:00:00\n"
            "6|both|NULL\n");
    struct load_counts counts = dw_load(s, "w1", "w2",
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
    dw_holds(s, "1|new|2024-01-02 00:00:00\n"
                "2|equal overwrites|2024-01-02 00:00:00\n"
                "3|newer|2024-01-02 00:00:00.001\n"
                "4|a NULL is overwritten|1970-01-01 00:00:00\n"
                "5|dated|2024-01-02 00:00:00\n"
                "6|but a NULL|NULL\n"
                "7|not seen before|2024-01-01 00:00:00\n");
}

static void merge_first_removes_duplicates_inside_the_waybill(void **state)
{
    struct target_story *s = *state;
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "9|there|2024-01-05 00:00:00\n");
    const char *tie = s->kind->reads_in_any_order ? "last" : "first";
    const char *text = arena_print(&s->arena,
                                   "1|second|2024-01-02 00:00:00\n"
                                   "1|third|2024-01-03 00:00:00\n"
                                   "1|first|2024-01-01 00:00:00\n"
                                   "2|read %s|2024-01-01 00:00:00\n"
                                   "2|read last|2024-01-01 00:00:00\n"
                                   "3|dated|2024-01-01 00:00:00\n"
                                   "3|undated|NULL\n"
                                   "9|old|2024-01-03 00:00:00\n"
                                   "9|older|2024-01-02 00:00:00\n",
                                   tie);
    struct load_counts counts = dw_load(s, "w1", "w2", text);
    assert_int_equal(counts.rows, 9);
    assert_int_equal(counts.inserted, 3);
    assert_int_equal(counts.updated, 0);
    assert_int_equal(counts.kept, 1);
    dw_holds(s, "1|third|2024-01-03 00:00:00\n2|read last|2024-01-01 00:00:00\n3|dated|2024-01-01 "
                "00:00:00\n9|there|2024-01-05 00:00:00\n");
}

static void merge_without_a_cursor_takes_what_was_read_last(void **state)
{
    struct target_story *s = *state;
    s->table.cursor = NULL;
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "1|ada|2024-01-02 00:00:00\n2|bob|NULL\n");
    const char *twice = s->kind->reads_in_any_order ? "" : "3|cy|2024-01-02 00:00:00\n";
    struct load_counts counts =
        dw_load(s, "w1", "w2",
                arena_print(&s->arena, "1|older wins|2024-01-01 00:00:00\n%s3|cyd|2024-01-01 00:00:00\n", twice));
    assert_int_equal(counts.inserted * 100 + counts.updated * 10 + counts.kept, 110);
    dw_holds(s, "1|older wins|2024-01-01 00:00:00\n2|bob|NULL\n3|cyd|2024-01-01 00:00:00\n");
}

static void merge_matches_keys_of_several_columns_exactly(void **state)
{
    struct target_story *s = *state;
    static const char *const key[] = {"name", "id"};
    s->table.key = key;
    s->table.key_count = 2;
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1",
            "1|a|2024-01-01 00:00:00\n1|A|2024-01-01 00:00:00\n1||2024-01-01 00:00:00\n2|a|2024-01-01 00:00:00\n1|a "
            "|2024-01-01 00:00:00\n");
    struct load_counts counts =
        dw_load(s, "w1", "w2", dw_text(s, "1|a|2024-01-02 00:00:00\n1|a\\0|2024-01-02 00:00:00\n"));
    assert_int_equal(counts.inserted * 10 + counts.updated, 11);
    dw_holds(s, dw_text(s, "1|a|2024-01-02 00:00:00\n1|A|2024-01-01 00:00:00\n1||2024-01-01 00:00:00\n"
                           "2|a|2024-01-01 00:00:00\n1|a |2024-01-01 00:00:00\n1|a\\0|2024-01-02 00:00:00\n"));
}

/* To Redshift, and to nobody else, they are equal. */
static void keys_that_differ_in_blanks_at_their_end_are_two(void **state)
{
    struct target_story *s = *state;
    static const char *const key[] = {"name"};
    s->table.key = key;
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "1|a|2024-01-01 00:00:00\n2|a |2024-01-01 00:00:00\n3|a  |2024-01-05 00:00:00\n");
    struct load_counts counts = dw_load(s, "w1", "w2",
                                        "4|a|2024-01-02 00:00:00\n5|a  |2024-01-02 00:00:00\n6|a   |2024-01-02 "
                                        "00:00:00\n7||2024-01-02 00:00:00\n8| |2024-01-02 00:00:00\n");
    assert_int_equal(counts.inserted, 3);
    assert_int_equal(counts.updated, 1);
    assert_int_equal(counts.kept, 1);
    assert_int_equal(counts.deleted, 0);
    dw_holds(s, "4|a|2024-01-02 00:00:00\n2|a |2024-01-01 00:00:00\n3|a  |2024-01-05 00:00:00\n"
                "6|a   |2024-01-02 00:00:00\n7||2024-01-02 00:00:00\n8| |2024-01-02 00:00:00\n");
}

/* Bytes decide which is later, also where they are blanks. */
static void a_cursor_of_text_is_compared_by_its_bytes(void **state)
{
    struct target_story *s = *state;
    s->table.cursor = "name";
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "1|a |NULL\n2|a\t|NULL\n3|b|NULL\n");
    struct load_counts counts = dw_load(s, "w1", "w2", "1|a|NULL\n2|a |NULL\n3|b  |NULL\n");
    assert_int_equal(counts.kept, 1);
    assert_int_equal(counts.updated, 2);
    dw_holds(s, "1|a |NULL\n2|a |NULL\n3|b  |NULL\n");
}

static void merge_refuses_a_row_without_its_key(void **state)
{
    struct target_story *s = *state;
    AUTO(schema) *nullable = schema_of("id:l name:u at:tsm:");
    struct target_move step = dw_move("", "w1");
    struct load_counts counts;
    s->table.schema = nullable;
    dw_ready(s, MODE_MERGE);
    REFUSED(dw_bring(s, s->target, &step, "1|ada|NULL\nNULL|bob|NULL\n", &counts), RC_DATA, "id");
    target_rollback(s->target);
    dw_stands_at(s, "");
    dw_holds(s, "");
}

static void S93_replace_leaves_exactly_the_new_rows_also_none(void **state)
{
    struct target_story *s = *state;
    dw_ready(s, MODE_REPLACE);
    dw_load(s, "", "w1", "1|ada|NULL\n2|bob|NULL\n");
    struct load_counts counts = dw_load(s, "w1", "w2", "2|bo|NULL\n3|cy|NULL\n4|di|NULL\n");
    assert_int_equal(counts.deleted, 2);
    assert_int_equal(counts.inserted, 3);
    assert_int_equal(counts.rows, 3);
    dw_holds(s, "2|bo|NULL\n3|cy|NULL\n4|di|NULL\n");
    assert_true(dw_begins(s, s->target, dw_move("w2", "w3"))); /* no file at all */
    OK(target_apply(s->target, 0, &counts, &s->err));
    OK(target_commit(s->target, &s->err));
    assert_int_equal(counts.deleted, 3);
    assert_int_equal(counts.rows, 0);
    dw_holds(s, "");
    dw_stands_at(s, "w3");
}

static void S43_an_empty_waybill_moves_the_position(void **state)
{
    struct target_story *s = *state;
    dw_ready(s, MODE_MERGE);
    struct load_counts counts = dw_load(s, "", "w1", "");
    assert_int_equal(counts.rows + counts.inserted + counts.updated + counts.kept, 0);
    dw_stands_at(s, "w1");
}

static void S48_a_load_with_other_counts_than_the_waybill_is_refused(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts;
    int64_t rows = 0;
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        s->table.name = mode_name(mode);
        s->table.scope = mode_name(mode);
        dw_ready(s, mode);
        AUTO(rows) *two = rows_new(s->schema, "1|ada|NULL\n2|bob|NULL\n");
        struct staged_file file = rows_file(two, "file-00000.parquet");
        assert_true(dw_begins(s, s->target, dw_move("", "w1")));
        OK(dw_take(s, s->target, &file, 1, &rows));
        REFUSED(target_apply(s->target, 3, &counts, &s->err), RC_DATA, s->table.name);
        target_rollback(s->target);

        file.rows = 3;
        assert_true(dw_begins(s, s->target, dw_move("", "w1")));
        REFUSED(dw_take(s, s->target, &file, 1, &rows), RC_DATA, "file-00000.parquet");
        target_rollback(s->target);
        dw_holds(s, "");
    }
}

static void S32_a_file_of_another_schema_is_refused(void **state)
{
    struct target_story *s = *state;
    AUTO(schema) *other = schema_of("id:l! at:tsm: name:u");
    AUTO(rows) *rows = rows_new(other, "1|NULL|ada\n");
    struct staged_file file = rows_file(rows, "file-00000.parquet");
    int64_t count = 0;
    dw_ready(s, MODE_APPEND);
    assert_true(dw_begins(s, s->target, dw_move("", "w1")));
    REFUSED(dw_take(s, s->target, &file, 1, &count), RC_DATA, "file-00000.parquet");
    target_rollback(s->target);
}

static void a_null_where_none_may_be_is_refused(void **state)
{
    struct target_story *s = *state;
    struct target_move step = dw_move("", "w1");
    struct load_counts counts;
    for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
        AUTO(schema) *strict = schema_of("id:l! name:u!"), *lax = schema_of("id:l! name:u");
        s->table.cursor = NULL;
        s->table.name = mode_name(mode);
        s->table.scope = mode_name(mode);
        s->table.schema = strict;
        dw_ready(s, mode);
        s->table.schema = lax; /* the source has dropped its NOT NULL */
        REFUSED(dw_bring(s, s->target, &step, "1|NULL\n", &counts), RC_DATA, "name");
        target_rollback(s->target);
        dw_holds(s, "");
    }
}

static void a_key_that_is_there_already_is_not_appended(void **state)
{
    struct target_story *s = *state;
    struct load_counts counts;
    dw_ready(s, MODE_MERGE);
    dw_load(s, "", "w1", "1|ada|NULL\n");
    s->table.mode = MODE_APPEND;
    struct target_move step = dw_move("w1", "w2");
    if (s->kind->enforces_no_keys)
        return;
    REFUSED(dw_bring(s, s->target, &step, "2|bob|NULL\n1|again|NULL\n", &counts), RC_DATA, "orders");
    target_rollback(s->target);
    dw_holds(s, "1|ada|NULL\n");
    dw_stands_at(s, "w1");
}

static void S73_every_type_arrives_with_its_extreme_values(void **state)
{
    static const char *const schemas[] = {
        "id:l! flag:b whole:l real:g name:u raw:z day:tdD",
        "id:l! seconds:tss: millis:tsm: micros:tsu: utc_s:tss:UTC utc_m:tsm:UTC utc_u:tsu:UTC",
        "id:l! cents:d:10,2 units:d:18,0 small:d:3,3 wide:d:15,5",
        "id:l! small:s middle:i share:f took:tDu",
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
        "1|32767|2147483647|3.40282347e+38|838:59:59.999999\n"
        "2|-32768|-2147483648|-1.40129846e-45|-838:59:59.999999\n"
        "3|NULL|NULL|NULL|NULL\n"
        "4|0|0|0.100000001|00:00:00.000000\n"
        "5|-1|1|16777216|-00:00:00.000001\n"
        "6|1901|-1|-1.5|23:59:59.999999\n",
    };
    struct target_story *s = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO(schema) *schema = schema_of(schemas[i]);
        for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
            char name[32];
            snprintf(name, sizeof(name), "types_%zu_%s", i, mode_name(mode));
            s->table = (struct target_table){
                .scope = name, .name = name, .mode = mode, .schema = schema, .key = s->table.key, .key_count = 1};
            dw_ready(s, mode);
            dw_load(s, "", "w1", dw_text(s, rows[i]));
            dw_holds(s, dw_text(s, rows[i]));
            dw_profiles(s, dw_text(s, rows[i]));
        }
    }
}

/* ---- the profile ---- */

static int count_differences(struct target_story *s, const char *text, const struct key_list *without,
                             struct buf *lines)
{
    AUTO(rows) *rows = rows_new(s->schema, text);
    struct staged_file file = rows_file(rows, "rows");
    AUTO(batch_reader) *reader = NULL;
    AUTO_RELEASE(profile) source, target;
    const struct batch *batch = NULL;
    profile_init(&source, s->schema);
    profile_init(&target, s->schema);
    OK(file.open(&file, &reader, &s->err));
    while (batch_reader_next(reader, &batch, &s->err) == RC_OK && batch != NULL)
        profile_add(&source, batch, NULL);
    OK(target_profile(s->target, &s->table, without, &target, &s->err));
    return profile_compare(&(struct profile_side){"source", &source}, &(struct profile_side){"target", &target}, NULL,
                           100, lines);
}

static void a_profile_tells_what_differs(void **state)
{
    static const struct {
        const char *now, *said;
    } cases[] = {
        {"1|ada|2024-01-01 00:00:00\n2|bob|NULL\n", "3 rows, the target 2"},
        {"1|ada|2024-01-01 00:00:00\n2|bob|NULL\n4|cy|2024-01-03 00:00:00\n", "column 'id': the greatest values"},
        {"1|ada|2024-01-01 00:00:00\n2|NULL|NULL\n3|cy|2024-01-03 00:00:00\n", "'name': 0 NULLs in the source, 1"},
        {"1|ada|2024-01-01 00:00:00\n2|bobby|NULL\n3|cy|2024-01-03 00:00:00\n", "column 'name': the total lengths"},
        {"1|Ada|2024-01-01 00:00:00\n2|bob|NULL\n3|cy|2024-01-03 00:00:00\n", "column 'name': the least values"},
        {"1|ada|2024-01-01 00:00:00.001\n2|bob|NULL\n3|cy|2024-01-03 00:00:00\n", "column 'at': the least values"},
    };
    struct target_story *s = *state;
    const struct key_list nothing = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char name[32];
        AUTO_RELEASE(buf) lines = {0};
        snprintf(name, sizeof(name), "profile_%zu", i);
        s->table.scope = s->table.name = name;
        dw_ready(s, MODE_REPLACE);
        dw_load(s, "", "w1", cases[i].now);
        assert_true(count_differences(s, "1|ada|2024-01-01 00:00:00\n2|bob|NULL\n3|cy|2024-01-03 00:00:00\n", &nothing,
                                      &lines) > 0);
        if (strstr(lines.at, cases[i].said) == NULL)
            fail_msg("'%s' does not say '%s'", lines.at, cases[i].said);
    }
}

static void a_profile_leaves_rows_out_by_their_key(void **state)
{
    struct target_story *s = *state;
    const int by_id[] = {0}, by_both[] = {1, 0};
    AUTO_RELEASE(key_list) one, both;
    AUTO_RELEASE(buf) lines = {0};
    dw_ready(s, MODE_REPLACE);
    dw_load(s, "", "w1", "1|it's|2024-01-01 00:00:00\n2|bob|NULL\n3|cy|2024-01-03 00:00:00\n");
    key_list_init(&one, s->schema, by_id, 1);
    key_list_add(&one, S("1"));
    key_list_add(&one, S("99"));
    key_list_init(&both, s->schema, by_both, 2);
    key_list_add(&both, S("it's"));
    key_list_add(&both, S("1"));
    key_list_add(&both, S("bob"));
    key_list_add(&both, S("3"));
    assert_int_equal(both.count, 2);
    assert_int_equal(count_differences(s, "2|bob|NULL\n3|cy|2024-01-03 00:00:00\n", &one, &lines), 0);
    assert_int_equal(count_differences(s, "2|bob|NULL\n3|cy|2024-01-03 00:00:00\n", &both, &lines), 0);
}

static void a_profile_of_no_table_or_no_rows(void **state)
{
    struct target_story *s = *state;
    AUTO_RELEASE(profile) of;
    AUTO_RELEASE(buf) lines = {0};
    const struct key_list nothing = {0};
    profile_init(&of, s->schema);
    dw_ready(s, MODE_REPLACE);
    dw_load(s, "", "w1", "");
    assert_int_equal(count_differences(s, "", &nothing, &lines), 0);
    s->table.name = "nowhere";
    REFUSED(target_profile(s->target, &s->table, &nothing, &of, &s->err), RC_NOT_FOUND, "nowhere");
}

/* One row of the text "1|<value>" into a table of its own: whether it is said to fit, and what becomes of it. */
static void try_value(struct target_story *s, int number, const char *format, const char *value)
{
    AUTO(schema) *schema = schema_of(arena_print(&s->arena, "id:l! value:%s", format));
    const char *text = arena_print(&s->arena, "1|%s\n", value), *why = "";
    AUTO(rows) *rows = rows_new(schema, text);
    const struct staged_file file = rows_file(rows, "file-00000.parquet");
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch = NULL;
    struct load_counts counts;
    s->table = (struct target_table){.scope = arena_print(&s->arena, "shop/t%d", number),
                                     .name = arena_print(&s->arena, "t%d", number),
                                     .schema = schema};
    OK(file.open(&file, &reader, &s->err));
    OK(batch_reader_next(reader, &batch, &s->err));
    const bool fits = !target_has_gaps(s->target, &schema->fields[1]) || target_holds(s->target, batch, 1, 0, &why);
    dw_ready(s, MODE_APPEND);
    const struct target_move step = dw_move("", "w1");
    const enum rc rc = dw_bring(s, s->target, &step, text, &counts);
    if ((rc == RC_OK) != fits)
        fail_msg("%.60s of %s is said to %s, and the load: %s", value, format, fits ? "fit" : why, s->err.text);
    if (rc == RC_OK)
        OK(target_commit(s->target, &s->err));
    else
        target_rollback(s->target);
}

static void a_value_that_it_says_it_cannot_hold_is_refused_and_no_other(void **state)
{
    struct target_story *s = *state;
    enum { LONG = 65536 };
    char *text = arena_take(&s->arena, LONG + 1);
    memset(text, 'x', LONG);
    const struct {
        const char *format, *value;
    } values[] = {
        {"u", "plain"},        {"u", "a\\0b"},      {"u", text},           {"u", text + 1},
        {"g", "1.5"},          {"g", "nan"},        {"f", "nan"},          {"g", "inf"},
        {"tdD", "2024-02-29"}, {"tdD", "@5000000"}, {"tdD", "@-10000000"}, {"tsu:", "@-9223372036854775807"},
        {"tss:", "@10000000"},
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        try_value(s, (int)i, values[i].format, values[i].value);
}

int target_suite_rows(void)
{
    static const struct CMUnitTest stories[] = {
        STORY(S41_applying_a_waybill_twice_changes_nothing),
        STORY(append_adds_every_row_also_equal_ones),
        STORY(a_waybill_of_several_files_is_one_load),
        STORY(S84_merge_never_lets_an_older_row_overwrite_a_newer_one),
        STORY(merge_first_removes_duplicates_inside_the_waybill),
        STORY(merge_without_a_cursor_takes_what_was_read_last),
        STORY(merge_matches_keys_of_several_columns_exactly),
        STORY(keys_that_differ_in_blanks_at_their_end_are_two),
        STORY(a_cursor_of_text_is_compared_by_its_bytes),
        STORY(merge_refuses_a_row_without_its_key),
        STORY(S93_replace_leaves_exactly_the_new_rows_also_none),
        STORY(S43_an_empty_waybill_moves_the_position),
        STORY(S48_a_load_with_other_counts_than_the_waybill_is_refused),
        STORY(S32_a_file_of_another_schema_is_refused),
        STORY(a_null_where_none_may_be_is_refused),
        STORY(a_key_that_is_there_already_is_not_appended),
        STORY(S73_every_type_arrives_with_its_extreme_values),
        STORY(a_value_that_it_says_it_cannot_hold_is_refused_and_no_other),
        STORY(a_profile_tells_what_differs),
        STORY(a_profile_leaves_rows_out_by_their_key),
        STORY(a_profile_of_no_table_or_no_rows),
    };
    return cmocka_run_group_tests_name(dw_kind->name, stories, NULL, NULL);
}

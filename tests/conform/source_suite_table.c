/* What a table is, and that its values come out as they went in. */
#include "conform/rows.h"
#include "conform/source_story.h"
#include "world/value.h"

static const struct range everything = {.kind = RANGE_ALL};

static void a_table_is_described_as_it_was_made(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema =
        schema_of(s->kind->quirks.has_no_bool ? "grp:u! flag:l n:l x:g name:u raw:z day:tdD at:tss: at_ms:tsm: "
                                                "at_us:tsu:UTC price:d:10,2 id:l! updated_at:tss:!"
                                              : "grp:u! flag:b n:l x:g name:u raw:z day:tdD at:tss: at_ms:tsm: "
                                                "at_us:tsu:UTC price:d:10,2 id:l! updated_at:tss:!");
    make_table(s, "orders", schema, "id,grp", "updated_at",
               s->kind->quirks.has_no_bool ? "g|1|1|0.5|ada|00ff|2024-02-29|2024-02-29 10:00:00|2024-02-29 "
                                             "10:00:00.500|2024-02-29T10:00:00.000001Z|12.50|7|2024-01-01 00:00:00\n"
                                           : "g|true|1|0.5|ada|00ff|2024-02-29|2024-02-29 10:00:00|2024-02-29 "
                                             "10:00:00.500|2024-02-29T10:00:00.000001Z|12.50|7|2024-01-01 00:00:00\n");
    const struct table *table = describe_by(s, s->source, "orders", "updated_at");
    assert_true(schema_equal(table->schema, schema));
    assert_string_equal(table->name, "orders");
    assert_int_equal(table->key_count, 2);
    assert_string_equal(table->schema->fields[table->key[0]].name, "id");
    assert_string_equal(table->schema->fields[table->key[1]].name, "grp");
    assert_string_equal(table->schema->fields[table->cursor].name, "updated_at");
    assert_false(table->cursor_found);
    assert_true(table->cursor_indexed);
    char form[FORM_TEXT_MAX];
    form_name(&table->form, form);
    assert_string_equal(form, "text 'YYYY-MM-DD HH:MM:SS'");
    for (int i = 0; i < schema->count; i++)
        assert_int_equal(table->schema->fields[i].nullable, schema->fields[i].nullable);
}

static void the_obvious_cursor_is_found_and_said_to_be(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! created:tss:! updated_at:tss:!");
    make_table(s, "orders", schema, "id", "updated_at", "1|2024-01-01 00:00:00|2024-01-02 00:00:00\n");
    const struct table *table = NULL;
    struct table_request request = {.name = "orders", .wants_cursor = true};
    OK(source_describe(s->source, &request, &table, &s->err));
    assert_true(table->cursor == 2 && table->cursor_found);
    request.wants_cursor = false;
    OK(source_describe(s->source, &request, &table, &s->err));
    assert_int_equal(table->cursor, -1);
    assert_int_equal(table->form.kind, FORM_NONE);
}

static void the_key_may_be_named(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! code:u! at:tss:");
    static const char *const code[] = {"code"};
    make_table(s, "orders", schema, "id", NULL, "1|b|NULL\n2|a|NULL\n");
    const struct table *table = NULL;
    struct table_request request = {.name = "orders", .key = code, .key_count = 1};
    OK(source_describe(s->source, &request, &table, &s->err));
    assert_true(table->key_count == 1 && table->key[0] == 1);
    struct range range = {.kind = RANGE_KEY,
                          .lo = {.shape = POSITION_AFTER, .key_count = 1, .key = {"a"}},
                          .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"b"}}};
    range_has_rows(s, table, &range, "1|b|NULL\n");
}

static void a_table_without_a_key_has_none(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("n:l name:u");
    make_table(s, "log", schema, "", NULL, "1|same\n1|same\n2|NULL\n");
    const struct table *table = describe_by(s, s->source, "log", NULL);
    assert_int_equal(table->key_count, 0);
    range_has_rows(s, table, &everything, "1|same\n1|same\n2|NULL\n");
}

static void a_table_that_is_not_there_is_not_found(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l!");
    const struct table *table = NULL;
    make_table(s, "orders", schema, "id", NULL, "");
    REFUSED(source_describe(s->source, &(struct table_request){.name = "ordrs"}, &table, &s->err), RC_NOT_FOUND,
            "ordrs");
    assert_null(table);
}

static void columns_that_are_not_there_are_refused(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! updated_at:tss:!");
    static const char *const key[] = {"idd"};
    static const struct column_override override = {"nam", "text"};
    const struct table *table = NULL;
    if (s->kind->quirks.trusts_requests)
        return;
    make_table(s, "orders", schema, "id", NULL, "");
    REFUSED(
        source_describe(s->source, &(struct table_request){.name = "orders", .cursor = "updatedat"}, &table, &s->err),
        RC_CONFIG, "updated_at");
    REFUSED(source_describe(s->source, &(struct table_request){.name = "orders", .key = key, .key_count = 1}, &table,
                            &s->err),
            RC_CONFIG, "idd");
    REFUSED(source_describe(s->source,
                            &(struct table_request){.name = "orders", .overrides = &override, .override_count = 1},
                            &table, &s->err),
            RC_CONFIG, "nam");
}

static void types_of_the_last_waybill_stay(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! at:tsm: name:u");
    make_table(s, "orders", schema, "id", "at", "1|2024-01-01 00:00:00.000|NULL\n");
    const struct table *first = describe_by(s, s->source, "orders", "at"), *again = NULL;
    AUTO(source) *other = s->kind->open(s->world, STORY_PAGE_ROWS);
    s->kind->delete (s->world, "orders", schema, "1");
    struct table_request request = {
        .name = "orders", .cursor = "at", .wants_cursor = true, .known = first->schema, .known_form = &first->form};
    OK(source_describe(other, &request, &again, &s->err));
    assert_true(schema_equal(first->schema, again->schema));
    assert_true(form_equal(&first->form, &again->form));
}

static void tables_are_listed_in_order(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l!");
    const char **names;
    int count;
    OK(source_tables(s->source, &s->arena, &names, &count, &s->err));
    assert_int_equal(count, 0);
    make_table(s, "log", schema, "id", NULL, "");
    make_table(s, "orders", schema, "id", NULL, "");
    OK(source_tables(s->source, &s->arena, &names, &count, &s->err));
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "log");
    assert_string_equal(names[1], "orders");
}

static void every_handle_gives_the_same_identity(void **state)
{
    struct story *s = *state;
    AUTO(source) *other = s->kind->open(s->world, STORY_PAGE_ROWS);
    const char *one, *two;
    OK(source_identity(s->source, &s->arena, &one, &s->err));
    OK(source_identity(other, &s->arena, &two, &s->err));
    assert_string_equal(one, two);
    assert_true(one[0] != '\0');
}

/* ---- values ---- */

/* S73. */
static void every_value_comes_out_as_it_went_in(void **state)
{
    struct story *s = *state;
    static const char usual[] =
        "1|true|9223372036854775807|1.7976931348623157e+308|null|00|9999-12-31|9999-12-31 "
        "23:59:59|9999-12-31 23:59:59.999|9999-12-31T23:59:59.999999Z|9999999999999.99\n"
        "2|false|-9223372036854775808|-4.9406564584124654e-324||ff00ff|0001-01-01|0001-01-01 "
        "00:00:00|1969-12-31 23:59:59.001|1969-12-31T23:59:59.999999Z|-9999999999999.99\n"
        "3|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL\n"
        "4|true|0|0.10000000000000001|\xC3\xA9\xF0\x9F\x9A\x9A 'q' \"d\"||2024-02-29|1970-01-01 "
        "00:00:00|2024-02-29 10:00:00.000|2024-02-29T10:00:00.100000Z|0.10\n"
        "5|false|1|inf|None|30|1970-01-01|1969-12-31 23:59:59|2024-02-29 "
        "10:00:00.999|1970-01-01T00:00:00.000000Z|12.00\n";
    const char *rows = s->kind->values_rows != NULL ? s->kind->values_rows : usual;
    AUTO(schema) *schema =
        schema_of(s->kind->values_schema != NULL
                      ? s->kind->values_schema
                      : "id:l! flag:b n:l x:g name:u raw:z day:tdD at:tss: at_ms:tsm: at_us:tsu:UTC price:d:15,2");
    make_table(s, "values", schema, "id", NULL, rows);
    const struct table *table = describe_by(s, s->source, "values", NULL);
    assert_true(schema_equal(table->schema, schema));
    range_has_rows(s, table, &everything, rows);
    check_profile(s->source, table, "values");
}

static void a_profile_comes_with_the_keys_of_what_has_changed(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! name:u at:tss:!");
    AUTO_RELEASE(profile) told;
    AUTO_RELEASE(key_list) keys;
    make_table(s, "orders", schema, "id", "at",
               "1|ada|2024-01-01 00:00:00\n2|bob|2024-01-02 00:00:00\n"
               "3|cy|2024-01-03 00:00:00\n4|dan|2024-01-03 00:00:00\n5|eve|2024-01-04 00:00:00\n");
    const struct table *table = describe_by(s, s->source, "orders", "at");
    char mark[CURSOR_TEXT], end[CURSOR_TEXT];
    form_print(&table->form, INT64_C(1704240000000000), mark); /* 2024-01-03 */
    form_print(&table->form, INT64_C(1717200000000000), end);
    const struct count_request request = {
        .range = {.kind = RANGE_CURSOR, .hi = {POSITION_AT, mark, 1, {"3"}}},
        .changed = {{RANGE_CURSOR, {POSITION_AT, mark, 1, {"3"}}, {.shape = POSITION_AT, .at = end}}},
        .changed_count = 1};
    profile_init(&told, table->schema);
    key_list_init(&keys, table->schema, table->key, table->key_count);
    OK(source_profile(s->source, table, &request, &told, &keys, &s->err));
    assert_int_equal(told.rows, 3);
    assert_int_equal(keys.count, 2);
    assert_string_equal(keys.texts[0], "4");
    assert_string_equal(keys.texts[1], "5");
}

static void rows_that_are_named_are_left_out_of_a_profile(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! name:u! at:tss:!");
    make_table(s, "pairs", schema, "id,name", "at",
               "1|ada|2024-01-01 00:00:00\n1|o'hara|2024-01-02 00:00:00\n2|ada|2024-01-03 00:00:00\n");
    const struct table *table = describe_by(s, s->source, "pairs", "at");
    AUTO_RELEASE(profile) told;
    AUTO_RELEASE(key_list) changed, without;
    profile_init(&told, table->schema);
    key_list_init(&changed, table->schema, table->key, table->key_count);
    key_list_init(&without, table->schema, table->key, table->key_count);
    static const char *const texts[] = {"1", "o'hara", "2", "nobody"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        key_list_add(&without, str(texts[i]));
    const struct count_request request = {.range = {.kind = RANGE_ALL}, .without = &without};
    OK(source_profile(s->source, table, &request, &told, &changed, &s->err));
    assert_int_equal(told.rows, 2);
    assert_true(told.columns[0].numbers[PROFILE_SUM] == 3);
    assert_true(told.columns[1].numbers[PROFILE_BYTES] == 6);
}

static void wide_rows_end_a_batch_early(void **state)
{
    struct story *s = *state;
    enum { WIDE = BATCH_BYTES / 2 + 1, ROWS = 4 };
    AUTO(schema) *schema = schema_of("id:l! body:u");
    AUTO(source) *source = s->kind->open(s->world, 1000);
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch;
    int64_t rows = 0;
    char *row = xcalloc(1, WIDE + 16);
    s->kind->create(s->world, "wide", schema, "id", NULL);
    for (int i = 0; i < ROWS; i++) {
        int head = snprintf(row, 16, "%d|", i);
        memset(row + head, 'a' + i, WIDE);
        s->kind->put(s->world, "wide", schema, row);
    }
    free(row);
    const struct table *table = describe_by(s, source, "wide", NULL);
    struct range range = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"9"}}};
    OK(source_read(source, table, &range, &reader, &s->err));
    for (;;) {
        OK(batch_reader_next(reader, &batch, &s->err));
        if (batch == NULL)
            break;
        for (int64_t i = 0; i < batch->rows; i++, rows++) {
            struct str body = batch_bytes(batch, 1, i);
            assert_true(body.len == WIDE && body.at[0] == 'a' + rows && body.at[WIDE - 1] == 'a' + rows);
        }
        assert_in_range(batch->rows, 1, s->kind->quirks.counts_no_bytes ? ROWS : 2);
    }
    assert_int_equal(rows, ROWS);
}

/* S43. */
static void an_empty_table_is_a_table(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! name:u updated_at:tss:!");
    make_table(s, "empty", schema, "id", "updated_at", "");
    const struct table *table = describe_by(s, s->source, "empty", "updated_at");
    const char *ceiling = "?";
    assert_true(schema_equal(table->schema, schema));
    range_has_rows(s, table, &everything, "");
    OK(source_ceiling(s->source, table, &s->arena, &ceiling, &s->err));
    assert_null(ceiling);
}

static const struct CMUnitTest stories[] = {
    STORY(a_table_is_described_as_it_was_made),
    STORY(the_obvious_cursor_is_found_and_said_to_be),
    STORY(the_key_may_be_named),
    STORY(a_table_without_a_key_has_none),
    STORY(a_table_that_is_not_there_is_not_found),
    STORY(columns_that_are_not_there_are_refused),
    STORY(types_of_the_last_waybill_stay),
    STORY(tables_are_listed_in_order),
    STORY(every_handle_gives_the_same_identity),
    STORY(every_value_comes_out_as_it_went_in),
    STORY(a_profile_comes_with_the_keys_of_what_has_changed),
    STORY(rows_that_are_named_are_left_out_of_a_profile),
    STORY(wide_rows_end_a_batch_early),
    STORY(an_empty_table_is_a_table),
};
const struct source_stories source_suite_table = STORIES(stories);

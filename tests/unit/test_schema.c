/* The shape of rows: what is written into a waybill is read back, and a change of it is told in words. */
#include "data/schema.h"
#include "test.h"

static const struct field every_type[] = {
    {.name = "a", .type = TYPE_BOOL, .source_type = "BOOLEAN", .nullable = true},
    {.name = "b", .type = TYPE_INT64, .source_type = "INTEGER"},
    {.name = "c", .type = TYPE_DOUBLE, .source_type = ""},
    {.name = "d", .type = TYPE_UTF8, .source_type = "VARCHAR(20)", .nullable = true},
    {.name = "e", .type = TYPE_BINARY, .source_type = "BLOB"},
    {.name = "f", .type = TYPE_DATE, .source_type = "DATE"},
    {.name = "g", .type = TYPE_TIMESTAMP, .unit = UNIT_SECOND, .source_type = "DATETIME"},
    {.name = "h", .type = TYPE_TIMESTAMP, .unit = UNIT_MILLI, .utc = true, .source_type = "TIMESTAMP(3)"},
    {.name = "Grüße \"x\"", .type = TYPE_TIMESTAMP, .unit = UNIT_MICRO, .utc = true, .source_type = "TIMESTAMP"},
    {.name = "k", .type = TYPE_INT16, .source_type = "YEAR"},
    {.name = "l", .type = TYPE_INT32, .source_type = "INT"},
    {.name = "m", .type = TYPE_FLOAT, .source_type = "FLOAT"},
    {.name = "n", .type = TYPE_TIME, .source_type = "TIME(6)"},
    {.name = "j", .type = TYPE_DECIMAL, .precision = 38, .scale = 38, .source_type = "DECIMAL(38,38)"},
};
static const char *const formats[] = {
    "b", "l", "g", "u", "z", "tdD", "tss:", "tsm:UTC", "tsu:UTC", "s", "i", "f", "tDu", "d:38,38"};
static const char *const names[] = {"bool",
                                    "int64",
                                    "double",
                                    "utf8",
                                    "binary",
                                    "date",
                                    "timestamp(s)",
                                    "timestamp(ms, UTC)",
                                    "timestamp(us, UTC)",
                                    "int16",
                                    "int32",
                                    "float",
                                    "time",
                                    "decimal(38,38)"};
enum { EVERY = sizeof(every_type) / sizeof(*every_type) };

static struct schema *schema_of(const struct field *fields, int count)
{
    struct schema *schema = schema_new();
    for (int i = 0; i < count; i++)
        schema_add(schema, &fields[i]);
    return schema;
}

static void every_type_has_its_arrow_format_and_a_name_for_people(void **state)
{
    for (int i = 0; i < EVERY; i++) {
        char text[FORMAT_TEXT];
        struct field back = {0};
        field_format(&every_type[i], text);
        assert_string_equal(text, formats[i]);
        assert_true(field_parse_format(text, &back) && field_same_type(&back, &every_type[i]));
        field_type_name(&every_type[i], text);
        assert_string_equal(text, names[i]);
    }
}

static void a_format_that_is_not_ours_is_refused_and_changes_nothing(void **state)
{
    static const char *const wrong[] = {"",       "c",     "ts",    "tsn:", "tsu",    "tsu:Europe/Berlin", "tdm", "d:",
                                        "d:39,0", "d:0,0", "d:5,6", "d:5",  "d:5,-1", "d:5,2,256",         "ll",  "vu"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct field field = {.name = "kept", .type = TYPE_DATE, .precision = 7};
        assert_false(field_parse_format(wrong[i], &field));
        assert_true(field.type == TYPE_DATE && field.precision == 7);
    }
}

static void a_schema_survives_the_way_through_a_waybill(void **state)
{
    AUTO(schema) *schema = schema_of(every_type, EVERY);
    AUTO(schema) *back = NULL;
    AUTO_JSON *json = schema_to_json(schema);
    struct error err = {0};
    assert_int_equal(schema_from_json(json, &back, &err), RC_OK);
    assert_true(schema_equal(schema, back));
    for (int i = 0; i < EVERY; i++) {
        assert_int_equal(back->fields[i].nullable, every_type[i].nullable);
        assert_string_equal(back->fields[i].source_type, every_type[i].source_type);
    }
}

static void a_damaged_schema_is_refused_with_the_column_that_is_wrong(void **state)
{
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"{}", "not a list"},
        {"[1]", "column 1 of the schema: 'name' is missing"},
        {"[{\"name\":\"\",\"type\":\"l\",\"nullable\":true}]", "'name' is missing, empty"},
        {"[{\"name\":\"a\",\"type\":\"q\",\"nullable\":true}]", "column 'a' has the type 'q'"},
        {"[{\"name\":\"a\",\"nullable\":true}]", "column 'a' has the type ''"},
        {"[{\"name\":\"a\",\"type\":\"l\"}]", "'nullable' is missing"},
        {"[{\"name\":\"a\",\"type\":\"l\",\"nullable\":true},{\"name\":\"a\",\"type\":\"l\",\"nullable\":true}]",
         "column 2 of the schema: there are two columns"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO_JSON *json = NULL;
        AUTO(schema) *schema = NULL;
        struct error err = {0};
        assert_int_equal(json_read(str(cases[i].json), "case", &json, &err), RC_OK);
        assert_int_equal(schema_from_json(json, &schema, &err), RC_DATA);
        assert_non_null(strstr(err.text, cases[i].says));
        assert_null(schema);
    }
}

static void a_schema_of_two_thousand_columns_is_copied_whole(void **state)
{
    AUTO(schema) *schema = schema_new();
    for (int i = 0; i < COLUMNS_MAX; i++) {
        char name[32];
        snprintf(name, sizeof(name), "column_%d", i);
        schema_add(schema, &(struct field){.name = name, .type = i % 2 ? TYPE_INT64 : TYPE_UTF8});
    }
    AUTO(schema) *copy = schema_copy(schema);
    assert_true(schema_equal(schema, copy));
    assert_int_equal(schema_find(copy, "column_1999"), 1999);
    assert_int_equal(schema_find(copy, "Column_1999"), -1);
}

static void schemas_differ_by_name_order_and_type_but_not_by_what_the_source_calls_it(void **state)
{
    struct field ab[] = {{.name = "a", .type = TYPE_INT64}, {.name = "b", .type = TYPE_UTF8}};
    struct field ba[] = {ab[1], ab[0]};
    struct field words[] = {{.name = "a", .type = TYPE_INT64, .source_type = "BIGINT", .nullable = true}, ab[1]};
    struct field dates[] = {ab[0], {.name = "b", .type = TYPE_TIMESTAMP, .unit = UNIT_MICRO}};
    struct field instants[] = {ab[0], {.name = "b", .type = TYPE_TIMESTAMP, .unit = UNIT_MICRO, .utc = true}};
    AUTO(schema) *one = schema_of(ab, 2), *swapped = schema_of(ba, 2), *same = schema_of(words, 2);
    AUTO(schema) *wall = schema_of(dates, 2), *instant = schema_of(instants, 2), *shorter = schema_of(ab, 1);
    assert_true(schema_equal(one, same));
    assert_false(schema_equal(one, swapped));
    assert_false(schema_equal(one, shorter));
    assert_false(schema_equal(wall, instant));
}

static void a_diff_tells_each_change_in_a_line_and_the_worst_of_them(void **state)
{
    struct field before[] = {{.name = "price", .type = TYPE_DOUBLE},
                             {.name = "note", .type = TYPE_UTF8},
                             {.name = "id", .type = TYPE_INT64}};
    struct field after[] = {before[2],
                            {.name = "price", .type = TYPE_DECIMAL, .precision = 10, .scale = 2},
                            {.name = "discount", .type = TYPE_DOUBLE}};
    struct field more[] = {before[0], before[1], before[2], {.name = "x", .type = TYPE_DATE}};
    AUTO(schema) *old = schema_of(before, 3), *now = schema_of(after, 3), *added = schema_of(more, 4);
    AUTO_RELEASE(buf) out = {0}, none = {0}, plus = {0};
    assert_int_equal(schema_diff(old, now, &out), SCHEMA_OTHER);
    assert_string_equal(out.at, "~ price: double -> decimal(10,2)\n- note\n+ discount double\n");
    assert_int_equal(schema_diff(old, old, &none), SCHEMA_SAME);
    assert_int_equal(none.len, 0);
    assert_int_equal(schema_diff(old, added, &plus), SCHEMA_GREW);
    assert_string_equal(plus.at, "+ x date\n");
}

static void a_column_that_is_gone_is_told_from_one_that_may_have_another_name(void **state)
{
    struct field before[] = {{.name = "id", .type = TYPE_INT64}, {.name = "note", .type = TYPE_UTF8}};
    struct field dated[] = {before[0], {.name = "at", .type = TYPE_DATE}};
    struct field renamed[] = {before[0], {.name = "remark", .type = TYPE_UTF8}};
    AUTO(schema) *old = schema_of(before, 2), *gone = schema_of(before, 1), *other = schema_of(dated, 2),
                 *again = schema_of(renamed, 2);
    AUTO_RELEASE(buf) out = {0};
    assert_int_equal(schema_diff(old, gone, &out), SCHEMA_SHRANK);
    assert_int_equal(schema_diff(old, other, &out), SCHEMA_SHRANK);
    assert_int_equal(schema_diff(old, again, &out), SCHEMA_OTHER);
    assert_string_equal(out.at, "- note\n- note\n+ at date\n- note\n+ remark utf8\n");
}

static void a_type_is_wider_where_it_has_every_value_of_the_other(void **state)
{
    static const struct {
        const char *from, *to;
        bool widens;
    } cases[] = {
        {"s", "i", true},
        {"i", "l", true},
        {"l", "i", false},
        {"l", "d:20,0", true},
        {"l", "d:20,2", false},
        {"i", "d:12,2", true},
        {"f", "g", true},
        {"g", "f", false},
        {"i", "g", false},
        {"d:10,2", "d:12,2", true},
        {"d:10,2", "d:10,4", false},
        {"d:10,2", "d:12,4", true},
        {"tss:", "tsu:", true},
        {"tsu:", "tss:", false},
        {"tss:", "tss:UTC", false},
        {"tdD", "tss:", false},
        {"u", "z", false},
        {"l", "u", false},
        {"b", "l", false},
        {"u", "u", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct field from = {.name = "c"}, to = {.name = "c"};
        assert_true(field_parse_format(cases[i].from, &from) && field_parse_format(cases[i].to, &to));
        if (field_widens(&from, &to) != cases[i].widens)
            fail_msg("%s -> %s", cases[i].from, cases[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_arrow_format_and_a_name_for_people),
        cmocka_unit_test(a_format_that_is_not_ours_is_refused_and_changes_nothing),
        cmocka_unit_test(a_schema_survives_the_way_through_a_waybill),
        cmocka_unit_test(a_damaged_schema_is_refused_with_the_column_that_is_wrong),
        cmocka_unit_test(a_schema_of_two_thousand_columns_is_copied_whole),
        cmocka_unit_test(schemas_differ_by_name_order_and_type_but_not_by_what_the_source_calls_it),
        cmocka_unit_test(a_diff_tells_each_change_in_a_line_and_the_worst_of_them),
        cmocka_unit_test(a_column_that_is_gone_is_told_from_one_that_may_have_another_name),
        cmocka_unit_test(a_type_is_wider_where_it_has_every_value_of_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

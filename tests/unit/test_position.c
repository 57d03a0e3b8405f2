/* Positions and cursor forms: what is written is read back, and a printed clock is a floor. */
#include "data/position.h"
#include "test.h"

static void every_shape_survives_the_way_through_json(void **state)
{
    static const char *const shapes[] = {
        "",
        "{\"at\":\"2024-01-02 03:04:05\"}",
        "{\"at\":\"2024-01-02 03:04:05\",\"after\":[\"9007199254740993\",\"b\"]}",
        "{\"walk\":{\"hi\":\"170\",\"after\":[\"k\"]}}",
        "{\"walk\":{\"hi\":\"170\"}}",
        "{\"after\":[\"-5\"]}",
    };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        struct arena arena = {0};
        struct error err;
        struct position pos;
        AUTO_RELEASE(buf) out = {0};
        assert_int_equal(position_parse(shapes[i], &arena, &pos, &err), RC_OK);
        position_print(&pos, &out);
        assert_string_equal(out.len ? out.at : "", shapes[i]);
        arena_release(&arena);
    }
}

static void what_is_not_a_position_is_refused(void **state)
{
    static const char *const wrong[] = {"{}", "{\"after\":[]}",   "{\"after\":[1]}", "{\"walk\":{}}",
                                        "[",  "{\"after\":\"x\"}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct arena arena = {0};
        struct error err;
        struct position pos;
        assert_int_equal(position_parse(wrong[i], &arena, &pos, &err), RC_DATA);
        arena_release(&arena);
    }
}

/* As a C string it would end there, and be another key. */
static void a_text_with_a_nul_in_it_is_refused(void **state)
{
    AUTO_RELEASE(arena) arena = {0};
    struct error err;
    struct position pos;
    assert_int_equal(position_parse("{\"after\":[\"a\\u0000b\"]}", &arena, &pos, &err), RC_DATA);
    assert_non_null(strstr(err.text, "has a text with a NUL in it, at line 1 column"));
}

static void a_form_is_known_by_its_name_and_by_its_values(void **state)
{
    static const struct {
        const char *value, *name;
    } cases[] = {
        {"2024-02-29 23:59:59", "text 'YYYY-MM-DD HH:MM:SS'"},
        {"2024-02-29 23:59:59.123", "text 'YYYY-MM-DD HH:MM:SS.fff'"},
        {"2024-02-29T23:59:59.123456Z", "text 'YYYY-MM-DDTHH:MM:SS.ffffffZ'"},
        {"2024-02-29T23:59:59Z", "text 'YYYY-MM-DDTHH:MM:SSZ'"},
        {"2024-02-29", "date"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct form found, named;
        char name[FORM_TEXT_MAX], again[CURSOR_TEXT];
        int64_t us;
        assert_true(form_of_text(cases[i].value, &found));
        form_name(&found, name);
        assert_string_equal(name, cases[i].name);
        assert_true(form_from_name(name, &named) && form_equal(&found, &named));
        assert_true(form_parse(&found, cases[i].value, &us));
        form_print(&found, us, again);
        assert_string_equal(again, cases[i].value);
    }
    struct form none;
    assert_false(form_of_text("2024-02-30 00:00:00", &none));
    assert_false(form_of_text("2024-02-29 24:00:00", &none));
    assert_false(form_of_text("24-02-29", &none));
    assert_false(form_of_text("2024-02-29T00:00:00+00:00", &none));
}

/* S28: a mark with more digits than the column, or fewer. */
static void s28_a_clock_is_floored_to_the_precision_of_the_cursor(void **state)
{
    static const struct {
        struct form form;
        int64_t us;
        const char *text;
    } cases[] = {
        {{.kind = FORM_TEXT, .separator = ' '}, 1700000000999999, "2023-11-14 22:13:20"},
        {{.kind = FORM_TEXT, .separator = ' ', .digits = 3}, 1700000000999999, "2023-11-14 22:13:20.999"},
        {{.kind = FORM_TEXT, .separator = 'T', .z = true}, -1, "1969-12-31T23:59:59Z"},
        {{.kind = FORM_EPOCH}, -1, "-1"},
        {{.kind = FORM_EPOCH, .digits = 3}, 1999, "1"},
        {{.kind = FORM_DATE}, 86399999999, "1970-01-01"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[CURSOR_TEXT];
        form_print(&cases[i].form, cases[i].us, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void integer_cursors_compare_as_numbers(void **state)
{
    struct form epoch = {.kind = FORM_EPOCH}, text = {.kind = FORM_TEXT, .separator = ' '};
    assert_true(form_compare(&epoch, "9", "10") < 0);
    assert_true(form_compare(&epoch, "-9", "-10") > 0);
    assert_true(form_compare(&text, "2024-01-01 00:00:00", "2024-01-01 00:00:00.5") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_survives_the_way_through_json),
        cmocka_unit_test(what_is_not_a_position_is_refused),
        cmocka_unit_test(a_text_with_a_nul_in_it_is_refused),
        cmocka_unit_test(a_form_is_known_by_its_name_and_by_its_values),
        cmocka_unit_test(s28_a_clock_is_floored_to_the_precision_of_the_cursor),
        cmocka_unit_test(integer_cursors_compare_as_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

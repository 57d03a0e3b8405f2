/* What an error says can always be printed and written as JSON. */
#include "base/error.h"
#include "base/str.h"
#include "test.h"

static const char umlauts[] = "äöüäöüäöüäöüäöüäöüäöüäöü";

/* One byte more at a time, so that every cut is met. */
static void a_text_that_is_cut_ends_with_a_whole_character(void **state)
{
    (void)state;
    for (int shift = 0; shift < 2; shift++) {
        struct error err = {0};
        enum rc rc = fail(&err, RC_DATA, "%.*s%s", shift, "x", umlauts);
        while (strlen(err.text) < sizeof(err.text) - 2)
            rc = fail_in(&err, "%s", umlauts);
        fail_todo(&err, "%.*s%s%s%s%s%s%s%s%s%s%s%s%s", shift, "x", umlauts, umlauts, umlauts, umlauts, umlauts,
                  umlauts, umlauts, umlauts, umlauts, umlauts, umlauts, umlauts);
        assert_int_equal(rc, RC_DATA);
        assert_true(str_is_utf8(str(err.text)));
        assert_true(strlen(err.todo) >= sizeof(err.todo) - 2);
        assert_true(str_is_utf8(str(err.todo)));
    }
}

static void bytes_that_are_no_characters_are_question_marks(void **state)
{
    (void)state;
    struct error err = {0};
    fail(&err, RC_NOT_FOUND, "caf\xe9/shop.db is gone");
    assert_string_equal(err.text, "caf?/shop.db is gone");
    fail_in(&err, "gr\xc3\xbc\xc3\xdf");
    assert_string_equal(err.text, "gr\xc3\xbc??: caf?/shop.db is gone");
    fail_errno(&err, 2, "opening '\xff'");
    assert_string_equal(err.text, "opening '?': No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_is_cut_ends_with_a_whole_character),
        cmocka_unit_test(bytes_that_are_no_characters_are_question_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

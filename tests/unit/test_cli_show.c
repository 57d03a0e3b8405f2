/* The pure parts of what verbs say: positions, leases, and the exit status of several things. */
#include "cli/outcome.h"
#include "cli/show.h"
#include "test.h"

static void assert_shown(const struct position *position, const char *expected)
{
    AUTO_RELEASE(buf) text = {0};
    show_position(position, &text);
    assert_string_equal(text.at, expected);
}

static void each_shape_of_a_position_can_be_read(void **state)
{
    assert_shown(&(struct position){0}, "-");
    assert_shown(&(struct position){.shape = POSITION_AT, .at = "2025-09-12 14:30:22"}, "2025-09-12 14:30:22");
    assert_shown(&(struct position){.shape = POSITION_AT, .at = "2025-09-12", .key_count = 2, .key = {"17", "b"}},
                 "2025-09-12, up to key 17, b");
    assert_shown(&(struct position){.shape = POSITION_WALK, .at = "2025-09-12"}, "first load, below 2025-09-12");
    assert_shown(&(struct position){.shape = POSITION_WALK, .at = "2025-09-12", .key_count = 1, .key = {"17"}},
                 "first load, below 2025-09-12, up to key 17");
    assert_shown(&(struct position){.shape = POSITION_AFTER, .key_count = 1, .key = {"-3"}}, "up to key -3");
}

static void a_count_has_its_plural(void **state)
{
    AUTO_RELEASE(buf) text = {0};
    show_count(1, "row", &text);
    buf_addf(&text, ", ");
    show_count(0, "row", &text);
    buf_addf(&text, ", ");
    show_count(1234, "row", &text);
    assert_string_equal(text.at, "1 row, 0 rows, 1,234 rows");
}

static void a_lease_that_nobody_holds_is_null(void **state)
{
    AUTO_JSON *none = lease_to_json(&(struct lease){.run_id = "x"});
    assert_true(json_is_null(none));
    AUTO_JSON *held = lease_to_json(&(struct lease){.held = true, .host = "a", .pid = 7, .ttl_ms = 60000});
    assert_int_equal(json_int(held, "pid", 0), 7);
    assert_int_equal(json_int(held, "ttl_seconds", 0), 60);
}

static int status_of(const enum rc *results, size_t count)
{
    struct outcome outcome = {0};
    for (size_t i = 0; i < count; i++)
        outcome_add(&outcome, results[i]);
    return outcome_status(&outcome);
}
#define STATUS(...) status_of((const enum rc[]){__VA_ARGS__}, sizeof((const enum rc[]){__VA_ARGS__}) / sizeof(enum rc))

static void several_results_make_one_exit_status(void **state)
{
    struct outcome nothing = {0};
    assert_int_equal(outcome_status(&nothing), 0);
    assert_int_equal(STATUS(RC_OK, RC_OK), 0);
    assert_int_equal(STATUS(RC_OK, RC_DATA), 3);
    assert_int_equal(STATUS(RC_DATA, RC_OK, RC_DATA), 3);
    assert_int_equal(STATUS(RC_DATA, RC_CONFLICT), 6);
    assert_int_equal(STATUS(RC_DATA, RC_DENIED, RC_DATA), 1);
    assert_int_equal(STATUS(RC_OK, RC_TERMINATED, RC_DATA), 143);
    assert_int_equal(STATUS(RC_DATA, RC_INTERRUPTED), 130);
}

int main(void)
{
    const struct CMUnitTest tests_here[] = {
        cmocka_unit_test(each_shape_of_a_position_can_be_read),
        cmocka_unit_test(a_count_has_its_plural),
        cmocka_unit_test(a_lease_that_nobody_holds_is_null),
        cmocka_unit_test(several_results_make_one_exit_status),
    };
    return cmocka_run_group_tests(tests_here, NULL, NULL);
}

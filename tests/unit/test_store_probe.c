/* The probe finds a store out that does not keep its promises (S87), and leaves nothing in it. */
#include "store/probe.h"

#include <string.h>

#include "test.h"
#include "world/fault_store.h"
#include "world/mem_store.h"

static enum rc probe(struct mem_objects *objects, struct fault_plan *plan, struct error *err)
{
    AUTO(store) *store = fault_store_new(mem_store_open(objects, "lake"), plan);
    return store_probe(store, clock_real(), random_real(), err);
}

static void a_store_that_keeps_its_promises_passes_and_is_left_clean(void **state)
{
    AUTO(mem_objects) *objects = mem_objects_new(clock_real());
    struct fault_plan plan = {0};
    struct error err = {0};
    (void)state;
    assert_int_equal(probe(objects, &plan, &err), RC_OK);
    assert_int_equal(mem_objects_count(objects), 0);
    assert_true(plan.calls >= 6); /* it did something */
}

static void S87_a_store_that_ignores_a_condition_is_found_out_by_its_name(void **state)
{
    static const struct {
        struct mem_manners manners;
        const char *words;
    } cases[] = {{{.ignores_if_none_match = true}, "If-None-Match"},
                 {{.ignores_if_match = true}, "If-Match"},
                 {{.ignores_if_none_match = true, .ignores_if_match = true}, "If-None-Match"}};
    (void)state;
    for (int i = 0; i < 3; i++) {
        AUTO(mem_objects) *objects = mem_objects_new(clock_real());
        struct fault_plan plan = {0};
        struct error err = {0};
        mem_objects_set(objects, cases[i].manners);
        assert_int_equal(probe(objects, &plan, &err), RC_CONFIG);
        assert_non_null(strstr(err.text, cases[i].words));
        assert_non_null(strstr(err.text, "mem://lake"));
        assert_non_null(strstr(err.todo, "marks: state"));
        assert_int_equal(mem_objects_count(objects), 0);
    }
}

static void a_probe_that_is_disturbed_anywhere_says_so_and_blames_no_one(void **state)
{
    static const enum fault faults[] = {FAULT_FAIL, FAULT_LATE, FAULT_TORN};
    int hit = 0;
    (void)state;
    for (int i = 0; i < 3; i++) {
        for (int at = 1;; at++) {
            AUTO(mem_objects) *objects = mem_objects_new(clock_real());
            struct fault_plan plan = {.fault = faults[i], .at = at};
            struct error err = {0};
            enum rc rc = probe(objects, &plan, &err);
            if (plan.fired == 0)
                break;
            assert_int_equal(rc, RC_UNAVAILABLE);
            hit++;
        }
    }
    assert_int_equal(hit, 3 * 7);
}

int main(void)
{
    static const struct CMUnitTest stories[] = {
        cmocka_unit_test(a_store_that_keeps_its_promises_passes_and_is_left_clean),
        cmocka_unit_test(S87_a_store_that_ignores_a_condition_is_found_out_by_its_name),
        cmocka_unit_test(a_probe_that_is_disturbed_anywhere_says_so_and_blames_no_one),
    };
    return cmocka_run_group_tests_name("store: probe", stories, NULL, NULL);
}

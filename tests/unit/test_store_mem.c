/* The in-memory store keeps a store's promises; so it does behind the fault-injecting one while no fault is asked for.
 */
#include "conform/store_suite.h"
#include "test.h"
#include "world/fault_store.h"
#include "world/mem_store.h"

static void *suite_setup(void) { return mem_objects_new(clock_real()); }
static void suite_teardown(void *objects) { mem_objects_free(objects); }
static struct store *suite_open(void *objects) { return mem_store_open(objects, "lake"); }

static void *strict_setup(void)
{
    struct mem_objects *objects = mem_objects_new(clock_real());
    mem_objects_set(objects, (struct mem_manners){.part_bytes_min = 5 << 20});
    return objects;
}

static struct store *fault_open(void *objects)
{
    static struct fault_plan plans[8]; /* each client a run of its own */
    static _Atomic int next;
    return fault_store_new(mem_store_open(objects, "lake"), &plans[next++ % 8]);
}

static void a_part_smaller_than_the_store_takes_is_refused_when_it_is_not_the_last(void **state)
{
    AUTO(mem_objects) *objects = strict_setup();
    AUTO(store) *store = mem_store_open(objects, "lake");
    AUTO_RELEASE(upload) upload = {0};
    struct error err;
    (void)state;
    assert_int_equal(store->part_bytes_min, 5 << 20);
    assert_int_equal(store_upload_begin(store, "a", &upload, &err), RC_OK);
    assert_int_equal(store_upload_part(store, &upload, S("small"), &err), RC_OK);
    assert_int_equal(store_upload_part(store, &upload, S("last"), &err), RC_OK);
    assert_int_equal(store_upload_complete(store, &upload, UNCONDITIONAL, NULL, &err), RC_DATA);
    assert_non_null(strstr(err.text, "part 1"));
}

static void the_world_is_seen_and_damaged_behind_the_stores_back(void **state)
{
    AUTO(mem_objects) *objects = mem_objects_new(clock_real());
    struct store *store = mem_store_open(objects, "lake");
    struct error err;
    struct object_info before, after;
    AUTO_RELEASE(buf) got = {0};
    (void)state;
    assert_int_equal(store_put(store, "b", S("22"), UNCONDITIONAL, &before, &err), RC_OK);
    assert_int_equal(store_put(store, "a", S("1"), UNCONDITIONAL, NULL, &err), RC_OK);
    store_free(store); /* its process dies */
    assert_int_equal(mem_objects_count(objects), 2);
    assert_string_equal(mem_objects_at(objects, 0).key, "a");
    assert_int_equal(mem_objects_bytes(objects), 3);
    assert_true(mem_objects_damage(objects, "b", 1));
    assert_false(mem_objects_damage(objects, "b", 2));
    assert_true(mem_objects_remove(objects, "a"));
    assert_false(mem_objects_remove(objects, "a"));
    AUTO(store) *next = mem_store_open(objects, "lake");
    assert_int_equal(store_get(next, "b", 10, &got, &after, &err), RC_OK);
    assert_string_equal(got.at, "23");
    assert_string_equal(after.etag, before.etag);
}

int main(void)
{
    static const struct store_kind kinds[] = {
        {.name = "store: memory", .setup = suite_setup, .teardown = suite_teardown, .open = suite_open, .rounds = 200},
        {.name = "store: memory, large parts",
         .setup = strict_setup,
         .teardown = suite_teardown,
         .open = suite_open,
         .rounds = 1},
        {.name = "store: no faults",
         .setup = suite_setup,
         .teardown = suite_teardown,
         .open = fault_open,
         .rounds = 20},
    };
    static const struct CMUnitTest own[] = {
        cmocka_unit_test(a_part_smaller_than_the_store_takes_is_refused_when_it_is_not_the_last),
        cmocka_unit_test(the_world_is_seen_and_damaged_behind_the_stores_back),
    };
    int failed = 0;
    for (int i = 0; i < 3; i++)
        failed += store_suite_run(&kinds[i]);
    return failed + cmocka_run_group_tests_name("store: memory: the world", own, NULL, NULL);
}

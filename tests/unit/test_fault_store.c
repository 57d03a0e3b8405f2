/* The fault-injecting store does to each call exactly what its plan says, and to no other. */
#include <string.h>

#include "test.h"
#include "world/fault_store.h"
#include "world/mem_store.h"

struct world {
    struct mem_objects *objects;
    struct fault_plan plan;
    struct store *store; /* faulty */
    struct error err;
};

/* The objects a and b, and a plan that hits the next call. */
static void begin(struct world *w, enum fault fault)
{
    *w = (struct world){.objects = mem_objects_new(clock_real()), .plan = {.fault = fault, .at = 1}};
    mem_objects_put(w->objects, "a", S("12345678"));
    mem_objects_put(w->objects, "b", S("x"));
    w->store = fault_store_new(mem_store_open(w->objects, "lake"), &w->plan);
}

static void end(struct world *w)
{
    store_free(w->store);
    mem_objects_free(w->objects);
}

static bool has(const struct world *w, const char *key, const char *text)
{
    struct mem_object object;
    return mem_objects_find(w->objects, key, &object) && str_eq(object.body, str(text));
}

static void was_hit(const struct world *w, const char *operation, enum rc rc, enum rc wanted)
{
    assert_int_equal(rc, wanted);
    assert_int_equal(w->plan.fired, 1);
    assert_string_equal(w->plan.seam, "store");
    assert_string_equal(w->plan.operation, operation);
}

static const struct {
    enum fault fault;
    enum rc rc;
    bool done;
} atomic_faults[] = {
    {FAULT_FAIL, RC_UNAVAILABLE, false},    {FAULT_LATE, RC_UNAVAILABLE, true},   {FAULT_TORN, RC_UNAVAILABLE, false},
    {FAULT_CRASH_BEFORE, RC_FAILED, false}, {FAULT_CRASH_AFTER, RC_FAILED, true}, {FAULT_STALL, RC_OK, true},
};
enum { ATOMIC_FAULTS = sizeof(atomic_faults) / sizeof(*atomic_faults) };

static void a_put_is_done_or_not_and_never_half(void **state)
{
    (void)state;
    for (int i = 0; i < ATOMIC_FAULTS; i++) {
        struct world w;
        struct object_info info = {.bytes = -1};
        begin(&w, atomic_faults[i].fault);
        enum rc rc = store_put(w.store, "new", S("body"), IF_NONE_MATCH, &info, &w.err);
        was_hit(&w, "put", rc, atomic_faults[i].rc);
        assert_int_equal(has(&w, "new", "body"), atomic_faults[i].done);
        assert_int_equal(info.bytes, rc == RC_OK ? 4 : -1);
        end(&w);
    }
}

static void completing_is_done_or_not_and_never_half(void **state)
{
    (void)state;
    for (int i = 0; i < ATOMIC_FAULTS; i++) {
        struct world w;
        AUTO_RELEASE(upload) upload = {0};
        begin(&w, atomic_faults[i].fault);
        w.plan.at = 3;
        assert_int_equal(store_upload_begin(w.store, "new", &upload, &w.err), RC_OK);
        assert_int_equal(store_upload_part(w.store, &upload, S("body"), &w.err), RC_OK);
        was_hit(&w, "upload_complete", store_upload_complete(w.store, &upload, UNCONDITIONAL, NULL, &w.err),
                atomic_faults[i].rc);
        assert_int_equal(has(&w, "new", "body"), atomic_faults[i].done);
        assert_int_equal(mem_objects_uploads(w.objects), !atomic_faults[i].done);
        end(&w);
    }
}

static void a_part_whose_answer_is_lost_or_that_is_torn_does_not_count(void **state)
{
    static const enum fault faults[] = {FAULT_FAIL, FAULT_LATE, FAULT_TORN};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct world w;
        AUTO_RELEASE(upload) upload = {0};
        begin(&w, faults[i]);
        w.plan.at = 3;
        assert_int_equal(store_upload_begin(w.store, "new", &upload, &w.err), RC_OK);
        assert_int_equal(store_upload_part(w.store, &upload, S("one "), &w.err), RC_OK);
        was_hit(&w, "upload_part", store_upload_part(w.store, &upload, S("two"), &w.err), RC_UNAVAILABLE);
        assert_int_equal(upload.parts, 1);
        assert_int_equal(store_upload_part(w.store, &upload, S("two"), &w.err), RC_OK);
        assert_int_equal(store_upload_complete(w.store, &upload, UNCONDITIONAL, NULL, &w.err), RC_OK);
        assert_true(has(&w, "new", "one two"));
        end(&w);
    }
}

static void an_upload_whose_begin_was_not_answered_is_only_in_the_list(void **state)
{
    struct world w;
    struct upload upload = {0};
    (void)state;
    begin(&w, FAULT_LATE);
    was_hit(&w, "upload_begin", store_upload_begin(w.store, "new", &upload, &w.err), RC_UNAVAILABLE);
    assert_int_equal(upload.id[0], '\0');
    assert_int_equal(mem_objects_uploads(w.objects), 1);
    assert_string_equal(mem_objects_upload_key(w.objects, 0), "new");
    end(&w);
}

static void a_torn_read_leaves_half_of_the_bytes(void **state)
{
    struct world w;
    char at[] = "........";
    AUTO_RELEASE(buf) got = {0};
    (void)state;
    begin(&w, FAULT_TORN);
    was_hit(&w, "get", store_get(w.store, "a", 100, &got, NULL, &w.err), RC_UNAVAILABLE);
    assert_string_equal(got.at, "1234");
    w.plan = (struct fault_plan){.fault = FAULT_TORN, .at = 1};
    was_hit(&w, "get_range", store_get_range(w.store, "a", 2, at, 4, &w.err), RC_UNAVAILABLE);
    assert_string_equal(at, "34......");
    end(&w);
}

static void a_torn_delete_deletes_the_first_half(void **state)
{
    struct world w;
    struct deleted_object items[] = {{.key = "a"}, {.key = "b"}};
    (void)state;
    begin(&w, FAULT_TORN);
    was_hit(&w, "delete", store_delete(w.store, items, 2, &w.err), RC_UNAVAILABLE);
    assert_false(has(&w, "a", "12345678"));
    assert_true(has(&w, "b", "x"));
    end(&w);
}

static void after_a_crash_nothing_is_done_by_anyone_of_the_run(void **state)
{
    struct world w;
    struct deleted_object item = {.key = "a"};
    struct object_info info;
    struct object_list list;
    AUTO_RELEASE(arena) arena = {0};
    (void)state;
    begin(&w, FAULT_CRASH_AFTER);
    was_hit(&w, "put", store_put(w.store, "new", S("1"), UNCONDITIONAL, NULL, &w.err), RC_FAILED);
    assert_true(w.plan.crashed);
    assert_int_equal(store_put(w.store, "new", S("2"), UNCONDITIONAL, NULL, &w.err), RC_FAILED);
    assert_int_equal(store_delete(w.store, &item, 1, &w.err), RC_FAILED);
    assert_int_equal(store_head(w.store, "a", &info, &w.err), RC_FAILED);
    assert_int_equal(store_list(w.store, "", NULL, &arena, &list, &w.err), RC_FAILED);
    assert_string_equal(w.err.text, "crashed");
    assert_int_equal(fault_ask(&w.plan, "target", "commit"), FAULT_CRASH_BEFORE);
    was_hit(&w, "put", RC_OK, RC_OK); /* what was hit first is still what is told */
    assert_true(has(&w, "new", "1"));
    assert_true(has(&w, "a", "12345678"));
    assert_int_equal(w.plan.calls, 1);
    end(&w);
}

static void calls_are_counted_across_seams_and_only_the_chosen_one_is_hit(void **state)
{
    struct world w;
    struct object_info info;
    (void)state;
    begin(&w, FAULT_FAIL);
    w.plan.at = 3;
    assert_int_equal(store_head(w.store, "a", &info, &w.err), RC_OK);
    assert_int_equal(fault_ask(&w.plan, "source", "now"), FAULT_NONE);
    was_hit(&w, "head", store_head(w.store, "a", &info, &w.err), RC_UNAVAILABLE);
    assert_int_equal(store_head(w.store, "a", &info, &w.err), RC_OK);
    assert_int_equal(w.plan.calls, 4);
    w.plan = (struct fault_plan){.fault = FAULT_FAIL, .at = 2, .sticky = true};
    assert_int_equal(store_head(w.store, "a", &info, &w.err), RC_OK);
    assert_int_equal(store_head(w.store, "a", &info, &w.err), RC_UNAVAILABLE);
    assert_int_equal(store_head(w.store, "a", &info, &w.err), RC_UNAVAILABLE);
    assert_int_equal(w.plan.fired, 2);
    end(&w);
}

static void remove_a(void *context) { mem_objects_remove(context, "a"); }

static void a_stall_lets_the_world_move_on_before_the_call(void **state)
{
    struct world w;
    struct object_info info;
    (void)state;
    begin(&w, FAULT_STALL);
    w.plan.stalled = remove_a;
    w.plan.context = w.objects;
    was_hit(&w, "head", store_head(w.store, "a", &info, &w.err), RC_NOT_FOUND);
    end(&w);
}

int main(void)
{
    static const struct CMUnitTest stories[] = {
        cmocka_unit_test(a_put_is_done_or_not_and_never_half),
        cmocka_unit_test(completing_is_done_or_not_and_never_half),
        cmocka_unit_test(a_part_whose_answer_is_lost_or_that_is_torn_does_not_count),
        cmocka_unit_test(an_upload_whose_begin_was_not_answered_is_only_in_the_list),
        cmocka_unit_test(a_torn_read_leaves_half_of_the_bytes),
        cmocka_unit_test(a_torn_delete_deletes_the_first_half),
        cmocka_unit_test(after_a_crash_nothing_is_done_by_anyone_of_the_run),
        cmocka_unit_test(calls_are_counted_across_seams_and_only_the_chosen_one_is_hit),
        cmocka_unit_test(a_stall_lets_the_world_move_on_before_the_call),
    };
    return cmocka_run_group_tests_name("store: faults", stories, NULL, NULL);
}

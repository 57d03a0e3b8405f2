/* S and its lease: compare-and-swap whose fate is known, and owners that are not robbed. */
#include "state/scope.h"
#include "state/waybill.h"
#include "test.h"
#include "world/fault_store.h"
#include "world/mem_store.h"
#include "world/world_clock.h"

enum { TTL_MS = 60000 };
static const char scope_doc_key[] = "watermark/tables/p/orders.json";
static const char run_a[] = "0192aaaa-0000-7000-8000-00000000000a", run_b[] = "0192aaaa-0000-7000-8000-00000000000b";

/* Two processes with a store between them; A's calls may be hit by faults. */
struct place {
    struct world_clock clock;
    struct world_random random;
    struct world_hosts hosts;
    struct mem_objects *objects;
    struct store *store_a, *store_b;
    struct fault_plan plan;
    struct scope *a, *b;
};

static void place_begin(struct place *w)
{
    *w = (struct place){0};
    world_clock_init(&w->clock, INT64_C(1700000000000000), 0);
    world_random_init(&w->random, 1);
    world_hosts_init(&w->hosts);
    w->objects = mem_objects_new(&w->clock.clock);
    w->store_a = fault_store_new(mem_store_open(w->objects, "lake"), &w->plan);
    w->store_b = mem_store_open(w->objects, "lake");
    struct scope_world world = {.store = w->store_a,
                                .clock = &w->clock.clock,
                                .random = &w->random.random,
                                .host = &w->hosts.host[0],
                                .run_id = run_a,
                                .ttl_ms = TTL_MS};
    w->a = scope_new(&world, "p", "orders");
    world.store = w->store_b;
    world.host = &w->hosts.host[1];
    world.run_id = run_b;
    w->b = scope_new(&world, "p", "orders");
}

static void place_end(struct place *w)
{
    scope_free(w->a);
    scope_free(w->b);
    store_free(w->store_a);
    store_free(w->store_b);
    mem_objects_free(w->objects);
}

static void take(struct scope *scope)
{
    struct error err = {0};
    assert_int_equal(scope_read(scope, &err), RC_OK);
    assert_int_equal(scope_take(scope, NULL, 0, &err), RC_OK);
}

static void break_call(struct place *w, int at, enum fault fault, bool sticky)
{
    w->plan = (struct fault_plan){.fault = fault, .at = at, .sticky = sticky};
}

static struct marks with_epoch(const struct scope *scope, int64_t epoch)
{
    struct marks marks = *scope_marks(scope);
    marks.epoch = epoch;
    return marks;
}

static void a_first_take_makes_the_document_with_token_one(void **state)
{
    struct place w;
    struct error err = {0};
    place_begin(&w);
    take(w.a);
    assert_true(scope_exists(w.a) && scope_is_mine(w.a));
    assert_int_equal(scope_read(w.b, &err), RC_OK);
    assert_int_equal(scope_marks(w.b)->token, 1);
    assert_string_equal(scope_lease(w.b).run_id, run_a);
    place_end(&w);
}

static void the_token_grows_past_the_larger_of_s_and_t(void **state)
{
    struct place w;
    struct error err = {0};
    place_begin(&w);
    take(w.a);
    assert_int_equal(scope_give(w.a, NULL, &err), RC_OK);
    assert_int_equal(scope_read(w.b, &err), RC_OK);
    assert_int_equal(scope_take(w.b, NULL, 41, &err), RC_OK);
    assert_int_equal(scope_marks(w.b)->token, 42);
    place_end(&w);
}

static void one_lost_answer_to_a_compare_and_swap_does_not_fail_the_run(void **state)
{
    for (int at = 1; at <= 2; at++) { /* the PUT, or the GET that looks after it */
        struct place w;
        struct error err = {0};
        place_begin(&w);
        take(w.a);
        break_call(&w, at, FAULT_LATE, false);
        struct marks next = with_epoch(w.a, 5);
        assert_int_equal(scope_write(w.a, &next, &err), RC_OK);
        break_call(&w, 0, FAULT_NONE, false);
        next = with_epoch(w.a, 6);
        assert_int_equal(scope_write(w.a, &next, &err), RC_OK);
        assert_int_equal(scope_read(w.b, &err), RC_OK);
        assert_int_equal(scope_marks(w.b)->epoch, 6);
        place_end(&w);
    }
}

/* The fate of a write is settled before anything else is written. */
static void a_write_of_open_fate_is_settled_by_the_next_one(void **state)
{
    static const enum fault faults[] = {FAULT_LATE, FAULT_FAIL};
    for (int i = 0; i < 2; i++) {
        struct place w;
        struct error err = {0};
        place_begin(&w);
        take(w.a);
        break_call(&w, 1, faults[i], true);
        struct marks next = with_epoch(w.a, 5);
        assert_int_equal(scope_write(w.a, &next, &err), RC_UNAVAILABLE);
        break_call(&w, 0, FAULT_NONE, false);
        int64_t beat = scope_lease(w.a).beat;
        assert_int_equal(scope_beat(w.a, &err), RC_OK);
        assert_int_equal(scope_lease(w.a).beat, beat); /* the heartbeat waits */
        assert_int_equal(scope_give(w.a, NULL, &err), RC_OK);
        assert_int_equal(scope_read(w.b, &err), RC_OK);
        assert_int_equal(scope_marks(w.b)->epoch, 5); /* it was sent again, not forgotten */
        place_end(&w);
    }
}

/* S75: the second run says who holds the lease and since when. */
static void beat_a(void *context, const struct lease *lease, int64_t waited_ms)
{
    struct place *w = context;
    struct error err = {0};
    assert_int_equal(scope_beat(w->a, &err), RC_OK);
}

static void s75_a_beating_owner_is_never_robbed(void **state)
{
    struct place w;
    struct error err = {0};
    place_begin(&w);
    take(w.a);
    struct scope_world world = {.store = w.store_b,
                                .clock = &w.clock.clock,
                                .random = &w.random.random,
                                .host = &w.hosts.host[1],
                                .run_id = run_b,
                                .ttl_ms = TTL_MS,
                                .waiting = beat_a,
                                .context = &w};
    AUTO(scope) *second = scope_new(&world, "p", "orders");
    assert_int_equal(scope_read(second, &err), RC_OK);
    int64_t before = w.clock.ms;
    assert_int_equal(scope_take(second, NULL, 0, &err), RC_LEASE);
    assert_true(w.clock.ms - before < TTL_MS / 4); /* at once, not after a TTL */
    assert_non_null(strstr(err.text, run_a));
    assert_non_null(strstr(err.text, "world-0"));
    assert_non_null(strstr(err.todo, "lease break"));
    assert_true(scope_is_mine(w.a));
    place_end(&w);
}

static void a_silent_owner_is_waited_for_a_whole_ttl(void **state)
{
    struct place w;
    struct error err = {0};
    place_begin(&w);
    take(w.a);
    int64_t before = w.clock.ms;
    take(w.b);
    assert_in_range(w.clock.ms - before, TTL_MS, TTL_MS + 1000);
    struct marks next = with_epoch(w.a, 9);
    assert_int_equal(scope_write(w.a, &next, &err), RC_LEASE); /* 412: its ETag is not S's any more */
    assert_non_null(strstr(err.text, run_b));
    assert_int_equal(scope_guard(w.a, &err), RC_LEASE);
    place_end(&w);
}

static void an_owner_whose_process_is_gone_is_not_waited_for(void **state)
{
    struct place w;
    place_begin(&w);
    take(w.a);
    w.hosts.gone[0] = true;
    int64_t before = w.clock.ms;
    take(w.b);
    assert_true(w.clock.ms - before < 100);
    place_end(&w);
}

static void a_gone_pid_of_another_boot_or_pid_namespace_proves_nothing(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct place w;
        place_begin(&w);
        take(w.a);
        w.hosts.gone[0] = true;
        snprintf(i == 0 ? w.hosts.host[1].boot_id : w.hosts.host[1].pid_ns, 16, "another");
        int64_t before = w.clock.ms;
        take(w.b);
        assert_true(w.clock.ms - before >= TTL_MS);
        place_end(&w);
    }
}

static void an_owner_that_was_away_beats_before_it_writes(void **state)
{
    struct place w;
    struct error err = {0};
    place_begin(&w);
    take(w.a);
    int64_t beat = scope_lease(w.a).beat;
    assert_int_equal(scope_guard(w.a, &err), RC_OK);
    assert_int_equal(scope_lease(w.a).beat, beat); /* fresh: nothing to do */
    world_clock_move_ms(&w.clock, TTL_MS * 2 / 3 + 1);
    assert_int_equal(scope_guard(w.a, &err), RC_OK);
    assert_int_equal(scope_lease(w.a).beat, beat + 1);
    place_end(&w);
}

static void a_broken_lease_stops_its_owner(void **state)
{
    struct place w;
    struct error err = {0};
    place_begin(&w);
    take(w.a);
    assert_int_equal(scope_read(w.b, &err), RC_OK);
    assert_int_equal(scope_break(w.b, &err), RC_OK);
    assert_int_equal(scope_beat(w.a, &err), RC_LEASE);
    take(w.b);
    place_end(&w);
}

static void fields_of_another_version_survive_a_rewrite(void **state)
{
    struct place w;
    struct error err = {0};
    struct mem_object object;
    place_begin(&w);
    take(w.a);
    assert_int_equal(scope_give(w.a, NULL, &err), RC_OK);
    assert_true(mem_objects_find(w.objects, scope_doc_key, &object));
    AUTO_RELEASE(buf) text = {0};
    buf_addf(&text, "{\n  \"from_the_future\": {\"a\": [1]},%.*s", (int)object.body.len - 1, object.body.at + 1);
    mem_objects_put(w.objects, scope_doc_key, buf_str(&text));
    take(w.b);
    assert_true(mem_objects_find(w.objects, scope_doc_key, &object));
    assert_non_null(strstr(object.body.at, "from_the_future"));
    place_end(&w);
}

static void s98_a_document_of_a_newer_format_is_refused(void **state)
{
    struct place w;
    struct error err = {0};
    place_begin(&w);
    mem_objects_put(w.objects, scope_doc_key, S("{\"format\": 2, \"epoch\": 0, \"token\": 3}"));
    assert_int_equal(scope_read(w.a, &err), RC_DATA);
    assert_non_null(strstr(err.text, "format 2"));
    assert_non_null(strstr(err.todo, "newer"));
    place_end(&w);
}

static void a_damaged_document_names_itself_and_the_way_back(void **state)
{
    struct place w;
    struct error err = {0};
    place_begin(&w);
    mem_objects_put(w.objects, scope_doc_key, S("{\"format\": 1, \"token\": 3}"));
    assert_int_equal(scope_read(w.a, &err), RC_DATA);
    assert_non_null(strstr(err.text, scope_doc_key));
    assert_non_null(strstr(err.todo, "watermark restore"));
    place_end(&w);
}

static void a_waybill_that_was_given_up_cannot_be_sealed(void **state)
{
    struct place w;
    struct error err = {0};
    place_begin(&w);
    struct settling with = {w.store_b, &w.clock.clock, &w.random.random};
    AUTO(schema) *schema = schema_new();
    schema_add(schema, &(struct field){.name = "id", .type = TYPE_INT64, .source_type = "INTEGER"});
    struct waybill waybill = {.id = run_b, .increment = "hybrid", .mode = "merge", .schema = schema};
    bool sealed = true;
    assert_int_equal(waybill_abandon(&with, "x/waybill.json", run_b, run_a, 2, &sealed, &err), RC_OK);
    assert_false(sealed);
    assert_int_equal(waybill_seal(&with, "x/waybill.json", &waybill, &err), RC_LEASE);
    assert_int_equal(waybill_seal(&with, "y/waybill.json", &waybill, &err), RC_OK);
    assert_int_equal(waybill_abandon(&with, "y/waybill.json", run_b, run_a, 2, &sealed, &err), RC_OK);
    assert_true(sealed);
    place_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_take_makes_the_document_with_token_one),
        cmocka_unit_test(the_token_grows_past_the_larger_of_s_and_t),
        cmocka_unit_test(one_lost_answer_to_a_compare_and_swap_does_not_fail_the_run),
        cmocka_unit_test(a_write_of_open_fate_is_settled_by_the_next_one),
        cmocka_unit_test(s75_a_beating_owner_is_never_robbed),
        cmocka_unit_test(a_silent_owner_is_waited_for_a_whole_ttl),
        cmocka_unit_test(an_owner_whose_process_is_gone_is_not_waited_for),
        cmocka_unit_test(a_gone_pid_of_another_boot_or_pid_namespace_proves_nothing),
        cmocka_unit_test(an_owner_that_was_away_beats_before_it_writes),
        cmocka_unit_test(a_broken_lease_stops_its_owner),
        cmocka_unit_test(fields_of_another_version_survive_a_rewrite),
        cmocka_unit_test(s98_a_document_of_a_newer_format_is_refused),
        cmocka_unit_test(a_damaged_document_names_itself_and_the_way_back),
        cmocka_unit_test(a_waybill_that_was_given_up_cannot_be_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

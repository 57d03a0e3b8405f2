/* The heartbeat's thread beside the working one: nothing is lost between them, and a lost lease is noticed. */
#include "state/heartbeat.h"

#include "test.h"
#include "world/mem_store.h"

enum { TTL_MS = 60000 };

struct place {
    struct mem_objects *objects;
    struct store *store;
};

static struct scope *open_scope(struct place *place, const char *run_id)
{
    struct scope_world world = {.store = place->store,
                                .clock = clock_real(),
                                .random = random_real(),
                                .host = host_real(),
                                .run_id = run_id,
                                .ttl_ms = TTL_MS};
    struct error err;
    struct scope *scope = scope_new(&world, "p", "orders");
    assert_int_equal(scope_read(scope, &err), RC_OK);
    return scope;
}

static void place_begin(struct place *place)
{
    place->objects = mem_objects_new(clock_real());
    place->store = mem_store_open(place->objects, "lake");
}

static void place_end(struct place *place)
{
    store_free(place->store);
    mem_objects_free(place->objects);
}

static void beats_and_writes_do_not_lose_each_other(void **state)
{
    struct place place;
    struct error err;
    place_begin(&place);
    struct scope *scope = open_scope(&place, "0192aaaa-0000-7000-8000-00000000000a");
    assert_int_equal(scope_take(scope, NULL, 0, &err), RC_OK);
    struct heartbeat *heartbeat = heartbeat_start(1);
    heartbeat_add(heartbeat, scope);
    for (int i = 1; i <= 300; i++) {
        struct marks next = *scope_marks(scope);
        assert_int_equal(next.epoch, i - 1);
        next.epoch = i;
        assert_int_equal(scope_write(scope, &next, &err), RC_OK);
        assert_int_equal(scope_guard(scope, &err), RC_OK);
    }
    while (scope_lease(scope).beat <= 310) /* the thread beats on while nothing is written */
        clock_real()->sleep_ms(clock_real(), 1);
    heartbeat_free(heartbeat);
    assert_int_equal(scope_give(scope, NULL, &err), RC_OK);
    struct scope *looking = open_scope(&place, "onlooker");
    assert_int_equal(scope_marks(looking)->epoch, 300);
    assert_false(scope_lease(looking).held);
    scope_free(looking);
    scope_free(scope);
    place_end(&place);
}

/* A store whose answers to reads are on their way for some beats. */
struct far_store {
    struct store base;
    struct store *near;
};

static RC far_get(struct store *self, const char *key, size_t bytes_max, struct buf *ret, struct object_info *ret_info,
                  struct error *err)
{
    enum rc rc = store_get(((struct far_store *)self)->near, key, bytes_max, ret, ret_info, err);
    clock_real()->sleep_ms(clock_real(), 5);
    return rc;
}

static RC far_put(struct store *self, const char *key, struct str body, struct condition when, struct object_info *ret,
                  struct error *err)
{
    return store_put(((struct far_store *)self)->near, key, body, when, ret, err);
}

/* As the cleaning of orphans does: it looks at S again under its own lease. */
static void reading_beside_beats_keeps_the_lease(void **state)
{
    struct place place;
    struct error err;
    static const struct store_ops far_ops = {.get = far_get, .put = far_put};
    place_begin(&place);
    struct far_store far = {{&far_ops, "lake", "far", 0}, place.store};
    struct place away = {place.objects, &far.base};
    struct scope *scope = open_scope(&away, "0192aaaa-0000-7000-8000-00000000000a");
    assert_int_equal(scope_take(scope, NULL, 0, &err), RC_OK);
    struct heartbeat *heartbeat = heartbeat_start(1);
    heartbeat_add(heartbeat, scope);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(scope_read(scope, &err), RC_OK);
        assert_int_equal(scope_beat(scope, &err), RC_OK);
    }
    heartbeat_free(heartbeat);
    assert_int_equal(scope_give(scope, NULL, &err), RC_OK);
    scope_free(scope);
    place_end(&place);
}

static void a_beat_that_is_refused_stops_the_owner(void **state)
{
    struct place place;
    struct error err;
    place_begin(&place);
    struct scope *scope = open_scope(&place, "0192aaaa-0000-7000-8000-00000000000a");
    assert_int_equal(scope_take(scope, NULL, 0, &err), RC_OK);
    struct scope *operator_s = open_scope(&place, "0192aaaa-0000-7000-8000-00000000000b");
    assert_int_equal(scope_break(operator_s, &err), RC_OK);
    struct heartbeat *heartbeat = heartbeat_start(1);
    heartbeat_add(heartbeat, scope);
    while (scope_is_mine(scope))
        clock_real()->sleep_ms(clock_real(), 1);
    assert_int_equal(scope_guard(scope, &err), RC_LEASE);
    heartbeat_free(heartbeat);
    scope_free(operator_s);
    scope_free(scope);
    place_end(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_and_writes_do_not_lose_each_other),
        cmocka_unit_test(reading_beside_beats_keeps_the_lease),
        cmocka_unit_test(a_beat_that_is_refused_stops_the_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

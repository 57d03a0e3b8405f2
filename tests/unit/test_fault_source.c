/* The fault-injecting source does to each call, and to each page of a reader, exactly what its plan says. */
#include "conform/rows.h"
#include "test.h"
#include "world/fault_source.h"
#include "world/mem_source.h"

struct world {
    struct mem_server *server;
    struct fault_plan plan;
    struct source *source; /* faulty; pages of one row */
    const struct table *table;
    struct arena arena;
    struct error err;
    int next_calls; /* that reached the real reader */
};

static const struct range everything = {.kind = RANGE_ALL};

static void count_next(void *context, const char *operation)
{
    struct world *w = context;
    w->next_calls += strcmp(operation, "next") == 0;
}

static void begin(struct world *w)
{
    *w = (struct world){.server = mem_server_new()};
    mem_server_table(w->server, "orders", schema_of("id:l!"), "id", NULL);
    mem_server_put(w->server, "orders", "1");
    mem_server_put(w->server, "orders", "2");
    w->source = fault_source_new(mem_source_open(w->server, "shop", 1), &w->plan);
    assert_int_equal(source_describe(w->source, &(struct table_request){.name = "orders"}, &w->table, &w->err), RC_OK);
    mem_server_hook(w->server, count_next, w);
}

static void end(struct world *w)
{
    source_free(w->source);
    mem_server_free(w->server);
    arena_release(&w->arena);
}

/* The plan hits the n-th call from here. */
static void hit(struct world *w, enum fault fault, int n) { w->plan = (struct fault_plan){.fault = fault, .at = n}; }

static enum rc call(struct world *w, int operation)
{
    static const struct range ids = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"9"}}};
    AUTO(batch_reader) *reader = NULL;
    const char *text, **names;
    const struct table *table;
    struct open_transactions open;
    struct range_facts facts;
    struct position cut;
    int64_t us;
    int count;
    bool is_cut;
    switch (operation) {
    case 0: return source_identity(w->source, &w->arena, &text, &w->err);
    case 1: return source_tables(w->source, &w->arena, &names, &count, &w->err);
    case 2: return source_describe(w->source, &(struct table_request){.name = "orders"}, &table, &w->err);
    case 3: return source_now(w->source, &us, &w->err);
    case 4: return source_oldest_open(w->source, &open, &w->err);
    case 5: return source_ceiling(w->source, w->table, &w->arena, &text, &w->err);
    case 6: return source_facts(w->source, w->table, &ids, &facts, &w->err);
    case 7: return source_boundary(w->source, w->table, &ids, 1, &w->arena, &cut, &is_cut, &w->err);
    default: return source_read(w->source, w->table, &ids, &reader, &w->err);
    }
}
static const char *const operations[] = {"identity", "tables", "describe", "now", "oldest_open",
                                         "ceiling",  "facts",  "boundary", "read"};
enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

static void every_operation_is_a_call(void **state)
{
    static const struct {
        enum fault fault;
        enum rc rc;
    } faults[] = {{FAULT_FAIL, RC_UNAVAILABLE}, {FAULT_LATE, RC_UNAVAILABLE},    {FAULT_TORN, RC_UNAVAILABLE},
                  {FAULT_STALL, RC_OK},         {FAULT_CRASH_BEFORE, RC_FAILED}, {FAULT_CRASH_AFTER, RC_FAILED}};
    for (int i = 0; i < OPERATIONS; i++) {
        for (size_t k = 0; k < sizeof(faults) / sizeof(faults[0]); k++) {
            struct world w;
            begin(&w);
            hit(&w, faults[k].fault, 1);
            assert_int_equal(call(&w, i), faults[k].rc);
            assert_int_equal(w.plan.calls, 1);
            assert_int_equal(w.plan.fired, 1);
            assert_string_equal(w.plan.seam, "source");
            assert_string_equal(w.plan.operation, operations[i]);
            if (!w.plan.crashed)
                assert_int_equal(call(&w, i), RC_OK);
            else
                assert_int_equal(call(&w, i), RC_FAILED);
            end(&w);
        }
    }
}

/* Reads the page that is hit: what came, and whether the real page was used up. */
static void a_page_is_hit(enum fault fault, enum rc wanted, int pages_read)
{
    struct world w;
    struct batch_reader *reader = NULL;
    const struct batch *batch = NULL;
    begin(&w);
    assert_int_equal(source_read(w.source, w.table, &everything, &reader, &w.err), RC_OK);
    assert_int_equal(batch_reader_next(reader, &batch, &w.err), RC_OK);
    assert_int_equal(batch_int64(batch, 0, 0), 1);
    hit(&w, fault, 1);
    batch = NULL;
    assert_int_equal(batch_reader_next(reader, &batch, &w.err), wanted);
    assert_string_equal(w.plan.operation, "next");
    assert_int_equal(w.next_calls, pages_read);
    if (wanted == RC_OK)
        assert_int_equal(batch_int64(batch, 0, 0), 2);
    else
        assert_null(batch);
    batch_reader_free(reader);
    end(&w);
}

static void a_page_comes_whole_or_not_at_all(void **state)
{
    a_page_is_hit(FAULT_FAIL, RC_UNAVAILABLE, 1);
    a_page_is_hit(FAULT_LATE, RC_UNAVAILABLE, 2);
    a_page_is_hit(FAULT_TORN, RC_UNAVAILABLE, 2); /* lost on its way */
    a_page_is_hit(FAULT_STALL, RC_OK, 2);
    a_page_is_hit(FAULT_CRASH_BEFORE, RC_FAILED, 1);
    a_page_is_hit(FAULT_CRASH_AFTER, RC_FAILED, 2);
}

static void without_a_plan_nothing_is_changed(void **state)
{
    struct world w;
    begin(&w);
    for (int i = 0; i < OPERATIONS; i++)
        assert_int_equal(call(&w, i), RC_OK);
    assert_int_equal(w.plan.fired, 0);
    assert_string_equal(w.source->name, "shop");
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_a_call),
        cmocka_unit_test(a_page_comes_whole_or_not_at_all),
        cmocka_unit_test(without_a_plan_nothing_is_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Row groups at hand: what is asked of the store, and that the rows are the same however much memory there is. */
#include "move/ahead.h"

#include "conform/rows.h"
#include "data/parquet/writer.h"
#include "test.h"
#include "world/fault_store.h"
#include "world/mem_store.h"
#include "world/world_clock.h"

enum { GROUPS = 5, GROUP_ROWS = 400, ROW_BYTES = 200 };
static const char *const key = "stage/file-00000.parquet";

struct story {
    struct world_clock clock;
    struct mem_objects *objects;
    struct fault_plan plan;
    struct store *store; /* counts */
    struct schema *schema;
    int64_t bytes;
    _Atomic int ranges; /* get_range calls; any thread makes them */
};

static void count(struct fault_plan *plan, const char *seam, const char *operation)
{
    struct story *s = plan->context;
    s->ranges += strcmp(operation, "get_range") == 0;
}

static RC append(void *context, struct str bytes, struct error *err)
{
    buf_add_str(context, bytes);
    return RC_OK;
}

/* Texts that no compression makes smaller: each row group is larger than what is read with the footer. */
static void add_group(struct parquet_writer *writer, struct batch_builder *builder, uint64_t *seed, int first)
{
    struct error err;
    for (int i = 0; i < GROUP_ROWS; i++) {
        char text[ROW_BYTES];
        for (int c = 0; c < ROW_BYTES; c++) {
            *seed = *seed * 6364136223846793005U + 1442695040888963407U;
            text[c] = (char)(' ' + (*seed >> 33) % 95);
        }
        builder_int64(builder, 0, first + i);
        builder_bytes(builder, 1, (struct str){text, ROW_BYTES});
        builder_end_row(builder);
    }
    assert_int_equal(parquet_writer_add(writer, builder_finish(builder), &err), RC_OK);
}

static int begin(void **state)
{
    struct story *s = xcalloc(1, sizeof(*s));
    struct error err;
    AUTO_RELEASE(buf) file = {0};
    uint64_t seed = 1;
    world_clock_init(&s->clock, INT64_C(1717200000000000), 0);
    s->objects = mem_objects_new(&s->clock.clock);
    s->plan = (struct fault_plan){.asked = count, .context = s};
    s->store = fault_store_new(mem_store_open(s->objects, "lake"), &s->plan);
    s->schema = schema_of("id:l! note:u");
    struct parquet_options options = {.row_group_bytes = GROUP_ROWS * ROW_BYTES};
    AUTO(parquet_writer) *writer = parquet_writer_new(s->schema, &options, (struct parquet_sink){append, &file});
    AUTO(batch_builder) *builder = batch_builder_new(s->schema);
    for (int i = 0; i < GROUPS; i++)
        add_group(writer, builder, &seed, i * GROUP_ROWS);
    assert_int_equal(parquet_writer_end(writer, &err), RC_OK);
    assert_int_equal(parquet_writer_written(writer).row_groups, GROUPS);
    assert_int_equal(store_put(s->store, key, buf_str(&file), UNCONDITIONAL, NULL, &err), RC_OK);
    s->bytes = (int64_t)file.len;
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct story *s = *state;
    store_free(s->store);
    mem_objects_free(s->objects);
    schema_free(s->schema);
    free(s);
    return 0;
}

/* The sum of the ids of so many batches, or of all. */
static int64_t read_batches(struct story *s, struct ahead_options options, int batches, enum rc *ret_rc)
{
    struct error err;
    AUTO(batch_reader) *reader = NULL;
    int64_t sum = 0;
    *ret_rc = ahead_open(s->store, key, s->bytes, s->schema, options, &reader, &err);
    for (int i = 0; *ret_rc == RC_OK && i < batches; i++) {
        const struct batch *batch = NULL;
        *ret_rc = batch_reader_next(reader, &batch, &err);
        if (*ret_rc != RC_OK || batch == NULL)
            break;
        for (int64_t row = 0; row < batch->rows; row++)
            sum += batch_int64(batch, 0, row);
    }
    return sum;
}

#define ALL_IDS ((int64_t)GROUPS * GROUP_ROWS * (GROUPS * GROUP_ROWS - 1) / 2)

static void a_row_group_is_one_request(void **state)
{
    struct story *s = *state;
    static const struct ahead_options ways[] = {{false, 1 << 20}, {true, 1 << 20}, {true, 100 << 10}};
    for (int i = 0; i < 3; i++) {
        enum rc rc;
        s->ranges = 0;
        assert_int_equal(read_batches(s, ways[i], INT32_MAX, &rc), ALL_IDS);
        assert_int_equal(rc, RC_OK);
        assert_in_range(s->ranges, GROUPS, GROUPS + 2); /* the tail and the file's first bytes come before them */
    }
}

static void without_the_memory_rows_come_as_the_reader_asks(void **state)
{
    struct story *s = *state;
    enum rc rc;
    assert_int_equal(read_batches(s, (struct ahead_options){true, 1 << 10}, INT32_MAX, &rc), ALL_IDS);
    assert_int_equal(rc, RC_OK);
}

static void a_reader_may_end_while_the_next_row_group_is_on_its_way(void **state)
{
    struct story *s = *state;
    for (int batches = 0; batches < 4; batches++) {
        enum rc rc;
        read_batches(s, (struct ahead_options){true, 1 << 20}, batches, &rc);
        assert_int_equal(rc, RC_OK);
    }
}

static void a_request_that_fails_fails_the_read(void **state)
{
    struct story *s = *state;
    for (int i = 0; i < 2; i++) {
        for (int at = 1; at <= GROUPS + 2; at++) {
            enum rc rc;
            s->plan.calls = s->plan.fired = 0;
            s->plan.fault = FAULT_FAIL;
            s->plan.at = at;
            int64_t sum = read_batches(s, (struct ahead_options){i == 1, 1 << 20}, INT32_MAX, &rc);
            assert_true(rc == RC_UNAVAILABLE || (s->plan.fired == 0 && rc == RC_OK && sum == ALL_IDS));
        }
    }
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(a_row_group_is_one_request),
        STORY(without_the_memory_rows_come_as_the_reader_asks),
        STORY(a_reader_may_end_while_the_next_row_group_is_on_its_way),
        STORY(a_request_that_fails_fails_the_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

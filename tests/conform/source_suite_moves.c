/* A world that moves: the clock, open transactions, the ceiling, and rows that change while they are read. */
#include <unistd.h>

#include "conform/rows.h"
#include "conform/source_story.h"
#include "world/value.h"

static const struct range everything = {.kind = RANGE_ALL};

static void the_clock_is_the_sources(void **state)
{
    struct story *s = *state;
    int64_t us, later_us;
    OK(source_now(s->source, &us, &s->err));
    if (s->kind->quirks.has_own_clock) {
        OK(source_now(s->source, &later_us, &s->err));
        assert_in_range(later_us - us, 1, 60 * 1000000);
        return;
    }
    assert_int_equal(us, STORY_START_US);
    s->kind->set_now(s->world, STORY_START_US + 1234567);
    OK(source_now(s->source, &us, &s->err));
    assert_int_equal(us, STORY_START_US + 1234567);
}

/* min(clock, oldest open); false: the source says that it is busy. */
static bool bound_us(struct story *s, int64_t *ret)
{
    struct open_transactions open;
    enum rc rc = source_now(s->source, ret, &s->err);
    if (rc == RC_BUSY)
        return false;
    OK(rc);
    OK(source_oldest_open(s->source, &open, &s->err));
    assert_false(open.hidden);
    if (open.any && open.since_us < *ret)
        *ret = open.since_us;
    return true;
}

static struct range since(struct story *s, const struct table *table, int64_t lo_us, int64_t hi_us)
{
    char lo[CURSOR_TEXT], hi[CURSOR_TEXT];
    form_print(&table->form, lo_us, lo);
    form_print(&table->form, hi_us, hi);
    return (struct range){.kind = RANGE_CURSOR,
                          .lo = {.shape = POSITION_AT, .at = arena_text(&s->arena, lo)},
                          .hi = {.shape = POSITION_AT, .at = arena_text(&s->arena, hi)}};
}

/* Time passes: to `us`, or, where nobody sets the clock, by more than the second that lists of transactions cut off. */
static void time_passes(struct story *s, int64_t us)
{
    if (s->kind->quirks.has_own_clock)
        usleep(1100 * 1000);
    else
        s->kind->set_now(s->world, us);
}

static const char *stamped_row(struct story *s, const struct table *table, const char *id, int64_t us)
{
    char at[CURSOR_TEXT];
    form_print(&table->form, us, at);
    return arena_print(&s->arena, "%s|%s", id, at);
}

/* Now, as a statement inside of a transaction would stamp its row: not before that began. */
static int64_t stamp_inside(struct story *s, int64_t start)
{
    int64_t now;
    if (source_now(s->source, &now, &s->err) == RC_OK)
        return now;
    assert_true(s->kind->quirks.waits_for_writers);
    return start;
}

/* S20, S27: a row stamped early and committed late is never below a bound that was taken meanwhile. */
static void s27_a_row_that_commits_late_is_in_a_later_range(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! at:tss:!");
    const int64_t second = 1000000;
    int64_t start, before, after;
    make_table(s, "orders", schema, "id", "at", "");
    const struct table *table = describe_by(s, s->source, "orders", "at");
    OK(source_now(s->source, &start, &s->err));
    const char *first = stamped_row(s, table, "1", start - second);
    s->kind->put(s->world, "orders", schema, first);
    s->kind->begin(s->world);
    s->kind->put(s->world, "orders", schema, stamped_row(s, table, "2", start)); /* with which some begin only */
    int64_t stamp = stamp_inside(s, start);
    const char *second_row = stamped_row(s, table, "2", stamp);
    s->kind->put(s->world, "orders", schema, second_row);
    time_passes(s, start + 10 * second);
    if (!bound_us(s, &before)) {
        assert_true(s->kind->quirks.waits_for_writers);
        before = start;
    }
    assert_true(before <= stamp);
    struct range early = since(s, table, start - 60 * second, before),
                 late = since(s, table, before, stamp + 10 * second);
    AUTO_RELEASE(buf) first_line = {0};
    AUTO_RELEASE(buf) second_line = {0};
    buf_addf(&first_line, "%s\n", first);
    buf_addf(&second_line, "%s\n", second_row);
    range_has_rows(s, table, &early, first_line.at);
    s->kind->commit(s->world);
    assert_true(bound_us(s, &after));
    assert_true(s->kind->quirks.has_own_clock ? after > stamp : after == start + 10 * second);
    range_has_rows(s, table, &late, second_line.at);
}

static void the_ceiling_is_the_largest_key(void **state)
{
    struct story *s = *state;
    AUTO(schema) *numbers = schema_of("id:l!"), *texts = schema_of("id:u!");
    const char *ceiling;
    make_table(s, "numbers", numbers, "id", NULL, "-3\n9\n10\n");
    make_table(s, "texts", texts, "id", NULL, "10\n9\n");
    OK(source_ceiling(s->source, describe_by(s, s->source, "numbers", NULL), &s->arena, &ceiling, &s->err));
    assert_string_equal(ceiling, "10");
    OK(source_ceiling(s->source, describe_by(s, s->source, "texts", NULL), &s->arena, &ceiling, &s->err));
    assert_string_equal(ceiling, "9");
}

/* ---- the world moves while it is read ---- */

static void a_range_is_read_past_rows_that_move_and_go(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! at:tss:!");
    AUTO_RELEASE(buf) lines = {0};
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch;
    make_table(s, "orders", schema, "id", "at",
               "1|2024-01-01 00:00:01\n2|2024-01-01 00:00:02\n3|2024-01-01 00:00:03\n4|2024-01-01 00:00:04\n"
               "5|2024-01-01 00:00:05\n6|2024-01-01 00:00:06\n7|2024-01-01 00:00:07\n");
    const struct table *table = describe_by(s, s->source, "orders", "at");
    struct range range = {.kind = RANGE_CURSOR,
                          .lo = {.shape = POSITION_AT, .at = "2024-01-01 00:00:00"},
                          .hi = {.shape = POSITION_AT, .at = "2024-01-01 00:01:00"}};
    OK(source_read(s->source, table, &range, &reader, &s->err));
    OK(batch_reader_next(reader, &batch, &s->err));
    add_lines(batch, &lines);
    s->kind->put(s->world, "orders", schema, "2|2024-01-01 00:02:00"); /* read already, moves on */
    s->kind->delete (s->world, "orders", schema, "3");                 /* the last one that was read */
    s->kind->put(s->world, "orders", schema, "5|2024-01-01 00:02:00"); /* not read yet, moves above hi */
    for (;;) {
        OK(batch_reader_next(reader, &batch, &s->err));
        if (batch == NULL)
            break;
        add_lines(batch, &lines);
    }
    assert_string_equal(lines.at, s->kind->quirks.reads_one_view
                                      ? "1|2024-01-01 00:00:01\n2|2024-01-01 00:00:02\n3|2024-01-01 00:00:03\n"
                                        "4|2024-01-01 00:00:04\n5|2024-01-01 00:00:05\n6|2024-01-01 00:00:06\n"
                                        "7|2024-01-01 00:00:07\n"
                                      : "1|2024-01-01 00:00:01\n2|2024-01-01 00:00:02\n3|2024-01-01 00:00:03\n"
                                        "4|2024-01-01 00:00:04\n6|2024-01-01 00:00:06\n7|2024-01-01 00:00:07\n");
}

static void the_whole_table_is_one_snapshot(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! name:u");
    AUTO_RELEASE(buf) lines = {0};
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch;
    make_table(s, "orders", schema, "id", NULL, "1|a\n2|a\n3|a\n4|a\n5|a\n");
    const struct table *table = describe_by(s, s->source, "orders", NULL);
    OK(source_read(s->source, table, &everything, &reader, &s->err));
    OK(batch_reader_next(reader, &batch, &s->err));
    add_lines(batch, &lines);
    if (!s->kind->quirks.snapshot_blocks_writers) {
        s->kind->put(s->world, "orders", schema, "4|b");
        s->kind->delete (s->world, "orders", schema, "5");
    }
    OK(batch_reader_next(reader, &batch, &s->err));
    add_lines(batch, &lines);
    lines_sort(&lines);
    assert_string_equal(lines.at, "1|a\n2|a\n3|a\n4|a\n5|a\n");
    OK(batch_reader_next(reader, &batch, &s->err));
    assert_null(batch);
}

static void a_reader_that_is_given_up_leaves_the_source_as_it_was(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! name:u");
    make_table(s, "orders", schema, "id", NULL, "1|a\n2|a\n3|a\n4|a\n");
    const struct table *table = describe_by(s, s->source, "orders", NULL);
    struct range ids = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"9"}}};
    for (int i = 0; i < 2; i++) {
        const struct batch *batch;
        struct batch_reader *reader = NULL;
        int64_t us;
        OK(source_read(s->source, table, i == 0 ? &everything : &ids, &reader, &s->err));
        OK(batch_reader_next(reader, &batch, &s->err));
        batch_reader_free(reader);
        s->kind->put(s->world, "orders", schema, "5|b");
        OK(source_now(s->source, &us, &s->err));
    }
    range_has_rows(s, table, &everything, "1|a\n2|a\n3|a\n4|a\n5|b\n");
}

static const struct CMUnitTest stories[] = {
    STORY(the_clock_is_the_sources),        STORY(s27_a_row_that_commits_late_is_in_a_later_range),
    STORY(the_ceiling_is_the_largest_key),  STORY(a_range_is_read_past_rows_that_move_and_go),
    STORY(the_whole_table_is_one_snapshot), STORY(a_reader_that_is_given_up_leaves_the_source_as_it_was),
};
const struct source_stories source_suite_moves = STORIES(stories);

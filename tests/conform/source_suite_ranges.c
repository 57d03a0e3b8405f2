/* Ranges: whatever the types of cursor and key, chunks of every size put together are the range, once and in order. */
#include "conform/rows.h"
#include "conform/source_model.h"
#include "world/value.h"

/* What a position is after it was written to S and read back. */
static struct position through_json(struct story *s, const struct position *position)
{
    AUTO_RELEASE(buf) text = {0};
    struct position back;
    position_print(position, &text);
    OK(position_parse(text.at, &s->arena, &back, &s->err));
    assert_true(position_equal(position, &back));
    return back;
}

/* Cuts the range into chunks of `rows`, reads each, and returns all of it. */
static void read_in_chunks(struct story *s, struct source *source, const struct table *table, struct range range,
                           int rows, int page_rows, struct buf *out)
{
    const struct position end = range.hi;
    for (bool is_cut = true; is_cut;) {
        AUTO_RELEASE(buf) chunk = {0};
        struct range_facts facts;
        range.hi = end;
        struct position cut = end;
        OK(source_boundary(source, table, &range, rows, &s->arena, &cut, &is_cut, &s->err));
        range.hi = through_json(s, &cut);
        OK(source_facts(source, table, &range, &facts, &s->err));
        read_lines(s, source, table, &range, page_rows, &chunk);
        assert_int_equal(lines_count(&chunk), facts.rows);
        assert_true(is_cut ? facts.rows == rows : facts.rows <= rows);
        buf_add_str(out, buf_str(&chunk));
        range.lo = range.hi;
    }
}

/* S01, S25, S57, S89. */
static void chunks_of_every_size_are_the_range_without_gap_and_overlap(void **state)
{
    struct story *s = *state;
    static const enum range_kind kinds[] = {RANGE_WALK, RANGE_CURSOR, RANGE_KEY};
    for (int i = 0; i < MODEL_SHAPES; i++) {
        struct model model;
        char name[16];
        snprintf(name, sizeof(name), "shape %d", i);
        model_make(s, &model, &model_shapes[i], name);
        for (int k = 0; k < 3; k++) {
            AUTO_RELEASE(buf) expected = {0};
            int count = model_expect(&model, kinds[k], 1, 5, &expected);
            assert_true(count > MODEL_TICKS);
            for (int rows = 1; rows <= count + 1; rows++) {
                AUTO_RELEASE(buf) all = {0};
                read_in_chunks(s, s->source, model.table, model_range(s, &model, kinds[k]), rows, STORY_PAGE_ROWS,
                               &all);
                assert_string_equal(all.at, expected.at);
            }
        }
        schema_free(model.schema);
    }
}

static void pages_of_every_size_are_the_range(void **state)
{
    struct story *s = *state;
    static const enum range_kind kinds[] = {RANGE_WALK, RANGE_CURSOR, RANGE_KEY};
    struct model model;
    model_make(s, &model, &model_shapes[MODEL_SHAPES - 1], "orders");
    for (int page_rows = 1; page_rows <= MODEL_ROWS + 1; page_rows++) {
        AUTO(source) *source = s->kind->open(s->world, page_rows);
        const struct table *table = describe_by(s, source, "orders", "at");
        for (int k = 0; k < 3; k++) {
            AUTO_RELEASE(buf) expected = {0};
            AUTO_RELEASE(buf) all = {0};
            model_expect(&model, kinds[k], 1, 5, &expected);
            struct range range = model_range(s, &model, kinds[k]);
            read_lines(s, source, table, &range, page_rows, &all);
            assert_string_equal(all.at, expected.at);
        }
    }
    schema_free(model.schema);
}

/* ---- ranges that need no key ---- */

static const struct model_shape shape_without_key = {
    "id:l! at:tss: note:u", "", NULL, {.kind = FORM_TEXT, .separator = ' '}};

/* The cursor is the column before the note. */
static bool same_cursor(const struct model *model, const struct buf *a, int i, const struct buf *b, int j)
{
    const char *x = lines_from(a, i), *y = lines_from(b, j);
    for (int skip = schema_find(model->schema, "at"); skip > 0; skip--) {
        x = strchr(x, '|') + 1;
        y = strchr(y, '|') + 1;
    }
    size_t len = strcspn(x, "|");
    return len == strcspn(y, "|") && memcmp(x, y, len) == 0;
}

static void chunk_takes_whole_groups(const struct model *model, const struct buf *before, const struct buf *chunk,
                                     int rows)
{
    int count = (int)lines_count(chunk), last = (int)lines_count(before) - 1;
    assert_true(count <= rows || same_cursor(model, chunk, 0, chunk, count - 1));
    assert_true(last < 0 || count == 0 || !same_cursor(model, before, last, chunk, 0));
}

static void read_in_whole_groups(struct story *s, const struct model *model, struct range range, int rows,
                                 struct buf *out)
{
    const struct position end = range.hi;
    for (bool is_cut = true; is_cut;) {
        AUTO_RELEASE(buf) chunk = {0};
        struct position cut = end;
        range.hi = end;
        OK(source_boundary(s->source, model->table, &range, rows, &s->arena, &cut, &is_cut, &s->err));
        assert_int_equal(cut.key_count, 0);
        range.hi = through_json(s, &cut);
        read_lines(s, s->source, model->table, &range, STORY_PAGE_ROWS, &chunk);
        assert_true(!is_cut || chunk.len > 0);
        chunk_takes_whole_groups(model, out, &chunk, rows);
        buf_add_str(out, buf_str(&chunk));
        range.lo = range.hi;
    }
}

/* S25, S58, S89. */
static void a_range_that_needs_no_key_is_cut_between_groups_of_equal_cursors(void **state)
{
    struct story *s = *state;
    for (int i = 0; i <= MODEL_SHAPES; i++) {
        struct model model;
        char name[16];
        AUTO_RELEASE(buf) expected = {0};
        snprintf(name, sizeof(name), "time %d", i);
        model_make(s, &model, i < MODEL_SHAPES ? &model_shapes[i] : &shape_without_key, name);
        struct range range = {.kind = RANGE_TIME, .lo = model_at(s, &model, i % 2), .hi = model_at(s, &model, 5)};
        if (i % 2 == 0)
            range.lo = (struct position){0};
        int count = model_expect(&model, RANGE_CURSOR, i % 2, 5, &expected);
        lines_sort(&expected);
        for (int rows = 1; rows <= count + 1; rows++) {
            AUTO_RELEASE(buf) all = {0};
            read_in_whole_groups(s, &model, range, rows, &all);
            lines_sort(&all);
            assert_string_equal(all.at, expected.at);
        }
        schema_free(model.schema);
    }
}

static void a_range_of_times_without_an_end_is_counted_to_the_last_row(void **state)
{
    struct story *s = *state;
    for (int i = 0; i <= MODEL_SHAPES; i++) {
        struct model model;
        struct range_facts facts;
        char name[16];
        snprintf(name, sizeof(name), "open %d", i);
        model_make(s, &model, i < MODEL_SHAPES ? &model_shapes[i] : &shape_without_key, name);
        for (int tick = 0; tick <= MODEL_TICKS; tick++) {
            AUTO_RELEASE(buf) expected = {0};
            struct range range = {.kind = RANGE_TIME, .lo = model_at(s, &model, tick)};
            OK(source_facts(s->source, model.table, &range, &facts, &s->err));
            assert_int_equal(facts.rows, model_expect(&model, RANGE_CURSOR, tick, MODEL_TICKS, &expected));
            assert_int_equal(facts.row_bytes, 0); /* nothing else is asked of it */
        }
        schema_free(model.schema);
    }
}

/* ---- ranges beside each other, and of no rows ---- */

/* S92: the walk takes what lies below its hi; what moves above it meanwhile is the next range's. */
static void a_walk_and_the_cursor_ranges_after_it_take_every_row_once(void **state)
{
    struct story *s = *state;
    for (int hi = 0; hi <= MODEL_TICKS; hi++) {
        struct model model;
        char name[16];
        AUTO_RELEASE(buf) all = {0};
        AUTO_RELEASE(buf) expected = {0};
        snprintf(name, sizeof(name), "walk %d", hi);
        model_make(s, &model, &model_shapes[0], name);
        struct range walk = {.kind = RANGE_WALK, .hi = model_at(s, &model, hi)};
        struct range rest = {.kind = RANGE_CURSOR, .lo = walk.hi, .hi = model_at(s, &model, MODEL_TICKS)};
        read_in_chunks(s, s->source, model.table, walk, 2, STORY_PAGE_ROWS, &all);
        read_in_chunks(s, s->source, model.table, rest, 5, STORY_PAGE_ROWS, &all);
        model_expect(&model, RANGE_WALK, 0, hi, &expected);
        model_expect(&model, RANGE_CURSOR, hi, MODEL_TICKS, &expected);
        assert_string_equal(all.len ? all.at : "", expected.len ? expected.at : "");
        schema_free(model.schema);
    }
}

static void an_empty_range_has_no_rows_and_no_cut(void **state)
{
    struct story *s = *state;
    struct model model;
    model_make(s, &model, &model_shapes[0], "orders");
    struct range range = {
        .kind = RANGE_CURSOR, .lo = model_at(s, &model, MODEL_TICKS + 1), .hi = model_at(s, &model, MODEL_TICKS + 2)};
    struct range_facts facts;
    struct position cut = {0};
    bool is_cut = true;
    AUTO_RELEASE(buf) all = {0};
    OK(source_facts(s->source, model.table, &range, &facts, &s->err));
    assert_true(facts.rows == 0 && facts.row_bytes == 0);
    OK(source_boundary(s->source, model.table, &range, 1, &s->arena, &cut, &is_cut, &s->err));
    assert_true(!is_cut && cut.shape == POSITION_NONE);
    read_lines(s, s->source, model.table, &range, STORY_PAGE_ROWS, &all);
    assert_int_equal(all.len, 0);
    schema_free(model.schema);
}

static void rows_without_a_cursor_are_counted_and_in_no_range(void **state)
{
    struct story *s = *state;
    struct model model;
    model_make(s, &model, &model_shapes[0], "orders");
    struct range range = {.kind = RANGE_WALK, .hi = model_at(s, &model, MODEL_TICKS)};
    struct range_facts facts;
    OK(source_facts(s->source, model.table, &range, &facts, &s->err));
    assert_int_equal(facts.null_cursors, 3);
    assert_int_equal(facts.odd_cursors, 0);
    assert_int_equal(facts.rows, MODEL_ROWS - 3);
    assert_true(facts.row_bytes > 0);
    schema_free(model.schema);
}

/* They have a range of their own, which goes by the key; chunks of every size are it. */
static void rows_without_a_cursor_are_a_range_by_the_key(void **state)
{
    struct story *s = *state;
    for (int i = 0; i < MODEL_SHAPES; i++) {
        struct model model;
        char name[16];
        AUTO_RELEASE(buf) expected = {0};
        snprintf(name, sizeof(name), "null %d", i);
        model_make(s, &model, &model_shapes[i], name);
        model_expect(&model, RANGE_NULL, 0, 0, &expected);
        for (int rows = 1; rows <= 4; rows++) {
            AUTO_RELEASE(buf) all = {0};
            read_in_chunks(s, s->source, model.table, (struct range){.kind = RANGE_NULL}, rows, STORY_PAGE_ROWS, &all);
            assert_string_equal(all.at, expected.at);
        }
        schema_free(model.schema);
    }
}

/* sync repair: whatever their cursor is, also none. */
static void the_row_of_a_key_is_a_range_of_its_own(void **state)
{
    struct story *s = *state;
    for (int i = 0; i < MODEL_SHAPES; i++) {
        struct model model;
        char name[16];
        snprintf(name, sizeof(name), "row %d", i);
        model_make(s, &model, &model_shapes[i], name);
        for (int row = 0; row < MODEL_ROWS; row++) {
            AUTO_RELEASE(buf) expected = {0};
            AUTO_RELEASE(buf) found = {0};
            struct range range = {.kind = RANGE_ROW, .hi = model_key(s, &model, model.rows[row].line)};
            buf_addf(&expected, "%s\n", model.rows[row].line);
            read_lines(s, s->source, model.table, &range, STORY_PAGE_ROWS, &found);
            assert_string_equal(found.len ? found.at : "", expected.at);
        }
        schema_free(model.schema);
    }
}

static void a_key_that_is_gone_has_no_row(void **state)
{
    struct story *s = *state;
    struct model model;
    AUTO_RELEASE(buf) found = {0};
    model_make(s, &model, &model_shapes[MODEL_SHAPES - 1],
               "orders"); /* of two columns: the first is there, the second is another's */
    struct range range = {.kind = RANGE_ROW, .hi = {.shape = POSITION_AFTER, .key_count = 2, .key = {"g0", "777"}}};
    read_lines(s, s->source, model.table, &range, STORY_PAGE_ROWS, &found);
    assert_int_equal(found.len, 0);
    schema_free(model.schema);
}

/* What ends where others begin may begin with the first row there is. */
static void a_cursor_range_without_a_beginning_is_all_that_lies_before_its_end(void **state)
{
    struct story *s = *state;
    static const enum range_kind kinds[] = {RANGE_CURSOR, RANGE_TIME};
    struct model model;
    model_make(s, &model, &model_shapes[0], "orders");
    for (int k = 0; k < 2; k++) {
        AUTO_RELEASE(buf) expected = {0};
        AUTO_RELEASE(buf) all = {0};
        struct range range = {.kind = kinds[k], .hi = model_at(s, &model, 4)};
        model_expect(&model, RANGE_CURSOR, 0, 4, &expected);
        lines_sort(&expected);
        read_lines(s, s->source, model.table, &range, STORY_PAGE_ROWS, &all);
        lines_sort(&all);
        assert_string_equal(all.at, expected.at);
    }
    schema_free(model.schema);
}

/* A cursor of another form may lie anywhere, also below every mark: it is told, and not passed over. */
static void cursors_of_another_form_are_counted_and_not_passed_over(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! at:u");
    AUTO(batch_reader) *reader = NULL;
    struct range_facts facts;
    if (s->kind->quirks.cursors_are_declared)
        return;
    make_table(s, "odd", schema, "id", "at",
               "1|2024-01-01 00:00:00\n2|2024-01-01 00:00:01\n3|2024-1-1 00:00:00\n4|\n5|NULL\n");
    const struct table *table = describe_by(s, s->source, "odd", "at");
    struct range range = {.kind = RANGE_WALK, .hi = {.shape = POSITION_AT, .at = "2024-06-01 00:00:00"}};
    OK(source_facts(s->source, table, &range, &facts, &s->err));
    assert_int_equal(facts.odd_cursors, 2);
    assert_int_equal(facts.null_cursors, 1);
    if (s->kind->quirks.trusts_requests)
        return;
    REFUSED(source_read(s->source, table, &range, &reader, &s->err), RC_DATA, "2 rows");
    assert_null(reader);
}

static void the_whole_table_is_never_cut(void **state)
{
    struct story *s = *state;
    struct model model;
    model_make(s, &model, &model_shapes[0], "orders");
    struct range range = {.kind = RANGE_ALL};
    struct range_facts facts;
    struct position cut = {0};
    bool is_cut = true;
    AUTO_RELEASE(buf) all = {0};
    OK(source_boundary(s->source, model.table, &range, 1, &s->arena, &cut, &is_cut, &s->err));
    assert_false(is_cut);
    OK(source_facts(s->source, model.table, &range, &facts, &s->err));
    assert_int_equal(facts.rows, MODEL_ROWS);
    read_lines(s, s->source, model.table, &range, STORY_PAGE_ROWS, &all);
    assert_int_equal(lines_count(&all), MODEL_ROWS);
    schema_free(model.schema);
}

static const struct CMUnitTest stories[] = {
    STORY(chunks_of_every_size_are_the_range_without_gap_and_overlap),
    STORY(pages_of_every_size_are_the_range),
    STORY(a_range_that_needs_no_key_is_cut_between_groups_of_equal_cursors),
    STORY(a_range_of_times_without_an_end_is_counted_to_the_last_row),
    STORY(a_walk_and_the_cursor_ranges_after_it_take_every_row_once),
    STORY(an_empty_range_has_no_rows_and_no_cut),
    STORY(rows_without_a_cursor_are_counted_and_in_no_range),
    STORY(rows_without_a_cursor_are_a_range_by_the_key),
    STORY(the_row_of_a_key_is_a_range_of_its_own),
    STORY(a_key_that_is_gone_has_no_row),
    STORY(a_cursor_range_without_a_beginning_is_all_that_lies_before_its_end),
    STORY(cursors_of_another_form_are_counted_and_not_passed_over),
    STORY(the_whole_table_is_never_cut),
};
const struct source_stories source_suite_ranges = STORIES(stories);

/* Ranges: whatever the types of cursor and key, chunks of every size put together are the range, once and in order. */
#include <assert.h>
#include <stdlib.h>

#include "conform/rows.h"
#include "conform/source_story.h"
#include "world/value.h"

/* ---- a table whose cursors tie and are NULL now and then ---- */

struct shape {
    const char *columns, *key, *cursor_unit;
    struct form form; /* of the column `at` */
};
static const struct shape shapes[] = {
    {"id:l! at:tss: note:u", "id", NULL, {.kind = FORM_TEXT, .separator = ' '}},
    {"id:l! at:tsu:UTC note:u", "id", NULL, {.kind = FORM_TEXT, .separator = 'T', .z = true, .digits = 6}},
    {"id:l! at:l note:u", "id", "s", {.kind = FORM_EPOCH}},
    {"id:l! at:l note:u", "id", "ms", {.kind = FORM_EPOCH, .digits = 3}},
    {"id:l! at:tdD note:u", "id", NULL, {.kind = FORM_DATE}},
    {"id:u! at:tss: note:u", "id", NULL, {.kind = FORM_TEXT, .separator = ' '}},
    {"id:z! at:tsm: note:u", "id", NULL, {.kind = FORM_TEXT, .separator = ' ', .digits = 3}},
    {"grp:u! id:l! at:tss: note:u", "grp,id", NULL, {.kind = FORM_TEXT, .separator = ' '}},
};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]), ROWS = 24, TICKS = 6, LINE = 128, NO_TICK = -1 };

/* What the rows are, in numbers that sort as their values do. */
struct model_row {
    int tick, group, id;
    char line[LINE];
};

static void tick_text(const struct shape *shape, int tick, char ret[CURSOR_TEXT])
{
    form_print(&shape->form, STORY_START_US + (int64_t)(tick - TICKS) * 86400 * 1000000, ret);
}

static void model_row(const struct shape *shape, const struct schema *schema, int i, struct model_row *ret)
{
    int place = i * 11 % ROWS;
    bool has_group = strcmp(schema->fields[0].name, "grp") == 0;
    enum type type = schema->fields[has_group ? 1 : 0].type;
    char group[16] = "", id[32], at[CURSOR_TEXT] = "NULL";
    *ret = (struct model_row){
        .tick = i % 9 == 4 ? NO_TICK : i * 7 % TICKS, .group = has_group ? place % 3 : 0, .id = place};
    if (has_group)
        snprintf(group, sizeof(group), "g%d|", ret->group);
    if (type == TYPE_INT64)
        snprintf(id, sizeof(id), "%lld",
                 (long long)(place < 3          ? INT64_MIN + place
                             : place > ROWS - 3 ? INT64_MAX - ROWS + place
                                                : place - 9));
    else
        snprintf(id, sizeof(id), type == TYPE_BINARY ? "00%02xff" : "k %02x'", place);
    if (ret->tick != NO_TICK)
        tick_text(shape, ret->tick, at);
    snprintf(ret->line, LINE, "%s%s|%s|note %d", group, id, at, i);
}

struct model {
    const struct shape *shape;
    struct schema *schema;
    struct model_row rows[ROWS];
    const struct table *table;
};

static void model_make(struct story *s, struct model *model, const struct shape *shape, const char *name)
{
    *model = (struct model){.shape = shape, .schema = schema_of(shape->columns)};
    s->kind->create(s->world, name, model->schema, shape->key, "at");
    for (int i = 0; i < ROWS; i++) {
        model_row(shape, model->schema, i, &model->rows[i]);
        s->kind->put(s->world, name, model->schema, model->rows[i].line);
    }
    struct table_request request = {
        .name = name, .cursor = "at", .cursor_unit = shape->cursor_unit, .wants_cursor = true};
    OK(source_describe(s->source, &request, &model->table, &s->err));
    assert_true(form_equal(&model->table->form, &shape->form));
}

static int by_key(const void *a, const void *b)
{
    const struct model_row *x = a, *y = b;
    return x->group != y->group ? x->group - y->group : x->id - y->id;
}

static int by_cursor(const void *a, const void *b)
{
    const struct model_row *x = a, *y = b;
    return x->tick != y->tick ? x->tick - y->tick : by_key(a, b);
}

/* The rows from tick `from` to before tick `to` (KEY: all but those above the given one) as the range must give them.
 */
static int model_expect(const struct model *model, enum range_kind kind, int from, int to, struct buf *out)
{
    struct model_row sorted[ROWS];
    int count = 0;
    memcpy(sorted, model->rows, sizeof(sorted));
    qsort(sorted, ROWS, sizeof(*sorted), kind == RANGE_CURSOR ? by_cursor : by_key);
    for (int i = 0; i < ROWS; i++) {
        bool is_in = kind == RANGE_KEY || (sorted[i].tick != NO_TICK && sorted[i].tick < to &&
                                           (kind == RANGE_WALK || sorted[i].tick >= from));
        if (!is_in)
            continue;
        buf_addf(out, "%s\n", sorted[i].line);
        count++;
    }
    return count;
}

static struct position at_tick(struct story *s, const struct model *model, int tick)
{
    char text[CURSOR_TEXT];
    tick_text(model->shape, tick, text);
    return (struct position){.shape = POSITION_AT, .at = arena_text(&s->arena, text)};
}

static struct position key_of(struct story *s, const struct model *model, const char *row)
{
    char *line = arena_text(&s->arena, row);
    struct position position = {.shape = POSITION_AFTER, .key_count = model->table->key_count};
    for (int i = 0; i < position.key_count; i++) {
        position.key[i] = line;
        line = strchr(line, '|');
        *line++ = '\0';
    }
    return position;
}

static struct position at_last_key(struct story *s, const struct model *model)
{
    struct model_row sorted[ROWS];
    memcpy(sorted, model->rows, sizeof(sorted));
    qsort(sorted, ROWS, sizeof(*sorted), by_key);
    return key_of(s, model, sorted[ROWS - 1].line);
}

static struct range whole_range(struct story *s, const struct model *model, enum range_kind kind)
{
    struct range range = {.kind = kind, .hi = kind == RANGE_KEY ? at_last_key(s, model) : at_tick(s, model, 5)};
    if (kind == RANGE_CURSOR)
        range.lo = at_tick(s, model, 1);
    return range;
}

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

static int64_t lines_in(const struct buf *text)
{
    int64_t lines = 0;
    for (size_t i = 0; i < text->len; i++)
        lines += text->at[i] == '\n';
    return lines;
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
        assert_int_equal(lines_in(&chunk), facts.rows);
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
    for (int i = 0; i < SHAPES; i++) {
        struct model model;
        char name[16];
        snprintf(name, sizeof(name), "shape %d", i);
        model_make(s, &model, &shapes[i], name);
        for (int k = 0; k < 3; k++) {
            AUTO_RELEASE(buf) expected = {0};
            int count = model_expect(&model, kinds[k], 1, 5, &expected);
            assert_true(count > TICKS);
            for (int rows = 1; rows <= count + 1; rows++) {
                AUTO_RELEASE(buf) all = {0};
                read_in_chunks(s, s->source, model.table, whole_range(s, &model, kinds[k]), rows, STORY_PAGE_ROWS,
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
    model_make(s, &model, &shapes[SHAPES - 1], "orders");
    for (int page_rows = 1; page_rows <= ROWS + 1; page_rows++) {
        AUTO(source) *source = s->kind->open(s->world, page_rows);
        const struct table *table = describe_by(s, source, "orders", "at");
        for (int k = 0; k < 3; k++) {
            AUTO_RELEASE(buf) expected = {0};
            AUTO_RELEASE(buf) all = {0};
            model_expect(&model, kinds[k], 1, 5, &expected);
            struct range range = whole_range(s, &model, kinds[k]);
            read_lines(s, source, table, &range, page_rows, &all);
            assert_string_equal(all.at, expected.at);
        }
    }
    schema_free(model.schema);
}

/* ---- ranges that need no key ---- */

static const struct shape shape_without_key = {"id:l! at:tss: note:u", "", NULL, {.kind = FORM_TEXT, .separator = ' '}};

static const char *line_of(const struct buf *lines, int i)
{
    const char *at = lines->at;
    for (; i > 0; i--) {
        assert(at != NULL);
        at = strchr(at, '\n');
        assert(at != NULL);
        at++;
    }
    return at;
}

/* The cursor is the column before the note. */
static bool same_cursor(const struct model *model, const struct buf *a, int i, const struct buf *b, int j)
{
    const char *x = line_of(a, i), *y = line_of(b, j);
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
    int count = (int)lines_in(chunk), last = (int)lines_in(before) - 1;
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
    for (int i = 0; i <= SHAPES; i++) {
        struct model model;
        char name[16];
        AUTO_RELEASE(buf) expected = {0};
        snprintf(name, sizeof(name), "time %d", i);
        model_make(s, &model, i < SHAPES ? &shapes[i] : &shape_without_key, name);
        struct range range = {.kind = RANGE_TIME, .lo = at_tick(s, &model, i % 2), .hi = at_tick(s, &model, 5)};
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

/* ---- pieces ---- */

/* Reads all pieces; as many readers as there may be are open at once, and take turns. */
static void read_pieces(struct story *s, const struct table *table, const struct range *pieces, int count,
                        struct buf *out)
{
    int at_once = s->source->readers_max > 1 ? s->source->readers_max : 1;
    for (int first = 0; first < count; first += at_once) {
        struct batch_reader *readers[16] = {0};
        struct buf lines[16] = {{0}};
        int open = count - first < at_once ? count - first : at_once;
        for (int i = 0; i < open; i++)
            OK(source_read(s->source, table, &pieces[first + i], &readers[i], &s->err));
        for (int left = open; left > 0;) {
            for (int i = 0; i < open; i++) {
                const struct batch *batch = NULL;
                if (readers[i] == NULL)
                    continue;
                OK(batch_reader_next(readers[i], &batch, &s->err));
                if (batch != NULL) {
                    add_lines(batch, &lines[i]);
                    continue;
                }
                batch_reader_free(TAKE(readers[i]));
                left--;
            }
        }
        for (int i = 0; i < open; i++) {
            buf_add_str(out, buf_str(&lines[i]));
            buf_release(&lines[i]);
        }
    }
}

/* S57. */
static void pieces_of_a_range_are_the_range_without_gap_and_overlap(void **state)
{
    struct story *s = *state;
    static const enum range_kind kinds[] = {RANGE_WALK, RANGE_CURSOR, RANGE_KEY, RANGE_TIME};
    enum { PIECES_MAX = 9 };
    for (int i = 0; i < 4 * SHAPES; i++) {
        struct model model;
        char name[16];
        AUTO_RELEASE(buf) expected = {0};
        enum range_kind kind = kinds[i % 4];
        snprintf(name, sizeof(name), "pieces %d", i);
        model_make(s, &model, &shapes[i / 4], name);
        model_expect(&model, kind == RANGE_TIME ? RANGE_CURSOR : kind, 1, 5, &expected);
        lines_sort(&expected);
        struct range range = whole_range(s, &model, kind), pieces[PIECES_MAX];
        if (kind == RANGE_TIME)
            range.lo = at_tick(s, &model, 1);
        for (int wanted = 1; wanted <= PIECES_MAX; wanted++) {
            AUTO_RELEASE(buf) all = {0};
            int count = 0;
            OK(source_split(s->source, model.table, &range, wanted, &s->arena, pieces, &count, &s->err));
            assert_true(count >= 1 && count <= wanted);
            assert_true(position_equal(&pieces[0].lo, &range.lo) && position_equal(&pieces[count - 1].hi, &range.hi));
            for (int p = 0; p + 1 < count; p++)
                assert_true(pieces[p].kind == kind && position_equal(&pieces[p].hi, &pieces[p + 1].lo));
            read_pieces(s, model.table, pieces, count, &all);
            lines_sort(&all);
            assert_string_equal(all.at, expected.at);
        }
        schema_free(model.schema);
    }
}

/* Of texts that no server makes shorter, so that few rows fill several pages. */
static void wide_line(int id, struct buf *out)
{
    enum { LETTERS = 1500 };
    uint32_t chance = 12345u + (uint32_t)id;
    buf_addf(out, "%d|", id);
    for (int i = 0; i < LETTERS; i++, chance = chance * 1664525u + 1013904223u)
        buf_addf(out, "%c", 'a' + (int)(chance >> 24) % 26);
}

/* Several connections see one instant, whatever is committed after the split. */
static void pieces_of_a_whole_table_are_one_snapshot(void **state)
{
    struct story *s = *state;
    enum { WIDE_ROWS = 40, PIECES = 4 };
    AUTO(schema) *schema = schema_of("id:l! note:u");
    AUTO_RELEASE(buf) expected = {0};
    AUTO_RELEASE(buf) all = {0};
    struct batch_reader *readers[PIECES];
    struct range pieces[PIECES];
    int count = 0;
    s->kind->create(s->world, "wide", schema, "id", NULL);
    for (int id = 1; id <= WIDE_ROWS; id++) {
        AUTO_RELEASE(buf) line = {0};
        wide_line(id, &line);
        s->kind->put(s->world, "wide", schema, line.at);
        buf_addf(&expected, "%s\n", line.at);
    }
    const struct table *table = describe_by(s, s->source, "wide", NULL);
    OK(source_split(s->source, table, &(struct range){.kind = RANGE_ALL}, PIECES, &s->arena, pieces, &count, &s->err));
    assert_int_equal(count, s->source->shares_snapshot ? PIECES : 1);
    if (count > 1) { /* one reader's snapshot may begin with its first row */
        s->kind->put(s->world, "wide", schema, "7|changed");
        s->kind->put(s->world, "wide", schema, "99|new");
        s->kind->delete (s->world, "wide", schema, "3");
    }
    for (int i = 0; i < count; i++)
        OK(source_read(s->source, table, &pieces[i], &readers[i], &s->err));
    for (int i = 0; i < count; i++) {
        for (const struct batch *batch = NULL;;) {
            OK(batch_reader_next(readers[i], &batch, &s->err));
            if (batch == NULL)
                break;
            add_lines(batch, &all);
        }
        batch_reader_free(readers[i]);
    }
    lines_sort(&all);
    lines_sort(&expected);
    assert_int_equal(lines_in(&all), lines_in(&expected));
    for (int row = 0; row < WIDE_ROWS; row++) {
        const char *got = line_of(&all, row), *wanted = line_of(&expected, row);
        if (strncmp(got, wanted, strcspn(wanted, "\n") + 1) != 0)
            fail_msg("row %d is '%.40s', and was '%.40s'", row, got, wanted);
    }
    struct range_facts facts; /* the source answers as before */
    OK(source_facts(s->source, table, &(struct range){.kind = RANGE_ALL}, &facts, &s->err));
    assert_int_equal(facts.rows, WIDE_ROWS);
}

/* S92: the walk takes what lies below its hi; what moves above it meanwhile is the next range's. */
static void a_walk_and_the_cursor_ranges_after_it_take_every_row_once(void **state)
{
    struct story *s = *state;
    for (int hi = 0; hi <= TICKS; hi++) {
        struct model model;
        char name[16];
        AUTO_RELEASE(buf) all = {0};
        AUTO_RELEASE(buf) expected = {0};
        snprintf(name, sizeof(name), "walk %d", hi);
        model_make(s, &model, &shapes[0], name);
        struct range walk = {.kind = RANGE_WALK, .hi = at_tick(s, &model, hi)};
        struct range rest = {.kind = RANGE_CURSOR, .lo = walk.hi, .hi = at_tick(s, &model, TICKS)};
        read_in_chunks(s, s->source, model.table, walk, 2, STORY_PAGE_ROWS, &all);
        read_in_chunks(s, s->source, model.table, rest, 5, STORY_PAGE_ROWS, &all);
        model_expect(&model, RANGE_WALK, 0, hi, &expected);
        model_expect(&model, RANGE_CURSOR, hi, TICKS, &expected);
        assert_string_equal(all.len ? all.at : "", expected.len ? expected.at : "");
        schema_free(model.schema);
    }
}

static void an_empty_range_has_no_rows_and_no_cut(void **state)
{
    struct story *s = *state;
    struct model model;
    model_make(s, &model, &shapes[0], "orders");
    struct range range = {
        .kind = RANGE_CURSOR, .lo = at_tick(s, &model, TICKS + 1), .hi = at_tick(s, &model, TICKS + 2)};
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
    model_make(s, &model, &shapes[0], "orders");
    struct range range = {.kind = RANGE_WALK, .hi = at_tick(s, &model, TICKS)};
    struct range_facts facts;
    OK(source_facts(s->source, model.table, &range, &facts, &s->err));
    assert_int_equal(facts.null_cursors, 3);
    assert_int_equal(facts.odd_cursors, 0);
    assert_int_equal(facts.rows, ROWS - 3);
    assert_true(facts.row_bytes > 0);
    schema_free(model.schema);
}

/* They have a range of their own, which goes by the key; chunks of every size are it. */
static void rows_without_a_cursor_are_a_range_by_the_key(void **state)
{
    struct story *s = *state;
    for (int i = 0; i < SHAPES; i++) {
        struct model model;
        char name[16];
        AUTO_RELEASE(buf) expected = {0};
        snprintf(name, sizeof(name), "null %d", i);
        model_make(s, &model, &shapes[i], name);
        struct model_row sorted[ROWS];
        memcpy(sorted, model.rows, sizeof(sorted));
        qsort(sorted, ROWS, sizeof(*sorted), by_key);
        for (int row = 0; row < ROWS; row++) {
            if (sorted[row].tick == NO_TICK)
                buf_addf(&expected, "%s\n", sorted[row].line);
        }
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
    for (int i = 0; i < SHAPES; i++) {
        struct model model;
        char name[16];
        snprintf(name, sizeof(name), "row %d", i);
        model_make(s, &model, &shapes[i], name);
        for (int row = 0; row < ROWS; row++) {
            AUTO_RELEASE(buf) expected = {0};
            AUTO_RELEASE(buf) found = {0};
            struct range range = {.kind = RANGE_ROW, .hi = key_of(s, &model, model.rows[row].line)};
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
    model_make(s, &model, &shapes[SHAPES - 1],
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
    model_make(s, &model, &shapes[0], "orders");
    for (int k = 0; k < 2; k++) {
        AUTO_RELEASE(buf) expected = {0};
        AUTO_RELEASE(buf) all = {0};
        struct range range = {.kind = kinds[k], .hi = at_tick(s, &model, 4)};
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
    model_make(s, &model, &shapes[0], "orders");
    struct range range = {.kind = RANGE_ALL};
    struct range_facts facts;
    struct position cut = {0};
    bool is_cut = true;
    AUTO_RELEASE(buf) all = {0};
    OK(source_boundary(s->source, model.table, &range, 1, &s->arena, &cut, &is_cut, &s->err));
    assert_false(is_cut);
    OK(source_facts(s->source, model.table, &range, &facts, &s->err));
    assert_int_equal(facts.rows, ROWS);
    read_lines(s, s->source, model.table, &range, STORY_PAGE_ROWS, &all);
    assert_int_equal(lines_in(&all), ROWS);
    schema_free(model.schema);
}

const struct CMUnitTest source_range_stories[] = {
    STORY(chunks_of_every_size_are_the_range_without_gap_and_overlap),
    STORY(pages_of_every_size_are_the_range),
    STORY(a_range_that_needs_no_key_is_cut_between_groups_of_equal_cursors),
    STORY(pieces_of_a_range_are_the_range_without_gap_and_overlap),
    STORY(pieces_of_a_whole_table_are_one_snapshot),
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
const size_t source_range_count = sizeof(source_range_stories) / sizeof(source_range_stories[0]);

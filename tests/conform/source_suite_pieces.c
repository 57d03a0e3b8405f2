/* Pieces: what several readers read of a range is the range. */
#include "conform/rows.h"
#include "conform/source_model.h"
#include "world/value.h"

/* Reads all pieces; as many readers as there may be, and as they were split for, are open at once, and take turns. */
static void read_pieces(struct story *s, const struct table *table, const struct range *pieces, int count, int wanted,
                        struct buf *out)
{
    int at_once = s->source->readers_max > 1 ? s->source->readers_max : 1;
    at_once = at_once < wanted ? at_once : wanted;
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
    enum { READERS_MAX = 9 };
    for (int i = 0; i < 4 * MODEL_SHAPES; i++) {
        struct model model;
        char name[16];
        AUTO_RELEASE(buf) expected = {0};
        enum range_kind kind = kinds[i % 4];
        snprintf(name, sizeof(name), "pieces %d", i);
        model_make(s, &model, &model_shapes[i / 4], name);
        model_expect(&model, kind == RANGE_TIME ? RANGE_CURSOR : kind, 1, 5, &expected);
        lines_sort(&expected);
        struct range range = model_range(s, &model, kind), pieces[SOURCE_PIECES_MAX];
        if (kind == RANGE_TIME)
            range.lo = model_at(s, &model, 1);
        for (int wanted = 1; wanted <= READERS_MAX; wanted++) {
            AUTO_RELEASE(buf) all = {0};
            int count = 0;
            OK(source_split(s->source, model.table, &range, wanted, &s->arena, pieces, &count, &s->err));
            assert_in_range(count, 1, wanted > 1 ? SOURCE_PIECES_MAX : 1);
            assert_true(position_equal(&pieces[0].lo, &range.lo) && position_equal(&pieces[count - 1].hi, &range.hi));
            for (int p = 0; p + 1 < count; p++)
                assert_true(pieces[p].kind == kind && position_equal(&pieces[p].hi, &pieces[p + 1].lo));
            read_pieces(s, model.table, pieces, count, wanted, &all);
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
    enum { WIDE_ROWS = 40, READERS = 4 };
    AUTO(schema) *schema = schema_of("id:l! note:u");
    AUTO_RELEASE(buf) expected = {0};
    AUTO_RELEASE(buf) all = {0};
    struct range pieces[SOURCE_PIECES_MAX];
    int count = 0;
    s->kind->create(s->world, "wide", schema, "id", NULL);
    for (int id = 1; id <= WIDE_ROWS; id++) {
        AUTO_RELEASE(buf) line = {0};
        wide_line(id, &line);
        s->kind->put(s->world, "wide", schema, line.at);
        buf_addf(&expected, "%s\n", line.at);
    }
    const struct table *table = describe_by(s, s->source, "wide", NULL);
    OK(source_split(s->source, table, &(struct range){.kind = RANGE_ALL}, READERS, &s->arena, pieces, &count, &s->err));
    assert_in_range(count, s->source->shares_snapshot ? 2 : 1, s->source->shares_snapshot ? SOURCE_PIECES_MAX : 1);
    if (count > 1) { /* one reader's snapshot may begin with its first row */
        s->kind->put(s->world, "wide", schema, "7|changed");
        s->kind->put(s->world, "wide", schema, "99|new");
        s->kind->delete (s->world, "wide", schema, "3");
    }
    read_pieces(s, table, pieces, count, READERS, &all);
    lines_sort(&all);
    lines_sort(&expected);
    assert_int_equal(lines_count(&all), lines_count(&expected));
    for (int row = 0; row < WIDE_ROWS; row++) {
        const char *got = lines_from(&all, row), *wanted = lines_from(&expected, row);
        if (strncmp(got, wanted, strcspn(wanted, "\n") + 1) != 0)
            fail_msg("row %d is '%.40s', and was '%.40s'", row, got, wanted);
    }
    struct range_facts facts; /* the source answers as before */
    OK(source_facts(s->source, table, &(struct range){.kind = RANGE_ALL}, &facts, &s->err));
    assert_int_equal(facts.rows, WIDE_ROWS);
}

static const struct CMUnitTest stories[] = {
    STORY(pieces_of_a_range_are_the_range_without_gap_and_overlap),
    STORY(pieces_of_a_whole_table_are_one_snapshot),
};
const struct source_stories source_suite_pieces = STORIES(stories);

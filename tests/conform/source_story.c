#include "conform/source_story.h"

#include <stdlib.h>

#include "world/value.h"

static const struct source_kind *kind_under_test;

int source_story_begin(void **state)
{
    struct story *s = xcalloc(1, sizeof(*s));
    s->kind = kind_under_test;
    s->world = s->kind->setup();
    s->source = s->kind->open(s->world, STORY_PAGE_ROWS);
    *state = s;
    return 0;
}

int source_story_end(void **state)
{
    struct story *s = *state;
    source_free(s->source);
    s->kind->teardown(s->world);
    arena_release(&s->arena);
    free(s);
    return 0;
}

/* ---- words of the stories ---- */

void make_table(struct story *s, const char *name, const struct schema *schema, const char *key, const char *cursor,
                const char *rows)
{
    s->kind->create(s->world, name, schema, key, cursor);
    while (*rows != '\0') {
        size_t len = strcspn(rows, "\n");
        s->kind->put(s->world, name, schema, arena_str(&s->arena, (struct str){rows, len}));
        rows += len + (rows[len] == '\n');
    }
}

const struct table *describe_by(struct story *s, struct source *source, const char *name, const char *cursor)
{
    const struct table *table = NULL;
    struct table_request request = {.name = name, .cursor = cursor, .wants_cursor = cursor != NULL};
    OK(source_describe(source, &request, &table, &s->err));
    return table;
}

void check_profile(struct source *source, const struct table *table, const char *at)
{
    static const struct count_request all = {.range = {.kind = RANGE_ALL}};
    struct error err;
    AUTO(batch_reader) *reader = NULL;
    AUTO_RELEASE(profile) read, told;
    AUTO_RELEASE(key_list) changed = {0};
    AUTO_RELEASE(buf) lines = {0};
    const struct batch *batch = NULL;
    profile_init(&read, table->schema);
    profile_init(&told, table->schema);
    assert_int_equal(source_read(source, table, &all.range, &reader, &err), RC_OK);
    while (batch_reader_next(reader, &batch, &err) == RC_OK && batch != NULL)
        profile_add(&read, batch, NULL);
    batch_reader_free(TAKE(reader));
    if (source_profile(source, table, &all, &told, &changed, &err) != RC_OK)
        fail_msg("%s: %s", at, err.text);
    if (profile_compare(&(struct profile_side){"source", &read}, &(struct profile_side){"target", &told}, NULL, 100,
                        &lines) > 0)
        fail_msg("%s: %s", at, lines.at);
}

void add_lines(const struct batch *batch, struct buf *out)
{
    AUTO_RELEASE(arena) arena = {0};
    for (int64_t row = 0; row < batch->rows; row++) {
        for (int i = 0; i < batch->schema->count; i++) {
            struct value value = value_of(batch, i, row, &arena);
            buf_add_str(out, i > 0 ? S("|") : S(""));
            value_print(&value, &batch->schema->fields[i], out);
        }
        buf_add_str(out, S("\n"));
    }
}

void read_lines(struct story *s, struct source *source, const struct table *table, const struct range *range,
                int page_rows, struct buf *out)
{
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch = NULL;
    OK(source_read(source, table, range, &reader, &s->err));
    for (;;) {
        OK(batch_reader_next(reader, &batch, &s->err));
        if (batch == NULL)
            return;
        assert_in_range(batch->rows, 1, page_rows);
        add_lines(batch, out);
    }
}

void range_has_rows(struct story *s, const struct table *table, const struct range *range, const char *rows)
{
    AUTO_RELEASE(buf) lines = {0};
    read_lines(s, s->source, table, range, STORY_PAGE_ROWS, &lines);
    lines_sort(&lines);
    assert_string_equal(lines.len ? lines.at : "", rows);
}

int source_suite_run(const struct source_kind *kind)
{
    const struct source_stories *const parts[] = {&source_suite_table, &source_suite_moves, &source_suite_ranges,
                                                  &source_suite_pieces};
    struct CMUnitTest *all = NULL;
    size_t count = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        all = xrealloc(all, (count + parts[i]->count) * sizeof(*all));
        memcpy(all + count, parts[i]->items, parts[i]->count * sizeof(*all));
        count += parts[i]->count;
    }
    kind_under_test = kind;
    int failed = _cmocka_run_group_tests(kind->name, all, count, NULL, NULL);
    free(all);
    return failed;
}

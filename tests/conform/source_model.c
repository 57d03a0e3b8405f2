#include "conform/source_model.h"

#include <assert.h>
#include <stdlib.h>

#include "conform/rows.h"

const struct model_shape model_shapes[MODEL_SHAPES] = {
    {"id:l! at:tss: note:u", "id", NULL, {.kind = FORM_TEXT, .separator = ' '}},
    {"id:l! at:tsu:UTC note:u", "id", NULL, {.kind = FORM_TEXT, .separator = 'T', .z = true, .digits = 6}},
    {"id:l! at:l note:u", "id", "s", {.kind = FORM_EPOCH}},
    {"id:l! at:l note:u", "id", "ms", {.kind = FORM_EPOCH, .digits = 3}},
    {"id:l! at:tdD note:u", "id", NULL, {.kind = FORM_DATE}},
    {"id:u! at:tss: note:u", "id", NULL, {.kind = FORM_TEXT, .separator = ' '}},
    {"id:z! at:tsm: note:u", "id", NULL, {.kind = FORM_TEXT, .separator = ' ', .digits = 3}},
    {"grp:u! id:l! at:tss: note:u", "grp,id", NULL, {.kind = FORM_TEXT, .separator = ' '}},
};

static void tick_text(const struct model_shape *shape, int tick, char ret[CURSOR_TEXT])
{
    form_print(&shape->form, STORY_START_US + (int64_t)(tick - MODEL_TICKS) * 86400 * 1000000, ret);
}

static void row_make(const struct model_shape *shape, const struct schema *schema, int i, struct model_row *ret)
{
    int place = i * 11 % MODEL_ROWS;
    bool has_group = strcmp(schema->fields[0].name, "grp") == 0;
    enum type type = schema->fields[has_group ? 1 : 0].type;
    char group[16] = "", id[32], at[CURSOR_TEXT] = "NULL";
    *ret = (struct model_row){
        .tick = i % 9 == 4 ? MODEL_NO_TICK : i * 7 % MODEL_TICKS, .group = has_group ? place % 3 : 0, .id = place};
    if (has_group)
        snprintf(group, sizeof(group), "g%d|", ret->group);
    if (type == TYPE_INT64)
        snprintf(id, sizeof(id), "%lld",
                 (long long)(place < 3                ? INT64_MIN + place
                             : place > MODEL_ROWS - 3 ? INT64_MAX - MODEL_ROWS + place
                                                      : place - 9));
    else
        snprintf(id, sizeof(id), type == TYPE_BINARY ? "00%02xff" : "k %02x'", place);
    if (ret->tick != MODEL_NO_TICK)
        tick_text(shape, ret->tick, at);
    snprintf(ret->line, MODEL_LINE, "%s%s|%s|note %d", group, id, at, i);
}

void model_make(struct story *s, struct model *model, const struct model_shape *shape, const char *name)
{
    *model = (struct model){.shape = shape, .schema = schema_of(shape->columns)};
    s->kind->create(s->world, name, model->schema, shape->key, "at");
    for (int i = 0; i < MODEL_ROWS; i++) {
        row_make(shape, model->schema, i, &model->rows[i]);
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

int model_expect(const struct model *model, enum range_kind kind, int from, int to, struct buf *out)
{
    struct model_row sorted[MODEL_ROWS];
    int count = 0;
    memcpy(sorted, model->rows, sizeof(sorted));
    qsort(sorted, MODEL_ROWS, sizeof(*sorted), kind == RANGE_CURSOR ? by_cursor : by_key);
    for (int i = 0; i < MODEL_ROWS; i++) {
        bool has_tick = sorted[i].tick != MODEL_NO_TICK;
        bool is_in = kind == RANGE_NULL ? !has_tick
                                        : kind == RANGE_KEY || (has_tick && sorted[i].tick < to &&
                                                                (kind == RANGE_WALK || sorted[i].tick >= from));
        if (!is_in)
            continue;
        buf_addf(out, "%s\n", sorted[i].line);
        count++;
    }
    return count;
}

struct position model_at(struct story *s, const struct model *model, int tick)
{
    char text[CURSOR_TEXT];
    tick_text(model->shape, tick, text);
    return (struct position){.shape = POSITION_AT, .at = arena_text(&s->arena, text)};
}

struct position model_key(struct story *s, const struct model *model, const char *row)
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
    struct model_row sorted[MODEL_ROWS];
    memcpy(sorted, model->rows, sizeof(sorted));
    qsort(sorted, MODEL_ROWS, sizeof(*sorted), by_key);
    return model_key(s, model, sorted[MODEL_ROWS - 1].line);
}

struct range model_range(struct story *s, const struct model *model, enum range_kind kind)
{
    struct range range = {.kind = kind, .hi = kind == RANGE_KEY ? at_last_key(s, model) : model_at(s, model, 5)};
    if (kind == RANGE_CURSOR)
        range.lo = model_at(s, model, 1);
    return range;
}

int64_t lines_count(const struct buf *text)
{
    int64_t lines = 0;
    for (size_t i = 0; i < text->len; i++)
        lines += text->at[i] == '\n';
    return lines;
}

const char *lines_from(const struct buf *lines, int i)
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

#include "conform/target_story.h"

#include <stdlib.h>
#include <string.h>

const struct target_kind *dw_kind;
static const char *const key_id[] = {"id"};

int dw_begin_story(void **state)
{
    struct target_story *s = xcalloc(1, sizeof(*s));
    s->kind = dw_kind;
    s->database = s->kind->setup();
    s->target = s->kind->open(s->database);
    s->schema = schema_of("id:l! name:u at:tsm:");
    s->table = (struct target_table){.scope = DW_SCOPE,
                                     .name = "orders",
                                     .mode = MODE_MERGE,
                                     .schema = s->schema,
                                     .key = key_id,
                                     .key_count = 1,
                                     .cursor = "at"};
    *state = s;
    return 0;
}

int dw_end_story(void **state)
{
    struct target_story *s = *state;
    target_free(s->target);
    s->kind->teardown(s->database);
    schema_free(s->schema);
    arena_release(&s->arena);
    free(s);
    return 0;
}

struct target_move dw_move(const char *prev, const char *waybill)
{
    return (struct target_move){
        .prev = prev, .waybill = waybill, .pos = "{\"at\":\"2024-01-01\"}", .epoch = 1, .token = 1};
}

void dw_ready(struct target_story *s, enum mode mode)
{
    AUTO_RELEASE(buf) ddl = {0};
    s->table.mode = mode;
    OK(target_create_position(s->target, &s->table, DW_TARGET_ID, &s->err));
    OK(target_prepare(s->target, &s->table, false, &ddl, &s->err));
}

enum rc dw_take(struct target_story *s, struct target *target, struct staged_file *files, int count, int64_t *ret_rows)
{
    *ret_rows = 0;
    for (int i = 0; i < count && s->kind->stage != NULL; i++)
        s->kind->stage(s->database, &files[i]);
    if (target_loads_urls(target))
        return target_load_urls(target, files, count, ret_rows, &s->err);
    for (int i = 0; i < count; i++) {
        int64_t rows = 0;
        TRY(target_load_file(target, &files[i], &rows, &s->err));
        *ret_rows += rows;
    }
    return RC_OK;
}

enum rc dw_bring(struct target_story *s, struct target *target, const struct target_move *step, const char *text,
                 struct load_counts *ret)
{
    AUTO(rows) *rows = rows_new(s->table.schema, text);
    struct staged_file file = rows_file(rows, "file-00000.parquet");
    bool moved = false;
    int64_t count = 0;
    TRY(target_begin(target, &s->table, step, &moved, &s->err));
    assert_true(moved);
    TRY(dw_take(s, target, &file, 1, &count));
    assert_int_equal(count, rows_count(rows));
    return target_apply(target, count, ret, &s->err);
}

struct load_counts dw_load(struct target_story *s, const char *prev, const char *waybill, const char *text)
{
    struct load_counts counts = {0};
    struct target_move step = dw_move(prev, waybill);
    OK(dw_bring(s, s->target, &step, text, &counts));
    OK(target_commit(s->target, &s->err));
    return counts;
}

const char *dw_text(struct target_story *s, const char *text)
{
    AUTO_RELEASE(buf) plain = {0};
    for (const char *at = text; *at != '\0'; at++) {
        if (s->kind->has_no_year_zero && strncmp(at, "0000-01-01", 10) == 0) {
            buf_add_str(&plain, S("0001"));
            at += 3;
            continue;
        }
        if (!s->kind->has_no_nul || at[0] != '\\' || at[1] != '0')
            buf_add(&plain, at, 1);
    }
    return arena_text(&s->arena, plain.at);
}

void dw_holds(struct target_story *s, const char *text)
{
    AUTO(rows) *expected = rows_new(s->table.schema, text);
    AUTO_RELEASE(buf) want = {0}, have = {0};
    rows_print(expected, &want);
    s->kind->rows(s->database, s->table.name, s->table.schema, &have);
    assert_string_equal(or_empty(have.at), or_empty(want.at));
}

void dw_stands_at(struct target_story *s, const char *waybill)
{
    struct target_position at;
    OK(target_position(s->target, &s->table, &s->arena, &at, &s->err));
    assert_true(at.exists);
    assert_string_equal(at.waybill, waybill);
}

bool dw_begins(struct target_story *s, struct target *target, struct target_move step)
{
    bool moved = true;
    OK(target_begin(target, &s->table, &step, &moved, &s->err));
    return moved;
}

int target_suite_run(const struct target_kind *kind)
{
    dw_kind = kind;
    return target_suite_position() + target_suite_rows() + target_suite_prepare() + target_suite_deletes();
}

void dw_profiles(struct target_story *s, const char *text)
{
    AUTO(rows) *rows = rows_new(s->table.schema, text);
    struct staged_file file = rows_file(rows, "rows");
    AUTO(batch_reader) *reader = NULL;
    AUTO_RELEASE(profile) expected, told;
    AUTO_RELEASE(buf) lines = {0};
    const struct key_list nothing = {0};
    profile_init(&expected, s->table.schema);
    profile_init(&told, s->table.schema);
    OK(file.open(&file, &reader, &s->err));
    for (const struct batch *batch = NULL;;) {
        OK(batch_reader_next(reader, &batch, &s->err));
        if (batch == NULL)
            break;
        profile_add(&expected, batch, NULL);
    }
    OK(target_profile(s->target, &s->table, &nothing, &told, &s->err));
    if (profile_compare(&(struct profile_side){"source", &expected}, &(struct profile_side){"target", &told}, NULL, 100,
                        &lines) > 0)
        fail_msg("%s", lines.at);
}

#include "conform/load_story.h"

#include <stdlib.h>
#include <string.h>

struct load_story *load_story_new(struct target *target)
{
    static const char *const key_id[] = {"id"};
    struct load_story *s = xcalloc(1, sizeof(*s));
    s->target = target;
    s->schema = schema_of("id:l! name:u");
    s->table = (struct target_table){
        .scope = "p/orders", .name = "orders", .mode = MODE_MERGE, .schema = s->schema, .key = key_id, .key_count = 1};
    return s;
}

void load_story_free(struct load_story *s)
{
    target_free(s->target);
    schema_free(s->schema);
    arena_release(&s->arena);
    free(s);
}

void load_use_schema(struct load_story *s, const char *text)
{
    schema_free(s->schema);
    s->schema = schema_of(text);
    s->table.schema = s->schema;
}

enum rc load_prepare(struct load_story *s)
{
    AUTO_RELEASE(buf) ddl = {0};
    return target_prepare(s->target, &s->table, false, &ddl, &s->err);
}

void load_ready(struct load_story *s)
{
    OK(target_create_position(s->target, &s->table, "018f0000-0000-7000-8000-000000000001", &s->err));
    OK(load_prepare(s));
}

enum rc load_bring(struct load_story *s, struct target *target, const char *prev, const char *waybill, const char *text)
{
    AUTO(rows) *rows = rows_new(s->table.schema, text);
    struct staged_file file = rows_file(rows, "file-00000.parquet");
    const struct target_move move = {.prev = prev, .waybill = waybill, .pos = "{}", .token = 1};
    bool moved = false;
    int64_t count = 0;
    TRY(target_begin(target, &s->table, &move, &moved, &s->err));
    assert_true(moved);
    TRY(target_load_file(target, &file, &count, &s->err));
    return target_apply(target, rows_count(rows), &s->counts, &s->err);
}

void load_whole(struct load_story *s, const char *prev, const char *waybill, const char *text)
{
    OK(load_bring(s, s->target, prev, waybill, text));
    OK(target_commit(s->target, &s->err));
}

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

/* ---- S66 ---- */

static void load_under(struct load_story *s, const char *scope, const char *name, const struct schema *schema,
                       enum mode mode)
{
    static const char *const key[] = {"select", "a\"b"};
    s->table = (struct target_table){
        .scope = scope, .name = name, .mode = mode, .schema = schema, .key = key, .key_count = 2, .cursor = "t"};
    load_ready(s);
    load_whole(s, "", "w0", "a|b|c|d|e|f|g|h\n1|2|3|4|5|6|7|8\n");
    load_whole(s, "w0", "w1", "a|b|c|d|e|f|g|h\n1|2|3|4|5|6|7|8\n");
}

void load_odd_names(struct load_story *s, const char *own, print_rows_fn *print)
{
    static const char *const names[] = {"or\"der s",   "group",        "1st",
                                        "K\xc3\xa4se", "waybill_rows", "x';\n DROP TABLE waybill_position; --"};
    const char *const columns[] = {"select", "a\"b", own, "c0", "excluded", "t", "\xc3\xa4 \xe2\x82\xac", "s"};
    enum { NAMES = sizeof(names) / sizeof(names[0]), COLUMNS = sizeof(columns) / sizeof(columns[0]) };
    AUTO(schema) *schema = schema_new();
    for (int i = 0; i < COLUMNS; i++)
        schema_add(schema, &(struct field){.name = columns[i], .type = TYPE_UTF8, .nullable = true});
    char scope[16], name[64];
    for (int i = 0; i < NAMES; i++) {
        for (enum mode mode = MODE_APPEND; mode <= MODE_REPLACE; mode++) {
            AUTO_RELEASE(buf) have = {0};
            snprintf(scope, sizeof(scope), "p/%d%d", i, mode);
            snprintf(name, sizeof(name), "%s%.*s", names[i], mode, "__");
            load_under(s, scope, name, schema, mode);
            print(name, schema, &have);
            assert_string_equal(have.at, mode == MODE_APPEND
                                             ? "1|2|3|4|5|6|7|8\n1|2|3|4|5|6|7|8\na|b|c|d|e|f|g|h\na|b|c|d|e|f|g|h\n"
                                             : "1|2|3|4|5|6|7|8\na|b|c|d|e|f|g|h\n");
        }
    }
    OK(load_prepare(s)); /* and what is there fits */
}

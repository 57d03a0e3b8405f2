#include "conform/source_suite.h"

#include <stdlib.h>
#include <unistd.h>

#include "conform/rows.h"
#include "conform/source_story.h"
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

void source_story_well(const struct story *s, enum rc rc, const char *file, int line)
{
    if (rc != RC_OK)
        print_error("%s: %s\n", rc_name(rc), s->err.text);
    _assert_int_equal((LargestIntegralType)rc, RC_OK, file, line);
}

void source_story_refused(const struct story *s, enum rc got, enum rc wanted, const char *words, const char *file,
                          int line)
{
    _assert_int_equal((LargestIntegralType)got, (LargestIntegralType)wanted, file, line);
    bool found = strstr(s->err.text, words) != NULL || strstr(s->err.todo, words) != NULL;
    if (!found)
        print_error("'%s' is neither in '%s' nor in '%s'\n", words, s->err.text, s->err.todo);
    _assert_true(found, "says what it must", file, line);
}

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
    static const struct range everything = {.kind = RANGE_ALL};
    struct error err;
    AUTO(batch_reader) *reader = NULL;
    AUTO_RELEASE(profile) read, told;
    AUTO_RELEASE(key_list) changed = {0};
    AUTO_RELEASE(buf) lines = {0};
    const struct batch *batch = NULL;
    profile_init(&read, table->schema);
    profile_init(&told, table->schema);
    assert_int_equal(source_read(source, table, &everything, &reader, &err), RC_OK);
    while (batch_reader_next(reader, &batch, &err) == RC_OK && batch != NULL)
        profile_add(&read, batch, NULL);
    batch_reader_free(TAKE(reader));
    if (source_profile(source, table, &everything, NULL, 0, &told, &changed, &err) != RC_OK)
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

static const struct range everything = {.kind = RANGE_ALL};

static void has_rows(struct story *s, const struct table *table, const struct range *range, const char *rows)
{
    AUTO_RELEASE(buf) lines = {0};
    read_lines(s, s->source, table, range, STORY_PAGE_ROWS, &lines);
    lines_sort(&lines);
    assert_string_equal(lines.len ? lines.at : "", rows);
}

/* ---- what a table is ---- */

static void a_table_is_described_as_it_was_made(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema =
        schema_of(s->kind->quirks.has_no_bool ? "grp:u! flag:l n:l x:g name:u raw:z day:tdD at:tss: at_ms:tsm: "
                                                "at_us:tsu:UTC price:d:10,2 id:l! updated_at:tss:!"
                                              : "grp:u! flag:b n:l x:g name:u raw:z day:tdD at:tss: at_ms:tsm: "
                                                "at_us:tsu:UTC price:d:10,2 id:l! updated_at:tss:!");
    make_table(s, "orders", schema, "id,grp", "updated_at",
               s->kind->quirks.has_no_bool ? "g|1|1|0.5|ada|00ff|2024-02-29|2024-02-29 10:00:00|2024-02-29 "
                                             "10:00:00.500|2024-02-29T10:00:00.000001Z|12.50|7|2024-01-01 00:00:00\n"
                                           : "g|true|1|0.5|ada|00ff|2024-02-29|2024-02-29 10:00:00|2024-02-29 "
                                             "10:00:00.500|2024-02-29T10:00:00.000001Z|12.50|7|2024-01-01 00:00:00\n");
    const struct table *table = describe_by(s, s->source, "orders", "updated_at");
    assert_true(schema_equal(table->schema, schema));
    assert_string_equal(table->name, "orders");
    assert_int_equal(table->key_count, 2);
    assert_string_equal(table->schema->fields[table->key[0]].name, "id");
    assert_string_equal(table->schema->fields[table->key[1]].name, "grp");
    assert_string_equal(table->schema->fields[table->cursor].name, "updated_at");
    assert_false(table->cursor_found);
    assert_true(table->cursor_indexed);
    char form[FORM_TEXT_MAX];
    form_name(&table->form, form);
    assert_string_equal(form, "text 'YYYY-MM-DD HH:MM:SS'");
    for (int i = 0; i < schema->count; i++)
        assert_int_equal(table->schema->fields[i].nullable, schema->fields[i].nullable);
}

static void the_obvious_cursor_is_found_and_said_to_be(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! created:tss:! updated_at:tss:!");
    make_table(s, "orders", schema, "id", "updated_at", "1|2024-01-01 00:00:00|2024-01-02 00:00:00\n");
    const struct table *table = NULL;
    struct table_request request = {.name = "orders", .wants_cursor = true};
    OK(source_describe(s->source, &request, &table, &s->err));
    assert_true(table->cursor == 2 && table->cursor_found);
    request.wants_cursor = false;
    OK(source_describe(s->source, &request, &table, &s->err));
    assert_int_equal(table->cursor, -1);
    assert_int_equal(table->form.kind, FORM_NONE);
}

static void the_key_may_be_named(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! code:u! at:tss:");
    static const char *const code[] = {"code"};
    make_table(s, "orders", schema, "id", NULL, "1|b|NULL\n2|a|NULL\n");
    const struct table *table = NULL;
    struct table_request request = {.name = "orders", .key = code, .key_count = 1};
    OK(source_describe(s->source, &request, &table, &s->err));
    assert_true(table->key_count == 1 && table->key[0] == 1);
    struct range range = {.kind = RANGE_KEY,
                          .lo = {.shape = POSITION_AFTER, .key_count = 1, .key = {"a"}},
                          .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"b"}}};
    has_rows(s, table, &range, "1|b|NULL\n");
}

static void a_table_without_a_key_has_none(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("n:l name:u");
    make_table(s, "log", schema, "", NULL, "1|same\n1|same\n2|NULL\n");
    const struct table *table = describe_by(s, s->source, "log", NULL);
    assert_int_equal(table->key_count, 0);
    has_rows(s, table, &everything, "1|same\n1|same\n2|NULL\n");
}

static void a_table_that_is_not_there_is_not_found(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l!");
    const struct table *table = NULL;
    make_table(s, "orders", schema, "id", NULL, "");
    REFUSED(source_describe(s->source, &(struct table_request){.name = "ordrs"}, &table, &s->err), RC_NOT_FOUND,
            "ordrs");
    assert_null(table);
}

static void columns_that_are_not_there_are_refused(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! updated_at:tss:!");
    static const char *const key[] = {"idd"};
    static const struct column_override override = {"nam", "text"};
    const struct table *table = NULL;
    if (s->kind->quirks.trusts_requests)
        return;
    make_table(s, "orders", schema, "id", NULL, "");
    REFUSED(
        source_describe(s->source, &(struct table_request){.name = "orders", .cursor = "updatedat"}, &table, &s->err),
        RC_CONFIG, "updated_at");
    REFUSED(source_describe(s->source, &(struct table_request){.name = "orders", .key = key, .key_count = 1}, &table,
                            &s->err),
            RC_CONFIG, "idd");
    REFUSED(source_describe(s->source,
                            &(struct table_request){.name = "orders", .overrides = &override, .override_count = 1},
                            &table, &s->err),
            RC_CONFIG, "nam");
}

static void types_of_the_last_waybill_stay(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! at:tsm: name:u");
    make_table(s, "orders", schema, "id", "at", "1|2024-01-01 00:00:00.000|NULL\n");
    const struct table *first = describe_by(s, s->source, "orders", "at"), *again = NULL;
    AUTO(source) *other = s->kind->open(s->world, STORY_PAGE_ROWS);
    s->kind->delete (s->world, "orders", schema, "1");
    struct table_request request = {
        .name = "orders", .cursor = "at", .wants_cursor = true, .known = first->schema, .known_form = &first->form};
    OK(source_describe(other, &request, &again, &s->err));
    assert_true(schema_equal(first->schema, again->schema));
    assert_true(form_equal(&first->form, &again->form));
}

static void tables_are_listed_in_order(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l!");
    const char **names;
    int count;
    OK(source_tables(s->source, &s->arena, &names, &count, &s->err));
    assert_int_equal(count, 0);
    make_table(s, "log", schema, "id", NULL, "");
    make_table(s, "orders", schema, "id", NULL, "");
    OK(source_tables(s->source, &s->arena, &names, &count, &s->err));
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "log");
    assert_string_equal(names[1], "orders");
}

static void every_handle_gives_the_same_identity(void **state)
{
    struct story *s = *state;
    AUTO(source) *other = s->kind->open(s->world, STORY_PAGE_ROWS);
    const char *one, *two;
    OK(source_identity(s->source, &s->arena, &one, &s->err));
    OK(source_identity(other, &s->arena, &two, &s->err));
    assert_string_equal(one, two);
    assert_true(one[0] != '\0');
}

/* ---- values ---- */

/* S73. */
static void every_value_comes_out_as_it_went_in(void **state)
{
    struct story *s = *state;
    static const char usual[] =
        "1|true|9223372036854775807|1.7976931348623157e+308|null|00|9999-12-31|9999-12-31 "
        "23:59:59|9999-12-31 23:59:59.999|9999-12-31T23:59:59.999999Z|9999999999999.99\n"
        "2|false|-9223372036854775808|-4.9406564584124654e-324||ff00ff|0001-01-01|0001-01-01 "
        "00:00:00|1969-12-31 23:59:59.001|1969-12-31T23:59:59.999999Z|-9999999999999.99\n"
        "3|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL\n"
        "4|true|0|0.10000000000000001|\xC3\xA9\xF0\x9F\x9A\x9A 'q' \"d\"||2024-02-29|1970-01-01 "
        "00:00:00|2024-02-29 10:00:00.000|2024-02-29T10:00:00.100000Z|0.10\n"
        "5|false|1|inf|None|30|1970-01-01|1969-12-31 23:59:59|2024-02-29 "
        "10:00:00.999|1970-01-01T00:00:00.000000Z|12.00\n";
    const char *rows = s->kind->values_rows != NULL ? s->kind->values_rows : usual;
    AUTO(schema) *schema =
        schema_of(s->kind->values_schema != NULL
                      ? s->kind->values_schema
                      : "id:l! flag:b n:l x:g name:u raw:z day:tdD at:tss: at_ms:tsm: at_us:tsu:UTC price:d:15,2");
    make_table(s, "values", schema, "id", NULL, rows);
    const struct table *table = describe_by(s, s->source, "values", NULL);
    assert_true(schema_equal(table->schema, schema));
    has_rows(s, table, &everything, rows);
    check_profile(s->source, table, "values");
}

static void a_profile_comes_with_the_keys_of_what_has_changed(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! name:u at:tss:!");
    AUTO_RELEASE(profile) told;
    AUTO_RELEASE(key_list) keys;
    make_table(s, "orders", schema, "id", "at",
               "1|ada|2024-01-01 00:00:00\n2|bob|2024-01-02 00:00:00\n"
               "3|cy|2024-01-03 00:00:00\n4|dan|2024-01-03 00:00:00\n5|eve|2024-01-04 00:00:00\n");
    const struct table *table = describe_by(s, s->source, "orders", "at");
    char mark[CURSOR_TEXT], end[CURSOR_TEXT];
    form_print(&table->form, INT64_C(1704240000000000), mark); /* 2024-01-03 */
    form_print(&table->form, INT64_C(1717200000000000), end);
    const struct range loaded = {.kind = RANGE_CURSOR, .hi = {POSITION_AT, mark, 1, {"3"}}};
    const struct range changed = {
        .kind = RANGE_CURSOR, .lo = {POSITION_AT, mark, 1, {"3"}}, .hi = {.shape = POSITION_AT, .at = end}};
    profile_init(&told, table->schema);
    key_list_init(&keys, table->schema, table->key, table->key_count);
    OK(source_profile(s->source, table, &loaded, &changed, 1, &told, &keys, &s->err));
    assert_int_equal(told.rows, 3);
    assert_int_equal(keys.count, 2);
    assert_string_equal(keys.texts[0], "4");
    assert_string_equal(keys.texts[1], "5");
}

static void wide_rows_end_a_batch_early(void **state)
{
    struct story *s = *state;
    enum { WIDE = BATCH_BYTES / 2 + 1, ROWS = 4 };
    AUTO(schema) *schema = schema_of("id:l! body:u");
    AUTO(source) *source = s->kind->open(s->world, 1000);
    AUTO(batch_reader) *reader = NULL;
    const struct batch *batch;
    int64_t rows = 0;
    char *row = xcalloc(1, WIDE + 16);
    s->kind->create(s->world, "wide", schema, "id", NULL);
    for (int i = 0; i < ROWS; i++) {
        int head = snprintf(row, 16, "%d|", i);
        memset(row + head, 'a' + i, WIDE);
        s->kind->put(s->world, "wide", schema, row);
    }
    free(row);
    const struct table *table = describe_by(s, source, "wide", NULL);
    struct range range = {.kind = RANGE_KEY, .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {"9"}}};
    OK(source_read(source, table, &range, &reader, &s->err));
    for (;;) {
        OK(batch_reader_next(reader, &batch, &s->err));
        if (batch == NULL)
            break;
        for (int64_t i = 0; i < batch->rows; i++, rows++) {
            struct str body = batch_bytes(batch, 1, i);
            assert_true(body.len == WIDE && body.at[0] == 'a' + rows && body.at[WIDE - 1] == 'a' + rows);
        }
        assert_in_range(batch->rows, 1, s->kind->quirks.counts_no_bytes ? ROWS : 2);
    }
    assert_int_equal(rows, ROWS);
}

/* S43. */
static void an_empty_table_is_a_table(void **state)
{
    struct story *s = *state;
    AUTO(schema) *schema = schema_of("id:l! name:u updated_at:tss:!");
    make_table(s, "empty", schema, "id", "updated_at", "");
    const struct table *table = describe_by(s, s->source, "empty", "updated_at");
    const char *ceiling = "?";
    assert_true(schema_equal(table->schema, schema));
    has_rows(s, table, &everything, "");
    OK(source_ceiling(s->source, table, &s->arena, &ceiling, &s->err));
    assert_null(ceiling);
}

/* ---- the clock, open transactions, the ceiling ---- */

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
    has_rows(s, table, &early, first_line.at);
    s->kind->commit(s->world);
    assert_true(bound_us(s, &after));
    assert_true(s->kind->quirks.has_own_clock ? after > stamp : after == start + 10 * second);
    has_rows(s, table, &late, second_line.at);
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
    has_rows(s, table, &everything, "1|a\n2|a\n3|a\n4|a\n5|b\n");
}

static const struct CMUnitTest source_stories[] = {
    STORY(a_table_is_described_as_it_was_made),
    STORY(the_obvious_cursor_is_found_and_said_to_be),
    STORY(the_key_may_be_named),
    STORY(a_table_without_a_key_has_none),
    STORY(a_table_that_is_not_there_is_not_found),
    STORY(columns_that_are_not_there_are_refused),
    STORY(types_of_the_last_waybill_stay),
    STORY(tables_are_listed_in_order),
    STORY(every_handle_gives_the_same_identity),
    STORY(every_value_comes_out_as_it_went_in),
    STORY(a_profile_comes_with_the_keys_of_what_has_changed),
    STORY(wide_rows_end_a_batch_early),
    STORY(an_empty_table_is_a_table),
    STORY(the_clock_is_the_sources),
    STORY(s27_a_row_that_commits_late_is_in_a_later_range),
    STORY(the_ceiling_is_the_largest_key),
    STORY(a_range_is_read_past_rows_that_move_and_go),
    STORY(the_whole_table_is_one_snapshot),
    STORY(a_reader_that_is_given_up_leaves_the_source_as_it_was),
};

int source_suite_run(const struct source_kind *kind)
{
    enum { STORIES = sizeof(source_stories) / sizeof(source_stories[0]) };
    struct CMUnitTest *all = xcalloc(STORIES + source_range_count, sizeof(*all));
    memcpy(all, source_stories, sizeof(source_stories));
    memcpy(all + STORIES, source_range_stories, source_range_count * sizeof(*all));
    kind_under_test = kind;
    int failed = _cmocka_run_group_tests(kind->name, all, STORIES + source_range_count, NULL, NULL);
    free(all);
    return failed;
}

#include "unit/postgres_story.h"

#include <stdlib.h>

#include "world/value.h"

atomic_int pg_stop;
bool pg_times_are_numbers;

/* What a story that has failed left open would hold its tables for ever. */
void pg_clean(void)
{
    postgres_run("SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity"
                 " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
    postgres_run("DROP SCHEMA IF EXISTS " PG_SCHEMA " CASCADE; CREATE SCHEMA " PG_SCHEMA);
}

void pg_run(const char *sql)
{
    AUTO_RELEASE(buf) all = {0};
    buf_addf(&all, "SET search_path = " PG_SCHEMA "; %s", sql);
    postgres_run(all.at);
}

const char *pg_query(const char *sql)
{
    postgres_run("SET search_path = " PG_SCHEMA "; SET timezone = 'UTC'; SET bytea_output = hex");
    return postgres_query(sql);
}

struct postgres_target_options pg_options(void)
{
    struct postgres_target_options options = {
        .address = postgres_address(), .schema = PG_SCHEMA, .fence_patience_ms = PG_PATIENCE_MS};
    options.address.lock_ms = PG_LOCK_MS;
    options.address.idle_ms = PG_IDLE_MS;
    return options;
}

struct target *pg_target_as(const struct postgres_target_options *options)
{
    struct target *target = NULL;
    struct error err;
    struct opening with = {.clock = clock_real(), .random = random_real(), .stop = &pg_stop};
    assert_int_equal(postgres_target_open("dw", options, &with, &target, &err), RC_OK);
    return target;
}

struct target *pg_target(void)
{
    struct postgres_target_options options = pg_options();
    return pg_target_as(&options);
}

/* ---- what is stored ---- */

static void add_expression(const struct field *field, struct buf *sql)
{
    AUTO_RELEASE(buf) name = {0};
    pq_quote(&name, field->name);
    switch (field->type) {
    case TYPE_BINARY: buf_addf(sql, "encode(%s, 'hex')", name.at); return;
    case TYPE_BOOL: buf_addf(sql, "%s::integer", name.at); return;
    case TYPE_DATE: buf_addf(sql, "%s - date '1970-01-01'", name.at); return;
    case TYPE_TIME:
        if (pg_times_are_numbers) {
            buf_add_str(sql, buf_str(&name));
            return;
        }
        __attribute__((fallthrough));
    case TYPE_TIMESTAMP: buf_addf(sql, "(extract(epoch FROM %s) * 1000000)::bigint", name.at); return;
    default: buf_addf(sql, "%s::text", name.at);
    }
}

static struct value value_of_text(const char *text, const struct field *field, struct arena *arena)
{
    static const int64_t us[] = {[UNIT_SECOND] = 1000000, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1};
    int64_t number = 0;
    switch (field->type) {
    case TYPE_FLOAT: return (struct value){.real = (double)strtof(text, NULL)};
    case TYPE_DOUBLE: return (struct value){.real = strtod(text, NULL)};
    case TYPE_UTF8: return (struct value){.bytes = str(text)};
    case TYPE_BINARY:
    case TYPE_DECIMAL: return value_parse(field, str(text), arena);
    default: assert_true(str_to_int64(str(text), &number));
    }
    if (field->type == TYPE_TIMESTAMP) {
        assert_int_equal(number % us[field->unit], 0);
        number /= us[field->unit];
    }
    return (struct value){.number = number};
}

void pg_print_rows(const char *table, const struct schema *schema, struct buf *out)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(pq_answer) rows = {0};
    AUTO(pq) *db = NULL;
    struct pq_address address = postgres_address();
    struct error err = {0};
    buf_add_str(&sql, S("SELECT "));
    for (int i = 0; i < schema->count; i++) {
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        add_expression(&schema->fields[i], &sql);
    }
    buf_add_str(&sql, S(" FROM " PG_SCHEMA "."));
    pq_quote(&sql, table);
    assert_int_equal(pq_open(&address, clock_real(), NULL, &db, &err), RC_OK);
    if (pq_query(db, sql.at, 0, NULL, &rows, &err) != RC_OK)
        fail_msg("%s: %s", sql.at, err.text);
    for (int row = 0; row < pq_rows(&rows); row++) {
        for (int i = 0; i < schema->count; i++) {
            struct value value = {.null = pq_is_null(&rows, row, i)};
            if (!value.null)
                value = value_of_text(pq_text(&rows, row, i), &schema->fields[i], &arena);
            value_print(&value, &schema->fields[i], out);
            buf_add_str(out, i + 1 < schema->count ? S("|") : S("\n"));
        }
    }
    lines_sort(out);
}

/* ---- a story ---- */

int pg_begin_story(void **state)
{
    pg_clean();
    pg_stop = 0;
    *state = load_story_new(pg_target());
    return 0;
}

int pg_end_story(void **state)
{
    load_story_free(*state);
    return 0;
}

void pg_is_refused(struct load_story *s, const char *text, enum rc rc, const char *word)
{
    AUTO_RELEASE(buf) before = {0}, after = {0};
    const char *where = "SELECT waybill FROM " PG_SCHEMA ".waybill_position WHERE scope = 'p/orders'";
    char stood[64];
    snprintf(stood, sizeof(stood), "%s", postgres_query(where));
    stood[strcspn(stood, "\n")] = '\0';
    pg_print_rows(s->table.name, s->schema, &before);
    assert_int_equal(load_bring(s, s->target, stood, "refused", text), rc);
    SAYS(word);
    target_rollback(s->target);
    pg_print_rows(s->table.name, s->schema, &after);
    assert_string_equal(or_empty(before.at), or_empty(after.at));
    assert_memory_equal(postgres_query(where), stood, strlen(stood));
}

/* The PostgreSQL source keeps a source's promises on a real server. What only PostgreSQL does is told in
 * test_source_postgres_types.c and test_source_postgres_open.c. */
#include <string.h>

#include "conform/source_suite.h"
#include "connect/postgres/source.h"
#include "unit/postgres_story.h"
#include "world/value.h"

/* The key of each table, for rows that replace each other. */
static struct {
    char table[40], key[40];
} tables[32];
static int table_count;

static void *setup(void)
{
    pg_clean();
    table_count = 0;
    return &postgres;
}
static void teardown(void *world) {}

static struct source *open_source(void *world, int rows)
{
    struct opening with = {.clock = clock_real(), .random = random_real()};
    struct postgres_source_options options = {
        .address = postgres_address(), .schema = PG_SCHEMA, .connections = 4, .batch_rows = rows};
    struct source *source = NULL;
    struct error err;
    if (postgres_source_open("shop", &options, &with, &source, &err) != RC_OK)
        fail_msg("%s", err.text);
    return source;
}

static void declare(struct buf *sql, const struct field *field)
{
    static const char *const types[] = {
        [TYPE_BOOL] = "boolean", [TYPE_INT16] = "smallint", [TYPE_INT32] = "integer",
        [TYPE_INT64] = "bigint", [TYPE_FLOAT] = "real",     [TYPE_DOUBLE] = "double precision",
        [TYPE_UTF8] = "text",    [TYPE_BINARY] = "bytea",   [TYPE_DATE] = "date",
        [TYPE_TIME] = "time",
    };
    pq_quote(sql, field->name);
    if (field->type == TYPE_DECIMAL)
        buf_addf(sql, " numeric(%d,%d)", field->precision, field->scale);
    else if (field->type == TYPE_TIMESTAMP)
        buf_addf(sql, " timestamp%s(%d)", field->utc ? "tz" : "", (int)field->unit * 3);
    else
        buf_addf(sql, " %s", types[field->type]);
    buf_addf(sql, " %s, ", field->nullable ? "NULL" : "NOT NULL");
}

static void create(void *world, const char *table, const struct schema *schema, const char *key, const char *cursor)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "DROP TABLE IF EXISTS \"%s\"; CREATE TABLE \"%s\" (", table, table);
    for (int i = 0; i < schema->count; i++)
        declare(&sql, &schema->fields[i]);
    if (key[0] != '\0')
        buf_addf(&sql, "PRIMARY KEY (%s), ", key);
    memcpy(sql.at + sql.len - 2, ")", 2);
    sql.len--;
    if (cursor != NULL)
        buf_addf(&sql, "; CREATE INDEX ON \"%s\" (%s)", table, cursor);
    pg_run(sql.at);
    snprintf(tables[table_count].table, sizeof(tables[0].table), "%s", table);
    snprintf(tables[table_count++].key, sizeof(tables[0].key), "%s", key);
}

static void add_literal(struct buf *sql, const struct field *field, struct str text)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) bytes = {0};
    struct value value = value_parse(field, text, &arena);
    if (value.null) {
        buf_add_str(sql, S("NULL"));
    } else if (field->type == TYPE_UTF8) {
        pq_literal(sql, value.bytes);
    } else if (field->type == TYPE_BINARY) {
        buf_add_str(&bytes, S("\\x"));
        buf_add_str(&bytes, text);
        pq_literal(sql, buf_str(&bytes));
    } else {
        pq_literal(sql, text);
    }
}

static const char *key_of(const char *table)
{
    for (int i = table_count - 1; i >= 0; i--) {
        if (strcmp(tables[i].table, table) == 0)
            return tables[i].key;
    }
    return "";
}

static void put(void *world, const char *table, const struct schema *schema, const char *row)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SET timezone = 'UTC'; INSERT INTO \"%s\" VALUES (", table);
    for (int i = 0; i < schema->count; i++) {
        size_t len = strcspn(row, "|\n");
        buf_add_str(&sql, i > 0 ? S(", ") : S(""));
        add_literal(&sql, &schema->fields[i], (struct str){row, len});
        row += len + (row[len] == '|');
    }
    buf_add_str(&sql, S(")"));
    if (key_of(table)[0] != '\0') {
        buf_addf(&sql, " ON CONFLICT (%s) DO UPDATE SET ", key_of(table));
        for (int i = 0; i < schema->count; i++)
            buf_addf(&sql, "%s\"%s\" = excluded.\"%s\"", i > 0 ? ", " : "", schema->fields[i].name,
                     schema->fields[i].name);
    }
    pg_run(sql.at);
}

static void delete (void *world, const char *table, const struct schema *schema, const char *key)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "DELETE FROM \"%s\" WHERE id = '%s' RETURNING 1", table, key);
    assert_string_equal(pg_query(sql.at), "1\n");
}

static void begin(void *world) { pg_run("BEGIN"); }
static void commit(void *world) { pg_run("COMMIT"); }

int main(void)
{
    const struct source_kind kind = {
        .name = "source: PostgreSQL",
        .quirks = {.has_own_clock = true, .reads_one_view = true, .cursors_are_declared = true},
        .setup = setup,
        .teardown = teardown,
        .open = open_source,
        .create = create,
        .put = put,
        .delete = delete,
        .begin = begin,
        .commit = commit,
    };
    if (!postgres_start())
        return POSTGRES_MISSING;
    int failed = source_suite_run(&kind);
    postgres_stop();
    return failed;
}

/* The PostgreSQL target keeps a target's promises. */
#include "conform/target_suite.h"
#include "unit/postgres_story.h"

static void *setup(void)
{
    pg_clean();
    return &postgres;
}

static void teardown(void *database) {}
static struct target *open_target(void *database) { return pg_target(); }

static void print_rows(void *database, const char *table, const struct schema *schema, struct buf *out)
{
    pg_print_rows(table, schema, out);
}

static void run(void *database, const char *sql) { pg_run(sql); }

static bool has_table(void *database, const char *table)
{
    AUTO_RELEASE(buf) sql = {0};
    buf_addf(&sql, "SELECT to_regclass('" PG_SCHEMA ".%s') IS NOT NULL", table);
    return strcmp(postgres_query(sql.at), "t\n") == 0;
}

static const struct target_kind kind = {
    .name = "target: PostgreSQL",
    .setup = setup,
    .teardown = teardown,
    .open = open_target,
    .rows = print_rows,
    .has_table = has_table,
    .run = run,
    .waits = true,
    .fence_ends_loads = true,
    .has_no_nul = true,
};

int main(void)
{
    if (!postgres_start())
        return POSTGRES_MISSING;
    int failed = target_suite_run(&kind);
    postgres_stop();
    return failed;
}

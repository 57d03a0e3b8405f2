/* The Redshift target keeps a target's promises. */
#include "conform/target_suite.h"
#include "unit/postgres_story.h"
#include "unit/redshift_standin.h"

static void *setup(void)
{
    pg_clean();
    return &standin;
}

static void teardown(void *database) {}
static struct target *open_target(void *database) { return standin_target(); }
static void stage(void *database, struct staged_file *file) { standin_stage(file); }

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
    .name = "target: Redshift",
    .setup = setup,
    .teardown = teardown,
    .open = open_target,
    .rows = print_rows,
    .has_table = has_table,
    .run = run,
    .waits = true,
    .fence_ends_loads = true,
    .has_no_nul = true,
    .has_no_year_zero = true, /* the stand-in's PostgreSQL writes it in another way */
    .stage = stage,
    .enforces_no_keys = true,
    .reads_in_any_order = true,
};

int main(void)
{
    if (!standin_start(NULL))
        return STANDIN_MISSING;
    pg_times_are_numbers = true;
    int failed = target_suite_run(&kind);
    standin_stop();
    return failed;
}

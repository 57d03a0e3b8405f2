#include "cli/sync_report.h"

#include "cli/print.h"
#include "move/mend.h"
#include "move/route.h"

/* ---- tables ---- */

static void add_count(struct text_table *table, int64_t number)
{
    char text[HUMAN_TEXT];
    human_count(number, text);
    text_table_add(table, text);
}

/* Without a source the files are those that were loaded. */
static void add_table(struct text_table *table, const struct route *r)
{
    const struct table_result *result = &r->result;
    bool extracts = route_extracts(r);
    int64_t bytes = extracts ? result->bytes_staged : result->bytes_loaded;
    text_table_add(table, r->config->name);
    add_count(table, result->rows_extracted);
    add_count(table, result->rows_loaded);
    add_count(table, extracts ? result->waybills : result->loads);
    add_count(table, extracts ? result->files_created : result->files_loaded);
    text_table_addf(table, "%.2f", (double)bytes / 1e6);
    text_table_addf(table, "%.2f", (double)(result->ended_us - result->started_us) / 1e6);
    text_table_add(table, result->skipped             ? "skipped"
                          : !result->through          ? rc_name(result->error.rc)
                          : result->error.rc == RC_OK ? "success"
                                                      : "audit failed");
}

static void print_warnings(struct cli *cli, const struct route *r)
{
    const struct table_result *result = &r->result;
    char rows[HUMAN_TEXT];
    if (result->warning != NULL) {
        fprintf(cli->out, "warning: ");
        print_safe(cli->out, r->config->name);
        fprintf(cli->out, ": %s\n", result->warning);
    }
    if (result->null_cursors > 0 && result->through) {
        human_count(result->null_cursors, rows);
        fprintf(cli->out, "warning: ");
        print_safe(cli->out, r->config->name);
        fprintf(cli->out,
                r->config->null_cursor == NULL_CURSOR_INCLUDE
                    ? ": %s rows without a cursor were read along (null_cursor: include)\n"
                    : ": %s rows without a cursor were left out (null_cursor: exclude)\n",
                rows);
    }
    if (result->rows_quarantined > 0) {
        human_count(result->rows_quarantined, rows);
        fprintf(cli->out, "warning: ");
        print_safe(cli->out, r->config->name);
        fprintf(cli->out, ": %s rows do not fit, and were set aside (quarantine: %lld)\n", rows,
                (long long)r->config->quarantine);
    }
    if (result->rows_gone > 0) {
        human_count(result->rows_gone, rows);
        print_safe(cli->out, r->config->name);
        fprintf(cli->out, ": %s of the keys are not in the source%s\n", rows,
                r->run->options.repair->delete_gone ? "" : "; --delete-gone deletes them in the target");
    }
    if (result->rows_deleted > 0) {
        human_count(result->rows_deleted, rows);
        print_safe(cli->out, r->config->name);
        fprintf(cli->out, ": %s rows were gone from the source, and %s\n", rows,
                r->config->soft_delete != NULL ? "are noted as deleted" : "were deleted");
    }
    if (result->zero_dates > 0 && result->through) {
        human_count(result->zero_dates, rows);
        fprintf(cli->out, "warning: ");
        print_safe(cli->out, r->config->name);
        fprintf(cli->out, ": %s dates that are none became NULL (zero_dates: null)\n", rows);
    }
}

/* "200 tables, 1 not through: 1,234,567 rows extracted, 1,230,000 loaded, 24.1 MB in 3m07s" */
static void print_total(struct cli *cli, const struct run *run)
{
    int64_t extracted = 0, loaded = 0, bytes = 0, left = 0;
    char rows[HUMAN_TEXT], rows_loaded[HUMAN_TEXT], size[HUMAN_TEXT], time[HUMAN_TEXT];
    for (int i = 0; i < run->route_count; i++) {
        const struct table_result *result = &run->routes[i].result;
        extracted += result->rows_extracted;
        loaded += result->rows_loaded;
        bytes += route_extracts(&run->routes[i]) ? result->bytes_staged : result->bytes_loaded;
        left += result->error.rc != RC_OK;
    }
    human_count(extracted, rows);
    human_count(loaded, rows_loaded);
    human_bytes(bytes, size);
    human_time((run->ended_us - run->started_us + 500000) / 1000000, time);
    fprintf(cli->out, "%d tables, ", run->route_count);
    if (left > 0)
        fprintf(cli->out, "%lld not through", (long long)left);
    else
        fputs("all through", cli->out);
    fprintf(cli->out, ": %s rows extracted, %s loaded, %s in %s\n", rows, rows_loaded, size, time);
}

void sync_report_tables(struct cli *cli, const struct run *run)
{
    AUTO_RELEASE(text_table) table = {.columns = 8, .right = 0x7E};
    static const char *const heads[] = {"table", "extracted", "loaded", "waybills", "files", "MB", "seconds", "status"};
    for (int i = 0; i < table.columns; i++)
        text_table_add(&table, heads[i]);
    for (int i = 0; i < run->route_count; i++)
        add_table(&table, &run->routes[i]);
    text_table_print(&table, cli->out);
    if (run->route_count > 1)
        print_total(cli, run);
    for (int i = 0; i < run->route_count; i++)
        print_warnings(cli, &run->routes[i]);
}

/* ---- failures ---- */

static bool is_same(const struct error *a, const struct error *b)
{
    return a->rc == b->rc && text_eq(a->text, b->text);
}

/* Told already with the failure of an earlier table, or of the run. */
static bool is_told(const struct run *run, int number)
{
    const struct error *error = &run->routes[number].result.error;
    if (is_same(error, &run->error))
        return true;
    for (int i = 0; i < number; i++) {
        if (is_same(error, &run->routes[i].result.error))
            return true;
    }
    return false;
}

static int count_more(const struct run *run, int number)
{
    int more = 0;
    for (int i = number + 1; i < run->route_count; i++)
        more += is_same(&run->routes[i].result.error, &run->routes[number].result.error);
    return more;
}

void sync_report_failures(struct cli *cli, const struct run *run)
{
    if (run->error.rc != RC_OK)
        print_error_message(cli, &run->error);
    for (int i = 0; i < run->route_count; i++) {
        struct error error = run->routes[i].result.error;
        if (error.rc == RC_OK || is_told(run, i))
            continue;
        int more = count_more(run, i);
        if (more > 0)
            fail_in(&error, "%s and %d more tables", run->routes[i].config->name, more);
        else
            fail_in(&error, "%s", run->routes[i].config->name);
        print_error_message(cli, &error);
    }
}

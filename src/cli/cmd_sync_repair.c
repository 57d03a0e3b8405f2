/* sync repair: rows that somebody names, once more from the source. */
#include "cli/print.h"
#include "cli/session.h"
#include "cli/show.h"
#include "cli/plan_report.h"
#include "cli/sync_report.h"
#include "move/announce.h"
#include "move/mend.h"

struct repair_flags {
    const char *pipeline, *table, *range;
    struct text_list keys;
    bool delete_gone, dry_run;
};

static const struct option repair_table[] = {
    OPTION("pipeline", STRING, repair_flags, pipeline, .letter = 'p', .argument = "NAME",
           .help = "pipeline; the only one, or the default one, without"),
    OPTION("table", STRING, repair_flags, table, .letter = 't', .argument = "NAME", .required = true,
           .help = "table of the source"),
    OPTION("keys", LIST, repair_flags, keys, .argument = "KEY,...",
           .help = "these rows; a key of several columns as a JSON array, one for each --keys"),
    OPTION("range", STRING, repair_flags, range, .argument = "FROM..TO",
           .help = "the rows of two ids and between; or of times (RFC 3339), from the first, up to the second"),
    OPTION("delete-gone", BOOL, repair_flags, delete_gone,
           .help = "of --keys: rows that the source has not are deleted in the target, or noted (soft_delete)"),
    OPTION("dry-run", BOOL, repair_flags, dry_run, .help = "say what would be read, and change nothing anywhere"),
};

/* ---- what is asked ---- */

static RC split_range(struct cli *cli, const char *text, const char **ret_from, const char **ret_to, struct error *err)
{
    const char *dots = strstr(text, "..");
    if (dots == NULL || dots == text || dots[2] == '\0') {
        fail(err, RC_CONFIG, "--range '%s' is not written FROM..TO", text);
        return fail_todo(err, "write --range 1000..2000, or --range 2024-05-01T00:00:00Z..2024-05-02T00:00:00Z");
    }
    *ret_from = arena_str(&cli->arena, (struct str){text, (size_t)(dots - text)});
    *ret_to = dots + 2;
    return RC_OK;
}

/* By time it is a backfill whose rows overwrite what the target has. */
static RC bound_by_time(const struct table_config *table, const char *from, const char *to, struct run_options *ret,
                        struct error *err)
{
    if (table->mode != MODE_MERGE && table->mode != MODE_DELETE_INSERT) {
        fail(err, RC_CONFIG, "'%s' is loaded with 'mode: %s': rows that are read again would come twice", table->name,
             mode_name(table->mode));
        return fail_todo(err, "use `mode: merge`");
    }
    if (!instant_parse(from, &ret->start_us) || !instant_parse(to, &ret->end_us) || ret->start_us >= ret->end_us) {
        fail(err, RC_CONFIG, "--range: '%s..%s' is no range of times of '%s'", from, to, table->name);
        return fail_todo(err, "write both with their zone: 2024-05-01T00:00:00Z..2024-05-02T00:00:00Z");
    }
    ret->has_start = ret->has_end = true;
    return RC_OK;
}

static RC ask(struct session *self, struct mend_request *request, struct run_options *ret, struct error *err)
{
    const struct repair_flags *flags = self->cli->flags;
    const struct table_config *table = &self->tables[0];
    const char *from = NULL, *to = NULL;
    ret->overwrites = true;
    *request = (struct mend_request){.keys = flags->keys, .delete_gone = flags->delete_gone};
    if (flags->range == NULL) {
        ret->repair = request;
        return RC_OK;
    }
    TRY(split_range(self->cli, flags->range, &from, &to, err));
    if (increment_is_timed(table->increment))
        return bound_by_time(table, from, to, ret, err);
    request->from = from;
    request->to = to;
    ret->repair = request;
    return RC_OK;
}

/* ---- looking ---- */

static void print_look(struct cli *cli, const struct route *r, const struct mend_look *look)
{
    if (cli_is_json(cli)) {
        AUTO_JSON *json = json_object();
        json_put_text(json, "table", r->config->name);
        json_put_int(json, "rows", look->rows);
        json_put_int(json, "rows_gone", look->gone);
        print_json(cli, json);
        return;
    }
    AUTO_RELEASE(buf) rows = {0}, gone = {0};
    show_count(look->rows, "row", &rows);
    show_count(look->gone, "key", &gone);
    print_safe(cli->out, r->config->name);
    fprintf(cli->out, ": %s would be read again and %s; %s of those named are not in the source\n", rows.at,
            r->mode == MODE_DELETE_INSERT ? "replaced" : "merged", look->gone > 0 ? gone.at : "none");
}

static RC look(struct session *self, const struct run_options *options, struct error *err)
{
    struct mend_look found = {0};
    session_begin(self, options, NULL);
    if (options->repair == NULL) {
        plan_report(self, false);
        return RC_OK;
    }
    TRY(mend_look(&self->run->routes[0], &found, err));
    print_look(self->cli, &self->run->routes[0], &found);
    return RC_OK;
}

/* ---- doing ---- */

static void report(struct cli *cli, const struct run *run)
{
    if (cli_is_json(cli)) {
        AUTO_JSON *document = announce_document(run);
        print_json(cli, document);
    } else if (!cli->global.quiet) {
        sync_report_tables(cli, run);
    }
    sync_report_failures(cli, run);
}

static RC run_repair(struct cli *cli, struct error *err)
{
    const struct repair_flags *flags = cli->flags;
    AUTO_RELEASE(session) session = {.cli = cli};
    struct run_options options = {0};
    struct mend_request request;
    struct error first;
    const struct session_wants wants = {
        .pipeline = flags->pipeline, .tables = {(const char *[]){flags->table}, 1}, .source = true, .target = true};
    TRY(session_open(&session, &wants, err));
    if (session.table_count != 1)
        return fail(err, RC_CONFIG, "'%s' is a pattern of %d tables; rows are repaired in one", flags->table,
                    session.table_count);
    TRY(ask(&session, &request, &options, err));
    if (flags->dry_run)
        return look(&session, &options, err);
    session_watch(&session, session.pipeline->lease_ms);
    session_begin(&session, &options, NULL);
    enum rc ignored = run_execute(session.run, &first); /* the table's failure is in its result */
    (void)ignored;
    session_unwatch(&session);
    report(cli, session.run);
    cli->status = run_exit_status(session.run);
    return RC_OK;
}

static RC check_repair(const struct cli *cli, struct error *err)
{
    const struct repair_flags *flags = cli->flags;
    if ((flags->keys.count > 0) == (flags->range != NULL)) {
        fail(err, RC_CONFIG, "'sync repair' needs either --keys or --range");
        return fail_todo(err, "name the rows: --keys 17,18, or --range 1000..2000");
    }
    if (flags->delete_gone && flags->range != NULL) {
        fail(err, RC_CONFIG, "--delete-gone goes with --keys: which rows of a range are gone, nobody has named");
        return fail_todo(err, "name their keys, or give the table `delete_detection: keys`");
    }
    return RC_OK;
}

const struct command cmd_sync_repair = {
    .path = "sync repair",
    .group = GROUP_MOVE,
    .summary = "Reads rows that are named from the source again, and merges them",
    .flags = &OPTION_TABLE(repair_table),
    .flags_bytes = sizeof(struct repair_flags),
    .about = "What the source has now overwrites what the target has, however new that is. The waybill is in the chain "
             "like any\n"
             "other, and the mark stays where it is. For tables that are merged, and with --range for delete_insert, "
             "whose\n"
             "range is replaced. Keys that the source has not are counted, and stay in the target without "
             "--delete-gone.\n",
    .examples = "  waybill sync repair -t orders --keys 17,18\n"
                "  waybill sync repair -t stock --keys '[\"north\", 17]' --keys '[\"south\", 4]' --delete-gone\n"
                "  waybill sync repair -t orders --range 2024-05-01T00:00:00Z..2024-05-02T00:00:00Z --dry-run\n",
    .check = check_repair,
    .run = run_repair,
};

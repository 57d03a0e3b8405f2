/* sync pipeline: the rows that are new, from the source over the stage into the target. */
#include "cli/metrics_file.h"
#include "cli/plan_report.h"
#include "cli/print.h"
#include "cli/session.h"
#include "cli/stop.h"
#include "cli/sync_flags.h"
#include "cli/sync_report.h"
#include "io/file.h"
#include "move/announce.h"

/* DEBUG_COMPLETION_MARKERS=1: each marker is told of (the documented name of this switch). */
static bool tells_markers(const struct cli *cli)
{
    const char *value = cli->environment("DEBUG_COMPLETION_MARKERS");
    return value != NULL && value[0] != '\0' && !text_eq(value, "0");
}

static struct run_options options_of(const struct cli *cli)
{
    const struct sync_flags *flags = cli->flags;
    int64_t start_us = 0, end_us = 0;
    bool has_start = flags->start_time != NULL && instant_parse(flags->start_time, &start_us);
    bool has_end = flags->end_time != NULL && instant_parse(flags->end_time, &end_us);
    return (struct run_options){
        .has_start = has_start,
        .has_end = has_end,
        .start_us = start_us,
        .end_us = end_us,
        .advance = flags->advance,
        .backup_only = flags->backup_only,
        .redshift_only = flags->redshift_only,
        .full_refresh = flags->full_refresh,
        .accept_source = flags->accept_source,
        .accept_target = flags->accept_target,
        .allow_duplicates = flags->allow_duplicates,
        .allow_deletes = flags->allow_deletes,
        .limit = flags->limit,
        .max_chunks = flags->max_chunks,
        .wait_ms = flags->wait_ms,
        .max_rows_per_second = flags->max_rows_per_second,
        .json_output = flags->json_output,
        .tell_markers = tells_markers(cli),
        .marker_stamp = flags->marker_stamp,
    };
}

/* ---- what is said ---- */

static bool wants_document(const struct cli *cli)
{
    const struct sync_flags *flags = cli->flags;
    return cli_is_json(cli) || (flags->json_output != NULL && text_eq(flags->json_output, "-"));
}

static void print_document(struct cli *cli, const struct run *run)
{
    AUTO_JSON *document = announce_document(run);
    print_json(cli, document);
}

static void report(struct cli *cli, const struct run *run)
{
    if (wants_document(cli))
        print_document(cli, run);
    else if (!cli->global.quiet)
        sync_report_tables(cli, run);
    sync_report_failures(cli, run);
}

/* ---- a run that cannot begin ---- */

/* Before rows are moved: a result that nobody gets to see is found out early. */
static RC check_json_output(const struct sync_flags *flags, struct error *err)
{
    if (flags->json_output == NULL || text_eq(flags->json_output, "-"))
        return RC_OK;
    if (file_check_folder(flags->json_output, err) != RC_OK)
        return fail_in(err, "--json-output");
    return RC_OK;
}

static RC check_metrics_file(const struct sync_flags *flags, struct error *err)
{
    if (flags->metrics_file != NULL && file_check_folder(flags->metrics_file, err) != RC_OK)
        return fail_in(err, "--metrics-file");
    return RC_OK;
}

/* A failure of it is told, and is the run's where there is no other. */
static void write_metrics(struct cli *cli, struct run *run, int status)
{
    const struct sync_flags *flags = cli->flags;
    struct error err;
    if (flags->metrics_file == NULL || metrics_file_write(flags->metrics_file, run, status, &err) == RC_OK)
        return;
    print_error_message(cli, &err);
    if (status == 0)
        cli->status = rc_exit_status(err.rc);
}

/* Its documents speak of what was asked for, as far as that is known. */
static void name_tables(struct session *self, const struct sync_flags *flags)
{
    int listed = self->pipeline->table_count, count = flags->tables.count > 0 ? flags->tables.count : listed;
    struct table_config *tables = arena_take(&self->arena, sizeof(*tables) * (size_t)(count + 1));
    for (int i = 0; i < count; i++)
        tables[i].name = flags->tables.count > 0 ? flags->tables.items[i] : self->pipeline->tables[i].name;
    self->tables = tables;
    self->table_count = count;
}

/* Whoever waits for the JSON file or a marker is told of the failure too. */
static RC refuse(struct session *self, const struct error *why, struct error *err)
{
    const struct sync_flags *flags = self->cli->flags;
    const struct pipeline_config unknown = {.name = or_empty(flags->pipeline), .stage_prefix = ""};
    struct run_options options = options_of(self->cli);
    struct error second;
    if (check_json_output(flags, &second) != RC_OK)
        options.json_output = NULL; /* that is why, or one failure is enough to tell */
    if (self->pipeline == NULL)
        self->pipeline = &unknown;
    if (self->tables == NULL)
        name_tables(self, flags);
    session_begin(self, &options, NULL);
    run_refuse(self->run, why);
    if (announce_outputs(self->run, &second) != RC_OK)
        print_failure(self->cli, &second);
    if (check_metrics_file(flags, &second) == RC_OK)
        write_metrics(self->cli, self->run, rc_exit_status(why->rc));
    if (wants_document(self->cli))
        print_document(self->cli, self->run);
    *err = *why;
    return err->rc;
}

/* ---- the run ---- */

/* A pipeline of what the command line names; flags->pipeline is then its name. */
static RC add_route(struct cli *cli, struct sync_flags *flags, struct error *err)
{
    return route_flags_add(cli, &flags->route, &flags->tables, flags->marker_bucket, &flags->pipeline, err);
}

static RC begin(struct session *self, struct error *err)
{
    struct cli *cli = self->cli;
    const struct sync_flags *flags = cli->flags;
    TRY(check_json_output(flags, err));
    TRY(check_metrics_file(flags, err));
    if (route_is_given(&flags->route))
        TRY(add_route(cli, cli->flags, err));
    const struct session_wants wants = {
        .pipeline = flags->pipeline,
        .tables = flags->tables,
        .source = !flags->redshift_only,
        .target = !flags->backup_only,
        .markers = flags->dry_run ? NULL : flags->marker_bucket,
    };
    TRY(session_open(self, &wants, err));
    if (flags->redshift_only && self->target == NULL) {
        fail(err, RC_CONFIG, "the pipeline '%s' has no target, so --redshift-only has nothing to do",
             self->pipeline->name);
        return fail_todo(err, "name one in '%s': `target: NAME`", cli->config->path);
    }
    for (int i = 0; i < self->table_count; i++)
        TRY(sync_flags_check_table(flags, &self->tables[i], err));
    return RC_OK;
}

static RC look(struct session *self, const struct run_options *options, struct error *err)
{
    TRY(begin(self, err));
    session_begin(self, options, NULL);
    plan_report(self, false);
    return RC_OK;
}

static RC run_sync(struct cli *cli, struct error *err)
{
    AUTO_RELEASE(session) session = {.cli = cli};
    struct error first;
    const struct sync_flags *flags = cli->flags;
    const struct run_options options = options_of(cli);
    if (flags->deadline_ms != 0)
        stop_after(flags->deadline_ms);
    if (flags->dry_run)
        return look(&session, &options, err);
    if (begin(&session, &first) != RC_OK)
        return refuse(&session, &first, err);
    session_watch(&session, session.pipeline->lease_ms);
    session_begin(&session, &options, NULL);
    enum rc ignored = run_execute(session.run, &first); /* each table's failure is in its result */
    (void)ignored;
    session_unwatch(&session);
    report(cli, session.run);
    cli->status = run_exit_status(session.run);
    write_metrics(cli, session.run, cli->status);
    return RC_OK;
}

const struct command cmd_sync = {
    .path = "sync pipeline",
    .also = "sync",
    .group = GROUP_MOVE,
    .summary = "Moves what is new from a pipeline's source to its target",
    .flags = &sync_flags,
    .flags_bytes = sizeof(struct sync_flags),
    .about =
        "Reads the rows that are new or changed since the last run, stages them as Parquet files, and loads them, "
        "each\n"
        "exactly once. It may be stopped at any moment: the same command goes on where it stopped.\n"
        "\n"
        "Exit status: 0 all tables are through, 3 some are, else why none is: 2 usage or configuration, 4 not found,\n"
        "5 temporary, 6 counts or documents disagree, 7 another run has the lease, 8 denied, 130 or 143 stopped.\n",
    .examples = "  waybill sync pipeline -p shop                          all tables of the pipeline\n"
                "  waybill sync pipeline -p shop -t orders --dry-run      what would be done\n"
                "  waybill sync -t orders --limit 1000 --json-output -    at most 1000 rows; the result as JSON\n"
                "  waybill sync -t orders --json-output run.json --s3-completion-bucket lake\n",
    .check = sync_flags_check,
    .run = run_sync,
};

const struct command cmd_sync_connections = {
    .path = "sync connections",
    .group = GROUP_MOVE,
    .summary = "Moves what is new between two connections, by URIs or names, without a pipeline",
    .flags = &sync_connections_flags,
    .flags_bytes = sizeof(struct sync_flags),
    .about =
        "Does what 'sync pipeline' does, for a pipeline that stands on the command line. Where all three are URIs, no\n"
        "configuration is read. Marks and files are kept under a name made from where rows come from and go to, the\n"
        "same each time: the same command goes on where it stopped. -p gives another.\n"
        "\n"
        "URIs: mysql://USER@HOST:PORT/DB, mariadb://, postgresql://USER@HOST:PORT/DB, sqlite:FILE, "
        "s3://BUCKET/PREFIX,\n"
        "file:///FOLDER or a folder's path. ?NAME=VALUE&... sets any option of the connection's type. Passwords are\n"
        "taken as '${VARIABLE}' (in single quotes) or file:PATH, never literally.\n",
    .examples = "  waybill sync connections -s mysql://etl@db:3306/shop -r postgresql://etl@dw/warehouse \\\n"
                "      --stage s3://acme-lake/shop -t orders -t customers\n"
                "  waybill sync connections -s sqlite:shop.db -r sqlite:dw.db --stage ./lake -t orders --dry-run\n"
                "  waybill sync connections -s 'mysql://etl:${SHOP_PASSWORD}@db/shop?tls=require' -r none --stage "
                "/mnt/lake \\\n"
                "      -t 'log_*' --increment id_only\n",
    .check = sync_connections_flags_check,
    .run = run_sync,
};

#include "cli/sync_flags.h"

#include "move/markers.h"

#define STRATEGY                                                                                                       \
    .names = strategy_names, .help = "one table after the other, several at once, or each split over all readers; "    \
                                     "the pipeline's without"

/* Flags of both. */
#define SHARED_FLAGS                                                                                                   \
    OPTION("parallel", INT, sync_flags, parallel, .argument = "[N]", .bare = "0", .max = PARALLEL_MAX,                 \
           .help = "N tables at once, as the pipeline says without N; with intra-table N readers of each"),            \
        OPTION("backup-only", BOOL, sync_flags, backup_only, .help = "source to stage; the target is not touched"),    \
        OPTION("redshift-only", BOOL, sync_flags, redshift_only,                                                       \
               .help = "stage to target, whatever its type; the source is not opened"),                                \
        OPTION("limit", INT, sync_flags, limit, .argument = "N", .min = 1, .max = INT64_MAX,                           \
               .help = "extract at most N rows of each table"),                                                        \
        OPTION("max-chunks", INT, sync_flags, max_chunks, .argument = "M", .min = 1, .max = INT64_MAX,                 \
               .help = "extract at most M chunks of each table"),                                                      \
        OPTION("start-time", STRING, sync_flags, start_time, .argument = "TIME",                                       \
               .help = "only rows stamped at or after this time (2024-05-01T00:00:00Z): a backfill"),                  \
        OPTION("end-time", STRING, sync_flags, end_time, .argument = "TIME", .help = "only rows stamped before it"),   \
        OPTION("advance", BOOL, sync_flags, advance,                                                                   \
               .help = "take the mark along up to --end-time, where a backfill leaves it alone"),                      \
        OPTION("deadline", DURATION, sync_flags, deadline_ms, .argument = "TIME", .min = 1000,                         \
               .max = INT64_C(30) * 86400000,                                                                          \
               .help = "end after so long, with what is through by then; exit status 5"),                              \
        OPTION("wait", DURATION, sync_flags, wait_ms, .argument = "[TIME]", .bare = "24h", .max = WAIT_MS_MAX,         \
               .help = "wait so long (24h) for a table that another run is moving; else that is exit status 7"),       \
        OPTION("max-rows-per-second", INT, sync_flags, max_rows_per_second, .argument = "N", .min = 1,                 \
               .max = INT64_MAX, .help = "read no faster than this; by default as the pipeline says"),                 \
        OPTION("full-refresh", BOOL, sync_flags, full_refresh,                                                         \
               .help = "replace the target's rows by all of the source's, in one step"),                               \
        OPTION("dry-run", BOOL, sync_flags, dry_run, .help = "say what would be done, and change nothing anywhere"),   \
        OPTION("json-output", STRING, sync_flags, json_output, .argument = "FILE|-",                                   \
               .help = "write the run's result as JSON; - is standard output"),                                        \
        OPTION("metrics-file", STRING, sync_flags, metrics_file, .argument = "FILE",                                   \
               .help = "write the run's numbers for Prometheus' node_exporter (a name that ends in .prom)"),           \
        OPTION("s3-completion-bucket", STRING, sync_flags, marker_bucket, .argument = "NAME",                          \
               .help = "write completion markers there: a store connection, s3://BUCKET, or a bucket's name"),         \
        OPTION("marker-stamp", STRING, sync_flags, marker_stamp, .argument = "TEXT",                                   \
               .help = "name of their folder, such as Airflow's {{ ts_nodash }}; the run's start without"),            \
        OPTION("accept-source", BOOL, sync_flags, accept_source,                                                       \
               .help = "the source is another server, or its clock went back, and that is right"),                     \
        OPTION("accept-target", BOOL, sync_flags, accept_target,                                                       \
               .help = "the target is another one, or was emptied, and that is right"),                                \
        OPTION("allow-duplicates", BOOL, sync_flags, allow_duplicates,                                                 \
               .help = "append rows again that may be there already"),                                                 \
        OPTION("allow-deletes", BOOL, sync_flags, allow_deletes,                                                       \
               .help = "rows that are gone from the source are deleted, more than delete_max of them, too")

static const struct option table[] = {
    OPTION("pipeline", STRING, sync_flags, pipeline, .letter = 'p', .argument = "NAME",
           .help = "pipeline; the only one, or the default one, without"),
    OPTION("table", LIST, sync_flags, tables, .letter = 't', .argument = "NAME",
           .help = "table of the source; all that are listed without"),
    OPTION("strategy", ENUM, sync_flags, strategy, .letter = 's', STRATEGY),
    SHARED_FLAGS,
};
const struct option_table sync_flags = {table, sizeof(table) / sizeof(*table)};

static const struct option connections_table[] = {
    ROUTE_FLAGS(sync_flags),
    OPTION("table", LIST, sync_flags, tables, .letter = 't', .argument = "NAME", .help = "table of the source"),
    ROUTE_TABLE_FLAGS(sync_flags),
    OPTION("pipeline", STRING, sync_flags, pipeline, .letter = 'p', .argument = "NAME",
           .help = "name that marks and files are kept under; made from source and target without"),
    OPTION("strategy", ENUM, sync_flags, strategy, STRATEGY),
    SHARED_FLAGS,
};
const struct option_table sync_connections_flags = {connections_table,
                                                    sizeof(connections_table) / sizeof(*connections_table)};

static RC contradiction(struct error *err, const char *one, const char *other, const char *why)
{
    fail(err, RC_CONFIG, "%s and %s contradict each other: %s", one, other, why);
    return fail_todo(err, "leave one of the two out");
}

static RC check_instant(const char *flag, const char *text, int64_t *ret_us, struct error *err)
{
    if (text == NULL || instant_parse(text, ret_us))
        return RC_OK;
    fail(err, RC_CONFIG, "%s '%s' is not a time of RFC 3339", flag, text);
    return fail_todo(err, "write date, time and zone: 2024-05-01T08:00:00Z, or 2024-05-01T08:00:00+02:00");
}

static RC check_bounds(const struct sync_flags *f, struct error *err)
{
    int64_t start_us = INT64_MIN, end_us = INT64_MAX;
    const char *bound = f->start_time != NULL ? "--start-time" : f->end_time != NULL ? "--end-time" : NULL;
    TRY(check_instant("--start-time", f->start_time, &start_us, err));
    TRY(check_instant("--end-time", f->end_time, &end_us, err));
    if (start_us >= end_us) {
        fail(err, RC_CONFIG, "--start-time and --end-time: the start is not before the end");
        return fail_todo(err, "give the earlier one as --start-time, or leave one of the two out");
    }
    if (bound == NULL && f->advance) {
        fail(err, RC_CONFIG, "--advance takes the mark along with a bounded run, and no bound is given");
        return fail_todo(err, "add --start-time or --end-time, or leave --advance out");
    }
    if (bound != NULL && f->redshift_only)
        return contradiction(err, "--redshift-only", bound,
                             "it bounds what is extracted; a load applies all waybills that wait");
    if (bound != NULL && f->full_refresh)
        return contradiction(err, "--full-refresh", bound, "rows beyond the bound would be gone from the target");
    return RC_OK;
}

RC sync_flags_check(const struct cli *cli, struct error *err)
{
    const struct sync_flags *f = cli->flags;
    TRY(check_bounds(f, err));
    if (option_is_given(&cli->set, "parallel") && option_is_given(&cli->set, "strategy") &&
        f->strategy == STRATEGY_SEQUENTIAL)
        return contradiction(err, "--parallel", "--strategy sequential", "one table after the other is none at once");
    if (f->marker_stamp != NULL)
        TRY(marker_check_stamp(f->marker_stamp, "--marker-stamp", err));
    if (f->marker_bucket == NULL && option_is_given(&cli->set, "marker-stamp") &&
        option_origin_of(&cli->set, "marker-stamp")->kind == ORIGIN_FLAG) {
        fail(err, RC_CONFIG, "--marker-stamp names the folder of markers, and none would be written");
        return fail_todo(err, "say where: --s3-completion-bucket NAME; or leave --marker-stamp out");
    }
    if (f->backup_only && f->redshift_only)
        return contradiction(err, "--backup-only", "--redshift-only",
                             "one leaves out the load, the other everything else");
    if (f->redshift_only && f->limit != 0)
        return contradiction(err, "--redshift-only", "--limit",
                             "a limit bounds what is extracted; a load applies all waybills that wait");
    if (f->redshift_only && f->max_chunks != 0)
        return contradiction(err, "--redshift-only", "--max-chunks",
                             "it bounds what is extracted; a load applies all waybills that wait");
    if (f->redshift_only && f->full_refresh)
        return contradiction(err, "--redshift-only", "--full-refresh", "a refresh reads the source");
    if (f->full_refresh && (f->limit != 0 || f->max_chunks != 0))
        return contradiction(err, "--full-refresh", f->limit != 0 ? "--limit" : "--max-chunks",
                             "rows beyond the bound would be gone from the target");
    return RC_OK;
}

RC sync_connections_flags_check(const struct cli *cli, struct error *err)
{
    const struct sync_flags *f = cli->flags;
    const struct route_flags *r = &f->route;
    const char *missing = r->source == NULL ? "-s" : r->target == NULL ? "-r" : r->stage == NULL ? "--stage" : NULL;
    if (missing != NULL) {
        fail(err, RC_CONFIG, "'sync connections' needs %s", missing);
        return fail_todo(err,
                         "waybill sync connections -s SOURCE -r TARGET --stage STORE -t TABLE, each a URI or the name "
                         "of a connection");
    }
    if (f->tables.count == 0) {
        fail(err, RC_CONFIG, "'sync connections' needs -t");
        return fail_todo(err, "name each table: -t shop.orders -t shop.customers");
    }
    return sync_flags_check(cli, err);
}

static RC check_bounded_table(const struct sync_flags *flags, const struct table_config *of, struct error *err)
{
    if (!increment_is_timed(of->increment)) {
        fail(err, RC_CONFIG,
             "table '%s' has 'increment: %s', which goes by no time that --start-time or --end-time could "
             "bound",
             of->name, increment_name(of->increment));
        return fail_todo(err, "leave it out: name the tables that are meant with -t");
    }
    if (of->mode != MODE_APPEND || flags->allow_duplicates || (flags->advance && flags->start_time == NULL))
        return RC_OK;
    fail(err, RC_CONFIG, "table '%s' is appended to: rows of a backfill that are there already would come twice",
         of->name);
    return fail_todo(err, "if that is right, or the target has none of them: --allow-duplicates");
}

RC sync_flags_check_table(const struct sync_flags *flags, const struct table_config *of, struct error *err)
{
    if (flags->start_time != NULL || flags->end_time != NULL)
        TRY(check_bounded_table(flags, of, err));
    if (flags->limit == 0 || (of->mode != MODE_REPLACE && of->increment != INCREMENT_FULL_SYNC))
        return RC_OK;
    if (of->mode == MODE_REPLACE)
        fail(
            err, RC_CONFIG,
            "table '%s' is loaded with 'mode: replace', which --limit contradicts: rows beyond the limit would be gone "
            "from the target",
            of->name);
    else
        fail(err, RC_CONFIG, "table '%s' has 'increment: full_sync', which takes it whole: --limit contradicts that",
             of->name);
    return fail_todo(err, "leave --limit out for this table");
}

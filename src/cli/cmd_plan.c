#include "cli/plan_report.h"

struct plan_flags {
    const char *pipeline;
    struct text_list tables;
    bool verbose;
};

static const struct option plan_table[] = {
    OPTION("pipeline", STRING, plan_flags, pipeline, .letter = 'p', .argument = "NAME",
           .help = "pipeline; the only one, or the default one, without"),
    OPTION("table", LIST, plan_flags, tables, .letter = 't', .argument = "NAME",
           .help = "table of the source; all that are listed without"),
    OPTION("verbose", BOOL, plan_flags, verbose, .letter = 'v',
           .help = "also where each value of the configuration comes from"),
};

static RC run_plan(struct cli *cli, struct error *err)
{
    const struct plan_flags *flags = cli->flags;
    AUTO_RELEASE(session) session = {.cli = cli};
    const struct run_options options = {0};
    const struct session_wants wants = {
        .pipeline = flags->pipeline, .tables = flags->tables, .source = true, .target = true};
    TRY(session_open(&session, &wants, err));
    session_begin(&session, &options, NULL);
    plan_report(&session, flags->verbose);
    return RC_OK;
}

const struct command cmd_plan = {
    .path = "plan",
    .group = GROUP_LOOK,
    .summary = "Says what a run would do now: rows, bounds, DDL; changes nothing",
    .flags = &OPTION_TABLE(plan_table),
    .flags_bytes = sizeof(struct plan_flags),
    .about = "For each table: how its rows are chosen and applied, from where to where, how many there are, what waits "
             "in the\n"
             "stage, and which statements would prepare the target. Whatever would stop a run before its first change "
             "stops the\n"
             "plan too.\n",
    .examples = "  waybill plan                          all tables of the only pipeline\n"
                "  waybill plan -p shop -t orders -v     one table, and where each value comes from\n"
                "  waybill plan --output json\n",
    .run = run_plan,
};

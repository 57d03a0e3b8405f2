/* audit: asks source and target for the same numbers, counts the stage's, and compares. */
#include "cli/each_table.h"
#include "cli/route_flags.h"
#include "move/audit.h"

struct audit_flags {
    struct route_flags route;
    const char *pipeline, *reason;
    struct text_list tables;
    bool accept;
};

static const struct option audit_table_of_flags[] = {
    OPTION("pipeline", STRING, audit_flags, pipeline, .letter = 'p', .argument = "NAME",
           .help = "pipeline; the only one, or the default one, without"),
    OPTION("table", LIST, audit_flags, tables, .letter = 't', .argument = "NAME",
           .help = "table or pattern of the source; all that are listed without"),
    OPTION("accept", BOOL, audit_flags, accept,
           .help = "what differs is known: keep it in the history, with --reason, and be content"),
    OPTION("reason", STRING, audit_flags, reason, .argument = "TEXT", .help = "why, kept in the history"),
    ROUTE_FLAGS(audit_flags),
    ROUTE_TABLE_FLAGS(audit_flags),
};

static const char *const covers[] = {
    [STAGE_NONE] = "none", [STAGE_PART] = "part", [STAGE_UPDATES] = "updates", [STAGE_WHOLE] = "whole"};

/* "1,234", "1,234 (part)", "cleaned" */
static void add_stage(struct text_table *table, const struct audit_stage *stage)
{
    char rows[HUMAN_TEXT];
    human_count(stage->rows, rows);
    if (stage->cover == STAGE_NONE)
        text_table_add(table, "cleaned");
    else if (stage->cover == STAGE_WHOLE)
        text_table_add(table, rows);
    else
        text_table_addf(table, "%s (%s)", rows, covers[stage->cover]);
}

static void add_row(struct each_table *self, const struct route *r, const struct audit *audit, const char *result)
{
    struct text_table *table = &self->table;
    char source[HUMAN_TEXT], target[HUMAN_TEXT], changed[HUMAN_TEXT], aside[HUMAN_TEXT];
    human_count(audit->source_rows, source);
    human_count(audit->target_rows, target);
    human_count(audit->changed, changed);
    human_count(audit->aside, aside);
    bool is_compared = audit->text != NULL && !audit->is_nothing;
    text_table_add(table, r->config->name);
    text_table_add(table, audit->text != NULL ? source : NULL);
    if (is_compared)
        add_stage(table, &audit->stage);
    else
        text_table_add(table, NULL);
    text_table_add(table, is_compared ? target : NULL);
    text_table_add(table, is_compared ? changed : NULL);
    text_table_add(table, is_compared ? aside : NULL);
    text_table_addf(table, "%d", audit->differences);
    text_table_add(table, result);
}

static json_t *stage_to_json(const struct audit_stage *stage)
{
    json_t *json = json_object();
    json_put_int(json, "rows", stage->rows);
    json_put_int(json, "waybills", stage->waybills);
    json_put_int(json, "waybills_read", stage->read);
    json_put_int(json, "rows_quarantined", stage->quarantined);
    json_put_text(json, "cover", covers[stage->cover]);
    return json;
}

static json_t *aside_to_json(const struct audit *audit)
{
    json_t *list = json_array();
    for (int i = 0; i < audit->aside_file_count; i++) {
        json_t *file = json_object();
        if (audit->aside_files[i].rows > 0) {
            json_put_text(file, "key", audit->aside_files[i].key);
            json_put_int(file, "rows", audit->aside_files[i].rows);
            json_array_append(list, file);
        }
        json_decref(file);
    }
    return list;
}

static json_t *lines_to_json(const char *lines)
{
    json_t *list = json_array();
    for (const char *at = or_empty(lines); *at != '\0';) {
        size_t len = strcspn(at, "\n");
        json_array_append_new(list, json_stringn(at, len));
        at += len + (at[len] == '\n');
    }
    return list;
}

static void add_row_json(struct each_table *self, const struct route *r, const struct audit *audit, const char *result,
                         const struct error *err)
{
    json_t *row = each_table_object(self, r, err);
    json_put_text(row, "audit_status", result);
    if (audit->is_nothing)
        json_put_int(row, "source_rows", 0);
    else if (audit->text != NULL) {
        json_put_int(row, "source_rows", audit->source_rows);
        json_put(row, "stage", stage_to_json(&audit->stage));
        json_put_int(row, "target_rows", audit->target_rows);
        json_put_int(row, "changed_since", audit->changed);
        json_put_int(row, "ahead_of_clock", audit->ahead);
        json_put_int(row, "set_aside", audit->aside);
        if (audit->aside > 0)
            json_put(row, "set_aside_files", aside_to_json(audit));
        json_put_int(row, "difference_count", audit->differences);
        json_put(row, "differences", lines_to_json(audit->text));
    }
}

static RC audit_one(struct each_table *self, struct route *r, struct audit *ret, const char **ret_result,
                    struct error *err)
{
    const struct audit_flags *flags = self->cli->flags;
    *ret_result = "error";
    if (r->target == NULL)
        return fail(err, RC_CONFIG, "the pipeline '%s' has no target to audit", r->run->pipeline->name);
    TRY(scope_read(r->scope, err));
    TRY(audit_table(r, ret, err));
    *ret_result = ret->differences > 0 ? "failed" : "passed";
    if (ret->differences == 0 || !flags->accept)
        return audit_judge(r, ret, err);
    TRY(audit_accept(r, ret, flags->reason, session_author(&self->cli->arena), err));
    *ret_result = "accepted";
    return RC_OK;
}

static void audit_route(struct each_table *self, struct route *r)
{
    struct audit audit = {0};
    struct error err = {0};
    const char *result;
    enum rc rc = audit_one(self, r, &audit, &result, &err);
    outcome_add(&self->outcome, rc);
    if (rc == RC_OK)
        err = (struct error){0};
    else
        print_error_message(self->cli, &err);
    add_row(self, r, &audit, result);
    if (audit.aside > 0)
        each_table_warn(self, r, audit_aside_text(r, &audit));
    if (audit.ahead > 0)
        each_table_warn(self, r, audit_ahead_text(r, &audit));
    add_row_json(self, r, &audit, result, &err);
}

static RC check_audit(const struct cli *cli, struct error *err)
{
    const struct audit_flags *flags = cli->flags;
    if (flags->accept && flags->reason == NULL) {
        fail(err, RC_CONFIG, "--accept needs --reason");
        return fail_todo(err, "say why the difference is well: it is kept in the history");
    }
    if (!flags->accept && flags->reason != NULL)
        return fail(err, RC_CONFIG, "--reason is for --accept");
    return RC_OK;
}

static RC run_audit(struct cli *cli, struct error *err)
{
    static const char *const heads[] = {"table",         "source rows", "stage rows",  "target rows",
                                        "changed since", "set aside",   "differences", "result"};
    struct audit_flags *flags = cli->flags;
    TRY(route_flags_add(cli, &flags->route, &flags->tables, NULL, &flags->pipeline, err));
    const struct session_wants wants = {
        .pipeline = flags->pipeline, .tables = flags->tables, .source = true, .target = true};
    struct each_table audits;
    each_table_begin(&audits, cli, heads, 8, 0x7e);
    return each_table_end(&audits, each_table_look(&audits, &wants, audit_route, err));
}

const struct command cmd_audit = {
    .path = "audit",
    .group = GROUP_LOOK,
    .summary = "Compares every column of source, stage and target, each counted by itself",
    .flags = &OPTION_TABLE(audit_table_of_flags),
    .flags_bytes = sizeof(struct audit_flags),
    .about =
        "Per column: how many NULLs, the least and the greatest value, the sum of numbers, the total length of texts. "
        "Texts\n"
        "are compared by their bytes, whatever the collation. Rows that have changed in the source since the last "
        "load are\n"
        "left out on both sides, so that writers do not disturb. Both tables are scanned, and the staged files read;\n"
        "nothing is changed.\n"
        "\n"
        "stage rows: of the files that the target's rows came from. All of them, each row one of the target's, are\n"
        "compared column by column, and a difference says on which hop it came about. (updates): the stage has "
        "earlier\n"
        "versions of rows, too; (part): some files were cleaned; cleaned: all. Then each file that is there is "
        "compared\n"
        "by itself with what was read from the source.\n"
        "\n"
        "A table of which nothing was loaded passes where the source has no row either: - stands where nothing was "
        "asked.\n"
        "\n"
        "set aside: rows that did not fit when they were read (quarantine), and that no later waybill has brought. "
        "Where "
        "both\n"
        "sides differ, they are compared without them, and where they lie is told.\n"
        "\n"
        "What is found may be known: rows deleted in the source stay in the target of hybrid and id_only tables, "
        "and id_only\n"
        "sees no changes. Exit status 6 when something differs, and 0 with --accept, which keeps it in the "
        "history.\n" ROUTE_ABOUT,
    .examples = "  waybill audit\n"
                "  waybill audit -p shop -t orders --output json\n"
                "  waybill audit -t orders --accept --reason 'rows of 2019 were deleted in the shop on purpose'\n",
    .check = check_audit,
    .run = run_audit,
};

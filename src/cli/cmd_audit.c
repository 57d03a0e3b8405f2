/* audit: asks source and target for the same numbers, and compares. */
#include "base/log.h"
#include "cli/outcome.h"
#include "cli/session.h"
#include "cli/show.h"
#include "move/audit.h"

struct audit_flags {
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
};

/* All tables' rows, in one table or one document. */
struct auditing {
    struct cli *cli;
    struct text_table table;
    json_t *rows;
    struct outcome outcome;
};

static void add_row(struct auditing *self, const struct route *r, const struct audit *audit, const char *result)
{
    struct text_table *table = &self->table;
    char source[HUMAN_TEXT], target[HUMAN_TEXT], changed[HUMAN_TEXT];
    human_count(audit->source_rows, source);
    human_count(audit->target_rows, target);
    human_count(audit->changed, changed);
    text_table_add(table, r->config->name);
    text_table_add(table, audit->text != NULL ? source : NULL);
    text_table_add(table, audit->text != NULL ? target : NULL);
    text_table_add(table, audit->text != NULL ? changed : NULL);
    text_table_addf(table, "%d", audit->differences);
    text_table_add(table, result);
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

static void add_row_json(struct auditing *self, const struct route *r, const struct audit *audit, const char *result,
                         const struct error *err)
{
    json_t *row = err->rc != RC_OK ? error_to_json(err) : json_object();
    json_put_text(row, "pipeline", r->run->pipeline->name);
    json_put_text(row, "table", r->config->name);
    json_put_text(row, "audit_status", result);
    if (audit->text != NULL) {
        json_put_int(row, "source_rows", audit->source_rows);
        json_put_int(row, "target_rows", audit->target_rows);
        json_put_int(row, "changed_since", audit->changed);
        json_put_int(row, "difference_count", audit->differences);
        json_put(row, "differences", lines_to_json(audit->text));
    }
    json_array_append_new(self->rows, row);
}

static RC audit_one(struct auditing *self, struct route *r, struct audit *ret, const char **ret_result,
                    struct error *err)
{
    const struct audit_flags *flags = self->cli->flags;
    *ret_result = "error";
    TRY(scope_read(r->scope, err));
    TRY(audit_table(r, ret, err));
    *ret_result = ret->differences > 0 ? "failed" : "passed";
    if (ret->differences == 0 || !flags->accept)
        return audit_judge(r, ret, err);
    TRY(audit_accept(r, ret, flags->reason, session_author(&self->cli->arena), err));
    *ret_result = "accepted";
    return RC_OK;
}

static void audit_route(struct auditing *self, struct route *r)
{
    struct audit audit = {0};
    struct error err = {0};
    const char *result;
    log_context(NULL, r->run->pipeline->name, r->config->name);
    enum rc rc = audit_one(self, r, &audit, &result, &err);
    outcome_add(&self->outcome, rc);
    if (rc == RC_OK)
        err = (struct error){0};
    else
        print_error_message(self->cli, &err);
    add_row(self, r, &audit, result);
    add_row_json(self, r, &audit, result, &err);
}

static void print_audits(struct auditing *self)
{
    if (!cli_is_json(self->cli)) {
        text_table_print(&self->table, self->cli->out);
        return;
    }
    AUTO_JSON *document = json_object();
    json_put(document, "tables", json_incref(self->rows));
    print_json(self->cli, document);
}

static RC audit_all(struct auditing *self, struct error *err)
{
    const struct audit_flags *flags = self->cli->flags;
    AUTO_RELEASE(session) session = {.cli = self->cli};
    const struct session_wants wants = {
        .pipeline = flags->pipeline, .tables = flags->tables, .source = true, .target = true};
    const struct run_options options = {0};
    TRY(session_open(&session, &wants, err));
    if (session.target == NULL)
        return fail(err, RC_CONFIG, "the pipeline '%s' has no target to audit", session.pipeline->name);
    session_begin(&session, &options, NULL);
    for (int i = 0; i < session.run->route_count; i++)
        audit_route(self, &session.run->routes[i]);
    return RC_OK;
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
    static const char *const heads[] = {"table",         "source rows", "target rows",
                                        "changed since", "differences", "result"};
    struct auditing auditing = {.cli = cli, .table = {.columns = 6, .right = 0x1e}, .rows = json_array()};
    for (int i = 0; i < auditing.table.columns; i++)
        text_table_add(&auditing.table, heads[i]);
    enum rc rc = audit_all(&auditing, err);
    log_context(NULL, NULL, NULL);
    if (rc == RC_OK) {
        print_audits(&auditing);
        cli->status = outcome_status(&auditing.outcome);
    }
    text_table_release(&auditing.table);
    json_decref(auditing.rows);
    return rc;
}

const struct command cmd_audit = {
    .path = "audit",
    .group = GROUP_LOOK,
    .summary = "Compares every column of source and target, each by its own SQL",
    .flags = &OPTION_TABLE(audit_table_of_flags),
    .flags_bytes = sizeof(struct audit_flags),
    .about =
        "Per column: how many NULLs, the least and the greatest value, the sum of numbers, the total length of texts. "
        "Texts\n"
        "are compared by their bytes, whatever the collation. Rows that have changed in the source since the last "
        "load are\n"
        "left out on both sides, so that writers do not disturb. Both tables are scanned; nothing is changed.\n"
        "What is found may be known: rows deleted in the source stay in the target of hybrid and id_only tables, "
        "and id_only\n"
        "sees no changes. Exit status 6 when something differs, and 0 with --accept, which keeps it in the "
        "history.\n",
    .examples = "  waybill audit\n"
                "  waybill audit -p shop -t orders --output json\n"
                "  waybill audit -t orders --accept --reason 'rows of 2019 were deleted in the shop on purpose'\n",
    .check = check_audit,
    .run = run_audit,
};

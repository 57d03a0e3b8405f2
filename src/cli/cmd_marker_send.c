/* marker notify and metrics: what a marker says, told to Slack and to CloudWatch in the documented form. */
#include "cli/marker_store.h"
#include "cli/outcome.h"
#include "cli/print.h"
#include "io/cloudwatch.h"
#include "io/webhook.h"
#include "move/markers.h"

struct send_flags {
    const char *bucket, *pipeline, *stamp, *webhook, *region;
    struct text_list tables;
    bool dry_run;
};

#define SHARED_FLAGS                                                                                                   \
    MARKER_BUCKET(send_flags), MARKER_PIPELINE(send_flags, "pipeline; the only one, or the default one, without"),     \
        OPTION("table", LIST, send_flags, tables, .letter = 't', .argument = "NAME", .required = true,                 \
               .help = "table of the source"),                                                                         \
        OPTION("stamp", STRING, send_flags, stamp, .argument = "TEXT",                                                 \
               .help = "name of the marker's folder; the newest without"),                                             \
        OPTION("dry-run", BOOL, send_flags, dry_run, .help = "print what would be sent, and send nothing")

static const struct option notify_table[] = {
    SHARED_FLAGS,
    OPTION("slack-webhook", STRING, send_flags, webhook, .argument = "REFERENCE",
           .help = "where its address is: '${VARIABLE}', file:PATH or cmd:COMMAND"),
};
static const struct option metrics_table[] = {
    SHARED_FLAGS,
    OPTION("region", STRING, send_flags, region, .argument = "NAME",
           .help = "AWS region of the metrics; AWS_REGION's or the profile's without"),
};

/* ---- what is told of ---- */

/* One table's marker and what it says. */
struct told {
    const struct marker *marker;
    struct marker_story story;
    bool success;
};

struct sending {
    struct marker_session session;
    const struct send_flags *flags;
    struct outcome outcome;
    json_t *documents; /* that were sent, or would be */
    RC (*send)(struct sending *self, const struct told *told, struct error *err);
    struct secret url;
    struct cloudwatch *cloudwatch;
};

static void sending_release(struct sending *self)
{
    secret_release(&self->url);
    cloudwatch_free(self->cloudwatch);
    json_decref(self->documents);
    marker_session_release(&self->session);
}

static struct opening opening_of(const struct cli *cli)
{
    return (struct opening){
        .clock = cli->clock, .random = random_real(), .stop = cli->stop, .retries = cli->config->retries};
}

/* The newest that has ended; one that is being written is not told of yet. */
static RC find_marker(struct sending *self, const char *table, struct marker **ret, struct error *err)
{
    const struct send_flags *flags = self->flags;
    const struct marker_filter filter = {self->session.pipeline, table, flags->stamp, 0};
    struct marker_list list;
    TRY(marker_list(self->session.store, &filter, &self->session.arena, &list, err));
    marker_sort(&list);
    for (int i = 0; i < list.count; i++) {
        *ret = &list.items[i];
        if (list.items[i].state != MARKER_UNFINISHED)
            return RC_OK;
    }
    fail(err, RC_NOT_FOUND, "'%s/%s' has no marker%s%s%s in '%s'", self->session.pipeline, table,
         flags->stamp != NULL ? " '" : "", or_empty(flags->stamp), flags->stamp != NULL ? "'" : "",
         self->session.store->address);
    fail_id(err, "no-marker");
    return fail_todo(err, "see which there are: waybill marker list --s3-completion-bucket %s", flags->bucket);
}

static RC tell_one(struct sending *self, const char *table, struct error *err)
{
    struct marker *marker = NULL;
    TRY(find_marker(self, table, &marker, err));
    TRY(marker_settle(self->session.store, marker, err));
    AUTO_RELEASE(marker_story) story = {0};
    TRY(marker_read(self->session.store, marker, &story, err));
    const struct told told = {marker, story, marker->state == MARKER_COMPLETE};
    return self->send(self, &told, err);
}

static void tell_all(struct sending *self)
{
    for (int i = 0; i < self->flags->tables.count; i++) {
        struct error why = {0};
        enum rc rc = tell_one(self, self->flags->tables.items[i], &why);
        outcome_add(&self->outcome, rc);
        if (rc == RC_OK)
            continue;
        fail_in(&why, "%s", self->flags->tables.items[i]);
        print_error_message(self->session.cli, &why);
    }
}

static void print_sent(const struct sending *self, const char *where)
{
    struct cli *cli = self->session.cli;
    if (!cli_is_json(cli) && !self->flags->dry_run) {
        fprintf(cli->out, "%zu of %d told to %s\n", json_array_size(self->documents), self->flags->tables.count, where);
        return;
    }
    AUTO_JSON *document = json_object();
    json_put(document, "dry_run", json_boolean(self->flags->dry_run));
    json_put(document, "sent", json_incref(self->documents));
    print_json(cli, document);
}

static RC check_stamp(const struct cli *cli, struct error *err)
{
    const struct send_flags *flags = cli->flags;
    return flags->stamp != NULL ? marker_check_stamp(flags->stamp, "--stamp", err) : RC_OK;
}

static RC sending_begin(struct sending *self, struct error *err)
{
    self->documents = json_array();
    self->flags = self->session.cli->flags;
    return marker_session_open(&self->session, self->flags->bucket, self->flags->pipeline, true, err);
}

/* ---- Slack ---- */

static void add_slack_field(json_t *fields, const char *title, const char *value)
{
    json_t *field = json_object();
    json_put_text(field, "title", title);
    json_put_text(field, "value", value);
    json_put(field, "short", json_true());
    json_array_append_new(fields, field);
}

/* As the documentation of markers has it, word for word. */
static json_t *slack_message(const struct told *told)
{
    json_t *message = json_object(), *attachments = json_array(), *attachment = json_object(), *fields = json_array();
    char text[64];
    json_put_text(message, "text", told->success ? "\u2705 Sync Completed Successfully" : "\u274c Sync Failed");
    json_put_text(attachment, "color", told->success ? "good" : "danger");
    add_slack_field(fields, "Pipeline", told->marker->pipeline);
    add_slack_field(fields, "Table", told->marker->table);
    snprintf(text, sizeof(text), "%.1fs", told->story.seconds);
    add_slack_field(fields, "Duration", told->story.seconds >= 0 ? text : "unknown");
    if (told->success) {
        human_count(told->story.rows, text);
        add_slack_field(fields, "Rows", told->story.rows >= 0 ? text : "unknown");
        snprintf(text, sizeof(text), "%lld", (long long)told->story.files);
        add_slack_field(fields, "Files", told->story.files >= 0 ? text : "unknown");
    }
    json_put(attachment, "fields", fields);
    json_array_append_new(attachments, attachment);
    json_put(message, "attachments", attachments);
    return message;
}

static RC send_to_slack(struct sending *self, const struct told *told, struct error *err)
{
    AUTO_JSON *message = slack_message(told);
    AUTO_RELEASE(buf) text = {0};
    const struct webhook webhook = {.url = &self->url, .with = opening_of(self->session.cli)};
    json_write_line(message, &text);
    if (!self->flags->dry_run)
        TRY(webhook_post(&webhook, buf_str(&text), err));
    json_array_append(self->documents, message);
    return RC_OK;
}

/* The address is a secret: it may stand in the environment, and never in argv. */
static RC find_webhook(struct sending *self, struct error *err)
{
    struct cli *cli = self->session.cli;
    const struct option_origin *origin = option_origin_of(&cli->set, "slack-webhook");
    const char *text = self->flags->webhook;
    bool is_reference = text != NULL && (strncmp(text, "${", 2) == 0 || strncmp(text, "file:", 5) == 0 ||
                                         strncmp(text, "cmd:", 4) == 0);
    if (text == NULL) {
        fail(err, RC_CONFIG, "'marker notify' needs --slack-webhook");
        return fail_todo(err, "export WAYBILL_SLACK_WEBHOOK=https://hooks.slack.com/..., or say --slack-webhook "
                              "file:PATH");
    }
    if (!is_reference && origin->kind == ORIGIN_FLAG) {
        fail(err, RC_CONFIG,
             "--slack-webhook: the address stands on the command line itself, where every user of this "
             "machine can read it");
        return fail_todo(err, "write '${VARIABLE}' there, in single quotes, or file:PATH, or set "
                              "WAYBILL_SLACK_WEBHOOK instead");
    }
    if (!is_reference) {
        secret_set(&self->url, str(text));
        return RC_OK;
    }
    const struct yaml_node node = {.kind = YAML_TEXT,
                                   .text = text,
                                   .key = "slack-webhook",
                                   .where = {"--slack-webhook", 1, 1},
                                   .key_where = {"--slack-webhook", 1, 1}};
    return cli->config->resolver->secret(cli->config->resolver, &node, &self->url, err);
}

static RC run_notify(struct cli *cli, struct error *err)
{
    AUTO_RELEASE(sending) self = {.session = {.cli = cli}, .send = send_to_slack};
    TRY(sending_begin(&self, err));
    if (!self.flags->dry_run)
        TRY(find_webhook(&self, err));
    tell_all(&self);
    print_sent(&self, "Slack");
    cli->status = outcome_status(&self.outcome);
    return RC_OK;
}

/* ---- CloudWatch ---- */

static json_t *metrics_to_json(const struct cloudwatch_data *data)
{
    json_t *json = json_object(), *dimensions = json_object(), *metrics = json_array();
    for (int i = 0; i < data->dimension_count; i++)
        json_put_text(dimensions, data->dimensions[i].name, data->dimensions[i].value);
    for (int i = 0; i < data->metric_count; i++) {
        json_t *metric = json_object();
        double value = data->metrics[i].value;
        bool is_whole = text_eq(data->metrics[i].unit, "Count");
        json_put_text(metric, "name", data->metrics[i].name);
        json_put(metric, "value", is_whole ? json_integer((json_int_t)value) : json_real(value));
        json_put_text(metric, "unit", data->metrics[i].unit);
        json_array_append_new(metrics, metric);
    }
    json_put_text(json, "namespace", data->space);
    json_put(json, "dimensions", dimensions);
    json_put(json, "metrics", metrics);
    return json;
}

static RC send_to_cloudwatch(struct sending *self, const struct told *told, struct error *err)
{
    const struct marker_story *story = &told->story;
    struct arena *arena = &self->session.arena;
    const struct http_pair dimensions[] = {{"Pipeline", cloudwatch_dimension(told->marker->pipeline, arena)},
                                           {"Table", cloudwatch_dimension(told->marker->table, arena)}};
    struct cloudwatch_metric metrics[3];
    int count = 0;
    if (story->seconds >= 0) /* what is not known is not 0 */
        metrics[count++] = (struct cloudwatch_metric){"SyncDuration", "Seconds", story->seconds};
    metrics[count++] = (struct cloudwatch_metric){"SyncSuccess", "Count", told->success ? 1 : 0};
    if (story->rows >= 0)
        metrics[count++] = (struct cloudwatch_metric){"RowsProcessed", "Count", (double)story->rows};
    const struct cloudwatch_data data = {"DataSync", dimensions, 2, metrics, count};
    if (!self->flags->dry_run)
        TRY(cloudwatch_put(self->cloudwatch, &data, err));
    json_array_append_new(self->documents, metrics_to_json(&data));
    return RC_OK;
}

static RC run_metrics(struct cli *cli, struct error *err)
{
    AUTO_RELEASE(sending) self = {.session = {.cli = cli}, .send = send_to_cloudwatch};
    TRY(sending_begin(&self, err));
    const struct opening with = opening_of(cli);
    const struct aws_config config = {.region = self.flags->region, .clock = cli->clock, .stop = cli->stop};
    if (!self.flags->dry_run)
        TRY(cloudwatch_new(&config, &with, &self.cloudwatch, err));
    tell_all(&self);
    print_sent(&self, "CloudWatch");
    cli->status = outcome_status(&self.outcome);
    return RC_OK;
}

const struct command cmd_marker_notify = {
    .path = "marker notify",
    .group = GROUP_MARKER,
    .summary = "Tells Slack how a table's run ended",
    .flags = &OPTION_TABLE(notify_table),
    .flags_bytes = sizeof(struct send_flags),
    .about = "The address of the webhook is a secret: name where it is, or set WAYBILL_SLACK_WEBHOOK to it.\n",
    .examples = "  waybill marker notify -b airflow-completion-markers -p shop -t orders\n"
                "  waybill marker notify -b airflow-completion-markers -p shop -t orders --stamp 20250912T020000 \\\n"
                "    --slack-webhook file:/run/secrets/slack\n",
    .check = check_stamp,
    .run = run_notify,
};
const struct command cmd_marker_metrics = {
    .path = "marker metrics",
    .group = GROUP_MARKER,
    .summary = "Publishes how a table's run ended to CloudWatch",
    .flags = &OPTION_TABLE(metrics_table),
    .flags_bytes = sizeof(struct send_flags),
    .about = "SyncDuration, SyncSuccess and RowsProcessed in the namespace DataSync, with the dimensions Pipeline and\n"
             "Table. The keys are those that AWS's own tools would use; they need cloudwatch:PutMetricData.\n",
    .examples = "  waybill marker metrics -b airflow-completion-markers -p shop -t orders --region us-east-1\n"
                "  waybill marker metrics -b airflow-completion-markers -p shop -t orders --dry-run\n",
    .check = check_stamp,
    .run = run_metrics,
};

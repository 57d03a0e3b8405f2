/* marker list, show, wait: completion markers, as orchestrators and people look at them. */
#include "base/log.h"
#include "cli/marker_store.h"
#include "cli/print.h"
#include "io/opening.h"
#include "move/markers.h"

struct marker_flags {
    const char *bucket, *pipeline, *table, *stamp, *newer_than;
    struct text_list tables;
    int64_t limit, timeout_ms, interval_ms;
};

static const struct option list_table[] = {
    MARKER_BUCKET(marker_flags),
    MARKER_PIPELINE(marker_flags, "of this pipeline only"),
    OPTION("table", STRING, marker_flags, table, .letter = 't', .argument = "NAME",
           .help = "of this table only; needs -p"),
    OPTION("limit", INT, marker_flags, limit, .argument = "N", .preset = "50", .min = 1, .max = MARKERS_MAX,
           .help = "the newest N"),
};
static const struct option show_table[] = {
    MARKER_BUCKET(marker_flags),
    MARKER_PIPELINE(marker_flags, "pipeline; the only one, or the default one, without"),
    OPTION("table", STRING, marker_flags, table, .letter = 't', .argument = "NAME", .required = true,
           .help = "table of the source"),
    OPTION("stamp", STRING, marker_flags, stamp, .argument = "TEXT", .help = "name of its folder; the newest without"),
};
static const struct option wait_table[] = {
    MARKER_BUCKET(marker_flags),
    MARKER_PIPELINE(marker_flags, "pipeline; the only one, or the default one, without"),
    OPTION("table", LIST, marker_flags, tables, .letter = 't', .argument = "NAME", .required = true,
           .help = "table of the source; all that are named have to be through"),
    OPTION("stamp", STRING, marker_flags, stamp, .argument = "TEXT",
           .help = "wait for the run that was given this --marker-stamp"),
    OPTION("newer-than", STRING, marker_flags, newer_than, .argument = "TIME",
           .help = "wait for any marker written after this: 'YYYY-MM-DD HH:MM:SS', UTC, by the store's clock"),
    OPTION("timeout", DURATION, marker_flags, timeout_ms, .argument = "TIME", .preset = "1h",
           .max = INT64_C(30) * 86400000, .help = "give up after so long; exit status 5"),
    OPTION("interval", DURATION, marker_flags, interval_ms, .argument = "TIME", .preset = "5s", .min = 100,
           .max = INT64_C(3600000), .help = "time between two looks"),
};

/* ---- one marker, for people and programs ---- */

static const char *state_name(enum marker_state state)
{
    return state == MARKER_COMPLETE ? "success" : state == MARKER_FAILED ? "failed" : "unfinished";
}

/* An identity that may only list still sees how it ended. */
static RC read_story(struct store *store, struct marker *marker, struct marker_story *ret, struct error *err)
{
    enum rc rc = marker->state != MARKER_UNFINISHED ? marker_read(store, marker, ret, err) : RC_NOT_FOUND;
    if (rc == RC_DENIED || rc == RC_NOT_FOUND) {
        *ret = (struct marker_story){.rows = -1, .files = -1, .seconds = -1};
        marker->state = marker->state == MARKER_BOTH ? MARKER_FAILED : marker->state;
        return RC_OK;
    }
    if (rc == RC_OK && marker->state == MARKER_BOTH)
        marker->state = text_eq(ret->status, "success") ? MARKER_COMPLETE : MARKER_FAILED;
    return rc;
}

static json_t *number_to_json(int64_t number) { return number >= 0 ? json_integer(number) : json_null(); }

static json_t *marker_to_json(const struct marker *marker, const struct marker_story *story)
{
    json_t *json = json_object();
    char at[STAMP_TEXT];
    stamp_print(marker->modified_us, 0, at);
    json_put_text(json, "pipeline", marker->pipeline);
    json_put_text(json, "table", marker->table);
    json_put_text(json, "stamp", marker->stamp);
    json_put_text(json, "status", state_name(marker->state));
    json_put(json, "rows", number_to_json(story->rows));
    json_put(json, "files", number_to_json(story->files));
    json_put(json, "duration_seconds", story->seconds >= 0 ? json_real(story->seconds) : json_null());
    json_put_text(json, "written_at", at);
    json_put_text(json, "folder", marker->folder);
    return json;
}

static void add_row(struct text_table *table, const struct marker *marker, const struct marker_story *story)
{
    char at[STAMP_TEXT], rows[HUMAN_TEXT] = "-";
    stamp_print(marker->modified_us, 0, at);
    if (story->rows >= 0)
        human_count(story->rows, rows);
    text_table_add(table, marker->pipeline);
    text_table_add(table, marker->table);
    text_table_add(table, marker->stamp);
    text_table_add(table, state_name(marker->state));
    text_table_add(table, rows);
    text_table_add(table, at);
}

/* Several, newest first or in their order; as rows and as JSON. */
struct listed {
    struct text_table table;
    json_t *documents;
};

static void listed_begin(struct listed *self)
{
    static const char *const heads[] = {"pipeline", "table", "stamp", "status", "rows", "written"};
    *self = (struct listed){.table = {.columns = 6, .right = 1 << 4}, .documents = json_array()};
    for (int i = 0; i < self->table.columns; i++)
        text_table_add(&self->table, heads[i]);
}

static void listed_release(struct listed *self)
{
    text_table_release(&self->table);
    json_decref(self->documents);
}

static RC listed_add(struct listed *self, struct store *store, struct marker *marker, struct error *err)
{
    AUTO_RELEASE(marker_story) story = {0};
    TRY(read_story(store, marker, &story, err));
    add_row(&self->table, marker, &story);
    json_array_append_new(self->documents, marker_to_json(marker, &story));
    return RC_OK;
}

static void listed_print(const struct listed *self, struct cli *cli)
{
    if (!cli_is_json(cli)) {
        text_table_print(&self->table, cli->out);
        return;
    }
    AUTO_JSON *document = json_object();
    json_put(document, "markers", json_incref(self->documents));
    print_json(cli, document);
}

/* ---- list ---- */

static RC check_list(const struct cli *cli, struct error *err)
{
    const struct marker_flags *flags = cli->flags;
    if (flags->table == NULL || flags->pipeline != NULL)
        return RC_OK;
    fail(err, RC_CONFIG, "'marker list' needs -p where a table is named");
    return fail_todo(err, "add -p PIPELINE");
}

static RC run_list(struct cli *cli, struct error *err)
{
    const struct marker_flags *flags = cli->flags;
    AUTO_RELEASE(marker_session) session = {.cli = cli};
    const struct marker_filter filter = {.pipeline = flags->pipeline, .table = flags->table};
    struct marker_list list;
    TRY(marker_session_open(&session, flags->bucket, flags->pipeline, false, err));
    TRY(marker_list(session.store, &filter, &session.arena, &list, err));
    marker_sort(&list);
    AUTO_RELEASE(listed) listed;
    listed_begin(&listed);
    for (int i = 0; i < list.count && i < flags->limit; i++)
        TRY(listed_add(&listed, session.store, &list.items[i], err));
    listed_print(&listed, cli);
    return RC_OK;
}

/* ---- show ---- */

static RC no_marker(const struct marker_session *session, const struct marker_flags *flags, struct error *err)
{
    if (flags->stamp != NULL)
        fail(err, RC_NOT_FOUND, "'%s/%s' has no marker '%s' in '%s'", session->pipeline, flags->table, flags->stamp,
             session->store->address);
    else
        fail(err, RC_NOT_FOUND, "'%s/%s' has no marker in '%s'", session->pipeline, flags->table,
             session->store->address);
    fail_id(err, "no-marker");
    return fail_todo(err, "see which there are: waybill marker list --s3-completion-bucket %s", flags->bucket);
}

static RC read_json(struct store *store, const struct marker *marker, const char *name, json_t **ret, struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    TRY(marker_read_object(store, marker, name, &text, err));
    return json_read(buf_str(&text), name, ret, err);
}

static RC show_json(struct marker_session *session, const struct marker *marker, const struct marker_story *story,
                    struct error *err)
{
    AUTO_JSON *document = marker_to_json(marker, story), *metrics = NULL;
    if (marker->has_metrics)
        TRY(read_json(session->store, marker, "table_metrics.json", &metrics, err));
    json_put(document, "execution_metadata", story->document != NULL ? json_incref(story->document) : json_null());
    json_put(document, "table_metrics", metrics != NULL ? json_incref(metrics) : json_null());
    print_json(session->cli, document);
    return RC_OK;
}

static RC show_text(struct marker_session *session, const struct marker *marker, struct error *err)
{
    struct cli *cli = session->cli;
    AUTO_RELEASE(buf) text = {0};
    bool is_complete = marker->state == MARKER_COMPLETE;
    if (marker->state != MARKER_UNFINISHED)
        TRY(marker_read_object(session->store, marker, is_complete ? "completion_marker.txt" : "failure_marker.txt",
                               &text, err));
    print_safe(cli->out, session->store->address);
    fputs("/", cli->out);
    print_safe(cli->out, marker->folder);
    fputs("\n", cli->out);
    print_safe(cli->out, text.len > 0 ? text.at : "unfinished: its run is about to end, or died there\n");
    return RC_OK;
}

static RC run_show(struct cli *cli, struct error *err)
{
    const struct marker_flags *flags = cli->flags;
    AUTO_RELEASE(marker_session) session = {.cli = cli};
    AUTO_RELEASE(marker_story) story = {0};
    struct marker_list list;
    TRY(marker_session_open(&session, flags->bucket, flags->pipeline, true, err));
    const struct marker_filter filter = {session.pipeline, flags->table, flags->stamp, 0};
    TRY(marker_list(session.store, &filter, &session.arena, &list, err));
    marker_sort(&list);
    if (list.count == 0)
        return no_marker(&session, flags, err);
    TRY(read_story(session.store, &list.items[0], &story, err));
    return cli_is_json(cli) ? show_json(&session, &list.items[0], &story, err)
                            : show_text(&session, &list.items[0], err);
}

/* ---- wait ---- */

static RC check_show(const struct cli *cli, struct error *err)
{
    const struct marker_flags *flags = cli->flags;
    return flags->stamp != NULL ? marker_check_stamp(flags->stamp, "--stamp", err) : RC_OK;
}

static RC check_wait(const struct cli *cli, struct error *err)
{
    const struct marker_flags *flags = cli->flags;
    int64_t ignored;
    TRY(check_show(cli, err));
    if ((flags->stamp != NULL) == (flags->newer_than != NULL)) {
        fail(err, RC_CONFIG, "'marker wait' needs one of --stamp and --newer-than: any marker could be yesterday's");
        return fail_todo(err, "give the run `--marker-stamp X`, and wait with `--stamp X`");
    }
    if (flags->newer_than == NULL || stamp_parse(flags->newer_than, &ignored))
        return RC_OK;
    fail(err, RC_CONFIG, "--newer-than '%s' is no time", flags->newer_than);
    return fail_todo(err, "write it as 'YYYY-MM-DD HH:MM:SS', in UTC");
}

struct waiting {
    struct marker_session session;
    const struct marker_flags *flags;
    struct listed found;
    bool *done; /* by table */
    int left;
    int64_t after_us;
    struct arena look; /* of the list at hand */
};

static void waiting_release(struct waiting *self)
{
    arena_release(&self->look);
    listed_release(&self->found);
    marker_session_release(&self->session);
}

static RC run_has_failed(struct waiting *self, struct marker *marker, struct error *err)
{
    AUTO_RELEASE(marker_story) story = {0};
    TRY(read_story(self->session.store, marker, &story, err));
    fail(err, RC_FAILED, "the run of '%s/%s' with the marker '%s' failed%s%s", marker->pipeline, marker->table,
         marker->stamp, story.failure != NULL ? ": " : "", or_empty(story.failure));
    fail_id(err, "awaited-run-failed");
    return fail_todo(err, "put that right, run it again with the same --marker-stamp, and wait again");
}

/* One look for one table. A failure ends the wait. */
static RC look_for(struct waiting *self, int table, struct error *err)
{
    const struct marker_filter filter = {self->session.pipeline, self->flags->tables.items[table], self->flags->stamp,
                                         self->after_us};
    struct marker_list list;
    arena_reset(&self->look);
    TRY(marker_list(self->session.store, &filter, &self->look, &list, err));
    marker_sort(&list);
    int newest = 0;
    while (newest < list.count && list.items[newest].state == MARKER_UNFINISHED)
        newest++;
    if (newest == list.count)
        return RC_OK;
    struct marker *marker = &list.items[newest];
    TRY(marker_settle(self->session.store, marker, err));
    if (marker->state == MARKER_FAILED)
        return run_has_failed(self, marker, err);
    TRY(listed_add(&self->found, self->session.store, marker, err));
    self->done[table] = true;
    self->left--;
    return RC_OK;
}

static RC look_for_all(struct waiting *self, struct error *err)
{
    for (int i = 0; i < self->flags->tables.count; i++) {
        if (!self->done[i])
            TRY(look_for(self, i, err));
    }
    return RC_OK;
}

/* In slices: a signal that another thread took is seen soon. */
static RC sleep_for(const struct cli *cli, int64_t ms, struct error *err)
{
    enum { SLICE_MS = 250 };
    for (; ms > 0; ms -= SLICE_MS) {
        TRY(opening_check_stop(cli->stop, err));
        cli->clock->sleep_ms(cli->clock, ms < SLICE_MS ? ms : SLICE_MS);
    }
    return opening_check_stop(cli->stop, err);
}

static RC wait_is_over(const struct waiting *self, struct error *err)
{
    AUTO_RELEASE(buf) missing = {0};
    char waited[HUMAN_TEXT];
    for (int i = 0; i < self->flags->tables.count; i++) {
        if (!self->done[i])
            buf_addf(&missing, "%s'%s'", missing.len > 0 ? ", " : "", self->flags->tables.items[i]);
    }
    human_time(self->flags->timeout_ms / 1000, waited);
    fail(err, RC_DEADLINE, "after %s there is no marker of %s %s '%s' in '%s'", waited, missing.at,
         self->flags->stamp != NULL ? "with the stamp" : "that is newer than",
         self->flags->stamp != NULL ? self->flags->stamp : self->flags->newer_than, self->session.store->address);
    fail_id(err, "no-marker");
    return fail_todo(err, "see whether the run goes on, with `waybill status`, and which markers there are, with "
                          "`waybill marker list`");
}

static RC wait_for_all(struct waiting *self, struct error *err)
{
    struct cli *cli = self->session.cli;
    int64_t until_ms = cli->clock->mono_ms(cli->clock) + self->flags->timeout_ms;
    for (;;) {
        if (look_for_all(self, err) != RC_OK) {
            if (!rc_is_transient(err->rc))
                return err->rc;
            log_warn("marker.not_seen", KV("why", err->text));
        }
        if (self->left == 0)
            return RC_OK;
        int64_t left_ms = until_ms - cli->clock->mono_ms(cli->clock);
        if (left_ms <= 0)
            return wait_is_over(self, err);
        TRY(sleep_for(cli, left_ms < self->flags->interval_ms ? left_ms : self->flags->interval_ms, err));
    }
}

static RC run_wait(struct cli *cli, struct error *err)
{
    const struct marker_flags *flags = cli->flags;
    AUTO_RELEASE(waiting) self = {.session = {.cli = cli}, .flags = flags, .left = flags->tables.count};
    listed_begin(&self.found);
    TRY(marker_session_open(&self.session, flags->bucket, flags->pipeline, true, err));
    self.done = arena_take(&cli->arena, sizeof(*self.done) * (size_t)flags->tables.count);
    if (flags->newer_than != NULL && !stamp_parse(flags->newer_than, &self.after_us))
        return fail(err, RC_CONFIG, "--newer-than '%s' is no time", flags->newer_than);
    TRY(wait_for_all(&self, err));
    listed_print(&self.found, cli);
    return RC_OK;
}

/* ---- the verbs ---- */

const struct command cmd_marker_list = {
    .path = "marker list",
    .group = GROUP_MARKER,
    .summary = "Lists completion markers, newest first",
    .flags = &OPTION_TABLE(list_table),
    .flags_bytes = sizeof(struct marker_flags),
    .examples = "  waybill marker list --s3-completion-bucket airflow-completion-markers -p shop -t orders\n"
                "  waybill marker list -b s3://airflow-completion-markers --limit 10 --output json\n",
    .check = check_list,
    .run = run_list,
};
const struct command cmd_marker_show = {
    .path = "marker show",
    .group = GROUP_MARKER,
    .summary = "Shows a table's marker; with --output json all that is in its folder",
    .flags = &OPTION_TABLE(show_table),
    .flags_bytes = sizeof(struct marker_flags),
    .examples = "  waybill marker show -b airflow-completion-markers -p shop -t orders\n"
                "  waybill marker show -b airflow-completion-markers -p shop -t orders --stamp 20250912T020000 \\\n"
                "    --output json | jq .execution_metadata.summary.total_rows_processed\n",
    .check = check_show,
    .run = run_show,
};
const struct command cmd_marker_wait = {
    .path = "marker wait",
    .group = GROUP_MARKER,
    .summary = "Waits until tables are through, as their markers tell",
    .flags = &OPTION_TABLE(wait_table),
    .flags_bytes = sizeof(struct marker_flags),
    .about = "Ends with 0 when all of them have the marker that is waited for; with 1 when one of them has a failure "
             "marker\n"
             "instead; with 5 when the time is over.\n",
    .examples = "  waybill marker wait -b airflow-completion-markers -p shop -t orders --stamp 20250912T020000\n"
                "  waybill marker wait -b airflow-completion-markers -p shop -t orders -t customers \\\n"
                "    --newer-than '2025-09-12 02:00:00' --timeout 30m\n",
    .check = check_wait,
    .run = run_wait,
};

/* marker write and clean: markers that are written once more, and markers that are old. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cleaning.h"
#include "cli/marker_store.h"
#include "cli/outcome.h"
#include "cli/session.h"
#include "io/file.h"
#include "move/announce.h"
#include "move/markers.h"
#include "state/keys.h"

struct keep_flags {
    const char *bucket, *pipeline, *table, *from, *stamp;
    struct text_list tables;
    int64_t older_than_ms;
    bool dry_run, force;
};

static const struct option write_table[] = {
    MARKER_BUCKET(keep_flags),
    MARKER_PIPELINE(keep_flags, "pipeline; the only one, or the default one, without"),
    OPTION("table", LIST, keep_flags, tables, .letter = 't', .argument = "NAME",
           .help = "table of the source; all that are listed, or that FILE tells of, without"),
    OPTION("from", STRING, keep_flags, from, .argument = "FILE",
           .help = "write what this --json-output of a run says, and open nothing else"),
    OPTION("marker-stamp", STRING, keep_flags, stamp, .argument = "TEXT",
           .help = "name of the folder; that of the run without"),
};
static const struct option clean_table[] = {
    MARKER_BUCKET(keep_flags),
    MARKER_PIPELINE(keep_flags, "of this pipeline only"),
    OPTION("table", STRING, keep_flags, table, .letter = 't', .argument = "NAME",
           .help = "of this table only; needs -p"),
    OPTION("older-than", DURATION, keep_flags, older_than_ms, .argument = "AGE", .required = true,
           .max = INT64_C(36500) * 86400000, .help = "folders in which nothing was written for so long: 30d"),
    OPTION("dry-run", BOOL, keep_flags, dry_run, .help = "show what would be deleted, and change nothing"),
    OPTION("force", BOOL, keep_flags, force, .help = "delete without being asked"),
};

/* ---- write ---- */

struct written {
    struct cli *cli;
    struct outcome outcome;
    json_t *documents;
};

static void tell_written(struct written *self, const struct marker_place *place, const json_t *document,
                         const char *table)
{
    struct cli *cli = self->cli;
    const json_t *result = json_object_get(json_object_get(document, "table_results"), table);
    json_t *json = json_object();
    json_put_text(json, "pipeline", json_text(document, "pipeline"));
    json_put_text(json, "table", table);
    json_put_text(json, "stamp", place->stamp);
    json_put_text(json, "status", json_text(result, "status"));
    json_put_int(json, "rows", json_int(result, "rows_processed", 0));
    json_array_append_new(self->documents, json);
    if (cli_is_json(cli))
        return;
    print_safe(cli->out, table);
    fprintf(cli->out, ": %s, %lld rows, written as %s\n", or_empty(json_text(result, "status")),
            (long long)json_int(result, "rows_processed", 0), place->stamp);
}

static RC write_one(struct written *self, const struct marker_place *place, const json_t *document, const char *table,
                    struct error *err)
{
    if (marker_write(place, document, table, err) != RC_OK)
        return fail_in(err, "writing the markers of '%s' into '%s'", table, place->store->name);
    tell_written(self, place, document, table);
    return RC_OK;
}

/* A run that was given no stamp of its own has that of its start, which is in its name: sync_20250912_143022_a3f8e1b2.
 */
static const char *stamp_of(const json_t *document, const char *wanted, struct arena *arena)
{
    const char *kept = json_text(json_object_get(document, "waybill"), "marker_stamp");
    const char *name = or_empty(json_text(document, "execution_id"));
    if (wanted != NULL || kept != NULL)
        return wanted != NULL ? wanted : kept;
    return strncmp(name, "sync_", 5) == 0 && strlen(name) > 20 ? arena_print(arena, "%.15s", name + 5) : "";
}

static RC read_document(const char *path, json_t **ret, struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    TRY(file_read(path, JSON_DOCUMENT_BYTES_MAX, &text, err));
    return json_read(buf_str(&text), path, ret, err);
}

static RC write_from_file(struct written *self, struct error *err)
{
    const struct keep_flags *flags = self->cli->flags;
    AUTO_RELEASE(marker_session) session = {.cli = self->cli};
    AUTO_JSON *document = NULL;
    TRY(read_document(flags->from, &document, err));
    const char *pipeline = json_text(document, "pipeline"), *table;
    TRY(marker_session_open(&session, flags->bucket, pipeline != NULL ? pipeline : flags->pipeline, true, err));
    const struct marker_place place = {session.store, stamp_of(document, flags->stamp, &session.arena), false};
    TRY(marker_check_stamp(place.stamp, "the stamp in the document", err));
    json_t *result;
    for (int i = 0; i < flags->tables.count; i++)
        TRY(write_one(self, &place, document, flags->tables.items[i], err));
    if (flags->tables.count > 0)
        return RC_OK;
    json_object_foreach(json_object_get(document, "table_results"), table, result)
        TRY(write_one(self, &place, document, table, err));
    if (json_array_size(self->documents) == 0)
        return fail(err, RC_DATA, "'%s' does not tell of a run", flags->from);
    return RC_OK;
}

static RC write_table_again(struct written *self, struct session *session, const struct table_config *table,
                            struct error *err)
{
    const struct keep_flags *flags = self->cli->flags;
    const struct run_options options = {.marker_stamp = flags->stamp};
    session_begin(session, &options, table);
    TRY(marker_recall(session->run, err));
    AUTO_JSON *document = announce_document(session->run);
    const struct marker_place place = {session->markers, session->run->stamp, false};
    return write_one(self, &place, document, table->name, err);
}

/* Each from its own documents: their last runs need not be the same. */
static RC write_again(struct written *self, struct error *err)
{
    const struct keep_flags *flags = self->cli->flags;
    AUTO_RELEASE(session) session = {.cli = self->cli};
    const struct session_wants wants = {
        .pipeline = flags->pipeline, .tables = flags->tables, .known = true, .markers = flags->bucket};
    TRY(cli_load_for(self->cli, NULL, 0, err));
    TRY(session_open(&session, &wants, err));
    for (int i = 0; i < session.table_count; i++) {
        struct error why = {0};
        enum rc rc = write_table_again(self, &session, &session.tables[i], &why);
        outcome_add(&self->outcome, rc);
        if (rc == RC_OK)
            continue;
        fail_in(&why, "%s", session.tables[i].name);
        print_error_message(self->cli, &why);
    }
    return RC_OK;
}

static RC run_write(struct cli *cli, struct error *err)
{
    const struct keep_flags *flags = cli->flags;
    AUTO_JSON *document = json_object();
    struct written self = {.cli = cli, .documents = json_array()};
    json_put(document, "markers", self.documents);
    TRY(flags->from != NULL ? write_from_file(&self, err) : write_again(&self, err));
    if (cli_is_json(cli))
        print_json(cli, document);
    cli->status = outcome_status(&self.outcome);
    return RC_OK;
}

static RC check_write(const struct cli *cli, struct error *err)
{
    const struct keep_flags *flags = cli->flags;
    return flags->stamp != NULL ? marker_check_stamp(flags->stamp, "--marker-stamp", err) : RC_OK;
}

/* ---- clean ---- */

static RC check_clean(const struct cli *cli, struct error *err)
{
    const struct keep_flags *flags = cli->flags;
    if (flags->table == NULL || flags->pipeline != NULL)
        return RC_OK;
    fail(err, RC_CONFIG, "'marker clean' needs -p where a table is named");
    return fail_todo(err, "add -p PIPELINE");
}

static void print_cleaned(struct cli *cli, const char *name, const struct cleaned *found, bool was_deleted)
{
    const struct keep_flags *flags = cli->flags;
    if (!cli_is_json(cli)) {
        if (was_deleted)
            cleaning_print_deleted(cli, name, found);
        return;
    }
    AUTO_JSON *document = json_object();
    json_put(document, "dry_run", json_boolean(flags->dry_run));
    cleaning_to_json(document, found, was_deleted);
    print_json(cli, document);
}

static RC run_clean(struct cli *cli, struct error *err)
{
    const struct keep_flags *flags = cli->flags;
    AUTO_RELEASE(marker_session) session = {.cli = cli};
    const struct marker_filter filter = {.pipeline = flags->pipeline, .table = flags->table};
    int64_t now_us;
    struct cleaned found;
    bool yes = false;
    TRY(marker_session_open(&session, flags->bucket, flags->pipeline, false, err));
    TRY(store_now(session.store, cli->clock, KEY_MARKERS, &now_us, err));
    int64_t until_us = cleaned_until(now_us, flags->older_than_ms);
    TRY(marker_clean(session.store, &filter, until_us, true, &session.arena, &found, err));
    if (!cli_is_json(cli))
        cleaning_print_found(cli, session.store->address, "object", &found);
    if (!flags->dry_run && found.count > 0)
        TRY(cleaning_ask(cli, "object", &found, flags->force, &yes, err));
    if (yes)
        TRY(marker_clean(session.store, &filter, until_us, false, &session.arena, &found, err));
    print_cleaned(cli, session.store->address, &found, yes);
    struct error why = {0};
    if (cleaning_judge(session.store->name, "objects", &found, &why) != RC_OK) {
        print_error_message(cli, &why);
        cli->status = 3;
    }
    return RC_OK;
}

const struct command cmd_marker_write = {
    .path = "marker write",
    .group = GROUP_MARKER,
    .summary = "Writes markers once more, from receipts or from a run's JSON",
    .flags = &OPTION_TABLE(write_table),
    .flags_bytes = sizeof(struct keep_flags),
    .about =
        "Of each table, what its last load was: from the scope document, waybills and receipts, with the name the "
        "run\n"
        "had. What was not kept there (how long the extraction took) is null. With --from, everything is as the run "
        "\n"
        "wrote it with --json-output, a failure too.\n",
    .examples = "  waybill marker write -b airflow-completion-markers -p shop -t orders\n"
                "  waybill marker write -b airflow-completion-markers --from /tmp/sync_result.json\n",
    .check = check_write,
    .run = run_write,
};
const struct command cmd_marker_clean = {
    .path = "marker clean",
    .group = GROUP_MARKER,
    .summary = "Deletes old completion markers",
    .flags = &OPTION_TABLE(clean_table),
    .flags_bytes = sizeof(struct keep_flags),
    .about = "By exact key, and nothing but the four objects that a marker's folder may have, below "
             "completion_markers/.\n"
             "Shows what it found first, and asks on a terminal; anywhere else it needs --force.\n"
             "\n"
             "Exit status: 3 when some objects could not be deleted.\n",
    .examples = "  waybill marker clean -b airflow-completion-markers --older-than 30d --dry-run\n"
                "  waybill marker clean -b airflow-completion-markers -p shop --older-than 30d --force\n",
    .check = check_clean,
    .run = run_clean,
};

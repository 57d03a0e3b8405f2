/* s3clean orphans: objects that no chain reaches, found, shown, and deleted when that is said clearly enough. */
#include <unistd.h>

#include "base/log.h"
#include "cli/outcome.h"
#include "cli/session.h"
#include "cli/show.h"
#include "move/orphans.h"

struct s3clean_flags {
    const char *pipeline;
    struct text_list tables;
    int64_t older_than_ms;
    bool dry_run, force;
};

static const struct option orphans_table[] = {
    OPTION("pipeline", STRING, s3clean_flags, pipeline, .letter = 'p', .argument = "NAME",
           .help = "pipeline; the only one, or the default one, without"),
    OPTION("table", LIST, s3clean_flags, tables, .letter = 't', .argument = "NAME",
           .help = "table; all that have a mark without"),
    OPTION("older-than", DURATION, s3clean_flags, older_than_ms, .argument = "AGE", .preset = "1d",
           .max = INT64_C(36500) * 86400000, .help = "leave younger ones alone, by the store's clock"),
    OPTION("dry-run", BOOL, s3clean_flags, dry_run, .help = "show what would be deleted, and change nothing"),
    OPTION("force", BOOL, s3clean_flags, force, .help = "delete without being asked"),
};

enum { SAMPLES = 5 };

/* One table: what was seen, and what became of it. */
struct cleaning {
    const struct table_config *table;
    struct orphans orphans; /* its texts live in the session's arena */
    bool was_deleted;
    enum rc rc;
    struct error error;
};

struct s3clean {
    struct session session;
    struct cleaning *items;
    struct outcome outcome;
    int64_t count, bytes;
};

static void s3clean_release(struct s3clean *self) { session_release(&self->session); }

/* ---- looking and deleting ---- */

/* The run's own memory ends with it. */
static void keep_orphans(struct s3clean *self, struct cleaning *item, const struct orphans *found)
{
    struct arena *arena = &self->session.arena;
    item->orphans = *found;
    item->orphans.failure = arena_text(arena, found->failure);
    int samples = found->count < SAMPLES ? found->count : SAMPLES;
    item->orphans.items = arena_take(arena, sizeof(*found->items) * SAMPLES);
    for (int i = 0; i < samples; i++) {
        item->orphans.items[i] = found->items[i];
        item->orphans.items[i].key = arena_text(arena, found->items[i].key);
        item->orphans.items[i].upload_id = arena_text(arena, found->items[i].upload_id);
    }
}

static void clean_table(struct s3clean *self, struct cleaning *item, bool dry)
{
    const struct s3clean_flags *flags = self->session.cli->flags;
    const struct run_options options = {0};
    struct orphans found;
    if (!dry)
        session_watch(&self->session, self->session.pipeline->lease_ms);
    session_begin(&self->session, &options, item->table);
    log_context(self->session.run->run_id, self->session.pipeline->name, item->table->name);
    item->rc = orphans_clean(self->session.run, flags->older_than_ms, dry, &found, &item->error);
    item->was_deleted = item->rc == RC_OK && !dry;
    if (item->rc == RC_OK)
        keep_orphans(self, item, &found);
    log_context(NULL, NULL, NULL);
    session_unwatch(&self->session); /* it holds the run's scope */
}

static void look_at_all(struct s3clean *self)
{
    self->items = arena_take(&self->session.arena, sizeof(*self->items) * (size_t)(self->session.table_count + 1));
    for (int i = 0; i < self->session.table_count; i++) {
        struct cleaning *item = &self->items[i];
        item->table = &self->session.tables[i];
        clean_table(self, item, true);
        self->count += item->orphans.count;
        self->bytes += item->orphans.bytes;
    }
}

static void delete_all(struct s3clean *self)
{
    for (int i = 0; i < self->session.table_count; i++) {
        if (self->items[i].rc == RC_OK && self->items[i].orphans.count > 0)
            clean_table(self, &self->items[i], false);
    }
}

/* ---- asking ---- */

/* Only a person who sees the question can answer it. */
static RC ask(struct s3clean *self, bool *ret_yes, struct error *err)
{
    struct cli *cli = self->session.cli;
    const struct s3clean_flags *flags = cli->flags;
    char answer[16] = "", count[HUMAN_TEXT], bytes[HUMAN_TEXT];
    *ret_yes = flags->force;
    if (flags->force)
        return RC_OK;
    if (cli_is_json(cli) || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        fail(err, RC_CONFIG, "'s3clean orphans' found %lld objects and may not delete them without being told to",
             (long long)self->count);
        return fail_todo(err, "look at them with --dry-run, then say --force");
    }
    human_count(self->count, count);
    human_bytes(self->bytes, bytes);
    fprintf(cli->messages, "delete %s objects (%s) for good? [y/N] ", count, bytes);
    fflush(cli->messages);
    *ret_yes = fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
    return RC_OK;
}

/* ---- what is said ---- */

static void print_samples(struct cli *cli, const struct cleaning *item)
{
    const struct orphans *orphans = &item->orphans;
    for (int i = 0; i < orphans->count && i < SAMPLES; i++) {
        fputs("  ", cli->out);
        print_safe(cli->out, orphans->items[i].key);
        fputs(orphans->items[i].upload_id != NULL ? " (unfinished upload)\n" : "\n", cli->out);
    }
    if (orphans->count > SAMPLES)
        fprintf(cli->out, "  ... and %d more\n", orphans->count - SAMPLES);
}

static void print_found(const struct s3clean *self)
{
    struct cli *cli = self->session.cli;
    char bytes[HUMAN_TEXT];
    for (int i = 0; i < self->session.table_count; i++) {
        const struct cleaning *item = &self->items[i];
        if (item->rc != RC_OK)
            continue;
        AUTO_RELEASE(buf) count = {0};
        show_count(item->orphans.count, "orphan", &count);
        human_bytes(item->orphans.bytes, bytes);
        print_safe(cli->out, item->table->name);
        fprintf(cli->out, ": %s, %s\n", count.at, bytes);
        print_samples(cli, item);
    }
}

static void print_deleted(const struct s3clean *self)
{
    struct cli *cli = self->session.cli;
    for (int i = 0; i < self->session.table_count; i++) {
        const struct cleaning *item = &self->items[i];
        if (!item->was_deleted)
            continue;
        AUTO_RELEASE(buf) count = {0};
        show_count(item->orphans.count - item->orphans.failed, "object", &count);
        print_safe(cli->out, item->table->name);
        fprintf(cli->out, ": %s deleted\n", count.at);
    }
}

static json_t *item_to_json(const struct s3clean *self, const struct cleaning *item)
{
    json_t *json = json_object(), *samples = json_array();
    json_put_text(json, "pipeline", self->session.pipeline->name);
    json_put_text(json, "table", item->table->name);
    json_put_int(json, "count", item->orphans.count);
    json_put_int(json, "bytes", item->orphans.bytes);
    for (int i = 0; i < item->orphans.count && i < SAMPLES; i++)
        json_array_append_new(samples, json_string(item->orphans.items[i].key));
    json_put(json, "samples", samples);
    json_put_int(json, "deleted", item->was_deleted ? item->orphans.count - item->orphans.failed : 0);
    json_put_int(json, "failed", item->orphans.failed);
    if (item->rc != RC_OK) {
        AUTO_JSON *failure = error_to_json(&item->error);
        json_put(json, "error", json_incref(json_object_get(failure, "error")));
    }
    return json;
}

static void print_document(const struct s3clean *self, bool dry)
{
    AUTO_JSON *document = json_object();
    json_t *tables = json_array();
    json_put(document, "dry_run", json_boolean(dry));
    for (int i = 0; i < self->session.table_count; i++)
        json_array_append_new(tables, item_to_json(self, &self->items[i]));
    json_put(document, "tables", tables);
    print_json(self->session.cli, document);
}

/* Keys that could not be deleted make a partial failure, whatever became of the others. */
static void sum_up(struct s3clean *self)
{
    struct cli *cli = self->session.cli;
    bool is_partial = false;
    for (int i = 0; i < self->session.table_count; i++) {
        struct cleaning *item = &self->items[i];
        outcome_add(&self->outcome, item->rc);
        if (item->rc == RC_OK && item->orphans.failed > 0) {
            fail(&item->error, RC_FAILED, "%s: %d of %d objects could not be deleted, the first: %s", item->table->name,
                 item->orphans.failed, item->orphans.count, item->orphans.failure);
            fail_todo(&item->error, "see what the store says, then run the same command again");
            is_partial = true;
        } else if (item->rc != RC_OK) {
            fail_in(&item->error, "%s", item->table->name);
        } else {
            continue;
        }
        print_error_message(cli, &item->error);
    }
    cli->status = outcome_status(&self->outcome);
    if (cli->status == 0 && is_partial)
        cli->status = 3;
}

static RC run_orphans(struct cli *cli, struct error *err)
{
    const struct s3clean_flags *flags = cli->flags;
    AUTO_RELEASE(s3clean) self = {.session = {.cli = cli}};
    const struct session_wants wants = {
        .pipeline = flags->pipeline, .tables = flags->tables, .target = true, .known = true};
    bool yes = false;
    TRY(session_open(&self.session, &wants, err));
    look_at_all(&self);
    if (!cli_is_json(cli))
        print_found(&self);
    if (!flags->dry_run && self.count > 0)
        TRY(ask(&self, &yes, err));
    if (yes)
        delete_all(&self);
    if (cli_is_json(cli))
        print_document(&self, flags->dry_run);
    else
        print_deleted(&self);
    sum_up(&self);
    return RC_OK;
}

const struct command cmd_s3clean_orphans = {
    .path = "s3clean orphans",
    .group = GROUP_CLEAN,
    .summary = "Deletes what crashed runs left in the stage and no chain reaches",
    .flags = &OPTION_TABLE(orphans_table),
    .flags_bytes = sizeof(struct s3clean_flags),
    .about =
        "Shows count, bytes and samples first, and asks on a terminal; anywhere else it needs --force. What the scope\n"
        "document reaches is never touched. Not needed in general: each run clears away what the one before left.\n"
        "\n"
        "Exit status: 3 when some objects or tables could not be cleaned.\n",
    .examples = "  waybill s3clean orphans -p shop --dry-run\n"
                "  waybill s3clean orphans -p shop -t orders --older-than 7d --force\n",
    .run = run_orphans,
};

/* s3clean: what lies in the stage, found, shown, and deleted when that is said clearly enough: parts that were loaded,
 * and objects that no chain reaches. */
#include <inttypes.h>

#include "base/log.h"
#include "cli/cleaning.h"
#include "cli/outcome.h"
#include "cli/session.h"
#include "move/orphans.h"
#include "move/parts.h"

struct s3clean_flags {
    const char *pipeline, *pattern;
    struct text_list tables;
    int64_t older_than_ms;
    bool dry_run, force, sealed;
};

enum { AGE_DAYS_MAX = 36500 };
#define PIPELINE                                                                                                       \
    OPTION("pipeline", STRING, s3clean_flags, pipeline, .letter = 'p', .argument = "NAME",                             \
           .help = "pipeline; the only one, or the default one, without")
#define ANY_TABLE                                                                                                      \
    OPTION("table", LIST, s3clean_flags, tables, .letter = 't', .argument = "NAME",                                    \
           .help = "table; all that have a mark without")
#define WHICH_PARTS                                                                                                    \
    OPTION("older-than", DURATION, s3clean_flags, older_than_ms, .argument = "AGE",                                    \
           .max = INT64_C(86400000) * AGE_DAYS_MAX, .help = "only files that old, by the store's clock: 7d"),          \
        OPTION("pattern", STRING, s3clean_flags, pattern, .argument = "GLOB",                                          \
               .help = "only files whose name, or key below the table's prefix, is like this: 'dt=2025-08-*'"),        \
        OPTION("sealed", BOOL, s3clean_flags, sealed,                                                                  \
               .help = "of a pipeline with `target: none`: all that is sealed; somebody else loaded it")
#define HOW                                                                                                            \
    OPTION("dry-run", BOOL, s3clean_flags, dry_run, .help = "show what would be deleted, and change nothing"),         \
        OPTION("force", BOOL, s3clean_flags, force, .help = "delete without being asked")

static const struct option list_table[] = {PIPELINE, ANY_TABLE, WHICH_PARTS};
static const struct option clean_table[] = {
    PIPELINE,
    OPTION("table", LIST, s3clean_flags, tables, .letter = 't', .argument = "NAME", .required = true,
           .help = "table or pattern"),
    WHICH_PARTS,
    HOW,
};
static const struct option clean_all_table[] = {PIPELINE, ANY_TABLE, WHICH_PARTS, HOW};
static const struct option orphans_table[] = {
    PIPELINE,
    ANY_TABLE,
    OPTION("older-than", DURATION, s3clean_flags, older_than_ms, .argument = "AGE", .preset = "1d",
           .max = INT64_C(86400000) * AGE_DAYS_MAX, .help = "leave younger ones alone, by the store's clock"),
    HOW,
};

/* One table: what was seen, and what became of it. */
struct item {
    const struct table_config *table;
    struct cleaned found; /* its texts live in the session's arena */
    struct parts_total total;
    bool was_deleted;
    enum rc rc;
    struct error error;
};

struct s3clean {
    struct session session;
    const char *what;  /* is found: "orphan" */
    const char *whats; /* in the plural */
    RC (*look)(struct s3clean *self, struct item *item, bool dry, struct error *err);
    struct item *items;
    struct outcome outcome;
    struct cleaned all; /* of all tables: count and bytes */
};

static void s3clean_release(struct s3clean *self) { session_release(&self->session); }

static struct parts_wanted wanted_of(const struct s3clean_flags *flags)
{
    return (struct parts_wanted){flags->older_than_ms, flags->pattern, flags->sealed};
}

/* ---- looking and deleting ---- */

/* The run's own memory ends with it. */
static RC look_for_orphans(struct s3clean *self, struct item *item, bool dry, struct error *err)
{
    const struct s3clean_flags *flags = self->session.cli->flags;
    struct arena *arena = &self->session.arena;
    struct orphans found;
    TRY(orphans_clean(self->session.run, flags->older_than_ms, dry, &found, err));
    if (item == self->items) /* they belong to no table: once */
        TRY(orphans_clean_probes(self->session.run, flags->older_than_ms, dry, &found, err));
    item->found = (struct cleaned){.count = found.count,
                                   .bytes = found.bytes,
                                   .failed = found.failed,
                                   .failure = arena_text(arena, found.failure)};
    for (int i = 0; i < found.count && i < CLEANED_SAMPLES; i++)
        item->found.samples[item->found.sample_count++] = arena_print(
            arena, "%s%s", found.items[i].key, found.items[i].upload_id != NULL ? " (unfinished upload)" : "");
    return RC_OK;
}

static RC look_for_parts(struct s3clean *self, struct item *item, bool dry, struct error *err)
{
    const struct parts_wanted wanted = wanted_of(self->session.cli->flags);
    struct cleaned found;
    TRY(parts_clean(self->session.run, &wanted, dry, &found, err));
    item->found = cleaned_copy(&found, &self->session.arena);
    return RC_OK;
}

static RC look_at_total(struct s3clean *self, struct item *item, bool dry, struct error *err)
{
    const struct parts_wanted wanted = wanted_of(self->session.cli->flags);
    return parts_list(self->session.run, &wanted, &item->total, err);
}

static void look_at_table(struct s3clean *self, struct item *item, bool dry)
{
    const struct run_options options = {0};
    if (!dry)
        session_watch(&self->session, self->session.pipeline->lease_ms);
    session_begin(&self->session, &options, item->table);
    log_context(self->session.run->run_id, self->session.pipeline->name, item->table->name);
    item->rc = self->look(self, item, dry, &item->error);
    item->was_deleted = item->rc == RC_OK && !dry;
    log_context(NULL, NULL, NULL);
    session_unwatch(&self->session); /* it holds the run's scope */
}

static void look_at_all(struct s3clean *self)
{
    self->items = arena_take(&self->session.arena, sizeof(*self->items) * (size_t)(self->session.table_count + 1));
    for (int i = 0; i < self->session.table_count; i++) {
        struct item *item = &self->items[i];
        item->table = &self->session.tables[i];
        look_at_table(self, item, true);
        self->all.count += item->found.count;
        self->all.bytes += item->found.bytes;
    }
}

static void delete_all(struct s3clean *self)
{
    for (int i = 0; i < self->session.table_count; i++) {
        if (self->items[i].rc == RC_OK && self->items[i].found.count > 0)
            look_at_table(self, &self->items[i], false);
    }
}

/* ---- what is said ---- */

static void print_found(const struct s3clean *self, bool deleted)
{
    for (int i = 0; i < self->session.table_count; i++) {
        const struct item *item = &self->items[i];
        if (!deleted && item->rc == RC_OK)
            cleaning_print_found(self->session.cli, item->table->name, self->what, &item->found);
        else if (deleted && item->was_deleted)
            cleaning_print_deleted(self->session.cli, item->table->name, &item->found);
    }
}

static json_t *item_begin(const struct s3clean *self, const struct item *item)
{
    json_t *json = json_object();
    json_put_text(json, "pipeline", self->session.pipeline->name);
    json_put_text(json, "table", item->table->name);
    return json;
}

static void item_end(json_t *tables, json_t *json, const struct item *item)
{
    if (item->rc != RC_OK) {
        AUTO_JSON *failure = error_to_json(&item->error);
        json_put(json, "error", json_incref(json_object_get(failure, "error")));
    }
    json_array_append_new(tables, json);
}

static void print_document(const struct s3clean *self, bool dry)
{
    AUTO_JSON *document = json_object();
    json_t *tables = json_array();
    json_put(document, "dry_run", json_boolean(dry));
    for (int i = 0; i < self->session.table_count; i++) {
        json_t *json = item_begin(self, &self->items[i]);
        cleaning_to_json(json, &self->items[i].found, self->items[i].was_deleted);
        item_end(tables, json, &self->items[i]);
    }
    json_put(document, "tables", tables);
    print_json(self->session.cli, document);
}

/* Keys that could not be deleted make a partial failure, whatever became of the others. */
static void sum_up(struct s3clean *self)
{
    struct cli *cli = self->session.cli;
    bool is_partial = false;
    for (int i = 0; i < self->session.table_count; i++) {
        struct item *item = &self->items[i];
        outcome_add(&self->outcome, item->rc);
        if (item->rc != RC_OK) {
            fail_in(&item->error, "%s", item->table->name);
            print_error_message(cli, &item->error);
        } else if (cleaning_judge(item->table->name, self->whats, &item->found, &item->error) != RC_OK) {
            print_error_message(cli, &item->error);
            is_partial = true;
        }
    }
    cli->status = outcome_status(&self->outcome);
    if (cli->status == 0 && is_partial)
        cli->status = 3;
}

/* ---- the verbs ---- */

static RC check_sealed(const struct s3clean *self, struct error *err)
{
    const struct s3clean_flags *flags = self->session.cli->flags;
    const struct pipeline_config *pipeline = self->session.pipeline;
    if (flags->sealed == (pipeline->target == NULL))
        return RC_OK;
    if (flags->sealed) {
        fail(err, RC_CONFIG,
             "--sealed is for pipelines with `target: none`; '%s' loads into '%s', and receipts tell what",
             pipeline->name, pipeline->target);
        return fail_todo(err, "leave --sealed out");
    }
    fail(err, RC_CONFIG, "the pipeline '%s' has `target: none`: no receipt says what was loaded", pipeline->name);
    return fail_todo(err,
                     "say --sealed if whoever reads the stage is through with it; --older-than keeps the newer ones");
}

static RC open_tables(struct s3clean *self, bool target, struct error *err)
{
    const struct s3clean_flags *flags = self->session.cli->flags;
    const struct session_wants wants = {
        .pipeline = flags->pipeline, .tables = flags->tables, .target = target, .known = true};
    return session_open(&self->session, &wants, err);
}

/* Shows, asks, deletes. */
static RC clean(struct s3clean *self, struct error *err)
{
    struct cli *cli = self->session.cli;
    const struct s3clean_flags *flags = cli->flags;
    bool yes = false;
    look_at_all(self);
    if (!cli_is_json(cli))
        print_found(self, false);
    if (!flags->dry_run && self->all.count > 0)
        TRY(cleaning_ask(cli, self->what, &self->all, flags->force, &yes, err));
    if (yes)
        delete_all(self);
    if (cli_is_json(cli))
        print_document(self, flags->dry_run);
    else
        print_found(self, true);
    sum_up(self);
    return RC_OK;
}

static RC run_orphans(struct cli *cli, struct error *err)
{
    AUTO_RELEASE(s3clean) self = {
        .session = {.cli = cli}, .what = "orphan", .whats = "orphans", .look = look_for_orphans};
    TRY(open_tables(&self, true, err));
    return clean(&self, err);
}

static RC run_clean(struct cli *cli, struct error *err)
{
    AUTO_RELEASE(s3clean) self = {
        .session = {.cli = cli}, .what = "loaded file", .whats = "loaded files", .look = look_for_parts};
    TRY(open_tables(&self, true, err));
    TRY(check_sealed(&self, err));
    return clean(&self, err);
}

/* ---- list ---- */

static json_t *count_to_json(const struct parts_count *count)
{
    json_t *json = json_object();
    json_put_int(json, "waybills", count->waybills);
    json_put_int(json, "files", count->files);
    json_put_int(json, "bytes", count->bytes);
    return json;
}

static void print_totals_json(const struct s3clean *self)
{
    AUTO_JSON *document = json_object();
    json_t *tables = json_array();
    for (int i = 0; i < self->session.table_count; i++) {
        const struct item *item = &self->items[i];
        json_t *json = item_begin(self, item);
        json_put(json, "loaded", count_to_json(&item->total.loaded));
        json_put(json, "waiting", count_to_json(&item->total.waiting));
        json_put(json, "other", count_to_json(&item->total.other));
        item_end(tables, json, item);
    }
    json_put(document, "tables", tables);
    print_json(self->session.cli, document);
}

static void add_count(struct text_table *table, const struct parts_count *count)
{
    char files[HUMAN_TEXT], bytes[HUMAN_TEXT];
    human_count(count->files, files);
    human_bytes(count->bytes, bytes);
    text_table_addf(table, "%s, %s", files, bytes);
}

static void print_totals(const struct s3clean *self)
{
    static const char *const heads[] = {"table", "files", "size", "loaded", "waiting", "unreachable"};
    AUTO_RELEASE(text_table) table = {.columns = 6, .right = 1 << 1 | 1 << 2};
    char text[HUMAN_TEXT];
    for (int i = 0; i < table.columns; i++)
        text_table_add(&table, heads[i]);
    for (int i = 0; i < self->session.table_count; i++) {
        const struct parts_total *total = &self->items[i].total;
        if (self->items[i].rc != RC_OK)
            continue;
        text_table_add(&table, self->items[i].table->name);
        human_count(total->loaded.files + total->waiting.files + total->other.files, text);
        text_table_add(&table, text);
        human_bytes(total->loaded.bytes + total->waiting.bytes + total->other.bytes, text);
        text_table_add(&table, text);
        add_count(&table, &total->loaded);
        add_count(&table, &total->waiting);
        add_count(&table, &total->other);
    }
    text_table_print(&table, self->session.cli->out);
}

static RC run_list(struct cli *cli, struct error *err)
{
    AUTO_RELEASE(s3clean) self = {.session = {.cli = cli}, .what = "file", .whats = "files", .look = look_at_total};
    TRY(open_tables(&self, false, err));
    look_at_all(&self);
    if (cli_is_json(cli))
        print_totals_json(&self);
    else
        print_totals(&self);
    sum_up(&self);
    return RC_OK;
}

#define ABOUT_PARTS                                                                                                    \
    "Deletes the Parquet files of waybills that are in the target and have a receipt, by exact key. Waybills and\n"    \
    "receipts stay. Under the table's lease: no run works meanwhile. Shows count, bytes and samples first, and asks\n" \
    "on a terminal; anywhere else it needs --force.\n"                                                                 \
    "\n"                                                                                                               \
    "What is gone cannot be loaded again: a target that is put back from an older backup than what was cleaned "       \
    "needs\n"                                                                                                          \
    "`waybill watermark restore --from-target`, and its rows are read from the source once more.\n"                    \
    "\n"                                                                                                               \
    "Exit status: 3 when some objects or tables could not be cleaned.\n"

const struct command cmd_s3clean_list = {
    .path = "s3clean list",
    .group = GROUP_CLEAN,
    .summary = "Totals of the staged files of each table: loaded, waiting, unreachable",
    .flags = &OPTION_TABLE(list_table),
    .flags_bytes = sizeof(struct s3clean_flags),
    .about = "Unreachable are files that `waybill s3clean orphans` looks at, and those of a run that is under way.\n",
    .examples = "  waybill s3clean list -p shop\n"
                "  waybill s3clean list -p shop -t orders --older-than 7d --output json\n",
    .run = run_list,
};
const struct command cmd_s3clean_clean = {
    .path = "s3clean clean",
    .group = GROUP_CLEAN,
    .summary = "Deletes staged files of tables that are loaded",
    .flags = &OPTION_TABLE(clean_table),
    .flags_bytes = sizeof(struct s3clean_flags),
    .about = ABOUT_PARTS,
    .examples = "  waybill s3clean clean -p shop -t orders --older-than 7d --dry-run\n"
                "  waybill s3clean clean -p shop -t orders -t customers --older-than 7d --force\n"
                "  waybill s3clean clean -p shop -t orders --pattern 'dt=2025-08-*'\n",
    .run = run_clean,
};
const struct command cmd_s3clean_clean_all = {
    .path = "s3clean clean-all",
    .group = GROUP_CLEAN,
    .summary = "Deletes staged files that are loaded, of all tables of a pipeline",
    .flags = &OPTION_TABLE(clean_all_table),
    .flags_bytes = sizeof(struct s3clean_flags),
    .about = ABOUT_PARTS,
    .examples = "  waybill s3clean clean-all -p shop --older-than 30d --force\n",
    .run = run_clean,
};
const struct command cmd_s3clean_orphans = {
    .path = "s3clean orphans",
    .group = GROUP_CLEAN,
    .summary = "Deletes what crashed runs left in the stage and no chain reaches",
    .flags = &OPTION_TABLE(orphans_table),
    .flags_bytes = sizeof(struct s3clean_flags),
    .about =
        "Shows count, bytes and samples first, and asks on a terminal; anywhere else it needs --force. What the scope\n"
        "document reaches is never touched. Not needed in general: each run clears away what the one before left.\n"
        "With the first table goes what a run has left that was killed while it tried the store (watermark/.probe/).\n"
        "\n"
        "Exit status: 3 when some objects or tables could not be cleaned.\n",
    .examples = "  waybill s3clean orphans -p shop --dry-run\n"
                "  waybill s3clean orphans -p shop -t orders --older-than 7d --force\n",
    .run = run_orphans,
};

/* watermark: looking at a table's mark, and what a person may do to it. */
#include "cli/route_flags.h"
#include "cli/session.h"
#include "cli/show.h"
#include "move/history.h"
#include "move/look.h"
#include "move/watermark.h"

/* The flags of all its verbs; each has some of them. */
struct watermark_flags {
    struct route_flags route;
    const char *pipeline, *table;
    const char *timestamp, *id, *entry, *reason;
    bool from_target, allow_duplicates;
    int64_t wait_ms;
};

#define PIPELINE                                                                                                       \
    OPTION("pipeline", STRING, watermark_flags, pipeline, .letter = 'p', .argument = "NAME",                           \
           .help = "pipeline; the only one, or the default one, without")
#define TABLE                                                                                                          \
    OPTION("table", STRING, watermark_flags, table, .letter = 't', .argument = "NAME", .required = true,               \
           .help = "table of the source")
#define REASON OPTION("reason", STRING, watermark_flags, reason, .argument = "TEXT", .help = "why, kept in the history")
#define ALLOW_DUPLICATES                                                                                               \
    OPTION("allow-duplicates", BOOL, watermark_flags, allow_duplicates,                                                \
           .help = "of a table that is appended to: rows may come a second time")

#define WAIT                                                                                                           \
    OPTION("wait", DURATION, watermark_flags, wait_ms, .argument = "[TIME]", .bare = "24h", .max = WAIT_MS_MAX,        \
           .help = "wait so long (24h) for a table that a run is moving; else that is exit status 7")

static const struct option list_table[] = {
    PIPELINE,
    OPTION("table", STRING, watermark_flags, table, .letter = 't', .argument = "NAME",
           .help = "table or pattern; all that have a mark without"),
    ROUTE_FLAGS(watermark_flags),
};
static const struct option get_table[] = {PIPELINE, TABLE, ROUTE_FLAGS(watermark_flags)};
static const struct option set_table[] = {
    PIPELINE,
    TABLE,
    OPTION("timestamp", STRING, watermark_flags, timestamp, .argument = "TIME",
           .help = "rows from this time on are read next: 'YYYY-MM-DD HH:MM:SS', UTC"),
    OPTION("id", STRING, watermark_flags, id, .argument = "ID", .help = "rows after this key are read next"),
    REASON,
    ALLOW_DUPLICATES,
    WAIT,
    ROUTE_FLAGS(watermark_flags),
    ROUTE_TABLE_FLAGS(watermark_flags),
};
static const struct option reset_table[] = {
    PIPELINE, TABLE, REASON, ALLOW_DUPLICATES, WAIT, ROUTE_FLAGS(watermark_flags), ROUTE_TABLE_FLAGS(watermark_flags)};
static const struct option restore_table[] = {
    PIPELINE,
    TABLE,
    OPTION("entry", STRING, watermark_flags, entry, .argument = "NAME",
           .help = "entry of the history; the newest without"),
    OPTION("from-target", BOOL, watermark_flags, from_target, .help = "go on from what the target's position row says"),
    REASON,
    ALLOW_DUPLICATES,
    WAIT,
    ROUTE_FLAGS(watermark_flags),
    ROUTE_TABLE_FLAGS(watermark_flags),
};

/* ---- the scope ---- */

static RC add_route(struct cli *cli, struct error *err)
{
    struct watermark_flags *flags = cli->flags;
    const struct text_list tables = {(const char *[]){flags->table}, flags->table != NULL};
    return route_flags_add(cli, &flags->route, &tables, NULL, &flags->pipeline, err);
}

static RC open_table(struct session *self, bool target, struct error *err)
{
    const struct watermark_flags *flags = self->cli->flags;
    TRY(add_route(self->cli, err));
    const struct session_wants wants = {
        .pipeline = flags->pipeline, .tables = {(const char *[]){flags->table}, 1}, .target = target};
    const struct run_options options = {.wait_ms = flags->wait_ms};
    TRY(session_open(self, &wants, err));
    if (self->table_count != 1)
        return fail(err, RC_CONFIG, "'%s' is a pattern of %d tables; a mark belongs to one", flags->table,
                    self->table_count);
    if (target)
        session_watch(self, self->pipeline->lease_ms);
    session_begin(self, &options, NULL);
    return RC_OK;
}

static RC read_existing(struct session *self, struct error *err)
{
    struct scope *scope = self->run->routes[0].scope;
    TRY(scope_read(scope, err));
    if (scope_exists(scope))
        return RC_OK;
    fail(err, RC_NOT_FOUND, "'%s' has no mark: there is no scope document '%s' in '%s'", scope_name(scope),
         scope_key(scope), self->store->address);
    return fail_todo(err, "check the names with `waybill status`; a table gets its mark by its first run");
}

/* ---- get ---- */

static const char *const shown_fields[] = {
    "last_mysql_extraction_time",
    "last_mysql_data_timestamp",
    "mysql_rows_extracted",
    "mysql_status",
    "last_redshift_load_time",
    "redshift_rows_loaded",
    "redshift_status",
    "backup_strategy",
    "s3_file_count",
    "created_at",
    "updated_at",
    "epoch",
    "token",
};

static void add_field(struct text_table *table, const json_t *document, const char *name)
{
    const json_t *value = json_object_get(document, name);
    text_table_add(table, name);
    if (json_is_integer(value))
        text_table_addf(table, "%lld", (long long)json_integer_value(value));
    else
        text_table_add(table, json_string_value(value));
}

static void print_mark(struct cli *cli, struct scope *scope)
{
    AUTO_RELEASE(text_table) table = {.columns = 2};
    const struct marks *marks = scope_marks(scope);
    const struct lease lease = scope_lease(scope);
    text_table_add(&table, "scope");
    text_table_add(&table, scope_name(scope));
    text_table_add(&table, "mark");
    text_table_add_position(&table, &marks->extracted.pos);
    for (size_t i = 0; i < sizeof(shown_fields) / sizeof(*shown_fields); i++)
        add_field(&table, scope_document(scope), shown_fields[i]);
    for (int i = 0; i < marks->processed_count; i++) {
        text_table_add(&table, i == 0 ? "processed_s3_files" : "");
        text_table_add(&table, marks->processed_s3_files[i]);
    }
    text_table_add(&table, "loaded");
    text_table_add_position(&table, &marks->loaded.pos);
    text_table_add(&table, "total");
    text_table_addf(&table, "%lld rows, %lld files", (long long)marks->total.rows, (long long)marks->total.files);
    text_table_add(&table, "lease");
    text_table_add_lease(&table, &lease);
    text_table_print(&table, cli->out);
}

static RC run_get(struct cli *cli, struct error *err)
{
    AUTO_RELEASE(session) session = {.cli = cli};
    TRY(open_table(&session, false, err));
    TRY(read_existing(&session, err));
    struct scope *scope = session.run->routes[0].scope;
    if (cli_is_json(cli))
        print_json(cli, scope_document(scope));
    else
        print_mark(cli, scope);
    return RC_OK;
}

/* ---- list ---- */

static void add_mark(struct text_table *table, const struct route *r)
{
    const struct marks *marks = scope_marks(r->scope);
    text_table_add(table, r->config->name);
    text_table_add_position(table, &marks->extracted.pos);
    text_table_add_position(table, &marks->loaded.pos);
    text_table_addf(table, "%lld", (long long)marks->total.rows);
    text_table_addf(table, "%lld", (long long)marks->epoch);
    text_table_add(table, json_text(scope_document(r->scope), "updated_at"));
}

static RC list_marks(struct session *self, struct text_table *table, json_t *documents, struct error *err)
{
    for (int i = 0; i < self->run->route_count; i++) {
        struct route *r = &self->run->routes[i];
        TRY(scope_read(r->scope, err));
        if (!scope_exists(r->scope))
            continue;
        add_mark(table, r);
        json_array_append_new(documents, json_deep_copy(scope_document(r->scope)));
    }
    return RC_OK;
}

static RC run_list(struct cli *cli, struct error *err)
{
    static const char *const heads[] = {"table", "mark", "loaded", "rows", "epoch", "updated"};
    const struct watermark_flags *flags = cli->flags;
    AUTO_RELEASE(session) session = {.cli = cli};
    AUTO_RELEASE(text_table) table = {.columns = 6, .right = 1 << 3 | 1 << 4};
    AUTO_JSON *document = json_object();
    json_t *documents = json_array();
    json_put(document, "watermarks", documents);
    TRY(add_route(cli, err));
    const struct session_wants wants = {
        .pipeline = flags->pipeline, .tables = {(const char *[]){flags->table}, flags->table != NULL}, .known = true};
    const struct run_options options = {0};
    TRY(session_open(&session, &wants, err));
    session_begin(&session, &options, NULL);
    for (int i = 0; i < table.columns; i++)
        text_table_add(&table, heads[i]);
    TRY(list_marks(&session, &table, documents, err));
    if (cli_is_json(cli))
        print_json(cli, document);
    else
        text_table_print(&table, cli->out);
    return RC_OK;
}

/* ---- history ---- */

static void print_history(struct cli *cli, const struct history_entry *entries, int count)
{
    static const char *const heads[] = {"entry", "at", "by", "change", "mark before", "reason"};
    AUTO_RELEASE(text_table) table = {.columns = 6};
    for (int i = 0; i < table.columns; i++)
        text_table_add(&table, heads[i]);
    for (int i = 0; i < count; i++) {
        text_table_add(&table, entries[i].name);
        text_table_add(&table, entries[i].at);
        text_table_add(&table, entries[i].author);
        text_table_add(&table, entries[i].change);
        text_table_add_position(&table, &entries[i].pos);
        text_table_add(&table, entries[i].reason);
    }
    text_table_print(&table, cli->out);
}

static void print_history_json(struct cli *cli, const struct history_entry *entries, int count)
{
    AUTO_JSON *document = json_object();
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_t *entry = json_object();
        json_put_text(entry, "entry", entries[i].name);
        json_put_text(entry, "at", entries[i].at);
        json_put_text(entry, "author", entries[i].author);
        json_put_text(entry, "change", entries[i].change);
        json_put_text(entry, "reason", entries[i].reason);
        json_put(entry, "mark", position_to_json(&entries[i].pos));
        json_array_append_new(list, entry);
    }
    json_put(document, "history", list);
    print_json(cli, document);
}

static RC run_history(struct cli *cli, struct error *err)
{
    AUTO_RELEASE(session) session = {.cli = cli};
    struct history_entry *entries;
    int count;
    TRY(open_table(&session, false, err));
    TRY(history_list(&session.run->routes[0], &entries, &count, err));
    if (cli_is_json(cli))
        print_history_json(cli, entries, count);
    else
        print_history(cli, entries, count);
    return RC_OK;
}

/* ---- set, reset, restore ---- */

static void print_change(struct cli *cli, const struct scope *scope, const struct position *was)
{
    const struct position *is = &scope_marks(scope)->extracted.pos;
    if (cli_is_json(cli)) {
        AUTO_JSON *document = json_object();
        json_put_text(document, "scope", scope_name(scope));
        json_put_int(document, "epoch", scope_marks(scope)->epoch);
        json_put(document, "was", position_to_json(was));
        json_put(document, "is", position_to_json(is));
        print_json(cli, document);
        return;
    }
    AUTO_RELEASE(buf) before = {0};
    AUTO_RELEASE(buf) now = {0};
    show_position(was, &before);
    show_position(is, &now);
    print_safe(cli->out, scope_name(scope));
    fprintf(cli->out, ": the mark was %s and is %s now (epoch %lld)\n", before.at,
            is->shape != POSITION_NONE ? now.at : "the beginning", (long long)scope_marks(scope)->epoch);
}

static RC change(struct cli *cli, const char *name,
                 RC (*how)(struct run *run, const struct watermark_change *change, struct error *err),
                 struct error *err)
{
    const struct watermark_flags *flags = cli->flags;
    AUTO_RELEASE(session) session = {.cli = cli};
    const struct watermark_change wanted = {
        .name = name,
        .timestamp = flags->timestamp,
        .id = flags->id,
        .entry = flags->entry,
        .from_target = flags->from_target,
        .reason = flags->reason,
        .author = session_author(&cli->arena),
        .allow_duplicates = flags->allow_duplicates,
    };
    TRY(open_table(&session, true, err));
    struct scope *scope = session.run->routes[0].scope;
    TRY(scope_read(scope, err));
    const struct position was = scope_marks(scope)->extracted.pos;
    TRY(how(session.run, &wanted, err));
    session_unwatch(&session);
    print_change(cli, scope, &was);
    return RC_OK;
}

static RC run_set(struct cli *cli, struct error *err) { return change(cli, HISTORY_SET, watermark_set, err); }
static RC run_reset(struct cli *cli, struct error *err) { return change(cli, HISTORY_RESET, watermark_reset, err); }
static RC run_restore(struct cli *cli, struct error *err)
{
    return change(cli, HISTORY_RESTORE, watermark_restore, err);
}

static RC check_set(const struct cli *cli, struct error *err)
{
    const struct watermark_flags *flags = cli->flags;
    if (flags->timestamp != NULL || flags->id != NULL)
        return RC_OK;
    fail(err, RC_CONFIG, "'watermark set' needs --timestamp, --id or both");
    return fail_todo(err, "to begin from the start again: waybill watermark reset");
}

static RC check_restore(const struct cli *cli, struct error *err)
{
    const struct watermark_flags *flags = cli->flags;
    if (!flags->from_target || flags->entry == NULL)
        return RC_OK;
    fail(err, RC_CONFIG, "--from-target and --entry contradict each other: the mark comes from one of them");
    return fail_todo(err, "leave one of them out");
}

#define ABOUT_CHANGES                                                                                                  \
    "What the mark was is kept in the history first. Waybills that are staged and not loaded are dropped: the next\n"  \
    "run goes on from the new mark, and the target keeps what it has.\n"

const struct command cmd_watermark_get = {
    .path = "watermark get",
    .group = GROUP_MARK,
    .summary = "Shows how far a table has come; with --output json its scope document",
    .flags = &OPTION_TABLE(get_table),
    .flags_bytes = sizeof(struct watermark_flags),
    .examples = "  waybill watermark get -t orders\n"
                "  waybill watermark get -p shop -t orders --output json\n",
    .run = run_get,
};
const struct command cmd_watermark_set = {
    .path = "watermark set",
    .group = GROUP_MARK,
    .summary = "Sets a table's mark to a time, an id, or both",
    .flags = &OPTION_TABLE(set_table),
    .flags_bytes = sizeof(struct watermark_flags),
    .about = "Of time and id, what is not given stays as it is where that has a meaning.\n" ABOUT_CHANGES ROUTE_ABOUT,
    .examples = "  waybill watermark set -t orders --timestamp '2025-09-12 00:00:00' --reason 'prices were wrong'\n"
                "  waybill watermark set -t log --id 1200 --allow-duplicates\n",
    .check = check_set,
    .run = run_set,
};
const struct command cmd_watermark_reset = {
    .path = "watermark reset",
    .group = GROUP_MARK,
    .summary = "Takes a table's mark back to the beginning",
    .flags = &OPTION_TABLE(reset_table),
    .flags_bytes = sizeof(struct watermark_flags),
    .about = ABOUT_CHANGES ROUTE_ABOUT,
    .examples = "  waybill watermark reset -t orders --reason 'a new column'\n",
    .run = run_reset,
};
const struct command cmd_watermark_list = {
    .path = "watermark list",
    .group = GROUP_MARK,
    .summary = "Lists the marks of a pipeline",
    .flags = &OPTION_TABLE(list_table),
    .flags_bytes = sizeof(struct watermark_flags),
    .examples = "  waybill watermark list -p shop\n",
    .run = run_list,
};
const struct command cmd_watermark_history = {
    .path = "watermark history",
    .group = GROUP_MARK,
    .summary = "Lists what people did to a table's mark",
    .flags = &OPTION_TABLE(get_table),
    .flags_bytes = sizeof(struct watermark_flags),
    .examples = "  waybill watermark history -t orders\n",
    .run = run_history,
};
const struct command cmd_watermark_restore = {
    .path = "watermark restore",
    .group = GROUP_MARK,
    .summary = "Puts a mark back that the history has, or what the target says",
    .flags = &OPTION_TABLE(restore_table),
    .flags_bytes = sizeof(struct watermark_flags),
    .about = ABOUT_CHANGES
    "With --from-target it repairs a scope document that was lost, or a chain that is broken.\n" ROUTE_ABOUT,
    .examples = "  waybill watermark restore -t orders\n"
                "  waybill watermark restore -t orders --entry 1757687422000-3\n"
                "  waybill watermark restore -t orders --from-target\n",
    .check = check_restore,
    .run = run_restore,
};

#include "cli/check.h"
#include "cli/grants_report.h"
#include "cli/outcome.h"
#include "cli/show.h"
#include "connect/registry.h"
#include "store/probe.h"
#include "store/registry.h"

/* What is found out about one connection in one of its roles. */
struct finding {
    const struct connection_config *connection;
    const char *as; /* "source", "target", "store" */
    const char *address, *version, *tls, *rights, *note;
    int64_t latency_us; /* of one small question; -1: it was not asked */
    struct error error;
};

struct checking {
    struct cli *cli;
    struct text_table table;
    json_t *rows;
    struct arena arena;
    struct outcome outcome;
};

/* ---- one connection ---- */

static const char *password_note(const char *from) { return from != NULL ? "; password from " : ""; }

static RC check_source(struct checking *self, struct finding *f, struct error *err)
{
    AUTO(source) *source = NULL;
    struct cli *cli = self->cli;
    struct open_transactions open = {0};
    const char **names;
    int count;
    int64_t now_us;
    char now[STAMP_TEXT];
    TRY(config_open_source(cli->config, f->connection->name, cli->clock, random_real(), &source, err));
    f->address = arena_text(&self->arena, source->address);
    f->version = arena_text(&self->arena, source->version);
    f->tls = arena_text(&self->arena, source->tls);
    TRY(source_tables(source, &self->arena, &names, &count, err));
    const int64_t since_us = cli->clock->now_us(cli->clock);
    TRY(source_now(source, &now_us, err));
    f->latency_us = cli->clock->now_us(cli->clock) - since_us;
    TRY(source_oldest_open(source, &open, err));
    stamp_print(now_us, 0, now);
    f->rights = open.hidden ? "read" : "read, see open transactions";
    f->note = arena_print(&self->arena, "clock %s, %d table%s%s%s%s%s%s", now, count, count == 1 ? "" : "s",
                          password_note(source->password_from), or_empty(source->password_from),
                          open.hidden ? "; open transactions are hidden: tables need an explicit lag" : "",
                          open.unknown != RC_OK ? "; " : "", open.unknown != RC_OK ? open.unknown_text : "");
    return RC_OK;
}

static RC check_target(struct checking *self, struct finding *f, struct error *err)
{
    AUTO(target) *target = NULL;
    struct cli *cli = self->cli;
    bool is_new;
    TRY(config_open_target(cli->config, f->connection->name, cli->clock, random_real(), &target, err));
    f->address = arena_text(&self->arena, target->address);
    TRY(target_check(target, &is_new, err));
    f->version = arena_text(&self->arena, target->version); /* a server's is known once it was asked */
    f->tls = arena_text(&self->arena, target->tls);
    const int64_t since_us = cli->clock->now_us(cli->clock);
    if (!is_new)
        TRY(target_check(target, &is_new, err)); /* the connection is there by now */
    f->latency_us = is_new ? -1 : cli->clock->now_us(cli->clock) - since_us;
    f->rights = "read, write";
    if (is_new)
        f->note = "does not exist yet; the first load makes it";
    else if (target->password_from != NULL)
        f->note = arena_print(&self->arena, "password from %s", target->password_from);
    return RC_OK;
}

static RC check_store(struct checking *self, struct finding *f, struct error *err)
{
    AUTO(store) *store = NULL;
    struct cli *cli = self->cli;
    struct object_info info;
    TRY(config_open_store(cli->config, f->connection->name, cli->clock, random_real(), &store, err));
    f->address = arena_text(&self->arena, store->address);
    f->tls = arena_text(&self->arena, store->tls);
    TRY(store_probe(store, cli->clock, random_real(), err));
    const int64_t since_us = cli->clock->now_us(cli->clock);
    enum rc rc = store_head(store, "watermark/.probe/nothing", &info, err);
    f->latency_us = cli->clock->now_us(cli->clock) - since_us;
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    const char *credentials = store_credentials(store, &self->arena);
    if (credentials != NULL)
        f->note = arena_print(&self->arena, "credentials of %s", credentials);
    f->rights = "read, write, conditional writes";
    return RC_OK;
}

/* ---- what is said ---- */

static void add_row(struct checking *self, const struct finding *f)
{
    struct text_table *table = &self->table;
    bool ok = f->error.rc == RC_OK;
    text_table_add(table, f->connection->name);
    text_table_add(table, f->connection->type);
    text_table_add(table, f->as);
    text_table_add(table, f->address);
    text_table_add(table, f->version);
    text_table_add(table, f->tls);
    if (f->latency_us >= 0)
        text_table_addf(table, "%.1f ms", (double)f->latency_us / 1000);
    else
        text_table_add(table, NULL);
    text_table_add(table, f->rights);
    if (!ok)
        text_table_add(table, f->error.text);
    else
        text_table_addf(table, "ok%s%s", f->note != NULL ? "; " : "", or_empty(f->note));
}

static void add_row_json(struct checking *self, const struct finding *f)
{
    json_t *row = json_object();
    json_put_text(row, "connection", f->connection->name);
    json_put_text(row, "type", f->connection->type);
    json_put_text(row, "as", f->as);
    json_put_text(row, "address", f->address);
    json_put_text(row, "version", f->version);
    json_put_text(row, "tls", f->tls);
    json_put(row, "latency_ms", f->latency_us >= 0 ? json_real((double)f->latency_us / 1000) : json_null());
    json_put_text(row, "rights", f->rights);
    json_put(row, "ok", json_boolean(f->error.rc == RC_OK));
    json_put_text(row, "note", f->note);
    if (f->error.rc != RC_OK) {
        AUTO_JSON *failure = error_to_json(&f->error);
        json_put(row, "error", json_incref(json_object_get(failure, "error")));
    }
    json_array_append_new(self->rows, row);
}

static void check_as(struct checking *self, const struct connection_config *connection, const char *as,
                     RC (*check)(struct checking *self, struct finding *f, struct error *err))
{
    struct finding finding = {.connection = connection, .as = as, .latency_us = -1};
    enum rc rc = check(self, &finding, &finding.error);
    if (rc == RC_OK)
        finding.error = (struct error){0};
    outcome_add(&self->outcome, rc);
    add_row(self, &finding);
    add_row_json(self, &finding);
    if (rc != RC_OK)
        print_error_message(self->cli, &finding.error);
}

/* ---- which, and as what ---- */

static bool is_used_as(const struct config *config, const char *name, bool source)
{
    for (int i = 0; i < config->pipeline_count; i++) {
        const struct pipeline_config *pipeline = &config->pipelines[i];
        if (text_eq(source ? pipeline->source : pipeline->target, name))
            return true;
    }
    return false;
}

/* A database is checked for what the pipelines use it for; one that none uses, as a source where it can be one. */
static void check_connection(struct checking *self, const struct connection_config *connection)
{
    const struct config *config = self->cli->config;
    const struct database_type *database = database_type_find(connection->type);
    if (store_type_find(connection->type) != NULL)
        check_as(self, connection, "store", check_store);
    if (database == NULL)
        return;
    bool as_source = is_used_as(config, connection->name, true),
         as_target = is_used_as(config, connection->name, false);
    if (!as_source && !as_target)
        as_source = database->open_source != NULL, as_target = !as_source;
    if (as_source)
        check_as(self, connection, "source", check_source);
    if (as_target)
        check_as(self, connection, "target", check_target);
}

static RC no_connection(const struct config *config, const char *name, struct arena *arena, struct error *err)
{
    AUTO_RELEASE(buf) all = {0};
    const char **names = arena_take(arena, sizeof(*names) * (size_t)(config->connection_count + 1));
    for (int i = 0; i < config->connection_count; i++) {
        names[i] = config->connections[i].name;
        buf_addf(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *near = nearest_name(name, names, config->connection_count);
    fail(err, RC_CONFIG, "'%s' has no connection '%.*s'%s%s%s", config->path, NAME_BYTES_MAX, name,
         near != NULL ? ", did you mean '" : "", or_empty(near), near != NULL ? "'?" : "");
    return fail_todo(err, "its connections: %s", all.len > 0 ? all.at : "none");
}

static bool has_connection(const struct config *config, const char *name)
{
    for (int i = 0; i < config->connection_count; i++) {
        if (name == NULL || text_eq(config->connections[i].name, name))
            return true;
    }
    return false;
}

RC check_pick(struct cli *cli, const char *word, const char **ret_name, struct error *err)
{
    const char *name = word, *prefix;
    TRY(cli_load_for(cli, &word, word != NULL, err));
    struct config *config = cli->config;
    if (name != NULL && config_is_uri(name) && !has_connection(config, name)) /* 'connections info' has added it */
        TRY(config_add_uri(config, name, "the URI", &name, &prefix, err));
    *ret_name = name;
    if (has_connection(config, name))
        return RC_OK;
    if (name != NULL)
        return no_connection(config, name, &cli->arena, err);
    fail(err, RC_CONFIG, "'%s' has no connections", config->path);
    return fail_todo(err, "add 'connections: {NAME: {type: ..., path: ...}}'");
}

static void check_wanted(struct checking *self, const char *name)
{
    const struct config *config = self->cli->config;
    for (int i = 0; i < config->connection_count; i++) {
        if (name == NULL || text_eq(config->connections[i].name, name))
            check_connection(self, &config->connections[i]);
    }
}

static void print_findings(struct checking *self, const json_t *more)
{
    if (!cli_is_json(self->cli)) {
        text_table_print(&self->table, self->cli->out);
        return;
    }
    AUTO_JSON *document = more != NULL ? json_copy((json_t *)(uintptr_t)more) : json_object();
    json_put(document, "connections", json_incref(self->rows));
    print_json(self->cli, document);
}

RC check_report(struct cli *cli, const char *word, const json_t *more, struct error *err)
{
    static const char *const heads[] = {"connection", "type",    "as",     "address", "version",
                                        "tls",        "latency", "rights", "result"};
    TRY(check_pick(cli, word, &word, err));
    struct checking checking = {.cli = cli, .table = {.columns = 9}, .rows = json_array()};
    for (int i = 0; i < checking.table.columns; i++)
        text_table_add(&checking.table, heads[i]);
    check_wanted(&checking, word);
    print_findings(&checking, more);
    cli->status = outcome_status(&checking.outcome);
    text_table_release(&checking.table);
    json_decref(checking.rows);
    arena_release(&checking.arena);
    return RC_OK;
}

struct check_flags {
    bool grants;
    const char *pipeline;
};

static const struct option check_table[] = {
    OPTION("grants", BOOL, check_flags, grants,
           .help = "which rights it takes, which are missing, and what grants them"),
    OPTION("pipeline", STRING, check_flags, pipeline, .letter = 'p', .argument = "NAME",
           .help = "with --grants: what this pipeline takes; every one without"),
};

static RC check_flags(const struct cli *cli, struct error *err)
{
    const struct check_flags *flags = cli->flags;
    if (flags->pipeline == NULL || flags->grants)
        return RC_OK;
    fail(err, RC_CONFIG, "-p goes with --grants only");
    return fail_todo(err, "name the connections that are to be checked, or say --grants");
}

static RC run_check(struct cli *cli, struct error *err)
{
    const struct check_flags *flags = cli->flags;
    const char *word = cli->word_count > 0 ? cli->words[0] : NULL;
    return flags->grants ? grants_report(cli, flags->pipeline, word, err) : check_report(cli, word, NULL, err);
}

const struct command cmd_check = {
    .path = "check",
    .also = "connections test",
    .group = GROUP_LOOK,
    .summary = "Says of each connection whether it can be used, and why not",
    .words = "[CONNECTION|URI]",
    .words_max = 1,
    .flags = &OPTION_TABLE(check_table),
    .flags_bytes = sizeof(struct check_flags),
    .about =
        "Sources are opened and asked for their clock and open transactions. Targets are opened, and it is tried "
        "whether\n"
        "they could be written; nothing is. Stores are tried with a small object that is deleted again.\n"
        "--grants lists the rights that each connection takes for what pipelines do with it, and the statements to "
        "paste\n"
        "for those that are missing or cannot be seen; exit status 8 where one is missing that is needed.\n",
    .examples = "  waybill check\n"
                "  waybill check lake --output json\n"
                "  waybill check mysql://etl@db.internal/shop\n"
                "  waybill check --grants -p shop\n",
    .check = check_flags,
    .run = run_check,
};

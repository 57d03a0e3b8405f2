/* init: looks at a source, and writes the configuration that a person would begin with. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/show.h"
#include "io/file.h"

enum { INIT_FULL_SYNC_ROWS_MAX = 1000000 };

struct init_flags {
    const char *source, *stage, *target, *pipeline;
    bool force;
};

static const struct option init_table[] = {
    OPTION("source", STRING, init_flags, source, .argument = "URI", .required = true,
           .help = "database that rows come from: mysql://USER@HOST/DATABASE, sqlite:FILE"),
    OPTION("stage", STRING, init_flags, stage, .argument = "URI", .preset = "./lake",
           .help = "store that rows rest in: s3://BUCKET/PREFIX, or a folder"),
    OPTION("target", STRING, init_flags, target, .argument = "URI", .preset = "none",
           .help = "database that rows go to: postgresql://USER@HOST/DATABASE, sqlite:FILE; or none"),
    OPTION("pipeline", STRING, init_flags, pipeline, .letter = 'p', .argument = "NAME", .preset = "main",
           .help = "its name, which stands in keys and marks"),
    OPTION("force", BOOL, init_flags, force, .help = "overwrite a file that is there"),
};

struct init {
    struct cli *cli;
    const struct init_flags *flags;
    const char *path;                             /* of the file to write */
    const char *source, *stage, *target, *prefix; /* names in the configuration without a file */
    struct source *opened;
    struct buf out;
    int taken, left;
    bool needs_lag;   /* some table goes by a cursor, */
    const char *lags; /* and which transactions are open cannot be seen: what helps; NULL: they can */
};

/* ---- connections ---- */

static void add_quoted(struct buf *out, const char *text)
{
    AUTO_JSON *json = json_string(text); /* YAML's double quotes take what JSON's do */
    char *quoted = json_dumps(json, JSON_ENCODE_ANY);
    buf_add_str(out, str(quoted != NULL ? quoted : "\"\""));
    free(quoted);
}

/* What is relative to this folder may be read from another one. */
static const char *path_for(struct init *self, const char *value)
{
    char folder[4096];
    if (value[0] == '/' || value[0] == '~' || strchr(self->path, '/') == NULL || getcwd(folder, sizeof(folder)) == NULL)
        return value;
    return arena_print(&self->cli->arena, "%s/%s", folder, value);
}

static void add_connection(struct init *self, const char *called, const char *name)
{
    const struct config *config = self->cli->config;
    const struct connection_config *found = NULL;
    bool has_password = false;
    for (int i = 0; i < config->connection_count; i++) {
        if (text_eq(config->connections[i].name, name))
            found = &config->connections[i];
    }
    assert(found != NULL && "it was added");
    buf_addf(&self->out, "  %s:\n", called);
    for (const struct yaml_node *node = found->node->first; node != NULL; node = node->next) {
        bool is_path = text_eq(node->key, "path");
        buf_addf(&self->out, "    %s: ", node->key);
        add_quoted(&self->out, is_path ? path_for(self, node->text) : node->text);
        buf_add_str(&self->out, S("\n"));
        has_password |= text_eq(node->key, "password");
    }
    bool is_server = yaml_find(found->node, "host") != NULL;
    if (is_server && !has_password) {
        buf_addf(&self->out, "    # password: \"${");
        for (const char *at = called; *at != '\0'; at++)
            buf_addf(&self->out, "%c", *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
        buf_add_str(&self->out, S("_PASSWORD}\"      # never the password itself\n"));
    }
}

/* ---- tables ---- */

static const char *first_line(const char *text, struct arena *arena)
{
    return arena_str(arena, (struct str){text, strcspn(text, "\r\n")});
}

static void add_key(const struct table *table, struct buf *out)
{
    for (int i = 0; i < table->key_count; i++)
        buf_addf(out, "%s%s", i > 0 ? ", " : "", table->schema->fields[table->key[i]].name);
}

static void add_hybrid(struct init *self, const struct table *table)
{
    const struct field *cursor = &table->schema->fields[table->cursor];
    buf_addf(&self->out, "      %s: {}", yaml_name(&self->cli->arena, table->name));
    buf_addf(&self->out, "    # hybrid: what changed, by %s (%s); merged by ", cursor->name,
             or_empty(cursor->source_type));
    add_key(table, &self->out);
    buf_addf(&self->out, "%s\n", table->cursor_indexed ? "" : ". No index on the cursor: each run scans the table");
    self->needs_lag = true;
    self->taken++;
}

static void add_left(struct init *self, const char *name, const char *entry, const char *why)
{
    buf_addf(&self->out, "      # %s: %s    # left out: %s\n", yaml_name(&self->cli->arena, name), entry, why);
    self->left++;
}

/* No column says when a row changed: a small table is replaced as a whole; of a large one a person has to say more. */
static RC add_without_cursor(struct init *self, const char *name, const char *why, struct error *err)
{
    struct arena *arena = &self->cli->arena;
    const struct table_request request = {.name = name, .is_whole = true};
    static const struct range whole = {.kind = RANGE_ALL};
    const struct table *table;
    struct range_facts facts;
    enum rc rc = source_describe(self->opened, &request, &table, err);
    if (rc == RC_CONFIG || rc == RC_DATA) {
        add_left(self, name, "{}", first_line(err->text, arena));
        return RC_OK;
    }
    TRY(rc);
    TRY(source_facts(self->opened, table, &whole, &facts, err));
    if (facts.rows <= INIT_FULL_SYNC_ROWS_MAX) {
        AUTO_RELEASE(buf) rows = {0};
        show_count(facts.rows, "row", &rows);
        buf_addf(&self->out, "      %s: {increment: full_sync}    # the whole table each time (%s now): %s\n",
                 yaml_name(arena, name), rows.at, why);
        self->taken++;
        return RC_OK;
    }
    bool has_id = table->key_count == 1 && table->schema->fields[table->key[0]].type != TYPE_UTF8;
    add_left(self, name, has_id ? "{increment: id_only}" : "{increment: full_sync}",
             arena_print(arena, "%s, and it has about %" PRId64 " rows; %s", why, facts.rows,
                         has_id ? "take id_only if its rows are never changed"
                                : "take full_sync all the same, or name a cursor"));
    return RC_OK;
}

static RC add_table(struct init *self, const char *name, struct error *err)
{
    const struct table_request request = {.name = name, .wants_cursor = true};
    const struct table *table;
    enum rc rc = source_describe(self->opened, &request, &table, err);
    if (rc == RC_OK && table->cursor >= 0 && table->key_count > 0) {
        add_hybrid(self, table);
        return RC_OK;
    }
    if (rc != RC_OK && rc != RC_CONFIG && rc != RC_DATA)
        return rc;
    const char *why = rc != RC_OK             ? first_line(err->text, &self->cli->arena)
                      : table->key_count == 0 ? "it has no primary key"
                                              : "no cursor is obvious";
    return add_without_cursor(self, name, why, err);
}

/* ---- the file ---- */

static RC write_tables(struct init *self, struct error *err)
{
    const char **names;
    int count;
    TRY(source_tables(self->opened, &self->cli->arena, &names, &count, err));
    if (count == 0) {
        fail(err, RC_NOT_FOUND, "'%s' shows no table", self->opened->name);
        return fail_todo(err, "only tables that this user may read are shown: GRANT SELECT ON ... TO ...; or make one");
    }
    buf_add_str(&self->out, S("    tables:\n"));
    for (int i = 0; i < count; i++)
        TRY(add_table(self, names[i], err));
    if (self->taken == 0)
        buf_add_str(&self->out, S("      {}\n"));
    return RC_OK;
}

/* How long a transaction lasts is not to be guessed: rows of a longer one would be lost. */
static RC write_lag(struct init *self, struct error *err)
{
    struct open_transactions open = {0};
    if (!self->needs_lag)
        return RC_OK;
    TRY(source_oldest_open(self->opened, &open, err));
    if (!open.hidden)
        return RC_OK;
    self->lags = open.hidden_todo != NULL ? open.hidden_todo : "open the source with the right to see them";
    buf_addf(&self->out,
             "    # lag: 10m    # needed, with the time that a transaction lasts at most: other sessions' cannot be "
             "seen. Or: %s\n",
             first_line(self->lags, &self->cli->arena));
    return RC_OK;
}

static RC write_all(struct init *self, struct error *err)
{
    struct buf *out = &self->out;
    bool has_target = !text_eq(self->flags->target, "none");
    buf_add_str(out, S("# Written by `waybill init`; edit it as you like. Every key: waybill docs reference.\n"
                       "# ${VAR} is the environment's; secrets may also be file:PATH or cmd:COMMAND.\n"
                       "connections:\n"));
    add_connection(self, "source", self->source);
    add_connection(self, "lake", self->stage);
    if (has_target)
        add_connection(self, "target", self->target);
    buf_addf(out, "\npipelines:\n  %s:\n    source: source\n    stage: {store: lake", self->flags->pipeline);
    if (self->prefix[0] != '\0') {
        buf_add_str(out, S(", prefix: "));
        add_quoted(out, self->prefix);
    }
    buf_addf(out, "}\n    target: %s\n", has_target ? "target" : "none    # rows are only staged");
    TRY(write_tables(self, err));
    return write_lag(self, err);
}

static RC check_free(const struct init *self, struct error *err)
{
    if (self->flags->force || access(self->path, F_OK) != 0)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' is there already, and is not overwritten", self->path);
    return fail_todo(err, "write another one: waybill init --config OTHER.yml ...; or overwrite it: --force");
}

static RC open_uris(struct init *self, struct error *err)
{
    struct cli *cli = self->cli;
    const char *const given[] = {self->flags->source, self->flags->stage, self->flags->target};
    const char **names[] = {&self->source, &self->stage, &self->target};
    static const char *const flags[] = {"--source", "--stage", "--target"};
    const char *ignored;
    TRY(cli_load_none(cli, err));
    for (int i = 0; i < 3; i++) {
        if (i == 2 && text_eq(given[i], "none"))
            continue;
        if (!config_is_uri(given[i])) {
            fail(err, RC_CONFIG, "%s '%.200s' is no URI, and init knows no names", flags[i], given[i]);
            return config_todo_uri(given[i], NULL, err);
        }
        TRY(config_add_uri(cli->config, given[i], flags[i], names[i], i == 1 ? &self->prefix : &ignored, err));
    }
    return RC_OK;
}

static RC init_look(struct init *self, struct error *err)
{
    TRY(check_free(self, err));
    TRY(open_uris(self, err));
    TRY(config_open_source(self->cli->config, self->source, self->cli->clock, random_real(), &self->opened, err));
    TRY(write_all(self, err));
    return file_write_atomic(self->path, buf_str(&self->out), 0600, err);
}

static void say_next(const struct init *self)
{
    static const struct {
        const char *verb, *what;
    } next[] = {
        {"check", "can everything be reached, and written?"}, {"plan", "what would be moved?"}, {"sync", "do it"}};
    bool is_usual = text_eq(self->path, "waybill.yml");
    AUTO_RELEASE(buf) taken = {0};
    show_count(self->taken, "table", &taken);
    fprintf(self->cli->out, "%s: %s", self->path, taken.at);
    if (self->left > 0)
        fprintf(self->cli->out, ", %d left out (each with its reason, as a comment)", self->left);
    fputs("\n", self->cli->out);
    if (self->lags != NULL)
        fprintf(self->cli->out,
                "first: other sessions' open transactions cannot be seen. %s; or set the `lag` at the end of the "
                "file\n",
                self->lags);
    fputs("now:\n", self->cli->out);
    for (int i = 0; i < 3; i++)
        fprintf(self->cli->out, "  waybill %s%s%s%*s    # %s\n", next[i].verb, is_usual ? "" : " --config ",
                is_usual ? "" : self->path, (int)(strlen("check") - strlen(next[i].verb)), "", next[i].what);
}

static RC run_init(struct cli *cli, struct error *err)
{
    const char *path = cli->global.config != NULL ? cli->global.config : "waybill.yml";
    struct init init = {.cli = cli, .flags = cli->flags, .path = path, .prefix = ""};
    enum rc rc = init_look(&init, err);
    if (rc == RC_OK && !cli_is_json(cli)) {
        say_next(&init);
    } else if (rc == RC_OK) {
        AUTO_JSON *document = json_object();
        json_put_text(document, "config", init.path);
        json_put_int(document, "tables", init.taken);
        json_put_int(document, "left_out", init.left);
        if (init.lags != NULL)
            json_put_text(document, "first", init.lags);
        print_json(cli, document);
    }
    source_free(init.opened);
    buf_release(&init.out);
    return rc == RC_OK ? RC_OK : fail_in(err, "init");
}

const struct command cmd_init = {
    .path = "init",
    .group = GROUP_ABOUT,
    .summary = "Looks at a source, and writes a configuration to begin with",
    .flags = &OPTION_TABLE(init_table),
    .flags_bytes = sizeof(struct init_flags),
    .about =
        "Each table gets the increment that its columns allow, with the reason behind it; what cannot be decided is "
        "left\n"
        "out as a comment. The file is waybill.yml, or what --config says; one that is there is never overwritten "
        "without\n"
        "--force. Passwords are references, never literal: 'mysql://etl:${DB_PASSWORD}@db/shop' in single quotes.\n",
    .examples =
        "  waybill init --source sqlite:shop.db --target sqlite:dw.db\n"
        "  waybill init --source 'mysql://etl:${SHOP_PASSWORD}@db.internal/shop' --stage s3://acme-lake/shop \\\n"
        "    --target 'postgresql://loader:${DW_PASSWORD}@dw.internal/dw' -p shop\n",
    .run = run_init,
};

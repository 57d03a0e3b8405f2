#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/help.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/stop.h"

#define COMMAND_ADDRESS(name) &name,
static const struct command *const all_commands[] = {COMMANDS(COMMAND_ADDRESS) NULL};

bool cli_is_json(const struct cli *cli) { return cli->global.output == OUTPUT_JSON; }

static void log_waiting(void *context, int attempt, int64_t wait_ms, const struct error *why)
{
    log_warn("retry.waiting", KV("attempt", attempt), KV("seconds", (double)wait_ms / 1000), KV("why", why->text));
}

static const struct retry_observer waits_are_logged = {log_waiting, NULL};

static RC load(struct cli *cli, bool from_file, struct error *err)
{
    if (cli->config != NULL)
        return RC_OK;
    secret_resolver_init(&cli->resolver, cli->clock);
    if (from_file)
        TRY(config_load(cli->global.config, &cli->resolver.resolver, &cli->config, err));
    else
        cli->config = config_new(&cli->resolver.resolver);
    cli->config->stop = cli->stop;
    cli->config->retries = &waits_are_logged;
    return RC_OK;
}

RC cli_load(struct cli *cli, struct error *err) { return load(cli, true, err); }

RC cli_load_none(struct cli *cli, struct error *err) { return load(cli, false, err); }

/* Beside a URI: who writes `--stage lake` for a folder has no configuration, and needs none. */
static RC check_name(const struct cli *cli, const char *name, struct error *err)
{
    if (access(cli->global.config, F_OK) == 0 || errno != ENOENT)
        return RC_OK;
    fail(err, RC_CONFIG, "'%.200s' is no URI, and there is no '%s' of which it could be a connection", name,
         cli->global.config);
    return config_todo_uri(name, "go to the folder that has the configuration", err);
}

RC cli_load_for(struct cli *cli, const char *const *words, int word_count, struct error *err)
{
    bool is_given = option_is_given(&cli->global_set, "config"), has_uris = false;
    const char *name = NULL;
    for (int i = 0; i < word_count; i++) {
        bool is_uri = words[i] != NULL && config_is_uri(words[i]);
        name = words[i] != NULL && !is_uri && name == NULL ? words[i] : name;
        has_uris |= is_uri;
    }
    if (name != NULL && has_uris && !is_given && cli->config == NULL)
        TRY(check_name(cli, name, err));
    return load(cli, is_given || name != NULL || !has_uris, err);
}

/* Flags that go before what the pipeline says. */
struct overrides {
    struct config_override items[4];
    int count;
};

/* `text` NULL: as it was given. */
static bool override(struct overrides *all, const struct option_set *set, const char *flag, const char *option,
                     const char *text)
{
    if (option_find(set->table, flag) == NULL || !option_is_given(set, flag))
        return false;
    const struct option_origin *origin = option_origin_of(set, flag);
    if (option != NULL)
        all->items[all->count++] =
            (struct config_override){option, text != NULL ? text : origin->text, origin->kind, origin->by};
    return true;
}

/* --parallel alone is short for inter-table; its number is what the strategy has several of. */
static void override_strategy(struct overrides *all, const struct option_set *set)
{
    bool is_given = override(all, set, "strategy", "strategy", NULL);
    bool is_intra = is_given && text_eq(all->items[all->count - 1].text, strategy_name(STRATEGY_INTRA_TABLE));
    if (!is_given)
        override(all, set, "parallel", "strategy", strategy_name(STRATEGY_INTER_TABLE));
    if (override(all, set, "parallel", NULL, NULL) && !text_eq(option_origin_of(set, "parallel")->text, "0"))
        override(all, set, "parallel", is_intra ? "readers" : "parallel", NULL);
}

RC cli_pick(struct cli *cli, const char *name, const struct pipeline_config **ret, struct error *err)
{
    struct overrides all = {0};
    TRY(cli_load(cli, err));
    override(&all, &cli->global_set, "max-memory", "max_memory", NULL);
    override_strategy(&all, &cli->set);
    return config_pick_pipeline(cli->config, name, all.items, all.count, ret, err);
}

void cli_log_through(const struct cli *cli, struct progress_view *view)
{
    const struct global_flags *flags = &cli->global;
    bool live = view != NULL && progress_view_is_live(view);
    enum log_level level = flags->quiet && flags->log_level < LOG_ERROR ? LOG_ERROR : flags->log_level;
    if (live && level < LOG_WARN && !option_is_given(&cli->global_set, "log-level"))
        level = LOG_WARN; /* the live line says it already */
    log_configure(&(struct log_config){
        .level = level,
        .format = flags->log_format,
        .clock = cli->clock,
        .sink = live ? progress_view_log : NULL,
        .context = view,
    });
}

static RC run(struct cli *cli, int argc, const char *const *argv, struct error *err)
{
    enum rc rc = args_parse(cli, argc, argv, err);
    cli_log_through(cli, NULL); /* an error may be a log line */
    if (rc != RC_OK)
        return rc;
    if (cli->global.quiet && !option_is_given(&cli->global_set, "progress"))
        cli->global.progress = PROGRESS_NONE;
    if (cli->wants_help && cli->command == NULL && help_beginning(cli->commands, cli->words, cli->word_count, cli->out))
        return RC_OK;
    if (cli->wants_help && cli->command == NULL) {
        help_overview(cli->commands, cli->out);
        return RC_OK;
    }
    if (cli->wants_help) {
        help_command(cli->command, cli->out);
        return RC_OK;
    }
    if (cli->command == NULL) {
        help_overview(cli->commands, cli->messages);
        cli->status = rc_exit_status(RC_CONFIG);
        return RC_OK;
    }
    return cli->command->run(cli, err);
}

static const char *from_process(const char *name) { return getenv(name); }

/* ---- standard output, and why it failed ---- */

enum { READER_GONE = 128 + SIGPIPE }; /* what a shell says of any program that ends so */

static ssize_t output_write(void *context, const char *bytes, size_t len)
{
    int *failed = context;
    ssize_t written;
    do
        written = write(STDOUT_FILENO, bytes, len);
    while (written < 0 && errno == EINTR);
    if (written >= 0)
        return written;
    *failed = errno;
    return 0;
}

/* `failed` gets the errno that a late look at the stream does not tell any more. */
static FILE *output_open(int *failed)
{
    FILE *out = fopencookie(failed, "w", (cookie_io_functions_t){.write = output_write});
    if (out == NULL)
        abort();
    setvbuf(out, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
    return out;
}

/* A reader that has seen enough (`| head`) is no failure of what was done, and no success either. */
static RC output_close(struct cli *cli, const int *failed, struct error *err)
{
    bool has_failed = fflush(cli->out) != 0 || ferror(cli->out);
    fclose(cli->out);
    if (!has_failed)
        return RC_OK;
    if (*failed != EPIPE)
        return fail_errno(err, *failed, "writing to standard output");
    cli->status = cli->status != 0 ? cli->status : READER_GONE;
    return RC_OK;
}

int cli_main(int argc, char **argv)
{
    int failed = 0;
    struct cli cli = {.commands = all_commands,
                      .environment = from_process,
                      .out = output_open(&failed),
                      .messages = stderr,
                      .clock = clock_real()};
    struct error err = {0};
    cli.stop = stop_catch();
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error like any other */
    enum rc rc = run(&cli, argc, (const char *const *)argv, &err);
    if (rc != RC_OK) {
        print_failure(&cli, &err);
        cli.status = rc_exit_status(rc);
    }
    if (output_close(&cli, &failed, &err) != RC_OK) {
        print_error_message(&cli, &err);
        cli.status = cli.status != 0 ? cli.status : rc_exit_status(err.rc);
    }
    config_free(cli.config);
    arena_release(&cli.arena);
    return cli.status;
}

#include "cli/args.h"

static const char *const output_names[] = {"text", "json", NULL};
static const char *const progress_names[] = {"auto", "bar", "log", "json", "none", NULL};
static const char *const log_format_names[] = {"text", "json", NULL};
static const char *const log_level_names[] = {"debug", "info", "warn", "error", "none", NULL};

static const struct option global_table[] = {
    OPTION("config", STRING, global_flags, config, .argument = "FILE", .preset = "waybill.yml",
           .help = "configuration"),
    OPTION("output", ENUM, global_flags, output, .names = output_names, .preset = "text",
           .help = "what goes to standard output"),
    OPTION("progress", ENUM, global_flags, progress, .names = progress_names, .preset = "auto",
           .help = "how far a run is, on standard error"),
    OPTION("log-format", ENUM, global_flags, log_format, .names = log_format_names, .preset = "text",
           .help = "of log lines, on standard error"),
    OPTION("log-level", ENUM, global_flags, log_level, .names = log_level_names, .preset = "info",
           .help = "the least that is logged"),
    OPTION("quiet", BOOL, global_flags, quiet, .letter = 'q', .help = "errors only: --log-level error --progress none"),
    OPTION("max-memory", SIZE, global_flags, max_memory_bytes, .argument = "SIZE", .min = INT64_C(64) << 20,
           .max = INT64_C(1) << 40, .help = "budget of a run's buffers, 256MiB where nothing is said"),
};
const struct option_table global_flags = {global_table, sizeof(global_table) / sizeof(*global_table)};

void environment_name(const char *flag, char ret[ENVIRONMENT_NAME])
{
    snprintf(ret, ENVIRONMENT_NAME, "WAYBILL_%s", flag);
    for (char *at = ret; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
        else if (*at == '-')
            *at = '_';
    }
}

/* ---- finding the command ---- */

/* How many words of `path` the words begin with; -1: they go another way. */
static int words_shared(const char *path, const char *const *words, int word_count)
{
    int used = 0;
    for (const char *at = path; *at != '\0'; used++) {
        size_t len = strcspn(at, " ");
        if (used == word_count)
            return used;
        if (strlen(words[used]) != len || memcmp(words[used], at, len) != 0)
            return -1;
        at += len + (at[len] == ' ');
    }
    return used;
}

static int words_in(const char *path)
{
    int count = 1;
    for (const char *at = path; *at != '\0'; at++)
        count += *at == ' ';
    return count;
}

bool args_begin(const char *path, const char *const *words, int word_count)
{
    return word_count > 0 && word_count < words_in(path) && words_shared(path, words, word_count) == word_count;
}

const struct command *args_find(const struct command *const *commands, const char *const *words, int word_count,
                                int *ret_used)
{
    const struct command *found = NULL;
    int most = 0;
    for (int i = 0; commands[i] != NULL; i++) {
        const char *const paths[] = {commands[i]->path, commands[i]->also};
        for (int p = 0; p < 2 && paths[p] != NULL; p++) {
            int used = words_shared(paths[p], words, word_count);
            if (used == words_in(paths[p]) && used > most)
                found = commands[i], most = used;
        }
    }
    *ret_used = most;
    return found;
}

/* "get, set or reset": what may follow the words; "" : nothing. */
static void add_next_words(const struct command *const *commands, const char *const *words, int word_count,
                           struct buf *out)
{
    for (int i = 0; commands[i] != NULL; i++) {
        if (word_count == 0 || words_shared(commands[i]->path, words, word_count) != word_count)
            continue;
        const char *at = commands[i]->path;
        for (int skip = 0; skip < word_count; skip++)
            at += strcspn(at, " ") + 1;
        buf_addf(out, "%s%s", out->len > 0 ? ", " : "", at);
    }
}

enum { PATHS_MAX = 256 };

static int list_paths(const struct command *const *commands, const char *ret[PATHS_MAX])
{
    int count = 0;
    for (int i = 0; commands[i] != NULL && count < PATHS_MAX; i++)
        ret[count++] = commands[i]->path;
    return count;
}

/* Also where the two words stand the wrong way round, or the first one alone is near. */
static const char *nearest_path(const struct command *const *commands, const char *given, const char *first)
{
    const char *paths[PATHS_MAX];
    int count = list_paths(commands, paths);
    const char *space = strchr(given, ' ');
    AUTO_RELEASE(buf) turned = {0};
    buf_addf(&turned, "%s %.*s", space != NULL ? space + 1 : "", (int)strcspn(given, " "), given);
    const char *near = nearest_name(given, paths, count);
    for (int i = 0; commands[i] != NULL && near == NULL; i++)
        near = strcmp(commands[i]->path, turned.at) == 0 ? commands[i]->path : NULL;
    for (int i = 0; commands[i] != NULL && near == NULL; i++) {
        const char *path = commands[i]->path;
        char word[64];
        snprintf(word, sizeof(word), "%.*s", (int)strcspn(path, " "), path);
        const char *const one[] = {word};
        if (nearest_name(first, one, 1) != NULL)
            near = path;
    }
    return near;
}

RC args_no_command(const struct command *const *commands, const char *const *words, int word_count, struct error *err)
{
    AUTO_RELEASE(buf) given = {0};
    AUTO_RELEASE(buf) next = {0};
    for (int i = 0; i < word_count && i < 2; i++)
        buf_addf(&given, "%s%.60s", i > 0 ? " " : "", words[i]);
    add_next_words(commands, words, word_count, &next);
    if (next.len > 0) {
        fail(err, RC_CONFIG, "'%s' is only the beginning of a command", given.at);
        return fail_todo(err, "after '%s' follows one of: %s", given.at, next.at);
    }
    const char *near = nearest_path(commands, or_empty(given.at), words[0]);
    if (near != NULL)
        fail(err, RC_CONFIG, "there is no command '%s', did you mean '%s'?", given.at, near);
    else
        fail(err, RC_CONFIG, "there is no command '%s'", given.at);
    add_next_words(commands, words, 1, &next);
    if (next.len > 0)
        return fail_todo(err, "after '%s' follows one of: %s", words[0], next.at);
    return fail_todo(err, "'waybill --help' lists the commands");
}

/* ---- flags ---- */

static struct option_table flags_of(const struct command *command)
{
    return command != NULL && command->flags != NULL ? *command->flags : (struct option_table){0};
}

/* One parse of the arguments. */
struct parse {
    struct cli *cli;
    const char *const *argv;
    int argc, next;
};

static const struct option *by_letter(struct option_table table, char letter)
{
    for (int i = 0; i < table.count; i++) {
        if (letter != '\0' && table.options[i].letter == letter)
            return &table.options[i];
    }
    return NULL;
}

/* An argument that is a flag, taken apart. */
struct flag {
    const struct option *option;
    struct option_set *set;
    const char *shown; /* "--table", "-t" */
    const char *value; /* behind '=' or the letter; NULL: not there */
};

/* False: not a flag of this set. `arg` begins with '-'. */
static bool flag_in(struct option_set *set, const char *arg, struct arena *arena, struct flag *ret)
{
    bool is_long = arg[1] == '-';
    size_t len = is_long ? strcspn(arg + 2, "=") : 0;
    const struct option *option =
        is_long ? option_find(set->table, arena_str(arena, (struct str){arg + 2, len})) : by_letter(set->table, arg[1]);
    if (option == NULL || (!is_long && option->type == OPTION_BOOL && arg[2] != '\0'))
        return false;
    ret->option = option;
    ret->set = set;
    ret->shown = is_long ? arena_print(arena, "--%s", option->name) : arena_print(arena, "-%c", option->letter);
    const char *rest = is_long ? arg + 2 + len : arg + 2;
    ret->value = *rest == '\0' ? NULL : is_long ? rest + 1 : rest;
    return true;
}

static bool flag_read(const struct parse *p, const char *arg, struct flag *ret)
{
    return (p->cli->command != NULL && flag_in(&p->cli->set, arg, &p->cli->arena, ret)) ||
           flag_in(&p->cli->global_set, arg, &p->cli->arena, ret);
}

static RC no_flag(const struct parse *p, const char *arg, struct error *err)
{
    const struct option_table tables[] = {flags_of(p->cli->command), global_flags};
    const char **names = arena_take(&p->cli->arena, sizeof(*names) * (size_t)(tables[0].count + tables[1].count + 1));
    int count = 0, len = (int)strcspn(arg, "=");
    for (int t = 0; t < 2; t++) {
        for (int i = 0; i < tables[t].count; i++)
            names[count++] = arena_print(&p->cli->arena, "--%s", tables[t].options[i].name);
    }
    const char *given = arena_print(&p->cli->arena, "%.*s", len < 60 ? len : 60, arg);
    const char *near = len > 3 ? nearest_name(given, names, count) : NULL;
    const char *verb = p->cli->command != NULL ? p->cli->command->path : "waybill";
    if (near != NULL)
        fail(err, RC_CONFIG, "'%s' has no flag '%s', did you mean '%s'?", verb, given, near);
    else
        fail(err, RC_CONFIG, "'%s' has no flag '%s'", verb, given);
    if (p->cli->command == NULL)
        return fail_todo(err, "flags of a verb stand behind it; 'waybill --help' lists the verbs");
    return fail_todo(err, "'waybill %s --help' lists them", verb);
}

static RC flag_take(struct parse *p, const struct flag *flag, struct error *err)
{
    const char *value = flag->value;
    const char *next = p->next < p->argc ? p->argv[p->next] : NULL;
    bool is_number = next != NULL && next[0] >= '0' && next[0] <= '9';
    if (value == NULL && flag->option->type == OPTION_BOOL)
        value = "true";
    if (value == NULL && flag->option->bare != NULL && !is_number)
        value = flag->option->bare;
    if (value == NULL) {
        if (next == NULL || strncmp(next, "--", 2) == 0) {
            fail(err, RC_CONFIG, "'%s' needs a value%s%s", flag->shown, next != NULL ? ", but is followed by " : "",
                 or_empty(next));
            return fail_todo(err, "%s: %s", flag->shown, flag->option->help);
        }
        value = next;
        p->next++;
    }
    if (!str_is_utf8(str(value)))
        return fail(err, RC_CONFIG, "%s: the value is not UTF-8", flag->shown);
    return options_set(flag->set, flag->option->name, value, ORIGIN_FLAG, flag->shown, err);
}

static bool is_flag(const char *arg) { return arg[0] == '-' && arg[1] != '\0'; }
static bool is_help(const char *arg) { return text_eq(arg, "--help") || text_eq(arg, "-h"); }

static bool is_beginning(const struct command *const *commands, const char *const *words, int count)
{
    for (int i = 0; commands[i] != NULL; i++) {
        if (args_begin(commands[i]->path, words, count))
            return true;
    }
    return false;
}

/* The verb: the words before the first flag that is not global. */
static RC find_verb(struct parse *p, int *ret_used, struct error *err)
{
    const char **words = arena_take(&p->cli->arena, sizeof(*words) * (size_t)(p->argc + 1));
    int count = 0;
    for (int i = 1; i < p->argc; i++) {
        struct flag flag;
        if (is_help(p->argv[i])) {
            p->cli->wants_help = true;
            continue;
        }
        if (!is_flag(p->argv[i])) {
            words[count++] = p->argv[i];
            continue;
        }
        if (!flag_in(&p->cli->global_set, p->argv[i], &p->cli->arena, &flag))
            break;
        i += flag.value == NULL && flag.option->type != OPTION_BOOL;
    }
    p->cli->command = args_find(p->cli->commands, words, count, ret_used);
    if (p->cli->command != NULL || count == 0)
        return RC_OK;
    if (p->cli->wants_help && is_beginning(p->cli->commands, words, count)) {
        p->cli->words = words;
        p->cli->word_count = count;
        return RC_OK;
    }
    return args_no_command(p->cli->commands, words, count, err);
}

static RC parse_all(struct parse *p, int verb_words, struct error *err)
{
    struct cli *cli = p->cli;
    bool flags_end = false;
    cli->words = arena_take(&cli->arena, sizeof(*cli->words) * (size_t)(p->argc + 1));
    while (p->next < p->argc) {
        const char *arg = p->argv[p->next++];
        struct flag flag;
        if (flags_end || !is_flag(arg)) {
            if (verb_words > 0)
                verb_words--;
            else
                cli->words[cli->word_count++] = arg;
        } else if (text_eq(arg, "--")) {
            flags_end = true;
        } else if (is_help(arg)) {
            cli->wants_help = true;
        } else if (flag_read(p, arg, &flag)) {
            TRY(flag_take(p, &flag, err));
        } else {
            return no_flag(p, arg, err);
        }
    }
    return RC_OK;
}

static RC take_environment(struct cli *cli, struct option_set *set, struct error *err)
{
    for (int i = 0; i < set->table.count; i++) {
        char name[ENVIRONMENT_NAME];
        environment_name(set->table.options[i].name, name);
        const char *value = cli->environment(name);
        if (value == NULL || value[0] == '\0')
            continue;
        if (!str_is_utf8(str(value)))
            return fail(err, RC_CONFIG, "%s: the value is not UTF-8", name);
        TRY(options_set(set, set->table.options[i].name, value, ORIGIN_ENVIRONMENT, name, err));
    }
    return RC_OK;
}

/* ---- what the verb asks for ---- */

/* A word too many: of a table, or of a command that is also called by its first word (`sync pipline`). */
static RC refuse_word(const struct cli *cli, const char *word, struct error *err)
{
    const struct command *command = cli->command;
    const struct option *table = command->flags != NULL ? option_find(*command->flags, "table") : NULL;
    const char *paths[PATHS_MAX];
    AUTO_RELEASE(buf) given = {0};
    bool is_short = command->also != NULL && str_has_prefix(str(command->path), str(command->also));
    buf_addf(&given, "%s %.60s", or_empty(command->also), word);
    const char *near = is_short ? nearest_name(given.at, paths, list_paths(cli->commands, paths)) : NULL;
    if (near != NULL)
        fail(err, RC_CONFIG, "there is no command '%s', did you mean '%s'?", given.at, near);
    else
        fail(err, RC_CONFIG, "'%s' cannot do anything with '%.60s'", command->path, word);
    if (table != NULL && command->words_max == 0)
        return fail_todo(err, "a table is named with -%c: waybill %s -%c %.60s", table->letter, command->path,
                         table->letter, word);
    return fail_todo(err, "'waybill %s --help' shows what it takes", command->path);
}

static RC check_given(const struct cli *cli, struct error *err)
{
    const struct command *command = cli->command;
    const struct option_table flags = flags_of(command);
    for (int i = 0; i < flags.count; i++) {
        const struct option *option = &flags.options[i];
        if (option->required && !option_is_given(&cli->set, option->name)) {
            fail(err, RC_CONFIG, "'%s' needs %s--%s", command->path,
                 option->letter != '\0' ? arena_print(cli->set.arena, "-%c or ", option->letter) : "", option->name);
            return fail_todo(err, "add --%s %s: %s", option->name, or_empty(option->argument), option->help);
        }
    }
    if (cli->word_count > command->words_max)
        return refuse_word(cli, cli->words[command->words_max], err);
    if (cli->word_count < command->words_min) {
        fail(err, RC_CONFIG, "'%s' needs %s", command->path, command->words);
        return fail_todo(err, "'waybill %s --help' shows what it takes", command->path);
    }
    return command->check != NULL ? command->check(cli, err) : RC_OK;
}

static RC parse(struct cli *cli, int argc, const char *const *argv, struct error *err)
{
    struct parse p = {cli, argv, argc, 1};
    int verb_words = 0;
    TRY(find_verb(&p, &verb_words, err));
    if (cli->command != NULL) {
        cli->flags = arena_take(&cli->arena, cli->command->flags_bytes);
        options_init(&cli->set, flags_of(cli->command), cli->flags, &cli->arena);
    }
    for (int i = 1; i < argc && !cli->wants_help; i++) /* a help that is asked for is not refused for a mistake */
        cli->wants_help = is_help(argv[i]) && cli->command != NULL;
    if (cli->wants_help)
        return RC_OK;
    TRY(parse_all(&p, verb_words, err));
    TRY(take_environment(cli, &cli->global_set, err));
    if (cli->command == NULL)
        return RC_OK;
    TRY(take_environment(cli, &cli->set, err));
    return check_given(cli, err);
}

/* Whoever reads JSON is told in JSON that the command line was wrong. */
static void find_output(struct cli *cli, int argc, const char *const *argv)
{
    for (int i = 1; i < argc; i++) {
        if (text_eq(argv[i], "--output=json") ||
            (text_eq(argv[i], "--output") && i + 1 < argc && text_eq(argv[i + 1], "json")))
            cli->global.output = OUTPUT_JSON;
    }
}

RC args_parse(struct cli *cli, int argc, const char *const *argv, struct error *err)
{
    static const char *const version[] = {"waybill", "version"};
    options_init(&cli->global_set, global_flags, &cli->global, &cli->arena);
    if (argc == 2 && text_eq(argv[1], "--version"))
        argv = version;
    enum rc rc = parse(cli, argc, argv, err);
    if (rc != RC_OK)
        find_output(cli, argc, argv);
    return rc;
}

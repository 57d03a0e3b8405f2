/* completion: what a shell asks for behind `waybill`, from the table of commands. */
#include "cli/command.h"

/* The first `count` words of a path. */
static struct str words_of(const char *path, int count)
{
    const char *at = path;
    for (; count > 0 && *at != '\0'; count--) {
        at += at != path;
        at += strcspn(at, " ");
    }
    return (struct str){path, (size_t)(at - path)};
}

static int count_words(const char *path)
{
    int count = 1;
    for (; *path != '\0'; path++)
        count += *path == ' ';
    return count;
}

static void add_flags(struct option_table flags, struct buf *out)
{
    for (int i = 0; i < flags.count; i++)
        buf_addf(out, " --%s", flags.options[i].name);
}

/* What may follow these words: the next word of every path that begins with them, and the flags of one that is them. */
static void add_next(const struct command *const *commands, struct str begun, int count, struct buf *out)
{
    struct str last = {0};
    for (int i = 0; commands[i] != NULL; i++) {
        struct str beginning = words_of(commands[i]->path, count), more = words_of(commands[i]->path, count + 1);
        if (!str_eq(beginning, begun) || more.len == beginning.len || str_eq(more, last))
            continue;
        size_t from = beginning.len + (count > 0);
        buf_addf(out, " %.*s", (int)(more.len - from), more.at + from);
        last = more;
    }
    for (int i = 0; commands[i] != NULL; i++) {
        bool is_it = str_eq(str(commands[i]->path), begun) ||
                     (commands[i]->also != NULL && str_eq(str(commands[i]->also), begun));
        if (is_it && commands[i]->flags != NULL)
            add_flags(*commands[i]->flags, out);
    }
}

/* One case per beginning, the longest first. */
static void print_cases(const struct command *const *commands, FILE *out)
{
    enum { WORDS_MAX = 4 };
    for (int count = WORDS_MAX; count >= 0; count--) {
        struct str last = {0};
        for (int i = 0; commands[i] != NULL; i++) {
            struct str begun = words_of(commands[i]->path, count);
            AUTO_RELEASE(buf) next = {0};
            if (count_words(commands[i]->path) < count || (i > 0 && str_eq(begun, last)))
                continue;
            last = begun;
            add_next(commands, begun, count, &next);
            add_flags(global_flags, &next);
            fprintf(out, "    '%.*s'*) words='%s' ;;\n", (int)begun.len, begun.at, next.at + (next.at[0] == ' '));
        }
    }
}

static void print_bash(const struct command *const *commands, FILE *out)
{
    fputs("_waybill() {\n"
          "  local words line=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\"\n"
          "  case \"$line\" in\n",
          out);
    print_cases(commands, out);
    fputs("  esac\n"
          "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
          "}\n"
          "complete -o default -F _waybill waybill\n",
          out);
}

static void print_fish_text(const char *text, FILE *out)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void print_fish_flags(const char *condition, struct option_table flags, FILE *out)
{
    for (int i = 0; i < flags.count; i++) {
        const struct option *option = &flags.options[i];
        fprintf(out, "complete -c waybill%s -l %s%s -d ", condition, option->name,
                option->type == OPTION_BOOL ? "" : " -r");
        print_fish_text(option->help, out);
        fputc('\n', out);
    }
}

static void print_fish(const struct command *const *commands, FILE *out)
{
    for (int i = 0; commands[i] != NULL; i++) {
        const struct command *command = commands[i];
        struct str first = words_of(command->path, 1);
        char condition[160];
        bool is_one = first.len == strlen(command->path);
        if (is_one)
            fprintf(out, "complete -c waybill -n __fish_use_subcommand -a '%s' -d ", command->path);
        else
            fprintf(out, "complete -c waybill -n '__fish_seen_subcommand_from %.*s' -a '%s' -d ", (int)first.len,
                    first.at, command->path + first.len + 1);
        print_fish_text(command->summary, out);
        fputc('\n', out);
        if (!is_one)
            fprintf(out, "complete -c waybill -n __fish_use_subcommand -a '%.*s'\n", (int)first.len, first.at);
        snprintf(condition, sizeof(condition), " -n '__fish_seen_subcommand_from %s'",
                 is_one ? command->path : command->path + first.len + 1);
        if (command->flags != NULL)
            print_fish_flags(condition, *command->flags, out);
    }
    print_fish_flags("", global_flags, out);
}

static RC run_completion(struct cli *cli, struct error *err)
{
    const char *shell = cli->words[0];
    if (text_eq(shell, "bash")) {
        print_bash(cli->commands, cli->out);
    } else if (text_eq(shell, "zsh")) {
        fputs("#compdef waybill\nautoload -U +X bashcompinit && bashcompinit\n", cli->out);
        print_bash(cli->commands, cli->out);
    } else if (text_eq(shell, "fish")) {
        print_fish(cli->commands, cli->out);
    } else {
        fail(err, RC_CONFIG, "there is no completion for '%.40s'", shell);
        return fail_todo(err, "waybill completion bash, zsh or fish");
    }
    return RC_OK;
}

const struct command cmd_completion = {
    .path = "completion",
    .group = GROUP_ABOUT,
    .summary = "Prints what a shell completes: verbs and flags",
    .words = "bash|zsh|fish",
    .words_min = 1,
    .words_max = 1,
    .examples = "  waybill completion fish >~/.config/fish/completions/waybill.fish\n"
                "  source <(waybill completion bash)\n",
    .run = run_completion,
};

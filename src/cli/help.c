#include "cli/help.h"

#include "cli/args.h"
#include "cli/print.h"

enum { HELP_COLUMN = 30 };

static const char *const group_names[] = {
    [GROUP_MOVE] = "move rows",        [GROUP_LOOK] = "look, and change nothing",
    [GROUP_MARK] = "marks and leases", [GROUP_MARKER] = "completion markers",
    [GROUP_CLEAN] = "clean up",        [GROUP_ABOUT] = "about the program",
};

/* "  left          right": right begins in HELP_COLUMN, or on a line of its own. */
static void line(FILE *out, const char *left, const char *right)
{
    if (strlen(left) < HELP_COLUMN - 2)
        fprintf(out, "  %-*s%s\n", HELP_COLUMN - 2, left, right);
    else
        fprintf(out, "  %s\n%*s%s\n", left, HELP_COLUMN, "", right);
}

void help_overview(const struct command *const *commands, FILE *out)
{
    fputs("waybill moves data between databases, object storage and warehouses, and accounts for every hop.\n"
          "What it moves is sealed by a small manifest and loaded exactly once: stop it anywhere, run it again, it "
          "goes on.\n"
          "\nusage: waybill VERB [FLAGS]\n",
          out);
    for (int group = 0; group < GROUP_COUNT; group++) {
        bool headed = false;
        for (int i = 0; commands[i] != NULL; i++) {
            if ((int)commands[i]->group != group)
                continue;
            if (!headed)
                fprintf(out, "\n%s\n", group_names[group]);
            headed = true;
            line(out, commands[i]->path, commands[i]->summary);
        }
    }
    fputs("\nexamples\n"
          "  waybill check                               are all connections of waybill.yml usable?\n"
          "  waybill sync pipeline -p shop -t orders     what is new in one table, to the target\n"
          "\nwhere to go on\n"
          "  waybill help VERB      its flags, with an example; also: waybill VERB --help\n"
          "  waybill.yml            connections and pipelines, read from this folder, or --config FILE, or "
          "WAYBILL_CONFIG\n"
          "  WAYBILL_FOO_BAR=...    in the environment is the same as --foo-bar ...; the flag goes first\n",
          out);
}

bool help_beginning(const struct command *const *commands, const char *const *words, int word_count, FILE *out)
{
    bool any = false;
    for (int i = 0; commands[i] != NULL; i++) {
        if (!args_begin(commands[i]->path, words, word_count))
            continue;
        if (!any)
            fprintf(out, "usage: waybill VERB [FLAGS], where VERB is one of\n\n");
        any = true;
        line(out, commands[i]->path, commands[i]->summary);
    }
    if (any)
        fprintf(out, "\n'waybill VERB --help' tells more of each\n");
    return any;
}

static void add_default(const struct option *option, FILE *out)
{
    if (option->required)
        fputs(" (required)", out);
    else if (option->type == OPTION_LIST)
        fputs(" (may be repeated)", out);
    else if (option->preset != NULL && option->preset[0] != '\0')
        fprintf(out, " (default %s)", option->preset);
}

static void help_flags(struct option_table flags, FILE *out)
{
    for (int i = 0; i < flags.count; i++) {
        const struct option *option = &flags.options[i];
        AUTO_RELEASE(buf) left = {0};
        if (option->letter != '\0')
            buf_addf(&left, "-%c, --%s", option->letter, option->name);
        else
            buf_addf(&left, "    --%s", option->name);
        print_argument(option, &left);
        if (left.len < HELP_COLUMN - 2)
            fprintf(out, "  %-*s%s", HELP_COLUMN - 2, left.at, option->help);
        else
            fprintf(out, "  %s\n%*s%s", left.at, HELP_COLUMN, "", option->help);
        add_default(option, out);
        fputs("\n", out);
    }
}

void help_command(const struct command *command, FILE *out)
{
    fprintf(out, "%s\n\nusage: waybill %s%s%s%s\n", command->summary, command->path, command->words != NULL ? " " : "",
            or_empty(command->words), command->flags != NULL ? " [FLAGS]" : "");
    if (command->also != NULL)
        fprintf(out, "       waybill %s means the same\n", command->also);
    if (command->about != NULL)
        fprintf(out, "\n%s", command->about);
    if (command->flags != NULL) {
        fputs("\nflags\n", out);
        help_flags(*command->flags, out);
    }
    fputs("\nflags of every verb\n", out);
    help_flags(global_flags, out);
    if (command->examples != NULL)
        fprintf(out, "\nexamples\n%s", command->examples);
}

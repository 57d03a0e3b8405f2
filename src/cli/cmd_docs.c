/* docs: the reference and the man page, from the tables that the program itself goes by. */
#include "cli/print.h"
#include "connect/registry.h"
#include "store/registry.h"

/* ---- what both have ---- */

static const char *preset_of(const struct option *option)
{
    return option->required ? "required" : or_empty(option->preset);
}

/* "-t, --table NAME" */
static void add_flag(const struct option *option, struct buf *out)
{
    if (option->letter != '\0')
        buf_addf(out, "-%c, ", option->letter);
    buf_addf(out, "--%s", option->name);
    print_argument(option, out);
}

static void add_words(const struct option *option, struct buf *out)
{
    for (int i = 0; option->type == OPTION_ENUM && option->names[i] != NULL; i++)
        buf_addf(out, "%s%s", i > 0 ? ", " : ": ", option->names[i]);
}

/* ---- Markdown ---- */

static void print_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void print_options(FILE *out, struct option_table table, bool are_flags)
{
    fprintf(out, "| %s | default | |\n| --- | --- | --- |\n", are_flags ? "flag" : "key");
    for (int i = 0; i < table.count; i++) {
        const struct option *option = &table.options[i];
        AUTO_RELEASE(buf) name = {0}, words = {0};
        if (are_flags)
            add_flag(option, &name);
        else
            buf_add_str(&name, str(option->name));
        if (!are_flags)
            add_words(option, &words);
        fputs("| `", out);
        print_cell(out, name.at);
        fprintf(out, "` | %s | ", preset_of(option));
        print_cell(out, option->help);
        print_cell(out, or_empty(words.at));
        fputs(" |\n", out);
    }
    fputc('\n', out);
}

static void print_command(FILE *out, const struct command *command)
{
    fprintf(out, "### waybill %s\n\n%s.\n\n", command->path, command->summary);
    fprintf(out, "```\nwaybill %s%s%s%s\n", command->path, command->words != NULL ? " " : "", or_empty(command->words),
            command->flags != NULL ? " [FLAGS]" : "");
    if (command->also != NULL)
        fprintf(out, "waybill %s\n", command->also);
    if (command->about != NULL)
        fprintf(out, "\n%s", command->about);
    if (command->examples != NULL)
        fprintf(out, "\n%s", command->examples);
    fputs("```\n\n", out);
    if (command->flags != NULL)
        print_options(out, *command->flags, true);
}

static void print_reference(const struct cli *cli)
{
    FILE *out = cli->out;
    fputs("# Reference\n\nEvery verb, flag and key, as the program itself has them: `waybill docs reference` prints "
          "this page.\n"
          "\n## Verbs\n\n",
          out);
    for (int i = 0; cli->commands[i] != NULL; i++)
        print_command(out, cli->commands[i]);
    fputs("## Flags of every verb\n\nEach `--foo-bar` is also `WAYBILL_FOO_BAR` in the environment; the flag goes "
          "first.\n\n",
          out);
    print_options(out, global_flags, true);
    fputs("## A pipeline\n\n", out);
    print_options(out, config_pipeline_options(), false);
    fputs("## A table\n\n", out);
    print_options(out, config_table_options(), false);
    fputs("## Connections\n\n", out);
    for (int i = 0; database_types[i] != NULL; i++) {
        fprintf(out, "### type: %s\n\n%s\n\n", database_types[i]->name, database_types[i]->summary);
        print_options(out, database_types[i]->options, false);
    }
    for (int i = 0; store_types[i] != NULL; i++) {
        fprintf(out, "### type: %s\n\n%s\n\n", store_types[i]->name, store_types[i]->summary);
        print_options(out, store_types[i]->options, false);
    }
}

/* ---- man ---- */

/* A line that begins with '.' or "'" would be a request, and '\\' and '-' mean something. */
static void print_roff(FILE *out, const char *text)
{
    bool at_start = true;
    for (; *text != '\0'; text++) {
        if (at_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
        at_start = *text == '\n';
    }
}

static void print_man_options(FILE *out, struct option_table table, bool are_flags)
{
    for (int i = 0; i < table.count; i++) {
        const struct option *option = &table.options[i];
        AUTO_RELEASE(buf) name = {0}, help = {0};
        if (are_flags)
            add_flag(option, &name);
        else
            buf_add_str(&name, str(option->name));
        buf_add_str(&help, str(option->help));
        if (!are_flags)
            add_words(option, &help);
        if (preset_of(option)[0] != '\0')
            buf_addf(&help, " (%s%s)", option->required ? "" : "default ", preset_of(option));
        fputs(".TP\n.B ", out);
        print_roff(out, name.at);
        fputc('\n', out);
        print_roff(out, help.at);
        fputc('\n', out);
    }
}

static void print_man_statuses(FILE *out)
{
    static const struct {
        const char *status, *means;
    } statuses[] = {{"0", "done; nothing new is done, too"},
                    {"1", "failed for another reason than those below, or for several"},
                    {"2", "the command line or the configuration is wrong"},
                    {"3", "some tables are through, some failed"},
                    {"4", "not found: a table, a file"},
                    {"5", "temporary: busy, unavailable, disk full; the same command may do"},
                    {"6", "integrity: counts, checksums, values or documents disagree; a person has to look"},
                    {"7", "another run has the lease"},
                    {"8", "denied: rights are missing"},
                    {"130, 143", "stopped by SIGINT, SIGTERM"}};
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
        fprintf(out, ".TP\n.B %s\n%s\n", statuses[i].status, statuses[i].means);
}

static void print_man(const struct cli *cli)
{
    FILE *out = cli->out;
    fputs(".TH WAYBILL 1 \"\" \"waybill " WAYBILL_VERSION
          "\"\n.SH NAME\nwaybill \\- moves rows between databases through object storage, exactly once\n"
          ".SH SYNOPSIS\n.B waybill\n.I VERB\n[FLAGS]\n.SH DESCRIPTION\n"
          "What is moved is sealed by a small manifest and loaded exactly once: stop it anywhere, run it again, it "
          "goes on.\n"
          "Connections and pipelines stand in waybill.yml of the current folder.\n.SH VERBS\n",
          out);
    for (int i = 0; cli->commands[i] != NULL; i++) {
        const struct command *command = cli->commands[i];
        fputs(".SS waybill ", out);
        print_roff(out, command->path);
        fputc('\n', out);
        print_roff(out, command->summary);
        fputs(".\n", out);
        if (command->about != NULL) {
            fputs(".PP\n.nf\n", out);
            print_roff(out, command->about);
            fputs(".fi\n", out);
        }
        if (command->flags != NULL)
            print_man_options(out, *command->flags, true);
    }
    fputs(".SH FLAGS OF EVERY VERB\n", out);
    print_man_options(out, global_flags, true);
    fputs(".SH KEYS OF A PIPELINE\n", out);
    print_man_options(out, config_pipeline_options(), false);
    fputs(".SH KEYS OF A TABLE\n", out);
    print_man_options(out, config_table_options(), false);
    print_man_statuses(out);
    fputs(".SH ENVIRONMENT\nEach flag\n.B \\-\\-foo\\-bar\nis also\n.BR WAYBILL_FOO_BAR ;\nthe flag goes first.\n"
          ".SH FILES\n.TP\n.I waybill.yml\nconnections and pipelines; another one with\n.B \\-\\-config\n",
          out);
}

static RC run_docs(struct cli *cli, struct error *err)
{
    if (text_eq(cli->words[0], "reference")) {
        print_reference(cli);
    } else if (text_eq(cli->words[0], "man")) {
        print_man(cli);
    } else {
        fail(err, RC_CONFIG, "there is no page '%.40s'", cli->words[0]);
        return fail_todo(err, "waybill docs reference, or waybill docs man");
    }
    return RC_OK;
}

const struct command cmd_docs = {
    .path = "docs",
    .group = GROUP_ABOUT,
    .summary = "Prints the reference of every verb, flag and key, or the man page",
    .words = "reference|man",
    .words_min = 1,
    .words_max = 1,
    .examples = "  waybill docs reference\n"
                "  waybill docs man | man -l -\n",
    .run = run_docs,
};

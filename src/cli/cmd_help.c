#include "cli/args.h"
#include "cli/help.h"

static RC run_help(struct cli *cli, struct error *err)
{
    if (cli->word_count == 0) {
        help_overview(cli->commands, cli->out);
        return RC_OK;
    }
    int used = 0;
    const struct command *command = args_find(cli->commands, cli->words, cli->word_count, &used);
    if (command == NULL && help_beginning(cli->commands, cli->words, cli->word_count, cli->out))
        return RC_OK;
    if (command == NULL || used < cli->word_count)
        return args_no_command(cli->commands, cli->words, cli->word_count, err);
    help_command(command, cli->out);
    return RC_OK;
}

const struct command cmd_help = {
    .path = "help",
    .group = GROUP_ABOUT,
    .summary = "Says what a verb does, and which flags it has",
    .words = "[VERB]",
    .words_max = 3,
    .examples = "  waybill help sync pipeline\n",
    .run = run_help,
};

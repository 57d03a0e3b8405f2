/* The command line and the environment against the program's own tables, and what each mistake is told. The input: an
 * argument per line, an empty line, and variables as NAME=value, one per line.
 *
 * Parser: src/cli/args.c src/cli/sync_flags.c src/base/options.c:options_set,option_find,nearest_name
 * Bytes: 1024 */
#include "cli/args.h"
#include "fuzz.h"

enum { ARGUMENTS_MAX = 24, VARIABLES_MAX = 8 };

#define COMMAND_AT(name) &name,
static const struct command *const commands[] = {COMMANDS(COMMAND_AT) NULL};

static char *variables[VARIABLES_MAX];
static int variable_count;

static const char *environment(const char *name)
{
    size_t len = strlen(name);
    for (int i = 0; i < variable_count; i++) {
        if (strncmp(variables[i], name, len) == 0 && variables[i][len] == '=')
            return variables[i] + len + 1;
    }
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    struct error err = {0};
    struct cli cli = {.commands = commands, .environment = environment};
    char *argv[ARGUMENTS_MAX + 1] = {fuzz_text(S("waybill"))};
    int argc = 1;
    for (struct str word; (word = fuzz_until(&in, '\n')).len > 0;) {
        if (argc < ARGUMENTS_MAX)
            argv[argc++] = fuzz_text(word);
    }
    for (variable_count = 0; in.left > 0 && variable_count < VARIABLES_MAX;)
        variables[variable_count++] = fuzz_text(fuzz_until(&in, '\n'));
    enum rc rc = args_parse(&cli, argc, (const char *const *)argv, &err);
    fuzz_check(rc, &err);
    if (rc == RC_OK && cli.command != NULL && !cli.wants_help)
        assert(cli.word_count >= cli.command->words_min && cli.word_count <= cli.command->words_max);
    options_release_secrets(&cli.global_set);
    arena_release(&cli.arena);
    while (argc > 0)
        free(argv[--argc]);
    while (variable_count > 0)
        free(variables[--variable_count]);
    return 0;
}

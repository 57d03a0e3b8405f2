/* The command line and the environment against the command table. `--flag value`, `--flag=value`, `-f value`,
 * `-fvalue`, and for some `--flag` alone (struct option, bare); flags stand anywhere behind the verb, global ones also
 * before it; `--` ends them. Each `--foo-bar` is also WAYBILL_FOO_BAR; the flag goes first. */
#pragma once

#include "cli/command.h"

enum { ENVIRONMENT_NAME = 64 };

/* Fills the middle part of `cli`. RC_CONFIG, with a suggestion, for what is not in the tables. With wants_help nothing
 * is checked beyond the verb. */
RC args_parse(struct cli *cli, int argc, const char *const *argv, struct error *err);
/* The command whose path (or the beginning of it) the words are; *ret_used words. NULL: none. */
const struct command *args_find(const struct command *const *commands, const char *const *words, int word_count,
                                int *ret_used);
/* The words are the beginning of this path, and not the whole of it. */
bool args_begin(const char *path, const char *const *words, int word_count);
/* RC_CONFIG: says that there is no such command, and what may be meant. */
RC args_no_command(const struct command *const *commands, const char *const *words, int word_count, struct error *err);
/* "max-memory" -> "WAYBILL_MAX_MEMORY" */
void environment_name(const char *flag, char ret[ENVIRONMENT_NAME]);

/* Help, from the command table. */
#pragma once

#include "cli/command.h"

void help_overview(const struct command *const *commands, FILE *out); /* waybill --help */
/* waybill watermark --help: the verbs that begin with these words. False, and nothing is printed: none does. */
bool help_beginning(const struct command *const *commands, const char *const *words, int word_count, FILE *out);
void help_command(const struct command *command, FILE *out); /* waybill VERB --help */

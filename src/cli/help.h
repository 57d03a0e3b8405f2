/* Help, from the command table. */
#pragma once

#include "cli/command.h"

void help_overview(const struct command *const *commands, FILE *out); /* waybill --help */
void help_command(const struct command *command, FILE *out);          /* waybill VERB --help */

/* What is found out about connections, for the verbs that tell of them. */
#pragma once

#include "cli/print.h"

/* What `word` means: loads the configuration, and adds what a URI says. *ret_name: the connection's; NULL for NULL.
 * RC_CONFIG: there is no such connection, or none at all. */
RC check_pick(struct cli *cli, const char *word, const char **ret_name, struct error *err);
/* Tries each connection in its roles and prints what was found, a line each; cli->status says how it went. `word`: a
 * connection's name or a URI; NULL: all of the configuration. `more` (may be NULL) stands before them in a JSON
 * document. RC_CONFIG: there is no such connection. */
RC check_report(struct cli *cli, const char *word, const json_t *more, struct error *err);

/* What `waybill check --grants` says. */
#pragma once

#include "cli/print.h"

/* The rights that connections take for what pipelines do with them, and what grants those that are missing. `pipeline`
 * NULL: all of them; `word`: a connection's name or a URI, NULL: each. cli->status is that of RC_DENIED where a right
 * is missing that is needed. RC_CONFIG: there is no such pipeline or connection. */
RC grants_report(struct cli *cli, const char *pipeline, const char *word, struct error *err);

/* What `sync` says when its run is over. */
#pragma once

#include "cli/command.h"
#include "move/run.h"

/* A line per table with what came of it, then warnings, on `out`. */
void sync_report_tables(struct cli *cli, const struct run *run);
/* Every failure with its four parts, on the messages' side; one that several tables share is told once. */
void sync_report_failures(struct cli *cli, const struct run *run);

/* What the verbs share that work on a pipeline: its connections, open as far as they are needed, its tables, and a run
 * of them. Opening and looking change nothing anywhere. */
#pragma once

#include "cli/command.h"
#include "cli/progress.h"
#include "move/run.h"

struct session {
    struct cli *cli;
    const struct pipeline_config *pipeline;
    struct source *source; /* NULL: not needed */
    struct target *target; /* NULL: not needed, or `target: none` */
    struct store *store, *markers;
    const struct table_config *tables;
    int table_count;
    struct progress_view *progress;
    struct heartbeat *heartbeat;
    struct run *run;
    struct arena arena;
};

/* What a verb needs open. */
struct session_wants {
    const char *pipeline;    /* NULL: the default one */
    struct text_list tables; /* names and patterns; count 0: all that are listed */
    bool source, target;
    bool known;          /* without names: the listed tables, and those that have a scope document; may be none */
    const char *markers; /* where markers go (marker_store.h); NULL: none */
};

/* AUTO_RELEASE(session) session = {.cli = cli}; first. After a failure it holds what had been opened so far. Without a
 * source, patterns are matched against the tables that have a scope document. */
RC session_open(struct session *self, const struct session_wants *wants, struct error *err);
/* The run of its tables, or of the one table `only` (NULL: all of them), into self->run; the run before is freed. */
void session_begin(struct session *self, const struct run_options *options, const struct table_config *only);
/* From now on leases are kept alive, and it is shown how far the run is. Before session_begin. */
void session_watch(struct session *self, int64_t lease_ms);
/* The progress's last state is left standing, and the heartbeat ends. */
void session_unwatch(struct session *self);
void session_release(struct session *self);
/* user@host: who gives a command that is kept in a history. */
const char *session_author(struct arena *arena);

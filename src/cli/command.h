/* What a verb is, and what it is given. A new verb is one struct in a file of its own and one line in COMMANDS: the
 * table feeds parsing, `waybill --help`, `waybill help VERB` and the environment rule. */
#pragma once

#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "base/options.h"
#include "io/secret_resolve.h"
#include "move/config.h"

/* In the order of the help. */
#define COMMANDS(X)                                                                                                    \
    X(cmd_sync)                                                                                                        \
    X(cmd_sync_repair)                                                                                                 \
    X(cmd_sync_connections)                                                                                            \
    X(cmd_plan)                                                                                                        \
    X(cmd_status)                                                                                                      \
    X(cmd_types)                                                                                                       \
    X(cmd_check)                                                                                                       \
    X(cmd_audit)                                                                                                       \
    X(cmd_connections_list)                                                                                            \
    X(cmd_connections_info)                                                                                            \
    X(cmd_watermark_get)                                                                                               \
    X(cmd_watermark_list)                                                                                              \
    X(cmd_watermark_set)                                                                                               \
    X(cmd_watermark_reset)                                                                                             \
    X(cmd_watermark_history)                                                                                           \
    X(cmd_watermark_restore)                                                                                           \
    X(cmd_lease_list)                                                                                                  \
    X(cmd_lease_break)                                                                                                 \
    X(cmd_marker_list)                                                                                                 \
    X(cmd_marker_show)                                                                                                 \
    X(cmd_marker_wait)                                                                                                 \
    X(cmd_marker_write)                                                                                                \
    X(cmd_marker_clean)                                                                                                \
    X(cmd_marker_notify)                                                                                               \
    X(cmd_marker_metrics)                                                                                              \
    X(cmd_s3clean_list)                                                                                                \
    X(cmd_s3clean_clean)                                                                                               \
    X(cmd_s3clean_clean_all)                                                                                           \
    X(cmd_s3clean_orphans)                                                                                             \
    X(cmd_init)                                                                                                        \
    X(cmd_docs)                                                                                                        \
    X(cmd_completion)                                                                                                  \
    X(cmd_help)                                                                                                        \
    X(cmd_version)

enum output { OUTPUT_TEXT, OUTPUT_JSON };
enum progress_kind { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_LOG, PROGRESS_JSON, PROGRESS_NONE };

#define WAIT_MS_MAX (INT64_C(24) * 3600 * 1000)
/* Flags of every verb. */
struct global_flags {
    const char *config;
    enum output output;
    enum progress_kind progress;
    enum log_format log_format;
    enum log_level log_level;
    bool quiet;
    int64_t max_memory_bytes; /* checked here, applied by cli_pick */
};
extern const struct option_table global_flags;

/* Headings of `waybill --help`, in its order. */
enum command_group { GROUP_MOVE, GROUP_LOOK, GROUP_MARK, GROUP_MARKER, GROUP_CLEAN, GROUP_ABOUT, GROUP_COUNT };

struct cli;
struct command {
    const char *path; /* "sync pipeline" */
    const char *also; /* another path with the same meaning: "sync"; NULL: none */
    enum command_group group;
    const char *summary; /* one line: what it does */
    const char *words;   /* what may follow the verb, as help shows it: "[CONNECTION]"; NULL: nothing */
    int words_min, words_max;
    const struct option_table *flags;                      /* NULL: none */
    size_t flags_bytes;                                    /* of the struct they fill, cli->flags */
    const char *about;                                     /* a paragraph or two for its own help; NULL: none */
    const char *examples;                                  /* one per line; NULL: none */
    RC (*check)(const struct cli *cli, struct error *err); /* RC_CONFIG: flags contradict each other; NULL: never */
    RC (*run)(struct cli *cli, struct error *err);         /* RC_OK: the exit status is cli->status, by default 0 */
};

/* One call of the program. */
struct cli {
    const struct command *const *commands; /* NULL at the end */
    const char *(*environment)(const char *name);
    FILE *out;      /* data, and nothing else */
    FILE *messages; /* everything else */
    struct clock *clock;
    const atomic_int *stop; /* cli/stop.h; NULL: nothing stops it */

    /* what args_parse found */
    const struct command *command; /* NULL: none was named */
    bool wants_help;
    struct global_flags global;
    struct option_set global_set;
    void *flags; /* the command's own struct */
    struct option_set set;
    const char **words; /* what follows the verb */
    int word_count;

    /* what the command makes of it */
    int status;
    bool has_printed; /* something is on `out` */
    struct config *config;
    struct secret_resolver resolver;
    struct arena arena;
};

/* Reads the configuration that --config or WAYBILL_CONFIG names, once; cli->config. */
RC cli_load(struct cli *cli, struct error *err);
/* The same, but with none where all `words` (NULL ones are passed over) are URIs and no --config was given. */
RC cli_load_for(struct cli *cli, const char *const *words, int word_count, struct error *err);
/* No file at all: what is added by URI. */
RC cli_load_none(struct cli *cli, struct error *err);
/* Loads, and picks the pipeline `name` (NULL: the default one), with the flags that go before the file. */
RC cli_pick(struct cli *cli, const char *name, const struct pipeline_config **ret, struct error *err);
struct progress_view;
/* Log lines go to standard error as the flags say; above the lines of `view` where it has live ones (NULL: none). */
void cli_log_through(const struct cli *cli, struct progress_view *view);
bool cli_is_json(const struct cli *cli);

#define COMMAND_DECLARE(name) extern const struct command name;
COMMANDS(COMMAND_DECLARE)

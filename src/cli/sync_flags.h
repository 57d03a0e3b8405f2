/* The flags of `sync pipeline` and `sync connections`, and which of them contradict each other. */
#pragma once

#include "cli/route_flags.h"

struct sync_flags {
    struct route_flags route; /* of `sync connections` */
    const char *pipeline;     /* NULL: the default one */
    struct text_list tables;  /* count 0: all that are listed */
    enum strategy strategy;   /* as the pipeline says where it is not given; cli_pick hands both to it */
    int64_t parallel;         /* 0: as the pipeline says */
    bool backup_only, redshift_only, full_refresh, dry_run;
    bool accept_source, accept_target, allow_duplicates, allow_deletes;
    const char *start_time, *end_time; /* RFC 3339; NULL: none */
    bool advance;
    int64_t limit, max_chunks;                /* 0: none */
    int64_t deadline_ms, max_rows_per_second; /* 0: none */
    int64_t wait_ms;                          /* 0: a lease that another run has is not waited for */
    const char *metrics_file;                 /* NULL: none */
    const char *json_output;                  /* "-": standard output; NULL: none */
    const char *marker_bucket;                /* NULL: none */
    const char *marker_stamp;                 /* NULL: the run's own start */
};
extern const struct option_table sync_flags, sync_connections_flags;

/* For struct command's `check`. */
RC sync_flags_check(const struct cli *cli, struct error *err);
RC sync_connections_flags_check(const struct cli *cli, struct error *err);
/* What only the tables tell: --limit would make a replace lose rows. RC_CONFIG. */
RC sync_flags_check_table(const struct sync_flags *flags, const struct table_config *table, struct error *err);

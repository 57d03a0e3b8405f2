/* Where completion markers are, for the verbs that write and read them. */
#pragma once

#include "cli/command.h"

/* Opens what `given` names (config_find_bucket). `pipeline` NULL: none, whose stage could tell how a bucket is reached.
 * A bucket that nobody has named before is looked for at once: RC_CONFIG when there is none. */
RC marker_store_open(struct cli *cli, const char *given, const struct pipeline_config *pipeline, struct store **ret,
                     struct error *err);

/* What the `marker` verbs have in common: the store, and whose markers are meant. */
struct marker_session {
    struct cli *cli;
    struct store *store;
    const char *pipeline; /* NULL: all of them */
    struct arena arena;
};
/* `pipeline` NULL: the default one where one is needed, or all. Without a configuration file where the bucket is a URI
 * and no --config was given. */
RC marker_session_open(struct marker_session *self, const char *bucket, const char *pipeline, bool needs_pipeline,
                       struct error *err);
void marker_session_release(struct marker_session *self);

/* Flags of all of them. */
#define MARKER_BUCKET(owner)                                                                                           \
    OPTION("s3-completion-bucket", STRING, owner, bucket, .letter = 'b', .argument = "NAME", .required = true,         \
           .help = "where markers are: a store connection, s3://BUCKET, or a bucket's name")
#define MARKER_PIPELINE(owner, help_)                                                                                  \
    OPTION("pipeline", STRING, owner, pipeline, .letter = 'p', .argument = "NAME", .help = help_)

/* A pipeline that stands on the command line: the flags of `sync connections`, which other verbs take too, so that what
 * was moved without a configuration can be looked at without one. */
#pragma once

#include "cli/command.h"

struct route_flags {
    const char *source, *target, *stage; /* URIs, or names of connections; NULL: not said */
    const char *increment, *mode, *cursor;
    struct text_list key;
};

/* Options of a struct that has them as `route`. */
#define ROUTE_FLAGS(owner)                                                                                             \
    OPTION("source", STRING, owner, route.source, .letter = 's', .argument = "URI|NAME",                               \
           .help = "where rows come from"),                                                                            \
        OPTION("target", STRING, owner, route.target, .letter = 'r', .argument = "URI|NAME",                           \
               .help = "where they are applied, or none"),                                                             \
        OPTION("stage", STRING, owner, route.stage, .argument = "URI|NAME[/PREFIX]",                                   \
               .help = "where they rest: s3://BUCKET/PREFIX, a folder, or a store connection")
/* What was said of its tables: needed by verbs to which it matters how rows are chosen. */
#define ROUTE_TABLE_FLAGS(owner)                                                                                       \
    OPTION("increment", STRING, owner, route.increment, .argument = "WORD",                                            \
           .help = "how rows are chosen: hybrid, timestamp_only, id_only or full_sync; hybrid without"),               \
        OPTION("mode", STRING, owner, route.mode, .argument = "WORD",                                                  \
               .help = "how rows are applied: merge, append, replace or delete_insert; by the increment without"),     \
        OPTION("cursor", STRING, owner, route.cursor, .argument = "COLUMN",                                            \
               .help = "column that grows with every change; the one obvious without"),                                \
        OPTION("key", LIST, owner, route.key, .argument = "COLUMN",                                                    \
               .help = "column that tells a row from all others, once for each; the primary key without")
#define ROUTE_ABOUT                                                                                                    \
    "With -s, -r and --stage it is about what 'waybill sync connections' moves with the same three; no "               \
    "configuration\n"                                                                                                  \
    "is read where they are URIs.\n"

static inline bool route_is_given(const struct route_flags *flags)
{
    return flags->source != NULL || flags->target != NULL || flags->stage != NULL;
}
/* "waybill sync connections -s ... -t TABLE", quoted for a shell. */
const char *route_command(const struct route_flags *flags, const char *table, struct arena *arena);
/* Adds the pipeline that these flags make to the configuration, which is read only where it is needed; *pipeline, its
 * name or NULL, becomes its name. `also` (may be NULL) is one more connection that the command uses. Nothing given:
 * nothing is done. RC_CONFIG: only some of the three. */
RC route_flags_add(struct cli *cli, const struct route_flags *flags, const struct text_list *tables, const char *also,
                   const char **pipeline, struct error *err);

/* waybill.yml as plain structs: connections, pipelines, tables (README.md, docs/reference.md).
 *
 * The whole configuration is read and checked at once: an unknown key, a wrong type, an illegal pair of increment and
 * mode or a connection that does not exist is RC_CONFIG with file:line:column, whatever the command. `${VAR}` is filled
 * in only for what a command uses: the pipeline it picks, the connections it opens. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/options.h"
#include "connect/registry.h"
#include "data/parquet/writer.h"
#include "data/shaping.h"
#include "io/opening.h"
#include "store/store.h"

enum increment {
    INCREMENT_HYBRID,
    INCREMENT_ID_ONLY,
    INCREMENT_FULL_SYNC,
    INCREMENT_TIMESTAMP_ONLY,
    INCREMENT_CUSTOM_SQL,
};
const char *increment_name(enum increment increment);
/* Its ranges go by a time cursor. */
static inline bool increment_is_timed(enum increment increment)
{
    return increment != INCREMENT_ID_ONLY && increment != INCREMENT_FULL_SYNC;
}

enum pipeline_kind { PIPELINE_SYNC };

/* How tables are spread over workers; the rows are the same. */
enum strategy {
    STRATEGY_SEQUENTIAL,  /* one after the other, split over readers where that is worth it */
    STRATEGY_INTER_TABLE, /* several at once */
    STRATEGY_INTRA_TABLE, /* one after the other, each split over all readers */
};
const char *strategy_name(enum strategy strategy);
extern const char *const strategy_names[]; /* in the order of the enum, NULL at the end */

enum null_cursor { NULL_CURSOR_FAIL, NULL_CURSOR_EXCLUDE, NULL_CURSOR_INCLUDE };

/* How a replace takes the old rows away. */
enum replace_by { REPLACE_BY_DELETE, REPLACE_BY_SWAP };

/* How the target learns of rows that are gone from the source. */
enum delete_detection { DELETES_UNSEEN, DELETES_BY_KEYS };

/* When a staged file is read back and compared with what was read from the source. */
enum verify { VERIFY_AUTO, VERIFY_STAGE, VERIFY_NONE };

/* What is asked of source and target when a table's run is through (move/audit.h). */
enum audit_kind { AUDIT_NONE, AUDIT_PROFILE };

/* Bounds of one waybill; whichever comes first. */
struct chunk_limits {
    int64_t bytes, rows, time_ms;
};

/* One entry under `connections:`. Its options are read when it is opened. */
struct connection_config {
    const char *name, *type;
    struct where where;
    const struct yaml_node *node;
};

/* One entry under `tables:`, or what a table without an entry gets. */
struct table_config {
    const char *name;   /* in the source; of a pattern's entry the pattern, until tables_resolve() */
    struct where where; /* file NULL: not listed, named by -t only */
    bool is_pattern;
    struct text_list exclude;    /* names and patterns that a pattern leaves out */
    struct text_list depends_on; /* names and patterns of tables that must be through before it begins */
    enum increment increment;
    const char *sql;         /* custom_sql only */
    const char *cursor;      /* NULL: the one obvious cursor */
    const char *cursor_unit; /* "s", "ms"; NULL: not said */
    const char *cursor_zone; /* NULL: the source's own */
    enum zero_dates zero_dates;
    struct text_list key; /* count 0: the primary key */
    const char *target;   /* never NULL: the target table, by default the source's name */
    enum mode mode;       /* legal for the increment */
    enum replace_by replace_by;
    enum delete_detection delete_detection;
    const char *soft_delete; /* column of the target that says when a row was found to be gone; NULL: the row goes */
    int64_t delete_max;      /* per cent of the target's rows that may be found gone at once */
    bool shared, insert_only;
    enum null_cursor null_cursor;
    enum audit_kind audit;
    int64_t quarantine; /* rows of a chunk that may be set aside because they do not fit; 0: none, the run ends */
    int64_t lag_ms;
    bool lag_is_given;   /* false: the default, which is not enough where open transactions are hidden */
    int64_t lookback_ms; /* so far before the mark rows are read again; 0: no. Merge by a time cursor only */
    struct chunk_limits chunk;
    const struct column_wish *wishes; /* of its columns, one for each */
    int wish_count;
    const struct column_override *overrides; /* of these what is the source's to do */
    int override_count;
    const char *const *excluded;
    int excluded_count;
    const struct option_set *options;       /* where each value came from, for plan -v */
    const struct yaml_node *columns, *mask; /* these four as written; `wishes` is what they say */
    struct text_list exclude_columns, hash;
    const char *distkey;
    int diststyle, sortstyle; /* of config_layout.c */
    struct text_list sortkey;
    const struct target_layout *layout; /* what these and the columns' `encode` come to; NULL: none was asked for */
};

struct pipeline_config {
    const char *name; /* [A-Za-z0-9_.-]+, as a connection's */
    struct where where;
    enum pipeline_kind kind;
    const char *source; /* connection names, of types that can be this */
    const char *stage_store;
    const char *stage_prefix; /* without '/' at either end; "" : none */
    enum parquet_compression compression;
    enum parquet_profile profile;
    int64_t level; /* of zstd and gzip; 0: its default */
    enum verify verify;
    enum audit_kind audit; /* of its tables, unless they say so themselves */
    int64_t quarantine;    /* the same */
    enum strategy strategy;
    int64_t parallel;                        /* STRATEGY_INTER_TABLE: tables at once, at most */
    int64_t readers;                         /* of one table at once, at most */
    int64_t max_rows_per_second;             /* of a run; 0: no limit */
    int64_t max_pending;                     /* waybills that may wait for their load while the next is extracted */
    const char *target;                      /* NULL: `target: none` */
    const struct database_type *target_type; /* NULL: none, or not known yet */
    bool is_default;
    const char *history;               /* "50" or "90d": what is kept of it; NULL: all. As numbers: */
    int64_t history_count, history_ms; /* 0: that does not say */
    struct chunk_limits chunk;
    int64_t file_bytes, part_bytes, lag_ms, lease_ms, max_memory_bytes;
    struct secret hash_key;
    struct table_config *tables; /* as listed, patterns included */
    int table_count;
    const struct option_set *options;
    const struct yaml_node *node, *tables_node; /* as written */
    struct pipeline_config *next;               /* that was picked */
};

struct config {
    const char *path; /* the main file */
    struct connection_config *connections;
    int connection_count;
    struct pipeline_config *pipelines; /* checked, `${VAR}` not filled in: use config_pick_pipeline() for a run */
    int pipeline_count;
    struct pipeline_config *picked; /* with their secrets */
    struct arena arena;
    struct resolver *resolver;
    const atomic_int *stop;               /* for connections' waits (io/opening.h); NULL, or set by the caller */
    const struct retry_observer *retries; /* of connections; NULL, or set by the caller */
    int64_t memory_bytes;                 /* of the run that connections are opened for; 0, or set by the caller */
    struct file_id *files;                /* read so far, so that none is read twice */
    int file_count;
};

enum {
    LANES_MAX = 16,
    PARALLEL_MAX = 16,
    PIPELINES_MAX = 1000,
    CONNECTIONS_MAX = 1000,
    TABLES_MAX = 10000,
    INCLUDES_MAX = 100,
    NAME_BYTES_MAX = 128
};

/* What a pipeline and a table may say, for whoever describes it. */
struct option_table config_pipeline_options(void);
struct option_table config_table_options(void);

/* Reads `path` (NULL: waybill.yml) and what it includes. The resolver must outlive the config. */
RC config_load(const char *path, struct resolver *resolver, struct config **ret, struct error *err);
void config_free(struct config *self);
AUTO_DEFINE(config)

/* A configuration without a file, for connections that are given by URIs. */
struct config *config_new(struct resolver *resolver);

/* Connections by URI, where no file names them (docs/connections.md): mysql://user@host:3306/db, postgresql://...,
 * s3://bucket/prefix, sqlite:///path, sqlite:path, duckdb:path, file:///folder, and a path that begins with '/', './'
 * or '../', which is a folder. Query parameters are the type's options. Secrets are references (${VAR}, file:, cmd:)
 * and never literal: a URI stands in argv. */
bool config_is_uri(const char *text);
/* What to do about a name that is no connection's, where a URI may be meant: how it is written as one, or else
 * `or_else`, which may be NULL. */
enum rc config_todo_uri(const char *name, const char *or_else, struct error *err);
/* Adds what a URI says. `by` is where it was given, for messages: "--source". *ret_name is the connection's name from
 * then on: the URI without secrets and parameters; *ret_prefix what a store's URI has behind the bucket ("": nothing).
 */
RC config_add_uri(struct config *self, const char *uri, const char *by, const char **ret_name, const char **ret_prefix,
                  struct error *err);

/* Where completion markers are: the name of a store connection, the bucket of one, a URI without a path, or any bucket
 * that is then opened as the connection `like` (the stage's; NULL: none) is, but for its name. *ret_name is a
 * connection's name; *ret_new: nobody has said before that there is such a bucket. */
RC config_find_bucket(struct config *self, const char *given, const char *like, const char *by, const char **ret_name,
                      bool *ret_new, struct error *err);

bool config_can_be_source(const struct connection_config *connection);
bool config_can_be_target(const struct connection_config *connection);
/* Where it leads to, as it is written, without secrets and parameters: "mysql://etl@db.internal:3306/shop". */
const char *config_address(const struct connection_config *connection, struct arena *arena);
/* The options of a connection that are set or have a default, as they are written; secrets are "***". Views into the
 * configuration, and the arena's. RC_NOT_FOUND: no such connection. */
struct shown_option {
    const char *name, *text, *from; /* from: "default", "waybill.yml:12:9" */
};
RC config_show(const struct config *self, const char *name, struct arena *arena, const struct shown_option **ret,
               int *ret_count);

/* A pipeline from the command line. Texts may be NULL but for source, target and stage, which are URIs or names of
 * connections; the target may be "none", the stage's name may have a prefix behind a '/'. */
struct route_words {
    const char *name; /* NULL: derived from where rows come from and go to, the same each time */
    const char *source, *target, *stage;
    const char *increment, *mode, *cursor; /* of all tables */
    struct text_list key, tables;
};
RC config_add_route(struct config *self, const struct route_words *words, const char **ret_name, struct error *err);

/* A value from above the configuration file: a flag or the environment. */
struct config_override {
    const char *option, *text; /* "max_memory", "512MiB" */
    enum origin kind;
    const char *by; /* "--max-memory", "WAYBILL_MAX_MEMORY" */
};

/* The pipeline `name`; NULL: the only one, or the one marked `default: true`. With `${VAR}` filled in and the overrides
 * applied. Lives as long as the config. RC_CONFIG: no such pipeline (with a suggestion), or which one is not clear. */
RC config_pick_pipeline(struct config *self, const char *name, const struct config_override *overrides,
                        int override_count, const struct pipeline_config **ret, struct error *err);

/* True when `tables_resolve` needs the source's list: a pattern is among what is wanted. A run that opens no source
 * (--redshift-only) gives the tables of its scope documents instead. */
bool tables_need_listing(const struct pipeline_config *pipeline, const char *const *wanted, int wanted_count);
/* The tables a command means. wanted_count 0: all that are listed, in their order, patterns expanded against `existing`
 * (sorted as given); an entry of its own goes before a pattern, the first pattern before later ones. A wanted name
 * takes its entry, or the pattern it matches, or the defaults when it is not listed; naming it twice is naming it once.
 * A wanted pattern means the tables of the pipeline that it matches (all that exist where it lists none).
 * RC_CONFIG: nothing listed. RC_NOT_FOUND: a pattern that matches nothing. The result lives as long as the config. */
RC tables_resolve(struct config *self, const struct pipeline_config *pipeline, const char *const *wanted,
                  int wanted_count, const char *const *existing, int existing_count, const struct table_config **ret,
                  int *ret_count, struct error *err);
/* Whether `table` must wait for the table `other`, where the same run moves both. Nobody waits for itself. */
bool table_depends_on(const struct table_config *table, const char *other);
/* What the source is asked with (connect/source.h). `known` and `known_form` are the caller's to set. */
struct table_request table_request_of(const struct table_config *table);

/* Opens a connection by its name, secrets resolved now. RC_CONFIG: no such connection (with a suggestion), or a type
 * that cannot be this. */
RC config_open_source(struct config *self, const char *name, struct clock *clock, struct random *random,
                      struct source **ret, struct error *err);
RC config_open_target(struct config *self, const char *name, struct clock *clock, struct random *random,
                      struct target **ret, struct error *err);
RC config_open_store(struct config *self, const char *name, struct clock *clock, struct random *random,
                     struct store **ret, struct error *err);

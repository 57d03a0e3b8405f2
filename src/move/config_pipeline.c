/* One pipeline and its tables: the option tables, the defaults, and what a pipeline takes. */
#include "base/worker.h"
#include "move/config_intern.h"

#define DAY_MS INT64_C(86400000)
/* Six beats in a lease, and no write later than two thirds of it after a beat: in less, one slow answer ends a run. */
#define LEASE_MS_MIN INT64_C(3000)
#define MIB          ((int64_t)1 << 20)
#define GIB          ((int64_t)1 << 30)

/* Words that name something are in the order of their enum; behind them, words of the design that are not there yet. */
static const char *const kind_names[] = {"sync", "window", "backup", "job", NULL};
static const char *const increment_names[] = {"hybrid", "id_only", "full_sync", "timestamp_only", "custom_sql", NULL};
static const char *const mode_names[] = {"append", "merge", "replace", "delete_insert", NULL};
static const char *const replace_names[] = {[REPLACE_BY_DELETE] = "delete", [REPLACE_BY_SWAP] = "swap", NULL};
static const char *const delete_detection_names[] = {[DELETES_UNSEEN] = "none", [DELETES_BY_KEYS] = "keys", NULL};
static const char *const zero_dates_names[] = {
    [ZERO_DATES_FAIL] = "fail", [ZERO_DATES_NULL] = "null", [ZERO_DATES_TEXT] = "text", NULL};
static const char *const null_cursor_names[] = {"fail", "exclude", "include", NULL};
static const char *const verify_names[] = {
    [VERIFY_AUTO] = "auto", [VERIFY_STAGE] = "stage", [VERIFY_NONE] = "none", NULL};
static const char *const audit_names[] = {[AUDIT_NONE] = "none", [AUDIT_PROFILE] = "profile", NULL};
static const char *const compression_names[] = {
    [PARQUET_ZSTD] = "zstd", [PARQUET_SNAPPY] = "snappy",     [PARQUET_LZ4] = "lz4",
    [PARQUET_GZIP] = "gzip", [PARQUET_UNCOMPRESSED] = "none", NULL};
static const char *const profile_names[] = {
    [PARQUET_DEFAULT] = "default", [PARQUET_REDSHIFT] = "redshift", [PARQUET_MODERN] = "modern", NULL};

const char *const strategy_names[] = {[STRATEGY_SEQUENTIAL] = "sequential",
                                      [STRATEGY_INTER_TABLE] = "inter-table",
                                      [STRATEGY_INTRA_TABLE] = "intra-table",
                                      NULL};

const char *strategy_name(enum strategy strategy) { return strategy_names[strategy]; }
const char *increment_name(enum increment increment) { return increment_names[increment]; }

/* What a table may say in the place of its pipeline. */
#define AS_PIPELINE      "; as the pipeline's without"
#define LAG_HELP         "how far behind the source's clock a range ends"
#define AUDIT_HELP       "after each run: compare every column of source, stage and target"
#define QUARANTINE_HELP  "so many rows of a chunk may be set aside because they do not fit; beyond that the run ends"
#define CHUNK_BYTES_HELP "raw bytes of one waybill"
#define CHUNK_ROWS_HELP  "rows of one waybill"
#define CHUNK_TIME_HELP  "estimated time of one waybill"

static const struct option pipeline_table[] = {
    OPTION("kind", ENUM, pipeline_config, kind, .names = kind_names, .preset = "sync", .help = "what moves"),
    OPTION("default", BOOL, pipeline_config, is_default, .help = "the pipeline of commands without -p"),
    OPTION("source", STRING, pipeline_config, source, .required = true, .help = "connection that rows come from"),
    OPTION("stage.store", STRING, pipeline_config, stage_store, .required = true,
           .help = "store connection that rows rest in"),
    OPTION("stage.prefix", STRING, pipeline_config, stage_prefix, .preset = "",
           .help = "what staged objects' keys begin with"),
    OPTION("stage.compression", ENUM, pipeline_config, compression, .names = compression_names, .preset = "zstd",
           .help = "of staged files"),
    OPTION("stage.level", INT, pipeline_config, level, .max = 22,
           .help = "of zstd (up to 22) or gzip (up to 9); its own default without"),
    OPTION("stage.profile", ENUM, pipeline_config, profile, .names = profile_names, .preset = "default",
           .help = "who is to read the staged files: what encodings and pages they may have"),
    OPTION("verify", ENUM, pipeline_config, verify, .names = verify_names, .preset = "auto",
           .help = "reading staged files back before they are sealed: where no load follows, always, or never"),
    OPTION("audit", ENUM, pipeline_config, audit, .names = audit_names, .preset = "none", .help = AUDIT_HELP),
    OPTION("quarantine", INT, pipeline_config, quarantine, .preset = "0", .max = INT64_C(1000000000),
           .help = QUARANTINE_HELP),
    OPTION("target", STRING, pipeline_config, target, .required = true,
           .help = "connection that rows are applied to, or none"),
    OPTION("chunk.bytes", SIZE, pipeline_config, chunk.bytes, .preset = "1GiB", .min = 1024, .max = 1024 * GIB,
           .help = CHUNK_BYTES_HELP),
    OPTION("chunk.rows", INT, pipeline_config, chunk.rows, .preset = "5000000", .min = 1, .max = INT64_C(1000000000000),
           .help = CHUNK_ROWS_HELP),
    OPTION("chunk.time", DURATION, pipeline_config, chunk.time_ms, .preset = "10m", .min = 1000, .max = DAY_MS,
           .help = CHUNK_TIME_HELP),
    OPTION("file_bytes", SIZE, pipeline_config, file_bytes, .preset = "256MiB", .min = 1024, .max = 64 * GIB,
           .help = "size of one staged file"),
    OPTION("part_bytes", SIZE, pipeline_config, part_bytes, .preset = "16MiB", .min = 5 * MIB, .max = 64 * MIB,
           .help = "of one part of a file's upload"),
    OPTION("strategy", ENUM, pipeline_config, strategy, .names = strategy_names, .preset = "sequential",
           .help = "one table after the other, several at once, or each split over all readers"),
    OPTION("parallel", INT, pipeline_config, parallel, .preset = "4", .min = 1, .max = PARALLEL_MAX,
           .help = "inter-table: so many tables at once, as far as max_memory has 64MiB for each"),
    OPTION("readers", INT, pipeline_config, readers, .preset = "4", .min = 1, .max = LANES_MAX,
           .help = "connections that read one table at once, as far as source and memory allow"),
    OPTION("max_rows_per_second", INT, pipeline_config, max_rows_per_second, .min = 1, .max = INT64_MAX,
           .help = "all readers of a run together read no faster; no limit without"),
    OPTION("max_pending", INT, pipeline_config, max_pending, .preset = "4", .min = 1, .max = WORKER_JOBS_MAX,
           .help = "waybills that may wait for their load while the next one is extracted"),
    OPTION("lag", DURATION, pipeline_config, lag_ms, .preset = "5s", .max = 30 * DAY_MS, .help = LAG_HELP),
    OPTION("lease", DURATION, pipeline_config, lease_ms, .preset = "60s", .min = LEASE_MS_MIN, .max = DAY_MS,
           .help = "how long a silent owner keeps a table: 3s at least. A run whose beats do not arrive for two thirds "
                   "of it ends"),
    OPTION("history", STRING, pipeline_config, history,
           .help = "so many entries of a mark's history are kept (50), or for so long (90d); all without"),
    OPTION("max_memory", SIZE, pipeline_config, max_memory_bytes, .preset = "256MiB", .min = 64 * MIB,
           .max = 1024 * GIB, .help = "budget of a run's buffers"),
    OPTION("hash_key", SECRET, pipeline_config, hash_key,
           .help = "makes the tables' hashes HMACs that nobody without it can try; plain SHA-256 without"),
    OPTION("tables", NODE, pipeline_config, tables_node,
           .help = "names or patterns of the source's tables, each with its options"),
};

static const struct option table_table[] = {
    OPTION("increment", ENUM, table_config, increment, .names = increment_names, .preset = "hybrid",
           .help = "how rows are chosen"),
    OPTION("sql", STRING, table_config, sql,
           .help = "custom_sql: a SELECT in place of the table, with :lower, :upper and :limit"),
    OPTION("cursor", STRING, table_config, cursor,
           .help = "column that grows with every change; the one obvious without"),
    OPTION("cursor_unit", STRING, table_config, cursor_unit, .help = "s or ms, of an integer cursor"),
    OPTION("cursor_zone", STRING, table_config, cursor_zone,
           .help = "UTC, +02:00 or a name, of a cursor without a zone; the server's without"),
    OPTION("zero_dates", ENUM, table_config, zero_dates, .names = zero_dates_names, .preset = "fail",
           .help = "what becomes of 0000-00-00 and of dates without a month or day"),
    OPTION("key", LIST, table_config, key, .help = "columns that tell a row from all others; the primary key without"),
    OPTION("target", STRING, table_config, target, .help = "table in the target; the source's name without"),
    OPTION("mode", ENUM, table_config, mode, .names = mode_names,
           .help = "how rows are applied; by the increment without"),
    OPTION("replace", ENUM, table_config, replace_by, .names = replace_names, .preset = "delete",
           .help = "replace: the old rows are deleted, or a new table takes the name"),
    OPTION("delete_detection", ENUM, table_config, delete_detection, .names = delete_detection_names, .preset = "none",
           .help = "keys: after each run all keys of the source are compared, and rows that are gone deleted"),
    OPTION("soft_delete", STRING, table_config, soft_delete,
           .help = "column of the target that says since when a row is gone, which stays then"),
    OPTION("delete_max", INT, table_config, delete_max, .preset = "10", .max = 100,
           .help = "per cent of the target's rows; more are not deleted at once without --allow-deletes"),
    OPTION("lag", DURATION, table_config, lag_ms, .max = 30 * DAY_MS, .help = LAG_HELP AS_PIPELINE),
    OPTION("lookback", DURATION, table_config, lookback_ms, .max = 30 * DAY_MS,
           .help = "merge: rows so far before the mark are read again, for stamps that come late"),
    OPTION("shared", BOOL, table_config, shared, .help = "other pipelines write the target table too"),
    OPTION("insert_only", BOOL, table_config, insert_only, .help = "rows of this table are never changed"),
    OPTION("null_cursor", ENUM, table_config, null_cursor, .names = null_cursor_names, .preset = "fail",
           .help = "rows without a cursor: fail; exclude; or include, merge: every run reads all of them"),
    OPTION("audit", ENUM, table_config, audit, .names = audit_names, .help = AUDIT_HELP AS_PIPELINE),
    OPTION("quarantine", INT, table_config, quarantine, .max = INT64_C(1000000000),
           .help = QUARANTINE_HELP AS_PIPELINE),
    OPTION("columns", NODE, table_config, columns,
           .help = "{COLUMN: {as: text, name: other}}: its type, and its name in the target; Redshift: encode"),
    OPTION("distkey", STRING, table_config, distkey, .help = "Redshift: column that a new table's rows are spread by"),
    OPTION("diststyle", ENUM, table_config, diststyle, .names = config_diststyles,
           .help = "Redshift: how a new table's rows are spread; key where there is a distkey, else its own choice"),
    OPTION("sortkey", LIST, table_config, sortkey, .help = "Redshift: columns that a new table is sorted by"),
    OPTION("sortstyle", ENUM, table_config, sortstyle, .names = config_sortstyles,
           .help = "Redshift: what several columns of a sortkey count"),
    OPTION("exclude_columns", LIST, table_config, exclude_columns, .help = "columns that are not even read"),
    OPTION("hash", LIST, table_config, hash, .help = "columns of which only a hash is staged (pipeline's hash_key)"),
    OPTION("mask", NODE, table_config, mask, .help = "{COLUMN: full} or partial: what is staged shows '*' instead"),
    OPTION("chunk.bytes", SIZE, table_config, chunk.bytes, .min = 1024, .max = 1024 * GIB,
           .help = CHUNK_BYTES_HELP AS_PIPELINE),
    OPTION("chunk.rows", INT, table_config, chunk.rows, .min = 1, .max = INT64_C(1000000000000),
           .help = CHUNK_ROWS_HELP AS_PIPELINE),
    OPTION("chunk.time", DURATION, table_config, chunk.time_ms, .min = 1000, .max = DAY_MS,
           .help = CHUNK_TIME_HELP AS_PIPELINE),
    OPTION("exclude", LIST, table_config, exclude, .help = "names and patterns that a pattern leaves out"),
    OPTION("depends_on", LIST, table_config, depends_on,
           .help = "tables of this pipeline, or patterns, that are moved before; where one fails this one is skipped"),
};

struct option_table config_pipeline_options(void) { return OPTION_TABLE(pipeline_table); }
struct option_table config_table_options(void) { return OPTION_TABLE(table_table); }

/* ---- a table ---- */

static enum mode default_mode(enum increment increment)
{
    switch (increment) {
    case INCREMENT_ID_ONLY: return MODE_APPEND;
    case INCREMENT_FULL_SYNC: return MODE_REPLACE;
    case INCREMENT_HYBRID:
    case INCREMENT_TIMESTAMP_ONLY:
    case INCREMENT_CUSTOM_SQL: break;
    }
    return MODE_MERGE;
}

/* Still with a `${VAR}` that nobody may fill in yet: whether its values go together is seen when it is picked. */
static bool is_open(const struct option_set *set, const struct resolver *resolver)
{
    for (int i = 0; resolver == NULL && i < set->table.count; i++) {
        if (set->origins[i].text != NULL && strstr(set->origins[i].text, "${") != NULL)
            return true;
    }
    return false;
}

/* `node` NULL: a table that is not listed. */
static RC table_read(struct config *config, const struct pipeline_config *pipeline, const char *name,
                     const struct yaml_node *node, struct resolver *resolver, struct table_config *ret,
                     struct error *err)
{
    static const char *const inherited[] = {"lag", "audit", "quarantine", "chunk.bytes", "chunk.rows", "chunk.time"};
    struct option_set *set = arena_take(&config->arena, sizeof(*set));
    options_init(set, OPTION_TABLE(table_table), ret, &config->arena);
    ret->name = name;
    ret->where = node != NULL ? node->key_where : (struct where){0};
    ret->is_pattern = is_pattern(name);
    ret->options = set;
    if (node != NULL)
        TRY(options_read(set, node, arena_print(&config->arena, "table '%s'", name), NULL, resolver, err));
    for (size_t i = 0; i < sizeof(inherited) / sizeof(*inherited); i++)
        options_inherit(set, pipeline->options, inherited[i]);
    ret->lag_is_given = option_is_given(set, "lag");
    if (!option_is_given(set, "mode"))
        ret->mode = default_mode(ret->increment);
    if (!option_is_given(set, "target"))
        ret->target = name;
    if (!is_open(set, resolver))
        TRY(config_check_table(ret, err));
    TRY(config_read_columns(ret, &config->arena, err));
    return config_read_layout(ret, pipeline, &config->arena, err);
}

RC table_default(struct config *config, const struct pipeline_config *pipeline, const char *name,
                 struct table_config *ret, struct error *err)
{
    TRY(table_read(config, pipeline, name, NULL, NULL, ret, err));
    ret->is_pattern = false; /* a name from the command line is a name */
    return RC_OK;
}

/* ---- a pipeline ---- */

static RC read_tables(struct config *config, struct resolver *resolver, struct pipeline_config *ret, struct error *err)
{
    const struct yaml_node *tables = ret->tables_node;
    if (tables == NULL || tables->kind == YAML_EMPTY)
        return RC_OK;
    if (tables->kind != YAML_MAP) {
        fail(err, RC_CONFIG, WHERE_FMT ": 'tables' takes a map, not %s", WHERE_ARG(tables->where),
             yaml_kind_name(tables));
        return fail_todo(err,
                         "write 'tables: {orders: {}, customers: {}}': each table with its options, which may be none");
    }
    if (tables->count > TABLES_MAX) {
        fail(err, RC_CONFIG, WHERE_FMT ": more than %d tables", WHERE_ARG(tables->where), TABLES_MAX);
        return fail_todo(err, "use patterns ('log_*'), or several pipelines");
    }
    ret->tables = arena_take(&config->arena, sizeof(*ret->tables) * (size_t)(tables->count + 1));
    for (const struct yaml_node *node = tables->first; node != NULL; node = node->next) {
        if (node->key[0] == '\0') {
            fail(err, RC_CONFIG, WHERE_FMT ": a table without a name", WHERE_ARG(node->key_where));
            return fail_todo(err, "write the table's name before the ':'");
        }
        TRY(table_read(config, ret, node->key, node, resolver, &ret->tables[ret->table_count++], err));
    }
    return config_check_order(ret, err);
}

#define FAIL_PIPELINE(pipeline, option, err, fmt, ...)                                                                 \
    fail(err, RC_CONFIG, WHERE_FMT ": " fmt, WHERE_ARG(option_origin_of((pipeline)->options, option)->where),          \
         ##__VA_ARGS__)

/* A target that reads staged files by itself takes them from S3, and takes what it is known to take. */
static RC check_reach(struct pipeline_config *self, const struct connection_config *store, struct error *err)
{
    if (self->target_type == NULL || !self->target_type->reads_s3)
        return RC_OK;
    const char *type = self->target_type->name;
    if (store != NULL && !text_eq(store->type, "s3")) {
        FAIL_PIPELINE(self, "stage.store", err, "%s reads staged files from S3 by itself, and '%s' is of type '%s'",
                      type, store->name, store->type);
        fail_id(err, "stage-out-of-reach");
        return fail_todo(err, "stage in a connection of type s3, with a bucket in the region of %s", type);
    }
    if (option_is_given(self->options, "stage.profile") && self->profile != PARQUET_REDSHIFT)
        return FAIL_PIPELINE(self, "stage.profile", err, "%s reads files of the profile 'redshift' only", type);
    self->profile = PARQUET_REDSHIFT;
    if (self->compression == PARQUET_LZ4) {
        FAIL_PIPELINE(self, "stage.compression", err, "%s does not read files that are compressed by lz4", type);
        return fail_todo(err, "use zstd, snappy, gzip or none");
    }
    return RC_OK;
}

static RC check_connections(const struct config *config, struct pipeline_config *ret, struct error *err)
{
    const struct connection_config *store = NULL;
    static const struct {
        const char *option;
        enum role role;
    } parts[] = {
        {"source", ROLE_SOURCE},
        {"stage.store", ROLE_STORE},
        {"target", ROLE_TARGET},
    };
    const char *const names[] = {ret->source, ret->stage_store, ret->target};
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        const struct connection_config *found = NULL;
        if (strstr(names[i], "${") != NULL || (parts[i].role == ROLE_TARGET && text_eq(names[i], "none")))
            continue;
        TRY(config_find_connection(config, names[i], parts[i].role,
                                   option_origin_of(ret->options, parts[i].option)->where, &found, err));
        if (parts[i].role == ROLE_TARGET)
            ret->target_type = database_type_find(found->type);
        if (parts[i].role == ROLE_STORE)
            store = found;
    }
    if (text_eq(ret->target, "none"))
        ret->target = NULL;
    return check_reach(ret, store, err);
}

/* Segments of a key that every store takes (store/store.h). */
static RC clean_prefix(struct pipeline_config *ret, struct arena *arena, struct error *err)
{
    struct str prefix = str(ret->stage_prefix);
    while (prefix.len > 0 && prefix.at[prefix.len - 1] == '/')
        prefix.len--;
    const char *text = arena_str(arena, prefix);
    if (prefix.len > 0 && strstr(text, "${") == NULL && store_check_key(text, err) != RC_OK) {
        struct error why = *err;
        fail(err, RC_CONFIG, WHERE_FMT ": stage.prefix: %s",
             WHERE_ARG(option_origin_of(ret->options, "stage.prefix")->where), why.text);
        return fail_todo(err, "write folders with '/' between them, such as 'staged/shop'");
    }
    if (config_is_reserved((struct str){text, strcspn(text, "/")})) {
        fail(err, RC_CONFIG, WHERE_FMT ": stage.prefix: '%s' is where other documents lie",
             WHERE_ARG(option_origin_of(ret->options, "stage.prefix")->where), text);
        return fail_todo(err, "write another prefix, such as 'staged/'");
    }
    ret->stage_prefix = text;
    return RC_OK;
}

static RC check_level(const struct pipeline_config *self, struct error *err)
{
    static const int level_max[] = {[PARQUET_ZSTD] = 22, [PARQUET_GZIP] = 9, [PARQUET_UNCOMPRESSED] = 0};
    struct where where = option_origin_of(self->options, "stage.level")->where;
    int most = level_max[self->compression];
    if (self->level <= most)
        return RC_OK;
    if (most == 0) {
        fail(err, RC_CONFIG, WHERE_FMT ": the compression '%s' has no levels", WHERE_ARG(where),
             compression_names[self->compression]);
        return fail_todo(err, "remove 'stage.level', or set 'stage.compression: zstd'");
    }
    fail(err, RC_CONFIG, WHERE_FMT ": the levels of %s end at %d", WHERE_ARG(where),
         compression_names[self->compression], most);
    return fail_todo(err, "write a smaller one, or remove 'stage.level' for its own default");
}

static RC read_history(struct pipeline_config *self, struct error *err)
{
    const char *text = self->history;
    if (text == NULL || strstr(text, "${") != NULL || str_to_int64(str(text), &self->history_count))
        self->history_ms = 0;
    else if (!str_to_ms(str(text), &self->history_ms))
        self->history_ms = -1;
    if (text == NULL || strstr(text, "${") != NULL || self->history_count > 0 || self->history_ms > 0)
        return RC_OK;
    fail(err, RC_CONFIG, WHERE_FMT ": history: '%s' is neither a number of entries nor a time",
         WHERE_ARG(option_origin_of(self->options, "history")->where), text);
    return fail_todo(err, "write 'history: 50' or 'history: 90d'; the newest entry is kept in any case");
}

static RC check_kind(const struct pipeline_config *self, struct error *err)
{
    if ((int)self->kind == PIPELINE_SYNC)
        return RC_OK;
    fail(err, RC_CONFIG, WHERE_FMT ": pipelines of kind '%s' are not available yet",
         WHERE_ARG(option_origin_of(self->options, "kind")->where), kind_names[self->kind]);
    return fail_todo(err, "remove 'kind': a pipeline without it is of kind sync");
}

RC pipeline_read(struct config *config, const struct yaml_node *node, struct resolver *resolver,
                 const struct config_override *overrides, int override_count, struct pipeline_config *ret,
                 struct error *err)
{
    struct option_set *set = arena_take(&config->arena, sizeof(*set));
    const char *what = arena_print(&config->arena, "pipeline '%s'", ret->name);
    options_init(set, OPTION_TABLE(pipeline_table), ret, &config->arena);
    ret->options = set;
    TRY(options_read(set, node, what, NULL, resolver, err));
    TRY(check_kind(ret, err));
    TRY(check_level(ret, err));
    TRY(read_history(ret, err));
    TRY(options_check_required(set, ret->where, what, err));
    for (int i = 0; i < override_count; i++)
        TRY(options_set(set, overrides[i].option, overrides[i].text, overrides[i].kind, overrides[i].by, err));
    TRY(check_connections(config, ret, err));
    TRY(clean_prefix(ret, &config->arena, err));
    return read_tables(config, resolver, ret, err);
}

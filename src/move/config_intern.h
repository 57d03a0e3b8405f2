/* What the parts of the configuration's reader share; the rest of the program includes config.h. */
#pragma once

#include "connect/registry.h"
#include "move/config.h"
#include "store/registry.h"

enum role { ROLE_SOURCE, ROLE_TARGET, ROLE_STORE };

/* A connection that can be this. `at` is where it was named (file NULL: on the command line). */
RC config_find_connection(const struct config *self, const char *name, enum role role, struct where at,
                          const struct connection_config **ret, struct error *err);
const struct connection_config *config_connection(const struct config *self, const char *name); /* NULL: none */
/* The options of a connection's type: of a database or of a store. False: there is no such type. */
bool config_options_of_type(const char *type, struct option_table *ret, size_t *ret_bytes);
/* Checks the options below `node`, a map whose key is the connection's name, and adds it. */
RC config_take_connection(struct config *self, const struct yaml_node *node, const char *type, struct error *err);
/* Nodes as a file would have them: `text` NULL is a map. Key and text are copied. */
struct yaml_node *config_node(struct arena *arena, const char *key, const char *text, struct where at);
void config_node_add(struct yaml_node *parent, struct yaml_node *child);
/* Pipelines' and connections' names stand in keys, scopes and messages: [A-Za-z0-9_.-]+, not "none", "." or "..". */
RC config_check_name(const struct yaml_node *entry, const char *what, struct error *err);

/* "watermark" and "completion_markers", where other documents lie: no staged object's key may begin with them. */
bool config_is_reserved(struct str segment);

/* Reads and checks one pipeline. resolver NULL: only a check, `${VAR}` stays. */
RC pipeline_read(struct config *config, const struct yaml_node *node, struct resolver *resolver,
                 const struct config_override *overrides, int override_count, struct pipeline_config *ret,
                 struct error *err);
/* What a table gets that is named on the command line and has no entry. */
RC table_default(struct config *config, const struct pipeline_config *pipeline, const char *name,
                 struct table_config *ret, struct error *err);

/* A table's option to complain about: where it was written, else where the table was. */
struct where config_table_where(const struct table_config *table, const char *option);
#define FAIL_TABLE(table, option, err, fmt, ...)                                                                       \
    fail(err, RC_CONFIG, WHERE_FMT ": table '%s': " fmt, WHERE_ARG(config_table_where(table, option)), (table)->name,  \
         ##__VA_ARGS__)

/* config_legal.c: what a table that was read says goes together. */
RC config_check_table(const struct table_config *table, struct error *err);

/* config_columns.c: `columns`, `exclude_columns`, `hash` and `mask` of a table that was read, as one list of wishes. */
RC config_read_columns(struct table_config *table, struct arena *arena, struct error *err);

/* config_order.c: `depends_on` names tables that are listed, and leads in no circle; then the same of any tables. */
RC config_check_order(const struct pipeline_config *pipeline, struct error *err);
RC config_check_circles(const struct table_config *tables, int count, struct error *err);

/* config_layout.c: `distkey`, `diststyle`, `sortkey`, `sortstyle` and the columns' `encode`, checked, into ret->layout.
 * After config_read_columns. */
extern const char *const config_diststyles[], *const config_sortstyles[];
RC config_read_layout(struct table_config *table, const struct pipeline_config *pipeline, struct arena *arena,
                      struct error *err);

/* '*' is any text, '?' is one character; everything else is itself. */
bool pattern_matches(const char *pattern, const char *name);
bool is_pattern(const char *name);

/* How a target's new table is laid out: for targets that have such a thing (connect/registry.h, has_layout). */
#include "move/config_intern.h"

enum diststyle { DISTSTYLE_AUTO, DISTSTYLE_EVEN, DISTSTYLE_KEY, DISTSTYLE_ALL };
enum sortstyle { SORTSTYLE_COMPOUND, SORTSTYLE_INTERLEAVED };
const char *const config_diststyles[] = {
    [DISTSTYLE_AUTO] = "auto", [DISTSTYLE_EVEN] = "even", [DISTSTYLE_KEY] = "key", [DISTSTYLE_ALL] = "all", NULL};
const char *const config_sortstyles[] = {
    [SORTSTYLE_COMPOUND] = "compound", [SORTSTYLE_INTERLEAVED] = "interleaved", NULL};
enum { COMPOUND_MAX = 400, INTERLEAVED_MAX = 8 };

static const char *const encodings[] = {"raw",      "az64",     "bytedict",  "delta",   "delta32k", "lzo",  "mostly8",
                                        "mostly16", "mostly32", "runlength", "text255", "text32k",  "zstd", NULL};

/* ---- encodings ---- */

/* The column's name in the target. */
static const char *target_name(const struct table_config *table, const char *column)
{
    for (int i = 0; i < table->wish_count; i++) {
        if (text_eq(table->wishes[i].column, column) && table->wishes[i].name != NULL)
            return table->wishes[i].name;
    }
    return column;
}

static RC check_encoding(const struct table_config *table, const struct yaml_node *node, struct error *err)
{
    for (int i = 0; encodings[i] != NULL; i++) {
        if (node->kind == YAML_TEXT && text_eq(encodings[i], node->text))
            return RC_OK;
    }
    AUTO_RELEASE(buf) all = {0};
    for (int i = 0; encodings[i] != NULL; i++)
        buf_addf(&all, "%s%s", i > 0 ? ", " : "", encodings[i]);
    fail(err, RC_CONFIG, WHERE_FMT ": table '%s': there is no encoding '%s'; there are %s", WHERE_ARG(node->where),
         table->name, node->text, all.at);
    return fail_todo(err, "write one of them, or remove 'encode': Redshift then chooses");
}

/* *ret_first: where the first one stands; NULL: there is none. */
static RC read_encodes(const struct table_config *table, struct arena *arena, struct target_layout *ret,
                       const struct yaml_node **ret_first, struct error *err)
{
    const struct yaml_node *columns = table->columns;
    *ret_first = NULL;
    if (columns == NULL || columns->kind != YAML_MAP)
        return RC_OK;
    struct column_encode *items = arena_take(arena, sizeof(*items) * (size_t)(columns->count + 1));
    for (const struct yaml_node *column = columns->first; column != NULL; column = column->next) {
        const struct yaml_node *encode = yaml_find(column, "encode");
        if (encode == NULL)
            continue;
        TRY(check_encoding(table, encode, err));
        *ret_first = *ret_first != NULL ? *ret_first : encode;
        items[ret->encode_count++] = (struct column_encode){target_name(table, column->key), encode->text};
    }
    ret->encodes = items;
    return RC_OK;
}

/* ---- keys ---- */

static RC check_keys(const struct table_config *table, struct error *err)
{
    bool has_style = option_is_given(table->options, "diststyle");
    bool is_interleaved = table->sortstyle == SORTSTYLE_INTERLEAVED;
    int most = is_interleaved ? INTERLEAVED_MAX : COMPOUND_MAX;
    if (has_style && table->diststyle == DISTSTYLE_KEY && table->distkey == NULL)
        return FAIL_TABLE(table, "diststyle", err, "'diststyle: key' needs a 'distkey'");
    if (has_style && table->diststyle != DISTSTYLE_KEY && table->distkey != NULL)
        return FAIL_TABLE(table, "diststyle", err, "'diststyle: %s' spreads rows by no 'distkey'",
                          config_diststyles[table->diststyle]);
    if (option_is_given(table->options, "sortstyle") && table->sortkey.count == 0)
        return FAIL_TABLE(table, "sortstyle", err, "'sortstyle' needs a 'sortkey'");
    if (table->sortkey.count > most)
        return FAIL_TABLE(table, "sortkey", err, "a sortkey of %d columns; %s ones have %d at most",
                          table->sortkey.count, config_sortstyles[table->sortstyle], most);
    return RC_OK;
}

/* Words of the target's own are for that target. */
static RC check_target(const struct table_config *table, const struct pipeline_config *pipeline,
                       const struct yaml_node *encode, struct error *err)
{
    static const char *const options[] = {"distkey", "diststyle", "sortkey", "sortstyle"};
    bool is_open = pipeline->target != NULL && pipeline->target_type == NULL; /* a ${VAR} */
    if (is_open || (pipeline->target_type != NULL && pipeline->target_type->has_layout))
        return RC_OK;
    const char *target = pipeline->target_type != NULL ? pipeline->target_type->name : "'target: none'";
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        if (option_is_given(table->options, options[i])) {
            FAIL_TABLE(table, options[i], err, "'%s' is for Redshift, and %s has no such thing", options[i], target);
            return fail_todo(err, "remove '%s'", options[i]);
        }
    }
    return encode == NULL
               ? RC_OK
               : fail(err, RC_CONFIG, WHERE_FMT ": table '%s': 'encode' is for Redshift, and %s has no such thing",
                      WHERE_ARG(encode->where), table->name, target);
}

RC config_read_layout(struct table_config *table, const struct pipeline_config *pipeline, struct arena *arena,
                      struct error *err)
{
    static const char *const styles[] = {
        [DISTSTYLE_AUTO] = "AUTO", [DISTSTYLE_EVEN] = "EVEN", [DISTSTYLE_KEY] = "KEY", [DISTSTYLE_ALL] = "ALL"};
    struct target_layout layout = {.distkey = table->distkey,
                                   .sortkey = table->sortkey.items,
                                   .sortkey_count = table->sortkey.count,
                                   .is_interleaved = table->sortstyle == SORTSTYLE_INTERLEAVED};
    const struct yaml_node *encode = NULL;
    TRY(read_encodes(table, arena, &layout, &encode, err));
    TRY(check_target(table, pipeline, encode, err));
    TRY(check_keys(table, err));
    if (option_is_given(table->options, "diststyle") || table->distkey != NULL)
        layout.diststyle = styles[table->distkey != NULL ? DISTSTYLE_KEY : table->diststyle];
    if (layout.diststyle == NULL && layout.sortkey_count == 0 && layout.encode_count == 0)
        return RC_OK;
    struct target_layout *kept = arena_take(arena, sizeof(*kept));
    *kept = layout;
    table->layout = kept;
    return RC_OK;
}

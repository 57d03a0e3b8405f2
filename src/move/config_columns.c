/* What is wished for a table's columns: `columns`, `exclude_columns`, `hash` and `mask` become one list. */
#include "move/config_intern.h"

#define FAIL_AT(node, err, fmt, ...) fail(err, RC_CONFIG, WHERE_FMT ": " fmt, WHERE_ARG(node), ##__VA_ARGS__)

struct wishes {
    struct table_config *table;
    struct column_wish *items;
    int count;
};

static struct column_wish *wish_of(struct wishes *w, const char *column)
{
    for (int i = 0; i < w->count; i++) {
        if (text_eq(w->items[i].column, column))
            return &w->items[i];
    }
    w->items[w->count] = (struct column_wish){.column = column};
    return &w->items[w->count++];
}

/* ---- columns ---- */

static RC read_as(const struct table_config *table, const struct yaml_node *column, const struct yaml_node *as,
                  struct error *err)
{
    if (as->kind == YAML_TEXT && as_is_known(as->text))
        return RC_OK;
    FAIL_AT(as->where, err,
            "table '%s': column '%s' cannot be taken as '%s'; it is: text, binary, bool, int64, double, "
            "decimal(p,s)",
            table->name, column->key, as->text);
    return fail_todo(err, "take text, which holds every value");
}

static RC read_column(struct wishes *w, const struct yaml_node *node, struct error *err)
{
    const char *table = w->table->name;
    if (node->kind != YAML_MAP || node->count == 0) {
        FAIL_AT(node->where, err, "table '%s': column '%s' takes {as: text}, {name: other} or both", table, node->key);
        return fail_todo(err, "write it as 'columns: {%s: {as: text}}'", node->key);
    }
    struct column_wish *wish = wish_of(w, node->key);
    for (const struct yaml_node *option = node->first; option != NULL; option = option->next) {
        if (text_eq(option->key, "as")) {
            TRY(read_as(w->table, node, option, err));
            wish->as = option->text;
        } else if (text_eq(option->key, "name")) {
            if (option->kind != YAML_TEXT || option->text[0] == '\0') {
                FAIL_AT(option->where, err, "table '%s': column '%s': 'name' takes the name in the target", table,
                        node->key);
                return fail_todo(err, "write it as 'columns: {%s: {name: other}}'", node->key);
            }
            wish->name = option->text;
        } else if (!text_eq(option->key, "encode")) { /* config_layout.c */
            FAIL_AT(option->key_where, err, "unknown option '%s'; a column has 'as', 'name' and 'encode'", option->key);
            return fail_todo(err, "write 'columns: {COLUMN: {as: text, name: other}}'");
        }
    }
    return RC_OK;
}

/* ---- treatments ---- */

static RC add_treatment(struct wishes *w, const char *option, const char *column, enum treatment treatment,
                        struct error *err)
{
    struct column_wish *wish = wish_of(w, column);
    if (wish->treatment != TREAT_NONE) {
        FAIL_TABLE(w->table, option, err, "of column '%s' two things are to become", column);
        return fail_todo(err, "leave it in one of 'hash', 'mask' and 'exclude_columns'");
    }
    if (treatment == TREAT_EXCLUDE && (wish->as != NULL || wish->name != NULL)) {
        FAIL_TABLE(w->table, option, err, "column '%s' is excluded, and stands in 'columns' too", column);
        return fail_todo(err, "take it out of 'exclude_columns' or out of 'columns'");
    }
    wish->treatment = treatment;
    return RC_OK;
}

static RC add_list(struct wishes *w, const char *option, const struct text_list *columns, enum treatment treatment,
                   struct error *err)
{
    for (int i = 0; i < columns->count; i++)
        TRY(add_treatment(w, option, columns->items[i], treatment, err));
    return RC_OK;
}

static RC add_mask(struct wishes *w, const struct yaml_node *node, struct error *err)
{
    if (node->kind == YAML_TEXT && text_eq(node->text, "full"))
        return add_treatment(w, "mask", node->key, TREAT_MASK_FULL, err);
    if (node->kind == YAML_TEXT && text_eq(node->text, "partial"))
        return add_treatment(w, "mask", node->key, TREAT_MASK_PARTIAL, err);
    FAIL_AT(node->where, err, "table '%s': the mask of '%s' is full or partial", w->table->name, node->key);
    return fail_todo(err, "write 'mask: {%s: partial}' for its last four characters, or 'full' for none", node->key);
}

/* ---- all of it ---- */

/* A map of columns, or nothing. */
static RC check_map(const struct yaml_node *node, const char *option, const char *example, struct error *err)
{
    if (node == NULL || node->kind == YAML_EMPTY || node->kind == YAML_MAP)
        return RC_OK;
    FAIL_AT(node->where, err, "'%s' takes a map %s, not %s", option, example, yaml_kind_name(node));
    return fail_todo(err, "write it as '%s: %s'", option, example);
}

static const struct yaml_node *first_of(const struct yaml_node *node) { return node != NULL ? node->first : NULL; }

/* What the source is asked with: types it makes itself, and columns it leaves out. */
static void derive_request(struct table_config *table, struct arena *arena)
{
    struct column_override *overrides = arena_take(arena, sizeof(*overrides) * (size_t)(table->wish_count + 1));
    const char **excluded = arena_take(arena, sizeof(*excluded) * (size_t)(table->wish_count + 1));
    for (int i = 0; i < table->wish_count; i++) {
        const struct column_wish *wish = &table->wishes[i];
        if (wish->as != NULL)
            overrides[table->override_count++] = (struct column_override){wish->column, as_of_source(wish->as)};
        if (wish->treatment == TREAT_EXCLUDE)
            excluded[table->excluded_count++] = wish->column;
    }
    table->overrides = overrides;
    table->excluded = excluded;
}

RC config_read_columns(struct table_config *table, struct arena *arena, struct error *err)
{
    TRY(check_map(table->columns, "columns", "{COLUMN: {as: text}}", err));
    TRY(check_map(table->mask, "mask", "{COLUMN: full}", err));
    int count = table->exclude_columns.count + table->hash.count;
    count += (table->columns != NULL ? table->columns->count : 0) + (table->mask != NULL ? table->mask->count : 0);
    struct wishes w = {.table = table, .items = arena_take(arena, sizeof(*w.items) * (size_t)(count + 1))};
    for (const struct yaml_node *node = first_of(table->columns); node != NULL; node = node->next)
        TRY(read_column(&w, node, err));
    TRY(add_list(&w, "exclude_columns", &table->exclude_columns, TREAT_EXCLUDE, err));
    TRY(add_list(&w, "hash", &table->hash, TREAT_HASH, err));
    for (const struct yaml_node *node = first_of(table->mask); node != NULL; node = node->next)
        TRY(add_mask(&w, node, err));
    table->wishes = w.items;
    table->wish_count = w.count;
    derive_request(table, arena);
    return RC_OK;
}

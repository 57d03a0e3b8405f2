#include "base/options.h"

#include <assert.h>
#include <inttypes.h>
#include <strings.h>

/* ---- tables ---- */

const struct option *option_find(struct option_table table, const char *name)
{
    for (int i = 0; i < table.count; i++) {
        if (text_eq(table.options[i].name, name))
            return &table.options[i];
    }
    return NULL;
}

static struct option_origin *origin_slot(const struct option_set *set, const struct option *option)
{
    return &set->origins[option - set->table.options];
}

const struct option_origin *option_origin_of(const struct option_set *set, const char *name)
{
    const struct option *option = option_find(set->table, name);
    assert(option != NULL && "an option of this table");
    return origin_slot(set, option);
}

bool option_is_given(const struct option_set *set, const char *name)
{
    return option_origin_of(set, name)->kind != ORIGIN_DEFAULT;
}

const char *option_origin_text(const struct option_origin *origin, struct arena *arena)
{
    switch (origin->kind) {
    case ORIGIN_FILE: return arena_print(arena, WHERE_FMT, WHERE_ARG(origin->where));
    case ORIGIN_ENVIRONMENT: return arena_print(arena, "environment %s", origin->by);
    case ORIGIN_FLAG: return origin->by;
    case ORIGIN_DEFAULT: break;
    }
    return "default";
}

static void *field_of(const struct option_set *set, const struct option *option)
{
    return (char *)set->into + option->offset;
}

static size_t field_bytes(enum option_type type)
{
    static const size_t bytes[] = {
        [OPTION_STRING] = sizeof(option_STRING),     [OPTION_PATH] = sizeof(option_PATH),
        [OPTION_INT] = sizeof(option_INT),           [OPTION_SIZE] = sizeof(option_SIZE),
        [OPTION_DURATION] = sizeof(option_DURATION), [OPTION_BOOL] = sizeof(option_BOOL),
        [OPTION_ENUM] = sizeof(option_ENUM),         [OPTION_SECRET] = sizeof(option_SECRET),
        [OPTION_LIST] = sizeof(option_LIST),         [OPTION_SECRETS] = sizeof(option_SECRETS),
        [OPTION_NODE] = sizeof(option_NODE),
    };
    return bytes[type];
}

/* ---- one value ---- */

enum { NAMES_SHOWN = 20 };

enum rc fail_todo_names(struct error *err, const char *what, const char *const *names, int count)
{
    struct arena arena = {0};
    const char *all = "";
    for (int i = 0; i < count && i < NAMES_SHOWN; i++)
        all = arena_print(&arena, "%s%s%s", all, i > 0 ? ", " : "", names[i]);
    if (count > NAMES_SHOWN)
        all = arena_print(&arena, "%s and %d more", all, count - NAMES_SHOWN);
    enum rc rc = fail_todo(err, "%s: %s", what, all);
    arena_release(&arena);
    return rc;
}

/* A value on its way into its field. */
struct value {
    const struct option *option;
    const char *text;
    const char *shown; /* what an error may show: as it was written, before `${VAR}` was filled in */
    const char *place; /* how an error begins: "waybill.yml:12:7: lag" or "--lag" */
};

static const char *number_text(enum option_type type, int64_t number, struct arena *arena)
{
    static const struct {
        const char *name;
        int64_t factor;
    } sizes[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}},
      times[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    for (int i = 0; type == OPTION_SIZE && number != 0; i++) {
        if (number % sizes[i].factor == 0)
            return arena_print(arena, "%" PRId64 "%s", number / sizes[i].factor, sizes[i].name);
    }
    for (int i = 0; type == OPTION_DURATION && number != 0; i++) {
        if (number % times[i].factor == 0)
            return arena_print(arena, "%" PRId64 "%s", number / times[i].factor, times[i].name);
    }
    return arena_print(arena, "%" PRId64, number);
}

static RC check_limits(const struct value *v, int64_t number, struct arena *arena, struct error *err)
{
    const struct option *o = v->option;
    if (number < o->min)
        return fail(err, RC_CONFIG, "%s: '%s' is too small, at least %s", v->place, v->shown,
                    number_text(o->type, o->min, arena));
    if ((o->min != 0 || o->max != 0) && number > o->max)
        return fail(err, RC_CONFIG, "%s: '%s' is too large, at most %s", v->place, v->shown,
                    number_text(o->type, o->max, arena));
    return RC_OK;
}

static RC take_number(const struct value *v, int64_t *field, struct arena *arena, struct error *err)
{
    struct str text = str(v->text);
    int64_t number = 0;
    bool ok = false;
    const char *such = "a whole number";
    switch (v->option->type) {
    case OPTION_SIZE: ok = str_to_bytes(text, &number), such = "a size, such as 256MiB or 1GiB"; break;
    case OPTION_DURATION: ok = str_to_ms(text, &number), such = "a duration, such as 5s, 10m or 250ms"; break;
    default: ok = str_to_int64(text, &number); break;
    }
    if (!ok)
        return fail(err, RC_CONFIG, "%s: '%s' is not %s", v->place, v->shown, such);
    TRY(check_limits(v, number, arena, err));
    *field = number;
    return RC_OK;
}

static RC take_bool(const struct value *v, bool *field, struct error *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strcasecmp(v->text, words[i]) == 0) {
            *field = i % 2 == 1;
            return RC_OK;
        }
    }
    return fail(err, RC_CONFIG, "%s: '%s' is not true or false", v->place, v->shown);
}

/* "'hybrid', 'id_only' or 'full_sync'" */
static const char *words_text(const char *const *names, struct arena *arena)
{
    const char *text = arena_print(arena, "'%s'", names[0]);
    for (int i = 1; names[i] != NULL; i++)
        text = arena_print(arena, names[i + 1] != NULL ? "%s, '%s'" : "%s or '%s'", text, names[i]);
    return text;
}

static RC take_enum(const struct value *v, int *field, struct arena *arena, struct error *err)
{
    const char *const *names = v->option->names;
    int count = 0;
    for (; names[count] != NULL; count++) {
        if (text_eq(names[count], v->text)) {
            *field = count;
            return RC_OK;
        }
    }
    const char *near = nearest_name(v->text, names, count);
    fail(err, RC_CONFIG, "%s: '%s' is not one of %s", v->place, v->shown, words_text(names, arena));
    return near != NULL ? fail_todo(err, "did you mean '%s'?", near) : err->rc;
}

static void list_add(struct text_list *list, const char *text, struct arena *arena)
{
    if ((list->count & (list->count - 1)) == 0) { /* full whenever the count is a power of two, or 0 */
        const char **items = arena_take(arena, sizeof(*items) * (size_t)(list->count != 0 ? 2 * list->count : 1));
        if (list->count != 0)
            memcpy(items, list->items, sizeof(*items) * (size_t)list->count);
        list->items = items;
    }
    list->items[list->count++] = text;
}

static void list_add_split(struct text_list *list, const char *text, struct arena *arena)
{
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, ",");
        if (len != 0)
            list_add(list, arena_str(arena, (struct str){at, len}), arena);
        at += len + (at[len] == ',');
    }
}

static RC take_text(const struct value *v, const char **field, struct error *err)
{
    if (v->text[0] == '\0' && (v->option->required || v->option->type == OPTION_PATH))
        return fail(err, RC_CONFIG, "%s: is empty", v->place);
    *field = v->text;
    return RC_OK;
}

/* What to do about a value that is none: what the option is for, and what holds without it. */
static enum rc todo_value(const struct option *option, const char *name, struct error *err)
{
    if (option->preset != NULL && option->preset[0] != '\0')
        return fail_todo(err, "%s: %s; without it: %s", name, option->help, option->preset);
    return fail_todo(err, "%s: %s", name, option->help);
}

static RC take_value(const struct value *v, void *field, struct arena *arena, struct error *err)
{
    switch (v->option->type) {
    case OPTION_STRING:
    case OPTION_PATH: return take_text(v, field, err);
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_DURATION: return take_number(v, field, arena, err);
    case OPTION_BOOL: return take_bool(v, field, err);
    case OPTION_ENUM: return take_enum(v, field, arena, err);
    case OPTION_LIST: list_add_split(field, v->text, arena); return RC_OK;
    case OPTION_SECRET: secret_set(field, str(v->text)); return RC_OK;
    case OPTION_SECRETS:
    case OPTION_NODE: break;
    }
    assert(!"a map or a node has no text");
    return RC_FAILED;
}

/* ---- defaults, flags, environment ---- */

void options_init(struct option_set *set, struct option_table table, void *into, struct arena *arena)
{
    *set = (struct option_set){.table = table, .into = into, .arena = arena};
    set->origins = arena_take(arena, sizeof(*set->origins) * (size_t)(table.count + 1));
    for (int i = 0; i < table.count; i++) {
        const struct option *option = &table.options[i];
        void *field = field_of(set, option);
        memset(field, 0, field_bytes(option->type));
        if (option->preset == NULL)
            continue;
        struct error err;
        struct value v = {option, option->preset, option->preset, option->name};
        enum rc rc = take_value(&v, field, arena, &err);
        assert(rc == RC_OK && "the default of an option is one of its values");
        set->origins[i].text = option->preset;
    }
}

RC options_set(struct option_set *set, const char *name, const char *text, enum origin kind, const char *by,
               struct error *err)
{
    const struct option *option = option_find(set->table, name);
    assert(option != NULL && "an option of this table");
    struct option_origin *origin = origin_slot(set, option);
    if (origin->kind > kind)
        return RC_OK;
    const char *copy = option->type == OPTION_SECRET ? text : arena_text(set->arena, text);
    struct value v = {option, copy, option->type == OPTION_SECRET ? "***" : copy, by};
    void *field = field_of(set, option);
    if (option->type == OPTION_LIST && origin->kind != kind)
        *(struct text_list *)field = (struct text_list){0};
    if (option->type == OPTION_LIST && kind == ORIGIN_FLAG)
        list_add(field, copy, set->arena);
    else if (take_value(&v, field, set->arena, err) != RC_OK)
        return todo_value(option, by, err);
    *origin = (struct option_origin){.kind = kind, .by = arena_text(set->arena, by), .text = v.shown};
    return RC_OK;
}

void options_inherit(struct option_set *set, const struct option_set *from, const char *name)
{
    const struct option *mine = option_find(set->table, name), *theirs = option_find(from->table, name);
    assert(mine != NULL && theirs != NULL && mine->type == theirs->type && mine->type != OPTION_SECRET);
    if (origin_slot(set, mine)->kind != ORIGIN_DEFAULT)
        return;
    memcpy(field_of(set, mine), field_of(from, theirs), field_bytes(mine->type));
    *origin_slot(set, mine) = *origin_slot(from, theirs);
}

RC options_check_required(const struct option_set *set, struct where at, const char *what, struct error *err)
{
    for (int i = 0; i < set->table.count; i++) {
        const struct option *option = &set->table.options[i];
        if (option->required && set->origins[i].kind == ORIGIN_DEFAULT) {
            fail(err, RC_CONFIG, WHERE_FMT ": %s lacks '%s'", WHERE_ARG(at), what, option->name);
            return fail_todo(err, "add '%s': %s", option->name, option->help);
        }
    }
    return RC_OK;
}

static void secret_map_release(struct secret_map *self)
{
    for (int i = 0; i < self->count; i++)
        secret_release(&self->secrets[i]);
    self->count = 0;
}

void options_release_secrets(struct option_set *set)
{
    for (int i = 0; i < set->table.count; i++) {
        void *field = field_of(set, &set->table.options[i]);
        if (set->table.options[i].type == OPTION_SECRET)
            secret_release(field);
        if (set->table.options[i].type == OPTION_SECRETS)
            secret_map_release(field);
    }
}

/* ---- configuration files ---- */

/* What options_read hands down. */
struct reading {
    struct option_set *set;
    const char *besides;
    struct resolver *resolver;
};

/* `form`: how its value is written; NULL: the caller says it. */
static RC wrong_kind(const struct yaml_node *node, const char *name, const char *wanted, const char *form,
                     struct error *err)
{
    if (node->kind == YAML_EMPTY)
        fail(err, RC_CONFIG, WHERE_FMT ": '%s' has no value, it takes %s", WHERE_ARG(node->where), name, wanted);
    else
        fail(err, RC_CONFIG, WHERE_FMT ": '%s' takes %s, not %s", WHERE_ARG(node->where), name, wanted,
             yaml_kind_name(node));
    return form != NULL ? fail_todo(err, "write it as '%s: %s'", name, form) : err->rc;
}

/* A text with `${VAR}` filled in; *ret_open: it has one that nobody may fill in yet. */
static RC node_text(const struct reading *r, const struct yaml_node *node, const char **ret, bool *ret_open,
                    struct error *err)
{
    *ret = node->text;
    *ret_open = r->resolver == NULL && strstr(node->text, "${") != NULL;
    return r->resolver != NULL ? r->resolver->text(r->resolver, node, r->set->arena, ret, err) : RC_OK;
}

/* Relative to the file's folder, as the file's author sees it. */
static const char *path_of(const char *path, const char *file, struct arena *arena)
{
    const char *home = getenv("HOME"), *slash = strrchr(file, '/');
    if (strncmp(path, "~/", 2) == 0 && home != NULL)
        return arena_print(arena, "%s/%s", home, path + 2);
    if (path[0] == '/' || slash == NULL)
        return path;
    return arena_print(arena, "%.*s/%s", (int)(slash - file), file, path);
}

static RC read_list(const struct reading *r, const struct option *option, const struct yaml_node *node,
                    struct text_list *field, const char **ret_text, struct error *err)
{
    const struct yaml_node *items = node->kind == YAML_LIST ? node->first : node;
    struct text_list list = {0};
    AUTO_RELEASE(buf) shown = {0};
    for (const struct yaml_node *item = items; item != NULL; item = node->kind == YAML_LIST ? item->next : NULL) {
        const char *text = NULL;
        bool open = false;
        if (item->kind != YAML_TEXT)
            return wrong_kind(item, option->name, "a text or a list of texts", "[VALUE, VALUE]", err);
        TRY(node_text(r, item, &text, &open, err));
        list_add(&list, text, r->set->arena);
        buf_addf(&shown, "%s%s", list.count > 1 ? ", " : "", item->text);
    }
    *field = list;
    *ret_text = arena_str(r->set->arena, buf_str(&shown));
    return RC_OK;
}

static RC read_text(const struct reading *r, const struct option *option, const struct yaml_node *node, void *field,
                    struct error *err)
{
    struct arena *arena = r->set->arena;
    const char *text = NULL;
    bool open = false;
    TRY(node_text(r, node, &text, &open, err));
    if (option->type == OPTION_PATH && !open && text[0] != '\0')
        text = path_of(text, node->where.file, arena);
    if (open && option->type != OPTION_STRING && option->type != OPTION_PATH)
        return RC_OK;
    struct value v = {option, text, node->text,
                      arena_print(arena, WHERE_FMT ": %s", WHERE_ARG(node->where), option->name)};
    return take_value(&v, field, arena, err) == RC_OK ? RC_OK : todo_value(option, option->name, err);
}

static RC read_secret(const struct reading *r, const struct yaml_node *node, struct secret *field, struct error *err)
{
    return r->resolver != NULL ? r->resolver->secret(r->resolver, node, field, err) : RC_OK;
}

/* The map is the set's from its first secret on, so that whatever fails gives them all back. */
static RC read_secrets(const struct reading *r, const struct option *option, const struct yaml_node *node,
                       struct secret_map *field, struct error *err)
{
    if (node->kind != YAML_MAP)
        return wrong_kind(node, option->name, "a map of texts", "{NAME: VALUE}", err);
    field->names = arena_take(r->set->arena, sizeof(*field->names) * ((size_t)node->count + 1));
    field->secrets = arena_take(r->set->arena, sizeof(*field->secrets) * ((size_t)node->count + 1));
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        if (item->kind != YAML_TEXT)
            return wrong_kind(item, item->key, "a single value", "VALUE", err);
        field->names[field->count++] = item->key;
        TRY(read_secret(r, item, &field->secrets[field->count - 1], err));
    }
    return RC_OK;
}

/* The word null stands for nothing in YAML, and is a legal word of some options. */
static bool is_word(const struct option *option, const struct yaml_node *node)
{
    bool is_null = node->kind == YAML_EMPTY && option->type == OPTION_ENUM && text_eq(node->text, "null");
    return node->kind == YAML_TEXT || is_null;
}

static RC read_option(const struct reading *r, const struct option *option, const struct yaml_node *node,
                      struct error *err)
{
    void *field = field_of(r->set, option);
    struct option_origin origin = {.kind = ORIGIN_FILE, .where = node->where, .text = node->text};
    if (option->type == OPTION_NODE) {
        *(const struct yaml_node **)field = node;
    } else if (option->type == OPTION_LIST) {
        TRY(read_list(r, option, node, field, &origin.text, err));
    } else if (option->type == OPTION_SECRETS) {
        origin.text = "***";
        TRY(read_secrets(r, option, node, field, err));
    } else if (!is_word(option, node)) {
        return wrong_kind(node, option->name, "a single value", "VALUE", err);
    } else if (option->type == OPTION_SECRET) {
        origin.text = "***";
        TRY(read_secret(r, node, field, err));
    } else {
        TRY(read_text(r, option, node, field, err));
    }
    *origin_slot(r->set, option) = origin;
    return RC_OK;
}

/* The words that may stand in the map that `prefix` names: "bytes" for "chunk.bytes", "chunk" at the top. */
static int names_under(const struct reading *r, const char *prefix, const char **names)
{
    struct option_table table = r->set->table;
    size_t len = strlen(prefix);
    int count = 0;
    for (int i = 0; i < table.count; i++) {
        if (strncmp(table.options[i].name, prefix, len) != 0)
            continue;
        const char *rest = table.options[i].name + len;
        const char *word = arena_str(r->set->arena, (struct str){rest, strcspn(rest, ".")});
        if (count == 0 || !text_eq(names[count - 1], word)) /* the options of one map stand together */
            names[count++] = word;
    }
    if (prefix[0] == '\0' && r->besides != NULL)
        names[count++] = r->besides;
    return count;
}

static RC unknown_option(const struct reading *r, const struct yaml_node *node, const char *prefix, struct error *err)
{
    struct arena *arena = r->set->arena;
    const char **names = arena_take(arena, sizeof(*names) * (size_t)(r->set->table.count + 1));
    int count = names_under(r, prefix, names);
    const char *near = nearest_name(node->key, names, count), *all = "";
    for (int i = 0; i < count; i++)
        all = arena_print(arena, "%s%s%s", all, i > 0 ? ", " : "", names[i]);
    if (near != NULL)
        fail(err, RC_CONFIG, WHERE_FMT ": unknown option '%s', did you mean '%s'?", WHERE_ARG(node->key_where),
             node->key, near);
    else
        fail(err, RC_CONFIG, WHERE_FMT ": unknown option '%s'", WHERE_ARG(node->key_where), node->key);
    return fail_todo(err, "the options here are: %s", all);
}

static RC wrong_group(const struct reading *r, const struct yaml_node *node, const char *name, const char *group,
                      struct error *err)
{
    struct arena *arena = r->set->arena;
    const char **names = arena_take(arena, sizeof(*names) * (size_t)(r->set->table.count + 1));
    int count = names_under(r, group, names);
    enum rc rc = wrong_kind(node, name, "a map", NULL, err);
    fail_todo_names(err, arena_print(arena, "write it as '%s: {%s: ...}'; its options are", name, names[0]), names,
                    count);
    return rc;
}

static bool is_group(struct option_table table, const char *prefix)
{
    for (int i = 0; i < table.count; i++) {
        if (strncmp(table.options[i].name, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

static RC read_map(const struct reading *r, const struct yaml_node *map, const char *prefix, struct error *err)
{
    for (const struct yaml_node *node = map->first; node != NULL; node = node->next) {
        const char *name = arena_print(r->set->arena, "%s%s", prefix, node->key);
        const char *group = arena_print(r->set->arena, "%s.", name);
        const struct option *option = strchr(node->key, '.') == NULL ? option_find(r->set->table, name) : NULL;
        if (option != NULL)
            TRY(read_option(r, option, node, err));
        else if (prefix[0] == '\0' && r->besides != NULL && text_eq(node->key, r->besides))
            continue;
        else if (strchr(node->key, '.') != NULL || node->key[0] == '\0' || !is_group(r->set->table, group))
            return unknown_option(r, node, prefix, err);
        else if (node->kind != YAML_MAP && node->kind != YAML_EMPTY)
            return wrong_group(r, node, name, group, err);
        else
            TRY(read_map(r, node, group, err));
    }
    return RC_OK;
}

RC options_read(struct option_set *set, const struct yaml_node *map, const char *what, const char *besides,
                struct resolver *resolver, struct error *err)
{
    if (map->kind != YAML_MAP && map->kind != YAML_EMPTY) {
        fail(err, RC_CONFIG, WHERE_FMT ": %s takes a map of options, not %s", WHERE_ARG(map->where), what,
             yaml_kind_name(map));
        return fail_todo(err, "write its options as '{NAME: VALUE, NAME: VALUE}'; none at all is '{}'");
    }
    return read_map(&(struct reading){set, besides, resolver}, map, "", err);
}

/* ---- suggestions ---- */

enum { NAME_MAX_COMPARED = 48 };

/* Edits (insert, delete, replace, swap of neighbours) that make b of a; case counts as nothing. */
static int edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int rows[3][NAME_MAX_COMPARED + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        last[j] = (int)j, before[j] = 0;
    for (size_t i = 1; i <= a_len; i++) {
        now[0] = (int)i;
        for (size_t j = 1; j <= b_len; j++) {
            int differs = strncasecmp(&a[i - 1], &b[j - 1], 1) != 0;
            int best = last[j - 1] + differs;
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            now[j] = swapped && before[j - 2] + 1 < best ? before[j - 2] + 1 : best;
        }
        int *reuse = before;
        before = last, last = now, now = reuse;
    }
    return last[b_len];
}

const char *nearest_name(const char *name, const char *const *names, int count)
{
    size_t len = strlen(name);
    const char *nearest = NULL;
    int least = 0;
    for (int i = 0; i < count && len <= NAME_MAX_COMPARED; i++) {
        size_t other = strlen(names[i]), longer = len > other ? len : other;
        if (other > NAME_MAX_COMPARED || other == 0)
            continue;
        int distance = edit_distance(name, len, names[i], other);
        int allowed = longer <= 3 ? 1 : longer <= 8 ? 2 : 3;
        if (distance <= allowed && distance < (int)longer && (nearest == NULL || distance < least))
            nearest = names[i], least = distance;
    }
    return nearest;
}

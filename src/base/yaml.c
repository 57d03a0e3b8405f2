#include "base/yaml.h"

#include <yaml.h>

#include <assert.h>
#include <strings.h>

struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    const char *file;
    struct str text;
    struct arena *arena;
    int nodes;
};

static void reader_release(struct reader *r)
{
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
}

static struct where where_of(const struct reader *r, yaml_mark_t mark)
{
    return (struct where){r->file, (int)mark.line + 1, (int)mark.column + 1};
}

/* libyaml tells the place of bytes it cannot read only as an offset. */
static struct where where_of_offset(const struct reader *r, size_t offset)
{
    struct where at = {r->file, 1, 1};
    for (size_t i = 0; i < offset && i < r->text.len; i++) {
        at.column++;
        if (r->text.at[i] == '\n')
            at = (struct where){r->file, at.line + 1, 1};
    }
    return at;
}

static RC reader_fail(const struct reader *r, struct error *err)
{
    const yaml_parser_t *p = &r->parser;
    struct where at =
        p->error == YAML_READER_ERROR ? where_of_offset(r, p->problem_offset) : where_of(r, p->problem_mark);
    fail(err, RC_CONFIG, WHERE_FMT ": not valid YAML: %s%s%s", WHERE_ARG(at),
         p->problem != NULL ? p->problem : "cannot be read", p->context != NULL ? " " : "", or_empty(p->context));
    if (p->error == YAML_READER_ERROR)
        return fail_todo(err, "save the file as plain text in UTF-8, without control characters");
    return fail_todo(err, "look at this line and the one above: indent with spaces, never tabs, and quote texts that "
                          "hold ': ' or ' #', and "
                          "between braces also \"${VAR}\"");
}

static RC reader_next(struct reader *r, struct error *err)
{
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event))
        return reader_fail(r, err);
    return RC_OK;
}

static RC refuse(struct where at, struct error *err, const char *what)
{
    fail(err, RC_CONFIG, WHERE_FMT ": %s are not supported in a configuration", WHERE_ARG(at), what);
    return fail_todo(err, "write the values out");
}

/* A tag says what a value means; here the option says it. "!" is a quoted text's own, and says nothing. */
static bool is_plain_tag(const yaml_char_t *tag) { return tag == NULL || strcmp((const char *)tag, "!") == 0; }

static RC check_extras(const struct reader *r, struct where at, struct error *err)
{
    const yaml_event_t *e = &r->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (e->type) {
    case YAML_ALIAS_EVENT: return refuse(at, err, "anchors and aliases (&, *)");
    case YAML_SCALAR_EVENT: anchor = e->data.scalar.anchor, tag = e->data.scalar.tag; break;
    case YAML_SEQUENCE_START_EVENT: anchor = e->data.sequence_start.anchor, tag = e->data.sequence_start.tag; break;
    case YAML_MAPPING_START_EVENT: anchor = e->data.mapping_start.anchor, tag = e->data.mapping_start.tag; break;
    default: break;
    }
    if (anchor != NULL)
        return refuse(at, err, "anchors and aliases (&, *)");
    return is_plain_tag(tag) ? RC_OK : refuse(at, err, "tags (!)");
}

static RC scalar_text(const struct reader *r, struct where at, const char **ret, struct error *err)
{
    struct str text = {(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
    if (memchr(text.at, '\0', text.len) != NULL) {
        fail(err, RC_CONFIG, WHERE_FMT ": a text cannot hold a zero byte", WHERE_ARG(at));
        return fail_todo(err, "remove the \\0");
    }
    *ret = arena_str(r->arena, text);
    return RC_OK;
}

static bool is_empty(const yaml_event_t *scalar, const char *text)
{
    return scalar->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || text_eq(text, "~") || text_eq(text, "null"));
}

static RC read_node(struct reader *r, int depth, struct yaml_node *node, struct error *err);

/* The key before a value of a map; the reader then stands on the value. */
static RC read_key(struct reader *r, const char **ret, struct where *ret_where, struct error *err)
{
    struct where at = where_of(r, r->event.start_mark);
    TRY(check_extras(r, at, err));
    if (r->event.type != YAML_SCALAR_EVENT) {
        fail(err, RC_CONFIG, WHERE_FMT ": a key must be a text, not a map or a list", WHERE_ARG(at));
        return fail_todo(err, "write 'NAME: VALUE'; a name that begins with { or [ stands in quotes");
    }
    TRY(scalar_text(r, at, ret, err));
    if (text_eq(*ret, "<<"))
        return refuse(at, err, "merge keys (<<)");
    *ret_where = at;
    return reader_next(r, err);
}

static int compare_keys(const void *a, const void *b)
{
    const struct yaml_node *x = *(const struct yaml_node *const *)a, *y = *(const struct yaml_node *const *)b;
    int order = strcmp(x->key, y->key);
    if (order != 0)
        return order;
    if (x->key_where.line != y->key_where.line)
        return x->key_where.line - y->key_where.line;
    return x->key_where.column - y->key_where.column;
}

static RC check_keys(const struct yaml_node *map, struct error *err)
{
    const struct yaml_node **sorted = xcalloc((size_t)map->count, sizeof(*sorted)), *twice = NULL, *once = NULL;
    int count = 0;
    for (const struct yaml_node *child = map->first; child != NULL; child = child->next)
        sorted[count++] = child;
    qsort(sorted, (size_t)count, sizeof(*sorted), compare_keys);
    for (int i = 1; i < count && twice == NULL; i++) {
        if (text_eq(sorted[i]->key, sorted[i - 1]->key))
            once = sorted[i - 1], twice = sorted[i];
    }
    free(sorted);
    if (twice == NULL)
        return RC_OK;
    fail(err, RC_CONFIG, WHERE_FMT ": '%s' stands here twice, first in line %d", WHERE_ARG(twice->key_where),
         twice->key, once->key_where.line);
    return fail_todo(err, "remove one of the two, or give it another name");
}

static RC read_children(struct reader *r, int depth, yaml_event_type_t end, struct yaml_node *parent, struct error *err)
{
    struct yaml_node **last = &parent->first;
    for (;;) {
        TRY(reader_next(r, err));
        if (r->event.type == end)
            break;
        struct yaml_node *child = arena_take(r->arena, sizeof(*child));
        if (parent->kind == YAML_MAP)
            TRY(read_key(r, &child->key, &child->key_where, err));
        TRY(read_node(r, depth + 1, child, err));
        *last = child;
        last = &child->next;
        parent->count++;
    }
    return parent->kind == YAML_MAP ? check_keys(parent, err) : RC_OK;
}

/* Where the reader stands, into `node`, which is zero but for its key. */
static RC read_node(struct reader *r, int depth, struct yaml_node *node, struct error *err)
{
    struct where at = where_of(r, r->event.start_mark);
    TRY(check_extras(r, at, err));
    if (depth > YAML_DEPTH_MAX) {
        fail(err, RC_CONFIG, WHERE_FMT ": nested more than %d levels deep", WHERE_ARG(at), YAML_DEPTH_MAX);
        return fail_todo(err, "nothing in a configuration is nested so deep: look for a bracket that is not closed");
    }
    if (++r->nodes > YAML_NODES_MAX) {
        fail(err, RC_CONFIG, WHERE_FMT ": more than %d values in one file", WHERE_ARG(at), YAML_NODES_MAX);
        return fail_todo(err, "split the file, and name the others under 'include:'");
    }
    node->where = at;
    node->text = "";
    if (r->event.type == YAML_SEQUENCE_START_EVENT) {
        node->kind = YAML_LIST;
        return read_children(r, depth, YAML_SEQUENCE_END_EVENT, node, err);
    }
    if (r->event.type == YAML_MAPPING_START_EVENT) {
        node->kind = YAML_MAP;
        return read_children(r, depth, YAML_MAPPING_END_EVENT, node, err);
    }
    assert(r->event.type == YAML_SCALAR_EVENT);
    TRY(scalar_text(r, at, &node->text, err));
    node->kind = is_empty(&r->event, node->text) ? YAML_EMPTY : YAML_TEXT;
    if (node->kind == YAML_EMPTY)
        node->text = text_eq(node->text, "null") ? "null" : "";
    return RC_OK;
}

static RC read_document(struct reader *r, const struct yaml_node **ret, struct error *err)
{
    TRY(reader_next(r, err)); /* the stream's start */
    TRY(reader_next(r, err));
    struct yaml_node *root = arena_take(r->arena, sizeof(*root));
    if (r->event.type == YAML_STREAM_END_EVENT) {
        *root = (struct yaml_node){.kind = YAML_MAP, .where = {r->file, 1, 1}, .text = ""};
        *ret = root;
        return RC_OK;
    }
    TRY(reader_next(r, err));
    TRY(read_node(r, 1, root, err));
    if (root->kind == YAML_EMPTY)
        root->kind = YAML_MAP;
    TRY(reader_next(r, err)); /* the document's end */
    TRY(reader_next(r, err));
    if (r->event.type != YAML_STREAM_END_EVENT) {
        fail(err, RC_CONFIG, WHERE_FMT ": one file holds one document: a second begins here",
             WHERE_ARG(where_of(r, r->event.start_mark)));
        return fail_todo(err, "remove the '---', or make a file of what follows, and name it under 'include:'");
    }
    *ret = root;
    return RC_OK;
}

RC yaml_parse(struct str text, const char *file, struct arena *arena, const struct yaml_node **ret, struct error *err)
{
    if (text.len > YAML_BYTES_MAX) {
        fail(err, RC_CONFIG, "'%s' is larger than %d bytes, the most a configuration may have", file, YAML_BYTES_MAX);
        return fail_todo(err, "split the file, and name the others under 'include:'");
    }
    __attribute__((cleanup(reader_release))) struct reader r = {
        .file = arena_text(arena, file), .text = text, .arena = arena};
    int ok = yaml_parser_initialize(&r.parser);
    assert(ok == 1);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.at, text.len);
    return read_document(&r, ret, err);
}

const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key)
{
    for (const struct yaml_node *child = map->first; child != NULL; child = child->next) {
        if (text_eq(child->key, key))
            return child;
    }
    return NULL;
}

const char *yaml_kind_name(const struct yaml_node *node)
{
    static const char *const names[] = {
        [YAML_EMPTY] = "nothing", [YAML_TEXT] = "a text", [YAML_LIST] = "a list", [YAML_MAP] = "a map"};
    return names[node->kind];
}

const char *yaml_name(struct arena *arena, const char *name)
{
    bool is_plain = name[0] != '\0' && strchr("0123456789", name[0]) == NULL && strcasecmp(name, "null") != 0;
    for (const char *at = name; *at != '\0'; at++)
        is_plain &=
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') || *at == '_';
    if (is_plain)
        return name;
    static const char hex[] = "0123456789abcdef";
    char *quoted = arena_take(arena, 4 * strlen(name) + 3), *to = quoted;
    *to++ = '"';
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\\')
            *to++ = '\\';
        if ((unsigned char)*name >= ' ') {
            *to++ = *name;
            continue;
        }
        memcpy(to, (char[]){'\\', 'x', hex[*name >> 4], hex[*name & 15]}, 4);
        to += 4;
    }
    *to = '"';
    return quoted;
}

/* YAML as a tree that remembers where every node stood, so that an error can say "waybill.yml:12:7: ...".
 *
 * The YAML of configuration files: maps, lists and texts. A key that stands twice, an anchor, an alias, a merge key, a
 * tag and a second document are errors, each with its place. Every scalar is text: what it means is said by the option
 * it is for (base/options.h). */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

enum { YAML_BYTES_MAX = 4 << 20, YAML_DEPTH_MAX = 32, YAML_NODES_MAX = 200000 };

/* A place in a configuration file; file NULL: no place. */
struct where {
    const char *file;
    int line, column; /* from 1 */
};
#define WHERE_FMT    "%s:%d:%d"
#define WHERE_ARG(w) (w).file, (w).line, (w).column

enum yaml_kind { YAML_EMPTY, /* nothing, ~ or null */ YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    struct where where;
    const char *text; /* YAML_TEXT: without NUL inside; "" otherwise */
    const char *key;  /* of a map's child: its key; else NULL */
    struct where key_where;
    struct yaml_node *first, *next; /* children of a map or list in their order */
    int count;                      /* of children */
};

/* `file` is how messages name the text. Everything lives in the arena. An empty text is an empty map. */
RC yaml_parse(struct str text, const char *file, struct arena *arena, const struct yaml_node **ret, struct error *err);
const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key); /* NULL: none */
/* A name as YAML: quoted where it must be. */
const char *yaml_name(struct arena *arena, const char *name);
const char *yaml_kind_name(const struct yaml_node *node); /* "a map", "a list", "a text", "nothing" */

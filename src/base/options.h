/* One table says what can be set: name, type, default, limits, help. It fills a struct, from a configuration file
 * (with line:column in every error), from flags and from the environment, and remembers where each value came from.
 *
 *     struct directory_options { const char *path; };
 *     static const struct option directory_options[] = {
 *         OPTION("path", PATH, directory_options, path, .required = true, .help = "folder that holds the objects"),
 *     };
 *
 * A dot in a name is a nested map: "chunk.bytes" is `chunk: {bytes: ...}`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/yaml.h"

struct text_list {
    const char **items;
    int count;
};

/* Names with a text each, any of which may be a secret: {uri: "...", password: "${PASSWORD}"}. */
struct secret_map {
    const char **names;
    struct secret *secrets;
    int count;
};

/* The C type of the field an option of this type fills. */
typedef const char *option_STRING;
typedef const char *option_PATH; /* relative to the file it stands in; ~/ is the home folder */
typedef int64_t option_INT;
typedef int64_t option_SIZE;     /* bytes */
typedef int64_t option_DURATION; /* milliseconds */
typedef bool option_BOOL;
typedef int option_ENUM; /* or any enum; index into .names */
typedef struct secret option_SECRET;
typedef struct text_list option_LIST; /* of texts; one text stands for a list of one */
typedef struct secret_map option_SECRETS;
typedef const struct yaml_node *option_NODE; /* read by the owner of the table */

enum option_type {
    OPTION_STRING,
    OPTION_PATH,
    OPTION_INT,
    OPTION_SIZE,
    OPTION_DURATION,
    OPTION_BOOL,
    OPTION_ENUM,
    OPTION_SECRET,
    OPTION_LIST,
    OPTION_SECRETS,
    OPTION_NODE,
};

struct option {
    const char *name;
    enum option_type type;
    size_t offset;
    const char *preset; /* the default as it would be written; NULL: none (NULL, 0, false) */
    bool required;
    int64_t min, max;         /* INT, SIZE, DURATION; both 0: no negative value, no other limit */
    const char *const *names; /* ENUM: the legal words, NULL at the end */
    const char *help;         /* one line, no full stop */
    char letter;              /* flags: the short form; '\0': none */
    const char *argument;     /* flags: the value's name in help: "FILE" */
    const char *bare;         /* flags: the value of the flag alone, where no number follows it; NULL: it needs one */
};

/* The field must have the C type of the option: another one does not compile. */
#define OPTION_FITS(field, type_)                                                                                      \
    (OPTION_##type_ == OPTION_ENUM ? sizeof(field) == sizeof(int)                                                      \
                                   : __builtin_types_compatible_p(__typeof__(field), option_##type_))
#define OPTION(name_, type_, owner, field, ...)                                                                        \
    {                                                                                                                  \
        .name = name_, .type = OPTION_##type_,                                                                         \
        .offset = offsetof(struct owner, field) + 0 * sizeof(struct {                                                  \
                                                      _Static_assert(OPTION_FITS(((struct owner *)0)->field, type_),   \
                                                                     "the field is not of its option's type");         \
                                                      int unused;                                                      \
                                                  }),                                                                  \
        __VA_ARGS__                                                                                                    \
    }

struct option_table {
    const struct option *options;
    int count;
};
#define OPTION_TABLE(array) ((struct option_table){array, sizeof(array) / sizeof((array)[0])})

enum origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_FLAG };

/* Where a value came from. */
struct option_origin {
    enum origin kind;
    struct where where; /* ORIGIN_FILE */
    const char *by;     /* ORIGIN_ENVIRONMENT, ORIGIN_FLAG: "WAYBILL_MAX_MEMORY", "--max-memory" */
    const char *text;   /* the value as it was written; NULL: not set; secrets: "***" */
};

/* Fills in ${VAR} and fetches secrets (io/secret_resolve.h); NULL where this is only a check: a text with ${ in it is
 * then kept as it is and not judged. */
struct resolver {
    RC(*text)
    (struct resolver *self, const struct yaml_node *node, struct arena *arena, const char **ret, struct error *err);
    RC (*secret)(struct resolver *self, const struct yaml_node *node, struct secret *ret, struct error *err);
};

/* A table, the struct it fills, and where each of its values came from. */
struct option_set {
    struct option_table table;
    void *into;
    struct option_origin *origins; /* one per option */
    struct arena *arena;           /* of the texts */
};

/* Every field gets its default. */
void options_init(struct option_set *set, struct option_table table, void *into, struct arena *arena);
/* Reads a map: `what` names the thing in errors ("connection 'shop'"). The key `besides` (may be NULL) is the caller's.
 * RC_CONFIG with file:line:column: an unknown key (with a suggestion), a wrong type, a value out of its limits. */
RC options_read(struct option_set *set, const struct yaml_node *map, const char *what, const char *besides,
                struct resolver *resolver, struct error *err);
/* One value as text, from a flag or the environment. LIST: each call adds one from a flag; a comma separates otherwise.
 */
RC options_set(struct option_set *set, const char *name, const char *text, enum origin kind, const char *by,
               struct error *err);
/* A value that another set has and this one was not given. */
void options_inherit(struct option_set *set, const struct option_set *from, const char *name);
/* RC_CONFIG for a required option that was not given; `at` is the place of the thing. */
RC options_check_required(const struct option_set *set, struct where at, const char *what, struct error *err);

const struct option *option_find(struct option_table table, const char *name);
const struct option_origin *option_origin_of(const struct option_set *set, const char *name);
bool option_is_given(const struct option_set *set, const char *name); /* not a default */
/* "default", "waybill.yml:12:9", "environment WAYBILL_LAG", "--lag". */
const char *option_origin_text(const struct option_origin *origin, struct arena *arena);
void options_release_secrets(struct option_set *set); /* the rest lives in the arena */

/* What to do: "its columns are: id, total and 17 more", as far as there is room. */
enum rc fail_todo_names(struct error *err, const char *what, const char *const *names, int count);
/* The nearest of `names` by edit distance, or NULL when none is near enough to be meant. */
const char *nearest_name(const char *name, const char *const *names, int count);

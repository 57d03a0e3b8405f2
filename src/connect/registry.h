/* The types of connection that are databases: what can be set, and how one is opened. A new system is one row. */
#pragma once

#include "base/options.h"
#include "connect/source.h"
#include "connect/target.h"
#include "io/opening.h"

struct database_type {
    const char *name, *summary;
    struct option_table options;
    size_t options_bytes; /* of the struct the options fill */
    /* What becomes of its types; in the arena. NULL: it is no source. */
    const struct source_type *(*source_types)(struct arena *arena, int *ret_count);
    /* What a field becomes there. NULL: it is no target. */
    void (*target_type)(const struct field *field, struct target_type *ret);
    bool reads_s3;   /* as a target, by itself: a stage anywhere else is out of its reach */
    bool has_layout; /* as a target, tables have a distkey, a sortkey and encodings */
    /* `name` is the connection's; it and the options live only as long as the call. An open function that is NULL: this
     * type cannot be that. */
    RC(*open_source)
    (const char *name, const void *options, const struct opening *with, struct source **ret, struct error *err);
    RC(*open_target)
    (const char *name, const void *options, const struct opening *with, struct target **ret, struct error *err);
};

extern const struct database_type *const database_types[]; /* NULL at the end */
const struct database_type *database_type_find(const char *name);

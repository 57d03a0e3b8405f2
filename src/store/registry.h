/* The types of connection that are stores: what can be set, and how one is opened. A new system is one row. */
#pragma once

#include "base/options.h"
#include "io/opening.h"
#include "store/store.h"

struct store_type {
    const char *name, *summary;
    struct option_table options;
    size_t options_bytes; /* of the struct the options fill */
    /* `name` is the connection's; it and the options live only as long as the call. */
    RC(*open)
    (const char *name, const void *options, const struct opening *with, struct store **ret, struct error *err);
};

extern const struct store_type *const store_types[]; /* NULL at the end */
const struct store_type *store_type_find(const char *name);

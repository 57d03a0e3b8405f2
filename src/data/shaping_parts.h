/* Inside of shaping: shaping.c says what is staged, shaping_reader.c does it. */
#pragma once

#include "base/hash.h"
#include "data/shaping.h"

enum made_by { MADE_AS_IT_IS, MADE_BY_CAST, MADE_BY_HASH, MADE_BY_MASK };

struct shaped_column {
    int from; /* of the source's schema */
    enum made_by by;
    bool is_partial; /* MADE_BY_MASK */
    int made;        /* of the columns that are made here; -1: as it is */
};

struct shaping {
    const char *table;
    struct schema *schema, *made; /* as staged; of these the ones that are made here */
    struct shaped_column *columns;
    struct secret hash_key;
    bool sets_aside;
    struct arena arena;
};
